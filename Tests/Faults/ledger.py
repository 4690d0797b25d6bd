"""Every message of a run and what became of it. The only judge of loss, order and duplicates."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from support.servers import DOMAIN

from .framing import attributes, head

_STANZA_ID = re.compile(rb"<stanza-id\b[^>]*>")
_BODY = re.compile(rb"<body>(f\d+ [^<]*)</body>")
_PADS = [
    b"short",
    b"with markup &lt;b&gt;, an ampersand &amp; and a smile \xf0\x9f\x99\x82 " * 2,
    b"the quick brown fox jumps over the lazy dog; " * 4,
    b"a longer one, as when somebody explains something at length. " * 9,
]

# How many faults of one kind are kept in full; all are counted.
_SHOWN = 8


def body(index: int) -> bytes:
    """The body of message `index`: recognisable, of varying size, and checkable byte by byte."""
    return b"f%d %s" % (index, _PADS[index % len(_PADS)])


@dataclass(slots=True)
class Sent:
    """One message. Bare localparts; `life` and `round` are those of its sending."""

    sender: str
    receiver: str
    life: int
    round: int
    acknowledged: bool = False
    bounced: bool = False
    deliveries: int = 0
    stored: bool = False
    stanza_id: str | None = None
    last_token: str = ""
    last_life: int = 0
    seen_by: set | None = None


@dataclass
class Tally:
    """One row of the report."""

    sent: int = 0
    acknowledged: int = 0
    delivered: int = 0
    stored: int = 0
    bounced: int = 0
    duplicates: int = 0
    missing: int = 0


@dataclass
class Ledger:
    """`life` counts server processes, `round` the rounds of the run; both are set by the run."""

    life: int = 0
    round: int = 0
    messages: list[Sent] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    fault_counts: dict[str, int] = field(default_factory=dict)
    last_delivery: float = 0.0
    # Users with several clients at once: order is judged per stream, and either client's delivery counts.
    several: set[str] = field(default_factory=set)
    _order: dict[tuple[str, str], int] = field(default_factory=dict)
    duplicates: dict[int, int] = field(default_factory=dict)

    def fault(self, kind: str, text: str) -> None:
        self.fault_counts[kind] = self.fault_counts.get(kind, 0) + 1
        kept = self.faults.setdefault(kind, [])
        if len(kept) < _SHOWN:
            kept.append(text)

    def compose(self, sender: str, receiver: str, resource: str | None = None) -> tuple[int, bytes]:
        """Opens an entry; returns its index and the stanza. With `resource` it goes to a full address, as replies do;
        then it is of type chat, which a server treats like one to the bare address when that client is gone
        (RFC 6121 §8.5.3.2.1)."""
        index = len(self.messages)
        self.messages.append(Sent(sender, receiver, self.life, self.round))
        kind = b"" if index % 7 == 0 and resource is None else b" type='chat'"
        address = f"{receiver}@{DOMAIN}" + (f"/{resource}" if resource else "")
        stanza = b"<message to='%s'%s id='f%d'><body>%s</body></message>" % (
            address.encode(), kind, index, body(index))
        return index, stanza

    def acknowledged(self, tokens: list) -> None:
        for index in tokens:
            if index is not None:
                self.messages[index].acknowledged = True

    def received(self, user: str, token: str, element: bytes) -> int | None:
        """A message came in on stream `token` of `user`; returns its index when it was a delivery."""
        start = head(element)
        if b'type="error"' in start or b"type='error'" in start:
            self._bounced(user, start)
            return None
        found = _BODY.search(element)
        if found is None:
            self.fault("damaged", f"{token}: {element[:200]!r}")
            return None
        index = int(found.group(1)[1:found.group(1).index(b" ")])
        if index >= len(self.messages) or found.group(1).replace(b">", b"&gt;") != body(index):
            self.fault("damaged", f"{token}: body of f{index} changed: {found.group(1)[:80]!r}")
            return None
        message = self.messages[index]
        if message.receiver != user:
            self.fault("misdelivered", f"f{index} for {message.receiver} came to {token}")
            return None
        sender = attributes(start).get("from", "").split("@", 1)[0]
        if sender != message.sender:
            self.fault("forged", f"f{index} of {message.sender} came from {sender}")
        self.last_delivery = time.monotonic()
        self.came(index, message, user, token, self._stanza_id(user, element), b"urn:xmpp:delay" in element)
        return index

    def _bounced(self, user: str, start: bytes) -> None:
        identifier = attributes(start).get("id", "")
        if not identifier.startswith("f") or not identifier[1:].isdigit():
            self.fault("damaged", f"error to {user} without our id: {start!r}")
            return
        message = self.messages[int(identifier[1:])]
        if message.sender != user:
            self.fault("misdelivered", f"bounce of {identifier} ({message.sender}) came to {user}")
        if message.bounced:
            self.fault("bounced twice", f"{identifier} from {message.sender} to {message.receiver}")
        message.bounced = True

    def came(self, index: int, message: Sent, user: str, token: str, stanza_id: str | None,
             is_stored: bool = False) -> None:
        """A delivery; `stanza_id` is what repetitions of it are known by."""
        repeated = message.deliveries > 0
        message.deliveries += 1
        if repeated:
            if stanza_id is None or stanza_id != message.stanza_id:
                self.fault("duplicate without the same stanza-id",
                           f"f{index} {message.sender}->{user}: {message.stanza_id} then {stanza_id}")
            if message.last_token == token and message.last_life == self.life:
                self.fault("duplicate in one session and server life", f"f{index} {message.sender}->{token}")
        else:
            message.stanza_id = stanza_id
            message.stored = is_stored
        if user in self.several:
            resource = token.split("#")[0]
            message.seen_by = message.seen_by or set()
            again = resource in message.seen_by
            message.seen_by.add(resource)
            scope = token
            if repeated and again:
                self.duplicates[message.round] = self.duplicates.get(message.round, 0) + 1
        else:
            again, scope = repeated, user
            if repeated:
                self.duplicates[message.round] = self.duplicates.get(message.round, 0) + 1
        message.last_token, message.last_life = token, self.life
        if again:
            return
        last = self._order.get((scope, message.sender), -1)
        if index < last:
            self.fault("out of order", f"{message.sender}->{token}: f{index} (sent in round {message.round}"
                       f"{', stored' if is_stored else ''}) after f{last}")
        else:
            self._order[(scope, message.sender)] = index

    def _stanza_id(self, user: str, element: bytes) -> str | None:
        """The XEP-0359 id given by the receiver's own account."""
        for tag in _STANZA_ID.findall(element):
            fields = attributes(tag)
            if fields.get("by") == f"{user}@{DOMAIN}":
                return fields.get("id")
        return None

    def rows(self) -> dict[int, Tally]:
        """The report: one row per round, judged as of now."""
        rows: dict[int, Tally] = {}
        for message in self.messages:
            row = rows.setdefault(message.round, Tally())
            row.sent += 1
            if message.deliveries:
                row.delivered += 1
                row.stored += message.stored
            if message.bounced:
                row.bounced += 1
            if message.acknowledged:
                row.acknowledged += 1
                if not message.deliveries and not message.bounced:
                    row.missing += 1
        for number, count in self.duplicates.items():
            rows[number].duplicates = count
        return rows

    def missing(self) -> list[tuple[int, Sent]]:
        return [(index, message) for index, message in enumerate(self.messages)
                if message.acknowledged and not message.deliveries and not message.bounced]

    def both(self) -> list[int]:
        """Messages that were bounced and delivered all the same."""
        return [index for index, message in enumerate(self.messages) if message.bounced and message.deliveries]
