"""Themes: what corrections taught, what may be a new theme, and what the codes of the form stand for."""

from __future__ import annotations

import streamlit as st

import settings
from metrics.emerging import as_toml, emerging
from metrics.theme_learning import LEAST, agreement, learn
from pages.shared import notes, panel, tables, words
from pages.shared.answers import churn_reasons, comments
from pages.shared.churn import editor
from pages.shared.churn.asking import Part
from pages.shared.findings import churn_words as findings
from pages.shared.written import UNREAD

_GROUPED = "tenure_grouped_with"


def show(part: Part) -> None:
    """The tab."""
    notes.themes(part.view)
    _emerging(part)
    _learning(part)
    _codes(part)


def _grouped(part: Part) -> int:
    """How new the corrections are that groups are made with: those of when the group was picked, while one is.

    Were each correction of a member to make new groups, another comment would take its place under people's hands.
    """
    picked = (st.session_state.get("emerging") or {}).get("selection", {}).get("rows")
    of, version = st.session_state.get(_GROUPED, (None, UNREAD))
    number = int(version)
    if not picked or of != (part.view, part.asked.since):
        number = part.corrections
    st.session_state[_GROUPED] = ((part.view, part.asked.since), number)
    return number


def _emerging(part: Part) -> None:
    version = _grouped(part)
    with st.spinner("Reading the unclear comments …", show_time=True):
        groups = comments.groups(part.view, part.asked.since, version)
    detail = "Of everybody's survey answers, exit answers and reviews in the period. Pick a group to read its comments."
    with panel.section(findings.emerging_said(groups), emerging, detail=detail):
        picked = tables.show(
            findings.grouped(groups),
            findings.GROUPS,
            view=part.view,
            key="emerging",
            alt="Groups of unclear comments",
            select="single-row",
            about=part.choice.span,
            empty="Unclear comments are too few, or each says something of its own.",
        )
        if not picked:
            return
        group = groups.row(picked[0], named=True)
        with st.container(border=True, key="group_open"):
            st.markdown(f"**{words.inert(group['name'])}**")
            _copy(group)
            _members(part, version, group["group"])


def _copy(group: dict[str, object]) -> None:
    with st.expander("Make it a theme", icon=":material/content_copy:", key="emerging_toml", on_change="rerun") as fold:
        if fold.open:
            taken = [theme.id for theme in comments.themes().all]
            st.caption(
                "Copy this to the end of config/themes.toml, and give it a name, whether its churn is regrettable, and "
                "the play that answers it. The next refresh reads all comments by it."
            )
            st.code(as_toml(group, taken=taken), language="toml", wrap_lines=True)


def _members(part: Part, version: int, group: int) -> None:
    rows = findings.members(comments.members(part.view, part.asked.since, version, group))
    picked = tables.show(
        rows,
        findings.MEMBERS,
        view=part.view,
        key=f"group-{group}-comments",
        alt="Comments of this group",
        select="single-row",
        about=part.choice.span,
    )
    if picked:
        row = rows.row(picked[0], named=True)
        with st.container(border=True, key="member_open"):
            editor.who(row, f"{row['from']} · {words.day(row['on'])}")
            about = (part.view, row["source"], row["response_id"], row["text"], part.asked.version)
            left, right = st.columns([3, 2], gap="large")
            with left:
                editor.words_of(row["text"])
                editor.shows(*about)
            with right:
                editor.themes(*about)


def _learning(part: Part) -> None:
    corrected = comments.corrections(part.view, part.corrections)
    measured = None
    if corrected.height >= LEAST:
        with st.spinner("Measuring what the corrections taught …", show_time=True):
            measured = comments.agreement(part.view, part.corrections)
    said, detail = findings.learning_said(corrected.height, measured), findings.learning_detail(corrected.height)
    with panel.section(said, agreement, learn, detail=detail):
        if measured is None:
            st.progress(corrected.height / LEAST, text=f"{corrected.height} of {LEAST}")
        else:
            rows = findings.agreements(measured)
            tables.show(rows, findings.AGREEMENT, view=part.view, key="agreement", alt="Agreement with people")
        zone = settings.get().organisation.time_zone
        rows = findings.corrections(corrected, part.names, zone)
        about = {"alt": "Comments that people corrected", "empty": "Nobody has corrected a comment yet."}
        tables.folded("What was corrected", rows, findings.CORRECTED, view=part.view, key="corrections", **about)


def _codes(part: Part) -> None:
    if "exit_surveys" in part.missing:
        return
    detail = "A code counts as its theme. To change that, edit `reasons` of the theme in config/themes.toml."
    with panel.section("What the codes of the exit form stand for", detail=detail):
        rows = findings.coded(churn_reasons.codes(part.view), part.names)
        about = {"alt": "Codes of the form and their themes", "empty": "The form has no codes."}
        tables.folded("The codes", rows, findings.CODES, view=part.view, key="codes", **about)
