"""Chosen accounts of somebody else's book: whoever drafts does not write to them, and is told so."""

from __future__ import annotations

import polars as pl
import streamlit as st

from outreach.audience import Audience
from pages.shared import data, viewer, words
from pages.shared.answers.account import directory
from pages.shared.data import View
from pages.shared.roles import Right

WHY = "Not in the book of whoever drafted this"
_WHO_MAY = "Their CSM or an admin can write to them."


def chosen(view: View, audience: Audience) -> None:
    """Before there is a draft: how many of those chosen the viewer may see, but not write to."""
    _say(_beyond(view, _there(view, audience)), audience, "your book")


def left_out(view: View, audience: Audience, author: str | None, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of a draft, and as left out the chosen accounts that its author does not write to; says how many."""
    found = _there(view, audience).join(rows, on="account_id", how="anti")
    who = viewer.now()
    if who is not None and who.name == author and who.may(Right.DRAFT):  # another's book is not known here
        found = _beyond(view, found)
    _say(found, audience, "the book of whoever drafted this")
    others = found.select("account_id", account="name", group=pl.lit("left_out"), why=pl.lit(WHY))
    return pl.concat([rows, others], how="diagonal")


def _there(view: View, audience: Audience) -> pl.DataFrame:
    ids = pl.Series(audience.account_ids, dtype=pl.String)
    return directory(view).filter(pl.col("account_id").is_in(ids.implode()))


def _beyond(view: View, accounts: pl.DataFrame) -> pl.DataFrame:
    return accounts.join(directory(data.book(view)), on="account_id", how="anti")


def _say(others: pl.DataFrame, audience: Audience, book: str) -> None:
    if others.is_empty():
        return
    of = words.plural(len(audience.account_ids), "chosen account")
    said = f"is not in {book} and gets no message" if others.height == 1 else f"are not in {book} and get no message"
    st.info(f"{others.height:,} of the {of} {said}. {_WHO_MAY}", icon=":material/group_off:")
