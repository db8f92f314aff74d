"""Subjects, and the append-only audit log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

REFUSE = """
CREATE FUNCTION tenure.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'To erase a person, delete their row in tenure.subjects.';
END
$$
"""
# For each statement, not each row: one that would change no row is refused as well, and TRUNCATE has no rows.
TRIGGER = """
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tenure.audit
FOR EACH STATEMENT EXECUTE FUNCTION tenure.refuse_change()
"""


def upgrade() -> None:
    """Creates both tables and the trigger."""
    op.create_table(
        "subjects",
        sa.Column("id", sa.Uuid(), primary_key=True, server_default=sa.func.gen_random_uuid()),
        sa.Column("name", sa.String(320), nullable=False, unique=True),
        schema="tenure",
        comment="Who is behind a subject id: one row per person; erasing a person deletes it.",
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB()),
        sa.Column("after", postgresql.JSONB()),
        schema="tenure",
        comment="Who did what, append-only; a trigger refuses every change, even the owner's.",
    )
    op.create_index("audit_object", "audit", ["object", "id"], schema="tenure")
    op.execute(REFUSE)
    op.execute(TRIGGER)


def downgrade() -> None:
    """Drops both tables with all they hold."""
    op.drop_table("audit", schema="tenure")
    op.execute("DROP FUNCTION tenure.refuse_change()")
    op.drop_table("subjects", schema="tenure")
