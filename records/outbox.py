"""The outbox: messages wait in it, workers take them, and no message is ever sent twice by itself.

``queued -> claimed -> sending -> sent | failed | uncertain``. A worker claims messages for the time of a lease and gets
a token for each. Before it says anything to a mail server that could be a delivery, ``sending`` is committed
(:func:`begin_sending`); from then on only a known refusal puts the message back (``retry_later``), and a worker that
dies leaves ``uncertain``, for a person to decide. Every change is one short transaction, wants the token, and adds a
row to ``message_events``. Ends are in ``records.outbox_ends``, what time does in ``records.outbox_sweep``; both are
reachable from here. Campaigns are locked before messages, messages before addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Row, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from records import addresses, erased
from records.database import begin
from records.outbox_ends import failed, later, release, retry_later, sent, uncertain
from records.outbox_steps import NOTHING_KNOWN, Begun, Claimed, Outside, Refused, Rules, step, waiting
from records.outbox_sweep import Swept, reconcile, resolve, sweep, unexplained
from records.outreach_tables import campaigns, messages, sending

_CLAIMED = tuple(
    messages.c[name]
    for name in Claimed.__dataclass_fields__
    if name in messages.c and name not in ("id", "lease", "attempts")
)
_AS_DELIVERED = ("sending", "sent", "uncertain")
"""States in which a message counts as one that somebody got."""


def claim(engine: Engine, *, worker: UUID, now: datetime, lease: timedelta, limit: int) -> list[Claimed]:
    """Takes up to ``limit`` messages that are due, for the time of ``lease``; no two workers ever hold the same.

    Due is what is queued in a running campaign, from ``not_before`` until before ``expires_at``; the longest due
    first. Nothing while all sending is paused.
    """
    running = select(campaigns.c.id).where(campaigns.c.state == "running").scalar_subquery()
    paused = exists().where(sending.c.paused)
    due = (messages.c.not_before <= now, messages.c.expires_at > now, messages.c.campaign_id.in_(running), ~paused)
    found = waiting(*due, states=("queued",)).order_by(messages.c.not_before, messages.c.id).limit(limit)
    with begin(engine) as connection:
        rows = step(
            connection,
            found,
            "claimed",
            at=now,
            code="claimed",
            told=f"worker {worker}",
            lease=func.gen_random_uuid(),
            lease_until=now + lease,
            returning=(messages.c.lease, messages.c.attempts, *_CLAIMED),
        )
        about = _campaigns(connection, {row.campaign_id for row in rows})
    ordered = sorted(rows, key=lambda row: (row.not_before, row.id))
    return [_claimed(row, about[row.campaign_id], lease) for row in ordered]


def begin_sending(
    engine: Engine,
    claimed: Claimed,
    *,
    now: datetime,
    rules: Rules,
    outside: Outside = NOTHING_KNOWN,
    secret_key: str | None = None,
) -> Begun | Refused:
    """Marks a message as being sent, if it still may be; only after this says Begun may a delivery begin.

    Checked in the same transaction: that the lease is still ours, that neither the campaign nor all sending is paused,
    that the message is not too late, that nothing ``outside`` objects, and that nobody opted out, was suppressed,
    erased (``secret_key`` of the settings tells; RecordsError where it cannot) or reached by others meanwhile. Of all
    workers one at a time is in here, so that two messages to one person cannot pass each other. The lease is renewed:
    its end must be written down (``sent``, ``failed``, …) within it.

    A person has reached their most when as many messages of other campaigns began to be sent to them in the last
    ``contact_days``, contacts of others counted in; an account, when any did in the last ``account_contact_days`` (0:
    no such rule). Whom another play held out then counts as written to by it. A most of 0 lets nobody through.
    Service and internal mail skips these and opt-outs, never suppressions.
    """
    with begin(engine) as connection:
        campaign = connection.scalar(
            select(campaigns.c.state).where(campaigns.c.id == claimed.campaign_id).with_for_update(read=True)
        )
        paused = _take_turn(connection, addresses.keys(claimed.address_key, claimed.user_id))
        held = _look(connection, claimed, now, rules)
        if held is None or held.lease_until <= now:
            return Refused("lost", None)
        found = waiting(*_ours(claimed), states=("claimed",), skip_locked=False)
        if paused or campaign != "running":
            reason = "sending_paused" if paused else f"campaign_{campaign}"
            rows = step(connection, found, "queued", at=now, code=reason)
            return Refused(reason, "queued" if rows else None)
        recipient = (claimed.address_key, claimed.address, claimed.user_id)
        gone = bool(erased.among(connection, [recipient], secret_key=secret_key))
        why = "erased" if gone else _refusal(claimed, held, outside, now, rules)
        if why is not None:
            rows = step(connection, found, "left_out", at=now, code=why, ended=True, reason=why)
            return Refused(why, "left_out" if rows else None)
        return _begun(connection, found, claimed, now)


def _begun(connection: Connection, found: Any, claimed: Claimed, now: datetime) -> Begun | Refused:
    until = now + claimed.lease
    rows = step(
        connection,
        found,
        "sending",
        at=now,
        returning=(messages.c.attempts,),
        lease=claimed.token,
        lease_until=until,
        sending_at=now,
        attempts=messages.c.attempts + 1,
        reason=None,  # why it had to wait
        detail=None,
    )
    if not rows:
        return Refused("lost", None)
    counted = update(sending).values(sent=sending.c.sent + 1).returning(sending.c.sent)
    return Begun(claimed, rows[0].attempts, connection.scalars(counted).one(), until)


def _take_turn(connection: Connection, keys: Iterable[str]) -> bool:
    """Whether all sending is paused; whoever asks is alone in asking until their transaction ends.

    Also locks the address and the person: what opt-outs say is read after, in a statement of its own, and cannot
    change then.
    """
    wanted = select(sending.c.paused, *map(addresses.locking, keys)).with_for_update(of=sending, key_share=True)
    found = connection.execute(wanted).first()
    if found is None:  # the first time ever
        connection.execute(insert(sending).values(single=True).on_conflict_do_nothing())
        found = connection.execute(wanted).one()
    return bool(found.paused)


def _look(connection: Connection, claimed: Claimed, now: datetime, rules: Rules) -> Any:
    """What is known about a message and its recipient; None when it is not ours."""
    before, sibling = messages.alias(), messages.alias()
    person = before.c.address_key == claimed.address_key
    if claimed.user_id is not None:
        person = or_(person, (before.c.account_id == claimed.account_id) & (before.c.user_id == claimed.user_id))
    contacts = (
        select(func.count())
        .select_from(before)
        .join(campaigns, campaigns.c.id == before.c.campaign_id)
        .where(before.c.campaign_id != claimed.campaign_id, campaigns.c.kind != "internal")
    )
    went_out = exists().where(sibling.c.campaign_id == campaigns.c.id, sibling.c.state.in_(_AS_DELIVERED))
    as_if_written_to = (
        (before.c.state == "held_out")
        & (campaigns.c.play != claimed.play)
        & ((campaigns.c.state != "cancelled") | went_out)
    )

    def within(days: int) -> ColumnElement[bool]:
        since = now - timedelta(days=days)
        delivered = before.c.state.in_(_AS_DELIVERED) & (before.c.sending_at > since)
        return delivered | (as_if_written_to & (campaigns.c.approved_at > since))

    for_person = contacts.where(person, within(rules.contact_days))
    for_account = contacts.where(before.c.account_id == claimed.account_id, within(rules.account_contact_days))
    wanted = select(
        *messages.c["lease_until", "expires_at", "address"],
        addresses.is_suppressed(claimed.address_key).label("suppressed"),
        or_(*map(addresses.is_opted_out, addresses.keys(claimed.address_key, claimed.user_id))).label("opted_out"),
        for_person.scalar_subquery().label("to_person"),
        for_account.scalar_subquery().label("to_account"),
    )
    return connection.execute(wanted.where(*_ours(claimed))).first()


def _refusal(claimed: Claimed, held: Any, outside: Outside, now: datetime, rules: Rules) -> str | None:
    """Why this message may not be sent; None: it may."""
    marketing = claimed.kind == "marketing"
    to_person, to_account = held.to_person + outside.to_person, held.to_account + outside.to_account
    whys = (
        ("expired", held.expires_at <= now),
        ("erased", claimed.channel == "email" and held.address is None),
        ("suppressed", bool(held.suppressed)),
        (outside.objection, outside.objection is not None),
        ("opted_out", marketing and bool(held.opted_out)),
        ("cap_zero", marketing and rules.most_per_person == 0),
        ("contacted_lately", marketing and to_person >= rules.most_per_person),
        ("account_contacted_lately", marketing and to_account > 0),
    )
    return next((why for why, true in whys if true), None)


def _ours(claimed: Claimed) -> tuple[ColumnElement[bool], ...]:
    return (messages.c.id == claimed.id, messages.c.lease == claimed.token, messages.c.state == "claimed")


def _campaigns(connection: Connection, ids: set[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    wanted = select(campaigns.c.id, campaigns.c.kind, campaigns.c.channel, campaigns.c.play)
    found = connection.execute(wanted.where(campaigns.c.id.in_(ids)))
    return {row.id: {"kind": row.kind, "channel": row.channel, "play": row.play} for row in found}


def _claimed(row: Row[Any], about: Mapping[str, Any], lease: timedelta) -> Claimed:
    values = row._asdict()
    token = values.pop("lease")
    return Claimed(token=token, lease=lease, **about, **values)


__all__ = [
    "NOTHING_KNOWN",
    "Begun",
    "Claimed",
    "Outside",
    "Refused",
    "Rules",
    "Swept",
    "begin_sending",
    "claim",
    "failed",
    "later",
    "reconcile",
    "release",
    "resolve",
    "retry_later",
    "sent",
    "sweep",
    "uncertain",
    "unexplained",
]
