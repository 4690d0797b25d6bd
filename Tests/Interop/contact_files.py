"""Contact lists in files: export, import with live sessions, rename, jobs (docs/contacts.md)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from support.servers import DOMAIN

from .claims import claim
from .client import Client, Scene, expect

HEADER = "User ID,User Domain,Contact ID,Contact Domain,Nickname,Group Name,State"


def roost(scene: Scene, *arguments: str, status: int = 0) -> tuple[str, str]:
    """Output and errors of a verb that ends with this status."""
    done = subprocess.run([str(scene.host.binary), *arguments, "--config", str(scene.host.config)], capture_output=True,
                          text=True, timeout=60, cwd=scene.host.directory)
    expect(done.returncode == status, f"roost {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def written(scene: Scene, name: str, text: str) -> Path:
    path = scene.host.directory / name
    path.write_text(text)
    return path


def counts(output: str) -> dict[str, int]:
    """`2 added, 5 rows` by name."""
    return {part.split(" ", 1)[1]: int(part.split(" ", 1)[0]) for part in output.strip().splitlines()[-1].split(", ")}


async def _push(client: Client, contact: str) -> dict:
    """What the server has told of a contact."""
    found = await client.wait("roster_update", lambda iq: any(
        item.get("jid") == contact for item in iq.xml.iter("{jabber:iq:roster}item")), f"push about {contact}")
    item = next(item for item in found.xml.iter("{jabber:iq:roster}item") if item.get("jid") == contact)
    groups = sorted(group.text for group in item.findall("{jabber:iq:roster}group"))
    return {"name": item.get("name", ""), "subscription": item.get("subscription"), "ask": item.get("ask"), "groups": groups}


@claim("contact files: an import reaches live sessions at once: pushes, requests, presence; bad rows are told with their lines")
async def importing(scene: Scene) -> None:
    alice, bob = await scene.online(), await scene.online()
    away = scene.user()
    file = written(scene, "contacts.csv", "\ufeff" + "\r\n".join([
        HEADER, f'{alice.user},{DOMAIN},{bob.user},{DOMAIN},"Bob, the ""builder""",Friends,0',
        f"{alice.user},{DOMAIN},{bob.user},{DOMAIN},,Work,0", f"{alice.user},,{away},,Away,General,5",
        f"{alice.user},{DOMAIN},,,x,General,0", f"{alice.user},{DOMAIN},{alice.user},{DOMAIN},me,General,0",
        f"nobody-at-all,{DOMAIN},{bob.user},{DOMAIN},,General,0", f"{alice.user},-bad-.example,x,,,General,0", ""]))
    output, errors = roost(scene, "contacts", "import", str(file), "--dry-run", status=1)
    wanted = {"added": 2, "refused": 4, "rows": 7, "users": 1}
    expect(counts(output) | {"users": 1} == wanted, f"dry run: {output}")
    expect(not await alice.fetch_roster(), "the dry run has changed the list")
    output, errors = roost(scene, "contacts", "import", str(file), status=1)
    for part in (":5: ", ":6: ", ":7: ", ":8: ", "Contact ID is empty", "your own address", "there is no account", "hyphen"):
        expect(part in errors, f"{part} is missing: {errors}")
    expect(counts(output) | {"users": 1} == wanted, output)
    push = await _push(alice, bob.bare)
    expect(push["name"] == 'Bob, the "builder"' and push["groups"] == ["Friends", "Work"], f"{push}")
    await bob.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == alice.bare, "request")
    bob.send_presence(pto=alice.bare, ptype="subscribed")
    await alice.wait("presence", lambda p: p["from"].bare == bob.bare and p["type"] == "available", "presence")
    roster = await alice.fetch_roster()
    expect(set(roster) == {bob.bare, f"{away}@{DOMAIN}"} and roster[bob.bare]["subscription"] == "to", f"{roster}")
    output, _ = roost(scene, "contacts", "import", str(file), status=1)
    expect(counts(output).get("unchanged") == 2 and "added" not in counts(output), f"a second time: {output}")


@claim("contact files: with inside requests approved by the server, imported contacts see each other without asking")
async def approved(scene: Scene) -> None:
    alice, bob = await scene.online(), await scene.online()

    roost(scene, "settings", "set", "presence.auto_authorize", "on")
    try:
        file = written(scene, "mutual.csv", f"{HEADER}\n{alice.user},{DOMAIN},{bob.user},{DOMAIN},Bob,General,0\n"
                       f"{bob.user},{DOMAIN},{alice.user},{DOMAIN},Alice,General,0\n")
        roost(scene, "contacts", "import", str(file))
        for one, other in ((alice, bob), (bob, alice)):
            await one.wait("presence", lambda p, other=other: p["from"].bare == other.bare and p["type"] == "available", "presence")
            roster = await one.fetch_roster()
            expect(roster[other.bare]["subscription"] == "both", f"{roster}")
    finally:
        roost(scene, "settings", "reset", "presence.auto_authorize")


@claim("contact files: a list takes as many contacts as there is room for; each of the others is told")
async def limits(scene: Scene) -> None:
    alice = await scene.online()

    roost(scene, "settings", "set", "presence.contacts_max", "20")
    try:
        rows = "".join(f"{alice.user},,friend{number},{DOMAIN},,General,0\n" for number in range(26))
        file = written(scene, "many.csv", f"{HEADER}\n{rows}")
        output, errors = roost(scene, "contacts", "import", str(file), "--no-subscribe", status=1)
        expect(counts(output)["added"] == 20 and counts(output)["refused"] == 6, output)
        expect("friend25: the contact list is full: it has 20 of 20" in errors, errors)
        expect(len(await alice.fetch_roster()) == 20, "the list has another number of contacts")
    finally:
        roost(scene, "settings", "reset", "presence.contacts_max")


@claim("contact files: an export has every list, reads back, and keeps groups, quotes, states and escaped addresses")
async def round_trip(scene: Scene) -> None:
    alice = scene.user()
    rows = [f'{alice},{DOMAIN},a\\40x,example.org,"Quote "" and, comma",Group 1,7', f"{alice},{DOMAIN},bob,example.org,ボブ,友達,0",
            f"{alice},{DOMAIN},bob,example.org,ボブ,仕事,0", f"{alice},{DOMAIN},zoe,example.org,,,0"]
    file = written(scene, "in.csv", "\r\n".join([HEADER, *rows, ""]))
    roost(scene, "contacts", "import", str(file), "--no-subscribe")
    out = scene.host.directory / "out.csv"
    roost(scene, "contacts", "export", str(out))
    lines = out.read_bytes().decode().split("\r\n")
    expect(lines[0] == HEADER, lines[0])
    expect([line for line in lines if line.startswith(f"{alice},")] == rows, f"{[l for l in lines if l.startswith(alice)]}")
    expect(out.stat().st_mode & 0o777 == 0o600, "others may read the file")
    roost(scene, "contacts", "export", str(out), "--group", "General")
    expect(f"{alice},{DOMAIN},zoe,example.org,,General,0" in out.read_text(), "no group was given")
    output, _ = roost(scene, "contacts", "import", str(file), "--no-subscribe")
    expect(counts(output)["unchanged"] == 3, output)


@claim("contact files: a contact is renamed in the lists of everybody, with name, groups and permissions")
async def rename(scene: Scene) -> None:
    alice, old, new = await scene.online(), await scene.online(), await scene.online()
    alice.send_presence(pto=old.bare, ptype="subscribe")
    await old.wait("presence", lambda p: p["type"] == "subscribe", "request")
    old.send_presence(pto=alice.bare, ptype="subscribed")
    await alice.update_roster(old.bare, name="Bob", groups=["Friends"])
    old.send_presence(pto=alice.bare, ptype="subscribe")
    await alice.wait("presence", lambda p: p["type"] == "subscribe", "request back")
    alice.send_presence(pto=old.bare, ptype="subscribed")
    await alice.barrier()
    file = written(scene, "rename.csv", f"Contact ID,New Contact ID\n{old.bare},{new.bare}\nnot an address,x\n")
    output, errors = roost(scene, "contacts", "rename", str(file), "--dry-run", status=1)
    expect(counts(output)["renamed"] == 1 and ":3: " in errors, f"{output}{errors}")
    expect(old.bare in await alice.fetch_roster(), "the dry run has changed the list")
    roost(scene, "contacts", "rename", str(file), status=1)
    await new.wait("presence", lambda p: p["type"] == "subscribe" and p["from"].bare == alice.bare, "request to the new address")
    roster = await alice.fetch_roster()
    expect(old.bare not in roster and roster[new.bare]["name"] == "Bob" and roster[new.bare]["groups"] == ["Friends"], f"{roster}")
    new.send_presence(pto=alice.bare, ptype="subscribe")
    await new.wait("presence", lambda p: p["type"] == "subscribed", "approval that was given before")


@claim("contact files: contacts without presence come and go with their cards")
async def plain(scene: Scene) -> None:
    user = scene.user()
    header = "User JID,Contact JID,Group Name,Content Type,Version,Info"
    row = f'{user}@{DOMAIN},8f14e45f-ceea-4671-9e2d-1a2b3c4d5e6f,Phones,text/x-vcard,3.0,"BEGIN:VCARD\nFN:Front desk, 1st\nEND:VCARD"'
    file = written(scene, "plain.csv", f"{header}\r\n{row}\r\n{user}@{DOMAIN},x,,,,\r\n")
    output, errors = roost(scene, "contacts", "import", str(file), "--format", "plain", status=1)
    expect(counts(output)["added"] == 1 and "Group Name is empty" in errors, f"{output}{errors}")
    out = scene.host.directory / "plain-out.csv"
    roost(scene, "contacts", "export", str(out), "--format", "plain")
    expect(row in out.read_bytes().decode(), out.read_text())


@claim("contact files: files in other encodings and files of another kind are refused with what is wrong")
async def wrong_files(scene: Scene) -> None:
    path = scene.host.directory / "latin.csv"
    path.write_bytes(f"{HEADER}\nalice,{DOMAIN},bob,{DOMAIN},Jürgen,General,0\n".encode("latin-1"))
    _, errors = roost(scene, "contacts", "import", str(path), status=1)
    expect("UTF-8" in errors, errors)
    _, errors = roost(scene, "contacts", "import", str(written(scene, "users.csv", "jid,password\na,b\n")), status=1)
    expect("this is not the header" in errors and "User ID" in errors, errors)
    _, errors = roost(scene, "contacts", "import", str(written(scene, "empty.csv", "")), status=1)
    expect("no header" in errors, errors)


@claim("contact files: jobs are listed with what became of them, cancelled, and interrupted by the end of the server")
async def jobs(scene: Scene) -> None:
    users = [scene.user() for _ in range(40)]
    rows = "".join(f"{user},,friend{number},{DOMAIN},,General,0\n" for user in users for number in range(190))
    file = written(scene, "large.csv", f"{HEADER}\n{rows}")
    output, _ = roost(scene, "contacts", "import", str(file), "--background")
    first = int(output.split()[1])
    output, _ = roost(scene, "contacts", "import", str(file), "--background")
    second = int(output.split()[1])
    output, _ = roost(scene, "jobs", "cancel", str(second))
    expect("cancelled" in output, output)
    shown = json.loads(roost(scene, "jobs", "show", str(first), "--json")[0])
    while shown["state"] in ("queued", "running"):
        shown = json.loads(roost(scene, "jobs", "show", str(first), "--json")[0])
    expect(shown["state"] == "done" and shown["counts"]["added"] == 40 * 190, f"{shown}")
    listed = json.loads(roost(scene, "jobs", "list", "--json")[0])
    states = {job["id"]: job["state"] for job in listed}
    expect(states[first] == "done" and states[second] == "cancelled", f"{states}")
    expect(listed[0]["id"] > listed[-1]["id"], "the latest does not stand first")
    roost(scene, "jobs", "cancel", str(first), status=1)


@claim("contact files: users validate finds duplicate user IDs, and directory URIs that are missing, wrong or shared")
async def validate(scene: Scene) -> None:
    one, other, wrong = await scene.online(), await scene.online(), await scene.online()
    for client, mail in ((one, "Shared@example.com"), (other, "shared@EXAMPLE.com"), (wrong, "no address")):
        card = client["xep_0054"].make_vcard()
        card["EMAIL"]["USERID"] = mail
        await client["xep_0054"].publish_vcard(card, timeout=15)
    output, _ = roost(scene, "users", "validate", "all", "--json", status=1)
    sections = {section["name"]: section for section in json.loads(output)["sections"]}
    expect(sections["duplicate-user-ids"]["count"] == 0, f"{sections}")
    expect(sections["duplicate-directory-uri"]["count"] == 1, f"{sections}")
    found = sections["duplicate-directory-uri"]["findings"][0]
    expect(found["value"] == "shared@example.com" and sorted(found["users"]) == sorted([one.bare, other.bare]), f"{found}")
    invalid = sections["invalid-directory-uri"]["findings"]
    expect([finding["users"] for finding in invalid] == [[wrong.bare]], f"{invalid}")
    expect(sections["no-directory-uri"]["count"] > 10 and len(sections["no-directory-uri"]["findings"]) == 10, f"{sections}")
    output, _ = roost(scene, "utils", "users", "validate", "userid")
    expect("Users with duplicate user IDs: 0" in output, output)
