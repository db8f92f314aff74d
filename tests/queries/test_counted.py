"""Daily activity that counts: whose it is, and that the newest months asked for are read once, whatever their size."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from queries import checks, counted
from queries.contract import SOURCES
from queries.counted import Counted, Who
from queries.readings import SCHEMA
from queries.store import Month, Store

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)


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
    return Counted(store, who)


def people(frame: pl.LazyFrame) -> list[tuple[str, str | None]]:
    return frame.select("account_id", "user_id").collect().rows()


def test_integrations_count_strangers_and_staff_do_not(store):
    month = month_of(store, JANUARY, ("a", "a1"), ("a", None), ("a", "ours"), ("b", "b1"), ("b", None))
    asked = counted_of(store)
    assert people(asked.of(month)) == [("a", "a1"), ("a", None)]
    assert len(people(asked.all_of(month))) == 5


def test_a_month_asked_for_again_is_read_once_and_another_content_is_another_month(store):
    month = month_of(store, JANUARY, ("a", "a1"))
    asked = counted_of(store)
    assert people(asked.of(month)) == [("a", "a1")]
    store.delete(month.daily)
    assert people(asked.of(month)) == [("a", "a1")]
    later = month_of(store, JANUARY, ("a", "a1"), ("a", "a2"))
    assert people(asked.of(later)) == [("a", "a1"), ("a", "a2")]


def test_what_stays_in_memory_is_bounded_and_the_longest_unasked_goes_first(store, monkeypatch):
    monkeypatch.setattr(counted, "HELD", 4)
    months = [month_of(store, month, ("a", "a1"), ("a", month.isoformat())) for month in (JANUARY, FEBRUARY, MARCH)]
    asked = counted_of(store)
    for month in (months[0], months[1], months[0], months[2]):
        asked.of(month)
    for month in months:
        store.delete(month.daily)
    for month in (months[0], months[2]):
        assert people(asked.of(month)) == [("a", "a1"), ("a", month.month.isoformat())]
    with pytest.raises((FileNotFoundError, pl.exceptions.ComputeError)):
        people(asked.of(months[1]))


def test_a_month_larger_than_all_that_may_stay_drives_nothing_out(store, monkeypatch):
    monkeypatch.setattr(counted, "HELD", 2)
    small, large = month_of(store, JANUARY, ("a", "a1")), month_of(store, FEBRUARY, *[("a", str(n)) for n in range(3)])
    asked = counted_of(store)
    asked.of(small)
    assert len(people(asked.of(large))) == 3
    store.delete(small.daily)
    assert people(asked.of(small)) == [("a", "a1")]
    store.delete(large.daily)
    with pytest.raises((FileNotFoundError, pl.exceptions.ComputeError)):
        people(asked.of(large))
