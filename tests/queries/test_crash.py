"""Killed processes, frozen servers and full disks: readers see a whole snapshot, and the next refresh works."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest

from demo import load, server
from queries import refresh
from queries.errors import RefreshBusy, RefreshError
from queries.store import last_failure
from tests.queries.company import NOON, Company, use
from tests.queries.crash import refresh_until

pytestmark = pytest.mark.postgres

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def forked():
    """Starts processes that have imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.queries.crash"])
    return context


def fill(company: Company) -> None:
    company.customers("a", "b")
    company.table("people", {"user_id": "u", "account_id": "a"})
    company.table("events", *[use(i, f"2026-0{month}-02 10:00Z") for i in ("a", "b") for month in (1, 2, 3)])


def everything(company: Company) -> dict[str, list[tuple]]:
    frames = company.frames()
    return {name: sorted(frame.collect().rows(), key=repr) for name, frame in frames.mapping().items()}


def killed(forked, company: Company, point: str, number: int, at) -> int | None:
    environment = {"PRODUCT_DATABASE_URL": company.url, "SNAPSHOT_DIR": company.settings.snapshot_dir}
    process = forked.Process(target=refresh_until, args=(str(company.config), environment, at, point, number))
    process.start()
    process.join(60)
    return process.exitcode


def refreshed(company: Company, at) -> refresh.Report:
    """A refresh, once the server has noticed that the killed one is gone."""
    for _ in range(100):
        try:
            return company.refresh(at)
        except RefreshBusy:
            time.sleep(0.05)
    raise AssertionError("the killed refresher still holds the lock")


def test_wherever_a_refresh_is_killed_readers_see_a_whole_snapshot(company, forked):
    fill(company)
    company.refresh(NOON)
    seen, snapshot = everything(company), company.manifest.id
    company.add("events", use("a", "2026-03-16 09:00Z"))
    company.add("accounts", {"account_id": "c", "name": "C", "signed_up_at": "2026-01-01 12:00Z"})
    points = [  # in the order in which a refresh passes them: an object that was written is not written again
        ("write accounts", 1), ("replace accounts", 1), ("step", 1), ("step", 8), ("step", 14), ("replace activity", 1),
        ("step", 17), ("written activity_monthly", 1), ("step", 19), ("write manifest", 1), ("replace manifest", 1),
        ("written manifest", 1), ("write current", 1), ("replace current", 1),
    ]  # fmt: skip
    for point, number in points:
        assert killed(forked, company, point, number, NOON + MINUTE) == -signal.SIGKILL, (point, number)
        assert company.manifest.id == snapshot
        assert company.manifest.names() <= company.store.names().keys()
    assert everything(company) == seen
    assert killed(forked, company, "written current", 1, NOON + MINUTE) == -signal.SIGKILL
    assert company.manifest.id != snapshot
    assert len(everything(company)["accounts"]) == 3
    assert refreshed(company, NOON + 2 * MINUTE).failed == {}


def test_what_a_killed_refresh_left_lying_about_is_swept_up(company, forked):
    fill(company)
    assert killed(forked, company, "replace accounts", 1, NOON) == -signal.SIGKILL
    folder = Path(company.settings.snapshot_dir)
    parts = [path for path in folder.rglob(".*") if path.is_file()]
    assert len(parts) == 1
    os.utime(parts[0], (time.time() - 7200,) * 2)
    refreshed(company, NOON)
    assert not parts[0].exists()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a few hundred kilobytes, where this account may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], capture_output=True
    ).returncode:
        pytest.skip("this machine allows no mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_last_snapshot_serving(company, small_disk, monkeypatch):
    fill(company)
    (company.folder / "snap").symlink_to(small_disk, target_is_directory=True)
    company.refresh(NOON)
    seen = everything(company)
    (small_disk / "other people's").write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096 - 4096))
    company.add("events", use("b", "2026-03-16 09:00Z"))
    with pytest.raises(RefreshError, match=r"The snapshot cannot be written: .*No space left on device") as failed:
        company.refresh(NOON + MINUTE)
    assert failed.value.hint == "check disk space and SNAPSHOT_DIR"
    assert everything(company) == seen
    (small_disk / "other people's").unlink()
    assert [path for path in small_disk.rglob(".*") if path.is_file()] == []
    company.refresh(NOON + 2 * MINUTE)
    assert everything(company) != seen


def test_a_file_where_the_snapshots_should_go_is_named(company):
    fill(company)
    (company.folder / "snap").write_text("in the way")
    with pytest.raises(RefreshError, match=r"The snapshot cannot be written: .*snap"):
        company.refresh()


@pytest.fixture
def own_server(open_folder):
    """A server of this test's own, to be treated badly."""
    folder = open_folder / "frail"
    running = server.start(folder)
    load.make_database(running.url(), "shop")
    yield running
    server.stop(folder)


def postmaster(running) -> int:
    return int((running.folder / "postmaster.pid").read_text().split()[0])


def test_a_server_that_freezes_or_is_killed_ends_the_refresh_with_words(own_server, tmp_path):
    company = Company(own_server.url("shop"), tmp_path)
    fill(company)
    company.refresh(NOON)
    seen = everything(company)

    os.kill(postmaster(own_server), signal.SIGSTOP)
    started = time.monotonic()
    try:
        with pytest.raises(RefreshError, match=r"cannot be reached.*timeout expired"):
            company.refresh(NOON + MINUTE)
    finally:
        os.kill(postmaster(own_server), signal.SIGCONT)
    assert time.monotonic() - started < 15
    assert everything(company) == seen
    company.refresh(NOON + MINUTE)

    def kill_it(what: str, done: int, of: int) -> None:
        if what == "nps":
            company.sql("SELECT 1")
            backend = backends(company)[0]
            company.close()
            os.kill(backend, signal.SIGKILL)  # PostgreSQL then ends every connection and recovers

    with pytest.raises(RefreshError, match="The product database went away"):
        refresh.run(company.settings, as_of=NOON + 2 * MINUTE, progress=kill_it)
    assert "went away" in last_failure(company.store).message
    assert everything(company) == seen
    _when_it_is_back(company)
    assert company.refresh(NOON + 3 * MINUTE).failed == {}


def backends(company: Company) -> list[int]:
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tenure'"
    return [pid for (pid,) in company.sql(query)]


def _when_it_is_back(company: Company) -> None:
    for _ in range(200):
        try:
            company.sql("SELECT 1")
        except psycopg2.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not come back")
