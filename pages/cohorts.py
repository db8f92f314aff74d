"""Cohorts: of those who started together, how many still get something out of the product."""

import streamlit as st

from metrics.retention import cohort_retention, pooled_curve
from pages.shared import data, figures, filters, panel, tables, words
from pages.shared.answers import cohorts
from pages.shared.choices import choose
from pages.shared.findings import cohorts as findings

view = data.view()
choice = filters.row("period", "segment", "plan", months=24)
with st.container(horizontal=True):
    unit = choose("cohort_unit", "Count", {"Accounts": "account_id", "People": "user_id"})
    period = choose("cohort_period", "By", {"Month": "month", "Week": "week"})
    returns = choose("cohort_returns", "Came back", {"In that period": "on", "Then or later": "on_or_after"})
noun = "account" if unit == "account_id" else "person"
since = findings.first_cohort(choice, data.frames(view).as_of, period)
asked = (choice.who, since, unit, period, returns)

cells = cohorts.triangle(view, *asked)
curve = cohorts.curve(view, *asked)
panel.head(*findings.headline(curve, noun, period))

if cells["size"].sum() == 0:
    filters.nothing_matches(choice)
    st.stop()

with panel.section(
    f"Each row started in one {period}; each column is {period}s later",
    cohort_retention,
    detail=findings.states(returns, period),
    sources=("events", "accounts"),
):
    shown = figures.retention_heat_map(cells, title="Retention by cohort", period=period, noun=noun)
    cell = panel.clickable(shown, key="cohort_triangle")
    if cell is not None:
        people = cohorts.members(view, *asked, *findings.cell(cell))
        st.markdown(f"**{words.inert(findings.members(people, cell, noun, period))}**")
        tables.show(people, findings.columns(unit), view=view, key="cohort-members", alt="Who is behind the cell")

with panel.section("All cohorts together", pooled_curve, detail="Only periods that are over; counts are pooled."):
    panel.chart(
        figures.line(curve, x="index", y="rate", unit=figures.PERCENT, title="Pooled retention", from_zero=True),
        key="cohort_curve",
    )

with st.expander("Every cell as a table"):
    tables.show(cells, findings.CELLS, view=view, key="cohorts", alt="Retention by cohort", about=choice.said())
