"""Every setting is changed and set back while a thousand sessions are open: none of them ends."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
import subprocess
import time
import urllib.parse
from pathlib import Path

from support.servers import PASSWORD, PROJECT, RoostServer

from .claims import claim
from .client import Scene, expect

SESSIONS = 1_000
# Seconds within which a change has to be in force.
LIMIT = 5.0
# What stands in the file only, and is refused.
FILE_ONLY = {"storage.database", "admin_socket"}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self.path))


class Api:
    """The HTTP API on the server's Unix socket."""

    def __init__(self, server: RoostServer) -> None:
        self.path = server.directory / "admin.sock"

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        connection = UnixConnection(self.path)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, "/api/v1" + path, text, {"content-type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else {}
        finally:
            connection.close()


def another(setting: dict, folder: Path) -> object:
    """A value that is allowed and is not the one in force."""
    key, form, value = setting["key"], setting["form"], setting["value"]
    if form == "toggle":
        return not value
    if form == "integer":
        low, high = setting["minimum"], setting["maximum"]
        return high if value != high else low
    if form == "choice":
        return next(choice for choice in setting["choices"] if choice != value)
    if form == "listener":
        if value == "off":
            return {"address": "127.0.0.1", "port": free_port()}
        return {"address": "127.0.0.1", "port": free_port()}
    if form == "domains":
        first = dict(value[0])
        return value + [{**first, "name": "second.example"}]
    if form == "components":
        return value
    if form == "trunks":
        return [{"name": "cucm", "destinations": ["127.0.0.1:9;transport=tcp"], "addresses": ["127.0.0.9"],
                 "publishes_line_state": True}]
    if form == "routes":
        return [{"prefix": "+49", "trunk": "cucm"}]
    if form == "list":
        if key == "web.trusted_proxies":
            return ["10.1.2.3"]
        if key == "web.origins":
            return ["https://chat.example.com"]
        if key == "registration.reserved":
            return ["nobody"]
        if key == "external_services.services":
            return ["stun:stun.example.com"]
        if key == "sip.domain_aliases":
            return ["sip.localhost=localhost"]
        if key == "sip.authenticated_methods":
            return ["REGISTER", "MESSAGE"]
        if key == "sip.registration_agents":
            return ["provisioning@localhost"]
        if key == "sip.scanners":
            return ["friendly-scanner", "somebody"]
        if key == "sip.dns_servers":
            return ["127.0.0.1:5353"]
        return ["mailto:somebody@example.com"]
    if key == "files.path":
        return str(folder / "other-files")
    if key in ("authentication.client_authorities", "sip.server_authorities"):
        return str(folder / "localhost.crt")
    if key == "web.public_url":
        return "https://chat.example.com"
    if key in ("proxy65.host", "sip.advertised_host"):
        return "proxy.example.com"
    if key == "rooms.subdomain":
        return "talk"
    if key.endswith("syslog"):
        return "udp://127.0.0.1:9"
    return "another text"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@claim("every setting is changed live and set back with 1,000 sessions open, and none of them ends", limit=400)
async def everything(scene: Scene) -> None:
    # On a server of its own: what is switched off here would be missed by other tests.
    server = RoostServer(scene.host.offset + 700)
    try:
        server.prepare([f"user{number}" for number in range(SESSIONS)])
        await server.start()
        bench = subprocess.Popen(
            [str(server.binary), "bench", "idle", "--n", str(SESSIONS), "--port", str(server.tls_port), "--tls",
             "direct", "--mech", "SCRAM-SHA-1", "--pass-template", PASSWORD, "--sm", "--secs", "300", "--conc", "50"],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=server.directory)
        try:
            await asyncio.to_thread(change_everything, server, bench)
        finally:
            bench.kill()
            bench.wait()
    finally:
        server.remove()


def change_everything(server: RoostServer, bench: subprocess.Popen) -> None:
    api = Api(server)
    for line in bench.stderr:
        if "READY" in line:
            break
    before = sessions_of(api)
    expect(len(before) == SESSIONS, f"{len(before)} sessions before")
    _, page = api("GET", "/settings")
    slow, changed = [], 0
    for setting in page["items"]:
        key = setting["key"]
        value = another(setting, server.directory)
        if key in FILE_ONLY:
            status, problem = api("PUT", f"/settings/{key}", {"value": value})
            expect(status == 422 and key in json.dumps(problem), f"{key}: {status} {problem}")
            continue
        if value == setting["value"]:
            continue
        began = time.monotonic()
        status, outcome = api("PUT", f"/settings/{key}", {"value": value, "note": "test"})
        expect(status == 200, f"{key} to {value}: {status} {outcome}")
        _, now = api("GET", f"/settings/{key}")
        expect(now["value"] == ("••••••••" if setting["isSecret"] else value), f"{key} is {now}, not {value}")
        expect(now["source"] == "stored", f"{key} is from {now['source']}")
        if time.monotonic() - began > LIMIT:
            slow.append(f"{key} {time.monotonic() - began:.1f} s")
        status, outcome = api("DELETE", f"/settings/{key}")
        expect(status == 200, f"{key} back: {status} {outcome}")
        _, now = api("GET", f"/settings/{key}")
        expect(now["value"] == setting["value"], f"{key} is {now['value']}, was {setting['value']}")
        changed += 1
    expect(changed >= len(page["items"]) - len(FILE_ONLY) - 1, f"only {changed} of {len(page['items'])} were changed")
    expect(not slow, f"slower than {LIMIT} s: {slow}")
    after = sessions_of(api)
    gone = set(before) - set(after)
    expect(not gone, f"{len(gone)} sessions ended: {sorted(gone)[:5]}\n{server.log_end()}")
    expect(all(after[jid] == before[jid] for jid in before), "sessions began anew")
    expect(bench.poll() is None, "the clients ended")


def sessions_of(api: Api) -> dict[str, str]:
    """Full address to the instant of binding, of sessions that have a connection."""
    found: dict[str, str] = {}
    path = "/sessions?limit=1000"
    while True:
        _, page = api("GET", path)
        found.update({item["jid"]: item["since"] for item in page["items"] if item["state"] == "connected"})
        if not page.get("next"):
            return found
        path = "/sessions?limit=1000&cursor=" + urllib.parse.quote(page["next"])
