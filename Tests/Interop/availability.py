"""Availability policy (docs/availability.md): limits, approval by the server, switches while clients are signed in."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from xml.etree import ElementTree

from slixmpp.exceptions import IqError

from support.servers import set_yaml

from .claims import claim
from .client import WAIT, Scene, expect
from .terminal_client import Profanity, listed

_ROSTER = "jabber:iq:roster"
_POLICY = "urn:roost:policy:0"
_WATCH = "urn:roost:watch:0"


def _is_from(client, *kinds):
    return lambda presence: presence["from"].bare == client.bare and presence["type"] in kinds


async def _ask(client, kind: str, payload: str, to: str | None = None):
    iq = client.make_iq(ito=to, itype=kind)
    iq.append(ElementTree.fromstring(payload))
    return await iq.send(timeout=WAIT)


async def _choose(client, key: str, value: str) -> None:
    """The user's own choice of a setting."""
    await _ask(client, "set", f"<policy xmlns='{_POLICY}'><setting key='{key}' value='{value}'/></policy>")


@asynccontextmanager
async def _settings(scene: Scene, key: str, value: str):
    """A setting of the running server for everybody, by the command line; taken away at the end."""
    def settings(*arguments: str) -> str:
        return scene.host.run("settings", *arguments, "--config", str(scene.host.config))

    await asyncio.to_thread(settings, "set", key, value)
    try:
        yield
    finally:
        await asyncio.to_thread(settings, "reset", key)


@asynccontextmanager
async def _file(scene: Scene, **values: str):
    """Settings of the group `presence` in the file, which the running server takes up; put back at the end."""
    before = scene.host.config.read_text()
    text = before
    for key, value in values.items():
        text = set_yaml(text, "presence", key, value)
    scene.host.config.write_text(text)
    try:
        yield
    finally:
        scene.host.config.write_text(before)


def _add(client, contact: str):
    return _ask(client, "set", f"<query xmlns='{_ROSTER}'><item jid='{contact}'/></query>")


@claim("with 195 of 200 contacts, of six that are added at once five are taken and the sixth is refused with the reason")
async def partial_add(scene: Scene) -> None:
    romeo = await scene.online()
    await asyncio.gather(*(_add(romeo, f"old{number}@localhost") for number in range(195)))
    outcomes = await asyncio.gather(
        *(_add(romeo, f"new{number}@localhost") for number in range(6)), return_exceptions=True)
    refused = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Exception)]
    expect(refused == [5], f"refused: {refused}")
    error = outcomes[5]
    expect(isinstance(error, IqError) and error.condition == "resource-constraint", f"{error!r}")
    expect("200 of 200" in error.text, f"text {error.text!r}")
    items = await romeo.fetch_roster()
    expect(len(items) == 200 and "new4@localhost" in items and "new5@localhost" not in items, f"{len(items)} contacts")
    # Nobody can add the user either.
    juliet = await scene.online()
    juliet.send_presence(pto=romeo.bare, ptype="subscribe")
    await juliet.wait("presence", _is_from(romeo, "unsubscribed"), "unsubscribed")
    answer = await juliet.wait("presence", _is_from(romeo, "error"), "reason")
    expect(answer["error"]["condition"] == "resource-constraint", f"{answer}")
    expect(romeo.bare not in await juliet.fetch_roster(), "the asker's roster changed")
    # The troubleshooter names the user.
    report = await asyncio.to_thread(scene.host.run, "doctor", "--config", str(scene.host.config))
    expect(romeo.bare in report, f"doctor: {report}")


@claim("sharing is switched off and on for everybody while clients are signed in, and none is disconnected")
async def switch_for_everybody(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    async with _settings(scene, "presence.sharing", "off"):
        await romeo.wait("presence", _is_from(juliet, "unavailable"), "unavailable")
        await juliet.wait("presence", _is_from(romeo, "unavailable"), "unavailable")
        romeo.take("presence")
        juliet.send_presence(pshow="dnd", pstatus="hidden")
        await juliet.barrier()
        await romeo.barrier()
        expect(not romeo.take("presence", _is_from(juliet, "dnd", "available", "unavailable")), "presence arrived")
        own = await juliet.wait("presence", _is_from(juliet, "dnd"), "the own status")
        expect(own["status"] == "hidden", f"{own}")
        romeo.send_message(mto=juliet.bare, mbody="still here", mtype="chat")
        await juliet.body("still here")
        romeo.take("presence")
        juliet.take("presence")
    shown = await romeo.wait("presence", _is_from(juliet, "dnd", "available"), "presence again")
    expect(shown["type"] == "dnd" and shown["status"] == "hidden", f"{shown}")
    await juliet.wait("presence", _is_from(romeo, "available"), "presence again")
    expect(not romeo.take("disconnected") and not juliet.take("disconnected"), "a client was disconnected")


@claim("a user who switches sharing off is seen by nobody and sees nobody, and comes back")
async def switch_for_oneself(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    await _choose(juliet, "presence.sharing", "off")
    await romeo.wait("presence", _is_from(juliet, "unavailable"), "unavailable")
    await juliet.wait("presence", _is_from(romeo, "unavailable"), "unavailable")
    juliet.take("presence")
    romeo.send_presence(pshow="away")
    await romeo.barrier()
    await juliet.barrier()
    expect(not juliet.take("presence", _is_from(romeo, "away")), "presence arrived")
    await _choose(juliet, "presence.sharing", "on")
    await juliet.wait("presence", _is_from(romeo, "away"), "presence again")
    await romeo.wait("presence", _is_from(juliet, "available"), "presence again")


@claim("a request to a user who lets people in is approved at once, and both clients have the right roster")
async def approved_at_once(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    await _choose(juliet, "presence.auto_authorize", "on")
    romeo.send_presence(pto=juliet.bare, ptype="subscribe")
    await romeo.wait("presence", _is_from(juliet, "subscribed"), "approval")
    await romeo.wait("presence", _is_from(juliet, "available"), "presence")
    await juliet.barrier()
    expect(not juliet.take("presence", _is_from(romeo, "subscribe")), "the user was prompted")
    expect(romeo.client_roster[juliet.bare]["subscription"] == "to", f"{romeo.client_roster[juliet.bare]._state}")
    expect(juliet.client_roster[romeo.bare]["subscription"] == "from", f"{juliet.client_roster[romeo.bare]._state}")
    expect((await romeo.fetch_roster())[juliet.bare]["subscription"] == "to", "roster of the asker")
    expect((await juliet.fetch_roster())[romeo.bare]["subscription"] == "from", "roster of the other")


@claim("a stranger is seen for a while, and no longer")
async def ad_hoc(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    await _choose(juliet, "presence.auto_authorize", "on")
    juliet.send_presence(pshow="dnd")
    await juliet.barrier()
    watch = f"<watch xmlns='{_WATCH}' seconds='3'/>"
    async with _file(scene, adhoc="on"):
        for _ in range(100):
            try:
                await _ask(romeo, "set", watch, juliet.bare)
                break
            except IqError as error:
                expect(error.condition == "not-allowed", f"{error!r}")
                await asyncio.sleep(0.1)
        await romeo.wait("presence", _is_from(juliet, "dnd"), "the status")
        juliet.send_presence(pshow="away")
        await romeo.wait("presence", _is_from(juliet, "away"), "the change")
        await romeo.wait("presence", _is_from(juliet, "unavailable"), "the end")
    expect(juliet.bare not in await romeo.fetch_roster(), "a contact was added")


@claim("sharing is switched in the configuration file too, and for one user by the command line")
async def switch_in_the_file(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    async with _file(scene, sharing="off"):
        await romeo.wait("presence", _is_from(juliet, "unavailable"), "unavailable")
    await romeo.wait("presence", _is_from(juliet, "available"), "presence again")
    arguments = ("settings", "set", "presence.sharing", "off", "--user", juliet.bare, "--config",
                 str(scene.host.config))
    await asyncio.to_thread(scene.host.run, *arguments)
    await romeo.wait("presence", _is_from(juliet, "unavailable"), "unavailable")
    # The user's own choice goes before what the administrator has set for the user.
    await _choose(juliet, "presence.sharing", "on")
    await romeo.wait("presence", _is_from(juliet, "available"), "presence again")


@claim("profanity is subscribed at once to a user who lets people in, and sees the switch of sharing")
async def in_a_terminal(scene: Scene) -> None:
    juliet = await scene.online()
    await _choose(juliet, "presence.auto_authorize", "on")
    terminal = await Profanity(scene).online(scene.user())
    terminal.type(f"/roster add {juliet.bare}")
    await terminal.until("Roster item added")
    terminal.type(f"/sub request {juliet.bare}")
    await terminal.until(listed("Online", juliet.bare))
    async with _settings(scene, "presence.sharing", "off"):
        await terminal.until(listed("Offline", juliet.bare))
    await terminal.until(listed("Online", juliet.bare))
