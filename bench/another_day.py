"""The very same new day at several companies of so many accounts, and what a refresh after it takes at each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl
import psycopg2

from bench import refresh
from bench.place import Place, say
from demo import load
from demo.company import usage_of

FIRST_ID = 1 << 40
"""Events of the same new day have ids from here on."""


@dataclass(frozen=True)
class Day:
    """The same new day for every company of so many accounts."""

    rows: pl.DataFrame

    @classmethod
    def of(cls, url: str) -> Day:
        """Today's events of the company at ``url``, which was loaded up to yesterday."""
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            found = load.loaded(cursor)
        assert found is not None
        plan, added = found
        return cls(usage_of(plan).one_more_day(plan.today + timedelta(days=added), FIRST_ID))

    def come(self, url: str) -> None:
        """The day happens at ``url``."""
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            load.copy(cursor, "usage.events", self.rows)

    def go(self, url: str) -> None:
        """It never happened."""
        since = self.rows.get_column("occurred_at").min()
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM usage.events WHERE occurred_at >= %s AND id >= %s", [since, FIRST_ID])


def another_day(places: Sequence[Place], rounds: int) -> list[list[dict[str, Any]]]:
    """The refreshes after the same new day, of every company; they take turns, so that noise slows all alike."""
    day = Day.of(places[0].url)
    for where in places:
        refresh.refresh(where.environment)
    found: list[list[dict[str, Any]]] = [[] for _ in places]
    for number in range(rounds):
        for where, taken in zip(places, found, strict=True):
            say(f"The same new day, {day.rows.height:,} events, round {number + 1} of {rounds}")
            day.come(where.url)
            taken.append(vars(refresh.refresh(where.environment)))
            if number + 1 < rounds:
                day.go(where.url)
                refresh.refresh(where.environment)
    return found
