"""Account health: a score a CSM can defend, its history without hindsight, and what a change is made of."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from metrics.inputs import Frame, Frames, lazy, month_ends
from metrics.measures import GROUPS, MEASURES, measures, needed, prepare
from metrics.overrides import band, counting
from metrics.points import Numbers, changes, group_means, scores

__all__ = ["BANDS", "GROUPS", "MEASURES", "WEIGHTS", "explain_change", "health", "health_history", "measures"]

BANDS: Mapping[str, float] = {"green": 70, "yellow": 40, "red": 0}
"""The least score of each band."""

WEIGHTS: Mapping[str, float] = {
    "value": 30,
    "momentum": 25,
    "voice": 15,
    "support": 10,
    "relationship": 15,
    "onboarding": 5,
}
"""Weights of the groups where settings give none."""

_PLACE = np.array([place for place, names in enumerate(GROUPS.values()) for _ in names], dtype=np.intp)
# The least share of the weight that must be known for a score.
_ENOUGH = 0.5


def _check(weights: Mapping[str, float]) -> None:
    """ValueError when weights cannot be used."""
    unknown = sorted(set(weights) - set(GROUPS))
    if unknown:
        raise ValueError(f'"{unknown[0]}" is no group of health measures.\n\nHint: the groups are {", ".join(GROUPS)}.')
    total = sum(weights.values())
    if total <= 0 or min(weights.values()) < 0:
        raise ValueError("Weights must not be negative, and their sum must be above 0.\n\nHint: write for example 30.")
    if weights.get("value", 0) + weights.get("momentum", 0) > 0.6 * total * (1 + 1e-9):
        raise ValueError("value and momentum together may hold at most 60% of the weight.\n\nHint: lower one of them.")


def _weights(
    rows: pl.DataFrame, weights: Mapping[str, float], by_segment: Mapping[str, Mapping[str, float]]
) -> Numbers:
    """Accounts x groups: the weights of each account's segment; onboarding weighs nothing once it is over."""
    for some in (weights, *by_segment.values()):
        _check(some)
    table = np.tile([float(weights.get(group, 0)) for group in GROUPS], (rows.height, 1))
    for segment, own in by_segment.items():
        table[rows["segment"].eq_missing(segment).to_numpy()] = [float(own.get(group, 0)) for group in GROUPS]
    over = rows["in_onboarding"].eq_missing(False).to_numpy()
    table[over, list(GROUPS).index("onboarding")] = 0.0
    return table


def _numbers(rows: pl.DataFrame, names: tuple[str, ...]) -> Numbers:
    """``names`` of ``rows`` as numbers, NaN where null."""
    return rows.select(pl.col(names).cast(pl.Float64)).to_numpy().astype(np.float64, copy=True)


def health(
    measures: Frame,
    weights: Mapping[str, float],
    overrides: Frame | None = None,
    *,
    as_of: date,
    bands: Mapping[str, float] = BANDS,
    segment_weights: Mapping[str, Mapping[str, float]] | None = None,
) -> pl.DataFrame:
    """How healthy each account is, from what is known about it on ``as_of``.

    One row per account of ``measures`` (0..100 each or null; a measure that the frame lacks is null): ``account_id``;
    ``score``, 0..100, higher is healthier: the mean of the groups present by their ``weights``, each the mean of
    its measures present; ``band``, the one of ``bands`` whose least score is reached (a boundary belongs to the upper
    band), ``leaving`` when a cancellation is requested, whatever the score, and ``unknown`` without a score;
    ``coverage``, the share of the weight that is known (0..1). Under 0.5 the score is null: not enough known. A
    missing measure counts neither as good nor as bad: the others speak for it. Then one column per group, one per
    measure, and ``weight_<group>`` as used (of ``segment_weights`` where they name the account's segment;
    onboarding weighs nothing once it is over).

    ``overrides`` hold ``account_id``, ``score``, ``author``, ``reason``, ``made_on`` and ``expires_on`` (the first day
    it no longer counts); the newest that counts stands in ``override_score``, ``override_by``, ``override_reason``,
    ``override_until``. It never changes ``score`` and ``band``; ``shown_score`` and ``shown_band`` are the override's
    where there is one.

    >>> rows = pl.DataFrame({"account_id": ["a"], "breadth_percentile": [80.0], "recency": [100.0], "nps": [40.0]})
    >>> health(rows, WEIGHTS, as_of=date(2026, 3, 31)).select("score", "band", "coverage").row(0)
    (78.57142857142857, 'green', 0.7)
    """
    known = _score(_rows(measures, ()), weights, segment_weights or {})
    return _show(known, counting(overrides, as_of), bands, ["account_id"])


def _rows(measures: Frame, keys: tuple[str, ...]) -> pl.DataFrame:
    """The rows of ``measures`` as numbers within 0..100, sorted by ``keys`` and account; what it lacks is null."""
    expected = {"account_id": pl.String, "segment": pl.String, "leaving": pl.Boolean, "in_onboarding": pl.Boolean}
    return (
        lazy(measures, {**expected, **dict.fromkeys(MEASURES, pl.Float64)})
        .select(*keys, *expected, pl.col(MEASURES).cast(pl.Float64).fill_nan(None).clip(0.0, 100.0))
        .sort(*keys, "account_id")
        .collect()
    )


def _score(
    rows: pl.DataFrame, weights: Mapping[str, float], segment_weights: Mapping[str, Mapping[str, float]]
) -> pl.DataFrame:
    """``rows`` with score, coverage, groups and the weights used; each row by itself."""
    values, weight = _numbers(rows, MEASURES), _weights(rows, weights, segment_weights)
    groups = group_means(values, _PLACE, len(GROUPS))
    with np.errstate(divide="ignore", invalid="ignore"):
        coverage = (weight * ~np.isnan(groups)).sum(axis=1) / weight.sum(axis=1)
    computed: dict[str, Any] = {
        "score": np.where(coverage >= _ENOUGH - 1e-12, scores(groups, weight), np.nan),
        "coverage": coverage,
        **{name: groups[:, place] for place, name in enumerate(GROUPS)},
        **{f"weight_{name}": weight[:, place] for place, name in enumerate(GROUPS)},
    }
    return rows.with_columns(pl.Series(name, numbers, nan_to_null=True) for name, numbers in computed.items())


def _show(scored: pl.DataFrame, overrides: pl.DataFrame, bands: Mapping[str, float], keys: list[str]) -> pl.DataFrame:
    """The columns of ``health``: ``scored`` with bands, and the override of each of ``keys`` beside them."""
    return (
        scored.join(overrides, on=keys, how="left", maintain_order="left")
        .with_columns(shown_score=pl.coalesce("override_score", "score"))
        .with_columns(band=band("score", bands), shown_band=band("shown_score", bands))
        .select(
            *(key for key in keys if key != "account_id"),
            *("account_id", "score", "band", "coverage", *GROUPS, *MEASURES),
            *(f"weight_{name}" for name in GROUPS),
            *("override_score", "override_by", "override_reason", "override_until", "shown_score", "shown_band"),
        )
    )


def health_history(
    frames: Frames,
    weights: Mapping[str, float],
    overrides: Frame | None = None,
    *,
    as_of: date,
    months: int = 12,
    bands: Mapping[str, float] = BANDS,
    segment_weights: Mapping[str, Mapping[str, float]] | None = None,
    grace_days: int = 30,
    onboarding_days: int = 90,
) -> pl.DataFrame:
    """Health as of the end of each of the last ``months`` months that are over, from what was known then.

    One row per month end and account that paid (or was paused or parked) on it: ``month_end``, and the columns of
    ``health``. Rows added later, and fields filled later, never change an earlier score. Weights, bands, thresholds,
    segments and roles are today's, and late payments stand in no past month (see ``measures``). An override
    stands in the months in which it counted.
    """
    days = month_ends(until=as_of, months=max(months, 1))
    ready = needed(frames)
    small = [name for name in ready if name != "usage_28d"]
    ready.update(zip(small, (rows.lazy() for rows in pl.collect_all([ready[name] for name in small])), strict=True))
    prepared = prepare(ready, days=days)
    ready.pop("usage_28d", None)
    for name in ("touches", "nps"):
        ready.pop(name, None)

    def month(end: date) -> pl.DataFrame:
        given = {"grace_days": grace_days, "onboarding_days": onboarding_days}
        known = measures(ready, as_of=end, dated_only=True, prepared=prepared, **given)
        return known.with_columns(month_end=pl.lit(end))

    # A month is many small steps, most of which keep one core busy: two months at a time take two thirds of the time.
    with ThreadPoolExecutor(max_workers=2) as pool:
        past = pl.concat(pool.map(month, days))
    counted = pl.concat(counting(overrides, day).with_columns(month_end=pl.lit(day)) for day in days)
    known = _score(_rows(past, ("month_end",)), weights, segment_weights or {})
    return _show(known, counted, bands, ["month_end", "account_id"])


# Its absence is an observation: nothing is owed. Coming and going is therefore the customer's doing.
_OBSERVED_BY_ABSENCE = ("past_due",)


def _pairs(before: Frame, after: Frame) -> pl.DataFrame:
    return before.lazy().collect().join(after.lazy().collect(), on="account_id", suffix="_after").sort("account_id")


def explain_change(before: Frame, after: Frame) -> pl.DataFrame:
    """What the change between two health scores of an account is made of.

    ``before`` and ``after`` come from ``health``, or are two months of ``health_history``. One row per account in
    both, measure and cause: ``account_id``, ``measure``, ``points`` (of the score; down is negative), ``because``:
    ``behaviour`` (the measure moved), ``missing data`` (it appeared or disappeared, so that others weigh more or
    less), ``weights`` (settings changed, or onboarding ended), ``override``. The points of an account add up to the
    change of its ``shown_score``, exactly.

    An account whose score became known, or unknown, has no change to explain: one row with measure ``coverage``,
    null points, ``missing data``; where overrides stand in for the score, one row ``override``.
    """
    both = _pairs(before, after)
    scored = both.filter(pl.col("score").is_not_null(), pl.col("score_after").is_not_null())
    weights = tuple(f"weight_{name}" for name in GROUPS)
    causes = changes(
        _numbers(scored, MEASURES),
        _numbers(scored, tuple(f"{name}_after" for name in MEASURES)),
        _numbers(scored, weights),
        _numbers(scored, tuple(f"{name}_after" for name in weights)),
        _PLACE,
    )
    ids = scored.select("account_id")
    rows = [
        ids.with_columns(pl.Series(name, points[:, place]) for place, name in enumerate(MEASURES))
        .unpivot(index="account_id", variable_name="measure", value_name="points")
        .with_columns(because=pl.lit(cause))
        for cause, points in causes
    ]
    by_absence = pl.col("measure").is_in(_OBSERVED_BY_ABSENCE) & (pl.col("because") == "missing data")
    return (
        pl.concat([*rows, _by_override(both)])
        .filter(pl.col("points").ne_missing(0.0))
        .with_columns(because=pl.when(by_absence).then(pl.lit("behaviour")).otherwise("because"))
        .group_by("account_id", "measure", "because")
        .agg(points=pl.when(pl.col("points").is_not_null().any()).then(pl.col("points").sum()))
        .sort("account_id", pl.col("points").abs(), "measure", descending=[False, True, False])
        .select("account_id", "measure", "points", "because")
    )


def _by_override(both: pl.DataFrame) -> pl.DataFrame:
    """Per account the points that overrides make, or that there is no change to explain."""
    known = pl.col("score").is_not_null() & pl.col("score_after").is_not_null()
    shown = pl.col("shown_score_after") - pl.col("shown_score")
    lifted = (pl.col("shown_score_after") - pl.col("score_after")) - (pl.col("shown_score") - pl.col("score"))
    turned = pl.col("score").is_null() != pl.col("score_after").is_null()
    nothing = ~known & shown.is_null()
    return both.filter(~nothing | turned).select(
        "account_id",
        measure=pl.when(nothing).then(pl.lit("coverage")).otherwise(pl.lit("override")),
        points=pl.when(known).then(lifted).otherwise(shown),
        because=pl.when(nothing).then(pl.lit("missing data")).otherwise(pl.lit("override")),
    )
