"""How the sending of a message ends, as the worker that holds it says.

Each function wants what ``claim`` gave, and returns whether the message was still this worker's: False changes
nothing, and leaves a remark in the message's history. A worker that was slow, so that the sweep already called its
message ``uncertain``, may still say how it ended, until a person decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, case, select

from records import addresses
from records.campaign_states import MACHINE, locked, pause_in
from records.database import begin
from records.outbox_steps import Claimed, bounded, remark, step, waiting
from records.outreach_tables import campaigns, message_events, messages

_UNDER_WAY = ("sending", "uncertain")
_HELD = ("claimed", *_UNDER_WAY)
_CALM = (
    "released",
    "lease_ended",
    "quiet_hours",
    "sending_paused",
    "campaign_paused",
    "campaign_cancelled",
    "not_begun",
)
"""Why a message that was claimed goes back to the queue without anything having gone wrong."""
_ERRORS = {"failed", "uncertain", "queued"}
"""States that an attempt which went wrong leads to."""


def sent(
    engine: Engine, claimed: Claimed, *, now: datetime, code: str | None = None, detail: str | None = None
) -> bool:
    """The server took the message."""
    with begin(engine) as connection:
        more: dict[str, Any] = {"code": code, "detail": detail, "ended": True, "reason": None}
        return _end(connection, claimed, _UNDER_WAY, "sent", now, **more)


def failed(
    engine: Engine,
    claimed: Claimed,
    *,
    reason: str,
    now: datetime,
    detail: str | None = None,
    code: str | None = None,
    suppress: str | None = None,
    errors_pause: int = 10,
) -> bool:
    """The server refused the message for good, or it cannot be sent at all (then also before ``begin_sending``).

    ``suppress``, a reason, suppresses the address in the same transaction: nothing is sent there any more. As many
    errors in a row as ``errors_pause`` pause the campaign.
    """
    with begin(engine) as connection:
        locked(connection, claimed.campaign_id)
        more: dict[str, Any] = {"code": code or reason, "detail": detail, "ended": True, "reason": reason}
        if not _end(connection, claimed, _HELD, "failed", now, **more):
            return False
        if suppress is not None:
            about: dict[str, Any] = {"detail": detail, "message_id": claimed.id, "now": now}
            addresses.set_suppression(connection, claimed.address_key, True, suppress, **about)
        _pause_after(connection, claimed, errors_pause, now)
        return True


def retry_later(
    engine: Engine,
    claimed: Claimed,
    *,
    not_before: datetime,
    now: datetime,
    detail: str | None = None,
    code: str | None = None,
    errors_pause: int = 10,
) -> bool:
    """The server did not take the message, and said so; it is tried again from ``not_before`` on.

    It may end so before ``begin_sending``, too, where the recipient is asked for first; that counts as an attempt. In
    a campaign that was cancelled meanwhile it is cancelled. As many errors in a row as ``errors_pause`` pause the
    campaign.
    """
    with begin(engine) as connection:
        if locked(connection, claimed.campaign_id) == "cancelled":
            more: dict[str, Any] = {"code": "cancelled", "detail": detail, "ended": True, "sending_at": None}
            return _end(connection, claimed, _HELD, "cancelled", now, **more)
        again: dict[str, Any] = {
            "code": code or "retry",
            "detail": detail,
            "not_before": not_before,
            "sending_at": None,
            "attempts": messages.c.attempts + case((messages.c.state == "claimed", 1), else_=0),
        }
        if not _end(connection, claimed, _HELD, "queued", now, **again):
            return False
        _pause_after(connection, claimed, errors_pause, now)
        return True


def uncertain(
    engine: Engine, claimed: Claimed, *, now: datetime, detail: str | None = None, errors_pause: int = 10
) -> bool:
    """The server may have taken the message: nobody sends it again before a person says so.

    As many errors in a row as ``errors_pause`` pause the campaign.
    """
    with begin(engine) as connection:
        locked(connection, claimed.campaign_id)
        if not _end(connection, claimed, ("sending",), "uncertain", now, detail=detail, keep_lease=True):
            return False
        _pause_after(connection, claimed, errors_pause, now)
        return True


def release(engine: Engine, claimed: Claimed, *, now: datetime) -> bool:
    """Gives a message back that was claimed and not begun: somebody may claim it at once."""
    with begin(engine) as connection:
        return _end(connection, claimed, ("claimed",), "queued", now, code="released")


def later(
    engine: Engine, claimed: Claimed, *, not_before: datetime, now: datetime, reason: str = "quiet_hours"
) -> bool:
    """Gives a message back that must wait until ``not_before``; its window moves along, so that waiting drops none."""
    with begin(engine) as connection:
        waits = max(not_before - now, timedelta())
        moved: dict[str, Any] = {
            "not_before": not_before,
            "expires_at": messages.c.expires_at + waits,
            "reason": reason,
        }
        return _end(connection, claimed, ("claimed",), "queued", now, code=reason, **moved)


def _end(
    connection: Connection,
    claimed: Claimed,
    before: Sequence[str],
    to: str,
    now: datetime,
    *,
    detail: str | None = None,
    **more: Any,
) -> bool:
    held = (messages.c.id == claimed.id, messages.c.lease == claimed.token)
    this = waiting(*held, states=before, skip_locked=False)
    if step(connection, this, to, at=now, told=detail, detail=bounded(detail), **more):
        return True
    remark(connection, claimed.id, at=now, code="late", detail=f"a worker whose lease had ended said: {to}")
    return False


def _pause_after(connection: Connection, claimed: Claimed, most: int, now: datetime) -> None:
    """Pauses the campaign when its last ``most`` attempts since it began or was resumed all went wrong."""
    event, campaign = message_events.c, campaigns.c
    wanted = (
        select(event.state)
        .join(messages, messages.c.id == event.message_id)
        .join(campaigns, campaign.id == messages.c.campaign_id)
        .where(
            messages.c.campaign_id == claimed.campaign_id,
            event.state.in_(("sent", "failed", "uncertain"))
            | ((event.state == "queued") & event.before.in_(_HELD) & event.code.not_in(_CALM)),
            event.actor.is_(None),  # what a person decided is no attempt
            event.at >= campaign.changed_at,
        )
        .order_by(event.id.desc())
        .limit(most)
    )
    last = connection.scalars(wanted).all()
    if len(last) == most and set(last) <= _ERRORS:
        reason = f"The last {most} attempts went wrong."
        pause_in(connection, claimed.campaign_id, actor=MACHINE, reason=reason, now=now)
