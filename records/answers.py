"""What people answered to a message: a score from 0 to 10, or the one question after leaving; the newest counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from records import audit
from records.checks import instant, prose, words
from records.database import begin
from records.errors import NotAccepted
from records.frames import AT, Columns, frame
from records.outreach_tables import answers, campaigns, messages
from records.subjects import subject_id

LONGEST = 10_000
MOST_VERSIONS = 50
"""How often one message may be answered: a stranger with a link must not fill the table."""
_LOCK = 73_260_04
"""The advisory lock of whoever adds an answer; the number means nothing."""
_CURRENT: Columns = {
    "message_id": pl.String,
    "campaign_id": pl.String,
    "play": pl.String,
    "account_id": pl.String,
    "user_id": pl.String,
    "language": pl.String,
    "question": pl.String,
    "score": pl.Int64,
    "comment": pl.String,
    "source": pl.String,
    "answered_at": AT,
    "sent_at": AT,
}


@dataclass(frozen=True)
class Answer:
    """What somebody answered to a message last."""

    question: str
    score: int | None
    comment: str | None
    source: str
    at: datetime


def answer(
    engine: Engine,
    message_id: UUID,
    *,
    question: str,
    now: datetime,
    score: int | None = None,
    comment: str | None = None,
    source: str = "link",
    actor: str | None = None,
) -> int:
    """Keeps an answer, which replaces an earlier one to the same message, and returns the new :func:`version`.

    ``question`` is ``nps`` (with a ``score`` from 0 to 10) or ``exit`` (with a ``comment`` of up to 10,000
    characters); ``source`` says how it came (``link``, ``hand``); ``actor`` is who logged it for them, and stands in
    the audit log. The same answer again adds nothing. NotAccepted when it says nothing, when the message is unknown or
    was never sent, or when it was answered 50 times.
    """
    if question not in ("nps", "exit"):
        raise NotAccepted(f"Nobody is asked {question!r}.")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int) or not 0 <= score <= 10):
        raise NotAccepted("A score is a whole number from 0 to 10.")
    said = prose(comment, "The answer", LONGEST) if comment and comment.strip() else None
    if (score if question == "nps" else said) is None:
        raise NotAccepted("The answer says nothing.")
    values = {"question": question, "score": score, "comment": said, "source": words(source, "source", 32)}
    with begin(engine) as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))  # so that ids rise as answers become visible
        return _add(connection, message_id, values, instant(now), actor)


def of(engine: Engine, message_id: UUID) -> Answer | None:
    """What was answered to a message; None when nothing was."""
    with begin(engine) as connection:
        found = _last(connection, message_id)
    return None if found is None else Answer(found.question, found.score, found.comment, found.source, found.at)


def current(engine: Engine) -> pl.DataFrame:
    """The answers that count, in the order in which they came.

    One row per answered message: ``message_id``, ``campaign_id``, ``play``; ``account_id``; ``user_id``, null for an
    account's own address; ``language`` of the message; ``question`` (nps, exit); ``score``, 0 to 10, null where none;
    ``comment``, null where none; ``source``; ``answered_at`` and ``sent_at``, UTC. Earlier answers are left out.
    """
    newest = select(answers).ext(distinct_on(answers.c.message_id))
    last = newest.order_by(answers.c.message_id, answers.c.id.desc()).subquery()
    its = (messages.c.account_id, messages.c.user_id, messages.c.language)
    said = (last.c.question, last.c.score, last.c.comment, last.c.source, last.c.at)
    sent_at = func.coalesce(messages.c.sending_at, campaigns.c.approved_at)
    wanted = select(last.c.message_id, messages.c.campaign_id, campaigns.c.play, *its, *said, sent_at)
    wanted = wanted.join(messages, messages.c.id == last.c.message_id)
    wanted = wanted.join(campaigns, campaigns.c.id == messages.c.campaign_id).order_by(last.c.id)
    with begin(engine) as connection:
        return frame(((str(row[0]), str(row[1]), *row[2:]) for row in connection.execute(wanted)), _CURRENT)


def questions(engine: Engine) -> dict[str, str | None]:
    """What each campaign asks (nps, exit, None: nothing), as it was drafted; without those that do not tell."""
    rules = campaigns.c.rules
    wanted = select(campaigns.c.id, rules["question"].astext).where(rules.has_key("question"))
    with begin(engine) as connection:
        return {str(id): question for id, question in connection.execute(wanted)}


def version(engine: Engine) -> int:
    """A number that rises with every answer, 0 before the first; part of the keys of what is made with them."""
    with begin(engine) as connection:
        return connection.scalar(select(func.max(answers.c.id))) or 0


def _add(connection: Connection, message_id: UUID, values: dict[str, Any], now: datetime, actor: str | None) -> int:
    its = select(messages.c.state, messages.c.arm).where(messages.c.id == message_id)
    message = connection.execute(its).first()
    if message is None or message.arm != "contacted" or message.state in ("draft", "left_out", "cancelled"):
        raise NotAccepted("There is no such message, or it was never sent.")
    last = _last(connection, message_id)
    if last is not None and all(getattr(last, name) == value for name, value in values.items()):
        return int(last.id)
    times = connection.scalar(select(func.count()).where(answers.c.message_id == message_id))
    if (times or 0) >= MOST_VERSIONS:
        raise NotAccepted("This was answered too often.")
    if actor is not None:
        before = None if last is None else _told(last._mapping)
        subject, what = subject_id(connection, actor), f"message/{message_id}"
        after = _told(values)
        audit.note(connection, actor=subject, action="log answer", object=what, at=now, before=before, after=after)
    row = values | {"message_id": message_id, "at": now}
    return int(connection.scalars(answers.insert().values(row).returning(answers.c.id)).one())


def _told(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit log tells of an answer: of its words, how many letters they have."""
    return {"question": answer["question"], "score": answer["score"], "comment": len(answer["comment"] or "")}


def _last(connection: Connection, message_id: UUID) -> Any:
    wanted = select(answers).where(answers.c.message_id == message_id)
    return connection.execute(wanted.order_by(answers.c.id.desc()).limit(1)).first()
