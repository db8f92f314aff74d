"""The embedded PostgreSQL: starts, is shared, survives, and starts again after every kind of end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from demo import pidfile, server
from demo.pidfile import Server
from demo.server import ServerError

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def parent() -> Iterator[Path]:
    """A folder for these tests, which PostgreSQL's own account can enter and whose path is short."""
    path = Path(tempfile.mkdtemp(prefix="tenure-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def folder(parent: Path) -> Iterator[Path]:
    """A data folder with nothing running in it; made once, and stopped after each test."""
    yield parent / "postgres"
    server.stop(parent / "postgres", mode="immediate")


def answer(running: Server) -> int:
    """1, from the server."""
    connection = psycopg2.connect(running.url(), connect_timeout=5)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            row = cursor.fetchone()
            assert row is not None
            return int(row[0])
    finally:
        connection.close()


def kill(running: Server) -> None:
    """kill -9, and wait until the process is gone."""
    process = psutil.Process(running.pid)
    process.kill()
    deadline = time.monotonic() + 10
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_second_start_shares_the_running_server(folder: Path) -> None:
    first, second = server.start(folder), server.start(folder)
    assert first == second
    assert answer(second) == 1


def test_the_server_survives_the_process_that_started_it(folder: Path) -> None:
    code = f"from pathlib import Path; from demo import server; print(server.start(Path({str(folder)!r})).pid)"
    started = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert started.returncode == 0, started.stderr
    shared = server.start(folder)
    assert shared.pid == int(started.stdout)
    assert answer(shared) == 1


def test_it_starts_again_after_kill_9_with_its_data(folder: Path) -> None:
    first = server.start(folder)
    connection = psycopg2.connect(first.url())
    with connection, connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on; DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42")
    connection.close()
    kill(first)
    second = server.start(folder)
    assert second.pid != first.pid
    connection = psycopg2.connect(second.url())
    with connection, connection.cursor() as cursor:
        cursor.execute("TABLE kept")
        assert cursor.fetchone() == (42,)
    connection.close()


def test_a_stale_pid_file_that_names_another_process_is_replaced_and_that_process_lives(folder: Path) -> None:
    first = server.start(folder)
    kill(first)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    try:
        for lock in (folder / "postmaster.pid", Path(first.host) / f".s.PGSQL.{first.port}.lock"):
            lines = lock.read_text().splitlines()
            lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        second = server.start(folder)
        assert answer(second) == 1
        assert second.pid != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_torn_pid_file_is_replaced(folder: Path) -> None:
    kill(server.start(folder))
    (folder / "postmaster.pid").write_text("123")
    assert answer(server.start(folder)) == 1


@pytest.mark.parametrize("name", ["with a space", "it's Jürgen's", "x" * 110], ids=["space", "quote", "long"])
def test_any_folder_will_do(parent: Path, name: str) -> None:
    folder = parent / name / "postgres"
    try:
        assert answer(server.start(folder)) == 1
    finally:
        assert server.stop(folder, mode="immediate")
        shutil.rmtree(folder.parent)


def test_stop_ends_the_server_and_says_whether_there_was_one(folder: Path) -> None:
    assert server.stop(folder) is False
    running = server.start(folder)
    assert server.stop(folder) is True
    assert not pidfile.is_ours(running.pid, folder)
    assert server.stop(folder) is False


def test_stop_leaves_a_stranger_named_by_a_stale_pid_file_alone(folder: Path) -> None:
    kill(server.start(folder))
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
        (folder / "postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        assert server.stop(folder) is False
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.skipif(os.name != "posix", reason="owners are a POSIX matter")
def test_a_folder_of_another_account_is_refused_with_a_hint(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = parent / "foreign"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("18\n")
    monkeypatch.setattr(server, "_is_root", lambda: True)  # whoever we are, the folder is not pgserver's
    with pytest.raises(ServerError, match=r"was made by .*\n\nHint: run as"):
        server.start(folder)


def test_a_broken_configuration_shows_the_log(folder: Path) -> None:
    server.start(folder)
    server.stop(folder)
    configuration = folder / "postgresql.conf"
    good = configuration.read_text()
    try:
        configuration.write_text(good + "\nno_such_setting = 1\n")
        with pytest.raises(ServerError, match="no_such_setting"):
            server.start(folder)
    finally:
        configuration.write_text(good)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root opens folders")
def test_as_root_it_says_which_folders_it_opened(folder: Path) -> None:
    folder.parent.chmod(0o700)
    said: list[str] = []
    server.start(folder, say=said.append)
    assert any(f"opened to it (now r-x for all): {folder.parent}" in line for line in said)
    assert folder.parent.stat().st_mode & 0o777 == 0o755


def test_a_url_names_the_socket_folder_or_the_port() -> None:
    assert Server(Path("/x"), 1, "/a b", 5432).url("db", "me") == "postgresql://me@/db?host=/a%20b&port=5432"
    assert Server(Path("/x"), 1, "127.0.0.1", 6001).url("db") == "postgresql://postgres@127.0.0.1:6001/db"


def test_signals_to_the_starter_do_not_reach_the_server(folder: Path) -> None:
    code = (
        f"from pathlib import Path; from demo import server; import time\n"
        f"print(server.start(Path({str(folder)!r})).pid, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    os.killpg(starter.pid, signal.SIGINT)  # Ctrl-C in the terminal goes to the whole group
    starter.wait(timeout=20)
    starter.stdout.close()
    assert server.start(folder).pid == pid
