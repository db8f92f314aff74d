"""Checks every row of a source against the contract: what is kept, what is rejected and why, what is flagged.

Nothing is dropped silently: a rejected row is kept apart with its reason, a row of a test account is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import polars as pl
from polars.expr.whenthen import Then

from queries.contract import Column, Source
from queries.parse import ORIGINAL, UNPARSABLE

REASON = "rejected_because"
LARGEST = 1e13
"""No number of the contract is larger: it would lose its last digits on the way through double precision."""

_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "text": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "money": pl.Int64,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "timestamp": pl.Datetime("us", "UTC"),
}


@dataclass(frozen=True)
class Accounts:
    """Which account ids count (``known``) and which are test accounts or mistakes (``left_out``)."""

    known: pl.Series
    left_out: pl.Series


@dataclass(frozen=True)
class Checked:
    """One source after its checks. ``rejected`` has :data:`REASON` first and every value as text.

    ``staff`` are the ids of our own people, wherever their row went: many sit in a test account or in none, and their
    use at customers must not count all the same.
    """

    kept: pl.DataFrame
    rejected: pl.DataFrame
    left_out: int = 0
    flagged: dict[str, int] = field(default_factory=dict)
    staff: pl.Series = field(default_factory=lambda: pl.Series("user_id", [], pl.String))

    @property
    def rejected_by_reason(self) -> dict[str, int]:
        """Rejected rows counted by reason, the most frequent first."""
        counts = self.rejected.group_by(REASON).len().sort("len", REASON, descending=[True, False])
        return dict(counts.iter_rows())


def schema(source: Source) -> dict[str, pl.DataType | type[pl.DataType]]:
    """Polars types of a checked source, money in minor units, moments in UTC."""
    return {column.name: _TYPES[column.kind] for column in source.columns}


def empty(source: Source) -> pl.DataFrame:
    """A checked source without rows."""
    return pl.DataFrame(schema=schema(source))


def check(frame: pl.DataFrame, source: Source, *, as_of: datetime, accounts: Accounts | None) -> Checked:
    """Splits ``frame`` (contract columns, numbers as Float64) into kept and rejected rows.

    ``accounts`` is None for the accounts source itself. Kept rows have every contract column and its final type.
    """
    rows = everyone = _complete(frame, source)
    mine = _is_left_out(rows, accounts)
    left_out, rows = rows.filter(mine).height, rows.filter(~mine)
    rows = rows.with_columns(_reason(source, as_of, accounts).alias(REASON))
    rows = _mark_duplicates(rows, source)
    if source.name == "subscriptions":
        rows = _mark_overlaps(rows)
    good = rows.get_column(REASON).is_null()
    return Checked(
        kept=_final(rows.filter(good), source),
        rejected=_as_text(rows.filter(~good), source),
        left_out=left_out,
        flagged=_flags(rows.filter(good), source),
        staff=_staff(everyone),
    )


def of_known(rows: pl.DataFrame, accounts: Accounts) -> pl.DataFrame:
    """Rows of accounts that count, and rows that belong to no account."""
    if "account_id" not in rows.columns:
        return rows
    whose = pl.col("account_id")
    return rows.filter(whose.is_null() | whose.is_in(accounts.known.implode()))


def _complete(frame: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Every contract column, null where the mapping lacks it, and spelled the one way the metrics expect."""
    numeric = {"integer", "number", "money"}
    absent = [
        pl.lit(None, pl.Float64 if column.kind in numeric else _TYPES[column.kind]).alias(column.name)
        for column in source.columns
        if column.name not in frame.columns
    ]
    if UNPARSABLE not in frame.columns:
        absent.append(pl.lit(None, pl.String).alias(UNPARSABLE))
    return (
        frame.with_columns(absent)
        .with_columns(_spelled(column) for column in source.columns)
        .with_columns(
            [pl.coalesce("line_id", "subscription_id").alias("line_id")] if source.name == "subscriptions" else []
        )
    )


def _spelled(column: Column) -> pl.Expr:
    """Empty text, and text of spaces alone, is null; a currency is in capitals, a month its first day."""
    value = pl.col(column.name)
    if column.kind == "text":
        value = pl.when(value.str.strip_chars() != "").then(value)
    if column.name == "currency":
        value = value.str.strip_chars().str.to_uppercase()
    if column.name == "month":
        value = value.dt.truncate("1mo")
    return value.alias(column.name)


def _staff(rows: pl.DataFrame) -> pl.Series:
    if "is_internal" not in rows.columns:
        return pl.Series("user_id", [], pl.String)
    return rows.filter("is_internal").get_column("user_id").drop_nulls().unique().sort()


def _is_left_out(rows: pl.DataFrame, accounts: Accounts | None) -> pl.Series:
    if accounts is None or "account_id" not in rows.columns:
        return pl.Series([False]).new_from_index(0, rows.height)
    return rows.get_column("account_id").is_in(accounts.left_out.implode()).fill_null(False)


def _reason(source: Source, as_of: datetime, accounts: Accounts | None) -> pl.Expr:
    """The first thing wrong with a row, in words; null when nothing is."""
    tests = [pl.when(pl.col(UNPARSABLE).is_not_null()).then(pl.col(UNPARSABLE) + " does not parse")]
    for column in source.columns:
        tests.extend(_column_tests(column, as_of))
    if accounts is not None and "account_id" in source.names:
        unknown = pl.col("account_id").is_not_null() & ~pl.col("account_id").is_in(accounts.known.implode())
        tests.append(pl.when(unknown).then(pl.lit("unknown account")))
    if source.name == "subscriptions":
        backwards = pl.col("ended_on") < pl.col("started_on")
        tests.append(pl.when(backwards).then(pl.lit("ended before it started")))
    return pl.coalesce(*tests)


def _column_tests(column: Column, as_of: datetime) -> list[Then]:
    value, name = pl.col(column.name), column.name
    found: list[tuple[pl.Expr, str]] = []
    if column.not_null:
        found.append((value.is_null(), f"{name} is missing"))
    if column.choices and column.not_null:
        found.append((~value.is_in(column.choices), f"{name} is none of {', '.join(column.choices)}"))
    if column.kind == "text":  # which no database takes, so that nothing could be noted about the row
        found.append((value.str.contains("\0", literal=True), f"{name} holds a NUL character"))
    if column.kind in ("integer", "number", "money"):
        found += _number_tests(column, value)
    if column.kind in ("date", "timestamp"):
        found += _time_tests(column, value, as_of)
    return [pl.when(test).then(pl.lit(words)) for test, words in found]


def _number_tests(column: Column, value: pl.Expr) -> list[tuple[pl.Expr, str]]:
    name = column.name
    found = [
        (~value.is_finite(), f"{name} is not a finite number"),
        (value.abs() > LARGEST, f"{name} is too large"),
    ]
    if column.kind == "integer":
        found.append((value != value.round(0), f"{name} is not a whole number"))
    if column.low is not None and column.high is not None:
        outside = (value < column.low) | (value > column.high)
        found.append((outside, f"{name} is outside {column.low:g} to {column.high:g}"))
    elif column.low is not None:
        found.append((value < column.low, f"{name} is below {column.low:g}"))
    return found


def _time_tests(column: Column, value: pl.Expr, as_of: datetime) -> list[tuple[pl.Expr, str]]:
    name, year = column.name, value.dt.year()
    if not column.observed:
        # A day of the year 9999 stands for "no end"; a moment of it may lie in the year 10000 of another time zone.
        last_year = 9999 if column.kind == "date" else 9998
        return [((year <= 1) | (year > last_year), f"{name} is no usable date")]
    first: date | datetime = datetime(1970, 1, 1, tzinfo=UTC)
    last: date | datetime = as_of.astimezone(UTC) + timedelta(days=1)
    if column.kind == "date":
        first, last = date(1970, 1, 1), (as_of + timedelta(days=1)).date()
    return [
        (value < first, f"{name} is before 1970"),
        (value > last, f"{name} is more than a day in the future"),
    ]


def _mark_duplicates(rows: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Of the rows that share a key, the newest good one stays."""
    if not source.key:
        return rows
    others = [name for name in source.names if name not in source.key]
    order = ([source.newest] if source.newest in others else []) + [n for n in others if n != source.newest]
    rows = rows.sort(*source.key, *order, descending=True, nulls_last=True, maintain_order=True)
    repeated = pl.col(REASON).is_null() & ~pl.struct(source.key).is_first_distinct().over(REASON)
    return rows.with_columns(pl.when(repeated).then(pl.lit("duplicate key")).otherwise(REASON).alias(REASON))


_LINE = ("subscription_id", "line_id")


def _mark_overlaps(rows: pl.DataFrame) -> pl.DataFrame:
    """A stretch that starts while an earlier good one of its line still runs is rejected; an empty one never is."""
    end = pl.col("ended_on").fill_null(date(9999, 12, 31))
    rows = rows.sort(*_LINE, "started_on", "ended_on", nulls_last=True).with_row_index("row")
    lasting = rows.filter(pl.col(REASON).is_null() & (end > pl.col("started_on")))
    ends = lasting.select("row", *_LINE, "started_on", end.alias("end"))
    runs_until = pl.col("end").cum_max().shift(1).over(_LINE)
    doubtful = ends.filter((pl.col("started_on") < runs_until).any().over(_LINE))
    overlaps = pl.col("row").is_in(_overlapping(doubtful))
    words = pl.lit("overlaps another stretch of its line")
    return rows.with_columns(pl.when(overlaps).then(words).otherwise(REASON).alias(REASON)).drop("row")


def _overlapping(stretches: pl.DataFrame) -> list[int]:
    """Row by row, because a rejected stretch does not stand in the way of the next one."""
    found, free_from = [], dict[tuple[str, str], date]()
    for row, subscription, line, start, end in stretches.iter_rows():
        if start < free_from.get((subscription, line), date.min):
            found.append(row)
        else:
            free_from[subscription, line] = end
    return found


def _flags(rows: pl.DataFrame, source: Source) -> dict[str, int]:
    """Values that are kept but named: a word the contract does not know."""
    flags = {}
    for column in source.columns:
        if column.choices and not column.not_null:
            odd = rows.get_column(column.name).drop_nulls()
            count = int((~odd.is_in(column.choices)).sum())
            if count:
                flags[f"{column.name} is none of {', '.join(column.choices)}"] = count
    return flags


def _final(rows: pl.DataFrame, source: Source) -> pl.DataFrame:
    def cast(column: Column) -> pl.Expr:
        value = pl.col(column.name)
        if column.kind == "money":
            value = (value * 100).round(0)
        return value.cast(_TYPES[column.kind])

    return rows.select(cast(column) for column in source.columns)


def _as_text(rows: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Rejected rows as they were: the original text where the source was read as text."""

    def original(name: str) -> pl.Expr:
        kind = rows.schema.get(ORIGINAL)
        if isinstance(kind, pl.Struct) and any(known.name == name for known in kind.fields):
            return pl.col(ORIGINAL).struct.field(name)
        return pl.col(name).cast(pl.String)

    return rows.select(pl.col(REASON), *(original(name).alias(name) for name in source.names))
