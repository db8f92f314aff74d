"""Themes of comments as people set them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "theme_corrections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("response_id", sa.Text(), nullable=False),
        sa.Column("themes", postgresql.ARRAY(sa.Text())),
        sa.Column("before", postgresql.ARRAY(sa.Text())),
        sa.Column("author", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cardinality(themes) BETWEEN 1 AND 8", name="theme_corrections_themes"),
        schema="tenure",
        comment="Every version of a comment's themes as people set them; the newest wins, NULL takes it back.",
    )
    op.create_index(
        "theme_corrections_newest", "theme_corrections", ["source", "response_id", sa.text("id DESC")], schema="tenure"
    )


def downgrade() -> None:
    """Drops the table with all it holds."""
    op.drop_table("theme_corrections", schema="tenure")
