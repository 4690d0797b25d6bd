"""baresip, a phone for people: presence, messages and calls through the server."""

from __future__ import annotations

from .claims import claim
from .client import Scene, expect
from .sip_client import phone
from .sip_peers import Baresip, baresip
from .sip_presence import granted


@claim("baresip registers over UDP, TCP and TLS, and is written to by an XMPP client")
async def registers(scene: Scene) -> None:
    client = await scene.online()
    for transport in ("udp", "tcp", "tls"):
        device = await baresip(scene, transport=transport)
        client.send_message(device.bare, f"over {transport}", mtype="chat")
        await device.line(f"over {transport}", "message")


@claim("baresip writes to its contact, who has an XMPP client")
async def writes(scene: Scene) -> None:
    client = await scene.online()
    device = await baresip(scene, contacts=[client.bare])
    await device.command("message", "hello from the phone")
    message = await client.body("hello from the phone")
    expect(message["from"].bare == device.bare, f"from {message['from']}")


@claim("baresip sees an XMPP contact come and go, once the contact has approved", limit=60)
async def sees(scene: Scene) -> None:
    client = await scene.online()
    device = await baresip(scene, contacts=[client.bare])
    await client.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == device.bare, "request")
    client.send_presence(pto=device.bare, ptype="subscribed")
    await device.sees(client.bare, "Online")
    client.send_presence(pshow="dnd")
    await device.sees(client.bare, "Busy")
    client.send_presence(ptype="unavailable")
    await device.sees(client.bare, "Offline")


@claim("an XMPP client sees what baresip publishes")
async def publishes(scene: Scene) -> None:
    client, user = await scene.online(), scene.user()
    await granted(scene, client, user)
    device = await baresip(scene, user, account=";pubint=600")
    await client.wait("presence", lambda p: p["from"].bare == device.bare and p["type"] == "available", "available")
    # The phone forgets what it has published when it publishes again before the answer: what is stored after it is.
    await (await phone(scene)).message(f"{scene.user()}@{client.boundjid.domain}", "later")
    await device.command("reginfo")
    await device.command("presence_offline")
    await client.wait("presence", lambda p: p["from"].bare == device.bare and p["type"] == "unavailable", "gone")


async def _call(caller: Baresip, called: Baresip) -> None:
    await caller.command("dial", called.uri)
    await called.happened("CALL_INCOMING")
    await called.command("accept")
    await caller.happened("CALL_ESTABLISHED")
    await called.happened("CALL_ESTABLISHED")


@claim("two baresips call each other through the server and hang up, over UDP, TCP and TLS")
async def calls(scene: Scene) -> None:
    for theirs, ours in (("udp", "udp"), ("tcp", "udp"), ("tls", "tls")):
        caller, called = await baresip(scene, transport=theirs), await baresip(scene, transport=ours)
        await _call(caller, called)
        await (caller if theirs == "udp" else called).command("hangup")
        await caller.happened("CALL_CLOSED")
        await called.happened("CALL_CLOSED")


@claim("baresip refuses a call, and the caller gives one up")
async def refuses(scene: Scene) -> None:
    caller, called = await baresip(scene), await baresip(scene)
    await caller.command("dial", called.uri)
    await called.happened("CALL_INCOMING")
    await called.command("hangup")
    await caller.happened("CALL_CLOSED")
    await called.happened("CALL_CLOSED")
    await caller.command("dial", called.uri)
    await called.happened("CALL_INCOMING")
    await caller.command("hangup")
    await called.happened("CALL_CLOSED")


@claim("a call rings at every phone of a user, and stops at the others when one is answered")
async def forking(scene: Scene) -> None:
    user = scene.user()
    first, second = await baresip(scene, user), await baresip(scene, user, transport="tcp")
    caller = await baresip(scene)
    await caller.command("dial", first.uri)
    await first.happened("CALL_INCOMING")
    await second.happened("CALL_INCOMING")
    await second.command("accept")
    await caller.happened("CALL_ESTABLISHED")
    await first.happened("CALL_CLOSED")
    await caller.command("hangup")
    await second.happened("CALL_CLOSED")


@claim("messages that came while baresip was off are there when it registers")
async def offline(scene: Scene) -> None:
    client, writer, user = await scene.online(), await phone(scene), scene.user()
    client.send_message(f"{user}@{client.boundjid.domain}", "while you were out", mtype="chat")
    await client.barrier()
    await writer.message(f"{user}@{client.boundjid.domain}", "me too")
    device = await baresip(scene, user)
    await device.line("while you were out", "stored message")
    await device.line("me too", "stored message")


@claim("XMPP contacts see both ends of a call of two telephones on the phone while it lasts", limit=60)
async def on_the_phone(scene: Scene) -> None:
    watcher, user = await scene.online(), scene.user()
    await granted(scene, watcher, user)
    caller, called = await baresip(scene), await baresip(scene, user)
    owner = await scene.online(caller.user)
    watcher.send_presence(pto=owner.bare, ptype="subscribe")
    await owner.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == watcher.bare, "request")
    owner.send_presence(pto=watcher.bare, ptype="subscribed")
    await watcher.wait("presence", lambda p: p["type"] == "available" and p["from"].bare == owner.bare, "presence")
    await caller.command("dial", called.uri)
    await called.happened("CALL_INCOMING")
    await called.command("accept")
    await caller.happened("CALL_ESTABLISHED")
    # Whose only client is a telephone is somebody of whom nothing else is known; the other one's client shows it too.
    for jid in (called.bare, owner.bare):
        await watcher.wait("presence", lambda p: p["type"] == "dnd" and p["from"].bare == jid, f"{jid} on the phone")
    await called.command("hangup")
    await caller.happened("CALL_CLOSED")
    await watcher.wait("presence", lambda p: p["type"] == "unavailable" and p["from"].bare == called.bare, "the end")
    await watcher.wait("presence", lambda p: p["type"] == "available" and p["from"].bare == owner.bare, "back")
