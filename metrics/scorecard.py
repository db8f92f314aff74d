"""What each account gets from the product, beside accounts that pay about as much."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from metrics.as_of import as_of_view
from metrics.current import current_mrr, current_plans
from metrics.inputs import Frame, Frames, is_month_end, lazy, source, wall_times
from metrics.peers import peer_percentiles
from metrics.usage import UsageSummary, summarise_usage, window_ends, window_on
from metrics.value_use import (
    WINDOW,
    entitled_features,
    feature_rules,
    in_value_use,
    value_active_28d,
)

_COUNTS = ("breadth", "depth", "reach")
_PEOPLE = {
    "user_id": pl.String,
    "account_id": pl.String,
    "is_internal": pl.Boolean,
    "joined_at": pl.Date,
    "left_at": pl.Date,
}
_REACH = {"account_id": pl.String, "month": pl.Date, "end_customers": pl.Int64}


def last_full_month(as_of: date) -> date:
    """The first day of the last month that was over at the end of ``as_of``.

    >>> last_full_month(date(2026, 3, 30)), last_full_month(date(2026, 3, 31))
    (datetime.date(2026, 2, 1), datetime.date(2026, 3, 1))
    """
    first = as_of.replace(day=1)
    return first if is_month_end(as_of) else (first - timedelta(days=1)).replace(day=1)


def value_counts(current: pl.DataFrame, usage: UsageSummary, reach: Frame | None, *, as_of: date) -> pl.DataFrame:
    """Breadth, depth and reach of the accounts of ``current`` (as from ``current_mrr``), with their percentiles.

    One row per row of ``current``, its columns plus ``breadth``, ``depth``, ``reach`` (counts; null where nothing
    was recorded by then), ``<count>_percentile`` (0..100; null where nothing is paid, parked accounts included,
    or the count is null) and ``<count>_peers``, the number of accounts behind it.
    """
    window = window_on(usage.ends, as_of)
    recent = usage.until(window)
    used = usage.at(window)
    silence = pl.lit(None if window is None else 0, dtype=pl.Int64)
    named = bool(recent["named"].any())
    month = last_full_month(as_of)
    reached = lazy(reach, _REACH).filter(pl.col("month") == month).group_by("account_id")
    counts = (
        current.join(used.select("account_id", "breadth", "depth", "active"), on="account_id", how="left")
        .join(reached.agg(reach=pl.col("end_customers").max()).collect(), on="account_id", how="left")
        .with_columns(
            breadth=pl.col("breadth").fill_null(silence),
            depth=pl.col("depth").fill_null(silence) if named else pl.lit(None, dtype=pl.Int64),
            active=pl.lit(None, dtype=pl.Boolean) if window is None else pl.col("active").fill_null(False),
        )
    )
    using = pl.col("standing").is_in(["paying", "late_renewal"])
    return peer_percentiles(counts, _COUNTS, pay=pl.when(using).then(_pay()).otherwise(0))


def _pay() -> pl.Expr:
    """What an account pays a month, metered use included."""
    return pl.col("mrr").fill_null(0) + pl.col("usage_mrr").fill_null(0)


def _breadth_share(entitled: pl.LazyFrame, used: pl.LazyFrame, features: Frame | None, known: bool) -> pl.DataFrame:
    """Per account: key features entitled, and those of them in value use."""
    rules = feature_rules(features)
    key = (
        entitled
        if rules is None
        else entitled.join(rules.lazy().filter("is_key").select("feature"), on="feature", how="semi")
    )
    in_use = pl.col("in_value_use").fill_null(False).sum()
    return (
        key.join(used, on=["account_id", "feature"], how="left")
        .group_by("account_id")
        .agg(breadth_of=pl.len().cast(pl.Int64), share=in_use if known else pl.lit(None, dtype=pl.UInt32))
        .select("account_id", "breadth_of", breadth_share=pl.col("share") / pl.col("breadth_of"))
        .collect()
    )


def _depth_share(usage_28d: Frame, features: Frame | None, people: pl.LazyFrame, window: date | None) -> pl.DataFrame:
    """Per account: people there now, and the share of them that is value-active."""
    there = people.filter(pl.col("left_at").is_null(), pl.col("is_internal").fill_null(False).not_())
    if window is None:
        active = pl.LazyFrame(schema={"account_id": pl.String, "user_id": pl.String, "active": pl.Boolean})
        share = pl.lit(None, dtype=pl.Float64)
    else:
        active = value_active_28d(usage_28d, features, window_end=window).lazy()
        share = pl.col("active").fill_null(False).mean()
    return (
        there.join(active, on=["account_id", "user_id"], how="left")
        .group_by("account_id")
        .agg(depth_of=pl.len().cast(pl.Int64), depth_share=share)
        .collect()
    )


def depth_there(card: Mapping[str, Any]) -> int | None:
    """Of the value-active people of a row of ``scorecard``, how many are still there: those of its ``depth_of``.

    ``depth`` counts who left in the 28 days, too. Where no source lists people, all of ``depth``.

    >>> depth_there({"depth": 7, "depth_of": 6, "depth_share": 5 / 6})
    5
    """
    active: int | None = card["depth"]
    share: float | None = card["depth_share"]
    return active if active is None or share is None else round(share * card["depth_of"])


def scorecard(frames: Frames, *, as_of: date, grace_days: int = 30) -> pl.DataFrame:
    """What each account gets from the product, and where it stands among accounts that pay about as much.

    One row per account served on ``as_of`` or listed in ``accounts``: ``account_id``, ``plan``, ``standing``,
    ``mrr`` and ``usage_mrr`` (minor units); ``value_active`` (a person or an integration is);

    - ``breadth``: key features in value use by somebody; ``breadth_of``: key features its plans entitle;
      ``breadth_share``: those of them in value use;
    - ``depth``: value-active people; ``depth_of``: people there now; ``depth_share``: those of them value-active
      (``depth_there`` of them);
    - ``reach``: end customers in the last full month (no share: there is no whole to be a share of);
    - ``<count>_per_100``: per 100 of what it pays a month, metered use included. To read, never to rank:
      dividing by price only ranks by price;
    - ``<count>_percentile`` (0..100) of the count among ``<count>_peers`` accounts: the 30 on the same plan nearest
      in log MRR and all that tie with the last of them; fewer than 10: nearest over all plans.

    Null is not known: no source, no use recorded by anybody yet, nothing paid. An account that pays and does
    not use the product has 0. Log-ins and our own staff are not counted, integrations are (not in ``depth``). Without
    ``features`` every feature counts; without ``entitlements`` or ``people`` the share is null. Between month ends
    a past day takes the 28 days to the last month end.

    Reads ``accounts``, ``subscriptions``, ``people``, ``features``, ``entitlements``, ``reach``, ``usage_28d`` of
    ``frames``, as they stood on ``as_of``.
    """
    view = as_of_view({name: wall_times(frame) for name, frame in frames.items()}, as_of)
    features, all_use = view.get("features"), source(view, "usage_28d", WINDOW)
    window = window_on(window_ends(all_use), as_of)
    usage_28d = all_use.filter(pl.col("window_end") == pl.lit(window, dtype=pl.Date)).collect()
    subscriptions = source(view, "subscriptions", {})
    current = _with_everyone(view, current_mrr(subscriptions, as_of=as_of, grace_days=grace_days))
    usage = summarise_usage(usage_28d, features, days=[as_of])
    if not usage.at(window)["named"].any():
        # Nobody is named this time: whether people ever are is for the windows before to say.
        usage = summarise_usage(all_use, features, days=[as_of])
    counts = value_counts(current, usage, view.get("reach"), as_of=as_of)
    plans = current_plans(subscriptions, as_of=as_of, grace_days=grace_days)
    used = in_value_use(usage_28d, features, window)
    breadth = _breadth_share(entitled_features(plans, view.get("entitlements")), used, features, window is not None)
    depth = _depth_share(usage_28d, features, source(view, "people", _PEOPLE), window)
    per_100 = [pl.when(_pay() > 0).then(pl.col(name) * 10_000 / _pay()).alias(f"{name}_per_100") for name in _COUNTS]
    return (
        counts.join(breadth, on="account_id", how="left")
        .join(depth, on="account_id", how="left")
        .with_columns(*per_100)
        .rename({"active": "value_active"})
        .select(
            *("account_id", "plan", "standing", "mrr", "usage_mrr", "value_active"),
            *("breadth", "breadth_of", "breadth_share", "depth", "depth_of", "depth_share", "reach"),
            *(f"{name}_{what}" for what in ("per_100", "percentile", "peers") for name in _COUNTS),
        )
        .sort("account_id")
    )


def _with_everyone(view: Frames, current: pl.DataFrame) -> pl.DataFrame:
    """``current`` and the accounts that nothing serves, which pay 0."""
    names = source(view, "accounts", {"account_id": pl.String}).select("account_id").unique().collect()
    rest = names.join(current, on="account_id", how="anti")
    nothing = rest.with_columns(
        mrr=pl.lit(0, dtype=pl.Int64), usage_mrr=pl.lit(0, dtype=pl.Int64), leaving=pl.lit(False)
    )
    return pl.concat([current, nothing], how="diagonal")
