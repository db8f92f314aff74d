"""The contacts page's figure; a click on a part of it opens the renewals behind it, right below."""

from __future__ import annotations

from datetime import date

import polars as pl

from pages.shared import behind, data, figures, panel, tables, words
from pages.shared.filters import Filters
from pages.shared.findings import contacts as findings
from pages.shared.reach.chosen import RENEWING


def weeks(choice: Filters, by_week: pl.DataFrame, renewing: pl.DataFrame) -> None:
    """Renewals by week, by whether there is contact."""
    view = data.view()
    shown = figures.stacked(
        findings.parts(renewing, by_week),
        x="week",
        y="mrr",
        by="part",
        unit=figures.money(data.currency(view)),
        title="Renewals by week and contact",
        tell=lambda week: f"week of {words.day(week)}",
    )
    shown.update_xaxes(tickformat="%-d %b", tickvals=by_week["week"].to_list()[::2])
    clicked = panel.clickable(shown, key="renewal_weeks")
    if clicked:
        week, part = date.fromisoformat(clicked[0]), clicked[1]
        rows = findings.marked(renewing).filter(pl.col("week") == week, pl.col("state") == part)
        title = f"Week of {words.day(week)}, {part.lower()}: {words.plural(rows.height, 'contract')}"
        behind.below(title, rows, findings.RENEWING, key="renewing-in-week", about=choice.said(), to=RENEWING)
    about = {"view": view, "about": choice.said()}
    alt = "Renewals by week"
    tables.folded("Every week as a table", by_week, findings.WEEKS, key="renewal-weeks", alt=alt, **about)
    label, rows = "Every renewal as a table", findings.marked(renewing)
    tables.folded(label, rows, findings.RENEWING, key="renewals-ahead", alt="Renewals to come", **about)
