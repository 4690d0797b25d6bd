"""A client's session: one login, its stream management counters (XEP-0198), and its resumptions.

A `Session` outlives its sockets: after a cut it can resume with exact counters. It never resends on its own except
during a resumption, where the protocol demands it.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
import struct
from collections import deque
from typing import Callable

from support.servers import DOMAIN, PASSWORD

from .framing import CLOSE, OPEN, Framer, FramingError, attributes, head
from .scram import ScramClient

_HEADER = (f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xml:lang='en' xmlns='jabber:client'"
           " xmlns:stream='http://etherx.jabber.org/streams'>").encode()
_H = re.compile(rb"""\sh=["'](\d+)["']""")
_SM = "xmlns='urn:xmpp:sm:3'"
_numbers = itertools.count(1)


class SessionFailure(Exception):
    """Login, resumption or a request did not go as the protocol says."""


class Link(asyncio.Protocol):
    """One socket. Elements wait in a queue until a session takes them directly."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.closed = asyncio.get_running_loop().create_future()
        self.take: Callable[[bytes], None] | None = None
        self.after_chunk: Callable[[], None] | None = None
        self.is_writable = True
        self.on_writable: Callable[[], None] | None = None
        self._framer = Framer()
        self._waiting: deque[bytes] = deque()
        self._waiter: asyncio.Future | None = None
        self.problem: str | None = None

    def connection_made(self, transport) -> None:
        self.transport = transport
        try:
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            pass  # Already reset; `connection_lost` follows.

    def data_received(self, data: bytes) -> None:
        try:
            elements = self._framer.feed(data)
        except FramingError as error:
            self.problem = str(error)
            self.transport.abort()
            return
        for element in elements:
            # Asked anew for every element: a take-over happens between two elements of one chunk.
            if self.take is not None:
                self.take(element)
            else:
                self._waiting.append(element)
        if self._waiting and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self.after_chunk is not None:
            self.after_chunk()

    def connection_lost(self, exc) -> None:
        if not self.closed.done():
            self.closed.set_result(None)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True
        if self.on_writable is not None:
            self.on_writable()

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    async def next(self, seconds: float = 20.0) -> bytes:
        """The next element of a negotiation."""
        while not self._waiting:
            if self.closed.done():
                raise SessionFailure(f"connection closed during negotiation {self.problem or ''}")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._waiter, seconds)
            except asyncio.TimeoutError:
                raise SessionFailure(f"no answer within {seconds} s during negotiation") from None
        return self._waiting.popleft()

    def hand_over(self, take: Callable[[bytes], None]) -> None:
        """From now on elements go to `take`; those that wait go first."""
        while self._waiting:
            take(self._waiting.popleft())
        self.take = take

    def cut(self, reset: bool) -> None:
        """Closes hard: with a reset, or with a plain end of file and no farewell."""
        if self.transport is None or self.transport.is_closing():
            return
        if reset:
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Session:
    """A logged-in client.

    - `uses_sm`: whether it enables stream management; `resumable`: whether it asks for resumption.
    - `receive_buffer`: SO_RCVBUF in bytes, set before connecting; None leaves the kernel's choice.
    """

    def __init__(self, user: str, resource: str, port: int, *, uses_sm: bool = True, resumable: bool = False,
                 mechanism: str = "SCRAM-SHA-1", receive_buffer: int | None = None) -> None:
        self.user, self.resource, self.port = user, resource, port
        self.bare = f"{user}@{DOMAIN}"
        self.uses_sm, self.resumable = uses_sm, resumable
        self.mechanism, self.receive_buffer = mechanism, receive_buffer
        self.token = f"{user}/{resource}#{next(_numbers)}"
        self.link: Link | None = None
        self.on_message: Callable[[bytes], None] = lambda element: None
        self.on_presence: Callable[[bytes], None] = lambda element: None
        self.on_push: Callable[[bytes], None] = lambda element: None
        self.on_ack: Callable[[list], None] = lambda tokens: None
        self.on_ack_request: Callable[[], None] = self.acknowledge
        self.received = 0
        self.sent = 0
        self.unacked: deque[tuple[object, bytes]] = deque()
        self.counts_in = self.counts_out = False
        self.resumption_id: str | None = None
        self.problems: list[str] = []
        self.stream_error: bytes | None = None
        self.saw_close = False
        self._answers: dict[bytes, asyncio.Future] = {}
        self._ids = itertools.count(1)

    # Logging in.

    async def connect(self) -> bytes:
        """TCP, stream, SCRAM, second stream; returns the features after authentication."""
        loop = asyncio.get_running_loop()
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        if self.receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        try:
            await asyncio.wait_for(loop.sock_connect(sock, ("127.0.0.1", self.port)), 10)
            _, link = await loop.create_connection(Link, sock=sock)
        except (OSError, asyncio.TimeoutError) as error:
            sock.close()
            raise SessionFailure(f"{self.user}: cannot connect: {error!r}") from None
        self.link, self.stream_error, self.saw_close = link, None, False
        features = await self._open()
        mechanism = self.mechanism
        if mechanism.encode() + b"<" not in features:
            mechanism = next((m for m in ("SCRAM-SHA-256", "SCRAM-SHA-1") if m.encode() + b"<" in features), "")
            if not mechanism:
                raise SessionFailure(f"{self.user}: no SCRAM on a plain stream: {features!r}")
        scram = ScramClient(mechanism, self.user, PASSWORD)
        sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
        link.write(f"<auth {sasl} mechanism='{mechanism}'>{scram.first()}</auth>".encode())
        challenge = await self._expect(b"<challenge")
        link.write(f"<response {sasl}>{scram.final(_text(challenge))}</response>".encode())
        scram.verify(_text(await self._expect(b"<success")))
        return await self._open()

    async def log_in(self, presence: bytes = b"<presence/>") -> None:
        """A new session: bind, stream management, then initial presence (empty: none is sent)."""
        await self.connect()
        link = self.link
        bind = f"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>" \
               f"<resource>{self.resource}</resource></bind></iq>"
        link.write(bind.encode())
        answer = await self._expect(b"<iq")
        if b"<jid>" not in answer:
            raise SessionFailure(f"{self.user}: bind refused: {answer!r}")
        self.resource = answer.split(b"<jid>")[1].split(b"</jid>")[0].decode().split("/", 1)[1]
        if self.uses_sm:
            resume = " resume='true'" if self.resumable else ""
            # Counting starts with the element itself (XEP-0198 §4): ours when it leaves, theirs when it answers.
            link.write(f"<enable {_SM}{resume}/>".encode())
            self.counts_out = True
            # A message to the full address may come as soon as the resource is bound; it is not counted.
            while not (enabled := await link.next()).startswith(b"<enabled"):
                if not enabled.startswith((b"<message", b"<presence", b"<iq")):
                    raise SessionFailure(f"{self.user}: enable answered with {enabled!r}")
                self._take(enabled)
            self.received = 0
            self.counts_in = True
            self.resumption_id = attributes(enabled).get("id") if self.resumable else None
            if self.resumable and self.resumption_id is None:
                raise SessionFailure(f"{self.user}: resumption not offered: {enabled!r}")
        link.hand_over(self._take)
        if presence:
            self.send(presence)

    async def resume(self) -> bool:
        """Takes the session up again on a new socket. False: refused, log in anew (then with a new object)."""
        await self.connect()
        self.link.write(f"<resume {_SM} previd='{self.resumption_id}' h='{self.received}'/>".encode())
        answer = await self.link.next()
        if answer.startswith(b"<failed"):
            match = _H.search(head(answer))
            if match:
                # XEP-0198 §5: the server still knows what it had handled; that is an acknowledgement.
                self._acked(int(match.group(1)))
            return False
        if not answer.startswith(b"<resumed"):
            raise SessionFailure(f"{self.user}: resume answered with {answer!r}")
        match = _H.search(head(answer))
        if match is None:
            raise SessionFailure(f"{self.user}: <resumed/> without h: {answer!r}")
        self._acked(int(match.group(1)))
        again = b"".join(stanza for _, stanza in self.unacked)
        if again:
            self.link.write(again)
        self.link.hand_over(self._take)
        return True

    async def _open(self) -> bytes:
        link = self.link
        link._framer = Framer()
        link.write(_HEADER)
        if await link.next() != OPEN:
            raise SessionFailure(f"{self.user}: no stream header")
        return await self._expect(b"<stream:features")

    async def _expect(self, start: bytes) -> bytes:
        element = await self.link.next()
        if not element.startswith(start):
            raise SessionFailure(f"{self.user}: expected {start!r}, got {element!r}")
        return element

    # Sending.

    def send(self, stanza: bytes, token: object = None) -> None:
        """Sends one stanza; `token` comes back through `on_ack` once the server acknowledged it."""
        if self.counts_out:
            self.sent += 1
            self.unacked.append((token, stanza))
        self.link.write(stanza)

    def send_all(self, stanzas: list[tuple[object, bytes]]) -> None:
        """Sends many in one write, followed by a request for acknowledgement."""
        self.sent += len(stanzas)
        self.unacked.extend(stanzas)
        self.link.write(b"".join(stanza for _, stanza in stanzas) + f"<r {_SM}/>".encode())

    def request_ack(self) -> None:
        self.link.write(f"<r {_SM}/>".encode())

    def acknowledge(self) -> None:
        if self.counts_in:
            self.link.write(f"<a {_SM} h='{self.received % 2**32}'/>".encode())

    async def ask(self, kind: str, payload: str, to: str | None = None, seconds: float = 20.0) -> bytes:
        """One IQ request; returns the answer, result or error."""
        identifier = f"q{next(self._ids)}"
        answer = asyncio.get_running_loop().create_future()
        self._answers[identifier.encode()] = answer
        address = f" to='{to}'" if to else ""
        self.send(f"<iq type='{kind}' id='{identifier}'{address}>{payload}</iq>".encode())
        closed = self.link.closed
        await asyncio.wait({answer, closed}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        self._answers.pop(identifier.encode(), None)
        if answer.done():
            return answer.result()
        raise SessionFailure(f"{self.user}: no answer to {payload[:80]}" + (" (closed)" if closed.done() else ""))

    async def ping(self) -> None:
        await self.ask("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)

    async def log_out(self, seconds: float = 10.0) -> None:
        """Says goodbye properly and waits for the end of the socket."""
        if self.link is None or self.link.closed.done():
            return
        self.acknowledge()
        self.send(b"<presence type='unavailable'/>")
        self.link.write(b"</stream:stream>")
        try:
            await asyncio.wait_for(asyncio.shield(self.link.closed), seconds)
        except asyncio.TimeoutError:
            self.link.cut(reset=False)

    # Receiving.

    def _take(self, element: bytes) -> None:
        if element.startswith(b"<message"):
            self.received += 1
            self.on_message(element)
        elif element.startswith(b"<r"):
            self.on_ack_request()
        elif element.startswith(b"<a "):
            match = _H.search(element)
            if match:
                self._acked(int(match.group(1)))
        elif element.startswith(b"<iq"):
            self.received += 1
            self._iq(element)
        elif element.startswith(b"<presence"):
            self.received += 1
            self.on_presence(element)
        elif element.startswith(b"<stream:error"):
            self.stream_error = element
        elif element == CLOSE:
            self.saw_close = True
            # RFC 6120 §4.4: answered in kind; the side that closed first then closes the connection.
            self.link.write(b"</stream:stream>")

    def _iq(self, element: bytes) -> None:
        fields = attributes(element)
        kind, identifier = fields.get("type"), fields.get("id", "")
        if kind in ("result", "error"):
            answer = self._answers.get(identifier.encode())
            if answer is not None and not answer.done():
                answer.set_result(element)
            return
        if kind == "set" and b"jabber:iq:roster" in element:
            self.on_push(element)
        to = f" to='{fields['from']}'" if "from" in fields else ""
        self.send(f"<iq type='result' id='{identifier}'{to}/>".encode())

    def _acked(self, h: int) -> None:
        handled = self.sent - len(self.unacked)
        fresh = (h - handled) % 2**32
        if fresh > len(self.unacked):
            self.problems.append(f"{self.token}: h={h}, but {handled} were acknowledged and {self.sent} sent")
            return
        if fresh:
            self.on_ack([self.unacked.popleft()[0] for _ in range(fresh)])


def _text(element: bytes) -> str:
    """Character content of an element without children."""
    return element.split(b">", 1)[1].rsplit(b"</", 1)[0].decode() if b"</" in element else ""
