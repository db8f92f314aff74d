"""What pages ask of activity all the time, computed once per refresh: by month, by week, and in 28-day windows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

PAIR = ["account_id", "user_id"]
WINDOW = timedelta(days=28)

PERIODS: dict[str, Any] = {
    "account_id": pl.String,
    "user_id": pl.String,
    "period": pl.Date,
    "active_days": pl.Int64,
    "uses": pl.Int64,
    "quantity": pl.Float64,
    "first_period": pl.Date,
}
"""Columns of the monthly and the weekly rollup."""

USAGE: dict[str, Any] = {
    "account_id": pl.String,
    "user_id": pl.String,
    "feature": pl.String,
    "window_end": pl.Date,
    "uses": pl.Int64,
    "quantity": pl.Float64,
}
"""Columns of the use in 28 days."""


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def months_between(first: date, last: date) -> list[date]:
    """First days of the months from that of ``first`` to that of ``last``."""
    months, month = [], first.replace(day=1)
    while month <= last:
        months.append(month)
        month = next_month(month)
    return months


def first_days(daily: pl.LazyFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Account, user and the first day either was seen: ``before`` joined by what ``daily`` adds."""
    new = daily.group_by(PAIR).agg(pl.col("day").min().alias("first_day"))
    return pl.concat([before.lazy(), new]).group_by(PAIR).agg(pl.col("first_day").min()).sort(PAIR).collect()


def by_period(daily: pl.LazyFrame, every: str, week_start: str, first: pl.DataFrame) -> pl.DataFrame:
    """Account, user, period, active_days, uses, quantity and first_period.

    ``every`` is ``1mo`` or ``1w``; a week starts on ``week_start``. ``first`` holds the pairs' first days.
    """
    grouped = (
        daily.with_columns(period_of("day", every, week_start).alias("period"))
        .group_by(*PAIR, "period")
        .agg(
            pl.col("day").n_unique().cast(pl.Int64).alias("active_days"),
            pl.col("uses").sum(),
            pl.when(pl.col("quantity").count() > 0).then(pl.col("quantity").sum()).alias("quantity"),
        )
        .join(first.lazy(), on=PAIR, how="left", nulls_equal=True)
    )
    first_period = period_of("first_day", every, week_start).alias("first_period")
    return grouped.with_columns(first_period).drop("first_day").sort(*PAIR, "period").collect()


def period_of(column: str, every: str, week_start: str) -> pl.Expr:
    """The first day of a day's month or week."""
    if every == "1w" and week_start == "sunday":
        return (pl.col(column).dt.offset_by("1d").dt.truncate("1w")).dt.offset_by("-1d")
    return pl.col(column).dt.truncate(every)


def week_of(day: date, week_start: str) -> date:
    """The first day of a day's week.

    >>> week_of(date(2026, 3, 1), "monday"), week_of(date(2026, 3, 1), "sunday")
    (datetime.date(2026, 2, 23), datetime.date(2026, 3, 1))
    """
    return day - timedelta(days=day.isoweekday() % 7 if week_start == "sunday" else day.weekday())


def usage(daily: pl.LazyFrame, *window_ends: date) -> pl.DataFrame:
    """Account, user, feature, window_end, uses and quantity in the 28 days ending on each of ``window_ends``."""
    return pl.concat(pl.collect_all([_window(daily, end) for end in window_ends]))


def _window(daily: pl.LazyFrame, window_end: date) -> pl.LazyFrame:
    inside = pl.col("day").is_between(window_end - WINDOW, window_end, closed="right")
    return (
        daily.filter(inside)
        .group_by("account_id", "user_id", "feature")
        .agg(
            pl.col("uses").sum(),
            pl.when(pl.col("quantity").count() > 0).then(pl.col("quantity").sum()).alias("quantity"),
        )
        .with_columns(pl.lit(window_end).alias("window_end"))
        .select("account_id", "user_id", "feature", "window_end", "uses", "quantity")
        .sort("account_id", "user_id", "feature")
    )
