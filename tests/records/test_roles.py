"""The roles of docs/security.md, made with its own statements: each may do what these grant, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg2
import pytest

import settings
from queries import refresh
from records import migrate, notes, ready
from records.database import connections
from records.errors import RecordsNotReady
from tests.conftest import Database
from tests.queries.company import Company
from tests.records.conftest import execute, rows

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 3, 16, 12, tzinfo=UTC)
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
Granted = set[tuple[str, str]]


def documented() -> list[list[str]]:
    """The statements of each SQL block of the document; roles of the test's own stand for tenure_reader and so on."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sql\n(.*?)```", text, flags=re.DOTALL)
    named = (
        re.sub(r"\btenure_(reader|writer|owner)\b", r"documented_\1", re.sub(r"--.*", "", each)) for each in blocks
    )
    return [[part.strip() for part in each.split(";") if part.strip()] for each in named]


@dataclass(frozen=True)
class Roles:
    """A product database with two schemas, the records beside it, and who may sign in."""

    administrator: str
    company: Company

    def url(self, role: str) -> str:
        """The database, for one of the roles."""
        return self.administrator.replace("postgres@", f"documented_{role}@", 1)

    @property
    def settings(self) -> settings.Settings:
        """Settings under which everybody has their own role."""
        environment = {
            "PRODUCT_DATABASE_URL": self.url("reader"),
            "RECORDS_DATABASE_URL": self.url("writer"),
            "RECORDS_OWNER_URL": self.url("owner"),
            "SNAPSHOT_DIR": str(self.company.folder / "snap"),
        }
        return settings.read(self.company.config, environment)


@pytest.fixture(scope="module")
def roles(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    url = database()
    company = Company(url, tmp_path_factory.mktemp("roles"))
    company.customers("acme")
    company.table("events")
    company.sql(
        "GRANT CREATE ON SCHEMA public TO PUBLIC",  # as every database had it that began before PostgreSQL 15
        *(f"CREATE SCHEMA {schema}" for schema in ("app", "billing", "hr")),
        "CREATE TABLE hr.salaries (id int)",
        "ALTER TABLE accounts SET SCHEMA app",
        "ALTER TABLE events SET SCHEMA app",
        "ALTER TABLE subscriptions SET SCHEMA billing",
    )
    company.map("accounts", "SELECT * FROM app.accounts")
    company.map("events", "SELECT * FROM app.events")
    company.map("subscriptions", "SELECT * FROM billing.subscriptions")
    by_administrator, by_migration, *_ = documented()
    for statement in by_administrator:
        company.sql(statement)
    made = Roles(url, company)
    migrate.upgrade(made.url("owner"), writer="documented_writer")
    given = granted(url)
    for statement in by_migration:  # by hand they say the same
        execute(made.url("owner"), statement)
    assert granted(url) == given
    yield made
    connections(made.url("writer")).dispose()
    company.close()


def granted(url: str) -> list[tuple[Any, ...]]:
    """Every privilege that somebody was given on a table."""
    return rows(
        url,
        "SELECT grantee, table_schema, table_name, privilege_type FROM information_schema.table_privileges "
        "WHERE grantee LIKE 'documented%' ORDER BY 1, 2, 3, 4",
    )


def columns(url: str) -> dict[str, str]:
    """A column of every table that is not PostgreSQL's own."""
    found = rows(url, "SELECT DISTINCT ON (1) format('%I.%I', table_schema, table_name), column_name "
                 "FROM information_schema.columns WHERE table_schema !~ '^(pg_|information_schema)' "
                 "ORDER BY 1, ordinal_position")  # fmt: skip
    return dict(found)


def allowed(url: str, tables: dict[str, str]) -> Granted:
    """What a role is let do, table by table: tried, and taken back."""
    tried = {
        "SELECT": "SELECT FROM {table} LIMIT 0",
        "INSERT": "INSERT INTO {table} DEFAULT VALUES",
        "UPDATE": 'UPDATE {table} SET "{column}" = DEFAULT WHERE false',
        "DELETE": "DELETE FROM {table} WHERE false",
        "TRUNCATE": "TRUNCATE {table}",
    }
    found = set()
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        for table, column in tables.items():
            for privilege, statement in tried.items():
                try:
                    cursor.execute(statement.format(table=table, column=column))
                    found.add((table, privilege))
                except psycopg2.errors.InsufficientPrivilege:
                    pass
                except (psycopg2.IntegrityError, psycopg2.errors.FeatureNotSupported):  # let in, then refused
                    found.add((table, privilege))
                connection.rollback()
    return found


def expected(url: str) -> dict[str, Granted]:
    """What the document says, and PostgreSQL's rule that an owner may do everything to what they own."""
    records = [table for table in columns(url) if table.startswith("tenure.")]
    said = re.findall(r"GRANT ([A-Z, ]+) ON (tenure\.\w+) TO documented_writer", "\n".join(documented()[1]))
    own = {(table, privilege) for table in records for privilege in PRIVILEGES}
    return {
        "reader": {("app.accounts", "SELECT"), ("app.events", "SELECT"), ("billing.subscriptions", "SELECT")},
        "writer": {(table, privilege) for privileges, table in said for privilege in privileges.split(", ")},
        "owner": own - {("tenure.audit", privilege) for privilege in ("UPDATE", "DELETE", "TRUNCATE")},
    }


@pytest.mark.parametrize("role", ["reader", "writer", "owner"])
def test_each_role_may_do_to_each_table_what_the_document_grants_and_nothing_else(roles: Roles, role: str) -> None:
    tables = columns(roles.administrator)
    assert len(tables) > 20
    assert allowed(roles.url(role), tables) == expected(roles.administrator)[role]


NOBODY_MAY = (
    *(f"CREATE TABLE {schema}.mine (id int)" for schema in ("app", "billing", "hr", "public")),
    *(f"CREATE FUNCTION {schema}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'" for schema in ("app", "public")),
    *(f"CREATE VIEW {schema}.mine AS SELECT 1" for schema in ("billing", "public")),
    "CREATE SCHEMA mine",
    "CREATE DATABASE mine",
    "CREATE ROLE mine",
    "CREATE EXTENSION vector",
    "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE c AS 'libc', 'getpid'",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE PUBLICATION mine FOR ALL TABLES",
    "ALTER TABLE app.accounts ADD mine int",
    "ALTER TABLE app.accounts OWNER TO CURRENT_USER",
    "ALTER SCHEMA app RENAME TO mine",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE CURRENT_USER CREATEROLE",
    "ALTER ROLE postgres PASSWORD 'mine'",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "DROP TABLE app.accounts",
    "DROP SCHEMA billing CASCADE",
    "DROP ROLE documented_reader",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "GRANT postgres TO CURRENT_USER",
    "GRANT pg_read_all_data TO CURRENT_USER",
    "GRANT pg_execute_server_program TO CURRENT_USER",
    "SET session_replication_role = replica",  # under which no trigger would run
    "COPY (SELECT 1) TO PROGRAM 'id'",
    "COPY (SELECT 1) TO '/tmp/tenure-mine'",
    "CREATE TEMP TABLE taken (line text); COPY taken FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "SELECT passwd FROM pg_shadow",
    "SELECT FROM hr.salaries",
    "DO $$BEGIN LOCK TABLE app.accounts IN ACCESS EXCLUSIVE MODE; END$$",
)
NOT_THE_WRITER = (
    "CREATE TABLE tenure.mine (id int)",
    "CREATE FUNCTION tenure.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TRIGGER mine BEFORE INSERT ON tenure.audit FOR EACH ROW EXECUTE FUNCTION tenure.refuse_change()",
    "CREATE RULE mine AS ON INSERT TO tenure.audit DO INSTEAD NOTHING",
    "ALTER TABLE tenure.audit DISABLE TRIGGER ALL",
    "DROP TRIGGER audit_append_only ON tenure.audit",
    "DROP TABLE tenure.notes",
    "DROP SCHEMA tenure CASCADE",
    "SELECT setval('tenure.audit_id_seq', 1)",
    "SELECT nextval('tenure.audit_id_seq')",
    "DO $$BEGIN LOCK TABLE tenure.audit IN ACCESS EXCLUSIVE MODE; END$$",
    "SET ROLE documented_owner",
)
GIVEN_BY_HAND = (
    "GRANT ALL ON ALL TABLES IN SCHEMA app TO CURRENT_USER",
    "GRANT ALL ON SCHEMA app TO CURRENT_USER",
    "GRANT ALL ON SCHEMA public TO CURRENT_USER",
    "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC",  # on tables they make, and they can make none
)
"""PostgreSQL may only warn that nothing was granted."""


def let_through(url: str, statements: tuple[str, ...]) -> list[str]:
    """The statements that PostgreSQL did not refuse for want of a right."""
    found = []
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True  # some will not run inside a transaction
        with connection.cursor() as cursor:
            for statement in statements:
                with suppress(psycopg2.errors.InsufficientPrivilege):
                    cursor.execute(statement)
                    found.append(statement)
    return found


@pytest.mark.parametrize("role", ["reader", "writer", "owner"])
def test_no_role_makes_or_changes_anything_outside_the_records(roles: Roles, role: str) -> None:
    assert let_through(roles.url(role), NOBODY_MAY) == []


@pytest.mark.parametrize("role", ["reader", "writer"])
def test_only_their_owner_changes_the_records_tables(roles: Roles, role: str) -> None:
    assert let_through(roles.url(role), NOT_THE_WRITER) == []


@pytest.mark.parametrize("role", ["reader", "writer", "owner"])
def test_no_role_can_give_itself_a_right(roles: Roles, role: str) -> None:
    before = granted(roles.administrator)
    for statement in GIVEN_BY_HAND:
        try:
            execute(roles.url(role), statement)
        except psycopg2.errors.InsufficientPrivilege:
            continue
    assert granted(roles.administrator) == before
    schemas = ("app", "billing", "hr", "public")
    asked = ", ".join(f"has_schema_privilege('documented_{role}', '{schema}', 'CREATE')" for schema in schemas)
    assert rows(roles.administrator, f"SELECT {asked}") == [(False,) * len(schemas)]


def test_what_any_role_of_postgresql_may_do_is_what_the_document_says(roles: Roles) -> None:
    """Settings are the role's own, and so are temporary tables and large objects: not one of them is a wall."""
    assert let_through(
        roles.url("reader"),
        (
            "SELECT set_config('default_transaction_read_only', 'off', false)",
            "SELECT set_config('statement_timeout', '0', false)",
            "CREATE TEMP TABLE mine (id int)",
            "SELECT lo_create(0)",
        ),
    ) == [
        "SELECT set_config('default_transaction_read_only', 'off', false)",
        "SELECT set_config('statement_timeout', '0', false)",
        "CREATE TEMP TABLE mine (id int)",
        "SELECT lo_create(0)",
    ]
    said = " ".join((ROOT / "docs" / "security.md").read_text(encoding="utf-8").split())
    assert "temporary tables and large objects" in said


def test_the_dashboard_works_with_exactly_these_roles(roles: Roles) -> None:
    held = roles.settings
    report = refresh.run(held, as_of=NOON)
    assert (report.rows["accounts"], report.rows["subscriptions"], report.failed) == (1, 1, {})
    assert ready(held) is None
    here = connections(roles.url("writer"))
    note = {"account_id": "acme", "note_id": UUID(int=1), "author": "ada@example.com", "now": NOON}
    notes.set_note(here, text="They renew.", **note)
    assert notes.current(here, "acme")["text"].to_list() == ["They renew."]
    assert migrate.upgrade(roles.url("owner"), writer="documented_writer") is not None


def test_a_reader_named_for_the_records_is_told_that_it_may_not_write(roles: Roles) -> None:
    held = roles.settings.model_copy(update={"records_database_url": roles.url("reader")})
    assert "permission denied" in str(ready(held))
    note = {"account_id": "acme", "note_id": UUID(int=2), "author": "ada@example.com", "now": NOON}
    with pytest.raises(RecordsNotReady, match="permission denied"):
        notes.set_note(connections(roles.url("reader")), text="No.", **note)
    connections(roles.url("reader")).dispose()


def test_migrating_takes_away_what_was_given_beside_tables(roles: Roles) -> None:
    execute(roles.url("owner"), "GRANT CREATE ON SCHEMA tenure TO documented_writer")
    execute(roles.url("owner"), "GRANT ALL ON ALL SEQUENCES IN SCHEMA tenure TO documented_writer")
    migrate.upgrade(roles.url("owner"), writer="documented_writer")
    assert let_through(roles.url("writer"), NOT_THE_WRITER) == []
