"""What the account page says about its numbers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

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
_COUNTS = {
    "breadth": ("Breadth", "key features in value use"),
    "depth": ("Depth", "people getting value"),
    "reach": ("Reach", "end customers last month"),
}


def headline(name: str, health: dict[str, Any] | None, card: dict[str, Any] | None, currency: str) -> tuple[str, str]:
    """The account and how it is, in one sentence."""
    shown = words.inert(name)
    if card is None or card["standing"] is None:
        return shown, "Nothing is served to this account now."
    paid = f"{words.inert(card['plan'] or 'no plan')}, {words.money(card['mrr'], currency)} a month"
    if health is None:
        return shown, f"{paid}; {words.inert(card['standing'])}."
    known = words.percent(health["coverage"], digits=0)
    by_hand = f"; by hand {said}" if (said := override(health)) else ""
    return shown, f"{paid}; health {computed(health)} ({known} of the weight known){by_hand}."


def cards(card: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Breadth, depth and reach: label, value, and what it is worth beside peers and price."""
    found = []
    for name, (label, meaning) in _COUNTS.items():
        whole = card.get(f"{name}_of")
        value = words.number(card[name]) + (f" of {whole:,}" if whole else "")
        found.append((label, value, " · ".join(_worth(card, name, meaning))))
    return found


def _worth(card: dict[str, Any], name: str, meaning: str) -> list[str]:
    notes = [meaning]
    if card[f"{name}_percentile"] is not None:
        peers = words.plural(card[f"{name}_peers"], "peer")
        notes.append(f"ahead of {card[f'{name}_percentile']:.0f}% of {peers}")
    if card[f"{name}_per_100"] is not None:
        notes.append(f"{words.number(card[f'{name}_per_100'], digits=1)} per 100 paid")
    return notes


def renewal(stretches: pl.DataFrame, as_of: date) -> tuple[str, str]:
    """How far the next renewal is, or the end of one who leaves, and until when notice can be given."""
    runs = (pl.col("started_on") <= as_of) & (pl.col("ended_on").is_null() | (pl.col("ended_on") > as_of))
    served = stretches.filter(runs)
    ending = served.filter(pl.col("ended_on").is_not_null() & pl.col("cancel_requested_at").is_not_null())
    if ending.height:
        row = ending.sort("ended_on").row(-1, named=True)
        return f"ends in {_days(row['ended_on'], as_of)}", f"{words.day(row['ended_on'])} · cancellation requested"
    ahead = served.filter(pl.col("renews_on") >= as_of).sort("renews_on")
    if not ahead.height:
        return words.NOTHING, "no renewal date known"
    row = ahead.row(0, named=True)
    return f"in {_days(row['renews_on'], as_of)}", f"{words.day(row['renews_on'])} · {notice(row, as_of)}"


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
