"""Fills a PostgreSQL database with the made-up company, in one transaction: all of it, or nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg2
from psycopg2 import sql

from demo.company import Company, Plan, make, usage_of

HERE = Path(__file__).parent
SCHEMAS = ("app", "billing", "usage", "feedback", "support", "crm", "demo")
MARK = "Made by python -m demo; safe to drop."
READER = "tenure_reader"
WRITER = "tenure_writer"
LOCK = 7326001
"""Advisory lock: two loads at once wait for each other."""

Say = Callable[[str], None]


class LoadError(Exception):
    """The database cannot be filled; the message says why and what to do."""


def load(url: str, plan: Plan, *, reload: bool = False, say: Say = print) -> bool:
    """Fills the database at ``url``; False when a company is there already and ``reload`` is not wanted."""
    with closing(_connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        found = loaded(cursor)
        if found is not None and not reload:
            return False
        _make_room(cursor, reload)
        say(f"Making {plan.accounts:,} accounts, with use up to {plan.today}")
        company = make(plan)
        cursor.execute((HERE / "schema.sql").read_text(encoding="utf-8"))
        for name, frame in company.tables.items():
            copy(cursor, name, frame)
        count = _copy_events(cursor, company, say)
        say("Building indexes")
        cursor.execute((HERE / "indexes.sql").read_text(encoding="utf-8"))
        _mark(cursor, plan, count)
        _let_read(cursor)
    _analyze(url)
    return True


def add_day(url: str, *, say: Say = print) -> date:
    """Adds one more day of events to a loaded company; the first time, the rest of the day it was loaded for."""
    with closing(_connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        found = loaded(cursor)
        if found is None:
            raise LoadError("There is no demo company in this database.\n\nHint: run python -m demo first.")
        plan, added = found
        day = plan.today + timedelta(days=added)
        cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM usage.events")
        rows = usage_of(plan).one_more_day(day, _one(cursor))
        copy(cursor, "usage.events", rows)
        cursor.execute("UPDATE demo.loads SET days_added = days_added + 1")
        say(f"Added {rows.height:,} events on {day}")
        return day


def loaded(cursor: Any) -> tuple[Plan, int] | None:
    """The plan of the company in this database and the days added since; None when there is no company."""
    cursor.execute("SELECT to_regclass('demo.loads') IS NOT NULL")
    if not _one(cursor):
        return None
    cursor.execute("SELECT today, accounts, events, seed, days_added FROM demo.loads")
    row = cursor.fetchone()
    return None if row is None else (Plan(*row[:4]), row[4])


def copy(cursor: Any, table: str, frame: pl.DataFrame) -> None:
    """Appends ``frame`` to ``table`` with COPY."""
    text = io.BytesIO()
    frame.write_csv(text, include_header=False, datetime_format="%Y-%m-%d %H:%M:%S%.f+00")
    text.seek(0)
    schema, name = table.split(".")
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv)").format(
        sql.Identifier(schema, name), sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    )
    cursor.copy_expert(statement, text)


def _connect(url: str) -> Any:
    plain = url.replace("postgresql+psycopg2://", "postgresql://", 1)  # as SQLAlchemy writes it
    try:
        return psycopg2.connect(plain, connect_timeout=10)
    except psycopg2.Error as error:
        raise LoadError(f"Cannot connect: {error}\n\nHint: check the address, and that the server runs.") from None


def _one(cursor: Any) -> Any:
    return cursor.fetchone()[0]


def _make_room(cursor: Any, reload: bool) -> None:
    """Only schemas that an earlier load made are ever dropped, and only when asked to."""
    cursor.execute(
        "SELECT nspname, obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = ANY(%s)",
        [list(SCHEMAS)],
    )
    present = dict(cursor.fetchall())
    strange = sorted(name for name, mark in present.items() if mark != MARK)
    if strange:
        raise LoadError(
            f"The database has schemas that are not the demo's: {', '.join(strange)}.\n\n"
            "Hint: give it a database of its own; nothing was changed."
        )
    if present and not reload:
        raise LoadError("The database holds part of a demo company.\n\nHint: add --reload to replace it.")
    drop(cursor, present)


def drop(cursor: Any, schemas: Iterable[str]) -> None:
    """Drops ``schemas`` with everything in them."""
    for name in schemas:
        cursor.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


def _copy_events(cursor: Any, company: Company, say: Say) -> int:
    """Copies the events piece by piece, with a line of progress now and then."""
    done, told = 0, 0
    for rows in company.events():
        copy(cursor, "usage.events", rows)
        done += rows.height
        if done - told >= max(company.plan.events // 5, 1) or done >= company.plan.events * 0.999 > told:
            say(f"  {done:>10,} events")
            told = done
    return done


def _mark(cursor: Any, plan: Plan, events: int) -> None:
    """Remembers what was loaded; that the row is there says that the load was completed."""
    cursor.execute("CREATE SCHEMA demo")
    cursor.execute(
        "CREATE TABLE demo.loads (today date, accounts integer, events bigint, seed integer, days_added integer, "
        "rows bigint, loaded_at timestamptz DEFAULT now())"
    )
    cursor.execute(
        "INSERT INTO demo.loads VALUES (%s, %s, %s, %s, 0, %s)",
        [plan.today, plan.accounts, plan.events, plan.seed, events],
    )
    for name in SCHEMAS:
        cursor.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(name), sql.Literal(MARK)))


def _let_read(cursor: Any) -> None:
    """Lets the dashboard's role read, where there is one (see :func:`make_reader`)."""
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER])
    if cursor.fetchone() is None:
        return
    schemas, role = sql.SQL(", ").join(map(sql.Identifier, SCHEMAS)), sql.Identifier(READER)
    cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schemas, role))
    cursor.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schemas, role))


def make_reader(url: str) -> None:
    """The role that the dashboard signs in with: it may SELECT from the product's tables, and nothing else.

    In a database of your own, the same is::

        CREATE ROLE tenure_reader LOGIN PASSWORD '...';
        GRANT USAGE ON SCHEMA <your schemas> TO tenure_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA <your schemas> TO tenure_reader;
    """
    _make_role(url, READER)


def make_writer(url: str) -> None:
    """The role that the dashboard writes its records with; ``records.migrate`` lets it write to schema ``tenure``.

    It owns nothing. What it saves is on the disk before it is told so, although the rest of the demo does not wait.
    """
    _make_role(url, WRITER, "SET synchronous_commit = on")


def _make_role(url: str, name: str, *wishes: str) -> None:
    with closing(_connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
            for wish in wishes:
                cursor.execute(sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(name), sql.SQL(wish)))


def make_database(url: str, name: str) -> None:
    """Creates the database ``name`` on the server at ``url`` where it is missing; text sorts the same everywhere."""
    with closing(_connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if cursor.fetchone() is None:
                cursor.execute(
                    sql.SQL(
                        "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' "
                        "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
                    ).format(sql.Identifier(name))
                )


def _analyze(url: str) -> None:
    """Fresh statistics, so that the first queries have good plans."""
    with closing(_connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE, SKIP_LOCKED)")
