"""Cuts a client's incoming bytes into top-level elements, without building trees.

The server must be the bottleneck of the fault runs, so the everyday case (a message without a nested message) is one
`bytes.find`; everything else goes through a tag scanner that respects quoted attribute values.
"""

from __future__ import annotations

import re

_TAG = re.compile(rb"""<(/?)([A-Za-z_][^\s/>]*)((?:[^"'>]|"[^"]*"|'[^']*')*?)(/?)>""")
_ATTRIBUTE = re.compile(rb"""\s([A-Za-z_][^\s=]*)\s*=\s*(?:"([^"]*)"|'([^']*)')""")

OPEN = b"open"
CLOSE = b"close"


class FramingError(Exception):
    """The bytes are not an XML stream."""


class Framer:
    """Resumable splitter. Elements come out as complete byte strings; OPEN and CLOSE stand for the stream's tags."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        buffer = self._buffer + data if self._buffer else data
        found: list[bytes] = []
        at, end = 0, len(buffer)
        while at < end:
            if buffer.startswith(b"<message ", at):
                close = buffer.find(b"</message>", at)
                if close >= 0 and buffer.find(b"<message", at + 8, close) < 0:
                    close += 10
                    found.append(buffer[at:close])
                    at = close
                    continue
            if buffer[at] in b" \t\r\n":
                at += 1
                continue
            after = self._element(buffer, at, found)
            if after < 0:
                break
            at = after
        self._buffer = buffer[at:]
        return found

    def _element(self, buffer: bytes, at: int, found: list[bytes]) -> int:
        """Appends the element that starts at `at`; returns the offset after it, or -1 when it is incomplete."""
        if buffer[at] != 0x3C:
            raise FramingError(f"text between stanzas: {buffer[at:at + 40]!r}")
        if buffer.startswith(b"<?", at):
            close = buffer.find(b"?>", at)
            return close + 2 if close >= 0 else -1
        depth, cursor = 0, at
        while True:
            tag = _TAG.search(buffer, cursor)
            if tag is None:
                return -1
            closing, name, _, empty = tag.groups()
            cursor = tag.end()
            if name == b"stream:stream" and depth == 0:
                found.append(CLOSE if closing else OPEN)
                return cursor
            if closing:
                depth -= 1
            elif not empty:
                depth += 1
            if depth == 0:
                found.append(buffer[at:cursor])
                return cursor


def head(element: bytes) -> bytes:
    """The start tag of an element."""
    tag = _TAG.match(element)
    return tag.group(0) if tag else element


def attributes(tag: bytes) -> dict[str, str]:
    """Attributes of a start tag, entities left as they are."""
    return {name.decode(): (double or single or b"").decode()
            for name, double, single in _ATTRIBUTE.findall(head(tag))}


def name(element: bytes) -> bytes:
    """Qualified name of an element."""
    tag = _TAG.match(element)
    return tag.group(2) if tag else b""
