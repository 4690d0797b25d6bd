"""What the server answers: discovery, ping, version, time, last activity, vCards, private storage."""

from __future__ import annotations

from datetime import datetime, timezone
from xml.etree import ElementTree

from slixmpp.exceptions import IqError

from .claims import claim
from .client import Scene, expect

SERVER = "localhost"


@claim("disco#info of the server: an im server with the features it has")
async def disco(scene: Scene) -> None:
    client = await scene.online()
    answer = await client["xep_0030"].get_info(jid=SERVER, cached=False)
    identities = {(category, kind) for category, kind, *_ in answer["disco_info"]["identities"]}
    expect(("server", "im") in identities, f"identities {identities}")
    features = set(answer["disco_info"]["features"])
    wanted = {"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items", "urn:xmpp:ping",
              "urn:xmpp:blocking", "vcard-temp", "jabber:iq:version", "urn:xmpp:time", "jabber:iq:last",
              "urn:xmpp:carbons:2"}
    expect(wanted <= features, f"missing {sorted(wanted - features)}")


@claim("disco#items of the server answers")
async def items(scene: Scene) -> None:
    client = await scene.online()
    answer = await client["xep_0030"].get_items(jid=SERVER)
    expect(answer["type"] == "result", f"{answer}")


@claim("disco#info of one's own account: a registered account")
async def account(scene: Scene) -> None:
    client = await scene.online()
    answer = await client["xep_0030"].get_info(jid=client.bare, cached=False)
    identities = {(category, kind) for category, kind, *_ in answer["disco_info"]["identities"]}
    expect(("account", "registered") in identities, f"identities {identities}")


@claim("disco#info between two clients passes through")
async def between(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    answer = await romeo["xep_0030"].get_info(jid=str(juliet.boundjid), cached=False)
    expect(answer["from"] == juliet.boundjid, f"answered by {answer['from']}")
    expect("urn:xmpp:ping" in answer["disco_info"]["features"], f"{answer}")


@claim("ping: the server, the own account and another client answer")
async def ping(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    for target in (SERVER, romeo.bare, str(juliet.boundjid)):
        seconds = await romeo["xep_0199"].ping(target, timeout=10)
        expect(seconds < 10, f"{target}: {seconds} s")


@claim("software version of the server")
async def version(scene: Scene) -> None:
    client = await scene.online()
    answer = await client["xep_0092"].get_version(SERVER)
    expect(bool(answer["software_version"]["name"]), f"{answer}")
    expect(bool(answer["software_version"]["version"]), f"{answer}")


@claim("entity time of the server is right")
async def time(scene: Scene) -> None:
    client = await scene.online()
    answer = await client["xep_0202"].get_entity_time(SERVER)
    # The library's own reading of <utc/> chokes on the Z that the profile demands (XEP-0082 §3.2).
    text = answer.xml.find(".//{urn:xmpp:time}utc").text
    expect(text.endswith("Z"), f"not in UTC notation: {text}")
    told = datetime.fromisoformat(text.replace("Z", "+00:00"))
    away = abs((told - datetime.now(timezone.utc)).total_seconds())
    expect(away < 5, f"{told} is {away} s off")


@claim("last activity: uptime of the server, and how long a contact has been away with the last words")
async def last(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    answer = await romeo["xep_0012"].get_last_activity(SERVER)
    expect(0 <= int(answer["last_activity"]["seconds"]) < 3600, f"{answer}")
    juliet.send_presence(ptype="unavailable", pstatus="off to bed")
    await juliet.log_out()
    await romeo.wait("presence", lambda p: p["from"].bare == juliet.bare and p["type"] == "unavailable")
    answer = await romeo["xep_0012"].get_last_activity(juliet.bare)
    expect(0 <= int(answer["last_activity"]["seconds"]) < 60, f"{answer}")
    expect(answer["last_activity"]["status"] == "off to bed", f"{answer}")


@claim("last activity of a stranger is refused")
async def last_of_stranger(scene: Scene) -> None:
    romeo, stranger = await scene.online(), await scene.online()
    try:
        answer = await romeo["xep_0012"].get_last_activity(stranger.bare)
    except IqError as error:
        expect(error.condition in ("forbidden", "subscription-required", "not-authorized", "service-unavailable"),
               f"refused with {error.condition}")
    else:
        expect(False, f"answered: {answer}")


@claim("vcard-temp: published, read by another user, there after the next login")
async def vcard(scene: Scene) -> None:
    user = scene.user()
    romeo, reader = await scene.online(user), await scene.online()
    card = romeo["xep_0054"].make_vcard()
    card["FN"] = "Romeo Montague <&>"
    card["NICKNAME"] = "Ромео"
    await romeo["xep_0054"].publish_vcard(card)
    await romeo.log_out()
    answer = await reader["xep_0054"].get_vcard(f"{user}@localhost")
    expect(answer["vcard_temp"]["FN"] == "Romeo Montague <&>", f"{answer}")
    again = await scene.online(user)
    answer = await again["xep_0054"].get_vcard(again.bare, local=False, cached=False)
    expect("Ромео" in str(answer), f"{answer}")


@claim("private storage: what one client stored another reads, and nobody else")
async def private(scene: Scene) -> None:
    user = scene.user()
    first = await scene.online(user)
    first_iq = first.make_iq_set()
    first_iq.append(ElementTree.fromstring(
        "<query xmlns='jabber:iq:private'><notes xmlns='example:notes'>"
        "<note kind='a'>wherefore &amp; why</note></notes></query>"))
    await first_iq.send(timeout=10)
    await first.log_out()
    second, stranger = await scene.online(user), await scene.online()

    async def read(client):
        iq = client.make_iq_get()
        iq.append(ElementTree.fromstring("<query xmlns='jabber:iq:private'><notes xmlns='example:notes'/></query>"))
        return await iq.send(timeout=10)

    note = (await read(second)).xml.find(".//{example:notes}note")
    expect(note is not None and note.text == "wherefore & why" and note.get("kind") == "a", "not what was stored")
    empty = (await read(stranger)).xml
    expect(empty.find(".//{example:notes}note") is None, "somebody else reads it")
    expect(empty.find(".//{example:notes}notes") is not None, "an empty answer carries the asked element")


@claim("an unknown request is refused with service-unavailable")
async def unknown(scene: Scene) -> None:
    client = await scene.online()
    iq = client.make_iq_get(ito=SERVER)
    iq.append(ElementTree.fromstring("<query xmlns='example:no-such-thing'/>"))
    try:
        answer = await iq.send(timeout=10)
    except IqError as error:
        expect(error.condition == "service-unavailable", f"refused with {error.condition}")
    else:
        expect(False, f"answered: {answer}")


@claim("a request to a client that is not there is refused with service-unavailable")
async def absent(scene: Scene) -> None:
    client, user = await scene.online(), scene.user()
    try:
        answer = await client["xep_0199"].send_ping(f"{user}@localhost/nowhere", timeout=10)
    except IqError as error:
        expect(error.condition == "service-unavailable", f"refused with {error.condition}")
    else:
        expect(False, f"answered: {answer}")
