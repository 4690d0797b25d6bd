"""What users decide for themselves, and how the administrator sees why things are as they are; with slixmpp as the client."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ElementTree

from slixmpp.exceptions import IqError

from .administration import verb
from .claims import claim
from .client import Client, Scene, expect
from .commands import SERVER, _submit

POLICY = "urn:roost:policy:0"
STATUS = "urn:roost:presence:0"


async def ask(client: Client, kind: str, payload: str):
    """An IQ to the own account with any payload."""
    iq = client.make_iq(itype=kind)
    iq.append(ElementTree.fromstring(payload))
    return await iq.send()


def settings(answer) -> dict[str, dict]:
    return {element.get("key"): dict(element.attrib) for element in answer.xml.iter(f"{{{POLICY}}}setting")}


@claim("status: one set by a command is what a contact sees, survives another login, and is explained")
async def status(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    answer = await romeo["xep_0050"].send_command(SERVER, "status")
    session = answer["command"]["sessionid"]
    await romeo["xep_0050"].send_command(
        SERVER, "status", action="complete", sessionid=session,
        payload=_submit(romeo, state="dnd", note="writing", minutes="60"))
    seen = await juliet.wait(
        "presence", lambda p: p["from"].bare == romeo.bare and p["type"] == "dnd", "presence dnd")
    expect(seen["status"] == "writing", f"status {seen['status']}")
    told = json.loads(await verb(scene, "explain", "presence", juliet.bare, romeo.bare, "--json"))
    expect(told["isVisible"] and told["status"]["rule"] == 3, f"{told}")
    expect(told["status"]["sources"][0]["source"] == "manual", f"{told}")
    expect("<show>dnd</show>" in told["clients"][0]["shown"], f"{told}")
    text = await verb(scene, "explain", "presence", juliet.bare, romeo.bare)
    expect("may see" in text and "set to do not disturb" in text, text)
    # The administrator changes it.
    await verb(scene, "presence", "set", romeo.bare, "offline")
    await juliet.wait(
        "presence", lambda p: p["from"].bare == romeo.bare and p["type"] == "unavailable", "presence unavailable")
    shown = json.loads(await verb(scene, "presence", "show", romeo.bare, "--json"))
    expect(shown["manual"]["by"] == "administrator" and shown["status"]["rule"] == 2, f"{shown}")
    await verb(scene, "presence", "clear", romeo.bare)
    await juliet.wait(
        "presence", lambda p: p["from"].bare == romeo.bare and p["type"] == "available", "presence again")


@claim("policy: a user switches sharing off for himself, contacts see it at once, and back again")
async def sharing(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    before = settings(await ask(romeo, "get", f"<policy xmlns='{POLICY}'/>"))
    expect(before["presence.sharing"]["value"] == "on", f"{before}")
    expect(before["presence.sharing"]["changeable"] == "true", f"{before}")
    expect(before["messaging.allow_history"]["changeable"] == "false", f"{before}")
    await ask(
        romeo, "set", f"<policy xmlns='{POLICY}'><setting key='presence.sharing' value='off'/></policy>")
    await juliet.wait(
        "presence", lambda p: p["from"].bare == romeo.bare and p["type"] == "unavailable", "presence unavailable")
    after = settings(await ask(romeo, "get", f"<policy xmlns='{POLICY}'/>"))
    expect(after["presence.sharing"]["value"] == "off" and after["presence.sharing"]["chosen"] == "true", f"{after}")
    told = json.loads(await verb(scene, "explain", "presence", juliet.bare, romeo.bare, "--json"))
    expect(not told["isVisible"], f"{told}")
    expect(any(line["code"] == "target-sharing-off" for line in told["lines"]), f"{told}")
    await ask(romeo, "set", f"<policy xmlns='{POLICY}'><setting key='presence.sharing'/></policy>")
    await juliet.wait(
        "presence", lambda p: p["from"].bare == romeo.bare and p["type"] == "available", "presence again")


@claim("policy: what is not for users to decide is refused")
async def refused(scene: Scene) -> None:
    romeo = await scene.online()
    for key, condition in [("messaging.enabled", "forbidden"), ("no.such", "item-not-found")]:
        try:
            await ask(romeo, "set", f"<policy xmlns='{POLICY}'><setting key='{key}' value='off'/></policy>")
        except IqError as error:
            expect(error.condition == condition, f"{key}: {error.condition}")
        else:
            expect(False, f"{key} was taken")
    try:
        await ask(
            romeo, "set", f"<policy xmlns='{POLICY}'><setting key='presence.sharing' value='perhaps'/></policy>")
    except IqError as error:
        expect(error.condition == "not-acceptable", error.condition)
    else:
        expect(False, "a value that is none was taken")


@claim("explain message: a message is followed from its sender to the client that has it, and to the store")
async def message(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    sent = romeo.make_message(mto=juliet.bare, mbody="a secret", mtype="chat")
    sent["id"] = f"explained-{romeo.bare}"
    sent.send()
    got = await juliet.body("a secret")
    await juliet.barrier()
    name = got.xml.find("{urn:xmpp:sid:0}stanza-id").get("id")
    by_server = json.loads(await verb(scene, "explain", "message", name, "--json"))
    by_client = json.loads(await verb(scene, "explain", "message", sent["id"], "--json"))
    expect(by_server == by_client and len(by_server) == 1, f"{by_server} {by_client}")
    told = by_server[0]
    expect(told["sender"] == romeo.boundjid.full and told["recipient"] == juliet.bare, f"{told}")
    steps = [step["what"] for step in told["steps"]]
    expect(steps[:2] == ["accepted", "handed"], f"{steps}")
    expect(set(told["archives"]) == {romeo.bare, juliet.bare}, f"{told}")
    expect("a secret" not in json.dumps(told), "the text is shown")
    await juliet.log_out()
    sent = romeo.make_message(mto=juliet.bare, mbody="later", mtype="chat")
    sent["id"] = f"stored-{romeo.bare}"
    sent.send()
    await romeo.barrier()
    told = json.loads(await verb(scene, "explain", "message", sent["id"], "--json"))[0]
    expect(told["waitingFor"] == juliet.bare and told["state"].startswith("stored until"), f"{told}")


@claim("trace: stanzas of one account pass by, without texts")
async def trace(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    running = asyncio.create_task(verb(scene, "trace", romeo.bare, "--kind", "message", "--json", "--seconds", "4"))
    lines: list[dict] = []
    # The trace begins at some time: until it ends, something passes.
    number = 0
    while not running.done():
        number += 1
        romeo.send_message(mto=juliet.bare, mbody=f"secret {number}", mtype="chat")
        await juliet.body(f"secret {number}")
    lines = [json.loads(line) for line in (await running).splitlines() if line.startswith("{")]
    expect(bool(lines), "nothing was traced")
    expect(all(line["client"] == romeo.boundjid.full and line["direction"] == "received" for line in lines), f"{lines}")
    expect("secret" not in json.dumps(lines), f"{lines[0]}")
    expect("characters" in lines[0]["stanza"], f"{lines[0]}")


class Decided:
    """A setting of the running server, by the command line, for a user or for everybody; taken away at the end."""

    def __init__(self, scene: Scene, key: str, value: str, user: str | None = None) -> None:
        self.scene, self.key, self.value = scene, key, value
        self.place = ["--user", user] if user else []

    async def __aenter__(self) -> None:
        await verb(self.scene, "settings", "set", self.key, self.value, *self.place)

    async def __aexit__(self, *error) -> None:
        await verb(self.scene, "settings", "reset", self.key, *self.place)


async def refusal(client: Client, to: str, body: str) -> str:
    """Sends a message; the condition of the error that comes back."""
    message = client.make_message(mto=to, mbody=body, mtype="chat")
    message["id"] = f"refused-{body}-{client.bare}"
    message.send()
    answer = await client.wait(
        "message", lambda m: m["type"] == "error" and m["id"] == message["id"], f"the error for {body}")
    # slixmpp does not know every condition by name.
    space = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
    names = [child.tag.removeprefix(space) for child in answer.xml.iter() if child.tag.startswith(space)]
    return next(name for name in names if name != "text")


@claim("messaging: switched off for everybody while clients are signed in, and on again; nobody is disconnected")
async def switch(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    async with Decided(scene, "messaging.enabled", "off"):
        expect(await refusal(romeo, juliet.bare, "off") == "policy-violation", "another error")
        romeo.send_presence(pshow="away")
        await juliet.wait(
            "presence", lambda p: p["from"].bare == romeo.bare and p["type"] == "away", "presence away")
        told = json.loads(await verb(scene, "explain", "message", f"refused-off-{romeo.bare}", "--json"))[0]
        expect("switched off" in told["state"], f"{told}")
        policy = settings(await ask(romeo, "get", f"<policy xmlns='{POLICY}'/>"))
        expect(policy["messaging.enabled"]["value"] == "off", f"{policy}")
    romeo.send_message(mto=juliet.bare, mbody="again", mtype="chat")
    await juliet.body("again")


@claim("messaging: suppressed for one user who is offline; what was stored before is delivered")
async def suppressed(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    user = juliet.bare
    await juliet.log_out()
    romeo.send_message(mto=user, mbody="kept", mtype="chat")
    await romeo.barrier()
    async with Decided(scene, "messaging.suppress_offline", "on", user):
        expect(await refusal(romeo, user, "suppressed") == "service-unavailable", "another error")
        again = await scene.online(user.split("@")[0])
        await again.body("kept")


@claim("messaging: with multiple devices off carbons are refused and stop, and go on when it is on again")
async def devices(scene: Scene) -> None:
    romeo = await scene.online()
    user = scene.user()
    phone, desk = await scene.online(user, "phone"), await scene.online(user, "desk")
    await desk["xep_0280"].enable()
    carbons: list = []
    desk.add_event_handler("carbon_received", lambda message: carbons.append(message))
    async with Decided(scene, "messaging.multiple_devices", "off"):
        romeo.send_message(mto=phone.boundjid.full, mbody="one", mtype="chat")
        await phone.body("one")
        await desk.barrier()
        expect(not carbons, f"{carbons}")
        try:
            await desk["xep_0280"].enable()
        except IqError as error:
            expect(error.condition == "not-allowed", error.condition)
        else:
            expect(False, "carbons were enabled")
    romeo.send_message(mto=phone.boundjid.full, mbody="two", mtype="chat")
    await phone.body("two")
    await desk.barrier()
    expect(len(carbons) == 1, f"{carbons}")


@claim("policy: sharing that is off for everybody cannot be switched on by a user, and is told so")
async def fixed(scene: Scene) -> None:
    romeo = await scene.online()
    async with Decided(scene, "presence.sharing", "off"):
        policy = settings(await ask(romeo, "get", f"<policy xmlns='{POLICY}'/>"))
        expect(policy["presence.sharing"]["value"] == "off", f"{policy}")
        expect(policy["presence.sharing"]["changeable"] == "false", f"{policy}")
        try:
            await ask(
                romeo, "set", f"<policy xmlns='{POLICY}'><setting key='presence.sharing' value='on'/></policy>")
        except IqError as error:
            expect(error.condition == "forbidden", error.condition)
        else:
            expect(False, "it was taken")
