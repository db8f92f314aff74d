"""Messages that the server may or may not have taken: only a person can say which; nothing is repeated by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl
import streamlit as st

import settings
from pages.shared import panel, words
from pages.shared.findings import campaigns as findings
from pages.shared.reach import acting
from records.campaigns import Campaign

MOST = 20
"""Uncertain messages shown at once; settle these, and the next ones follow."""
_DETAIL = (
    "The connection broke right when the server was taking these. Look in the sent mail or the server's log, or ask "
    "the person: then say what is true. Sending again what had arrived sends it twice."
)


def show(rows: pl.DataFrame, campaign: Campaign, may: bool) -> None:
    """The section; nothing when all is certain."""
    if rows.is_empty():
        return
    said = words.plural(rows.height, "message")
    with panel.section(f"Nobody is sure whether {said} arrived", detail=_DETAIL):
        for row in rows.head(MOST).iter_rows(named=True):
            _one(row, campaign, may)
        if rows.height > MOST:
            st.caption(f"{rows.height - MOST:,} more follow.")


def _one(row: Mapping[str, Any], campaign: Campaign, may: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(gap="xxsmall", width="content"):
            st.markdown(f"**{words.inert(row['person'] or '')}**, {words.inert(row['account'])}")
            st.caption(f"{words.inert(row['address'] or '')} · {_tried(row)}")
        if may:
            _buttons(row, campaign)


def _tried(row: Mapping[str, Any]) -> str:
    at = row["sending_at"]
    return "" if at is None else f"tried {words.moment(at.astimezone(settings.get().organisation.zone))}"


def _buttons(row: Mapping[str, Any], campaign: Campaign) -> None:
    id, held = row["message_id"], settings.get()
    again = findings.again_from(row["sending_at"], held.outreach.lease)
    with st.container(horizontal=True, gap="small", width="content", vertical_alignment="center"):
        st.button("It was sent", key=f"was_sent_{id}", on_click=acting.settle, args=(id, True))
        if campaign.state == "cancelled":
            st.caption("Cancelled: it is not sent again.")
        elif again is None or datetime.now(UTC) >= again:
            st.button("Send again", key=f"again_{id}", on_click=acting.settle, args=(id, False))
        else:
            st.caption(
                f"“Send again” from {again.astimezone(held.organisation.zone):%H:%M}: it may still be under way."
            )
