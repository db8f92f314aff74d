"""Writing a draft down, and throwing it away.

Thousands of messages do not fit into one transaction that is short, so a draft is written in pieces, under a mark that
nobody can approve and no list shows; its fingerprint is the last thing written. What a crash leaves behind is removed
when something is drafted later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, delete, insert, select, update

from records import audit, erased
from records.campaign_lists import UNFINISHED
from records.campaign_rows import Attachment, Row, fingerprint_of
from records.campaign_states import locked
from records.checks import instant, words
from records.copying import copied, copy
from records.database import begin
from records.errors import AlreadyApproved, DraftChanged, NotAccepted
from records.outreach_tables import attachments as _attachments
from records.outreach_tables import campaigns, messages
from records.subjects import subject_id
from records.tables import subjects

MOST_ROWS = 10_000
"""Recipients of one campaign: as many as one transaction approves in time."""
MOST_BYTES = 10_000_000
"""Bytes of a campaign's attachments together; many servers take no larger mail."""
_PIECE = 500
"""Rows that one transaction writes."""
_LEFT_BEHIND = timedelta(hours=1)
"""After so long nobody is still writing an unfinished draft."""
_KINDS = ("service", "marketing", "internal")
_CHANNELS = ("email", "webhook")


def draft(
    engine: Engine,
    *,
    campaign_id: UUID,
    title: str,
    play: str,
    play_version: str,
    kind: str,
    channel: str,
    audience: Mapping[str, Any],
    rules: Mapping[str, Any],
    rows: Sequence[Row],
    author: str,
    now: datetime,
    attachments: Sequence[Attachment] = (),
    secret_key: str | None = None,
) -> str:
    """Writes a draft with all its rows, and returns its fingerprint, which ``approve`` wants to see.

    Whoever drafts chooses ``campaign_id``: drafting the same id again, after an answer that got lost or to preview it
    anew, replaces the draft. AlreadyApproved when it is one no more, DraftChanged when somebody drafted the same id
    meanwhile. NotAccepted when two rows that would be sent or held out have the same address key, there are more than
    10,000, or one is of somebody who was erased; ``secret_key`` of the settings tells, and who was erased goes out of
    the audience's ``user_ids``. ``audience`` and ``rules`` say for whom and under which settings it was made; they are
    kept as they are, and must name nobody. When anything is raised there is no draft, neither a new one nor an older
    one.
    """
    _check(kind, channel, rows, attachments)
    fingerprint = fingerprint_of(play, play_version, kind, channel, rows, attachments)
    unfinished = f"{UNFINISHED}{uuid4().hex}"
    values = {
        "id": campaign_id,
        "title": words(title, "The title", 200),
        "play": words(play, "play", 64),
        "play_version": words(play_version, "play_version", 64),
        "kind": kind,
        "channel": channel,
        "audience": audience,
        "rules": dict(rules),
        "fingerprint": unfinished,
        "state": "draft",
        "drafted_at": instant(now),
        "changed_at": now,
    }
    with begin(engine) as connection:
        _clean(connection, now)
        make_room(connection, campaign_id)
        values["audience"] = _without_erased(connection, audience, secret_key)
        connection.execute(insert(campaigns).values(values | {"author": subject_id(connection, author)}))
        _attach(connection, campaign_id, attachments)
    _write(engine, campaign_id, unfinished, rows, now, secret_key)
    with begin(engine) as connection:
        _still(connection, campaign_id, unfinished)
        connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(fingerprint=fingerprint))
    return fingerprint


def discard(engine: Engine, campaign_id: UUID, *, actor: str, now: datetime) -> None:
    """Throws a draft away, with all its rows. Nothing when there is none; AlreadyApproved when it is one no more."""
    with begin(engine) as connection:
        if make_room(connection, campaign_id):
            subject = subject_id(connection, actor)
            audit.note(
                connection, actor=subject, action="discard draft", object=f"campaign/{campaign_id}", at=instant(now)
            )


def found(connection: Connection, campaign_id: UUID) -> Any:
    """A campaign's state, fingerprint, times and approver's name; None when there is none."""
    columns = campaigns.c["state", "fingerprint", "drafted_at", "approved_at"]
    wanted = select(*columns, subjects.c.name).outerjoin(subjects, subjects.c.id == campaigns.c.approver)
    return connection.execute(wanted.where(campaigns.c.id == campaign_id)).first()


def make_room(connection: Connection, campaign_id: UUID) -> bool:
    """Removes a draft of this id; whether there was one. AlreadyApproved when it is one no more."""
    state = locked(connection, campaign_id)
    if state is None:
        return False
    if state != "draft":
        it = found(connection, campaign_id)
        raise AlreadyApproved(it.name, it.approved_at)
    for table in (messages, _attachments):
        connection.execute(delete(table).where(table.c.campaign_id == campaign_id))
    connection.execute(delete(campaigns).where(campaigns.c.id == campaign_id))
    return True


def _without_erased(connection: Connection, audience: Mapping[str, Any], secret_key: str | None) -> dict[str, Any]:
    """The audience without whom a page still knew that was made before they were erased."""
    erased.hold(connection)
    people = {id: (f"user:{id}", None, id) for id in audience.get("user_ids") or ()}
    gone = erased.among(connection, people.values(), secret_key=secret_key)
    kept = [id for id, each in people.items() if each not in gone]
    return {**audience, "user_ids": kept} if gone else dict(audience)


def _write(
    engine: Engine, campaign_id: UUID, unfinished: str, rows: Sequence[Row], now: datetime, secret_key: str | None
) -> None:
    for first in range(0, len(rows), _PIECE):
        piece = rows[first : first + _PIECE]
        more = {"campaign_id": campaign_id, "changed_at": now}
        filled = [row.values() | more for row in piece]
        columns = list(filled[0])
        lines = copied(filled, columns)
        with begin(engine) as connection:
            _still(connection, campaign_id, unfinished)
            erased.hold(connection)
            people = ((row.address_key, row.address, row.user_id) for row in piece)
            erased.refuse(connection, people, secret_key=secret_key)
            copy(connection, messages, columns, lines)


def _still(connection: Connection, campaign_id: UUID, unfinished: str) -> None:
    """DraftChanged when another draft took the place of the one that is being written."""
    its = select(campaigns.c.fingerprint).where(campaigns.c.id == campaign_id).with_for_update(key_share=True)
    if connection.scalar(its) != unfinished:
        raise DraftChanged("Somebody made this draft again, or threw it away, meanwhile.", "preview it again")


def _clean(connection: Connection, now: datetime) -> None:
    """Removes one draft whose writing ended half way."""
    left = select(campaigns.c.id).where(
        campaigns.c.state == "draft",
        campaigns.c.fingerprint.startswith(UNFINISHED),
        campaigns.c.drafted_at < now - _LEFT_BEHIND,
    )
    campaign_id = connection.scalar(left.limit(1).with_for_update(skip_locked=True))
    if campaign_id is not None:
        make_room(connection, campaign_id)


def _attach(connection: Connection, campaign_id: UUID, attachments: Sequence[Attachment]) -> None:
    for each in attachments:
        content = {"name": each.name, "media_type": each.media_type, "content": each.content}
        connection.execute(insert(_attachments).values(content | {"campaign_id": campaign_id}))


def _check(kind: str, channel: str, rows: Sequence[Row], attachments: Sequence[Attachment]) -> None:
    if kind not in _KINDS or channel not in _CHANNELS:
        raise NotAccepted(f"A campaign cannot be {kind} by {channel}.")
    if len(rows) > MOST_ROWS:
        raise NotAccepted(f"{len(rows):,} people are too many for one campaign.", f"at most {MOST_ROWS:,}")
    if sum(len(each.content) for each in attachments) > MOST_BYTES:
        raise NotAccepted("The attachments are too large.", f"at most {MOST_BYTES:,} bytes")
    keys = [row.address_key for row in rows if row.arm != "left_out"]
    if len(set(keys)) < len(keys):
        raise NotAccepted("Somebody is in the draft twice.", "leave out the second as a duplicate")
