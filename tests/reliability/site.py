"""A company with a database, a network to it, mail and a running Tenure, all of a test's own and all to be harmed."""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import load
from demo import server as postgres
from demo.pidfile import Server
from records import migrate
from tests.outreach.office import Office
from tests.outreach.office import opened as post_office
from tests.pages import browser
from tests.queries.company import ROOT, Company, use
from tests.records.conftest import Records, as_writer
from tests.reliability.proxy import Proxy
from tests.reliability.visitor import Seen, Visitor

SLACK = 1 if browser.thorough() else 4
"""A machine that does other things at the same time is no fault of ours; `make thorough` asks for what is promised."""
ANSWER, RECOVER = 5.0 * SLACK, 10.0 * SLACK
"""What is promised: seconds until a page answers in a fault, and until all is well after it."""
PAGES = ("overview", "account", "campaigns", "results")
"""Those that ask the records most, each in its own way."""
FAILED = ("could not be worked out", "Traceback")


@dataclass
class Site:
    """``records`` reaches its database past the network, as an administrator of that machine would."""

    postgres: Path
    company: Company
    snapshots: Path
    records: Records
    proxy: Proxy
    office: Office
    app: browser.Server

    def open(self, page: str) -> Seen:
        """A page as a new visitor sees it."""
        with Visitor(self.app.url) as visitor:
            return visitor.open(page)

    def slowest(self) -> float:
        """Opens every page; the seconds of the slowest. Each shows its snapshot and no failure of ours."""
        seconds = []
        for page in PAGES:
            seen = self.open(page)
            assert "as of" in seen.text, page
            assert not any(words in seen.text for words in FAILED), page
            assert seen.seconds < ANSWER, (page, seen.seconds)
            seconds.append(seen.seconds)
        return max(seconds)

    def warns(self) -> bool:
        """Whether the banner says that the last refresh failed."""
        return "these are the numbers from before it" in self.open("data").text

    def ready(self) -> tuple[int, dict[str, Any]]:
        """What ``/ready`` answers, within its two seconds and a busy machine's."""
        started = time.monotonic()
        try:
            with urllib.request.urlopen(f"{self.app.url}/ready", timeout=2 * ANSWER) as response:
                found = response.status, json.load(response)
        except urllib.error.HTTPError as error:
            found = error.code, json.load(error)
        assert time.monotonic() - started < ANSWER
        return found

    def is_well(self) -> bool:
        """Fresh numbers without a banner, a worker at work, and a page on which things can be saved."""
        status, body = self.ready()
        if status != 200 or body["degraded"] or body["last_failed_refresh"]:
            return False
        return not self.warns() and "Nothing can be saved" not in self.open("account").text

    def recovered(self) -> float:
        """Seconds until it is well again by itself."""
        return waited(self.is_well, RECOVER, "all is well again")


def waited(true: Callable[[], bool], seconds: float, what: str) -> float:
    """Seconds until ``true``, which must be no more than ``seconds``; the last look may have begun by then."""
    started = time.monotonic()
    while True:
        asked = time.monotonic()
        if true():
            return asked - started
        assert time.monotonic() - started < seconds, f"after {seconds:.0f} s still waiting until {what}"
        time.sleep(0.1)


def fill(company: Company) -> None:
    """Two customers, one of which left, with people and use."""
    company.choose(every='"2s"')
    for name in ("themes.toml", "plays"):
        source, there = ROOT / "config" / name, company.config / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, there)
    company.customers("a", "b")
    company.table("people", {"user_id": "u", "account_id": "a", "email": "u@example.org"})
    company.table("events", *[use(i, f"2026-0{month}-02 10:00Z") for i in ("a", "b") for month in (1, 2, 3)])
    company.close()


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """The site, once its first snapshot is published and its worker was heard of."""
    where = folder / "pg" / "data"
    try:
        server = postgres.start(where)
        yield from _served(folder, server)
    finally:
        postgres.stop(where, mode="immediate")


def _served(folder: Path, server: Server) -> Iterator[Site]:
    for name in ("shop", "notes"):
        load.make_database(server.url(), name)
    load.make_writer(server.url())
    migrate.upgrade(server.url("notes"), writer=load.WRITER)
    company = Company(server.url("shop"), folder / "company")
    fill(company)
    proxy, records = Proxy(f"{server.host}/.s.PGSQL.{server.port}"), server.url("notes")
    snapshots = folder / "disk" / "snapshots"
    with post_office() as office:
        environment = {
            "PRODUCT_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{proxy.port}/shop",
            "RECORDS_DATABASE_URL": f"postgresql://{load.WRITER}@127.0.0.1:{proxy.port}/notes",
            "SNAPSHOT_DIR": str(snapshots),
            "TENURE_CONFIG": str(company.config),
            "TENURE_JOBS": "on",
            "SMTP_URL": office.url,
            "SECRET_KEY": "x" * 32,
        }
        with browser.serving(environment) as app:
            site = Site(server.folder, company, snapshots, Records(records, as_writer(records)), proxy, office, app)
            waited(site.is_well, 30, "the site is well")
            for page in PAGES:  # modules are compiled when they are first used
                site.open(page)
            yield site
        site.records.engine.dispose()
    proxy.close()
