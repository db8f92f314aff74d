"""Outreach: campaigns, the outbox, opt-outs, suppressions, answers, alerts, the digest, and whether to send at all."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

TABLES = (
    "campaigns",
    "messages",
    "message_events",
    "attachments",
    "opt_outs",
    "suppressions",
    "answers",
    "alerts",
    "subscribers",
    "digests",
    "sending",
    "workers",
)


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("play", sa.String(length=64), nullable=False),
        sa.Column("play_version", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("audience", postgresql.JSONB(), nullable=False),
        sa.Column("rules", postgresql.JSONB(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("author", sa.Uuid(), nullable=False),
        sa.Column("approver", sa.Uuid(), nullable=True),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('service', 'marketing', 'internal')", name="campaigns_kind"),
        sa.CheckConstraint("state IN ('draft', 'running', 'paused', 'cancelled', 'done')", name="campaigns_state"),
        sa.CheckConstraint("(approved_at IS NULL) = (approver IS NULL)", name="campaigns_approved"),
        sa.PrimaryKeyConstraint("id"),
        schema="tenure",
        comment="One message to many: which play, for whom, by whom drafted and approved, and its state.",
    )
    op.create_index("campaigns_newest", "campaigns", [sa.text("drafted_at DESC")], unique=False, schema="tenure")
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("arm", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("payload", postgresql.JSONB(), nullable=True),
        sa.Column("fields", postgresql.JSONB(), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("arm IN ('contacted', 'held_out', 'left_out')", name="messages_arm"),
        sa.CheckConstraint(
            "state IN ('draft', 'queued', 'claimed', 'sending', 'sent', 'failed', 'uncertain', 'left_out', 'held_out', "
            "'cancelled')",
            name="messages_state",
        ),
        sa.CheckConstraint("(lease IS NULL) = (lease_until IS NULL)", name="messages_lease"),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["tenure.campaigns.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="tenure",
        comment="The outbox: one row per recipient of a campaign, the message as previewed, and what became of it.",
    )
    op.create_index("messages_account", "messages", ["account_id", "sending_at"], unique=False, schema="tenure")
    op.create_index("messages_campaign", "messages", ["campaign_id", "state"], unique=False, schema="tenure")
    op.create_index(
        "messages_due",
        "messages",
        ["not_before"],
        unique=False,
        schema="tenure",
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "messages_once",
        "messages",
        ["campaign_id", "address_key"],
        unique=True,
        schema="tenure",
        postgresql_where=sa.text("arm <> 'left_out'"),
    )
    op.create_index("messages_person", "messages", ["address_key", "sending_at"], unique=False, schema="tenure")
    op.create_index(
        "messages_underway",
        "messages",
        ["lease_until"],
        unique=False,
        schema="tenure",
        postgresql_where=sa.text("state IN ('claimed', 'sending')"),
    )
    op.create_table(
        "message_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("before", sa.String(length=16), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["tenure.messages.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="tenure",
        comment="Every change of a message's state, append-only.",
    )
    op.create_index("message_events_message", "message_events", ["message_id", "id"], unique=False, schema="tenure")
    op.create_table(
        "attachments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["tenure.campaigns.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="tenure",
        comment="Files that every message of a campaign carries.",
    )
    op.create_table(
        "opt_outs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="tenure",
        comment="Who wants no more marketing mail, and who does again; the newest row of an address counts.",
    )
    op.create_index("opt_outs_newest", "opt_outs", ["address_key", sa.text("id DESC")], unique=False, schema="tenure")
    op.create_table(
        "suppressions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("suppressed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="tenure",
        comment="Addresses that nothing is sent to, service mail included; the newest row of an address counts.",
    )
    op.create_index(
        "suppressions_newest", "suppressions", ["address_key", sa.text("id DESC")], unique=False, schema="tenure"
    )
    op.create_table(
        "answers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("question IN ('nps', 'exit')", name="answers_question"),
        sa.CheckConstraint("length(comment) <= 10000", name="answers_comment"),
        sa.CheckConstraint("score BETWEEN 0 AND 10", name="answers_score"),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["tenure.messages.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="tenure",
        comment="Every version of what somebody answered to a message; the newest of a message counts.",
    )
    op.create_index("answers_newest", "answers", ["message_id", sa.text("id DESC")], unique=False, schema="tenure")
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "week", name="alerts_once_a_week"),
        schema="tenure",
        comment="What the team was told about an account; at most once a week each.",
    )
    op.create_table(
        "subscribers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("subscribed", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="tenure",
        comment="Who of us gets the monthly digest; the newest row of an address counts.",
    )
    op.create_index(
        "subscribers_newest", "subscribers", ["address_key", sa.text("id DESC")], unique=False, schema="tenure"
    )
    op.create_table(
        "digests",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["tenure.campaigns.id"],
        ),
        sa.PrimaryKeyConstraint("month"),
        schema="tenure",
        comment="The months whose digest is in the outbox.",
    )
    op.create_table(
        "sending",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("system_identifier", sa.Text(), nullable=True),
        sa.Column("timeline", sa.BigInteger(), nullable=True),
        sa.Column("sent", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("single", name="sending_single"),
        sa.PrimaryKeyConstraint("single"),
        schema="tenure",
        comment="One row: whether anything may be sent, in which database, and how many messages ever began to be.",
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("mail_ok", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="tenure",
        comment="Workers that send, and when each was last heard of.",
    )


def downgrade() -> None:
    """Drops the tables with all they hold."""
    for table in reversed(TABLES):
        op.drop_table(table, schema="tenure")
