"""Loading: all or nothing, once, never over somebody's tables; and the mapping files on what was loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from demo import __main__ as command
from demo import load
from demo.company import Plan
from demo.pidfile import Server
from queries.contract import SOURCES
from tests.conftest import DEMO_PLAN, Database

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).resolve().parents[2]
TINY = Plan(date(2026, 11, 15), accounts=20, events=5_000)


def quiet(_: str) -> None:
    """Say nothing."""


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What ``query`` returns."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def execute(url: str, statement: str) -> None:
    """Runs ``statement`` and commits."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture(scope="module")
def tiny(database: Database) -> str:
    """A tiny company, loaded."""
    url = database()
    assert load.load(url, TINY, say=quiet)
    return url


def test_a_tiny_company_is_loaded_whole(tiny: str) -> None:
    assert rows(tiny, "SELECT count(DISTINCT id) FROM app.organizations WHERE id < 900000") == [(20,)]
    ((events,),) = rows(tiny, "SELECT count(*) FROM usage.events")
    assert 4_800 < events < 5_300
    assert rows(tiny, "SELECT accounts, events, today, rows FROM demo.loads") == [(20, 5_000, TINY.today, events)]


def test_a_second_load_sees_the_company_and_changes_nothing(tiny: str) -> None:
    before = rows(tiny, "SELECT loaded_at FROM demo.loads")
    assert load.load(tiny, TINY, say=quiet) is False
    assert rows(tiny, "SELECT loaded_at FROM demo.loads") == before


def test_reload_replaces_the_company(database: Database, tiny: str) -> None:
    url = database(copy_of=tiny)
    assert load.load(url, Plan(TINY.today, accounts=10, events=1_000), reload=True, say=quiet)
    assert rows(url, "SELECT count(DISTINCT id) FROM app.organizations WHERE id < 900000") == [(10,)]


@pytest.mark.parametrize("reload", [False, True], ids=["first load", "reload"])
def test_schemas_of_somebody_else_are_never_dropped(database: Database, reload: bool) -> None:
    url = database()
    execute(url, "CREATE SCHEMA billing; CREATE TABLE billing.invoices AS SELECT 1 AS id")
    with pytest.raises(load.LoadError, match=r"not the demo's: billing"):
        load.load(url, TINY, reload=reload, say=quiet)
    assert rows(url, "SELECT id FROM billing.invoices") == [(1,)]
    assert rows(url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'usage'") == [(0,)]


def test_a_load_that_fails_leaves_nothing_behind(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database()

    def fail(*_: object) -> None:
        raise load.LoadError("the disk is full")

    monkeypatch.setattr(load, "_mark", fail)
    with pytest.raises(load.LoadError):
        load.load(url, TINY, say=quiet)
    assert rows(url, "SELECT count(*) FROM pg_namespace WHERE nspname IN ('app', 'usage', 'demo')") == [(0,)]


def test_one_more_day_completes_today_and_the_next_adds_tomorrow(database: Database, tiny: str) -> None:
    url = database(copy_of=tiny)
    newest = "SELECT max(occurred_at)::date, count(*) FROM usage.events WHERE occurred_at < '2099-01-01'"
    ((_, before),) = rows(url, newest)
    assert load.add_day(url, say=quiet) == TINY.today
    ((_, between),) = rows(url, newest)
    assert load.add_day(url, say=quiet) == date(2026, 11, 16)
    assert rows(url, newest)[0] == (date(2026, 11, 16), rows(url, newest)[0][1])
    assert before < between < rows(url, newest)[0][1]
    assert rows(url, "SELECT count(*) - count(DISTINCT id) FROM usage.events") == [(0,)]


def test_a_day_cannot_be_added_to_nothing(database: Database) -> None:
    with pytest.raises(load.LoadError, match="no demo company"):
        load.add_day(database(), say=quiet)


def test_the_readers_role_reads_and_writes_nothing(postgres: Server, database: Database) -> None:
    load.make_reader(postgres.url())
    url = database()
    load.load(url, Plan(TINY.today, 5, 500), say=quiet)
    name = url.split("?")[0].rpartition("/")[2]
    reader = postgres.url(name, load.READER)
    assert rows(reader, "SELECT count(*) > 0 FROM usage.events") == [(True,)]
    for statement in ("DELETE FROM usage.events", "CREATE TABLE app.mine (id int)", "DROP TABLE app.users"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            execute(reader, statement)


@pytest.mark.parametrize("name", list(SOURCES))
def test_a_mapping_file_returns_the_contracts_columns_and_no_others(name: str, demo_url: str) -> None:
    query = (ROOT / "config" / "sources" / f"{name}.sql").read_text(encoding="utf-8")
    with closing(psycopg2.connect(demo_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM (\n{query}\n) AS source LIMIT 1")
        assert {column.name for column in cursor.description} == set(SOURCES[name].names)
        assert cursor.fetchone() is not None


def test_mapped_subscriptions_carry_words_amounts_and_requests(demo_url: str) -> None:
    query = (ROOT / "config" / "sources" / "subscriptions.sql").read_text(encoding="utf-8")
    kinds = dict(rows(demo_url, f"SELECT kind, count(*) FROM (\n{query}\n) AS s GROUP BY 1"))
    assert set(kinds) == {"paid", "usage", "trial", "free", "paused", "parked", None}
    leaving = rows(demo_url, f"SELECT count(*) FROM (\n{query}\n) AS s WHERE cancel_requested_at IS NOT NULL "
                   "AND ended_on > date '2026-11-15'")  # fmt: skip
    assert leaving[0][0] >= 2
    owing = rows(demo_url, f"SELECT count(*) FROM (\n{query}\n) AS s WHERE past_due_since IS NOT NULL "
                 "AND ended_on IS NULL")  # fmt: skip
    assert owing[0][0] >= 1
    line = rows(demo_url, f"SELECT subscription_id, account_id, line_id, started_on, count(*) FROM (\n{query}\n) AS s "
                "GROUP BY 1, 2, 3, 4 HAVING count(*) > 1")  # fmt: skip
    assert len(line) == 1  # the one duplicate among the bad rows


def test_the_small_demo_company_has_the_planned_size(demo_url: str) -> None:
    assert rows(demo_url, "SELECT accounts FROM demo.loads") == [(DEMO_PLAN.accounts,)]


# --- the command -----------------------------------------------------------------------------------------------


def test_the_command_fills_any_database_once(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    url = database()
    words = ["--url", url, "--accounts", "5", "--events", "500", "--today", "2026-11-15"]
    assert command.main(words) == 0
    assert "Loaded in" in capsys.readouterr().out
    assert command.main(words) == 0
    assert "loaded already: 5 accounts, 500 events, up to 2026-11-15" in capsys.readouterr().out
    assert command.main([*words, "--add-day"]) == 0
    assert "events on 2026-11-15" in capsys.readouterr().out


def test_the_command_says_what_is_wrong_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--url", "postgresql://nobody@127.0.0.1:1/nothing"]) == 1
    assert "Hint: check the address" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--events", "0"], ["--today", "yesterday"], ["--accounts", "-1"], ["dance"]])
def test_words_that_make_no_sense_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(words)
    assert "usage: python -m demo" in capsys.readouterr().err


def test_the_command_starts_loads_writes_the_address_and_stops(open_folder: Path) -> None:
    folder = open_folder / "data"
    folder.mkdir()

    def demo(*words: str) -> str:
        arguments = [sys.executable, "-m", "demo", *words, "--folder", str(folder)]
        done = subprocess.run(
            arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, env={**os.environ, "LANG": "xx_XX.UTF-8"}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        assert "Loaded in" in demo("--accounts", "5", "--events", "500", "--today", "2026-11-15")
        address = (folder / "demo.url").read_text(encoding="utf-8").strip()
        assert "tenure_reader@" in address
        assert rows(address, "SELECT accounts FROM demo.loads") == [(5,)]
        assert "loaded already" in demo("start")
        records = (folder / "records.url").read_text(encoding="utf-8").strip()
        execute(records, "INSERT INTO tenure.subjects (name) VALUES ('ada')")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            rows(records, "SELECT * FROM app.users")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            rows(address, "SELECT * FROM tenure.subjects")
        assert rows(records, "SHOW synchronous_commit") == [("on",)]
        assert "Loaded in" in demo("--reload", "--accounts", "6", "--events", "500", "--today", "2026-11-15")
        assert rows(address, "SELECT accounts FROM demo.loads") == [(6,)]
        assert rows(records, "SELECT name FROM tenure.subjects") == [("ada",)]  # what people wrote down stays
    finally:
        assert "stopped" in demo("stop")
    assert "was not running" in demo("stop")
