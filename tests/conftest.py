"""Fixtures shared by all tests: a real PostgreSQL, fresh databases in it, and a small demo company."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path

import fasteners
import hypothesis
import psycopg2
import pytest
from psycopg2 import sql

import settings
from demo import load, server
from demo.company import Plan
from demo.pidfile import Server
from queries import frames, refresh
from tests import vectors

os.environ["STREAMLIT_SECRETS_FILES"] = os.devnull  # whoever runs the tests has databases of their own in theirs
DEMO_PLAN = Plan(today=date(2026, 11, 15), accounts=150, events=250_000)
"""The small company of :func:`demo_url`; ``demo.stories.stories(DEMO_PLAN.today)`` are its stories."""

Database = Callable[..., str]
"""``database()`` makes an empty database, ``database(copy_of=url)`` a copy of another; both return its URL."""


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own account can enter, which pytest's are not when root runs the tests.

    Its path is short: the path of a socket must be.
    """
    folder = Path(tempfile.mkdtemp(prefix="tenure-"))
    folder.chmod(0o755)
    yield folder
    subprocess.Popen(["rm", "-rf", str(folder)], start_new_session=True)  # thousands of files; nobody waits for them


@pytest.fixture(scope="session")
def postgres(open_folder: Path) -> Iterator[Server]:
    """An embedded PostgreSQL of this test session; ends with it."""
    running = server.start(open_folder / "postgres")
    with closing(psycopg2.connect(running.url())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for setting in ("fsync", "full_page_writes", "autovacuum"):  # nothing here must survive a power cut
                cursor.execute(f"ALTER SYSTEM SET {setting} = off")
            cursor.execute("SELECT pg_reload_conf()")
    yield running
    server.stop(running.folder, mode="immediate")


@pytest.fixture(scope="session")
def database(postgres: Server) -> Database:
    """Makes databases on the session's server: ``database()`` or ``database(copy_of=demo_url)`` -> URL of the owner."""
    numbers = itertools.count(1)

    def make(copy_of: str | None = None) -> str:
        name = f"test_{os.getpid()}_{next(numbers)}"
        if copy_of is None:
            load.make_database(postgres.url(), name)
        else:
            _copy(postgres.url(), copy_of, name)
        return postgres.url(name)

    return make


def _copy(url: str, original: str, name: str) -> None:
    """A copy of a database; nobody may be connected to the original meanwhile."""
    template = original.rpartition("/")[2] if "?" not in original else original.split("?")[0].rpartition("/")[2]
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                [template],
            )
            cursor.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )


@pytest.fixture(scope="session")
def demo_url(database: Database) -> str:
    """A small demo company, loaded once per session; do not change it (``database(copy_of=demo_url)`` is yours)."""
    url = database()
    load.load(url, DEMO_PLAN, say=lambda _: None)
    return url


@pytest.fixture(scope="session")
def demo_settings(
    demo_url: str, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> settings.Settings:
    """The project's own settings and mappings over the small demo company, refreshed once; do not refresh again.

    Processes that share the tests share the snapshot: the first to need it makes it.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo-snapshot"
    held = settings.read(settings.ROOT / "config", {"PRODUCT_DATABASE_URL": demo_url, "SNAPSHOT_DIR": str(folder)})
    with fasteners.InterProcessLock(f"{folder}.lock"):
        if not folder.exists():
            with vectors.remembered(pytestconfig):
                refresh.run(held, as_of=datetime.combine(DEMO_PLAN.today, time(20), UTC))
    return held


@pytest.fixture(scope="session")
def demo_frames(demo_settings: settings.Settings) -> frames.Frames:
    """The frames of the small demo company, for whoever may see everything."""
    return frames.open_snapshot(frames.current_id(demo_settings), frames.Scope(), demo_settings)


hypothesis.settings.register_profile("tenure", deadline=None, max_examples=20)  # a busy machine is not a failure
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("tenure")  # `pytest --hypothesis-profile=thorough` looks longer


MAIN = sys.modules["__main__"]
"""The program that runs the tests."""
SLOWEST_FIRST = (
    *("pages/test_hostile.py", "reliability/test_faults.py", "pages/test_sign_in.py", "queries/test_erase.py"),
    "reliability/test_replicas.py",
    *("pages/test_access_matrix.py", "pages/test_access_own.py"),
    *("pages/test_pages.py", "queries/test_incremental.py", "reports/test_prep_sheet.py", "bench/test_bench.py"),
    *("reports/test_business_review.py", "metrics/test_themes.py", "pages/test_churn_reasons.py"),
    *("metrics/test_retention_oracle.py", "pages/test_server.py", "pages/test_cohorts.py", "pages/test_campaigns.py"),
    *("pages/test_account.py", "pages/test_nps.py", "metrics/test_health.py", "queries/test_refresh.py"),
    *("outreach/test_worker.py", "pages/test_overview.py", "metrics/test_revenue_oracle.py", "demo/test_load.py"),
    *("metrics/test_theme_learning.py", "metrics/test_stated.py", "records/test_failures.py", "queries/test_crash.py"),
    *("queries/test_bucket.py",),
    *("queries/test_comments.py", "bench/test_outreach.py", "metrics/test_emerging.py", "pages/test_warming.py"),
)
"""Files of tests that take long. The first to start, because a file runs in one process: whichever of them began last
would keep one process busy while the others wait."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files first, in the order of :data:`SLOWEST_FIRST`; what is for `make thorough` only is left to it."""
    if os.environ.get("TENURE_TESTS") != "all":
        left = [item for item in items if item.get_closest_marker("thorough")]
        items[:] = [item for item in items if item not in left]
        config.hook.pytest_deselected(items=left)
    here = Path(__file__).resolve().parent
    places = {here / name: place for place, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session", autouse=True)
def cheaper() -> Iterator[None]:
    """What takes time and shows nothing here: waiting for the disk, and reading all time zones for every settings."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: None)
        patched.setattr(settings, "available_timezones", cache(zoneinfo.available_timezones))
        yield


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's AppTest leaves the script it ran as ``__main__``, which multiprocessing would run again.

    A fixture of a whole file may have run one before any test.
    """
    sys.modules["__main__"] = MAIN
    monkeypatch.setitem(sys.modules, "__main__", MAIN)
