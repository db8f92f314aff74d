"""Monthly retention of accounts and of people, by first month, over three years: everybody counts the same cells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Literal

import duckdb
import polars as pl

from bench import engines
from bench.clock import differing, race
from bench.place import Place
from metrics.month_ends import months_later
from metrics.retention import cohort_retention
from queries.frames import Frames

Unit = Literal["account_id", "user_id"]
Cells = dict[tuple[date, date], int]
"""Cohort and month, both by their first day, and how many units of the cohort were there in the month."""

UNITS: tuple[Unit, ...] = ("account_id", "user_id")
MONTHS = 36
OURS, RAW, ROLLUP, POSTGRES = "tenure", "duckdb_raw", "duckdb_rollup", "postgres_raw"
_COLUMNS = {"account_id": "org_id", "user_id": "user_id"}
_STAFF = "SELECT id FROM app.users WHERE id IS NOT NULL AND email LIKE '%@northwind-signals.example'"


def measure(place: Place) -> list[dict[str, Any]]:
    """Both units in all engines: whether they agree, and how long each takes."""
    frames = place.frames()
    with engines.postgres(place) as postgres, engines.duck(place, frames) as duck:
        return [_measure(unit, place, frames, postgres, duck) for unit in UNITS]


def _measure(unit: Unit, place: Place, frames: Frames, postgres: Any, duck: Any) -> dict[str, Any]:
    ask = questions(unit, place, frames, postgres, duck)
    answers = {name: run() for name, run in ask.items()}  # this warms up, too
    cells = answers[OURS]
    return {
        "question": f"retention_{unit.removesuffix('_id')}",
        "cells": len(cells),
        "counted": sum(cells.values()),
        "differing": differing(answers),
        "timings": {name: vars(timing) for name, timing in race(ask).items()},
    }


def questions(
    unit: Unit, place: Place, frames: Frames, postgres: Any, duck: duckdb.DuckDBPyConnection
) -> dict[str, Callable[[], Cells]]:
    """The same question to each engine; ours starts with opening the snapshot."""
    over_raw, over_rollup = duck_raw(unit, frames), duck_rollup(unit, frames)
    over_tables = postgres_raw(unit, frames)
    duck.execute(_hours(frames))

    def from_postgres() -> Cells:
        postgres.execute(over_tables)
        return _cells(postgres.fetchall())

    return {
        OURS: lambda: ours(unit, place),
        RAW: lambda: _cells(duck.execute(over_raw).fetchall()),
        ROLLUP: lambda: _cells(duck.execute(over_rollup).fetchall()),
        POSTGRES: from_postgres,
    }


def ours(unit: Unit, place: Place) -> Cells:
    """From the snapshot's monthly rollup, as the cohorts page asks; with rates, intervals and states besides."""
    frames = place.frames()
    table = cohort_retention(
        frames.activity_monthly,
        unit=unit,
        since=since(frames),
        until=frames.as_of,
        as_of=frames.as_of,
        day="period",
        count="uses",
        first="first_period" if unit == "user_id" else None,
    )
    seen = table.filter(pl.col("retained") > 0)
    month = pl.col("cohort").dt.offset_by(pl.format("{}mo", "index"))
    return _cells(seen.select("cohort", month.alias("month"), "retained").rows())


def since(frames: Frames) -> date:
    """The first cohort."""
    return months_later(frames.as_of.replace(day=1), -MONTHS)


def postgres_raw(unit: Unit, frames: Frames) -> str:
    """PostgreSQL over the product's events table; searching a list of months takes it half as long as date_trunc."""
    starts = engines.month_starts(frames)
    begins = ", ".join(f"timestamptz '{moment.isoformat()}'" for _, moment in starts)
    months = ", ".join(f"DATE '{month}'" for month, _ in starts)
    return _statement(
        frames,
        unit=_COLUMNS[unit],
        events="usage.events",
        place=f"width_bucket(occurred_at, ARRAY[{begins}])",
        month=f"(ARRAY[{months}])[place]",
        accounts=engines.accounts_of_product(frames),
        staff=_STAFF,
    )


_HOURS = """
CREATE OR REPLACE TEMP TABLE hours AS
SELECT
    hour,
    date_trunc('month', make_timestamp(hour * 3600000000) AT TIME ZONE 'UTC' AT TIME ZONE '{zone}')::DATE AS month
FROM range({first}, {last}) AS numbered(hour)
"""
"""Hours, counted from 1970, and the month each lies in, for zones that differ by whole hours.

DuckDB looks a month up in half the time that AT TIME ZONE takes it for every event."""


def _hours(frames: Frames) -> str:
    starts = [int(moment.timestamp()) // 3600 for _, moment in engines.month_starts(frames)]
    return _HOURS.format(zone=frames.manifest.time_zone, first=min(starts), last=max(starts))


def duck_raw(unit: Unit, frames: Frames) -> str:
    """DuckDB over all events as Parquet."""
    return _statement(
        frames,
        unit=_COLUMNS[unit],
        events="events INNER JOIN hours ON hours.hour = epoch_us(occurred_at) // 3600000000",
        place="hours.month",
        month="place",
        accounts="SELECT id FROM known",
        staff="SELECT id FROM staff",
    )


def _statement(frames: Frames, **values: str) -> str:
    present = engines.text("present_raw", last=engines.last_moment(frames), **values)
    return _retention(frames, present, "month")


def duck_rollup(unit: Unit, frames: Frames) -> str:
    """DuckDB over the same files as ours."""
    present = (
        f"present AS (SELECT {unit} AS unit, period AS month, min(first_period) AS first_month "
        f"FROM monthly WHERE {unit} IS NOT NULL GROUP BY ALL)"
    )
    return _retention(frames, present, "first_month")


def _retention(frames: Frames, present: str, first: str) -> str:
    return engines.text("retention", present=present, first=first, since=since(frames), as_of=frames.as_of)


def _cells(rows: list[tuple[date, date, int]]) -> Cells:
    return {(cohort, month): units for cohort, month, units in rows}
