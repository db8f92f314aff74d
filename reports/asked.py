"""What pages and reports ask of metrics with the settings' numbers: each such question stands in this one place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from metrics.backtest import backtest, last_judged
from metrics.churns import churns
from metrics.current import current_mrr, current_plans
from metrics.health import health, health_history
from metrics.inputs import Frame
from metrics.measures import measures
from metrics.month_ends import month_of, months_later
from metrics.revenue import account_movements
from metrics.value import unused_entitlements
from metrics.value_use import entitled_features
from queries.frames import Frames
from settings import Settings

BACKTEST_MONTHS = 12
_TREND_MONTHS = 3


def unused_of(frames: Frames, settings: Settings, account_id: str) -> pl.DataFrame:
    """What one account pays for and gets no value from: the frame of ``metrics.value.unused_entitlements``."""
    return unused_entitlements(
        frames.usage_28d,
        frames.features,
        frames.entitlements,
        frames.subscriptions.filter(pl.col("account_id") == account_id),
        as_of=frames.as_of,
        grace_days=settings.revenue.grace_days,
    )


def offers_known(frames: Frames, settings: Settings, account_id: str) -> bool:
    """Whether it is known what one account pays for, and whether anybody uses anything.

    Only then does no row of ``unused_of`` mean that everything paid for is in use.
    """
    mine = frames.subscriptions.filter(pl.col("account_id") == account_id)
    how: dict[str, Any] = {"as_of": frames.as_of, "grace_days": settings.revenue.grace_days}
    paying = current_mrr(mine, **how).filter(pl.col("standing").is_in(["paying", "late_renewal"]))
    plans = current_plans(mine, **how).join(paying, on="account_id", how="semi")
    used = frames.usage_28d.select("account_id").limit(1)
    return all(rows.collect().height > 0 for rows in (entitled_features(plans, frames.entitlements), used))


def _health_settings(settings: Settings) -> dict[str, Any]:
    """Weights, bands and weights by segment, as health takes them."""
    held = settings.health
    return {"weights": _named(held.weights), "bands": _named(held.bands), "segment_weights": segment_weights(settings)}


def _named(numbers: Mapping[Any, float]) -> dict[str, float]:
    return {str(name): number for name, number in numbers.items()}


def segment_weights(settings: Settings) -> dict[str, dict[str, float]]:
    """The weights of the segments that have weights of their own; every group is named."""
    return {name: _named(own) for name, own in settings.health.segments.items()}


def health_of(frames: Frames, settings: Settings, overrides: Frame | None = None) -> pl.DataFrame:
    """Health of every account that pays as of the snapshot: the frame of ``metrics.health.health``."""
    found = measures(frames.mapping(), as_of=frames.as_of, grace_days=settings.revenue.grace_days)
    return health(found, overrides=overrides, as_of=frames.as_of, **_health_settings(settings))


def health_history_of(
    frames: Frames, settings: Settings, *, months: int, until: date | None = None, overrides: Frame | None = None
) -> pl.DataFrame:
    """Health at the last ``months`` month ends (up to ``until``): the frame of ``metrics.health.health_history``."""
    return health_history(
        frames.mapping(),
        overrides=overrides,
        as_of=min(until or frames.as_of, frames.as_of),
        months=months,
        grace_days=settings.revenue.grace_days,
        **_health_settings(settings),
    )


def backtest_of(frames: Frames, settings: Settings, *, months: int = BACKTEST_MONTHS) -> pl.DataFrame:
    """Past health beside who left then, over the last ``months`` month ends that are settled.

    The frame of ``metrics.backtest.backtest``. Heavy: ask for it when somebody wants to see it.
    """
    as_of, grace = frames.as_of, settings.revenue.grace_days
    history = health_history_of(frames, settings, months=months, until=last_judged(as_of=as_of, grace_days=grace))
    first = months_later(month_of(last_judged(as_of=as_of, grace_days=grace)), 1 - months - _TREND_MONTHS)
    moved = account_movements(
        frames.subscriptions,
        since=first,
        until=as_of,
        as_of=as_of,
        grace_days=grace,
        pause_max_days=settings.revenue.pause_max_days,
        fx_rates=None if "fx_rates" in frames.missing else frames.fx_rates,
    )
    pause = settings.revenue.pause_max_days
    left = churns(moved, frames.subscriptions, as_of=as_of, grace_days=grace, pause_max_days=pause)
    return backtest(history, moved, left, frames.subscriptions, as_of=as_of, grace_days=grace)
