"""What people wrote down, for pages: read with its version as part of every cache key, saved with a calm answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple

import polars as pl
import streamlit as st
from sqlalchemy import Engine

import settings
from metrics.overrides import OVERRIDES
from pages.shared import viewer, words
from pages.shared.data import View, cached, view
from pages.shared.data import frames as frames_of
from pages.shared.roles import Right
from queries.frames import Frames
from queries.scope import NOT_SHOWN
from records import corrections, goals, marks, notes, overrides, ready
from records.database import engine
from records.errors import RecordsError, RecordsUnavailable
from reports.overrides import as_overrides

UNREAD = -1
"""The version of what cannot be read: pages then show what was found, and say that nothing can be saved."""
_PATIENCE = 3.0
"""Seconds for which all that one page shows agrees that the records do not answer."""
_refused: list[tuple[float, str]] = []
_COMMENT = ["source", "response_id"]
_SAID = "tenure_not_saved"
_UNSAVED = "tenure_unsaved"


class Written(NamedTuple):
    """How new what people wrote down is: a number for each kind, ``UNREAD`` where the records do not answer."""

    corrections: int = UNREAD
    marks: int = UNREAD


class Overridden(NamedTuple):
    """Which overrides of health count: how new they are, and the organisation's day, on which some may end."""

    version: int = UNREAD
    today: date | None = None


AS_COMPUTED = Overridden()
"""No override at all."""


class Room(NamedTuple):
    """How new is what people wrote down about accounts; apart from ``Written``, so that a note re-asks nothing else."""

    overrides: int = UNREAD
    goals: int = UNREAD
    notes: int = UNREAD


def newest() -> Written:
    """The versions now, in a few milliseconds; while the records do not answer, asked every few seconds only."""
    return Written(*_versions(corrections.version, marks.version))


def room() -> Room:
    """The versions of overrides, goals and notes now."""
    return Room(*_versions(overrides.version, goals.version, notes.version))


def overridden() -> Overridden:
    """Which overrides count now; none while the records do not answer."""
    found = _versions(overrides.version)
    return Overridden(found[0], today()) if found else AS_COMPUTED


def today() -> date:
    """The organisation's day."""
    return datetime.now(settings.get().organisation.zone).date()


def _versions(*asked: Callable[[Engine], int]) -> tuple[int, ...]:
    """The versions asked for; none while the records do not answer."""
    if _refusal() is not None:
        return ()
    try:
        here = engine(settings.get())
        found = tuple(ask(here) for ask in asked)
    except RecordsError as error:
        _refused[:] = [(time.monotonic(), str(error))]
        return ()
    _refused.clear()
    return found


def _refusal() -> str | None:
    """What was wrong when the records were asked a few seconds ago; None when nothing was."""
    at, said = _refused[-1] if _refused else (-_PATIENCE, "")
    return said if time.monotonic() - at < _PATIENCE else None


@cached
def corrected(frames: Frames, version: int) -> pl.DataFrame:
    """The themes people set: ``source, response_id, theme, author, corrected_at``; empty when they cannot be read."""
    if version == UNREAD:
        return _EMPTY_CORRECTIONS
    found = corrections.current(engine(settings.get()))
    return found if frames.scope.csm_email is None else found.join(_comments(frames), on=_COMMENT, how="semi")


@cached
def marked(frames: Frames, version: int) -> pl.DataFrame:
    """The losses people judged: ``account_id, month, regrettable, author, marked_at``."""
    return _EMPTY_MARKS if version == UNREAD else _theirs(frames, marks.current(engine(settings.get())))


@cached
def overrides_of(frames: Frames, said: Overridden) -> pl.DataFrame:
    """The overrides that ever counted, as ``metrics.health`` takes them; empty when they cannot be read.

    Their reasons are our words about people, and as hidden as notes are.
    """
    held = settings.get()
    if said.version == UNREAD or said.today is None:
        return pl.DataFrame(schema=OVERRIDES)
    counted = _theirs(frames, overrides.counted(engine(held), zone=held.organisation.zone))
    bands = {str(name): least for name, least in held.health.bands.items()}
    found = as_overrides(counted, bands, as_of=frames.as_of, today=said.today)
    return found if frames.scope.people else found.with_columns(reason=pl.lit(NOT_SHOWN))


@cached
def goal_of(frames: Frames, account_id: str, version: int) -> pl.DataFrame:
    """The goal and champion typed in for an account, one row or none: the frame of ``records.goals.current``."""
    return _told(goals.current, frames, account_id, version)


@cached
def notes_of(frames: Frames, account_id: str, version: int) -> pl.DataFrame:
    """The notes about an account, newest first: the frame of ``records.notes.current``."""
    return _told(notes.current, frames, account_id, version)


@cached
def overrides_history(frames: Frames, account_id: str, version: int) -> pl.DataFrame:
    """Every override of an account, newest first: the frame of ``records.overrides.history``."""
    return _told(overrides.history, frames, account_id, version)


def save(right: Right, write: Callable[[Engine, str], object], done: str, *, part: str = "") -> bool:
    """Write something down and say so; when it cannot be, :func:`not_saved` says why, and nothing is half saved.

    ``write`` gets the records and the viewer's name; it is not called for a viewer without ``right``. ``part`` is the
    part of the page where it was tried, for pages with several forms. For callbacks: they run before the page, so that
    every number on it follows what was saved.
    """
    try:
        write(engine(settings.get()), viewer.actor(right))
    except (RecordsError, viewer.NotAllowed) as error:
        st.session_state[_SAID + part] = str(error)
        st.session_state[_UNSAVED + part] = isinstance(error, RecordsUnavailable)
        return False
    for what in (_SAID, _UNSAVED):
        st.session_state.pop(what + part, None)
    st.toast(done, icon=":material/check:")
    return True


def unsaved(part: str = "") -> bool:
    """Whether the last attempt to save met no answer: the form stays as it is, so that it can be tried again."""
    return bool(st.session_state.get(_UNSAVED + part))


def not_saved(part: str = "") -> None:
    """Say, once and where it was tried, why the last attempt to save did not work."""
    said = st.session_state.pop(_SAID + part, None)
    if said:
        st.error(words.marked(said), icon=":material/edit_off:")


def refuse_others(account_id: str) -> None:
    """NotAllowed for an account that is not the viewer's to see: nothing is written about it either."""
    opened = frames_of(view())
    if opened.accounts.filter(account_id=account_id).limit(1).collect().is_empty():
        raise viewer.NotAllowed("This account is not yours to see, so nothing can be written down about it.")


def refuse_other_comments(source: str, response_id: str) -> None:
    """NotAllowed for a comment that is not the viewer's to see."""
    opened = frames_of(view())
    if opened.scope.csm_email is not None and not _knows(opened, source, response_id):
        raise viewer.NotAllowed("This comment is not yours to see, so nothing can be written down about it.")


def _knows(frames: Frames, source: str, response_id: str) -> bool:
    return _comments(frames).filter(source=source, response_id=response_id).height > 0


def _comments(frames: Frames) -> pl.DataFrame:
    """The comments that a viewer may see: ``source, response_id``."""
    return frames.comment_themes.select(_COMMENT).unique().collect()


def _theirs(frames: Frames, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows about accounts that a viewer may see."""
    if frames.scope.csm_email is None:
        return rows
    return rows.join(frames.accounts.select("account_id").collect(), on="account_id", how="semi")


def _told(read: Callable[[Engine, str], pl.DataFrame], frames: Frames, account_id: str, version: int) -> pl.DataFrame:
    """What we wrote about an account, where this viewer may read it: it is our words about people."""
    scope = frames.scope
    theirs = scope.csm_email is None or frames.accounts.filter(account_id=account_id).limit(1).collect().height == 1
    readable = version != UNREAD and scope.people and theirs
    return read(engine(settings.get()), account_id) if readable else pl.DataFrame()


def can_save() -> bool:
    """Whether anything can be saved right now; says calmly why not."""
    reason = _refusal() or ready(settings.get())
    if reason:
        st.info(words.marked(f"Nothing can be saved right now. {reason}"), icon=":material/edit_off:")
    return reason is None


def themes_history(looked_at: View, source: str, response_id: str) -> pl.DataFrame:
    """Every correction of one comment, newest first; empty while the records do not answer, or for others' comments."""
    if looked_at.csm_email is not None and not _knows(frames_of(looked_at), source, response_id):
        return pl.DataFrame()
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
