"""Deadlines for conversations: when time is up, the socket is shut, however slowly the other side drips.

A socket's own time-out counts from the last byte that came, so a server that sends one now and then is waited for
without end. One thread watches all conversations of the process.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

_AGAIN = 0.05
"""Seconds after which it is looked again for a socket to shut; a new one may have come."""


class Cut:
    """``with Cut(seconds, lambda: connection.sock):`` shuts that socket ``seconds`` after the beginning.

    ``fired`` tells whether it did. Where there is no socket yet, the one that comes is shut.
    """

    def __init__(self, seconds: float, find: Callable[[], socket.socket | None]) -> None:
        self.fired = False
        self.due = 0.0
        self._seconds = seconds
        self._find = find

    def __enter__(self) -> Self:
        self.due = time.monotonic() + self._seconds
        _watch.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _watch.remove(self)

    def fire(self) -> None:
        """Shuts the socket, if there is one by now."""
        self.fired = True
        found = self._find()
        try:
            if found is None:
                return
            # Around TLS, which would wait for its own good-bye, and is not made for two threads.
            borrowed = socket.socket(fileno=found.fileno())
        except (OSError, ValueError):  # closed meanwhile
            return
        try:
            borrowed.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        finally:
            borrowed.detach()


class _Watch:
    """The thread that looks at all deadlines; it starts with the first one."""

    def __init__(self) -> None:
        self._bell = threading.Condition()
        self._cuts: set[Cut] = set()
        self._wakes = float("inf")
        self._thread: threading.Thread | None = None

    def add(self, cut: Cut) -> None:
        """Watches ``cut`` from now on."""
        with self._bell:
            self._cuts.add(cut)
            if self._thread is None or not self._thread.is_alive():  # the first, or this process was forked
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            if cut.due < self._wakes:
                self._bell.notify()

    def remove(self, cut: Cut) -> None:
        """No more; once this returns, it does not fire. The thread is left asleep: it finds out by itself."""
        with self._bell:
            self._cuts.discard(cut)

    def _run(self) -> None:
        with self._bell:
            while True:
                now = time.monotonic()
                for cut in self._cuts:
                    if cut.due <= now:
                        cut.fire()
                        cut.due = now + _AGAIN
                self._wakes = min((cut.due for cut in self._cuts), default=float("inf"))
                self._bell.wait(None if self._wakes == float("inf") else max(self._wakes - now, 0))


_watch = _Watch()
