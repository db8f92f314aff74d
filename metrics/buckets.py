"""Calendar buckets: the days, weeks or months that a trend or a cohort table is cut into."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args

import numpy as np
import polars as pl

Period = Literal["day", "week", "month"]
State = Literal["final", "provisional", "not_yet"]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EPOCH = date(1970, 1, 1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Buckets:
    """Neighbouring buckets, oldest first: the first day of each, and the first day after the last."""

    starts: tuple[date, ...]
    end: date

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def first(self) -> date:
        """The first day of the first bucket."""
        return self.starts[0]

    @property
    def last_day(self) -> date:
        """The last day of the last bucket."""
        return self.end - _DAY

    def position(self, day: date) -> int:
        """Which bucket holds ``day``: 0 is the first; -1 before it, ``len`` after the last."""
        return len(self) if day >= self.end else bisect_right(self.starts, day) - 1

    def place(self, day: pl.Expr) -> pl.Expr:
        """``position`` for a column: each row's bucket, -1 before the first, ``len`` after the last (Int32).

        One gather from a table of days, which is six times faster than truncating every row's date.
        """
        days = np.arange((self.end - self.first).days + 2)
        edges = [(start - self.first).days + 1 for start in (*self.starts, self.end)]
        table = pl.Series(np.searchsorted(edges, days, side="right") - 1, dtype=pl.Int32)
        before = (self.first - _EPOCH).days - 1
        return pl.lit(table).gather(day.cast(pl.Int32).clip(before, before + len(days) - 1) - before)

    def states(self, as_of: date | None) -> list[State]:
        """The state of each bucket on the day ``as_of``, which itself is still running.

        ``final`` when the bucket was over before ``as_of``, ``provisional`` when it holds it, ``not_yet`` when it
        has not begun. None means the moment the last bucket ends: every bucket is final.
        """
        running = len(self) if as_of is None else self.position(as_day(as_of))
        return [
            "final" if place < running else "provisional" if place == running else "not_yet"
            for place in range(len(self))
        ]


def buckets(since: date, until: date, period: Period = "month", *, week_start: str = "monday") -> Buckets:
    """The buckets from the one holding ``since`` to the one holding ``until``.

    >>> buckets(date(2024, 1, 31), date(2024, 3, 1)).starts[1:]
    (datetime.date(2024, 2, 1), datetime.date(2024, 3, 1))
    >>> buckets(date(2024, 3, 3), date(2024, 3, 3), "week", week_start="sunday").last_day
    datetime.date(2024, 3, 9)
    """
    since, until = as_day(since), as_day(until)
    if since > until:
        raise ValueError(f"since ({since}) is after until ({until}).\n\nHint: swap the two dates.")
    start, starts = bucket_start(since, period, week_start=week_start), []
    while start <= until:
        starts.append(start)
        start = _next(start, period)
    return Buckets(tuple(starts), start)


def bucket_start(day: date, period: Period = "month", *, week_start: str = "monday") -> date:
    """The first day of the day, week or month that holds ``day``.

    >>> bucket_start(date(2024, 3, 3), "week", week_start="sunday"), bucket_start(date(2024, 3, 3), "week")
    (datetime.date(2024, 3, 3), datetime.date(2024, 2, 26))
    """
    if period not in get_args(Period):
        raise ValueError(f'period is "{period}".\n\nHint: choose "day", "week" or "month".')
    if week_start not in WEEKDAYS:
        raise ValueError(f'week_start is "{week_start}".\n\nHint: a weekday\'s name, for example "sunday".')
    if period == "month":
        return day.replace(day=1)
    return day if period == "day" else day - timedelta(days=(day.weekday() - WEEKDAYS.index(week_start)) % 7)


def as_day(value: date) -> date:
    """A date; of a datetime, the day it shows in its own zone."""
    return value.date() if isinstance(value, datetime) else value


def day_of(column: str, kind: pl.DataType) -> pl.Expr:
    """The calendar day in ``column``: a date as it is, a timestamp's day in its own time zone."""
    if kind == pl.Date or kind == pl.Null:
        return pl.col(column).cast(pl.Date)
    if isinstance(kind, pl.Datetime):
        return pl.col(column).dt.date()
    raise ValueError(
        f'column "{column}" is {kind}, not a date.\n\nHint: cast it first, for example '
        f'pl.col("{column}").str.to_date().'
    )


def _next(start: date, period: Period) -> date:
    """The first day of the bucket after the one that begins on ``start``."""
    if period == "month":
        return (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    return start + (timedelta(days=7) if period == "week" else _DAY)
