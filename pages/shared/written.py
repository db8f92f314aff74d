"""What people wrote down, for pages: read with its version as part of every cache key, saved with a calm answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import polars as pl
import streamlit as st
from sqlalchemy import Engine

import settings
from pages.shared import words
from pages.shared.data import cached
from queries.frames import Frames
from records import corrections, marks, ready
from records.database import engine
from records.errors import RecordsError

UNREAD = -1
"""The version of what cannot be read: pages then show what was found, and say that nothing can be saved."""
_PATIENCE = 30.0
_refused: list[tuple[float, str]] = []
_SAID = "tenure_not_saved"


class Written(NamedTuple):
    """How new what people wrote down is: a number for each kind, ``UNREAD`` where the records do not answer."""

    corrections: int = UNREAD
    marks: int = UNREAD


def newest() -> Written:
    """The versions now, in a few milliseconds; while the records do not answer, asked every half a minute only."""
    if _refusal() is not None:
        return Written()
    try:
        here = engine(settings.get())
        found = Written(corrections.version(here), marks.version(here))
    except RecordsError as error:
        _refused[:] = [(time.monotonic(), str(error))]
        return Written()
    _refused.clear()
    return found


def _refusal() -> str | None:
    """What was wrong when the records were asked less than half a minute ago; None when nothing was."""
    at, said = _refused[-1] if _refused else (-_PATIENCE, "")
    return said if time.monotonic() - at < _PATIENCE else None


@cached
def corrected(frames: Frames, version: int) -> pl.DataFrame:
    """The themes people set: ``source, response_id, theme, author, corrected_at``; empty when they cannot be read."""
    return _EMPTY_CORRECTIONS if version == UNREAD else corrections.current(engine(settings.get()))


@cached
def marked(frames: Frames, version: int) -> pl.DataFrame:
    """The losses people judged: ``account_id, month, regrettable, author, marked_at``."""
    return _EMPTY_MARKS if version == UNREAD else marks.current(engine(settings.get()))


def save(write: Callable[[Engine], int], done: str) -> bool:
    """Write something down and say so; when it cannot be, :func:`not_saved` says why, and nothing is half saved.

    For callbacks: they run before the page, so that every number on it follows what was saved.
    """
    try:
        write(engine(settings.get()))
    except RecordsError as error:
        st.session_state[_SAID] = str(error)
        return False
    st.session_state.pop(_SAID, None)
    st.toast(done, icon=":material/check:")
    return True


def not_saved() -> None:
    """Say, once and where it was tried, why the last attempt to save did not work."""
    said = st.session_state.pop(_SAID, None)
    if said:
        st.error(words.marked(said), icon=":material/edit_off:")


def can_save() -> bool:
    """Whether anything can be saved right now; says calmly why not."""
    reason = _refusal() or ready(settings.get())
    if reason:
        st.info(words.marked(f"Nothing can be saved right now. {reason}"), icon=":material/edit_off:")
    return reason is None


def themes_history(source: str, response_id: str) -> pl.DataFrame:
    """Every correction of one comment, newest first; empty while the records do not answer."""
    try:
        return corrections.history(engine(settings.get()), source, response_id)
    except RecordsError:
        return pl.DataFrame()


_DAY_AND_TIME = pl.Datetime("us", "UTC")
_EMPTY_CORRECTIONS = pl.DataFrame(
    schema={
        "source": pl.String,
        "response_id": pl.String,
        "theme": pl.String,
        "author": pl.String,
        "corrected_at": _DAY_AND_TIME,
    }
)
_EMPTY_MARKS = pl.DataFrame(
    schema={
        "account_id": pl.String,
        "month": pl.Date,
        "regrettable": pl.Boolean,
        "author": pl.String,
        "marked_at": _DAY_AND_TIME,
    }
)
