"""Turns text into the contract's types, one bad value costing one row.

Used for files, for what a database keeps as text, and for a database source in which some value does not cast. Times
are ISO 8601 as people write it (``2026-01-05``, ``2026-01-05 14:30``, ``2026-01-05T14:30:00+01:00``); any other
spelling would have to be guessed, and is for the mapping to cast.
"""

from __future__ import annotations

import polars as pl

from queries.cast import AFTER_TIME, BEFORE_TIME, out_of_reach
from queries.contract import Column, Source

UNPARSABLE = "unparsable"
"""Extra column: the name of the first column of the row that does not parse, else null."""

ORIGINAL = "original"
"""Extra column: the parsed columns as they were, a struct of text, so that a rejected row shows what stood there."""

_TRUE = ("t", "tr", "tru", "true", "y", "ye", "yes", "on", "1")
_FALSE = ("f", "fa", "fal", "fals", "false", "n", "no", "of", "off", "0")
_MOMENTS = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M%#z", "%Y-%m-%d %H:%M")
_TIMES = ("date", "timestamp")
_ZONE = r"(?i)\d\d:\d\d\S*\s*([+-]\d\d(:?\d\d)?|z|utc|gmt)$"


def parse(frame: pl.DataFrame, source: Source, zone: str) -> pl.DataFrame:
    """``frame`` with its text in the contract's types, with :data:`UNPARSABLE` and :data:`ORIGINAL`.

    Columns that have their type already stay. Empty text is null. A moment without a zone is UTC; a plain date as a
    moment is the start of the organisation's day in ``zone``; a moment as a date falls on the organisation's day.
    """
    columns = [column for column in source.columns if column.name in frame.columns]
    parsed = [column for column in columns if column.kind != "text" and frame.schema[column.name] == pl.String]
    text = frame.select(column.name for column in parsed)
    values = text.select(_parsed(column, zone).alias(column.name) for column in parsed)
    failed = [pl.when(_fails(text, values, column)).then(pl.lit(column.name)) for column in parsed]
    return frame.select(column.name for column in columns).with_columns(
        *values.get_columns(),
        pl.coalesce(*failed, pl.lit(None, pl.String)).alias(UNPARSABLE),
        *([text.to_struct(ORIGINAL)] if parsed else []),
    )


def _fails(text: pl.DataFrame, values: pl.DataFrame, column: Column) -> pl.Series:
    given = text.get_column(column.name).str.strip_chars().str.to_lowercase()
    # A planned date of "infinity" means "no end": null on purpose.
    meant = ["", "infinity"] if column.kind in _TIMES else [""]
    return values.get_column(column.name).is_null() & given.is_not_null() & ~given.is_in(meant)


def _parsed(column: Column, zone: str) -> pl.Expr:
    clean = pl.col(column.name).str.strip_chars()
    if column.kind == "boolean":
        return _boolean(clean.str.to_lowercase())
    if column.kind == "date":
        return _in_reach(clean, _day(clean, zone), pl.Date, observed=column.observed)
    if column.kind == "timestamp":
        return _in_reach(clean, _moment(clean, zone), pl.Datetime("us", "UTC"), observed=column.observed)
    return clean.cast(pl.Float64, strict=False)


def _boolean(clean: pl.Expr) -> pl.Expr:
    return pl.when(clean.is_in(_TRUE)).then(True).when(clean.is_in(_FALSE)).then(False)


def _moment(clean: pl.Expr, zone: str) -> pl.Expr:
    iso = clean.str.replace(r"^(\S{10})T", "$1 ").str.replace(r"(?i)\s*(z|utc|gmt)$", "+00:00")
    tries = [iso.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in _MOMENTS]
    return pl.coalesce(*tries, _start(iso.str.to_date("%Y-%m-%d", strict=False), zone))


def _start(day: pl.Expr, zone: str) -> pl.Expr:
    """The first moment of a day. Where clocks skip midnight: 24 hours after the one before, as PostgreSQL has it."""
    midnight = day.cast(pl.Datetime("us"))
    here, before = (
        local.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null").dt.convert_time_zone("UTC")
        for local in (midnight, midnight.dt.offset_by("-1d"))
    )
    return pl.coalesce(here, before.dt.offset_by("24h"))


def _day(clean: pl.Expr, zone: str) -> pl.Expr:
    moment = _moment(clean, zone)
    said = moment.dt.convert_time_zone("UTC").dt.date()  # without a zone it was read as UTC: the day it says
    plain = clean.str.to_date("%Y-%m-%d", strict=False)
    here = moment.dt.convert_time_zone(zone).dt.date()
    return pl.coalesce(plain, pl.when(clean.str.contains(_ZONE)).then(here).otherwise(said))


def _in_reach(clean: pl.Expr, value: pl.Expr, kind: pl.DataType | type[pl.DataType], *, observed: bool) -> pl.Expr:
    """The same words and years as :func:`queries.cast.typed` handles in SQL, with the same outcome."""
    word = clean.str.to_lowercase()
    late = pl.lit(out_of_reach(observed=observed)).cast(kind)
    early = pl.lit(BEFORE_TIME).cast(kind)
    endless = pl.lit(AFTER_TIME if observed else None).cast(kind)
    return (
        pl.when(word == "infinity")
        .then(endless)
        .when((word == "-infinity") | word.str.contains(r"^-?\d{4,}-\d\d-\d\d.* bc$"))
        .then(early)
        .when(word.str.contains(r"^\+?\d{5,}-\d\d-\d\d"))
        .then(late)
        .otherwise(value)
    )
