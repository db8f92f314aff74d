"""Answers to messages: a later one replaces an earlier one, and only what was sent can be answered."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from records import answers, audit, campaigns, outbox
from records.errors import NotAccepted
from tests.records.conftest import Records, rows
from tests.records.outreach import NOON, begin, claimed, draft, minutes, row

pytestmark = pytest.mark.postgres


def sent(records: Records, name: str | None = None, **more: Any) -> UUID:
    """A message that was sent at noon."""
    [held] = claimed(records, row(name), **more)
    begin(records, held)
    outbox.sent(records.engine, held, now=NOON)
    return held.id


def test_a_later_answer_replaces_an_earlier_one_and_all_are_kept(empty: Records) -> None:
    assert answers.version(empty.engine) == 0
    asked = sent(empty, "ada", play="nps")
    first = answers.answer(empty.engine, asked, question="nps", score=3, now=minutes(1))
    second = answers.answer(empty.engine, asked, question="nps", score=9, comment=" better\r\n", now=minutes(2))
    assert first < second == answers.version(empty.engine)
    assert answers.of(empty.engine, asked) == answers.Answer("nps", 9, "better", "link", minutes(2))
    other = sent(empty, "bo", play="one_question")
    answers.answer(empty.engine, other, question="exit", comment="too dear", source="reply", now=minutes(3))
    shown = ["play", "account_id", "user_id", "language", "question", "score", "comment", "source", "answered_at",
             "sent_at"]  # fmt: skip
    assert answers.current(empty.engine).select(shown).rows() == [
        ("nps", "of ada", "user ada", "en", "nps", 9, "better", "link", minutes(2), NOON),
        ("one_question", "of bo", "user bo", "en", "exit", None, "too dear", "reply", minutes(3), NOON),
    ]
    assert rows(empty.owner, "SELECT score FROM tenure.answers ORDER BY id") == [(3,), (9,), (None,)]
    assert campaigns.list_campaigns(empty.engine)["answered"].to_list() == [1, 1]


def test_an_answer_that_somebody_logs_names_them_in_the_audit_log_once(empty: Records) -> None:
    asked = sent(empty)
    how: dict[str, Any] = {"question": "nps", "source": "hand", "actor": "cara@us.example"}
    for score, comment, minute in ((3, None, 1), (9, "better", 2), (9, "better", 3)):
        answers.answer(empty.engine, asked, score=score, comment=comment, now=minutes(minute), **how)
    log = audit.entries(empty.engine, object=f"message/{asked}").select("at", "actor", "action", "before", "after")
    first, second = ('{"comment": 0, "question": "nps", "score": 3}', '{"comment": 6, "question": "nps", "score": 9}')
    assert log.rows() == [
        (minutes(2), "cara@us.example", "log answer", first, second),
        (minutes(1), "cara@us.example", "log answer", None, first),
    ]


def test_the_question_of_a_campaign_is_the_one_it_was_drafted_with(empty: Records) -> None:
    ids = [draft(empty, [row()], rules=rules)[0] for rules in ({"question": "exit"}, {"question": None}, {})]
    assert answers.questions(empty.engine) == {str(ids[0]): "exit", str(ids[1]): None}


def test_the_same_answer_again_adds_nothing(records: Records) -> None:
    asked = sent(records)
    numbers = [answers.answer(records.engine, asked, question="nps", score=0, now=minutes(n)) for n in range(3)]
    assert len(set(numbers)) == 1
    found = answers.of(records.engine, asked)
    assert found is not None
    assert (found.score, found.at) == (0, NOON)


@pytest.mark.parametrize(
    "wrong",
    [{"score": 11}, {"score": -1}, {"score": True}, {"score": 5.0}, {"score": None}, {"question": "why"},
     {"question": "exit"}, {"question": "exit", "comment": " \n"}, {"question": "exit", "comment": "x" * 10_001},
     {"comment": "a\0b"}, {"source": "a\nb"}],
)  # fmt: skip
def test_what_is_no_answer_is_refused(records: Records, wrong: dict[str, Any]) -> None:
    with pytest.raises(NotAccepted):
        answers.answer(records.engine, uuid4(), **{"question": "nps", "score": 5, "now": NOON, **wrong})


def test_nothing_is_answered_that_was_not_sent(records: Records) -> None:
    waiting = row()
    draft(records, [waiting])
    for message_id in (uuid4(), waiting.id):
        with pytest.raises(NotAccepted, match="no such message"):
            answers.answer(records.engine, message_id, question="nps", score=5, now=NOON)
        assert answers.of(records.engine, message_id) is None


def test_a_message_is_not_answered_without_end(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_VERSIONS", 3)
    asked = sent(records)
    for score in range(3):
        answers.answer(records.engine, asked, question="nps", score=score, now=NOON)
    with pytest.raises(NotAccepted, match="too often"):
        answers.answer(records.engine, asked, question="nps", score=9, now=NOON)
    answers.answer(records.engine, asked, question="nps", score=2, now=NOON)  # the newest, once more
