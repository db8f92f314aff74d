"""What the cohorts page says about its numbers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from pages.shared import words
from pages.shared.filters import Filters
from pages.shared.tables import Column

_WEEKS = 26
_NAMED = {"month": (1, 6, 12), "week": (1, 4, 12)}

CELLS = {
    "cohort": Column("Cohort", "day"),
    "index": Column("Periods since", "count"),
    "size": Column("Started", "count"),
    "retained": Column("Came back", "count"),
    "rate": Column("Share", "percent"),
    "low": Column("95% from", "percent"),
    "high": Column("95% to", "percent"),
    "state": Column("State", help="final, provisional (still running) or not yet"),
}


def first_cohort(choice: Filters, as_of: date, period: str) -> date:
    """The first cohort shown: the period chosen, and at most half a year of weeks, which is what a screen holds."""
    since = choice.since(as_of)
    return max(since, as_of - timedelta(weeks=_WEEKS)) if period == "week" else since


def headline(curve: pl.DataFrame, noun: str, period: str) -> tuple[str, str | None]:
    """The finding in one sentence, and what stands behind it."""
    known = {row["index"]: row for row in curve.iter_rows(named=True) if row["rate"] is not None and row["index"]}
    if not known:
        return "No cohort has a finished period yet", None
    named = [index for index in _NAMED[period] if index in known] or [max(known)]
    parts = [f"{words.percent(known[index]['rate'], digits=0)} after {words.plural(index, period)}" for index in named]
    last = known[named[-1]]
    detail = (
        f"Of {words.plural(last['size'], noun, 'people' if noun == 'person' else None)} observed that long, "
        f"{last['retained']:,} came back (95% interval {words.between(last['low'], last['high'])})."
    )
    return f"Still here: {', '.join(parts)}", detail


def states(returns: str, period: str) -> str:
    """Which cells can still change."""
    if returns == "on_or_after":
        return f"A return in a later {period} can still raise any cell; all of them are provisional."
    return f"A dot marks the running {period}: such a cell can still change. Click a cell to see who is behind it."


def cell(chosen: list[Any]) -> tuple[date, int]:
    """Cohort and index of a cell that was clicked."""
    return date.fromisoformat(chosen[0]), int(chosen[1])


def members(units: pl.DataFrame, chosen: list[Any], noun: str, period: str) -> str:
    """How many are behind the cell that was clicked, in words."""
    cohort, index = cell(chosen)
    name = words.month(cohort) if period == "month" else f"the week of {words.day(cohort)}"
    back = units["retained"].fill_null(False).sum()
    many = "people" if noun == "person" else None
    return f"{words.plural(units.height, noun, many)} started in {name}; {back:,} came back {period} {index}"


def columns(unit: str) -> dict[str, Column]:
    """Columns of the table behind a cell."""
    person = {"person": Column("Person")} if unit == "user_id" else {}
    return {
        **person,
        "name": Column("Account", pinned=True),
        "retained": Column("Came back", "flag"),
        "segment": Column("Segment"),
        "country": Column("Country"),
    }
