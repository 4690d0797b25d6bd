"""External components (XEP-0114) with slixmpp on their side, and a push service made of one (XEP-0357)."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import slixmpp
from slixmpp.componentxmpp import ComponentXMPP
from slixmpp.exceptions import IqError
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from support.servers import COMPONENT_SECRET, DOMAIN

from .claims import claim
from .client import WAIT, Client, Expectation, Scene, expect

ACCEPT = "{jabber:component:accept}"
PUBSUB = "{http://jabber.org/protocol/pubsub}"
PUSH = "urn:xmpp:push:0"


class Component(ComponentXMPP):
    """Keeps every stanza it got until a test asks for it; answers requests only if `answer` says how."""

    def __init__(self, scene: Scene, name: str, secret: str = COMPONENT_SECRET) -> None:
        super().__init__(f"{name}.{DOMAIN}", secret, "127.0.0.1", scene.host.component_port)
        self.auto_authorize = None
        self.auto_subscribe = False
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0199")
        self.seen: asyncio.Queue = asyncio.Queue()
        self.ended = asyncio.Event()
        for kind in ("message", "presence"):
            self.register_handler(Callback(f"seen {kind}", MatchXPath(f"{ACCEPT}{kind}"), self.seen.put_nowait))
        self.add_event_handler("disconnected", lambda _: self.ended.set())

    async def open(self) -> "Component":
        started = asyncio.get_running_loop().create_future()
        self.add_event_handler("session_start", lambda _: started.done() or started.set_result(None))
        self.connect()
        await asyncio.wait_for(started, WAIT)
        return self

    async def next(self, what: str):
        try:
            return await asyncio.wait_for(self.seen.get(), WAIT)
        except asyncio.TimeoutError:
            raise Expectation(f"the component got no {what}") from None

    async def close(self) -> None:
        self.cancel_connection_attempt()
        try:
            await asyncio.wait_for(self.disconnect(wait=1.0), 5)
        except (asyncio.TimeoutError, asyncio.CancelledError):
            self.abort()


class AppServer(Component):
    """An app server: every publication is a wake-up; `refuses` names the condition it answers with instead."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene, "push")
        self.refuses: str | None = None
        self.wakeups: asyncio.Queue = asyncio.Queue()
        self["xep_0030"].add_identity("pubsub", "push", jid=self.boundjid.full)
        self.register_handler(Callback("publications", MatchXPath(f"{ACCEPT}iq/{PUBSUB}pubsub"), self._published))

    def _published(self, iq) -> None:
        publish = iq.xml.find(f".//{PUBSUB}publish")
        values = {field.get("var"): field.findtext("{jabber:x:data}value")
                  for field in iq.xml.iter("{jabber:x:data}field")}
        self.wakeups.put_nowait((str(iq["from"]), publish.get("node"), values))
        if self.refuses is None:
            iq.reply(clear=True).send()
            return
        answer = iq.reply(clear=True)
        answer["type"] = "error"
        error = ElementTree.SubElement(answer.xml, f"{ACCEPT}error", {"type": "cancel"})
        ElementTree.SubElement(error, "{urn:ietf:params:xml:ns:xmpp-stanzas}" + self.refuses)
        answer.send()

    async def wakeup(self) -> tuple[str, str, dict]:
        try:
            return await asyncio.wait_for(self.wakeups.get(), WAIT)
        except asyncio.TimeoutError:
            raise Expectation("no wake-up") from None

    async def silence(self, client: Client) -> None:
        """Everything that happened before has had its consequences, and there is no wake-up."""
        await client.barrier()
        await self["xep_0199"].send_ping(slixmpp.JID(DOMAIN), ifrom=self.boundjid, timeout=WAIT)
        expect(self.wakeups.empty(), "a wake-up without need")


async def change_push(client: Client, verb: str, node: str, secret: str | None = None) -> None:
    iq = client.make_iq_set()
    element = ElementTree.SubElement(iq.xml, f"{{{PUSH}}}{verb}", {"jid": f"push.{DOMAIN}", "node": node})
    if secret is not None:
        element.append(ElementTree.fromstring(
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
            "http://jabber.org/protocol/pubsub#publish-options</value></field>"
            f"<field var='secret'><value>{escape(secret)}</value></field></x>"))
    await iq.send(timeout=WAIT)


@claim("a component connects, is listed in discovery and answers it")
async def discovery(scene: Scene) -> None:
    service = await AppServer(scene).open()
    try:
        client = await scene.online()
        items = await client["xep_0030"].get_items(jid=DOMAIN)
        listed = {jid for jid, *_ in items["disco_items"]["items"]}
        expect(f"push.{DOMAIN}" in listed, f"listed: {listed}")
        answer = await client["xep_0030"].get_info(jid=f"push.{DOMAIN}", cached=False)
        identities = {(category, kind) for category, kind, *_ in answer["disco_info"]["identities"]}
        expect(("pubsub", "push") in identities, f"identities {identities}")
    finally:
        await service.close()


@claim("a component with a wrong secret is sent away")
async def wrong_secret(scene: Scene) -> None:
    service = Component(scene, "echo", secret="guessed")
    service.connect()
    await asyncio.wait_for(service.ended.wait(), WAIT)
    await service.close()
    expect(not service.sessionstarted, "it got in")


@claim("messages with all kinds of text go to a component and back")
async def echo(scene: Scene) -> None:
    service = await Component(scene, "echo").open()
    try:
        client = await scene.online()
        text = "wherefore <art> & \"thou\" Ромео 🌹"
        client.send_message(f"juliet@echo.{DOMAIN}", text)
        message = await service.next("message")
        expect(message["body"] == text and message["from"] == client.boundjid, f"{message}")
        service.send_message(client.bare, message["body"], mfrom=f"juliet@echo.{DOMAIN}", mtype="chat")
        answer = await client.body(text)
        expect(str(answer["from"]) == f"juliet@echo.{DOMAIN}", f"from {answer['from']}")
    finally:
        await service.close()


@claim("a message of a component to an absent user waits for the login")
async def offline(scene: Scene) -> None:
    service = await Component(scene, "echo").open()
    try:
        user = scene.user()
        service.send_message(f"{user}@{DOMAIN}", "later", mfrom=f"juliet@echo.{DOMAIN}", mtype="chat")
        await service["xep_0199"].send_ping(slixmpp.JID(DOMAIN), ifrom=service.boundjid, timeout=WAIT)
        client = await scene.online(user)
        await client.body("later")
    finally:
        await service.close()


@claim("an address of a component and a user subscribe to each other and see each other's presence")
async def subscriptions(scene: Scene) -> None:
    service = await Component(scene, "echo").open()
    try:
        client, juliet = await scene.online(), f"juliet@echo.{DOMAIN}"
        client.send_presence(pto=juliet, ptype="subscribe")
        request = await service.next("request")
        expect(request["type"] == "subscribe" and str(request["from"]) == client.bare, f"{request}")
        service.send_presence(pfrom=juliet, pto=client.bare, ptype="subscribed")
        service.send_presence(pfrom=f"{juliet}/balcony", pto=client.bare, pshow="away")
        await client.wait("presence", lambda p: str(p["from"]) == f"{juliet}/balcony" and p["type"] == "away")
        service.send_presence(pfrom=juliet, pto=client.bare, ptype="subscribe")
        await client.wait("presence", lambda p: str(p["from"]) == juliet and p["type"] == "subscribe")
        client.send_presence(pto=juliet, ptype="subscribed")
        approval, presence = await service.next("approval"), await service.next("presence")
        expect(approval["type"] == "subscribed" and presence["type"] == "available", f"{approval} {presence}")
        item = (await client.fetch_roster()).get(juliet)
        expect(item is not None and item["subscription"] == "both", f"roster {item}")
        await client.log_out()
        goodbye = await service.next("unavailable presence")
        expect(goodbye["type"] == "unavailable", f"{goodbye}")
    finally:
        await service.close()


@claim("requests pass between a client and a component, and the server answers a component for itself")
async def requests(scene: Scene) -> None:
    service = await Component(scene, "echo").open()
    try:
        client = await scene.online()
        seconds = await client["xep_0199"].ping(f"echo.{DOMAIN}", timeout=WAIT)
        expect(seconds < WAIT, f"{seconds}")
        await service["xep_0199"].send_ping(client.boundjid, ifrom=service.boundjid, timeout=WAIT)
        answer = await service["xep_0030"].get_info(jid=DOMAIN, ifrom=service.boundjid, cached=False)
        identities = {(category, kind) for category, kind, *_ in answer["disco_info"]["identities"]}
        expect(("server", "im") in identities, f"identities {identities}")
        try:
            await service["xep_0030"].get_info(jid=client.bare, ifrom=service.boundjid, cached=False)
        except IqError as error:
            # The library reads conditions in the namespace of clients only.
            condition = error.iq.xml.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}service-unavailable")
            expect(condition is not None, f"refused with {error.iq}")
        else:
            expect(False, "a stranger learns of the account")
    finally:
        await service.close()


@claim("what is sent to a component that is not connected comes back with remote-server-timeout")
async def away(scene: Scene) -> None:
    client = await scene.online()
    try:
        await client["xep_0199"].send_ping(slixmpp.JID(f"echo.{DOMAIN}"), timeout=WAIT)
    except IqError as error:
        expect(error.condition == "remote-server-timeout", f"refused with {error.condition}")
    else:
        expect(False, "answered")


@claim("push: an app server is woken for a client that is gone, with its node and secret, and not for one that is there")
async def push(scene: Scene) -> None:
    service = await AppServer(scene).open()
    try:
        phone, friend = await scene.online(resource="phone"), await scene.online()
        await change_push(phone, "enable", "node-1", secret="s3cret & more")
        friend.send_message(phone.bare, "live", mtype="chat")
        await phone.body("live")
        await service.silence(friend)
        await phone.log_out()
        friend.send_message(phone.bare, "missed", mtype="chat")
        sender, node, values = await service.wakeup()
        expect(sender == phone.bare and node == "node-1", f"from {sender}, node {node}")
        expect(values.get("secret") == "s3cret & more", f"options {values}")
        expect(values.get("message-count") == "1", f"summary {values}")
        expect("last-message-body" not in values and "last-message-sender" not in values, f"told: {values}")
        again = await scene.online(phone.user, "phone")
        await again.body("missed")
        await change_push(again, "disable", "node-1")
        await again.log_out()
        friend.send_message(phone.bare, "unheard", mtype="chat")
        await service.silence(friend)
    finally:
        await service.close()


@claim("push: a client whose link is lost is woken while its stream can be resumed")
async def push_hibernating(scene: Scene) -> None:
    service = await AppServer(scene).open()
    try:
        phone, friend = await scene.online(resource="phone", resumption=True), await scene.online()
        await change_push(phone, "enable", "node-2")
        phone.cut()
        phone.cancel_connection_attempt()
        friend.send_message(phone.bare, "wake up", mtype="chat")
        _, node, _ = await service.wakeup()
        expect(node == "node-2", f"node {node}")
    finally:
        await service.close()


@claim("push: a service that does not know the node any more is not asked again")
async def push_gone(scene: Scene) -> None:
    service = await AppServer(scene).open()
    try:
        service.refuses = "item-not-found"
        phone, friend = await scene.online(resource="phone"), await scene.online()
        await change_push(phone, "enable", "node-3")
        await phone.log_out()
        friend.send_message(phone.bare, "one", mtype="chat")
        await service.wakeup()
        await service["xep_0199"].send_ping(slixmpp.JID(DOMAIN), ifrom=service.boundjid, timeout=WAIT)
        again = await scene.online(phone.user, "tablet")
        await again.body("one")
        await again.log_out()
        friend.send_message(phone.bare, "two", mtype="chat")
        await service.silence(friend)
    finally:
        await service.close()
