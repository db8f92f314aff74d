"""Contacts: who has been silent for too long, what renews in which week, and when each account was last in contact."""

import streamlit as st

from metrics import contacts as metric
from metrics.relations import silence
from pages.shared import behind, contacts_drill, data, filters, notes, panel, trail, words
from pages.shared.answers import contacts
from pages.shared.choices import choose
from pages.shared.findings import contacts as findings
from pages.shared.reach import chosen

view = data.view()
choice = filters.row("segment", "plan", "csm")
if not notes.need(view, "accounts", "subscriptions", to="see whom to talk with"):
    st.stop()
currency, as_of, about = data.currency(view), data.frames(view).as_of, choice.said()
book, renewing = contacts.book(view, choice.who), contacts.renewing(view, choice.who)
recorded = "touches" not in data.frames(view).missing

trail.viewed("page/contacts")
if book.is_empty():
    panel.head(filters.nobody(choice))
    filters.nothing_matches(choice)
    st.stop()
panel.head(*(findings.headline if recorded else findings.without_touches)(book, currency))
if notes.need(view, "touches", to="see who has been silent for too long"):
    late = findings.overdue(book)
    with panel.numbers():
        for label, rows, columns, note in (
            ("Silent for too long", late, findings.OVERDUE, "over three times their rhythm"),
            ("Of them nothing planned", findings.unplanned(late), findings.OVERDUE, "no next contact"),
            ("Never in contact", findings.never(book), findings.OVERDUE, "since records began"),
            ("Planned in 14 days", findings.planned(book, as_of), findings.OVERDUE, "a next contact is set"),
        ):
            said = f"{findings.sums(rows, currency)} · {note}"
            with panel.number(label, words.number(rows.height), note=said):
                behind.accounts(label, rows.clone, columns, key=label.lower().replace(" ", "_"), about=about)
    with panel.section("Silent beyond their rhythm", metric.contacts, silence, sources=("touches",)):
        st.caption("Largest MRR first. Pick a row to open the account.")
        behind.listed("Silent beyond their rhythm", late, findings.OVERDUE, key="overdue", about=about, to=chosen.QUIET)

said = findings.weeks_said(renewing, as_of, currency)
with panel.section(said, metric.calendar, metric.account_calendar, detail="By week. Click a bar for its accounts."):
    contacts_drill.weeks(choice, contacts.weeks(view, choice.who), renewing)

if recorded:
    with panel.section("The calendar", detail="First, last and next contact of every account. Pick a row to open it."):
        state = choose("contact", "Show", findings.SHOWN)
        rows = findings.in_state(findings.dressed(book), state)
        behind.listed("First, last and next contact", rows, findings.CALENDAR, key="contacts", about=about)
