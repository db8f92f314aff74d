"""One step of a message: its state changes and the change is noted, in one statement, or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, Self
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, literal, select, update

from records.checks import instant
from records.outreach_tables import message_events, messages

LONGEST_DETAIL = 2_000


class _Caps(Protocol):
    @property
    def most_per_person(self) -> int: ...
    @property
    def contact_days(self) -> int: ...
    @property
    def account_contact_days(self) -> int: ...


@dataclass(frozen=True)
class Rules:
    """How often people are written to, as settings say now: looked at again in the moment before a message is sent."""

    most_per_person: int
    contact_days: int
    account_contact_days: int

    @classmethod
    def of(cls, outreach: _Caps) -> Self:
        """Those of ``settings.outreach``."""
        return cls(outreach.most_per_person, outreach.contact_days, outreach.account_contact_days)


@dataclass(frozen=True)
class Outside:
    """What is known of a recipient outside the records, in the moment before a message is sent.

    ``objection``: why nothing may be sent to them, None where nothing speaks against it. ``to_person`` and
    ``to_account``: contacts of others with them in the last ``contact_days``, with anybody there in the last
    ``account_contact_days``.
    """

    objection: str | None = None
    to_person: int = 0
    to_account: int = 0


NOTHING_KNOWN = Outside()


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A message that one worker holds until ``lease_until``; ``token`` proves that it still does."""

    id: UUID
    campaign_id: UUID
    token: UUID
    lease_until: datetime
    lease: timedelta
    kind: str
    channel: str
    play: str
    account_id: str
    user_id: str | None
    name: str | None
    address: str | None
    address_key: str
    language: str
    time_zone: str
    subject: str | None
    text: str | None
    html: str | None
    payload: Mapping[str, Any] | None
    fields: Mapping[str, Any] | None
    attempts: int
    not_before: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Begun:
    """A message that is marked as being sent: from here on nobody sends it again without a person's say-so.

    ``attempt`` counts from 1. ``counter`` is how many messages ever began to be sent; keep it outside the database
    (``records.sending.check_restored``). ``lease_until``: by then its end must be written down.
    """

    claimed: Claimed
    attempt: int
    counter: int
    lease_until: datetime


@dataclass(frozen=True)
class Refused:
    """A message that may not be sent, or not now; drop it.

    ``state`` is the one it is in by now: ``left_out`` (``reason`` says why), ``queued`` (it waits: its campaign or
    all sending is paused), or None: it is not ours any more (``reason`` is ``lost``).
    """

    reason: str
    state: str | None


def waiting(*which: ColumnElement[bool], states: Sequence[str], skip_locked: bool = True) -> Select[Any]:
    """Messages in ``states`` that nobody else changes until this transaction ends; those that somebody does, skipped.

    Not skipping waits for them instead.
    """
    wanted = select(messages.c.id, messages.c.state.label("before")).where(messages.c.state.in_(states), *which)
    return wanted.with_for_update(of=messages, skip_locked=skip_locked)


def step(
    connection: Connection,
    found: Select[Any],
    to: str,
    *,
    at: datetime,
    code: str | None = None,
    told: str | None = None,
    actor: UUID | None = None,
    ended: bool = False,
    keep_lease: bool = False,
    returning: Sequence[ColumnElement[Any]] = (),
    **values: Any,
) -> Sequence[Row[Any]]:
    """The messages ``found`` (:func:`waiting`) go to state ``to``; returns their ids and what ``returning`` names.

    ``code`` and ``told`` are kept with the change, ``values`` are further columns of the message. ``ended`` notes when
    it came to its end; the lease is given back unless ``keep_lease``, or ``values`` renew it.
    """
    this = found.cte("found")
    if not keep_lease:
        values = {"lease": None, "lease_until": None, **values}
    changed = (
        update(messages)
        .where(messages.c.id == this.c.id)
        .values(state=to, changed_at=instant(at), ended_at=at if ended else None, **values)
        .returning(messages.c.id, this.c.before, *returning)
        .cte("changed")
    )
    event = [literal(at), literal(to), changed.c.before, literal(code), literal(bounded(told)), literal(actor)]
    names = ["message_id", "at", "state", "before", "code", "detail", "actor"]
    noted = insert(message_events).from_select(names, select(changed.c.id, *event)).cte("noted")
    wanted = [changed.c.id, *(changed.c[str(column.key)] for column in returning)]
    return connection.execute(select(*wanted).add_cte(noted)).all()


def bounded(text: str | None) -> str | None:
    """What a server said, as much of it as is kept."""
    return None if text is None else text.replace("\0", "")[:LONGEST_DETAIL]


def remark(connection: Connection, message_id: UUID, *, at: datetime, code: str, detail: str | None = None) -> None:
    """Notes something about a message whose state stays as it is."""
    same = select(messages.c.id, literal(at), messages.c.state, messages.c.state, literal(code), literal(detail))
    names = ["message_id", "at", "state", "before", "code", "detail"]
    connection.execute(insert(message_events).from_select(names, same.where(messages.c.id == message_id)))
