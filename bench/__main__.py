"""``python -m bench [--events 1000000 10000000] [--accounts 440] [--pages 10000] [--comments 10000]``: measures.

Everything is made for the purpose and gone at the end; figures go to ``bench/results.json``. It ends with 1 when
engines that were asked the same gave different answers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import book, movements, pages, refresh, report, retention, themes
from bench.place import place

RESULTS = Path(__file__).resolve().parent / "results.json"
PAGES_EVENTS = 10_000_000


def main(words: list[str] | None = None) -> int:
    """The command line."""
    asked = _arguments(words)
    started = time.monotonic()
    found: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "sizes": [measure(events, asked.accounts) for events in asked.events],
    }
    if asked.pages:
        found["pages"] = measure_pages(asked.pages)
    if asked.comments:
        found["themes"] = themes.measure(asked.comments)
    found["load_average_at_end"] = [round(load, 2) for load in os.getloadavg()]
    found["seconds"] = round(time.monotonic() - started)
    asked.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n".join(report.lines(found)))
    return int(any(row["differing"] for size in found["sizes"] for row in size["questions"]))


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, nargs="*", default=[1_000_000, 10_000_000], metavar="N")
    parser.add_argument("--accounts", type=int, default=440, metavar="N", help="accounts of these companies")
    parser.add_argument(
        "--pages", type=int, default=10_000, metavar="N", help="accounts of the pages' company; 0: none"
    )
    parser.add_argument(
        "--comments", type=int, default=themes.MANY, metavar="N", help="comments tagged for their speed; 0: none"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE")
    return parser.parse_args(words)


def measure(events: int, accounts: int) -> dict[str, Any]:
    """One company: its refreshes, and the same questions to all engines."""
    with place(events, accounts) as where:
        size: dict[str, Any] = {
            "events": events,
            "accounts": accounts,
            "refresh": refresh.measure(where),
            "questions": [*retention.measure(where), *movements.measure(where)],
        }
    for row in size["questions"]:
        row["ratios"] = report.ratios(row)
    return size | {"goals": report.goals(size)}


def measure_pages(accounts: int) -> dict[str, Any]:
    """A large company: its first refresh, the book, movements against the other engines, and all pages' questions."""
    with place(PAGES_EVENTS, accounts) as where:
        first = refresh.first(where)
        book_of_it = book.measure(where, accounts, PAGES_EVENTS)
        rows = movements.measure(where)
        for row in rows:
            row["ratios"] = report.ratios(row)
        return {"refresh": vars(first), "book": book_of_it, "movements": rows, **pages.measure(where)}


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        **{name: version(name) for name in ("polars", "duckdb")},
    }


if __name__ == "__main__":
    sys.exit(main())
