"""The server is killed at the very moment it confirms a change; after the restart the change must be there."""

from __future__ import annotations

import asyncio
import time
from typing import Awaitable, Callable

from support.report import Report
from support.servers import DOMAIN, RoostServer, ServerFailure

from .framing import attributes
from .probes import fetch_roster
from .scram import ScramError
from .session import Session, SessionFailure

SUITE = "faults"
_REPEATS = 4
_SETTINGS: list[tuple[str | None, str, str]] = [(None, "tls", "optional"), ("mobile", "quiet_mode", "on")]


class MomentFailure(AssertionError):
    """The change is not there, or was refused."""


def expect(holds: bool, text: str) -> None:
    if not holds:
        raise MomentFailure(text)


class Moment:
    """One change by `ann` that concerns `bob`, the kill, and the look afterwards."""

    def __init__(self, server: RoostServer, number: int) -> None:
        self.server = server
        self.ann, self.bob = f"ann{number}", f"bob{number}"
        self.bob_bare = f"{self.bob}@{DOMAIN}"
        self.ann_bare = f"{self.ann}@{DOMAIN}"
        self.sessions: list[Session] = []
        self.killed = asyncio.Event()

    async def online(self, user: str, presence: bytes = b"<presence/>") -> Session:
        session = Session(user, "moment", self.server.port)
        self.sessions.append(session)
        await session.log_in(presence)
        return session

    async def confirmed(self, session: Session, payload: str) -> None:
        """A set request; the server dies as soon as the result is here."""
        answer = await session.ask("set", payload)
        self.kill()
        expect(attributes(answer).get("type") == "result", f"refused: {answer!r}")

    async def acknowledged(self, session: Session, stanza: str) -> None:
        """A stanza without an answer; the server dies as soon as its acknowledgement is here."""
        session.on_ack = lambda tokens: self.kill() if stanza in tokens else None
        session.send(stanza.encode(), stanza)
        session.request_ack()
        try:
            await asyncio.wait_for(self.killed.wait(), 15)
        except asyncio.TimeoutError:
            raise MomentFailure(f"not acknowledged: {stanza}") from None

    def kill(self) -> None:
        self.server.kill_now()
        self.killed.set()

    async def restart(self) -> None:
        await self.close()
        await self.server.start()

    async def close(self) -> None:
        for session in self.sessions:
            if session.link is not None:
                session.link.cut(reset=False)
                await session.link.closed
        self.sessions = []

    async def subscription(self, user: str, contact: str) -> str:
        """State of `contact` in the roster of `user`, with `+ask` while a request is pending."""
        session = await self.online(user, presence=b"")
        item = (await fetch_roster(session)).get(contact)
        if item is None:
            return "absent"
        return item.get("subscription", "none") + ("+ask" if item.get("ask") else "")

    async def befriend(self) -> tuple[Session, Session]:
        """Both online and subscribed to each other."""
        ann, bob = await self.online(self.ann), await self.online(self.bob)
        await fetch_roster(ann)
        await fetch_roster(bob)
        for one, other in ((ann, bob), (bob, ann)):
            seen = asyncio.Event()
            other.on_presence = lambda element, seen=seen: (
                seen.set() if attributes(element).get("type") == "subscribe" else None)
            one.send(f"<presence type='subscribe' to='{other.bare}'/>".encode())
            await asyncio.wait_for(seen.wait(), 10)
            done = asyncio.Event()
            one.on_push = lambda element, done=done: (
                done.set() if b"'to'" in element or b"'both'" in element or b'"to"' in element or b'"both"' in element
                else None)
            other.send(f"<presence type='subscribed' to='{one.bare}'/>".encode())
            await asyncio.wait_for(done.wait(), 10)
        return ann, bob


async def request(moment: Moment) -> None:
    ann = await moment.online(moment.ann)
    await moment.acknowledged(ann, f"<presence type='subscribe' to='{moment.bob_bare}'/>")
    await moment.restart()
    state = await moment.subscription(moment.ann, moment.bob_bare)
    expect(state == "none+ask", f"the asker's roster says {state}")
    bob = Session(moment.bob, "moment", moment.server.port)
    moment.sessions.append(bob)
    asked = asyncio.Event()
    bob.on_presence = lambda element: asked.set() if attributes(element).get("type") == "subscribe" else None
    await bob.log_in()
    try:
        await asyncio.wait_for(asked.wait(), 5)
    except asyncio.TimeoutError:
        raise MomentFailure("the request never reached the one who was asked") from None


async def approval(moment: Moment) -> None:
    ann = await moment.online(moment.ann)
    ann.send(f"<presence type='subscribe' to='{moment.bob_bare}'/>".encode())
    await ann.ping()
    bob = await moment.online(moment.bob)
    await ann.log_out()
    await moment.acknowledged(bob, f"<presence type='subscribed' to='{moment.ann_bare}'/>")
    await moment.restart()
    states = (await moment.subscription(moment.ann, moment.bob_bare),
              await moment.subscription(moment.bob, moment.ann_bare))
    expect(states == ("to", "from"), f"the asker sees {states[0]}, the asked {states[1]}")


async def cancellation(moment: Moment) -> None:
    ann, bob = await moment.befriend()
    await bob.log_out()
    await moment.acknowledged(ann, f"<presence type='unsubscribed' to='{moment.bob_bare}'/>")
    await moment.restart()
    states = (await moment.subscription(moment.ann, moment.bob_bare),
              await moment.subscription(moment.bob, moment.ann_bare))
    expect(states == ("to", "from"), f"the one who cancelled sees {states[0]}, the other {states[1]}")


async def removal(moment: Moment) -> None:
    ann, bob = await moment.befriend()
    await bob.log_out()
    await moment.confirmed(ann, f"<query xmlns='jabber:iq:roster'><item jid='{moment.bob_bare}' "
                                "subscription='remove'/></query>")
    await moment.restart()
    states = (await moment.subscription(moment.ann, moment.bob_bare),
              await moment.subscription(moment.bob, moment.ann_bare))
    expect(states == ("absent", "none"), f"the one who removed sees {states[0]}, the other {states[1]}")


async def name(moment: Moment) -> None:
    ann = await moment.online(moment.ann)
    await moment.confirmed(ann, f"<query xmlns='jabber:iq:roster'><item jid='{moment.bob_bare}' name='Bob'>"
                                "<group>Friends</group></item></query>")
    await moment.restart()
    session = await moment.online(moment.ann)
    answer = await session.ask("get", "<query xmlns='jabber:iq:roster'/>")
    expect(b"Bob" in answer and b"Friends" in answer, f"the roster is {answer!r}")


async def block(moment: Moment) -> None:
    ann = await moment.online(moment.ann)
    await moment.confirmed(ann, f"<block xmlns='urn:xmpp:blocking'><item jid='{moment.bob_bare}'/></block>")
    await moment.restart()
    session = await moment.online(moment.ann)
    answer = await session.ask("get", "<blocklist xmlns='urn:xmpp:blocking'/>")
    expect(moment.bob_bare.encode() in answer, f"the block list is {answer!r}")


async def vcard(moment: Moment) -> None:
    ann = await moment.online(moment.ann)
    await moment.confirmed(ann, "<vCard xmlns='vcard-temp'><FN>Ann Other</FN></vCard>")
    await moment.restart()
    session = await moment.online(moment.bob)
    answer = await session.ask("get", "<vCard xmlns='vcard-temp'/>", to=moment.ann_bare)
    expect(b"Ann Other" in answer, f"the vCard is {answer!r}")


async def private(moment: Moment) -> None:
    ann = await moment.online(moment.ann)
    await moment.confirmed(ann, "<query xmlns='jabber:iq:private'><n xmlns='example:n'>kept</n></query>")
    await moment.restart()
    session = await moment.online(moment.ann)
    answer = await session.ask("get", "<query xmlns='jabber:iq:private'><n xmlns='example:n'/></query>")
    expect(b"kept" in answer, f"stored is {answer!r}")


async def comes(moment: Moment, resource: str, text: str) -> None:
    """bob logs in and is given the message."""
    bob = Session(moment.bob, resource, moment.server.port)
    moment.sessions.append(bob)
    came = asyncio.Event()
    bob.on_message = lambda element: came.set() if text.encode() in element else None
    await bob.log_in()
    try:
        await asyncio.wait_for(came.wait(), 5)
    except asyncio.TimeoutError:
        raise MomentFailure("the acknowledged message is gone") from None


async def message(moment: Moment) -> None:
    ann = await moment.online(moment.ann)
    text = "the last word"
    await moment.acknowledged(
        ann, f"<message to='{moment.bob_bare}' type='chat' id='m'><body>{text}</body></message>")
    await moment.restart()
    await comes(moment, "moment", text)


async def held(moment: Moment) -> None:
    """bob's phone is in the background and his other client active: the message waits inside the server."""
    phone = Session(moment.bob, "phone", moment.server.port)
    moment.sessions.append(phone)
    early: list[bytes] = []
    phone.on_message = early.append
    await phone.log_in()
    phone.send(b"<inactive xmlns='urn:xmpp:csi:0'/>")
    await phone.ping()
    await moment.online(moment.bob)
    ann = await moment.online(moment.ann)
    text = "said quietly"
    await moment.acknowledged(
        ann, f"<message to='{moment.bob_bare}/phone' type='chat' id='m'><body>{text}</body></message>")
    expect(not early, f"it did not wait: {early}")
    await moment.restart()
    await comes(moment, "phone", text)


MOMENTS: list[tuple[str, Callable[[Moment], Awaitable[None]]]] = [
    ("a subscription request", request),
    ("the approval of a subscription, on both sides", approval),
    ("the cancellation of a subscription, on both sides", cancellation),
    ("the removal of a contact, on both sides", removal),
    ("a contact's name and group", name),
    ("a block", block),
    ("a vCard", vcard),
    ("private storage", private),
    ("a message to somebody offline", message),
    ("a message that waits for a client in the background", held),
]


async def run(report: Report, offset: int) -> None:
    """Every moment several times, one server process after the other on the same files."""
    try:
        server = RoostServer(offset, _SETTINGS)
    except ServerFailure as failure:
        report.result(SUITE, "the server of the moments starts", str(failure))
        return
    number = 0
    try:
        count = len(MOMENTS) * _REPEATS
        server.prepare([f"{side}{index}" for index in range(count) for side in ("ann", "bob")])
        await server.start()
        for claim, scene in MOMENTS:
            began = time.monotonic()
            problems = []
            for _ in range(_REPEATS):
                problem = await _one(server, number, scene)
                number += 1
                if problem is not None:
                    problems.append(problem)
            text = f"{len(problems)} of {_REPEATS} times: {problems[0]}" if problems else None
            report.result(SUITE, f"survives a kill at its confirmation: {claim}", text, time.monotonic() - began)
    except ServerFailure as failure:
        report.result(SUITE, "the server of the moments starts", str(failure))
    finally:
        server.remove()


async def _one(server: RoostServer, number: int, scene) -> str | None:
    moment = Moment(server, number)
    try:
        await asyncio.wait_for(scene(moment), 60)
    except (MomentFailure, SessionFailure, ScramError, OSError) as failure:
        return str(failure) or repr(failure)
    except asyncio.TimeoutError:
        return "not finished in time"
    finally:
        await moment.close()
        if not server.is_running():
            server.kill_now()
            await server.start()
    return None
