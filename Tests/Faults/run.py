"""The fault run: rounds of traffic ended by kill -9, one clean stop under load, and the final account."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from dataclasses import dataclass

from support.report import Report
from support.servers import KINDS, DOMAIN, RoostServer, Server, ServerFailure

from .actors import (Actor, CutReceiver, DeadLinkReceiver, MidwayReceiver, PlainReceiver, Receiver, Sender, Stage,
                     TwoClients, links)
from .framing import attributes
from .ledger import Ledger
from .judge_checks import checks
from .probes import Asker, RosterProbe, SubscriptionProbe
from .session import Session, SessionFailure

SUITE = "faults"

# Share of the traffic per receiver; the offline user gets little because everything for it piles up to the end.
RECEIVERS = {
    "prompt1": 10, "prompt2": 10, "lazy50": 10, "lazy200": 10, "plain1": 10, "plain2": 10, "dead": 6,
    "cut1": 10, "cut2": 10, "midway1": 8, "midway2": 8, "pair": 10, "offline": 1, "nobody": 1,
}
SENDERS = ["sender1", "sender2", "sender3", "sender4"]
# Receivers that are also written to by their full address.
FULL = {"prompt1", "lazy50", "plain1", "cut1"}
# Exists at no time: every message to it must come back as an error.
UNKNOWN = "nobody"


@dataclass
class Options:
    rounds: int = 20
    process_rounds: int = 3
    drain_rounds: int = 2
    seed: int | None = None
    server: str = "roost"
    offset: int = 15000
    verbose: bool = True


class FaultRun:
    """One run against one server."""

    def __init__(self, options: Options, report: Report) -> None:
        self.options, self.report = options, report
        self.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**9)
        self.rng = random.Random(self.seed)
        if options.server == "roost":
            # The offline user collects a whole run.
            self.server: Server = RoostServer(options.offset, ROOST_SETTINGS)
        else:
            self.server = KINDS[options.server](options.offset)
        self.ledger = Ledger()
        self.stage = Stage(self.ledger, self.server.port, self.rng)
        self.askers = [f"ask{number}" for number in range(options.rounds + options.process_rounds + 12)]
        self.senders = [Sender(self.stage, user, self._target, cuts=user == "sender4") for user in SENDERS]
        self.roster = RosterProbe(self.stage, "rosa")
        self.subscriptions = SubscriptionProbe(self.stage, ("uma", "vera"))
        self.asker = Asker(self.stage, self.askers, "offline")
        self.receivers: list[Actor] = [
            Receiver(self.stage, "prompt1"), Receiver(self.stage, "prompt2"),
            Receiver(self.stage, "lazy50", 0.05), Receiver(self.stage, "lazy200", 0.2),
            PlainReceiver(self.stage, "plain1"), PlainReceiver(self.stage, "plain2"),
            DeadLinkReceiver(self.stage, "dead"), CutReceiver(self.stage, "cut1"), CutReceiver(self.stage, "cut2"),
            MidwayReceiver(self.stage, "midway1"), MidwayReceiver(self.stage, "midway2"),
            TwoClients(self.stage, "pair"),
        ]
        self.by_user = {actor.user: actor for actor in self.receivers}
        self.actors: list[Actor] = [*self.receivers, *self.senders, self.roster, self.subscriptions, self.asker]
        self.tasks: list[asyncio.Task] = []
        self.order = [name for name, share in RECEIVERS.items() for _ in range(share)]
        self.rng.shuffle(self.order)
        self.turn = 0
        self.uncounted = 0
        self.kinds: dict[int, str] = {}
        self.longest_start = 0.0
        self.farewell_faults: list[str] = []
        self.drain_faults: list[str] = []
        self.requests_seen: set[str] = set()

    def _target(self) -> tuple[str, bool]:
        """The next receiver, and whether the message goes to the full address of its client."""
        self.turn += 1
        receiver = self.order[self.turn % len(self.order)]
        full = receiver in FULL and self.rng.random() < 0.3
        return receiver, full and self.stage.is_open and self.by_user[receiver].is_available

    def note(self, text: str) -> None:
        if self.options.verbose:
            self.report.note(text)

    async def prepare(self) -> None:
        users = [*SENDERS, *(user for user in RECEIVERS if user != UNKNOWN), "rosa", "uma", "vera", *self.askers]
        self.server.prepare(users)
        await self.server.start()
        try:
            await self.server.register(users)
        finally:
            self.server.send_signal(signal.SIGTERM)
            await self.server.wait_exit(30)

    # One server life.

    async def begin(self) -> float:
        took = await self.server.start()
        self.longest_start = max(self.longest_start, took)
        self.ledger.life += 1
        self.stage.is_open = self.stage.is_sending = True
        for actor in self.actors:
            actor.is_ready.clear()
            actor.is_available = False
        self.tasks = [asyncio.create_task(actor.live()) for actor in self.actors]
        return took

    async def end(self) -> None:
        """After the server's end: every socket is read to its end, links that are never read are cut."""
        for actor, session in links(self.actors):
            if actor.is_unread:
                session.link.cut(reset=False)
        done, pending = await asyncio.wait(self.tasks, timeout=15)
        for task in pending:
            task.cancel()
        for task in done:
            if task.exception() is not None:
                self.stage.problem(f"harness: {task.exception()!r}")
        if pending:
            self.stage.problem(f"{len(pending)} links were not closed by the end of the server")
        for _, session in links(self.actors):
            session.link.cut(reset=False)
        await asyncio.sleep(0)

    async def traffic(self) -> tuple[int, float]:
        """Lets traffic run to a random moment; returns what was outstanding then and how old the last delivery was."""
        began = time.monotonic()
        ready = [asyncio.create_task(sender.is_ready.wait()) for sender in self.senders]
        await asyncio.wait(ready, timeout=20)
        # From the very first messages, while others still log in, to a settled flow.
        await asyncio.sleep(self.rng.uniform(0.1, 1.4))
        if not self.server.is_running():
            raise ServerFailure(f"the server ended by itself:\n{self.server.log_end()}")
        outstanding = sum(sender.outstanding() for sender in self.senders)
        self.seconds = time.monotonic() - began
        return outstanding, time.monotonic() - self.ledger.last_delivery

    async def kill_round(self, number: int, durability: str) -> bool:
        """One life ended by kill -9. False when the server was not busy at that moment: the round does not count."""
        self.ledger.round = number
        self.kinds[number] = f"kill -9, {durability}"
        sent = len(self.ledger.messages)
        took = await self.begin()
        outstanding, age = await self.traffic()
        self.stage.is_open = self.stage.is_sending = False
        self.server.kill_now()
        await self.end()
        busy = outstanding > 0 and age < 0.05
        self.note(f"round {number:2} ({durability}): start {took:.2f} s, traffic {self.seconds:.2f} s, "
                  f"{len(self.ledger.messages) - sent} sent, {outstanding} unacknowledged at the kill, last delivery "
                  f"{age * 1000:.0f} ms before" + ("" if busy else ": not busy, not counted"))
        return busy

    async def drain_round(self, number: int) -> None:
        """One life ended by SIGTERM under load: exit 0, streams told and closed."""
        self.ledger.round = number
        self.kinds[number] = "SIGTERM"
        await self.begin()
        outstanding, age = await self.traffic()
        told = [(actor, session) for actor, session in links(self.actors)
                if not actor.is_unread and session.link.take is not None and not session.link.closed.done()
                and not isinstance(actor, (CutReceiver, MidwayReceiver)) and not getattr(actor, "cuts", False)]
        # Nobody logs in or cuts any more, but the senders go on until the server closes their streams.
        self.stage.is_open = False
        self.server.send_signal(signal.SIGTERM)
        began = time.monotonic()
        try:
            code = await self.server.wait_exit(20)
            if code != 0:
                self.drain_faults.append(f"round {number}: exit status {code}, not 0")
        except ServerFailure as failure:
            self.drain_faults.append(f"round {number}: {failure}")
            self.server.kill_now()
        took = time.monotonic() - began
        self.stage.is_sending = False
        await self.end()
        for actor, session in told:
            if not session.stream_error or b"system-shutdown" not in session.stream_error:
                self.farewell_faults.append(f"round {number}: {actor.kind} {session.token}: "
                                            f"stream error {session.stream_error!r}, expected system-shutdown")
            elif not session.saw_close:
                self.farewell_faults.append(f"round {number}: {actor.kind} {session.token}: no </stream:stream>")
        self.note(f"round {number:2} (SIGTERM): {outstanding} unacknowledged, last delivery {age * 1000:.0f} ms "
                  f"before, {len(told)} streams open, exit after {took:.2f} s")

    # The final account.

    async def collect(self) -> None:
        """Every receiver logs in and takes what is stored for it, twice with a clean restart in between; the second
        time nothing may come but the last messages."""
        self.kinds[self.final] = "last messages"
        await self._take_all(self.final)
        before = [message.deliveries for message in self.ledger.messages]
        self.server.send_signal(signal.SIGTERM)
        await self.server.wait_exit(30)
        await self.server.start()
        self.ledger.life += 1
        self.kinds[self.final + 1] = "after a clean restart"
        await self._take_all(self.final + 1)
        for index, count in enumerate(before):
            message = self.ledger.messages[index]
            if message.deliveries != count:
                self.ledger.fault("delivered again after it was acknowledged and the server stopped cleanly",
                                  f"f{index} {message.sender}->{message.receiver}")

    async def _take_all(self, number: int) -> None:
        """How it is known that nothing more comes: after the receivers are available, every sender sends each of them
        one last message, and each receiver waits for the last message of every sender. What was accepted before from
        the same sender must come before it (order per pair is itself checked: a late one would be counted as a
        fault). A ping on the same stream follows."""
        self.ledger.round = number
        sessions = {}
        waiting: dict[str, set[int]] = {}
        complete = asyncio.Event()

        def taken(user: str, session: Session, element: bytes) -> None:
            index = self.ledger.received(user, session.token, element)
            if index is not None and index in waiting.get(user, ()):
                waiting[user].discard(index)
                if not any(waiting.values()):
                    complete.set()

        for user in RECEIVERS:
            if user == UNKNOWN:
                continue
            session = self._observer(user)
            session.on_message = lambda element, user=user, session=session: taken(user, session, element)
            sessions[user] = session
        for session in sessions.values():
            await session.log_in()
            session.link.after_chunk = session.acknowledge
        await self._last_messages(sessions, waiting)
        try:
            await asyncio.wait_for(complete.wait(), 60)
        except asyncio.TimeoutError:
            late = {user: len(left) for user, left in waiting.items() if left}
            self.stage.problem(f"last messages did not arrive: {late}")
        for session in sessions.values():
            await session.ping()
        for session in sessions.values():
            await session.log_out()

    def _observer(self, user: str) -> Session:
        session = Session(user, "account", self.server.port)
        if user == "offline":
            session.on_presence = self._request
        return session

    def _request(self, element: bytes) -> None:
        fields = attributes(element)
        if fields.get("type") == "subscribe":
            self.requests_seen.add(fields.get("from", "").split("@")[0])

    async def _last_messages(self, sessions: dict[str, Session], waiting: dict[str, set[int]]) -> None:
        senders = []
        for user in SENDERS:
            sender = Session(user, "account", self.server.port)
            sender.on_ack = self.ledger.acknowledged
            sender.on_message = lambda element, sender=sender: self.ledger.received(
                sender.user, sender.token, element)
            await sender.log_in()
            senders.append(sender)
        for sender in senders:
            batch = []
            for receiver in sessions:
                index, stanza = self.ledger.compose(sender.user, receiver)
                waiting.setdefault(receiver, set()).add(index)
                batch.append((index, stanza))
            sender.send_all(batch)
        for sender in senders:
            await sender.ping()
            sender.request_ack()
            await sender.ping()
            await sender.log_out()

    async def run(self) -> None:
        options, number = self.options, 0
        await self.prepare()
        plan = ["power"] * options.rounds + ["process"] * options.process_rounds
        spare = len(plan) // 2 + 4
        for durability in plan:
            self.server.set_durability(durability)
            while True:
                number += 1
                if await self.kill_round(number, durability):
                    break
                self.uncounted += 1
                if self.uncounted > spare:
                    raise ServerFailure(f"{self.uncounted} rounds did not count: the server is too idle to be judged")
        self.server.set_durability("power")
        if options.server == "roost":
            for _ in range(options.drain_rounds):
                number += 1
                await self.drain_round(number)
        self.final = number + 1
        await self.server.start()
        self.ledger.life += 1
        # The final account counts as an own life: nothing is under way, so every failure is one of the server.
        self.stage.is_open = True
        await self.collect()
        self.server.send_signal(signal.SIGTERM)
        await self.server.wait_exit(30)


ROOST_SETTINGS: list[tuple[str | None, str, str]] = [
    (None, "tls", "optional"),
    ("messaging", "offline_messages", "1000000"),
]


async def run(options: Options, report: Report) -> None:
    """Runs everything and reports one line per claim."""
    began = time.monotonic()
    work = FaultRun(options, report)
    report.note(f"faults: server {options.server}, seed {work.seed}")
    for claim, problem in checks():
        report.result(SUITE, claim, problem)
    try:
        await work.run()
    except (ServerFailure, SessionFailure, OSError) as failure:
        table(work, report)
        problems = "\n".join(work.stage.problems[:6])
        report.result(SUITE, "the run comes to its end",
                      f"seed {work.seed}; nothing else is judged\n{failure}\n{problems}\n{work.server.log_end()}")
    else:
        table(work, report)
        report.result(SUITE, "the run comes to its end", None, time.monotonic() - began)
        verdicts(work, report)
    finally:
        work.stage.is_open = False
        work.server.remove()


def table(work: FaultRun, report: Report) -> None:
    """What became of the messages, by the round in which they were sent."""
    ledger = work.ledger
    rows = ledger.rows()
    report.note(f"{'round':>5} {'end':<20}{'sent':>8}{'acked':>8}{'delivered':>10}{'stored':>8}{'bounced':>8}"
                f"{'dup':>6}{'missing':>8}")
    totals = [0] * 7
    for number, row in sorted(rows.items()):
        cells = [row.sent, row.acknowledged, row.delivered, row.stored, row.bounced, row.duplicates, row.missing]
        totals = [a + b for a, b in zip(totals, cells)]
        report.note(f"{number:>5} {work.kinds.get(number, ''):<20}{cells[0]:>8}{cells[1]:>8}{cells[2]:>10}"
                    f"{cells[3]:>8}{cells[4]:>8}{cells[5]:>6}{cells[6]:>8}")
    report.note(f"{'all':>5} {'':<20}{totals[0]:>8}{totals[1]:>8}{totals[2]:>10}{totals[3]:>8}{totals[4]:>8}"
                f"{totals[5]:>6}{totals[6]:>8}")
    share = 100 * totals[6] / totals[1] if totals[1] else 0
    report.note(f"resumed {work.stage.resumed} times, refused {work.stage.refused}; roster changes confirmed "
                f"{work.roster.changes}, checked {work.roster.checks} times; subscription changes "
                f"{work.subscriptions.changes}; longest start {work.longest_start:.2f} s; uncounted rounds "
                f"{work.uncounted}; missing {share:.2f} % of the acknowledged; seed {work.seed}")


def verdicts(work: FaultRun, report: Report) -> None:
    """One line per claim."""
    ledger = work.ledger
    lost = ledger.missing()
    acknowledged = sum(row.acknowledged for row in ledger.rows().values())
    by_kind: dict[str, int] = {}
    for _, message in lost:
        by_kind[message.receiver] = by_kind.get(message.receiver, 0) + 1
    verdict = None
    if not acknowledged:
        verdict = "nothing was acknowledged, so nothing was shown"
    elif lost:
        examples = ", ".join(f"f{index} {message.sender}->{message.receiver} round {message.round}"
                             for index, message in lost[:6])
        verdict = f"{len(lost)} of {acknowledged} missing; by receiver {by_kind}; first: {examples}"
    report.result(SUITE, "every acknowledged message is delivered, stored or bounced", verdict)
    judge(work, report, "messages of a pair keep their order, stored ones before live ones", ["out of order"])
    judge(work, report, "duplicates carry the same stanza-id", ["duplicate without the same stanza-id"])
    judge(work, report, "a session sees no duplicate in the life of one server process",
          ["duplicate in one session and server life"])
    judge(work, report, "what was acknowledged before a clean stop does not come again",
          ["delivered again after it was acknowledged and the server stopped cleanly"])
    judge(work, report, "messages arrive unchanged, at whom they were meant for, from whom they came",
          ["damaged", "misdelivered", "forged"])
    both = ledger.both()
    repeated = ledger.faults.get("bounced twice", [])
    report.result(SUITE, "nothing is both bounced and delivered, or bounced twice",
                  f"{len(both)} both: {both[:6]}; {repeated}" if both or repeated else None)
    report.result(SUITE, "links, resumptions and counters behave while the server runs",
                  "\n".join(work.stage.problems[:12]) or None)
    report.result(SUITE, "confirmed roster changes survive", "\n".join(work.roster.lost[:8]) or (
        None if work.roster.changes else "no roster change was confirmed"))
    report.result(SUITE, "pushed subscription states survive", "\n".join(work.subscriptions.lost[:8]) or (
        None if work.subscriptions.changes else "no subscription change was made"))
    unseen = work.asker.acknowledged - work.requests_seen
    report.result(SUITE, "acknowledged subscription requests reach the user who was offline",
                  f"{len(unseen)} of {len(work.asker.acknowledged)} missing: {sorted(unseen)[:8]}" if unseen else (
                      None if work.asker.acknowledged else "no request was acknowledged"))
    if work.options.server == "roost" and work.options.drain_rounds:
        report.result(SUITE, "a clean stop under load ends with status 0", "\n".join(work.drain_faults) or None)
        report.result(SUITE, "a clean stop tells every stream system-shutdown and closes it",
                      "\n".join(work.farewell_faults[:8]) or None)


def judge(work: FaultRun, report: Report, claim: str, kinds: list[str]) -> None:
    """One claim that fails when faults of these kinds were recorded."""
    ledger = work.ledger
    lines = []
    for kind in kinds:
        if kind in ledger.faults:
            lines.append(f"{ledger.fault_counts[kind]} x {kind}:")
            lines.extend("  " + text for text in ledger.faults[kind])
    report.result(SUITE, claim, "\n".join(lines) or None)
