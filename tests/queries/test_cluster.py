"""A refresh from a Citus cluster publishes what the same refresh from one PostgreSQL does, file by file.

The cluster is the one that ``CITUS_URL`` leads to, as somebody who may make tables there: its coordinator, a database
with the extension and its workers. Without it, functions that do nothing stand in for Citus's own, so that everything
here but Citus is tried all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg2
import pytest

import settings
from demo import load
from demo.company import Plan
from queries import events, mapping, refresh
from queries.build import Build
from queries.contract import EVENTS
from queries.database import render, session
from queries.events import Events
from queries.sources import Reader
from queries.store import Manifest, Store, newest_manifest
from tests.queries.company import ROOT
from tests.queries.statements import distribution

pytestmark = pytest.mark.postgres

PLAN = Plan(today=date(2026, 11, 15), accounts=20, events=4_000)
YOUNG = "DELETE FROM usage.events WHERE occurred_at BETWEEN '1971-01-01' AND '2026-07-01'"
"""Makes the company's use a few months long, because every month costs a refresh a look."""
EVENING = datetime.combine(PLAN.today, time(20), UTC)
DAY = timedelta(days=1)

STAND_IN = """
CREATE FUNCTION create_distributed_table(regclass, text, colocate_with text DEFAULT '') RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION create_reference_table(regclass) RETURNS void LANGUAGE sql AS '';
"""


@dataclass
class Place:
    """A database with the demo company, and the snapshots made of it."""

    url: str
    folder: Path

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    @property
    def settings(self) -> settings.Settings:
        given = {"PRODUCT_DATABASE_URL": self.url, "SNAPSHOT_DIR": str(self.folder)}
        return settings.read(settings.ROOT / "config", given)

    def refresh(self, at: datetime, *, full: bool = False) -> refresh.Report:
        return refresh.run(self.settings, as_of=at, full=full)

    @property
    def store(self) -> Store:
        return Store(str(self.folder))

    @property
    def manifest(self) -> Manifest:
        found = newest_manifest(self.store)
        assert found is not None
        return found


@pytest.fixture(scope="module", params=["stand-in", "Citus"])
def cluster(request, database, tmp_path_factory) -> Iterator[Place]:
    """The demo company on a cluster, distributed as docs/scaling.md says; nothing of it stays there."""
    folder = tmp_path_factory.mktemp("cluster")
    if request.param == "stand-in":
        made = Place(database(), folder)
        made.sql(STAND_IN)
        load.load(made.url, PLAN, say=lambda _: None)
        made.sql(YOUNG, *distribution())
        yield made
        return
    if "CITUS_URL" not in os.environ:
        pytest.skip("CITUS_URL leads to no cluster")
    made = Place(os.environ["CITUS_URL"], folder)
    if not load.load(made.url, PLAN, say=lambda _: None):
        pytest.fail("CITUS_URL leads to somebody's demo company; give it a database without one")
    try:
        made.sql(YOUNG, *distribution())
        yield made
    finally:
        made.sql(*(f"DROP SCHEMA {name} CASCADE" for name in load.SCHEMAS))


@pytest.fixture
def alone(database, tmp_path_factory) -> Place:
    """The same company in one PostgreSQL, without the rows that a cluster cannot place."""
    made = Place(database(), tmp_path_factory.mktemp("alone"))
    load.load(made.url, PLAN, say=lambda _: None)
    made.sql(YOUNG, *(statement for statement in distribution() if statement.startswith("DELETE")))
    return made


def rows(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows in an order of their own; sums of fractions differ in their last digits with the order they had."""
    rounded = frame.with_columns(pl.col(pl.Float64).round_sig_figs(9))
    return rounded.sort(rounded.columns, nulls_last=True)


def published(place: Place) -> dict[str, Any]:
    """Everything that a snapshot says: rows of every file, and what the manifest counts; samples are any few rows."""
    manifest, store = place.manifest, place.store
    found: dict[str, Any] = {
        name: rows(store.scan(file).collect()).rows()
        for name, file in manifest.files.items()
        if name != "rejected/events"
    }
    for month in manifest.months:
        files = {"daily": month.daily, "monthly": month.monthly, "weekly": month.weekly, "usage": month.usage}
        found |= {
            f"{kind} {month.month}": rows(store.scan(file).collect()).rows() for kind, file in files.items() if file
        }
        counts = (month.uses, sorted(map(str, month.bad)), month.flagged, month.uncounted, month.by_staff, month.erased)
        found[f"counts {month.month}"] = counts
    for name, state in manifest.sources.items():
        found[f"state {name}"] = state.model_dump()
    return found


def assert_same(cluster: Place, alone: Place) -> None:
    expected, found = published(alone), published(cluster)
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


def test_every_refresh_from_a_cluster_gives_what_one_postgresql_does(cluster, alone, monkeypatch):
    monkeypatch.setattr(Build, "read_comments", lambda self: None)  # themes are made of what was read by then
    for place in (cluster, alone):
        report = place.refresh(EVENING)
        assert report.failed == {}
    assert_same(cluster, alone)
    assert sum(report.rows.values()) > 1_000
    first = next(month for month in alone.manifest.months if month.uses)
    within = f"occurred_at > '{first.month}' AND occurred_at < '{first.month + 27 * DAY}'"
    gone = f"DELETE FROM usage.events WHERE id % 3 = 0 AND {within}"
    for place in (cluster, alone):
        load.add_day(place.url, say=lambda _: None)
        place.sql(gone)
        place.refresh(EVENING + DAY)
    assert_same(cluster, alone)
    assert next(month for month in alone.manifest.months if month.month == first.month).uses < first.uses
    for place in (cluster, alone):
        place.refresh(EVENING + 2 * DAY, full=True)
    assert_same(cluster, alone)


@pytest.mark.parametrize("cluster", ["Citus"], indirect=True)
def test_workers_group_the_events_and_the_coordinator_only_collects(cluster):
    with session(cluster.url, statement_timeout=timedelta(minutes=1)) as opened:
        found = mapping.find(ROOT / "config" / "sources", EVENTS)
        assert found is not None
        columns = Reader(opened, "Europe/Berlin", EVENING).columns(found)
        looking = Events(opened, found, columns, "Europe/Berlin", EVENING)
    counting = render(events.counting(looking, date(2026, 11, 1), date(2026, 12, 1)))
    plan = [line for (line,) in cluster.sql(f"EXPLAIN {counting}")]
    assert plan[0].startswith("Custom Scan (Citus Adaptive)")
    assert not any("Distributed Subplan" in line for line in plan)
    assert any("Aggregate" in line for line in plan)


@pytest.mark.parametrize("cluster", ["Citus"], indirect=True)
def test_what_a_session_sets_holds_on_every_worker(cluster):
    zones = "SELECT current_setting('timezone') AS zone FROM usage.events"
    with session(cluster.url, statement_timeout=timedelta(minutes=1)) as opened:
        assert opened.frame(zones)["zone"].unique().to_list() == ["UTC"]
        opened.run("SET LOCAL TIME ZONE 'Asia/Tokyo'")  # UTC might be what the workers have anyway
        assert opened.frame(zones)["zone"].unique().to_list() == ["Asia/Tokyo"]
