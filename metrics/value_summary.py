"""What an account got out of the product over a span of its own: how often each value feature was used, and by whom."""

from __future__ import annotations

import polars as pl

from metrics.inputs import Columns, Frame, lazy
from metrics.value_use import with_rules

_DAILY: Columns = {
    "account_id": pl.String,
    "user_id": pl.String,
    "feature": pl.String,
    "day": pl.Date,
    "uses": pl.Int64,
}


def value_summary(activity: Frame, features: Frame | None, spans: pl.DataFrame) -> pl.DataFrame:
    """Use of value features by the accounts of ``spans`` (``account_id, since, until``; both days belong to it).

    One row per account and value feature used in its span, each account's most used first: ``account_id``,
    ``feature``; ``uses``; ``people``, how many different ones, 0 where only integrations used it. ``activity`` is
    daily, with our own staff left out. Which features are value features is as in ``metrics.value_use``: those so
    marked, or every feature where none is. Thresholds play no part: this says what was done, not who is active.

    >>> from datetime import date
    >>> daily = pl.DataFrame({"account_id": ["a"] * 3, "user_id": ["u", "v", None], "feature": ["report"] * 3,
    ...     "day": [date(2026, 3, 1), date(2026, 3, 2), date(2026, 4, 1)], "uses": [3, 2, 9]})
    >>> march = pl.DataFrame({"account_id": ["a"], "since": [date(2026, 3, 1)], "until": [date(2026, 3, 31)]})
    >>> value_summary(daily, None, march).rows()
    [('a', 'report', 5, 2)]
    """
    rows = lazy(activity, _DAILY).select(*_DAILY).join(spans.lazy(), on="account_id")
    return (
        with_rules(rows.filter(pl.col("day").is_between(pl.col("since"), pl.col("until"))), features)
        .filter("is_value", pl.col("uses") > 0)
        .group_by("account_id", "feature")
        .agg(pl.col("uses").sum(), people=pl.col("user_id").drop_nulls().n_unique().cast(pl.Int64))
        .sort("account_id", "uses", "feature", descending=[False, True, False])
        .collect()
    )
