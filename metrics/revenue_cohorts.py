"""Revenue cohorts: what customers who started in the same month still pay."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from metrics.bootstrap import bounds, resampled_sums
from metrics.inputs import Frame
from metrics.month_table import complete
from metrics.rates import FEWEST_ACCOUNTS, FEWEST_LOSSES

SCHEMA = {
    "index": pl.Int64,
    "size": pl.Int64,
    "retained": pl.Int64,
    "rate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "state": pl.String,
    "accounts": pl.Int64,
}


def revenue_cohorts(
    account_movements: Frame,
    *,
    kept: Literal["net", "gross"] = "net",
    segment: str | None = None,
    level: float = 0.95,
    seed: int = 20,
) -> pl.DataFrame:
    """MRR kept by the month in which customers first paid, the shape of ``cohort_retention``.

    One row per cohort and month since: ``cohort`` (its first day), ``[segment]``, ``index`` (0 is the month itself),
    ``size`` (MRR at the close of that month, what movements call new), ``retained`` (MRR of the same accounts at the
    close of month cohort + index, at the first month's exchange rate), ``rate`` (above 1 when they pay more; null for
    an empty cohort), ``low`` and ``high`` (bootstrap over accounts; null under 30 accounts or 5 that pay less),
    ``state``, ``accounts``. Money in minor units. ``kept="gross"`` counts no account above what it first paid.

    ``account_movements`` must reach back to the first cohort wanted: who first paid before it is in no row, and so is
    who came and left within a month. ``segment`` is a column of it, read in the first month (``plan``, or one joined
    to it). Unlike cohorts by sign-up date, a trial
    is not counted as paid time.
    """
    extra = [] if segment is None else [segment]
    cells, running = paid_by_month(account_movements, kept, extra)
    schema = {"cohort": pl.Date} | {name: cells.schema[name] for name in extra} | SCHEMA
    if running.is_empty():
        return pl.DataFrame(schema=schema)
    segments = cells.select(extra).unique() if segment else None
    grid = _grid(running["month"], segments)
    keys = ["cohort", *extra]
    groups = dict(cells.group_by(keys))
    parts = [_cohort(part, groups.get(key), level, seed) for key, part in grid.group_by(keys, maintain_order=True)]
    if not parts:
        return pl.DataFrame(schema=schema)
    whole = pl.concat(parts).join(running, on="month", how="left", maintain_order="left")
    provisional = pl.col("late") | pl.col("running").fill_null(False)
    return whole.with_columns(state=pl.when(provisional).then(pl.lit("provisional")).otherwise(pl.lit("final"))).select(
        pl.col(name).cast(kind) for name, kind in schema.items()
    )


def _grid(months: pl.Series, segments: pl.DataFrame | None) -> pl.DataFrame:
    """Every cohort (and segment) with every month from its own on: ``cohort, [segment], month, index``."""
    every = pl.date_range(months[0], months[-1], "1mo", eager=True)
    pairs = pl.DataFrame({"cohort": every}).join(pl.DataFrame({"month": every}), how="cross")
    apart = pl.col("month").dt.year() * 12 + pl.col("month").dt.month().cast(pl.Int32)
    since = pl.col("cohort").dt.year() * 12 + pl.col("cohort").dt.month().cast(pl.Int32)
    grid = pairs.filter(pl.col("month") >= pl.col("cohort")).with_columns(index=(apart - since).cast(pl.Int64))
    if segments is not None:
        grid = segments.sort(pl.all()).join(grid, how="cross", maintain_order="left_right")
    return grid.sort("cohort", *(segments.columns if segments is not None else []), "index")


def paid_by_month(
    account_movements: Frame, kept: Literal["net", "gross"], extra: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What every new account pays in every month from its first on, and which months still run.

    First ``account_id, month, cohort, *extra, pays, paid`` (at first), ``late``; then ``month, running``, sorted.
    """
    rows = complete(account_movements)
    named = account_movements.lazy().select("month", "account_id", "movement", *extra).collect()
    new = named.filter(pl.col("movement") == "new").sort("month").unique("account_id", keep="first")
    running = rows.group_by("month").agg(running=(pl.col("state") == "provisional").all()).sort("month")
    monthly = (
        rows.group_by("account_id", "month")
        .agg(pl.col("whole", "steady").sum(), late=(pl.col("state") == "provisional").any())
        .join(new.select("account_id", *extra, cohort="month"), on="account_id")
        .filter(pl.col("month") >= pl.col("cohort"))
        .sort("account_id", "month")
    )
    # Each month's exchange rates undone, back to those of the first close.
    undone = pl.when((pl.col("whole") > 0) & (pl.col("month") > pl.col("cohort"))).then(
        pl.col("steady") / pl.col("whole")
    )
    steady = (pl.col("whole") * undone.fill_null(1.0).cum_prod().over("account_id")).round().cast(pl.Int64)
    cells = monthly.with_columns(pays=steady).with_columns(paid=pl.col("pays").first().over("account_id"))
    return (cells if kept == "net" else cells.with_columns(pays=pl.min_horizontal("pays", "paid"))), running


def _cohort(part: pl.DataFrame, cells: pl.DataFrame | None, level: float, seed: int) -> pl.DataFrame:
    """The rows of one cohort: the months in ``part``, what its accounts pay in ``cells`` (None: nobody)."""
    if cells is None:
        empty = [pl.lit(value, kind).alias(name) for name, value, kind in _EMPTY]
        return part.with_columns(empty)
    accounts = cells.select("account_id", "paid").unique().sort("account_id").with_row_index("code")
    located = cells.join(accounts.select("account_id", "code"), on="account_id").join(
        part.select("month", "index"), on="month"
    )
    pays = np.zeros((accounts.height, part.height))
    pays[located["code"].to_numpy(), located["index"].to_numpy()] = located["pays"].to_numpy()
    less = (pays < accounts["paid"].to_numpy()[:, None]).sum(axis=0)
    sums = pays.sum(axis=0)
    sure = (accounts.height >= FEWEST_ACCOUNTS) & (less >= FEWEST_LOSSES) & (sums[0] > 0)
    low = high = np.full(part.height, np.nan)
    if sure.any():
        drawn = resampled_sums(pays, seed=seed)
        low, high = bounds(drawn / np.maximum(drawn[:, :1], 1e-9), level=level)
    late = located.group_by("month").agg(pl.col("late").any())
    return part.join(late, on="month", how="left", maintain_order="left").with_columns(
        pl.col("late").fill_null(False),
        size=pl.lit(int(sums[0]), pl.Int64),
        retained=pl.Series(sums).cast(pl.Int64),
        rate=pl.Series(sums / sums[0]) if sums[0] > 0 else pl.lit(None, pl.Float64),
        low=pl.Series(np.where(sure, low, np.nan)).fill_nan(None),
        high=pl.Series(np.where(sure, high, np.nan)).fill_nan(None),
        accounts=pl.lit(accounts.height, pl.Int64),
    )


_EMPTY: tuple[tuple[str, object, type[pl.DataType]], ...] = (
    ("late", False, pl.Boolean),
    ("size", 0, pl.Int64),
    ("retained", 0, pl.Int64),
    ("rate", None, pl.Float64),
    ("low", None, pl.Float64),
    ("high", None, pl.Float64),
    ("accounts", 0, pl.Int64),
)
