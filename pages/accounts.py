"""Accounts: the book, with health and what changed it, money, renewal, silence, and who is leaving."""

import streamlit as st

import settings
from metrics import loyalty as metric
from pages.shared import behind, data, filters, notes, panel, words, written
from pages.shared.answers import accounts, loyalty
from pages.shared.book import going, table
from pages.shared.choices import choose
from pages.shared.findings import accounts as findings
from pages.shared.findings import book as said_of
from pages.shared.findings import loyalty as loyal
from pages.shared.reach.chosen import ANYBODY, LEAVERS, LOYAL, RENEWING, SILENT_USE

view = data.view()
choice = filters.row("segment", "plan", "csm")
if not notes.need(view, "accounts", "subscriptions", to="see your accounts"):
    st.stop()
currency, as_of = data.currency(view), data.frames(view).as_of
everybody = findings.dressed(accounts.book(view, written.overridden()))
book = findings.chosen(everybody, choice.who, "")

if book.is_empty():
    panel.head(filters.nobody(choice))
    filters.nothing_matches(choice)
    st.stop()
panel.head(*findings.headline(book, currency))

days = settings.get().value.silent_days[0]
idle, leaving, soon = findings.idle(book), findings.leaving(book), findings.renewing(book, as_of)
with panel.numbers():
    for label, rows, note, to in (
        ("Paying", findings.paying(book), "all that pay, of this choice", ANYBODY),
        ("Leaving, still served", leaving, "asked to leave; talk while they are here", LEAVERS),
        (
            "Paying, getting nothing",
            idle,
            f"no value for {days} days or more",
            SILENT_USE,
        ),
        ("Renewing in 90 days", soon, "next renewal within 90 days", RENEWING),
    ):
        said = words.plural(rows.height, "account")
        with panel.number(label, words.money(rows["mrr"].sum(), currency), note=f"{said} · {note}"):
            key = label.lower().replace(",", "").replace(" ", "_")
            behind.accounts(label, rows.clone, said_of.columns(rows), key=key, about=choice.said(), to=to)

table.show(view, book, choice, as_of=as_of)
going.show(view, leaving, currency=currency, about=choice.said())

everyone = loyalty.stayed(view, choice.who)
summary, (left, right) = metric.loyalty(everyone), st.columns([3, 2])
how = (metric.top_accounts, metric.tenure)
with left, panel.section(loyal.top_said(summary), *how, detail=loyal.top_detail(summary)):
    top = metric.top_accounts(everyone)
    behind.listed("The top tenth by MRR", top, loyal.TOP, key="top-tenth", about=choice.said(), to=LOYAL)
with right, panel.section("Anniversaries", metric.anniversaries):
    days = choose("anniversaries", "In the next", loyal.SOON)
    coming = metric.anniversaries(everyone, as_of=as_of, days=days)
    st.caption(loyal.coming_said(coming, days))
    about = choice.said()
    behind.listed("Anniversaries", coming, loyal.ANNIVERSARIES, key="anniversaries-list", about=about, to=LOYAL)
