"""Fixtures of the tests of records: a migrated database, as its owner and as the dashboard's role see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest
from sqlalchemy import Engine

import settings
from demo import load
from demo.pidfile import Server
from records import database as connections
from records import migrate
from tests.conftest import Database


@dataclass(frozen=True)
class Records:
    """Schema ``tenure`` in a database of its own."""

    owner: str
    writer: str

    @property
    def engine(self) -> Engine:
        """The dashboard's connections."""
        return connections.connections(self.writer)

    @property
    def settings(self) -> settings.Settings:
        """The project's own settings, with these records."""
        return settings.read(settings.ROOT / "config", {"RECORDS_DATABASE_URL": self.writer})


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


def as_writer(url: str) -> str:
    """The same database for the dashboard's role."""
    return url.replace("postgres@", f"{load.WRITER}@", 1)


@pytest.fixture(scope="session")
def template(postgres: Server, database: Database) -> str:
    """A migrated database that nobody connects to."""
    load.make_writer(postgres.url())
    url = database()
    migrate.upgrade(url, writer=load.WRITER)
    return url


@pytest.fixture(scope="module")
def records(template: str, database: Database) -> Iterator[Records]:
    """Migrated records, shared by the tests of a file; each test writes about things of its own."""
    url = database(copy_of=template)
    made = Records(url, as_writer(url))
    yield made
    made.engine.dispose()


@pytest.fixture
def empty(template: str, database: Database) -> Iterator[Records]:
    """Migrated records of the test's own, with nothing in them."""
    url = database(copy_of=template)
    made = Records(url, as_writer(url))
    yield made
    made.engine.dispose()
