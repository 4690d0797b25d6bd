"""HTTP, WebSocket (RFC 6455), XMPP over WebSocket (RFC 7395) and BOSH (XEP-0124), byte by byte, so that a test can also
do what no library would."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import ssl
import struct
import xml.etree.ElementTree as ElementTree

from Faults.scram import ScramClient
from support.servers import DOMAIN, PASSWORD

from .client import WAIT, Expectation, expect

CLIENT, STREAM, FRAMING = "jabber:client", "http://etherx.jabber.org/streams", "urn:ietf:params:xml:ns:xmpp-framing"
SASL, BIND, SM = "urn:ietf:params:xml:ns:xmpp-sasl", "urn:ietf:params:xml:ns:xmpp-bind", "urn:xmpp:sm:3"
STREAM_ERRORS, HTTPBIND = "urn:ietf:params:xml:ns:xmpp-streams", "http://jabber.org/protocol/httpbind"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def https_port(server) -> int:
    return 5443 + server.offset


def http_port(server) -> int:
    return 5280 + server.offset


def tls(server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.certificate()))


class HTTP:
    """One connection, requests one after the other."""

    def __init__(self, server, encrypted: bool = True) -> None:
        self.server, self.encrypted = server, encrypted
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def connect(self) -> "HTTP":
        port = https_port(self.server) if self.encrypted else http_port(self.server)
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=tls(self.server) if self.encrypted else None,
            server_hostname=DOMAIN if self.encrypted else None)
        return self

    def send(self, method: str, path: str, body: str = "", **headers: str) -> None:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {DOMAIN}:{https_port(self.server)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        data = body.encode()
        if method == "POST":
            lines.append(f"Content-Length: {len(data)}")
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    async def answer(self, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
        async def read():
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {}
            for line in head[1:]:
                name, _, value = line.partition(":")
                if name:
                    headers[name.lower()] = value.strip()
            length = 0 if head_only else int(headers.get("content-length", "0"))
            return int(head[0].split()[1]), headers, await self.reader.readexactly(length)

        return await asyncio.wait_for(read(), WAIT)

    async def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
        self.send(method, path, body, **headers)
        return await self.answer()

    def cut(self) -> None:
        if self.writer is not None:
            self.writer.transport.abort()


class WebSocket:
    """The client's side of one WebSocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @staticmethod
    async def handshake(link: HTTP, path: str = "/xmpp-websocket", **headers: str) -> tuple[int, dict[str, str]]:
        fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13",
                  "Sec_WebSocket_Key": base64.b64encode(os.urandom(16)).decode(), "Sec_WebSocket_Protocol": "xmpp"}
        link.send("GET", path, **{name: value for name, value in {**fields, **headers}.items() if value})
        status, answered, _ = await link.answer()
        return status, answered

    def frame(self, opcode: int, data: bytes = b"", final: bool = True, masked: bool = True) -> None:
        head = bytes([(0x80 if final else 0) | opcode])
        mark = 0x80 if masked else 0
        if len(data) < 126:
            head += bytes([mark | len(data)])
        elif len(data) < 65536:
            head += bytes([mark | 126]) + struct.pack("!H", len(data))
        else:
            head += bytes([mark | 127]) + struct.pack("!Q", len(data))
        if masked:
            key = os.urandom(4)
            repeated = key * (len(data) // 4 + 1)
            data = (int.from_bytes(data, "big") ^ int.from_bytes(repeated[:len(data)], "big")).to_bytes(len(data), "big")
            head += key
        self.writer.write(head + data)

    async def read(self) -> tuple[int, bytes]:
        """One whole frame as (opcode, data); (0, b"") when the connection has ended."""
        try:
            first, second = await self.reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                length = struct.unpack("!H", await self.reader.readexactly(2))[0]
            elif length == 127:
                length = struct.unpack("!Q", await self.reader.readexactly(8))[0]
            return first & 0x0F, await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return 0, b""

    def cut(self) -> None:
        self.writer.transport.abort()


class Stream:
    """What WebSocket and BOSH have in common for a test."""

    ids = itertools.count(1)
    user = ""
    address = ""

    def send(self, xml: str) -> None:
        raise NotImplementedError

    async def element(self) -> ElementTree.Element:
        raise NotImplementedError

    async def next(self, tag: str, space: str = CLIENT) -> ElementTree.Element:
        """The next element, which has to be of that name."""
        element = await self.element()
        expect(element.tag == f"{{{space}}}{tag}",
               f"expected {tag} of {space}, got {ElementTree.tostring(element).decode()}")
        return element

    async def until(self, check, what: str) -> ElementTree.Element:
        while True:
            try:
                element = await self.element()
            except asyncio.TimeoutError:
                raise Expectation(f"{self.user}: no {what}") from None
            if check(element):
                return element

    async def body(self, text: str) -> ElementTree.Element:
        """A message with exactly this body; others before it are dropped."""
        return await self.until(lambda e: e.findtext(f"{{{CLIENT}}}body") == text, f"message {text!r}")

    async def ask(self, payload: str, kind: str = "get", to: str = "") -> ElementTree.Element:
        number = f"q{next(self.ids)}"
        target = f" to='{to}'" if to else ""
        self.send(f"<iq xmlns='{CLIENT}' type='{kind}' id='{number}'{target}>{payload}</iq>")
        return await self.until(lambda e: e.get("id") == number and e.tag.endswith("}iq"), f"answer to {payload}")

    async def restart(self) -> None:
        raise NotImplementedError

    async def authenticate(self, user: str, mechanism: str = "SCRAM-SHA-256") -> None:
        self.user = user
        exchange = ScramClient(mechanism, user, PASSWORD)
        self.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{exchange.first()}</auth>")
        challenge = await self.next("challenge", SASL)
        self.send(f"<response xmlns='{SASL}'>{exchange.final(challenge.text)}</response>")
        exchange.verify((await self.next("success", SASL)).text)
        await self.restart()

    async def bind(self, resource: str = "web") -> None:
        answer = await self.ask(f"<bind xmlns='{BIND}'><resource>{resource}</resource></bind>", "set")
        self.address = answer.findtext(f"{{{BIND}}}bind/{{{BIND}}}jid") or ""
        expect(self.address == f"{self.user}@{DOMAIN}/{resource}", f"bound to {self.address}")

    async def log_in(self, user: str, resource: str = "web"):
        await self.authenticate(user)
        await self.bind(resource)
        self.send(f"<presence xmlns='{CLIENT}'/>")
        await self.until(lambda e: e.tag == f"{{{CLIENT}}}presence", "own presence")
        return self

    def say(self, to: str, text: str) -> None:
        self.send(f"<message xmlns='{CLIENT}' to='{to}' type='chat'><body>{text}</body></message>")


class WebSocketStream(Stream):
    """XMPP over WebSocket."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.close_code: int | None = None

    @classmethod
    async def connect(cls, server, encrypted: bool = True, **headers: str) -> "WebSocketStream":
        link = await HTTP(server, encrypted).connect()
        status, answered = await WebSocket.handshake(link, **headers)
        expect(status == 101 and answered.get("sec-websocket-protocol") == "xmpp", f"answered {status} {answered}")
        return cls(WebSocket(link.reader, link.writer))

    def send(self, xml: str) -> None:
        self.socket.frame(TEXT, xml.encode())

    async def frame(self) -> tuple[int, bytes]:
        """The next frame that is not a ping."""
        while True:
            opcode, data = await asyncio.wait_for(self.socket.read(), WAIT)
            if opcode == PING:
                self.socket.frame(PONG, data)
            else:
                return opcode, data

    async def element(self) -> ElementTree.Element:
        opcode, data = await self.frame()
        expect(opcode == TEXT, f"expected an element, got frame {opcode} {data!r}")
        try:
            # A frame stands alone: no declaration may be missing.
            return ElementTree.fromstring(data)
        except ElementTree.ParseError as error:
            raise Expectation(f"a frame that does not stand alone ({error}): {data!r}") from None

    async def open(self, to: str = DOMAIN) -> ElementTree.Element:
        self.send(f"<open xmlns='{FRAMING}' to='{to}' version='1.0' xml:lang='en'/>")
        opened = await self.next("open", FRAMING)
        expect(bool(opened.get("id")) and opened.get("version") == "1.0", f"opened {opened.attrib}")
        return opened

    async def restart(self) -> None:
        await self.open()
        await self.next("features", STREAM)

    async def begin(self) -> "WebSocketStream":
        await self.restart()
        return self

    async def fails(self, condition: str, code: int | None = None) -> None:
        """A stream error, `<close/>`, a close frame with `code`, and the end of the connection."""
        error = await self.next("error", STREAM)
        expect(error.find(f"{{{STREAM_ERRORS}}}{condition}") is not None,
               f"expected {condition}, got {ElementTree.tostring(error).decode()}")
        await self.next("close", FRAMING)
        await self.ended(code)

    async def ended(self, code: int | None = None) -> None:
        opcode, data = await self.frame()
        expect(opcode == CLOSE, f"expected a close frame, got {opcode} {data!r}")
        if code is not None:
            expect(struct.unpack("!H", data[:2])[0] == code, f"closed with {data!r} instead of {code}")
        self.socket.frame(CLOSE, data)
        opcode, data = await self.frame()
        expect(opcode == 0, f"after the close frame: {opcode} {data!r}")


class BOSHStream(Stream):
    """XMPP over BOSH: one request is always held, each on a connection of its own."""

    def __init__(self, server, encrypted: bool = True, path: str = "/http-bind") -> None:
        self.server, self.encrypted, self.path = server, encrypted, path
        self.rid = int.from_bytes(os.urandom(5), "big") + 1
        self.sid = ""
        self.created: dict[str, str] = {}
        self.arrived: asyncio.Queue = asyncio.Queue()
        self.under_way: set[asyncio.Task] = set()
        self.terminated: str | None = None
        # As many requests as a session usually allows.
        self.slots = asyncio.Semaphore(2)
        # A new request as soon as none is under way.
        self.follows = True

    def attributes(self, **more: str) -> str:
        rid, self.rid = self.rid, self.rid + 1
        fields = {"rid": str(rid), "sid": self.sid, **more}
        return " ".join(f"{name.replace('__', ':')}='{value}'" for name, value in fields.items() if value)

    def wrap(self, payload: str = "", **more: str) -> str:
        return (f"<body {self.attributes(**more)} xmlns='{HTTPBIND}' xmlns:xmpp='urn:xmpp:xbosh'>{payload}</body>")

    async def post(self, body: str) -> ElementTree.Element:
        """One request on a connection of its own; the body of its response."""
        link = await HTTP(self.server, self.encrypted).connect()
        try:
            status, _, data = await asyncio.wait_for(link.ask("POST", self.path, body), WAIT)
        finally:
            link.cut()
        expect(status == 200, f"answered {status}: {data!r}")
        element = ElementTree.fromstring(data)
        expect(element.tag == f"{{{HTTPBIND}}}body", f"not a body: {data!r}")
        return element

    async def create(self, to: str = DOMAIN, **more: str) -> ElementTree.Element:
        options = {"to": to, "ver": "1.6", "wait": "10", "hold": "1", "xmpp__version": "1.0", "xml__lang": "en", **more}
        element = await self.post(self.wrap(**options))
        self.created = dict(element.attrib)
        self.sid = element.get("sid", "")
        self._take(element)
        return element

    async def begin(self, **more: str) -> "BOSHStream":
        await self.create(**more)
        await self.next("features", STREAM)
        return self

    def _take(self, element: ElementTree.Element) -> None:
        for child in element:
            self.arrived.put_nowait(child)
        if element.get("type") == "terminate":
            self.terminated = element.get("condition", "")

    def go(self, body: str) -> asyncio.Task:
        """Sends a request and takes what comes back, without waiting for it."""

        async def run() -> None:
            async with self.slots:
                self._take(await self.post(body))
            self.under_way.discard(asyncio.current_task())
            if self.follows and not self.under_way and self.terminated is None:
                self.go(self.wrap())

        task = asyncio.ensure_future(run())
        self.under_way.add(task)
        return task

    def send(self, xml: str) -> None:
        self.go(self.wrap(xml))

    async def element(self) -> ElementTree.Element:
        return await asyncio.wait_for(self.arrived.get(), WAIT)

    async def restart(self) -> None:
        self.go(self.wrap(to=DOMAIN, xmpp__restart="true"))
        await self.next("features", STREAM)

    def stop(self) -> None:
        for task in list(self.under_way):
            task.cancel()
