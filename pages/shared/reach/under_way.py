"""A campaign after its approval: what became of every message, what needs a person, and the ways to stop it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import polars as pl
import streamlit as st

import settings
from outreach.audience import Audience
from pages.shared import links, panel, tables, trail, viewer, words
from pages.shared.answers import campaigns as answers
from pages.shared.choices import choose
from pages.shared.churn.editor import words_of
from pages.shared.data import View
from pages.shared.findings import campaigns as findings
from pages.shared.findings import outreach_words as called
from pages.shared.reach import acting, letter, standing, unsure
from pages.shared.roles import Right
from records.campaigns import Campaign

_MOVING = ("queued", "claimed", "sending")
_REASON = "tenure_pause_reason"


def show(view: View, found: Campaign, may: bool) -> None:
    """The page of an approved campaign; ``may``: the records can be written to."""
    may = may and viewer.may(Right.APPROVE)
    panel.head(words.inert(found.title), findings.stands(found, settings.get().organisation.zone))
    play = answers.titles().get(found.play, found.play)
    st.caption(f"{words.inert(play)} · {findings.asked_for(Audience.from_json(found.audience))}")
    if found.reason:
        st.info(words.marked(f"{called.STATES[found.state]}: {found.reason}"), icon=":material/pause_circle:")
    waiting = _waiting(found.counts)
    standing.show(waiting=waiting > 0)
    (_live if waiting and found.state == "running" else _numbers)(view, found.id)
    if may:
        _buttons(found, waiting)
    trail.viewed(f"campaign/{found.id}")
    rows = answers.messages(view, found.id)
    unsure.show(rows.filter(state="uncertain"), found, may)
    _messages(view, found.id, rows)


def _waiting(counts: Mapping[str, int]) -> int:
    return sum(counts.get(state, 0) for state in _MOVING)


def _numbers(view: View, campaign_id: UUID) -> int:
    """The cards; returns how many wait."""
    found = answers.campaign(view, campaign_id)
    counts = found.counts if found else {}
    with panel.numbers():
        for label, value, note in findings.numbers(counts, answers.answered(view, campaign_id).height):
            panel.number(label, words.number(value), note=note)
    return _waiting(counts)


@st.fragment(run_every="3s")
def _live(view: View, campaign_id: UUID) -> None:
    """The cards while messages are on their way: they count by themselves; the page follows when all are through."""
    if not _numbers(view, campaign_id):
        st.rerun()


def _buttons(found: Campaign, waiting: int) -> None:
    if found.state not in ("running", "paused"):
        return
    with st.container(horizontal=True, gap="small"):
        if found.state == "paused":
            st.button("Resume", type="primary", icon=":material/play_arrow:", key="resume", on_click=acting.resume,
                      args=(found.id,))  # fmt: skip
        else:
            with st.popover("Pause", icon=":material/pause:", key="pause_campaign"):
                st.caption("Messages that have not begun wait until somebody resumes.")
                st.text_input("Why", key=_REASON, max_chars=200, placeholder="So that others know")
                st.button("Pause it", key="pause", on_click=acting.pause, args=(found.id, _REASON))
        with st.popover("Cancel", icon=":material/cancel:", key="cancel_campaign"):
            st.caption(f"{words.plural(waiting, 'message')} not sent yet will not be. What was sent stays sent.")
            st.button("Cancel it", type="primary", key="cancel", on_click=acting.cancel, args=(found.id,))


def _messages(view: View, campaign_id: UUID, rows: pl.DataFrame) -> None:
    with panel.section("Message by message", detail="What needs somebody first. Pick a row to read the message."):
        there = {label: states for label, states in findings.SHOWN.items() if findings.of_state(rows, states).height}
        states = choose(f"messages_{campaign_id}", "Show", there or findings.SHOWN, bound=False)
        shown = findings.of_state(rows, states)
        if states == findings.SHOWN["Left out"] and shown.height:
            st.caption(findings.reasons(shown))
        picked = tables.show(
            shown,
            findings.MESSAGES,
            view=view,
            key="campaign-messages",
            alt="Messages",
            select="single-row",
            of=f"campaign/{campaign_id}",
        )
        if picked:
            _opened(view, shown.row(picked[0], named=True))


def _opened(view: View, row: Mapping[str, str]) -> None:
    with st.container(border=True, key="message_open"):
        query = {links.ACCOUNT: row["account_id"]}
        st.page_link("account.py", label=f"Open {words.inert(row['account'])}", icon=":material/badge:",
                     query_params=query)  # fmt: skip
        left, right = st.columns([3, 2], gap="large")
        with left:
            letter.show(view, row["message_id"])
            answer = answers.answered(view, UUID(row["campaign_id"])).filter(message_id=row["message_id"])
            if answer.height:
                _answer(answer.row(0, named=True))
        with right:
            happened = findings.happened(answers.events(view, row["message_id"]), settings.get().organisation.time_zone)
            tables.show(happened, findings.EVENTS, view=view, key="message-events", alt="What happened to it",
                        empty="Nothing yet.", of=f"message/{row['message_id']}")  # fmt: skip


def _answer(row: Mapping[str, object]) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown("**They answered**" + ("" if row["score"] is None else f": {row['score']} of 10"))
        if row["comment"]:
            words_of(str(row["comment"]))
