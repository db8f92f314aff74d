"""``python -m bench.sessions [--sessions 20] [--seconds 300] [--think 12]``: many people click through every page.

Each opens the dashboard, then goes from page to page in an order of their own, waiting between two of them as long as
a reader might (uniformly, half to one and a half times ``--think``). Two (``--browsers``) are Chromium pages: a page is
there when its script has ended and every figure is drawn. The others speak to the server as Chromium does, over its web
socket, and draw nothing: a page is there when its last part has arrived. Twenty Chromium on the cores that also serve
them would measure each other. Beside the times stand what went wrong, and the server's memory and processor.

Figures go to ``bench/sessions.json``; it ends with 1 when anything went wrong.
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
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from playwright.async_api import Browser, Error, Page, async_playwright
from streamlit.proto.Delta_pb2 import Delta
from websockets.exceptions import WebSocketException

from bench.place import place, say
from pages.shared.navigation import PAGES
from queries import refresh
from tests.pages import browser
from tests.reliability.visitor import Visitor

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


class Look(NamedTuple):
    """One page that somebody opened: its name, after how many seconds it was there, and whose first it was."""

    page: str
    seconds: float
    first: bool
    drawn: bool


@dataclass
class Seen:
    """What all sessions saw, and what went wrong."""

    looks: list[Look] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Use(NamedTuple):
    """What the server took: memory in MB, sample by sample, and cores on average."""

    memory: list[float]
    cores: float


@dataclass(frozen=True)
class Person:
    """Somebody with a pace and an order of pages of their own, until a moment of the monotonic clock."""

    seed: int
    think: float
    until: float

    def stops(self) -> Iterator[tuple[float, str, bool]]:
        """How long they read before each page, the page, and whether it is their first."""
        chance = random.Random(self.seed)
        yield chance.uniform(0, self.think), "overview", True
        while True:
            for name in chance.sample(NAMES, len(NAMES)):
                pause = chance.uniform(self.think / 2, self.think * 1.5)
                if time.monotonic() + pause >= self.until:
                    return
                yield pause, name, False


def call(url: str, seen: Seen, person: Person) -> None:
    """One person without a browser."""
    with Visitor(url, patience=LONGEST) as visitor:
        for pause, name, first in person.stops():
            time.sleep(pause)
            try:
                page = visitor.open(name)
            except (AssertionError, OSError, WebSocketException) as error:
                seen.wrong.append(f"{name}: {str(error)[:200]}")
                return
            seen.looks.append(Look(name, page.seconds, first, drawn=False))
            seen.wrong += [f"{name}: {words}" for words in broken(page.deltas)]


def broken(deltas: Iterable[Delta]) -> list[str]:
    """What a page says of a failure, in its own words."""
    elements = [delta.new_element for delta in deltas]
    said = [element.alert.body for element in elements if element.WhichOneof("type") == "alert"]
    thrown = [element.exception.message for element in elements if element.WhichOneof("type") == "exception"]
    return thrown + [text[:200] for text in said if any(words in text for words in browser.FAILED)]


async def visit(chromium: Browser, url: str, seen: Seen, person: Person) -> None:
    """One person in Chromium, who clicks in the navigation."""
    context = await chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = await context.new_page()
    page.on("pageerror", lambda error: seen.wrong.append(f"exception in the page: {error}"))
    for pause, name, first in person.stops():
        await asyncio.sleep(pause)
        link = page.locator(f'[data-testid="stSidebarNavLink"][href$="/{name}"]')
        go = page.goto(f"{url}/{name}", wait_until="domcontentloaded") if first else link.click()
        await timed(page, seen, name, first=first, go=go)
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
    seen.looks.append(Look(name, time.monotonic() - started, first, drawn=True))
    shown = await page.locator('[data-testid="stException"], [data-testid="stAlert"]').all_inner_texts()
    seen.wrong += [f"{name}: {text[:200]}" for text in shown if any(said in text for said in browser.FAILED)]


async def watch(server: int, every: float, until: float) -> Use:
    """The server's memory, every so many seconds, and what it took of the processor."""
    process, memory, started = psutil.Process(server), [], time.monotonic()
    before = sum(process.cpu_times()[:2])
    while time.monotonic() < until:
        memory.append(process.memory_info().rss / 2**20)
        await asyncio.sleep(every)
    return Use(memory, (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - started))


def calm(server: int, *, seconds: float = 120) -> None:
    """Wait until the server has worked out what pages open with, and rests."""
    process, until = psutil.Process(server), time.monotonic() + seconds
    while time.monotonic() < until and process.cpu_percent(2) > 5:
        pass


async def measure(url: str, server: int, asked: argparse.Namespace) -> tuple[Seen, Use]:
    """Everybody at once, for so long."""
    seen, until = Seen(), time.monotonic() + asked.seconds
    people = [Person(seed, asked.think, until) for seed in range(asked.sessions)]
    async with async_playwright() as playwright:
        where = browser.needed("chromium")
        chromium = await playwright.chromium.launch(executable_path=where, args=list(browser.ARGUMENTS))
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(asked.sessions))
        drawing = [visit(chromium, url, seen, person) for person in people[: asked.browsers]]
        calling = [asyncio.to_thread(call, url, seen, person) for person in people[asked.browsers :]]
        use, *_ = await asyncio.gather(watch(server, 5, until), *drawing, *calling)
        await chromium.close()
    return seen, use


def found(seen: Seen, use: Use) -> dict[str, Any]:
    """The figures in seconds: all clicks, those that were drawn, first pages, by page; memory in MB at each fifth."""
    clicks = [look for look in seen.looks if not look.first]
    memory = [use.memory[int(len(use.memory) * part / 5)] for part in range(5)] + [use.memory[-1]]
    return {
        "clicked": spread(clicks),
        "drawn": spread([look for look in clicks if look.drawn]),
        "opened": spread([look for look in seen.looks if look.first]),
        "by_page": {name: spread([look for look in clicks if look.page == name]) for name in NAMES},
        "memory_mb": [round(value) for value in memory],
        "cores_used": round(use.cores, 2),
        "wrong": seen.wrong,
    }


def spread(looks: Sequence[Look]) -> dict[str, float]:
    """How many, and the median, 95th percentile and longest of their times."""
    if not looks:
        return {"n": 0}
    ranked = sorted(look.seconds for look in looks)
    p95 = ranked[min(len(ranked) - 1, int(len(ranked) * 0.95))]
    return {"n": len(ranked), "median": round(statistics.median(ranked), 2), "p95": round(p95, 2),
            "longest": round(ranked[-1], 2)}  # fmt: skip


def main(words: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.sessions", description=__doc__)
    parser.add_argument("--sessions", type=int, default=20, metavar="N")
    parser.add_argument("--seconds", type=float, default=300, metavar="S")
    parser.add_argument("--browsers", type=int, default=2, metavar="N", help="how many of them are Chromium")
    parser.add_argument("--think", type=float, default=12, metavar="S", help="seconds between two clicks, on average")
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
            seen, use = asyncio.run(measure(server.url, server.process.pid, asked))
            logged = [line for line in server.printed().splitlines() if "Traceback" in line or " failed (" in line]
    told = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "cores": os.cpu_count(),
            "sessions": asked.sessions, "browsers": asked.browsers, "seconds": asked.seconds,
            "think_seconds": asked.think,
            "accounts": asked.accounts, "events": asked.events, "load_before": round(before, 2),
            **found(seen, use), "logged": logged}  # fmt: skip
    asked.results.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))
    return int(bool(told["wrong"] or logged))


if __name__ == "__main__":
    sys.exit(main())
