"""Every statement that reading can ask, held against what a Citus coordinator hands to its workers whole."""

from __future__ import annotations

import itertools
import re
from datetime import date, timedelta

import pytest

from queries import cast, check, events, mapping, refresh
from queries.contract import EVENTS, SOURCES
from queries.database import render, session
from queries.errors import RefreshBusy
from queries.events import Events
from queries.mapping import Mapping
from queries.sources import Reader
from tests.queries.company import NOON, ROOT, Company, use
from tests.queries.recording import Paper, Recording, executed, recorded
from tests.queries.statements import (
    COORDINATOR_HAS,
    PROPAGATE,
    RULES,
    SYNTAX,
    Layout,
    Statement,
    command_complaints,
    complaints,
    distribution,
)

DAY = timedelta(days=1)
OTHER = ROOT / "tests" / "data" / "other_company"

CONTRACT = Layout({name: "account_id" for name, source in SOURCES.items() if "account_id" in source.required_names})
"""Tables like the contract's: what belongs to an account is distributed by it, the rest are reference tables."""
DEMO = Layout(dict(re.findall(r"distributed_table\('([\w.]+)', '(\w+)'", " ".join(distribution()))))
OTHERS = Layout({"kunden": "nr", "vertraege": "kunde", "nutzung": "kunde"})


# --- what is asked ------------------------------------------------------------------------------------------------

FEWER = "SELECT account_id, feature, occurred_at FROM events"


def what_happens(company: Company) -> None:
    """Good events, ones that lie on no day, and late ones: read first, on, with a month counted, mapped anew, whole."""
    months = [use(i, f"2026-{month:02}-03 10:00", quantity="2") for i in ("a", "b") for month in (1, 2, 3)]
    company.table("events", *months, use("a", "1969-12-01"), use("a", "2030-01-01"))
    company.sql("INSERT INTO events (account_id, feature) VALUES ('a', 'report')")
    company.refresh()
    company.add("events", use("a", "2026-01-09"), use("b", "2026-03-16"))  # one is late: its month is counted
    company.refresh(NOON + DAY)
    company.map("events", FEWER)
    company.refresh(NOON + 2 * DAY)
    company.refresh(NOON + 3 * DAY, full=True)
    check.check(company.settings)


def what_does_not_cast(company: Company) -> None:
    """Events that are read as text, all or those of some days; and a source that cannot be read at all."""
    company.sql("DROP TABLE events")
    company.table("events", use("a", "2026-03-03 10:00Z", quantity="many"), quantity="text")
    company.refresh()
    company.sql("DROP TABLE events")
    company.table("events", use("a", "at noon"), occurred_at="text")
    company.map("tickets", "SELECT gone FROM accounts")
    company.refresh()
    check.check(company.settings)


@pytest.fixture(scope="module")
def asked(database, tmp_path_factory) -> Recording:
    """What a company's database is asked while it is refreshed in every way there is, and checked."""
    company = Company(database(), tmp_path_factory.mktemp("company"))
    company.customers("a", "b")
    company.table("people", {"user_id": "a1", "account_id": "a"})
    company.table("reviews")
    company.map("reviews", "SELECT review_id, site, posted_at, 1e400::numeric AS rating FROM reviews")
    company.add("reviews", {"review_id": "r", "site": "G2", "posted_at": "2026-01-01"})
    with recorded() as recording:
        what_happens(company)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(check, "_shards", lambda opened: True)
            check.check(company.settings)
        what_does_not_cast(company)
        with session(company.url, statement_timeout=DAY) as opened:
            assert opened.try_lock()
            with pytest.raises(RefreshBusy):
                refresh.run(company.settings)
        refresh.run(company.settings)
    company.close()
    return recording


def on_paper(found: Mapping, columns: dict[str, str], zone: str = "America/St_Johns") -> list[str]:
    """What events mapped like this are asked, for every question there is."""
    paper = Paper()
    looking = Events(paper, found, columns, zone, NOON)  # type: ignore[arg-type]
    events.span(looking)
    events.first_day(looking, since=date(2026, 3, 1), before=date(2026, 4, 1))
    events.out_of_time(looking)
    events.read_as_text(looking)
    events.count(looking, date(2026, 2, 1), date(2026, 3, 1))
    return [*paper.selects, render(events.counting(looking, date(2026, 2, 1), date(2026, 3, 1)))]


TIMES = ("timestamp[us, tz=UTC]", "timestamp[us]", "date32[day]", "string")
IDS = ("string", "int64", "extension<arrow.opaque[storage_type=string, type_name=uuid, vendor_name=PostgreSQL]>")
NUMBERS = (
    "int64",
    "int16",
    "double",
    "string",
    "extension<arrow.opaque[storage_type=string, type_name=numeric, vendor_name=PostgreSQL]>",
)


def every_kind_of_events() -> list[str]:
    """Every statement over events, for each type that a time, a person or a quantity may have, or without them."""
    asked = []
    optional = [{}, *({"user_id": kind} for kind in IDS), *({"quantity": kind} for kind in NUMBERS)]
    for time, more in itertools.product(TIMES, optional):
        columns = {"account_id": "string", "feature": "string", "occurred_at": time, **more}
        found = Mapping(EVENTS, "events.sql", "", sql="SELECT * FROM events WHERE feature <> 'a:b'")
        asked += on_paper(found, columns)
    return asked


def every_kind_of_source() -> list[str]:
    """The statements that read sources, among them columns of all kinds, for each type that a column may have."""
    kinds = ("string", "bool", *TIMES, *NUMBERS)
    asked = []
    for source in (SOURCES[name] for name in ("subscriptions", "exit_surveys", "reviews", "fx_rates")):
        for kind in kinds:
            schema = dict.fromkeys(source.names, kind)
            sql = f"SELECT * FROM {source.name}"
            asked += [render(cast.typed_select(sql, source, schema, "Asia/Kolkata"))]
            asked += [render(cast.text_select(sql, source, schema))]
    return asked


def mapped(company: Company) -> list[str]:
    """What the mappings of a company without rows are asked, and what its events would be if it had some."""
    with recorded() as recording:
        check.check(company.settings)
        with session(company.url, statement_timeout=DAY) as opened:
            found = mapping.find(company.config / "sources", EVENTS)
            assert found is not None
            columns = Reader(opened, "Europe/Berlin", NOON).columns(found)
    return [*recording.selects, *on_paper(found, columns)]


def held(asked: list[str], layout: Layout) -> dict[str, list[str]]:
    """Statements that break a rule, with what is wrong."""
    return {sql: wrong for sql in dict.fromkeys(asked) if (wrong := complaints(sql, layout))}


# --- what holds ---------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_every_statement_of_a_refresh_and_a_check_runs_on_the_workers(asked):
    assert held(list(asked.selects), CONTRACT) == {}
    about = [Statement(sql, CONTRACT) for sql in asked.selects]
    assert sum(bool(statement.spread) for statement in about) > 60  # they were told apart from the others


@pytest.mark.postgres
def test_no_line_that_asks_the_database_is_left_out_here(asked):
    assert asked.missed() == []
    assert executed() == ["queries/database.py"]


def test_statements_over_events_of_every_type_run_on_the_workers():
    asked = every_kind_of_events()
    assert len(set(asked)) > 60
    assert held(asked, CONTRACT) == {}


def test_statements_over_columns_of_every_type_run_on_the_workers():
    assert held(every_kind_of_source(), CONTRACT) == {}


@pytest.mark.postgres
def test_the_demo_s_mappings_run_on_the_workers(database, tmp_path):
    company = Company(database(), tmp_path)
    company.sql((ROOT / "demo" / "schema.sql").read_text(encoding="utf-8"))
    for path in (ROOT / "config" / "sources").glob("*.sql"):
        company.map(path.stem, path.read_text(encoding="utf-8"))
    asked = mapped(company)
    tables = company.sql("SELECT schemaname || '.' || tablename FROM pg_tables WHERE tableowner = current_user")
    company.close()
    assert held(asked, DEMO) == {}
    assert {name for sql in asked for name in DEMO.distributed if name in sql} == set(DEMO.distributed)
    named = re.findall(r"_table\('([\w.]+)'", " ".join(distribution()))
    assert sorted(named) == sorted(name for (name,) in tables if not name.startswith(("pg_catalog", "information_")))


@pytest.mark.postgres
def test_another_company_s_mappings_run_on_the_workers(company):
    company.sql((OTHER / "schema.sql").read_text(encoding="utf-8"), "TRUNCATE nutzung")
    for path in (OTHER / "sources").iterdir():
        company.map(path.stem, path.read_text(encoding="utf-8"), path.suffix)
    assert held(mapped(company), OTHERS) == {}


@pytest.mark.postgres
def test_settings_reach_the_workers_before_anything_is_read(asked):
    assert len(asked.connections) > 8
    assert [wrong for commands in asked.connections for wrong in command_complaints(commands)] == []
    first = asked.connections[0]
    assert first[:2] == ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", PROPAGATE]
    assert "SET LOCAL TIME ZONE 'UTC'" in first[2:]
    assert "ROLLBACK TO SAVEPOINT source" in {sql for commands in asked.connections for sql in commands}


# --- what is refused ----------------------------------------------------------------------------------------------

LAYOUT = Layout({"e": "account_id", "app.p": "org_id"})
KEPT = (
    "SELECT account_id, count(DISTINCT user_id) FROM e GROUP BY account_id",
    "SELECT a, d, sum(q) FROM (SELECT org_id AS a, day AS d, q FROM app.p) AS s GROUP BY 1, 2",
    "WITH s AS (SELECT * FROM e) SELECT s.account_id, max(x) FROM s GROUP BY s.account_id",
    "SELECT count(*) FILTER (WHERE q > 1), timezone('UTC', min(at)) FROM (SELECT * FROM e) AS s",
    "SELECT s.x FROM e AS s LEFT JOIN app.p AS t ON t.org_id = s.account_id AND t.x = s.x",
    "SELECT e.x FROM e JOIN r ON r.code = e.code LEFT JOIN o ON o.x = e.x",
    "SELECT x FROM e WHERE x > 3 LIMIT 100",
    "SELECT x, max(x) OVER () FROM (SELECT DISTINCT x FROM r ORDER BY x LIMIT 3) AS s",
    "SELECT now(), (SELECT max(x) FROM r)",
)
REFUSED = {
    "only_reads": (
        "DELETE FROM e",
        "SELECT * FROM e FOR UPDATE",
        "SELECT * INTO t FROM e",
        "WITH gone AS (DELETE FROM r RETURNING *) SELECT * FROM gone",
        "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT * FROM n",
    ),
    "groups_by_account": (
        "SELECT x, count(*) FROM e GROUP BY x",
        "SELECT account_id::text, count(*) FROM e GROUP BY 1",
        "SELECT nullif(account_id, '') AS account_id, count(*) FROM e GROUP BY 1",
        "SELECT s.account_id, count(*) FROM (SELECT account_id::text AS account_id FROM e) AS s GROUP BY 1",
        "SELECT org_id, count(*) FROM (SELECT x AS org_id FROM app.p) AS s GROUP BY org_id",
        "SELECT account_id, count(*) FROM e JOIN r ON r.x = e.x GROUP BY account_id",  # whose account_id?
        "SELECT account_id, x, count(*) FROM e GROUP BY ROLLUP (account_id, x)",
    ),
    "aggregates_merge": (
        "SELECT count(DISTINCT user_id) FROM e",
        "SELECT avg(q) FROM e",
        "SELECT array_agg(x ORDER BY y) FROM e",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY q) FROM e",
        "SELECT x FROM e, (SELECT max(y) AS y FROM e) AS m WHERE m.y = 1",
    ),
    "joins_on_account": (
        "SELECT e.x FROM e JOIN app.p AS t ON t.x = e.x",
        "SELECT e.x FROM e JOIN app.p AS t ON t.org_id = e.user_id",
        "SELECT e.x FROM e JOIN app.p AS t ON t.org_id::text = e.account_id",
        "SELECT e.x FROM e JOIN app.p AS t ON t.org_id = e.account_id OR t.x = e.x",
        "SELECT e.x FROM e CROSS JOIN app.p AS t",
        "SELECT e.x FROM e, app.p AS t WHERE true",
        "SELECT r.x FROM r LEFT JOIN e ON e.x = r.x",
        "SELECT r.x FROM e RIGHT JOIN r ON e.x = r.x",
        "SELECT r.x FROM e FULL JOIN r ON e.x = r.x",
    ),
    "correlates_nothing": (
        "SELECT x FROM e WHERE EXISTS (SELECT 1 FROM r WHERE r.x = e.x)",
        "SELECT x FROM e WHERE EXISTS (SELECT 1 FROM r WHERE y = 1)",  # whose y?
        "SELECT x FROM e WHERE e.x IN (SELECT app.p.x FROM app.p)",
        "SELECT (SELECT max(r.y) FROM r WHERE r.x = e.x) FROM e",
        "SELECT e.x FROM e CROSS JOIN LATERAL (SELECT r.y FROM r WHERE r.x = e.x) AS l",
    ),
    "calls_what_workers_have": (
        "SELECT our_own(x) FROM e",
        "SELECT app.left(x, 1) FROM e",
        "SELECT now() FROM e",
        "SELECT x::app.mood FROM e",
        "SELECT pg_sleep(1)",
    ),
    "pulls_no_rows": (
        "SELECT x FROM (SELECT x FROM e LIMIT 10) AS s",
        "SELECT x FROM (SELECT x FROM e ORDER BY x) AS s",
        "SELECT x FROM e ORDER BY x",
        "SELECT x FROM e LIMIT 10 OFFSET 1000",
        "SELECT DISTINCT x FROM e",
        "SELECT sum(x) OVER (PARTITION BY y) FROM e",
        "SELECT x FROM e UNION ALL SELECT org_id FROM app.p",
        "WITH s AS (SELECT * FROM e) SELECT a.x FROM s AS a JOIN s AS b ON a.account_id = b.account_id",
        "WITH s AS MATERIALIZED (SELECT * FROM e) SELECT x FROM s",
    ),
    "names_own_columns": ("SELECT ctid FROM e", "SELECT e.xmin FROM e"),
    "reads_all_rows": ("SELECT x FROM e TABLESAMPLE SYSTEM (10)",),
}


@pytest.mark.parametrize("sql", KEPT)
def test_what_workers_can_run_is_not_refused(sql):
    assert complaints(sql, LAYOUT) == []


@pytest.mark.parametrize(("rule", "sql"), [(rule, sql) for rule, found in REFUSED.items() for sql in found])
def test_what_workers_cannot_run_is_refused(rule, sql):
    assert rule in {said.split(":")[0] for said in complaints(sql, LAYOUT)}


def test_every_rule_refuses_something():
    assert list(REFUSED) == [rule.__name__ for rule in RULES]


def test_settings_that_stay_on_the_coordinator_are_refused():
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    late = [begin, "SET LOCAL datestyle = 'ISO'", PROPAGATE, "SET TIME ZONE 'UTC'"]
    assert command_complaints(late) == [
        "SET LOCAL datestyle = 'ISO' stays on the coordinator",
        "SET TIME ZONE 'UTC' is nothing that a coordinator hands on",
    ]


@pytest.mark.postgres
def test_every_function_that_statements_may_call_is_built_in(database):
    names = sorted(COORDINATOR_HAS - SYNTAX)
    sql = "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname IN ({})"
    with session(database(), statement_timeout=DAY) as opened:
        listed = opened.frame(sql.format(", ".join(f"'{name}'" for name in names)))
    assert sorted(listed["proname"]) == names
