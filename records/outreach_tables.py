"""The tables of outreach: campaigns, the outbox with its history, whom never to write to, and what people answered.

Addresses, names and texts of messages stand in ``messages``, ``opt_outs``, ``suppressions``, ``subscribers`` and
``answers`` only; erasing a person blanks them there.
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
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from records.metadata import metadata

CAMPAIGN_STATES = ("draft", "running", "paused", "cancelled", "done")
MESSAGE_STATES = (
    "draft",
    "queued",
    "claimed",
    "sending",
    "sent",
    "failed",
    "uncertain",
    "left_out",
    "held_out",
    "cancelled",
)


def _moment(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _in(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("title", Text, nullable=False),
    Column("play", String(64), nullable=False),
    Column("play_version", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("audience", JSONB(none_as_null=True), nullable=False),
    Column("rules", JSONB(none_as_null=True), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("author", Uuid, nullable=False),
    Column("approver", Uuid),
    _moment("drafted_at", nullable=False),
    _moment("approved_at"),
    _moment("changed_at", nullable=False),
    CheckConstraint(_in("state", CAMPAIGN_STATES), name="campaigns_state"),
    CheckConstraint("kind IN ('service', 'marketing', 'internal')", name="campaigns_kind"),
    CheckConstraint("(approved_at IS NULL) = (approver IS NULL)", name="campaigns_approved"),
    Index("campaigns_newest", text("drafted_at DESC")),
    comment="One message to many: which play, for whom, by whom drafted and approved, and its state.",
)

messages = Table(
    "messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("campaign_id", Uuid, ForeignKey(campaigns.c.id), nullable=False),
    Column("account_id", Text, nullable=False),
    Column("user_id", Text),
    Column("name", Text),
    Column("address", Text),
    Column("address_key", Text, nullable=False),
    Column("language", String(16), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("arm", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("detail", Text),
    Column("subject", Text),
    Column("text", Text),
    Column("html", Text),
    Column("payload", JSONB(none_as_null=True)),
    Column("fields", JSONB(none_as_null=True)),
    _moment("not_before"),
    _moment("expires_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease", Uuid),
    _moment("lease_until"),
    _moment("sending_at"),
    _moment("ended_at"),
    _moment("changed_at", nullable=False),
    CheckConstraint(_in("state", MESSAGE_STATES), name="messages_state"),
    CheckConstraint("arm IN ('contacted', 'held_out', 'left_out')", name="messages_arm"),
    CheckConstraint("(lease IS NULL) = (lease_until IS NULL)", name="messages_lease"),
    Index("messages_once", "campaign_id", "address_key", unique=True, postgresql_where=text("arm <> 'left_out'")),
    Index("messages_due", "not_before", postgresql_where=text("state = 'queued'")),
    Index("messages_underway", "lease_until", postgresql_where=text("state IN ('claimed', 'sending')")),
    Index("messages_person", "address_key", "sending_at"),
    Index("messages_account", "account_id", "sending_at"),
    Index("messages_campaign", "campaign_id", "state"),
    comment="The outbox: one row per recipient of a campaign, the message as previewed, and what became of it.",
)

message_events = Table(
    "message_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", Uuid, ForeignKey(messages.c.id), nullable=False),
    _moment("at", nullable=False),
    Column("state", String(16), nullable=False),
    Column("before", String(16)),
    Column("code", String(64)),
    Column("detail", Text),
    Column("actor", Uuid),
    Index("message_events_message", "message_id", "id"),
    comment="Every change of a message's state, append-only.",
)

attachments = Table(
    "attachments",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("campaign_id", Uuid, ForeignKey(campaigns.c.id), nullable=False),
    Column("name", String(200), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("content", LargeBinary, nullable=False),
    comment="Files that every message of a campaign carries.",
)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("address_key", Text, nullable=False),
    Column("opted_out", Boolean, nullable=False),
    Column("source", String(32), nullable=False),
    Column("message_id", Uuid),
    Column("actor", Uuid),
    _moment("at", nullable=False),
    Index("opt_outs_newest", "address_key", text("id DESC")),
    comment="Who wants no more marketing mail, and who does again; the newest row of an address counts.",
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("address_key", Text, nullable=False),
    Column("suppressed", Boolean, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("detail", Text),
    Column("message_id", Uuid),
    Column("actor", Uuid),
    _moment("at", nullable=False),
    Index("suppressions_newest", "address_key", text("id DESC")),
    comment="Addresses that nothing is sent to, service mail included; the newest row of an address counts.",
)

answers = Table(
    "answers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", Uuid, ForeignKey(messages.c.id), nullable=False),
    Column("question", String(16), nullable=False),
    Column("score", SmallInteger),
    Column("comment", Text),
    Column("source", String(32), nullable=False),
    _moment("at", nullable=False),
    CheckConstraint("question IN ('nps', 'exit')", name="answers_question"),
    CheckConstraint("score BETWEEN 0 AND 10", name="answers_score"),
    CheckConstraint("length(comment) <= 10000", name="answers_comment"),
    Index("answers_newest", "message_id", text("id DESC")),
    comment="Every version of what somebody answered to a message; the newest of a message counts.",
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("week", Date, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("cause", Text, nullable=False),
    _moment("at", nullable=False),
    UniqueConstraint("account_id", "week", name="alerts_once_a_week"),
    comment="What the team was told about an account; at most once a week each.",
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("address", Text, nullable=False),
    Column("address_key", Text, nullable=False),
    Column("subscribed", Boolean, nullable=False),
    Column("actor", Uuid, nullable=False),
    _moment("at", nullable=False),
    Index("subscribers_newest", "address_key", text("id DESC")),
    comment="Who of us gets the monthly digest; the newest row of an address counts.",
)

digests = Table(
    "digests",
    metadata,
    Column("month", Date, primary_key=True),
    Column("campaign_id", Uuid, ForeignKey(campaigns.c.id), nullable=False),
    _moment("at", nullable=False),
    comment="The months whose digest is in the outbox.",
)

sending = Table(
    "sending",
    metadata,
    Column("single", Boolean, primary_key=True, server_default=text("true")),
    Column("paused", Boolean, nullable=False, server_default=text("false")),
    Column("reason", Text),
    Column("system_identifier", Text),
    Column("timeline", BigInteger),
    Column("sent", BigInteger, nullable=False, server_default="0"),
    _moment("changed_at"),
    CheckConstraint("single", name="sending_single"),
    comment="One row: whether anything may be sent, in which database, and how many messages ever began to be.",
)

workers = Table(
    "workers",
    metadata,
    Column("id", Uuid, primary_key=True),
    _moment("started_at", nullable=False),
    _moment("seen_at", nullable=False),
    Column("sent", BigInteger, nullable=False, server_default="0"),
    Column("mail_ok", Boolean),
    comment="Workers that send, and when each was last heard of.",
)

GRANTS: dict[str, tuple[str, ...]] = {
    "campaigns": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "messages": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "message_events": ("SELECT", "INSERT"),
    "attachments": ("SELECT", "INSERT", "DELETE"),
    "opt_outs": ("SELECT", "INSERT"),
    "suppressions": ("SELECT", "INSERT"),
    "answers": ("SELECT", "INSERT"),
    "alerts": ("SELECT", "INSERT"),
    "subscribers": ("SELECT", "INSERT"),
    "digests": ("SELECT", "INSERT"),
    "sending": ("SELECT", "INSERT", "UPDATE"),
    "workers": ("SELECT", "INSERT", "UPDATE", "DELETE"),
}
"""What the dashboard's role may do; part of ``records.tables.GRANTS``."""
