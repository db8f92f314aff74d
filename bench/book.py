"""How long the book takes on a large company: health, the accounts page, one account's review, and the backtest.

``python -m bench.book health`` measures one of them on the company that the environment names, and prints it as JSON.
Each runs in a process of its own, so that its peak memory is its own, imports included.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl
import streamlit as st
from streamlit.logger import get_logger
from streamlit.testing.v1 import AppTest

import settings
from bench import apart
from bench.clock import race
from bench.place import Place, say
from metrics.backtest import band_outcomes
from metrics.backtest_auc import auc
from metrics.current import current_mrr
from pages.shared.answers import accounts
from pages.shared.data import View
from queries.frames import Frames, Scope, current_id, open_snapshot
from reports import business_review, prep_sheet
from reports.asked import backtest_of, health_history_of, health_of

MONTHS = 12
AT_LEAST = (10_000, 10_000_000)
"""Accounts and events from which the limits are meant."""
LIMITS: dict[str, dict[str, float]] = {
    "health": {"cold": 2.0, "peak_mb": 1000},
    "accounts_page": {"warm": 1.0},
    "business_review": {"cold": 3.0},
}
"""Seconds and MB that these may take."""


def measure(place: Place, accounts: int, events: int) -> dict[str, Any]:
    """Seconds and peak memory of each of ``ASKED``, and what part of their limits that is."""
    environment = {name: value for name, value in place.environment.items() if name != "RECORDS_DATABASE_URL"}
    rows = []
    for name in ASKED:
        say(f"Measuring {name} in a process of its own")
        ran = apart.run("bench.book", name, environment=environment)
        rows.append({"what": name, **ran.report, "peak_mb": ran.peak_mb})
    return {"accounts": accounts, "events": events, "rows": rows, "limits": limits(rows, accounts, events)}


def limits(rows: list[dict[str, Any]], accounts: int, events: int) -> list[dict[str, Any]]:
    """Each limit with what part of it was taken; none below :data:`AT_LEAST`."""
    if accounts < AT_LEAST[0] or events < AT_LEAST[1]:
        return []
    found = {row["what"]: row for row in rows}
    return [
        {"what": what, "of": of, "limit": limit, "taken": found[what][of],
         "of_the_limit": round(found[what][of] / limit, 2), "met": found[what][of] <= limit}
        for what, their in LIMITS.items() for of, limit in their.items()
    ]  # fmt: skip


def opened() -> Frames:
    """The newest snapshot of the company that the environment names."""
    held = settings.get()
    return open_snapshot(current_id(held), Scope(), held)


def timed(ask: Callable[[], int], *, rounds: int = 5) -> dict[str, Any]:
    """``cold``, the first time in this process, ``warm``, the best time after, and ``rows``, what the first gave."""
    found: list[int] = []
    cold = race({"": lambda: found.append(ask())}, rounds=1)[""]
    warm = race({"": ask}, rounds=rounds)[""]
    return {
        "rows": found[0], "cold": cold.seconds, "warm": warm.seconds, "runs": warm.runs,
        "load_average": [cold.load[0], warm.load[1]],
    }  # fmt: skip


def health() -> dict[str, Any]:
    """All accounts' health now and at twelve month ends; every time from the snapshot's files, nothing remembered."""

    def ask() -> int:
        frames, held = opened(), settings.get()
        return health_of(frames, held).height + health_history_of(frames, held, months=MONTHS).height

    return timed(ask)


def book() -> dict[str, Any]:
    """The table of the accounts page. Cold it works out health now and a month ago; warm it is remembered."""
    view = View(opened().manifest.id)
    return timed(lambda: accounts.book(view).height)


def accounts_page() -> dict[str, Any]:
    """The whole page of accounts without a browser: what it asks, what it says of it and what it would send."""
    page = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=300).run()
    page.switch_page("accounts.py")
    st.cache_data.clear()

    def ask() -> int:
        seen = page.run()
        if seen.exception:
            raise RuntimeError(seen.exception[0].message)
        return len(seen.dataframe)

    return timed(ask)


def ordinary(frames: Frames) -> str:
    """The account in the middle by MRR of those that pay."""
    money = current_mrr(frames.subscriptions, as_of=frames.as_of).filter(pl.col("mrr") > 0).sort("mrr", "account_id")
    return str(money["account_id"][money.height // 2])


def review() -> dict[str, Any]:
    """A business review of an ordinary account as a file, with peers and unused features, from the snapshot's files."""

    def ask() -> int:
        frames, held = opened(), settings.get()
        found = business_review.numbers(
            frames, held, ordinary(frames), peers=True, unused=True, now=frames.manifest.as_of
        )
        return len(business_review.business_review(found)) // 1000

    return timed(ask)


def prep() -> dict[str, Any]:
    """The prep sheet of the same account; it has a year of health, which pages hand over when they know it."""

    def ask() -> int:
        frames, held = opened(), settings.get()
        found = prep_sheet.numbers(frames, held, ordinary(frames), now=frames.manifest.as_of)
        return len(prep_sheet.prep_sheet(found)) // 1000

    return timed(ask)


def backtest() -> dict[str, Any]:
    """A year of month ends beside who left, by band and by measure, with all intervals."""

    def ask() -> int:
        tried = backtest_of(opened(), settings.get())
        return tried.height + band_outcomes(tried).height + auc(tried).height

    return timed(ask, rounds=2)


ASKED: dict[str, Callable[[], dict[str, Any]]] = {
    "health": health,
    "book": book,
    "accounts_page": accounts_page,
    "business_review": review,
    "prep_sheet": prep,
    "backtest": backtest,
}
"""What is measured, by name; ``rows`` are KB for the files and tables for the page."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Streamlit misses a browser and says so; only the result belongs on the output."""
    get_logger("streamlit").setLevel(logging.ERROR)
    output = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(output, 1)
        os.close(output)


def main(words: list[str] | None = None) -> int:
    """The command line: the name of one of ``ASKED``."""
    (name,) = sys.argv[1:] if words is None else words
    with _quiet():
        found = ASKED[name]()
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
