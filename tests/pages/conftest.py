"""Fixtures of tests of pages: records of a test's own, and nothing remembered of another's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import streamlit as st

from demo import load
from demo.pidfile import Server
from pages.shared import written
from records import migrate
from records.database import connections
from tests.conftest import Database


@pytest.fixture
def records_url(postgres: Server, database: Database) -> Iterator[str]:
    """Records of the test's own, ready to be written to by the dashboard's role."""
    load.make_writer(postgres.url())
    url = database()
    migrate.upgrade(url, writer=load.WRITER)
    writer = url.replace("postgres@", f"{load.WRITER}@", 1)
    yield writer
    connections(writer).dispose()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing remembered from another test's records."""
    st.cache_data.clear()
    monkeypatch.setattr(written, "_refused", [])
