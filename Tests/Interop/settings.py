"""Settings from the command line and the HTTP API: in force at once, versioned, and back again."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import time

from support.servers import PASSWORD, RoostServer, set_yaml

from .claims import claim
from .client import Scene, expect, until
from .settings_live import Api, UnixConnection, free_port


async def with_server(scene: Scene, shift: int, body) -> None:
    """Runs `body` with a server of its own: what it changes would be missed by other tests."""
    server = RoostServer(scene.host.offset + shift)
    try:
        server.prepare(["user0", "user1"])
        await server.start()
        await body(server)
    finally:
        server.remove()


def settings(server: RoostServer, *arguments: str) -> str:
    return server.run("settings", *arguments, "--config", str(server.config))


def value(server: RoostServer, key: str, *place: str) -> dict:
    return json.loads(settings(server, "get", key, "--json", *place))


def refused(server: RoostServer, *arguments: str) -> str:
    done = subprocess.run([str(server.binary), *arguments, "--config", str(server.config)], capture_output=True,
                          text=True, timeout=60)
    expect(done.returncode != 0, f"{arguments} was taken: {done.stdout}")
    return done.stderr


@claim("settings are set, shown with where they come from, told apart, listed in the history and rolled back")
async def versions(scene: Scene) -> None:
    async def body(server: RoostServer) -> None:
        expect(value(server, "limits.roster_items")["source"] == "default", "not the default at first")
        told = settings(server, "set", "limits.sessions_per_user", "3", "--note", "few phones")
        expect("10 -> 3" in told and "version 1" in told, told)
        now = value(server, "limits.sessions_per_user")
        expect(now["value"] == 3 and now["source"] == "stored", f"{now}")
        settings(server, "set", "messaging.strip_xhtml", "on")
        history = json.loads(settings(server, "history", "--json"))
        expect([entry["version"] for entry in history] == [2, 1], f"{history}")
        expect(history[1]["note"] == "few phones" and history[1]["author"]["name"].startswith("local:"), f"{history}")
        differences = settings(server, "diff", "0")
        expect("messaging.strip_xhtml: off -> on" in differences and "10 -> 3" in differences, differences)
        told = settings(server, "rollback", "1")
        expect("messaging.strip_xhtml: on -> off" in told and "version 3" in told, told)
        expect(value(server, "limits.sessions_per_user")["value"] == 3, "rolled back too far")
        told = settings(server, "reset", "limits.sessions_per_user")
        expect("3 -> 10" in told, told)

    await with_server(scene, 710, body)


@claim("a dry run changes nothing, and what is not allowed is refused with key, value and range")
async def refusals(scene: Scene) -> None:
    async def body(server: RoostServer) -> None:
        told = settings(server, "set", "limits.ping_seconds", "60", "--dry-run")
        expect("300 -> 60" in told and "nothing was changed" in told, told)
        expect(value(server, "limits.ping_seconds")["value"] == 300, "changed by a dry run")
        told = refused(server, "settings", "set", "limits.ping_seconds", "5")
        expect("limits.ping_seconds: value 5 is not allowed: expected 0 (never) or 30 … 86400" in told, told)
        told = refused(server, "settings", "set", "limits.pings", "5")
        expect("there is no setting limits.pings" in told, told)
        told = refused(server, "settings", "set", "storage.database", "other.db")
        expect("in the file only" in told, told)
        told = refused(server, "settings", "set", "limits.ping_seconds", "60", "--user", "user0@localhost")
        expect("no values for a user" in told, told)
        told = refused(server, "settings", "set", "presence.contacts_max", "60", "--user", "nobody@localhost")
        expect("no account nobody@localhost" in told, told)
        taken = free_port()
        told = refused(server, "settings", "set", "listen.https", f"{{ address: 127.0.0.1, port: {server.port} }}")
        expect(str(server.port) in told, told)
        listener = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", taken)
        told = await asyncio.to_thread(
            refused, server, "settings", "set", "listen.https", f"{{ address: 127.0.0.1, port: {taken} }}")
        expect("cannot listen" in told, told)
        listener.close()
        api = Api(server)
        status, problem = api("POST", "/settings-changes", {
            "entries": [{"key": "limits.ping_seconds", "place": {"scope": "deployment", "subject": ""}, "value": 60},
                        {"key": "limits.ack", "place": {"scope": "deployment", "subject": ""}, "value": 60}],
            "note": "", "isDryRun": False})
        expect(status == 422 and "limits.ack" in json.dumps(problem), f"{status} {problem}")
        expect(value(server, "limits.ping_seconds")["value"] == 300, "half of a change was taken")
        status, problem = api("POST", "/settings-changes", {
            "entries": [{"key": "limits.ping_seconds", "place": {"scope": "deployment", "subject": ""}, "value": 60}],
            "note": "", "isDryRun": False, "expectedVersion": 7})
        expect(status == 409, f"{status} {problem}")
        expect(json.loads(settings(server, "history", "--json")) == [], "something was recorded")

    await with_server(scene, 720, body)


@claim("values of a domain and of a user win over those of the deployment, and go with the account")
async def places(scene: Scene) -> None:
    async def body(server: RoostServer) -> None:
        settings(server, "set", "presence.contacts_max", "100")
        settings(server, "set", "presence.contacts_max", "50", "--domain", "localhost")
        settings(server, "set", "presence.contacts_max", "7", "--user", "user0@localhost")
        found = [value(server, "presence.contacts_max", *place) for place in (
            [], ["--domain", "localhost"], ["--user", "user1@localhost"], ["--user", "user0@localhost"])]
        expect([entry["value"] for entry in found] == [100, 50, 50, 7], f"{found}")
        expect([entry["source"] for entry in found] == ["stored", "domain", "domain", "user"], f"{found}")
        server.run("user", "remove", "user0@localhost", "--config", str(server.config))
        server.run("user", "add", "user0@localhost", "--password-stdin", "--config", str(server.config),
                   stdin=PASSWORD + "\n")
        await until(lambda: value(server, "presence.contacts_max", "--user", "user0@localhost")["value"], 50)

    await with_server(scene, 730, body)


@claim("a changed file is taken up by itself, one with a mistake changes nothing, and stored values win over it")
async def file(scene: Scene) -> None:
    async def body(server: RoostServer) -> None:
        text = server.config.read_text()
        server.config.write_text(set_yaml(text, "limits", "ping_seconds", "100"))
        await until(lambda: value(server, "limits.ping_seconds")["value"], 100)
        expect(value(server, "limits.ping_seconds")["source"] == "file", "not from the file")
        server.config.write_text(
            set_yaml(set_yaml(text, "limits", "ping_seconds", "200"), "limits", "stanza_bytes", "1"))
        await until(lambda: "changes nothing" in server.log_end(), True)
        expect(value(server, "limits.ping_seconds")["value"] == 100, "half of a bad file was taken")
        settings(server, "set", "limits.ping_seconds", "77")
        server.config.write_text(set_yaml(text, "limits", "ping_seconds", "300"))
        await asyncio.to_thread(lambda: settings(server, "history"))
        await until(lambda: json.loads(settings(server, "history", "--json"))[0]["author"]["name"], "file")
        expect(value(server, "limits.ping_seconds")["value"] == 77, "the file won over what was stored")

    await with_server(scene, 740, body)


@claim("stored settings are in force after a restart, and one that is in order no more does not keep it from starting")
async def restart(scene: Scene) -> None:
    async def body(server: RoostServer) -> None:
        settings(server, "set", "limits.ping_seconds", "77")
        certificate, key = make_certificate(server, "localhost")
        domain = [{"name": "localhost", "certificate": str(certificate), "key": str(key)}]
        status, outcome = Api(server)("PUT", "/settings/domains", {"value": domain})
        expect(status == 200, f"{outcome}")
        server.process.terminate()
        await server.wait_exit(20)
        certificate.unlink()
        await server.start()
        expect(value(server, "limits.ping_seconds")["value"] == 77, "not kept")
        expect("is not in order and is left out" in server.log.read_text(), server.log_end())

    await with_server(scene, 750, body)


def make_certificate(server: RoostServer, name: str, label: str = "next"):
    certificate, key = server.directory / f"{label}.crt", server.directory / f"{label}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key),
                    "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


async def served(port: int, name: str) -> bytes:
    """The certificate that a new connection gets."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return found


@claim("a certificate is replaced through the API: new connections get it, sessions stay, a wrong one is refused")
async def certificate(scene: Scene) -> None:
    async def body(server: RoostServer) -> None:
        before = await served(server.tls_port, "localhost")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection("127.0.0.1", server.tls_port, ssl=context,
                                                       server_hostname="localhost")
        made, key = make_certificate(server, "localhost")
        api = Api(server)
        wrong, _ = make_certificate(server, "elsewhere.example", "wrong")
        status, problem = api("PUT", "/certificates/localhost",
                              {"certificate": wrong.read_text(), "key": key.read_text()})
        expect(status == 422 and "does not name localhost" in json.dumps(problem), f"{status} {problem}")
        expect("another certificate" in json.dumps(problem), f"{problem}")
        status, told = api("PUT", "/certificates/localhost",
                           {"certificate": made.read_text(), "key": key.read_text()})
        expect(status == 200 and told["problems"] == [] and "key" not in told, f"{status} {told}")
        after = await served(server.tls_port, "localhost")
        expect(after != before, "the old certificate is still served")
        writer.write(b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
                     b" xmlns:stream='http://etherx.jabber.org/streams'>")
        heard = await asyncio.wait_for(reader.readuntil(b"</stream:features>"), 10)
        expect(b"mechanisms" in heard, f"{heard}")
        writer.close()
        settings(server, "rollback", "0")
        expect(await served(server.tls_port, "localhost") == before, "going back did not bring the old one")

    await with_server(scene, 760, body)


@claim("a domain is added while the server runs, its users log in, and its removal ends their sessions alone")
async def domains(scene: Scene) -> None:
    async def body(server: RoostServer) -> None:
        made, key = make_certificate(server, "second.example")
        api = Api(server)
        _, setting = api("GET", "/settings/domains")
        more = setting["value"] + [{"name": "second.example", "certificate": str(made), "key": str(key)}]
        status, told = api("PUT", "/settings/domains", {"value": more})
        expect(status == 200, f"{told}")
        server.run("user", "add", "eve0@second.example", "--password-stdin", "--config", str(server.config),
                   stdin=PASSWORD + "\n")
        common = ["bench", "idle", "--n", "1", "--port", str(server.tls_port), "--tls", "direct", "--insecure",
                  "--mech", "SCRAM-SHA-1", "--pass-template", PASSWORD, "--secs", "60"]
        there = subprocess.Popen([str(server.binary), *common, "--domain", "second.example", "--user-template", "eve%d"],
                                 stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        here = subprocess.Popen([str(server.binary), *common], stderr=subprocess.PIPE,
                                stdout=subprocess.DEVNULL, text=True)

        def online() -> list[str]:
            return sorted(item["jid"].split("/")[0] for item in api("GET", "/sessions")[1]["items"])

        try:
            await until(online, ["eve0@second.example", "user0@localhost"], 20)
            status, told = api("DELETE", "/settings/domains")
            expect(status == 200, f"{told}")
            await until(online, ["user0@localhost"])
        finally:
            for process in (there, here):
                process.kill()
                process.wait()

    await with_server(scene, 770, body)


@claim("services stop, start and restart by their own names and by the names administrators know")
async def services(scene: Scene) -> None:
    async def body(server: RoostServer) -> None:
        def control(*arguments: str) -> str:
            return server.run("service", *arguments, "--config", str(server.config))

        expect("rooms is stopped" in control("stop", "Cisco XCP Text Conference Manager"), "not stopped")
        listed = {entry["name"]: entry for entry in json.loads(control("list", "--json"))}
        expect(listed["rooms"]["state"] == "stopped" and listed["archive"]["state"] == "running", f"{listed}")
        expect(value(server, "rooms.enabled")["value"] is False, "the setting says otherwise")
        expect("rooms is running" in control("start", "rooms"), "not started")
        expect("archive is running" in control("restart", "archive"), "not restarted")
        told = refused(server, "service", "stop", "router")
        expect("cannot be stopped" in told, told)
        told = refused(server, "service", "stop", "weather")
        expect("no service weather" in told and "rooms" in told, told)

    await with_server(scene, 780, body)


@claim("the doctor passes a new server but for its trial certificate, and finds what is made wrong")
async def doctor(scene: Scene) -> None:
    async def body(server: RoostServer) -> None:
        def outcomes() -> dict[str, str]:
            found = json.loads(server.run("doctor", "--json", "--config", str(server.config)))
            return {test["name"]: test["outcome"] for area in found["areas"] for test in area["tests"]}

        at_first = outcomes()
        expect({name for name, outcome in at_first.items() if outcome == "fail"} == set(), f"{at_first}")
        expect(at_first["certificate-localhost"] == "warning" and at_first["log-level"] == "pass", f"{at_first}")
        settings(server, "set", "log.level", "debug")
        settings(server, "set", "registration.enabled", "on")
        settings(server, "set", "storage.durability", "memory")
        now = outcomes()
        for name in ("log-level", "registration", "durability"):
            expect(at_first[name] == "pass" and now[name] == "warning", f"{name}: {at_first[name]}, {now[name]}")

    await with_server(scene, 790, body)


@claim("figures are served as OpenMetrics, under our names and those administrators know, and health without a login")
async def figures(scene: Scene) -> None:
    async def body(server: RoostServer) -> None:
        def get(path: str) -> str:
            connection = UnixConnection(server.directory / "admin.sock")
            connection.request("GET", path)
            text = connection.getresponse().read().decode()
            connection.close()
            return text

        text = get("/metrics")
        expect(text.endswith("# EOF\n"), text[-100:])
        for name in ("roost_sessions{state=\"connected\"} 0", "roost_messages_total 0", "roost_delivery_seconds_count 0",
                     'roost_alias{counter="JsmIMSessions",group="Cisco XCP JSM"} 0'):
            expect(name in text, f"{name} is not in {text}")
        health = json.loads(get("/health/ready"))
        expect(health["isReady"] and {check["name"] for check in health["checks"]} >= {"database", "journal"},
               f"{health}")
        settings(server, "set", "log.format", "json")
        line = server.log_end(1)
        expect(json.loads(line)["level"] in ("notice", "info"), line)

    await with_server(scene, 800, body)
