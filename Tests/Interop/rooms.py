"""Chat rooms (XEP-0045) as slixmpp speaks them."""

from __future__ import annotations

import asyncio

import slixmpp
from slixmpp.exceptions import IqError, PresenceError

from .claims import claim
from .client import WAIT, Client, Scene, expect

SERVICE = "rooms.localhost"
USER = "{http://jabber.org/protocol/muc#user}"


async def person(scene: Scene) -> Client:
    client = scene.client(scene.user())
    for plugin in ("xep_0045", "xep_0249", "xep_0359"):
        client.register_plugin(plugin)
    return await client.log_in()


def room_of(scene: Scene) -> slixmpp.JID:
    """A room that no other test uses."""
    return slixmpp.JID(f"{scene.user()}@{SERVICE}")


async def enter(client: Client, room: slixmpp.JID, nick: str, **options):
    return await client["xep_0045"].join_muc_wait(room, nick, timeout=WAIT, **options)


async def opened(client: Client, room: slixmpp.JID, nick: str, **fields: str) -> None:
    """Makes a room and opens it with these fields of its configuration."""
    await enter(client, room, nick)
    form = client["xep_0004"].make_form("submit")
    form.add_field("FORM_TYPE", "hidden", value="http://jabber.org/protocol/muc#roomconfig")
    for name, value in fields.items():
        form.add_field(f"muc#roomconfig_{name}", value=value)
    await client["xep_0045"].set_room_config(room, form, timeout=WAIT)


def codes(presence) -> set[str]:
    return {status.get("code") for status in presence.xml.iter(f"{USER}status")}


async def gone(client: Client, address: str):
    """The presence with which an occupant leaves."""
    return await client.wait(
        "presence", lambda one: str(one["from"]) == address and one["type"] == "unavailable", f"end of {address}")


@claim("rooms: one is made, opened, entered; a message reaches everybody with the room's id")
async def talk(scene: Scene) -> None:
    romeo, juliet = await person(scene), await person(scene)
    room = room_of(scene)
    await opened(romeo, room, "romeo", roomname="Garden")
    joined = await enter(juliet, room, "juliet")
    own, occupants = joined[0], joined[2]
    expect("110" in codes(own), f"{own}")
    expect(any(str(one["from"]).endswith("/romeo") for one in occupants), f"{occupants}")
    juliet.send_message(mto=room, mbody="O Romeo, Romeo!", mtype="groupchat")
    for client in (romeo, juliet):
        message = await client.body("O Romeo, Romeo!")
        expect(str(message["from"]) == f"{room}/juliet", f"from {message['from']}")
        expect(message["stanza_id"]["by"] == room, f"{message}")
    late = await person(scene)
    history = (await enter(late, room, "nurse"))[3]
    expect([one["body"] for one in history] == ["O Romeo, Romeo!"], f"history {history}")


@claim("rooms: a taken nickname, a wrong password and a room for members are refused")
async def refused(scene: Scene) -> None:
    romeo, juliet = await person(scene), await person(scene)
    for fields, options, condition in (
            ({}, {"nick": "romeo"}, "conflict"),
            ({"passwordprotectedroom": "1", "roomsecret": "sesame"}, {"nick": "juliet", "password": "open"},
             "not-authorized"),
            ({"membersonly": "1"}, {"nick": "juliet"}, "registration-required")):
        room = room_of(scene)
        await opened(romeo, room, "romeo", **fields)
        try:
            await enter(juliet, room, **options)
        except PresenceError as error:
            expect(error.condition == condition, f"{error.condition} instead of {condition}")
        else:
            expect(False, f"entered in spite of {condition}")


@claim("rooms: a moderator kicks, an owner bans, and lists tell who is banned")
async def order(scene: Scene) -> None:
    romeo, tybalt = await person(scene), await person(scene)
    room = room_of(scene)
    await opened(romeo, room, "romeo")
    await enter(tybalt, room, "tybalt")
    await romeo["xep_0045"].set_role(room, "tybalt", "none", reason="Peace!", timeout=WAIT)
    left = await gone(tybalt, f"{room}/tybalt")
    expect({"110", "307"} <= codes(left), f"{left}")
    await enter(tybalt, room, "tybalt")
    await romeo["xep_0045"].set_affiliation(room, "outcast", jid=slixmpp.JID(tybalt.bare), timeout=WAIT)
    left = await gone(tybalt, f"{room}/tybalt")
    expect("301" in codes(left), f"{left}")
    banned = await romeo["xep_0045"].get_affiliation_list(room, "outcast", timeout=WAIT)
    expect(banned == [tybalt.bare], f"{banned}")
    try:
        await tybalt["xep_0045"].get_room_config(room, timeout=WAIT)
    except IqError as error:
        expect(error.condition == "forbidden", error.condition)
    else:
        expect(False, "anybody reads the configuration")


@claim("rooms: an invitation by way of the room arrives, and a room ends with where it goes on")
async def invite(scene: Scene) -> None:
    romeo, juliet = await person(scene), await person(scene)
    room = room_of(scene)
    await opened(romeo, room, "romeo")
    romeo["xep_0045"].invite(room, slixmpp.JID(juliet.bare), reason="Come")
    message = await juliet.wait("message", lambda one: one.xml.find(f"{USER}x/{USER}invite") is not None, "invitation")
    expect(message["from"] == room, f"{message}")
    await enter(juliet, room, "juliet")
    await romeo["xep_0045"].destroy(room, reason="Dawn", altroom=slixmpp.JID(f"later@{SERVICE}"), timeout=WAIT)
    left = await gone(juliet, f"{room}/juliet")
    expect(left.xml.find(f"{USER}x/{USER}destroy").get("jid") == f"later@{SERVICE}", f"{left}")


@claim("rooms: a client that is cut off leaves, and finds out by a ping to itself (XEP-0410)")
async def cut(scene: Scene) -> None:
    romeo, juliet = await person(scene), await person(scene)
    room = room_of(scene)
    await opened(romeo, room, "romeo")
    await enter(juliet, room, "juliet")
    await juliet["xep_0199"].send_ping(slixmpp.JID(f"{room}/juliet"), timeout=WAIT)
    juliet.cut()
    await gone(romeo, f"{room}/juliet")
    again = scene.client(juliet.user)
    await again.log_in()
    try:
        await asyncio.wait_for(again["xep_0199"].send_ping(slixmpp.JID(f"{room}/juliet"), timeout=WAIT), WAIT)
    except IqError as error:
        expect(error.condition == "not-acceptable", error.condition)
    else:
        expect(False, "still there")


@claim("rooms: a persistent room stays when its last occupant leaves")
async def persistent(scene: Scene) -> None:
    romeo = await person(scene)
    room = room_of(scene)
    await opened(romeo, room, "romeo", persistentroom="1", roomname="Verona")
    romeo["xep_0045"].leave_muc(room, "romeo")
    await gone(romeo, f"{room}/romeo")
    information = await romeo["xep_0030"].get_info(jid=room, cached=False)
    expect("muc_persistent" in information["disco_info"]["features"], f"{information}")
