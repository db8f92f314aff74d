"""Said and done: what leavers gave as their reason, beside what they did in their last 90 days."""

from __future__ import annotations

from typing import Any

import streamlit as st

from metrics.stated import stated_vs_behaviour
from pages.shared import behind, notes, panel, tables
from pages.shared.answers import churn_reasons
from pages.shared.choices import choose
from pages.shared.churn.asking import Part
from pages.shared.findings import churn_deeds as findings


def show(part: Part) -> None:
    """The tab."""
    if not notes.need(part.view, "exit_surveys", to="set what they said beside what they did"):
        return
    with st.spinner("Reading their last 90 days …", show_time=True):
        rows = churn_reasons.behaviour(part.view, part.asked)
    table = findings.by_reason(rows, part.names)
    with panel.section(
        findings.behaviour_said(table),
        stated_vs_behaviour,
        detail=findings.behaviour_detail(rows),
        sources=("exit_surveys", "events"),
    ):
        alt = "What leavers said, and how many did what first"
        about: dict[str, Any] = {
            "alt": alt,
            "about": part.about,
            "empty": "Nobody who left in this period gave a reason.",
        }
        tables.show(table, findings.MATRIX, view=part.view, key="said-and-done", **about)
    with panel.section("Leaver by leaver", detail="Largest MRR first. Pick a row to open the account."):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            odd = choose("done_show", "Show", findings.SHOW)
            options = {"Anything": None, **dict(table.select("label", "theme").iter_rows())}
            label = st.selectbox("Who said", list(options), key="done_said", width=280, bind="query-params")
        mine = findings.behaved(rows, part.names, options.get(label), odd)
        behind.listed("What they said and did", mine, findings.BEHAVIOUR, key="behaviour", about=part.about)
