"""The onboarding page's figures; a click on a part of one opens the accounts behind it, right below."""

from __future__ import annotations

from datetime import date

import polars as pl
import streamlit as st

from pages.shared import behind, data, figures, panel, tables, words
from pages.shared.answers import onboarding
from pages.shared.filters import Filters
from pages.shared.findings import onboarding as findings


def funnel(choice: Filters, asked: onboarding.Asked, rows: pl.DataFrame) -> None:
    """The share that reaches each step, in the order of the steps."""
    shown = figures.compared(
        findings.labelled(rows),
        label="label",
        value="rate",
        unit=figures.PERCENT,
        title=f"Share reaching each step within {asked.within_days} days",
        order="In the order of the steps",
    )
    clicked = panel.clickable(shown, key=f"onboarding_funnel_{asked.within_days}")
    if clicked:
        _below(choice, asked, clicked[0], None)
    _table(choice, "Every step as a table", rows, findings.STEPS, "onboarding-steps")


def by_month(choice: Filters, asked: onboarding.Asked, step: str | None) -> None:
    """The share that reaches one step (None: value), by month of sign-up."""
    months = _months(asked, step)
    title = f"{step or findings.VALUE} within {asked.within_days} days, by month of sign-up"
    st.caption(findings.months_said(months, step or findings.VALUE))
    seen = months.with_columns(n="size")
    shown = figures.line(seen, x="month", y="rate", unit=figures.PERCENT, title=title, from_zero=True)
    clicked = panel.clickable(shown, key=f"onboarding_months_{step}_{asked.within_days}")
    if clicked:
        _below(choice, asked, step, date.fromisoformat(clicked[0]), key="step-of-month")
    st.caption("A hollow point is a month of which some accounts may still get there in time.")
    _table(choice, "Every month as a table", months, _of_months(step), "onboarding-months")


def days_to_value(choice: Filters, asked: onboarding.Asked) -> None:
    """After how many days half of a month's sign-ups had value."""
    months = _months(asked, None)
    seen = months.select("month", "median_days", "state", n="size")
    shown = figures.line(
        seen, x="month", y="median_days", unit=figures.DAYS, title="Days until half have value", from_zero=True
    )
    clicked = panel.clickable(shown, key=f"days_to_value_{asked.within_days}")
    if clicked:
        _below(choice, asked, None, date.fromisoformat(clicked[0]), key="value-of-month")
    _table(choice, "Every month as a table", months, _of_months(None), "value-months")


def _months(asked: onboarding.Asked, step: str | None) -> pl.DataFrame:
    if step is None:
        return onboarding.to_value(data.view(), asked, "month")
    return onboarding.funnel(data.view(), asked, "month").filter(pl.col("step") == step)


def _of_months(step: str | None) -> dict[str, tables.Column]:
    return {name: column for name, column in findings.MONTHS.items() if step is not None or name != "step"}


def _below(
    choice: Filters, asked: onboarding.Asked, step: str | None, month: date | None, *, key: str = "onboarding-who"
) -> None:
    rows = onboarding.at_step(data.view(), asked, step, month)
    reached = rows["in_time"].sum()
    when = "" if month is None else f", signed up in {words.month(month)}"
    title = (
        f"{words.inert(step or findings.VALUE)}{when}: {reached:,} of {words.plural(rows.height, 'account')} in time"
    )
    behind.below(title, rows, findings.REACHED, key=key, about=choice.said())


def _table(choice: Filters, label: str, rows: pl.DataFrame, columns: dict[str, tables.Column], key: str) -> None:
    tables.folded(label, rows, columns, view=data.view(), key=key, alt=label, about=choice.said())
