"""Losses nobody could have prevented, told apart from those we regret."""

from __future__ import annotations

import polars as pl

from metrics.inputs import Frame, lazy
from metrics.month_table import complete


def split_regrettable(account_movements: Frame, judged: Frame) -> pl.DataFrame:
    """Gross revenue retention both ways: over all losses, and over the regrettable ones only.

    ``judged`` has ``account_id`` and ``regrettable`` (null: nobody said), and ``month`` where it judges one month's
    loss; without it the judgement holds for all. One row per month: ``opening``, ``lost`` and its parts
    ``lost_regrettable``, ``lost_natural``, ``lost_unknown`` (minor units); ``grr`` and ``grr_regrettable`` (0..1; null
    without an opening); ``n``, accounts paying at opening; ``state``. A loss is what an account's MRR fell below its
    opening, at the opening's exchange rate: churned, contraction and paused, as in GRR.

    **Unknown counts as regrettable**: a loss that nobody explained is not excused, so that ``grr_regrettable`` is only
    as high as what somebody judged to be natural allows.

    >>> rows = pl.DataFrame({"month": ["2026-01-01"] * 2, "account_id": ["a", "b"], "plan": "Team",
    ...     "opening": [100, 100], "closing": [0, 60], "movement": ["churned", "contraction"], "amount": [100, 40],
    ...     "fx": 0, "state": "final"})
    >>> split_regrettable(rows, pl.DataFrame({"account_id": ["a"], "regrettable": [False]})).select(
    ...     "lost", "lost_natural", "lost_unknown", "grr", "grr_regrettable").row(0)
    (140, 100, 40, 0.3, 0.8)
    """
    rows = complete(account_movements).lazy()
    keys = ["account_id", "month"] if "month" in judged.lazy().collect_schema() else ["account_id"]
    words = lazy(judged, {"account_id": pl.String, "regrettable": pl.Boolean})
    # Somebody who regrets the loss of one subscription regrets the account's.
    words = words.group_by(keys).agg(pl.col("regrettable").max())
    lost = (pl.col("opening") - pl.col("kept")).clip(0)
    per_account = (
        rows.group_by("month", "account_id")
        .agg(pl.col("opening", "kept").sum(), provisional=(pl.col("state") == "provisional").any())
        .join(words, on=keys, how="left")
        .with_columns(lost=pl.when(pl.col("opening") > 0).then(lost).otherwise(0))
    )
    natural, regretted = (pl.col("regrettable").eq(value).fill_null(False) for value in (False, True))
    sums = per_account.group_by("month").agg(
        pl.col("opening", "lost").sum(),
        lost_regrettable=pl.col("lost").filter(regretted).sum(),
        lost_natural=pl.col("lost").filter(natural).sum(),
        lost_unknown=pl.col("lost").filter(pl.col("regrettable").is_null()).sum(),
        n=(pl.col("opening") > 0).sum().cast(pl.Int64),
        state=pl.when(pl.col("provisional").any()).then(pl.lit("provisional")).otherwise(pl.lit("final")),
    )
    not_excused = pl.col("lost") - pl.col("lost_natural")

    def kept(lost: pl.Expr) -> pl.Expr:
        return pl.when(pl.col("opening") > 0).then((pl.col("opening") - lost) / pl.col("opening"))

    return (
        sums.with_columns(grr=kept(pl.col("lost")), grr_regrettable=kept(not_excused))
        .select(
            "month",
            "opening",
            "lost",
            "lost_regrettable",
            "lost_natural",
            "lost_unknown",
            "grr",
            "grr_regrettable",
            "n",
            "state",
        )
        .sort("month")
        .collect()
    )
