"""MRR movements over three years: the same sums from our metric, from DuckDB and from PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from bench import engines
from bench.clock import differing, race
from bench.place import Place
from bench.retention import since
from metrics.month_ends import Months
from metrics.revenue import account_movements, movements
from queries.frames import Frames
from settings import Settings

Sums = list[tuple[int, ...]]
"""A row per month, in order: the columns of :data:`COLUMNS`."""

COLUMNS = (
    "opening", "new", "expansion", "reactivation", "resumed", "contraction", "paused", "churned", "closing",
    "accounts_opening", "accounts_new", "accounts_reactivated", "accounts_churned", "accounts_closing",
    "accounts_in_and_out", "left_after_pause",
)  # fmt: skip
OURS, ROLLUP, POSTGRES = "tenure", "duckdb_rollup", "postgres_raw"
NEVER = "DATE '9999-12-31'"


def measure(place: Place) -> list[dict[str, Any]]:
    """All engines: whether they agree, and how long each takes."""
    frames = place.frames()
    with engines.postgres(place) as postgres, engines.duck(place, frames) as duck:
        ask = questions(place, frames, postgres, duck)
        answers = {name: run() for name, run in ask.items()}
        timings = race(ask)
    return [
        {
            "question": "movements",
            "cells": len(answers[OURS]) * len(COLUMNS),
            "counted": sum(row[0] for row in answers[OURS]),
            "differing": differing(answers),
            "timings": {name: vars(timing) for name, timing in timings.items()},
        }
    ]


def questions(
    place: Place, frames: Frames, postgres: Any, duck: duckdb.DuckDBPyConnection
) -> dict[str, Callable[[], Sums]]:
    """The same question to each engine; ours starts with opening the snapshot."""
    held = place.settings
    over_tables, over_file = postgres_raw(frames, held), duck_rollup(frames, held)

    def from_postgres() -> Sums:
        postgres.execute(over_tables)
        return _sums(postgres.fetchall())

    return {
        OURS: lambda: ours(place),
        ROLLUP: lambda: _sums(duck.execute(over_file).fetchall()),
        POSTGRES: from_postgres,
    }


def ours(place: Place) -> Sums:
    """From the snapshot's subscriptions at constant rates; every account's month, plan and metered use besides."""
    frames = place.frames()
    by_account = account_movements(
        frames.subscriptions,
        since=since(frames),
        until=frames.as_of,
        as_of=frames.as_of,
        grace_days=place.settings.revenue.grace_days,
        pause_max_days=place.settings.revenue.pause_max_days,
    )
    return movements(by_account).select(COLUMNS).rows()


def postgres_raw(frames: Frames, held: Settings) -> str:
    """PostgreSQL over the product's billing tables."""
    mapping = (held.sources / "subscriptions.sql").read_text(encoding="utf-8").strip().removesuffix(";")
    return _statement(
        frames,
        held,
        engines.text(
            "subscriptions_postgres",
            mapping=mapping,
            accounts=engines.accounts_of_product(frames),
            zone=frames.manifest.time_zone,
            currency=frames.manifest.currency,
            today=frames.as_of,
            never=NEVER,
        ),
    )


def duck_rollup(frames: Frames, held: Settings) -> str:
    """DuckDB over the snapshot's own file of subscriptions."""
    asked = f"CAST(cancel_requested_at AT TIME ZONE '{frames.manifest.time_zone}' AS DATE) AS cancel_on"
    return _statement(frames, held, f"SELECT *, {asked} FROM subscriptions")


def _statement(frames: Frames, held: Settings, subscriptions: str) -> str:
    days = Months.between(since(frames), frames.as_of, frames.as_of).days
    return engines.text(
        "movements",
        subscriptions=subscriptions,
        days=", ".join(f"({k}, DATE '{day}')" for k, day in enumerate(days)),
        as_of=f"DATE '{frames.as_of}'",
        never=NEVER,
        grace_days=held.revenue.grace_days,
        pause_max_days=held.revenue.pause_max_days,
        counted_spans=engines.text("spans", source="counted"),
        paid_spans=engines.text("spans", source="paid"),
        held_spans=engines.text("spans", source="held"),
    )


def _sums(rows: list[tuple[int, ...]]) -> Sums:
    return [tuple(row[1:]) for row in rows]
