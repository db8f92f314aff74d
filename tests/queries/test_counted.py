"""Daily activity that counts: whose it is, and that of the newest month is read once."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from queries import checks, counted
from queries.contract import SOURCES
from queries.counted import Counted, Who
from queries.readings import SCHEMA
from queries.store import Month, Store

FEBRUARY, MARCH = date(2026, 2, 1), date(2026, 3, 1)


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path))


def month_of(store: Store, month: date, *who: tuple[str, str | None]) -> Month:
    """A month in which these accounts and people did one thing each, once."""
    rows = [(account, user, "report", month, 1, None) for account, user in who]
    daily = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    at = datetime(2026, 4, 1, tzinfo=UTC)
    return Month(month=month, checked_at=at, uses=len(rows), daily=store.put_frame("activity", daily))


def counted_of(store: Store) -> Counted:
    """Account ``a`` counts; its colleague ``ours`` is staff."""
    known = pl.Series("account_id", ["a"])
    accounts = checks.empty(SOURCES["accounts"])
    ids = checks.Accounts(known=known, left_out=known.clear())
    who = Who.of(accounts, ids, checks.empty(SOURCES["subscriptions"]), pl.Series("user_id", ["ours"]), "UTC")
    return Counted(store, who, newest=MARCH)


def people(frame: pl.LazyFrame) -> list[tuple[str, str | None]]:
    return frame.select("account_id", "user_id").collect().rows()


def test_integrations_count_strangers_and_staff_do_not(store):
    month = month_of(store, MARCH, ("a", "a1"), ("a", None), ("a", "ours"), ("b", "b1"), ("b", None))
    asked = counted_of(store)
    assert people(asked.of(month)) == [("a", "a1"), ("a", None)]
    assert len(people(asked.all_of(month))) == 5


def test_the_newest_month_is_read_once_and_another_content_is_another_month(store):
    month = month_of(store, MARCH, ("a", "a1"))
    asked = counted_of(store)
    assert people(asked.of(month)) == [("a", "a1")]
    store.delete(month.daily)
    assert people(asked.of(month)) == [("a", "a1")]
    later = month_of(store, MARCH, ("a", "a1"), ("a", "a2"))
    assert people(asked.of(later)) == [("a", "a1"), ("a", "a2")]


@pytest.mark.parametrize(("when", "most"), [(FEBRUARY, 10), (MARCH, 1)])
def test_months_that_are_over_and_those_that_are_too_large_do_not_stay_in_memory(store, monkeypatch, when, most):
    monkeypatch.setattr(counted, "HELD", most)
    month = month_of(store, when, ("a", "a1"), ("a", "a2"))
    asked = counted_of(store)
    assert people(asked.of(month)) == [("a", "a1"), ("a", "a2")]
    store.delete(month.daily)
    with pytest.raises((FileNotFoundError, pl.exceptions.ComputeError)):
        people(asked.of(month))
