"""Placing accounts inside a filter by plan: where they stand at opening, and how they cross its border."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from metrics.account_months import ABSENT

ELSEWHERE = "elsewhere"


def placed(rows: pl.DataFrame, plans: Collection[str] | None) -> pl.DataFrame:
    """The account-months of a choice of ``plans``; all of them, with no crossing, when it is None.

    An account is placed by its plan at opening, or by its plan at closing when it was absent; what its MRR did in the
    month belongs there. Then it may cross: it leaves with its closing MRR as ``moved_out`` and arrives with it as
    ``moved_in``. Months in which it is outside are kept as ``elsewhere``, with amounts of 0, from its first month
    inside on: its ``whole`` is needed to say how much of its MRR was kept, wherever it pays by now.
    """
    rows = rows.with_columns(also_moved_out=pl.lit(0, pl.Int64))
    if plans is None:
        return rows
    chosen = list(plans)
    was, now = pl.col("status_o") != ABSENT, pl.col("status_c") != ABSENT
    at_opening = pl.col("plan_o").is_in(chosen).fill_null(False)
    at_closing = pl.col("plan_c").is_in(chosen).fill_null(False)
    neither = pl.coalesce("plan_inside", "plan_c", "plan_o").is_in(chosen).fill_null(False)
    rows = rows.with_columns(
        inside_o=pl.when(was).then(at_opening).when(now).then(at_closing).otherwise(neither),
        inside_c=pl.when(now).then(at_closing).when(was).then(at_opening).otherwise(neither),
    )
    inside = pl.col("inside_o") | pl.col("inside_c")
    first = rows.filter(inside).group_by("u").agg(first_k=pl.col("k").min())
    rows = rows.join(first, on="u").filter(pl.col("k") >= pl.col("first_k"))
    return _crossed(rows)


def _crossed(rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` with ``inside_o`` and ``inside_c`` turned into movements in, out and elsewhere."""
    leaves = pl.col("inside_o") & ~pl.col("inside_c")
    enters = ~pl.col("inside_o") & pl.col("inside_c")
    outside = ~pl.col("inside_o") & ~pl.col("inside_c")
    own, stays = pl.col("inside_o"), pl.col("inside_c")
    quiet = leaves & (pl.col("movement") == "unchanged") & (pl.col("kept") > 0)
    zero = pl.lit(0, pl.Int64)
    return rows.with_columns(
        movement=pl.when(outside)
        .then(pl.lit(ELSEWHERE))
        .when(enters)
        .then(pl.lit("moved_in"))
        .when(quiet)
        .then(pl.lit("moved_out"))
        .otherwise("movement"),
        amount=pl.when(outside).then(zero).when(enters | quiet).then("kept").otherwise("amount"),
        also_moved_out=pl.when(leaves & ~quiet).then("kept").otherwise(zero),
        also_paused=pl.when(own).then("also_paused").otherwise(zero),
        also_resumed=pl.when(own).then("also_resumed").otherwise(zero),
        also_left=pl.when(own).then("also_left").otherwise(zero),
        usage_opening=pl.when(own).then("usage_opening").otherwise(zero),
        state=pl.when(outside & ~pl.col("running")).then(pl.lit("final")).otherwise("state"),
        opening=pl.when(own).then("opening").otherwise(zero),
        closing=pl.when(stays).then("closing").otherwise(zero),
        fx=pl.when(stays).then("fx").otherwise(zero),
        status_o=pl.when(own | (pl.col("status_o") == ABSENT)).then("status_o").otherwise(pl.lit(ELSEWHERE)),
        status_c=pl.when(stays | (pl.col("status_c") == ABSENT)).then("status_c").otherwise(pl.lit(ELSEWHERE)),
        plan=pl.when(enters).then("plan_c").otherwise("plan"),
    )
