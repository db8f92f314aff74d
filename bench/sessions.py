"""``python -m bench.sessions [--sessions 20] [--seconds 300] [--think 10]``: many people click through every page.

Each is a Chromium page of its own that opens the dashboard, then clicks its navigation in an order of its own, waiting
between two clicks as long as a reader might (uniformly, half to one and a half times ``--think``). A page is there when
its script has ended and every figure is drawn. Beside the times stand what went wrong, and the server's memory every
five seconds. Figures go to ``bench/sessions.json``; it ends with 1 when anything went wrong.

The people's Chromium runs on the same cores as the server, so that times here are worse than theirs would be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from playwright.async_api import Browser, Error, Page, async_playwright

from bench.place import place, say
from pages.shared.navigation import PAGES
from queries import refresh
from tests.pages import browser

RESULTS = Path(__file__).resolve().parent / "sessions.json"
TITLES = {entry.name: entry.title for entries in PAGES.values() for entry in entries}
NAMES = list(TITLES)
_THERE = """title => {
  const app = document.querySelector('[data-testid="stApp"]');
  if (!app || app.getAttribute('data-test-script-state') !== 'notRunning') return false;
  const line = document.querySelector('[data-testid="stMain"] [data-testid="stCaptionContainer"]');
  if (!line || !line.innerText.startsWith(title + ' · as of')) return false;
  if (document.querySelector('[data-testid="stSkeleton"], [data-stale="true"]')) return false;
  return [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].every(one => one.querySelector('.main-svg'));
}"""
"""Whether the page of this title is drawn: its own line stands on top, and nothing of another is left."""
LONGEST = 60.0
"""Seconds after which a page counts as failed."""


@dataclass
class Seen:
    """What all sessions saw: seconds by page, whether each was somebody's first, and what went wrong."""

    pages: list[tuple[str, float, bool]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


async def visit(chromium: Browser, url: str, seen: Seen, *, until: float, think: float, seed: int) -> None:
    """One person: opens the dashboard, then clicks page after page until the time is up."""
    chance = random.Random(seed)
    context = await chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = await context.new_page()
    page.on("pageerror", lambda error: seen.wrong.append(f"exception in the page: {error}"))
    await asyncio.sleep(chance.uniform(0, think))
    await timed(page, seen, "overview", first=True, go=page.goto(f"{url}/overview", wait_until="domcontentloaded"))
    while time.monotonic() < until:
        for name in chance.sample(NAMES, len(NAMES)):
            await asyncio.sleep(chance.uniform(think / 2, think * 1.5))
            if time.monotonic() >= until:
                break
            link = page.locator(f'[data-testid="stSidebarNavLink"][href$="/{name}"]')
            await timed(page, seen, name, first=False, go=link.click())
    await context.close()


async def timed(page: Page, seen: Seen, name: str, *, first: bool, go: Any) -> None:
    """Go somewhere, and note how long until it is all there, or what went wrong."""
    started = time.monotonic()
    try:
        await go
        await page.wait_for_function(_THERE, arg=TITLES[name], timeout=LONGEST * 1000, polling=50)
    except Error as error:
        seen.wrong.append(f"{name}: {str(error).splitlines()[0]}")
        return
    seen.pages.append((name, time.monotonic() - started, first))
    shown = await page.locator('[data-testid="stException"], [data-testid="stAlert"]').all_inner_texts()
    seen.wrong += [f"{name}: {text[:200]}" for text in shown if any(said in text for said in browser.FAILED)]


async def watch(server: int, every: float, until: float) -> list[float]:
    """The server's memory in MB, every so many seconds."""
    process, found = psutil.Process(server), []
    while time.monotonic() < until:
        found.append(process.memory_info().rss / 2**20)
        await asyncio.sleep(every)
    return found


def calm(server: int, *, seconds: float = 120) -> None:
    """Wait until the server has worked out what pages open with, and rests."""
    process, until = psutil.Process(server), time.monotonic() + seconds
    while time.monotonic() < until and process.cpu_percent(2) > 5:
        pass


async def measure(url: str, server: int, *, sessions: int, seconds: float, think: float) -> tuple[Seen, list[float]]:
    """Everybody at once, for so long."""
    seen, until = Seen(), time.monotonic() + seconds
    async with async_playwright() as playwright:
        where = browser.needed("chromium")
        chromium = await playwright.chromium.launch(executable_path=where, args=list(browser.ARGUMENTS))
        people = [visit(chromium, url, seen, until=until, think=think, seed=seed) for seed in range(sessions)]
        memory, *_ = await asyncio.gather(watch(server, 5, until), *people)
        await chromium.close()
    return seen, memory


def found(seen: Seen, memory: Sequence[float]) -> dict[str, Any]:
    """The figures: by page and together, in seconds; memory at the start of each fifth, in MB."""
    warm = [seconds for _, seconds, first in seen.pages if not first]
    cold = [seconds for _, seconds, first in seen.pages if first]
    by_page = {name: [seconds for page, seconds, first in seen.pages if page == name and not first] for name in NAMES}
    fifths = [memory[int(len(memory) * part / 5)] for part in range(5)] + [memory[-1]]
    return {
        "pages": len(warm),
        "clicked": spread(warm),
        "opened": spread(cold),
        "by_page": {name: spread(values) for name, values in by_page.items() if values},
        "memory_mb": [round(value) for value in fifths],
        "memory_last_fifth_mb": round(memory[-1] - fifths[4], 1),
        "wrong": seen.wrong,
    }


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and longest of some times."""
    if not seconds:
        return {"n": 0}
    ranked = sorted(seconds)
    p95 = ranked[min(len(ranked) - 1, int(len(ranked) * 0.95))]
    return {"n": len(ranked), "median": round(statistics.median(ranked), 2), "p95": round(p95, 2),
            "longest": round(ranked[-1], 2)}  # fmt: skip


def main(words: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.sessions", description=__doc__)
    parser.add_argument("--sessions", type=int, default=20, metavar="N")
    parser.add_argument("--seconds", type=float, default=300, metavar="S")
    parser.add_argument("--think", type=float, default=10, metavar="S", help="seconds between two clicks, on average")
    parser.add_argument("--accounts", type=int, default=440, metavar="N")
    parser.add_argument("--events", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE")
    asked = parser.parse_args(words)
    with place(asked.events, asked.accounts) as company:
        refresh.run(company.settings)
        with browser.serving(company.environment | {"TENURE_JOBS": "off"}) as server:
            calm(server.process.pid)
            say(f"{asked.sessions} people for {asked.seconds:.0f} s …")
            before = os.getloadavg()[0]
            seen, memory = asyncio.run(
                measure(server.url, server.process.pid, sessions=asked.sessions, seconds=asked.seconds,
                        think=asked.think)
            )  # fmt: skip
            logged = [line for line in server.printed().splitlines() if "Traceback" in line or " failed (" in line]
    told = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "cores": os.cpu_count(),
            "sessions": asked.sessions, "seconds": asked.seconds, "think_seconds": asked.think,
            "accounts": asked.accounts, "events": asked.events, "load_before": round(before, 2),
            **found(seen, memory), "logged": logged}  # fmt: skip
    asked.results.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))
    return int(bool(told["wrong"] or logged))


if __name__ == "__main__":
    sys.exit(main())
