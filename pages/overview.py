"""Overview: recurring revenue and retention, what moved them, whether it is real, and what is at risk."""

from functools import partial

import streamlit as st

from metrics import revenue
from metrics.health import health
from metrics.month_ends import months_later
from pages.shared import cards, data, figures, filters, links, notes, packs, panel, tables, words
from pages.shared.answers import behind as accounts
from pages.shared.answers import overview
from pages.shared.choices import choose
from pages.shared.findings import overview as findings
from pages.shared.findings import sentences

view = data.view()
choice = filters.row("segment", "plan", "csm")
if not notes.need(view, "accounts", "subscriptions", to="see recurring revenue"):
    st.stop()
who, currency, as_of = choice.who, data.currency(view), data.frames(view).as_of
full = findings.full_month(as_of)
monthly, changes = overview.monthly(view, who), overview.changes(view, who)
last = findings.one(monthly, month=full)

panel.head(findings.headline(changes, last, currency))
if monthly.is_empty():
    filters.nothing_matches(choice)
    st.stop()

movers, renewals = overview.movers(view, who, full), overview.renewing(view, who)
going, silent = accounts.going(view, who), accounts.silent(view, who)
due = findings.one(renewals, month=months_later(as_of.replace(day=1), 1))
for sentence in (
    sentences.kept(findings.one(changes, measure="grr"), full, movers, currency),
    sentences.moved(last, movers, currency),
    sentences.ahead(going, silent, due, currency),
):
    st.markdown(sentence)
packs.board(view)

with panel.numbers():
    cards.revenue(choice, full)
    cards.stakes(going, silent)
    cards.recommend(choice)

with panel.section(
    f"What moved recurring revenue in {words.month(full)}",
    revenue.movements,
    revenue.account_movements,
    detail="From opening to closing MRR; the running month is in the table below.",
    sources=("subscriptions",),
):
    month = monthly.filter(monthly["month"] == full)
    panel.chart(figures.waterfall(month, currency=currency, title="MRR"), key="moved")
    with st.expander("The accounts behind it"):
        picked = tables.show(
            movers, findings.MOVERS, view=view, key="movers", alt="Movers", select="single-row", about=choice.said()
        )
        links.open_account(tables.chosen(movers, picked))

with panel.section(
    "Retention over 24 months",
    revenue.rates,
    revenue.rate_change,
    detail="The band is the 95% interval; the hollow point is the month still running.",
):
    measure = choose("measure", "Show", {label: name for name, (label, _) in findings.MEASURES.items()})
    shown = findings.retained(overview.retention(view, who), measure, overview.MONTHS)
    line = figures.line(shown, x="month", y="value", unit=figures.PERCENT, title=findings.MEASURES[measure][0])
    panel.chart(line, key="retention")

stack = partial(figures.stacked, x="month", y="mrr", by="part", unit=figures.money(currency))
left, right = st.columns(2)
with left, panel.section(findings.renewals_said(renewals, full, currency), revenue.renewals):
    panel.chart(stack(findings.renewal_parts(renewals), title="Renewals"), key="renewals")
    with st.expander("As a table"):
        tables.show(renewals, findings.RENEWALS, view=view, key="renewals-table", alt="Renewals", about=choice.said())
at_risk = overview.at_risk(view, who)
with right, panel.section(findings.risk_said(at_risk, currency), health, detail="By month of renewal and health band."):
    panel.chart(stack(findings.risk_parts(at_risk), title="Renewals by health band"), key="at_risk")

with st.expander("Every month as a table"):
    tables.show(monthly, findings.MONTHS, view=view, key="mrr-movements", alt="MRR movements", about=choice.said())
