"""A small SIP client of our own for what no packaged client lets a test say, and for what it would hide."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import ssl
from pathlib import Path
from typing import Callable

from support.servers import DOMAIN, PASSWORD, Server

from .client import WAIT, Expectation, Scene

_numbers = itertools.count(1)
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Message:
    """A request or response: start line, headers in order, body."""

    def __init__(self, start: str, headers: list[tuple[str, str]], body: bytes = b"") -> None:
        self.start, self.headers, self.body = start, headers, body

    @staticmethod
    def parse(raw: bytes) -> "Message":
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\r\n")
        headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.append((_COMPACT.get(name.strip().lower(), name.strip().lower()), value.strip()))
        return Message(lines[0], headers, body)

    @property
    def status(self) -> int:
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        return "" if self.status else self.start.split()[0]

    @property
    def uri(self) -> str:
        return self.start.split()[1]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def get(self, name: str) -> str:
        return next((value for header, value in self.headers if header == name.lower()), "")

    def all(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header == name.lower()]

    def tag(self, name: str) -> str:
        found = re.search(r";\s*tag=([^;>\s]+)", self.get(name))
        return found.group(1) if found else ""

    def address(self, name: str) -> str:
        """The URI of an address without parameters."""
        found = re.search(r"<([^>;]+)", self.get(name))
        return found.group(1) if found else self.get(name).split(";")[0].strip()

    def __str__(self) -> str:
        return "\n".join([self.start, *(f"{name}: {value}" for name, value in self.headers), "", self.text])


_COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
            "c": "content-type", "o": "event", "u": "allow-events", "s": "subject", "k": "supported", "e":
            "content-encoding", "a": "accept-contact", "r": "refer-to", "b": "referred-by", "x": "session-expires"}


class SIPClient:
    """One device. Requests that arrive are kept in `seen` until a test waits for them; all but INVITE are answered 200."""

    def __init__(self, server: Server, user: str, transport: str = "udp", password: str = PASSWORD,
                 algorithm: str = "MD5", port: int | None = None, address: str = "127.0.0.1",
                 local: str = "127.0.0.1", domain: str = DOMAIN, identity: Path | None = None) -> None:
        self.server, self.user, self.transport, self.password = server, user, transport, password
        self.algorithm, self.address, self.local, self.domain = algorithm, address, local, domain
        # A PEM file with key and certificate, shown over TLS.
        self.identity = identity
        self.uri = f"sip:{user}@{domain}"
        self.bare = f"{user}@{domain}"
        self.server_port = port or server.sip_port + (1 if transport == "tls" else 0)
        self.call = f"{next(_numbers)}.{user}@127.0.0.1"
        self.tag = f"t{next(_numbers)}"
        self.cseq = itertools.count(1)
        self.seen: list[Message] = []
        self.answers: dict[str, asyncio.Queue] = {}
        self.statuses: dict[str, int] = {}
        self._arrived = asyncio.Event()
        self._answered: dict[tuple, bytes] = {}
        self.local_port = 0
        self._nonce: tuple[dict, bool] | None = None
        self._counts: dict[str, int] = {}
        self._writer = None
        self._datagrams = None
        self._reading: asyncio.Task | None = None

    # Connection

    async def open(self) -> "SIPClient":
        loop = asyncio.get_running_loop()
        if self.transport == "udp":
            client = self

            class Datagrams(asyncio.DatagramProtocol):
                def datagram_received(self, data, address):
                    client._take(data)

            self._datagrams, _ = await loop.create_datagram_endpoint(
                Datagrams, local_addr=(self.local, 0), remote_addr=(self.address, self.server_port))
            self.local_port = self._datagrams.get_extra_info("sockname")[1]
            return self
        context = None
        if self.transport == "tls":
            context = ssl.create_default_context(cafile=str(self.server.certificate()))
            if self.identity:
                context.load_cert_chain(str(self.identity))
        reader, self._writer = await asyncio.open_connection(
            self.address, self.server_port, ssl=context, server_hostname=DOMAIN if context else None,
            local_addr=(self.local, 0))
        self.local_port = self._writer.get_extra_info("sockname")[1]
        self._reading = asyncio.create_task(self._read(reader))
        return self

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
                if not head:
                    continue
                length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)", head)
                body = await reader.readexactly(int(length.group(1))) if length else b""
                self._take(head + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass

    async def close(self) -> None:
        """Goes without a word."""
        if self._reading:
            self._reading.cancel()
        if self._writer:
            self._writer.close()
        if self._datagrams:
            self._datagrams.close()

    def send_raw(self, data: bytes) -> None:
        if self._writer:
            self._writer.write(data)
        else:
            self._datagrams.sendto(data)

    # Arriving

    def _take(self, raw: bytes) -> None:
        if not raw.strip(b"\r\n\0 "):
            return
        message = Message.parse(raw)
        if message.status:
            branch = re.search(r";branch=([^;\s]+)", message.get("via"))
            queue = self.answers.get(branch.group(1) if branch else "")
            if queue is not None:
                queue.put_nowait(message)
            return
        key = (message.get("via"), message.get("cseq"), message.get("call-id"))
        if key in self._answered:
            self.send_raw(self._answered[key])
            return
        if message.method not in ("INVITE", "ACK"):
            answer = self.answer_bytes(message, self.statuses.get(message.method, 200))
            self._answered[key] = answer
            self.send_raw(answer)
        self.seen.append(message)
        self._arrived.set()

    def answer_bytes(self, request: Message, status: int, reason: str = "OK", headers: list | None = None,
                     body: str = "") -> bytes:
        copied = [f"Via: {value}" for value in request.all("via")]
        copied += [f"Record-Route: {value}" for value in request.all("record-route")]
        to = request.get("to")
        if not request.tag("to") and status > 100:
            to += f";tag={self.tag}"
        lines = [f"SIP/2.0 {status} {reason}", *copied, f"From: {request.get('from')}", f"To: {to}",
                 f"Call-ID: {request.get('call-id')}", f"CSeq: {request.get('cseq')}",
                 *(f"{name}: {value}" for name, value in headers or []), f"Content-Length: {len(body.encode())}", "", body]
        return "\r\n".join(lines).encode()

    async def wait(self, method: str, check: Callable[[Message], bool] = lambda message: True, what: str = "",
                   seconds: float = WAIT) -> Message:
        """The first request that satisfies `check`, taken out of `seen`."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + seconds
        while True:
            for place, message in enumerate(self.seen):
                if message.method == method and check(message):
                    del self.seen[place]
                    return message
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), max(0.0, limit - loop.time()))
            except asyncio.TimeoutError:
                shown = "\n".join(str(message)[:700] for message in self.seen[-4:])
                raise Expectation(f"{self.user}: no {what or method} within {seconds} s; saw: {shown}") from None

    # Sending

    @property
    def contact(self) -> str:
        transport = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"<sip:{self.user}@{self.local}:{self.local_port}{transport}>"

    def build(self, method: str, uri: str, to: str, headers: list[tuple[str, str]], body: bytes, branch: str,
              call: str, cseq: int, sender: str | None = None) -> bytes:
        lines = [f"{method} {uri} SIP/2.0",
                 f"Via: SIP/2.0/{self.transport.upper()} {self.local}:{self.local_port};branch={branch};rport",
                 "Max-Forwards: 70", f"From: <{sender or self.uri}>;tag={self.tag}", f"To: {to}", f"Call-ID: {call}",
                 f"CSeq: {cseq} {method}", *(f"{name}: {value}" for name, value in headers),
                 f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode() + body

    async def request(self, method: str, uri: str, headers: list[tuple[str, str]] = (), body: str | bytes = b"",
                      to: str | None = None, call: str | None = None, sender: str | None = None,
                      answers_challenge: bool = True, seconds: float = 33.0) -> Message:
        """The final answer, a challenge being answered before."""
        body = body.encode() if isinstance(body, str) else body
        call = call or f"{next(_numbers)}@127.0.0.1"
        headers = list(headers)
        for attempt in range(3):
            extra = [self._credentials(method, uri)] if self._nonce and answers_challenge else []
            branch = f"z9hG4bK{next(_numbers)}.{self.tag}"
            data = self.build(method, uri, to or f"<{uri}>", headers + extra, body, branch, call, next(self.cseq), sender)
            answer = await self.transact(data, branch, seconds)
            if answer.status not in (401, 407) or not answers_challenge or attempt == 2:
                return answer
            if not self._challenge(answer, attempt):
                return answer
        raise AssertionError

    async def transact(self, data: bytes, branch: str, seconds: float = 33.0) -> Message:
        queue = self.answers[branch] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        limit, interval = loop.time() + seconds, 0.5
        self.send_raw(data)
        try:
            while True:
                pause = limit - loop.time() if self.transport != "udp" else min(interval, limit - loop.time())
                try:
                    answer = await asyncio.wait_for(queue.get(), max(0.0, pause))
                except asyncio.TimeoutError:
                    if loop.time() >= limit:
                        raise Expectation(f"{self.user}: no answer to {data[:60]!r}") from None
                    interval = min(interval * 2, 4.0)
                    self.send_raw(data)
                    continue
                if answer.status >= 200:
                    return answer
                interval = 4.0
        finally:
            del self.answers[branch]

    def _challenge(self, answer: Message, attempt: int) -> bool:
        """Whether it is worth answering: the first one of a request is, later ones only for an old nonce."""
        name = "www-authenticate" if answer.status == 401 else "proxy-authenticate"
        for value in answer.all(name):
            found = dict(re.findall(r'(\w+)="?([^",]*)"?', value.partition(" ")[2]))
            if found.get("algorithm", "MD5").upper() == self.algorithm:
                self._nonce = (found, answer.status == 407)
                return attempt == 0 or found.get("stale", "").lower() == "true"
        raise Expectation(f"{self.algorithm} is not offered: {answer.all(name)}")

    def _credentials(self, method: str, uri: str) -> tuple[str, str]:
        offer, by_proxy = self._nonce
        digest = lambda text: _HASHES[self.algorithm](text.encode()).hexdigest()
        count = self._counts[offer["nonce"]] = self._counts.get(offer["nonce"], 0) + 1
        first = digest(f"{self.user}:{offer['realm']}:{self.password}")
        answer = digest(f"{first}:{offer['nonce']}:{count:08x}:c0:auth:{digest(f'{method}:{uri}')}")
        value = (f'Digest username="{self.user}", realm="{offer["realm"]}", nonce="{offer["nonce"]}", uri="{uri}", '
                 f'response="{answer}", algorithm={self.algorithm}, qop=auth, nc={count:08x}, cnonce="c0"')
        if "opaque" in offer:
            value += f', opaque="{offer["opaque"]}"'
        return ("Proxy-Authorization" if by_proxy else "Authorization", value)

    # What a phone does

    async def register(self, expires: int = 3600, headers: list = ()) -> Message:
        answer = await self.request(
            "REGISTER", f"sip:{self.domain}", [("Contact", self.contact), ("Expires", str(expires)), *headers],
            to=f"<{self.uri}>", call=self.call)
        if answer.status != 200:
            raise Expectation(f"{self.user}: REGISTER is answered {answer}")
        return answer

    async def message(self, to: str, text: str, headers: list = (), kind: str = "text/plain") -> Message:
        return await self.request("MESSAGE", f"sip:{to}", [("Content-Type", kind), *headers], text)

    async def body(self, text: str, seconds: float = WAIT) -> Message:
        """A MESSAGE with exactly this text."""
        return await self.wait("MESSAGE", lambda m: m.text == text, f"message {text!r}", seconds)

    async def publish(self, document: str, etag: str | None = None, expires: int = 3600, event: str = "presence",
                      kind: str = "application/pidf+xml") -> Message:
        headers = [("Event", event), ("Expires", str(expires))]
        if etag:
            headers.append(("SIP-If-Match", etag))
        if document:
            headers.append(("Content-Type", kind))
        return await self.request("PUBLISH", self.uri, headers, document)

    async def subscribe(self, to: str, event: str = "presence", accept: str = "application/pidf+xml",
                        expires: int = 3600, headers: list = ()) -> "Subscription":
        subscription = Subscription(self, to, event, accept)
        await subscription.send(expires, headers)
        return subscription


class Subscription:
    """One dialog of a watcher (RFC 6665)."""

    def __init__(self, client: SIPClient, to: str, event: str, accept: str) -> None:
        self.client, self.peer, self.event, self.accept = client, f"sip:{to}", event, accept
        self.call = f"{next(_numbers)}.sub@127.0.0.1"
        self.target, self.tag, self.answer = self.peer, "", None

    async def send(self, expires: int, headers: list = ()) -> Message:
        to = f"<{self.peer}>" + (f";tag={self.tag}" if self.tag else "")
        self.answer = await self.client.request(
            "SUBSCRIBE", self.target, [("Contact", self.client.contact), ("Event", self.event), ("Accept", self.accept),
                                       ("Expires", str(expires)), *headers], to=to, call=self.call)
        if self.answer.status in (200, 202):
            self.tag = self.answer.tag("to")
            found = re.search(r"<([^>]+)>", self.answer.get("contact"))
            if found:
                self.target = found.group(1)
        return self.answer

    async def notified(self, check: Callable[[Message], bool] = lambda message: True, what: str = "",
                       seconds: float = WAIT) -> Message:
        return await self.client.wait("NOTIFY", lambda m: m.get("call-id") == self.call and check(m),
                                      what or f"notification about {self.peer}", seconds)

    async def state(self, word: str, check: Callable[[Message], bool] = lambda message: True) -> Message:
        """A notification whose Subscription-State begins with `word`."""
        return await self.notified(lambda m: m.get("subscription-state").startswith(word) and check(m),
                                   f"state {word} of {self.peer}")


async def phone(scene: Scene, user: str | None = None, transport: str = "udp", registers: bool = True,
                **options) -> SIPClient:
    """A connected device of a fresh user, or of this one, registered if need be; closed with the scene."""
    client = SIPClient(scene.host, user or scene.user(), transport, **options)
    scene.terminals.append(client)
    await client.open()
    if registers:
        await client.register()
    return client


def presence(uri: str, basic: str, activity: str = "", note: str = "", tuple_id: str = "t1") -> str:
    """A PIDF document (RFC 3863) with one tuple and perhaps an RPID activity (RFC 4480)."""
    person = ""
    if activity:
        person = f"<dm:person id='p1'><r:activities><r:{activity}/></r:activities></dm:person>"
    text = f"<note>{note}</note>" if note else ""
    return (f"<?xml version='1.0' encoding='UTF-8'?><presence xmlns='urn:ietf:params:xml:ns:pidf' "
            f"xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' "
            f"entity='{uri}'><tuple id='{tuple_id}'><status><basic>{basic}</basic></status>"
            f"<contact>{uri}</contact>{text}</tuple>{person}</presence>")
