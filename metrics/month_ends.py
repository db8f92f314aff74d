"""What every stretch is worth on each month's last day: the ground that movements stand on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from metrics.inputs import Frame


def month_of(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def months_later(month: date, count: int) -> date:
    """The first day of the month ``count`` months after ``month`` (before it, when negative).

    >>> months_later(date(2026, 1, 1), -2)
    datetime.date(2025, 11, 1)
    """
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


@dataclass(frozen=True)
class Months:
    """The months from ``since`` to ``until`` that have begun at ``as_of``, and the days they are measured on.

    ``days[0]`` is the day before the first month; ``days[k]`` the last day of month ``k`` (counted from 1), or
    ``as_of`` while that month runs.
    """

    first: date
    count: int
    as_of: date

    @classmethod
    def between(cls, since: date, until: date, as_of: date) -> Months:
        """The months of the days ``since`` to ``until``; none when ``since`` comes later."""
        first, last = month_of(since), month_of(min(until, as_of))
        return cls(first, max(0, (last.year - first.year) * 12 + last.month - first.month + 1), as_of)

    @property
    def days(self) -> pl.Series:
        """The days MRR is measured on, one more than there are months."""
        return self.days_from(0)

    def days_from(self, k: int) -> pl.Series:
        """The measured days from ``days[k]`` on; a negative ``k`` reaches back before the first month."""
        ends = [months_later(self.first, place) - timedelta(days=1) for place in range(k, self.count + 1)]
        return pl.Series("day", [min(day, self.as_of) for day in ends], dtype=pl.Date)

    @property
    def table(self) -> pl.DataFrame:
        """``k, month, begins_after, day, running``: one row per month, counted from 1."""
        days = self.days.to_list()
        rows = [
            (
                k,
                months_later(self.first, k - 1),
                days[k - 1],
                days[k],
                months_later(self.first, k) > self.as_of,
            )
            for k in range(1, self.count + 1)
        ]
        schema = {
            "k": pl.UInt32,
            "month": pl.Date,
            "begins_after": pl.Date,
            "day": pl.Date,
            "running": pl.Boolean,
        }
        return pl.DataFrame(rows, schema=schema, orient="row")


def on_days(stretches: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """``stretches`` repeated for every one of ``days`` on which they are served, with ``k``, the day's place."""
    return (
        stretches.with_columns(
            _first=days.search_sorted(stretches["start"], side="left").cast(pl.UInt32),
            _last=days.search_sorted(stretches["end"], side="left").cast(pl.UInt32),
        )
        .filter(pl.col("_first") < pl.col("_last"))
        .with_columns(k=pl.int_ranges("_first", "_last", dtype=pl.UInt32))
        .drop("_first", "_last")
        .explode("k")
    )


def rates_by_day(fx_rates: Frame, months: Months) -> pl.DataFrame:
    """``currency, k, own, before``: each day's exchange rate, and that of the day before it in ``months.days``.

    A day has its month's rate; a month without one has the last rate before it, and days before the first known rate
    have that. Rates of months that have not begun are not known yet.
    """
    known = fx_rates.lazy().filter(pl.col("month") <= months.as_of).sort("month").collect()
    days = pl.DataFrame({"k": range(-1, months.count + 1)}, schema={"k": pl.Int64}).with_columns(
        month=pl.Series([months_later(months.first, k - 1) for k in range(-1, months.count + 1)])
    )
    grid = known.select("currency").unique().join(days, how="cross").sort("month")
    back, ahead = (
        grid.join_asof(
            known.select("currency", "month", "rate"),
            on="month",
            by="currency",
            strategy=strategy,
            check_sortedness=False,
        )["rate"]
        for strategy in ("backward", "forward")
    )
    return (
        grid.with_columns(own=back.fill_null(ahead))
        .sort("currency", "k")
        .with_columns(before=pl.col("own").shift(1).over("currency"))
        .filter(pl.col("k") >= 0)
        .select("currency", pl.col("k").cast(pl.UInt32), "own", "before")
    )


def valued(rows: pl.DataFrame, months: Months, fx_rates: Frame | None) -> pl.DataFrame:
    """``rows`` of :func:`on_days` with ``own`` and ``before``: their value at the day's rate and at the one before.

    Without rates, or in a currency that has none, both are the MRR at its constant rate.
    """
    if fx_rates is None:
        return rows.with_columns(own="value", before="value")
    table = rates_by_day(fx_rates, months)
    local = pl.when(pl.col("kind").is_in(["paid", "parked"])).then("mrr_local").otherwise(0)
    joined = rows.join(table, on=["currency", "k"], how="left")
    return joined.with_columns(
        pl.coalesce((local * pl.col(rate)).round().cast(pl.Int64), "value").alias(rate) for rate in ("own", "before")
    )
