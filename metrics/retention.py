"""Cohort retention: of those who started together, how many came back."""

from __future__ import annotations

from datetime import date
from typing import TypedDict, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray

from metrics.buckets import Period, as_day
from metrics.intervals import wilson
from metrics.presence import Cohorts, Matrix, Returns, Rules, matrices, presence, returned

# The type of `size` remembers whether cohorts overlap: pooled_curve must know, and a frame carries nothing else along.
_SIZE_TYPES: dict[Cohorts, type[pl.DataType]] = {"first": pl.Int64, "recurring": pl.Int32}
_CELLS = ("cohort", "index", "size", "retained", "rate", "low", "high", "state")
_UNITS_AT_A_TIME = 8192  # bounds the memory of a table by day, whose matrices are wide
_FEW_BUCKETS, _BLOCK = 64, 256


def cohort_retention(
    events: pl.LazyFrame | pl.DataFrame,
    *,
    unit: str = "account_id",
    period: Period = "month",
    cohorts: Cohorts = "first",
    returns: Returns = "on",
    since: date,
    until: date,
    as_of: date | None = None,
    week_start: str = "monday",
    min_returns: int = 1,
    segment: str | None = None,
    day: str = "day",
    count: str = "count",
    first: str | None = None,
) -> pl.DataFrame:
    """Of the units that started in a day, week or month, the share that came back in each later one.

    One row per cohort bucket, from the one holding ``since`` to the one holding ``until`` (empty ones too), and
    ``index``, the number of buckets after it, up to the last bucket. Columns: ``cohort`` (its first day), the
    ``segment`` column if one is named, ``index``, ``size`` (units in the cohort), ``retained`` (units that came
    back; null while not yet), ``rate`` (retained / size, 0..1; null for an empty cohort), ``low`` and ``high``
    (Wilson, 95%) and ``state``. At index 0 retained is the size, by definition and not by observation.

    ``cohorts="first"``: a unit belongs to the bucket of its first start in all history given; when that lies
    before ``since`` it is in no row. ``"recurring"``: it belongs to every bucket in which it starts.
    ``returns="on"``: it came back in that very bucket; ``"on_or_after"``: in that bucket or a later one.
    ``state``: ``final`` when the bucket was over before ``as_of``, ``provisional`` while it holds ``as_of`` (that
    day is still running), ``not_yet`` when it lies ahead. ``as_of=None`` is the moment until's bucket ends. With
    ``on_or_after`` a later return can still raise a cell, so every observed one after index 0 is provisional.

    ``events`` has ``unit`` and ``day`` (a date, or a timestamp whose own zone decides); where they differ,
    booleans ``starts`` and ``returns`` (null is no); and ``count``, the uses in the row (default 1; null or NaN
    is 1). A return needs ``min_returns`` uses within the bucket; a start needs one row. ``first`` names a column
    with a day in the first bucket of the row's unit (the earliest counts), so that rows of recent months alone
    suffice. ``segment`` names a column; each of its values, null included, is worked out from its own rows
    alone, so use an attribute of the unit: one that changes its segment is lost to one and new in another.

    Left out: rows without a unit or a day, rows after ``as_of`` and rows after until's bucket. Unlike PostHog's
    tables, cells of the future are null and not 0; the counts of the past agree with its own test cases.

    >>> use = pl.DataFrame({
    ...     "account_id": ["a", "a", "b"],
    ...     "day": [date(2024, 1, 5), date(2024, 2, 9), date(2024, 1, 31)],
    ... })
    >>> table = cohort_retention(use, since=date(2024, 1, 1), until=date(2024, 2, 29))
    >>> table.select("cohort", "index", "size", "retained", "rate", "state")
    shape: (3, 6)
    ┌────────────┬───────┬──────┬──────────┬──────┬───────┐
    │ cohort     ┆ index ┆ size ┆ retained ┆ rate ┆ state │
    │ ---        ┆ ---   ┆ ---  ┆ ---      ┆ ---  ┆ ---   │
    │ date       ┆ i64   ┆ i64  ┆ i64      ┆ f64  ┆ str   │
    ╞════════════╪═══════╪══════╪══════════╪══════╪═══════╡
    │ 2024-01-01 ┆ 0     ┆ 2    ┆ 2        ┆ 1.0  ┆ final │
    │ 2024-01-01 ┆ 1     ┆ 2    ┆ 1        ┆ 0.5  ┆ final │
    │ 2024-02-01 ┆ 0     ┆ 0    ┆ 0        ┆ null ┆ final │
    └────────────┴───────┴──────┴──────────┴──────┴───────┘
    """
    rules = Rules(
        since=since,
        until=until,
        unit=unit,
        period=period,
        cohorts=cohorts,
        returns=returns,
        as_of=as_of,
        week_start=week_start,
        min_returns=min_returns,
        segment=segment,
        day=day,
        count=count,
        first=first,
    )
    if segment in _CELLS:
        raise ValueError(f'segment="{segment}" is a column of the result.\n\nHint: rename it in events.')
    units = presence(events.lazy(), rules)
    if segment is None:
        cells = _cells(units, rules)
    else:
        parts = units.sort("segment", nulls_last=True).partition_by("segment", maintain_order=True)
        tables = [_cells(part, rules).join(_named(part, segment), how="cross") for part in parts]
        empty = _cells(units, rules).join(_named(units, segment), how="cross").clear()
        cells = pl.concat([empty, *tables])
    kept = (name for name in ("cohort", segment, *_CELLS[1:]) if name is not None)
    return _with_rates(cells).select(*kept)


def pooled_curve(
    cohorts: pl.DataFrame | pl.LazyFrame,
    *,
    segment: str | None = None,
    overlapping: bool | None = None,
) -> pl.DataFrame:
    """Retention by time since the start, over all cohorts of a table that ``cohort_retention`` returned.

    One row per ``index`` (and ``segment``, when one is named): ``size`` and ``retained`` are sums over the cells
    whose bucket is over, ``rate`` is retained / size (null where size is 0), ``low`` and ``high`` Wilson's
    interval. Cells of the running bucket and of the future are left out, and with them an index that has no
    others. Counts are pooled, so large cohorts weigh more than small ones; rates are never averaged.

    Recurring cohorts get no interval: a unit stands in several, so their counts are not independent. Whether they
    overlap is read from the type of ``size``; say ``overlapping`` for a table that has lost it (from a CSV).

    With ``on_or_after`` a later return may still raise the rates, the youngest most.

    >>> use = pl.DataFrame({
    ...     "account_id": ["a", "a", "b"],
    ...     "day": [date(2024, 1, 5), date(2024, 2, 9), date(2024, 1, 31)],
    ... })
    >>> table = cohort_retention(use, since=date(2024, 1, 1), until=date(2024, 2, 29))
    >>> pooled_curve(table).select("index", "size", "retained").rows()
    [(0, 2, 2), (1, 2, 1)]
    """
    table = cohorts.lazy().collect()
    if overlapping is None:
        overlapping = table.schema["size"] == _SIZE_TYPES["recurring"]
    keys = [segment, "index"] if segment else ["index"]
    sums = pl.col("size").cast(pl.Int64).sum(), pl.col("retained").cast(pl.Int64).sum()
    pooled = table.filter(_is_over(table)).group_by(keys).agg(sums).sort(keys, nulls_last=True)
    if overlapping:
        none = pl.lit(None, pl.Float64)
        return _with_rates(pooled).with_columns(low=none, high=none)
    return _with_rates(pooled)


class _Table(TypedDict, total=False):
    """The parameters of ``cohort_retention`` that have defaults."""

    unit: str
    period: Period
    cohorts: Cohorts
    returns: Returns
    as_of: date | None
    week_start: str
    min_returns: int
    segment: str | None
    day: str
    count: str
    first: str | None


def cohort_units(
    events: pl.LazyFrame | pl.DataFrame,
    *,
    cohort: date,
    index: int,
    since: date,
    until: date,
    **table: Unpack[_Table],
) -> pl.DataFrame:
    """The units behind one cell of ``cohort_retention``: who was in the cohort, and who of them came back.

    One row per unit of the cohort that holds the day ``cohort`` (per unit and segment, when one is named),
    sorted: the ``segment`` column, the ``unit`` column, and ``retained`` (true or false; null when the cell's
    bucket has not begun). The other parameters, and what is left out, are those of ``cohort_retention``; given the
    same ones, the rows here are the cell's ``size`` and the true ones its ``retained``.

    >>> use = pl.DataFrame({
    ...     "account_id": ["a", "a", "b"],
    ...     "day": [date(2024, 1, 5), date(2024, 2, 9), date(2024, 1, 31)],
    ... })
    >>> span = {"since": date(2024, 1, 1), "until": date(2024, 2, 29)}
    >>> cohort_units(use, cohort=date(2024, 1, 1), index=1, **span).rows()
    [('a', True), ('b', False)]
    """
    rules = Rules(since=since, until=until, **table)
    place = rules.grid.position(as_day(cohort))
    if not 0 <= place < len(rules.grid) or not 0 <= index < len(rules.grid) - place:
        raise ValueError(
            f"there is no cell for cohort {cohort} and index {index}.\n\nHint: cohorts run from "
            f"{rules.grid.first} to {rules.grid.last_day}, and index up to the last bucket."
        )
    units = presence(events.lazy(), rules)
    if rules.cohorts == "first":
        units = units.filter(pl.col("cohort") == place)
    starts, came_back = matrices(units, rules)
    retained = pl.Series((starts[:, place] if index == 0 else came_back[:, place + index]) > 0)
    is_ahead = rules.grid.states(rules.as_of)[place + index] == "not_yet"
    names = {"segment": rules.segment, "unit": rules.unit} if rules.segment else {"unit": rules.unit}
    return (
        units.select(*names, retained=pl.lit(None, pl.Boolean) if is_ahead else retained)
        .filter(pl.Series(starts[:, place] > 0))
        .rename(names)
        .sort(*names.values(), nulls_last=True)
    )


def _cells(units: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """The triangle of one segment: cohort, index, size, retained, state."""
    sizes, counts = _count(units, rules)
    cohort, bucket = np.triu_indices(len(rules.grid))
    states = pl.Series(rules.grid.states(rules.as_of), dtype=pl.String).gather(bucket)
    cells = pl.DataFrame(
        {
            "cohort": pl.Series(rules.grid.starts, dtype=pl.Date).gather(cohort),
            "index": pl.Series(bucket - cohort, dtype=pl.Int64),
            "size": pl.Series(sizes[cohort], dtype=_SIZE_TYPES[rules.cohorts]),
            "retained": pl.Series(np.where(bucket > cohort, counts[cohort, bucket], sizes[cohort])),
            "state": states,
        }
    )
    observed = pl.col("state") != "not_yet"
    cells = cells.with_columns(retained=pl.when(observed).then("retained"))
    if rules.returns == "on_or_after":
        open_ended = observed & (pl.col("index") > 0)
        cells = cells.with_columns(state=pl.when(open_ended).then(pl.lit("provisional")).otherwise("state"))
    return cells


def _count(units: pl.DataFrame, rules: Rules) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Units per cohort, and of those the ones that came back, per cohort and bucket."""
    buckets = len(rules.grid)
    sizes, counts = np.zeros(buckets, np.int64), np.zeros((buckets, buckets), np.int64)
    if rules.cohorts == "first":
        units = units.filter(pl.col("cohort").is_between(0, buckets - 1))
    add_up = _by_first_cohort if rules.cohorts == "first" else _by_every_cohort
    for some in units.iter_slices(_UNITS_AT_A_TIME):
        size, count = add_up(some, rules)
        sizes += size
        counts += count
    return sizes, counts


def _by_first_cohort(units: pl.DataFrame, rules: Rules) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each unit is in one cohort, so its returns are counted one by one: a matrix product would add mostly zeros."""
    buckets = len(rules.grid)
    cohort = units["cohort"].to_numpy().astype(np.int64)
    unit, bucket = np.nonzero(returned(units, rules))
    counts = np.bincount(cohort[unit] * buckets + bucket, minlength=buckets * buckets)
    return np.bincount(cohort, minlength=buckets), counts.reshape(buckets, buckets)


def _by_every_cohort(units: pl.DataFrame, rules: Rules) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A unit is in the cohort of every bucket in which it starts."""
    starts, came_back = matrices(units, rules)
    return starts.sum(axis=0, dtype=np.int64), _product(starts, came_back)


def _product(starts: Matrix, came_back: Matrix) -> NDArray[np.int64]:
    """``starts.T @ came_back``; single precision is exact, as no count of a slice comes near 2**24.

    A few buckets are multiplied in blocks too small for the BLAS library to start its threads: on a busy server
    their waiting for one another takes three times as long as the sum itself.
    """
    left, right = starts.astype(np.float32), came_back.astype(np.float32)
    if starts.shape[1] > _FEW_BUCKETS:
        return np.asarray(left.T @ right, np.int64)
    missing = (0, -len(starts) % _BLOCK)
    left, right = (np.pad(side, (missing, (0, 0))).reshape(-1, _BLOCK, side.shape[1]) for side in (left, right))
    return np.asarray((left.transpose(0, 2, 1) @ right).sum(axis=0), np.int64)


def _named(units: pl.DataFrame, segment: str) -> pl.DataFrame:
    """The first segment of ``units`` alone, under the name the caller gave."""
    return units.select(pl.col("segment").alias(segment)).head(1)


def _with_rates(counts: pl.DataFrame) -> pl.DataFrame:
    """``counts`` with rate, low and high of ``retained`` among ``size``."""
    retained, size = pl.col("retained"), pl.col("size")
    low, high = wilson(retained, size)
    return counts.with_columns(rate=pl.when(size > 0).then(retained / size), low=low, high=high)


def _is_over(table: pl.DataFrame) -> pl.Expr:
    """Whether a cell's bucket is over; for ``on_or_after`` the state alone does not say so.

    There every observed cell is provisional. But index 0 of each cohort has the plain state of its bucket, and
    the first one that is not final is the running bucket: what lies before it is over.
    """
    later = pl.col("index") > 0
    if not table.filter(later & (pl.col("state") == "final")).is_empty():
        return pl.col("state") == "final"
    place = pl.col("cohort").rank("dense").cast(pl.Int64)
    running = pl.when(~later & (pl.col("state") != "final")).then(place).min()
    before = running.is_null() | (place + pl.col("index") < running)
    return (pl.col("state") == "final") | ((pl.col("state") == "provisional") & before)
