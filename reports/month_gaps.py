"""Months that a history skips, as rows of their own: a line must not run across what nobody knows."""

from __future__ import annotations

import polars as pl


def with_gaps(history: pl.DataFrame, on: str = "on") -> pl.DataFrame:
    """``history`` (a row per month end, and maybe one of today) with a row for each month end it skips, else null.

    An account that was not served for some months has no health in them.

    >>> from datetime import date
    >>> scores = pl.DataFrame({"on": [date(2026, 1, 31), date(2026, 4, 30), date(2026, 5, 3)], "score": [50, 60, 61]})
    >>> with_gaps(scores)["score"].to_list()
    [50, None, None, 60, 61]
    """
    if history.is_empty():
        return history
    first, last = history[on].min(), history[on].max()
    starts = pl.select(pl.date_range(pl.lit(first).dt.month_start(), pl.lit(last), "1mo").alias(on)).to_series()
    ends = pl.DataFrame({on: starts.dt.month_end()}).filter(pl.col(on) <= last)
    missing = ends.join(history, on=on, how="anti")
    return pl.concat([history, missing], how="diagonal_relaxed").sort(on)
