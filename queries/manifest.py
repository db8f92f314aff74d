"""What a snapshot says of itself: when it is as of, what each source gave, which file holds which frame."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SourceState(_Record):
    """What a refresh found in one source.

    ``status``: ``ok``; ``missing`` (optional, no mapping); ``failed`` (could not be read and never was); ``stale``
    (could not be read now, rows are those of an earlier refresh). ``rejected_mrr`` in minor units.
    """

    status: Literal["ok", "missing", "failed", "stale"]
    rows: int = 0
    rejected: int = 0
    rejected_by_reason: dict[str, int] = {}
    rejected_mrr: int = 0
    flagged: dict[str, int] = {}
    left_out: int = 0
    newest: str | None = None
    mapping: str | None = None
    mapping_hash: str | None = None
    error: str | None = None
    hint: str | None = None


class Bad(_Record):
    """Events of one day that were rejected, and why; ``day`` is None where the event has no usable time."""

    reason: str
    day: date | None
    events: int


class Month(_Record):
    """One month of activity: its files, what was rejected in it, and when its events were last counted.

    ``uses`` counts the good events. ``uncounted`` are account ids in it that do not count (no account has them, or
    it is a test), with their events; ``by_staff`` counts the events of our own staff at accounts that do. ``erased``
    counts those of erased people, which stand in no file; in a month still running it may lag behind, which costs one
    more look at the month.
    """

    month: date
    checked_at: datetime
    uses: int
    daily: str
    bad: tuple[Bad, ...] = ()
    monthly: str = ""
    weekly: str = ""
    usage: str = ""
    flagged: dict[str, int] = {}
    uncounted: dict[str, int] = {}
    by_staff: int = 0
    erased: int = 0

    @property
    def events(self) -> int:
        """How many events the database held when the month was read, good, bad and left out."""
        return self.uses + sum(item.events for item in self.bad) + self.erased


class Comments(_Record):
    """What a refresh made of comments: the files that hold their sentences' vectors, and what went wrong, if anything.

    ``key`` changes with whatever themes depend on beside the comments: the themes file, the encoder, the method;
    ``titles`` with those of the roadmap, whose vectors are kept too.
    """

    vectors: tuple[str, ...] = ()
    key: str = ""
    titles: str = ""
    error: str | None = None
    hint: str | None = None


class Manifest(_Record):
    """One snapshot: when it is as of, what each source gave, and which file holds which frame.

    ``swept_at`` is when files that no snapshot needs were last removed. ``database`` tells one product database from
    another. ``events_on`` is the organisation's day on which events were last read; it stays behind while they cannot
    be. ``without_answers`` says why answers to our own messages could not be read, where that is so. ``as_of`` is by
    the database's clock; ``ahead`` is by how many seconds the clock of the machine that refreshed was ahead of it.
    ``erasures`` rises when somebody was erased from what the snapshot before held: then whatever was remembered of
    earlier snapshots must be forgotten.
    """

    id: str
    as_of: datetime
    created_at: datetime
    seconds: float
    time_zone: str
    currency: str
    week_start: str
    sources: dict[str, SourceState]
    files: dict[str, str]
    months: tuple[Month, ...] = ()
    swept_at: datetime | None = None
    database: str = ""
    events_on: date | None = None
    events_key: str = ""
    value_key: str = ""
    comments: Comments = Comments()
    without_answers: str | None = None
    ahead: float = 0.0
    erasures: int = 0

    def age(self, now: datetime) -> timedelta:
        """How long before ``now``, by this machine's clock, the database was read; a wrong clock changes nothing."""
        return max(now - self.as_of - timedelta(seconds=self.ahead), timedelta())

    @property
    def today(self) -> date:
        """The organisation's day at as_of."""
        return self.as_of.astimezone(ZoneInfo(self.time_zone)).date()

    def names(self) -> set[str]:
        """Every file this snapshot needs."""
        parts = {name for m in self.months for name in (m.daily, m.monthly, m.weekly, m.usage) if name}
        return parts | set(self.files.values()) | set(self.comments.vectors)


class Failure(_Record):
    """When and why the last refresh failed."""

    at: datetime
    message: str
