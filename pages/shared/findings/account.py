"""What the account page says about its numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from metrics.current import renewing
from metrics.renewals import leaving
from metrics.scorecard import depth_there
from pages.shared import words
from pages.shared.findings.room import computed, override
from pages.shared.tables import Column

PEOPLE = {
    "name": Column("Person", pinned=True),
    "role": Column("Role"),
    "uses": Column("Uses, 28 days", "count"),
    "value_active": Column("Gets value", "flag", help="Reaches the threshold of a value feature in 28 days"),
    "nps": Column("NPS", "count"),
    "answered_on": Column("Answered", "day"),
    "email": Column("E-mail"),
    "left_on": Column("Left", "day"),
}
UNUSED = {
    "name": Column("Feature"),
    "is_key": Column("Key", "flag"),
    "uses": Column("Uses, 28 days", "count"),
    "threshold": Column("Value from", "number", help="What one person needs in 28 days"),
}
SUBSCRIPTIONS = {
    "plan": Column("Plan"),
    "kind": Column("Kind"),
    "mrr": Column("MRR", "money"),
    "seats": Column("Seats", "count"),
    "started_on": Column("From", "day"),
    "ended_on": Column("Until", "day"),
    "renews_on": Column("Renews", "day"),
    "end_kind": Column("Ended by"),
}
_STANDINGS = {"paying": "", "late_renewal": "late renewal"}
_COUNTS = {
    "breadth": ("Breadth", "key features in value use"),
    "depth": ("Depth", "people getting value"),
    "reach": ("Reach", "end customers last month"),
}


def headline(
    name: str, health: dict[str, Any] | None, card: dict[str, Any] | None, currency: str, over: date | None
) -> tuple[str, str]:
    """The account and how it is, in one sentence; ``over``: since when its contract has ended, if it has."""
    shown = words.inert(name)
    if card is None or card["standing"] is None:
        return shown, "Nothing is served to this account now."
    paid = f"{words.inert(card['plan'] or 'no plan')}, {words.money(card['mrr'], currency)} a month"
    state = _state(card["standing"], over)
    if health is None:
        return shown, f"{paid}; {state or 'paying'}."
    known = words.percent(health["coverage"], digits=0)
    by_hand = f"; by hand {said}" if (said := override(health)) else ""
    paid += f"; {state}" if state else ""
    return shown, f"{paid}; health {computed(health)} ({known} of the weight known){by_hand}."


def _state(standing: str, over: date | None) -> str:
    """How an account stands, where it does not simply pay."""
    said = _STANDINGS.get(standing, words.inert(standing))
    if standing != "late_renewal":
        return said
    return f"{said}{f': ended {words.day(over)}' if over else ''}, in grace"


def cards(card: dict[str, Any] | None, currency: str) -> list[tuple[str, str, str]]:
    """Breadth, depth and reach: label, value, and what it is worth beside peers and price; none of who left."""
    found: list[tuple[str, str, str]] = []
    if card is None or card["standing"] is None:
        return found
    for name, (label, meaning) in _COUNTS.items():
        whole = card.get(f"{name}_of")
        count = depth_there(card) if name == "depth" else card[name]
        value = words.number(count) + (f" of {whole:,}" if whole else "")
        if count != card[name]:
            meaning += f", {words.number(card[name])} with those who left"
        found.append((label, value, " · ".join(_worth(card, name, meaning, currency))))
    return found


def unused_columns(rows: pl.DataFrame) -> dict[str, Column]:
    """``UNUSED``, with decimals only where a threshold has some."""
    fractions = rows.filter(pl.col("threshold") != pl.col("threshold").floor())
    return UNUSED if fractions.height else UNUSED | {"threshold": replace(UNUSED["threshold"], kind="count")}


def nothing_unused(card: dict[str, Any] | None) -> str:
    """What it means that nothing paid for is out of use; nothing bought and nothing known are no praise."""
    if card is None or card["standing"] not in ("paying", "late_renewal"):
        return "Nothing is paid for now."
    if card["breadth"] is None:
        return "No use has been recorded yet."
    if card["breadth_of"] is None:
        return "No source says what their plan includes."
    return "Everything paid for is in use."


def _worth(card: dict[str, Any], name: str, meaning: str, currency: str) -> list[str]:
    notes = [meaning]
    if card[name] and card[f"{name}_percentile"] is not None:
        peers = words.plural(card[f"{name}_peers"], "peer")
        share = round(card[f"{name}_percentile"])
        notes.append(f"ahead of about {share}% of {peers}" if share else f"less than {peers} have")
    if card[f"{name}_per_100"] is not None:
        notes.append(f"{words.number(card[f'{name}_per_100'], digits=1)} per {words.money(100_00, currency)} paid")
    return notes


def renewal(stretches: pl.DataFrame, as_of: date) -> tuple[str, str]:
    """How far the next renewal is, or the end of one who leaves, and until when notice can be given.

    Who gives up only a part of what it pays for renews the rest.
    """
    going = next(leaving(stretches, as_of=as_of).iter_rows(named=True), None)
    if going and going["whole"]:
        if going["ends_on"] is None:
            return words.NOTHING, "cancellation requested, no day is set"
        return f"ends in {_days(going['ends_on'], as_of)}", f"{words.day(going['ends_on'])} · cancellation requested"
    part = f" · {words.inert(going['plan'] or 'a part')} ends{_on(going['ends_on'])}" if going else ""
    ahead = renewing(stretches, as_of=as_of).filter(pl.col("renews_on") >= as_of).sort("renews_on").collect()
    if not ahead.height:
        over = _over(stretches, as_of)
        if over is not None:
            return "over", f"served until {words.day(over)}"
        return words.NOTHING, f"no renewal date known{part}"
    row = ahead.row(0, named=True)
    return f"in {_days(row['renews_on'], as_of)}", f"{words.day(row['renews_on'])} · {notice(row, as_of)}{part}"


def ended(stretches: pl.DataFrame, as_of: date) -> date | None:
    """When the last stretch ended, of those ended by ``as_of``: neither metered ones, which run on, nor mistakes."""
    kept = stretches.filter(pl.col("end_kind").ne_missing("mistake"), pl.col("kind") != "usage")
    last = kept.filter(pl.col("ended_on") <= as_of)["ended_on"].max()
    return last if isinstance(last, date) else None


def _over(stretches: pl.DataFrame, as_of: date) -> date | None:
    """When the last stretch ended, where all have."""
    ends = stretches["ended_on"]
    last = ends.max() if ends.null_count() == 0 else None
    return last if isinstance(last, date) and last <= as_of else None


def _on(day: date | None) -> str:
    return f" on {words.day(day)}" if day else ""


def notice(stretch: dict[str, Any], as_of: date) -> str:
    """Until which day notice can be given: the renewal less the days of notice.

    >>> notice({"renews_on": date(2027, 3, 1), "notice_days": 30}, date(2026, 11, 22))
    'notice until 30 Jan 2027 (30 days before)'
    >>> notice({"renews_on": date(2026, 12, 1), "notice_days": 30}, date(2026, 11, 22))
    'notice ended on 1 Nov 2026 (30 days before)'
    """
    if stretch["notice_days"] is None:
        return "no notice period known"
    last = stretch["renews_on"] - timedelta(days=stretch["notice_days"])
    said = "notice until" if last >= as_of else "notice ended on"
    return f"{said} {words.day(last)} ({words.plural(stretch['notice_days'], 'day')} before)"


def _days(day: date, as_of: date) -> str:
    return words.plural((day - as_of).days, "day")
