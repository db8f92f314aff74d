"""Answers that may be a second old: one thread asks for all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
SECONDS = 1.0
_MOST = 500


class Lately(Generic[Answer]):
    """Remembers what was answered, by name. While one asks anew, the others go on with what they know.

    >>> asked = Lately(clock=lambda: 0.0)
    >>> [asked.answer("a", lambda: "first"), asked.answer("a", lambda: "second")]
    ['first', 'first']
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, Answer]] = {}
        self._turns: dict[str, threading.Lock] = {}

    def answer(self, name: str, ask: Callable[[], Answer]) -> Answer:
        """What is known for less than a second, else what ``ask`` says; its errors pass, and are not remembered."""
        turn = self._turns.setdefault(name, threading.Lock())
        known = self._known.get(name)
        if known is not None and (self._is_fresh(known) or turn.locked()):
            return known[1]
        with turn:
            known = self._known.get(name)
            if known is not None and self._is_fresh(known):
                return known[1]
            found = ask()
            self.tell(name, found)
            return found

    def tell(self, name: str, answer: Answer) -> None:
        """Remembers an answer that nobody had to ask for."""
        if len(self._known) >= _MOST:
            self._known.clear()
            self._turns.clear()
        self._known[name] = (self._clock(), answer)

    def last(self, name: str) -> Answer | None:
        """What was answered last, however long ago; None when nothing was."""
        known = self._known.get(name)
        return None if known is None else known[1]

    def forget(self, name: str) -> None:
        """Asks anew next time."""
        self._known.pop(name, None)

    def _is_fresh(self, known: tuple[float, Answer]) -> bool:
        return self._clock() - known[0] < SECONDS
