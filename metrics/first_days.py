"""The first time: the day on which an account first used a feature, and on which it first got value."""

from __future__ import annotations

from datetime import date

import polars as pl

from metrics.inputs import Frame, lazy
from metrics.value_use import REACHED, WINDOW, with_rules

_DAILY = {**{name: kind for name, kind in WINDOW.items() if name != "window_end"}, "day": pl.Date}
_KEY = ("account_id", "user_id", "feature")


def first_uses(activity: Frame, *, as_of: date) -> pl.DataFrame:
    """The day on which each account first used each feature, up to ``as_of``.

    One row per account and feature used: ``account_id``, ``feature``, ``first_on``. ``activity`` is daily, and whole
    from the accounts' first day on: a first use before it is not known. Rows with 0 uses are no use.

    >>> daily = pl.LazyFrame({"account_id": ["a", "a"], "feature": ["call", "call"], "uses": [1, 1],
    ...                       "day": [date(2026, 3, 2), date(2026, 3, 1)]})
    >>> first_uses(daily, as_of=date(2026, 3, 31)).rows()
    [('a', 'call', datetime.date(2026, 3, 1))]
    """
    return (
        lazy(activity, _DAILY)
        .filter(pl.col("day") <= as_of, pl.col("uses").fill_null(1) > 0)
        .group_by("account_id", "feature")
        .agg(first_on=pl.col("day").min())
        .sort("account_id", "feature")
        .collect()
    )


def first_value_days(activity: Frame, features: Frame | None, *, as_of: date) -> pl.DataFrame:
    """The first day, up to ``as_of``, on which each account was value-active: ``account_id``, ``first_value_on``.

    One row per account that ever was, within the daily rows given. That is the first day on which, for some value
    feature, the 28 days of one of its people (or of its integration) ending on that day reach the feature's threshold,
    the same rule as ``value_active``: by quantity, or by uses where none was recorded; without a ``features`` source
    every feature counts with threshold 1. As sums only rise on days of use, it is a day of use.

    >>> daily = pl.LazyFrame({"account_id": ["a"] * 3, "feature": ["call"] * 3, "uses": [2, 2, 2],
    ...                       "day": [date(2026, 3, 1), date(2026, 3, 29), date(2026, 4, 2)]})
    >>> rules = pl.LazyFrame({"feature": ["call"], "is_value": [True], "min_28_days": [4.0]})
    >>> first_value_days(daily, rules, as_of=date(2026, 4, 30)).rows()
    [('a', datetime.date(2026, 4, 2))]
    """
    rows = with_rules(lazy(activity, _DAILY).select(*_DAILY), features).filter(
        pl.col("is_value"), pl.col("day") <= as_of
    )
    measured = pl.col("quantity").is_not_null().any()
    return (
        rows.sort(*_KEY, "day")
        .rolling("day", period="28d", group_by=_KEY)
        .agg(
            pl.col("uses").sum(),
            pl.when(measured).then(pl.col("quantity").sum()).alias("quantity"),
            pl.col("threshold").last(),
        )
        .filter(REACHED)
        .group_by("account_id")
        .agg(first_value_on=pl.col("day").min())
        .sort("account_id")
        .collect()
    )
