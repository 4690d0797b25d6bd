"""XMPP over WebSocket (RFC 7395), and where browsers find it."""

from __future__ import annotations

import asyncio
import json
import struct
import xml.etree.ElementTree as ElementTree

from support.servers import DOMAIN

from .claims import claim
from .client import WAIT, Scene, expect
from .web_client import (BINARY, CLIENT, CLOSE, FRAMING, HTTP, PING, PONG, SM, STREAM, TEXT, WebSocket, WebSocketStream,
                         https_port)


@claim("websocket: a login with SCRAM and a chat with a client on TCP, both ways, every frame stands alone")
async def chat(scene: Scene) -> None:
    romeo = await scene.online()
    juliet = await (await (await WebSocketStream.connect(scene.host)).begin()).log_in(scene.user())
    romeo.send_message(mto=juliet.address, mbody="from TCP <&>", mtype="chat")
    message = await juliet.body("from TCP <&>")
    expect(message.get("from") == romeo.boundjid.full, f"from {message.get('from')}")
    juliet.say(romeo.bare, "from a frame")
    arrived = await romeo.body("from a frame")
    expect(arrived["from"].full == juliet.address, f"from {arrived['from']}")
    disco = await juliet.ask("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=DOMAIN)
    expect(disco.get("type") == "result", ElementTree.tostring(disco).decode())
    juliet.send(f"<close xmlns='{FRAMING}'/>")
    await juliet.next("close", FRAMING)
    await juliet.ended(1000)


@claim("websocket: behind a proxy on this machine no TLS is needed, unless the proxy says that there was none")
async def proxied(scene: Scene) -> None:
    juliet = await (await WebSocketStream.connect(scene.host, encrypted=False)).begin()
    await juliet.log_in(scene.user())
    romeo = await WebSocketStream.connect(scene.host, encrypted=False, X_Forwarded_Proto="http")
    await romeo.open()
    await romeo.fails("policy-violation")


@claim("websocket: the address behind a trusted proxy is the client's own")
async def forwarded(scene: Scene) -> None:
    link = await WebSocketStream.connect(
        scene.host, encrypted=False, X_Forwarded_For="198.51.100.7, 192.0.2.9, 127.0.0.1")
    user = scene.user()
    await (await link.begin()).log_in(user)
    listed = scene.host.run("session", "list", "--json", "--config", str(scene.host.config))
    found = [session for session in json.loads(listed) if session["jid"] == link.address]
    expect(len(found) == 1 and found[0]["address"] == "192.0.2.9", f"{found}")


@claim("websocket: handshakes that are no XMPP are refused")
async def handshakes(scene: Scene) -> None:
    async def refused(status: int, path: str = "/xmpp-websocket", **headers: str) -> dict:
        link = await HTTP(scene.host).connect()
        got, answered = await WebSocket.handshake(link, path, **headers)
        expect(got == status, f"{headers}: {got} instead of {status}")
        link.cut()
        return answered

    await refused(400, Sec_WebSocket_Protocol="")
    await refused(400, Sec_WebSocket_Protocol="chat")
    await refused(400, Sec_WebSocket_Key="short")
    answered = await refused(426, Sec_WebSocket_Version="8")
    expect(answered.get("sec-websocket-version") == "13", f"{answered}")
    await refused(404, path="/elsewhere")
    await refused(404, path="/xmpp-websocketeer")
    await refused(426, Upgrade="")
    await refused(101, Sec_WebSocket_Protocol="chat, xmpp")
    await refused(101, Origin="https://chat.example.com")


@claim("websocket: what breaks the rules of framing ends the stream with its error")
async def rules(scene: Scene) -> None:
    async def broken(condition: str, xml: str, begun: bool = True, code: int | None = None) -> None:
        link = await WebSocketStream.connect(scene.host)
        if begun:
            await link.begin()
        link.send(xml)
        if not begun:
            await link.next("open", FRAMING)
        await link.fails(condition, code)

    ping = f"<iq xmlns='{CLIENT}' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"
    await broken("bad-format", ping, begun=False, code=1000)
    await broken("bad-format", f"<close xmlns='{FRAMING}'/>", begun=False)
    await broken("not-well-formed", f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAM}' to='{DOMAIN}'>", begun=False)
    await broken("host-unknown", f"<open xmlns='{FRAMING}' to='elsewhere.example' version='1.0'/>", begun=False)
    await broken("unsupported-version", f"<open xmlns='{FRAMING}' to='{DOMAIN}'/>", begun=False)
    await broken("not-authorized", f"<presence xmlns='{CLIENT}'/>")
    await broken("not-well-formed", ping + ping)
    await broken("not-well-formed", ping[:-3])
    await broken("not-well-formed", "text")
    await broken("restricted-xml", "<!-- -->" + ping)
    await broken("bad-namespace-prefix", "<x:iq/>")
    await broken("restricted-xml", f"<open xmlns='{FRAMING}' to='{DOMAIN}' version='1.0'/>")
    await broken("policy-violation", f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{'a' * 100_000}</auth>")


@claim("websocket: binary, unmasked and oversized frames are refused, fragments are joined within bounds, pings answered")
async def frames(scene: Scene) -> None:
    link = await (await WebSocketStream.connect(scene.host)).begin()
    link.socket.frame(BINARY, b"<iq/>")
    await link.fails("bad-format", 1003)
    link = await (await WebSocketStream.connect(scene.host)).begin()
    link.socket.frame(TEXT, b"<iq/>", masked=False)
    await link.fails("bad-format", 1002)
    link = await (await WebSocketStream.connect(scene.host)).begin()
    link.socket.frame(0, b"<iq/>")
    await link.fails("bad-format", 1002)
    link = await (await WebSocketStream.connect(scene.host)).begin()
    link.socket.writer.write(b"\x81\xff" + struct.pack("!Q", 1 << 40) + b"\0\0\0\0")
    await link.ended(1009)
    link = await (await WebSocketStream.connect(scene.host)).begin()
    link.socket.frame(TEXT, b"<auth>", final=False)
    for _ in range(20):
        link.socket.frame(0, b"a" * 50_000, final=False)
    await link.fails("policy-violation", 1009)

    juliet = await (await (await WebSocketStream.connect(scene.host)).begin()).log_in(scene.user())
    stanza = f"<iq xmlns='{CLIENT}' type='get' id='f'><ping xmlns='urn:xmpp:ping'/></iq>".encode()
    juliet.socket.frame(TEXT, stanza[:10], final=False)
    juliet.socket.frame(PING, b"inside")
    juliet.socket.frame(0, stanza[10:20], final=False)
    juliet.socket.frame(0, stanza[20:])
    opcode, data = await juliet.frame()
    expect((opcode, data) == (PONG, b"inside"), f"{opcode} {data!r}")
    answer = await juliet.next("iq")
    expect(answer.get("id") == "f" and answer.get("type") == "result", f"{answer.attrib}")
    juliet.socket.frame(TEXT, b" ")
    large = "x" * 70_000
    juliet.say(juliet.address, large)
    await juliet.body(large)
    juliet.socket.frame(CLOSE, struct.pack("!H", 1000))
    opcode, data = await juliet.frame()
    expect(opcode == CLOSE, f"{opcode} {data!r}")


@claim("websocket: a client that sends pings and reads nothing gets no more answers than fit, and goes on afterwards")
async def unread(scene: Scene) -> None:
    juliet = await (await (await WebSocketStream.connect(scene.host, encrypted=False)).begin()).log_in(scene.user())
    asked, several = 200_000, 1_000
    frames = (b"\x89\xfd\0\0\0\0" + b"p" * 125) * several
    for _ in range(asked // several):
        juliet.socket.writer.write(frames)
        await juliet.socket.writer.drain()
    juliet.send(f"<iq xmlns='{CLIENT}' type='get' id='last'><ping xmlns='urn:xmpp:ping'/></iq>")
    answered = 0
    while True:
        opcode, data = await asyncio.wait_for(juliet.socket.read(), WAIT)
        if opcode == TEXT:
            break
        expect(opcode in (PING, PONG), f"frame {opcode} {data!r}")
        answered += opcode == PONG
    expect(ElementTree.fromstring(data).get("id") == "last", f"{data!r}")
    expect(0 < answered < asked, f"{answered} of {asked} pings were answered")


@claim("websocket: a stream begun on TCP is resumed on a WebSocket, and nothing is lost")
async def resumption(scene: Scene) -> None:
    romeo, user = await scene.online(), scene.user()
    juliet = scene.client(user, resumption=True)
    await juliet.log_in()
    await juliet.wait("sm_enabled", what="stream management")
    management = juliet["xep_0198"]
    address, number, handled = juliet.boundjid.full, management.sm_id, management.handled
    juliet.cancel_connection_attempt()
    juliet.cut()
    await juliet.wait("disconnected", what="loss of the connection")
    juliet.cancel_connection_attempt()
    for count in range(3):
        romeo.send_message(mto=address, mbody=f"away {count}", mtype="chat")
    await romeo.barrier()
    link = await (await WebSocketStream.connect(scene.host)).begin()
    await link.authenticate(user)
    link.send(f"<resume xmlns='{SM}' previd='{number}' h='{handled}'/>")
    resumed = await link.next("resumed", SM)
    expect(resumed.get("previd") == number, f"{resumed.attrib}")
    for count in range(3):
        await link.body(f"away {count}")
    link.say(romeo.bare, "over the other link")
    expect((await romeo.body("over the other link"))["from"].full == address, "from another address")
    romeo.send_message(mto=address, mbody="back", mtype="chat")
    await link.body("back")


@claim("host-meta: any page may read where WebSocket and BOSH are, as XML and as JSON")
async def host_meta(scene: Scene) -> None:
    port = https_port(scene.host)
    wanted = {"urn:xmpp:alt-connections:websocket": f"wss://{DOMAIN}:{port}/xmpp-websocket",
              "urn:xmpp:alt-connections:xbosh": f"https://{DOMAIN}:{port}/http-bind"}
    link = await HTTP(scene.host).connect()
    status, headers, data = await link.ask("GET", "/.well-known/host-meta", Origin="https://chat.example.com")
    expect(status == 200 and headers["access-control-allow-origin"] == "*", f"{status} {headers}")
    expect(headers["content-type"].startswith("application/xrd+xml"), f"{headers}")
    space = "{http://docs.oasis-open.org/ns/xri/xrd-1.0}"
    root = ElementTree.fromstring(data)
    expect(root.tag == f"{space}XRD", f"{data!r}")
    expect({e.get("rel"): e.get("href") for e in root.findall(f"{space}Link")} == wanted, f"{data!r}")
    status, headers, data = await link.ask("GET", "/.well-known/host-meta.json")
    expect(status == 200 and headers["access-control-allow-origin"] == "*", f"{status} {headers}")
    expect({e["rel"]: e["href"] for e in json.loads(data)["links"]} == wanted, f"{data!r}")
    link.send("HEAD", "/.well-known/host-meta")
    status, _, _ = await link.answer(head_only=True)
    expect(status == 200, f"HEAD: {status}")
    status, _, _ = await link.ask("POST", "/.well-known/host-meta")
    expect(status == 405, f"POST: {status}")
