"""Blocking (XEP-0191)."""

from __future__ import annotations

from .claims import claim
from .client import Scene, expect


@claim("a blocked contact's messages are refused, and arrive again once unblocked")
async def block(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    await juliet["xep_0191"].block(romeo.bare)
    listed = {str(jid) for jid in await juliet["xep_0191"].get_blocked_jids()}
    expect(listed == {romeo.bare}, f"list {listed}")
    romeo.send_message(mto=juliet.bare, mbody="can you hear me?", mtype="chat")
    error = await romeo.wait("message", lambda m: m["type"] == "error", "error")
    expect(error["error"]["condition"] == "service-unavailable", f"{error['error']['condition']}")
    await juliet["xep_0191"].unblock(romeo.bare)
    romeo.send_message(mto=juliet.bare, mbody="and now?", mtype="chat")
    await juliet.body("and now?")
    expect(not juliet.take("message", lambda m: m["body"] == "can you hear me?"), "the blocked message came")


@claim("blocking shows the blocker as unavailable, unblocking brings presence back")
async def presence(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    romeo.take("presence")
    await juliet["xep_0191"].block(romeo.bare)
    await romeo.wait("presence", lambda p: p["from"].bare == juliet.bare and p["type"] == "unavailable", "unavailable")
    juliet.send_presence(pshow="dnd")
    await juliet.barrier()
    await romeo.barrier()
    expect(not romeo.take("presence", lambda p: p["type"] == "dnd"), "presence leaks to a blocked contact")
    await juliet["xep_0191"].unblock(romeo.bare)
    await romeo.wait("presence", lambda p: p["from"].bare == juliet.bare and p["type"] == "dnd", "presence")


@claim("a block is pushed to the user's other client that asked for the list, and survives logout")
async def push(scene: Scene) -> None:
    user = scene.user()
    first, second = await scene.online(user, "first"), await scene.online(user, "second")
    for client in (first, second):
        await client["xep_0191"].get_blocked()
    await first["xep_0191"].block("tybalt@localhost")
    await second.wait("blocked", what="block push")
    await first.log_out()
    await second.log_out()
    third = await scene.online(user)
    listed = {str(jid) for jid in await third["xep_0191"].get_blocked_jids()}
    expect(listed == {"tybalt@localhost"}, f"list {listed}")


@claim("the blocker cannot write to the blocked either")
async def own_messages(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    await juliet["xep_0191"].block(romeo.bare)
    juliet.send_message(mto=romeo.bare, mbody="oops", mtype="chat")
    error = await juliet.wait("message", lambda m: m["type"] == "error", "error")
    expect(error["error"]["condition"] == "not-acceptable", f"{error['error']['condition']}")
    expect(error.xml.find(".//{urn:xmpp:blocking:errors}blocked") is not None, f"no <blocked/> in {error}")


@claim("a report with a block blocks, and the administrator reads it in the log (XEP-0377)")
async def report(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    juliet.register_plugin("xep_0377")
    await juliet["xep_0377"].report(romeo.boundjid.bare, reason="abuse", timeout=10)
    listed = {str(jid) for jid in await juliet["xep_0191"].get_blocked_jids()}
    expect(listed == {romeo.bare}, f"list {listed}")
    lines = [line for line in scene.host.log.read_text().splitlines() if "a user was reported" in line]
    expect(any(f"jid={romeo.bare}" in line and f"by={juliet.bare}" in line and "reason=abuse" in line
               for line in lines), f"logged: {lines}")
