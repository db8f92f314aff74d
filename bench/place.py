"""Where a measurement happens: a company in an embedded PostgreSQL of its own, and a folder for its snapshot.

Both are gone when the measurement ends, however it ends.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import psutil

import settings
from demo import load, server
from demo.company import Plan
from demo.pidfile import Server
from queries.frames import Frames, Scope, current_id, open_snapshot
from settings import Settings

CONFIG = settings.ROOT / "config"
"""The configuration of every company measured: the project's own."""


@dataclass(frozen=True)
class Place:
    """One company: its database, a folder of ours, and how long its load took."""

    url: str
    folder: Path
    load_seconds: float

    @property
    def snapshot(self) -> Path:
        """The snapshot's folder."""
        return self.folder / "snapshot"

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment, for one that works on this company."""
        return {**os.environ, **self._variables}

    @property
    def _variables(self) -> dict[str, str]:
        return {
            "PRODUCT_DATABASE_URL": self.url,
            "SNAPSHOT_DIR": str(self.snapshot),
            "TENURE_CONFIG": str(CONFIG),
        }

    @cached_property
    def settings(self) -> Settings:
        """The project's own settings and mappings, for this company."""
        return settings.read(CONFIG, self._variables)

    def frames(self) -> Frames:
        """The newest snapshot as a viewer opens it who may see everything."""
        held = self.settings
        return open_snapshot(current_id(held), Scope(), held)


@contextmanager
def place(events: int, accounts: int) -> Iterator[Place]:
    """Loads a company of that size; its server ends, and its files go, with the measurement."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    folder = Path(tempfile.mkdtemp(prefix="tenure-bench-"))
    folder.chmod(0o755)  # PostgreSQL's own account must be able to enter
    try:
        running = server.start(folder / "postgres", say=say)
        try:
            load.make_database(running.url(), "bench")
            url = running.url("bench")
            started = time.monotonic()
            load.load(url, Plan(today=yesterday, accounts=accounts, events=events), say=say)
            yield Place(url, folder, round(time.monotonic() - started, 1))
        finally:
            _stop(running)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stop(running: Server) -> None:
    """Ends the server and waits until its process is gone, so that nobody writes into the folder any more."""
    try:
        process = psutil.Process(running.pid)
    except psutil.NoSuchProcess:
        return
    server.stop(running.folder, mode="immediate")
    psutil.wait_procs([process], timeout=30)


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)
