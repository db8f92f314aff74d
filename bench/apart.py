"""A module run in a process of its own: what it reports, how long it takes from start to end, and its peak memory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

_PEAK = """
import atexit, re, runpy, sys
def tell():
    try:
        print("peak", re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
    except OSError:
        pass
atexit.register(tell)
module = sys.argv.pop(1)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
"""A process that says its own peak at the end. What the operating system says of a process that has ended starts from
the memory of the one that started it."""


@dataclass(frozen=True)
class Ran:
    """What the module printed, as JSON; seconds with start-up; peak memory in MB (0 where nothing tells it)."""

    report: dict[str, Any]
    wall: float
    peak_mb: float


def run(module: str, *words: str, environment: Mapping[str, str]) -> Ran:
    """``python -m module words``, which prints one JSON object; RuntimeError with what it said when it fails."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, module, *words],
        cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=False,
    )  # fmt: skip
    wall = time.monotonic() - started
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(words)} failed:\n{done.stderr[-2000:]}")
    peak = re.search(r"^peak (\d+)$", done.stderr, re.MULTILINE)
    megabytes = round(int(peak[1]) * 1024 / 1e6) if peak else 0
    return Ran(json.loads(done.stdout), round(wall, 2), megabytes)
