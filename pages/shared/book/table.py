"""The book: every account of the choice, by view, health, order and name; all of it stands in the address."""

from __future__ import annotations

from datetime import date

import polars as pl
import streamlit as st

from metrics.health import explain_change, health
from metrics.relations import silence
from metrics.value import zombies
from pages.shared import links, panel, tables
from pages.shared.choices import choose
from pages.shared.data import View
from pages.shared.filters import Filters, Who
from pages.shared.findings import accounts as findings
from pages.shared.findings import book as said
from pages.shared.reach import button

_DETAIL = "Pick a row to open the account. The address carries all you choose here: bookmark it, or send it."


def show(view: View, book: pl.DataFrame, choice: Filters, *, as_of: date) -> None:
    """The section; ``book`` is dressed and holds the accounts of the choice."""
    with panel.section("The book", health, explain_change, zombies, silence, detail=_DETAIL):
        wanted = choose("view", "View", said.VIEWS)
        band = choose("band", "Health", findings.BANDS)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            order = _order()
            name = _name()
        rows = said.found(said.seen(findings.chosen(book, Who(), band), wanted, as_of), name)
        shown = said.ordered(rows, order)
        picked = tables.show(
            shown,
            said.columns(shown),
            view=view,
            key="accounts",
            alt="Accounts and their health",
            select="single-row",
            about=said.about(choice.said(), wanted, band, name),
            empty="No account is like that: choose another view, or “All”.",
            beside=button.beside(shown, said.called(wanted, band, name), key="book", to=said.REACHED[wanted]),
        )
        links.open_account(tables.chosen(shown, picked))


def _order() -> str:
    names = list(said.ORDERS)
    chosen = st.selectbox("Order", names, key="order", width=210, bind="query-params", persist_state="session")
    return chosen if chosen in said.ORDERS else names[0]


def _name() -> str:
    return str(
        st.text_input(
            "Find",
            key="find",
            placeholder="Part of a name",
            icon=":material/search:",
            max_chars=100,
            width=210,
            bind="query-params",
            persist_state="session",
        )
    )
