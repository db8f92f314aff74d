"""The overview's figures; a click on a part of one opens the accounts behind it, right below."""

from __future__ import annotations

from datetime import date
from typing import Any

import plotly.graph_objects as go
import polars as pl

from pages.shared import behind, data, figures, panel, words
from pages.shared.answers import behind as accounts
from pages.shared.answers import overview
from pages.shared.filters import Filters
from pages.shared.findings import overview as findings
from pages.shared.reach.chosen import RENEWING
from reports.sentences import LONG


def waterfall(choice: Filters, monthly: pl.DataFrame, movers: pl.DataFrame, month: date) -> None:
    """What moved MRR in a month, from opening to closing."""
    view = data.view()
    shown = figures.waterfall(monthly.filter(pl.col("month") == month), currency=data.currency(view), title="MRR")
    clicked = panel.clickable(shown, key="moved")
    if clicked is None:
        return
    if clicked[0] in ("opening", "closing"):
        title, rows, columns = findings.paid(accounts.span(view, choice.who, month, month), clicked[0], month)
    else:
        moved = overview.revalued(view, choice.who, month) if clicked[0] == "fx" else movers
        title, rows, columns = findings.moved_by(clicked[0], moved, month)
    behind.below(title, rows, columns, key="movers", about=findings.placed(choice))


def retention(choice: Filters, measure: str) -> None:
    """One measure of retention over the months."""
    view = data.view()
    shown = findings.retained(overview.retention(view, choice.who), measure, overview.MONTHS)
    line = figures.line(shown, x="month", y="value", unit=figures.PERCENT, title=LONG[measure])
    clicked = panel.clickable(line, key="retention")
    if clicked:
        month = date.fromisoformat(clicked[0])
        title, rows, columns = findings.kept(accounts.span(view, choice.who, month, month), measure, month)
        behind.below(title, rows, columns, key="kept", about=findings.placed(choice))


def renewals(choice: Filters, renewing: pl.DataFrame) -> None:
    """Renewals by month, and how they went."""
    shown = _stack(findings.renewal_parts(renewing), title="Renewals")
    clicked = panel.clickable(shown, key="renewals")
    if clicked:
        month, part = date.fromisoformat(clicked[0]), clicked[1]
        rows = accounts.renewing(data.view(), choice.who, month, findings.renewals_of(part))
        title = f"{part}, {words.month(month)}: {words.plural(rows.height, 'account')}"
        behind.below(title, rows, findings.RENEWING, key="renewing", about=choice.said())


def at_risk(choice: Filters, ahead: pl.DataFrame) -> None:
    """Renewals ahead, by the health of who renews."""
    shown = _stack(findings.risk_parts(ahead), title="Renewals by health band")
    clicked = panel.clickable(shown, key="at_risk")
    if clicked:
        month, part = date.fromisoformat(clicked[0]), clicked[1]
        rows = accounts.at_risk(data.view(), choice.who, month, findings.band_of(part))
        title = f"Renewing in {words.month(month)}, {part}: {words.plural(rows.height, 'account')}"
        behind.below(title, rows, findings.AT_RISK, key="risky", about=choice.said(), to=RENEWING)


def _stack(parts: pl.DataFrame, *, title: str) -> go.Figure:
    unit: Any = figures.money(data.currency(data.view()))
    return figures.stacked(parts, x="month", y="mrr", by="part", unit=unit, title=title)
