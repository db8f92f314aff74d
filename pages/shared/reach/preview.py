"""A draft: who gets it, now or later, who does not and why, every message as it would be sent, and the approval."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import polars as pl
import streamlit as st

import settings
from outreach.audience import Audience
from outreach.preflight import preflight
from pages.shared import panel, tables, trail, viewer, words
from pages.shared.answers import campaigns as answers
from pages.shared.choices import choose
from pages.shared.data import View
from pages.shared.findings import campaigns as findings
from pages.shared.findings import outreach_words as called
from pages.shared.reach import acting, chosen, compose, letter, others
from pages.shared.reach.chosen import Chosen
from pages.shared.roles import Right
from records.campaigns import Campaign

_EMPTY = {
    "send": "Nobody would be written to at once.",
    "later": "Nobody has to wait for quiet hours to end.",
    "left_out": "Nobody is left out.",
    "held_out": "Nobody is held out.",
}


def show(view: View, draft: Campaign, may: bool) -> None:
    """The page of a draft; ``may``: the records can be written to."""
    now = datetime.now(UTC)
    play = answers.titles().get(draft.play, draft.play)
    panel.head(
        words.inert(draft.title), f"{findings.drafted(draft.author, draft.drafted_at, now)}. Nothing is sent yet."
    )
    audience = Audience.from_json(draft.audience)
    st.caption(f"{words.inert(play)} · {findings.asked_for(audience)}")
    trail.viewed(f"campaign/{draft.id}")
    rows = answers.drafted(view, str(draft.id), draft.fingerprint)
    rows = others.left_out(view, audience, draft.author, rows)
    _numbers(rows)
    old = findings.too_old(draft.drafted_at, now, settings.get().outreach.draft_hours)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        again = may and _buttons(draft, rows, old)
    if again:
        _again(view, draft)
    _flags(view, draft)
    _who(view, draft, rows)


def _numbers(rows: pl.DataFrame) -> None:
    found = findings.counts(rows)
    with panel.numbers():
        for group, label in findings.GROUPED.items():
            mine = rows.filter(group=group)
            panel.number(label, words.number(found[group]), note=findings.group_note(mine, group))


def _buttons(draft: Campaign, rows: pl.DataFrame, old: bool) -> bool:
    """What can be done with the draft; whether it is to be previewed again."""
    count = rows.filter(pl.col("state") == "draft").height
    if old:
        hours = settings.get().outreach.draft_hours
        st.info(f"This draft is older than {hours} hours: what it says may not be true any more. Preview it again.")
    elif count and viewer.may(Right.APPROVE):
        what = (draft.id, draft.fingerprint, count)
        label = findings.send_label(rows)
        st.button(label, type="primary", icon=":material/send:", key="approve", on_click=acting.approve, args=what)
    elif not count:
        st.info("Nobody would get this message, so there is nothing to send.", icon=":material/person_off:")
    if not viewer.may(Right.DRAFT):
        return False
    kind: Literal["primary", "secondary"] = "primary" if old else "secondary"
    again = st.button("Preview again", icon=":material/refresh:", key="preview_again", type=kind)
    st.button("Change", icon=":material/edit:", key="change_draft", on_click=_change, args=(draft,))
    which = (draft.id,)
    st.button("Throw away", icon=":material/delete:", key="discard", on_click=acting.discard, args=which)
    return again


def _again(view: View, draft: Campaign) -> None:
    play = answers.plays().get(draft.play)
    if play is None:
        st.error("The play is not there any more; throw the draft away.", icon=":material/edit_off:")
        return
    compose.draft(view, _chosen(draft), play)


def _change(draft: Campaign) -> None:
    chosen.choose(_chosen(draft))


def _chosen(draft: Campaign) -> Chosen:
    return Chosen(Audience.from_json(draft.audience), (draft.play,), draft.id, draft.play, draft.title)


def _flags(view: View, draft: Campaign) -> None:
    found = answers.tone(view, str(draft.id), draft.fingerprint)
    for row in found.unique(["kind", "excerpt"], maintain_order=True).iter_rows(named=True):
        st.warning(
            f"**{called.FLAGGED[row['kind']].capitalize()} ({called.language(row['language'])}): "
            f"“{words.inert(row['excerpt'])}”** {words.inert(row['why'])}",
            icon=":material/record_voice_over:",
        )


def _who(view: View, draft: Campaign, rows: pl.DataFrame) -> None:
    found = findings.counts(rows)
    first = next((group for group in findings.GROUPED if found[group]), "send")
    with panel.section("Who gets it, and what they read", preflight):
        options = {label: group for group, label in findings.GROUPED.items()}
        group = choose(f"group_{draft.id}", "Show", options, default=list(options.values()).index(first), bound=False)
        mine = rows.filter(group=group)
        if group == "left_out" and mine.height:
            st.caption(findings.reasons(mine))
        left, right = st.columns([3, 2], gap="medium") if group in ("send", "later") else (st.container(), None)
        with left:
            picked = tables.show(
                mine,
                findings.GROUPS[group],
                view=view,
                key=f"preview-{group.replace('_', '-')}",
                alt=findings.GROUPED[group],
                select="single-row" if right is not None else None,
                empty=_EMPTY[group],
                of=f"campaign/{draft.id}",
            )
        if right is not None and mine.height:
            with right:
                place = picked[0] if picked else 0
                st.caption(f"{place + 1:,} of {mine.height:,}; pick a row for another.")
                letter.show(view, mine["message_id"][place])
