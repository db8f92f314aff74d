"""The audit trail of looks and downloads: written down beside the page, and never lost without a word."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import settings
from pages.shared import trail, viewer
from pages.shared.roles import Right
from records import audit
from records.database import connections
from records.errors import RecordsUnavailable

ADD = trail._add  # the fixture ``looks`` puts another in its place
EVE = viewer.Viewer("eve@us.example", "eve@us.example", "executive")
AT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def held(demo_settings, records_url, monkeypatch) -> settings.Settings:
    mine = demo_settings.model_copy(update={"records_database_url": records_url})
    monkeypatch.setattr(settings, "get", lambda: mine)
    monkeypatch.setattr(trail, "_add", ADD)
    monkeypatch.setattr(trail, "PATIENCE", 0.05)
    return mine


def test_a_file_that_is_taken_is_noted_under_the_name_it_was_drawn_for(held, monkeypatch):
    monkeypatch.setattr(viewer, "now", lambda: EVE)
    take = trail.exporting(lambda: b"rows", "table/accounts", rows=3)
    monkeypatch.setattr(viewer, "now", lambda: None)  # a press is no session's
    assert take() == b"rows"
    assert trail.flush()
    rows = audit.entries(connections(held.records_database_url)).select("actor", "action", "object", "after").rows()
    assert rows == [("eve@us.example", "export", "table/accounts", '{"rows": 3}')]


def test_a_file_beyond_the_role_is_neither_made_nor_noted(held, monkeypatch):
    monkeypatch.setattr(viewer, "now", lambda: EVE)
    take = trail.exporting(lambda: pytest.fail("it was made"), "report/a", Right.PEOPLE)
    with pytest.raises(viewer.NotAllowed):
        take()
    assert trail.flush()
    assert audit.entries(connections(held.records_database_url)).is_empty()


def test_what_cannot_be_written_now_is_tried_again(held, monkeypatch):
    write, tries = audit.write, []

    def once_away(*where, **what):
        tries.append(what["object"])
        if len(tries) == 1:
            raise RecordsUnavailable("The database does not answer.")
        write(*where, **what)

    monkeypatch.setattr(audit, "write", once_away)
    ADD("ada", "view", "account/a", {})
    assert trail.flush()
    assert tries == ["account/a", "account/a"]
    assert audit.entries(connections(held.records_database_url))["object"].to_list() == ["account/a"]


def test_without_records_the_log_is_told(held, monkeypatch, caplog):
    monkeypatch.setattr(settings, "get", lambda: held.model_copy(update={"records_database_url": None}))
    ADD("ada", "view", "account/a", {})
    assert trail.flush()
    assert '"object": "account/a"' in caplog.text
