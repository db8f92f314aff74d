"""When to refresh again: at the usual pace, and sooner once what stood in the way is gone."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from queries.database import libpq_url
from queries.errors import RefreshBusy, RefreshError
from queries.store import CURRENT, FAILURE, Store, newest_manifest
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
    When the snapshots were deleted, it is due at once. When another refresher published one, the pace counts from then:
    however many there are, the database is read as often as by one, and when one ends another goes on.
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
        self._current: bytes | None = None
        self._read_at: datetime | None = None

    def ended(self, failure: RefreshError | None) -> None:
        """A refresh has ended, with ``failure`` or well."""
        self._passing = failure is not None and (failure.passing or self._in_the_way(failure))
        self._wait = min(max(2 * self._wait, LOOK), self._every) if self._passing else 0.0
        self._well, self._ended = failure is None, self._clock()
        self._published()

    @property
    def look(self) -> float:
        """Seconds to wait before asking whether it is :meth:`due`."""
        return min(LOOK, self._every)

    def due(self) -> bool:
        """Whether it is time; takes a few seconds where the database does not answer."""
        if self._published():
            self.ended(None)
            return False
        passed = self._clock() - self._ended
        if passed >= self._every:
            return True
        if self._well:
            return self._gone()
        return self._passing and passed >= self._wait and self._possible()

    def _published(self) -> bool:
        """Whether the database was read anew since this was last asked; an erasure publishes without reading."""
        try:
            current = self._store.get(CURRENT)
            found = None if current in (None, self._current) else newest_manifest(self._store)
        except OSError:
            return False
        if found is None:
            return False
        before, self._current, self._read_at = self._read_at, current, found.as_of
        return before != found.as_of

    def _in_the_way(self, failure: RefreshError) -> bool:
        """Whether another refresh, perhaps one of ours that was given up, keeps us from mending what failed before."""
        try:
            return isinstance(failure, RefreshBusy) and self._store.exists(FAILURE)
        except OSError:
            return False

    def _gone(self) -> bool:
        """Whether the snapshots were deleted; where nobody can tell, they were not."""
        try:
            return self._store.get(CURRENT) is None
        except OSError:
            return False

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
