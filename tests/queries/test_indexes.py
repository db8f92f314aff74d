"""How PostgreSQL finds the events that a refresh asks for: by an index or a partition, never by reading them all."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import psycopg2
import pytest

from queries import events
from queries.contract import EVENTS
from queries.database import render
from queries.events import Events
from queries.mapping import Mapping
from tests.queries.recording import Paper

pytestmark = pytest.mark.postgres

ROWS = 120_000
"""In time order over the 24 months from January 2025; enough that reading a day of them is worth an index."""
AS_OF = datetime(2026, 12, 10, 12, tzinfo=UTC)
MONTHS = [date(2025 + number // 12, number % 12 + 1, 1) for number in range(26)]

COLUMNS = "account_id bigint, user_id bigint, feature text, occurred_at {time}, quantity double precision"
FILL = f"""
INSERT INTO {{table}}
SELECT n % 1000, n % 7000, 'feature ' || n % 20, first + n * (last - first) / {ROWS}, n % 5
FROM
    generate_series(1, {ROWS}) AS n,
    (VALUES ('2025-01-01 00:00Z'::timestamptz, '2026-12-10 11:00Z'::timestamptz)) AS span (first, last)
"""
KINDS = {
    "btree": "CREATE INDEX ON {table} (occurred_at)",
    "brin": "CREATE INDEX ON {table} USING brin (occurred_at) WITH (pages_per_range = 32)",
}
Explain = Callable[[str, str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def explain(database) -> Iterator[Explain]:
    """The nodes of the plan of a SELECT, given the kind of table it reads."""
    with closing(psycopg2.connect(database())) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SET TIME ZONE 'UTC'")
        for kind, index in KINDS.items():
            cursor.execute(f"CREATE UNLOGGED TABLE {kind} ({COLUMNS.format(time='timestamptz')})")
            cursor.execute(FILL.format(table=kind))
            cursor.execute(index.format(table=kind))
        cursor.execute(f"CREATE TABLE parts ({COLUMNS.format(time='timestamptz')}) PARTITION BY RANGE (occurred_at)")
        for start, end in itertools.pairwise(MONTHS):
            name = f"parts_{start:%Y_%m}"
            cursor.execute(f"CREATE TABLE {name} PARTITION OF parts FOR VALUES FROM ('{start}') TO ('{end}')")
        cursor.execute("CREATE TABLE parts_other PARTITION OF parts DEFAULT")
        cursor.execute(FILL.format(table="parts"))
        cursor.execute("CREATE INDEX ON parts (occurred_at)")
        cursor.execute("ANALYZE")

        def plan(kind: str, sql: str) -> list[dict[str, Any]]:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
            found = cursor.fetchone()[0]
            return list(nodes((found if isinstance(found, list) else json.loads(found))[0]["Plan"]))

        yield plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def asked(table: str, time: str = "occurred_at") -> dict[str, str]:
    """What an incremental refresh asks of events on AS_OF: two years are known, three days may have changed."""
    sql = f"SELECT account_id, user_id, feature, {time} AS occurred_at, quantity FROM {table}"
    paper = Paper()
    looking = Events(
        paper,  # type: ignore[arg-type]
        Mapping(EVENTS, "events.sql", "", sql=sql),
        {name: "timestamp[us, tz=UTC]" if name == "occurred_at" else "int64" for name in EVENTS.names},
        "Europe/Berlin",
        AS_OF,
    )
    events.first_day(looking, before=date(2025, 1, 1))
    events.first_day(looking, since=date(2027, 1, 1))
    events.out_of_time(looking)
    events.count(looking, date(2025, 6, 1), date(2025, 7, 1))
    new = render(events.counting(looking, date(2026, 12, 7), date(2027, 1, 1)))
    before, ahead, lost, *_, recount = paper.selects
    return {"new": new, "before": before, "ahead": ahead, "out of time": lost, "recount": recount}


def relations(found: list[dict[str, Any]]) -> set[str]:
    return {node["Relation Name"] for node in found if "Relation Name" in node}


@pytest.mark.parametrize("what", asked("btree"))
@pytest.mark.parametrize("kind", KINDS)
def test_an_incremental_refresh_finds_its_events_through_an_index(explain, kind, what):
    found = explain(kind, asked(kind)[what])
    kinds = {node["Node Type"] for node in found if node.get("Relation Name") == kind}
    assert kinds
    assert kinds <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
    assert any("occurred_at" in str(node.get("Index Cond", "")) for node in found)


@pytest.mark.parametrize(
    ("what", "partitions"),
    [
        ("new", {"parts_2026_12"}),
        ("recount", {"parts_2025_05", "parts_2025_06"}),  # the organisation's June begins in May, two hours earlier
        ("before", {"parts_other"}),
        ("ahead", set()),
        ("out of time", {"parts_2026_12", "parts_2027_01", "parts_other"}),
    ],
)
def test_an_incremental_refresh_reads_few_partitions(explain, what, partitions):
    found = explain("parts", asked("parts")[what])
    assert relations(found) <= partitions | {"parts_other"}


def test_a_function_around_the_time_hides_it_from_the_index(explain):
    found = explain("btree", asked("btree", time="occurred_at + interval '0 hours'")["new"])
    assert {node["Node Type"] for node in found if node.get("Relation Name") == "btree"} == {"Seq Scan"}
