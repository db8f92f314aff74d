"""When to refresh again: at the usual pace, and sooner once what stood in the way is gone."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import timedelta

from queries.database import libpq_url
from queries.errors import RefreshBusy, RefreshError
from queries.store import CURRENT, FAILURE, Store
from queries.watched import answers
from settings import Settings

LOOK = 2.0
"""Seconds between two looks whether it is time."""
_ROOM = 1 << 20
"""A disk with room for so many bytes is worth another try."""


class Again:
    """Knows how the last refresh ended, and so when the next one is due.

    After a failure that can pass by itself (the database was away, the disk was full) it is due as soon as the database
    answers and the disk has room; where it then fails again, twice as long is waited every time, up to the usual pace.
    When the snapshots were deleted, it is due at once.
    """

    def __init__(
        self, settings: Settings, *, every: timedelta | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._store = Store(settings.snapshot_dir)
        self._every = (every or settings.refresh.every).total_seconds()
        self._clock = clock
        self._ended = clock()
        self._wait = 0.0
        self._well = self._passing = False

    def ended(self, failure: RefreshError | None) -> None:
        """A refresh has ended, with ``failure`` or well."""
        self._passing = failure is not None and (failure.passing or self._in_the_way(failure))
        self._wait = min(max(2 * self._wait, LOOK), self._every) if self._passing else 0.0
        self._well, self._ended = failure is None, self._clock()

    @property
    def look(self) -> float:
        """Seconds to wait before asking whether it is :meth:`due`."""
        return min(LOOK, self._every)

    def due(self) -> bool:
        """Whether it is time; takes a few seconds where the database does not answer."""
        passed = self._clock() - self._ended
        if passed >= self._every:
            return True
        if self._well:
            return self._store.get(CURRENT) is None
        return self._passing and passed >= self._wait and self._possible()

    def _in_the_way(self, failure: RefreshError) -> bool:
        """Whether another refresh, perhaps one of ours that was given up, keeps us from mending what failed before."""
        return isinstance(failure, RefreshBusy) and self._store.exists(FAILURE)

    def _possible(self) -> bool:
        url = self._settings.product_database_url
        return url is not None and answers(libpq_url(url)) and self._room()

    def _room(self) -> bool:
        name = f"room-{secrets.token_hex(4)}"
        try:
            self._store.put(name, secrets.token_bytes(_ROOM))
            self._store.delete(name)
        except OSError:
            return False
        return True
