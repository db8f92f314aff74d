"""Migrations: from nothing, with rows, down and up again, two at once; and the command that runs them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import settings
from demo import load
from records import database as connections
from records import migrate
from records.errors import RecordsError
from records.metadata import SCHEMA
from records.tables import GRANTS, HEAD, metadata
from tests.conftest import Database
from tests.records.conftest import as_writer, execute, rows

pytestmark = pytest.mark.postgres

FILLED = {
    "0001": [
        "INSERT INTO tenure.subjects (name) VALUES ('ada')",
        "INSERT INTO tenure.audit (at, actor, action, object, after) "
        "SELECT now(), id, 'export', 'accounts', '{\"rows\": 7}' FROM tenure.subjects",
    ],
    "0002": [
        "INSERT INTO tenure.theme_corrections (source, response_id, themes, author, at) "
        "SELECT 'nps', 'r1', '{price,slow}', id, now() FROM tenure.subjects",
    ],
    "0003": [
        "INSERT INTO tenure.regrettable_marks (account_id, month, regrettable, author, at) "
        "SELECT 'a', '2026-03-01', true, id, now() FROM tenure.subjects",
    ],
    "0004": [
        "INSERT INTO tenure.overrides (account_id, override, author, at) SELECT 'a', "
        '\'{"band": "red", "score": null, "reason": "r", "expires_on": "2026-12-01"}\', '
        "id, now() FROM tenure.subjects",
        "INSERT INTO tenure.goals (account_id, goal, author, at) SELECT 'a', "
        '\'{"goal": "save time", "user_id": null, "subject": null}\', id, now() FROM tenure.subjects',
        "INSERT INTO tenure.notes (account_id, note_id, text, author, at) "
        "SELECT 'a', gen_random_uuid(), 'called', id, now() FROM tenure.subjects",
    ],
    "0005": [
        "INSERT INTO tenure.campaigns (id, title, play, play_version, kind, channel, audience, rules, fingerprint, "
        "state, author, drafted_at, changed_at) SELECT gen_random_uuid(), 't', 'sorry', 'v', 'service', 'email', '{}', "
        "'{}', 'f', 'draft', id, now(), now() FROM tenure.subjects",
        "INSERT INTO tenure.messages (id, campaign_id, account_id, address_key, language, time_zone, arm, state, "
        "changed_at) SELECT gen_random_uuid(), id, 'a', 'x@example.org', 'en', 'UTC', 'contacted', 'draft', now() "
        "FROM tenure.campaigns",
        "INSERT INTO tenure.message_events (message_id, at, state) SELECT id, now(), 'draft' FROM tenure.messages",
        "INSERT INTO tenure.answers (message_id, question, score, source, at) SELECT id, 'nps', 9, 'link', now() "
        "FROM tenure.messages",
        "INSERT INTO tenure.opt_outs (address_key, opted_out, source, at) VALUES ('x', true, 'link', now())",
        "INSERT INTO tenure.suppressions (address_key, suppressed, reason, at) VALUES ('x', true, 'bounced', now())",
        "INSERT INTO tenure.attachments (campaign_id, name, media_type, content) SELECT id, 'n', 'text/plain', 'c' "
        "FROM tenure.campaigns",
        "INSERT INTO tenure.alerts (account_id, week, kind, cause, at) VALUES ('a', '2026-11-16', 'red', 'c', now())",
        "INSERT INTO tenure.subscribers (address, address_key, subscribed, actor, at) "
        "SELECT 'x', 'x', true, id, now() FROM tenure.subjects",
        "INSERT INTO tenure.digests (month, campaign_id, at) SELECT '2026-11-01', id, now() FROM tenure.campaigns",
        "INSERT INTO tenure.workers (id, started_at, seen_at) VALUES (gen_random_uuid(), now(), now())",
        "INSERT INTO tenure.sending (single) VALUES (true)",
    ],
    "0006": ["INSERT INTO tenure.erased (hmac, at) VALUES ('x', now())"],
}
"""What stands in the tables of each revision while it is taken down and up again."""
REVISIONS = list(FILLED)


def tables(url: str) -> set[str]:
    """The tables of the schema."""
    return {name for (name,) in rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'tenure'")}


def counts(url: str) -> dict[str, int]:
    """How many rows each table has."""
    return {t: rows(url, f"SELECT count(*) FROM tenure.{t}")[0][0] for t in tables(url) - {"alembic_version"}}


def fill(url: str, revision: str) -> None:
    """Writes rows into the tables of ``revision`` and those before."""
    for known in REVISIONS[: REVISIONS.index(revision) + 1]:
        for statement in FILLED[known]:
            execute(url, statement)


def differences(url: str) -> list[object]:
    """Where the tables differ from what the code thinks they are."""
    made = connections.owner(url)
    with made.connect() as connection:

        def ours(name: str | None, kind: str, _: object) -> bool:
            return name == SCHEMA if kind == "schema" else name != "alembic_version"

        options = {"include_schemas": True, "include_name": ours, "compare_type": True}
        context = MigrationContext.configure(connection, opts={**options, "version_table_schema": SCHEMA})
        return list(compare_metadata(context, metadata))


def test_the_code_knows_every_revision_and_the_newest(database: Database) -> None:
    script = ScriptDirectory.from_config(migrate._config(None))  # type: ignore[arg-type]
    assert [found.revision for found in script.walk_revisions()][::-1] == REVISIONS
    assert script.get_heads() == [HEAD]


def test_an_empty_database_gets_all_tables_as_the_code_describes_them(database: Database) -> None:
    url = database()
    assert migrate.current(url) is None
    assert migrate.upgrade(url) == HEAD == migrate.current(url)
    assert tables(url) == set(GRANTS)
    assert differences(url) == []
    execute(url, "ALTER TABLE tenure.audit ADD COLUMN stray int")
    assert len(differences(url)) == 1


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_revision_goes_down_and_up_again_with_rows_in_it(database: Database, revision: str) -> None:
    url = database()
    before = REVISIONS[REVISIONS.index(revision) - 1] if revision != REVISIONS[0] else "base"
    migrate.upgrade(url, revision)
    fill(url, revision)
    full = counts(url)
    assert min(full.values()) == 1
    migrate.downgrade(url, before)
    assert migrate.current(url) == (None if before == "base" else before)
    left = counts(url)
    assert left == dict.fromkeys(left, 1)
    assert len(left) < len(full)
    assert migrate.upgrade(url, revision) == revision
    assert {table: count for table, count in counts(url).items() if table in left} == left
    assert counts(url).keys() == full.keys()


def test_a_filled_database_goes_down_to_nothing_and_all_the_way_up_again(database: Database) -> None:
    url = database()
    migrate.upgrade(url)
    fill(url, HEAD)
    assert migrate.downgrade(url, "base") is None
    assert tables(url) == {"alembic_version"}
    assert rows(url, "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace "
                "WHERE nspname = 'tenure'") == [(0,)]  # fmt: skip
    assert migrate.upgrade(url) == HEAD
    assert differences(url) == []


def test_a_migration_that_fails_changes_nothing(database: Database) -> None:
    url = database()
    migrate.upgrade(url, "0001")
    execute(url, "CREATE TABLE tenure.regrettable_marks (mine int)")
    with pytest.raises(RecordsError, match="already exists"):
        migrate.upgrade(url)
    assert migrate.current(url) == "0001"
    assert "theme_corrections" not in tables(url)


def test_migrating_again_changes_nothing(database: Database) -> None:
    url = database()
    migrate.upgrade(url)
    fill(url, HEAD)
    assert migrate.upgrade(url) == HEAD
    assert min(counts(url).values()) == 1


def test_two_migrators_at_once_wait_for_each_other(database: Database) -> None:
    url = database()
    together, done, failed = threading.Barrier(4), [], []

    def run() -> None:
        together.wait()
        try:
            done.append(migrate.upgrade(url))
        except RecordsError as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (done, failed) == ([HEAD] * 4, [])


def test_a_migrator_waits_while_another_holds_the_lock(database: Database) -> None:
    url = database()
    with closing(psycopg2.connect(url)) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [migrate._LOCK])
        thread = threading.Thread(target=migrate.upgrade, args=[url])
        thread.start()
        thread.join(1)
        assert thread.is_alive()
        assert migrate.current(url) is None
        other.rollback()
        thread.join(30)
    assert migrate.current(url) == HEAD


def test_a_revision_of_a_newer_tenure_is_left_alone(database: Database) -> None:
    url = database()
    migrate.upgrade(url)
    execute(url, "UPDATE tenure.alembic_version SET version_num = '9999'")
    with pytest.raises(RecordsError, match="9999") as told:
        migrate.upgrade(url)
    assert "newer Tenure" in str(told.value)


# --- who may ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the command with some environment; gives its exit code and what it printed."""

    def command(*words: str, **environment: str) -> tuple[int, str]:
        for name in ("RECORDS_DATABASE_URL", "RECORDS_OWNER_URL", "PRODUCT_DATABASE_URL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings.get.cache_clear()
        try:
            code = migrate.main(words)
        finally:
            settings.get.cache_clear()
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return command


def test_the_owner_migrates_and_the_dashboards_role_gets_its_rights(database: Database, run, template: str) -> None:
    url = database()
    urls = {"RECORDS_OWNER_URL": url, "RECORDS_DATABASE_URL": as_writer(url)}
    assert run("current", **urls) == (0, f"Records in {connections.place(connections.parsed(url))}, "
                                         "schema tenure: no tables\n")  # fmt: skip
    code, said = run(**urls)
    assert (code, said.endswith(f"schema tenure: revision {HEAD}\n")) == (0, True)
    granted = rows(url, "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
                   "WHERE grantee = 'tenure_writer' AND table_schema = 'tenure'")  # fmt: skip
    assert sorted(granted) == sorted((t, p) for t, privileges in GRANTS.items() for p in privileges)
    assert run("downgrade", "0001", **urls)[0] == 0
    assert run("upgrade", "0002", **urls)[1].endswith("revision 0002\n")
    assert run("downgrade", "base", **urls)[1].endswith("no tables\n")


def test_rights_given_by_hand_are_taken_away_again(database: Database, template: str) -> None:
    url = database()
    migrate.upgrade(url)
    execute(url, f"GRANT UPDATE, DELETE ON tenure.audit TO {load.WRITER}")
    migrate.upgrade(url, writer=load.WRITER)
    assert rows(url, f"SELECT has_table_privilege('{load.WRITER}', 'tenure.audit', 'DELETE')") == [(False,)]


def test_one_login_for_everything_works_without_grants(database: Database, run) -> None:
    url = database()
    assert run(PRODUCT_DATABASE_URL=url)[0] == 0
    assert migrate.current(url) == HEAD


def test_an_owner_who_may_not_create_schemas_can_migrate_one_that_was_made_for_them(database: Database) -> None:
    url = database()
    execute(url, "CREATE ROLE plain_owner LOGIN; CREATE SCHEMA tenure AUTHORIZATION plain_owner")
    plain = url.replace("postgres@", "plain_owner@", 1)
    assert migrate.upgrade(plain) == HEAD
    assert migrate.upgrade(plain) == HEAD


def test_whoever_may_not_is_told_what_to_set(database: Database, run, template: str) -> None:
    code, said = run(RECORDS_DATABASE_URL=as_writer(database()))
    assert code == 1
    assert "permission denied" in said
    assert "Hint: set RECORDS_OWNER_URL to a role that owns schema tenure" in said


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://nobody:top-secret@127.0.0.1:1/nothing", "at 127.0.0.1:1/nothing does not answer"),
        ("mysql://u:top-secret@db/x", "RECORDS_DATABASE_URL starts with mysql://."),
        ("top-secret", "RECORDS_DATABASE_URL is no database URL."),
    ],
)
def test_an_address_that_leads_nowhere_is_named_without_its_password(run, url: str, says: str) -> None:
    code, said = run(RECORDS_DATABASE_URL=url)
    assert (code, says in said, "top-secret" in said) == (1, True, False)


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        migrate.main(["--help"])
    assert "RECORDS_OWNER_URL" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["dance"], ["downgrade"], ["current", "0001"]])
def test_words_that_make_no_sense_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        migrate.main(words)
    assert "usage: python -m records.migrate" in capsys.readouterr().err
