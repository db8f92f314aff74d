"""The other engines: PostgreSQL over the product's own tables, DuckDB over Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any
from zoneinfo import ZoneInfo

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import psycopg2

from bench.place import Place, say
from metrics.month_ends import months_later
from queries.frames import Frames

SQL = Path(__file__).parent / "sql"
WORK_MEMORY = "256MB"
"""PostgreSQL's is 4 MB as it comes; with this nothing that is measured spills to disk."""


def text(name: str, **values: Any) -> str:
    """A statement of ``bench/sql`` with its values written in."""
    return Template((SQL / f"{name}.sql").read_text(encoding="utf-8")).substitute(values).strip()


def accounts_of_product(frames: Frames) -> str:
    """SELECT of the ids of accounts that count, from the product's own table."""
    return text("accounts_postgres", last=last_moment(frames))


def last_moment(frames: Frames) -> str:
    """An event after this had a wrong clock."""
    return str(frames.manifest.as_of + timedelta(days=1))


@contextmanager
def postgres(place: Place) -> Iterator[Any]:
    """A cursor with room to work in and fresh statistics."""
    with closing(psycopg2.connect(place.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"SET work_mem = '{WORK_MEMORY}'")
            cursor.execute("SET default_statistics_target = 1000")
            cursor.execute("ANALYZE usage.events")
            yield cursor


@contextmanager
def duck(place: Place, frames: Frames) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with a view of the raw events, one of the monthly rollup, and small tables of who counts."""
    raw = place.folder / "events.parquet"
    with closing(duckdb.connect()) as connection:
        if not raw.exists():
            export(place.url, raw, connection)
        rollup = dict.fromkeys(frames.store.uri(month.monthly) for month in frames.manifest.months)
        accounts, staff, subscriptions = (frames.store.uri(frames.manifest.files[name])
                                          for name in ("accounts", "staff", "subscriptions"))  # fmt: skip
        connection.execute(f"CREATE VIEW events AS FROM read_parquet('{raw}')")
        connection.execute(f"CREATE VIEW monthly AS FROM read_parquet({list(rollup)})")
        connection.execute(f"CREATE VIEW subscriptions AS FROM read_parquet('{subscriptions}')")
        connection.execute(f"CREATE TABLE known AS SELECT account_id::BIGINT AS id FROM read_parquet('{accounts}')")
        connection.execute(f"CREATE TABLE staff AS SELECT user_id::BIGINT AS id FROM read_parquet('{staff}')")
        yield connection


def export(url: str, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """The raw events as DuckDB itself writes Parquet, so that it reads what suits it."""
    say("Writing the raw events as Parquet")
    with adbc.connect(url) as product, product.cursor() as cursor:
        cursor.execute("SELECT * FROM usage.events")
        rows = cursor.fetch_record_batch()  # noqa: F841 (DuckDB finds it by name)
        connection.execute(f"COPY (SELECT * FROM rows) TO '{path}' (FORMAT parquet)")


def month_starts(frames: Frames) -> list[tuple[date, datetime]]:
    """Every month from the first with activity to the one after the running one, and when it begins."""
    zone, month = ZoneInfo(frames.manifest.time_zone), min(item.month for item in frames.manifest.months)
    found = []
    while month <= months_later(frames.as_of.replace(day=1), 1):
        found.append((month, datetime(month.year, month.month, 1, tzinfo=zone)))
        month = months_later(month, 1)
    return found
