"""Did health know? Past bands and measures of every account beside whether it left in the 90 days that followed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from metrics.bootstrap import Floats, bounds, resampled_sums
from metrics.inputs import Frame, is_month_end, lazy, month_end, month_end_before
from metrics.intervals import FEWEST, verdict, wilson
from metrics.measures import GROUPS, MEASURES

DAYS = 90
"""How far ahead health is asked to see."""

ALL, COULD_END = "all", "could end"
_TREND_MONTHS = 3
_CONTRACTS = {
    "account_id": pl.String,
    "kind": pl.String,
    "mrr": pl.Int64,
    "billing_months": pl.Int64,
    "started_on": pl.Date,
    "ended_on": pl.Date,
    "renews_on": pl.Date,
    "end_kind": pl.String,
}


def judged_on(end: date, *, days: int = DAYS, grace_days: int = 30) -> date:
    """The day from which it is settled who left in the ``days`` after ``end``.

    That is not yet the case when those days are over: an end without a renewal may be a late renewal for
    ``grace_days`` more, and who comes back within the month has not left.

    >>> judged_on(date(2026, 1, 31))
    datetime.date(2026, 6, 1)
    """
    over = end + timedelta(days=days)
    return max(over + timedelta(days=grace_days), month_end(over)) + timedelta(days=1)


def last_judged(*, as_of: date, days: int = DAYS, grace_days: int = 30) -> date:
    """The last month end of which ``as_of`` knows who left in the ``days`` after it: history is needed up to it.

    >>> last_judged(as_of=date(2026, 6, 1)), last_judged(as_of=date(2026, 5, 31))
    (datetime.date(2026, 1, 31), datetime.date(2025, 12, 31))
    """
    end = as_of if is_month_end(as_of) else month_end_before(as_of)
    while judged_on(end, days=days, grace_days=grace_days) > as_of:
        end = month_end_before(end)
    return end


def _paying(moved: Frame) -> pl.DataFrame:
    """``account_id, month_end, mrr_trend`` of everybody who paid at the close of a month.

    The trend is what the last three months did to MRR, exchange rates apart, as a share of what it was before them;
    a month between in which the account was away did nothing to it.
    """
    change = pl.col("closing") - pl.col("fx") - pl.col("opening")
    rows = (
        moved.lazy()
        .group_by("account_id", "month")
        .agg(
            pl.col("opening").sum(),
            change=change.sum(),
            pays=(pl.col("closing_status") == "paying").any(),
        )
        .collect()
    )
    found = rows.filter("pays").select("account_id", "month", "change")
    for back in range(1, _TREND_MONTHS):
        earlier = rows.select(
            "account_id", pl.col("month").dt.offset_by(f"{back}mo"), earlier="change", before="opening"
        )
        found = found.join(earlier, on=["account_id", "month"], how="left", suffix="_")
        found = found.with_columns(change=pl.col("change") + pl.col("earlier").fill_null(0)).drop("earlier")
        found = found.rename({"before": f"before_{back}"})
    before = pl.col(f"before_{_TREND_MONTHS - 1}")
    return found.select(
        "account_id",
        month_end=pl.col("month").dt.month_end(),
        mrr_trend=pl.when(before > 0).then(pl.col("change") / before),
    )


def _could_end(subscriptions: Frame, ends: list[date], days: int) -> pl.DataFrame:
    """``account_id, month_end, could_end`` of accounts with a paid stretch on a month end.

    A renewal date rolls on with each term, so the one on record is rolled back (or on) by ``billing_months`` to the
    first after the month end. Null where there is neither a date that tells nor a term.
    """
    on, term, known = pl.col("month_end"), pl.col("billing_months"), pl.col("renews_on")
    passed = (on.dt.year().cast(pl.Int64) - known.dt.year()) * 12 + on.dt.month().cast(pl.Int64) - known.dt.month()
    rolled = known.dt.offset_by(pl.format("{}mo", passed + term - passed % term))
    within = pl.col("next") <= on + pl.duration(days=days)
    return (
        lazy(subscriptions, _CONTRACTS)
        .with_columns(
            pl.col("started_on", "ended_on", "renews_on").cast(pl.Date), pl.col("billing_months").cast(pl.Int64)
        )
        .filter(pl.col("kind").is_in(["paid", "parked"]), pl.col("mrr") > 0, pl.col("end_kind").ne_missing("mistake"))
        .join(pl.LazyFrame({"month_end": ends}, schema={"month_end": pl.Date}), how="cross")
        .filter(pl.col("started_on") <= on, (pl.col("ended_on") > on).fill_null(True))
        .with_columns(next=pl.when(term > 0).then(rolled).when(known > on).then(known))
        .group_by("account_id", "month_end")
        .agg(could_end=pl.coalesce(within, pl.when(term <= 3).then(True)).any(ignore_nulls=False))
        .collect()
    )


def backtest(
    history: Frame,
    account_movements: Frame,
    churns: Frame,
    subscriptions: Frame,
    *,
    as_of: date,
    days: int = DAYS,
    grace_days: int = 30,
) -> pl.DataFrame:
    """What was known of each account at past month ends, and whether it left within ``days`` after.

    One row per month end of ``history`` (from ``health_history``) that is settled on ``as_of``, and account that
    paid then and was not already leaving: ``month_end``, ``account_id``; ``band``, ``score``, the groups and the
    measures as they were; ``mrr_trend``, what the three months up to then did to MRR as a share of it, exchange
    rates apart (null for those who did not pay before); ``churned``: service ended within the ``days``, whenever that
    was asked for; ``could_end``: a paid line comes up for renewal within them (null: no date on record, and no
    term; a renewal date on record is rolled back by ``billing_months``).

    A month end is settled when its ``days``, the ``grace_days`` in which a late renewal would undo an end, and the
    month in which they end are over. Nothing that happens later changes its rows; records corrected later (a
    stretch that was a mistake) do, as they do in movements. Overrides do not count: it is the score that is tried.
    Left out: paused accounts, and those that asked to leave before the month end. ``churns`` and
    ``account_movements`` (from three months before the first month end on) are those of the same name.
    """
    end = pl.col("month_end")
    known = history.lazy().filter(
        pl.col("band") != "leaving", end <= last_judged(as_of=as_of, days=days, grace_days=grace_days)
    )
    rows = known.select("month_end", "account_id", "band", "score", *GROUPS, *MEASURES).collect()
    left = (
        churns.lazy()
        .select("account_id", left_on=pl.coalesce("ended_on", pl.col("month").dt.month_end()))
        .sort("left_on")
        .collect()
    )
    next_left = rows.select("account_id", "month_end").sort("month_end")
    next_left = next_left.join_asof(
        left,
        left_on="month_end",
        right_on="left_on",
        by="account_id",
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    keys = ["month_end", "account_id"]
    return (
        rows.join(_paying(account_movements), on=keys)
        .join(next_left, on=keys)
        .join(_could_end(subscriptions, rows["month_end"].unique().to_list(), days), on=keys, how="left")
        .with_columns(churned=(pl.col("left_on") <= end + pl.duration(days=days)).fill_null(False))
        .drop("left_on")
        .sort(keys)
    )


def contracts(tried: Frame) -> list[tuple[str, pl.DataFrame]]:
    """The rows of ``backtest`` twice: all, and those whose contract could end in the time."""
    rows = tried.lazy().collect()
    return [(ALL, rows), (COULD_END, rows.filter("could_end"))]


def band_outcomes(tried: Frame, *, against: str = "green", level: float = 0.95, seed: int = 0) -> pl.DataFrame:
    """How often accounts of each band left within the time, from ``backtest``.

    One row per ``contracts`` (``all``, or those that ``could end`` in the time) and ``band``, the one that left most
    often first: ``account_months``, ``accounts`` in them, ``churned`` (account-months), ``rate`` (0..1), ``low`` and
    ``high``; ``above``, how much higher than the rate of the band ``against``, with ``above_low``, ``above_high`` and
    ``verdict`` (null for that band itself; ``too few`` under 30 accounts in either); ``enough``, 30 accounts or more.

    One account stands in several month ends, and one that leaves in up to three of them. So intervals come from
    resampling whole accounts (``resampled_sums``), always the same draws. A rate of 0 or 1, which every resample
    repeats, has Wilson's interval for the number of accounts.
    """
    parts = [
        _of_bands(rows, against, level, seed).with_columns(contracts=pl.lit(name))
        for name, rows in contracts(tried)
        if rows.height
    ]
    shape = {name: kind for name, kind in _OUTCOME.items() if name != "contracts"}
    parts = parts or [pl.DataFrame(schema={**shape, "contracts": pl.String})]
    return pl.concat(parts).select(_OUTCOME.keys()).sort("contracts", "rate", "band", descending=[False, True, False])


_OUTCOME: dict[str, Any] = {
    "contracts": pl.String,
    "band": pl.String,
    "account_months": pl.Int64,
    "accounts": pl.Int64,
    "churned": pl.Int64,
    "rate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "above": pl.Float64,
    "above_low": pl.Float64,
    "above_high": pl.Float64,
    "verdict": pl.String,
    "enough": pl.Boolean,
}


def _of_bands(rows: pl.DataFrame, against: str, level: float, seed: int) -> pl.DataFrame:
    """The bands of some rows of ``backtest``."""
    bands = rows["band"].unique().sort().to_list()
    per_account = (
        rows.group_by("account_id")
        .agg(
            *((pl.col("band") == band).sum().alias(f"n {band}") for band in bands),
            *(((pl.col("band") == band) & pl.col("churned")).sum().alias(f"left {band}") for band in bands),
        )
        .sort("account_id")
        .drop("account_id")
    )
    sums = resampled_sums(per_account.to_numpy().astype(np.float64), seed=seed)
    size = len(bands)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = sums[:, size:] / sums[:, :size]
    counted = rows.group_by("band").agg(
        account_months=pl.len().cast(pl.Int64),
        accounts=pl.col("account_id").n_unique().cast(pl.Int64),
        churned=pl.col("churned").sum().cast(pl.Int64),
    )
    counted = counted.sort("band").with_columns(rate=pl.col("churned") / pl.col("account_months"))
    shown = counted.with_columns(
        **_interval(counted, drawn, level),
        enough=pl.col("accounts") >= FEWEST,
    )
    return shown.with_columns(**_differences(shown, drawn, against, level))


def _interval(counted: pl.DataFrame, drawn: Floats, level: float) -> dict[str, pl.Expr | pl.Series]:
    """``low`` and ``high`` of each band's rate."""
    found = [known_bounds(drawn[:, place], level=level) for place in range(counted.height)]
    same = (pl.col("churned") == 0) | (pl.col("churned") == pl.col("account_months"))
    exact = wilson(pl.col("rate") * pl.col("accounts"), pl.col("accounts"), level=level)
    return {
        name: pl.when(same)
        .then(exact[place])
        .otherwise(pl.lit(pl.Series([pair[place] for pair in found], dtype=pl.Float64)))
        for place, name in enumerate(("low", "high"))
    }


def _differences(shown: pl.DataFrame, drawn: Floats, against: str, level: float) -> dict[str, pl.Series]:
    """``above`` with its bounds and verdict: each band against one of them, on the same resampled accounts."""
    names = shown["band"].to_list()
    nothing = (None, None, None, None)
    if against not in names:
        found: list[tuple[Any, ...]] = [nothing] * len(names)
    else:
        base = names.index(against)
        rates, accounts = shown["rate"].to_list(), shown["accounts"].to_list()
        found = []
        for place in range(len(names)):
            low, high = known_bounds(drawn[:, place] - drawn[:, base], level=level)
            said = verdict(low, high, accounts[place], accounts[base])
            found.append(nothing if place == base else (rates[place] - rates[base], low, high, said))
    kinds = (pl.Float64, pl.Float64, pl.Float64, pl.String)
    columns = ("above", "above_low", "above_high", "verdict")
    return {
        name: pl.Series(name, [row[place] for row in found], dtype=kind)
        for place, (name, kind) in enumerate(zip(columns, kinds, strict=True))
    }


def known_bounds(samples: Floats, *, level: float) -> tuple[float | None, float | None]:
    """The percentile interval of the resamples that have a value; none when fewer than half have."""
    known = samples[np.isfinite(samples)]
    if 2 * known.size < samples.size or not known.size:
        return None, None
    low, high = bounds(known[:, None], level=level)
    return float(low[0]), float(high[0])
