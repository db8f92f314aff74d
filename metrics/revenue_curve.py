"""Revenue cohorts together: the pooled curve of MRR kept, and the accounts behind one cell."""

from __future__ import annotations

from datetime import date
from typing import Literal

import numpy as np
import polars as pl

from metrics.bootstrap import bounds, resampled_sums
from metrics.inputs import Frame
from metrics.rates import FEWEST_ACCOUNTS, FEWEST_LOSSES
from metrics.revenue_cohorts import paid_by_month

SCHEMA = {
    "index": pl.Int64,
    "size": pl.Int64,
    "retained": pl.Int64,
    "rate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "accounts": pl.Int64,
}
_PLACE = pl.col("month").dt.year().cast(pl.Int64) * 12 + pl.col("month").dt.month().cast(pl.Int64)
_APART = (_PLACE - _PLACE.min().over("account_id")).alias("index")


def revenue_curve(
    account_movements: Frame,
    *,
    kept: Literal["net", "gross"] = "net",
    segment: str | None = None,
    level: float = 0.95,
    seed: int = 20,
) -> pl.DataFrame:
    """MRR kept by months since customers first paid, over all cohorts of ``revenue_cohorts``.

    One row per ``[segment]`` and ``index`` (0 is the month of the first payment): ``size``, what the accounts followed
    that long first paid; ``retained``, what they pay then, at the exchange rate of their first month; ``rate``
    (retained / size, above 1 when they pay more; null where they paid nothing); ``low`` and ``high`` (bootstrap over
    accounts; null under 30 accounts or 5 that pay less); ``accounts``. Money in minor units.

    Only final cells count: the running month, and a month in which a renewal of the cohort is late, are left out.
    Amounts are pooled, so large accounts weigh more than small ones; rates are never averaged. ``account_movements``,
    ``kept`` and ``segment`` are those of ``revenue_cohorts``.

    >>> moves = pl.DataFrame({"account_id": "a", "month": [date(2026, 1, 1), date(2026, 2, 1)],
    ...     "opening": [0, 100], "closing": [100, 150], "movement": ["new", "expansion"], "amount": [100, 50],
    ...     "fx": 0, "state": "final", "plan": "Team"})
    >>> revenue_curve(moves).select("index", "size", "retained", "accounts").rows()
    [(0, 100, 100, 1), (1, 100, 150, 1)]
    """
    extra = [] if segment is None else [segment]
    cells, first = _followed(account_movements, kept, extra)
    keys = first.select(extra).unique().sort(extra, nulls_last=True) if extra else None
    groups = [None] if keys is None else list(keys.iter_rows())
    schema = {name: first.schema[name] for name in extra} | SCHEMA
    parts = [pl.DataFrame(schema=schema)]
    for group in groups:
        mine = first if group is None else first.filter(pl.col(extra[0]).eq_missing(group[0]))
        if mine.height:
            curve = _curve(cells, mine, level, seed)
            named = [pl.lit(group[0], first.schema[extra[0]]).alias(extra[0])] if group is not None else []
            parts.append(curve.select(*named, *(pl.col(name).cast(kind) for name, kind in SCHEMA.items())))
    return pl.concat(parts)


def revenue_cohort_accounts(
    account_movements: Frame,
    *,
    cohort: date,
    index: int,
    kept: Literal["net", "gross"] = "net",
) -> pl.DataFrame:
    """The accounts behind one cell of ``revenue_cohorts``: who first paid in that month, and what they pay then.

    One row per account of the month ``cohort``, in the order of their ids: ``account_id``; ``paid``, MRR at the close
    of that month; ``pays``, MRR at the close of month cohort + index, at the first month's exchange rate. The sum of
    ``paid`` is the cell's ``size``, that of ``pays`` its ``retained``. Money in minor units, never null.

    >>> moves = pl.DataFrame({"account_id": "a", "month": [date(2026, 1, 1), date(2026, 2, 1)],
    ...     "opening": [0, 100], "closing": [100, 150], "movement": ["new", "expansion"], "amount": [100, 50],
    ...     "fx": 0, "state": "final", "plan": "Team"})
    >>> revenue_cohort_accounts(moves, cohort=date(2026, 1, 1), index=1).rows()
    [('a', 100, 150)]
    """
    cells, first = _followed(account_movements, kept, [])
    there = cells.filter(pl.col("index") == index).select("account_id", "pays")
    mine = first.filter(pl.col("cohort") == cohort).select("account_id", "paid")
    return mine.join(there, on="account_id", how="left").with_columns(pl.col("pays").fill_null(0)).sort("account_id")


def _followed(
    account_movements: Frame, kept: Literal["net", "gross"], extra: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What every new account pays by months since its first, and one row per account with what it first paid.

    ``seen`` is how many months of an account are final, the first included: cells at and after it do not count.
    """
    monthly, running = paid_by_month(account_movements, kept, extra)
    cells = monthly.with_columns(_APART)
    closed = running.filter(~pl.col("running"))["month"].max()
    late = cells.filter("late").group_by("cohort").agg(late_from=pl.col("index").min())
    whole = pl.lit(closed, pl.Date).alias("month")
    months = _PLACE - (pl.col("cohort").dt.year().cast(pl.Int64) * 12 + pl.col("cohort").dt.month().cast(pl.Int64)) + 1
    first = (
        cells.filter(pl.col("index") == 0)
        .select("account_id", "cohort", "paid", *extra)
        .join(late, on="cohort", how="left")
        .with_columns(whole)
        .with_columns(seen=pl.min_horizontal(months, "late_from").fill_null(0).clip(0))
        .sort("account_id")
    )
    return cells, first.drop("month", "late_from")


def _curve(cells: pl.DataFrame, first: pl.DataFrame, level: float, seed: int) -> pl.DataFrame:
    """The rows of one group: its accounts are those of ``first``."""
    seen, width = first["seen"].to_numpy(), int(first["seen"].max() or 0)  # type: ignore[arg-type]
    counts = np.arange(width)[None, :] < seen[:, None]
    paid = np.where(counts, first["paid"].to_numpy()[:, None], 0).astype(np.float64)
    pays = np.zeros_like(paid)
    codes = first.select("account_id").with_row_index("code")
    there = cells.filter(pl.col("index") < width).join(codes, on="account_id")
    pays[there["code"].to_numpy(), there["index"].to_numpy()] = there["pays"].to_numpy()
    pays = np.where(counts, pays, 0)
    size, retained, accounts = paid.sum(axis=0), pays.sum(axis=0), counts.sum(axis=0)
    sure = (accounts >= FEWEST_ACCOUNTS) & ((pays < paid).sum(axis=0) >= FEWEST_LOSSES) & (size > 0)
    low = high = np.full(width, np.nan)
    if sure.any():
        drawn = resampled_sums(np.hstack([pays, paid]), seed=seed)
        low, high = bounds(drawn[:, :width] / np.maximum(drawn[:, width:], 1e-9), level=level)
    return pl.DataFrame(
        {
            "index": np.arange(width),
            "size": size.astype(np.int64),
            "retained": retained.astype(np.int64),
            "rate": np.divide(retained, size, out=np.full(width, np.nan), where=size > 0),
            "low": np.where(sure, low, np.nan),
            "high": np.where(sure, high, np.nan),
            "accounts": accounts,
        }
    ).with_columns(pl.col("rate", "low", "high").fill_nan(None))
