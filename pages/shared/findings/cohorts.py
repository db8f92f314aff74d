"""What the cohorts page says about its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from pages.shared import words
from pages.shared.answers.cohorts import FEWEST, FEWEST_AT_RISK, MOST_GROUPS, Asked
from pages.shared.filters import Filters
from pages.shared.tables import Column

_WEEKS = 26
_NAMED = {"month": (1, 6, 12), "week": (1, 4, 12)}
_TOLD = {"month": (6, 12, 1), "week": (4, 12, 1)}  # where groups are compared: the first that enough have reached

UNITS = {"Accounts": "account_id", "People": "user_id", "Revenue": "mrr"}
PERIODS = {"Month": "month", "Week": "week"}
KEPT = {"Net": "net", "Gross": "gross"}
RETURNS = {"In that period": "on", "Then or later": "on_or_after"}
COHORTS = {"Their first": "first", "Every one they use it in": "recurring"}
USES = {"1 use": 1, "2 uses": 2, "5 uses": 5}
GROUPS: dict[str, str | None] = {"Nothing": None, "Plan": "plan", "Segment": "segment", "Country": "country"}
COLOURS = {"By share": False, "Against all cohorts": True}
UPTO = {"First 12": 12, "All periods": None}


def cells(asked: Asked) -> dict[str, Column]:
    """Columns of the table of all cells."""
    money = asked.unit == "mrr"
    return {
        "cohort": Column("Cohort", "day"),
        "index": Column("Periods since", "count"),
        **({"accounts": Column("Accounts", "count")} if money else {}),
        "size": Column("First paid" if money else "Started", "money" if money else "count"),
        "retained": Column("Pay then" if money else "Came back", "money" if money else "count"),
        "rate": Column("Share", "percent"),
        "low": Column("95% from", "percent"),
        "high": Column("95% to", "percent"),
        "state": Column("State", help="final, provisional (can still change) or not yet"),
    }


def noun(asked: Asked) -> str:
    """What is counted; for revenue, whose money it is."""
    return "person" if asked.unit == "user_id" else "account"


def _units(n: int, asked: Asked) -> str:
    return words.plural(n, noun(asked), "people" if asked.unit == "user_id" else None)


def _n(row: Mapping[str, Any]) -> int:
    """Units behind a row of a curve: of revenue its accounts, not its money."""
    return int(row.get("accounts", row["size"]))


def first_cohort(choice: Filters, as_of: date, period: str) -> date:
    """The first cohort shown: the period chosen, and at most half a year of weeks, which is what a screen holds."""
    since = choice.since(as_of)
    return max(since, as_of - timedelta(weeks=_WEEKS)) if period == "week" else since


def headline(curve: pl.DataFrame, asked: Asked, currency: str) -> tuple[str, str | None]:
    """The finding in one sentence, and what stands behind it."""
    known = {row["index"]: row for row in curve.iter_rows(named=True) if row["rate"] is not None and row["index"]}
    if not known:
        return "No cohort has a finished period yet", None
    named = [index for index in _NAMED[asked.period] if index in known] or [max(known)]
    money = asked.unit == "mrr"
    rates = {i: words.percent(known[i]["rate"], digits=0) for i in named}
    parts = [f"{rates[i]} {f'after {words.plural(i, asked.period)}' if money else _used(i, asked)}" for i in named]
    last = known[named[-1]]
    interval = "no interval" if last["low"] is None else f"95% interval {words.between(last['low'], last['high'])}"
    if money:
        paid, pay = (words.money(last[name], currency) for name in ("size", "retained"))
        detail = f"Of {paid} a month first paid by {_units(_n(last), asked)}, {pay} is paid {_then(named[-1], asked)}"
        return f"MRR kept: {', '.join(parts)}", f"{detail} ({interval})."
    used = f"{last['retained']:,} used it {_used(named[-1], asked)}"
    return (
        f"Still using it: {', '.join(parts)}",
        f"Of {_units(last['size'], asked)} observed that long, {used} ({interval}).",
    )


def _then(index: int, asked: Asked) -> str:
    return f"in {asked.period} {index}"


def _used(index: int, asked: Asked) -> str:
    return _then(index, asked) + (" or later" if asked.returns == "on_or_after" else "")


def told_at(curve: pl.DataFrame, asked: Asked) -> int:
    """The period at which older and newer cohorts are compared: one that enough units have reached."""
    reached = {row["index"] for row in curve.iter_rows(named=True) if _n(row) >= 2 * FEWEST}
    return next((index for index in _TOLD[asked.period] if index in reached), 1)


def triangle(cells: pl.DataFrame, halves: pl.DataFrame, asked: Asked, index: int) -> tuple[str, str]:
    """Whether newer cohorts stay longer; for revenue, how many cohorts have grown. With what marks mean."""
    after = f"after {words.plural(index, asked.period)}"
    plain = f"Each row started in one {asked.period}; each column is {asked.period}s later"
    if asked.unit == "mrr":
        final = cells.filter((pl.col("index") == index) & (pl.col("state") == "final") & pl.col("rate").is_not_null())
        if final.is_empty():
            return "Each row first paid in one month; each column is months later", _marks(asked)
        least, said = (1.0, "pay at least what they first paid") if asked.kept == "net" else (0.9, "keep at least 90%")
        many = final.filter(pl.col("rate") >= least).height
        return f"{after.capitalize()}, {many} of {words.plural(final.height, 'cohort')} {said}", _marks(asked)
    row = None if halves.is_empty() else halves.row(0, named=True)
    if row is None or row["verdict"] == "too few" or asked.returns == "on_or_after":
        return plain, _marks(asked)
    newer, older = (words.percent(row[name], digits=0) for name in ("newer", "older"))
    since = words.month(row["since"]) if asked.period == "month" else words.day(row["since"])
    interval = f"Difference {words.between(row['low'], row['high'], words.points)}, 95%."
    if row["verdict"] == "within noise":
        said = f"Newer and older cohorts cannot be told apart {after}: {newer} and {older}"
    else:
        moved = "more often" if row["verdict"] == "up" else "less often"
        said = f"Cohorts from {since} on still use it {moved}: {newer} {_then(index, asked)}, {older} before"
    return said, f"{interval} {_marks(asked)}"


def _marks(asked: Asked) -> str:
    """Which cells can still change, and what a return is where that is not the usual."""
    parts = []
    if asked.unit == "mrr":
        parts.append("A dot marks a cell that can still change: the month runs, or a renewal is late.")
    elif asked.returns == "on_or_after":
        parts.append(f"A return in a later {asked.period} can still raise any cell; all of them are provisional.")
    else:
        parts.append(f"A dot marks the running {asked.period}: such a cell can still change.")
    if asked.unit != "mrr" and asked.uses > 1:
        parts.append(f"A return needs {asked.uses} uses.")
    if asked.unit != "mrr" and asked.cohorts == "recurring":
        parts.append(f"Whoever uses the product stands in the cohort of every such {asked.period}.")
    return " ".join([*parts, "Click a cell to see who is behind it."])


def colours(relative: bool, period: str) -> str | None:
    """What the relative colours mean, in words."""
    if not relative:
        return None
    return (
        f"Blue is above what all cohorts together keep in that {period}, orange below. "
        "The 95% interval of a bold number leaves that rate out, which one in twenty does by chance."
    )


def pooled(curve: pl.DataFrame) -> dict[int, float]:
    """The rate of every index, for the relative colours."""
    return {row["index"]: row["rate"] for row in curve.iter_rows(named=True) if row["rate"] is not None}


def steepest(found: pl.DataFrame, asked: Asked) -> str:
    """Where most is lost."""
    if found.is_empty():
        return "All cohorts together"
    row = found.row(0, named=True)
    before, after = (words.percent(row[name], digits=0) for name in ("before", "after"))
    return f"The most is lost in {asked.period} {row['index']}: from {before} to {after}"


def pooled_detail(asked: Asked) -> str:
    """What the pooled curve rests on."""
    parts = [f"Cohorts old enough for each {asked.period}, pooled; only {asked.period}s that are over."]
    if asked.unit == "user_id":
        parts.append("Colleagues tend to leave together, so the band is narrower than it should be.")
    if asked.unit != "mrr" and asked.cohorts == "recurring":
        parts.append("Cohorts overlap, so there is no interval.")
    return " ".join(parts)


def drawn(curves: pl.DataFrame, size: str = "size") -> tuple[pl.DataFrame, str]:
    """The curves of the largest groups as far as they rest on enough units, and in words which are not drawn.

    ``curves`` has ``group``, ``index`` or ``day``, and ``size`` names the units behind a point.
    """
    along = "index" if "index" in curves.columns else "day"
    sizes = curves.filter(pl.col(along) == 0).sort(size, "group", descending=[True, False])
    enough = sizes.filter(pl.col(size) >= FEWEST)
    names, more = enough["group"].to_list()[:MOST_GROUPS], enough["group"].to_list()[MOST_GROUPS:]
    small = [f"{words.inert(row['group'])} ({row[size]:,})" for row in sizes.to_dicts() if row[size] < FEWEST]
    kept = curves.filter(pl.col("group").is_in(names) & (pl.col(size) >= FEWEST_AT_RISK))
    order = {name: place for place, name in enumerate(names)}
    kept = kept.sort(pl.col("group").replace_strict(order, default=0, return_dtype=pl.Int64), along)
    said = [f"Under {FEWEST}, not drawn: {', '.join(small)}."] if small else []
    said += [f"Smaller than these {MOST_GROUPS}: {', '.join(map(words.inert, more))}."] if more else []
    return kept, " ".join(said)


def together(curves: pl.DataFrame, along: str) -> pl.DataFrame:
    """The curves up to where the shortest ends: beyond it there would be nothing to compare with."""
    if curves.is_empty():
        return curves
    end = curves.group_by("group").agg(pl.col(along).max())[along].min()
    kept = curves.filter(pl.col(along) <= end)
    held = kept.group_by("group", maintain_order=True).last().filter(pl.col(along) < end)
    return pl.concat([kept, held.select(kept.columns).with_columns(pl.lit(end).cast(kept.schema[along]).alias(along))])


def size_of(asked: Asked) -> str:
    """The column of a curve that says on how many units it rests."""
    return "accounts" if asked.unit == "mrr" else "size"


def comparable(curves: pl.DataFrame, asked: Asked) -> tuple[int, tuple[str, ...]]:
    """Where groups are compared, and which: the first period that at least two have reached with enough units."""
    for index in _TOLD[asked.period]:
        enough = curves.filter((pl.col("index") == index) & (pl.col(size_of(asked)) >= FEWEST))
        if enough.height > 1:
            return index, tuple(enough["group"].to_list())
    return 1, ()


def compared(apart: pl.DataFrame, asked: Asked, group: str, index: int) -> str:
    """Which group stays most, which least, and whether that is more than chance."""
    if apart.is_empty():
        return f"Too few to compare by {group} yet"
    row = apart.row(0, named=True)
    best, worst = (
        f"{words.inert(row[name])} {words.percent(row[f'{name}_rate'], digits=0)}" for name in ("best", "worst")
    )
    after = f"after {words.plural(index, asked.period)}"
    match row["verdict"]:
        case "up":
            return f"By {group}, {best} and {worst} {after}: a real difference"
        case "within noise":
            return f"No difference by {group} that is more than noise {after}: {best}, {worst}"
        case _:
            why = "cohorts overlap, so no verdict" if asked.cohorts == "recurring" else "too few for a verdict"
            return f"By {group}, {best} and {worst} {after}; {why}"


def compared_detail(asked: Asked, group: str, left_out: str) -> str:
    """How groups are formed, how their difference is judged, and which of them are missing."""
    parts = ["A plan is the one an account began with." if group == "plan" else f"The {group} is today's."]
    parts.append("The verdict allows for the choice of best and worst; lines go as far as all can be compared.")
    return " ".join([*parts, *([left_out] if left_out else [])])


def cell(chosen: Sequence[Any], cells: pl.DataFrame) -> tuple[date, int] | None:
    """Cohort and index of a cell that was clicked; None when the triangle shown has no such cell."""
    cohort, index = date.fromisoformat(chosen[0]), int(chosen[1])
    there = cells.filter((pl.col("cohort") == cohort) & (pl.col("index") == index) & pl.col("rate").is_not_null())
    return None if there.is_empty() else (cohort, index)


def members(units: pl.DataFrame, at: tuple[date, int], asked: Asked, currency: str) -> str:
    """How many are behind the cell that was clicked, in words."""
    cohort, index = at
    name = words.month(cohort) if asked.period == "month" else f"the week of {words.day(cohort)}"
    if asked.unit == "mrr":
        paid, pay = (words.money(int(units[column].sum()), currency) for column in ("paid", "pays"))
        return f"{_units(units.height, asked)} first paid in {name}: {paid} a month, {pay} {_then(index, asked)}"
    back = units["retained"].fill_null(False).sum()
    started = "used it" if asked.cohorts == "recurring" else "started"
    return f"{_units(units.height, asked)} {started} in {name}; {back:,} came back {_then(index, asked)}"


def columns(asked: Asked) -> dict[str, Column]:
    """Columns of the table behind a cell."""
    if asked.unit == "mrr":
        money = {"paid": Column("First paid", "money"), "pays": Column("Pays then", "money")}
        counted: dict[str, Column] = {**money, "change": Column("Change", "money")}
    else:
        counted = {"retained": Column("Came back", "flag")}
    return {
        **({"person": Column("Person")} if asked.unit == "user_id" else {}),
        "name": Column("Account", pinned=True),
        **counted,
        "segment": Column("Segment"),
        "country": Column("Country"),
    }
