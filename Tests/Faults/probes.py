"""Confirmed roster and subscription changes must survive the kill as messages do (RFC 6121 §2, §3)."""

from __future__ import annotations

import asyncio
import re

from support.servers import DOMAIN

from .actors import Actor, Stage
from .framing import attributes
from .session import Session, SessionFailure

_ITEM = re.compile(rb"<item\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_ROSTER = "jabber:iq:roster"
_CONTACTS = 24
_WORKERS = 4


def roster_items(element: bytes) -> dict[str, dict[str, str]]:
    """Items of a roster result or push by JID."""
    items = (attributes(tag) for tag in _ITEM.findall(element))
    return {item["jid"]: item for item in items if "jid" in item}


async def fetch_roster(session: Session) -> dict[str, dict[str, str]]:
    answer = await session.ask("get", f"<query xmlns='{_ROSTER}'/>")
    if attributes(answer).get("type") != "result":
        raise SessionFailure(f"{session.user}: roster refused: {answer!r}")
    return roster_items(answer)


class RosterProbe(Actor):
    """Names contacts at random as fast as the server confirms; after each restart the roster must say the same."""

    kind = "roster owner"

    def __init__(self, stage: Stage, user: str) -> None:
        super().__init__(stage, user)
        self.confirmed: dict[str, str | None] = {}
        self.asked: dict[str, str | None] = {}
        self.changes = 0
        self.checks = 0
        self.lost: list[str] = []

    async def play(self) -> None:
        session = self.make()
        await session.log_in()
        await self.check(session)
        self.is_ready.set()
        await asyncio.gather(*(self._work(session, number) for number in range(_WORKERS)))
        await session.link.closed

    async def check(self, session: Session) -> None:
        """Compares the roster with what was confirmed; an unanswered change may or may not have happened."""
        found = {jid: item.get("name", "") for jid, item in (await fetch_roster(session)).items()}
        for jid in {*found, *self.confirmed, *self.asked}:
            allowed = {self.confirmed.get(jid)}
            if jid in self.asked:
                allowed.add(self.asked[jid])
            if found.get(jid) not in allowed:
                self.lost.append(f"round {self.stage.ledger.round}: {jid} is {found.get(jid)!r}, "
                                 f"confirmed {self.confirmed.get(jid)!r}, asked {self.asked.get(jid, '-')!r}")
        self.confirmed, self.asked = dict(found), {}
        self.checks += 1

    async def _work(self, session: Session, number: int) -> None:
        rng = self.stage.rng
        while not self.stage.is_over:
            jid = f"contact{rng.randrange(number, _CONTACTS, _WORKERS)}@{DOMAIN}"
            name: str | None = f"Name {rng.randrange(10**6)}"
            if rng.random() < 0.2 and self.confirmed.get(jid) is not None:
                name = None
            self.asked[jid] = name
            content = f"name='{name}'/>" if name is not None else "subscription='remove'/>"
            try:
                answer = await session.ask("set", f"<query xmlns='{_ROSTER}'><item jid='{jid}' {content}</query>")
            except SessionFailure:
                if self.stage.is_over:
                    return
                raise
            if attributes(answer).get("type") != "result":
                self.stage.problem(f"roster set refused: {answer!r}")
                return
            self.confirmed[jid] = name
            del self.asked[jid]
            self.changes += 1
            await asyncio.sleep(0.005)


# The state of a contact in a roster: (subscription, whether a request is pending), None without an item.
State = tuple[str, bool] | None


class SubscriptionProbe(Actor):
    """Two users who subscribe to each other, approve and cancel, step by step; a pushed state is a confirmed one."""

    kind = "subscribers"

    def __init__(self, stage: Stage, users: tuple[str, str]) -> None:
        super().__init__(stage, users[0])
        self.users = users
        self.pushed: list[State] = [None, None]
        self.next: list[State] = [None, None]
        self.changes = 0
        self.lost: list[str] = []
        self._changed = asyncio.Event()

    async def play(self) -> None:
        sessions = []
        for side, user in enumerate(self.users):
            self.user = user
            session = self.make()
            session.on_push = lambda element, side=side: self._push(side, element)
            await session.log_in(presence=b"")
            state = self._state(side, await fetch_roster(session))
            if state not in (self.pushed[side], self.next[side]):
                self.lost.append(f"round {self.stage.ledger.round}: {user} sees {state}, "
                                 f"pushed was {self.pushed[side]}, under way {self.next[side]}")
            self.pushed[side] = self.next[side] = state
            session.send(b"<presence/>")
            sessions.append(session)
        self.is_ready.set()
        try:
            await self._reset(sessions)
            while not self.stage.is_over:
                await self._cycle(sessions)
        except SessionFailure:
            if not self.stage.is_over:
                raise
        await asyncio.wait({session.link.closed for session in sessions})

    async def _cycle(self, sessions: list[Session]) -> None:
        await self._step(sessions, 0, "subscribe", ("none", True), None)
        await self._step(sessions, 1, "subscribed", ("to", False), ("from", False))
        await self._step(sessions, 1, "subscribe", ("to", False), ("from", True))
        await self._step(sessions, 0, "subscribed", ("both", False), ("both", False))
        await self._step(sessions, 0, "unsubscribe", ("from", False), ("to", False))
        await self._reset(sessions)

    async def _reset(self, sessions: list[Session]) -> None:
        """Both remove the other, one after the other, so that each change has one owner."""
        for side in (0, 1):
            if self.pushed[side] is None:
                continue
            other = 1 - side
            # What the other sees once this item is gone: no subscription in either direction.
            self.next[side] = None
            if self.pushed[other] is not None:
                self.next[other] = ("none", False)
            answer = await sessions[side].ask("set", f"<query xmlns='{_ROSTER}'><item jid='{self._jid(other)}' "
                                              "subscription='remove'/></query>")
            if attributes(answer).get("type") != "result":
                raise SessionFailure(f"{self.users[side]}: removal refused: {answer!r}")
            await self._until(sessions)

    async def _step(self, sessions: list[Session], side: int, kind: str, first: State, second: State) -> None:
        self.next = [first, second]
        sessions[side].send(f"<presence type='{kind}' to='{self._jid(1 - side)}'/>".encode())
        sessions[side].request_ack()
        await self._until(sessions)
        self.changes += 1
        await asyncio.sleep(0.005)

    async def _until(self, sessions: list[Session]) -> None:
        """Waits until both sides were told the state that the step leads to."""
        limit = asyncio.get_running_loop().time() + 10
        while self.pushed != self.next:
            self._changed.clear()
            waiting = {asyncio.ensure_future(self._changed.wait()), *(session.link.closed for session in sessions)}
            await asyncio.wait(waiting, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            if any(session.link.closed.done() for session in sessions):
                raise SessionFailure(f"{self.users}: stream ended")
            if asyncio.get_running_loop().time() > limit:
                raise SessionFailure(f"{self.users}: roster pushes say {self.pushed}, expected {self.next}")

    def _jid(self, side: int) -> str:
        return f"{self.users[side]}@{DOMAIN}"

    def _state(self, side: int, items: dict[str, dict[str, str]]) -> State:
        item = items.get(self._jid(1 - side))
        if item is None or item.get("subscription") == "remove":
            return None
        return item.get("subscription", "none"), item.get("ask") == "subscribe"

    def _push(self, side: int, element: bytes) -> None:
        if self._jid(1 - side) in roster_items(element):
            self.pushed[side] = self._state(side, roster_items(element))
            self._changed.set()


class Asker(Actor):
    """Asks an offline user for a subscription, another user in each life; acknowledged requests must arrive."""

    kind = "asker"

    def __init__(self, stage: Stage, users: list[str], target: str) -> None:
        super().__init__(stage, users[0])
        self.users, self.target = users, target
        self.acknowledged: set[str] = set()
        self._turn = 0

    async def play(self) -> None:
        self.user = self.users[self._turn % len(self.users)]
        self._turn += 1
        session = self.make()
        session.on_ack = lambda tokens: self.acknowledged.update(token for token in tokens if token)
        await session.log_in()
        self.is_ready.set()
        await asyncio.sleep(self.stage.rng.uniform(0, 0.3))
        if not self.stage.is_over:
            session.send(f"<presence type='subscribe' to='{self.target}@{DOMAIN}'/>".encode(), self.user)
            session.request_ack()
        await session.link.closed
