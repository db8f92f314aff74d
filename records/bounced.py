"""What is known of a message after it was sent: that it came back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, exists, select

from records import addresses
from records.checks import instant
from records.database import begin
from records.outbox_steps import bounded, remark
from records.outreach_tables import message_events, messages

HARD, SOFT = "bounced", "bounced_softly"
"""What the history of a message calls it when nobody reads mail at its address, and when it did not arrive for now."""


def bounced(engine: Engine, message_id: UUID, *, hard: bool, detail: str, now: datetime) -> bool:
    """Notes that a message came back; its state stays, for it was sent. The same said again adds nothing.

    ``hard`` suppresses the address that the message went to, in the same transaction. False: no message of that id
    was ever begun to be sent, and nothing is noted.
    """
    code, detail = HARD if hard else SOFT, bounded(detail) or ""
    its = select(messages.c.address_key).where(messages.c.id == message_id, messages.c.attempts > 0)
    event = message_events.c
    known = exists().where(event.message_id == message_id, event.code == code, event.detail == detail)
    with begin(engine) as connection:
        key = connection.scalar(its.where(messages.c.state.in_(("sending", "sent", "uncertain", "failed"))))
        if key is None:
            return False
        if not connection.scalar(select(known)):
            remark(connection, message_id, at=instant(now), code=code, detail=detail)
        if hard:
            addresses.set_suppression(connection, key, True, HARD, now=now, detail=detail, message_id=message_id)
        return True
