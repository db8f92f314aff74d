"""Why they bought and who carries it there: from the sources, or typed in; what is typed in wins, and says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

import settings
from pages.shared import panel, words, written
from pages.shared.choices import told_apart
from pages.shared.findings import room as findings
from pages.shared.room import saving
from records import goals
from records.goals import Goal

_PART = "goal"
_NOBODY = ""


def show(
    account_id: str, source: str | None, people: pl.DataFrame, typed: pl.DataFrame, version: int, may: bool
) -> None:
    """The section; ``typed`` is what the records hold, one row or none."""
    zone = settings.get().organisation.zone
    row = typed.row(0, named=True) if typed.height else None
    why, who = findings.goal(source, row, zone), findings.champion(people, row, zone)
    with panel.section("What they bought it for"):
        _told("Goal", why)
        _told("Champion", who)
        written.not_saved(_PART)
        if (may and version != written.UNREAD) or written.unsaved(_PART):
            with st.popover("Edit", icon=":material/edit:", key=f"goal_popover_{account_id}"):
                _form(account_id, people, row, version)


def _told(label: str, known: findings.Known) -> None:
    with st.container(gap="xxsmall"):
        st.caption(label)
        if known.text:
            st.text(known.text)
        else:
            st.markdown(words.NOTHING)
        st.caption(known.note)


def _form(account_id: str, people: pl.DataFrame, row: Mapping[str, Any] | None, version: int) -> None:
    held = row or {"goal": None, "champion_id": None, "champion": None}
    seen = saving.seen(_PART, account_id, version)
    key = f"{_PART}_{account_id}_{seen}"
    names = {_NOBODY: "as the source says", **told_apart(dict(people.select("user_id", "name").iter_rows()))}
    ids = list(names)
    with st.form(f"form_{key}", border=False):
        st.text_area(
            "Goal",
            value=held["goal"] or "",
            key=f"{key}_text",
            max_chars=goals.LONGEST_GOAL,
            height=100,
            placeholder="What they want to reach, in their words",
        )
        st.selectbox(
            "Champion",
            ids,
            index=ids.index(held["champion_id"]) if held["champion_id"] in names else 0,
            key=f"{key}_person",
            format_func=lambda user_id: names.get(user_id, user_id),
        )
        st.text_input("Or another name", value=held["champion"] or "", key=f"{key}_name", max_chars=200)
        with st.container(horizontal=True):
            st.form_submit_button(
                "Save", type="primary", key=f"save_{key}", on_click=_save, args=(account_id, key, seen)
            )
            if row is not None:
                hint = "Goal and champion as the sources say"
                st.form_submit_button(
                    "Take back", key=f"back_{key}", on_click=_keep, args=(account_id, None, seen), help=hint
                )


def _save(account_id: str, key: str, seen: int) -> None:
    text, name = (str(st.session_state.get(f"{key}_{part}") or "").strip() for part in ("text", "name"))
    person = st.session_state.get(f"{key}_person") or None
    goal = Goal(text or None, None if name else person, name or None)
    _keep(account_id, None if goal == Goal() else goal, seen)


def _keep(account_id: str, goal: Goal | None, seen: int) -> None:
    done = "Taken back" if goal is None else "Saved"
    saving.save(_PART, goals.set_goal, done, seen=seen, account_id=account_id, goal=goal)
