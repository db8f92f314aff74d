"""Health overrides, goals with their champions, and notes about accounts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Creates the three tables."""
    op.create_table(
        "overrides",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("override", postgresql.JSONB()),
        sa.Column("before", postgresql.JSONB()),
        sa.Column("author", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("override ?& array['band', 'score', 'reason', 'expires_on']", name="overrides_override"),
        schema="tenure",
        comment="Every version of an account's health as a person sees it; the newest wins, NULL takes it back.",
    )
    op.create_index("overrides_newest", "overrides", ["account_id", sa.text("id DESC")], schema="tenure")
    op.create_table(
        "goals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("goal", postgresql.JSONB()),
        sa.Column("before", postgresql.JSONB()),
        sa.Column("author", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("goal ?& array['goal', 'user_id', 'subject']", name="goals_goal"),
        schema="tenure",
        comment="Every version of why an account bought and who carries it there; the newest wins, NULL takes it back.",
    )
    op.create_index("goals_newest", "goals", ["account_id", sa.text("id DESC")], schema="tenure")
    op.create_table(
        "notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("before", sa.Text()),
        sa.Column("author", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(text) BETWEEN 1 AND 10000", name="notes_text"),
        schema="tenure",
        comment="Every version of every note about an account; the newest wins, NULL deletes the note.",
    )
    op.create_index("notes_newest", "notes", ["account_id", "note_id", sa.text("id DESC")], schema="tenure")


def downgrade() -> None:
    """Drops the three tables with all they hold."""
    for table in ("notes", "goals", "overrides"):
        op.drop_table(table, schema="tenure")
