"""Accounts: the book, with health and what changed it, money, renewal, silence, and who is leaving."""

import streamlit as st

from metrics.health import explain_change, health
from metrics.value import zombies
from pages.shared import data, filters, links, notes, panel, tables, words
from pages.shared.answers import accounts
from pages.shared.choices import choose
from pages.shared.findings import accounts as findings

view = data.view()
choice = filters.row("segment", "plan", "csm")
if not notes.need(view, "accounts", "subscriptions", to="see your accounts"):
    st.stop()
currency, as_of = data.currency(view), data.frames(view).as_of
everybody = findings.dressed(accounts.book(view))
book = findings.chosen(everybody, choice.who, "")

panel.head(*findings.headline(book, currency))
if book.is_empty():
    filters.nothing_matches(choice)
    st.stop()

idle, leaving, soon = findings.idle(book), findings.leaving(book), findings.renewing(book, as_of)
with panel.numbers():
    for label, rows, note in (
        ("Paying", book, "all accounts of this choice"),
        ("Leaving, still served", leaving, "asked to leave; talk while they are here"),
        ("Paying, getting nothing", idle, "no value for 30 days or more"),
        ("Renewing in 90 days", soon, "next renewal within 90 days"),
    ):
        said = words.plural(rows.height, "account")
        panel.number(label, words.money(rows["mrr"].sum(), currency), note=f"{said} · {note}")

with panel.section("The book", health, explain_change, zombies, detail="Pick a row to open the account."):
    band = choose("band", "Health", findings.BANDS)
    shown = findings.chosen(book, filters.Who(), band)
    rows = tables.show(
        shown,
        findings.BOOK,
        view=view,
        key="accounts",
        alt="Accounts and their health",
        select="single-row",
        about=choice.said(),
        empty="No account has this band.",
    )
    links.open_account(tables.chosen(shown, rows))

with panel.section("Leaving, still served", detail="The nearest end first. Leaving is easy here: ask, thank, help."):
    rows = tables.show(
        leaving,
        findings.LEAVING,
        view=view,
        key="leaving",
        alt="Accounts that asked to leave",
        select="single-row",
        empty="Nobody has asked to leave.",
    )
    links.open_account(tables.chosen(leaving, rows))
