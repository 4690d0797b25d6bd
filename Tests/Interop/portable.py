"""Accounts that go out and in as portable files (XEP-0227), with clients before and after."""

from __future__ import annotations

import asyncio
import re

from support.servers import PASSWORD, ServerFailure

from .administration import verb
from .archive import history
from .claims import claim
from .client import Scene, befriend, expect

# As prosody-migrator 0.12 writes an account; the password is "password" with this salt.
PROSODY = """<server-data xmlns='urn:xmpp:pie:0'><host jid='localhost'><user name='prosody-juliet'>\
<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'><server-key>D+CSWLOshSulAsxiupA+qs2/fTE=\
</server-key><stored-key>6dlGYMOdZcOPutkcNY8U2g7vK9Y=</stored-key><iter-count>4096</iter-count><salt>QSXCR+Q6sek8bf92\
</salt></scram-credentials><query version='4' xmlns='jabber:iq:roster'><item jid='n@example.net' subscription='none' \
ask='subscribe'/><item jid='romeo@example.com' name='Romeo' subscription='both'><group>Friends &amp; co</group></item>\
</query><presence from='paris@example.org' type='subscribe'/><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>\
<query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'><defaultnick>Hamlet</defaultnick></exodus></query></user>\
<user name='prosody-romeo' password='s3cr&amp;t&apos;'/></host></server-data>"""

# As ejabberd 23.01 writes the file of a domain; the password is "secret".
EJABBERD = """<?xml version='1.0' encoding='UTF-8'?><host xmlns='urn:xmpp:pie:0' \
xmlns:xi='http://www.w3.org/2001/XInclude' jid='localhost'><user name='ejabberd-juliet'><scram-credentials \
xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'><iter-count>4096</iter-count><salt>UWxVUjZaWGNnMHJBUkVWODhuT0Y0dz09\
</salt><server-key>NENWVzBhMHhROHhnNDFjL0lUeGVjd1gzRzBnPQ==</server-key>\
<stored-key>UVNDZzVvRUJiRlNrVThjcGozOVJXZWdGaDFJPQ==\
</stored-key></scram-credentials><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard><query xmlns='jabber:iq:roster'>\
<item subscription='both' name='Romeo' jid='romeo@localhost'><group>Friends</group></item></query></user></host>"""


@claim("portable: an account that was exported, removed and imported has its contacts, history, messages and password")
async def round_trip(scene: Scene) -> None:
    user = scene.user()
    romeo, juliet = await scene.online(), await scene.online(user)
    await befriend(romeo, juliet)
    romeo.send_message(mto=juliet.bare, mbody="seen", mtype="chat")
    await juliet.body("seen")
    juliet.send_message(mto=romeo.bare, mbody="answered", mtype="chat")
    await romeo.body("answered")
    await juliet.log_out()
    romeo.send_message(mto=f"{user}@localhost", mbody="missed", mtype="chat")
    await romeo.barrier()
    first = await verb(scene, "user", "export", "-", "--user", f"{user}@localhost")
    expect("<body>missed</body>" in first and PASSWORD not in first, first[:2000])
    await verb(scene, "user", "remove", f"{user}@localhost")
    told = await verb(scene, "user", "import-xml", "-", "--dry-run", stdin=first)
    expect(told.startswith("1 would be imported, 0 failed"), told)
    told = await verb(scene, "user", "import-xml", "-", stdin=first)
    expect(told.startswith("1 imported, 0 failed, 0 elements left out"), told)
    second = await verb(scene, "user", "export", "-", "--user", f"{user}@localhost")
    # The messages stay in the other archive under their ids, so that the imported ones have others, and messages of the
    # last two seconds are dated back; nothing else differs.
    bare = [re.sub(r" (id='[0-9a-f]{16}'|stamp='[^']*')", "", text) for text in (first, second)]
    expect(bare[0] == bare[1], f"{first}\n{second}")
    again = await scene.online(user)
    await again.body("missed")
    expect([text for _, text in await history(again)] == ["seen", "answered", "missed"], "the history")
    roster = await again.fetch_roster()
    expect(roster.get(romeo.bare, {}).get("subscription") == "both", f"{roster}")


@claim("portable: the accounts of Prosody's and ejabberd's files log in with their passwords")
async def foreign(scene: Scene) -> None:
    told = await verb(scene, "user", "import-xml", "-", stdin=PROSODY)
    expect(told.startswith("2 imported, 0 failed, 1 element left out"), told)
    romeo = await scene.client("prosody-romeo", password="s3cr&t'").log_in()
    await romeo.log_out()
    told = await verb(scene, "user", "import-xml", "-", stdin=EJABBERD)
    expect(told.startswith("1 imported"), told)
    # SCRAM-SHA-1 is what it has, and PLAIN.
    juliet = await scene.client("ejabberd-juliet", password="secret", mechanism="SCRAM-SHA-1").log_in()
    roster = await juliet.fetch_roster()
    expect(roster == {"romeo@localhost": {"name": "Romeo", "subscription": "both", "groups": ["Friends"]}}, f"{roster}")
    await juliet.log_out()
    plain = await scene.client("ejabberd-juliet", password="secret", mechanism="PLAIN").log_in()
    await plain.log_out()
    # PLAIN has completed it.
    for _ in range(100):
        exported = await verb(scene, "user", "export", "-", "--user", "ejabberd-juliet@localhost")
        if "SCRAM-SHA-256" in exported:
            break
        await asyncio.sleep(0.05)
    strong = await scene.client("ejabberd-juliet", password="secret", mechanism="SCRAM-SHA-256").log_in()
    await strong.log_out()


@claim("portable: what cannot be taken is told with file, line and account, and only that account is missing")
async def problems(scene: Scene) -> None:
    text = """<server-data xmlns='urn:xmpp:pie:0'>
<host jid='localhost'>
<user name='good-portable' password='x'><unknown xmlns='urn:u'/></user>
<user name='bad portable' password='x'/>
<user name='no-credentials'/>
<user name='good-portable' password='x'/>
</host>
<host jid='elsewhere.example'><user name='a' password='b'/></host>
</server-data>"""
    try:
        await verb(scene, "user", "import-xml", "-", stdin=text)
        expect(False, "the exit status is 0")
    except ServerFailure as failure:
        shown = str(failure)
    for part in ["1 imported, 4 failed, 1 element left out", "-:3: good-portable@localhost: <unknown/> of urn:u",
                 "-:4: bad portable@localhost: not imported: ", "-:5: no-credentials@localhost: not imported: there is neither",
                 "-:6: good-portable@localhost: not imported: the account exists already",
                 "-:8: a@elsewhere.example: not imported: elsewhere.example is not served here"]:
        expect(part in shown, f"{part!r} is not in {shown}")
    include = "<server-data xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='x'/></server-data>"
    try:
        await verb(scene, "user", "import-xml", "-", stdin=include)
        expect(False, "the exit status is 0")
    except ServerFailure as failure:
        expect("-:1: xi:include is not followed" in str(failure), str(failure))


@claim("portable: an account larger than any request goes out and in whole")
async def large(scene: Scene) -> None:
    results = "".join(
        f"<result xmlns='urn:xmpp:mam:2' id='x{number}'><forwarded xmlns='urn:xmpp:forward:0'>"
        f"<delay xmlns='urn:xmpp:delay' stamp='2025-01-01T00:{number // 60 % 60:02}:{number % 60:02}Z'/>"
        f"<message xmlns='jabber:client' from='romeo@example.com/a' to='large-portable@localhost' type='chat'>"
        f"<body>{number} {'x' * 4000}</body></message></forwarded></result>\n" for number in range(1500))
    text = ("<server-data xmlns='urn:xmpp:pie:0'><host jid='localhost'><user name='large-portable' password='x'>"
            f"<archive xmlns='urn:xmpp:pie:0#mam'>{results}</archive></user></host></server-data>")
    told = await verb(scene, "user", "import-xml", "-", stdin=text)
    expect(told.startswith("1 imported, 0 failed, 0 elements"), told)
    exported = await verb(scene, "user", "export", "-", "--user", "large-portable@localhost")
    numbers = [int(found) for found in re.findall(r"<body>(\d+) x", exported)]
    expect(numbers == list(range(1500)), f"{len(numbers)} messages")
    await verb(scene, "user", "remove", "large-portable@localhost")
    told = await verb(scene, "user", "import-xml", "-", stdin=exported)
    expect(told.startswith("1 imported, 0 failed, 0 elements"), told)
    again = await verb(scene, "user", "export", "-", "--user", "large-portable@localhost")
    expect(again.count("<result ") == 1500, "the second export")
