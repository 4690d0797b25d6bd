"""MESSAGE under kill -9: what a phone was told 200 or 202 for is with its recipient in the end.

Phones over UDP and TCP write to people of every kind; the server is killed at random moments, half of the time at the
very moment an answer arrives, and started again on the same files.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from typing import Callable

from support.report import Report
from support.servers import RoostServer, ServerFailure

from .ledger import Ledger, body
from .phone import Packet, Phone, PhoneFailure
from .scram import ScramError
from .session import Session, SessionFailure

SUITE = "faults"
SENDERS = {"dialer1": "udp", "dialer2": "udp", "dialer3": "tcp", "dialer4": "tcp"}
# Receiver: how it is there while messages are sent, and its share of them.
RECEIVERS = {
    "desk": ("xmpp", 5), "lazydesk": ("lazy", 5), "cell": ("udp", 5), "office": ("tcp", 5), "both": ("both", 3),
    "away": ("offline", 2), "nobody": ("unknown", 1),
}
UNKNOWN = "nobody"
# MESSAGE requests of one phone that wait for their answer.
_WINDOW = 24
_SETTINGS: list[tuple[str | None, str, str]] = [(None, "tls", "optional"), ("messaging", "offline_messages", "1000000")]
_BODY = re.compile(rb"f(\d+) ")
_MARK = re.compile(r";\s*tag=([^;\s]+)\.[0-9a-z]+$")
ACCEPTED = (200, 202)


def text(index: int) -> bytes:
    """The content of message `index`: what its body in XML means."""
    return body(index).replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&amp;", b"&")


class PhoneLedger(Ledger):
    """The same account for deliveries over SIP. Order is not judged: several MESSAGE of one phone are under way at once."""

    def rang(self, user: str, token: str, packet: Packet) -> int | None:
        """A MESSAGE came to a phone; returns its index when it is one of ours."""
        found = _BODY.match(packet.body)
        index = int(found.group(1)) if found else -1
        if not 0 <= index < len(self.messages) or packet.body != text(index):
            self.fault("damaged", f"{token}: {packet.raw[-200:]!r}")
            return None
        message = self.messages[index]
        if message.receiver != user:
            self.fault("misdelivered", f"f{index} for {message.receiver} came to {token}")
            return None
        sender = re.search(r"sips?:([^@;>]+)@", packet.get("from"))
        if sender is None or sender.group(1) != message.sender:
            self.fault("forged", f"f{index} of {message.sender} came with {packet.get('from')}")
        # The server's name for the message stands in the tag: that is how a repetition is known.
        mark = _MARK.search(packet.get("from"))
        self.last_delivery = time.monotonic()
        self.came(index, message, user, token, mark.group(1) if mark else None)
        return index

    def answered(self, index: int, status: int) -> None:
        message = self.messages[index]
        if status in ACCEPTED:
            message.acknowledged = True
        elif status:
            message.bounced = True


class PhoneRun:
    """One run: lives of the server, and the account at the end."""

    def __init__(self, offset: int, rounds: int, seed: int) -> None:
        self.rounds, self.rng = rounds, random.Random(seed)
        self.server = RoostServer(offset, _SETTINGS)
        self.ledger = PhoneLedger()
        self.ledger.several = {"both"}
        self.order = [name for name, (_, share) in RECEIVERS.items() for _ in range(share)]
        self.rng.shuffle(self.order)
        self.turn = 0
        self.is_sending = False
        self.answers = 0
        self.kill_at = 0
        self.statuses: dict[int, int] = {}
        self.killed = asyncio.Event()
        self.phones: list[Phone] = []
        self.sessions: list[Session] = []
        self.outstanding = 0
        self.problems: list[str] = []

    # One life

    async def begin(self) -> None:
        await self.server.start()
        self.ledger.life += 1
        self.killed = asyncio.Event()
        self.phones, self.sessions = [], []
        for user, (kind, _) in RECEIVERS.items():
            if kind in ("xmpp", "lazy", "both"):
                await self._log_in(user, is_lazy=kind == "lazy")
            if kind in ("udp", "tcp", "both"):
                await self._register(user, "tcp" if kind == "tcp" else "udp")

    async def _log_in(self, user: str, is_lazy: bool = False) -> Session:
        session = Session(user, "faults", self.server.port)
        session.on_message = lambda element: self.ledger.received(user, session.token, element)
        if is_lazy:
            session.on_ack_request = lambda: None
        await session.log_in()
        if not is_lazy:
            session.link.after_chunk = session.acknowledge
        self.sessions.append(session)
        return session

    async def _register(self, user: str, transport: str) -> Phone:
        phone = Phone(user, self.server.sip_port, transport)
        phone.on_message = lambda packet: self.ledger.rang(user, phone.token, packet)
        self.phones.append(phone)
        await phone.open()
        await phone.register()
        return phone

    def _next(self) -> str:
        self.turn += 1
        return self.order[self.turn % len(self.order)]

    def _write(self, phone: Phone) -> None:
        index, _ = self.ledger.compose(phone.user, self._next())
        life = self.ledger.life

        def answered(status: int) -> None:
            self.outstanding -= 1
            self.answers += 1
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.ledger.answered(index, status)
            if life == self.ledger.life and self.answers == self.kill_at:
                return self.kill()
            if self.is_sending:
                self._write(phone)

        self.outstanding += 1
        phone.message(self.ledger.messages[index].receiver, text(index), f"c{index}@faults", answered)

    def kill(self) -> None:
        self.is_sending = False
        self.busy = self.outstanding
        self.server.kill_now()
        self.killed.set()

    async def life(self, number: int) -> bool:
        """One life ended by kill -9; False when nothing was under way then."""
        self.ledger.round = number
        await self.begin()
        senders = [await self._register(user, transport) for user, transport in SENDERS.items()]
        self.outstanding, self.is_sending = 0, True
        # At an answer that comes, or at any moment.
        at_answer = self.rng.random() < 0.5
        self.kill_at = self.answers + self.rng.randrange(50, 600) if at_answer else 0
        for phone in senders:
            for _ in range(_WINDOW):
                self._write(phone)
        try:
            await asyncio.wait_for(self.killed.wait(), 30 if at_answer else self.rng.uniform(0.3, 1.6))
        except asyncio.TimeoutError:
            if not self.server.is_running():
                raise ServerFailure(f"the server ended by itself:\n{self.server.log_end()}") from None
            self.kill()
        await self.end()
        return self.busy > 0

    async def end(self) -> None:
        """Every socket is read to its end."""
        await asyncio.gather(*(phone.close() for phone in self.phones))
        for session in self.sessions:
            self.problems += session.problems
            await asyncio.wait({session.link.closed}, timeout=5)
            session.link.cut(reset=False)

    # The account

    async def collect(self) -> None:
        """Everybody comes, over SIP or XMPP as before, who was away over XMPP; then all that was accepted must be there."""
        await self.begin()
        await self._log_in("away")
        limit = time.monotonic() + 60
        while self.ledger.missing() and time.monotonic() < limit:
            for session in self.sessions:
                await session.ping()
            await asyncio.sleep(0.02)
        # What is repeated comes before an answer to this.
        for session in self.sessions:
            session.acknowledge()
            await session.ping()
        self.server.kill_now()
        await self.end()

    async def run(self) -> int:
        """Returns the lives that counted."""
        self.server.prepare([*SENDERS, *(user for user in RECEIVERS if user != UNKNOWN)])
        counted = number = 0
        while counted < self.rounds:
            number += 1
            if number > self.rounds * 2 + 4:
                raise ServerFailure("the server is too idle to be judged")
            counted += await self.life(number)
        self.ledger.round = number + 1
        await self.collect()
        return counted


def verdict(ledger: PhoneLedger) -> str | None:
    """What is wrong with the messages; None when nothing is."""
    accepted = sum(message.acknowledged for message in ledger.messages)
    if not accepted:
        return "nothing was accepted, so nothing was shown"
    lost = ledger.missing()
    if lost:
        by_kind: dict[str, int] = {}
        for _, message in lost:
            by_kind[message.receiver] = by_kind.get(message.receiver, 0) + 1
        shown = ", ".join(f"f{index} {m.sender}->{m.receiver} round {m.round}" for index, m in lost[:6])
        return f"{len(lost)} of {accepted} missing; by receiver {by_kind}; first: {shown}"
    return None


def repeated(ledger: PhoneLedger) -> str | None:
    kinds = ["duplicate without the same stanza-id", "duplicate in one session and server life", "damaged",
             "misdelivered", "forged"]
    lines = [f"{ledger.fault_counts[kind]} x {kind}: {ledger.faults[kind][:3]}" for kind in kinds if kind in ledger.faults]
    both = ledger.both()
    if both:
        lines.append(f"refused and delivered all the same: {both[:6]}")
    return "\n".join(lines) or None


def checks() -> list[tuple[str, str | None]]:
    """The judge notices a loss and each kind of wrong repetition."""

    def judged(play: Callable[[PhoneLedger], None]) -> tuple[str | None, str | None]:
        ledger = PhoneLedger(life=1)
        ledger.compose("dialer1", "cell")
        ledger.answered(0, 200)
        play(ledger)
        return verdict(ledger), repeated(ledger)

    def packet(tag: str, content: bytes = text(0)) -> Packet:
        return Packet("MESSAGE x SIP/2.0", {"from": [f"<sip:dialer1@localhost>;tag={tag}"]}, content, content)

    def twice(tags: list[str], tokens: list[str]) -> Callable[[PhoneLedger], None]:
        def play(ledger: PhoneLedger) -> None:
            for tag, token in zip(tags, tokens):
                ledger.rang("cell", token, packet(tag))
                ledger.life += 1
        return play

    cases = [
        ("a loss", judged(lambda ledger: None), True, False),
        ("one delivery", judged(twice(["n1.a"], ["p1"])), False, False),
        ("a repetition under the same name", judged(twice(["n1.a", "n1.b"], ["p1", "p2"])), False, False),
        ("a repetition under another name", judged(twice(["n1.a", "n2.b"], ["p1", "p2"])), False, True),
        ("a changed text", judged(lambda ledger: ledger.rang("cell", "p1", packet("n1.a", b"f0 other"))), True, True),
        ("a refusal of what is delivered",
         judged(lambda ledger: (ledger.rang("cell", "p1", packet("n1.a")), ledger.answered(0, 480))), False, True),
    ]
    wrong = [name for name, (lost, odd), is_lost, is_odd in cases if (lost is not None, odd is not None) != (is_lost, is_odd)]
    return [("the judge of MESSAGE notices what it must", f"wrong about {wrong}" if wrong else None)]


async def run(report: Report, offset: int, rounds: int, seed: int | None = None) -> None:
    seed = seed if seed is not None else random.SystemRandom().randrange(10**9)
    report.note(f"MESSAGE under kill -9: {rounds} rounds, seed {seed}")
    for claim, problem in checks():
        report.result(SUITE, claim, problem)
    began = time.monotonic()
    try:
        work = PhoneRun(offset, rounds, seed)
    except ServerFailure as failure:
        return report.result(SUITE, "MESSAGE under kill -9: the server starts", str(failure))
    try:
        await work.run()
        ledger = work.ledger
        accepted = sum(message.acknowledged for message in ledger.messages)
        report.note(f"MESSAGE: {len(ledger.messages)} sent, {accepted} accepted, answers {dict(sorted(work.statuses.items()))}, "
                    f"{sum(ledger.duplicates.values())} repeated with their mark, seed {seed}")
        report.result(SUITE, "every MESSAGE that was answered with 200 or 202 is with its recipient after kill -9",
                      verdict(ledger), time.monotonic() - began)
        report.result(SUITE, "no MESSAGE comes twice without its mark, changed, or after a refusal", repeated(ledger))
        unexpected = {status: count for status, count in work.statuses.items() if status not in (*ACCEPTED, 404)}
        report.result(SUITE, "MESSAGE is answered while the server runs", "\n".join(work.problems) or (
            f"answers: {unexpected}" if unexpected else None))
    except (ServerFailure, SessionFailure, ScramError, PhoneFailure, OSError) as failure:
        report.result(SUITE, "MESSAGE under kill -9 comes to its end", f"seed {seed}\n{failure}\n{work.server.log_end()}")
    finally:
        work.server.remove()
