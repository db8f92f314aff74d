"""Overrides of health: what a person says, beside the computed score."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from metrics.inputs import Frame, lazy

OVERRIDES = {
    "account_id": pl.String,
    "score": pl.Float64,
    "author": pl.String,
    "reason": pl.String,
    "made_on": pl.Date,
    "expires_on": pl.Date,
}
BESIDE = ("override_score", "override_by", "override_reason", "override_until")
"""What an override adds to a row of health."""
# A mean of numbers that are exactly on a boundary may come out a hair below it.
_DIGITS = 9


def counting(overrides: Frame | None, as_of: date) -> pl.DataFrame:
    """The newest override of each account that counts on ``as_of``: ``account_id`` and the columns of ``BESIDE``."""
    made, expires = pl.col("made_on"), pl.col("expires_on")
    return (
        lazy(overrides, OVERRIDES)
        .filter((made <= as_of).fill_null(True), (expires > as_of).fill_null(True), pl.col("score").is_not_null())
        .sort("made_on", maintain_order=True)
        .unique("account_id", keep="last", maintain_order=True)
        .select(
            "account_id",
            override_score=pl.col("score").clip(0.0, 100.0),
            override_by="author",
            override_reason="reason",
            override_until="expires_on",
        )
        .collect()
    )


def band(score: str, bands: Mapping[str, float]) -> pl.Expr:
    """The band of a score; a boundary belongs to the upper band, below all of them counts as the lowest.

    ``leaving`` where the column ``leaving`` is true, ``unknown`` without a score.
    """
    known = pl.col(score).round(_DIGITS)
    names = sorted(bands, key=lambda name: bands[name])
    found = pl.lit(names[0])
    for name in names[1:]:
        found = pl.when(known >= bands[name]).then(pl.lit(name)).otherwise(found)
    by_score = pl.when(known.is_null()).then(pl.lit("unknown")).otherwise(found)
    return pl.when(pl.col("leaving")).then(pl.lit("leaving")).otherwise(by_score)


def with_overrides(
    scored: Frame, overrides: Frame | None, *, as_of: date, bands: Mapping[str, float], day: str | None = None
) -> pl.DataFrame:
    """Rows of ``health`` or of ``health_history`` with these overrides beside them, as if they had been given to it.

    The same rows and columns: only ``override_score``, ``override_by``, ``override_reason``, ``override_until``,
    ``shown_score`` and ``shown_band`` differ; ``score`` and ``band`` never do. ``as_of`` is the day of rows of
    ``health``; ``day`` names the column that holds it in a history (``month_end``).

    >>> from metrics.health import BANDS
    >>> row = {"account_id": ["a"], "score": [82.0], "band": ["green"]}
    >>> said = pl.DataFrame({"account_id": ["a"], "score": [20.0]})
    >>> with_overrides(pl.DataFrame(row), said, as_of=date(2026, 3, 31), bands=BANDS).select(
    ...     "score", "band", "shown_score", "shown_band").row(0)
    (82.0, 'green', 20.0, 'red')
    """
    rows = scored.lazy().collect()
    keys = ["account_id"] if day is None else [day, "account_id"]
    if day is None:
        beside = counting(overrides, as_of)
    else:
        days = rows[day].unique().drop_nulls().to_list() or [as_of]
        beside = pl.concat(counting(overrides, on).with_columns(pl.lit(on).alias(day)) for on in days)
    order = rows.columns if "shown_band" in rows.columns else [*rows.columns, *BESIDE, "shown_score", "shown_band"]
    return (
        rows.drop(BESIDE, strict=False)
        .join(beside, on=keys, how="left", maintain_order="left")
        .with_columns(shown_score=pl.coalesce("override_score", "score"), leaving=pl.col("band").eq_missing("leaving"))
        .with_columns(shown_band=band("shown_score", bands))
        .select(order)
    )
