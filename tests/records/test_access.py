"""What the dashboard's role may do, the append-only audit log, and names that can be erased."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg2
import pytest

from records import audit, corrections, goals, marks, notes, overrides, ready
from records.errors import NotAccepted, RecordsNotReady
from records.tables import GRANTS
from tests.records.conftest import Records, execute, rows

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)


def write_some(records: Records, author: str = "ada@example.com") -> None:
    """One correction and one mark."""
    more: dict[str, Any] = {"author": author, "now": NOON}
    corrections.set_themes(records.engine, source="nps", response_id="r1", themes=["price"], **more)
    corrections.set_themes(records.engine, source="nps", response_id="r1", themes=["slow"], **more)
    marks.set_mark(records.engine, account_id="a/1", month=date(2026, 3, 1), regrettable=True, **more)


CHANGED = {
    "campaigns": {"UPDATE", "DELETE"},
    "messages": {"UPDATE", "DELETE"},
    "attachments": {"DELETE"},
    "sending": {"UPDATE"},
    "workers": {"UPDATE", "DELETE"},
}
"""What outreach works with: states that move on, and drafts that are thrown away. Everything else is only added to."""


@pytest.mark.parametrize("table", [table for table in GRANTS if table != "alembic_version"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = DEFAULT WHERE false", "DELETE FROM {} WHERE false",
                                       "TRUNCATE {}", "DROP TABLE {}"])  # fmt: skip
def test_the_dashboards_role_changes_only_what_outreach_works_with(
    records: Records, table: str, statement: str
) -> None:
    column = {"digests": "month", "sending": "single", "erased": "hmac"}.get(table, "id")
    if statement.split()[0] in CHANGED.get(table, ()):
        execute(records.writer, statement.format(f"tenure.{table}", column))
        return
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        execute(records.writer, statement.format(f"tenure.{table}", column))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE tenure.mine (id int)",
        "CREATE SCHEMA mine",
        "DROP SCHEMA tenure CASCADE",
        "ALTER TABLE tenure.audit DISABLE TRIGGER audit_append_only",
        "DROP TRIGGER audit_append_only ON tenure.audit",
        "CREATE OR REPLACE FUNCTION tenure.refuse_change() RETURNS trigger LANGUAGE sql AS ''",
        "GRANT ALL ON tenure.audit TO tenure_writer",
        "UPDATE tenure.alembic_version SET version_num = '9999'",
        "ALTER ROLE tenure_writer SUPERUSER",
    ],
)
def test_the_dashboards_role_owns_nothing(records: Records, statement: str) -> None:
    if statement.startswith("GRANT"):  # PostgreSQL only warns
        execute(records.writer, statement)
        assert rows(records.owner, "SELECT has_table_privilege('tenure_writer', 'tenure.audit', 'DELETE')") == [
            (False,)
        ]
        return
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        execute(records.writer, statement)


@pytest.mark.parametrize(
    "statement", ["UPDATE tenure.audit SET at = at WHERE false", "DELETE FROM tenure.audit", "TRUNCATE tenure.audit"]
)
def test_not_even_the_owner_rewrites_the_audit_log(empty: Records, statement: str) -> None:
    write_some(empty)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match=r"tenure\.audit is append-only"):
        execute(empty.owner, statement)
    assert rows(empty.owner, "SELECT count(*) FROM tenure.audit") == [(3,)]


def test_the_audit_log_tells_who_did_what_before_and_after(empty: Records) -> None:
    write_some(empty)
    audit.write(empty.engine, actor="bo", action="export", object="accounts", now=NOON, after={"rows": 7})
    assert audit.entries(empty.engine).drop("id").rows() == [
        (NOON, "bo", "export", "accounts", None, '{"rows": 7}'),
        (NOON, "ada@example.com", "mark regrettable", "a/1/2026-03-01", None, '{"regrettable": true}'),
        (NOON, "ada@example.com", "set themes", "nps/r1", '{"themes": ["price"]}', '{"themes": ["slow"]}'),
        (NOON, "ada@example.com", "set themes", "nps/r1", None, '{"themes": ["price"]}'),
    ]
    assert audit.entries(empty.engine, object="nps/r1", most=1)["after"].to_list() == ['{"themes": ["slow"]}']


def test_an_erased_name_is_nowhere_and_what_was_written_stays(empty: Records) -> None:
    write_some(empty)
    execute(empty.owner, "DELETE FROM tenure.subjects WHERE name = 'ada@example.com'")
    everything = "SELECT * FROM (SELECT t::text FROM tenure.{} t) x WHERE t ~* 'ada@'"  # no random id has an @
    assert [rows(empty.owner, everything.format(table)) for table in GRANTS] == [[]] * len(GRANTS)
    assert corrections.current(empty.engine).select("theme", "author").rows() == [("slow", None)]
    assert marks.current(empty.engine).select("regrettable", "author").rows() == [(True, None)]
    assert audit.entries(empty.engine)["actor"].to_list() == [None] * 3
    write_some(empty)  # whoever comes back is somebody new
    assert audit.entries(empty.engine)["actor"].to_list() == ["ada@example.com"] * 3 + [None] * 3


def test_what_people_write_freely_and_who_they_name_is_not_in_the_audit_log(empty: Records) -> None:
    more: dict[str, Any] = {"author": "ada@example.com", "now": NOON}
    override = overrides.Override("red", None, "Zoe told me", date(2026, 12, 1))
    overrides.set_override(empty.engine, account_id="a", override=override, zone=ZoneInfo("Europe/Berlin"), **more)
    goals.set_goal(empty.engine, account_id="a", goal=goals.Goal("Zoe saves time", champion="Zoe"), **more)
    notes.set_note(empty.engine, account_id="a", note_id=UUID(int=7), text="Zoe called", **more)
    found = audit.entries(empty.engine)
    assert found.select("action", "object", "before").rows() == [
        ("write note", "a/00000000-0000-0000-0000-000000000007", None),
        ("set goal", "a", None),
        ("override health", "a", None),
    ]
    assert found["after"][0] == '{"text": 10}'
    assert found["after"][2] == (
        '{"override": {"band": "red", "expires_on": "2026-12-01", "reason": 11, "score": null}}'
    )
    assert not found["after"].str.contains("Zoe").any()
    execute(empty.owner, "DELETE FROM tenure.subjects WHERE name = 'Zoe'")
    assert goals.current(empty.engine).select("goal", "champion", "author").rows() == [
        ("Zoe saves time", None, "ada@example.com")
    ]


@pytest.mark.parametrize("wrong", ["x\0", "\ud800", float("nan"), "x" * 20_000, object()])
def test_what_no_audit_entry_can_hold_is_refused_and_nothing_is_written(records: Records, wrong: object) -> None:
    before = rows(records.owner, "SELECT count(*) FROM tenure.audit")
    with pytest.raises(NotAccepted):
        audit.write(records.engine, actor="bo", action="export", object="x", now=NOON, after={"filter": wrong})
    assert rows(records.owner, "SELECT count(*) FROM tenure.audit") == before


def test_an_entry_that_fails_takes_the_change_with_it(empty: Records) -> None:
    execute(empty.owner, "REVOKE INSERT ON tenure.audit FROM tenure_writer")
    with pytest.raises(RecordsNotReady, match=r"permission denied for table audit"):
        write_some(empty)
    assert rows(empty.owner, "SELECT count(*) FROM tenure.theme_corrections") == [(0,)]


# --- ready? ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT 1", None),
        ("DROP SCHEMA tenure CASCADE", "There is no place yet to save .* run `python -m records.migrate`"),
        ("DELETE FROM tenure.alembic_version", "out of date.*`python -m records.migrate`"),
        ("UPDATE tenure.alembic_version SET version_num = '0002'", "out of date.*`python -m records.migrate`"),
        ("UPDATE tenure.alembic_version SET version_num = '0999'", "A newer Tenure .* update this one"),
        ("REVOKE INSERT ON tenure.audit FROM tenure_writer", "may not write .* RECORDS_OWNER_URL"),
        ("REVOKE USAGE ON SCHEMA tenure FROM tenure_writer", "permission denied .* RECORDS_OWNER_URL"),
        ("DO $$BEGIN EXECUTE 'ALTER DATABASE ' || quote_ident(current_database()) || "
         "' SET default_transaction_read_only = on'; END$$", "read only.* RECORDS_DATABASE_URL"),
    ],
)  # fmt: skip
def test_ready_says_why_nothing_can_be_saved(empty: Records, statement: str, says: str | None) -> None:
    execute(empty.owner, statement)
    found = ready(empty.settings)
    if says is None:
        assert found is None
    else:
        assert found is not None
        assert re.search(says, found.replace("\n", " ")), found


@pytest.mark.parametrize("missing", ["DROP SCHEMA tenure CASCADE", "DROP TABLE tenure.theme_corrections"])
def test_saving_without_tables_says_what_to_run(empty: Records, missing: str) -> None:
    execute(empty.owner, missing)
    with pytest.raises(RecordsNotReady, match=r"run `python -m records\.migrate`"):
        write_some(empty)


def test_docs_give_the_same_rights_as_the_migration() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    for table, privileges in GRANTS.items():
        assert f"GRANT {', '.join(privileges)} ON tenure.{table} TO tenure_writer;" in text
    assert text.count(" TO tenure_writer;") == len(GRANTS) + 1  # and USAGE of the schema
