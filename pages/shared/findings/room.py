"""What the account page says about what people wrote down: goal, champion, overrides, notes, and the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import polars as pl

from metrics.health import explain_change
from pages.shared import words
from pages.shared.findings.accounts import MARKS, MEASURES
from pages.shared.tables import Column

BANDS = {"▼ red": "red", "■ yellow": "yellow", "▲ green": "green"}
USUAL_DAYS = 30
"""How long an override counts unless somebody chooses otherwise."""
ERASED = "somebody whose name is erased"
OVERRIDES = {
    "made_at": Column("When", "moment"),
    "who": Column("Who"),
    "said": Column("Said"),
    "until": Column("Until", "day", help="From this day on the computed health counts again"),
    "reason": Column("Because", width="large"),
}
MOVED = {
    "on": Column("Until", "day", help="The end of the month in which it moved, or today"),
    "measure": Column("What moved"),
    "points": Column("Points", "number"),
    "because": Column("Because"),
}
LEAST_POINTS = 2.0
"""Smaller moves of a month are not listed."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "Use": ("Use", "Value starts", "Value stops"),
    "Tickets": ("Ticket",),
    "Answers": ("NPS", "Exit survey"),
    "Contacts": ("Contact",),
    "Plans": ("Plan begins", "Plan ends", "Asks to leave"),
    "People": ("Person leaves",),
    "Health": ("Health by hand",),
    "Notes": ("Note",),
}
"""The kinds of what happens, by what each line of the timeline is called."""
TIMELINE = {"day": Column("Day", "day"), "what": Column("What"), "text": Column("Details", width="large")}


class Known(NamedTuple):
    """A goal or a champion: what counts, what is said of it, and whether it was typed in here."""

    text: str | None
    note: str
    typed: bool


def goal(source: str | None, typed: Mapping[str, Any] | None, zone: Any) -> Known:
    """Why they bought: as typed in where it was, else as the source says."""
    own = None if typed is None else typed["goal"]
    if own is None:
        return Known(
            source or None, "From your accounts source." if source else "No source says why they bought.", False
        )
    instead = f" The source says: {words.inert(source)}" if source else ""
    return Known(own, f"{_typed(typed, zone)}{instead}", True)


def champion(people: pl.DataFrame, typed: Mapping[str, Any] | None, zone: Any) -> Known:
    """Who carries it there: as typed in where somebody did, else the champions of the people source."""
    theirs = people.filter((pl.col("role") == "champion") & pl.col("left_on").is_null())["name"].to_list()
    gone = people.filter((pl.col("role") == "champion") & pl.col("left_on").is_not_null())
    source = ", ".join(theirs) or None
    if typed is None or (typed["champion_id"] is None and typed["champion"] is None):
        return Known(source, _from_source(source, gone), False)
    instead = f" The source says: {words.inert(source)}" if source else ""
    known = people.filter(pl.col("user_id").eq_missing(pl.lit(typed["champion_id"], dtype=pl.String)))
    name = typed["champion"] or (known["name"][0] if known.height else "somebody no longer on record")
    left = known["left_on"][0] if known.height else None
    said = f" They left on {words.day(left)}." if left is not None else ""
    return Known(name, f"{_typed(typed, zone)}{said}{instead}", True)


def _from_source(source: str | None, gone: pl.DataFrame) -> str:
    if source:
        return "From your people source."
    if gone.height:
        last = gone.sort("left_on").row(-1, named=True)
        return f"{words.inert(last['name'])} was, and left on {words.day(last['left_on'])}."
    return "No source names one."


def _typed(typed: Mapping[str, Any] | None, zone: Any) -> str:
    assert typed is not None
    at = words.moment(typed["typed_at"].astimezone(zone))
    return f"Typed in by {words.inert(typed['author'] or ERASED)}, {at}; this counts."


def computed(row: Mapping[str, Any]) -> str:
    """The computed health in words.

    >>> computed({"band": "red", "score": 32.4})
    '▼ red, 32 of 100'
    """
    score = "not enough known" if row["score"] is None else f"{row['score']:.0f} of 100"
    return f"{MARKS.get(row['band'], row['band'])}, {score}"


def override(row: Mapping[str, Any]) -> str | None:
    """The override that counts, in words; None without one."""
    if row["override_score"] is None:
        return None
    until = f" until {words.day(row['override_until'])}" if row["override_until"] is not None else ""
    return f"{MARKS.get(row['shown_band'], row['shown_band'])}{until}"


def override_note(row: Mapping[str, Any]) -> str:
    """Whose override it is."""
    return f"Said by {words.inert(row['override_by'] or ERASED)}. The computed health stays beside it."


def overrides(history: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Every override of an account, in words."""
    told = pl.coalesce(
        pl.col("band").replace_strict(MARKS, default=pl.col("band")), pl.col("score").round(0).cast(pl.String)
    )
    return history.with_columns(
        pl.col("made_at").dt.convert_time_zone(zone).dt.replace_time_zone(None),
        who=pl.col("author").fill_null(ERASED),
        said=pl.when(pl.col("expires_on").is_null()).then(pl.lit("taken back")).otherwise(told),
        until="expires_on",
    )


def note_line(note: Mapping[str, Any], zone: Any) -> str:
    """Who wrote a note, and who changed it."""
    said = f"{words.inert(note['author'] or ERASED)}, {words.moment(note['written_at'].astimezone(zone))}"
    if note["edited_at"] is None:
        return said
    by = "" if note["edited_by"] == note["author"] else f" by {words.inert(note['edited_by'] or ERASED)}"
    return f"{said}; changed{by} {words.moment(note['edited_at'].astimezone(zone))}"


def moves(history: pl.DataFrame) -> pl.DataFrame:
    """What moved the score in each month: ``on`` (its end), ``measure``, ``points``, ``because``, newest first."""
    rows = history.sort("on")
    name = pl.col("on").cast(pl.String).alias("account_id")
    before = rows.head(-1).with_columns(rows["on"].slice(1).cast(pl.String).alias("account_id")).drop("on")
    after = rows.tail(-1).with_columns(name).drop("on")
    if before.is_empty():
        return pl.DataFrame(schema={"on": pl.Date, "measure": pl.String, "points": pl.Float64, "because": pl.String})
    told = explain_change(before, after).with_columns(on=pl.col("account_id").str.to_date("%Y-%m-%d"))
    return told.select(
        "on", pl.col("measure").replace_strict(MEASURES, default=pl.col("measure")), "points", "because"
    ).sort("on", pl.col("points").abs(), descending=True, nulls_last=True)


def listed(moved: pl.DataFrame) -> pl.DataFrame:
    """The moves worth a line: of at least ``LEAST_POINTS``, and those that made the score known or unknown."""
    return moved.filter(pl.col("points").is_null() | (pl.col("points").abs() >= LEAST_POINTS))


def turns(history: pl.DataFrame, moved: pl.DataFrame, *, least: float = 5.0) -> list[dict[str, Any]]:
    """The months in which the score moved by ``least`` or more: ``on``, ``score``, ``points``, ``why`` (two causes)."""
    known = moved.filter(pl.col("points").is_not_null(), pl.col("because") != "override")
    by_month = known.group_by("on").agg(
        points=pl.col("points").sum(),
        why=pl.format("{} {}", "measure", _signed("points")).head(2).str.join("; "),
    )
    found = by_month.filter(pl.col("points").abs() >= least).join(history.select("on", "score"), on="on")
    return found.filter(pl.col("score").is_not_null()).sort("on").to_dicts()


def _signed(column: str) -> pl.Expr:
    amount = pl.col(column).abs().round(0).cast(pl.Int64).cast(pl.String)
    return pl.when(pl.col(column) < 0).then(pl.lit(words.MINUS) + amount).otherwise(pl.lit("+") + amount)


def happened(base: pl.DataFrame, notes: pl.DataFrame, overridden: pl.DataFrame, zone: str) -> pl.DataFrame:
    """The timeline with notes and overrides in it, newest first."""
    parts = [base]
    if notes.height:
        parts.append(notes.select(day=_day("written_at", zone), what=pl.lit("Note"), text=_by("author", "text")))
    if overridden.height:
        told = overrides(overridden, zone).with_columns(reason=pl.col("reason").fill_null(""))
        line = pl.concat_str("said", pl.lit(" · "), _by("who", "reason"))
        parts.append(told.select(day=pl.col("made_at").dt.date(), what=pl.lit("Health by hand"), text=line))
    return pl.concat(parts).sort("day", "what", descending=[True, False])


def _day(column: str, zone: str) -> pl.Expr:
    return pl.col(column).dt.convert_time_zone(zone).dt.date()


def _by(who: str, text: str) -> pl.Expr:
    return pl.concat_str(pl.col(who).fill_null(ERASED), pl.lit(": "), pl.col(text).str.slice(0, 2_000))


def of_kinds(rows: pl.DataFrame, kinds: list[str]) -> pl.DataFrame:
    """The lines of these kinds; all of them when none is chosen."""
    wanted = [what for kind in kinds for what in KINDS.get(kind, ())]
    return rows.filter(pl.col("what").is_in(wanted)) if wanted else rows


def first_and_last(today: date) -> tuple[date, date]:
    """The days an override may end on.

    >>> first_and_last(date(2026, 11, 22))
    (datetime.date(2026, 11, 23), datetime.date(2027, 11, 22))
    """
    return today + timedelta(days=1), today + timedelta(days=365)
