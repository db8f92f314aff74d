"""What ``/ready`` says of the database, the snapshot, the records, the worker and mail, each by itself."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import settings
from pages.shared import readiness
from records import sending
from tests.conftest import Database
from tests.pages import snapshot
from tests.records.conftest import Records

pytestmark = pytest.mark.postgres
WORKER = UUID(int=7)


@pytest.fixture
def held(outreach_records: Records, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A young snapshot, a product database that answers, and records in another database."""
    snapshot.write(tmp_path, {"accounts": [{"account_id": "a", "name": "Acme"}]})
    urls = {"product_database_url": database(), "records_database_url": outreach_records.writer}
    made = snapshot.settings_for(tmp_path).model_copy(update={**urls, "smtp_url": "smtp://mail.example.com"})
    use(made, monkeypatch)
    return made


def use(made: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "get", lambda: made)
    monkeypatch.setattr(readiness, "_running", {})


def asked() -> tuple[int, dict[str, Any]]:
    answer = asyncio.run(readiness.ready(None))  # type: ignore[arg-type]
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, json.loads(bytes(answer.body))


def beat(records: Records, *, ago: timedelta = timedelta(), mail_ok: bool | None = None) -> None:
    now = datetime.now(UTC)
    sending.beat(records.engine, WORKER, started_at=now - ago, now=now - ago, sent=1, mail_ok=mail_ok)


def test_each_part_is_told_apart_and_none_of_sending_turns_readers_away(
    held: settings.Settings, outreach_records: Records
) -> None:
    records = outreach_records
    status, body = asked()
    assert (status, body["ready"], body["degraded"]) == (200, True, ["worker"])
    assert body["worker"] == {"ok": False, "state": "none was ever heard of"}
    assert body["mail"] == {"ok": None, "state": "unknown"}
    assert body["records"] == body["database"] == {"ok": True, "state": "answers"}

    beat(records)
    status, body = asked()
    assert (status, body["degraded"], body["worker"]["state"]) == (200, [], "works")
    assert 0 <= body["worker"]["silent_seconds"] < 60

    beat(records, mail_ok=True)
    assert asked()[1]["mail"] == {"ok": True, "state": "server answers"}
    beat(records, mail_ok=False)
    status, body = asked()
    assert (status, body["degraded"]) == (200, ["mail"])
    assert body["mail"] == {"ok": False, "state": "server does not answer"}

    sending.pause(records.engine, actor="ada", reason="Holidays", now=datetime.now(UTC))
    status, body = asked()
    assert (status, body["degraded"], body["worker"]["state"]) == (200, ["worker", "mail"], "sending is paused")
    sending.resume(records.engine, actor="ada", now=datetime.now(UTC))

    beat(records, ago=timedelta(minutes=3), mail_ok=False)
    status, body = asked()
    assert (status, body["degraded"], body["worker"]["state"]) == (200, ["worker"], "silent")
    assert body["mail"]["ok"] is None  # whoever knew is silent
    assert "Holidays" not in json.dumps(body)
    assert str(WORKER) not in json.dumps(body)


def test_records_that_are_away_are_told_and_readers_stay(
    held: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(held.model_copy(update={"records_database_url": "postgresql://nobody@127.0.0.1:1/secret"}), monkeypatch)
    status, body = asked()
    assert (status, body["ready"], body["degraded"]) == (200, True, ["records"])
    assert (body["worker"], body["mail"]) == ({"ok": None, "state": "unknown"},) * 2
    assert "secret" not in json.dumps(body)


def test_without_a_place_for_records_there_is_no_worker_to_miss(
    held: settings.Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = held.product_database_url
    use(held.model_copy(update={"records_database_url": same, "smtp_url": None}), monkeypatch)
    status, body = asked()
    assert (status, body["degraded"]) == (200, [])
    assert body["worker"] == {"ok": None, "state": "not set up"}
    assert body["mail"] == {"ok": True, "state": "written to files"}
    assert "records" not in body


@pytest.mark.parametrize("away", ["database", "snapshot"])
def test_what_readers_need_turns_them_away(
    held: settings.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away: str
) -> None:
    if away == "database":
        use(held.model_copy(update={"product_database_url": "postgresql://nobody@127.0.0.1:1/none"}), monkeypatch)
    else:
        snapshot.write(tmp_path, {"accounts": []}, old=timedelta(hours=9), id="old")
    status, body = asked()
    assert (status, body["ready"], body[away]["ok"]) == (503, False, False)
    assert body["snapshot" if away == "database" else "database"]["ok"] is True
