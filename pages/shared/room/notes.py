"""Notes about an account: added, changed, deleted; shown as they were written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import polars as pl
import streamlit as st

import settings
from pages.shared import panel, words, written
from pages.shared.churn.editor import words_of
from pages.shared.findings import room as findings
from pages.shared.room import saving
from records import notes

_PART = "note"
_NEW, _OPEN, _ALL = "tenure_note_new", "tenure_note_open", "tenure_notes_all"
MOST = 10
"""Notes shown until somebody asks for all."""


def show(account_id: str, found: pl.DataFrame, version: int, may: bool) -> None:
    """The section; ``found`` are the notes, newest first."""
    may = (may and version != written.UNREAD) or written.unsaved(_PART)
    detail = "For us, never for the customer's eyes. Every version is kept."
    said = words.plural(found.height, "note") if found.height else "Notes"
    with panel.section(said, detail=detail):
        written.not_saved(_PART)
        if may:
            _add(account_id, version)
        elif found.is_empty():
            st.caption("Nobody has written one.")
        _half_changed(account_id, found, version)
        everything = st.session_state.get(_ALL) == account_id
        for note in found.head(found.height if everything else MOST).iter_rows(named=True):
            _note(account_id, note, version, may)
        if found.height > MOST and not everything:
            st.button(
                f"All {found.height} notes", type="tertiary", on_click=_show_all, args=(account_id,), key="all_notes"
            )


def _add(account_id: str, version: int) -> None:
    """A new note; its id is chosen before it is saved, so that pressing twice adds one.

    The id is not part of the field's key: where another server takes the visitor over, what was typed finds its field.
    """
    about, note_id = st.session_state.get(_NEW, (None, ""))
    if about != account_id:
        note_id = str(uuid4())
        st.session_state[_NEW] = (account_id, note_id)
    key = _field(account_id)
    with st.form(f"form_{key}", border=False):
        st.text_area("A new note", key=key, max_chars=notes.LONGEST, height=80, label_visibility="collapsed",
                     placeholder="What did you learn?")  # fmt: skip
        what = (account_id, note_id, key, version)
        st.form_submit_button("Add note", key=f"add_{key}", on_click=_save, args=what)


def _field(account_id: str) -> str:
    """The key of the field for a new note."""
    return f"note_{account_id}"


def _half_changed(account_id: str, found: pl.DataFrame, version: int) -> None:
    """What somebody was changing stays on the page while the notes cannot be read."""
    note_id = st.session_state.get(_OPEN)
    if written.unsaved(_PART) and note_id and (found.is_empty() or note_id not in found["note_id"].to_list()):
        with st.container(border=True, gap="xsmall", key=f"note_box_{note_id}"):
            _edit(account_id, {"note_id": note_id, "text": ""}, version)


def _note(account_id: str, note: Mapping[str, Any], version: int, may: bool) -> None:
    note_id = note["note_id"]
    with st.container(border=True, gap="xsmall", key=f"note_box_{note_id}"):
        st.caption(findings.note_line(note, settings.get().organisation.zone))
        if may and st.session_state.get(_OPEN) == note_id:
            _edit(account_id, note, version)
            return
        words_of(note["text"])
        if may:
            with st.container(horizontal=True, gap="small"):
                st.button("Change", key=f"change_{note_id}", type="tertiary", on_click=_open, args=(note_id,))
                what = (account_id, note_id, None, version)
                st.button("Delete", key=f"delete_{note_id}", type="tertiary", on_click=_save, args=what)


def _edit(account_id: str, note: Mapping[str, Any], version: int) -> None:
    seen = saving.seen(_PART, note["note_id"], version)
    key = f"text_{note['note_id']}_{seen}"
    with st.form(f"form_{key}", border=False):
        st.text_area("The note", value=note["text"], key=key, max_chars=notes.LONGEST, height=160,
                     label_visibility="collapsed")  # fmt: skip
        with st.container(horizontal=True):
            what = (account_id, note["note_id"], key, seen)
            st.form_submit_button("Save", type="primary", key=f"save_{key}", on_click=_save, args=what)
            st.form_submit_button("Cancel", key=f"cancel_{key}", on_click=_open, args=(None,))


def _save(account_id: str, note_id: str, key: str | None, seen: int) -> None:
    """Keep what stands in the field ``key``; none: delete the note."""
    text = None if key is None else str(st.session_state.get(key) or "")
    what = {"account_id": account_id, "note_id": UUID(note_id), "text": text}
    done = "Note deleted" if text is None else "Note saved"
    if saving.save(_PART, notes.set_note, done, seen=seen, **what):
        st.session_state.pop(_NEW, None)
        st.session_state.pop(_OPEN, None)
        if key == _field(account_id):
            st.session_state[key] = ""


def _open(note_id: str | None) -> None:
    st.session_state[_OPEN] = note_id


def _show_all(account_id: str) -> None:
    st.session_state[_ALL] = account_id
