"""Cohorts: of those who started together, how many stay, and how much of what they pay."""

import streamlit as st

from metrics import retention, revenue
from pages.shared import behind, data, figures, filters, panel, tables, trail, words
from pages.shared.answers import cohorts
from pages.shared.choices import choose
from pages.shared.findings import cohorts as findings
from pages.shared.findings import survival

view = data.view()
as_of, currency = data.frames(view).as_of, data.currency(view)
choice = filters.row("period", "segment", "plan", "country", months=24)
with st.container(horizontal=True, vertical_alignment="bottom"):
    unit = choose("cohort_unit", "Count", findings.UNITS)
    options = {}
    if unit == "mrr":
        options["kept"] = choose("cohort_kept", "Growth counts", findings.KEPT)
    else:
        options["period"] = choose("cohort_period", "By", findings.PERIODS)
    group = choose("cohort_group", "Compare", findings.GROUPS)
    if unit != "mrr":
        with st.popover("More", icon=":material/tune:"):
            options["returns"] = choose("cohort_returns", "Came back", findings.RETURNS)
            options["uses"] = choose("cohort_uses", "A return takes", findings.USES)
            options["cohorts"] = choose("cohort_kind", "They stand in the cohort of", findings.COHORTS)
since = findings.first_cohort(choice, as_of, options.get("period", "month"))
asked = cohorts.Asked(choice.who, since, unit, **options)
noun, money = findings.noun(asked), currency if unit == "mrr" else None

cells, curve = cohorts.triangle(view, asked), cohorts.curve(view, asked)
if cells["size"].sum() == 0:
    panel.head(filters.nobody(choice))
    filters.nothing_matches(choice)
    st.stop()
panel.head(*findings.headline(curve, asked, currency))

index = findings.told_at(curve, asked)
said, marks = findings.triangle(cells, cohorts.halves(view, asked, index), asked, index)
how = revenue.revenue_cohorts if money else retention.cohort_retention
sources = ("subscriptions", "accounts") if money else ("events", "accounts")
with panel.section(said, how, detail=marks, sources=sources):
    with st.container(horizontal=True):
        relative = choose("cohort_colour", "Colour", findings.COLOURS)
        upto = choose("cohort_columns", "Columns", findings.UPTO)
    if relative:
        st.caption(findings.colours(relative, asked.period))
    against = findings.pooled(curve) if relative else None
    drawing = {"period": asked.period, "noun": noun, "upto": upto, "against": against, "currency": money}
    shown = figures.retention_heat_map(cells, title="Retention by cohort", **drawing)
    clicked = panel.clickable(shown, key=f"cohort_triangle_{asked.unit}_{asked.period}")
    at = None if clicked is None else findings.cell(clicked, cells)
    if at is not None and unit == "user_id":
        trail.viewed("page/cohorts")
    if behind.fresh("cohort-members", at) and at is not None:
        members = cohorts.members(view, asked, *at)
        title = words.inert(findings.members(members, at, asked, currency))
        behind.over(title, members, findings.columns(asked), key="cohort-members", about=choice.said())

axis = {"x_title": f"{asked.period}s since the first", "tell": f"{asked.period} {{}}".format, "from_zero": True}
axis["every"] = 6 if asked.period == "month" else 4
pooled_how = revenue.revenue_curve if money else retention.pooled_curve
if group is None:
    detail = findings.pooled_detail(asked)
    with panel.section(findings.steepest(cohorts.steepest(view, asked), asked), pooled_how, detail=detail):
        pooled = figures.line(curve, x="index", y="rate", unit=figures.PERCENT, title="Pooled retention", **axis)
        panel.chart(pooled, key="cohort_curve")
else:
    curves, left_out = findings.drawn(cohorts.curves(view, asked, group), findings.size_of(asked))
    at_index, names = findings.comparable(curves, asked)
    best = cohorts.apart(view, asked, group, at_index, names)
    detail = findings.compared_detail(asked, group, left_out)
    with panel.section(findings.compared(best, asked, group, at_index), pooled_how, detail=detail):
        title = f"Pooled retention by {group}"
        lines = findings.together(curves, "index")
        pooled = figures.line(lines, x="index", y="rate", by="group", unit=figures.PERCENT, title=title, **axis)
        panel.chart(pooled, key="cohort_groups")

stays, left_out = cohorts.survival(view, choice.who, group), ""
if group is not None:
    stays, left_out = findings.drawn(stays, "at_risk")
stays = survival.months(stays)
said, detail = survival.survived(stays) if group is None else survival.survived_by(stays, group, left_out)
with panel.section(said, revenue.lifetime_curve, detail=detail, sources=("subscriptions",)):
    axis = {"x_title": "months since they first paid", "tell": survival.tell_month, "from_zero": True, "stepped": True}
    axis["every"] = 12
    by, stays = (None, stays) if group is None else ("group", findings.together(stays, "months"))
    panel.chart(
        figures.line(stays, x="months", y="survival", by=by, unit=figures.PERCENT, title="Still here", **axis),
        key="stay",
    )

about = {"view": view, "key": "cohorts", "alt": "Retention by cohort", "about": choice.said()}
tables.folded("Every cell as a table", cells, findings.cells(asked), **about)
