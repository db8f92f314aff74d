"""What time does to messages, what a person decides about uncertain ones, and whether everything adds up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, exists, func, null, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from records.campaign_states import locked
from records.checks import instant
from records.database import begin
from records.errors import NotAccepted, NotYet
from records.outbox_steps import step, waiting
from records.outreach_tables import campaigns, message_events, messages
from records.subjects import subject_id

_OPEN = ("queued", "claimed", "sending", "uncertain")
"""States that something can still become of."""


@dataclass(frozen=True)
class Swept:
    """How many messages went back to the queue, became uncertain, were too late, were cancelled; campaigns done."""

    requeued: int
    uncertain: int
    expired: int
    cancelled: int
    done: int


def sweep(engine: Engine, *, now: datetime) -> Swept:
    """Does what time brings; call it again and again.

    A lease that ended before sending began puts the message back into the queue; one that ended while it was being
    sent makes it uncertain. A queued message that was not sent within its window is left out (``expired``): whoever
    still wants to send it drafts and approves again. A running campaign with nothing left to do is done.
    """
    ended = messages.c.lease_until <= instant(now)
    with begin(engine) as connection:
        gone = exists().where(campaigns.c.id == messages.c.campaign_id, campaigns.c.state == "cancelled")
        cancelled = step(
            connection, waiting(gone, states=("queued",)), "cancelled", at=now, code="cancelled", ended=True
        )
        requeued = step(connection, waiting(ended, states=("claimed",)), "queued", at=now, code="lease_ended")
        dying = waiting(ended, states=("sending",))
        lost = step(connection, dying, "uncertain", at=now, code="lease_ended", keep_lease=True)
        late = waiting(messages.c.expires_at <= now, states=("queued",))
        expired = step(connection, late, "left_out", at=now, code="expired", ended=True, reason="expired")
    with begin(engine) as connection:  # apart: whoever holds messages waits for no campaign
        done = _finish(connection, now)
    return Swept(len(requeued), len(lost), len(expired), len(cancelled), done)


def resolve(
    engine: Engine,
    message_id: UUID,
    *,
    as_sent: bool,
    actor: str,
    now: datetime,
    lease: timedelta,
    draft_hours: int = 24,
    window_hours: int = 72,
) -> None:
    """What a person says about an uncertain message: it was sent, or it is to be sent again.

    Sending again is possible from two leases after the attempt began, so that a slow live one never becomes two:
    NotYet before. NotAccepted when the message is not uncertain (any more), its campaign was cancelled, or it was
    drafted longer ago than a draft may wait for approval and a message for sending.
    """
    with begin(engine) as connection:
        its = select(*messages.c["campaign_id", "sending_at"], campaigns.c.drafted_at).join_from(messages, campaigns)
        found = connection.execute(its.where(messages.c.id == message_id)).first()
        if found is None:
            raise NotAccepted("There is no such message.")
        state = locked(connection, found.campaign_id)
        this = waiting(messages.c.id == message_id, states=("uncertain",), skip_locked=False)
        subject = subject_id(connection, actor)
        if as_sent:
            changed = step(connection, this, "sent", at=instant(now), code="by_hand", actor=subject, ended=True)
        else:
            _check_again(state, found, now, lease, timedelta(hours=draft_hours + window_hours))
            until = now + timedelta(hours=window_hours)
            again: dict[str, Any] = {"not_before": now, "expires_at": until, "sending_at": null()}
            changed = step(connection, this, "queued", at=instant(now), code="send_again", actor=subject, **again)
            _reopen(connection, found.campaign_id, now)
        if not changed:
            raise NotAccepted("The message is not uncertain any more.", "look at it again")


def reconcile(engine: Engine, campaign_id: UUID) -> dict[str, int]:
    """How many messages of a campaign are in each state; together they are the rows that were drafted."""
    wanted = select(messages.c.state, func.count()).where(messages.c.campaign_id == campaign_id)
    with begin(engine) as connection:
        return {row.state: row[1] for row in connection.execute(wanted.group_by(messages.c.state))}


def unexplained(engine: Engine, campaign_id: UUID) -> list[UUID]:
    """Messages of an approved campaign whose state is not the one that their newest event tells of; there are none."""
    newest = select(message_events.c.message_id, message_events.c.state).ext(distinct_on(message_events.c.message_id))
    told = newest.join(messages, messages.c.id == message_events.c.message_id)
    told = told.where(messages.c.campaign_id == campaign_id)
    last = told.order_by(message_events.c.message_id, message_events.c.id.desc()).subquery()
    wanted = select(messages.c.id).outerjoin(last, last.c.message_id == messages.c.id)
    differs = last.c.state.is_distinct_from(messages.c.state)
    with begin(engine) as connection:
        return list(connection.scalars(wanted.where(messages.c.campaign_id == campaign_id, differs)))


def _check_again(campaign: str | None, found: Any, now: datetime, lease: timedelta, most: timedelta) -> None:
    if campaign == "cancelled":
        raise NotAccepted("The campaign was cancelled: nothing of it is sent again.")
    if now > found.drafted_at + most:
        raise NotAccepted(
            f"The message is of {found.drafted_at:%Y-%m-%d %H:%M} UTC: what it says may not be true any more.",
            "note it as sent, and draft a new one",
        )
    if found.sending_at is not None and now < found.sending_at + 2 * lease:
        from_when = found.sending_at + 2 * lease
        raise NotYet(f"A slow attempt may still be under way; this can be sent again from {from_when:%H:%M:%S} UTC.")


def _reopen(connection: Connection, campaign_id: UUID, now: datetime) -> None:
    done = update(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.state == "done")
    connection.execute(done.values(state="running", changed_at=now))


def _finish(connection: Connection, now: datetime) -> int:
    """Running campaigns that nothing can become of any more are done."""
    left = exists().where(messages.c.campaign_id == campaigns.c.id, messages.c.state.in_(_OPEN))
    over = update(campaigns).where(campaigns.c.state == "running", ~left)
    return connection.execute(over.values(state="done", changed_at=now)).rowcount
