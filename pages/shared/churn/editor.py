"""One comment in full, and the themes that a person may give it instead of those found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import polars as pl
import streamlit as st
from sqlalchemy import Engine

import settings
from pages.shared import tables, viewer, words, written
from pages.shared.answers import comments
from pages.shared.data import View
from pages.shared.findings import churn_words as said
from pages.shared.findings.churn_reasons import label_of
from pages.shared.links import ACCOUNT
from pages.shared.roles import Right
from pages.shared.written import Written
from records import corrections

_SEEN = "tenure_comment_seen"
_TALL = 1_200
"""Characters from which on a comment scrolls inside a box of its own."""


def who(row: Mapping[str, Any], facts: str) -> None:
    """Whose comment it is, with a way to the account."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(gap="xxsmall", width="content"):
            st.markdown(f"**{words.inert(row['name'] or 'Nobody known')}**")
            st.caption(facts)
        if row["account_id"]:
            query = {ACCOUNT: row["account_id"]}
            st.page_link("account.py", label="Open the account", icon=":material/badge:", query_params=query)


def words_of(text: str | None) -> None:
    """What they wrote, as it stands, with nothing in it read as markup."""
    told = (text or "").strip()
    if not told:
        st.caption("They wrote nothing.")
        return
    with st.container(height=300 if len(told) > _TALL else "content", border=False):
        st.text(told[: words.LONGEST_COMMENT].replace("\0", "\ufffd"))
    if len(told) > words.LONGEST_COMMENT:
        st.caption(f"The first {words.LONGEST_COMMENT:,} characters.")


def shows(view: View, source: str, response_id: str | None, text: str | None, version: Written) -> None:
    """The sentences that show its themes, where they are not all it says."""
    tags = comments.tags_of(view, source, version.corrections).filter(pl.col("response_id") == response_id)
    for label, sentence in said.evidence(tags, comments.names()):
        if sentence.strip() != (text or "").strip():
            st.caption(f"{words.inert(label)}: “{words.inert(sentence)}”")


def form(chosen: str | None) -> None:
    """What they chose on the exit form."""
    st.caption(f"On the form: {words.inert(chosen)}" if chosen else "On the form: no reason chosen")


def themes(view: View, source: str, response_id: str | None, text: str | None, version: Written) -> None:
    """What the comment is about, as found or as somebody set it; a form to set it, and who did before."""
    if response_id is None or not (text or "").strip():
        return
    names = comments.names()
    mine = pl.col("response_id") == response_id
    tags = comments.tags_of(view, source, version.corrections).filter(mine)
    now = list(dict.fromkeys(tags["theme"].to_list()))
    rows = comments.corrections(view, version.corrections).filter(mine & (pl.col("source") == source))
    last = rows.row(0, named=True) if rows.height else None
    written.not_saved()
    if viewer.may(Right.JUDGE) and written.can_save():
        _form(source, response_id, now, names, version, taken_back=last is not None)
    else:
        st.markdown(words.inert(", ".join(label_of(theme, names) for theme in now)))
    st.caption(said.corrected_said(last, settings.get().organisation.zone))
    if version.corrections != written.UNREAD:
        _history(view, source, response_id, names)


def _form(
    source: str, response_id: str, now: list[str], names: Mapping[str, str], version: Written, *, taken_back: bool
) -> None:
    """The themes to choose. What was seen is what was there when the comment was opened, not what came since."""
    opened, seen = st.session_state.get(_SEEN, (None, 0))
    if opened != (source, response_id):
        seen = version.corrections
        st.session_state[_SEEN] = ((source, response_id), seen)
    key = f"themes_of_{source}/{response_id}/{seen}"
    ask = partial(_save, source, response_id, key, tuple(now), seen)
    with st.form(f"form_{key}", border=False):
        st.multiselect(
            "Themes",
            said.choices(comments.themes(), now),
            default=now,
            key=key,
            format_func=lambda theme: label_of(theme, names),
            max_selections=corrections.MOST,
            placeholder="None: it says something else",
        )
        with st.container(horizontal=True):
            st.form_submit_button("Save themes", type="primary", key=f"save_{key}", on_click=ask)
            if taken_back:
                back = partial(_save, source, response_id, None, tuple(now), seen)
                hint = "What the tool found counts again"
                st.form_submit_button("Take the correction back", key=f"back_{key}", on_click=back, help=hint)


def _save(source: str, response_id: str, key: str | None, found: tuple[str, ...], seen: int) -> None:
    """Keep the themes chosen under ``key``; none: what was found counts again."""
    chosen = None if key is None else list(st.session_state.get(key, []))
    known = set(said.choices(comments.themes(), list(found)))
    if chosen is not None and not known.issuperset(chosen):
        return  # no browser of ours sends a theme that was not on offer

    def keep(here: Engine, author: str) -> int:
        written.refuse_other_comments(source, response_id)
        what: dict[str, Any] = {"source": source, "response_id": response_id, "themes": chosen, "found": found}
        return corrections.set_themes(here, author=author, now=datetime.now(UTC), seen=seen, **what)

    written.save(Right.JUDGE, keep, "Themes saved" if chosen is not None else "Correction taken back")
    st.session_state.pop(_SEEN, None)  # saved, or somebody was faster: either way what counts now is shown next


def _history(view: View, source: str, response_id: str, names: Mapping[str, str]) -> None:
    with st.expander("Who corrected it", key=f"history_{source}_{response_id}", on_change="rerun") as fold:
        if fold.open:
            rows = written.themes_history(view, source, response_id)
            zone = settings.get().organisation.time_zone
            shown = said.history(rows, names, zone) if rows.height else rows
            empty = "Nobody has corrected it yet."
            about = f"{source} {response_id}"
            alt = "Corrections of this comment"
            tables.show(shown, said.HISTORY, view=view, key="corrections-of-comment", alt=alt, about=about, empty=empty)
