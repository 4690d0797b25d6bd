"""Kamailio in front of the server, as the proxy that phones see, and behind it, as the server of another domain."""

from __future__ import annotations

import asyncio

from support.servers import DOMAIN

from .claims import claim
from .client import Scene, expect
from .sip_client import SIPClient, phone, presence
from .sip_peers import Kamailio, baresip, kamailio, sipp
from .sip_presence import shows, watch

OUTSIDE = "phones.test"


# In front


@claim("phones behind a proxy register through it and are reached through it: messages and presence (RFC 3327)")
async def behind_edge(scene: Scene) -> None:
    edge = await kamailio(scene, "kamailio_edge.cfg")
    client = await scene.online()
    for transport in ("udp", "tcp"):
        device = await phone(scene, transport=transport, port=edge.port)
        client.send_message(device.bare, f"through the proxy, {transport}", mtype="chat")
        arrived = await device.body(f"through the proxy, {transport}")
        expect(len(arrived.all("via")) >= 2, f"it did not come through the proxy: {arrived}")
        answer = await device.message(client.bare, "and back")
        expect(answer.status in (200, 202), answer.start)
        await client.body("and back")
        subscription = await watch(device, client)
        client.send_presence(pshow="away")
        await subscription.notified(shows("open", "away"), "away through the proxy")
        await subscription.send(0)
        await subscription.state("terminated")
        published = await device.publish(presence(device.uri, "open"))
        expect(published.status == 200, f"{published}")
        client.send_presence()


@claim("a call through a proxy in front: ringing, answer, end, one that is refused, one that is given up")
async def calls_behind_edge(scene: Scene) -> None:
    edge = await kamailio(scene, "kamailio_edge.cfg")
    for scenario, caller_does in (("answer", "call"), ("answer_busy", "call_busy")):
        user = scene.user()
        called = await sipp(scene, scenario, user, port=edge.port)
        registration = await sipp(scene, "register", user, port=edge.port, contact_port=str(called.port), expires="600")
        await registration.done()
        caller = await sipp(scene, caller_does, scene.user(), port=edge.port, target=user)
        await asyncio.gather(caller.done(), called.done())
    caller, called = await baresip(scene, port=edge.port), await baresip(scene, port=edge.port)
    await caller.command("dial", called.uri)
    await called.happened("CALL_INCOMING")
    await caller.command("hangup")
    await called.happened("CALL_CLOSED")
    await caller.command("dial", called.uri)
    await called.happened("CALL_INCOMING")
    await called.command("accept")
    await caller.happened("CALL_ESTABLISHED")
    await called.command("hangup")
    await caller.happened("CALL_CLOSED")


# Behind


async def _trunk(scene: Scene) -> Kamailio:
    return await kamailio(scene, "kamailio_trunk.cfg", "127.0.0.2", scene.host.trunk_port, domain=OUTSIDE,
                          outside=DOMAIN)


async def _outside(scene: Scene, user: str, transport: str = "udp") -> SIPClient:
    """A phone of the other domain."""
    return await phone(scene, user, transport, port=scene.host.trunk_port, address="127.0.0.2", domain=OUTSIDE)


@claim("XMPP users write to people behind a trunk, who answer without a password")
async def messages_over_trunk(scene: Scene) -> None:
    await _trunk(scene)
    client, device = await scene.online(), await _outside(scene, "juliet")
    client.send_message(device.bare, "to the other house", mtype="chat")
    arrived = await device.body("to the other house")
    expect(arrived.address("from") == f"sip:{client.bare}", arrived.get("from"))
    answer = await device.message(client.bare, "who is there?")
    expect(answer.status in (200, 202), f"{answer}")
    message = await client.body("who is there?")
    expect(message["from"].bare == device.bare, f"from {message['from']}")
    client.send_message(f"nobody@{OUTSIDE}", "anybody?", mtype="chat")
    refusal = await client.wait("message", lambda m: m["type"] == "error", "error")
    expect(refusal["error"]["condition"] == "item-not-found", f"{refusal}")


@claim("SIP devices and people behind a trunk write to and call each other")
async def calls_over_trunk(scene: Scene) -> None:
    await _trunk(scene)
    device, other = await phone(scene), await _outside(scene, "mercutio")
    answer = await device.message(other.bare, "a plague")
    expect(answer.status == 200, f"{answer}")
    await other.body("a plague")
    called = await sipp(scene, "answer", "benvolio", port=scene.host.trunk_port, address="127.0.0.2", domain=OUTSIDE)
    benvolio = await phone(scene, "benvolio", registers=False, port=scene.host.trunk_port, address="127.0.0.2",
                           domain=OUTSIDE)
    await benvolio.request("REGISTER", f"sip:{OUTSIDE}", [
        ("Contact", f"<sip:benvolio@127.0.0.1:{called.port}>"), ("Expires", "600")], to=f"<{benvolio.uri}>")
    caller = await sipp(scene, "call", scene.user(), target="benvolio", target_domain=OUTSIDE)
    await asyncio.gather(caller.done(), called.done())


@claim("somebody behind a trunk calls a device of a user of the server")
async def called_over_trunk(scene: Scene) -> None:
    trunk = await _trunk(scene)
    user = scene.user()
    called = await sipp(scene, "answer", user)
    await (await sipp(scene, "register", user, contact_port=str(called.port), expires="600")).done()
    caller = await sipp(scene, "call_trusted", "paris", port=trunk.port, address="127.0.0.2", domain=OUTSIDE, target=user)
    await asyncio.gather(caller.done(), called.done())


@claim("the server watches the lines of its users at a presence gateway, and their watchers see them on the phone")
async def presence_gateway(scene: Scene) -> None:
    trunk = await _trunk(scene)
    client, user = await scene.online(), scene.user()
    # The line is known there by the same name.
    line = await phone(scene, user, registers=False, port=trunk.port, address="127.0.0.2",
                       domain=f"127.0.0.2:{trunk.port}")
    published = await line.publish(presence(line.uri, "open", "on-the-phone"))
    expect(published.status == 200, f"{published}")
    # The home comes into memory: the server asks the gateway.
    owner = await scene.online(user)
    client.send_presence(pto=owner.bare, ptype="subscribe")
    await owner.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == client.bare, "request")
    owner.send_presence(pto=client.bare, ptype="subscribed")
    await client.wait("presence", lambda p: p["type"] == "dnd" and p["from"].bare == owner.bare, "on the phone")
    await line.publish("", published.get("sip-etag"), expires=0)
    await client.wait("presence", lambda p: p["from"].bare == owner.bare and p["type"] in ("available", "unavailable"),
                      "off the phone")


@claim("an XMPP user subscribes to somebody behind a trunk, sees what that one publishes there, and ends it (RFC 8048)")
async def watches_over_trunk(scene: Scene) -> None:
    await _trunk(scene)
    client, device = await scene.online(), await _outside(scene, "rosaline")
    published = await device.publish(presence(device.uri, "open", "away", "at the ball"))
    expect(published.status == 200, f"{published}")
    client.send_presence(pto=device.bare, ptype="subscribe")
    await client.wait("presence", lambda p: p["type"] == "subscribed" and p["from"].bare == device.bare, "approval")
    await client.wait("presence", lambda p: p["type"] == "away" and p["from"].bare == device.bare
                      and p["status"] == "at the ball", "away")
    published = await device.publish(presence(device.uri, "open", note="home"), published.get("sip-etag"))
    await client.wait("presence", lambda p: p["type"] == "available" and p["from"].bare == device.bare
                      and p["status"] == "home", "available")
    # Another client of the same user is told what is known.
    other = await scene.online(client.bare.split("@")[0])
    await other.wait("presence", lambda p: p["from"].bare == device.bare and p["status"] == "home", "what is known")
    await device.publish("", published.get("sip-etag"), expires=0)
    await client.wait("presence", lambda p: p["type"] == "unavailable" and p["from"].bare == device.bare, "gone")
    client.send_presence(pto=device.bare, ptype="unsubscribe")
    await client.wait("roster_update", lambda iq: any(
        str(contact) == device.bare and item["subscription"] == "none"
        for contact, item in iq["roster"]["items"].items()), "the end")


@claim("a phone behind a trunk subscribes to an XMPP user")
async def watched_over_trunk(scene: Scene) -> None:
    await _trunk(scene)
    client, device = await scene.online(), await _outside(scene, "nurse")
    subscription = await watch(device, client)
    client.send_presence(pshow="dnd")
    await subscription.notified(shows("open", "busy"), "busy")


@claim("a call manager tells over its trunk who is on the phone, and both kinds of watchers see it")
async def line_state(scene: Scene) -> None:
    owner, client, watcher = await scene.online(), await scene.online(), await phone(scene)
    subscription = await watch(watcher, owner)
    client.send_presence(pto=owner.bare, ptype="subscribe")
    await owner.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == client.bare, "request")
    owner.send_presence(pto=client.bare, ptype="subscribed")
    await client.wait("presence", lambda p: p["type"] == "available" and p["from"].bare == owner.bare, "presence")
    manager = await phone(scene, "manager", registers=False, local="127.0.0.2", domain=OUTSIDE)
    uri = f"sip:{owner.bare}"
    answer = await manager.request(
        "PUBLISH", uri, [("Event", "presence"), ("Expires", "600"), ("Content-Type", "application/pidf+xml")],
        presence(uri, "open", "on-the-phone"), sender=uri)
    expect(answer.status == 200, f"{answer}")
    await subscription.notified(shows("open", "on-the-phone"), "on the phone")
    await client.wait("presence", lambda p: p["type"] == "dnd" and p["from"].bare == owner.bare, "on the phone")
    answer = await manager.request("PUBLISH", uri, [("Event", "presence"), ("Expires", "0"),
                                                    ("SIP-If-Match", answer.get("sip-etag"))], sender=uri)
    expect(answer.status == 200, f"{answer}")
    await subscription.notified(lambda m: shows("open")(m) and "on-the-phone" not in m.text, "off the phone")


@claim("nobody but a trunk publishes for others")
async def no_line_state(scene: Scene) -> None:
    owner, device = await scene.online(), await phone(scene)
    uri = f"sip:{owner.bare}"
    answer = await device.request(
        "PUBLISH", uri, [("Event", "presence"), ("Expires", "600"), ("Content-Type", "application/pidf+xml")],
        presence(uri, "open", "on-the-phone"))
    expect(answer.status == 403, answer.start)
