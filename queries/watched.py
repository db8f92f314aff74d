"""Calls into the database's driver that nobody waits for without end.

The driver waits for as long as the server takes. A server that has frozen, or that the network no longer reaches, may
take for ever: its machine still says that what was sent has arrived, so no time-out of the network ends the wait, and
a statement's own time-out is the server's to notice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import psycopg2

from queries.errors import DatabaseError

_T = TypeVar("_T")
ASK_AFTER = 4.0
"""After so many seconds without an answer a second connection asks whether the server lives."""
ASK_AGAIN = 1.0
ASKING = 3
"""Seconds for which the second connection waits for an answer."""
MISSES = 3
"""A server that answers so many askers in a row nothing is given up."""
MARGIN = timedelta(seconds=30)
"""How much longer than its own time-out a statement may take, whatever a pooler in between says."""
_CLOSING = 5.0


def answers(target: str) -> bool:
    """Whether somebody at ``target``, a libpq URL, can sign in right now."""
    try:
        psycopg2.connect(target, connect_timeout=ASKING).close()
    except psycopg2.Error:
        return False
    return True


def _lives(target: str) -> bool:
    """Whether a server answers at ``target``, if only to refuse: then a slow statement is slow, and no more."""
    try:
        psycopg2.connect(target, connect_timeout=ASKING).close()
    except psycopg2.Error as error:
        return not any(words in str(error) for words in ("timeout expired", "refused", "No such file", "unreachable"))
    return True


class Watched:
    """Runs calls one after the other in a thread of its own, and gives up on it when the server falls silent.

    A thread that was given up waits on, in nobody's way, and lets go of its connection when the server is back.
    """

    def __init__(self, target: str) -> None:
        self.longest: timedelta | None = None
        self._target = target
        self._given_up = False
        self._calls: SimpleQueue[tuple[Callable[[], Any], SimpleQueue[tuple[bool, Any]]] | None] = SimpleQueue()
        threading.Thread(target=self._work, name="database", daemon=True).start()

    def __call__(self, work: Callable[[], _T]) -> _T:
        """What ``work`` returns or raises; DatabaseError when the server has fallen silent."""
        if self._given_up:
            raise _silence()
        answer: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        self._calls.put((work, answer))
        good, value = self._waited(answer)
        if good:
            return value  # type: ignore[no-any-return]
        raise value

    def let_go(self, close: Callable[[], object]) -> None:
        """Runs ``close``, for a few seconds at most: when the server has fallen silent, nobody waits for it."""
        answer: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        self._calls.put((close, answer))
        if not self._given_up:
            try:
                answer.get(timeout=_CLOSING)
            except Empty:
                self._given_up = True

    def end(self, close: Callable[[], object] = bool) -> None:
        """Runs ``close`` as the last call; the thread ends."""
        self.let_go(close)
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            work, answer = call
            try:
                answer.put((True, work()))
            except BaseException as error:  # it is raised where somebody waits for it
                answer.put((False, error))

    def _waited(self, answer: SimpleQueue[tuple[bool, Any]]) -> tuple[bool, Any]:
        began, misses = time.monotonic(), 0
        while True:
            try:
                return answer.get(timeout=ASK_AGAIN if misses else ASK_AFTER)
            except Empty:
                misses = 0 if _lives(self._target) else misses + 1
                if misses >= MISSES or self._too_long(time.monotonic() - began):
                    self._given_up = True
                    raise _silence() from None

    def _too_long(self, seconds: float) -> bool:
        return self.longest is not None and seconds > (self.longest + MARGIN).total_seconds()


def _silence() -> DatabaseError:
    return DatabaseError(
        "The product database fell silent in the middle.",
        "the last snapshot keeps serving; the next refresh tries again",
    )
