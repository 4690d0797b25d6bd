"""Small scenes about acknowledgements, each with one thing going wrong and no kill."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import time
from typing import Awaitable, Callable

from support.report import Report
from support.servers import RoostServer, ServerFailure

from .framing import attributes
from .ledger import Ledger
from .scram import ScramError
from .session import Session, SessionFailure

SUITE = "faults"
_QUOTA = 25
_SETTINGS: list[tuple[str | None, str, str]] = [
    (None, "tls", "optional"),
    ("messaging", "offline_messages", str(_QUOTA)),
    ("stream_management", "resume_seconds", "2"),
    ("stream_management", "ack_seconds", "5"),
]
_SYSTEM_CALLS = "pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg"


class SceneFailure(AssertionError):
    """A scene did not go as it must."""


def expect(holds: bool, text: str) -> None:
    if not holds:
        raise SceneFailure(text)


async def arrives(future_or_event: Awaitable, what: str, seconds: float = 30.0) -> None:
    try:
        await asyncio.wait_for(future_or_event, seconds)
    except asyncio.TimeoutError:
        raise SceneFailure(f"{what} did not happen within {seconds} s") from None


class Cast:
    """Two fresh users, one server, one ledger."""

    def __init__(self, server: RoostServer, sender: str, receiver: str) -> None:
        self.server, self.sender, self.receiver = server, sender, receiver
        self.ledger = Ledger(life=1, round=1)
        self.sessions: list[Session] = []

    def session(self, user: str, **options) -> Session:
        session = Session(user, "scene", self.server.port, **options)
        session.on_message = lambda element: self.ledger.received(user, session.token, element)
        session.on_ack = self.ledger.acknowledged
        self.sessions.append(session)
        return session

    async def watched(self) -> tuple[Session, Session, asyncio.Event]:
        """Sender and resumable receiver online; the event tells when the sender sees the receiver leave."""
        gone = asyncio.Event()
        seen = asyncio.Event()
        asked = asyncio.Event()
        sender = self.session(self.sender)
        receiver = self.session(self.receiver, resumable=True)

        def watch(element: bytes) -> None:
            fields = attributes(element)
            if fields.get("from", "").startswith(receiver.bare):
                if fields.get("type") == "unavailable":
                    gone.set()
                elif "type" not in fields:
                    seen.set()

        sender.on_presence = watch
        receiver.on_presence = lambda element: asked.set() if attributes(element).get("type") == "subscribe" else None
        await sender.log_in()
        await receiver.log_in()
        sender.send(f"<presence type='subscribe' to='{receiver.bare}'/>".encode())
        await arrives(asked.wait(), "the subscription request")
        receiver.send(f"<presence type='subscribed' to='{sender.bare}'/>".encode())
        await arrives(seen.wait(), "the presence")
        return sender, receiver, gone

    async def write(self, sender: Session, count: int) -> None:
        """Sends `count` messages and waits until they are acknowledged."""
        sender.send_all([self.ledger.compose(self.sender, self.receiver) for _ in range(count)])
        await sender.ping()
        limit = time.monotonic() + 20
        while sender.unacked and any(token is not None for token, _ in sender.unacked):
            expect(time.monotonic() < limit, f"{len(sender.unacked)} of {count} not acknowledged within 20 s")
            sender.request_ack()
            await sender.ping()

    async def all_there(self) -> None:
        """The receiver logs in anew; everything acknowledged must have come, in order, without wrong duplicates."""
        again = self.session(self.receiver)
        await again.log_in()
        sender = next(s for s in self.sessions if s.user == self.sender and not s.link.closed.done())
        # Live, so it comes after what is stored.
        index, stanza = self.ledger.compose(self.sender, self.receiver)
        sender.send_all([(index, stanza)])
        limit = time.monotonic() + 20
        while not self.ledger.messages[index].deliveries:
            expect(time.monotonic() < limit, "the last message did not come")
            await again.ping()
        missing = [number for number, _ in self.ledger.missing()]
        expect(not missing, f"missing {missing} of {len(self.ledger.messages)}")
        expect(not self.ledger.faults, f"{self.ledger.faults}")
        await again.log_out()

    async def close(self) -> None:
        for session in self.sessions:
            if session.link is not None and not session.link.closed.done():
                session.link.cut(reset=False)
                await session.link.closed


async def window_passes(cast: Cast) -> None:
    sender, receiver, gone = await cast.watched()
    receiver.on_ack_request = lambda: None
    await cast.write(sender, 8)
    receiver.link.cut(reset=True)
    await cast.write(sender, 8)
    expect(not gone.is_set(), "the receiver was given up before its window passed")
    await arrives(gone.wait(), "the end of the resumption window")
    expect(not await receiver.resume(), "resumed after the window had passed")
    receiver.link.cut(reset=False)
    await cast.all_there()


async def dead_link(cast: Cast) -> None:
    sender, receiver, gone = await cast.watched()
    receiver.link.transport.pause_reading()
    await cast.write(sender, 16)
    await arrives(gone.wait(), "giving up the dead link")
    await cast.all_there()


async def resumed_partly(cast: Cast) -> None:
    sender, receiver, gone = await cast.watched()
    receiver.on_ack_request = lambda: None
    await cast.write(sender, 6)
    await receiver.ping()
    expect(sum(message.deliveries for message in cast.ledger.messages) == 6, "not all came live")
    for _ in range(3):
        receiver.link.cut(reset=False)
        await cast.write(sender, 4)
        expect(await receiver.resume(), "resumption refused within its window")
    await receiver.ping()
    counts = [message.deliveries for message in cast.ledger.messages]
    expect(counts == [1] * 18, f"deliveries per message {counts}")
    expect(not gone.is_set(), "the contact saw the receiver leave")
    expect(not cast.ledger.faults, f"{cast.ledger.faults}")


async def two_at_once(cast: Cast) -> None:
    sender, receiver, _ = await cast.watched()
    await cast.write(sender, 2)
    # The old socket is still open when the client, on another network, resumes.
    old = receiver.link
    expect(await receiver.resume(), "resumption refused while the old socket is open")
    await arrives(old.closed, "the end of the old stream")
    await cast.write(sender, 2)
    await receiver.ping()
    counts = [message.deliveries for message in cast.ledger.messages]
    expect(counts == [1] * 4, f"deliveries per message {counts}")


async def stolen(cast: Cast) -> None:
    sender, receiver, _ = await cast.watched()
    thief = cast.session(cast.sender, resumable=True)
    thief.resumption_id = receiver.resumption_id
    thief.received = 0
    expect(not await thief.resume(), "one user resumed the stream of another")
    await cast.write(sender, 2)
    await receiver.ping()
    expect([message.deliveries for message in cast.ledger.messages] == [1, 1], "the owner lost its stream")


async def too_high(cast: Cast) -> None:
    sender, receiver, _ = await cast.watched()
    receiver.on_ack_request = lambda: None
    await cast.write(sender, 5)
    await receiver.ping()
    receiver.link.write(b"<a xmlns='urn:xmpp:sm:3' h='4000000'/>")
    await arrives(asyncio.shield(receiver.link.closed), "the end of the stream")
    error = receiver.stream_error or b""
    expect(b"handled-count-too-high" in error, f"stream error {error!r} (XEP-0198 §4)")
    await cast.all_there()


async def quota(cast: Cast) -> None:
    sender = cast.session(cast.sender)
    await sender.log_in()
    await cast.write(sender, _QUOTA + 5)
    bounced = [number for number, message in enumerate(cast.ledger.messages) if message.bounced]
    expect(bounced == list(range(_QUOTA, _QUOTA + 5)), f"returned as errors: {bounced}")
    await cast.all_there()
    delivered = [number for number, message in enumerate(cast.ledger.messages) if message.deliveries]
    expect(delivered == [*range(_QUOTA), _QUOTA + 5], f"delivered: {delivered}")


async def flushed(cast: Cast) -> None:
    """Reads the server's system calls: between two acknowledgements the log of the database must be written and then
    flushed to the disk before the second one leaves."""
    sender = cast.session(cast.sender)
    await sender.log_in()
    await sender.ping()
    trace = cast.server.directory / "calls.txt"
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-s", "4000", "-e", f"trace={_SYSTEM_CALLS}", "-o", str(trace),
                               "-p", str(cast.server.process.pid)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        # The tracer is at work once a call of ours shows up in its file.
        limit = time.monotonic() + 20
        while not (trace.exists() and trace.stat().st_size):
            expect(tracer.poll() is None, f"strace ended: {tracer.stderr.read() if tracer.poll() is not None else ''}")
            expect(time.monotonic() < limit, "strace shows nothing")
            await sender.ping()
        # The first one is where the counting starts.
        for _ in range(13):
            await cast.write(sender, 1)
    finally:
        if tracer.poll() is None:
            os.kill(tracer.pid, signal.SIGINT)
        tracer.wait(timeout=10)
        tracer.stderr.close()
    problem, acknowledged = unflushed(trace.read_text(errors="replace").splitlines())
    expect(problem is None, problem or "")
    expect(acknowledged == 12, f"{acknowledged} acknowledgements seen, 12 expected")


def unflushed(lines: list[str]) -> tuple[str | None, int]:
    """(what is wrong, number of acknowledgements that grew) of a trace of system calls."""
    dirty: set[str] = set()
    written = flushes = acknowledged = 0
    last = -1
    pending: dict[str, str] = {}
    for line in lines:
        thread, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            pending[thread] = call
            # A write counts from its beginning, a flush only from its end.
            if not call.startswith(("fsync", "fdatasync")):
                call = call.removesuffix("<unfinished ...>")
            else:
                continue
        elif call.startswith("<..."):
            call = pending.pop(thread, "")
            if not call.startswith(("fsync", "fdatasync")):
                continue
        match = re.match(r"(\w+)\((\d+)", call)
        if match is None:
            continue
        name, descriptor = match.groups()
        if name == "pwrite64":
            dirty.add(descriptor)
            written += 1
        elif name in ("fsync", "fdatasync"):
            dirty.discard(descriptor)
            flushes += 1
        else:
            found = re.findall(r"<a [^>]*\bh=\\?['\"](\d+)", call)
            if not found or int(found[-1]) <= last:
                continue
            if last >= 0:
                acknowledged += 1
                if not written:
                    return f"h={found[-1]} left although nothing was written to the disk before it", acknowledged
                if dirty or not flushes:
                    return f"h={found[-1]} left before the written pages were flushed", acknowledged
            last = int(found[-1])
            written = flushes = 0
    return None, acknowledged


SCENES: list[tuple[str, Callable[[Cast], Awaitable[None]]]] = [
    ("nothing is lost when the resumption window passes", window_passes),
    ("nothing is lost on a link that is given up for want of acknowledgements", dead_link),
    ("three cuts and resumptions without acknowledgements in between: each message comes once", resumed_partly),
    ("a resumption takes over while the old socket is still open", two_at_once),
    ("nobody resumes somebody else's stream", stolen),
    ("an acknowledgement of more than was sent ends the stream, and nothing is lost", too_high),
    ("what exceeds the offline quota comes back as an error, what fits is kept", quota),
    ("with durability power the disk is flushed before the acknowledgement leaves", flushed),
]


async def run(report: Report, offset: int) -> None:
    """Runs the scenes against one server of their own."""
    try:
        server = RoostServer(offset, _SETTINGS)
    except ServerFailure as failure:
        report.result(SUITE, "the server of the scenes starts", str(failure))
        return
    try:
        server.prepare([f"{side}{number}" for number in range(len(SCENES)) for side in ("ann", "bob")])
        await server.start()
        await asyncio.gather(*(_one(report, server, number, *scene) for number, scene in enumerate(SCENES[:-1])))
        # Alone, so that no other stream's pages are in its trace.
        await _one(report, server, len(SCENES) - 1, *SCENES[-1])
    except ServerFailure as failure:
        report.result(SUITE, "the server of the scenes starts", str(failure))
    finally:
        server.remove()


async def _one(report: Report, server: RoostServer, number: int, claim: str, scene) -> None:
    if scene is flushed and shutil.which("strace") is None:
        report.result(SUITE, claim, "strace is not installed (Tests/apt-packages.txt)")
        return
    cast = Cast(server, f"ann{number}", f"bob{number}")
    began = time.monotonic()
    problem: str | None = None
    try:
        await asyncio.wait_for(scene(cast), 90)
        problems = [text for session in cast.sessions for text in session.problems]
        problem = "\n".join(problems) or None
    except (SceneFailure, SessionFailure, ScramError, OSError) as failure:
        problem = str(failure) or repr(failure)
    except asyncio.TimeoutError:
        problem = "not finished within 90 s"
    finally:
        await cast.close()
    if not server.is_running():
        problem = (problem or "") + f"\nthe server ended by itself:\n{server.log_end()}"
    report.result(SUITE, claim, problem, time.monotonic() - began)
