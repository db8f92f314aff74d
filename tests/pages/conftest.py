"""Fixtures of tests of pages: records of a test's own, and nothing remembered of another's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import streamlit as st

import settings
from pages.shared import scopes, trail, written
from records.database import connections
from tests.conftest import Database
from tests.pages import browser, canary_company
from tests.pages.canary_company import Company
from tests.records.conftest import Records, as_writer, template

__all__ = ["template"]


@pytest.fixture(scope="session", autouse=True)
def no_components() -> Iterator[None]:
    """No AppTest reads the metadata of every installed package in search of components that nobody has installed."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("streamlit.components.v2.manifest_scanner.scan_component_manifests", list)
        yield


@pytest.fixture(scope="session")
def demo_server(demo_settings: settings.Settings) -> Iterator[browser.Server]:
    """A server of the demo company's pages, for tests in Chromium that write nothing down."""
    environment = {
        "SNAPSHOT_DIR": demo_settings.snapshot_dir,
        "PRODUCT_DATABASE_URL": demo_settings.product_database_url or "",
        "TENURE_JOBS": "off",
    }
    with browser.serving(environment) as server:
        yield server


@pytest.fixture
def records_url(template: str, database: Database) -> Iterator[str]:
    """Records of the test's own, ready to be written to by the dashboard's role."""
    writer = as_writer(database(copy_of=template))
    yield writer
    connections(writer).dispose()


@pytest.fixture(scope="module")
def outreach_records(template: str, database: Database) -> Iterator[Records]:
    """Records shared by the tests of a file; each test makes campaigns of its own."""
    url = database(copy_of=template)
    made = Records(url, as_writer(url))
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def company(outreach_records: Records, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """The company in which every text is a canary; nothing is remembered of it before or after."""
    st.cache_data.clear()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(written, "_refused", [])
        yield canary_company.company(tmp_path_factory.mktemp("canaries"), outreach_records)
    st.cache_data.clear()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing remembered from another test's records."""
    st.cache_data.clear()
    monkeypatch.setattr(written, "_refused", [])


@pytest.fixture(autouse=True)
def nobody_looked_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose answers are kept warm is not what the viewers of another test opened."""
    monkeypatch.setattr(scopes, "_opened", {})


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> list[trail.Entry]:
    """The audit trail of looks and downloads of this test, kept here instead of written down."""
    kept: list[trail.Entry] = []
    monkeypatch.setattr(
        trail,
        "_add",
        lambda actor, action, what, about: kept.append(trail.Entry(actor, action, what, datetime.now(UTC), about)),
    )
    return kept
