"""Marks a coroutine function as a test."""

from __future__ import annotations

from typing import Callable


def claim(text: str) -> Callable:
    """The sentence that the test shows to be true."""

    def mark(function):
        function.claim = text
        return function

    return mark
