"""Notes: several per account, edited and deleted as new versions, kept as they were written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from records import notes
from records.errors import ChangedMeanwhile, NotAccepted
from tests.records.conftest import Records

pytestmark = pytest.mark.postgres
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
ids = map("a{}".format, count(1))


def write(records: Records, account: str, note: UUID, text: Any, **more: Any) -> int:
    """One version of a note, at noon."""
    given = {"author": "ada", "now": NOON, **more}
    return notes.set_note(records.engine, account_id=account, note_id=note, text=text, **given)


def test_notes_of_an_account_come_newest_first_with_who_wrote_and_who_changed_them(records: Records) -> None:
    account, first, second = next(ids), uuid4(), uuid4()
    write(records, account, first, "called")
    write(records, account, second, "wrote")
    write(records, next(ids), uuid4(), "somebody else")
    hour = NOON + timedelta(hours=1)
    write(records, account, first, "called twice", author="bo", now=hour)
    assert notes.current(records.engine, account).rows() == [
        (account, str(second), "wrote", "ada", NOON, None, None),
        (account, str(first), "called twice", "ada", NOON, "bo", hour),
    ]


def test_a_deleted_note_stays_in_its_history(records: Records) -> None:
    account, note = next(ids), uuid4()
    first = write(records, account, note, "called")
    second = write(records, account, note, None)
    assert notes.current(records.engine, account).is_empty()
    assert notes.history(records.engine, account, note).rows() == [
        (second, None, "ada", NOON),
        (first, "called", "ada", NOON),
    ]


def test_what_was_written_is_kept_to_the_letter(records: Records) -> None:
    account = next(ids)
    text = "<script>alert(1)</script>\n**b** [x](javascript:y)\t=1+1 \u202e😡 'quote' \\ %s"
    write(records, account, uuid4(), text)
    assert notes.current(records.engine, account)["text"].to_list() == [text]


def test_saving_a_note_twice_after_an_answer_that_got_lost_adds_one(records: Records) -> None:
    account, note, seen = next(ids), uuid4(), notes.version(records.engine)
    assert write(records, account, note, "called", seen=seen) == write(records, account, note, "called", seen=seen)
    with pytest.raises(ChangedMeanwhile, match="ada changed this"):
        write(records, account, note, "never mind", author="bo", seen=seen)


@given(changes=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["x", "y", None])), max_size=10))
@limits(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_changes_the_last_text_of_each_note_counts(records: Records, changes: Any) -> None:
    account, own = next(ids), [uuid4() for _ in range(3)]
    for which, text in changes:
        write(records, account, own[which], text)
    found = dict(notes.current(records.engine, account).select("note_id", "text").rows())
    for which, note in enumerate(own):
        versions = [text for other, text in changes if other == which]
        assert found.get(str(note)) == (versions[-1] if versions else None)
        assert notes.history(records.engine, account, note)["text"].to_list() == versions[::-1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The note is empty"),
        (" \n\t ", "The note is empty"),
        ("x" * 10_001, "The note has 10,001 characters"),
        ("a\0b", r"U\+0000"),
        ("a\x1bb", r"U\+001B"),
        ("a\ud800b", r"U\+D800"),
        (7, "The note is empty, or no text"),
    ],
)
def test_what_is_no_note_is_named(records: Records, text: object, says: str) -> None:
    with pytest.raises(NotAccepted, match=says):
        write(records, next(ids), uuid4(), text)


def test_ten_thousand_characters_fit_of_any_script(records: Records) -> None:
    account = next(ids)
    write(records, account, uuid4(), "😡" * 10_000)
    assert len(notes.current(records.engine, account)["text"][0]) == 10_000
    with pytest.raises(NotAccepted, match="no UUID"):
        write(records, account, "7", "x")  # type: ignore[arg-type]
