"""Overview: recurring revenue and retention, what moved them, whether it is real, and what is at risk."""

import streamlit as st

from metrics import revenue
from pages.shared import data, figures, filters, links, notes, panel, tables, words
from pages.shared.answers import overview
from pages.shared.choices import choose
from pages.shared.findings import overview as findings

view = data.view()
choice = filters.row("segment", "plan", "csm")
if not notes.need(view, "accounts", "subscriptions", to="see recurring revenue"):
    st.stop()
who, currency, as_of = choice.who, data.currency(view), data.frames(view).as_of
full = findings.full_month(as_of)
monthly, rates, changes = overview.monthly(view, who), overview.retention(view, who), overview.changes(view, who)
last, running = findings.one(monthly, month=full), findings.one(monthly, month=as_of.replace(day=1))

panel.head(*findings.headline(changes, last, currency))
if monthly.is_empty():
    filters.nothing_matches(choice)
    st.stop()

year, year_changes = overview.retention(view, who, 12), overview.changes(view, who, 12)
arr = findings.one(overview.run_rate(view, who), month=full)
with panel.numbers():
    if arr is not None:
        said = f"12 × MRR of {words.money(arr['mrr'], currency)} · {words.plural(arr['accounts'], 'account')}"
        panel.number("ARR", words.money(arr["arr"], currency, short=True), note=said)
    for measure, span, rows, moves in (
        ("grr", "12 months", year, year_changes),
        ("nrr", "12 months", year, year_changes),
        ("grr", "last month", rates, changes),
        ("nrr", "last month", rates, changes),
        ("logo", "last month", rates, changes),
    ):
        row, change = findings.one(rows, measure=measure, month=full), findings.one(moves, measure=measure)
        card = findings.rate_card(row, change, against="the month before")
        panel.number(f"{findings.SHORT[measure]}, {span}", **card, help=findings.MEASURES[measure][1])
    stake = {row["kind"]: row for row in overview.standing(view, who).to_dicts()}
    for kind, label, note in (
        ("leaving", "Leaving, still served", "asked to leave"),
        ("silent", "Paying, getting nothing", "no value for 30 days or more"),
    ):
        said = words.plural(stake[kind]["accounts"], "account")
        panel.number(label, words.money(stake[kind]["mrr"], currency), note=f"{said} · {note}")

with panel.section(
    f"What moved recurring revenue in {words.month(full)}",
    revenue.movements,
    revenue.account_movements,
    detail="From opening to closing MRR; the running month is in the table below.",
    sources=("subscriptions",),
):
    panel.chart(
        figures.waterfall(monthly.filter(monthly["month"] == full), currency=currency, title="MRR"), key="moved"
    )
    with st.expander("The accounts behind it"):
        movers = overview.movers(view, who, full)
        rows = tables.show(
            movers,
            findings.MOVERS,
            view=view,
            key="movers",
            alt="Accounts that moved",
            select="single-row",
            about=choice.said(),
        )
        links.open_account(tables.chosen(movers, rows))

with panel.section(
    "Retention over 24 months",
    revenue.rates,
    revenue.rate_change,
    detail="The band is the 95% interval; the hollow point is the month still running.",
):
    measure = choose("measure", "Show", {label: name for name, (label, _) in findings.MEASURES.items()})
    shown = findings.retained(rates, measure, overview.MONTHS)
    panel.chart(
        figures.line(shown, x="month", y="value", unit=figures.PERCENT, title=findings.MEASURES[measure][0]),
        key="retention",
    )

with st.expander("Every month as a table"):
    tables.show(
        monthly, findings.MONTHS, view=view, key="mrr-movements", alt="MRR movements by month", about=choice.said()
    )
