"""People who read while processes are killed around them, and what must be true of everything they saw."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

import psycopg2
from websockets.exceptions import WebSocketException

from tests.reliability.replicas import Fleet, sticky
from tests.reliability.site import ANSWER, FAILED
from tests.reliability.visitor import Seen, Visitor

_STEP = re.compile(rb"Step (\d{5})")


@dataclass
class Reader:
    """Looks at all accounts again and again; signed in, and moved to another server when theirs is gone."""

    fleet: Fleet
    server: str | None
    looks: list[tuple[float, str, int]] = field(default_factory=list)
    """Seconds with all that was tried again, by which server, and as of which step of the company."""
    failure: str = ""
    _open: ExitStack = field(default_factory=ExitStack)
    _visitor: Visitor | None = None

    def read(self, stop: threading.Event) -> None:
        while not (stop.is_set() or self.failure):
            began = time.monotonic()
            try:
                seen = self._look(began + 2 * ANSWER)
            except Exception as error:
                self.failure = repr(error)
                return
            self._note(time.monotonic() - began, seen)
            stop.wait(0.5)
        self._open.close()

    def _look(self, until: float) -> Seen:
        while True:
            try:
                return self._connected().open("accounts")
            except (WebSocketException, OSError):
                self._open.close()
                self._visitor = None
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def _connected(self) -> Visitor:
        if self._visitor is None:
            self._visitor = self._open.enter_context(self.fleet.visit(self.server))
            self.server = sticky(self._visitor.given) or self.server
        return self._visitor

    def _note(self, seconds: float, seen: Seen) -> None:
        sent = b"".join(delta.SerializeToString() for delta in seen.deltas)
        names = _STEP.findall(sent)
        steps = {int(number) for number in names}
        if len(names) < 2 or len(steps) != 1 or any(words.encode() in sent for words in FAILED):
            self.failure = f"{sorted(steps)} on one page: {seen.text[-2000:]}"
            return
        self.looks.append((seconds, self.server or "", steps.pop()))


@contextmanager
def reading(fleet: Fleet, *servers: str | None) -> Iterator[list[Reader]]:
    """Readers who begin at these servers, while the company changes; at the end, what each of them saw was right.

    Every page was of one snapshot, and of none older than the page before it, whichever server it came from.
    """
    stop, readers = threading.Event(), [Reader(fleet, each) for each in servers]
    work: list[Callable[[], None]] = [lambda each=each: each.read(stop) for each in readers]  # type: ignore[misc]
    threads = [threading.Thread(target=each, daemon=True) for each in [*work, lambda: _change(fleet.company.url, stop)]]
    for each in threads:
        each.start()
    try:
        yield readers
    finally:
        stop.set()
        for each in threads:
            each.join(60)
    for reader in readers:
        assert not reader.failure, reader.failure
        steps = [step for _, _, step in reader.looks]
        assert steps == sorted(steps)
        assert steps[0] < steps[-1]
        assert max(seconds for seconds, _, _ in reader.looks) < ANSWER


def _change(url: str, stop: threading.Event) -> None:
    """Both customers are renamed at once, again and again: a page that shows two names is of two snapshots."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        while not stop.wait(0.3):
            cursor.execute("UPDATE accounts SET name = 'Step ' || lpad((substr(name, 6)::int + 1)::text, 5, '0')")
