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
_VERDICTS = {
    "up": "a real rise",
    "down": "a real fall",
    "within noise": "no real change",
    "too few": "too few losses to compare",
}
LED_BY = {12: ("grr", "nrr"), 1: ("grr", "nrr", "logo")}
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


_RENEWALS = {"renewed": "Renewed", "shrunk": "Renewed smaller", "open": "Still open", "late": "Late", "lost": "Lost"}
_BANDS = {"green": "green", "yellow": "yellow", "red": "red", "leaving": "leaving", "unknown": "not enough known"}
RENEWALS = {
    "month": Column("Month", "month", pinned=True),
    "due": Column("Due", "money"),
    **{name: Column(label, "money") for name, label in _RENEWALS.items()},
    "accounts_due": Column("Accounts due", "count"),
    "accounts_lost": Column("Accounts lost", "count"),
    "state": Column("State"),
}
SPAN = {
    "name": Column("Account", pinned=True),
    "opening": Column("Before", "money"),
    "closing": Column("After", "money"),
    "change": Column("Change", "money"),
    "segment": Column("Segment"),
    "csm_name": Column("CSM"),
}
GOING = {
    "name": Column("Account", pinned=True),
    "mrr": Column("MRR that goes", "money"),
    "requested_on": Column("Asked to leave", "day"),
    "ends_on": Column("Served until", "day"),
    "plan": Column("Plan"),
    "csm_name": Column("CSM"),
}
SILENT = {
    "name": Column("Account", pinned=True),
    "mrr": Column("MRR", "money"),
    "days_silent": Column("Days without value", "count"),
    "segment": Column("Segment"),
    "csm_name": Column("CSM"),
}


def renewal_parts(renewals: pl.DataFrame) -> pl.DataFrame:
    """Renewals as parts of a stack: ``month, part, mrr, state``."""
    long = renewals.unpivot(on=list(_RENEWALS), index=["month", "state"], variable_name="name", value_name="mrr")
    order = pl.col("name").replace_strict(list(_RENEWALS), range(len(_RENEWALS)), return_dtype=pl.Int64)
    named = long.with_columns(part=pl.col("name").replace_strict(_RENEWALS), order=order)
    return named.sort("order", "month")


def renewals_said(renewals: pl.DataFrame, month: date, currency: str) -> str:
    """What came of last month's renewals, in a headline."""
    row = one(renewals, month=month)
    if row is None or not row["due"]:
        return f"Nothing came up for renewal in {words.month(month)}"
    renewed = words.money(row["renewed"], currency, short=True)
    due = words.money(row["due"], currency, short=True)
    return f"Of {due} due for renewal in {words.month(month)}, {renewed} renewed"


def risk_parts(at_risk: pl.DataFrame) -> pl.DataFrame:
    """Renewals ahead by health band as parts of a stack: ``month, part, mrr``."""
    order = pl.col("band").replace_strict(list(_BANDS), range(len(_BANDS)), default=None, return_dtype=pl.Int64)
    named = at_risk.with_columns(part=pl.col("band").replace_strict(_BANDS, default=pl.col("band")), order=order)
    return named.sort("order", "month")


def risk_said(at_risk: pl.DataFrame, currency: str) -> str:
    """How much of what renews soon is not healthy, in a headline."""
    risky = at_risk.filter(pl.col("band").is_in(["red", "leaving"]))
    if at_risk.is_empty():
        return "No renewal is known for the next half year"
    money = words.money(int(risky["mrr"].sum()), currency, short=True)
    total = words.money(int(at_risk["mrr"].sum()), currency, short=True)
    return f"{money} of the {total} that renews in the next half year is red or leaving"


def full_month(as_of: date) -> date:
    """The first day of the last full month."""
    return date(as_of.year - (as_of.month == 1), (as_of.month - 2) % 12 + 1, 1)


def one(rows: pl.DataFrame, **where: Any) -> dict[str, Any] | None:
    """The one row that matches, None when there is none."""
    found = rows.filter(*(pl.col(name) == value for name, value in where.items()))
    return found.row(0, named=True) if found.height else None


def headline(changes: pl.DataFrame, month: dict[str, Any] | None, currency: str) -> str:
    """What last month did, in one sentence: what it kept, and whether that is news."""
    if month is None:
        return "No full month to report yet"
    name = words.month(month["month"])
    gross = one(changes, measure="grr")
    if gross is None or gross["value"] is None:
        return f"{name} closed with {words.money(month['closing'], currency)} of MRR"
    return f"{name} kept {words.percent(gross['value'])} of its revenue: {_VERDICTS[gross['verdict']]}"


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
