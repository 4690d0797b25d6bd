"""Files from client to client: the SOCKS5 proxy (XEP-0065), in-band streams (XEP-0047), and what negotiates them."""

from __future__ import annotations

import asyncio
import hashlib
import os
from xml.etree import ElementTree

from slixmpp.exceptions import IqError
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from .claims import claim
from .client import WAIT, Client, Scene, expect

PROXY = "proxy.localhost"
BYTESTREAMS = "http://jabber.org/protocol/bytestreams"
IN_BAND = "http://jabber.org/protocol/ibb"
OFFER = "http://jabber.org/protocol/si"


async def pair(scene: Scene, *plugins: str) -> tuple[Client, Client]:
    """Two users online whose libraries speak the plugins and accept every stream."""
    clients = [await scene.online(), await scene.online()]
    for client in clients:
        for plugin in plugins:
            client.register_plugin(plugin, {"auto_accept": True})
    return clients[0], clients[1]


class Sink:
    """Collects what a SOCKS5 stream of the library brings."""

    def __init__(self, client: Client) -> None:
        self.content = bytearray()
        self.arrived = asyncio.Event()
        self.closed = asyncio.Event()
        client.add_event_handler("socks5_data", self.take)
        client.add_event_handler("socks5_closed", lambda _: self.closed.set())

    def take(self, content: bytes) -> None:
        self.content += content
        self.arrived.set()

    async def wait(self, count: int) -> bytes:
        async def enough() -> None:
            while len(self.content) < count:
                self.arrived.clear()
                await self.arrived.wait()
        await asyncio.wait_for(enough(), WAIT)
        return bytes(self.content)


@claim("a file goes through the SOCKS5 proxy: found by discovery, joined, activated, three megabytes one way, an answer back")
async def through_proxy(scene: Scene) -> None:
    romeo, juliet = await pair(scene, "xep_0065")
    at_juliet, at_romeo = Sink(juliet), Sink(romeo)
    opened: asyncio.Future = asyncio.get_running_loop().create_future()
    juliet.add_event_handler("socks5_stream", lambda stream: opened.done() or opened.set_result(stream))
    stream = await asyncio.wait_for(romeo["xep_0065"].handshake(juliet.boundjid.full, timeout=WAIT), WAIT)
    expect(list(romeo["xep_0065"]._proxies) == [PROXY], f"proxies {romeo['xep_0065']._proxies}")
    content = os.urandom(3_000_000)
    for start in range(0, len(content), 100_000):
        await stream.write(content[start:start + 100_000])
    expect(await at_juliet.wait(len(content)) == content, "not what was sent")
    other = await asyncio.wait_for(opened, WAIT)
    await other.write(b"thank you")
    expect(await at_romeo.wait(9) == b"thank you", f"{bytes(at_romeo.content)!r}")
    stream.transport.close()
    await asyncio.wait_for(at_juliet.closed.wait(), WAIT)


async def bytestream_request(client: Client, kind: str, inner: str = "", sid: str = "") -> str:
    """A request to the proxy; `result` or the condition of the error."""
    iq = client.make_iq_set(ito=PROXY) if kind == "set" else client.make_iq_get(ito=PROXY)
    attribute = f" sid='{sid}'" if sid else ""
    iq.append(ElementTree.fromstring(f"<query xmlns='{BYTESTREAMS}'{attribute}>{inner}</query>"))
    try:
        await iq.send(timeout=WAIT)
    except IqError as error:
        return error.condition
    return "result"


@claim("the proxy activates nothing that is not there, or half there, or somebody else's")
async def not_activated(scene: Scene) -> None:
    romeo, juliet, tybalt = await scene.online(), await scene.online(), await scene.online()
    target = f"<activate>{juliet.boundjid.full}</activate>"
    expect(await bytestream_request(romeo, "set", target, "s1") == "item-not-found", "nobody is connected")
    expect(await bytestream_request(romeo, "set", target) == "bad-request", "no sid")
    expect(await bytestream_request(romeo, "set", "<activate>@</activate>", "s1") == "jid-malformed", "no address")
    digest = hashlib.sha1(f"s1{romeo.boundjid.full}{juliet.boundjid.full}".encode()).hexdigest()
    connections = [await socks(scene, digest)]
    expect(await bytestream_request(romeo, "set", target, "s1") == "not-allowed", "only one is connected")
    connections.append(await socks(scene, digest))
    expect(await bytestream_request(tybalt, "set", target, "s1") == "item-not-found", "not the initiator")
    expect(await bytestream_request(romeo, "set", target, "s1") == "result", "both are connected")
    connections[0][1].write(b"x")
    expect(await asyncio.wait_for(connections[1][0].readexactly(1), WAIT) == b"x", "the stream does not carry")
    for _, writer in connections:
        writer.close()


async def socks(scene: Scene, digest: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the proxy that has asked for the stream with that hash."""
    reader, writer = await asyncio.open_connection("127.0.0.1", 7777 + scene.host.offset)
    writer.write(b"\x05\x01\x00")
    expect(await asyncio.wait_for(reader.readexactly(2), WAIT) == b"\x05\x00", "no greeting")
    address = b"\x03\x28" + digest.encode() + b"\x00\x00"
    writer.write(b"\x05\x01\x00" + address)
    answer = await asyncio.wait_for(reader.readexactly(47), WAIT)
    expect(answer == b"\x05\x00\x00" + address, f"answered {answer!r}")
    return reader, writer


@claim("an in-band stream carries a file from client to client (XEP-0047)")
async def in_band(scene: Scene) -> None:
    romeo, juliet = await pair(scene, "xep_0047")
    opened: asyncio.Future = asyncio.get_running_loop().create_future()
    juliet.add_event_handler("ibb_stream_start", lambda stream: opened.done() or opened.set_result(stream))
    stream = await romeo["xep_0047"].open_stream(juliet.boundjid, block_size=4096, sid="ibb1", timeout=WAIT)
    incoming = await asyncio.wait_for(opened, WAIT)
    content = os.urandom(50_000)
    gathering = asyncio.ensure_future(incoming.gather(timeout=int(WAIT)))
    await stream.sendall(content, timeout=WAIT)
    await stream.close(timeout=WAIT)
    expect(await gathering == content, "not what was sent")


@claim("an offer of a file reaches the other client, which refuses it (XEP-0095, XEP-0096)")
async def offer(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    romeo.register_plugin("xep_0096")
    # The library's own receiving side does not run; juliet looks at the stanza.
    offered: asyncio.Future = asyncio.get_running_loop().create_future()
    juliet.register_handler(Callback("offer", MatchXPath(f"{{jabber:client}}iq/{{{OFFER}}}si"),
                                     lambda iq: offered.done() or offered.set_result(iq)))
    asking = asyncio.ensure_future(romeo["xep_0096"].request_file_transfer(
        juliet.boundjid, sid="f1", name="test.txt", size=1022, methods=[{"value": IN_BAND}], timeout=WAIT))
    iq = await asyncio.wait_for(offered, WAIT)
    file = iq.xml.find(f"{{{OFFER}}}si/{{{OFFER}/profile/file-transfer}}file")
    expect(iq["from"] == romeo.boundjid and file is not None and file.get("size") == "1022", f"{iq}")
    answer = iq.reply()
    answer["type"], answer["error"]["condition"], answer["error"]["type"] = "error", "forbidden", "cancel"
    answer.send()
    try:
        await asking
    except IqError as error:
        expect(error.condition == "forbidden", f"refused with {error.condition}")
    else:
        expect(False, "the refusal did not arrive")
