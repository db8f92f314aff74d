"""What one look at events found: daily activity, and what was rejected and why, with samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from queries import parse
from queries.checks import LARGEST, REASON
from queries.contract import EVENTS
from queries.left_out import LeftOut
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

KEY = ("account_id", "user_id", "feature", "day")

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
SAMPLES = 100
_TOGETHER = 100_000
NO_TIME = "occurred_at is missing"
TOO_EARLY = "occurred_at is before 1970"
TOO_LATE = "occurred_at is more than a day in the future"
ODD_QUANTITY = "quantity is not finite, or too large"
UNKNOWN_ACCOUNT = "unknown account"

SAMPLE = dict.fromkeys((REASON, "account_id", "user_id", "feature", "occurred_at"), pl.String) | {
    "events": pl.Int64,
}
"""A sample of rejected events: ``events`` of them share the rest; ``occurred_at`` is their day, where they have one."""


@dataclass(frozen=True)
class Reading:
    """One look at a stretch of events: daily rows, what was rejected and why, with samples, and how many left out."""

    daily: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCHEMA))
    bad: tuple[Bad, ...] = ()
    samples: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SAMPLE))
    erased: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there was no event at all, good or bad."""
        return self.daily.is_empty() and not self.bad

    def without(self, left_out: LeftOut) -> Reading:
        """The same without what erased people did; their events are counted, and stand under nobody's name."""
        if not left_out:
            return self
        theirs = left_out.theirs(self.daily)
        return replace(
            self,
            daily=self.daily.filter(~theirs),
            samples=self.samples.filter(~left_out.theirs(self.samples)),
            erased=self.erased + int(self.daily.filter(theirs).get_column("uses").sum()),
        )


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
    on_a_day = pl.when(time.is_between(FIRST, last)).then(time)
    rows = rows.with_columns(
        reason.alias(REASON),
        on_a_day.dt.convert_time_zone(zone).dt.date().alias("day"),
        pl.when(pl.col("user_id") != "").then(pl.col("user_id")).alias("user_id"),
    )
    usable = (pl.col("quantity").abs() <= LARGEST) | pl.col("quantity").is_null()
    counted = rows.group_by(*KEY, REASON).agg(
        pl.len().cast(pl.Int64).alias("events"),
        usable.sum().cast(pl.Int64).alias("uses"),
        total(pl.col("quantity").filter(usable)).alias("quantity"),
    )
    return sorted_out(counted)


def in_order(daily: pl.DataFrame) -> pl.DataFrame:
    """Daily rows as files hold them. With nulls last Polars sorts rows that are mostly in order five times as fast."""
    return daily.sort(KEY, nulls_last=True)


def total(values: pl.Expr) -> pl.Expr:
    """The sum as SQL has it: null, not 0, where nothing is known."""
    return pl.when(values.count() > 0).then(values.sum())


def sorted_out(counted: pl.DataFrame) -> Reading:
    """Splits groups of ``events``, of which ``uses`` have a usable quantity, into activity and rejected events."""
    known = [pl.col(REASON)] if REASON in counted.columns else []
    ids = [(pl.col(name), f"{name} is missing") for name in ("account_id", "feature")]
    missing = [pl.when(value.is_null() | (value == "")).then(pl.lit(words)) for value, words in ids]
    groups = counted.with_columns(pl.coalesce(*known, *missing).alias(REASON), pl.col("day").cast(pl.Date))
    whole = groups.filter(pl.col(REASON).is_not_null())
    part = groups.filter(pl.col(REASON).is_null() & (pl.col("events") > pl.col("uses"))).with_columns(
        pl.lit(ODD_QUANTITY).alias(REASON),
        (pl.col("events") - pl.col("uses")).alias("events"),
    )
    rejected = pl.concat([whole, part])
    good = groups.filter(pl.col(REASON).is_null() & (pl.col("uses") > 0))
    samples = rejected.with_columns(pl.col("day").cast(pl.String).alias("occurred_at")).sort("occurred_at", *KEY)
    return Reading(
        daily=in_order(good.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())),
        bad=_per_day(rejected),
        samples=few(samples.select(pl.col(name).cast(kind) for name, kind in SAMPLE.items())),
    )


def _per_day(rejected: pl.DataFrame) -> tuple[Bad, ...]:
    per_day = rejected.group_by(REASON, "day").agg(pl.col("events").sum()).sort(REASON, "day")
    return tuple(Bad(reason=why, day=day, events=n) for why, day, n in per_day.iter_rows())


def few(samples: pl.DataFrame) -> pl.DataFrame:
    """The first samples of each reason, so many of each."""
    return samples.unique(maintain_order=True).group_by(REASON, maintain_order=True).head(SAMPLES).select(list(SAMPLE))


def merged(readings: Iterable[Reading]) -> Reading:
    """Several looks at different events as one.

    They are added up once they hold as many rows as the sum so far, so that many looks sort each row a few times only.
    """
    result, waiting, rows = Reading(), list[Reading](), 0
    for found in readings:
        waiting.append(found)
        rows += found.daily.height
        if rows >= max(_TOGETHER, result.daily.height):
            result, waiting, rows = _sum([result, *waiting]), [], 0
    return _sum([result, *waiting])


def _sum(looks: list[Reading]) -> Reading:
    daily = pl.concat([look.daily for look in looks]).group_by(KEY)
    bad: dict[tuple[str, date | None], int] = {}
    for item in (item for look in looks for item in look.bad):
        bad[item.reason, item.day] = bad.get((item.reason, item.day), 0) + item.events
    return Reading(
        daily=in_order(daily.agg(pl.col("uses").sum(), total(pl.col("quantity")))),
        bad=tuple(Bad(reason=why, day=day, events=n) for (why, day), n in bad.items()),
        samples=few(pl.concat([look.samples for look in looks])),
        erased=sum(look.erased for look in looks),
    )
