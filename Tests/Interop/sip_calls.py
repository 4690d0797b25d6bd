"""Scripted calls and requests with sipp (sipp/), through the server, each side being a registered device."""

from __future__ import annotations

import asyncio

from support.servers import DOMAIN

from .claims import claim
from .client import Scene, expect
from .sip_peers import Sipp, sipp


async def _called(scene: Scene, scenario: str, transport: str = "udp") -> Sipp:
    """A registered device that does what the scenario says when somebody calls or writes."""
    user = scene.user()
    device = await sipp(scene, scenario, user, transport=transport)
    device.user = user
    await (await sipp(scene, "register", user, transport=transport, contact_port=str(device.port), expires="600")).done()
    return device


async def _both(caller: Sipp, called: Sipp) -> tuple[str, str]:
    return tuple(await asyncio.gather(caller.done(), called.done()))


@claim("sipp registers, refreshes, lists and takes its contact away, over UDP and TCP")
async def registers(scene: Scene) -> None:
    for transport in ("udp", "tcp"):
        user = scene.user()
        await (await sipp(scene, "register", user, transport=transport, contact_port="40000", expires="600")).done()
        await (await sipp(scene, "unregister", user, transport=transport)).done()


@claim("two sipp devices call each other through the server, over UDP, TCP and from one to the other")
async def calls(scene: Scene) -> None:
    for theirs, ours in (("udp", "udp"), ("tcp", "tcp"), ("udp", "tcp"), ("tcp", "udp")):
        called = await _called(scene, "answer", ours)
        caller = await sipp(scene, "call", scene.user(), transport=theirs, target=called.user)
        sent, got = await _both(caller, called)
        expect("Record-Route:" in got, f"the server does not stay in the call ({theirs} to {ours}):\n{got[:1500]}")


@claim("a call is cancelled, refused because busy, and to nobody")
async def not_answered(scene: Scene) -> None:
    called = await _called(scene, "answer_never")
    await _both(await sipp(scene, "call_cancel", scene.user(), target=called.user), called)
    called = await _called(scene, "answer_busy")
    await _both(await sipp(scene, "call_busy", scene.user(), target=called.user), called)
    await (await sipp(scene, "call_absent", scene.user(), target=scene.user())).done()
    await (await sipp(scene, "call_unknown", scene.user(), target="nobody.of.that.name")).done()


@claim("a call rings at every device of a user, and those that are too late are cancelled")
async def forking(scene: Scene) -> None:
    silent = await _called(scene, "answer_never")
    second = await sipp(scene, "answer", silent.user)
    await (await sipp(scene, "register", silent.user, contact_port=str(second.port), expires="600")).done()
    caller = await sipp(scene, "call", scene.user(), target=silent.user)
    await asyncio.gather(caller.done(), silent.done(), second.done())


@claim("sipp messages go to registered devices over UDP and TCP")
async def messages(scene: Scene) -> None:
    for theirs, ours in (("udp", "udp"), ("tcp", "udp"), ("udp", "tcp")):
        called = await _called(scene, "message_arrives", ours)
        writer = await sipp(scene, "message", scene.user(), transport=theirs, target=called.user,
                            text="wherefore art thou")
        await _both(writer, called)


@claim("sipp and an XMPP client write to each other")
async def across(scene: Scene) -> None:
    client = await scene.online()
    writer = await sipp(scene, "message", scene.user(), target=client.user, text="from a phone")
    await writer.done()
    # A template of sipp ends with a line.
    message = await client.wait("message", lambda m: m["body"].strip() == "from a phone", "message")
    expect(message["from"].domain == DOMAIN, f"from {message['from']}")
    called = await _called(scene, "message_arrives")
    client.send_message(f"{called.user}@{DOMAIN}", "wherefore art thou", mtype="chat")
    await called.done()


@claim("sipp publishes, refreshes and withdraws presence, over UDP and TCP; an old tag is refused")
async def publishes(scene: Scene) -> None:
    for transport in ("udp", "tcp"):
        await (await sipp(scene, "publish", scene.user(), transport=transport, text="at the balcony")).done()


@claim("sipp subscribes, is notified and unsubscribes, over UDP and TCP")
async def subscribes(scene: Scene) -> None:
    for transport in ("udp", "tcp"):
        await (await sipp(scene, "subscribe", scene.user(), transport=transport, target=scene.user())).done()
