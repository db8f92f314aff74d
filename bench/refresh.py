"""How long a refresh takes: the first one over all history, and the one after another day of events.

Beside it, what merely moving the rows out of the database takes: ``COPY (SELECT * FROM events) TO STDOUT``.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2

from bench import apart
from bench.clock import race
from bench.place import Place, say
from demo import load

COPY = "COPY (SELECT * FROM usage.events) TO STDOUT"


@dataclass(frozen=True)
class Measured:
    """One refresh in a process of its own: seconds of work, seconds with start-up, peak memory in MB."""

    seconds: float
    wall: float
    peak_mb: float
    days_read: int


def measure(place: Place) -> dict[str, Any]:
    """The first refresh of a place, one after another day, one after nothing, and the COPY they compare with."""
    environment = place.environment
    load_before = os.getloadavg()[0]
    copying = copied(place.url)
    begun = refresh(environment)
    for _ in range(2):  # the rest of yesterday, and today
        load.add_day(place.url, say=say)
    second = refresh(environment)
    nothing = refresh(environment)
    size = sum(path.stat().st_size for path in place.snapshot.rglob("*") if path.is_file())
    return {
        "load_seconds": place.load_seconds,
        "copy": copying,
        "first": vars(begun),
        "another_day": vars(second),
        "nothing_new": vars(nothing),
        "another_day_to_first": round(second.seconds / begun.seconds, 4),
        "first_to_copy": round(begun.seconds / copying["seconds"], 3),
        "another_day_to_copy": round(second.seconds / copying["seconds"], 3),
        "snapshot_mb": round(size / 1e6, 1),
        "load_average": [round(load_before, 2), round(os.getloadavg()[0], 2)],
    }


def first(place: Place) -> Measured:
    """The first refresh of a place alone."""
    return refresh(place.environment)


class _Nowhere:
    """A file that counts what is written, and forgets it."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: bytes) -> int:
        self.bytes += len(data)
        return len(data)


def copied(url: str) -> dict[str, Any]:
    """Seconds and bytes of :data:`COPY` into nowhere; the best of three, the first of which warms up."""
    sink = _Nowhere()
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.copy_expert(COPY, sink)
        size = sink.bytes
        timing = race({"copy": lambda: cursor.copy_expert(COPY, sink)}, rounds=2)["copy"]
    return {"seconds": timing.seconds, "megabytes": round(size / 1e6, 1)}


def refresh(environment: dict[str, str]) -> Measured:
    """One refresh by the command line in a process of its own."""
    ran = apart.run("queries.refresh", "--json", environment=environment)
    return Measured(ran.report["seconds"], ran.wall, ran.peak_mb, ran.report["days_read"])
