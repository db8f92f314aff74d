"""Account: one customer, what they get for their money, who uses it, what happened, and what we know of them."""

import polars as pl
import streamlit as st

from metrics.value import scorecard, unused_entitlements
from pages.shared import data, figures, links, notes, packs, panel, tables, trail, viewer, words, written
from pages.shared.answers import account, accounts
from pages.shared.findings import account as findings
from pages.shared.reach import button
from pages.shared.roles import Right
from pages.shared.room import goal, history, link, override, timeline
from pages.shared.room import notes as written_notes
from reports.champions import Typed

view = data.view()
if not notes.need(view, "accounts", "subscriptions", to="see an account"):
    st.stop()
account_id = links.choose_account(account.directory(view))
if account_id is None:
    st.stop()
frames, currency = data.frames(view), data.currency(view)
room, overridden = written.room(), written.overridden()


def mine(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of this account."""
    return frame.filter(pl.col("account_id") == account_id)


about = account.about(view, account_id).row(0, named=True)
card = next(mine(account.scorecards(view)).iter_rows(named=True), None)
now = next(mine(accounts.health_shown(view, overridden)).iter_rows(named=True), None)
stretches, people = account.subscriptions(view, account_id), account.people(view, account_id)
said, typed = written.overrides_of(view, overridden), written.goal_of(view, account_id, room.goals)
noted = written.notes_of(view, account_id, room.notes)
before = written.overrides_history(view, account_id, room.overrides)

over = findings.ended(stretches, frames.as_of)
panel.head(*findings.headline(about["name"] or account_id, now, card, currency, over))
with st.container(horizontal=True):
    own = typed.row(0, named=True) if typed.height else {"goal": None, "champion_id": None, "champion": None}
    packs.review(
        view,
        account_id,
        goal=own["goal"],
        champion=Typed(own["champion_id"], own["champion"]),
        overrides=mine(said) if said.height else None,
    )
    link.show(account_id)
    button.draw(account.about(view, account_id), words.inert(about["name"] or account_id), key="account")

with panel.numbers():
    for label, value, note in findings.cards(card, currency):
        panel.number(label, value, note=note)
    value, note = findings.renewal(stretches, frames.as_of)
    panel.number("Renewal", value, note=note)

history.show(view, mine(account.histories_shown(view, overridden)))

named = f"account/{account_id}"
trail.viewed(named)
if viewer.may(Right.KEEP):
    may = written.can_save()
    left, right = st.columns(2)
    with left:
        goal.show(account_id, about["goal"], people, typed, room.goals, may)
    with right:
        override.show(view, account_id, now, before, room.overrides, may)
    written_notes.show(account_id, noted, room.notes, may)

with panel.section("Who uses it", scorecard, detail="People there who used anything, by month, and each of them now."):
    use = account.use(view, account_id)
    lines = figures.line(
        use, x="month", y="people", unit=figures.COUNT, title="People using it", from_zero=True, height=220
    )
    panel.chart(lines, key="people_over_time")
    if viewer.may(Right.PEOPLE) and notes.need(view, "people", to="see who uses it"):
        tables.show(people, findings.PEOPLE, view=view, key="people", alt="People and their use", of=named)

timeline.show(view, account.timeline(view, account_id), noted, before, of=named)

left, right = st.columns(2)
with left, panel.section("Paid for, not used", unused_entitlements):
    if notes.need(view, "entitlements", to="see what is paid for and not used"):
        waiting = account.unused(view, account_id)
        tables.show(
            waiting,
            findings.unused_columns(waiting),
            view=view,
            key="unused",
            alt="Paid for, not used",
            of=named,
            empty=findings.nothing_unused(card),
        )
with right, panel.section("What they pay", detail="Every stretch of a plan at one price, the newest first."):
    tables.show(stretches, findings.SUBSCRIPTIONS, view=view, key="subscriptions", alt="Subscriptions", of=named)
