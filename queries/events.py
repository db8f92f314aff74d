"""Reads ``events``, the one big source: the database counts uses per account, user, feature and day.

One bad value costs one event: a stretch in which some value does not cast is read again as text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import sqlalchemy as sa

from queries import cast, readings
from queries.checks import LARGEST, REASON
from queries.contract import EVENTS
from queries.database import Session
from queries.errors import SourceError
from queries.left_out import LeftOut
from queries.mapping import Mapping
from queries.readings import FIRST, NO_TIME, SAMPLE, SAMPLES, TOO_EARLY, TOO_LATE, Reading
from queries.store import Bad


@dataclass(frozen=True)
class Events:
    """The events source inside one transaction: how it is mapped, how its times become days, and who is left out."""

    session: Session
    mapping: Mapping
    columns: dict[str, str]
    zone: str
    as_of: datetime
    left_out: LeftOut = field(default_factory=LeftOut)

    @property
    def time_type(self) -> str:
        """The Arrow type of ``occurred_at`` as the mapping gives it."""
        return self.columns["occurred_at"]

    @property
    def is_written(self) -> bool:
        """Whether times are kept as text, or as something else that is no time."""
        return not self.time_type.startswith(("date", "timestamp"))

    @property
    def clock(self) -> sa.ColumnElement[Any]:
        """When an event happened, untouched where the database can compare it, so that an index helps."""
        raw: sa.ColumnElement[Any] = sa.column("occurred_at")
        return cast.written_moment(raw, self.zone) if self.is_written else raw

    def at(self, moment: datetime) -> sa.ColumnElement[Any]:
        """A constant to compare :attr:`clock` with."""
        if "tz=" in self.time_type or self.is_written:
            return sa.cast(sa.literal(moment.astimezone(UTC).isoformat()), sa.DateTime(timezone=True))
        zone = ZoneInfo(self.zone) if self.time_type.startswith("date") else UTC
        local = moment.astimezone(zone).replace(tzinfo=None)
        return sa.cast(sa.literal(local.isoformat(" ")), sa.DateTime(timezone=False))

    def day(self, clock: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """The organisation's day of a :attr:`clock`."""
        if self.time_type.startswith("date"):
            return clock
        moment = clock if self.is_written else cast.moment(clock, self.time_type, self.zone)
        return sa.cast(sa.func.timezone(self.zone, moment), sa.Date)

    @property
    def source(self) -> sa.TextClause:
        """The mapping's SELECT as something to select from."""
        return cast.wrapped(self.mapping.sql or "")

    @property
    def last(self) -> datetime:
        """An event after this moment is rejected: its clock was wrong."""
        return self.as_of + timedelta(days=1)

    @property
    def good(self) -> sa.ColumnElement[bool]:
        """Whether an event has a usable time."""
        return sa.and_(self.clock >= self.at(FIRST), self.clock <= self.at(self.last))

    def between(self, start: date, end: date) -> sa.ColumnElement[bool]:
        """Whether an event lies on the organisation's days [start, end), and not after :attr:`last`."""
        upto = min(start_of(end, self.zone), self.last + timedelta(microseconds=1))
        return sa.and_(self.clock >= self.at(max(start_of(start, self.zone), FIRST)), self.clock < self.at(upto))

    def one(self, value: sa.ColumnElement[Any], *where: sa.ColumnElement[bool]) -> Any:
        """One value computed over the events that ``where`` keeps."""
        return self.session.frame(sa.select(value.label("value")).select_from(self.source).where(*where)).item()


def start_of(day: date, zone: str) -> datetime:
    """The first moment of a day in the organisation's time zone."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def span(events: Events) -> tuple[date, date] | None:
    """The organisation's days of the first and last good event; None when there is none."""
    first = events.one(events.day(sa.func.min(events.clock)), events.good)
    if first is None:
        return None
    return first, events.one(events.day(sa.func.max(events.clock)), events.good)


def first_day(events: Events, *, since: date | None = None, before: date | None = None) -> date | None:
    """The day of the first good event on ``since`` or later and before ``before``; None when there is none.

    Both limits spare the database a look at everything where its index finds ranges but not extremes (BRIN).
    """
    limits = [events.good]
    if since is not None:
        limits.append(events.clock >= events.at(start_of(since, events.zone)))
    if before is not None:
        limits.append(events.clock < events.at(start_of(before, events.zone)))
    found = events.one(events.day(sa.func.min(events.clock)), *limits)
    assert found is None or isinstance(found, date)
    return found


def count(events: Events, start: date, end: date) -> int:
    """How many events the database holds on the days [start, end), good and bad; an index makes it cheap."""
    return int(events.one(sa.func.count(), events.between(start, end)))


def out_of_time(events: Events) -> Reading:
    """Events that lie on no day, by reason, with samples: without a time, before 1970, or more than a day ahead."""
    tests = {
        NO_TIME: sa.column("occurred_at").is_(None),
        TOO_EARLY: events.clock < events.at(FIRST),
        TOO_LATE: events.clock > events.at(events.last),
    }
    counting = sa.select(*(sa.func.count().filter(test).label(words) for words, test in tests.items()))
    counts = events.session.frame(counting.select_from(events.source).where(sa.or_(*tests.values()))).row(0, named=True)
    samples = [_samples(events, words, tests[words]) for words, many in counts.items() if many]
    found = Reading(
        bad=tuple(Bad(reason=words, day=None, events=many) for words, many in counts.items() if many),
        samples=pl.concat([Reading().samples, *samples]),
    )
    return found.without(events.left_out)


def _samples(events: Events, words: str, test: sa.ColumnElement[bool]) -> pl.DataFrame:
    text = cast.text_select(events.mapping.sql or "", EVENTS, events.columns)
    rows = events.session.frame(text.where(test).limit(SAMPLES))
    extra = [pl.lit(words).alias(REASON), pl.lit(1).alias("events")]
    absent = [pl.lit(None).alias(name) for name in SAMPLE if name not in (*rows.columns, REASON, "events")]
    return rows.with_columns(*extra, *absent).select(pl.col(name).cast(kind) for name, kind in SAMPLE.items())


def read(events: Events, start: date, end: date) -> Reading:
    """Activity of the days [start, end)."""
    file = events.mapping.file
    try:
        with events.session.savepoint(file):
            found = readings.sorted_out(events.session.frame(counting(events, start, end)))
            return found.without(events.left_out)
    except SourceError as error:
        if error.timed_out:
            raise
    return _from_text(events, events.between(start, end))


def read_as_text(events: Events) -> Reading:
    """Activity of all days, for a mapping whose times do not cast: slower, and nothing is left out unseen."""
    return _from_text(events)


def _from_text(events: Events, *where: sa.ColumnElement[bool]) -> Reading:
    """Piece by piece, because single events are many more than daily rows."""
    text = cast.text_select(events.mapping.sql or "", EVENTS, events.columns).where(*where)
    with events.session.savepoint(events.mapping.file):
        pieces: Iterable[pl.DataFrame] = events.session.pieces(text)
        read = (readings.from_text(piece, events.zone, events.last) for piece in pieces)
        return readings.merged(piece.without(events.left_out) for piece in read)


def counting(events: Events, start: date, end: date) -> sa.Select[*tuple[Any, ...]]:
    """The statement that counts the days [start, end): one row per account, user, feature and day.

    ``events`` are all, ``uses`` those with a usable quantity, ``quantity`` their sum. Ids are grouped as they are and
    become text after: that is faster, and a cluster groups by the column it distributes by, or brings rows together.
    """
    quantity = _quantity(events)
    usable = sa.or_(quantity.is_(None), quantity.between(-LARGEST, LARGEST))
    inner = (
        sa.select(
            sa.column("account_id"),
            _user(events).label("user_id"),
            sa.column("feature"),
            events.day(events.clock).label("day"),
            sa.func.count().label("events"),
            sa.func.count().filter(usable).label("uses"),
            sa.func.sum(quantity).filter(usable).label("quantity"),
        )
        .select_from(events.source)
        .where(events.between(start, end))
        .group_by(*(sa.text(str(number)) for number in range(1, 5)))
        .subquery("counted")
    )
    text = [sa.cast(inner.c[name], sa.Text).label(name) for name in ("account_id", "user_id", "feature")]
    return sa.select(*text, *list(inner.c)[3:])


def _user(events: Events) -> sa.ColumnElement[Any]:
    """Who; an empty text is nobody, as null is."""
    if "user_id" not in events.columns:
        return sa.cast(sa.null(), sa.Text)
    user: sa.ColumnElement[Any] = sa.column("user_id")
    return sa.func.nullif(user, "") if events.columns["user_id"] == "string" else user


def _quantity(events: Events) -> sa.ColumnElement[Any]:
    if "quantity" not in events.columns:
        return sa.cast(sa.null(), sa.Double)
    return sa.cast(cast.typed(EVENTS.column("quantity"), events.columns["quantity"], events.zone), sa.Double)
