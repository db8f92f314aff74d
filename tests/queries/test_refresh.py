"""A refresh: one look at the database, one snapshot; what fails is named, and what was there before stays."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from queries import refresh
from queries.errors import NoSnapshot, RefreshBusy, RefreshError
from queries.store import CURRENT, last_failure
from tests.queries.company import NOON, Company, paying, use

pytestmark = pytest.mark.postgres

DAY = timedelta(days=1)
OTHER = Path(__file__).parents[1] / "data" / "other_company"


@pytest.fixture
def shop(company: Company) -> Company:
    """Two customers with people, events and one survey answer each."""
    company.customers("a", "b")
    company.table("people", *[{"user_id": f"{i}1", "account_id": i} for i in ("a", "b")])
    company.table("events", *[use(i, "2026-03-02 10:00Z", user_id=f"{i}1") for i in ("a", "b")])
    company.table(
        "nps",
        *[{"response_id": i, "account_id": i, "score": "9", "responded_at": "2026-02-01 10:00Z"} for i in ("a", "b")],
    )
    return company


def answers(company: Company) -> list[str]:
    return company.frame("nps").sort("response_id")["response_id"].to_list()


# --- one instant -------------------------------------------------------------------------------------------


def test_rows_that_arrive_in_the_middle_wait_for_the_next_refresh(shop):
    def meanwhile(what: str, done: int, of: int) -> None:
        if what == "people":
            shop.add("accounts", {"account_id": "c", "name": "C", "signed_up_at": "2026-01-01 12:00Z"})
            shop.add("subscriptions", paying("c"))
            shop.add("people", {"user_id": "c1", "account_id": "c"})
            shop.add("nps", {"response_id": "c", "account_id": "c", "score": "1", "responded_at": "2026-02-01 10:00Z"})
            shop.add("events", use("c", "2026-03-03 10:00Z"), use("a", "2026-03-03 10:00Z"))

    report = refresh.run(shop.settings, as_of=NOON, progress=meanwhile)
    assert [report.rows[name] for name in ("accounts", "subscriptions", "people", "nps", "events")] == [2, 2, 2, 2, 2]
    report = shop.refresh(NOON + DAY, full=True)
    assert [report.rows[name] for name in ("accounts", "subscriptions", "people", "nps", "events")] == [3, 3, 3, 3, 4]


def test_the_instant_is_the_database_s(shop):
    before = datetime.now(UTC)
    report = refresh.run(shop.settings)
    assert before - timedelta(seconds=5) < report.as_of < datetime.now(UTC) + timedelta(seconds=5)
    assert shop.manifest.as_of == report.as_of


# --- one source fails --------------------------------------------------------------------------------------


@pytest.mark.parametrize("full", [False, True])
def test_a_source_that_fails_keeps_its_earlier_rows_and_the_others_go_on(shop, full):
    shop.refresh()
    shop.sql("ALTER TABLE nps DROP COLUMN score", "DELETE FROM people WHERE user_id = 'b1'")
    shop.map("nps", "SELECT response_id, account_id, responded_at, score FROM nps")
    report = shop.refresh(NOON + DAY, full=full)
    assert report.failed == {"nps": 'config/sources/nps.sql failed: column "score" does not exist.'}
    assert (shop.state("nps").status, shop.state("nps").rows) == ("stale", 2)
    assert "a column was dropped or renamed: correct its name in the SELECT" in shop.state("nps").hint
    assert answers(shop) == ["a", "b"]
    assert shop.frame("people")["user_id"].to_list() == ["a1"]
    assert shop.frames().failed == report.failed
    shop.map("nps", "SELECT response_id, account_id, responded_at, 5 AS score FROM nps")
    assert shop.refresh(NOON + 2 * DAY).failed == {}
    assert shop.frame("nps")["score"].to_list() == [5, 5]


def test_a_source_that_never_could_be_read_is_empty_and_says_why(shop):
    shop.map("tickets", "SELECT id AS ticket_id, org AS account_id, at AS opened_at FROM suport.tickets")
    shop.map("reach", "SELECT account_id, month FROM generate_series(1, 2)")
    shop.map("touches", "SELECT now() AS touch_id; SELECT 2")
    shop.map("reviews", "SELEC 1")
    shop.map(
        "roadmap",
        "SELECT item, title_text AS the_title, theme FROM (VALUES ('i', 't', 'price')) AS v (item, title_text, theme)",
    )
    shop.refresh()
    found = {name: (shop.state(name).error, shop.state(name).hint) for name in shop.frames().failed}
    assert found["tickets"] == (
        'config/sources/tickets.sql failed: relation "suport.tickets" does not exist.',
        "a table was dropped or renamed, or needs its schema before its name",
    )
    assert found["reach"][0] == 'config/sources/reach.sql failed: column "account_id" does not exist.'
    assert found["touches"][0] == "config/sources/touches.sql holds 2 statements."
    assert found["reviews"][0] == "config/sources/reviews.sql is no SELECT: it begins with SELEC."
    assert found["roadmap"] == (
        'config/sources/roadmap.sql returns no columns "item_id", "title".',
        'did you mean "item AS item_id"?',
    )
    assert {shop.state(name).status for name in found} == {"failed"}
    assert {name: shop.frame(name).height for name in found} == dict.fromkeys(found, 0)


def test_a_table_the_reader_may_not_see_says_what_to_grant(shop):
    shop.sql(
        "CREATE SCHEMA hidden",
        "CREATE TABLE hidden.t (a int)",
        "DROP ROLE IF EXISTS stranger",
        "CREATE ROLE stranger LOGIN",
    )
    shop.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO stranger")
    shop.map("roadmap", "SELECT a AS item_id, a AS title, a AS theme FROM hidden.t")
    shop.url = shop.url.replace("postgres@", "stranger@")
    shop.refresh()
    assert shop.state("roadmap").error == "config/sources/roadmap.sql failed: permission denied for schema hidden."
    assert shop.state("roadmap").hint.startswith("GRANT SELECT on it")
    assert shop.state("nps").status == "ok"


@pytest.mark.parametrize("source", ["nps", "events"])
def test_a_source_that_takes_too_long_is_stopped_and_the_others_go_on(shop, source):
    shop.refresh()
    shop.choose(statement_timeout='"1s"')
    slow = f"SELECT * FROM {source} WHERE (SELECT pg_sleep(10)) IS NOT NULL"
    shop.map(source, slow)
    report = shop.refresh(NOON + DAY)
    assert report.failed == {
        source: f"config/sources/{source}.sql was stopped: canceling statement due to statement timeout."
    }
    assert "raise refresh.statement_timeout" in shop.state(source).hint
    assert (shop.state(source).status, shop.state(source).rows) == ("stale", 2)
    assert answers(shop) == ["a", "b"]
    assert shop.frame("activity_monthly").height == 2


def test_a_file_that_cannot_be_read_fails_alone(shop):
    shop.unmap("nps")
    shop.unmap("events")
    shop.map("nps", 'path = "gone/nps.parquet"', ".toml")
    shop.map("events", "", ".csv")
    shop.map("reviews", "no parquet at all", ".parquet")
    shop.refresh()
    assert set(shop.frames().failed) == {"nps", "events", "reviews"}
    assert shop.state("events").error.startswith("config/sources/events.csv cannot be read")


def test_a_required_source_that_is_not_mapped_says_which_file_to_add(shop):
    shop.unmap("subscriptions")
    shop.unmap("events")
    shop.refresh()
    assert shop.frames().failed == {
        "subscriptions": "config/sources/subscriptions.sql is missing.",
        "events": "config/sources/events.sql is missing.",
    }
    assert shop.frames().missing >= {"tickets", "reach"}


def test_bad_rows_are_kept_apart_and_what_they_would_have_paid_is_counted(shop):
    shop.add(
        "subscriptions",
        paying("z", mrr="250"),
        paying("a", subscription_id="s2", mrr="-3"),
        paying("b", subscription_id="s3", mrr="NaN"),
    )
    shop.add("subscriptions", paying("z", subscription_id="s4", mrr="100", currency="usd"))
    shop.refresh()
    assert shop.state("subscriptions").rejected_by_reason == {
        "unknown account": 2,
        "mrr is below 0": 1,
        "mrr is not a finite number": 1,
    }
    assert shop.state("subscriptions").rejected_mrr == 250_00 + 92_00
    rejected = shop.frames().rejected("subscriptions").sort("subscription_id")
    assert rejected["subscription_id"].to_list() == ["s-z", "s2", "s3", "s4"]
    assert rejected["mrr"].to_list() == ["250.0", "-3.0", "NaN", "100.0"]


def test_amounts_come_in_the_reporting_currency_and_in_their_own(shop):
    shop.add(
        "subscriptions",
        paying("a", subscription_id="d", mrr="19.99", currency="usd "),
        paying("b", subscription_id="x", mrr="5", currency="XAU"),
    )
    shop.refresh()
    assert shop.frame("subscriptions").select("subscription_id", "currency", "mrr", "mrr_local").sort(
        "subscription_id"
    ).rows() == [
        ("d", "USD", 1839, 1999),
        ("s-a", "EUR", 100_00, 100_00),
        ("s-b", "EUR", 100_00, 100_00),
        ("x", "XAU", None, 500),
    ]
    assert shop.state("subscriptions").flagged == {"currency without a rate": 1}
    shop.table(
        "fx_rates",
        *[
            {"currency": "usd", "month": month, "rate": rate}
            for month, rate in (("2026-01-31", "0.5"), ("2026-04-01", "9"), ("2026-03-15", "0.9"))
        ],
    )
    shop.refresh(NOON + DAY)
    assert shop.frame("subscriptions").filter(subscription_id="d")["mrr"].to_list() == [1799]


# --- nothing to build on -----------------------------------------------------------------------------------


def test_accounts_that_cannot_be_read_leave_the_last_snapshot_serving(shop):
    shop.refresh()
    before = shop.manifest
    shop.map("accounts", "SELECT account_id, nom FROM accounts")
    with pytest.raises(RefreshError, match='column "nom" does not exist') as failed:
        shop.refresh(NOON + DAY)
    assert "correct its name" in failed.value.hint
    assert shop.manifest == before
    assert "accounts.sql failed" in last_failure(shop.store).message
    shop.map("accounts", "SELECT * FROM accounts")
    shop.refresh(NOON + DAY)
    assert last_failure(shop.store) is None


def test_no_database_is_set(shop, monkeypatch):
    without = shop.settings.model_copy(update={"product_database_url": None})
    with pytest.raises(RefreshError, match="No product database is set"):
        refresh.run(without)


def test_a_database_that_is_away_leaves_the_last_snapshot_serving(shop):
    shop.refresh()
    before = shop.manifest
    shop.url = shop.url.replace("/test_", "/gone_").replace("postgres@", "reader:secret@")
    with pytest.raises(RefreshError):
        shop.refresh(NOON + DAY)
    assert shop.manifest == before
    assert "secret" not in last_failure(shop.store).message
    assert answers(shop) == ["a", "b"]


@pytest.mark.parametrize("moment", ["people", "roadmap", "events"])
def test_a_connection_that_is_ended_in_the_middle_ends_the_refresh_and_nothing_else(shop, moment):
    shop.refresh()
    before = shop.manifest

    def end_it(what: str, done: int, of: int) -> None:
        if what == moment:
            shop.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'tenure'"
            )

    with pytest.raises(RefreshError, match="The product database went away: terminating connection") as failed:
        refresh.run(shop.settings, as_of=NOON + DAY, full=True, progress=end_it)
    assert failed.value.hint == "the last snapshot keeps serving; the next refresh tries again"
    assert shop.manifest == before
    assert shop.refresh(NOON + DAY).failed == {}


def test_two_refreshers_take_turns(shop):
    busy = []

    def another(what: str, done: int, of: int) -> None:
        if what == "people":
            with pytest.raises(RefreshBusy) as refused:
                shop.refresh(NOON)
            busy.append(refused.value.message)

    refresh.run(shop.settings, as_of=NOON, progress=another)
    assert busy == ["Another refresh is running."]
    assert last_failure(shop.store) is None
    shop.refresh(NOON + DAY)


def test_a_page_that_is_left_in_the_middle_leaves_no_lock_behind(shop):
    class Left(BaseException):
        """As Streamlit stops a script."""

    def leave(what: str, done: int, of: int) -> None:
        raise Left

    with pytest.raises(Left):
        refresh.run(shop.settings, as_of=NOON, progress=leave)
    shop.refresh()


# --- snapshots that were harmed ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "harm", ["a file is gone", "its manifest is gone", "its manifest is torn", "the pointer is torn"]
)
def test_a_harmed_snapshot_is_made_anew_by_the_next_refresh(shop, harm):
    shop.refresh()
    root = Path(shop.settings.snapshot_dir)
    if harm == "a file is gone":
        (root / shop.manifest.months[0].daily).unlink()
    elif harm == "its manifest is gone":
        (root / f"manifest-{shop.manifest.id}.json").unlink()
    elif harm == "its manifest is torn":
        (root / f"manifest-{shop.manifest.id}.json").write_text('{"id": ')
    else:
        (root / CURRENT).write_text("")
    shop.refresh(NOON + DAY)
    assert shop.frame("activity_monthly").height == 2


def test_a_snapshot_of_a_later_time_is_not_built_on(shop):
    shop.refresh(NOON + 30 * DAY)
    shop.refresh(NOON)
    assert shop.manifest.today == NOON.date()
    assert shop.frames().usage_28d.select(pl.col("window_end").max()).collect().item() == NOON.date()


# --- small and other companies -----------------------------------------------------------------------------


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


# --- background --------------------------------------------------------------------------------------------


def test_the_background_refresh_goes_on_after_a_failure(shop, monkeypatch, caplog):
    shop.choose(every='"1s"')
    held = shop.settings
    shop.sql("ALTER TABLE accounts RENAME TO away")

    async def some_time() -> None:
        task = asyncio.create_task(refresh.keep_refreshing(held))
        await asyncio.to_thread(_until, lambda: last_failure(shop.store) is not None)
        await asyncio.to_thread(shop.sql, "ALTER TABLE away RENAME TO accounts")
        await asyncio.to_thread(_until, lambda: shop.store.get(CURRENT) is not None)
        task.cancel()

    asyncio.run(some_time())
    assert answers(shop) == ["a", "b"]


def _until(ready) -> None:
    import time

    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_refresh_that_stops_unexpectedly_is_logged_and_recorded(shop, monkeypatch, caplog):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(refresh, "_refresh", broken)
    assert refresh.run_quietly(shop.settings) is None
    assert "stopped unexpectedly" in last_failure(shop.store).message


def test_nobody_has_refreshed_yet(shop):
    with pytest.raises(NoSnapshot, match="There is no snapshot yet"):
        shop.frames()
    assert refresh.run_quietly(shop.settings) is not None


def test_a_report_is_one_line_of_json(shop):
    line = shop.refresh().model_dump_json()
    assert "\n" not in line
    found = json.loads(line)
    assert set(found) == {"id", "as_of", "seconds", "rows", "rejected", "days_read", "failed"}
    assert (found["as_of"], found["rows"]["accounts"], found["rejected"]["events"]) == ("2026-03-16T12:00:00Z", 2, 0)
