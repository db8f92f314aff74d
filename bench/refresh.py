"""How long a refresh takes: the first one over all history, and the one after another day of events."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo import load, server
from demo.company import Plan

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Measured:
    """One refresh in a process of its own: seconds of work, seconds with start-up, peak memory in MB."""

    seconds: float
    wall: float
    peak_mb: float
    days_read: int


def run(events: int, accounts: int) -> dict[str, Any]:
    """Loads a company of that size into an embedded PostgreSQL of its own, and measures two refreshes."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    with _database() as url, tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        load.load(url, Plan(today=yesterday, accounts=accounts, events=events), say=_say)
        loaded = time.monotonic() - started
        environment = {**os.environ, "PRODUCT_DATABASE_URL": url, "SNAPSHOT_DIR": folder}
        first = refresh(environment)
        for _ in range(2):  # the rest of yesterday, and today
            load.add_day(url, say=_say)
        second = refresh(environment)
        nothing = refresh(environment)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return {
        "events": events,
        "accounts": accounts,
        "load_seconds": round(loaded, 1),
        "first": vars(first),
        "another_day": vars(second),
        "nothing_new": vars(nothing),
        "another_day_to_first": round(second.seconds / first.seconds, 4),
        "snapshot_mb": round(size / 1e6, 1),
    }


@contextmanager
def _database() -> Iterator[str]:
    """An empty database on an embedded server that ends with the measurement."""
    folder = Path(tempfile.mkdtemp(prefix="tenure-bench-"))
    folder.chmod(0o755)  # PostgreSQL's own account must be able to enter
    running = server.start(folder / "postgres", say=_say)
    try:
        load.make_database(running.url(), "bench")
        yield running.url("bench")
    finally:
        server.stop(running.folder, mode="immediate")
        subprocess.run(["rm", "-rf", str(folder)], check=False)


def refresh(environment: dict[str, str]) -> Measured:
    """One refresh by the command line, with its peak memory."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "queries.refresh", "--json"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    report = json.loads(process.stdout.read())
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(report["seconds"], round(time.monotonic() - started, 2), _megabytes(used), report["days_read"])


def _megabytes(used: resource.struct_rusage) -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes here
    return round(used.ru_maxrss * unit / 1e6, 0)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
