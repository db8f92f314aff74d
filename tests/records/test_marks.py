"""Regrettable marks: per account and churn month, every version kept, the newest counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from metrics.regrettable import split_regrettable
from records import marks
from records.errors import ChangedMeanwhile, NotAccepted
from tests.records.conftest import Records

pytestmark = pytest.mark.postgres
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
ids = map("a{}".format, count(1))


def mark(records: Records, account: str, regrettable: Any, month: date = MARCH, **more: Any) -> int:
    """One mark of an account's churn, at noon."""
    given = {"author": "ada", "now": NOON, **more}
    return marks.set_mark(records.engine, account_id=account, month=month, regrettable=regrettable, **given)


def test_marks_that_count_are_of_an_account_and_its_month(empty: Records) -> None:
    assert marks.current(empty.engine).is_empty()
    mark(empty, "a", True)
    mark(empty, "a", False, APRIL, author="bo")
    mark(empty, "b", None)
    assert marks.current(empty.engine).rows() == [
        ("a", MARCH, True, "ada", NOON),
        ("a", APRIL, False, "bo", NOON),
    ]


def test_a_cleared_mark_no_longer_counts_and_stays_in_the_history(records: Records) -> None:
    account = next(ids)
    first = mark(records, account, False, found=True)
    second = mark(records, account, None, now=NOON + timedelta(hours=1))
    third = mark(records, account, True)
    assert marks.history(records.engine, account, MARCH).rows() == [
        (third, True, None, "ada", NOON),
        (second, None, False, "ada", NOON + timedelta(hours=1)),
        (first, False, True, "ada", NOON),
    ]
    mark(records, account, None)
    assert marks.current(records.engine).filter(account_id=account).is_empty()


@given(saves=st.lists(st.tuples(st.sampled_from([MARCH, APRIL]), st.sampled_from([True, False, None])), max_size=10))
@limits(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_marks_the_last_of_each_month_counts_and_all_are_kept(records: Records, saves: Any) -> None:
    account = next(ids)
    for month, value in saves:
        mark(records, account, value, month)
    found = dict(marks.current(records.engine).filter(account_id=account).select("month", "regrettable").rows())
    for month in (MARCH, APRIL):
        versions = [value for other, value in saves if other == month]
        assert found.get(month) == (versions[-1] if versions else None)
        assert marks.history(records.engine, account, month)["regrettable"].to_list() == versions[::-1]


def test_whoever_has_not_seen_the_latest_mark_is_told(records: Records) -> None:
    account, seen = next(ids), marks.version(records.engine)
    mark(records, account, True, seen=seen)
    with pytest.raises(ChangedMeanwhile, match="ada changed this"):
        mark(records, account, False, author="bo", seen=seen)
    assert mark(records, account, False, APRIL, author="bo", seen=seen) == marks.version(records.engine)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"month": date(2026, 3, 2)}, "2026-03-02 is no month.\n\nHint: pass its first day"),
        ({"month": NOON}, "2026-11-15 12:00:00+00:00 is no month."),
        ({"regrettable": "yes"}, "A mark is true, false or none."),
        ({"account": "\0"}, "account_id has a character that no text has: U+0000."),
    ],
)
def test_what_is_no_mark_is_named(records: Records, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(NotAccepted, match=says.replace("+", r"\+")):
        mark(records, **{"account": next(ids), "regrettable": True, **wrong})


def test_retention_takes_the_marks_as_they_come(empty: Records) -> None:
    mark(empty, "a", False)
    movements = pl.DataFrame(
        {"month": [MARCH], "account_id": ["a"], "plan": ["Team"], "opening": [100], "closing": [0],
         "movement": ["churned"], "amount": [100], "fx": [0], "state": ["final"]}
    )  # fmt: skip
    assert split_regrettable(movements, marks.current(empty.engine))["lost_natural"].to_list() == [100]
