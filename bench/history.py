"""What history costs: the same new day where all of it is known, and where the company began a tenth of its events ago.

``python -m bench.history``; ``bench.growth`` asks it too. Both companies are as dense as each other.
"""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from typing import Any

import psycopg2

from bench import refresh
from bench.another_day import another_day
from bench.place import Place, place, say
from demo import load

TIMES = 10
"""So many times the events of the young company the other has."""


_BEGIN_LATE = """
DELETE FROM usage.events WHERE occurred_at <= (
    SELECT occurred_at FROM usage.events WHERE occurred_at <= now() ORDER BY 1 DESC OFFSET %s LIMIT 1)
"""


def measure(accounts: int, events: int, rounds: int) -> dict[str, Any]:
    """Seconds of every refresh after the same new day, young company and old, and the best of the one to the other."""
    with place(events, accounts) as young, place(events, accounts) as old:
        begin_late(young, events // TIMES)
        for where in (young, old):
            say(f"First refresh of {accounts:,} accounts")
            refresh.refresh(where.environment)
            load.add_day(where.url, say=say)  # the rest of yesterday
        seconds = [[one["seconds"] for one in found] for found in another_day([young, old], rounds)]
    return {
        "accounts": accounts,
        "events": [events // TIMES, events],
        "another_day_all": seconds,
        "ratio": round(min(seconds[1]) / min(seconds[0]), 3),
    }


def begin_late(where: Place, events: int) -> None:
    """The company's table holds its last ``events`` only, as though there had never been others."""
    with closing(psycopg2.connect(where.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_BEGIN_LATE, [events])
            cursor.execute("VACUUM (FULL, ANALYZE) usage.events")


def main(words: list[str] | None = None) -> int:
    """The command line: one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, metavar="N")
    parser.add_argument("--accounts", type=int, default=1_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=9, metavar="N")
    asked = parser.parse_args(words)
    print(json.dumps(measure(asked.accounts, asked.events, asked.rounds)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
