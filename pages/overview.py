"""Overview: recurring revenue and retention, what moved them, whether it is real, and what is at risk."""

import streamlit as st

from metrics import revenue
from metrics.health import health
from metrics.month_ends import months_later
from pages.shared import cards, data, digest, drill, filters, notes, packs, panel, tables, words
from pages.shared.answers import behind as accounts
from pages.shared.answers import overview
from pages.shared.choices import choose
from pages.shared.findings import overview as findings
from reports import sentences
from reports.sentences import LONG, full_month, one
from reports.zombies import nrr_without_zombies

view = data.view()
choice = filters.row("segment", "plan", "csm")
if not notes.need(view, "accounts", "subscriptions", to="see recurring revenue"):
    st.stop()
who, currency, as_of = choice.who, data.currency(view), data.frames(view).as_of
full = full_month(as_of)
monthly, changes = overview.monthly(view, who), overview.changes(view, who)
last = one(monthly, month=full)

if monthly.is_empty():
    panel.head(filters.nobody(choice))
    filters.nothing_matches(choice)
    st.stop()
panel.head(findings.headline(changes, last, currency), findings.PLACED if who.plan else None)

movers, renewals = overview.movers(view, who, full), overview.renewing(view, who)
going, silent = accounts.going(view, who), accounts.silent(view, who)
due = one(renewals, month=months_later(as_of.replace(day=1), 1))
for sentence in (
    sentences.kept(one(changes, measure="grr"), full, movers, currency, write=words.inert),
    sentences.moved(last, movers, currency, write=words.inert),
    sentences.ahead(going, silent, due, currency, write=words.inert),
):
    st.markdown(sentence)
with st.container(horizontal=True):
    packs.board(view)
    digest.show()

with panel.numbers(3):
    cards.revenue(choice, full)
    cards.stakes(choice, going, silent)
    cards.recommend(choice)

about, placed = ({"view": view, "about": said} for said in (choice.said(), findings.placed(choice)))
with panel.section(
    f"What moved recurring revenue in {words.month(full)}",
    revenue.movements,
    revenue.account_movements,
    detail="From opening to closing MRR. Click a bar for the accounts behind it.",
    sources=("subscriptions",),
):
    drill.waterfall(choice, monthly, movers, full)
    columns = findings.months(monthly)
    tables.folded("Every month as a table", monthly, columns, key="mrr-movements", alt="Movements", **placed)

with panel.section(
    "Retention over 24 months",
    revenue.rates,
    revenue.rate_change,
    nrr_without_zombies,
    detail="The band is the 95% interval; the hollow point is the month still running.",
):
    drill.retention(choice, choose("measure", "Show", {label: name for name, label in LONG.items()}))

left, right = st.columns(2)
with left, panel.section(findings.renewals_said(renewals, full, currency), revenue.renewals):
    drill.renewals(choice, renewals)
    tables.folded("Every month as a table", renewals, findings.RENEWALS, key="renewals-table", alt="Renewals", **about)
at_risk = overview.at_risk(view, who)
computed = (
    "What an account pays in all, in the month of its next renewal, by computed health; "
    "health set by hand counts on the accounts page only."
)
with right, panel.section(findings.risk_said(at_risk, overview.last_ahead(as_of), currency), health, detail=computed):
    drill.at_risk(choice, at_risk)
