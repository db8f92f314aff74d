"""Who was there when: which unit started, and came back, in which bucket.

The work behind ``metrics.retention``. Events are read once and folded into one row per unit whose buckets are
the bits of an integer: a million rows become as many rows as there are units, and what is left to do is counting
bits, which is a product of two small matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from metrics.buckets import Buckets, Period, as_day, buckets, day_of

Cohorts = Literal["first", "recurring"]
Returns = Literal["on", "on_or_after"]

Matrix = NDArray[np.uint8]

_BITS = 64


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What counts as a cohort and as a return; the fields are explained at ``metrics.retention``."""

    since: date
    until: date
    unit: str = "account_id"
    period: Period = "month"
    cohorts: Cohorts = "first"
    returns: Returns = "on"
    as_of: date | None = None
    week_start: str = "monday"
    min_returns: int = 1
    segment: str | None = None
    day: str = "day"
    count: str = "count"
    first: str | None = None

    def __post_init__(self) -> None:
        _one_of("cohorts", self.cohorts, get_args(Cohorts))
        _one_of("returns", self.returns, get_args(Returns))
        if self.min_returns < 1:
            raise ValueError(f"min_returns is {self.min_returns}.\n\nHint: a return needs at least one use.")
        if self.first and self.cohorts == "recurring":
            raise ValueError(
                f'first="{self.first}" says where a unit started once, but recurring cohorts start again.\n\n'
                'Hint: leave `first` out, or ask for cohorts="first".'
            )

    @cached_property
    def grid(self) -> Buckets:
        """The buckets from since's to until's."""
        return buckets(self.since, self.until, self.period, week_start=self.week_start)

    @property
    def last_day(self) -> date:
        """The last day whose rows count: what came later is not known yet, or not asked for."""
        if self.as_of is None:
            return self.grid.last_day
        return min(as_day(self.as_of), self.grid.last_day)

    @property
    def words(self) -> range:
        """Numbers of the integers that it takes to hold one bit per bucket."""
        return range((len(self.grid) - 1) // _BITS + 1)


def presence(events: pl.LazyFrame, rules: Rules) -> pl.DataFrame:
    """One row per unit (and segment): when it started, and when it came back.

    ``[segment]``, ``unit``, bit masks ``returns_0…``, and for the start, of first cohorts, ``cohort`` (the bucket
    of the first start: 0 is the first, -1 before it; null when there is none); of recurring ones, bit masks
    ``starts_0…``, absent when every return is a start too. Bit 0 of a mask stands for the first bucket; 64 to a
    column.
    """
    rows = _rows(events, rules)
    keys = ["segment", "unit"] if rules.segment else ["unit"]
    if "uses" in rows.collect_schema():
        rows = _add_up_uses(rows, keys, rules)
    flags = [name for name in rows.collect_schema().names() if name in ("starts", "returns")]
    marks = {f"returns_{word}": _flagged("returns", flags, rules, word) for word in rules.words}
    if rules.cohorts == "recurring" and flags:
        marks |= {f"starts_{word}": _flagged("starts", flags, rules, word) for word in rules.words}
    start = {} if rules.cohorts == "recurring" else {"cohort": _start(flags, rules)}
    units = (
        rows.select(*keys, **marks, **start)
        .group_by(keys)
        .agg(*(pl.col(name).bitwise_or() for name in marks), *(pl.col(name).min() for name in start))
    )
    if rules.first:
        units = units.with_columns(cohort=rules.grid.place(pl.col("cohort")))
    return units.collect(engine="streaming")


def matrices(units: pl.DataFrame, rules: Rules) -> tuple[Matrix, Matrix]:
    """Units by buckets, 0 or 1: whether the unit is in that bucket's cohort, and whether it came back then."""
    if rules.cohorts == "first":
        # A row of zeros at the end takes those who started outside the buckets, or never.
        cohort = units["cohort"].fill_null(-1).clip(-1, len(rules.grid)).to_numpy()
        starts = np.eye(len(rules.grid) + 1, len(rules.grid), dtype=np.uint8)[cohort]
    elif "starts_0" in units.columns:
        starts = _bits(units, "starts", rules)
    else:
        starts = _bits(units, "returns", rules)
    return starts, returned(units, rules)


def returned(units: pl.DataFrame, rules: Rules) -> Matrix:
    """Units by buckets, 0 or 1: whether the unit came back in that bucket (or later, where that counts)."""
    came_back = _bits(units, "returns", rules)
    if rules.returns == "on_or_after":
        return np.maximum.accumulate(came_back[:, ::-1], axis=1)[:, ::-1]
    return came_back


def _rows(events: pl.LazyFrame, rules: Rules) -> pl.LazyFrame:
    """The rows that count, in columns of our own names.

    ``unit``, ``place`` and what is needed of ``segment``, ``first``, ``starts``, ``returns``; ``uses`` only when
    they have to be added up before it is known whether the unit came back.
    """
    schema = events.collect_schema()
    _require(schema, rules)
    day = day_of(rules.day, schema[rules.day])
    columns = {"unit": pl.col(rules.unit), "place": rules.grid.place(day)}
    columns |= {flag: pl.col(flag).cast(pl.Boolean) for flag in ("starts", "returns") if flag in schema}
    if rules.segment:
        columns["segment"] = pl.col(rules.segment)
    if rules.first:
        columns["first"] = day_of(rules.first, schema[rules.first])
    came_back = columns.get("returns", pl.lit(True))
    uses = _uses(rules.count, schema)
    if rules.min_returns > 1 or (rules.count in schema and not schema[rules.count].is_integer()):
        columns["uses"] = pl.when(came_back).then(uses).otherwise(0)
    elif rules.count in schema:
        columns["returns"] = came_back & (uses >= 1)
    rows = events.filter(pl.col(rules.unit).is_not_null(), day <= rules.last_day)
    if schema[rules.unit].is_float():
        rows = rows.filter(pl.col(rules.unit).is_not_nan())
    if rules.cohorts == "recurring" and not rules.segment:
        # What happened before the first bucket decides who is not new, and which segments there are.
        rows = rows.filter(day >= rules.grid.first)
    return rows.select(**columns)


def _add_up_uses(rows: pl.LazyFrame, keys: list[str], rules: Rules) -> pl.LazyFrame:
    """One row per unit and bucket; the unit came back when its uses there reach ``min_returns``."""
    extra = {"starts": pl.col("starts").any(), "first": pl.col("first").min()}
    has = rows.collect_schema()
    return (
        rows.group_by(*keys, "place")
        .agg(*(value for name, value in extra.items() if name in has), pl.col("uses").sum())
        .with_columns(returns=pl.col("uses") >= rules.min_returns)
    )


def _uses(column: str, schema: pl.Schema) -> pl.Expr:
    """Uses in the row: what ``column`` says, never below 0; 1 where it is absent, null or NaN."""
    if column not in schema:
        return pl.lit(1)
    uses = pl.col(column)
    if not schema[column].is_integer():
        uses = uses.cast(pl.Float64).fill_nan(None)
    return uses.fill_null(1).clip(lower_bound=0)


def _start(flags: list[str], rules: Rules) -> pl.Expr:
    """What the row says of its unit's first start: a bucket, or the day in the column that already holds it."""
    if rules.first:
        return pl.col("first")
    return pl.when(pl.col("starts")).then(pl.col("place")) if "starts" in flags else pl.col("place")


def _flagged(flag: str, flags: list[str], rules: Rules, word: int) -> pl.Expr:
    """The bit of the row's bucket where ``flag`` is true (everywhere, when rows have no such flag)."""
    places = np.arange(-1, len(rules.grid) + 1)
    inside = (places // _BITS == word) & (places < len(rules.grid))
    bits = np.where(inside, np.uint64(1) << (places % _BITS).astype(np.uint64), np.uint64(0))
    mask = pl.lit(pl.Series(bits, dtype=pl.UInt64)).gather(pl.col("place") + 1)
    return pl.when(pl.col(flag)).then(mask).otherwise(pl.lit(0, pl.UInt64)) if flag in flags else mask


def _bits(units: pl.DataFrame, kind: str, rules: Rules) -> Matrix:
    """Masks unpacked: a row per unit, a column per bucket."""
    words = np.column_stack([units[f"{kind}_{word}"].to_numpy() for word in rules.words]).astype("<u8")
    return np.unpackbits(words.view(np.uint8), axis=1, count=len(rules.grid), bitorder="little")


def _require(schema: pl.Schema, rules: Rules) -> None:
    """Refuse events that lack a column, saying which and how to name another."""
    named = {"unit": rules.unit, "day": rules.day, "segment": rules.segment, "first": rules.first}
    for option, column in named.items():
        if column is not None and column not in schema:
            raise ValueError(
                f'events have no column "{column}".\n\nHint: they have {", ".join(schema)}; '
                f"say which one to use with {option}=."
            )


def _one_of(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f'{option} is "{value}".\n\nHint: choose {" or ".join(map(repr, choices))}.')
