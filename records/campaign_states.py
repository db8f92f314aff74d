"""What happens to a campaign after its approval: paused, resumed, cancelled; each with an entry in the audit log.

Whoever changes a campaign, or the state of its messages back to one that could be sent, holds the campaign's row
first, then its messages: so nothing is put back into the queue of a campaign that is being cancelled.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, select, update

from records import audit
from records.checks import instant, prose
from records.database import begin
from records.errors import NotAccepted
from records.outbox_steps import step, waiting
from records.outreach_tables import campaigns, messages
from records.subjects import subject_id

MACHINE = "tenure"
"""Who did it where no person did."""


def pause(engine: Engine, campaign_id: UUID, *, actor: str, reason: str, now: datetime) -> None:
    """No message of the campaign begins to be sent until somebody resumes it; pausing again changes nothing."""
    with begin(engine) as connection:
        pause_in(connection, campaign_id, actor=actor, reason=reason, now=now)


def pause_in(connection: Connection, campaign_id: UUID, *, actor: str, reason: str, now: datetime) -> bool:
    """What :func:`pause` does, in the caller's transaction; whether it was running."""
    reason = prose(reason, "The reason", 1_000)
    return _change(connection, campaign_id, "running", "paused", reason, actor=actor, action="pause campaign", now=now)


def resume(engine: Engine, campaign_id: UUID, *, actor: str, now: datetime) -> None:
    """A paused campaign runs again; what should have been sent meanwhile and is too late is left out by the sweep."""
    with begin(engine) as connection:
        _change(connection, campaign_id, "paused", "running", None, actor=actor, action="resume campaign", now=now)


def cancel(engine: Engine, campaign_id: UUID, *, actor: str, now: datetime, reason: str | None = None) -> int:
    """Ends a campaign: no message of it begins to be sent any more; returns how many were cancelled.

    What is being sent this moment may still arrive. Cancelling what is cancelled or done changes nothing. NotAccepted
    for a draft, which is thrown away instead (``records.campaigns.discard``).
    """
    with begin(engine) as connection:
        state = locked(connection, campaign_id)
        if state == "draft":
            raise NotAccepted("A draft cannot be cancelled.", "discard it")
        if state not in ("running", "paused"):
            return 0
        action: dict[str, Any] = {"action": "cancel campaign", "actor": actor, "now": now}
        _change(connection, campaign_id, state, "cancelled", reason, **action)
        subject = subject_id(connection, actor)
        unsent = waiting(messages.c.campaign_id == campaign_id, states=("queued", "claimed"), skip_locked=False)
        return len(step(connection, unsent, "cancelled", at=now, actor=subject, code="cancelled", ended=True))


def locked(connection: Connection, campaign_id: UUID) -> str | None:
    """The campaign's state, which nobody else changes until this transaction ends; None when there is none."""
    found = connection.scalar(
        select(campaigns.c.state).where(campaigns.c.id == campaign_id).with_for_update(key_share=True)
    )
    return None if found is None else str(found)


def _change(
    connection: Connection,
    campaign_id: UUID,
    before: str,
    after: str,
    reason: str | None,
    *,
    actor: str,
    action: str,
    now: datetime,
) -> bool:
    change = update(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.state == before)
    if connection.execute(change.values(state=after, reason=reason, changed_at=instant(now))).rowcount != 1:
        return False
    # What people write freely, of which its length, as everywhere in the audit log.
    told = {"state": after} if reason is None else {"state": after, "reason": len(reason)}
    audit.note(
        connection,
        actor=subject_id(connection, actor),
        action=action,
        object=f"campaign/{campaign_id}",
        at=now,
        before={"state": before},
        after=told,
    )
    return True
