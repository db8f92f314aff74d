"""Hindsight: the frames as they stood at the end of a past day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import polars as pl

from metrics.inputs import Frame, Frames

Period = Literal["day", "week", "month"]


@dataclass(frozen=True)
class Later:
    """Fields that were not known yet.

    ``fields`` are blanked when the first filled one of ``dated_by`` lies after as_of; with ``undated`` also when
    none of them is filled, because nothing then says that the value was there.
    """

    fields: tuple[str, ...]
    dated_by: tuple[str, ...]
    undated: bool = False


@dataclass(frozen=True)
class Rule:
    """How one frame is taken back: the times that date a row, the period the row covers, its later fields."""

    dated_by: tuple[str, ...] = ()
    period: Period = "day"
    later: tuple[Later, ...] = ()


RULES: dict[str, Rule] = {
    "accounts": Rule(("signed_up_at",)),
    "people": Rule(("joined_at",), later=(Later(("left_at",), ("left_at",)),)),
    "subscriptions": Rule(
        ("started_on",),
        later=(
            Later(("ended_on", "end_kind"), ("ended_on",)),
            Later(("cancel_requested_at",), ("cancel_requested_at",)),
            Later(("past_due_since",), ("past_due_since",)),
        ),
    ),
    "events": Rule(("occurred_at",)),
    "milestones": Rule(("reached_at",)),
    "reach": Rule(("month",), period="month"),
    "nps": Rule(
        ("sent_at", "responded_at"),
        later=(Later(("responded_at", "score", "comment"), ("responded_at", "sent_at"), undated=True),),
    ),
    "exit_surveys": Rule(("submitted_at",)),
    "tickets": Rule(
        ("opened_at",),
        later=(
            Later(("csat", "csat_at"), ("csat_at", "solved_at"), undated=True),
            Later(("solved_at",), ("solved_at",)),
        ),
    ),
    "touches": Rule(("occurred_at",)),
    "reviews": Rule(("posted_at",)),
    "roadmap": Rule(later=(Later(("shipped_on",), ("shipped_on",)),)),
    "fx_rates": Rule(("month",)),
    "activity": Rule(("day",)),
    "activity_weekly": Rule(("period",), period="week"),
    "activity_monthly": Rule(("period",), period="month"),
    "usage_28d": Rule(("window_end",)),
    "value_days": Rule(later=(Later(("last_value_on",), ("last_value_on",)),)),
}


def _on(names: tuple[str, ...], schema: pl.Schema) -> pl.Expr:
    """The day of the first of ``names`` that is filled; null when none is."""
    found = [pl.col(name).dt.date() for name in names if schema.get(name, pl.Null) != pl.Null]
    return pl.coalesce(*found) if found else pl.lit(None, dtype=pl.Date)


def _last_start(period: Period, as_of: date) -> date:
    """The last first day of a period that is over at the end of ``as_of``."""
    if period == "month":
        return (as_of + timedelta(days=1)).replace(day=1) - timedelta(days=1)
    return as_of - timedelta(days=6) if period == "week" else as_of


def _blank(later: Later, schema: pl.Schema, as_of: date) -> list[pl.Expr]:
    unknown = (_on(later.dated_by, schema) > as_of).fill_null(later.undated)
    return [pl.when(unknown).then(None).otherwise(pl.col(name)).alias(name) for name in later.fields if name in schema]


def _as_of(frame: Frame, rule: Rule, as_of: date) -> pl.LazyFrame:
    schema = frame.lazy().collect_schema()
    rows = frame.lazy()
    if any(name in schema for name in rule.dated_by):
        known = _on(rule.dated_by, schema) <= _last_start(rule.period, as_of)
        rows = rows.filter(known.fill_null(True))
    # One with_columns: a blanked date must not change what another field is dated by.
    return rows.with_columns(*(blank for later in rule.later for blank in _blank(later, schema, as_of)))


def as_of_view(frames: Frames, as_of: date) -> dict[str, pl.LazyFrame]:
    """The frames as they stood at the end of ``as_of``: later rows dropped, later fields blanked.

    Grain and columns are those of the frames given; every name given comes back, lazily. A row goes when the
    time that dates it (sign-up, start, opening, answer, month, window end …) lies after ``as_of``. A field becomes
    null when its own time does, with what hangs on it: ``ended_on`` with ``end_kind`` (a planned end is not an
    end yet), ``cancel_requested_at``, ``past_due_since``, ``left_at``, ``solved_at``, ``csat`` with ``csat_at``
    (dated by ``csat_at``, else by ``solved_at``), ``responded_at`` with ``score`` and ``comment`` (dated by
    ``responded_at``, else by ``sent_at``), ``shipped_on``, ``last_value_on``. A score or a rating without any date
    is never known. Rows without a date of their own stay.

    Weeks and months that were not over on ``as_of`` cannot be cut and are dropped whole, so the running period
    of ``activity_weekly``, ``activity_monthly`` and ``reach`` is missing from the view of a day inside it.

    What carries no date is today's: accounts (segment, CSM, goal), features and their thresholds, entitlements,
    roles, priorities, renewal dates. A late payment that was settled, or a request to leave that was taken back,
    leaves no trace in the sources and is therefore missing from every view.

    >>> tickets = pl.LazyFrame({
    ...     "ticket_id": ["1", "2"],
    ...     "opened_at": [date(2026, 3, 1), date(2026, 4, 2)],
    ...     "solved_at": [date(2026, 4, 1), None],
    ... })
    >>> as_of_view({"tickets": tickets}, date(2026, 3, 31))["tickets"].collect().rows()
    [('1', datetime.date(2026, 3, 1), None)]
    """
    return {name: _as_of(frame, RULES.get(name, Rule()), as_of) for name, frame in frames.items()}
