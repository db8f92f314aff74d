"""A clock that is wrong by an hour, here or at a worker: nothing is sent twice, and no snapshot is called too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from demo.pidfile import Server
from outreach.worker import Worker
from pages.shared import readiness
from queries import refresh
from records import clock as clocks
from records import outbox, sending
from records.clock import DatabaseClock
from reports import freshness
from tests.conftest import Database
from tests.outreach.office import opened
from tests.queries.company import Company, use
from tests.records import outreach
from tests.records.conftest import Records

pytestmark = pytest.mark.postgres
HOUR = timedelta(hours=1)
WRONG = pytest.mark.parametrize("wrong", [HOUR, -HOUR], ids=["an hour ahead", "an hour behind"])


def turn(monkeypatch: pytest.MonkeyPatch, wrong: timedelta, *modules: ModuleType) -> None:
    """This machine's clock, as these modules see it, is ``wrong``."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + wrong

    for module in modules:
        monkeypatch.setattr(module, "datetime", Wrong)


@pytest.fixture(scope="module")
def company(postgres: Server, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Company:
    made = Company(database(), tmp_path_factory.mktemp("company"))
    made.choose(stale_after='"10m"')
    made.customers("a")
    made.table("events", use("a", "2026-03-02 10:00Z"))
    made.close()
    return made


@WRONG
def test_a_snapshot_is_as_old_as_it_is(company: Company, monkeypatch: pytest.MonkeyPatch, wrong: timedelta) -> None:
    turn(monkeypatch, wrong, refresh, readiness, freshness)
    report = refresh.run(company.settings)
    assert abs(report.as_of - datetime.now(UTC)) < timedelta(minutes=1)  # by the database's clock
    found = readiness._snapshot(company.settings)
    assert (found["ok"], found["state"]) == (True, "young enough")
    assert 0 <= found["age_seconds"] < 60
    assert timedelta() <= freshness.age(company.frames()) < timedelta(minutes=1)
    freshness.check(company.frames(), company.settings)


@WRONG
def test_a_clock_that_is_set_right_afterwards_makes_no_snapshot_stale_for_ever_or_of_the_future(
    company: Company, monkeypatch: pytest.MonkeyPatch, wrong: timedelta
) -> None:
    with monkeypatch.context() as harm:
        turn(harm, wrong, refresh)
        refresh.run(company.settings)
    assert freshness.age(company.frames()) in (timedelta(), pytest.approx(HOUR, abs=timedelta(minutes=1)))
    refresh.run(company.settings)
    assert timedelta() <= freshness.age(company.frames()) < timedelta(minutes=1)


@WRONG
def test_two_workers_of_which_one_has_a_wrong_clock_send_each_message_once(
    empty: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: timedelta
) -> None:
    turn(monkeypatch, wrong, clocks)
    queued = [outreach.row() for _ in range(4)]
    campaign = outreach.running(empty, queued, kind="internal", now=datetime.now(UTC))
    with opened() as office:
        held = _settings(empty, tmp_path, office.url)
        hers = Worker(held, empty.engine)
        clock = DatabaseClock(empty.engine)
        his = Worker(held, empty.engine, clock=clock, set_clock=clock.set)
        taken: list[Any] = []

        def while_hers_is_at_work(number: int) -> str:
            if number == 0:
                taken.append(his.round())
            return "250 OK"

        office.at_end = while_hers_is_at_work
        hers.round()
        his.round()
        assert sorted(office.ids()) == sorted(str(each.id) for each in queued)
    assert outbox.reconcile(empty.engine, campaign) == {"sent": 4}
    assert [each.taken for each in taken] == [0]  # her leases have not ended, whatever his clock says
    assert abs(clock() - datetime.now(UTC)) < timedelta(minutes=1)
    pulse = sending.pulse(empty.engine)
    assert pulse is not None
    assert pulse.ago < sending.SILENT


def _settings(records: Records, folder: Path, url: str) -> Any:
    changed = {"smtp_url": url, "snapshot_dir": str(folder), "secret_key": "x" * 32}
    return records.settings.model_copy(update=changed)


@WRONG
def test_a_heartbeat_is_as_old_as_it_is_and_one_of_the_future_is_new(empty: Records, wrong: timedelta) -> None:
    now = datetime.now(UTC)
    sending.beat(empty.engine, UUID(int=1), started_at=now, now=now + wrong, sent=0)
    found = sending.pulse(empty.engine)
    assert found is not None
    assert (found.ago <= sending.SILENT) is (wrong > timedelta())
    assert found.ago >= timedelta()
