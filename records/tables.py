"""The tables of schema ``tenure``, and what the role that the dashboard signs in with may do to each.

People appear in them as random subject ids only; ``subjects`` alone knows the names. Erasing a person
(``records.erasing``) deletes their row there; the append-only audit log stays as it is and names nobody.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    String,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from records import outreach_tables
from records.metadata import metadata

HEAD = "0006"
"""The revision that this code needs."""

subjects = Table(
    "subjects",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("name", String(320), nullable=False, unique=True),
    comment="Who is behind a subject id: one row per person; erasing a person deletes it.",
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Uuid, nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", Text, nullable=False),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Index("audit_object", "object", "id"),
    comment="Who did what, append-only; a trigger refuses every change, even the owner's.",
)


def _versions(*key: Column[Any]) -> list[Column[Any]]:
    """The columns that every table of versions has around its own: an id that rises, what it is about, who, when."""
    return [
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        *key,
        Column("author", Uuid, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
    ]


theme_corrections = Table(
    "theme_corrections",
    metadata,
    *_versions(
        Column("source", String(64), nullable=False),
        Column("response_id", Text, nullable=False),
        Column("themes", ARRAY(Text)),
        Column("before", ARRAY(Text)),
    ),
    CheckConstraint("cardinality(themes) BETWEEN 1 AND 8", name="theme_corrections_themes"),
    Index("theme_corrections_newest", "source", "response_id", text("id DESC")),
    comment="Every version of a comment's themes as people set them; the newest wins, NULL takes it back.",
)

regrettable_marks = Table(
    "regrettable_marks",
    metadata,
    *_versions(
        Column("account_id", Text, nullable=False),
        Column("month", Date, nullable=False),
        Column("regrettable", Boolean),
        Column("before", Boolean),
    ),
    CheckConstraint("extract(day FROM month) = 1", name="regrettable_marks_month"),
    Index("regrettable_marks_newest", "account_id", "month", text("id DESC")),
    comment="Every version of whether an account's churn is regrettable; the newest wins, NULL clears it.",
)

overrides = Table(
    "overrides",
    metadata,
    *_versions(
        Column("account_id", Text, nullable=False),
        Column("override", JSONB(none_as_null=True)),
        Column("before", JSONB(none_as_null=True)),
    ),
    CheckConstraint("override ?& array['band', 'score', 'reason', 'expires_on']", name="overrides_override"),
    Index("overrides_newest", "account_id", text("id DESC")),
    comment="Every version of an account's health as a person sees it; the newest wins, NULL takes it back.",
)

goals = Table(
    "goals",
    metadata,
    *_versions(
        Column("account_id", Text, nullable=False),
        Column("goal", JSONB(none_as_null=True)),
        Column("before", JSONB(none_as_null=True)),
    ),
    CheckConstraint("goal ?& array['goal', 'user_id', 'subject']", name="goals_goal"),
    Index("goals_newest", "account_id", text("id DESC")),
    comment="Every version of why an account bought and who carries it there; the newest wins, NULL takes it back.",
)

notes = Table(
    "notes",
    metadata,
    *_versions(
        Column("account_id", Text, nullable=False),
        Column("note_id", Uuid, nullable=False),
        Column("text", Text),
        Column("before", Text),
    ),
    CheckConstraint("length(text) BETWEEN 1 AND 10000", name="notes_text"),
    Index("notes_newest", "account_id", "note_id", text("id DESC")),
    comment="Every version of every note about an account; the newest wins, NULL deletes the note.",
)

erased = Table(
    "erased",
    metadata,
    Column("hmac", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    comment="Who was erased, as keyed hashes of ids and addresses that name nobody: they are left out for good.",
)

GRANTS: dict[str, tuple[str, ...]] = {
    "alembic_version": ("SELECT",),
    "erased": ("SELECT",),
    "subjects": ("SELECT", "INSERT"),
    "audit": ("SELECT", "INSERT"),
    "theme_corrections": ("SELECT", "INSERT"),
    "regrettable_marks": ("SELECT", "INSERT"),
    "overrides": ("SELECT", "INSERT"),
    "goals": ("SELECT", "INSERT"),
    "notes": ("SELECT", "INSERT"),
    **outreach_tables.GRANTS,
}
"""What the dashboard's role may do; ``python -m records.migrate`` grants exactly this."""
