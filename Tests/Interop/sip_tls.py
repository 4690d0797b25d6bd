"""TLS between servers: trunks known by their certificate, and certificates that are none of theirs, in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import ssl
import subprocess
from pathlib import Path

from support.servers import DOMAIN, RoostServer

from .claims import claim
from .client import Scene, expect, until
from .external import AUTHORITY, certificate, make_authority
from .name_server import NameServer
from .settings import settings
from .sip_client import SIPClient, phone
from .sip_sockets import options

OUTSIDE = "phones.test"
_PLAIN = [("Content-Type", "text/plain")]


class House:
    """A server of its own that asks for certificates, an authority, and a name server."""

    def __init__(self, scene: Scene, shift: int, more: list = ()) -> None:
        self.outer, self.shift, self.more = scene, shift, list(more)

    async def __aenter__(self) -> "House":
        self.names = await NameServer().open()
        self.server = RoostServer(self.outer.host.offset + self.shift, [
            ("sip", "tls_client_certificates", "optional"), ("authentication", "client_authorities", AUTHORITY),
            ("sip", "server_authorities", AUTHORITY), ("sip", "dns_servers", f"[\"127.0.0.1:{self.names.port}\"]"),
            *self.more])
        make_authority(self.server.directory)
        self.server.prepare(["user0", "user1"])
        await self.server.start()
        self.scene = Scene(self.server, iter(["user0", "user1"]))
        return self

    async def __aexit__(self, *_) -> None:
        try:
            await self.scene.close()
        finally:
            self.server.remove()
            await self.names.close()

    def certificate(self, name: str, host: str, **options) -> Path:
        return certificate(self.scene, name, f"DNS:{host}", subject=host, **options)

    def logged(self, *words: str) -> bool:
        lines = self.server.log.read_text(errors="replace").splitlines()
        return any(all(word in line for word in words) for line in lines)

    async def trunk(self, name: str) -> dict:
        listed = json.loads(await asyncio.to_thread(
            self.server.run, "sip", "trunks", "--json", "--config", str(self.server.config)))
        return next(one for one in listed if one["name"] == name)

    def trunks(self, value: str) -> None:
        settings(self.server, "set", "sip.trunks", value)


async def from_outside(house: House, **options_) -> tuple[SIPClient, object]:
    """Somebody of the domain behind the trunk, and the answer to a message to user0."""
    client = await phone(house.scene, "juliet", registers=False, domain=OUTSIDE, **options_)
    answer = await client.request("MESSAGE", f"sip:user0@{DOMAIN}", _PLAIN, "from the other house",
                                  answers_challenge=False)
    return client, answer


@claim("sip tls: a trunk is known by its certificate and needs no password; others are refused, and the log says why")
async def incoming(scene: Scene) -> None:
    trunk = f"[{{ name: cucm, destinations: [\"cucm.{OUTSIDE}\"], certificates: [cucm.{OUTSIDE}], domains: [{OUTSIDE}], " \
            "keep_alive_seconds: 0 }]"
    async with House(scene, 820, [("sip", "trunks", trunk)]) as house:
        right = house.certificate("cucm", f"cucm.{OUTSIDE}")
        client, answer = await from_outside(house, transport="tls", identity=right)
        expect(answer.status in (200, 202), f"the trunk: {answer}")
        # It may speak for people of the server, too, as a call manager does.
        answer = await client.request("INVITE", f"sip:user0@{DOMAIN}", [("Contact", client.contact)],
                                      sender=f"sip:user1@{DOMAIN}", answers_challenge=False)
        expect(answer.status == 480, f"a call over the trunk in the name of a user: {answer}")
        expect((await house.trunk("cucm"))["received"] == 2, f"{await house.trunk('cucm')}")
        missed = "did not come from the trunk"
        cases = [
            ("127.0.0.21", None, [missed, "it has shown no certificate"]),
            ("127.0.0.22", house.certificate("self", f"cucm.{OUTSIDE}", signed=False),
             ["a certificate over SIP is not accepted", "no authority that is believed"]),
            ("127.0.0.23", house.certificate("old", f"cucm.{OUTSIDE}", days=-1),
             ["a certificate over SIP is not accepted", "out of date"]),
            ("127.0.0.24", house.certificate("other", f"other.{OUTSIDE}"),
             [missed, f"its certificate is of other.{OUTSIDE}, not of cucm.{OUTSIDE}"]),
        ]
        for local, identity, words in cases:
            _, answer = await from_outside(house, transport="tls", identity=identity, local=local)
            expect(answer.status == 403, f"{identity}: {answer.start}")
            expect(house.logged(local, *words), f"{identity}: {words} not in {house.server.log_end()}")
        for transport, local in (("tcp", "127.0.0.25"), ("udp", "127.0.0.26")):
            _, answer = await from_outside(house, transport=transport, local=local)
            expect(answer.status == 403, f"over {transport}: {answer.start}")
            expect(house.logged(local, missed, "it came without TLS"), house.server.log_end())
        # People of the server still prove themselves with their password, certificate or not.
        device = await phone(house.scene, "user1", "tls", local="127.0.0.27")
        answer = await device.message(f"user0@{DOMAIN}", "hello")
        expect(answer.status in (200, 202), f"{answer}")
        expect((await house.trunk("cucm"))["received"] == 2, "somebody was taken for the trunk")


@claim("sip tls: where certificates are required, whoever has none is answered 403 and the connection ends")
async def required(scene: Scene) -> None:
    async with House(scene, 830, [("sip", "tls_client_certificates", "required")]) as house:
        good = house.certificate("good", "phone.test")
        device = await phone(house.scene, "user0", "tls", identity=good)
        expect((await device.request("OPTIONS", f"sip:{DOMAIN}")).status == 200, "with a certificate")
        for local, identity, phrase in (("127.0.0.31", None, "Certificate Required"),
                                        ("127.0.0.32", house.certificate("bad", "phone.test", signed=False),
                                         "Certificate Not Accepted")):
            client = await phone(house.scene, "user1", "tls", registers=False, identity=identity, local=local)
            answer = await client.request("OPTIONS", f"sip:{DOMAIN}")
            expect(answer.start == f"SIP/2.0 403 {phrase}", answer.start)
            await asyncio.wait_for(client._reading, 5)
            expect(house.logged(local, "a certificate over SIP is not accepted"), house.server.log_end())
        settings(house.server, "set", "sip.tls_client_certificates", "off")
        client = await phone(house.scene, "user1", "tls", local="127.0.0.31")
        expect((await client.request("OPTIONS", f"sip:{DOMAIN}")).status == 200, "nobody is asked any more")


class Neighbour:
    """A SIP server over TLS that answers 200 to whatever comes, and counts it."""

    def __init__(self, identity: Path, believes: Path | None) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(str(identity))
        if believes:
            # A client has to show a certificate.
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(str(believes))
        self.requests: list[str] = []
        self.names: set[str] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Neighbour":
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_) -> None:
        self.server.close()
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        shown = writer.get_extra_info("peercert") or {}
        self.names |= {value for kind, value in shown.get("subjectAltName", ()) if kind == "DNS"}
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                fields = head.split("\r\n")
                length = next((int(line.split(":")[1]) for line in fields if line.lower().startswith("content-length:")), 0)
                await reader.readexactly(length)
                self.requests.append(fields[0])
                kept = [line for line in fields if line.split(":")[0].lower() in ("via", "from", "to", "call-id", "cseq")]
                writer.write("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode())
                await writer.drain()

    async def ask(self, data: bytes) -> None:
        """A request over the connection that the server has made."""
        self._writers[-1].write(data)

    def heard(self, method: str) -> int:
        return sum(line.startswith(method + " ") for line in self.requests)


@claim("sip tls: servers of a trunk show a certificate for their name and get ours; the wrong one is passed over")
async def outgoing(scene: Scene) -> None:
    async with House(scene, 840) as house:
        for name in ("cucm", "spare", "deaf"):
            house.names.address(f"{name}.{OUTSIDE}")
        ours = house.server.certificate()
        right = house.certificate("cucm", f"cucm.{OUTSIDE}")
        other = house.certificate("other", f"other.{OUTSIDE}")
        lone = house.certificate("lone", f"cucm.{OUTSIDE}", signed=False)
        async with Neighbour(right, ours) as good, Neighbour(other, None) as wrong, Neighbour(lone, None) as unknown, \
                Neighbour(right, right) as choosy:
            def destinations(*ports: int) -> str:
                listed = ", ".join(f'"cucm.{OUTSIDE}:{port};transport=tls"' for port in ports)
                return f"[{{ name: cucm, destinations: [{listed}], domains: [{OUTSIDE}], keep_alive_seconds: 5 }}]"

            house.trunks(destinations(wrong.port, unknown.port, choosy.port, good.port))

            async def states() -> list:
                return [one["state"] for one in (await house.trunk("cucm"))["destinations"]]

            await until(states, ["down", "down", "down", "up"], 15)
            problems = [one["problem"] for one in (await house.trunk("cucm"))["destinations"]]
            expect(problems[:2] == [f"its certificate is not for cucm.{OUTSIDE}",
                                    "its certificate is out of date, or no authority that is believed stands behind it"],
                   f"{problems}")
            # Python's server closes the connection, often without the alert.
            expect("not accept our certificate" in problems[2] and not problems[3], f"{problems}")
            expect(house.logged("a SIP server is not connected to over TLS", f"not for cucm.{OUTSIDE}"),
                   house.server.log_end())
            expect(good.names == {DOMAIN}, f"our certificate: {good.names}")
            expect(not wrong.requests and not unknown.requests and not choosy.requests, "requests were sent all the same")
            device = await phone(house.scene, "user0")
            answer = await device.message(f"juliet@{OUTSIDE}", "over TLS")
            expect(answer.status == 200 and good.heard("MESSAGE") == 1, f"{answer.start}, {good.requests}")
            # Nobody is left: the caller is told so.
            house.trunks(destinations(wrong.port, unknown.port))
            await until(states, ["down", "down"], 15)
            answer = await device.request("INVITE", f"sip:juliet@{OUTSIDE}", [("Contact", device.contact)])
            expect(answer.status == 503 and answer.get("retry-after"), f"{answer}")
            # What first was to be tried last comes back when it shows the right certificate.
            expect(not wrong.requests and not unknown.requests, "requests were sent all the same")


@claim("sip tls: openssl's client is shown the certificate of the listener, and another one from the moment it is exchanged")
async def exchanged(scene: Scene) -> None:
    async with House(scene, 850) as house:
        port, identity = house.server.sip_port + 1, house.certificate("client", "phone.test")

        def ask(*more: str) -> str:
            """What openssl prints, with the answer to OPTIONS behind it."""
            process = subprocess.Popen(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", DOMAIN, "-ign_eof", *more],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            try:
                process.stdin.write(options("TLS"))
                process.stdin.flush()
                seen = b""
                while b"\r\n\r\n" not in seen.partition(b"SIP/2.0 ")[2]:
                    piece = process.stdout.read1(65_536)
                    expect(piece, f"openssl ends: {seen.decode(errors='replace')}")
                    seen += piece
                return seen.decode(errors="replace")
            finally:
                process.kill()
                process.wait()

        for version in ("-tls1_2", "-tls1_3"):
            seen = await asyncio.to_thread(ask, version)
            expect("SIP/2.0 200 " in seen and f"CN = {DOMAIN}" in seen, seen)
            seen = await asyncio.to_thread(ask, version, "-cert", str(identity), "-key", str(identity))
            expect("SIP/2.0 200 " in seen, seen)
        session = house.server.directory / "session.pem"
        for version in ("-tls1_2", "-tls1_3"):
            await asyncio.to_thread(ask, version, "-sess_out", str(session), "-cert", str(identity), "-key", str(identity))
            if session.exists():
                seen = await asyncio.to_thread(ask, version, "-sess_in", str(session))
                expect("SIP/2.0 200 " in seen, f"a resumed session: {seen}")
                session.unlink()
        old = await phone(house.scene, "user0", "tls")
        made = certificate(house.scene, "renewed", f"DNS:{DOMAIN}", subject="renewed")
        served = house.server.certificate()
        shutil.copyfile(made.with_suffix(".key"), served.with_suffix(".key"))
        shutil.copyfile(made.with_suffix(".crt"), served)

        async def shown() -> bool:
            return "CN = renewed" in await asyncio.to_thread(ask)

        await until(shown, True, 10)
        expect((await old.request("OPTIONS", f"sip:{DOMAIN}")).status == 200, "the connection from before")
        # A file that is none changes nothing.
        served.write_text("nonsense")
        await asyncio.sleep(0)

        async def told() -> bool:
            return house.logged("new certificates not taken into use")

        await until(told, True, 10)
        expect(await shown(), "a broken file was taken into use")
