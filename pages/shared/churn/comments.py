"""In their words: what leavers wrote beside what they chose; a row opens the comment and what people may correct."""

from __future__ import annotations

import streamlit as st

from metrics import churn_reasons as metric
from metrics.leavers import leavers
from metrics.themes import correct, find_themes
from pages.shared import notes, panel, tables, words
from pages.shared.answers import comments as answers
from pages.shared.choices import choose
from pages.shared.churn import editor, mark
from pages.shared.churn.asking import Part
from pages.shared.findings import churn_reasons as findings
from pages.shared.findings import churn_words as said
from pages.shared.reach import button
from pages.shared.reach.themes import for_it

_OPEN = "churn_comment_open"


def show(part: Part) -> None:
    """The tab."""
    if not notes.need(part.view, "exit_surveys", to="read why they left in their words"):
        return
    totals = metric.totals(part.leavers).row(0, named=True)
    detail = "Largest MRR first. Pick a row to read it in full, to correct its themes, or to mark the loss."
    with panel.section(
        said.words_said(totals), leavers, find_themes, correct, detail=detail, sources=("exit_surveys",)
    ):
        notes.themes(part.view)
        _list(part)


def _list(part: Part) -> None:
    reasons = findings.labelled(metric.reasons(part.leavers), part.names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = choose("words_of", "Show", said.WITH)
        options = said.options(reasons, st.session_state.get("theme"), part.names)
        label = st.selectbox("Reason", list(options), key="theme", width=280, bind="query-params")
    told = said.told(part.leavers, answers.corrections(part.view, part.corrections), part.names)
    shown = (kind, label, part.choice)
    kept = st.session_state.get(_OPEN, (None, None))
    rows = said.chosen(told, kind, options.get(label), kept[1] if kept[0] == shown else None)
    picked = tables.show(
        rows,
        said.WORDS,
        view=part.view,
        key="leavers",
        alt="What leavers wrote",
        select="single-row",
        about=part.about,
        beside=button.beside(rows, f"Left: {words.inert(label)}", key="leavers", to=for_it(options.get(label), label)),
    )
    if not picked:
        st.session_state.pop(_OPEN, None)
        return
    row = rows.row(picked[0], named=True)
    st.session_state[_OPEN] = (shown, row["response_id"])
    with st.container(border=True, key="leaver_open"):
        editor.who(row, said.facts(row, part.currency))
        about = (part.view, "exit_surveys", row["response_id"], row["comment"], part.asked.version)
        left, right = st.columns([3, 2], gap="large")
        with left:
            editor.words_of(row["comment"])
            editor.shows(*about)
            editor.form(row["form"])
        with right:
            editor.themes(*about)
            mark.regrettable(part.view, row, part.asked.version)
