"""Rosters, subscriptions and presence (RFC 6121)."""

from __future__ import annotations

from .claims import claim
from .client import Scene, expect


def is_from(client, *kinds):
    return lambda presence: presence["from"].bare == client.bare and presence["type"] in kinds


@claim("two users subscribe to each other with approval and see each other's presence")
async def subscribe(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    for one, other in ((romeo, juliet), (juliet, romeo)):
        item = (await one.fetch_roster()).get(other.bare)
        expect(item is not None and item["subscription"] == "both", f"{one.bare} sees {item}")


@claim("a change of availability with its status text reaches the contact, and so does leaving")
async def availability(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    romeo.send_presence(pshow="dnd", pstatus="im Balkon – später")
    presence = await juliet.wait("presence", is_from(romeo, "dnd"), "dnd")
    expect(presence["status"] == "im Balkon – später", f"status {presence['status']!r}")
    await romeo.log_out()
    await juliet.wait("presence", is_from(romeo, "unavailable"), "unavailable")


@claim("a contact who loses the connection becomes unavailable")
async def lost_connection(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    romeo.cut()
    romeo.cancel_connection_attempt()
    await juliet.wait("presence", is_from(romeo, "unavailable"), "unavailable")


@claim("a newcomer gets the current presence of contacts at login")
async def probe(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    romeo.send_presence(pshow="away", pstatus="mending")
    await juliet.wait("presence", is_from(romeo, "away"), "away")
    await juliet.log_out()
    again = await scene.online(juliet.user)
    presence = await again.wait("presence", is_from(romeo, "away"), "presence at login")
    expect(presence["status"] == "mending", f"status {presence['status']!r}")


@claim("a refused request leaves no subscription")
async def refused(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    romeo.send_presence(pto=juliet.bare, ptype="subscribe")
    await juliet.wait("presence", is_from(romeo, "subscribe"), "request")
    juliet.send_presence(pto=romeo.bare, ptype="unsubscribed")
    await romeo.wait("presence", is_from(juliet, "unsubscribed"), "refusal")
    items = await romeo.fetch_roster()
    expect(items.get(juliet.bare, {"subscription": "none"})["subscription"] == "none", f"roster {items}")


@claim("a request to an offline user waits for the login")
async def request_waits(scene: Scene) -> None:
    romeo, absent = await scene.online(), scene.user()
    romeo.send_presence(pto=f"{absent}@localhost", ptype="subscribe")
    await romeo.barrier()
    juliet = await scene.online(absent)
    await juliet.wait("presence", is_from(romeo, "subscribe"), "request at login")


@claim("cancelling a subscription stops presence and shows in both rosters")
async def cancel(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    juliet.send_presence(pto=romeo.bare, ptype="unsubscribed")
    await romeo.wait("presence", is_from(juliet, "unsubscribed"), "cancellation")
    await juliet.barrier()
    item = (await romeo.fetch_roster())[juliet.bare]
    expect(item["subscription"] == "from", f"romeo sees {item['subscription']}")
    romeo.take("presence")
    juliet.send_presence(pshow="xa")
    await juliet.barrier()
    await romeo.barrier()
    expect(not romeo.take("presence", is_from(juliet, "xa")), "presence still arrives")


@claim("names and groups are pushed to the other client and are there after the next login")
async def roster(scene: Scene) -> None:
    user = scene.user()
    first, second = await scene.online(user, "first"), await scene.online(user, "second")
    second.take("roster_update")
    await first.update_roster("nurse@localhost", name="Nurse & Co", groups=["Household", "Ärzte"])
    push = await second.wait("roster_update", what="roster push")
    pushed = {str(jid): item for jid, item in push["roster"]["items"].items()}
    expect(pushed.get("nurse@localhost", {}).get("name") == "Nurse & Co", f"pushed {pushed}")
    await first.log_out()
    await second.log_out()
    third = await scene.online(user)
    items = await third.fetch_roster()
    item = items.get("nurse@localhost")
    expect(item is not None and item["name"] == "Nurse & Co", f"stored {items}")
    expect(item["groups"] == ["Household", "Ärzte"], f"groups {item['groups']}")


@claim("removing a contact ends the subscriptions of both sides")
async def remove(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    await romeo.del_roster_item(juliet.bare)
    await juliet.wait("presence", is_from(romeo, "unavailable", "unsubscribe", "unsubscribed"), "end of subscription")
    await romeo.barrier()
    mine = await romeo.fetch_roster()
    expect(juliet.bare not in mine, f"still in the roster: {mine}")
    theirs = await juliet.fetch_roster()
    expect(theirs.get(romeo.bare, {"subscription": "none"})["subscription"] == "none", f"juliet sees {theirs}")


@claim("directed presence reaches a stranger and is withdrawn at logout")
async def directed(scene: Scene) -> None:
    romeo, stranger = await scene.online(), await scene.online()
    romeo.send_presence(pto=str(stranger.boundjid), pstatus="hello")
    await stranger.wait("presence", is_from(romeo, "available"), "directed presence")
    await romeo.log_out()
    await stranger.wait("presence", is_from(romeo, "unavailable"), "withdrawal")


@claim("subscriptions survive logout and login of both")
async def persistence(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    await romeo.log_out()
    await juliet.log_out()
    first = await scene.online(romeo.user)
    second = await scene.online(juliet.user)
    await first.wait("presence", is_from(second, "available"), "presence of the contact")
    await second.wait("presence", is_from(first, "available"), "presence of the contact")


