"""Fixtures shared by all tests: a real PostgreSQL, fresh databases in it, and a small demo company."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from demo import load, server
from demo.company import Plan
from demo.pidfile import Server

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
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(open_folder: Path) -> Iterator[Server]:
    """An embedded PostgreSQL of this test session; ends with it."""
    running = server.start(open_folder / "postgres")
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
