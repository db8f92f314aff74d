"""What campaigns and messages there are, and what became of them; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl
from sqlalchemy import Engine, Select, func, select
from sqlalchemy import Row as Found

from records.campaign_rows import Attachment
from records.database import begin
from records.frames import AT, Columns, frame
from records.outreach_tables import MESSAGE_STATES, answers, message_events
from records.outreach_tables import attachments as _attachments
from records.outreach_tables import campaigns as _campaigns
from records.outreach_tables import messages as _messages
from records.tables import subjects

UNFINISHED = "unfinished "
"""What stands before a random mark in place of the fingerprint of a draft that is still being written."""
_CAMPAIGNS: Columns = {
    "id": pl.String,
    "title": pl.String,
    "play": pl.String,
    "kind": pl.String,
    "channel": pl.String,
    "state": pl.String,
    "reason": pl.String,
    "author": pl.String,
    "approver": pl.String,
    "drafted_at": AT,
    "approved_at": AT,
    "changed_at": AT,
    "rows": pl.Int64,
    **dict.fromkeys(MESSAGE_STATES, pl.Int64),
    "answered": pl.Int64,
}
_MESSAGES: Columns = {
    "message_id": pl.String,
    "campaign_id": pl.String,
    "account_id": pl.String,
    "user_id": pl.String,
    "name": pl.String,
    "address": pl.String,
    "address_key": pl.String,
    "language": pl.String,
    "time_zone": pl.String,
    "arm": pl.String,
    "state": pl.String,
    "reason": pl.String,
    "detail": pl.String,
    "subject": pl.String,
    "not_before": AT,
    "expires_at": AT,
    "attempts": pl.Int64,
    "sending_at": AT,
    "ended_at": AT,
    "changed_at": AT,
}
_HISTORY: Columns = {
    "message_id": pl.String,
    "campaign_id": pl.String,
    "address_key": pl.String,
    "account_id": pl.String,
    "user_id": pl.String,
    "play": pl.String,
    "kind": pl.String,
    "arm": pl.String,
    "state": pl.String,
    "reason": pl.String,
    "approved_at": AT,
    "sending_at": AT,
    "at": AT,
}
_EVENTS: Columns = {
    "at": AT,
    "before": pl.String,
    "state": pl.String,
    "code": pl.String,
    "detail": pl.String,
    "actor": pl.String,
}
_author, _approver = subjects.alias(), subjects.alias()


@dataclass(frozen=True)
class Campaign:
    """One campaign with what it was made from; ``counts`` has the messages of every state there is one in."""

    id: UUID
    title: str
    play: str
    play_version: str
    kind: str
    channel: str
    audience: Mapping[str, Any]
    rules: Mapping[str, Any]
    fingerprint: str
    state: str
    reason: str | None
    author: str | None
    approver: str | None
    drafted_at: datetime
    approved_at: datetime | None
    changed_at: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Message:
    """One message, whole: as it was previewed and is sent, and where it stands."""

    id: UUID
    campaign_id: UUID
    campaign_state: str
    play: str
    kind: str
    channel: str
    account_id: str
    user_id: str | None
    name: str | None
    address: str | None
    address_key: str
    language: str
    time_zone: str
    arm: str
    state: str
    reason: str | None
    detail: str | None
    subject: str | None
    text: str | None
    html: str | None
    payload: Mapping[str, Any] | None
    fields: Mapping[str, Any] | None
    not_before: datetime | None
    expires_at: datetime | None
    attempts: int
    sending_at: datetime | None
    ended_at: datetime | None
    changed_at: datetime


def list_campaigns(engine: Engine, *, most: int = 500) -> pl.DataFrame:
    """The newest ``most`` campaigns, drafts among them, newest first.

    One row per campaign: ``id``, ``title``, ``play``, ``kind``, ``channel``, ``state``; ``reason`` of a pause or
    cancellation, else null; ``author`` and ``approver``, null where not yet or their name is erased; ``drafted_at``,
    ``approved_at``, ``changed_at``, UTC; ``rows``, everybody in it; then how many messages are in each state, and
    ``answered``, how many were answered at least once.
    """
    wanted = _named().order_by(_campaigns.c.drafted_at.desc(), _campaigns.c.id).limit(most)
    with begin(engine) as connection:
        found = connection.execute(wanted).all()
        ids = [row.id for row in found]
        states: dict[UUID, dict[str, int]] = {each: {} for each in ids}
        for campaign_id, state, number in connection.execute(_counts().where(_messages.c.campaign_id.in_(ids))):
            states[campaign_id][state] = number
        answered = _answered().where(_messages.c.campaign_id.in_(ids))
        replies: dict[UUID, int] = {row.campaign_id: row[1] for row in connection.execute(answered)}
    return frame((_listed(row, states[row.id], replies.get(row.id, 0)) for row in found), _CAMPAIGNS)


def campaign(engine: Engine, campaign_id: UUID) -> Campaign | None:
    """One campaign; None when there is none of this id."""
    more = (_campaigns.c.play_version, _campaigns.c.audience, _campaigns.c.rules, _campaigns.c.fingerprint)
    with begin(engine) as connection:
        found = connection.execute(_named().add_columns(*more).where(_campaigns.c.id == campaign_id)).first()
        if found is None:
            return None
        counts = connection.execute(_counts().where(_messages.c.campaign_id == campaign_id))
        return Campaign(**found._asdict(), counts={state: number for _, state, number in counts})


def accounts(engine: Engine, campaign_id: UUID | None = None) -> pl.DataFrame:
    """Which accounts a campaign is about, or every campaign: ``campaign_id, account_id``, each pair once."""
    pair = (_messages.c.campaign_id, _messages.c.account_id)
    wanted = select(*pair).distinct().order_by(*pair)
    if campaign_id is not None:
        wanted = wanted.where(_messages.c.campaign_id == campaign_id)
    with begin(engine) as connection:
        rows = connection.execute(wanted)
        return frame(((str(id), account) for id, account in rows), {"campaign_id": pl.String, "account_id": pl.String})


def messages(engine: Engine, campaign_id: UUID) -> pl.DataFrame:
    """Everybody in a campaign, in the order of accounts; the texts themselves are in :func:`message`.

    One row per recipient: ``message_id`` and ``campaign_id``; ``account_id``; ``user_id``, ``name``, ``address``, null
    where there is none or it was erased; ``address_key``; ``language``, ``time_zone``; ``arm`` (contacted, held_out,
    left_out); ``state``; ``reason`` and ``detail``, why it is left out, later or failed; ``subject``; ``not_before``,
    ``expires_at``; ``attempts``; ``sending_at``, when the last attempt began, null where none did or the server
    refused it; ``ended_at``, null while it has not; ``changed_at``; all UTC.
    """
    return _listed_messages(engine, _messages.c.campaign_id == campaign_id)


def uncertain(engine: Engine) -> pl.DataFrame:
    """Messages that a server may or may not have taken, of all campaigns: a person must say which (same columns)."""
    return _listed_messages(engine, _messages.c.state == "uncertain")


def message(engine: Engine, message_id: UUID) -> Message | None:
    """One message with its texts; None when there is none of this id."""
    names = Message.__dataclass_fields__
    its = [column for column in _messages.c if column.name in names]
    whole = select(*its, _campaigns.c.state.label("campaign_state"), *_campaigns.c["play", "kind", "channel"])
    with begin(engine) as connection:
        joined = whole.join(_campaigns, _campaigns.c.id == _messages.c.campaign_id)
        found = connection.execute(joined.where(_messages.c.id == message_id)).first()
    return None if found is None else Message(**found._asdict())


def events(engine: Engine, message_id: UUID) -> pl.DataFrame:
    """What happened to a message, oldest first.

    One row per change: ``at``, UTC; ``before``, null for the first; ``state``; ``code``, a reason or a server's
    reply code; ``detail``; ``actor``, null where no person did it or the name is erased.
    """
    event = message_events.c
    wanted = select(event.at, event.before, event.state, event.code, event.detail, subjects.c.name)
    wanted = wanted.outerjoin(subjects, subjects.c.id == event.actor).where(event.message_id == message_id)
    with begin(engine) as connection:
        return frame(connection.execute(wanted.order_by(event.id)), _EVENTS)


def attachments(engine: Engine, campaign_id: UUID) -> list[Attachment]:
    """The files that every message of a campaign carries."""
    wanted = select(_attachments.c.name, _attachments.c.media_type, _attachments.c.content)
    wanted = wanted.where(_attachments.c.campaign_id == campaign_id).order_by(_attachments.c.id)
    with begin(engine) as connection:
        return [Attachment(name, kind, bytes(content)) for name, kind, content in connection.execute(wanted)]


def history(engine: Engine, since: datetime) -> pl.DataFrame:
    """Who was in an approved campaign since then, whatever became of it: for who may be written to, and for effects.

    One row per message whose ``at`` is not before ``since``: ``message_id``, ``campaign_id``; ``address_key``,
    ``account_id``, ``user_id`` (null for an account's own address); ``play``, ``kind``; ``arm``, ``state``,
    ``reason``; ``approved_at``; ``sending_at``, null where nothing began to be sent, or the server refused it;
    ``at``: ``sending_at``, else ``approved_at``. UTC. Drafts are left out.
    """
    at = func.coalesce(_messages.c.sending_at, _campaigns.c.approved_at).label("at")
    who = _messages.c["id", "campaign_id", "address_key", "account_id", "user_id"]
    what = (_campaigns.c.play, _campaigns.c.kind, *_messages.c["arm", "state", "reason"])
    wanted = select(*who, *what, _campaigns.c.approved_at, _messages.c.sending_at, at)
    wanted = wanted.join(_campaigns, _campaigns.c.id == _messages.c.campaign_id)
    with begin(engine) as connection:
        rows = connection.execute(wanted.where(_campaigns.c.approved_at.is_not(None), at >= since).order_by(at))
        return frame(((str(row[0]), str(row[1]), *row[2:]) for row in rows), _HISTORY)


def _named() -> Select[Any]:
    names = [name for name in _CAMPAIGNS if name in _campaigns.c and name not in ("author", "approver")]
    people = (_author.c.name.label("author"), _approver.c.name.label("approver"))
    wanted = select(*(_campaigns.c[name] for name in names), *people)
    wanted = wanted.outerjoin(_author, _author.c.id == _campaigns.c.author)
    wanted = wanted.outerjoin(_approver, _approver.c.id == _campaigns.c.approver)
    return wanted.where(~_campaigns.c.fingerprint.startswith(UNFINISHED))


def _counts() -> Select[Any]:
    by = (_messages.c.campaign_id, _messages.c.state)
    return select(*by, func.count()).group_by(*by)


def _answered() -> Select[Any]:
    wanted = select(_messages.c.campaign_id, func.count(answers.c.message_id.distinct()))
    return wanted.join(answers, answers.c.message_id == _messages.c.id).group_by(_messages.c.campaign_id)


def _listed(row: Found[Any], states: Mapping[str, int], answered: int) -> tuple[Any, ...]:
    values: dict[str, Any] = {**row._asdict(), "id": str(row.id), "answered": answered}
    values |= {state: states.get(state, 0) for state in MESSAGE_STATES}
    values["rows"] = sum(states.values())
    return tuple(values[name] for name in _CAMPAIGNS)


def _listed_messages(engine: Engine, which: Any) -> pl.DataFrame:
    columns = [_messages.c["id" if name == "message_id" else name] for name in _MESSAGES]
    order = (_messages.c.account_id, _messages.c.user_id, _messages.c.id)
    with begin(engine) as connection:
        rows = connection.execute(select(*columns).where(which).order_by(*order))
        return frame(((str(row[0]), str(row[1]), *row[2:]) for row in rows), _MESSAGES)
