"""Composes the SELECT that wraps a mapping and casts each column to its contract type, in SQL.

Casting in the database keeps drivers out of trouble: a NUMERIC NaN or a moment in the year 294276 that a driver hands
to Polars raises a panic there. Both arrive here as values that the row checks can name. What the database keeps as text
is handed on as text and parsed like a file's, so that one value that does not parse costs one row, and a date means the
same whatever country the server was set up for.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from queries.contract import Column, Source

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "(?:[01][0-9]|2[0-3]):[0-9:.]+(?:[+-][0-9:]+| ?Z| ?UTC| ?GMT)?"

BEFORE_TIME, AFTER_TIME = date(1, 1, 1), date(9999, 12, 31)
"""Stand for times that no calendar here reaches; the row checks reject both."""


def out_of_reach(*, observed: bool) -> date:
    """What a time after the year 9999 becomes: a day that the row checks reject, whichever kind of time it is."""
    return AFTER_TIME if observed else BEFORE_TIME


def wrapped(sql: str) -> sa.TextClause:
    """``sql`` as something to select from; its colons are kept from being read as parameters."""
    return sa.text("(\n" + sql.replace(":", "\\:") + "\n) AS source")


def typed_select(sql: str, source: Source, schema: dict[str, str], zone: str) -> sa.Select[*tuple[Any, ...]]:
    """Selects the contract's columns that ``schema`` holds, cast to their types, or as text where that is parsed.

    Numbers of every kind come as double precision, so that 6.5 for a whole number is seen, not rounded away.
    """
    columns = [
        typed(column, schema[column.name], zone).label(column.name)
        for column in source.columns
        if column.name in schema
    ]
    return sa.select(*columns).select_from(wrapped(sql))


def text_select(sql: str, source: Source, schema: dict[str, str]) -> sa.Select[*tuple[Any, ...]]:
    """Selects the same columns as text, for a source in which some value does not cast."""
    columns = [sa.cast(sa.column(name), sa.Text).label(name) for name in source.names if name in schema]
    return sa.select(*columns).select_from(wrapped(sql))


def typed(column: Column, arrow_type: str, zone: str) -> ColumnElement[Any]:
    """One column cast to its contract type, or as text. ``arrow_type`` is the type the mapping returns now."""
    raw: ColumnElement[Any] = sa.column(column.name)
    if column.kind == "boolean" and arrow_type == "bool":
        return raw
    if column.kind in ("date", "timestamp") and arrow_type.startswith(("date", "timestamp")):
        return _in_reach(column, day(raw, arrow_type, zone), moment(raw, arrow_type, zone))
    if column.kind in ("integer", "number", "money"):
        if arrow_type == "int64":  # PostgreSQL's money looks the same, and knows only numeric
            return sa.cast(sa.cast(raw, sa.Numeric), sa.Double)
        if arrow_type.startswith(("int", "float", "double")) or "type_name=numeric" in arrow_type:
            return sa.cast(raw, sa.Double)
    return sa.cast(raw, sa.Text)


def moment(raw: ColumnElement[Any], arrow_type: str, zone: str) -> ColumnElement[Any]:
    """A timestamptz: times without a zone are UTC, a plain date is the start of the organisation's day."""
    if arrow_type.startswith("date"):
        return sa.func.timezone(zone, sa.cast(raw, sa.DateTime(timezone=False)))
    if arrow_type.startswith("timestamp") and "tz=" not in arrow_type:
        return sa.func.timezone("UTC", raw)
    return raw


def written_moment(raw: ColumnElement[Any], zone: str) -> ColumnElement[Any]:
    """A timestamptz from a moment kept as text, read as :mod:`queries.parse` reads it: without a zone it is UTC.

    Where a value is spelled in another way the statement fails, instead of guessing as PostgreSQL does; the source is
    then read as text.
    """
    instant = sa.DateTime(timezone=True)
    text = sa.cast(raw, sa.Text)
    return sa.case(
        (text.regexp_match(f"^{_DAY}[ T]{_TIME}$"), sa.cast(text, instant)),
        (text.regexp_match(f"^{_DAY}$"), sa.func.timezone(zone, sa.cast(text, sa.DateTime(timezone=False)))),
        (text.regexp_match("^ *$"), sa.null()),
        else_=sa.cast(text.concat(" is not ISO 8601"), instant),
    )


def day(raw: ColumnElement[Any], arrow_type: str, zone: str) -> ColumnElement[Any]:
    """A date: a moment falls on the organisation's day; a time without a zone keeps the day it says."""
    if arrow_type.startswith("timestamp") and "tz=" in arrow_type:
        return sa.cast(sa.func.timezone(zone, raw), sa.Date)
    return sa.cast(raw, sa.Date)


def _in_reach(column: Column, on: ColumnElement[Any], at: ColumnElement[Any]) -> ColumnElement[Any]:
    """``infinity`` as a planned time means "no end" (NULL); what else no calendar reaches is rejected by the checks."""
    is_day = column.kind == "date"
    value, kind = (on, sa.Date()) if is_day else (at, sa.DateTime(timezone=True))

    def constant(text: str) -> ColumnElement[Any]:
        return sa.cast(sa.literal(text), kind)

    late = constant(out_of_reach(observed=column.observed).isoformat())
    endless = late if column.observed else sa.null()
    return sa.case(
        (value == constant("infinity"), endless),
        (value >= constant("10000-01-01"), late),
        (value < constant(BEFORE_TIME.isoformat()), constant(BEFORE_TIME.isoformat())),
        else_=value,
    )
