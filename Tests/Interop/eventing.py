"""Personal eventing and publish-subscribe as slixmpp speaks them: interests by capabilities, avatars, bookmarks, nodes."""

from __future__ import annotations

import hashlib
from xml.etree import ElementTree

from slixmpp.exceptions import IqError

from .claims import claim
from .client import WAIT, Client, Scene, befriend, expect

EVENT = "{http://jabber.org/protocol/pubsub#event}"
TUNE = "http://jabber.org/protocol/tune"
AVATAR = "urn:xmpp:avatar:metadata"
BOOKMARKS = "urn:xmpp:bookmarks:1"
SERVICE = "pubsub.localhost"
PLUGINS = ["xep_0059", "xep_0060", "xep_0115", "xep_0163", "xep_0084"]


async def interested(scene: Scene, *nodes: str, user: str | None = None, resource: str | None = None) -> Client:
    """A client online whose capabilities ask for these nodes, as well as for avatars."""
    client = scene.client(user or scene.user(), resource)
    for plugin in PLUGINS + (["xep_0118"] if TUNE in nodes else []):
        client.register_plugin(plugin)

    def add_interests(_) -> None:
        # Earlier the library would note them for an address that it does not have any more.
        for node in nodes:
            client["xep_0163"].add_interest(node)
    client.add_event_handler("session_bind", add_interests)
    return await client.log_in()


async def event(client: Client, node: str):
    """The next event of a node: the <items/> element."""
    def items(message):
        return message.xml.find(f"{EVENT}event/{EVENT}items[@node='{node}']")
    message = await client.wait("message", lambda message: items(message) is not None, f"event of {node}")
    expect(message["type"] == "headline", f"{message}")
    return message["from"], items(message)


@claim("personal eventing: a tune reaches the own other client and the contact, as their capabilities ask")
async def tune(scene: Scene) -> None:
    romeo, juliet = await interested(scene, TUNE), await interested(scene, TUNE)
    await befriend(romeo, juliet)
    other = await interested(scene, TUNE, user=romeo.user)
    deaf = await interested(scene, user=romeo.user)
    await romeo["xep_0118"].publish_tune(artist="Gerald Finzi", title="Introduction")
    for client in (juliet, other, romeo):
        sender, items = await event(client, TUNE)
        expect(sender == romeo.bare, f"from {sender}")
        title = items.find(f".//{{{TUNE}}}title")
        expect(title is not None and title.text == "Introduction", ElementTree.tostring(items, "unicode"))
    await deaf.barrier()
    expect(not deaf.take("message", lambda m: m.xml.find(f"{EVENT}event") is not None), "an event nobody asked for")


@claim("personal eventing: the last item comes at the login of a contact, with the time it was published")
async def last(scene: Scene) -> None:
    romeo, juliet = await interested(scene, TUNE), await interested(scene)
    await befriend(romeo, juliet)
    await romeo["xep_0118"].publish_tune(title="Farewell")
    await romeo.log_out()
    await juliet.log_out()
    again = await interested(scene, TUNE, user=juliet.user)
    message = await again.wait("message", lambda m: m.xml.find(f"{EVENT}event") is not None, "last item")
    expect(message["from"] == romeo.bare, f"{message}")
    expect(message.xml.find("{urn:xmpp:delay}delay") is not None, f"no delay: {message}")


@claim("an avatar published by PEP is told to the contact, is in the vCard, and in presence")
async def avatar(scene: Scene) -> None:
    romeo, juliet = await interested(scene), await interested(scene, AVATAR)
    await befriend(romeo, juliet)
    image = b"\x89PNG\r\n\x1a\n" + b"romeo" * 100
    digest = hashlib.sha1(image).hexdigest()
    await romeo["xep_0084"].publish_avatar(image)
    await romeo["xep_0084"].publish_avatar_metadata([{"id": digest, "bytes": str(len(image)), "type": "image/png"}])
    sender, items = await event(juliet, AVATAR)
    expect(sender == romeo.bare and items.find(f".//{{{AVATAR}}}info").get("id") == digest, "not that avatar")
    presence = await juliet.wait(
        "presence", lambda p: p.xml.find("{vcard-temp:x:update}x/{vcard-temp:x:update}photo") is not None,
        "presence with the hash")
    told = presence.xml.find("{vcard-temp:x:update}x/{vcard-temp:x:update}photo").text
    expect(told == digest, f"presence says {told}")
    card = await juliet["xep_0054"].get_vcard(romeo.bare)
    expect(card["vcard_temp"]["PHOTO"]["BINVAL"] == image, "not that photo")
    data = await juliet["xep_0084"].retrieve_avatar(romeo.bare, digest)
    expect(data["pubsub"]["items"]["item"]["avatar_data"]["value"] == image, "not those bytes")


@claim("a photo in the vCard becomes an avatar")
async def photo(scene: Scene) -> None:
    romeo, juliet = await interested(scene), await interested(scene, AVATAR)
    await befriend(romeo, juliet)
    image = b"\xff\xd8\xff" + b"juliet" * 50
    card = romeo["xep_0054"].make_vcard()
    card["PHOTO"]["TYPE"] = "image/jpeg"
    card["PHOTO"]["BINVAL"] = image
    await romeo["xep_0054"].publish_vcard(card)
    _, items = await event(juliet, AVATAR)
    info = items.find(f".//{{{AVATAR}}}info")
    expect(info.get("id") == hashlib.sha1(image).hexdigest() and info.get("type") == "image/jpeg",
           ElementTree.tostring(items, "unicode"))


@claim("bookmarks: what private storage is given is an item of the newer kind, told to the other client, and back again")
async def bookmarks(scene: Scene) -> None:
    old = await interested(scene)
    new = await interested(scene, BOOKMARKS, user=old.user)
    iq = old.make_iq_set()
    iq.append(ElementTree.fromstring(
        "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>"
        "<conference jid='play@rooms.localhost' name='The Play' autojoin='true'><nick>JC</nick></conference>"
        "</storage></query>"))
    await iq.send(timeout=WAIT)
    _, items = await event(new, BOOKMARKS)
    conference = items.find(f".//{{{BOOKMARKS}}}conference")
    expect(conference.get("autojoin") == "true" and conference.get("name") == "The Play", "not that bookmark")
    await new["xep_0060"].retract(None, BOOKMARKS, "play@rooms.localhost", notify=True)
    _, items = await event(new, BOOKMARKS)
    expect(items.find(f"{EVENT}retract") is not None, ElementTree.tostring(items, "unicode"))
    iq = old.make_iq_get()
    iq.append(ElementTree.fromstring(
        "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>"))
    answer = await iq.send(timeout=WAIT)
    expect(answer.xml.find(".//{storage:bookmarks}conference") is None, f"{answer}")


@claim("a node of the pubsub service: created, subscribed to, published to, read, deleted")
async def service(scene: Scene) -> None:
    romeo, juliet = await interested(scene), await interested(scene)
    node = f"musings-{romeo.user}"
    await romeo["xep_0060"].create_node(SERVICE, node)
    await juliet["xep_0060"].subscribe(SERVICE, node)
    payload = ElementTree.fromstring("<entry xmlns='http://www.w3.org/2005/Atom'><title>Soliloquy</title></entry>")
    await romeo["xep_0060"].publish(SERVICE, node, id="one", payload=payload)
    sender, items = await event(juliet, node)
    expect(sender == SERVICE and items.find(f"{EVENT}item").get("id") == "one", "not that item")
    answer = await juliet["xep_0060"].get_items(SERVICE, node, max_items=1)
    expect(answer["pubsub"]["items"]["item"]["id"] == "one", f"{answer}")
    try:
        await juliet["xep_0060"].delete_node(SERVICE, node)
    except IqError as error:
        expect(error.condition == "forbidden", f"refused with {error.condition}")
    else:
        expect(False, "a stranger deleted the node")
    form = await romeo["xep_0060"].get_node_config(SERVICE, node)
    expect(form["pubsub_owner"]["configure"]["form"]["type"] == "form", f"{form}")
    await romeo["xep_0060"].delete_node(SERVICE, node)
    await juliet.wait("message", lambda m: m.xml.find(f"{EVENT}event/{EVENT}delete") is not None, "deletion")


def _rows(answer, owner: str, name: str) -> list[dict[str, str]]:
    """The attributes of the rows of an answer."""
    space = "{http://jabber.org/protocol/pubsub" + owner + "}"
    return [dict(row.attrib) for row in answer.xml.iter(f"{space}{name}")]


@claim("subscriptions and affiliations: of oneself at the service and at one node, and of a node by its owner")
async def collections(scene: Scene) -> None:
    romeo, juliet = await interested(scene), await interested(scene)
    pubsub, reader = romeo["xep_0060"], juliet["xep_0060"]
    nodes = [f"{name}-{romeo.user}" for name in ("acts", "scenes")]
    for node in nodes:
        await pubsub.create_node(SERVICE, node)
        await reader.subscribe(SERVICE, node)
    mine = _rows(await reader.get_subscriptions(SERVICE), "", "subscription")
    expect(sorted(row["node"] for row in mine) == sorted(nodes), f"{mine}")
    expect({row["subscription"] for row in mine} == {"subscribed"}, f"{mine}")
    one = _rows(await reader.get_subscriptions(SERVICE, nodes[0]), "", "subscription")
    expect([row["jid"] for row in one] == [juliet.bare], f"{one}")
    owned = _rows(await pubsub.get_affiliations(SERVICE), "", "affiliation")
    expect(sorted((row["node"], row["affiliation"]) for row in owned) == [(node, "owner") for node in sorted(nodes)],
           f"{owned}")
    listed = _rows(await pubsub.get_node_subscriptions(SERVICE, nodes[0]), "#owner", "subscription")
    expect([(row["jid"], row["subscription"]) for row in listed] == [(juliet.bare, "subscribed")], f"{listed}")
    await pubsub.modify_affiliations(SERVICE, nodes[0], [(juliet.bare, "publisher")])
    listed = _rows(await pubsub.get_node_affiliations(SERVICE, nodes[0]), "#owner", "affiliation")
    expect({row["jid"]: row["affiliation"] for row in listed} == {romeo.bare: "owner", juliet.bare: "publisher"},
           f"{listed}")
    await pubsub.modify_subscriptions(SERVICE, nodes[1], [(juliet.bare, "none")])
    message = await juliet.wait("message", lambda m: m.xml.find(f"{EVENT}event/{EVENT}subscription") is not None,
                                "end of the subscription")
    expect(message.xml.find(f"{EVENT}event/{EVENT}subscription").get("subscription") == "none", f"{message}")
    mine = _rows(await reader.get_subscriptions(SERVICE), "", "subscription")
    expect([row["node"] for row in mine] == [nodes[0]], f"{mine}")
    for node in nodes:
        await pubsub.delete_node(SERVICE, node)
    expect(not _rows(await pubsub.get_affiliations(SERVICE), "", "affiliation"), "affiliations with nodes that are gone")
