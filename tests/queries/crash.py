"""Runs a refresh that is killed at a chosen point, in a process of its own; the tests of crashes start it."""

from __future__ import annotations

import os
import signal
from datetime import datetime
from pathlib import Path

import settings
from queries import refresh
from queries.store import Store


def refresh_until(config: str, environment: dict[str, str], at: datetime, point: str, number: int) -> None:
    """Refreshes and is killed, as by ``kill -9``, at the ``number``-th ``point``.

    ``step``: a progress report. ``write NAME``: before such an object is written. ``replace NAME``: when all of it is
    written under its passing name. ``written NAME``: when it has its own.
    """
    countdown = iter(range(number - 1, -2, -1))

    def count(reached: str) -> None:
        if reached == point and next(countdown) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    put, replace = Store.put, Path.replace

    def counted_put(store: Store, name: str, content: bytes) -> None:
        count(f"write {_kind(name)}")
        put(store, name, content)
        count(f"written {_kind(name)}")

    def counted_replace(path: Path, target: Path) -> Path:
        count(f"replace {_kind(f'{target.parent.name}/{target.name}')}")
        return replace(path, target)

    Store.put, Path.replace = counted_put, counted_replace  # type: ignore[method-assign]
    refresh.run(settings.read(Path(config), environment), as_of=at, full=True, progress=lambda *_: count("step"))


def _kind(name: str) -> str:
    """``manifest``, ``current``, or the frame an object holds."""
    folder, _, last = name.rpartition("/")
    return last.split("-")[0] if not last.endswith(".parquet") else folder
