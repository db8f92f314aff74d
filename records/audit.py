"""The audit log: who did what, when; append-only by GRANT, and by a trigger for whoever owns it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl
from sqlalchemy import Connection, Engine, select

from records.checks import instant, words
from records.database import begin
from records.errors import NotAccepted
from records.frames import AT, Columns, frame
from records.subjects import subject_id
from records.tables import audit, subjects

LONGEST = 16_384
"""Bytes of JSON in ``before`` and in ``after``."""

_COLUMNS: Columns = {
    "id": pl.Int64,
    "at": AT,
    "actor": pl.String,
    "action": pl.String,
    "object": pl.String,
    "before": pl.String,
    "after": pl.String,
}


def note(
    connection: Connection,
    *,
    actor: UUID,
    action: str,
    object: str,
    at: datetime,
    before: Any = None,
    after: Any = None,
) -> None:
    """Adds an entry in the caller's own transaction: it is kept if and only if what it tells of is.

    ``object`` names a thing by its id (``nps/r-17``, ``account/42/2026-03-01``); it, ``before`` and ``after`` hold no
    names or addresses of people, who stand here as subject ids (``records.subjects``) and can be erased only so.
    """
    connection.execute(
        audit.insert().values(
            at=instant(at),
            actor=actor,
            action=words(action, "action", 64),
            object=words(object, "object", 1_100),
            before=_bounded(before),
            after=_bounded(after),
        )
    )


def write(
    engine: Engine, *, actor: str, action: str, object: str, now: datetime, before: Any = None, after: Any = None
) -> None:
    """Adds an entry about something that is kept nowhere else: a view of personal data, an export."""
    with begin(engine) as connection:
        subject = subject_id(connection, actor)
        note(connection, actor=subject, action=action, object=object, at=now, before=before, after=after)


def entries(engine: Engine, *, object: str | None = None, most: int = 1_000) -> pl.DataFrame:
    """The newest ``most`` entries, newest first; those about one ``object`` where given.

    One row per entry: ``id``; ``at``, UTC; ``actor``, null once their name is erased; ``action``; ``object``;
    ``before``, ``after``, JSON texts (null: nothing was there).
    """
    columns = (audit.c.id, audit.c.at, subjects.c.name, audit.c.action, audit.c.object, audit.c.before, audit.c.after)
    wanted = select(*columns).outerjoin(subjects, subjects.c.id == audit.c.actor)
    if object is not None:
        wanted = wanted.where(audit.c.object == object)
    with begin(engine) as connection:
        rows = connection.execute(wanted.order_by(audit.c.id.desc()).limit(most)).all()
    return frame(((*row[:5], _text(row[5]), _text(row[6])) for row in rows), _COLUMNS)


def _bounded(value: Any) -> Any:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise NotAccepted(f"An audit entry is no JSON: {error}.") from None
    if len(text) > LONGEST or b"\\u0000" in text:
        raise NotAccepted("An audit entry is too long, or holds a NUL.", f"at most {LONGEST:,} bytes of JSON are kept")
    return value


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
