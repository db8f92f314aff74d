"""Reads ``events``, the one big source: the database counts uses per account, user, feature and day.

One bad value costs one event: a stretch in which some value does not cast is read again as text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import sqlalchemy as sa

from queries import cast, parse
from queries.checks import REASON
from queries.contract import EVENTS
from queries.database import Session
from queries.errors import SourceError
from queries.mapping import Mapping
from queries.store import Bad

SCHEMA: dict[str, Any] = {
    "account_id": pl.String,
    "user_id": pl.String,
    "feature": pl.String,
    "day": pl.Date,
    "uses": pl.Int64,
    "quantity": pl.Float64,
}
"""Daily activity: one row per account, user (null: an integration), feature and day."""

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
SAMPLES = 100
NO_TIME = "occurred_at is missing"
TOO_EARLY = "occurred_at is before 1970"
TOO_LATE = "occurred_at is more than a day in the future"

_SAMPLE = {REASON: pl.String, "account_id": pl.String, "user_id": pl.String, "feature": pl.String} | {
    "day": pl.String,
    "events": pl.Int64,
}


@dataclass(frozen=True)
class Reading:
    """One look at a stretch of events: daily rows, and what was rejected and why, with samples."""

    daily: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCHEMA))
    bad: tuple[Bad, ...] = ()
    samples: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_SAMPLE))


@dataclass(frozen=True)
class Events:
    """The events source inside one transaction: how it is mapped and how its times become days."""

    session: Session
    mapping: Mapping
    columns: dict[str, str]
    zone: str
    as_of: datetime

    @property
    def occurred_at(self) -> sa.ColumnElement[Any]:
        """The moment of an event, cast only where the mapping does not already give one (so that an index helps)."""
        return cast.moment(sa.column("occurred_at"), self.columns["occurred_at"], self.zone)

    @property
    def source(self) -> sa.TextClause:
        """The mapping's SELECT as something to select from."""
        return cast.wrapped(self.mapping.sql or "")

    @property
    def last(self) -> datetime:
        """An event after this moment is rejected: its clock was wrong."""
        return self.as_of + timedelta(days=1)

    def between(self, start: date, end: date) -> sa.ColumnElement[bool]:
        """Whether an event lies on the organisation's days [start, end), and not after :attr:`last`."""
        upto = min(start_of(end, self.zone), self.last + timedelta(microseconds=1))
        return sa.and_(self.occurred_at >= moment(start_of(start, self.zone)), self.occurred_at < moment(upto))

    def one(self, value: sa.ColumnElement[Any], *where: sa.ColumnElement[bool]) -> Any:
        """One value computed over the events that ``where`` keeps."""
        return self.session.frame(sa.select(value.label("value")).select_from(self.source).where(*where)).item()


def moment(value: datetime) -> sa.ColumnElement[Any]:
    """A timestamptz constant."""
    return sa.cast(sa.literal(value.astimezone(UTC).isoformat()), sa.DateTime(timezone=True))


def start_of(day: date, zone: str) -> datetime:
    """The first moment of a day in the organisation's time zone."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def span(events: Events) -> tuple[date, date] | None:
    """The organisation's days of the first and last good event; None when there is none."""
    good = sa.and_(events.occurred_at >= moment(FIRST), events.occurred_at <= moment(events.last))
    first = events.one(sa.func.min(events.occurred_at), good)
    if first is None:
        return None
    last = events.one(sa.func.max(events.occurred_at), good)
    zone = ZoneInfo(events.zone)
    return first.astimezone(zone).date(), last.astimezone(zone).date()


def count(events: Events, start: date, end: date) -> int:
    """How many events the database holds on the days [start, end), good and bad; an index makes it cheap."""
    return int(events.one(sa.func.count(), events.between(start, end)))


def out_of_time(events: Events) -> tuple[Bad, ...]:
    """Events that lie on no day, by reason: without a time, before 1970, or more than a day ahead."""
    tests = {
        NO_TIME: sa.column("occurred_at").is_(None),
        TOO_EARLY: events.occurred_at < moment(FIRST),
        TOO_LATE: events.occurred_at > moment(events.last),
    }
    counts = {words: int(events.one(sa.func.count(), test)) for words, test in tests.items()}
    return tuple(Bad(reason=words, day=None, events=found) for words, found in counts.items() if found)


def read(events: Events, start: date, end: date) -> Reading:
    """Activity of the days [start, end)."""
    file = events.mapping.file
    try:
        with events.session.savepoint(file):
            return _sorted_out(events.session.frame(_counting(events, start, end)))
    except SourceError as error:
        if error.timed_out:
            raise
    with events.session.savepoint(file):
        text = cast.text_select(events.mapping.sql or "", EVENTS, events.columns)
        return from_text(events.session.frame(text.where(events.between(start, end))), events.zone, events.last)


def read_as_text(events: Events) -> Reading:
    """Activity of all days, for a mapping whose times do not cast: slower, and nothing is left out unseen."""
    with events.session.savepoint(events.mapping.file):
        text = cast.text_select(events.mapping.sql or "", EVENTS, events.columns)
        return from_text(events.session.frame(text), events.zone, events.last)


def _counting(events: Events, start: date, end: date) -> sa.Select[*tuple[Any, ...]]:
    """The database groups; ids are grouped on their own types, which is faster, and become text after."""
    absent = sa.cast(sa.null(), sa.Text)
    user = sa.column("user_id") if "user_id" in events.columns else absent
    amount = sa.column("quantity") if "quantity" in events.columns else sa.null()
    quantity = sa.cast(amount, sa.Double)
    odd = [sa.cast(sa.literal(word), sa.Double) for word in ("NaN", "Infinity", "-Infinity")]
    finite = sa.or_(quantity.is_(None), quantity.not_in(odd))
    day = sa.cast(sa.func.timezone(events.zone, events.occurred_at), sa.Date).label("day")
    ids = [sa.column("account_id"), user.label("user_id"), sa.column("feature")]
    inner = (
        sa.select(
            *ids,
            day,
            sa.func.count().label("events"),
            sa.func.count().filter(finite).label("uses"),
            sa.func.sum(quantity).filter(finite).label("quantity"),
        )
        .select_from(events.source)
        .where(events.between(start, end))
        .group_by(*(sa.text(str(number)) for number in range(1, 5)))
        .subquery("counted")
    )
    text = [sa.cast(inner.c[name], sa.Text).label(name) for name in ("account_id", "user_id", "feature")]
    return sa.select(*text, *list(inner.c)[3:])


def from_text(frame: pl.DataFrame, zone: str, last: datetime) -> Reading:
    """Activity from single events whose columns are text."""
    rows = parse.parse(frame, EVENTS, zone)
    absent = {"user_id": pl.String, "quantity": pl.Float64}
    rows = rows.with_columns(pl.lit(None, kind).alias(n) for n, kind in absent.items() if n not in rows.columns)
    time, broken = pl.col("occurred_at"), pl.col(parse.UNPARSABLE)
    reason = pl.coalesce(
        pl.when(broken.is_not_null()).then(broken + " does not parse"),
        pl.when(time.is_null()).then(pl.lit(NO_TIME)),
        pl.when(time < FIRST).then(pl.lit(TOO_EARLY)),
        pl.when(time > last).then(pl.lit(TOO_LATE)),
    )
    rows = rows.with_columns(reason.alias(REASON), time.dt.convert_time_zone(zone).dt.date().alias("day"))
    finite = pl.col("quantity").is_finite() | pl.col("quantity").is_null()
    counted = rows.group_by("account_id", "user_id", "feature", "day", REASON).agg(
        pl.len().cast(pl.Int64).alias("events"),
        finite.sum().cast(pl.Int64).alias("uses"),
        _sum(pl.col("quantity").filter(finite)).alias("quantity"),
    )
    return _sorted_out(counted)


def _sum(values: pl.Expr) -> pl.Expr:
    """The sum as SQL has it: null, not 0, where nothing is known."""
    return pl.when(values.count() > 0).then(values.sum())


def _sorted_out(counted: pl.DataFrame) -> Reading:
    """Splits counted groups into activity and rejected events, with samples of these."""
    known = [pl.col(REASON)] if REASON in counted.columns else []
    reason = pl.coalesce(
        *known,
        pl.when(pl.col("account_id").is_null()).then(pl.lit("account_id is missing")),
        pl.when(pl.col("feature").is_null()).then(pl.lit("feature is missing")),
    )
    groups = counted.with_columns(reason.alias(REASON), pl.col("day").cast(pl.Date))
    whole = groups.filter(pl.col(REASON).is_not_null())
    part = groups.filter(pl.col(REASON).is_null() & (pl.col("events") > pl.col("uses"))).with_columns(
        pl.lit("quantity is not a finite number").alias(REASON),
        (pl.col("events") - pl.col("uses")).alias("events"),
    )
    rejected = pl.concat([whole, part])
    per_day = rejected.group_by(REASON, "day").agg(pl.col("events").sum()).sort(REASON, "day")
    good = groups.filter(pl.col(REASON).is_null() & (pl.col("uses") > 0))
    return Reading(
        daily=good.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort(list(SCHEMA)[:4]),
        bad=tuple(Bad(reason=why, day=day, events=n) for why, day, n in per_day.iter_rows()),
        samples=rejected.head(SAMPLES).select(pl.col(name).cast(kind) for name, kind in _SAMPLE.items()),
    )
