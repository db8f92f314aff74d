"""The button that reads the product database now, with its progress."""

from __future__ import annotations

import streamlit as st

import settings
from pages.shared import viewer, words
from pages.shared.roles import Right
from queries import refresh
from queries.errors import RefreshError


def button() -> None:
    """Draw the button; when pressed, refresh, show how far it is, and open the new snapshot."""
    if not viewer.may(Right.OPERATE) or not st.button("Refresh now", icon=":material/sync:", key="refresh_now"):
        return
    viewer.require(Right.OPERATE)
    bar = st.progress(0.0, "Reading the product database …")

    def progress(what: str, done: int, of: int) -> None:
        bar.progress(done / of if of else 0.0, f"Reading {what} …" if not of else f"Reading {what}: {done:,} of {of:,}")

    try:
        refresh.run(settings.get(), progress=progress)
    except RefreshError as error:
        bar.empty()
        hint = f"\n\n{words.marked(error.hint)}" if error.hint else ""
        st.warning(f"**{words.marked(error.message)}**{hint}", icon=":material/sync_problem:")
        return
    st.rerun()
