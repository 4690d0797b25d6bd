"""Who takes part in a run: senders, and receivers of every kind that a server must not lose messages for."""

from __future__ import annotations

import asyncio
import random
from typing import Callable

from .ledger import Ledger
from .scram import ScramError
from .session import Session, SessionFailure

# Unacknowledged messages of one sender; large enough to keep the server busy, small enough to see acks often.
_WINDOW = 160
_BATCH = 8
_RESOURCE = "harness"


class Stage:
    """What all actors share in one run."""

    def __init__(self, ledger: Ledger, port: int, rng: random.Random) -> None:
        self.ledger, self.port, self.rng = ledger, port, rng
        self.is_open = False
        self.is_sending = False
        self.problems: list[str] = []
        self.resumed = 0
        self.refused = 0

    def problem(self, text: str) -> None:
        if len(self.problems) < 20:
            self.problems.append(text)

    @property
    def is_over(self) -> bool:
        """True once the server was killed or told to stop: failures of links are then expected."""
        return not self.is_open


class Actor:
    """Someone with one session at a time. `run` lives for one server life and ends when the link ends."""

    kind = "actor"
    is_unread = False

    def __init__(self, stage: Stage, user: str) -> None:
        self.stage, self.user = stage, user
        self.session: Session | None = None
        self.is_ready = asyncio.Event()
        # Whether the server has seen its presence: before that, a message to the full address of a connected client
        # may rightly overtake the stored ones (RFC 6121 §8.5.3.1), so nobody is written to that way.
        self.is_available = False

    def make(self, resource: str = _RESOURCE, **options) -> Session:
        session = Session(self.user, resource, self.stage.port,
                          mechanism=self.stage.rng.choice(["SCRAM-SHA-1", "SCRAM-SHA-256"]), **options)
        session.on_message = lambda element: self.stage.ledger.received(self.user, session.token, element)
        self.session = session
        return session

    async def live(self) -> None:
        """Runs until the server's end; a failure before that is a problem of the run."""
        try:
            await self.play()
        except (SessionFailure, ScramError, OSError) as failure:
            if not self.stage.is_over:
                self.stage.problem(f"{self.kind} {failure}")
        finally:
            self.is_ready.set()
            if self.session is not None:
                self.stage.problems.extend(self.session.problems)

    async def arrive(self, session: Session) -> None:
        """Logs in and waits until the server has handled the presence."""
        await session.log_in()
        await session.ping()
        self.is_available = True
        self.is_ready.set()

    async def play(self) -> None:
        raise NotImplementedError


class Sender(Actor):
    """Sends to every receiver in turn, keeps a window of unacknowledged messages, never repeats itself."""

    kind = "sender"

    def __init__(self, stage: Stage, user: str, targets: Callable[[], tuple[str, bool]], cuts: bool = False) -> None:
        super().__init__(stage, user)
        self.targets, self.cuts = targets, cuts
        self.kind = "cut sender" if cuts else "sender"

    def outstanding(self) -> int:
        return len(self.session.unacked) if self.session is not None else 0

    async def play(self) -> None:
        session = self.make(resumable=self.cuts)
        session.on_ack = self._acked
        await session.log_in()
        session.link.on_writable = self._pump
        self.is_ready.set()
        self._pump()
        if not self.cuts:
            await session.link.closed
            return
        while not self.stage.is_over:
            await asyncio.wait({session.link.closed}, timeout=self.stage.rng.uniform(0.15, 0.6))
            if self.stage.is_over or session.link.closed.done():
                break
            session.link.cut(self.stage.rng.random() < 0.5)
            await session.link.closed
            await asyncio.sleep(self.stage.rng.uniform(0, 0.05))
            if self.stage.is_over:
                return
            await take_up(self.stage, session)
            session.link.on_writable = self._pump
            session.request_ack()
            self._pump()
        await session.link.closed

    def _acked(self, tokens: list) -> None:
        self.stage.ledger.acknowledged(tokens)
        self._pump()

    def _pump(self) -> None:
        session = self.session
        while (self.stage.is_sending and session.link.is_writable and session.link.take is not None
               and not session.link.transport.is_closing() and len(session.unacked) + _BATCH <= _WINDOW):
            batch = []
            for _ in range(_BATCH):
                receiver, full = self.targets()
                batch.append(self.stage.ledger.compose(self.user, receiver, _RESOURCE if full else None))
            session.send_all(batch)


async def take_up(stage: Stage, session: Session) -> None:
    """Resumes inside one server life, where the server promised that it works."""
    if await session.resume():
        stage.resumed += 1
        return
    stage.refused += 1
    raise SessionFailure(f"{session.token}: resumption refused within its window")


class Receiver(Actor):
    """Online for the whole server life, with stream management, acknowledging at once or every `lazy` seconds."""

    def __init__(self, stage: Stage, user: str, lazy: float = 0.0) -> None:
        super().__init__(stage, user)
        self.lazy = lazy
        self.kind = f"acks every {lazy * 1000:.0f} ms" if lazy else "acks promptly"

    async def play(self) -> None:
        session = self.make(resumable=True)
        if self.lazy:
            session.on_ack_request = lambda: None
        await self.arrive(session)
        link = session.link
        if not self.lazy:
            link.after_chunk = session.acknowledge
        while self.lazy and not link.closed.done():
            await asyncio.wait({link.closed}, timeout=self.lazy)
            session.acknowledge()
        await link.closed


class PlainReceiver(Actor):
    """Online without stream management. Never writes after login and has a large kernel buffer that is always
    drained to its end, so everything the server wrote to the socket is seen."""

    kind = "no stream management"

    async def play(self) -> None:
        session = self.make(uses_sm=False, receive_buffer=4 << 20)
        await self.arrive(session)
        await session.link.closed


class DeadLinkReceiver(Actor):
    """Reads for a while, then never again; the socket stays open until after the kill."""

    kind = "dead link"
    is_unread = True

    async def play(self) -> None:
        session = self.make(resumable=True, receive_buffer=32 << 10)
        await session.log_in()
        self.is_ready.set()
        await asyncio.wait({session.link.closed}, timeout=self.stage.rng.uniform(0.05, 0.4))
        if not session.link.closed.done():
            session.link.transport.pause_reading()
        await session.link.closed


class CutReceiver(Actor):
    """Loses its socket again and again and resumes within the window."""

    kind = "cut and resumed"

    async def play(self) -> None:
        rng = self.stage.rng
        session = self.make(resumable=True)
        await self.arrive(session)
        session.link.after_chunk = session.acknowledge
        while not self.stage.is_over:
            await asyncio.wait({session.link.closed}, timeout=rng.uniform(0.1, 0.5))
            if self.stage.is_over or session.link.closed.done():
                break
            session.link.cut(rng.random() < 0.5)
            await session.link.closed
            await asyncio.sleep(rng.uniform(0.0, 0.2))
            if self.stage.is_over:
                return
            await take_up(self.stage, session)
            session.link.after_chunk = session.acknowledge
        await session.link.closed


class MidwayReceiver(Actor):
    """Away while messages are sent to it, arrives in the middle of the stream, leaves again (politely or not)."""

    kind = "arrives midway"

    async def play(self) -> None:
        rng = self.stage.rng
        self.is_ready.set()
        while not self.stage.is_over:
            await asyncio.sleep(rng.uniform(0.05, 0.4))
            if self.stage.is_over:
                return
            session = self.make(resumable=False)
            await session.log_in()
            session.link.after_chunk = session.acknowledge
            await asyncio.wait({session.link.closed}, timeout=rng.uniform(0.1, 0.5))
            if self.stage.is_over or session.link.closed.done():
                await session.link.closed
                return
            if rng.random() < 0.5:
                session.link.after_chunk = None
                await session.log_out()
            else:
                session.link.cut(rng.random() < 0.5)
                await session.link.closed


class TwoClients(Actor):
    """Two clients of one user, both available; a delivery to either counts."""

    kind = "two clients"

    def __init__(self, stage: Stage, user: str) -> None:
        super().__init__(stage, user)
        self.sessions: list[Session] = []
        stage.ledger.several.add(user)

    async def play(self) -> None:
        self.sessions = [self.make("first", resumable=True), self.make("second", resumable=True)]
        for session in self.sessions:
            await session.log_in()
            session.link.after_chunk = session.acknowledge
        self.is_ready.set()
        await asyncio.wait({session.link.closed for session in self.sessions})


def links(actors: list[Actor]) -> list[tuple[Actor, Session]]:
    """All sessions of `actors` that have a link."""
    found: list[tuple[Actor, Session]] = []
    for actor in actors:
        sessions = actor.sessions if isinstance(actor, TwoClients) else [actor.session]
        found.extend((actor, session) for session in sessions if session is not None and session.link is not None)
    return found
