"""Frames: every column of the contract in its type, in the organisation's time zone, for the viewer's accounts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from queries.contract import SOURCES
from queries.frames import Frames, Scope, open_snapshot
from queries.snapshots import snapshots
from tests.queries.company import NOON, Company, paying, use

pytestmark = pytest.mark.postgres

BERLIN = pl.Datetime("us", "Europe/Berlin")
POLARS = {
    "text": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "money": pl.Int64,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "timestamp": BERLIN,
}
ROLLUPS = {
    "activity_monthly": "account_id user_id period active_days uses quantity first_period",
    "activity_weekly": "account_id user_id period active_days uses quantity first_period",
    "usage_28d": "account_id user_id feature window_end uses quantity",
    "value_days": "account_id last_value_on",
}
KINDS = dict.fromkeys(("period", "first_period", "window_end", "last_value_on"), pl.Date) | {
    "active_days": pl.Int64,
    "uses": pl.Int64,
    "quantity": pl.Float64,
}

FULL = {
    "people": {"user_id": "{0}1", "account_id": "{0}", "joined_at": "2026-03-28 23:30:00+00"},
    "events": use("{0}", "2026-03-02 10:00Z", "{0}", user_id="{0}1", quantity="1.5"),
    "features": {"feature": "{0}", "is_value": "true"},
    "entitlements": {"plan": "Team", "feature": "{0}"},
    "milestones": {"account_id": "{0}", "onboarding_step": "import", "reached_at": "2026-01-01 10:00Z"},
    "reach": {"account_id": "{0}", "month": "2026-01-01", "end_customers": "7"},
    "nps": {"response_id": "{0}", "account_id": "{0}", "responded_at": "2026-01-01 10:00Z", "score": "9"},
    "exit_surveys": {"response_id": "{0}", "account_id": "{0}", "submitted_at": "2026-01-01 10:00Z"},
    "tickets": {"ticket_id": "{0}", "account_id": "{0}", "opened_at": "2026-01-01 10:00Z"},
    "touches": {
        "touch_id": "{0}", "account_id": "{0}", "channel": "call", "direction": "in", "occurred_at": "2026-01-01 10:00Z"
    },
    "reviews": {"review_id": "{0}", "account_id": "{0}", "site": "G2", "posted_at": "2026-01-01 10:00Z"},
    "roadmap": {"item_id": "{0}", "title": "t", "theme": "price"},
    "fx_rates": {"currency": "US{0}", "month": "2026-01-01", "rate": "2"},
}  # fmt: skip


@pytest.fixture(scope="module")
def full(database, tmp_path_factory) -> Company:
    """A company with every source, a row of each for Ada's account and one for Bo's, bad rows too."""
    company = Company(database(), tmp_path_factory.mktemp("full"))
    row = {"signed_up_at": "2026-03-28 23:30:00+00"}
    people = (("a", "Ada@x.example"), ("b", "bo@x.example"), ("c", None))
    company.table("accounts", *[row | {"account_id": i, "name": i, "csm_email": email} for i, email in people])
    company.table("subscriptions", *[paying(i) for i in "abc"], paying("a", subscription_id="bad", mrr="-1"))
    for name, row in FULL.items():
        company.table(name, *[{key: value.format(i) for key, value in row.items()} for i in ("a", "b")])
    company.add("reviews", {"review_id": "public", "site": "G2", "posted_at": "2026-01-01 10:00Z"})
    company.refresh(NOON + timedelta(days=20))
    company.close()
    return company


@pytest.fixture(scope="module")
def bare(database, tmp_path_factory) -> Company:
    """A company with nothing but its required sources, each with its required columns only."""
    company = Company(database(), tmp_path_factory.mktemp("bare"))
    company.customers("a")
    company.table("events", use("a", "2026-03-02 10:00Z"))
    for name in ("accounts", "subscriptions", "events"):
        company.map(name, f"SELECT {', '.join(SOURCES[name].required_names)} FROM {name}")
    company.refresh()
    company.close()
    return company


def schema_of(name: str) -> dict[str, object]:
    if name in ROLLUPS:
        return {column: KINDS.get(column, pl.String) for column in ROLLUPS[name].split()}
    columns = {column.name: POLARS[column.kind] for column in SOURCES[name].columns}
    return columns | ({"mrr_local": pl.Int64} if name == "subscriptions" else {})


@pytest.mark.parametrize("name", [*(name for name in SOURCES if name != "events"), *ROLLUPS])
@pytest.mark.parametrize("which", ["full", "bare"])
def test_every_frame_has_its_schema_with_and_without_its_source(request, which, name):
    company = request.getfixturevalue(which)
    frame = company.frames().mapping()[name]
    assert dict(frame.collect_schema()) == schema_of(name)
    assert dict(frame.collect().schema) == schema_of(name)
    attribute = getattr(Frames, name, None)
    if attribute is not None:
        assert getattr(company.frames(), name).collect().equals(frame.collect())


def test_daily_activity_has_its_schema_with_and_without_rows(full, bare):
    kinds = {"account_id": pl.String, "user_id": pl.String, "feature": pl.String, "day": pl.Date}
    schema = kinds | {"uses": pl.Int64, "quantity": pl.Float64}
    for company, account in ((full, "a"), (bare, "a"), (full, "nobody")):
        found = company.frames().activity(account_id=account, since=date(2026, 1, 1)).collect()
        assert dict(found.schema) == schema
    assert full.frames().activity(account_id="a", since=date(2026, 3, 3)).collect().is_empty()
    assert full.frames().activity(account_id="a", since=date(2026, 3, 2)).collect()["uses"].to_list() == [1]


def test_moments_are_the_organisation_s_so_that_days_are(full):
    assert full.frame("accounts")["signed_up_at"].dt.date().unique().to_list() == [date(2026, 3, 29)]
    assert full.frame("people")["joined_at"].dt.hour().unique().to_list() == [0]


def test_absent_sources_are_told_from_failed_ones(bare, full):
    optional = {name for name, source in SOURCES.items() if source.optional}
    assert bare.frames().missing == optional
    assert full.frames().missing == frozenset()
    assert bare.frames().failed == full.frames().failed == {}


def test_what_the_mapping_leaves_out_is_filled_where_metrics_need_it(bare):
    row = bare.frame("subscriptions").row(0, named=True)
    assert (row["line_id"], row["currency"], row["mrr"], row["mrr_local"]) == ("s-a", "EUR", 100_00, 100_00)


@pytest.mark.parametrize("email", ["ada@x.example", " ADA@X.EXAMPLE "])
def test_a_scope_hides_other_people_s_rows_in_every_frame(full, email):
    mine = full.frames(email)
    for name, frame in mine.mapping().items():
        if "account_id" in frame.collect_schema().names():
            found = set(frame.collect()["account_id"])
            assert found == ({"a", None} if name == "reviews" else {"a"}), name
    assert mine.activity(account_id="a", since=date(2026, 1, 1)).collect().height == 1
    assert mine.activity(account_id="b", since=date(2026, 1, 1)).collect().height == 0
    assert set(mine.first_days.collect()["account_id"]) == {"a"}
    assert mine.features.collect().height == full.frames().features.collect().height == 2


def test_a_scope_of_nobody_shows_nothing(full):
    for email in ("", "c@x.example", "ada", "%", "null"):
        nothing = full.frames(email)
        for name, frame in nothing.mapping().items():
            if "account_id" in frame.collect_schema().names() and name != "reviews":
                assert frame.collect().height == 0, (email, name)


def test_rejected_rows_may_be_anybody_s_so_a_scope_hides_them_all(full):
    assert full.frames().rejected("subscriptions")["subscription_id"].to_list() == ["bad"]
    hidden = full.frames("ada@x.example").rejected("subscriptions")
    assert hidden.height == 0
    assert hidden.columns == full.frames().rejected("subscriptions").columns
    assert full.frames().rejected("nps").height == 0


def test_the_28_days_to_a_month_end_that_is_also_a_running_window_count_once(company):
    company.customers("a")
    company.table("events", *[use("a", f"2026-01-{day} 10:00Z") for day in (3, 4, 31)], use("a", "2026-02-10 10:00Z"))
    company.refresh(datetime(2026, 2, 28, 12, tzinfo=UTC))
    usage = company.frame("usage_28d").sort("window_end").select("window_end", "uses").rows()
    assert usage == [(date(2026, 1, 31), 2), (date(2026, 2, 28), 1)]


def test_the_snapshots_kept_are_listed_newest_first(company):
    company.customers("a")
    company.table("events")
    for number in range(3):
        company.refresh(NOON + timedelta(hours=number))
    listed = snapshots(company.store)
    assert listed["id"].to_list()[0] == company.manifest.id
    assert listed["as_of"].dt.hour().to_list() == [15, 14, 13]
    company.store.put("manifest-9torn.json", b"{")
    assert snapshots(company.store, most=3).height == 2


def test_an_older_snapshot_can_still_be_opened(company):
    company.customers("a")
    company.table("events")
    company.refresh(NOON)
    first = company.manifest.id
    company.add("accounts", {"account_id": "b", "name": "B", "signed_up_at": "2026-01-01 12:00Z"})
    company.refresh(NOON + timedelta(hours=1))
    assert open_snapshot(first, Scope(), company.settings).accounts.collect().height == 1
    assert company.frames().accounts.collect().height == 2
