"""Stream management (XEP-0198) with slixmpp's own implementation."""

from __future__ import annotations

import asyncio

from .claims import claim
from .client import Scene, befriend, expect


@claim("slixmpp resumes a lost stream: nothing is lost, nothing comes twice, the contact sees no flap")
async def resumption(scene: Scene) -> None:
    romeo = await scene.online()
    juliet = await scene.online(resumption=True)
    await juliet.wait("sm_enabled", what="stream management")
    await befriend(romeo, juliet)
    romeo.take("presence")
    address = juliet.boundjid.full
    juliet.cut()
    await juliet.wait("disconnected", what="loss of the connection")
    for number in range(10):
        romeo.send_message(mto=juliet.bare, mbody=f"while away {number}", mtype="chat")
    await romeo.barrier()
    juliet.open()
    await juliet.wait("session_resumed", what="resumption")
    await juliet.body("while away 9")
    bodies = [m["body"] for m in juliet.take("message")]
    expect(bodies == [f"while away {number}" for number in range(9)], f"came: {bodies}")
    expect(juliet.boundjid.full == address, f"address became {juliet.boundjid}")
    romeo.send_message(mto=address, mbody="live again", mtype="chat")
    await juliet.body("live again")
    juliet.send_message(mto=romeo.bare, mbody="me too", mtype="chat")
    await romeo.body("me too")
    flaps = romeo.take("presence", lambda p: p["from"].bare == juliet.bare)
    expect(not flaps, f"the contact saw {[str(p) for p in flaps]}")


@claim("the server acknowledges what slixmpp sends")
async def acknowledgement(scene: Scene) -> None:
    romeo, juliet = await scene.online(resumption=True), await scene.online()
    await romeo.wait("sm_enabled", what="stream management")
    for number in range(5):
        romeo.send_message(mto=juliet.bare, mbody=f"ack {number}", mtype="chat")
    await romeo.barrier()
    romeo["xep_0198"].request_ack()
    await romeo.wait("stanza_acked", lambda s: s.name == "message" and s["body"] == "ack 4", "acknowledgement")
    await juliet.body("ack 4")


@claim("what slixmpp sent just before it lost the stream arrives exactly once after the resumption")
async def resend(scene: Scene) -> None:
    juliet = await scene.online()
    romeo = await scene.online(resumption=True)
    await romeo.wait("sm_enabled", what="stream management")
    for number in range(30):
        romeo.send_message(mto=juliet.bare, mbody=f"once {number}", mtype="chat")
        if number == 15:
            await asyncio.sleep(0)
    await romeo.barrier()
    romeo.cut()
    await romeo.wait("disconnected", what="loss of the connection")
    romeo.send_message(mto=juliet.bare, mbody="once 30", mtype="chat")
    romeo.open()
    await romeo.wait("session_resumed", what="resumption")
    await juliet.body("once 30")
    bodies = [m["body"] for m in juliet.take("message")]
    expect(bodies == [f"once {number}" for number in range(30)], f"came: {bodies}")


@claim("a stream that is closed properly is not resumed but starts anew")
async def closed(scene: Scene) -> None:
    user = scene.user()
    client = await scene.online(user, resumption=True)
    await client.wait("sm_enabled", what="stream management")
    identifier = client["xep_0198"].sm_id
    await client.log_out()
    again = scene.client(user, resumption=True)
    again["xep_0198"].sm_id = identifier
    again["xep_0198"].handled = 0
    again.open()
    await again.wait("sm_failed", what="refusal of the resumption")
    await again.wait("session_start", what="a fresh session")
