"""Who was erased, as keyed hashes that name nobody."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "erased",
        sa.Column("hmac", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hmac"),
        schema="tenure",
        comment="Who was erased, as keyed hashes of ids and addresses that name nobody: they are left out for good.",
    )


def downgrade() -> None:
    """Drops the table: **whoever was erased comes back** with the next refresh."""
    op.drop_table("erased", schema="tenure")
