"""Clients that ask for more than they take."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from .claims import claim
from .client import WAIT, Scene, expect
from .login import Raw, opened


class Memory:
    """The most memory that the server has used since this was made, in MB."""

    def __init__(self, scene: Scene) -> None:
        self.process = Path(f"/proc/{scene.host.process.pid}")
        (self.process / "clear_refs").write_text("5")
        self.before = self.peak()

    def peak(self) -> float:
        for line in (self.process / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("no VmHWM")

    def grown(self) -> float:
        return self.peak() - self.before


async def bound(scene: Scene) -> Raw:
    raw = await opened(scene, scene.user())
    answer = await raw.plain("<bind xmlns='urn:xmpp:bind:0'/>")
    expect("</success>" in answer, answer)
    raw.address = re.search("<authorization-identifier>([^<]+)<", answer)[1]
    await raw.until("</stream:features>")
    return raw


async def given_up(scene: Scene, raw: Raw) -> None:
    """Waits until the server has given the stream up, without reading from it."""
    for _ in range(int(WAIT * 5)):
        listed = await asyncio.to_thread(
            scene.host.run, "session", "list", "--json", "--config", str(scene.host.config))
        if f'"{raw.user}@' not in listed:
            return
        await asyncio.sleep(0.2)
    expect(False, "the stream of a client that does not read was not given up")


@claim("greedy: a client that asks for megabytes and reads nothing is given up, and costs little memory")
async def answers(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    raw = await bound(scene)
    raw.send(f"<iq type='set' id='v'><vCard xmlns='vcard-temp'><NOTE>{'x' * 200_000}</NOTE></vCard></iq>")
    await raw.until("/>")
    memory = Memory(scene)
    raw.send("".join(f"<iq type='get' id='q{number}'><vCard xmlns='vcard-temp'/></iq>" for number in range(2_000)))
    romeo.send_message(mto=juliet.bare, mbody="meanwhile", mtype="chat")
    await juliet.body("meanwhile")
    await given_up(scene, raw)
    expect(memory.grown() < 200, f"the server grew by {memory.grown():.0f} MB")
    raw.writer.transport.abort()


@claim("greedy: the same of a service, whose answers are no smaller")
async def items(scene: Scene) -> None:
    raw = await bound(scene)
    for number in range(10):
        raw.send(f"<iq type='set' id='p' to='pubsub.localhost'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
                 f"<publish node='greedy-{raw.user}'><item id='{number}'><x xmlns='urn:x'>{'x' * 50_000}</x></item>"
                 "</publish></pubsub></iq>")
        answer = await raw.until("</iq>")
        expect("type='result'" in answer, answer)
    memory = Memory(scene)
    raw.send("".join(
        f"<iq type='get' id='q{number}' to='pubsub.localhost'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
        f"<items node='greedy-{raw.user}'/></pubsub></iq>" for number in range(1_000)))
    await given_up(scene, raw)
    expect(memory.grown() < 300, f"the server grew by {memory.grown():.0f} MB")
    raw.writer.transport.abort()


@claim("greedy: archive queries of a client that reads nothing wait for each other, and too many are refused")
async def histories(scene: Scene) -> None:
    raw = await bound(scene)
    for number in range(3):
        raw.send(f"<message to='{raw.address}' type='chat' id='m{number}'><body>{'x' * 130_000}</body></message>")
        await raw.until("</message>")
    memory, asked = Memory(scene), 1_000
    raw.send("".join(
        f"<iq type='set' id='q{number}'><query xmlns='urn:xmpp:mam:2'/></iq>" for number in range(asked)))
    refused = finished = 0
    rest = b""
    while refused + finished < asked:
        data = rest + await asyncio.wait_for(raw.reader.read(1 << 20), WAIT)
        # Each answer ends with its tag, which may come in two parts.
        whole = data.rfind(b"</iq>") + 5 if b"</iq>" in data else 0
        refused += data[:whole].count(b"<resource-constraint")
        finished += data[:whole].count(b"<fin ")
        rest = data[whole:]
    expect(refused > 900, f"{refused} were refused, {finished} answered")
    expect(memory.grown() < 200, f"the server grew by {memory.grown():.0f} MB")
    raw.writer.transport.abort()
