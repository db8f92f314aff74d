"""What the accounts page says about the book: its views, its orders, its columns, and those leaving."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from pages.shared import words
from pages.shared.reach.chosen import ANYBODY, DETRACTED, LEAVERS, RENEWING, To
from pages.shared.tables import Column

ALL = "all"
VIEWS = {
    "All": ALL,
    "Red and yellow": "unwell",
    "Leaving": "leaving",
    "Silent": "silent",
    "Renewing in 90 days": "renewing",
    "Detractors": "detractors",
}
REACHED: Mapping[str, To] = {
    ALL: ANYBODY,
    "unwell": ANYBODY,
    "leaving": LEAVERS,
    "silent": ANYBODY,
    "renewing": RENEWING,
    "detractors": DETRACTED,
}
"""What suits the accounts of each view when they are written to."""
ORDERS: Mapping[str, tuple[str, bool]] = {
    "Lowest health first": ("shown_score", False),
    "Largest fall first": ("change", False),
    "Most MRR first": ("mrr", True),
    "Next renewal first": ("renews_on", False),
    "Longest silence first": ("days_silent", True),
    "Longest without value first": ("idle_days", True),
    "Lowest NPS first": ("nps", False),
    "By name": ("plain", False),
}
"""By which column, and whether the largest comes first."""

BOOK = {
    "name": Column("Account", pinned=True),
    "mark": Column("Health", help="As computed; an account that asked to leave is “leaving” whatever its score"),
    "mrr": Column("MRR", "money"),
    "renews_on": Column("Renews", "day"),
    "override": Column("By hand", help="Health as somebody sees it, beside the computed one, until a day"),
    "score": Column("Score", "score", help="As computed, 0 to 100, higher is healthier; empty: not enough known"),
    "change": Column("Change", "number", help="Points since the end of last month"),
    "why": Column("Moved most by", width=175),
    "days_silent": Column("Silent, days", "count", help="Days since the last contact, either direction"),
    "nps": Column("NPS", "count", help="The newest answer, 0 to 10"),
    "idle_days": Column("No value, days", "count", help="Pays, and nobody there got value; told from 30 days on"),
    "plan": Column("Plan"),
    "csm_name": Column("CSM"),
}
LEAVING = {
    "name": Column("Account", pinned=True),
    "mrr": Column("MRR", "money"),
    "ends_on": Column("Served until", "day"),
    "requested_on": Column("Asked to leave", "day"),
    "reason_said": Column("Reason", help="Chosen on the exit form around the request"),
    "score": Column("Score", "score"),
    "plan": Column("Plan"),
    "csm_name": Column("CSM"),
}


def seen(book: pl.DataFrame, view: str, as_of: date) -> pl.DataFrame:
    """The rows of a ready-made view.

    ``silent`` is longer without contact than three times the account's own rhythm.
    """
    until_renewal = (pl.col("renews_on") - pl.lit(as_of)).dt.total_days()
    kept = {
        "unwell": pl.col("shown_band").is_in(["red", "yellow"]),
        "leaving": pl.col("band") == "leaving",
        "silent": pl.col("days_silent") > 3 * pl.col("rhythm_days"),
        "renewing": until_renewal.is_between(0, 90),
        "detractors": pl.col("nps") <= 6,
    }
    return book.filter(kept[view]) if view in kept else book


def found(book: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows whose name has ``name`` in it, whatever its case."""
    wanted = " ".join(name.split()).lower()
    if not wanted:
        return book
    return book.filter(pl.coalesce("name", "account_id").str.to_lowercase().str.contains(wanted, literal=True))


def ordered(book: pl.DataFrame, order: str) -> pl.DataFrame:
    """The rows in one of ``ORDERS``; what is not known comes last."""
    column, largest = ORDERS[order]
    plain = pl.coalesce("name", "account_id").str.to_lowercase()
    rows = book.with_columns(plain=plain)
    return rows.sort(column, "plain", "account_id", descending=[largest, False, False], nulls_last=True).drop("plain")


def columns(book: pl.DataFrame) -> dict[str, Column]:
    """The columns of the book; that of overrides only where there is one."""
    none = book["override"].null_count() == book.height
    return {name: column for name, column in BOOK.items() if not (none and name == "override")}


def about(choice: str, view: str, band: str, name: str) -> str:
    """The choice in words, for a download's second sheet."""
    chosen = [label.lower() for label, slug in VIEWS.items() if slug == view and view != ALL]
    chosen += [f"health {band}"] if band else []
    chosen += [f'name with "{name}"'] if name.strip() else []
    return ", ".join((choice, *chosen))


def called(view: str, band: str, name: str) -> str:
    """What the accounts of a view are called as an audience."""
    label = next(label for label, slug in VIEWS.items() if slug == view)
    parts = ["The book" if view == ALL else label, f"health {band}" if band else ""]
    parts += [f"name with “{words.inert(name)}”" if name.strip() else ""]
    return ", ".join(part for part in parts if part)


def going(rows: pl.DataFrame, currency: str) -> str:
    """How many are leaving, with how much, in one headline."""
    if rows.is_empty():
        return "Nobody is leaving"
    paid = words.money(int(rows["mrr"].sum()), currency)
    return f"Leaving, still served: {words.plural(rows.height, 'account')}, {paid} a month"


def with_reasons(rows: pl.DataFrame) -> pl.DataFrame:
    """Those leaving with the reason they chose, in words."""
    plain = pl.col("reason").str.replace_all("_", " ").str.strip_chars()
    return rows.with_columns(
        reason_said=plain.str.slice(0, 1).str.to_uppercase() + plain.str.slice(1, 200),
    )
