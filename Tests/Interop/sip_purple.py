"""libpurple's SIMPLE, the protocol of Pidgin and Finch, behind BitlBee, which makes a program's client of it."""

from __future__ import annotations

from .claims import claim
from .client import Scene, expect
from .sip_peers import bitlbee
from .sip_presence import granted


@claim("libpurple logs in by SIMPLE over TCP and UDP and chats with an XMPP client, both ways")
async def chats(scene: Scene) -> None:
    client = await scene.online()
    for udp in (False, True):
        purple = await bitlbee(scene, udp=udp)
        await purple.add(client.bare, "juliet")
        client.send_message(purple.bare, "art thou not Romeo", mtype="chat")
        await purple.line(lambda line: "PRIVMSG" in line and "art thou not Romeo" in line, "message")
        purple.send("PRIVMSG juliet :neither, fair maid")
        message = await client.body("neither, fair maid")
        expect(message["from"].bare == purple.bare, f"from {message['from']}")


@claim("libpurple sees an XMPP contact come and go, once the contact has approved")
async def sees(scene: Scene) -> None:
    client = await scene.online()
    purple = await bitlbee(scene)
    await purple.add(client.bare, "juliet")
    await client.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == purple.bare, "request")
    client.send_presence(pto=purple.bare, ptype="subscribed")
    await purple.line(lambda line: line.startswith(":juliet!") and " JOIN " in line, "arrival")
    client.send_presence(ptype="unavailable")
    await purple.line(lambda line: line.startswith(":juliet!") and " QUIT" in line, "departure")


@claim("an XMPP client sees that a libpurple user is there")
async def is_seen(scene: Scene) -> None:
    # That it leaves it publishes without waiting for the challenge: this ends with the publication.
    client, user = await scene.online(), scene.user()
    await granted(scene, client, user)
    purple = await bitlbee(scene, user, publishes=True)
    await client.wait("presence", lambda p: p["from"].bare == purple.bare and p["type"] == "available", "available")


@claim("typing goes between libpurple and XMPP")
async def typing(scene: Scene) -> None:
    client = await scene.online()
    purple = await bitlbee(scene)
    await purple.add(client.bare, "juliet")
    client.send_message(purple.bare, "first", mtype="chat")
    await purple.line(lambda line: "PRIVMSG" in line and "first" in line, "message")
    state = client.make_message(mto=purple.bare, mtype="chat")
    state["chat_state"] = "composing"
    state.send()
    await purple.line(lambda line: "TYPING 1" in line, "typing")
    purple.send("PRIVMSG juliet :\x01TYPING 1\x01")
    await client.wait("message", lambda m: m["chat_state"] == "composing", "composing")
