"""Overrides that people wrote down, as metrics take them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from metrics.overrides import OVERRIDES


def middles(bands: Mapping[str, float]) -> dict[str, float]:
    """The score that a band alone stands for in sums: its middle.

    >>> middles({"green": 70, "yellow": 40, "red": 0})
    {'red': 20.0, 'yellow': 55.0, 'green': 85.0}
    """
    ahead = sorted(bands.items(), key=lambda item: item[1])
    tops = [*(least for _, least in ahead[1:]), 100.0]
    return {name: (least + top) / 2 for (name, least), top in zip(ahead, tops, strict=True)}


def as_overrides(counted: pl.DataFrame, bands: Mapping[str, float], *, as_of: date, today: date) -> pl.DataFrame:
    """The overrides that ``records.overrides.counted`` tells of, as ``metrics.health`` takes them on ``as_of``.

    A score is taken as it is; a band alone stands for its middle. What was said after the snapshot of ``as_of`` was
    read counts in it at once, and what has ended by ``today`` no longer does: people need not wait for a refresh.
    """
    score = pl.coalesce("score", pl.col("band").replace_strict(middles(bands), default=None, return_dtype=pl.Float64))
    fresh = pl.col("made_on") > as_of
    over = (pl.col("expires_on") > as_of) & (pl.col("expires_on") <= today)
    return counted.select(
        "account_id",
        score=score,
        author="author",
        reason="reason",
        made_on=pl.when(fresh).then(pl.lit(as_of)).otherwise("made_on"),
        expires_on=pl.when(over).then(pl.lit(as_of)).otherwise("expires_on"),
    ).select(*OVERRIDES)
