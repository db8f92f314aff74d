"""How long customers stay: the survival curve of paying accounts."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from metrics.inputs import Frame
from metrics.intervals import z_value
from metrics.stretches import HOLDS, NEVER, PAYS, bridge, prepare, spans


def lifetimes(
    subscriptions: Frame,
    *,
    as_of: date,
    unit: str = "account_id",
    accounts: Frame | None = None,
    grace_days: int = 30,
    pause_max_days: int = 90,
) -> pl.DataFrame:
    """How long every account that ever paid has stayed, up to its first leaving.

    One row per account: ``account_id``; ``first_paid``; ``left_on``, the first day it was gone (null: still here);
    ``days`` stayed, to leaving or to ``as_of``; ``churned``; ``plan`` on its first day, the one that pays most.
    A late renewal or a pause of at most ``pause_max_days`` is no leaving; a longer pause is, from the day it became
    too long. A customer who came back later had left all the same: counting them as having stayed would make old
    accounts, who have had time to return, look better than young ones.
    """
    known = prepare(subscriptions, as_of=as_of, unit=unit, accounts=accounts)
    rows = bridge(known, as_of=as_of, grace_days=grace_days)
    paying, held = spans(rows.filter(PAYS)), spans(rows.filter(HOLDS))
    following = pl.when(pl.col("u").shift(-1) == pl.col("u")).then(pl.col("start").shift(-1))
    runs = (
        paying.with_columns(back=following.fill_null(as_of + pl.duration(days=1)))
        .sort("end")
        .join_asof(
            held.select("u", hold_start="start", hold_end="end").sort("hold_start"),
            left_on="end",
            right_on="hold_start",
            by="u",
            check_sortedness=False,
        )
        .with_columns(until=_held_until(pause_max_days))
    )
    gone = pl.when((pl.col("end") < NEVER) & (pl.col("until") < pl.col("back"))).then("until")
    days = pl.coalesce("left_on", pl.lit(as_of)) - pl.col("first_paid")
    first_plan = (
        rows.filter(PAYS)
        .sort("start", "value", "plan", descending=[False, True, False])
        .group_by("u")
        .agg(pl.col("unit", "plan").first())
    )
    return (
        runs.with_columns(gone=gone)
        .group_by("u")
        .agg(first_paid=pl.col("start").min(), left_on=pl.col("gone").min())
        .join(first_plan, on="u")
        .sort("u")
        .select(
            "first_paid",
            "left_on",
            "plan",
            account_id="unit",
            days=days.dt.total_days(),
            churned=pl.col("left_on").is_not_null(),
        )
        .select("account_id", "first_paid", "left_on", "days", "churned", "plan")
    )


def _held_until(pause_max_days: int) -> pl.Expr:
    """The first day on which an account is gone, if nothing follows its paid service: its end, or its pause's."""
    longest = pl.col("end").cast(pl.Int32) + pause_max_days
    paused_to = pl.min_horizontal(pl.col("hold_end").cast(pl.Int32), longest).cast(pl.Date)
    return pl.when(pl.col("hold_end") > pl.col("end")).then(paused_to).otherwise("end")


def lifetime_curve(
    subscriptions: Frame,
    *,
    by: str | None = None,
    as_of: date,
    unit: str = "account_id",
    accounts: Frame | None = None,
    grace_days: int = 30,
    pause_max_days: int = 90,
    level: float = 0.95,
) -> pl.DataFrame:
    """The share of customers still here so many days after they first paid (Kaplan and Meier 1958).

    One row per group and day on which somebody left or is last seen, and day 0: ``[by]``; ``day`` since the first
    paid day; ``at_risk``, accounts followed up to that day; ``churned`` on it; ``censored``, still here, not followed
    further; ``survival`` (0..1); ``low`` and ``high`` from Greenwood's variance on the log(-log) scale, which keeps
    them within 0..1 (null before anybody has left, and once nobody is); ``median``, the day on which the curve
    reaches half (null while it has not), the same in every row of a group.

    ``by``: ``plan`` (on the first day), or any column of ``subscriptions`` or ``accounts``. What counts as leaving:
    :func:`lifetimes`. Unlike "customer lifetime = 1 / churn rate", it does not suppose that the young leave as the
    old do, and it uses accounts that are still here for as long as they have been.

    >>> curve = lifetime_curve(pl.DataFrame({"account_id": ["a", "b"], "subscription_id": ["a", "b"], "plan": "Team",
    ...     "kind": "paid", "mrr": 100, "started_on": [date(2026, 1, 1)] * 2, "ended_on": [date(2026, 1, 11), None]}),
    ...     as_of=date(2026, 6, 1))
    >>> curve.select("day", "at_risk", "churned", "censored", "survival", "median").rows()
    [(0, 2, 0, 0, 1.0, 10), (10, 2, 1, 0, 0.5, 10), (151, 1, 0, 1, 0.5, 10)]
    """
    found = lifetimes(
        subscriptions,
        as_of=as_of,
        unit=unit,
        accounts=accounts,
        grace_days=grace_days,
        pause_max_days=pause_max_days,
    )
    found = found if by in (None, "plan") else _grouped(found, str(by), subscriptions, accounts)
    columns = ("day", "at_risk", "churned", "censored", "survival", "low", "high", "median")
    if by is None:
        return _curve(found, level).select(columns)
    groups = found.partition_by(by, maintain_order=True) if found.height else []
    curves = [_curve(group, level).with_columns(pl.lit(group[by][0]).alias(by)) for group in groups]
    nobody = _curve(found, level).clear().with_columns(found[by].clear())
    return pl.concat([*curves, nobody], how="vertical_relaxed").select(by, *columns).sort(by, "day")


def _grouped(found: pl.DataFrame, by: str, subscriptions: Frame, accounts: Frame | None) -> pl.DataFrame:
    """``found`` with the column ``by`` of the account's first subscription row, else of the account.

    Of rows that began on the same day the first value in order counts, so that the order of rows decides nothing.
    """
    rows = subscriptions.lazy()
    if by in rows.collect_schema():
        values = rows.sort("started_on", by, nulls_last=True).group_by("account_id").agg(pl.col(by).first())
    elif accounts is not None and by in accounts.lazy().collect_schema():
        values = accounts.lazy().group_by("account_id").agg(pl.col(by).first())
    else:
        raise ValueError(f'There is no column "{by}" to group by.\n\nHint: pass accounts= if it is theirs.')
    return found.drop(by, strict=False).join(values.collect(), on="account_id", how="left").sort(by, "account_id")


def _curve(group: pl.DataFrame, level: float) -> pl.DataFrame:
    """The Kaplan-Meier estimate of one group's ``days`` and ``churned``."""
    start = pl.DataFrame({"days": [0], "churned": [None]}, schema={"days": pl.Int64, "churned": pl.Boolean})
    table = (
        pl.concat([group.select("days", "churned"), start])
        .group_by(day="days")
        .agg(
            churned=pl.col("churned").eq(True).sum().cast(pl.Int64),
            censored=pl.col("churned").eq(False).sum().cast(pl.Int64),
        )
        .sort("day")
    )
    left, seen = table["churned"].to_numpy(), (table["churned"] + table["censored"]).to_numpy()
    at_risk = group.height - np.concatenate([[0], np.cumsum(seen)[:-1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1 - np.divide(left, at_risk, out=np.zeros(len(left)), where=at_risk > 0))
        variance = np.cumsum(left / (at_risk * (at_risk - left)))
        spread = z_value(level) * np.sqrt(variance) / np.abs(np.log(survival))
        low, high = survival ** np.exp(spread), survival ** np.exp(-spread)
    halves = table["day"].to_numpy()[survival <= 0.5 + 1e-12]
    known = (survival > 0) & (survival < 1)
    return table.with_columns(
        at_risk=pl.Series(at_risk, dtype=pl.Int64),
        survival=pl.Series(survival),
        low=pl.Series(np.where(known, low, np.nan)).fill_nan(None),
        high=pl.Series(np.where(known, high, np.nan)).fill_nan(None),
        median=pl.lit(int(halves[0]) if len(halves) else None, pl.Int64),
    )
