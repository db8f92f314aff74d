"""Whether the loss of an account is regrettable, as a person sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import polars as pl
import streamlit as st
from sqlalchemy import Engine

import settings
from pages.shared import viewer, words, written
from pages.shared.data import View
from pages.shared.findings import churn_words as said
from pages.shared.roles import Right
from pages.shared.written import Written
from records import marks

_SEEN = "tenure_mark_seen"


def regrettable(view: View, row: Mapping[str, Any], version: Written) -> None:
    """A choice for one churn: yes, no, or as by rule. It is kept at once, and can be taken back as quickly."""
    account_id, month = row["account_id"], row["month"]
    now = row["regrettable"] if row["judged_by"] == "person" else None
    held = {"yes": "Yes", "no": "No", None: "As by rule"}[now]
    if version.marks == written.UNREAD or not viewer.may(Right.JUDGE):
        st.caption(f"Regrettable: {words.inert(row['verdict'])}")
        return
    opened, seen = st.session_state.get(_SEEN, (None, 0))
    if opened != (account_id, month):
        seen = version.marks
        st.session_state[_SEEN] = ((account_id, month), seen)
    key = f"mark_{account_id}/{month}/{seen}"
    st.segmented_control(
        "Is this loss regrettable?",
        list(said.MARKS),
        default=held,
        required=True,
        key=key,
        on_change=partial(_save, account_id, month, key, seen, _found(row)),
    )
    st.caption(_standing(view, row, version))


def _standing(view: View, row: Mapping[str, Any], version: Written) -> str:
    """What counts now, and who said so."""
    if row["judged_by"] != "person":
        return f"Now: {words.inert(row['verdict'])}. A mark goes before the exit survey's flag and the rule."
    given = written.marked(view, version.marks).filter(
        pl.col("account_id") == row["account_id"], pl.col("month") == row["month"]
    )
    return said.marked_said(given.row(0, named=True) if given.height else None, settings.get().organisation.zone)


def _found(row: Mapping[str, Any]) -> bool | None:
    """What stood before anybody marked it."""
    found: bool | None = {"yes": True, "no": False}.get(row["regrettable"])
    return found


def _save(account_id: str, month: date, key: str, seen: int, found: bool | None) -> None:
    chosen = st.session_state.get(key)
    if chosen not in said.MARKS:
        return

    def keep(here: Engine, author: str) -> int:
        written.refuse_others(account_id)
        what: dict[str, Any] = {"account_id": account_id, "month": month, "regrettable": said.MARKS[chosen]}
        return marks.set_mark(here, author=author, now=datetime.now(UTC), seen=seen, found=found, **what)

    written.save(Right.JUDGE, keep, "Mark taken back" if said.MARKS[chosen] is None else "Loss marked")
    st.session_state.pop(_SEEN, None)
