"""``python -m queries.check``: what it says of each source, and when it fails."""

from __future__ import annotations

import pytest

import settings
from queries import check
from queries.database import Session
from tests.queries.company import Company, paying, use

pytestmark = pytest.mark.postgres


@pytest.fixture
def run(company: Company, monkeypatch, capsys):
    """Runs the command for the company; gives its exit code and what it printed."""

    def command() -> tuple[int, str]:
        monkeypatch.setattr(settings, "get", lambda: company.settings)
        code = check.main([])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return command


@pytest.fixture
def shop(company: Company) -> Company:
    """A company with what is required."""
    company.customers("a", "b")
    company.table("events", use("a", "2026-03-01 10:00Z"), use("b", "2026-03-02 23:30Z"))
    return company


def line(printed: str, start: str) -> str:
    found = [text for text in printed.splitlines() if text.startswith(start)]
    assert len(found) == 1, printed
    return " ".join(found[0].split())


def test_good_sources_are_listed_with_rows_and_newest_row(shop, run):
    code, printed = run()
    assert code == 0
    assert line(printed, "accounts") == "accounts 2 rows, newest 2024-01-01 (config/sources/accounts.sql)"
    assert line(printed, "events") == "events 2 rows, newest 2026-03-03 (config/sources/events.sql)"
    assert line(printed, "nps") == "nps optional, not mapped: add config/sources/nps.sql (a survey invitation)"
    assert "All required sources can be used" in printed


def test_columns_that_are_not_mapped_are_named(shop, run):
    shop.map("accounts", "SELECT account_id, name, signed_up_at, segment, status FROM accounts")
    _, printed = run()
    assert "optional columns not mapped: parent_id, industry, country, language, csm_email" in printed


def test_a_missing_column_fails_with_a_hint(shop, run):
    shop.map("accounts", "SELECT account_id, name AS company_name, signed_up_at FROM accounts")
    code, printed = run()
    assert code == 1
    assert line(printed, "accounts") == 'accounts FAILS config/sources/accounts.sql returns no column "name".'
    assert 'Hint: did you mean "company_name AS name"?' in printed
    assert "Required sources fail: accounts" in printed


def test_while_accounts_fail_no_other_account_is_called_unknown(shop, run):
    shop.map("accounts", "SELECT nothing")
    code, printed = run()
    assert code == 1
    assert "unknown account" not in printed
    assert line(printed, "subscriptions").startswith("subscriptions 2 rows")


def test_a_required_source_without_a_file_fails(shop, run):
    shop.unmap("events")
    code, printed = run()
    assert code == 1
    assert (
        line(printed, "events") == "events MISSING, and required: add config/sources/events.sql (a use of the product)"
    )


def test_an_optional_source_that_fails_does_not_fail_the_check(shop, run):
    shop.map("nps", "SELECT * FROM surveys")
    code, printed = run()
    assert code == 0
    assert line(printed, "nps") == 'nps FAILS config/sources/nps.sql failed: relation "surveys" does not exist.'


def test_rejected_and_flagged_rows_are_counted_by_reason(shop, run):
    shop.add("subscriptions", paying("a", subscription_id="x", mrr="-1"), paying("z", subscription_id="y"))
    shop.add("subscriptions", paying("a", subscription_id="v", end_kind="gone"))
    shop.add("events", use("z", "2026-03-01 10:00Z"), use("a", "1969-01-01 10:00Z"), use("", "2026-03-01 10:00Z"))
    shop.sql(
        "INSERT INTO events VALUES ('a', NULL, 'report', NULL, 1), ('a', NULL, 'report', '2026-03-01 10:00Z', 'NaN')"
    )
    _, printed = run()
    lines = {" ".join(text.split()) for text in printed.splitlines()}
    assert {
        "1 rejected: mrr is below 0",
        "1 rejected: occurred_at is before 1970",
        "1 rejected: occurred_at is missing",
        "1 rejected: account_id is missing",
        "1 rejected: quantity is not finite, or too large",
        "1 kept, flagged: end_kind is none of requested, payment_failed, changed, mistake",
    } <= lines
    assert printed.count("rejected: unknown account") == 2


def test_values_that_do_not_parse_and_types_that_do_not_cast_are_told(shop, run):
    shop.table(
        "nps",
        {"response_id": "1", "account_id": "a", "score": "seven", "sent_at": "soon"},
        score="text",
        sent_at="text",
    )
    shop.map("reviews", "SELECT '1' AS review_id, 'G2' AS site, now() AS posted_at, 1e400::numeric AS rating")
    shop.sql(
        "ALTER TABLE events ALTER occurred_at TYPE text", "INSERT INTO events VALUES ('a', NULL, 'report', 'noon')"
    )
    code, printed = run()
    assert code == 0
    assert "1 rejected: sent_at does not parse" in printed
    assert "does not cast: rating (" in printed
    assert "does not cast: occurred_at (invalid input syntax for type timestamp with time zone: " in printed
    assert "1 rejected: occurred_at does not parse" in printed
    assert "1 rejected: rating is not a finite number" in printed


def test_a_file_of_events_is_checked_too(shop, run):
    shop.unmap("events")
    shop.map("events", "account_id,feature,occurred_at\na,report,2026-03-01\nq,report,2026-03-02\n", ".csv")
    code, printed = run()
    assert code == 0
    assert line(printed, "events") == "events 2 rows, newest 2026-03-02 (config/sources/events.csv)"
    assert "1 rejected: unknown account" in printed


WHOLE = ["Custom Scan (Citus Adaptive)", "  Task Count: 32", "  ->  HashAggregate"]
CARRIED = ["Custom Scan (Citus Adaptive)", "  ->  Distributed Subplan 7_1"]
BY_ITSELF = ["HashAggregate", "  ->  Seq Scan on events"]


@pytest.mark.parametrize(("plan", "warns"), [(WHOLE, False), (CARRIED, True), (BY_ITSELF, True)])
def test_a_cluster_that_counts_events_on_its_coordinator_is_told(shop, run, monkeypatch, plan, warns):
    monkeypatch.setattr(check, "_shards", lambda opened: True)
    monkeypatch.setattr(Session, "plan", lambda self, statement: plan)
    code, printed = run()
    assert code == 0
    assert ("counted on the coordinator, not on the workers" in printed) is warns


def test_a_database_that_does_not_shard_is_told_nothing_of_coordinators(shop, run):
    assert "coordinator" not in run()[1]


def test_nothing_is_written(shop, run):
    run()
    assert not (shop.folder / "snap").exists()


def test_a_database_that_cannot_be_reached_is_2(shop, run):
    shop.url = "postgresql://reader:secret@/shop?host=/nowhere"
    code, printed = run()
    assert code == 2
    assert "The product database at /nowhere:5432/shop cannot be reached" in printed
    assert "secret" not in printed


def test_settings_that_cannot_be_used_are_2(shop, run, monkeypatch, capsys):
    def refuse() -> None:
        raise settings.SettingsError("settings.toml is missing")

    monkeypatch.setattr(settings, "get", refuse)
    assert check.main([]) == 2
    assert "settings.toml is missing" in capsys.readouterr().err


def test_no_database_is_2(shop, monkeypatch, capsys):
    monkeypatch.setattr(settings, "get", lambda: shop.settings.model_copy(update={"product_database_url": None}))
    assert check.main([]) == 2
    assert "set PRODUCT_DATABASE_URL" in capsys.readouterr().err
