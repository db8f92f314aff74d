"""What customers get: value-active people, scorecard, features paid for and not used, zombies.

*Active* means value, not log-ins. Who is value-active stands in ``metrics/value_use.py``, the scorecard in
``metrics/scorecard.py``, what accounts pay in ``metrics/current.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from metrics.current import current_mrr, current_plans
from metrics.inputs import Frame, lazy
from metrics.scorecard import scorecard
from metrics.usage import window_ends, window_on
from metrics.value_use import (
    REACHED,
    WINDOW,
    entitled_features,
    feature_rules,
    in_value_use,
    last_value_day,
    value_active,
    value_active_28d,
    with_rules,
)

__all__ = [
    "current_mrr",
    "last_value_day",
    "last_value_window",
    "scorecard",
    "unused_entitlements",
    "value_active",
    "value_active_28d",
    "zombies",
]


def unused_entitlements(
    usage_28d: Frame,
    features: Frame | None,
    entitlements: Frame | None,
    subscriptions: Frame,
    *,
    as_of: date,
    grace_days: int = 30,
) -> pl.DataFrame:
    """Features that an account pays for and nobody there uses enough to get value from.

    One row per paying account and feature that one of its plans entitles: ``account_id``, ``feature``, ``name``,
    ``is_key``, ``uses`` in the last 28 days (0: not touched), ``threshold`` (quantity, or uses where there is
    none, that one person or integration needs in 28 days). No rows before any use was recorded.

    Pass everybody's ``usage_28d``, and the ``subscriptions`` of those who are asked about: whether use is recorded at
    all is seen from everybody's, and who never used anything has no rows there.
    """
    window = window_on(window_ends(usage_28d), as_of)
    current = current_mrr(subscriptions, as_of=as_of, grace_days=grace_days).filter(
        pl.col("standing").is_in(["paying", "late_renewal"])
    )
    plans = current_plans(subscriptions, as_of=as_of, grace_days=grace_days)
    paid_for = entitled_features(plans.join(current, on="account_id", how="semi"), entitlements)
    theirs = lazy(usage_28d, WINDOW).filter(pl.col("account_id").is_in(current["account_id"].implode()))
    used = in_value_use(theirs, features, window).select("account_id", "feature", "uses", "in_value_use")
    rules = feature_rules(features)
    names = (
        rules.select("feature", "name").lazy()
        if rules is not None
        else lazy(None, {"feature": pl.String, "name": pl.String})
    )
    return (
        with_rules(paid_for, features)
        .join(names, on="feature", how="left")
        .join(used, on=["account_id", "feature"], how="left")
        .filter(~pl.col("in_value_use").fill_null(False), pl.lit(window is not None))
        .select("account_id", "feature", "name", "is_key", pl.col("uses").fill_null(0), "threshold")
        .sort("account_id", "feature")
        .collect()
    )


def last_value_window(usage_28d: Frame, features: Frame | None, *, as_of: date) -> pl.DataFrame:
    """The last 28-day window up to ``as_of`` in which each account was value-active: ``account_id``, ``last_value_on``.

    For looking back, where ``value_days`` only knows today's last day. The true last value day lies between this
    window's end and the next one's.
    """
    rows = lazy(usage_28d, WINDOW).filter(pl.col("window_end") <= as_of)
    return (
        with_rules(rows, features)
        .filter(pl.col("is_value"), REACHED)
        .group_by("account_id")
        .agg(last_value_on=pl.col("window_end").max())
        .sort("account_id")
        .collect()
    )


def zombies(
    value_days: Frame,
    subscriptions: Frame,
    *,
    as_of: date,
    silent_days: Sequence[int] = (30, 60, 90),
    new_account_days: int = 30,
    grace_days: int = 30,
) -> pl.DataFrame:
    """Accounts that pay and get nothing from it: nobody there was value-active for a while.

    One row per account silent for at least the first of ``silent_days``: ``account_id``, ``mrr`` (minor units),
    ``days_silent``, ``band`` (the highest of ``silent_days`` reached). Silence is counted from the last day on which
    any of its people or integrations was value-active (so 28 days after a last single use), and for an account
    that never was from the day paying began.

    Left out: accounts that began to pay (again) less than ``new_account_days`` ago, parked and metered-only ones,
    and, looking back, those whose last value day is only known to lie later. Without any value day at all (no use
    recorded yet) there are no zombies.
    """
    days = lazy(value_days, {"account_id": pl.String, "last_value_on": pl.Date})
    known = days.with_columns(later=pl.col("last_value_on").is_null() | (pl.col("last_value_on") > as_of)).collect()
    least = sorted(silent_days)
    began = pl.coalesce("last_value_on", "paying_since")
    return (
        current_mrr(subscriptions, as_of=as_of, grace_days=grace_days)
        .filter(pl.col("standing").is_in(["paying", "late_renewal"]), pl.col("mrr").fill_null(1) > 0)
        .filter(pl.col("paying_since") <= as_of - timedelta(days=new_account_days), pl.lit(not known.is_empty()))
        .join(known, on="account_id", how="left")
        .filter(~pl.col("later").fill_null(False))
        .with_columns(days_silent=(pl.lit(as_of) - began).dt.total_days())
        .filter(pl.col("days_silent") >= least[0])
        .with_columns(
            band=pl.max_horizontal(
                *(pl.when(pl.col("days_silent") >= days).then(pl.lit(days, dtype=pl.Int64)) for days in least)
            )
        )
        .select("account_id", "mrr", "days_silent", "band")
        .sort("account_id")
    )
