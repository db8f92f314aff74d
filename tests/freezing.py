"""Stops every process of an embedded PostgreSQL for a while, or for good."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


def processes(folder: Path) -> list[psutil.Process]:
    """The server of ``folder`` and all that it started."""
    first = psutil.Process(int((folder / "postmaster.pid").read_text().splitlines()[0]))
    return [first, *first.children(recursive=True)]


@contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """Within it, no process of the server moves, though the kernel still takes what is sent to them."""
    stopped = processes(folder)
    for process in stopped:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in stopped:
            process.send_signal(signal.SIGCONT)


def kill(folder: Path) -> None:
    """Ends them all at once, as when the machine loses its memory but not its disk."""
    for process in processes(folder):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
