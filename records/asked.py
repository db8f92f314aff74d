"""What went out by message; what was asked, and what was answered to it, beside the invitations that got none."""

from __future__ import annotations

from typing import Any

import polars as pl
from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from records.database import begin
from records.erased import PREFIX
from records.frames import AT, Columns, frame
from records.outreach_tables import answers, campaigns, messages

_ASKED: Columns = {
    "message_id": pl.String,
    "play": pl.String,
    "account_id": pl.String,
    "user_id": pl.String,
    "question": pl.String,
    "score": pl.Int64,
    "comment": pl.String,
    "answered_at": AT,
    "sent_at": AT,
}


def asked(engine: Engine) -> pl.DataFrame:
    """Every question that went out by message, in the order of message ids.

    One row per message that was sent and asks something, or was answered: ``message_id``, ``play``, ``account_id``;
    ``user_id``, null for an account's own address; ``question`` (nps, exit); ``score``, ``comment``
    and ``answered_at`` of the newest answer, null where there is none; ``sent_at``; times in UTC. Messages of which
    nobody knows whether they were sent are left out until somebody answers them; those of erased people for good.
    """
    newest = select(answers).ext(distinct_on(answers.c.message_id))
    last = newest.order_by(answers.c.message_id, answers.c.id.desc()).subquery()
    question: Any = func.coalesce(last.c.question, campaigns.c.rules["question"].astext)
    sent_at = func.coalesce(messages.c.sending_at, campaigns.c.approved_at)
    its = (messages.c.id, campaigns.c.play, messages.c.account_id, messages.c.user_id)
    wanted = select(*its, question, last.c.score, last.c.comment, last.c.at, sent_at)
    wanted = wanted.join(campaigns, campaigns.c.id == messages.c.campaign_id)
    wanted = wanted.outerjoin(last, last.c.message_id == messages.c.id)
    arrived = (messages.c.state == "sent") | last.c.id.is_not(None)
    of_somebody = ~messages.c.address_key.startswith(PREFIX)
    wanted = wanted.where(arrived, of_somebody, question.in_(["nps", "exit"])).order_by(messages.c.id)
    with begin(engine) as connection:
        return frame(((str(row[0]), *row[1:]) for row in connection.execute(wanted)), _ASKED)


_WENT_OUT: Columns = {
    "message_id": pl.String,
    "play": pl.String,
    "channel": pl.String,
    "account_id": pl.String,
    "user_id": pl.String,
    "sent_at": AT,
}


def went_out(engine: Engine) -> pl.DataFrame:
    """Every message that was sent to a customer, in the order of message ids.

    One row per message: ``message_id``, ``play``, ``channel``, ``account_id``; ``user_id``, null for an account's own
    address; ``sent_at``, UTC. Left out: messages to the team, and those that ask for a score, which are invitations and
    answer nobody; those of which nobody knows whether they were sent, and those of erased people.
    """
    its = (messages.c.id, campaigns.c.play, campaigns.c.channel, messages.c.account_id, messages.c.user_id)
    wanted = select(*its, messages.c.sending_at).join(campaigns, campaigns.c.id == messages.c.campaign_id)
    to_customers = campaigns.c.kind != "internal"
    asks_no_score = campaigns.c.rules["question"].astext.is_distinct_from("nps")
    of_somebody = ~messages.c.address_key.startswith(PREFIX)
    wanted = wanted.where(messages.c.state == "sent", to_customers, asks_no_score, of_somebody).order_by(messages.c.id)
    with begin(engine) as connection:
        return frame(((str(row[0]), *row[1:]) for row in connection.execute(wanted)), _WENT_OUT)
