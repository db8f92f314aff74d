"""One timeline: use, tickets, answers, contacts, plan changes, notes and overrides; by kind."""

from __future__ import annotations

import polars as pl
import streamlit as st

import settings
from pages.shared import panel, tables
from pages.shared.data import View
from pages.shared.findings import room as findings


def show(view: View, base: pl.DataFrame, notes: pl.DataFrame, overridden: pl.DataFrame, *, of: str) -> None:
    """The section; ``base`` is what the sources tell, ``of`` whose it is (``account/<id>``)."""
    rows = findings.happened(base, notes, overridden, settings.get().organisation.time_zone)
    with panel.section("What happened", detail="Newest first. Choose kinds to see only those."):
        kinds = st.pills(
            "Show",
            list(findings.KINDS),
            selection_mode="multi",
            key="happened",
            label_visibility="collapsed",
            bind="query-params",
            persist_state="session",
        )
        tables.show(
            findings.of_kinds(rows, list(kinds)),
            findings.TIMELINE,
            view=view,
            key="timeline",
            alt="What happened",
            empty="Nothing of this kind has happened.",
            of=of,
        )
