"""Turns text into the contract's types, one bad value costing one row.

Used for CSV and Parquet sources, and for a database source in which some value does not cast.
"""

from __future__ import annotations

import polars as pl

from queries.cast import AFTER_TIME, BEFORE_TIME
from queries.contract import Column, Source

UNPARSABLE = "unparsable"
"""Extra column: the name of the first column of the row that does not parse, else null."""

ORIGINAL = "original"
"""Extra column: the row as it was, a struct of text, so that a rejected row shows what stood there."""

_TRUE = ("t", "true", "yes", "y", "on", "1")
_FALSE = ("f", "false", "no", "n", "off", "0")
_MOMENTS = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M%#z", "%Y-%m-%d %H:%M")


def parse(frame: pl.DataFrame, source: Source, zone: str) -> pl.DataFrame:
    """The text columns of ``frame`` in their contract types, with :data:`UNPARSABLE` and :data:`ORIGINAL`.

    Empty text is null except in text columns. Moments without a zone are UTC; a plain date as a moment is the start
    of the organisation's day in ``zone``.
    """
    columns = [column for column in source.columns if column.name in frame.columns]
    text = frame.select(pl.col(column.name).cast(pl.String) for column in columns)
    values = text.select(_parsed(column, zone).alias(column.name) for column in columns)
    failed = [pl.when(_fails(text, values, column.name)).then(pl.lit(column.name)) for column in columns]
    return values.with_columns(
        pl.coalesce(*failed, pl.lit(None, pl.String)).alias(UNPARSABLE),
        text.to_struct(ORIGINAL),
    )


def _fails(text: pl.DataFrame, values: pl.DataFrame, name: str) -> pl.Series:
    given = text.get_column(name).str.strip_chars().str.to_lowercase()
    # A planned date of "infinity" means "no end": null on purpose.
    return values.get_column(name).is_null() & given.is_not_null() & ~given.is_in(["", "infinity"])


def _parsed(column: Column, zone: str) -> pl.Expr:
    raw = pl.col(column.name)
    if column.kind == "text":
        return raw
    clean = raw.str.strip_chars()
    if column.kind == "boolean":
        return _boolean(clean.str.to_lowercase())
    if column.kind == "date":
        return _infinite(clean, _day(clean, zone), pl.Date, observed=column.observed)
    if column.kind == "timestamp":
        return _infinite(clean, _moment(clean, zone), pl.Datetime("us", "UTC"), observed=column.observed)
    return clean.cast(pl.Float64, strict=False)


def _boolean(clean: pl.Expr) -> pl.Expr:
    return pl.when(clean.is_in(_TRUE)).then(True).when(clean.is_in(_FALSE)).then(False)


def _moment(clean: pl.Expr, zone: str) -> pl.Expr:
    iso = clean.str.replace("T", " ", literal=True).str.replace(r"(?i)\s*(z|utc)$", "+00:00")
    iso = iso.str.replace(r"(:[\d.]+[+-]\d\d)$", "${1}:00")
    tries = [iso.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in _MOMENTS]
    day = iso.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    start = day.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    return pl.coalesce(*tries, start)


def _day(clean: pl.Expr, zone: str) -> pl.Expr:
    plain = clean.str.to_date("%Y-%m-%d", strict=False)
    return pl.coalesce(plain, _moment(clean, zone).dt.convert_time_zone(zone).dt.date())


def _infinite(clean: pl.Expr, value: pl.Expr, kind: pl.DataType | type[pl.DataType], *, observed: bool) -> pl.Expr:
    word = clean.str.to_lowercase()
    endless = pl.lit(AFTER_TIME if observed else None).cast(kind)
    never = pl.lit(BEFORE_TIME).cast(kind)
    return pl.when(word == "infinity").then(endless).when(word == "-infinity").then(never).otherwise(value)
