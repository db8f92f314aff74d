"""What the overview says about its numbers."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from pages.shared import bars, words
from pages.shared.filters import Filters
from pages.shared.tables import Column
from reports.sentences import LONG, VERDICTS, one

HELP = {
    "grr": "Of the MRR at the opening, how much was kept, growth left out",
    "nrr": "Of the MRR at the opening, how much there is now, growth included",
    "logo": "Of the accounts at the opening, how many stayed",
}
SILENT_HELP = (
    "A silent account pays, and nobody there got value for so long. What accounts paid that were silent at the opening "
    "is in neither sum; who fell silent since counts as lost"
)
LED_BY = {12: ("grr", "nrr"), 1: ("grr", "nrr", "logo")}
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
    "moved_in": Column("Moved in", "money"),
    "contraction": Column("Contraction", "money"),
    "paused": Column("Paused", "money"),
    "churned": Column("Churned", "money"),
    "moved_out": Column("Moved out", "money"),
    "fx": Column("Currency", "money"),
    "closing": Column("Closing", "money"),
    "accounts_closing": Column("Accounts", "count"),
    "accounts_churned": Column("Left", "count"),
    "state": Column("State"),
}


_RARE = ("reactivation", "resumed", "moved_in", "paused", "moved_out", "fx")
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
SILENCE = {"name": SPAN["name"], "silent": Column("Silent")} | SPAN
RENEWING = {
    "name": Column("Account", pinned=True),
    "renews_on": Column("Due on", "day"),
    "due": Column("MRR due", "money"),
    "plan": Column("Plan"),
    "segment": Column("Segment"),
    "csm_name": Column("CSM"),
}
AT_RISK = {
    "name": Column("Account", pinned=True),
    "renews_on": Column("Renews on", "day"),
    "mrr": Column("MRR", "money"),
    "score": Column("Health", "score"),
    "change": Column("Change", "number"),
    "csm_name": Column("CSM"),
}
ANSWERED = {
    "account": Column("Account", pinned=True),
    "score": Column("Score", "score"),
    "day": Column("Answered", "day"),
    "comment": Column("In their words", width="large"),
    "segment": Column("Segment"),
}
GOING = {
    "name": Column("Account", pinned=True),
    "mrr": Column("MRR that goes", "money"),
    "account_mrr": Column("Of", "money"),
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


PLACED = (
    "By plan, revenue and retention count an account under its plan at each opening, everything else under today's."
)


def placed(choice: Filters) -> str:
    """The choice in words, for what movements count: they take the plan at each opening, the rest as it is today.

    >>> from pages.shared.filters import Who
    >>> placed(Filters(12, Who(plan="Team"), period=False))
    'plan Team (at each opening)'
    >>> placed(Filters(12, Who(plan="Team", segment="Enterprise"), period=False))
    'segment Enterprise (as it is today), plan Team (at each opening)'
    """
    plan, rest = choice.who.plan, choice._replace(who=choice.who._replace(plan=None))
    if not plan:
        return choice.said()
    said = f"plan {plan} (at each opening)"
    return f"{rest.said()}, {said}" if rest.period or any(rest.who) else said


def months(monthly: pl.DataFrame) -> dict[str, Column]:
    """The columns of the movements by month; those in which nothing ever happened are left out."""
    return {name: column for name, column in MONTHS.items() if name not in _RARE or (monthly[name] != 0).any()}


def going_said(going: pl.DataFrame) -> str:
    """How many have asked to leave, and how many give up a part of what they pay for."""
    whole = going["whole"].sum()
    asked = f"{words.plural(whole, 'account')} · asked to leave"
    parts = going.height - whole
    return f"{asked} · {parts:,} more {'gives' if parts == 1 else 'give'} up a part" if parts else asked


def renewals_of(part: str) -> str:
    """The outcome that a part of the renewals' stack stands for."""
    return {label: name for name, label in _RENEWALS.items()}[part]


def band_of(part: str) -> str:
    """The health band that a part of the stack of renewals ahead stands for."""
    return {label: name for name, label in _BANDS.items()}[part]


def moved_by(key: str, movers: pl.DataFrame, month: date) -> tuple[str, pl.DataFrame, dict[str, Column]]:
    """What a bar of the waterfall stands for, and the accounts behind it."""
    names = {column: label for column, label, _ in bars.MOVEMENTS}
    rows = movers.filter(pl.col("movement") == key)
    return f"{names[key]}, {words.month(month)}: {words.plural(rows.height, 'account')}", rows, MOVERS


def paid(span: pl.DataFrame, end: str, month: date) -> tuple[str, pl.DataFrame, dict[str, Column]]:
    """Who paid when a month opened or closed (``end``), the dearest first."""
    rows = span.filter(pl.col(end) > 0).sort(end, "account_id", descending=[True, False])
    when = f"as {words.month(month)} {'opened' if end == 'opening' else 'closed'}"
    return f"Paying {when}: {words.plural(rows.height, 'account')}", rows, SPAN


def kept(span: pl.DataFrame, measure: str, month: date) -> tuple[str, pl.DataFrame, dict[str, Column]]:
    """What the accounts that a rate is about paid before and after, the greatest loss first."""
    rows = span.filter(pl.col("opening") > 0).sort("change", "account_id")
    lost = rows.filter(pl.col("change") < 0).height
    return (
        f"{LONG[measure]}, {words.month(month)}: {lost:,} of {words.plural(rows.height, 'account')} pay less",
        rows,
        SPAN,
    )


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


def risk_said(at_risk: pl.DataFrame, until: date, currency: str) -> str:
    """How much of what renews by the end of the month ``until`` is not healthy, in a headline."""
    risky = at_risk.filter(pl.col("band").is_in(["red", "leaving"]))
    if at_risk.is_empty():
        return f"No renewal is known up to {words.month(until)}"
    money = words.money(int(risky["mrr"].sum()), currency, short=True)
    total = words.money(int(at_risk["mrr"].sum()), currency, short=True)
    return f"{money} of the {total} that renews by {words.month(until)} is red or leaving"


def headline(changes: pl.DataFrame, month: dict[str, Any] | None, currency: str) -> str:
    """What last month did, in one sentence: what it kept, and whether that is news."""
    if month is None:
        return "No full month to report yet"
    name = words.month(month["month"])
    gross = one(changes, measure="grr")
    if gross is None or gross["value"] is None:
        return f"{name} closed with {words.money(month['closing'], currency)} of MRR"
    return f"{name} kept {words.percent(gross['value'])} of its revenue: {VERDICTS[gross['verdict']]}"


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


def without_silent(row: dict[str, Any] | None, days: int) -> str:
    """Net revenue retention without silent accounts, beneath the one with them; empty where it is not known."""
    if row is None or row["value"] is None:
        return ""
    said = f"{words.percent(row['value'])} without revenue from accounts silent for {days} days or more"
    return f"{said} · {rate_card(row, None, against='')['note']}"


def retained(rates: pl.DataFrame, measure: str, months: int) -> pl.DataFrame:
    """The last months of one measure."""
    return rates.filter(pl.col("measure") == measure).sort("month").tail(months + 1)
