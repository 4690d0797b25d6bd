"""Presence between people with SIP devices and people with XMPP clients: one roster, one policy, one state."""

from __future__ import annotations

import re

from support.servers import DOMAIN

from .claims import claim
from .client import Client, Scene, expect
from .sip_client import Message, SIPClient, Subscription, phone, presence


def basic(notify: Message) -> set[str]:
    return set(re.findall(r"<(?:\w+:)?basic[^>]*>\s*(\w+)", notify.text))


def shows(status: str, activity: str = "", note: str = ""):
    """Whether a notification tells this: `open` or `closed`, an activity, a note."""
    def check(notify: Message) -> bool:
        found = basic(notify)
        is_right = status in found if status == "open" else "open" not in found
        return is_right and (not activity or re.search(rf"<(\w+:)?{activity}\b", notify.text) is not None) \
            and (not note or note in notify.text)
    return check


async def watch(device: SIPClient, client: Client) -> Subscription:
    """The device subscribes to the client's user, who approves by hand."""
    subscription = await device.subscribe(client.bare)
    expect(subscription.answer.status in (200, 202), f"{subscription.answer}")
    await subscription.state("pending")
    await client.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == device.bare, "request")
    client.send_presence(pto=device.bare, ptype="subscribed")
    await subscription.state("active")
    return subscription


async def watch_device(client: Client, device: SIPClient) -> Subscription:
    """The client subscribes to the device's user, who is told of watchers (RFC 3857) and grants it."""
    winfo = await device.subscribe(device.bare, event="presence.winfo", accept="application/watcherinfo+xml")
    expect(winfo.answer.status in (200, 202), f"{winfo.answer}")
    client.send_presence(pto=device.bare, ptype="subscribe")
    await winfo.notified(lambda m: client.bare in m.text and "pending" in m.text, "watcher who waits")
    return winfo


async def granted(scene: Scene, client: Client, user: str) -> None:
    """The client may see the user, who has approved with an XMPP client that is gone now."""
    owner = await scene.online(user)
    client.send_presence(pto=owner.bare, ptype="subscribe")
    await owner.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == client.bare, "request")
    owner.send_presence(pto=client.bare, ptype="subscribed")
    await client.wait("presence", lambda p: p["type"] == "available" and p["from"].bare == owner.bare, "presence")
    await owner.log_out()
    scene.clients.remove(owner)
    await client.wait("presence", lambda p: p["type"] == "unavailable" and p["from"].bare == owner.bare, "absence")
    client.take("presence")


@claim("a SIP device subscribes to an XMPP user, who approves, and sees away, busy and gone")
async def sip_watches(scene: Scene) -> None:
    client, device = await scene.online(), await phone(scene)
    subscription = await watch(device, client)
    client.send_presence(pshow="away", pstatus="at lunch")
    await subscription.notified(shows("open", "away", "at lunch"), "away")
    client.send_presence(pshow="dnd", pstatus="writing")
    await subscription.notified(shows("open", "busy", "writing"), "busy")
    client.send_presence()
    await subscription.notified(lambda m: shows("open")(m) and "busy" not in m.text, "available")
    client.send_presence(ptype="unavailable")
    await subscription.notified(shows("closed"), "gone")
    roster = await client.fetch_roster()
    expect(roster.get(device.bare, {}).get("subscription") == "from", f"roster {roster}")
    await subscription.send(0)
    await subscription.state("terminated")
    roster = await client.fetch_roster()
    expect(roster.get(device.bare, {}).get("subscription") == "from", f"ending a dialog changed the roster: {roster}")


@claim("a SIP device whose request is refused is told so, and again at the next try")
async def rejected(scene: Scene) -> None:
    client, device = await scene.online(), await phone(scene)
    subscription = await device.subscribe(client.bare)
    await client.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == device.bare, "request")
    client.send_presence(pto=device.bare, ptype="unsubscribed")
    ended = await subscription.state("terminated")
    expect("rejected" in ended.get("subscription-state"), ended.get("subscription-state"))
    expect("open" not in basic(ended), ended.text)


@claim("an XMPP user sees what a SIP device publishes, as one client that is not above the others")
async def xmpp_watches(scene: Scene) -> None:
    client, device = await scene.online(), await phone(scene)
    await watch_device(client, device)
    owner = await scene.online(device.user)
    await owner.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == client.bare, "request")
    owner.send_presence(pto=client.bare, ptype="subscribed")
    await client.wait("presence", lambda p: p["type"] == "subscribed", "approval")
    await owner.log_out()
    scene.clients.remove(owner)
    published = await device.publish(presence(device.uri, "open", note="at the balcony"))
    expect(published.status == 200, f"{published}")
    etag = published.get("sip-etag")

    def of_device(check):
        return lambda p: p["from"].bare == device.bare and check(p)

    # The owner's own client was there before, under the same bare address.
    seen = await client.wait("presence", of_device(lambda p: p["status"] == "at the balcony"), "available")
    expect(seen["type"] == "available", f"{seen}")
    expect(seen["priority"] < 0, f"priority {seen['priority']}")
    changes = [("away", "away"), ("busy", "dnd"), ("on-the-phone", "dnd"), ("vacation", "xa")]
    for activity, show in changes:
        published = await device.publish(presence(device.uri, "open", activity), etag)
        expect(published.status == 200, f"{published}")
        etag = published.get("sip-etag")
        await client.wait("presence", of_device(lambda p, show=show: p["type"] == show), f"{activity} as {show}")
    await device.publish("", etag, expires=0)
    await client.wait("presence", of_device(lambda p: p["type"] == "unavailable"), "gone")


@claim("a phone call of a user with an XMPP client too is told to SIP and XMPP watchers alike")
async def on_the_phone(scene: Scene) -> None:
    owner = await scene.online()
    device = await phone(scene, owner.user)
    client = await scene.online()
    watcher = await phone(scene)
    subscription = await watch(watcher, owner)
    client.send_presence(pto=owner.bare, ptype="subscribe")
    await owner.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == client.bare, "request")
    owner.send_presence(pto=client.bare, ptype="subscribed")
    await client.wait("presence", lambda p: p["type"] == "available" and p["from"].bare == owner.bare, "presence")
    published = await device.publish(presence(device.uri, "open", "on-the-phone"))
    await subscription.notified(shows("open", "on-the-phone"), "on the phone")
    await client.wait("presence", lambda p: p["type"] == "dnd" and p["from"].bare == owner.bare, "on the phone")
    await device.publish("", published.get("sip-etag"), expires=0)
    await subscription.notified(lambda m: shows("open")(m) and "on-the-phone" not in m.text, "off the phone")


@claim("two SIP devices see each other, as the roster of their users says")
async def among_devices(scene: Scene) -> None:
    first, second = await phone(scene, transport="tcp"), await phone(scene)
    owner = await scene.online(second.user)
    subscription = await watch(first, owner)
    published = await second.publish(presence(second.uri, "open", note="here I am"))
    expect(published.status == 200, f"{published}")
    await subscription.notified(shows("open", note="here I am"), "published note")
    await owner.log_out()
    scene.clients.remove(owner)
    await subscription.notified(shows("open", note="here I am"), "the note alone")


@claim("a block holds for SIP watchers, who learn nothing of it")
async def blocked(scene: Scene) -> None:
    client, device = await scene.online(), await phone(scene)
    subscription = await watch(device, client)
    await client["xep_0191"].block([device.bare])
    await subscription.notified(shows("closed"), "gone for the blocked one")
    client.send_presence(pshow="away", pstatus="secret")
    await client["xep_0191"].unblock([device.bare])
    notify = await subscription.notified(shows("open", "away"), "back")
    expect(all("secret" not in m.text for m in device.seen), "something leaked")
    expect("secret" in notify.text, notify.text)


@claim("a fetch answers once; an expired interval that is too short is refused with the least one")
async def fetch(scene: Scene) -> None:
    client, device = await scene.online(), await phone(scene)
    subscription = await watch(device, client)
    await subscription.send(0)
    await subscription.state("terminated")
    once = await device.subscribe(client.bare, expires=0)
    expect(once.answer.status in (200, 202), f"{once.answer}")
    notify = await once.state("terminated")
    expect("open" in basic(notify), notify.text)
    short = await device.subscribe(client.bare, expires=5)
    expect(short.answer.status == 423 and short.answer.get("min-expires").isdigit(), f"{short.answer}")


@claim("subscriptions and registrations of SIP devices survive a restart of the server", limit=120)
async def restart(scene: Scene) -> None:
    client, device = await scene.online(), await phone(scene)
    await watch(device, client)
    published = await device.publish(presence(device.uri, "open"))
    expect(published.status == 200, f"{published}")
    await client.log_out()
    scene.clients.remove(client)
    device.seen.clear()
    scene.host.send_signal(15)
    await scene.host.wait_exit(30)
    await scene.host.start()
    again = await scene.online(client.user)
    again.send_presence(pshow="away", pstatus="after the restart")
    await device.wait("NOTIFY", shows("open", "away", "after the restart"), "notification after the restart", 30)
    again.send_message(device.bare, "still there?", mtype="chat")
    await device.body("still there?")
    refreshed = await device.publish("", published.get("sip-etag"))
    expect(refreshed.status == 200, f"the publication is forgotten: {refreshed.start}")


@claim("a SIP device subscribes to the whole roster as one list (RFC 4662)")
async def whole_list(scene: Scene) -> None:
    first, second = await scene.online(), await scene.online()
    device = await phone(scene)
    for contact in (first, second):
        subscription = await watch(device, contact)
        await subscription.send(0)
    resources = await device.subscribe(
        device.bare, accept="application/rlmi+xml, multipart/related, application/pidf+xml",
        headers=[("Supported", "eventlist"), ("Require", "eventlist")])
    expect(resources.answer.status in (200, 202), f"{resources.answer}")
    expect("eventlist" in resources.answer.get("require"), f"{resources.answer}")
    notify = await resources.notified(lambda m: first.bare in m.text and second.bare in m.text, "list")
    expect(notify.get("content-type").startswith("multipart/related"), notify.get("content-type"))
    second.send_presence(pshow="away", pstatus="out")
    await resources.notified(lambda m: second.bare in m.text and "away" in m.text, "change in the list")
