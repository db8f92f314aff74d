"""“Reach out…”: from a table of accounts, or one account, to the campaigns page."""

from __future__ import annotations

from functools import partial
from typing import Literal

import polars as pl
import streamlit as st

from pages.shared import viewer, words
from pages.shared.reach import chosen
from pages.shared.reach.chosen import ANYBODY, Chosen, To
from pages.shared.roles import Right

LABEL = "Reach out…"


def beside(rows: pl.DataFrame, label: str, *, key: str, to: To = ANYBODY) -> partial[None]:
    """The button for the rows of a table, to be drawn beside its downloads."""
    return partial(draw, rows, label, key=key, to=to, type="tertiary")


def draw(
    rows: pl.DataFrame,
    label: str,
    *,
    key: str,
    to: To = ANYBODY,
    type: Literal["secondary", "tertiary"] = "secondary",
) -> None:
    """The button; nothing for rows that are no accounts, or for a viewer who may not draft.

    ``label`` says in our words who they are; pass other people's through ``words.inert``.
    """
    if "account_id" not in rows.columns or not viewer.may(Right.DRAFT):
        return
    column, noun, many = ("user_id", "person", "people") if to.people else ("account_id", "account", "accounts")
    count = rows[column].drop_nulls().n_unique()
    if not count:
        return
    said = f"Write to {'this' if count == 1 else 'these'} {words.plural(count, noun, many)}; nothing is sent yet"
    if st.button(LABEL, key=f"reach_{key}", type=type, icon=":material/outgoing_mail:", help=said):
        chosen.choose(Chosen(chosen.audience(rows, label, to), to.plays))
        # Without any, Streamlit would refuse to leave a page whose filters stand in the address.
        st.switch_page(chosen.PAGE, query_params={})
