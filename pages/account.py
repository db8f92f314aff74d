"""Account: one customer, what they get for their money, who uses it, what happened and when."""

import polars as pl
import streamlit as st

from metrics.health import health, health_history
from metrics.value import scorecard, unused_entitlements
from pages.shared import data, figures, links, notes, panel, tables, words
from pages.shared.answers import account, accounts
from pages.shared.findings import account as findings

view = data.view()
if not notes.need(view, "accounts", "subscriptions", to="see an account"):
    st.stop()
account_id = links.choose_account(account.directory(view))
if account_id is None:
    st.stop()
frames, currency = data.frames(view), data.currency(view)


def mine(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of this account."""
    return frame.filter(pl.col("account_id") == account_id)


about = account.about(view, account_id).row(0, named=True)
card = next(mine(account.scorecards(view)).iter_rows(named=True), None)
now = next(mine(accounts.health_now(view)).iter_rows(named=True), None)
history = mine(account.histories(view))
stretches = account.subscriptions(view, account_id)
panel.head(*findings.headline(about["name"] or account_id, now, card, currency))

with panel.numbers():
    for label, value, note in findings.cards(card) if card else []:
        panel.number(label, value, note=note)
    value, note = findings.renewal(stretches, frames.as_of)
    panel.number("Renewal", value, note=note)

left, right = st.columns([3, 2])
with left, panel.section("Health over a year", health, health_history, detail="At each month end, and today."):
    bounds = data.bands()
    panel.chart(
        figures.history(history, x="on", y="score", title="Health", bounds=bounds, floor=0, ceiling=100), key="health"
    )
with right, panel.section("What moved it since the last month end"):
    tables.show(
        findings.moved(history),
        findings.MOVED,
        view=view,
        key="moved",
        alt="What moved the score",
        empty="Nothing moved, or there is nothing to compare with yet.",
    )

with panel.section("Who uses it", scorecard, sources=("people", "events")):
    use = account.use(view, account_id)
    people = figures.line(
        use, x="month", y="people", unit=figures.COUNT, title="People using it", from_zero=True, height=220
    )
    panel.chart(people, key="people_over_time")
    if notes.need(view, "people", to="see who uses it"):
        tables.show(
            account.people(view, account_id), findings.PEOPLE, view=view, key="people", alt="People and their use"
        )

with panel.section("What happened", detail="Tickets, answers, contacts and plan changes, newest first."):
    tables.show(account.timeline(view, account_id), findings.TIMELINE, view=view, key="timeline", alt="What happened")

left, right = st.columns(2)
with left, panel.section("Paid for, not used", unused_entitlements):
    if notes.need(view, "entitlements", to="see what is paid for and not used"):
        tables.show(
            account.unused(view, account_id),
            findings.UNUSED,
            view=view,
            key="unused",
            alt="Paid for, not used",
            empty="Everything paid for is in use.",
        )
with right, panel.section("What they pay", sources=("subscriptions",)):
    tables.show(stretches, findings.SUBSCRIPTIONS, view=view, key="subscriptions", alt="Subscriptions")

if about["goal"]:
    st.caption(f"Why they bought: {words.inert(about['goal'])}")
