"""Whether a snapshot is new enough to take into a room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from queries.errors import QueryError
from queries.frames import Frames
from reports import words
from settings import Settings


class StaleSnapshot(QueryError):
    """The numbers are too old for a meeting."""


def age(frames: Frames, now: datetime | None = None) -> timedelta:
    """How long ago the snapshot's database was read."""
    return frames.manifest.age(now or datetime.now(UTC))


def check(frames: Frames, settings: Settings, *, now: datetime | None = None, even_if_stale: bool = False) -> None:
    """Raise :class:`StaleSnapshot` when the snapshot is older than ``refresh.stale_after``, unless asked for anyway."""
    old = age(frames, now)
    if even_if_stale or old <= settings.refresh.stale_after:
        return
    raise StaleSnapshot(
        f"These numbers are old: the product database was last read {words.age(old)}.",
        hint="refresh on the Data page first, or make the file from the old numbers anyway.",
    )
