"""What administrators see of SIP: command line, API, troubleshooter, figures."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.parse

from support.servers import DOMAIN, PASSWORD, RoostServer

from .administration import verb
from .claims import claim
from .client import Scene, expect
from .console_pages import api
from .sip_client import phone, presence


async def listed(scene: Scene, *arguments: str) -> list:
    return json.loads(await verb(scene, "sip", *arguments, "--json"))


@claim("sip registrations shows who is registered with which contact, and unregister ends it")
async def registrations(scene: Scene) -> None:
    first, second = await phone(scene), await phone(scene, transport="tcp")
    for device, transport in ((first, "udp"), (second, "tcp")):
        found = await listed(scene, "registrations", "--user", device.bare)
        expect(len(found) == 1, f"{device.bare}: {found}")
        expect(found[0]["transport"] == transport and found[0]["contact"].startswith("sip:"), f"{found}")
    everybody = await listed(scene, "registrations")
    expect({first.bare, second.bare} <= {one["user"] for one in everybody}, f"{everybody}")
    expect([one["user"] for one in everybody] == sorted(one["user"] for one in everybody), "not in order")
    some = await listed(scene, "registrations", "--query", first.bare.upper())
    expect([one["user"] for one in some] == [first.bare], f"{some}")
    contact = (await listed(scene, "registrations", "--user", first.bare))[0]["contact"]
    told = await verb(scene, "sip", "unregister", first.bare, contact)
    expect("1 registration ended" in told, told)
    expect(await listed(scene, "registrations", "--user", first.bare) == [], "still registered")
    status, problem = await asyncio.to_thread(
        api, scene.host, "DELETE", "/sip/registrations/" + urllib.parse.quote(first.bare))
    expect(status == 404, f"{status} {problem}")


@claim("pages of registrations lead to each other, each contact once")
async def paging(scene: Scene) -> None:
    devices = [await phone(scene) for _ in range(5)]
    path, seen = "/sip/registrations?limit=2", []
    while path:
        status, page = await asyncio.to_thread(api, scene.host, "GET", path)
        expect(status == 200 and len(page["items"]) <= 2, f"{status} {page}")
        seen += [one["user"] for one in page["items"]]
        cursor = page.get("next")
        path = "/sip/registrations?limit=2&cursor=" + urllib.parse.quote(cursor) if cursor else None
    for device in devices:
        expect(seen.count(device.bare) == 1, f"{device.bare} {seen.count(device.bare)} times in {seen}")


@claim("sip subscriptions shows watchers by either side, package and state; sip publications what is published")
async def watching(scene: Scene) -> None:
    owner, watcher = await scene.online(), await phone(scene)
    subscription = await watcher.subscribe(owner.bare)
    found = await listed(scene, "subscriptions", "--watcher", watcher.bare)
    expect([(one["presentity"], one["package"]) for one in found] == [(owner.bare, "presence")], f"{found}")
    state = found[0]["state"]
    expect(state in ("active", "pending"), f"{found}")
    for arguments, count in ((("--presentity", owner.bare), 1), (("--presentity", watcher.bare), 0),
                             (("--watcher", watcher.bare, "--state", state), 1),
                             (("--watcher", watcher.bare, "--package", "dialog"), 0)):
        # The server itself watches lines at the gateway.
        found = [one for one in await listed(scene, "subscriptions", *arguments) if one["direction"] == "inbound"]
        expect(len(found) == count, f"{arguments}: {found}")
    del subscription
    answer = await watcher.publish(presence(watcher.uri, "open", "away"))
    expect(answer.status == 200, f"{answer}")
    found = await listed(scene, "publications", "--user", watcher.bare)
    expect([one["state"] for one in found] == ["away"], f"{found}")


@claim("sip resolve tells where a request would go: contacts, the user, nobody, elsewhere")
async def resolving(scene: Scene) -> None:
    device, away = await phone(scene), scene.user()

    async def verdict(uri: str, *more: str) -> dict:
        return json.loads(await verb(scene, "sip", "resolve", uri, *more, "--json"))

    found = await verdict(f"sip:{device.bare}")
    expect(found["verdict"] == "contacts" and len(found["targets"]) == 1, f"{found}")
    found = await verdict(f"sip:{away}@{DOMAIN}")
    expect(found["verdict"] == "user" and "no contact" in found["text"].lower(), f"{found}")
    found = await verdict(f"sip:nobody-at-all@{DOMAIN}")
    expect(found["verdict"] == "refused" and found["text"].startswith("404"), f"{found}")
    found = await verdict("sip:somebody@elsewhere.test")
    expect(found["verdict"] == "refused" and any(step["question"] == "route" for step in found["steps"]), f"{found}")
    found = await verdict(f"sip:{device.bare}", "--from", "stranger@elsewhere.test")
    expect(found["verdict"] == "refused" and found["text"].startswith("403"), f"{found}")
    status, problem = await asyncio.to_thread(api, scene.host, "GET", "/sip/resolve?uri=" + urllib.parse.quote("sip:@:"))
    expect(status == 422, f"{status} {problem}")


@claim("trunks and routes are taken live: listed with their state, resolved through, and missed by the troubleshooter")
async def trunks(scene: Scene) -> None:
    server = RoostServer(scene.host.offset + 800)
    try:
        server.prepare(["anna"])
        await server.start()

        def change(key: str, value: object) -> None:
            status, outcome = api(server, "PUT", f"/settings/{key}", {"value": value})
            expect(status == 200, f"{key}: {status} {outcome}")

        peer = await asyncio.start_server(answer_options, "127.0.0.1", 0)
        port = peer.sockets[0].getsockname()[1]
        async with peer:
            await asyncio.to_thread(change, "sip.trunks", [
                {"name": "up", "destinations": [f"127.0.0.1:{port};transport=tcp"], "keep_alive_seconds": 5},
                {"name": "down", "destinations": ["127.0.0.1:9;transport=tcp"], "keep_alive_seconds": 5,
                 "domains": ["phones.test"]}])
            await asyncio.to_thread(change, "sip.routes", [
                {"prefix": "+49", "trunk": "up"}, {"domain": "partner.test", "trunk": "up"},
                {"domain": "lost.test", "trunk": "nowhere"}])
            states = {}
            for _ in range(100):
                _, page = await asyncio.to_thread(api, server, "GET", "/sip/trunks")
                states = {one["name"]: one["state"] for one in page["items"]}
                if states == {"up": "up", "down": "down"}:
                    break
                await asyncio.sleep(0.1)
            expect(states == {"up": "up", "down": "down"}, f"{states}")
            for uri, verdict in ((f"sip:+4930@{DOMAIN}", "trunk"), ("sip:x@partner.test", "trunk"), ("tel:+4930", "trunk"),
                                 ("sip:x@phones.test", "trunk"), ("sip:x@lost.test", "refused")):
                status, found = await asyncio.to_thread(
                    api, server, "GET", "/sip/resolve?uri=" + urllib.parse.quote(uri))
                expect(status == 200 and found["verdict"] == verdict, f"{uri}: {status} {found}")
            status, found = await asyncio.to_thread(api, server, "GET", "/doctor")
            expect(status == 200, f"{status} {found}")
            tests = {test["name"]: test for area in found["areas"] if area["name"] == "sip" for test in area["tests"]}
            for name, outcome in (("sip-udp-answers", "pass"), ("sip-tcp-answers", "pass"), ("sip-tls-answers", "pass"),
                                  ("sip-ports", "pass"), ("sip-routes", "fail"), ("sip-trunk-up", "pass"),
                                  ("sip-trunk-down", "fail"), ("sip-credentials", "pass"), ("sip-digest", "pass")):
                expect(name in tests and tests[name]["outcome"] == outcome, f"{name}: {tests.get(name)} of {list(tests)}")
            await asyncio.to_thread(change, "sip.enabled", False)
            status, found = await asyncio.to_thread(api, server, "GET", "/status")
            expect(not any(one.startswith("sip-") for one in found["listeners"]), f"{found['listeners']}")
            await asyncio.to_thread(change, "sip.enabled", True)
            status, found = await asyncio.to_thread(api, server, "GET", "/status")
            expect(sum(one.startswith("sip-") for one in found["listeners"]) == 3, f"{found['listeners']}")
    finally:
        server.remove()


async def answer_options(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A neighbour that answers 200 to whatever comes."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = [line for line in head.split("\r\n")
                      if line.split(":")[0].lower() in ("via", "from", "to", "call-id", "cseq")]
            text = "\r\n".join(["SIP/2.0 200 OK", *fields, "Content-Length: 0", "", ""])
            writer.write(text.encode())
            await writer.drain()


@claim("figures of SIP are served, under our names and those administrators know")
async def figures(scene: Scene) -> None:
    device = await phone(scene)
    published = await device.publish(presence(device.uri, "open"))
    expect(published.status == 200, f"{published}")
    status, page = await asyncio.to_thread(api, scene.host, "GET", "/metrics")
    families = {one["name"]: one for one in page["items"]}
    expect(families["roost_sip_publications"]["samples"][0]["value"] >= 1, f"{families['roost_sip_publications']}")
    # Of a call of another scene whose phones were ended nobody has seen the end.
    expect(families["roost_sip_calls"]["samples"][0]["value"] >= 0, f"{families['roost_sip_calls']}")
    expect(families["roost_sip_registrations"]["samples"][0]["value"] >= 1, f"{families['roost_sip_registrations']}")
    registers = [one["value"] for one in families["roost_sip_requests"]["samples"]
                 if one["labels"] == {"direction": "in", "method": "REGISTER"}]
    expect(registers and registers[0] >= 1, f"{families['roost_sip_requests']}")
    names = {one["labels"]["counter"] for one in families["roost_alias"]["samples"]}
    expect({"SIPMessageRequestIn", "SIPInviteRequestIn", "SIPS2SSubscriptionsIn"} <= names, f"{names}")
    del device


@claim("SIP proxy and presence engine are among the services under both names; stopping the proxy closes its ports")
async def services(scene: Scene) -> None:
    status, page = await asyncio.to_thread(api, scene.host, "GET", "/services")
    found = {one["name"]: one for one in page["items"]}
    expect("Cisco SIP Proxy" in found["sip-proxy"]["aliases"], f"{found['sip-proxy']}")
    expect("Cisco Presence Engine" in found["presence-engine"]["aliases"], f"{found['presence-engine']}")


@claim("an account from before SIP is told apart until its password is set, or used once with PLAIN")
async def credentials(scene: Scene) -> None:
    found = json.loads(await verb(scene, "sip", "credentials", "--json"))
    user = scene.user()
    expect(f"{user}@{DOMAIN}" not in found, f"{found}")
    await verb(scene, "user", "add", f"later-{user}@{DOMAIN}", "--password-stdin", stdin=PASSWORD + "\n")
    found = json.loads(await verb(scene, "sip", "credentials", "--json"))
    expect(f"later-{user}@{DOMAIN}" not in found, f"{found}")
