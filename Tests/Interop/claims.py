"""Marks a coroutine function as a test."""

from __future__ import annotations

from typing import Callable


def claim(text: str, limit: float = 90.0) -> Callable:
    """The sentence that the test shows to be true, and the seconds that it may take, all its waits included."""

    def mark(function):
        function.claim = text
        function.limit = limit
        return function

    return mark
