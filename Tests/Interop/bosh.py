"""XMPP over BOSH (XEP-0124, XEP-0206), with requests that a well-behaved client would not send among them."""

from __future__ import annotations

import asyncio
import hashlib
import time
import xml.etree.ElementTree as ElementTree

from support.servers import DOMAIN

from .claims import claim
from .client import Scene, expect
from .web_client import CLIENT, HTTP, HTTPBIND, SM, STREAM, BOSHStream, WebSocketStream


def shown(element: ElementTree.Element) -> str:
    return ElementTree.tostring(element).decode()


def ends(element: ElementTree.Element, condition: str | None) -> None:
    expect(element.get("type") == "terminate" and element.get("condition") == condition,
           f"expected {condition}, got {shown(element)}")


async def online(scene: Scene, user: str | None = None, **more: str) -> BOSHStream:
    stream = await BOSHStream(scene.host).begin(**more)
    return await stream.log_in(user or scene.user())


async def quiet(scene: Scene, user: str | None = None, **more: str) -> BOSHStream:
    """Logged in, every request answered, and none sent by itself any more."""
    stream = await online(scene, user, **more)
    # The held request comes back when another one arrives; that one comes back with the answer.
    stream.follows = False
    held = list(stream.under_way)
    answer = asyncio.ensure_future(stream.post(stream.wrap(
        f"<iq xmlns='{CLIENT}' type='get' id='last'><ping xmlns='urn:xmpp:ping'/></iq>")))
    for task in held:
        await task
    body = await answer
    expect(any(child.get("id") == "last" for child in body), shown(body))
    while not stream.arrived.empty():
        stream.arrived.get_nowait()
    return stream


@claim("bosh: a login with SCRAM and a chat with a client on TCP, both ways")
async def chat(scene: Scene) -> None:
    romeo = await scene.online()
    juliet = await online(scene)
    wanted = {"wait": "10", "hold": "1", "requests": "2", "ver": "1.6", "from": DOMAIN,
              "{urn:xmpp:xbosh}restartlogic": "true", "{urn:xmpp:xbosh}version": "1.0"}
    created = juliet.created
    expect(all(created.get(name) == value for name, value in wanted.items()), f"created {created}")
    expect(len(created["sid"]) >= 16 and int(created["inactivity"]) > 0 and "authid" in created, f"created {created}")
    for number in range(10):
        romeo.send_message(mto=juliet.address, mbody=f"over BOSH {number}", mtype="chat")
        juliet.say(romeo.bare, f"from BOSH {number}")
    for number in range(10):
        await juliet.body(f"over BOSH {number}")
        await romeo.body(f"from BOSH {number}")
    juliet.go(juliet.wrap(f"<presence xmlns='{CLIENT}' type='unavailable'/>", type="terminate"))
    while juliet.terminated is None:
        await asyncio.sleep(0.01)
    expect(juliet.terminated == "", f"terminated with {juliet.terminated}")
    ends(await juliet.post(juliet.wrap()), "item-not-found")


@claim("bosh: requests that overtake each other are handled in the order of their ids, a repeated one gets its response again")
async def order(scene: Scene) -> None:
    juliet = await quiet(scene)
    first = juliet.wrap(f"<message xmlns='{CLIENT}' to='{juliet.address}' type='chat'><body>one</body></message>")
    second = juliet.wrap(f"<message xmlns='{CLIENT}' to='{juliet.address}' type='chat'><body>two</body></message>")
    later = asyncio.ensure_future(juliet.post(second))
    await asyncio.sleep(0.2)
    expect(not later.done(), "the second request was answered before the first had come")
    answers = [await juliet.post(first), await later]
    bodies = [text for answer in answers for text in (e.findtext(f"{{{CLIENT}}}body") for e in answer) if text]
    if len(bodies) < 2:
        answer = await juliet.post(juliet.wrap())
        bodies += [e.findtext(f"{{{CLIENT}}}body") for e in answer]
    expect(bodies == ["one", "two"], f"came {bodies}")
    expect(shown(await juliet.post(first)) == shown(answers[0]), "the repeated request got another response")


@claim("bosh: what was in a response that never arrived comes again with the repeated request")
async def lost_response(scene: Scene) -> None:
    romeo = await scene.online()
    user = scene.user()
    juliet = await quiet(scene, user)
    # A request whose connection breaks while it is held: the message must wait for the same request to come again.
    held = juliet.wrap()
    link = await HTTP(scene.host).connect()
    link.send("POST", "/http-bind", held)
    await link.writer.drain()
    # What is in the server's sockets is handled before it answers a later request for the second time.
    for _ in range(2):
        await romeo.barrier()
    link.cut()
    for _ in range(2):
        await romeo.barrier()
    romeo.send_message(mto=juliet.address, mbody="while broken", mtype="chat")
    await romeo.barrier()
    answer = await juliet.post(held)
    expect([e.findtext(f"{{{CLIENT}}}body") for e in answer] == ["while broken"], shown(answer))
    expect(shown(await juliet.post(held)) == shown(answer), "the second copy differs")


@claim("bosh: a message that the client never confirmed is stored when its session ends, a confirmed one is not")
async def settling(scene: Scene) -> None:
    romeo, user = await scene.online(), scene.user()
    juliet = await quiet(scene, user)
    held = asyncio.ensure_future(juliet.post(juliet.wrap()))
    romeo.send_message(mto=juliet.address, mbody="confirmed", mtype="chat")
    answer = await held
    expect(answer[0].findtext(f"{{{CLIENT}}}body") == "confirmed", shown(answer))
    held = asyncio.ensure_future(juliet.post(juliet.wrap()))
    await asyncio.sleep(0.05)
    romeo.send_message(mto=juliet.address, mbody="not confirmed", mtype="chat")
    await held
    # Ends the session without having shown that the last response arrived.
    juliet.rid += 10
    ends(await juliet.post(juliet.wrap()), "item-not-found")
    again = await scene.online(user)
    await again.body("not confirmed")
    expect(not again.take("message"), "a confirmed message came twice")


@claim("bosh: requests outside of the window, of unknown sessions and without sense are refused with their conditions")
async def refused(scene: Scene) -> None:
    stranger = BOSHStream(scene.host)
    stranger.sid = "0123456789abcdef"
    ends(await stranger.post(stranger.wrap()), "item-not-found")
    for body in ("", "text", "<body/>", f"<body xmlns='{HTTPBIND}' rid='1'", f"<body xmlns='{HTTPBIND}' rid='1'>text</body>",
                 f"<body xmlns='{HTTPBIND}'/>", f"<body xmlns='{HTTPBIND}' rid='0'/>", f"<body xmlns='{HTTPBIND}' rid='x'/>",
                 f"<body xmlns='{HTTPBIND}' rid='9007199254740992'/>", f"<other xmlns='{HTTPBIND}' rid='1'/>",
                 f"<body xmlns='{HTTPBIND}' rid='1'><!-- --></body>", f"<body xmlns='{HTTPBIND}' rid='1'/><body/>"):
        ends(await BOSHStream(scene.host).post(body), "bad-request")
    ends(await BOSHStream(scene.host).create(to="elsewhere.example"), "host-unknown")
    ends(await BOSHStream(scene.host).create(to=""), "improper-addressing")
    for ahead in (3, -5):
        stream = await BOSHStream(scene.host).begin()
        stream.rid += ahead
        ends(await stream.post(stream.wrap()), "item-not-found")
        stream.rid = stream.rid - ahead
        ends(await stream.post(stream.wrap()), "item-not-found")
    stream = await BOSHStream(scene.host).begin()
    answer = await stream.post(stream.wrap(f"<iq xmlns='{CLIENT}' type='get' id='1' to='juliet@{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>"))
    ends(answer, "remote-stream-error")
    expect(answer.find("{urn:ietf:params:xml:ns:xmpp-streams}not-authorized") is not None, shown(answer))
    secured = BOSHStream(scene.host, encrypted=False)
    link = await HTTP(scene.host, encrypted=False).connect()
    _, _, data = await link.ask("POST", "/http-bind", secured.wrap(to=DOMAIN, xmpp__version="1.0"), X_Forwarded_Proto="http")
    ends(ElementTree.fromstring(data), "remote-stream-error")


@claim("bosh: a client that promises acknowledgements and gives none is ended before responses pile up")
async def unacknowledged(scene: Scene) -> None:
    stream = await BOSHStream(scene.host, encrypted=False).begin(ack="1")
    ask = f"<iq xmlns='{CLIENT}' type='get' id='1' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>"
    for number in range(100):
        answer = await stream.post(stream.wrap(ask, ack="1"))
        if answer.get("type") is not None:
            break
    expect(50 < number < 70, f"{number} responses were left unacknowledged")
    ends(answer, "policy-violation")
    prompt = await BOSHStream(scene.host, encrypted=False).begin(ack="1")
    for _ in range(80):
        answer = await prompt.post(prompt.wrap(ask))
        expect(answer.get("type") is None and len(answer) == 1, shown(answer))


@claim("bosh: a request is held for as long as the client wants, and no longer; a pause lets it go at once")
async def waiting(scene: Scene) -> None:
    juliet = await quiet(scene, wait="2")
    expect(juliet.created["wait"] == "2", f"{juliet.created}")
    began = time.monotonic()
    answer = await juliet.post(juliet.wrap())
    took = time.monotonic() - began
    expect(len(answer) == 0 and answer.get("type") is None and 1.5 < took < 5, f"{shown(answer)} after {took:.1f} s")
    held = asyncio.ensure_future(juliet.post(juliet.wrap()))
    await asyncio.sleep(0.05)
    answer = await juliet.post(juliet.wrap(pause="60"))
    expect(len(answer) == 0 and answer.get("type") is None, shown(answer))
    expect(len(await held) == 0, "the held request got payload")
    ends(await juliet.post(juliet.wrap(pause="100000")), "policy-violation")


@claim("bosh: a client that polls is answered at once, and refused when it polls faster than it may")
async def polling(scene: Scene) -> None:
    juliet = await BOSHStream(scene.host).begin(hold="0")
    expect(juliet.created["hold"] == "0" and int(juliet.created["polling"]) > 0, f"{juliet.created}")
    answer = await juliet.post(juliet.wrap())
    expect(len(answer) == 0 and answer.get("type") is None, shown(answer))
    ends(await juliet.post(juliet.wrap()), "policy-violation")


@claim("bosh: a key sequence is followed; a request without the next key ends the session")
async def keys(scene: Scene) -> None:
    sequence = ["seed"]
    for _ in range(4):
        sequence.append(hashlib.sha1(sequence[-1].encode()).hexdigest())
    sequence.reverse()
    juliet = await BOSHStream(scene.host).begin(newkey=sequence[0], hold="0")
    wrong = f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'/>"
    for key in sequence[1:3]:
        answer = await juliet.post(juliet.wrap(wrong, key=key))
        expect(answer.get("type") is None, shown(answer))
    ends(await juliet.post(juliet.wrap(wrong, key=sequence[1])), "item-not-found")


@claim("bosh: pages of other origins may use it; large and slow requests are refused")
async def http(scene: Scene) -> None:
    link = await HTTP(scene.host).connect()
    status, headers, _ = await link.ask(
        "OPTIONS", "/http-bind", Origin="https://chat.example.com", Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type")
    expect(status in (200, 204) and headers["access-control-allow-origin"] == "*", f"{status} {headers}")
    expect("POST" in headers["access-control-allow-methods"], f"{headers}")
    expect("content-type" in headers["access-control-allow-headers"].lower(), f"{headers}")
    status, headers, _ = await link.ask("POST", "/http-bind", "<body/>", Origin="https://chat.example.com")
    expect(status == 200 and headers["access-control-allow-origin"] == "*", f"{status} {headers}")
    expect(headers["content-type"] == "text/xml; charset=utf-8", f"{headers}")
    status, _, _ = await link.ask("GET", "/http-bind")
    expect(status == 200, f"GET: {status}")
    status, _, _ = await link.ask("DELETE", "/http-bind")
    expect(status == 405, f"DELETE: {status}")
    link.writer.write(b"POST /http-bind HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n")
    status, headers, _ = await link.answer()
    expect(status == 413 and headers["connection"] == "close", f"{status} {headers}")
    link = await HTTP(scene.host).connect()
    link.writer.write(b"nonsense\r\n\r\n")
    status, _, _ = await link.answer()
    expect(status == 400, f"nonsense: {status}")
    link = await HTTP(scene.host).connect()
    link.writer.write(b"POST /http-bind HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<bod")
    status, _, _ = await link.answer()
    expect(status == 408, f"a slow request: {status}")
    # Pipelined: the second request reaches the server while the first is held, and answers keep their order.
    juliet = await quiet(scene)
    link = await HTTP(scene.host).connect()
    link.send("POST", "/http-bind", juliet.wrap())
    link.send("POST", "/http-bind", juliet.wrap(
        f"<iq xmlns='{CLIENT}' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"))
    _, _, one = await link.answer()
    _, _, two = await link.answer()
    expect(b"id='p'" in one + two, f"{one!r} {two!r}")


@claim("bosh: a stream begun on a WebSocket is resumed over BOSH")
async def resumption(scene: Scene) -> None:
    romeo, user = await scene.online(), scene.user()
    begun = await (await (await WebSocketStream.connect(scene.host)).begin()).log_in(user)
    begun.send(f"<enable xmlns='{SM}' resume='true'/>")
    enabled = await begun.next("enabled", SM)
    begun.socket.cut()
    romeo.send_message(mto=begun.address, mbody="between", mtype="chat")
    await romeo.barrier()
    juliet = await BOSHStream(scene.host).begin()
    await juliet.authenticate(user)
    juliet.send(f"<resume xmlns='{SM}' previd='{enabled.get('id')}' h='0'/>")
    await juliet.next("resumed", SM)
    await juliet.body("between")
    juliet.say(romeo.bare, "here again")
    expect((await romeo.body("here again"))["from"].full == begun.address, "from another address")
    juliet.stop()
