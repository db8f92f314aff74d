"""Price steps: what the same seats on the same plan cost more than before."""

from __future__ import annotations

import polars as pl

from metrics.inputs import Columns, Frame, lazy

_COLUMNS: Columns = {
    "account_id": pl.String,
    "plan": pl.String,
    "kind": pl.String,
    "mrr": pl.Int64,
    "mrr_local": pl.Int64,
    "currency": pl.String,
    "seats": pl.Int64,
    "started_on": pl.Date,
    "ended_on": pl.Date,
    "end_kind": pl.String,
}
_SAME = ["account_id", "plan", "currency", "by_seat", "on"]


def _paid(subscriptions: Frame) -> pl.LazyFrame:
    """Paid stretches: ``account_id, plan, currency, by_seat, units, worth, start, end`` (null end: it runs)."""
    by_seat = (pl.col("seats") > 0).fill_null(False)
    return (
        lazy(subscriptions, _COLUMNS)
        .filter(pl.col("kind") == "paid", pl.col("end_kind").ne_missing("mistake"))
        .filter((pl.col("ended_on") > pl.col("started_on")).fill_null(True))
        .select(
            "account_id",
            "plan",
            "currency",
            by_seat=by_seat,
            units=pl.when(by_seat).then("seats").otherwise(1),
            worth=pl.coalesce("mrr", "mrr_local"),
            start="started_on",
            end="ended_on",
        )
        .filter(pl.col("worth").is_not_null())
    )


def _steps(paid: pl.LazyFrame) -> pl.LazyFrame:
    """``account_id, on, gain``: where one price followed another on the same plan, what the units then cost more."""
    sums = pl.col("worth", "units").sum()
    after = paid.with_columns(on="start").group_by(_SAME).agg(sums)
    before = paid.with_columns(on="end").group_by(_SAME).agg(sums.name.suffix("_before"))
    rise = pl.col("worth") - pl.col("units") * pl.col("worth_before") / pl.col("units_before")
    return after.join(before, on=_SAME, nulls_equal=True).group_by("account_id", "on").agg(gain=rise.sum())


def price_changes(cases: pl.DataFrame, subscriptions: Frame, *, days: int = 365) -> pl.DataFrame:
    """By how much an account's price rose in the ``days`` before a day, seats and plan being the same.

    One row per row of ``cases`` (``account_id``, ``until``): these and ``price_change`` (0.12: 12% up; below 0: down;
    null where the account paid nothing in that time). Where a paid stretch follows another of the same plan and
    currency on the day that one ended, in the same line or in a new contract, the price per seat is compared (the
    whole price where seats are not known), and weighed by what else the account pays on that day; several steps
    multiply. More seats, another plan, an add-on and an exchange rate are no change of price, and a rise that was
    announced for a renewal that never came does not show here.

    >>> from datetime import date
    >>> rows = pl.DataFrame({"account_id": ["a", "a"], "plan": ["Team", "Team"], "kind": ["paid", "paid"],
    ...     "mrr": [10_000, 13_440], "seats": [10, 12],
    ...     "started_on": [date(2025, 3, 1), date(2026, 3, 1)], "ended_on": [date(2026, 3, 1), None]})
    >>> asked = pl.DataFrame({"account_id": ["a"], "until": [date(2026, 5, 1)]})
    >>> price_changes(asked, rows)["price_change"].round(4).item()
    0.12
    """
    paid, key = _paid(subscriptions), ["account_id", "until"]
    wanted = cases.lazy().select(key).unique().with_columns(since=pl.col("until").dt.offset_by(f"-{days}d"))
    served = (
        wanted.join(paid, on="account_id")
        .filter(pl.col("start") < pl.col("until"), (pl.col("end") > pl.col("since")).fill_null(True))
        .select(key)
        .unique()
    )
    steps = (
        wanted.join(_steps(paid), on="account_id")
        .filter(pl.col("on") >= pl.col("since"), pl.col("on") < pl.col("until"))
        .collect()
        .lazy()
    )
    on_that_day = (
        steps.select("account_id", "on")
        .unique()
        .join(paid, on="account_id")
        .filter(pl.col("start") <= pl.col("on"), (pl.col("end") > pl.col("on")).fill_null(True))
        .group_by("account_id", "on")
        .agg(total=pl.col("worth").sum())
    )
    before = pl.col("total") - pl.col("gain")
    ratios = (
        steps.join(on_that_day, on=["account_id", "on"])
        .with_columns(ratio=pl.when(before > 0).then(pl.col("total") / before))
        .group_by(key)
        .agg(price_change=pl.col("ratio").product() - 1)
    )
    return (
        served.join(ratios, on=key, how="left")
        .with_columns(pl.col("price_change").fill_null(0.0))
        .join(wanted.select(key), on=key, how="right")
        .select(*key, "price_change")
        .sort(key)
        .collect()
    )
