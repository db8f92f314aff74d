"""What metrics accept: frames, lazy or not, with columns that may be missing, and times in any zone."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

Frame = pl.DataFrame | pl.LazyFrame
Frames = Mapping[str, pl.DataFrame | pl.LazyFrame]
Columns = Mapping[str, type[pl.DataType] | pl.DataType]


def lazy(frame: Frame | None, columns: Columns) -> pl.LazyFrame:
    """``frame`` as a LazyFrame that has at least ``columns``; what it lacks is null, and no frame is no rows.

    A column without a type (polars ``Null``: nothing was ever seen in it) gets the type given.

    >>> lazy(pl.DataFrame({"account_id": ["a"]}), {"account_id": pl.String, "mrr": pl.Int64}).collect().row(0)
    ('a', None)
    """
    if frame is None:
        return pl.LazyFrame(schema=dict(columns))
    schema = frame.lazy().collect_schema()
    absent = [pl.lit(None, dtype=kind).alias(name) for name, kind in columns.items() if name not in schema]
    untyped = [pl.col(name).cast(kind) for name, kind in columns.items() if schema.get(name) == pl.Null]
    return frame.lazy().with_columns(*absent, *untyped)


def source(frames: Frames, name: str, columns: Columns) -> pl.LazyFrame:
    """The frame called ``name`` with at least ``columns``; no rows when ``frames`` has none of that name."""
    return lazy(frames.get(name), columns)


def wall_times(frame: Frame) -> pl.LazyFrame:
    """``frame`` with its times as the clock on the wall showed them, without a zone.

    Days come out the same and much faster: the zone is looked up once, not whenever a day is asked for.
    """
    schema = frame.lazy().collect_schema()
    zoned = [name for name, kind in schema.items() if isinstance(kind, pl.Datetime) and kind.time_zone]
    return frame.lazy().with_columns(pl.col(zoned).dt.replace_time_zone(None))


def day(name: str) -> pl.Expr:
    """The calendar day of a time or a date, in the time zone that the column carries."""
    return pl.col(name).dt.date()


def month_end(on: date) -> date:
    """The last day of the month that holds ``on``.

    >>> month_end(date(2024, 2, 3))
    datetime.date(2024, 2, 29)
    """
    return on.replace(day=monthrange(on.year, on.month)[1])


def is_month_end(on: date) -> bool:
    """Whether ``on`` is the last day of its month."""
    return on == month_end(on)


def month_end_before(on: date) -> date:
    """The last day of the month before the one that holds ``on``.

    >>> month_end_before(date(2024, 3, 31))
    datetime.date(2024, 2, 29)
    """
    return on.replace(day=1) - timedelta(days=1)


def month_ends(*, until: date, months: int) -> list[date]:
    """The last ``months`` month ends that are not after ``until``, oldest first.

    >>> month_ends(until=date(2026, 3, 30), months=2)
    [datetime.date(2026, 1, 31), datetime.date(2026, 2, 28)]
    """
    ends = [until if is_month_end(until) else month_end_before(until)]
    while len(ends) < months:
        ends.append(month_end_before(ends[-1]))
    return ends[::-1][:months] if months > 0 else []
