"""Ad-hoc commands: found, run in one stage and in two, and the password changed by its owner."""

from __future__ import annotations

from slixmpp.exceptions import IqError

from .claims import claim
from .client import Scene, expect

SERVER = "localhost"


def _values(answer, name: str) -> list[str]:
    space = "{jabber:x:data}"
    return [value.text or "" for field in answer.xml.iter(f"{space}field") if field.get("var") == name
            for value in field.findall(f"{space}value")]


def _submit(client, **answers):
    form = client["xep_0004"].make_form(ftype="submit")
    for name, value in answers.items():
        form.add_field(var=name.replace("_", "-"), value=value)
    return form


async def _commands(client) -> set[str]:
    answer = await client["xep_0050"].get_commands(jid=SERVER)
    return {node for _, node, _ in answer["disco_items"]["items"]}


@claim("ad-hoc: the commands of the server are listed and one of one stage completes")
async def one_stage(scene: Scene) -> None:
    client = await scene.online()
    found = await _commands(client)
    expect({"account", "sessions", "end-sessions", "change-password"} <= found, f"commands {found}")
    answer = await client["xep_0050"].send_command(SERVER, "account")
    expect(answer["command"]["status"] == "completed", f"{answer}")
    expect(_values(answer, "jid") == [client.bare], f"{answer}")


@claim("ad-hoc: two stages, with a way back, end another session of the account")
async def two_stages(scene: Scene) -> None:
    user = scene.user()
    desk, phone = await scene.online(user, "desk"), await scene.online(user, "phone")
    answer = await desk["xep_0050"].send_command(SERVER, "end-sessions")
    session = answer["command"]["sessionid"]
    expect(answer["command"]["status"] == "executing", f"{answer}")
    answer = await desk["xep_0050"].send_command(
        SERVER, "end-sessions", action="next", sessionid=session, payload=_submit(desk, resources=["phone"]))
    expect("prev" in answer["command"]["actions"], f"{answer}")
    answer = await desk["xep_0050"].send_command(SERVER, "end-sessions", action="prev", sessionid=session)
    expect("next" in answer["command"]["actions"], f"{answer}")
    await desk["xep_0050"].send_command(
        SERVER, "end-sessions", action="next", sessionid=session, payload=_submit(desk, resources=["phone"]))
    answer = await desk["xep_0050"].send_command(
        SERVER, "end-sessions", action="complete", sessionid=session, payload=_submit(desk, confirmed="1"))
    expect(answer["command"]["status"] == "completed", f"{answer}")
    await phone.wait("stream_error", what="the end of the session")


@claim("ad-hoc: a user changes the password and signs out the other device; the old password does not work any more")
async def password(scene: Scene) -> None:
    user = scene.user()
    desk, phone = await scene.online(user, "desk"), await scene.online(user, "phone")
    answer = await desk["xep_0050"].send_command(SERVER, "change-password")
    session = answer["command"]["sessionid"]
    try:
        await desk["xep_0050"].send_command(
            SERVER, "change-password", sessionid=session,
            payload=_submit(desk, password="something new", repeated="something else"))
    except IqError as error:
        expect(error.condition == "bad-request", f"refused with {error.condition}")
    else:
        expect(False, "different passwords were accepted")
    answer = await desk["xep_0050"].send_command(
        SERVER, "change-password", sessionid=session,
        payload=_submit(desk, password="something new", repeated="something new", sign_out="1"))
    expect(answer["command"]["status"] == "completed", f"{answer}")
    await phone.wait("stream_error", what="the end of the session")
    old = scene.client(user, "old")
    expect(await old.refusal() == "not-authorized", "the old password still works")
    await scene.online(user, "new", password="something new")
