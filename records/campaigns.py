"""Campaigns: one play for one audience, drafted with every message it would send, then approved as it was previewed.

A draft already is its rows of the outbox, in state ``draft``; approving turns them into ``queued`` ones and changes
nothing else about them, so that what was previewed is what is sent. What campaigns and messages there are is read with
``records.campaign_lists``, their later states are changed in ``records.campaign_states``; both are reachable from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine, func, insert, literal, null, select, update

from records import audit, erased
from records.campaign_drafts import MOST_ROWS, discard, draft, found
from records.campaign_lists import (
    UNFINISHED,
    Campaign,
    Message,
    accounts,
    attachments,
    campaign,
    events,
    history,
    list_campaigns,
    message,
    messages,
    uncertain,
)
from records.campaign_rows import Attachment, Row, fingerprint_of
from records.campaign_states import cancel, pause, resume
from records.checks import instant
from records.database import begin
from records.errors import AlreadyApproved, DraftChanged, DraftTooOld
from records.outreach_tables import campaigns as _campaigns
from records.outreach_tables import message_events
from records.outreach_tables import messages as _messages
from records.subjects import subject_id


def approve(
    engine: Engine,
    campaign_id: UUID,
    *,
    fingerprint: str,
    approver: str,
    now: datetime,
    draft_hours: int,
    window_hours: int = 72,
    secret_key: str | None = None,
) -> int:
    """Queues the messages of a draft, exactly as previewed, and returns how many; all of it happens, or nothing.

    ``fingerprint`` is the previewed draft's: DraftChanged when the draft is another by now, or gone. DraftTooOld when
    it was made more than ``draft_hours`` ago, AlreadyApproved when it is no draft any more: of many who approve at
    once, one does. A message may be sent from its ``not_before`` on, or from now where it has none, for
    ``window_hours``; what is not sent by then needs to be approved again. NotAccepted when somebody in it was erased
    since it was drafted; ``secret_key`` of the settings tells.
    """
    with begin(engine) as connection:
        return approve_in(
            connection,
            campaign_id,
            fingerprint=fingerprint,
            approver=approver,
            now=now,
            draft_hours=draft_hours,
            window_hours=window_hours,
            secret_key=secret_key,
        )


def approve_in(
    connection: Connection,
    campaign_id: UUID,
    *,
    fingerprint: str,
    approver: str,
    now: datetime,
    draft_hours: int,
    window_hours: int,
    secret_key: str | None = None,
) -> int:
    """What :func:`approve` does, in the caller's transaction."""
    subject = subject_id(connection, approver)
    approved = update(_campaigns).where(
        _campaigns.c.id == campaign_id,
        _campaigns.c.state == "draft",
        _campaigns.c.fingerprint == fingerprint,
        ~_campaigns.c.fingerprint.startswith(UNFINISHED),
        _campaigns.c.drafted_at >= instant(now) - timedelta(hours=draft_hours),
    )
    approved = approved.values(state="running", approver=subject, approved_at=now, changed_at=now)
    if connection.execute(approved).rowcount != 1:
        raise _why_not(connection, campaign_id, fingerprint)
    erased.refuse(connection, _drafted(connection, campaign_id), secret_key=secret_key)
    queued = _queue(connection, campaign_id, subject, now, timedelta(hours=window_hours))
    after = {"queued": queued, "fingerprint": fingerprint}
    audit.note(
        connection, actor=subject, action="approve campaign", object=f"campaign/{campaign_id}", at=now, after=after
    )
    return queued


def _drafted(connection: Connection, campaign_id: UUID) -> Iterator[erased.Recipient]:
    """Whom a draft would be sent to; asked only by who needs it."""
    whom = select(*_messages.c["address_key", "address", "user_id"])
    for row in connection.execute(whom.where(_messages.c.campaign_id == campaign_id, _messages.c.state == "draft")):
        yield row.address_key, row.address, row.user_id


def _queue(connection: Connection, campaign_id: UUID, approver: UUID, now: datetime, window: timedelta) -> int:
    """Every drafted row becomes a queued one; all rows of the campaign get their first event."""
    from_when = func.coalesce(_messages.c.not_before, now)
    drafted = update(_messages).where(_messages.c.campaign_id == campaign_id, _messages.c.state == "draft")
    queue = drafted.values(state="queued", not_before=from_when, expires_at=from_when + window, changed_at=now)
    queued = connection.execute(queue).rowcount
    mine = _messages.c.campaign_id == campaign_id
    columns = (_messages.c.id, literal(now), _messages.c.state, null(), _messages.c.reason, literal(approver))
    names = ["message_id", "at", "state", "before", "code", "actor"]
    connection.execute(insert(message_events).from_select(names, select(*columns).where(mine)))
    return queued


def _why_not(connection: Connection, campaign_id: UUID, fingerprint: str) -> Exception:
    it = found(connection, campaign_id)
    if it is None:
        return DraftChanged("The draft is gone: somebody threw it away.", "choose the recipients and preview again")
    if it.state != "draft":
        return AlreadyApproved(it.name, it.approved_at)
    if it.fingerprint != fingerprint or fingerprint.startswith(UNFINISHED):
        return DraftChanged("The draft was made again after this preview.", "look at the new preview, then approve")
    return DraftTooOld(
        f"The draft is of {it.drafted_at:%Y-%m-%d %H:%M} UTC: what it says may not be true any more.",
        "preview it again, then approve",
    )


__all__ = [
    "MOST_ROWS",
    "Attachment",
    "Campaign",
    "Message",
    "Row",
    "accounts",
    "approve",
    "approve_in",
    "attachments",
    "campaign",
    "cancel",
    "discard",
    "draft",
    "events",
    "fingerprint_of",
    "history",
    "list_campaigns",
    "message",
    "messages",
    "pause",
    "resume",
    "uncertain",
]
