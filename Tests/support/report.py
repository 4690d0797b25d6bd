"""One line per test, and the count at the end."""

from __future__ import annotations

import sys


class Report:
    """Collects results; prints each at once so that a hanging run shows where it stands."""

    def __init__(self, stream=sys.stdout) -> None:
        self._stream = stream
        self.passed = 0
        self.failures: list[str] = []

    @property
    def failed(self) -> int:
        return len(self.failures)

    def note(self, text: str) -> None:
        print(f"     {text}", file=self._stream, flush=True)

    def result(self, suite: str, name: str, problem: str | None, seconds: float | None = None) -> None:
        """Records one test; `problem` is None when it passed, else what was wrong."""
        took = f" ({seconds:.1f} s)" if seconds is not None else ""
        if problem is None:
            self.passed += 1
            print(f"ok   {suite}: {name}{took}", file=self._stream, flush=True)
            return
        self.failures.append(f"{suite}: {name}")
        print(f"FAIL {suite}: {name}{took}", file=self._stream, flush=True)
        for line in problem.rstrip().splitlines():
            print(f"       {line}", file=self._stream, flush=True)

    def close(self) -> int:
        """Prints the closing line; returns the exit status."""
        for name in self.failures:
            print(f"failed: {name}", file=self._stream)
        print(f"{self.passed} passed, {self.failed} failed", file=self._stream, flush=True)
        return 0 if self.failed == 0 and self.passed > 0 else 1
