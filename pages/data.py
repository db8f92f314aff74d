"""Data: how each source arrived, what was left out and why, and which snapshots there are."""

import streamlit as st

from pages.shared import backtest, data, notes, panel, refreshing, tables, trail
from pages.shared.answers import data as answers
from pages.shared.findings import data as findings

view = data.view()
sources = answers.sources(view)
panel.head(*findings.headline(sources))
refreshing.button()
notes.themes(view)
notes.answers(view)

with panel.section("Sources", detail="What the last refresh found; the contract is in docs/data-contract.md."):
    tables.show(sources, findings.SOURCES, view=view, key="sources", alt="Every source and how it arrived")

reasons = answers.reasons(view)
with panel.section("What was left out, and what is odd"):
    tables.show(
        reasons,
        findings.REASONS,
        view=view,
        key="reasons",
        alt="Rows left out or flagged, by reason",
        empty="Every row kept every rule.",
    )
    bad = reasons.filter(~reasons["kept"])["source"].unique(maintain_order=True).to_list()
    if bad:
        source = st.selectbox("Show the rows of", bad, key="rejected_of", width=240, bind="query-params")
        rows = answers.rejected(view, source if source in bad else bad[0])
        if rows.height:
            trail.viewed("page/data")
        tables.show(rows, findings.rejected_columns(rows), view=view, key="rejected", alt="Rows left out, as they were")

backtest.section(view)

with panel.section("Snapshots", detail="Each refresh publishes one; pages read the newest."):
    tables.show(answers.history(view), findings.HISTORY, view=view, key="snapshots", alt="Snapshots kept")
