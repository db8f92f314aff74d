"""What the overview says about its numbers."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from pages.shared import words
from pages.shared.tables import Column

MEASURES = {
    "grr": ("Gross revenue retention", "Of the MRR at the opening, how much was kept, growth left out"),
    "nrr": ("Net revenue retention", "Of the MRR at the opening, how much there is now, growth included"),
    "logo": ("Logo retention", "Of the accounts at the opening, how many stayed"),
}
SHORT = {"grr": "GRR", "nrr": "NRR", "logo": "Logo retention"}
MOVERS = {
    "name": Column("Account", pinned=True),
    "movement": Column("Movement"),
    "amount": Column("MRR moved", "money"),
    "opening": Column("Before", "money"),
    "closing": Column("After", "money"),
    "plan": Column("Plan"),
    "segment": Column("Segment"),
}
MONTHS = {
    "month": Column("Month", "month", pinned=True),
    "opening": Column("Opening", "money"),
    "new": Column("New", "money"),
    "expansion": Column("Expansion", "money"),
    "reactivation": Column("Reactivation", "money"),
    "resumed": Column("Resumed", "money"),
    "contraction": Column("Contraction", "money"),
    "paused": Column("Paused", "money"),
    "churned": Column("Churned", "money"),
    "fx": Column("Currency", "money"),
    "closing": Column("Closing", "money"),
    "accounts_closing": Column("Accounts", "count"),
    "accounts_churned": Column("Left", "count"),
    "state": Column("State"),
}


def full_month(as_of: date) -> date:
    """The first day of the last full month."""
    return date(as_of.year - (as_of.month == 1), (as_of.month - 2) % 12 + 1, 1)


def one(rows: pl.DataFrame, **where: Any) -> dict[str, Any] | None:
    """The one row that matches, None when there is none."""
    found = rows.filter(*(pl.col(name) == value for name, value in where.items()))
    return found.row(0, named=True) if found.height else None


def headline(changes: pl.DataFrame, month: dict[str, Any] | None, currency: str) -> tuple[str, str | None]:
    """What last month did, in one sentence: whether it moved, and what it ended with."""
    if month is None:
        return "No full month to report yet", None
    name = words.month(month["month"])
    gross = one(changes, measure="grr")
    lost = words.money(month["churned"] + month["contraction"], currency, short=True)
    won = words.money(month["new"] + month["expansion"], currency, short=True)
    paused = f", {words.money(month['paused'], currency, short=True)} paused" if month["paused"] else ""
    detail = (
        f"{name} won {won} of MRR from new business and expansion and lost {lost} to churn and contraction{paused}; "
        f"{words.plural(month['accounts_churned'], 'account')} left."
    )
    if gross is None or gross["value"] is None:
        return f"{name} closed with {words.money(month['closing'], currency)} of MRR", detail
    kept = f"{name} kept {words.percent(gross['value'])} of its revenue"
    verdict = {
        "up": "a real rise",
        "down": "a real fall",
        "within noise": "no real change",
        "too few": "too few losses to compare",
    }
    return f"{kept}: {verdict[gross['verdict']]}", detail


def rate_card(row: dict[str, Any] | None, change: dict[str, Any] | None, *, against: str) -> dict[str, Any]:
    """A rate's number card: value, change with verdict, interval and count."""
    if row is None:
        return {"value": words.NOTHING, "note": "not enough months yet"}
    note = (
        f"n = {row['n']:,}"
        if row["low"] is None
        else f"95% {words.between(row['low'], row['high'])} · n = {row['n']:,}"
    )
    card: dict[str, Any] = {"value": words.percent(row["value"]), "note": note}
    if change is not None and change["change"] is not None:
        card |= {"change": words.points(change["change"]), "verdict": change["verdict"], "against": against}
    return card


def retained(rates: pl.DataFrame, measure: str, months: int) -> pl.DataFrame:
    """The last months of one measure."""
    return rates.filter(pl.col("measure") == measure).sort("month").tail(months + 1)
