"""aioxmpp, a second library with its own idea of the protocols: strict about schemas where slixmpp is lenient."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import aioxmpp
import aioxmpp.ping

from support.servers import DOMAIN, PASSWORD

from .claims import claim
from .client import WAIT, Scene, expect

logging.getLogger("aioxmpp").setLevel(logging.CRITICAL)


@contextlib.asynccontextmanager
async def online(scene: Scene, user: str, *services: type, interests: tuple[str, ...] = ()):
    """An available client with the services, whose capabilities ask for events; ends its stream afterwards."""
    client = aioxmpp.PresenceManagedClient(
        aioxmpp.JID.fromstr(f"{user}@{DOMAIN}"), aioxmpp.make_security_layer(PASSWORD, no_verify=True),
        override_peer=[("127.0.0.1", scene.host.port, aioxmpp.connector.STARTTLSConnector())])
    summoned = [client.summon(service) for service in services]
    claims = []
    if interests:
        client.summon(aioxmpp.EntityCapsService)
        claims = [client.summon(aioxmpp.PEPClient).claim_pep_node(node, notify=True) for node in interests]
    async with client.connected():
        if claims:
            # The server's question for the capabilities is there before the first answer, its answer before the second.
            for _ in range(2):
                await aioxmpp.ping.ping(client, client.local_jid.replace(localpart=None, resource=None))
        yield (client, *summoned)


async def answered(awaitable):
    return await asyncio.wait_for(awaitable, WAIT)


@claim("aioxmpp: login with stream management, ping, discovery of the server and of the account")
async def discovery(scene: Scene) -> None:
    async with online(scene, scene.user(), aioxmpp.DiscoClient) as (client, disco):
        expect(client.stream.sm_enabled, "no stream management")
        server = aioxmpp.JID.fromstr(DOMAIN)
        await answered(aioxmpp.ping.ping(client, server))
        information = await answered(disco.query_info(server))
        expect("urn:xmpp:ping" in information.features, f"features {sorted(information.features)}")
        account = await answered(disco.query_info(client.local_jid.bare()))
        expect(any(one.category == "account" for one in account.identities), "the account has no identity")


@claim("aioxmpp: roster items with groups, changed and removed")
async def roster(scene: Scene) -> None:
    contact = aioxmpp.JID.fromstr(f"{scene.user()}@{DOMAIN}")
    async with online(scene, scene.user(), aioxmpp.RosterClient) as (_, roster):
        await answered(roster.set_entry(contact, name="Contact", add_to_groups={"Friends"}))
        await answered(aioxmpp_condition(lambda: contact in roster.items))
        expect(roster.items[contact].name == "Contact", roster.items[contact].name)
        expect("Friends" in roster.groups, f"groups {list(roster.groups)}")
        await answered(roster.remove_entry(contact))
        await answered(aioxmpp_condition(lambda: contact not in roster.items))


async def aioxmpp_condition(holds) -> None:
    """The library tells of pushes through signals; here the state they leave is what counts."""
    while not holds():
        await asyncio.sleep(0.01)


@claim("aioxmpp: blocking is pushed, and a blocked address can be unblocked")
async def blocking(scene: Scene) -> None:
    stranger = aioxmpp.JID.fromstr(f"{scene.user()}@{DOMAIN}")
    async with online(scene, scene.user(), aioxmpp.BlockingClient) as (_, blocking):
        await answered(blocking.block_jids([stranger]))
        await answered(aioxmpp_condition(lambda: stranger in (blocking.blocklist or ())))
        await answered(blocking.unblock_jids([stranger]))
        await answered(aioxmpp_condition(lambda: stranger not in (blocking.blocklist or ())))


@claim("aioxmpp: a message with its thread arrives once, with the sender's full address")
async def message(scene: Scene) -> None:
    sender, receiver = scene.user(), scene.user()
    async with online(scene, receiver) as (here,), online(scene, sender) as (there,):
        arrived: asyncio.Queue = asyncio.Queue()
        dispatcher = here.summon(aioxmpp.dispatcher.SimpleMessageDispatcher)
        dispatcher.register_callback(aioxmpp.MessageType.CHAT, None, arrived.put_nowait)
        out = aioxmpp.Message(to=here.local_jid.bare(), type_=aioxmpp.MessageType.CHAT)
        out.body[None] = "from another library"
        await answered(there.send(out))
        got = await answered(arrived.get())
        expect(got.body.any() == "from another library", f"{got.body}")
        expect(got.from_ == there.local_jid, f"from {got.from_}")


@claim("aioxmpp: a vCard is stored and read by another user")
async def vcard(scene: Scene) -> None:
    owner, reader = scene.user(), scene.user()
    async with online(scene, owner, aioxmpp.vcard.VCardService) as (client, cards):
        card = await answered(cards.get_vcard(None))
        await answered(cards.set_vcard(card))
        async with online(scene, reader, aioxmpp.vcard.VCardService) as (_, others):
            await answered(others.get_vcard(client.local_jid.bare()))


@claim("aioxmpp: private storage keeps an element of its own")
async def private(scene: Scene) -> None:
    async with online(scene, scene.user(), aioxmpp.private_xml.PrivateXMLService) as (_, storage):
        answer = await answered(storage.get_private_xml(aioxmpp.bookmarks.xso.Storage()))
        expect(answer is not None, "no answer")


@claim("aioxmpp: a room is entered by two, who talk, change the subject and leave")
async def room(scene: Scene) -> None:
    address = aioxmpp.JID.fromstr(f"{scene.user()}@rooms.{DOMAIN}")
    async with online(scene, scene.user(), aioxmpp.MUCClient) as (_, owner), \
            online(scene, scene.user(), aioxmpp.MUCClient) as (_, guest):
        mine, entered = owner.join(address, "romeo", history=aioxmpp.muc.xso.History(maxstanzas=0))
        await answered(entered)
        form = aioxmpp.muc.ConfigurationForm.from_xso(await answered(owner.get_room_config(address)))
        form.roomname.value = "Garden"
        await answered(owner.set_room_config(address, form.render_reply()))
        theirs, entered = guest.join(address, "juliet")
        await answered(entered)
        await answered(aioxmpp_condition(lambda: len(mine.members) == 2 and len(theirs.members) == 2))
        expect(theirs.me.nick == "juliet", f"{theirs.me.nick}")
        heard: asyncio.Queue = asyncio.Queue()
        mine.on_message.connect(lambda message, member, source, **_: heard.put_nowait((message, member)) and False)
        out = aioxmpp.Message(type_=aioxmpp.MessageType.GROUPCHAT)
        out.body[None] = "It is the lark"
        _, echoed = theirs.send_message_tracked(out)
        message, member = await answered(heard.get())
        expect(message.body.any() == "It is the lark" and member.nick == "juliet", f"{message}, {member}")
        await answered(aioxmpp_condition(lambda: echoed.state == aioxmpp.tracking.MessageState.DELIVERED_TO_RECIPIENT))
        await answered(mine.set_topic({None: "Morning"}))
        await answered(aioxmpp_condition(lambda: theirs.muc_subject and theirs.muc_subject.any() == "Morning"))
        await answered(theirs.leave())
        await answered(aioxmpp_condition(lambda: len(mine.members) == 1))


@claim("aioxmpp: commands of the server are listed and one begins")
async def commands(scene: Scene) -> None:
    async with online(scene, scene.user(), aioxmpp.AdHocClient) as (_, adhoc):
        server = aioxmpp.JID.fromstr(DOMAIN)
        listed = await answered(adhoc.get_commands(server))
        expect(len(listed) > 0, "no commands")
        session = await answered(adhoc.execute(server, listed[0].node))
        try:
            expect(session.status is not None, "no status")
        finally:
            if session.status == aioxmpp.adhoc.CommandStatus.EXECUTING:
                await answered(session.close())
