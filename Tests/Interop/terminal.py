"""A program under a pseudo-terminal, and the screen that a person would see."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import subprocess
import termios
import time
from typing import Callable

import pyte

from .client import Expectation

_COLUMNS, _ROWS = 130, 42


class Terminal:
    """Starts `arguments` with its own terminal; `type` enters lines, `until` waits for something on the screen."""

    def __init__(self, arguments: list[str], environment: dict[str, str], directory: str) -> None:
        self._screen = pyte.HistoryScreen(_COLUMNS, _ROWS, history=2000)
        self._stream = pyte.ByteStream(self._screen)
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            arguments, stdin=theirs, stdout=theirs, stderr=theirs, cwd=directory, start_new_session=True,
            env={**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **environment})
        os.close(theirs)
        os.set_blocking(ours, False)
        self._ours = ours
        self._changed = asyncio.Event()
        self._is_open = True
        asyncio.get_running_loop().add_reader(ours, self._read)

    def _read(self) -> None:
        try:
            text = os.read(self._ours, 65536)
        except BlockingIOError:
            return
        except OSError:
            text = b""
        if not text:
            self._stop_reading()
        else:
            self._stream.feed(text)
        self._changed.set()

    def _stop_reading(self) -> None:
        if self._is_open:
            self._is_open = False
            asyncio.get_running_loop().remove_reader(self._ours)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    def type(self, line: str) -> None:
        os.write(self._ours, line.encode() + b"\r")

    async def until(self, shows: str | Callable[[str], bool], seconds: float = 15.0) -> str:
        """Waits until the screen shows a text (or satisfies a predicate); returns the screen."""
        holds = shows if callable(shows) else lambda screen: shows in screen
        wanted = "what the test waits for" if callable(shows) else repr(shows)
        limit = time.monotonic() + seconds
        while not holds(self.text):
            self._changed.clear()
            left = limit - time.monotonic()
            if left <= 0 or not self._is_open:
                raise Expectation(f"the screen never showed {wanted}; it shows:\n{self.text}")
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except asyncio.TimeoutError:
                pass
        return self.text

    async def close(self) -> None:
        """Ends the program: asked by signal, then by force; reaps it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is not None:
                break
            os.kill(self._process.pid, number)
            for _ in range(200):
                if self._process.poll() is not None:
                    break
                await asyncio.sleep(0.01)
        self._stop_reading()
        os.close(self._ours)
