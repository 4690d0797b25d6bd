"""Eventing as aioxmpp's own services speak it: personal eventing, avatars, bookmarks, nodes of a service."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib

import aioxmpp
import aioxmpp.avatar
import aioxmpp.bookmarks
import aioxmpp.pep
import aioxmpp.pubsub.xso

from support.servers import DOMAIN

from .another_library import answered, aioxmpp_condition, online
from .claims import claim
from .client import Scene, expect

TUNE = "http://jabber.org/protocol/tune"
NOTES = "urn:example:notes"
BOOKMARKS = "urn:xmpp:bookmarks:1"
SERVICE = aioxmpp.JID.fromstr(f"pubsub.{DOMAIN}")
ERRORS = "http://jabber.org/protocol/pubsub#errors"


@aioxmpp.pubsub.xso.as_payload_class
class Tune(aioxmpp.xso.XSO):
    """XEP-0118, as much of it as the tests need."""

    TAG = (TUNE, "tune")
    title = aioxmpp.xso.ChildText((TUNE, "title"), default=None)

    def __init__(self, title: str | None = None) -> None:
        super().__init__()
        self.title = title


@aioxmpp.pubsub.xso.as_payload_class
class Note(aioxmpp.xso.XSO):
    """Something of one's own in a private node."""

    TAG = (NOTES, "note")
    text = aioxmpp.xso.Text(default=None)

    def __init__(self, text: str | None = None) -> None:
        super().__init__()
        self.text = text


def heard(signal) -> asyncio.Queue:
    """What a signal of the library tells, as tuples of its positional arguments."""
    queue: asyncio.Queue = asyncio.Queue()

    def note(*arguments, **_) -> None:
        queue.put_nowait(arguments)
    signal.connect(note)
    return queue


@contextlib.contextmanager
def refused(error: type, condition: str):
    """The block ends with that error."""
    try:
        yield
    except error as problem:
        expect(problem.condition.value[1] == condition, f"refused with {problem}")
    else:
        expect(False, f"not refused with {condition}")


async def befriend(one: aioxmpp.RosterClient, other: aioxmpp.RosterClient) -> None:
    """Subscribed to each other."""
    for asker, asked in ((one, other), (other, one)):
        requests = heard(asked.on_subscribe)
        asker.subscribe(asked.client.local_jid.bare())
        (request,) = await answered(requests.get())
        asked.approve(request.from_.bare())
    for here, there in ((one, other), (other, one)):
        contact = there.client.local_jid.bare()
        await answered(aioxmpp_condition(
            lambda here=here, contact=contact:
            contact in here.items and here.items[contact].subscription == "both"))


@claim("aioxmpp: personal eventing by capabilities, with the identity pep, and with the last item for who comes later")
async def personal(scene: Scene) -> None:
    user = scene.user()
    async with online(scene, user, aioxmpp.PEPClient, aioxmpp.RosterClient) as (romeo, pep, roster), \
            online(scene, scene.user(), aioxmpp.PubSubClient, aioxmpp.RosterClient,
                   interests=(TUNE,)) as (juliet, listener, contacts):
        expect(await answered(pep.available()), "no identity pubsub/pep")
        await befriend(roster, contacts)
        events = heard(listener.on_item_published)
        await answered(pep.publish(TUNE, Tune("Introduction"), id_="current"))
        jid, name, item = await answered(events.get())
        expect(jid == romeo.local_jid.bare() and name == TUNE, f"{name} of {jid}")
        expect(item.registered_payload.title == "Introduction", f"{item.registered_payload.title}")
        # The account's own client that comes later, and whoever asks for what the other's capabilities mean.
        async with online(scene, user, aioxmpp.PubSubClient, aioxmpp.DiscoClient) as (later, own, disco):
            mine = heard(own.on_item_published)
            claimed = later.summon(aioxmpp.PEPClient).claim_pep_node(TUNE, notify=True)
            caps = later.summon(aioxmpp.EntityCapsService)
            caps.update_hash()
            later.summon(aioxmpp.PresenceServer).resend_presence()
            _, name, item = await answered(mine.get())
            expect((name, item.id_) == (TUNE, "current"), f"{item.id_} of {name}")
            claimed.close()
            information = await answered(disco.query_info(juliet.local_jid))
            expect(f"{TUNE}+notify" in information.features, f"features {sorted(information.features)}")


@claim("aioxmpp: a private node by publish-options, closed to the contact, and a precondition that is not met")
async def private(scene: Scene) -> None:
    services = (aioxmpp.PEPClient, aioxmpp.PubSubClient, aioxmpp.RosterClient)
    async with online(scene, scene.user(), *services) as (romeo, pep, pubsub, roster), \
            online(scene, scene.user(), aioxmpp.PubSubClient, aioxmpp.RosterClient) as (_, others, contacts):
        await befriend(roster, contacts)
        account = romeo.local_jid.bare()
        await answered(pep.publish(NOTES, Note("mine"), id_="one", access_model="whitelist"))
        request = await answered(pubsub.get_items(account, NOTES))
        expect([item.registered_payload.text for item in request.payload.items] == ["mine"], "not that item")
        with refused(aioxmpp.errors.XMPPCancelError, "not-allowed"):
            await answered(others.get_items(account, NOTES))
        with refused(aioxmpp.errors.XMPPCancelError, "conflict"):
            await answered(pep.publish(NOTES, Note("open"), id_="two", access_model="open"))
        form = await answered(pubsub.get_node_config(account, NOTES))
        config = aioxmpp.pubsub.xso.NodeConfigForm.from_xso(form)
        expect(config.access_model.value == "whitelist", f"{config.access_model.value}")


@claim("aioxmpp: an avatar set is published, read by the contact from metadata and data, and disabled")
async def avatars(scene: Scene) -> None:
    services = (aioxmpp.avatar.AvatarService, aioxmpp.RosterClient, aioxmpp.EntityCapsService)
    image = b"\x89PNG\r\n\x1a\n" + b"romeo" * 100
    async with online(scene, scene.user(), *services) as (romeo, avatar, roster, _), \
            online(scene, scene.user(), *services) as (_, viewer, contacts, _):
        await befriend(roster, contacts)
        changes = heard(viewer.on_metadata_changed)
        faces = aioxmpp.avatar.AvatarSet()
        faces.add_avatar_image("image/png", image_bytes=image)
        await answered(avatar.publish_avatar_set(faces))
        account = romeo.local_jid.bare()
        await answered(aioxmpp_condition(lambda: not changes.empty()))
        (found,) = await answered(viewer.get_avatar_metadata(account, require_fresh=True))
        expect(found.id_.lower() == hashlib.sha1(image).hexdigest() and found.nbytes == len(image), f"{found.id_}")
        expect(await answered(found.get_image_bytes()) == image, "not those bytes")
        await answered(avatar.disable_avatar())
        left = await answered(viewer.get_avatar_metadata(account, require_fresh=True, disable_pep=False))
        expect(not left, f"still {left}")


@claim("aioxmpp: bookmarks of private storage are items of the newer kind, told to the other client")
async def bookmarks(scene: Scene) -> None:
    user = scene.user()
    async with online(scene, user, aioxmpp.BookmarkClient, aioxmpp.PubSubClient) as (client, marks, pubsub), \
            online(scene, user, aioxmpp.PubSubClient, interests=(BOOKMARKS,)) as (_, own):
        events, gone = heard(own.on_item_published), heard(own.on_item_retracted)
        room = aioxmpp.JID.fromstr(f"play@rooms.{DOMAIN}")
        mark = aioxmpp.bookmarks.Conference("The Play", room, autojoin=True, nick="JC")
        await answered(marks.add_bookmark(mark))
        _, name, item = await answered(events.get())
        expect((name, item.id_) == (BOOKMARKS, str(room)), f"{item.id_} of {name}")
        items = await answered(pubsub.get_items(client.local_jid.bare(), BOOKMARKS))
        expect([item.id_ for item in items.payload.items] == [str(room)], f"{[i.id_ for i in items.payload.items]}")
        await answered(marks.discard_bookmark(mark))
        _, name, id_ = await answered(gone.get())
        expect((name, id_) == (BOOKMARKS, str(room)), f"{id_} of {name}")
        expect(not await answered(marks.get_bookmarks()), "bookmarks are left")


@claim("aioxmpp: the pubsub service announces what it can, and a node lives through it all")
async def service(scene: Scene) -> None:
    feature = aioxmpp.pubsub.xso.Feature
    async with online(scene, scene.user(), aioxmpp.PubSubClient) as (romeo, owner), \
            online(scene, scene.user(), aioxmpp.PubSubClient) as (juliet, reader):
        offered = await answered(owner.get_features(SERVICE))
        wanted = {feature.CREATE_NODES, feature.INSTANT_NODES, feature.CONFIG_NODE, feature.PUBLISH,
                  feature.RETRIEVE_ITEMS, feature.DELETE_ITEMS, feature.SUBSCRIBE, feature.MODIFY_AFFILIATIONS,
                  feature.MANAGE_SUBSCRIPTIONS, feature.PURGE_NODES, feature.DELETE_NODES, feature.GET_PENDING}
        expect(wanted <= offered, f"missing {wanted - offered}")
        instant = await answered(owner.create(SERVICE))
        await answered(owner.delete(SERVICE, instant))
        node = f"tunes-{romeo.local_jid.localpart}"
        await answered(owner.create(SERVICE, node))
        published, retracted = heard(reader.on_item_published), heard(reader.on_item_retracted)
        deleted = heard(reader.on_node_deleted)
        subscription = await answered(reader.subscribe(SERVICE, node))
        expect(subscription.payload.subscription == "subscribed", f"{subscription.payload.subscription}")
        expect(await answered(owner.publish(SERVICE, node, Tune("one"), id_="1")) == "1", "another id")
        made = await answered(owner.publish(SERVICE, node, Tune("two")))
        for title in ("one", "two"):
            _, name, item = await answered(published.get())
            expect((name, item.registered_payload.title) == (node, title), f"{item.registered_payload.title} at {name}")
        newest = await answered(reader.get_items(SERVICE, node, max_items=1))
        expect([item.id_ for item in newest.payload.items] == [made], "not the newest item")
        both = await answered(reader.get_items_by_id(SERVICE, node, ["1", made]))
        expect({item.id_ for item in both.payload.items} == {"1", made}, "not both items")
        nodes = await answered(reader.get_nodes(SERVICE))
        expect(any(name == node for name, _ in nodes), f"{nodes}")
        await answered(owner.retract(SERVICE, node, "1", notify=True))
        expect((await answered(retracted.get()))[1:] == (node, "1"), "not that retraction")
        with refused(aioxmpp.errors.XMPPAuthError, "forbidden"):
            await answered(reader.purge(SERVICE, node))
        address = juliet.local_jid.bare()
        listed = await answered(owner.get_node_subscriptions(SERVICE, node))
        expect([one.jid for one in listed.payload.subscriptions] == [address], "not that subscriber")
        await answered(owner.change_node_subscriptions(SERVICE, node, [(address, "none")]))
        mine = await answered(reader.get_subscriptions(SERVICE))
        expect(not [one for one in mine.subscriptions if one.node == node], "the subscription did not end")
        await answered(owner.change_node_affiliations(SERVICE, node, [(address, "publisher")]))
        affiliated = await answered(owner.get_node_affiliations(SERVICE, node))
        roles = {one.jid: one.affiliation for one in affiliated.payload.affiliations}
        expect(roles == {romeo.local_jid.bare(): "owner", address: "publisher"}, f"{roles}")
        await answered(reader.subscribe(SERVICE, node))
        await answered(published.get())
        await answered(reader.publish(SERVICE, node, Tune("three"), id_="3"))
        expect((await answered(published.get()))[2].id_ == "3", "not that item")
        await answered(owner.purge(SERVICE, node))
        empty = await answered(owner.get_items(SERVICE, node))
        expect(not empty.payload.items, "items are left")
        form = aioxmpp.pubsub.xso.NodeConfigForm.from_xso(await answered(owner.get_node_config(SERVICE, node)))
        form.title.value = "Tunes"
        await answered(owner.set_node_config(SERVICE, form.render_reply(), node))
        await answered(owner.delete(SERVICE, node, redirect_uri=f"xmpp:{SERVICE}?;node=other"))
        expect((await answered(deleted.get()))[1] == node, "not that deletion")
