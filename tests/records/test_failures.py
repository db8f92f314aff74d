"""The database stopped, restarted, frozen, slow or busy: an answer within 5 seconds, and nothing half written."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import event

from demo import load, server
from records import corrections, migrate, ready
from records import database as connections
from records.errors import RecordsError, RecordsUnavailable
from settings import ROOT, read
from tests.freezing import frozen
from tests.records.conftest import Records, as_writer, rows

pytestmark = pytest.mark.postgres
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A server of this file's own, which may be stopped."""
    parent = Path(tempfile.mkdtemp(prefix="tenure-"))
    parent.chmod(0o755)
    yield parent / "postgres"
    server.stop(parent / "postgres", mode="immediate")
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture
def running(folder: Path) -> Iterator[Records]:
    """Migrated records on that server, with one connection open that has been used."""
    url = server.start(folder).url()
    load.make_writer(url)
    migrate.upgrade(url, writer=load.WRITER)
    made = Records(url, as_writer(url))
    save(made, "before")
    yield made
    made.engine.dispose()


def save(records: Records, theme: str) -> int:
    """One correction."""
    more = {"response_id": "r1", "author": "ada", "now": NOON}
    return corrections.set_themes(records.engine, source="nps", themes=[theme], **more)  # type: ignore[arg-type]


def fails_calmly(act: Callable[[], object]) -> str:
    """What it says, within 5 seconds."""
    started = time.monotonic()
    with pytest.raises(RecordsUnavailable) as told:
        act()
    assert time.monotonic() - started < 5
    return str(told.value)


def assert_well_again(records: Records) -> None:
    """Nobody asks a server that was silent for a while; then it is found to answer."""
    deadline = time.monotonic() + 10
    while (said := ready(records.settings)) is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert said is None


def test_a_stopped_database_is_said_at_once_and_saves_again_when_it_is_back(running: Records, folder: Path) -> None:
    server.stop(folder, mode="immediate")
    for _ in range(3):
        assert "does not answer" in fails_calmly(lambda: save(running, "lost"))
    assert "does not answer" in (ready(running.settings) or "")
    server.start(folder)
    save(running, "after")
    kept = corrections.history(running.engine, "nps", "r1")["themes"].list.first().to_list()
    assert "lost" not in kept
    assert kept[0] == "after"
    assert ready(running.settings) is None


def test_a_restart_that_nobody_noticed_costs_no_save(running: Records, folder: Path) -> None:
    server.stop(folder, mode="fast")
    server.start(folder)
    save(running, "after")
    assert corrections.current(running.engine)["theme"].to_list() == ["after"]


@pytest.mark.skipif(os.name != "posix", reason="processes cannot be frozen here")
def test_a_frozen_database_does_not_hold_the_page(running: Records, folder: Path) -> None:
    seen = corrections.version(running.engine)
    with frozen(folder):
        fails_calmly(lambda: save(running, "lost"))
        started = time.monotonic()
        assert "does not answer" in (ready(running.settings) or "")
        assert time.monotonic() - started < 5
    assert_well_again(running)
    assert corrections.version(running.engine) == seen
    assert save(running, "after") > seen


@pytest.mark.skipif(os.name != "posix", reason="processes cannot be frozen here")
def test_a_database_that_freezes_as_the_first_connection_opens_is_cut_off(running: Records, folder: Path) -> None:
    """Signing in went well; then the driver's wrapper asks a few things of its own before it hands anything out."""
    with ExitStack() as until_then:

        def freeze(connection: object, record: object) -> None:
            until_then.enter_context(frozen(folder))

        engine = connections.fresh(as_writer(running.owner))
        event.listen(engine.pool, "connect", freeze, insert=True, once=True)
        assert "does not answer" in fails_calmly(lambda: corrections.version(engine))
        engine.dispose()
    assert_well_again(running)


@pytest.mark.skipif(os.name != "posix", reason="processes cannot be frozen here")
def test_a_database_that_freezes_in_the_middle_is_cut_off(running: Records, folder: Path) -> None:
    def act() -> None:
        with connections.begin(running.engine) as connection, frozen(folder):
            connection.exec_driver_sql("SELECT 1")

    assert "does not answer" in fails_calmly(act)


def test_what_is_saved_outlives_a_crash_even_where_the_server_may_forget(records: Records) -> None:
    query = "SHOW synchronous_commit"
    assert rows(records.owner, query) == [("off",)]  # as the embedded server is set up
    with connections.begin(connections.connections(records.owner)) as connection:
        assert connection.exec_driver_sql(query).scalar() == "on"
    connections.connections(records.owner).dispose()


def test_a_slow_statement_is_stopped(records: Records) -> None:
    def act() -> None:
        with connections.begin(records.engine) as connection:
            connection.exec_driver_sql("SELECT pg_sleep(20)")

    assert "statement timeout" in fails_calmly(act)


def test_waiting_for_somebody_elses_lock_ends(records: Records) -> None:
    with closing(psycopg2.connect(records.owner)) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE tenure.theme_corrections")
        assert "lock timeout" in fails_calmly(lambda: save(records, "lost"))
        other.rollback()
    save(records, "after")


def test_when_all_connections_are_busy_people_are_asked_to_try_again(records: Records) -> None:
    hold, held = threading.Event(), threading.Barrier(9)

    def occupy() -> None:
        with connections.begin(records.engine):
            held.wait()
            hold.wait(10)

    threads = [threading.Thread(target=occupy) for _ in range(8)]
    for thread in threads:
        thread.start()
    held.wait()
    assert "all connections are busy" in fails_calmly(lambda: save(records, "lost"))
    hold.set()
    for thread in threads:
        thread.join()
    save(records, "after")


def test_whoever_breaks_off_in_the_middle_leaves_nothing_behind(records: Records) -> None:
    before = rows(records.owner, "SELECT count(*) FROM tenure.subjects")

    def act() -> None:
        with connections.begin(records.engine) as connection:
            connection.exec_driver_sql("INSERT INTO tenure.subjects (name) VALUES ('half')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert rows(records.owner, "SELECT count(*) FROM tenure.subjects") == before


def test_what_a_rule_of_the_database_forbids_is_no_outage(records: Records) -> None:
    with pytest.raises(RecordsError) as told, connections.begin(records.engine) as connection:
        connection.exec_driver_sql("INSERT INTO tenure.subjects (name) VALUES (NULL)")
    assert type(told.value) is RecordsError
    assert "null value" in str(told.value)


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:top-secret@127.0.0.1:1/x", "postgres://u:top-secret@127.0.0.1:1/x",
     "postgresql+psycopg://u@127.0.0.1:1/x?password=top-secret", "postgresql:///x?host=127.0.0.1&port=1"],
)  # fmt: skip
def test_an_address_that_nobody_answers_at_is_named_without_its_password(url: str) -> None:
    said = ready(read(ROOT / "config", {"RECORDS_DATABASE_URL": url}))
    assert said is not None
    assert said.startswith("The database of the records at 127.0.0.1:1/x does not answer: ")
    assert "top-secret" not in said


def test_without_any_database_ready_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("settings.ROOT", tmp_path)
    assert "set RECORDS_DATABASE_URL" in (ready(read(ROOT / "config", {})) or "")
