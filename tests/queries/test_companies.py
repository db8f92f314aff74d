"""Companies with next to nothing, and one with a schema of its own, refresh like any other."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.queries.company import NOON, use

pytestmark = pytest.mark.postgres

DAY = timedelta(days=1)
OTHER = Path(__file__).parents[1] / "data" / "other_company"


def test_an_empty_database_gives_empty_frames(company):
    for source in ("accounts", "people", "subscriptions", "events", "nps", "features", "fx_rates"):
        company.table(source)
    company.refresh()
    company.refresh(NOON + DAY)
    assert {name: frame.collect().height for name, frame in company.frames().mapping().items()} == dict.fromkeys(
        company.frames().mapping(), 0
    )
    assert company.frames().failed == {}


def test_accounts_alone_are_enough_for_a_snapshot(company):
    company.table("accounts", {"account_id": "only", "name": "Only", "signed_up_at": "2026-01-01 12:00Z"})
    company.refresh()
    assert company.frame("accounts")["account_id"].to_list() == ["only"]
    assert set(company.frames().failed) == {"subscriptions", "events"}


def test_one_account_with_one_use(company):
    company.customers("a")
    company.table("events", use("a", NOON))
    company.refresh(NOON)
    company.refresh(NOON + timedelta(minutes=10))
    assert company.frame("activity_monthly").rows() == [("a", None, date(2026, 3, 1), 1, 1, None, date(2026, 3, 1))]
    assert company.frame("value_days").rows() == [("a", NOON.date())]


def test_all_accounts_are_tests(company):
    company.customers("a", status="test")
    company.table("events", use("a", "2026-03-02 10:00Z"))
    company.refresh()
    assert (
        company.state("accounts").left_out
        == company.state("subscriptions").left_out
        == company.state("events").left_out
        == 1
    )
    assert all(frame.collect().height == 0 for frame in company.frames().mapping().values())


def test_another_company_s_schema_needs_only_its_own_mapping(company):
    shutil.rmtree(company.config / "sources")
    shutil.copytree(OTHER / "sources", company.config / "sources")
    company.sql((OTHER / "schema.sql").read_text(encoding="utf-8"))
    report = company.refresh(datetime(2026, 9, 20, 10, tzinfo=UTC))
    assert report.failed == {}
    assert report.rows["accounts"] == 4
    assert report.rows["events"] == 3 * 2 * (74 + 51 + 74 + 74)
    assert report.rejected == dict.fromkeys(report.rejected, 0)
    assert company.frames().missing >= {"nps", "people", "tickets"}
    subscriptions = company.frame("subscriptions").sort("subscription_id")
    assert subscriptions["mrr"].to_list() == [100_00, 500_00, 100_00, 420_00]
    assert subscriptions["ended_on"].to_list() == [None, date(2026, 9, 1), None, None]
    assert company.frame("accounts").sort("account_id")["signed_up_at"].dt.date().to_list()[0] == date(2026, 1, 3)
    monthly = company.frame("activity_monthly").filter(account_id="1", user_id="101").sort("period")
    assert monthly["period"].to_list() == [date(2026, month, 1) for month in range(2, 10)]
    assert monthly["active_days"].to_list() == [10, 10, 10, 10, 10, 11, 10, 3]
    assert company.frame("features").sort("feature")["is_value"].to_list() == [False, True]
