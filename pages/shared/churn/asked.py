"""Asked and shipped: who asked for what the roadmap has shipped since, and may come back or stay for it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from metrics.roadmap import asked_and_shipped, unknown_themes
from pages.shared import behind, notes, panel, tables
from pages.shared.answers import churn_reasons
from pages.shared.choices import choose
from pages.shared.churn.asking import Part
from pages.shared.findings import churn_deeds as findings
from pages.shared.reach.chosen import ASKED


def show(part: Part) -> None:
    """The tab."""
    if not notes.need(part.view, "roadmap", to="see who asked for what has shipped since"):
        return
    rows = findings.standing(churn_reasons.shipped(part.view, part.asked.who, part.corrections))
    items = findings.items(rows, part.names)
    said, detail = findings.shipped_said(rows, part.currency), findings.shipped_detail(rows, part.currency)
    with panel.section(said, asked_and_shipped, unknown_themes, detail=detail, sources=("roadmap",)):
        alt = "What has shipped, and who had asked"
        about: dict[str, Any] = {
            "alt": alt,
            "about": part.who,
            "empty": "Nothing that anybody asked for has shipped yet.",
        }
        tables.show(items, findings.asked_columns(rows, findings.ITEMS), view=part.view, key="shipped", **about)
        _unknown(part)
    if rows.height:
        with panel.section("Account by account", detail="Largest MRR first. Pick a row to open the account."):
            with st.container(horizontal=True, vertical_alignment="bottom"):
                state = choose("asked_state", "Today", findings.STANDINGS)
                likely = choose("asked_likely", "They asked for", findings.LIKELY) if rows["likely"].any() else False
                options = {"Anything": None, **dict(items.select("title", "item_id").iter_rows())}
                label = st.selectbox("Shipped", list(options), key="asked_item", width=280, bind="query-params")
            mine = findings.asked_for(rows, options.get(label), state, likely)
            columns, key = findings.asked_columns(rows), "asked-and-shipped"
            behind.listed("Who had asked", mine, columns, key=key, about=part.who, to=ASKED)


def _unknown(part: Part) -> None:
    unknown = churn_reasons.unknown(part.view)
    if unknown.height:
        st.info(findings.unknown_said(unknown), icon=":material/label_off:")
        about = {"alt": "Items of the roadmap with a theme that is not known"}
        tables.folded("Which items", unknown, findings.UNKNOWN, view=part.view, key="unknown-themes", **about)
