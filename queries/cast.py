"""Composes the SELECT that wraps a mapping and casts each column to its contract type, in SQL.

Casting in the database keeps drivers out of trouble: a NUMERIC NaN or a date of ``infinity`` that a driver hands to
Polars raises a panic there. Both arrive here as values the row checks can name.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from queries.contract import Column, Source

BEFORE_TIME, AFTER_TIME = date(1, 1, 1), date(9999, 12, 31)
"""Stand for ``-infinity``, and for ``infinity`` where only the past makes sense: the row checks reject both."""


def wrapped(sql: str) -> sa.TextClause:
    """``sql`` as something to select from; its colons are kept from being read as parameters."""
    return sa.text("(\n" + sql.replace(":", "\\:") + "\n) AS source")


def typed_select(sql: str, source: Source, schema: dict[str, str], zone: str) -> sa.Select[*tuple[Any, ...]]:
    """Selects the contract's columns that ``schema`` holds, cast to their types.

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
    """One column cast to its contract type. ``arrow_type`` is the type the mapping returns now."""
    raw: ColumnElement[Any] = sa.column(column.name)
    if column.kind == "text":
        return sa.cast(raw, sa.Text)
    if column.kind == "boolean":
        return sa.cast(raw, sa.Boolean)
    if column.kind == "date":
        return _finite(day(raw, arrow_type, zone), sa.Date(), observed=column.observed)
    if column.kind == "timestamp":
        return _finite(moment(raw, arrow_type, zone), sa.DateTime(timezone=True), observed=column.observed)
    return sa.cast(raw, sa.Double)


def moment(raw: ColumnElement[Any], arrow_type: str, zone: str) -> ColumnElement[Any]:
    """A timestamptz: times without a zone are UTC, a plain date is the start of the organisation's day."""
    if arrow_type.startswith("date"):
        return sa.func.timezone(zone, sa.cast(raw, sa.DateTime(timezone=False)))
    if arrow_type.startswith("timestamp") and "tz=" not in arrow_type:
        return sa.func.timezone("UTC", raw)
    if arrow_type.startswith("timestamp"):
        return raw
    return sa.cast(raw, sa.DateTime(timezone=True))


def day(raw: ColumnElement[Any], arrow_type: str, zone: str) -> ColumnElement[Any]:
    """A date: a moment falls on the organisation's day."""
    if arrow_type.startswith("timestamp") and "tz=" in arrow_type:
        return sa.cast(sa.func.timezone(zone, raw), sa.Date)
    return sa.cast(raw, sa.Date)


def _finite(value: ColumnElement[Any], kind: sa.types.TypeEngine[Any], *, observed: bool) -> ColumnElement[Any]:
    """``infinity`` as a planned time means "no end" (NULL); what else is infinite becomes a day the checks reject."""

    def constant(text: str) -> ColumnElement[Any]:
        return sa.cast(sa.literal(text), kind)

    endless = constant(AFTER_TIME.isoformat()) if observed else sa.null()
    return sa.case(
        (value == constant("infinity"), endless),
        (value == constant("-infinity"), constant(BEFORE_TIME.isoformat())),
        else_=value,
    )
