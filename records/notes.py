"""Notes about accounts: each with its author, every version kept, deleted ones too."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl
from sqlalchemy import Engine

from records.checks import LONGEST_ID, prose, words
from records.errors import NotAccepted
from records.frames import AT, Columns, frame
from records.tables import notes
from records.versions import Versions

LONGEST = 10_000
_VERSIONS = Versions(notes, ("account_id", "note_id"), "text", "write note", len)
_CURRENT: Columns = {
    "account_id": pl.String,
    "note_id": pl.String,
    "text": pl.String,
    "author": pl.String,
    "written_at": AT,
    "edited_by": pl.String,
    "edited_at": AT,
}
_HISTORY: Columns = {"version": pl.Int64, "text": pl.String, "author": pl.String, "written_at": AT}


def set_note(
    engine: Engine,
    *,
    account_id: str,
    note_id: UUID,
    text: str | None,
    author: str,
    now: datetime,
    seen: int | None = None,
) -> int:
    """Adds a note, or a new version of it, and returns the new :func:`version`; text None deletes it.

    Whoever adds one chooses its ``note_id`` (``uuid.uuid4()``) before, so that saving twice after an answer that got
    lost adds one note. The text has up to 10,000 characters. ``seen`` and the errors are those of
    :func:`records.corrections.set_themes`.
    """
    value = None if text is None else prose(text, "The note", LONGEST)
    return _VERSIONS.append(engine, _key(account_id, note_id), value, author=author, now=now, seen=seen)


def current(engine: Engine, account_id: str) -> pl.DataFrame:
    """The notes about one account, newest first.

    One row per note: ``account_id``; ``note_id``; ``text``; ``author``, who wrote it first, null once their name is
    erased; ``written_at``, UTC; ``edited_by`` and ``edited_at`` of its newest version, null where it was never changed.
    Deleted notes are left out.
    """
    found: dict[UUID, list[Any]] = {}
    for row in _VERSIONS.everything(engine, account_id=words(account_id, "account_id", LONGEST_ID)):
        found.setdefault(row.note_id, []).append(row)
    rows = [
        (account_id, str(note_id), last.value, first.name, first.at, *((last.name, last.at) if more else (None, None)))
        for note_id, (first, *more) in found.items()
        for last in [more[-1] if more else first]
        if last.value is not None
    ]
    return frame(rows[::-1], _CURRENT)


def history(engine: Engine, account_id: str, note_id: UUID) -> pl.DataFrame:
    """Every version of one note, newest first.

    One row per version: ``version``; ``text``, null where it was deleted; ``author``, null once their name is erased;
    ``written_at``, UTC.
    """
    rows = _VERSIONS.history(engine, _key(account_id, note_id))
    return frame(((row.id, row.value, row.name, row.at) for row in rows), _HISTORY)


def version(engine: Engine) -> int:
    """A number that rises with every change of a note, 0 before the first; part of the keys of what shows them."""
    return _VERSIONS.newest_id(engine)


def _key(account_id: str, note_id: UUID) -> dict[str, object]:
    if not isinstance(note_id, UUID):
        raise NotAccepted("A note's id is no UUID.", "pass uuid.uuid4()")
    return {"account_id": words(account_id, "account_id", LONGEST_ID), "note_id": note_id}
