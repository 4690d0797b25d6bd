"""Bad input over SIP: what scanners, liars and broken clients send gets the right answer, or none, and the server goes on."""

from __future__ import annotations

import asyncio
import re

from support.servers import DOMAIN

from .claims import claim
from .client import Expectation, Scene, expect, until
from .sip_client import SIPClient, phone

_PLAIN = [("Content-Type", "text/plain")]


async def _alive(scene: Scene) -> None:
    client = await phone(scene, registers=False)
    answer = await client.request("OPTIONS", f"sip:{DOMAIN}", seconds=10)
    expect(answer.status == 200, f"OPTIONS is answered {answer.start}")


async def _barrier(client: SIPClient) -> None:
    """Whatever the server had to say to the client before has come: it answers in the order in which it is asked."""
    data, branch = _raw(client, "OPTIONS", f"sip:{DOMAIN}")
    await client.transact(data, branch, 10)


async def _answers(client: SIPClient, data: bytes, seconds: float = 0.0) -> list:
    """Everything that comes back for one datagram, and within that time where repetitions are waited for."""
    branch = re.search(rb"branch=([^;\r]+)", data).group(1).decode()
    queue = client.answers[branch] = asyncio.Queue()
    client.send_raw(data)
    if seconds:
        await asyncio.sleep(seconds)
    await _barrier(client)
    del client.answers[branch]
    return [queue.get_nowait() for _ in range(queue.qsize())]


def _raw(client: SIPClient, method: str, uri: str, headers: list = (), body: bytes = b"", **options) -> tuple[bytes, str]:
    branch = f"z9hG4bKabuse{next(client.cseq)}.{client.tag}"
    call = f"{branch}@127.0.0.1"
    return client.build(method, uri, f"<{uri}>", list(headers), body, branch, call, next(client.cseq), **options), branch


@claim("sip abuse: credentials that were used once are stale, and no good for another method")
async def replay(scene: Scene) -> None:
    client, uri = await phone(scene), f"sip:{DOMAIN}"
    used = client._credentials("REGISTER", uri)
    first = await client.transact(*_raw(client, "REGISTER", uri, [("Contact", client.contact), used]))
    # To of a REGISTER names the user; the domain alone is nobody.
    expect(first.status in (400, 403, 404), f"a REGISTER for nobody: {first.start}")
    to = f"<{client.uri}>"

    async def again(method: str, target: str, number: int) -> object:
        branch = f"z9hG4bKreplay{number}.{client.tag}"
        data = client.build(method, target, to, [("Contact", client.contact), used], b"", branch, client.call,
                            next(client.cseq))
        return await client.transact(data, branch)

    fresh = client._credentials("REGISTER", uri)
    used = fresh
    answer = await again("REGISTER", uri, 1)
    expect(answer.status == 200, f"fresh credentials: {answer.start}")
    answer = await again("REGISTER", uri, 2)
    expect(answer.status == 401 and any("stale=true" in line.lower() for line in answer.all("www-authenticate")),
           f"used credentials: {answer}")
    answer = await again("MESSAGE", client.uri, 3)
    # RFC 3261 §22.4: credentials over another URI may also be a bad request.
    expect(answer.status in (400, 401), f"credentials of another method: {answer.start}")


@claim("sip abuse: nobody speaks in the name of somebody else, with a login or without one")
async def spoofed(scene: Scene) -> None:
    victim, liar, named = await phone(scene), await phone(scene), scene.user()
    for method in ("MESSAGE", "INVITE"):
        answer = await liar.request(method, f"sip:{victim.bare}", [*_PLAIN, ("Contact", liar.contact)], "x",
                                    sender=f"sip:{named}@{DOMAIN}")
        expect(answer.status == 403, f"{method} in the name of somebody else: {answer.start}")
    for method in ("MESSAGE", "INVITE", "NOTIFY", "INFO", "OPTIONS", "REFER", "SUBSCRIBE", "PUBLISH"):
        headers = [*_PLAIN, ("Contact", liar.contact), ("Event", "check-sync"), ("Subscription-State", "active")]
        data, branch = _raw(liar, method, f"sip:{victim.bare}", headers, b"x", sender=f"sip:{named}@{DOMAIN}")
        answer = await liar.transact(data, branch)
        expect(answer.status in (401, 403, 407), f"{method} without a login: {answer.start}")
    for method in ("NOTIFY", "INFO", "BYE"):
        branch = f"z9hG4bKdialog{method}{liar.tag}"
        data = liar.build(method, f"sip:{victim.bare}", f"<sip:{victim.bare}>;tag=guessed", [("Event", "check-sync")],
                          b"", branch, f"{branch}@127.0.0.1", 1, sender=f"sip:{named}@{DOMAIN}")
        answer = await liar.transact(data, branch)
        expect(answer.status in (401, 403, 407, 481), f"{method} in a dialog that is none: {answer.start}")
    await _barrier(victim)
    expect(not victim.seen, f"the victim got {[message.start for message in victim.seen]}")


@claim("sip abuse: through the server nobody reaches other hosts without a login, by Route or by address")
async def relay(scene: Scene) -> None:
    target, stranger = await phone(scene, registers=False), await phone(scene, registers=False)
    there = f"sip:x@127.0.0.1:{target.local_port}"
    for method in ("OPTIONS", "INFO", "NOTIFY", "MESSAGE", "INVITE"):
        for headers in ([], [("Route", f"<sip:127.0.0.1:{target.local_port};lr>")]):
            for sender in (f"sip:{scene.user()}@{DOMAIN}", "sip:stranger@example.net"):
                data, branch = _raw(stranger, method, there, headers, sender=sender)
                answer = await stranger.transact(data, branch)
                expect(400 <= answer.status < 500, f"{method} to another host: {answer.start}")
    await _barrier(target)
    expect(not target.seen, f"passed on: {[message.start for message in target.seen]}")


@claim("sip abuse: a call of somebody unknown is challenged once, not again and again, and leaves nothing behind")
async def amplification(scene: Scene) -> None:
    stranger = await phone(scene, registers=False)
    data, _ = _raw(stranger, "INVITE", f"sip:{scene.user()}@{DOMAIN}", [("Contact", stranger.contact)])
    # A transaction would repeat its answer after 0.5 and 1.5 seconds; nothing tells that it does not.
    answers = await _answers(stranger, data, 2.0)
    expect([answer.status for answer in answers] == [407], f"{[answer.start for answer in answers]}")


@claim("sip abuse: an event package that nobody knows is 489 with those that are known")
async def events(scene: Scene) -> None:
    client, other = await phone(scene), f"{scene.user()}@{DOMAIN}"
    answer = (await client.subscribe(other, event="weather")).answer
    expect(answer.status == 489 and "presence" in answer.get("allow-events"), f"SUBSCRIBE: {answer}")
    answer = await client.publish("x", event="weather", kind="text/plain")
    expect(answer.status == 489 and "presence" in answer.get("allow-events"), f"PUBLISH: {answer}")
    answer = await client.request("SUBSCRIBE", f"sip:{other}", [("Contact", client.contact)])
    expect(answer.status in (400, 489), f"SUBSCRIBE without an event: {answer.start}")


@claim("sip abuse: an extension that is required and unknown is 420 and named")
async def extensions(scene: Scene) -> None:
    client = await phone(scene)
    for method, uri, header in (("OPTIONS", f"sip:{DOMAIN}", "Require"), ("MESSAGE", f"sip:{client.bare}", "Require"),
                                ("REGISTER", f"sip:{DOMAIN}", "Require"), ("OPTIONS", f"sip:{DOMAIN}", "Proxy-Require"),
                                ("INVITE", f"sip:{client.bare}", "Proxy-Require")):
        answer = await client.request(method, uri, [(header, "telepathy"), ("Contact", client.contact)],
                                      to=f"<{client.uri}>")
        expect(answer.status == 420 and "telepathy" in answer.get("unsupported"), f"{method}, {header}: {answer}")


@claim("sip abuse: a request that has been here before is 482, one that may go no further 483")
async def loops(scene: Scene) -> None:
    caller, callee = await phone(scene), await phone(scene)
    for method in ("MESSAGE", "INVITE"):
        branch = f"z9hG4bKhops{method}{caller.tag}"
        data = caller.build(method, f"sip:{callee.bare}", f"<sip:{callee.bare}>",
                            [*_PLAIN, ("Contact", caller.contact)], b"x", branch, f"{branch}@127.0.0.1", 1)
        answer = await caller.transact(data.replace(b"Max-Forwards: 70", b"Max-Forwards: 0"), branch)
        expect(answer.status == 483, f"{method} with no hops left: {answer.start}")
    asking = asyncio.create_task(
        caller.request("INVITE", f"sip:{callee.bare}", [("Contact", caller.contact)], seconds=20))
    invite = await callee.wait("INVITE")
    # Back to the server as it came to it, with the Via that it has put in.
    lines = [f"INVITE sip:{callee.bare} SIP/2.0",
             f"Via: SIP/2.0/UDP 127.0.0.1:{callee.local_port};branch=z9hG4bKback{callee.tag};rport"]
    lines += [f"{name}: {value}" for name, value in invite.headers if name not in ("record-route", "content-length")]
    answer = await callee.transact("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode(),
                                   f"z9hG4bKback{callee.tag}")
    expect(answer.status == 482, f"the same request again: {answer.start}")
    callee.send_raw(callee.answer_bytes(invite, 486, "Busy Here"))
    expect((await asking).status == 486, "the call itself")


@claim("sip abuse: what is too large, too long or no SIP at all is refused or dropped, and others go on")
async def oversize(scene: Scene) -> None:
    client = await phone(scene, transport="tcp", registers=False)
    head, branch = _raw(client, "MESSAGE", f"sip:{scene.user()}@{DOMAIN}", _PLAIN)
    answer = await client.transact(head.replace(b"Content-Length: 0", b"Content-Length: 90000000"), branch)
    expect(answer.status in (413, 513), f"ninety megabytes announced: {answer.start}")
    for transport in ("udp", "tcp"):
        client = await phone(scene, transport=transport, registers=False)
        for data in (b"\x00\xff\xfe" * 400, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"INVITE\r\n\r\n", b"\r\n" * 2000,
                     b"INVITE sip:a SIP/2.0\r\n" + b"X: y\r\n" * 5000 + b"\r\n"):
            try:
                client.send_raw(data)
            except OSError:
                pass
    client = await phone(scene, registers=False)
    many = [("X-Header", "y" * 20)] * 1200
    data, branch = _raw(client, "OPTIONS", f"sip:{DOMAIN}", many)
    try:
        answer = await client.transact(data, branch, 3)
        expect(answer.status in (400, 413, 431, 513), f"1,200 header fields: {answer.start}")
    except Expectation as silence:
        expect("no answer" in str(silence), str(silence))
    data, branch = _raw(client, "OPTIONS", f"sip:{DOMAIN}")
    answer = await client.transact(data.replace(b"Content-Length: 0", b"Content-Length: 500"), branch)
    expect(answer.status == 400, f"a body shorter than announced: {answer.start}")
    await _alive(scene)


@claim("sip abuse: scanners get no answers, and one line a minute in the log says so", limit=170.0)
async def scanners(scene: Scene) -> None:
    # From an address of its own, so that nobody else is taken for it.
    scanner = await phone(scene, registers=False, local="127.0.0.9")
    for method in ("OPTIONS", "REGISTER", "INVITE"):
        data, _ = _raw(scanner, method, f"sip:{DOMAIN}" if method != "INVITE" else f"sip:100@{DOMAIN}",
                       [("User-Agent", "friendly-scanner"), ("Contact", scanner.contact)])
        answers = await _answers(scanner, data)
        expect(not answers, f"{method} of a known scanner: {[answer.start for answer in answers]}")
    guesser = await phone(scene, registers=False, local="127.0.0.10", password="guess")
    uri, answered = f"sip:{DOMAIN}", 0

    async def guess(number: int) -> bool:
        branch = f"z9hG4bKguess{number}.{guesser.tag}"
        guesser.user = f"{100 + number}"
        headers = [("Contact", guesser.contact)]
        if guesser._nonce:
            headers.append(guesser._credentials("REGISTER", uri))
        data = guesser.build("REGISTER", uri, f"<sip:{guesser.user}@{DOMAIN}>", headers, b"", branch,
                             f"{branch}@127.0.0.1", 1, sender=f"sip:{guesser.user}@{DOMAIN}")
        try:
            answer = await guesser.transact(data, branch, 0.4)
        except Expectation:
            return False
        if answer.status == 401:
            guesser._challenge(answer, 0)
        return answer.status == 401

    for number in range(200):
        answered += await guess(number)
    expect(answered < 120, f"{answered} of 200 guesses were challenged again")
    line = "addresses that seem to scan get no answers"

    def lines() -> int:
        return sum(line in entry for entry in scene.host.log.read_text(errors="replace").splitlines())

    await until(lambda: lines() > 0, True, 70)
    expect(lines() <= 2, f"{lines()} lines in the log about scanners")
    await _alive(scene)
