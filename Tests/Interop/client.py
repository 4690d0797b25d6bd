"""A slixmpp client that keeps everything it saw until a test asks for it."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import Callable

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from support.servers import DOMAIN, PASSWORD, Server

_PLUGINS = ["xep_0004", "xep_0012", "xep_0030", "xep_0033", "xep_0049", "xep_0050", "xep_0054", "xep_0055", "xep_0085",
            "xep_0092", "xep_0184", "xep_0191", "xep_0199", "xep_0202", "xep_0203", "xep_0280", "xep_0313"]
WAIT = 15.0


class Expectation(AssertionError):
    """Something a test waited for did not come, or came wrong."""


def expect(holds: bool, text: str) -> None:
    """Fails the test with `text` when a claim does not hold."""
    if not holds:
        raise Expectation(text)


class Client(slixmpp.ClientXMPP):
    """`seen` holds ("message" | "presence" | "roster" | event name, stanza); `wait` takes the first match out of it."""

    def __init__(self, server: Server, user: str, resource: str | None = None, password: str = PASSWORD,
                 direct_tls: bool = False, resumption: bool = False, mechanism: str | None = None) -> None:
        jid = f"{user}@{DOMAIN}" + (f"/{resource}" if resource else "")
        super().__init__(jid, password, sasl_mech=mechanism)
        self.host, self.user, self.bare = server, user, f"{user}@{DOMAIN}"
        self.enable_direct_tls, self.enable_starttls, self.enable_plaintext = direct_tls, not direct_tls, False
        self.direct_tls = direct_tls
        self.ca_certs = server.certificate()
        self.auto_authorize = None
        self.auto_subscribe = False
        # xep_0184 would answer by itself; the tests want to see each step.
        for plugin in _PLUGINS:
            self.register_plugin(plugin)
        self["xep_0184"].auto_ack = False
        if resumption:
            self.register_plugin("xep_0198")
        self.seen: list[tuple[str, object]] = []
        self._arrived = asyncio.Event()
        for kind in ("message", "presence"):
            self.register_handler(Callback(f"seen {kind}", MatchXPath(f"{{jabber:client}}{kind}"),
                                           lambda stanza, kind=kind: self._saw(kind, stanza)))
        for event in ("session_start", "session_resumed", "sm_enabled", "sm_failed", "failed_auth", "failed_all_auth",
                      "disconnected", "roster_update", "blocked", "unblocked", "carbon_received", "carbon_sent",
                      "stream_error", "stanza_acked", "ssl_invalid_chain", "connection_failed"):
            self.add_event_handler(event, lambda value, event=event: self._saw(event, value))

    def _saw(self, kind: str, value: object) -> None:
        self.seen.append((kind, value))
        self._arrived.set()

    async def wait(self, kind: str, check: Callable[[object], bool] = lambda value: True, what: str = "",
                   seconds: float = WAIT):
        """The first thing of `kind` that satisfies `check`, taken out of `seen`."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + seconds
        while True:
            for place, (seen, value) in enumerate(self.seen):
                if seen == kind and check(value):
                    del self.seen[place]
                    return value
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), max(0.0, limit - loop.time()))
            except asyncio.TimeoutError:
                shown = "; ".join(f"{seen}: {str(value)[:200]}" for seen, value in self.seen[-6:])
                raise Expectation(f"{self.boundjid}: no {what or kind} within {seconds} s; saw: {shown}") from None

    def take(self, kind: str, check: Callable[[object], bool] = lambda value: True) -> list:
        """Everything of `kind` seen so far, taken out."""
        found = [value for seen, value in self.seen if seen == kind and check(value)]
        self.seen = [(seen, value) for seen, value in self.seen if not (seen == kind and check(value))]
        return found

    async def body(self, text: str, seconds: float = WAIT):
        """A message with exactly this body."""
        return await self.wait("message", lambda message: message["body"] == text, f"message {text!r}", seconds)

    def open(self) -> None:
        """Starts connecting; `wait` tells how it went."""
        self.connect("127.0.0.1", self.host.tls_port if self.direct_tls else self.host.port)

    async def log_in(self, presence: bool = True) -> "Client":
        """Connects, logs in, fetches the roster, and is available when this returns."""
        self.open()
        await self.wait("session_start", what="login")
        await asyncio.wait_for(self.get_roster(), WAIT)
        if presence:
            self.send_presence()
            await self.barrier()
        return self

    async def barrier(self) -> None:
        """Everything this client sent before was handled by the server once this returns (one stream keeps order)."""
        await asyncio.wait_for(self["xep_0199"].send_ping(slixmpp.JID(DOMAIN), timeout=WAIT), WAIT)

    async def fetch_roster(self) -> dict[str, dict]:
        """The whole roster as the server has it now: name, subscription, sorted groups by JID."""
        iq = self.make_iq_get(queryxmlns="jabber:iq:roster")
        answer = await iq.send(timeout=WAIT)
        space = "{jabber:iq:roster}"
        return {item.get("jid"): {"name": item.get("name", ""), "subscription": item.get("subscription", "none"),
                                  "groups": sorted(group.text for group in item.findall(f"{space}group"))}
                for item in answer.xml.iter(f"{space}item")}

    async def refusal(self, seconds: float = WAIT) -> str:
        """Connects and expects that authentication fails; returns the SASL condition."""
        self.open()
        failure = await self.wait("failed_auth", what="authentication failure", seconds=seconds)
        self.cancel_connection_attempt()
        return failure["condition"]

    async def log_out(self) -> None:
        """Says goodbye and waits until the socket is closed."""
        self.cancel_connection_attempt()
        try:
            await asyncio.wait_for(self.disconnect(wait=2.0), 5)
        except (asyncio.TimeoutError, asyncio.CancelledError):
            self.abort()

    def cut(self) -> None:
        """Loses the socket without a word."""
        self.transport.abort()


class Scene:
    """What one test gets: the server, fresh users, and clients that are closed at the end."""

    def __init__(self, server: Server, names) -> None:
        self.host = server
        self._names = names
        self.clients: list[Client] = []
        self.terminals: list = []

    def user(self) -> str:
        return next(self._names)

    def client(self, user: str, resource: str | None = None, **options) -> Client:
        client = Client(self.host, user, resource, **options)
        self.clients.append(client)
        return client

    async def online(self, user: str | None = None, resource: str | None = None, **options) -> Client:
        return await self.client(user or self.user(), resource, **options).log_in()

    async def friends(self) -> tuple[Client, Client]:
        """Two users online who are subscribed to each other and have seen each other's presence."""
        first, second = await self.online(), await self.online()
        await befriend(first, second)
        return first, second

    async def close(self) -> None:
        for terminal in self.terminals:
            await terminal.close()
        for client in self.clients:
            await client.log_out()


async def until(question, wanted: object, seconds: float = 5.0) -> None:
    """Asks again and again until the answer is the one wanted."""
    limit = time.monotonic() + seconds
    while True:
        answer = await (question() if inspect.iscoroutinefunction(question) else asyncio.to_thread(question))
        if answer == wanted:
            return
        expect(time.monotonic() < limit, f"{answer!r} instead of {wanted!r} after {seconds} s")
        await asyncio.sleep(0.05)


async def befriend(first: Client, second: Client) -> None:
    """Subscribes both to each other, each request approved by hand."""
    for one, other in ((first, second), (second, first)):
        one.send_presence(pto=other.bare, ptype="subscribe")
        await other.wait("presence", lambda p, one=one: p["type"] == "subscribe" and p["from"].bare == one.bare,
                         "subscription request")
        other.send_presence(pto=one.bare, ptype="subscribed")
        await one.wait("presence", lambda p, other=other: p["type"] in ("available", "chat", "away", "dnd", "xa")
                       and p["from"].bare == other.bare, "presence after approval")
