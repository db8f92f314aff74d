"""Random ids that stand for people, so that a name can be erased without touching what was written down."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from records.checks import LONGEST_NAME, words
from records.tables import subjects


def subject_id(connection: Connection, name: str) -> UUID:
    """The id that stands for ``name`` (a sign-in name or address); a new random one the first time."""
    name = words(name, "The author's name", LONGEST_NAME)
    known = select(subjects.c.id).where(subjects.c.name == name)
    found = connection.scalar(known)
    if found is None:  # two at once: the second waits for the first, and adds nothing
        connection.execute(insert(subjects).values(name=name).on_conflict_do_nothing())
        found = connection.scalars(known).one()
    assert isinstance(found, UUID)
    return found
