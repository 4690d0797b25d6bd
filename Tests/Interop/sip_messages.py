"""Messages between people with SIP devices and people with XMPP clients: one conversation, whatever they use."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from support.servers import DOMAIN

from .claims import claim
from .client import Scene, expect
from .sip_client import phone

_COMPOSING = "application/im-iscomposing+xml"


@claim("a SIP device and an XMPP client chat, over UDP, TCP and TLS, with all kinds of text")
async def chat(scene: Scene) -> None:
    client = await scene.online()
    for transport in ("udp", "tcp", "tls"):
        device = await phone(scene, transport=transport)
        text = f"wherefore <art> & \"thou\" Ромео 🌹 over {transport}"
        answer = await device.message(client.bare, text)
        expect(answer.status in (200, 202), f"{answer.start}")
        message = await client.body(text)
        expect(message["from"].bare == device.bare, f"from {message['from']}")
        client.send_message(device.bare, text + " back", mtype="chat")
        arrived = await device.body(text + " back")
        expect(arrived.address("from") == f"sip:{client.bare}", f"from {arrived.get('from')}")
        expect(arrived.get("content-type").startswith("text/plain"), arrived.get("content-type"))


@claim("a message to somebody with a SIP device and an XMPP client comes to both")
async def every_device(scene: Scene) -> None:
    client = await scene.online()
    device = await phone(scene, client.user)
    second = await phone(scene, client.user, transport="tcp")
    writer = await phone(scene)
    await writer.message(client.bare, "to all of you")
    await client.body("to all of you")
    await device.body("to all of you")
    await second.body("to all of you")


@claim("messages for a SIP user who is away wait until the device registers, in their order and once")
async def offline(scene: Scene) -> None:
    client = await scene.online()
    user = scene.user()
    for number in range(3):
        client.send_message(f"{user}@{DOMAIN}", f"later {number}", mtype="chat")
    await client.barrier()
    writer = await phone(scene)
    answer = await writer.message(f"{user}@{DOMAIN}", "and from a phone")
    expect(answer.status == 202, f"to somebody who is away: {answer.start}")
    device = await phone(scene, user)
    arrived = [await device.wait("MESSAGE") for _ in range(4)]
    expect([message.text for message in arrived] == ["later 0", "later 1", "later 2", "and from a phone"],
           f"{[message.text for message in arrived]}")
    again = await phone(scene, user)
    await writer.message(again.bare, "the next")
    await again.body("the next")
    expect(not [message for message in again.seen if message.method == "MESSAGE"], "stored messages come twice")


@claim("a message of a SIP device waits for an XMPP user who is away")
async def offline_across(scene: Scene) -> None:
    device = await phone(scene)
    user = scene.user()
    answer = await device.message(f"{user}@{DOMAIN}", "read me later")
    expect(answer.status == 202, answer.start)
    client = await scene.online(user)
    message = await client.body("read me later")
    expect(message["from"].bare == device.bare, f"from {message['from']}")


@claim("who writes is seen on the other side, in both directions")
async def typing(scene: Scene) -> None:
    client, device = await scene.online(), await phone(scene)
    await device.message(client.bare, "begin")
    await client.body("begin")
    composing = ("<?xml version='1.0' encoding='UTF-8'?><isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'>"
                 "<state>{}</state></isComposing>")
    answer = await device.message(client.bare, composing.format("active"), kind=_COMPOSING)
    expect(answer.status in (200, 202), answer.start)
    await client.wait("message", lambda m: m["chat_state"] == "composing", "composing")
    await device.message(client.bare, composing.format("idle"), kind=_COMPOSING)
    await client.wait("message", lambda m: m["chat_state"] in ("paused", "active"), "end of composing")
    state = client.make_message(mto=device.bare, mtype="chat")
    state["chat_state"] = "composing"
    state.send()
    arrived = await device.wait("MESSAGE", lambda m: m.get("content-type").startswith(_COMPOSING), "isComposing")
    expect(re.search(r"<(\w+:)?state>\s*active", arrived.text) is not None, arrived.text)


@claim("receipts are asked for and given across (IMDN, XEP-0184)")
async def receipts(scene: Scene) -> None:
    client, device = await scene.online(), await phone(scene)
    cpim = (f"From: <sip:{device.bare}>\r\nTo: <sip:{client.bare}>\r\nDateTime: 2026-01-01T12:00:00Z\r\n"
            "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: id-1\r\nimdn.Disposition-Notification: "
            "positive-delivery\r\n\r\nContent-type: text/plain; charset=utf-8\r\n\r\ntell me")
    answer = await device.message(client.bare, cpim, kind="message/cpim")
    expect(answer.status in (200, 202), answer.start)
    message = await client.body("tell me")
    expect(message["request_receipt"], f"no receipt is asked for: {message}")
    client["xep_0184"].ack(message)
    report = await device.wait("MESSAGE", lambda m: "imdn" in m.text, "delivery notification")
    expect("id-1" in report.text and "delivered" in report.text, report.text)
    asked = client.make_message(mto=device.bare, mbody="and you me", mtype="chat")
    asked["id"] = "x1"
    asked["request_receipt"] = True
    asked.send()
    arrived = await device.wait("MESSAGE", lambda m: "and you me" in m.text, "message with IMDN")
    expect("imdn.Message-ID" in arrived.text, f"{arrived}")
    number = re.search(r"(?i)imdn\.Message-ID:\s*(\S+)", arrived.text).group(1)
    notice = ("<?xml version='1.0' encoding='UTF-8'?><imdn xmlns='urn:ietf:params:xml:ns:imdn'>"
              f"<message-id>{number}</message-id><datetime>2026-01-01T12:00:00Z</datetime>"
              "<delivery-notification><status><delivered/></status></delivery-notification></imdn>")
    cpim = (f"From: <sip:{device.bare}>\r\nTo: <sip:{client.bare}>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
            f"imdn.Message-ID: id-2\r\n\r\nContent-type: message/imdn+xml\r\nContent-Disposition: notification\r\n"
            f"Content-Length: {len(notice)}\r\n\r\n{notice}")
    await device.message(client.bare, cpim, kind="message/cpim")
    receipt = await client.wait("message", lambda m: m["receipt"] == "x1", "receipt")
    expect(receipt["from"].bare == device.bare, f"{receipt}")


@claim("whom a user has blocked with XMPP cannot write to the SIP device, and the sender learns it in his protocol")
async def blocked(scene: Scene) -> None:
    blocker = await scene.online()
    device = await phone(scene, blocker.user)
    stranger, other = await phone(scene), await scene.online()
    await blocker["xep_0191"].block([stranger.bare, other.bare])
    answer = await stranger.message(blocker.bare, "let me in")
    expect(answer.status in (403, 480, 404, 503), f"a blocked sender: {answer.start}")
    other.send_message(blocker.bare, "me too", mtype="chat")
    await other.wait("message", lambda m: m["type"] == "error", "error")
    await blocker["xep_0191"].unblock([stranger.bare])
    answer = await stranger.message(blocker.bare, "thanks")
    expect(answer.status == 200, answer.start)
    await device.body("thanks")
    expect(not [m for m in device.seen if m.method == "MESSAGE"], f"{device.seen}")


@claim("messages that cannot be delivered are refused in the sender's protocol")
async def undeliverable(scene: Scene) -> None:
    device, client = await phone(scene, transport="tcp"), await scene.online()
    answer = await device.message(f"nobody.of.that.name@{DOMAIN}", "hello?")
    expect(answer.status == 404, answer.start)
    # Announced, not sent: a connection that is ended with unread bytes may lose the answer on its way.
    greedy = await phone(scene, transport="tcp", registers=False)
    data = greedy.build("MESSAGE", f"sip:{client.bare}", f"<sip:{client.bare}>", [("Content-Type", "text/plain")], b"",
                        "z9hG4bKgreedy", "greedy@127.0.0.1", 1).replace(b"Content-Length: 0", b"Content-Length: 70000")
    answer = await greedy.transact(data, "z9hG4bKgreedy")
    expect(answer.status in (413, 513), answer.start)
    answer = await device.message(client.bare, "x", kind="application/octet-stream")
    expect(answer.status == 415 and "text/plain" in answer.get("accept"), f"{answer}")
    device.statuses["MESSAGE"] = 488
    client.send_message(device.bare, "not for you", mtype="chat")
    refusal = await client.wait("message", lambda m: m["type"] == "error", "error")
    expect(refusal["error"]["condition"] == "not-acceptable", f"{refusal}")
