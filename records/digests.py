"""The monthly digest: who of us gets it, and which months' is in the outbox."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from records import erased
from records.addresses import address_key
from records.campaigns import approve_in
from records.checks import instant
from records.database import begin
from records.errors import NotAccepted
from records.outreach_tables import digests
from records.outreach_tables import subscribers as _subscribers
from records.subjects import subject_id

_LOCK = 73_260_05
"""The advisory lock of whoever queues a digest; the number means nothing."""


def subscribe(
    engine: Engine,
    address: str,
    *,
    actor: str,
    now: datetime,
    subscribed: bool = True,
    secret_key: str | None = None,
) -> None:
    """An address gets the digest from now on, or no more.

    NotAccepted when it is no address, or of somebody who was erased; ``secret_key`` of the settings tells.
    """
    row = {"address": address.strip(), "address_key": address_key(address), "subscribed": subscribed}
    with begin(engine) as connection:
        erased.hold(connection)
        if erased.among(connection, [(address_key(address), address, None)], secret_key=secret_key):
            raise NotAccepted("Whoever has this address was erased: nothing is sent to them.")
        connection.execute(
            _subscribers.insert().values(row | {"actor": subject_id(connection, actor), "at": instant(now)})
        )


def subscribers(engine: Engine) -> list[str]:
    """The addresses that subscribed to the digest, in the order of the alphabet; of each, the newest row counts."""
    newest = select(_subscribers).ext(distinct_on(_subscribers.c.address_key))
    last = newest.order_by(_subscribers.c.address_key, _subscribers.c.id.desc()).subquery()
    with begin(engine) as connection:
        wanted = select(last.c.address).where(last.c.subscribed).order_by(last.c.address_key)
        return list(connection.scalars(wanted))


def queue(
    engine: Engine,
    month: date,
    campaign_id: UUID,
    *,
    fingerprint: str,
    approver: str,
    now: datetime,
    draft_hours: int = 24,
    window_hours: int = 72,
    secret_key: str | None = None,
) -> int | None:
    """Queues a month's digest, drafted as campaign ``campaign_id``; returns how many messages.

    None when that month's is queued already: of several workers that try, one succeeds, and the others' drafts are to
    be discarded. ``month`` is its first day; the errors are those of ``records.campaigns.approve``.
    """
    if month.day != 1:
        raise NotAccepted(f"{month} is no month.", "pass its first day")
    with begin(engine) as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        if _queued(connection, month):
            return None
        approved = approve_in(
            connection,
            campaign_id,
            fingerprint=fingerprint,
            approver=approver,
            now=now,
            draft_hours=draft_hours,
            window_hours=window_hours,
            secret_key=secret_key,
        )
        connection.execute(insert(digests).values(month=month, campaign_id=campaign_id, at=instant(now)))
        return approved


def queued(engine: Engine, month: date) -> bool:
    """Whether a month's digest is in the outbox, or was."""
    with begin(engine) as connection:
        return _queued(connection, month)


def _queued(connection: Connection, month: date) -> bool:
    return connection.scalar(select(digests.c.month).where(digests.c.month == month)) is not None
