"""Three sentences on a month: what moved, whether it is real, which accounts carry it, and what lies ahead.

The overview, the board pack and the digest say the same. ``write`` puts an account's name into the text; a page
passes ``inert``, because the name is other people's words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import polars as pl

from metrics.month_ends import months_later
from metrics.movements import GAINS, LOSSES
from reports import words

MOST_NAMED = 3
SHORT = {"grr": "GRR", "nrr": "NRR", "logo": "Logo retention"}
LONG = {"grr": "Gross revenue retention", "nrr": "Net revenue retention", "logo": "Logo retention"}
VERDICTS = {
    "up": "a real rise",
    "down": "a real fall",
    "within noise": "no real change",
    "too few": "too few losses to compare",
}
Write = Callable[[str], str]


def full_month(as_of: date) -> date:
    """The first day of the last full month.

    >>> full_month(date(2026, 1, 31))
    datetime.date(2025, 12, 1)
    """
    return months_later(as_of.replace(day=1), -1)


def one(rows: pl.DataFrame, **where: Any) -> dict[str, Any] | None:
    """The first row that matches, None when there is none."""
    found = rows.filter(*(pl.col(name) == value for name, value in where.items()))
    return found.row(0, named=True) if found.height else None


def carried_by(amounts: pl.DataFrame, what: str, currency: str, *, write: Write = str) -> str:
    """The accounts that make up half of ``amounts`` (``name, amount``; at most three), and what they make up.

    >>> rows = pl.DataFrame({"name": ["Acme", "Bolt", "Cut"], "amount": [-5000, -4000, -1000]})
    >>> carried_by(rows, "the loss", "EUR")
    'Acme (€50) carries 50% of the loss.'
    """
    total = int(amounts["amount"].abs().sum())
    ordered = amounts.sort(pl.col("amount").abs(), descending=True)
    before = ordered["amount"].abs().cum_sum().shift(1, fill_value=0)
    kept = ordered.filter(before * 2 < total).head(MOST_NAMED)
    if kept.is_empty():
        return ""
    named = [
        f"{write(name)} ({words.money(abs(amount), currency, short=True)})"
        for name, amount in kept.select("name", "amount").iter_rows()
    ]
    share = words.percent(int(kept["amount"].abs().sum()) / total, digits=0)
    return f"{listed(named)} {'carries' if kept.height == 1 else 'carry'} {share} of {what}."


def listed(parts: Sequence[str]) -> str:
    """Parts as people list them.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def kept(gross: dict[str, Any] | None, month: date, movers: pl.DataFrame, currency: str, *, write: Write = str) -> str:
    """How much revenue last month kept, whether that is a change, and who carries the loss."""
    name = words.month(month)
    if gross is None or gross["value"] is None:
        return f"{name} had nothing to keep: no account was paying when it began."
    said = f"{name} kept {words.percent(gross['value'])} of its revenue"
    if gross["change"] is not None:
        moved = words.points(gross["change"])
        said += f", {moved} on the month before: {VERDICTS.get(gross['verdict'], 'no verdict')}"
    carriers = carried_by(movers.filter(pl.col("amount") < 0), "the loss", currency, write=write)
    return f"{said}. {carriers or 'Nothing was lost.'}"


def won_and_lost(month: dict[str, Any]) -> tuple[int, int]:
    """What a month's movements added to MRR and took from it, in minor units; exchange rates are neither."""
    won, lost = (sum(month[name] for name in names) for names in (GAINS, LOSSES))
    return won, lost


def moved(month: dict[str, Any] | None, movers: pl.DataFrame, currency: str, *, write: Write = str) -> str:
    """What MRR closed with, and what was won against what left."""
    if month is None:
        return "There is no full month yet."
    grown = month["closing"] - month["opening"]
    by = f" ({words.percent(grown / month['opening'])})" if month["opening"] else ""
    won, lost = won_and_lost(month)
    fx = words.money(month["fx"], currency, short=True, signed=True)
    rates = f", {fx} by exchange rates" if abs(month["fx"]) * 20 > won + lost else ""
    change = words.money(grown, currency, short=True, signed=True)
    said = (
        f"MRR closed at {words.money(month['closing'], currency)}, {change}{by}: "
        f"{words.money(won, currency, short=True)} won, {words.money(lost, currency, short=True)} lost{rates}."
    )
    return " ".join([said, carried_by(movers.filter(pl.col("amount") > 0), "the gain", currency, write=write)]).strip()


def ahead(
    going: pl.DataFrame, silent: pl.DataFrame, due: dict[str, Any] | None, currency: str, *, write: Write = str
) -> str:
    """What is on its way out, what is paid for nothing, and what comes up for renewal."""
    parts = []
    if going.height:
        first = going.sort("mrr", descending=True).row(0, named=True)
        until = f" until {words.day(first['ends_on'])}" if first["ends_on"] else ""
        money, name = words.money(int(going["mrr"].sum()), currency, short=True), write(first["name"])
        parts.append(f"{money} is leaving, the largest of it {name}{until}")
    if silent.height:
        money, many = (
            words.money(int(silent["mrr"].sum()), currency, short=True),
            words.plural(silent.height, "account"),
        )
        parts.append(f"{money} comes from {many} that get nothing for it")
    if due is not None and due["due"]:
        month = words.month(due["month"])
        parts.append(f"{words.money(due['due'], currency, short=True)} comes up for renewal in {month}")
    if not parts:
        return "Ahead: nobody has asked to leave, nobody pays for nothing, nothing comes up for renewal next month."
    return f"Ahead: {listed(parts)}."
