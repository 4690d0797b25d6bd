"""A SIP device for fault runs: transactions that end with the server's life, digest, and every byte that arrived."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
from dataclasses import dataclass, field
from typing import Callable

from support.servers import DOMAIN, PASSWORD

_numbers = itertools.count(1)
_T1, _T2 = 0.5, 4.0


class PhoneFailure(Exception):
    """A registration did not go as the protocol says."""


@dataclass
class Request:
    """What waits for its answer."""

    method: str
    uri: str
    to: str
    headers: list[str]
    body: bytes
    call: str
    answered: Callable[[int, "Packet | None"], None]
    sent: bytes = b""
    tries: int = 0
    timer: asyncio.TimerHandle | None = None


@dataclass
class Packet:
    """A request or response, taken apart as far as the run needs it."""

    start: str
    headers: dict[str, list[str]]
    body: bytes
    raw: bytes = field(repr=False, default=b"")

    @staticmethod
    def parse(raw: bytes) -> "Packet":
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "replace").split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        return Packet(lines[0], headers, body, raw)

    def get(self, name: str) -> str:
        return self.headers.get(name, [""])[0]

    @property
    def status(self) -> int:
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def branch(self) -> str:
        found = re.search(r";branch=([^;\s]+)", self.get("via"))
        return found.group(1) if found else ""


class Phone:
    """One device of a user over UDP or TCP. It lives as long as one server process: `close` ends all that waits."""

    def __init__(self, user: str, port: int, transport: str) -> None:
        self.user, self.port, self.transport = user, port, transport
        self.uri = f"sip:{user}@{DOMAIN}"
        self.local_port = 0
        self.token = f"{user}/{transport}#{next(_numbers)}"
        self.on_message: Callable[[Packet], None] = lambda packet: None
        self.waiting: dict[str, Request] = {}
        self.is_closed = False
        self.closed = asyncio.get_running_loop().create_future()
        self._answered: dict[str, bytes] = {}
        self._cseq = itertools.count(1)
        self._challenge: dict[str, str] = {}
        self._count = 0
        self._writer: asyncio.StreamWriter | None = None
        self._datagrams: asyncio.DatagramTransport | None = None
        self._reading: asyncio.Task | None = None

    # Sockets

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        if self.transport == "udp":
            phone = self

            class Datagrams(asyncio.DatagramProtocol):
                def datagram_received(self, data, address):
                    phone._take(data)

            self._datagrams, _ = await loop.create_datagram_endpoint(
                Datagrams, local_addr=("127.0.0.1", 0), remote_addr=("127.0.0.1", self.port))
            self.local_port = self._datagrams.get_extra_info("sockname")[1]
            return
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.local_port = self._writer.get_extra_info("sockname")[1]
        self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
                if not head:
                    continue
                length = re.search(rb"(?im)^content-length[ \t]*:[ \t]*(\d+)", head)
                self._take(head + (await reader.readexactly(int(length.group(1))) if length else b""))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            if not self.closed.done():
                self.closed.set_result(None)

    async def close(self) -> None:
        """Reads what has come, then goes without a word; what waits is never answered."""
        if self.is_closed:
            return
        if self._reading is not None:
            # The server is dead: its connection ends, and everything before that is read.
            await asyncio.wait({self.closed}, timeout=5)
            self._reading.cancel()
        else:
            # Datagrams that are in the socket already.
            await asyncio.sleep(0)
            await asyncio.sleep(0.05)
        self.is_closed = True
        for request in self.waiting.values():
            if request.timer:
                request.timer.cancel()
        self.waiting = {}
        if self._writer:
            self._writer.close()
        if self._datagrams:
            self._datagrams.close()

    def _write(self, data: bytes) -> None:
        if self.is_closed:
            return
        if self._writer:
            self._writer.write(data)
        elif self._datagrams:
            self._datagrams.sendto(data)

    # Requests

    def request(self, method: str, uri: str, to: str, headers: list[str], body: bytes, call: str,
                answered: Callable[[int, Packet | None], None]) -> None:
        """`answered` gets the final status; 0 when nobody answers within 32 s of the same server process."""
        self._send(Request(method, uri, to, headers, body, call, answered))

    def _send(self, request: Request) -> None:
        branch = f"z9hG4bKf{next(_numbers)}"
        lines = [f"{request.method} {request.uri} SIP/2.0",
                 f"Via: SIP/2.0/{self.transport.upper()} 127.0.0.1:{self.local_port};branch={branch};rport",
                 "Max-Forwards: 70", f"From: <{self.uri}>;tag={self.user}", f"To: <{request.to}>",
                 f"Call-ID: {request.call}", f"CSeq: {next(self._cseq)} {request.method}", *request.headers]
        if self._challenge:
            lines.append(self._proof(request.method, request.uri))
        lines += [f"Content-Length: {len(request.body)}", "", ""]
        request.sent = "\r\n".join(lines).encode() + request.body
        self.waiting[branch] = request
        self._write(request.sent)
        self._schedule(branch, request, _T1 if self.transport == "udp" else 64 * _T1, 0.0)

    def _schedule(self, branch: str, request: Request, pause: float, waited: float) -> None:
        def fire() -> None:
            total = waited + pause
            if total >= 64 * _T1:
                self.waiting.pop(branch, None)
                return request.answered(0, None)
            self._write(request.sent)
            self._schedule(branch, request, min(pause * 2, _T2), total)

        request.timer = asyncio.get_running_loop().call_later(pause, fire)

    def _proof(self, method: str, uri: str) -> str:
        given = self._challenge
        make = hashlib.sha256 if given.get("algorithm", "MD5") == "SHA-256" else hashlib.md5

        def digest(text: str) -> str:
            return make(text.encode()).hexdigest()

        self._count += 1
        count = f"{self._count:08x}"
        secret = digest(f"{self.user}:{given['realm']}:{PASSWORD}")
        response = digest(f"{secret}:{given['nonce']}:{count}:c0ffee:auth:{digest(f'{method}:{uri}')}")
        name = "Proxy-Authorization" if given["header"] == "proxy-authenticate" else "Authorization"
        return (f"{name}: Digest username=\"{self.user}\", realm=\"{given['realm']}\", nonce=\"{given['nonce']}\", "
                f"uri=\"{uri}\", response=\"{response}\", algorithm={given.get('algorithm', 'MD5')}, cnonce=\"c0ffee\", "
                f"qop=auth, nc={count}")

    # Arriving

    def _take(self, raw: bytes) -> None:
        if self.is_closed or not raw.strip(b"\r\n\0 "):
            return
        packet = Packet.parse(raw)
        if packet.status:
            return self._answer(packet)
        key = packet.branch
        known = self._answered.get(key)
        if known is None:
            to = packet.get("to") + ("" if "tag=" in packet.get("to") else f";tag={self.user}")
            lines = ["SIP/2.0 200 OK", *(f"Via: {value}" for value in packet.headers.get("via", [])),
                     f"From: {packet.get('from')}", f"To: {to}", f"Call-ID: {packet.get('call-id')}",
                     f"CSeq: {packet.get('cseq')}", "Content-Length: 0", "", ""]
            known = self._answered[key] = "\r\n".join(lines).encode()
            # Before the answer: a server that is killed by what this does has had none.
            self.on_message(packet)
        self._write(known)

    def _answer(self, packet: Packet) -> None:
        if packet.status < 200:
            return
        request = self.waiting.pop(packet.branch, None)
        if request is None:
            return
        if request.timer:
            request.timer.cancel()
        header = "www-authenticate" if packet.status == 401 else "proxy-authenticate"
        if packet.status in (401, 407) and request.tries < 3:
            request.tries += 1
            offers = [dict(re.findall(r'(\w+)="?([^",]+)"?', value.partition(" ")[2]))
                      for value in packet.headers.get(header, [])]
            nonce = self._challenge.get("nonce")
            if offers and offers[0].get("nonce") != nonce:
                self._challenge = {**offers[0], "header": header}
                self._count = 0
            return self._send(request)
        request.answered(packet.status, packet)

    # What a device does

    async def register(self) -> None:
        done = asyncio.get_running_loop().create_future()
        transport = "" if self.transport == "udp" else ";transport=tcp"
        contact = f"Contact: <sip:{self.user}@127.0.0.1:{self.local_port}{transport}>;expires=600"
        self.request("REGISTER", f"sip:{DOMAIN}", self.uri, [contact], b"", f"reg.{self.user}.{self.local_port}@faults",
                     lambda status, packet: done.done() or done.set_result(packet or Packet("SIP/2.0 408 ", {}, b"")))
        await asyncio.wait({done, self.closed}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise PhoneFailure(f"{self.token}: REGISTER answered by nobody")
        if done.result().status != 200:
            raise PhoneFailure(f"{self.token}: REGISTER answered {done.result().start} {done.result().headers}")

    def message(self, receiver: str, text: bytes, call: str, answered: Callable[[int], None]) -> None:
        self.request("MESSAGE", f"sip:{receiver}@{DOMAIN}", f"sip:{receiver}@{DOMAIN}",
                     ["Content-Type: text/plain;charset=UTF-8"], text, call,
                     lambda status, packet: answered(status))
