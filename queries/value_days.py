"""Keeps, per account, the last day on which someone got value: what tells a silent account from a working one."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from metrics.value_use import last_value_day
from queries.roll_up import Who, that_counts
from queries.rollups import WINDOW, next_month
from queries.store import Month, Store

CHUNK = timedelta(days=180)
SCHEMA = {"account_id": pl.String, "last_value_on": pl.Date}


def update(
    store: Store,
    months: tuple[Month, ...],
    who: Who,
    features: pl.DataFrame,
    before: pl.DataFrame | None,
    *,
    since: date,
    today: date,
) -> pl.DataFrame:
    """Account and last_value_on. ``before`` is right for days before ``since``; None: look at all history.

    Looks back from today in chunks, and further back only for accounts not found yet, so that memory stays bounded.
    """
    if not months:
        return pl.DataFrame(schema=SCHEMA)
    if before is None:
        return _look_back(store, months, who, features, None, today)
    recent = _between(store, months, who, features, since, today, None)
    others = before.filter(~pl.col("account_id").is_in(recent.get_column("account_id").implode()))
    settled = others.filter(pl.col("last_value_on") < since)
    # Rows deleted since: what was their last day is gone, so the earlier one has to be found again.
    undone = others.filter(pl.col("last_value_on") >= since).get_column("account_id")
    found = [recent, settled]
    if undone.len():
        found.append(_look_back(store, months, who, features, undone, since - timedelta(days=1)))
    return pl.concat(found).sort("account_id")


def _look_back(
    store: Store, months: tuple[Month, ...], who: Who, features: pl.DataFrame, only: pl.Series | None, last: date
) -> pl.DataFrame:
    wanted = who.accounts.known if only is None else only
    found = [pl.DataFrame(schema=SCHEMA)]
    while wanted.len() and last >= months[0].month:
        start = last - CHUNK
        chunk = _between(store, months, who, features, start, last, wanted)
        found.append(chunk)
        wanted = wanted.filter(~wanted.is_in(chunk.get_column("account_id").implode()))
        last = start - timedelta(days=1)
    return pl.concat(found).sort("account_id")


def _between(
    store: Store,
    months: tuple[Month, ...],
    who: Who,
    features: pl.DataFrame,
    start: date,
    last: date,
    only: pl.Series | None,
) -> pl.DataFrame:
    """Last value-active days that lie in [start, last]."""
    from_day = start - WINDOW + timedelta(days=1)
    parts = [that_counts(store, m, who) for m in months if next_month(m.month) > from_day and m.month <= last]
    if not parts:
        return pl.DataFrame(schema=SCHEMA)
    daily = pl.concat(parts).filter(pl.col("day").is_between(from_day, last))
    if only is not None:
        daily = daily.filter(pl.col("account_id").is_in(only.implode()))
    days = last_value_day(daily, features, as_of=last)
    return days.filter(pl.col("last_value_on") >= start).select(pl.col(n).cast(k) for n, k in SCHEMA.items())
