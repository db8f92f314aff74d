"""Whether an account's churn is regrettable, as people marked it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "regrettable_marks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("regrettable", sa.Boolean()),
        sa.Column("before", sa.Boolean()),
        sa.Column("author", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("extract(day FROM month) = 1", name="regrettable_marks_month"),
        schema="tenure",
        comment="Every version of whether an account's churn is regrettable; the newest wins, NULL clears it.",
    )
    op.create_index(
        "regrettable_marks_newest", "regrettable_marks", ["account_id", "month", sa.text("id DESC")], schema="tenure"
    )


def downgrade() -> None:
    """Drops the table with all it holds."""
    op.drop_table("regrettable_marks", schema="tenure")
