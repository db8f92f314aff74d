"""``python -m bench.growth [--events 1000000 3000000 10000000] [--accounts 1000 10000]``: what grows with what.

For every number of accounts, companies with as many events as given, all of one seed and 30 months old, on servers of
their own:

- the first refresh with its peak memory, without the comments, which have nothing to do with events; then the comments;
- a refresh after *the same new day*: the very rows of the smallest company's next day, put into each, turn by turn; the
  best of ``--rounds``, and the same where two companies differ in their history only (``bench.history``);
- the snapshot's size, and every question that pages ask, with nothing remembered, and which files of daily activity it
  opened.

Figures go to ``bench/growth.json``; it ends with 1 when a goal of ``docs/scaling.md`` is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from bench import history, pages, refresh
from bench.another_day import another_day
from bench.place import CONFIG, Place, place, say
from demo import load
from queries.frames import Frames

RESULTS = Path(__file__).resolve().parent / "growth.json"
INCREMENTAL, MEMORY, PAGES = 1.3, 1.5, 1.1
"""Goals: an incremental refresh at the most events against the fewest, the peak of a first refresh at the most events
against a third of them, and the exponent with which a page's question may grow with the accounts."""
WORTH_MS = 50.0
"""Questions that take less with the most accounts are left out of the goal: their time is that of starting at all."""


def measure(accounts: int, sizes: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """All companies of so many accounts, smallest first."""
    with ExitStack() as open_places:
        places = [open_places.enter_context(place(events, accounts)) for events in sizes]
        firsts = []
        for where in places:
            say(f"First refresh of {accounts:,} accounts")
            firsts.append(first(where))
            load.add_day(where.url, say=say)  # the rest of yesterday
        again = another_day(places, rounds)
        return [
            {
                "accounts": accounts,
                "events": events,
                **begun,
                "another_day": min(refreshes, key=lambda one: one["seconds"]),
                "another_day_all": [one["seconds"] for one in refreshes],
                **size(where.frames()),
                "questions": questions(where),
                "load_average": round(os.getloadavg()[0], 2),
            }
            for where, events, begun, refreshes in zip(places, sizes, firsts, again, strict=True)
        ]


def first(where: Place) -> dict[str, Any]:
    """The first refresh without a themes file, so that no comment is read; and one that reads the comments only."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        shutil.copytree(CONFIG, config, ignore=shutil.ignore_patterns("themes.toml"))
        begun = refresh.refresh(where.environment | {"TENURE_CONFIG": str(config)})
    return {"first": vars(begun), "comments": vars(refresh.refresh(where.environment))}


def size(frames: Frames) -> dict[str, Any]:
    """The snapshot's megabytes, in all and by kind of file, and rows of the rollups that pages read."""
    by_kind: dict[str, int] = {}
    for name in frames.manifest.names():
        kind = name.rpartition("/")[0]
        by_kind[kind] = by_kind.get(kind, 0) + Path(frames.store.uri(name)).stat().st_size
    largest = sorted(by_kind.items(), key=lambda item: -item[1])
    rows = {name: getattr(frames, name).select(pl.len()).collect().item() for name in ("activity_monthly", "usage_28d")}
    return {
        "snapshot_mb": round(sum(by_kind.values()) / 1e6, 2),
        "snapshot_mb_by_kind": {kind: round(held / 1e6, 2) for kind, held in largest if held > 5e4},
        "rows": rows,
    }


def questions(where: Place) -> dict[str, dict[str, Any]]:
    """Every question by name: seconds with nothing remembered, rows, and files of daily activity it opened."""
    rows = pages.measure(where, own=False)["questions"]
    return {row["question"]: {key: row[key] for key in ("cold", "rows", "daily_files")} for row in rows}


def exponent(small: float, large: float, times: float) -> float:
    """The power of its cause with which something grows: 1 is in proportion, 0 not at all."""
    return round(math.log(max(large, 1e-9) / max(small, 1e-9)) / math.log(times), 2)


class Grid:
    """All that was measured, by numbers of accounts and of events; both rise."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.rows = {(row["accounts"], row["events"]): row for row in rows}
        self.accounts = sorted({accounts for accounts, _ in self.rows})
        self.events = sorted({events for _, events in self.rows})

    def with_events(self, value: Callable[[dict[str, Any]], float], accounts: int) -> float:
        """The exponent with which something grows with the events of so many accounts."""
        few, many = self.events[0], self.events[-1]
        return exponent(value(self.rows[accounts, few]), value(self.rows[accounts, many]), many / few)

    def with_accounts(self, value: Callable[[dict[str, Any]], float]) -> float:
        """The exponent with which something grows with the accounts, at the most events."""
        few, many, events = self.accounts[0], self.accounts[-1], self.events[-1]
        return exponent(value(self.rows[few, events]), value(self.rows[many, events]), many / few)


MEASURED: dict[str, Callable[[dict[str, Any]], float]] = {
    "first refresh, s": lambda row: float(row["first"]["seconds"]),
    "its peak, MB": lambda row: float(row["first"]["peak_mb"]),
    "another day, s": lambda row: float(row["another_day"]["seconds"]),
    "snapshot, MB": lambda row: float(row["snapshot_mb"]),
    "all questions, s": lambda row: float(sum(found["cold"] for found in row["questions"].values())),
    "slowest, s": lambda row: float(max(found["cold"] for found in row["questions"].values())),
}


def slopes(grid: Grid) -> dict[str, dict[str, float]]:
    """With which power each thing grows: with events, for the most accounts, and with accounts."""
    if len(grid.events) < 2 or len(grid.accounts) < 2:
        return {}
    most = grid.accounts[-1]
    return {
        name: {"events": grid.with_events(value, most), "accounts": grid.with_accounts(value)}
        for name, value in MEASURED.items()
    }


def page_slopes(grid: Grid) -> dict[str, dict[str, float]]:
    """The same of each question that takes :data:`WORTH_MS` with the most accounts and events, slowest first."""
    if len(grid.events) < 2 or len(grid.accounts) < 2:
        return {}
    most = grid.accounts[-1]
    last = grid.rows[most, grid.events[-1]]["questions"]
    worth = [name for name, row in last.items() if row["cold"] * 1000 >= WORTH_MS]

    def cold(name: str) -> Callable[[dict[str, Any]], float]:
        return lambda row: float(row["questions"][name]["cold"])

    return {
        name: {
            "seconds": last[name]["cold"],
            "events": grid.with_events(cold(name), most),
            "accounts": grid.with_accounts(cold(name)),
        }
        for name in sorted(worth, key=lambda name: -last[name]["cold"])
    }


def goals(grid: Grid) -> list[dict[str, Any]]:
    """What must hold, and what was reached."""
    found = []

    def goal(what: str, reached: float, most: float) -> None:
        found.append({"goal": what, "at_most": most, "reached": round(reached, 3), "met": reached <= most})

    for accounts in grid.accounts:
        few, most = (grid.rows[accounts, events] for events in (grid.events[0], grid.events[-1]))
        ratio = most["another_day"]["seconds"] / few["another_day"]["seconds"]
        goal(
            f"another day after {grid.events[-1]:,} events / {grid.events[0]:,}, {accounts:,} accounts",
            ratio,
            INCREMENTAL,
        )
        middle = grid.rows[accounts, grid.events[-2 if len(grid.events) > 1 else -1]]
        peaks = most["first"]["peak_mb"] / middle["first"]["peak_mb"]
        goal(
            f"peak of a first refresh of {grid.events[-1]:,} events / {middle['events']:,}, {accounts:,} accounts",
            peaks,
            MEMORY,
        )
    for name, slope in page_slopes(grid).items():
        goal(f"{name} grows with accounts", slope["accounts"], PAGES)
    for name, row in grid.rows[grid.accounts[-1], grid.events[-1]]["questions"].items():
        goal(f"{name} opens files of daily activity", row["daily_files"], 0)
    return found


def of_history(past: dict[str, Any]) -> dict[str, Any]:
    """The goal of ``bench.history``, and what was reached."""
    young, old = past["events"]
    what = f"another day after a history of {old:,} events / {young:,}, {past['accounts']:,} accounts"
    return {"goal": what, "at_most": INCREMENTAL, "reached": past["ratio"], "met": past["ratio"] <= INCREMENTAL}


def lines(told: dict[str, Any]) -> list[str]:
    """The table, the slopes and the goals that were missed."""
    names = list(MEASURED)
    said = ["".join([f"{'accounts':>10}{'events':>13}", *(f"{name:>18}" for name in names)])]
    for row in told["rows"]:
        values = (MEASURED[name](row) for name in names)
        said.append("".join([f"{row['accounts']:>10,}{row['events']:>13,}", *(f"{value:>18,.2f}" for value in values)]))
    said += [
        f"{'grows with ' + of:>23}" + "".join(f"{told['slopes'][name][of]:>18.2f}" for name in names)
        for of in ("events", "accounts")
        if told["slopes"]
    ]
    said += [
        f"  {name:<30}{one['seconds']:>7.2f} s   events {one['events']:>5.2f}   accounts {one['accounts']:>5.2f}"
        for name, one in told["page_slopes"].items()
    ]
    missed = [one for one in told["goals"] if not one["met"]]
    said += [f"  MISSED {one['goal']}: {one['reached']:g} (at most {one['at_most']:g})" for one in missed]
    return [*said, f"  {len(told['goals']) - len(missed)} of {len(told['goals'])} goals met"]


def main(words: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--events", type=int, nargs="*", default=[1_000_000, 3_000_000, 10_000_000], metavar="N")
    parser.add_argument("--accounts", type=int, nargs="*", default=[1_000, 10_000], metavar="N")
    parser.add_argument("--rounds", type=int, default=9, metavar="N")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE")
    asked = parser.parse_args(words)
    rows = [row for accounts in sorted(asked.accounts) for row in measure(accounts, sorted(asked.events), asked.rounds)]
    grid = Grid(rows)
    told = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "rows": rows,
        "slopes": slopes(grid),
        "page_slopes": page_slopes(grid),
        "history": (past := history.measure(grid.accounts[0], grid.events[-1], asked.rounds)),
        "goals": [*goals(grid), of_history(past)],
    }
    asked.results.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print("\n".join(lines(told)))
    return int(not all(one["met"] for one in told["goals"]))


if __name__ == "__main__":
    sys.exit(main())
