"""Keeps, per account, the last day on which someone got value: what tells a silent account from a working one."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from metrics.value_use import last_value_day, value_active_28d
from queries.counted import Counted
from queries.rollups import WINDOW, next_month
from queries.store import Month

CHUNK = timedelta(days=180)
SCHEMA = {"account_id": pl.String, "last_value_on": pl.Date}


def update(
    counted: Counted,
    months: tuple[Month, ...],
    features: pl.DataFrame,
    usage_now: pl.DataFrame,
    before: pl.DataFrame | None,
    *,
    since: date,
    today: date,
) -> pl.DataFrame:
    """Account and last_value_on. ``before`` is right for days before ``since``; None: look at all history.

    Most accounts are value-active today, which ``usage_now`` tells. For the others it looks back from today in chunks,
    and further back only for accounts not found yet, so that memory stays bounded.
    """
    active = _active(usage_now, features, today)
    others = _without(counted.who.accounts.known, active)
    if before is None:
        return pl.concat([active, _look_back(counted, months, features, others, today)]).sort("account_id")
    recent = _between(counted, months, features, since, today, others)
    earlier = before.filter(pl.col("account_id").is_in(_without(others, recent).implode()))
    is_settled = pl.col("last_value_on") < since
    # Rows deleted since: what was their last day is gone, so the one before it has to be found again.
    undone = earlier.filter(~is_settled).get_column("account_id")
    found_again = _look_back(counted, months, features, undone, since - timedelta(days=1))
    return pl.concat([active, recent, earlier.filter(is_settled), found_again]).sort("account_id")


def _active(usage_now: pl.DataFrame, features: pl.DataFrame, today: date) -> pl.DataFrame:
    people = value_active_28d(usage_now, features, window_end=today)
    accounts = people.filter("active").select("account_id").unique()
    return accounts.with_columns(pl.lit(today).alias("last_value_on")).cast(pl.Schema(SCHEMA))


def _without(accounts: pl.Series, found: pl.DataFrame) -> pl.Series:
    return accounts.filter(~accounts.is_in(found.get_column("account_id").implode()))


def _look_back(
    counted: Counted, months: tuple[Month, ...], features: pl.DataFrame, wanted: pl.Series, last: date
) -> pl.DataFrame:
    """The last value-active days up to ``last`` of the accounts that are ``wanted``."""
    found = [pl.DataFrame(schema=SCHEMA)]
    while wanted.len() and months and last >= months[0].month:
        start = last - CHUNK
        found.append(_between(counted, months, features, start, last, wanted))
        wanted = _without(wanted, found[-1])
        last = start - timedelta(days=1)
    return pl.concat(found)


def _between(
    counted: Counted,
    months: tuple[Month, ...],
    features: pl.DataFrame,
    start: date,
    last: date,
    only: pl.Series,
) -> pl.DataFrame:
    """Last value-active days that lie in [start, last]."""
    from_day = start - WINDOW + timedelta(days=1)
    inside = [m for m in months if m.uses and next_month(m.month) > from_day and m.month <= last]
    if not inside or not only.len():
        return pl.DataFrame(schema=SCHEMA)
    daily = pl.concat([counted.of(month) for month in inside])
    wanted = pl.col("day").is_between(from_day, last) & pl.col("account_id").is_in(only.implode())
    days = last_value_day(daily.filter(wanted), features, as_of=last)
    return days.filter(pl.col("last_value_on") >= start).select(pl.col(n).cast(k) for n, k in SCHEMA.items())
