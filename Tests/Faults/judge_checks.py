"""Shows on made-up streams that the judge of the fault runs notices what it is there to notice."""

from __future__ import annotations

from typing import Iterator

from support.servers import DOMAIN

from .framing import CLOSE, OPEN, Framer
from .ledger import Ledger, body


def _delivery(index: int, identifier: str = "", text: bytes | None = None, sender: str = "ann") -> bytes:
    mark = f"<stanza-id xmlns='urn:xmpp:sid:0' id='{identifier}' by='bob@{DOMAIN}'/>" if identifier else ""
    return (f"<message from='{sender}@{DOMAIN}/x' to='bob@{DOMAIN}' id='f{index}'><body>".encode()
            + (body(index) if text is None else text) + f"</body>{mark}</message>".encode())


def _ledger(count: int) -> Ledger:
    ledger = Ledger(life=1, round=1)
    for _ in range(count):
        ledger.compose("ann", "bob")
    ledger.acknowledged(list(range(count)))
    return ledger


def _said(ledger: Ledger, *kinds: str) -> str | None:
    """None when exactly these kinds of faults were recorded."""
    return None if set(ledger.faults) == set(kinds) else f"recorded {ledger.faults}, expected {kinds}"


def _loss() -> str | None:
    ledger = _ledger(3)
    ledger.received("bob", "bob/a#1", _delivery(0))
    ledger.received("ann", "ann/a#2", b"<message type='error' id='f1' from='bob@x'><error/></message>")
    missing = [index for index, _ in ledger.missing()]
    return _said(ledger) or (None if missing == [2] else f"missing {missing}")


def _order() -> str | None:
    ledger = _ledger(3)
    for index in (0, 2, 1):
        ledger.received("bob", "bob/a#1", _delivery(index))
    return _said(ledger, "out of order")


def _order_over_streams() -> str | None:
    ledger = _ledger(3)
    ledger.received("bob", "bob/a#1", _delivery(2, "s2"))
    ledger.life = 2
    ledger.received("bob", "bob/a#2", _delivery(2, "s2"))
    first = _said(ledger)
    ledger.received("bob", "bob/a#2", _delivery(1, "s1"))
    return first or _said(ledger, "out of order")


def _other_id() -> str | None:
    ledger = _ledger(1)
    ledger.received("bob", "bob/a#1", _delivery(0, "one"))
    ledger.life = 2
    ledger.received("bob", "bob/a#2", _delivery(0, "two"))
    return _said(ledger, "duplicate without the same stanza-id")


def _forged_id() -> str | None:
    ledger = _ledger(1)
    for life in (1, 2):
        ledger.life = life
        # An id given by somebody else than the receiver's own server proves nothing (XEP-0359 §6).
        ledger.received("bob", f"bob/a#{life}", _delivery(0, "one").replace(b"by='bob@", b"by='eve@"))
    return _said(ledger, "duplicate without the same stanza-id")


def _same_session() -> str | None:
    ledger = _ledger(1)
    ledger.received("bob", "bob/a#1", _delivery(0, "one"))
    ledger.received("bob", "bob/a#1", _delivery(0, "one"))
    return _said(ledger, "duplicate in one session and server life")


def _damage() -> str | None:
    ledger = _ledger(2)
    ledger.received("bob", "bob/a#1", _delivery(0, text=body(0)[:-1]))
    ledger.received("eve", "eve/a#1", _delivery(1))
    ledger.received("bob", "bob/a#1", _delivery(1, sender="eve"))
    return _said(ledger, "damaged", "misdelivered", "forged")


def _framing() -> str | None:
    nested = b"<message a='>'><x><message><body>in</body></message></x></message>"
    parts = [OPEN, b"<stream:features/>", nested, b"<r xmlns='urn:xmpp:sm:3'/>", b"<message id=\"1\"/>",
             b"<message to='b'><body>x</body></message>", b"<iq a='/>'><q><q/></q></iq>", CLOSE]
    text = b"<?xml version='1.0'?><stream:stream xmlns='a'>" + b" \n".join(parts[1:-1]) + b"</stream:stream>"
    for step in (1, 2, 3, 7, len(text)):
        framer, found = Framer(), []
        for start in range(0, len(text), step):
            found += framer.feed(text[start:start + step])
        if found != parts:
            return f"in pieces of {step}: {found}"
    return None


def checks() -> Iterator[tuple[str, str | None]]:
    """(claim, problem or None) of each check."""
    yield "the judge notices an acknowledged message that never came, and no other", _loss()
    yield "the judge notices a message that overtook another", _order()
    yield "the judge accepts a repetition after a restart, but no overtaking", _order_over_streams()
    yield "the judge notices a duplicate with another stanza-id", _other_id()
    yield "the judge does not believe a stanza-id from somebody else", _forged_id()
    yield "the judge notices a duplicate in one session", _same_session()
    yield "the judge notices damaged, misdelivered and forged messages", _damage()
    yield "the stream is cut into the same elements however it drips in", _framing()
