"""A refresh: one look at the database; a source that fails is named, and what it gave before stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from queries import comments, refresh
from queries.errors import RefreshBusy
from queries.store import newest_manifest
from tests.queries.company import NOON, answers, paying, use

pytestmark = pytest.mark.postgres

DAY = timedelta(days=1)


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


def test_earlier_rows_mean_what_they_meant(shop):
    shop.add("subscriptions", paying("a", subscription_id="dollars", mrr="100", currency="USD"))
    shop.add("people", {"user_id": "ours", "account_id": "a", "is_internal": "true"})
    shop.add("events", use("a", "2026-03-02 10:00Z", user_id="ours"))
    shop.refresh()
    shop.map("subscriptions", "SELECT gone")
    shop.map("people", "SELECT gone")
    for days in (1, 2):
        shop.refresh(NOON + days * DAY, full=True)
        dollars = shop.frame("subscriptions").filter(subscription_id="dollars")
        assert dollars.select("mrr", "mrr_local").rows() == [(92_00, 100_00)]
        assert "ours" not in set(shop.frame("activity_monthly")["user_id"])


def test_earlier_rows_of_an_account_that_counts_no_more_are_left_out(shop):
    shop.refresh()
    shop.sql("UPDATE accounts SET status = 'test' WHERE account_id = 'b'")
    for source in ("nps", "subscriptions"):
        shop.map(source, "SELECT gone")
    for days in (1, 2):
        shop.refresh(NOON + days * DAY)
        assert answers(shop) == shop.frame("subscriptions")["account_id"].to_list() == ["a"]
        for source in ("nps", "subscriptions"):
            state = shop.state(source)
            assert (state.status, state.rows, state.left_out) == ("stale", 1, 1)


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


def test_while_comments_are_read_the_database_may_clean_up_and_nobody_else_refreshes(shop, monkeypatch):
    made, seen = comments.Reading.made, []

    def looking(reading, frames):
        seen.extend(
            shop.sql("SELECT backend_xmin IS NULL, state FROM pg_stat_activity WHERE application_name = 'tenure'")
        )
        with pytest.raises(RefreshBusy):
            shop.refresh()
        return made(reading, frames)

    monkeypatch.setattr(comments.Reading, "made", looking)
    shop.refresh()
    assert (True, "idle in transaction") in seen
    assert all(free for free, _ in seen)


def test_another_refresh_between_reading_and_comments_wins(shop, monkeypatch):
    monkeypatch.setattr("queries.database.Session.stop_reading", lambda session: False)
    with pytest.raises(RefreshBusy):
        shop.refresh()


def test_another_refresh_while_comments_are_read_wins(shop, monkeypatch):
    made = comments.Reading.made

    def meanwhile(reading, frames):
        monkeypatch.setattr("queries.database.Session.try_lock", lambda session: False)
        return made(reading, frames)

    monkeypatch.setattr(comments.Reading, "made", meanwhile)
    with pytest.raises(RefreshBusy):
        shop.refresh()
    assert newest_manifest(shop.store) is None


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


def test_an_amount_that_a_rate_makes_too_large_is_unknown_and_the_others_are_counted(shop):
    shop.add("subscriptions", paying("a", subscription_id="d", mrr="1e13", currency="USD"))
    shop.add("subscriptions", paying("z", subscription_id="z", mrr="1e12", currency="USD"))
    shop.table("fx_rates", {"currency": "USD", "month": "2026-01-01", "rate": "1e13"})
    shop.refresh()
    found = shop.frame("subscriptions").sort("subscription_id").select("mrr", "mrr_local")
    assert found.rows() == [(None, 10**15), (100_00, 100_00), (100_00, 100_00)]
    state = shop.state("subscriptions")
    assert (state.flagged, state.rejected_mrr) == ({"mrr is too large in the reporting currency": 1}, 0)
