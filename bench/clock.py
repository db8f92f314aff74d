"""Takes times so that they can be compared: warm, turn by turn, the best of each."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

ROUNDS = 5
MOST_ROUNDS = 100
"""Whoever only wants to see that everything is asked sets this to 1."""
BUDGET = 12.0
"""Seconds after which a slow contestant takes no more turns."""


@dataclass(frozen=True)
class Timing:
    """The best of ``runs`` warm runs, and how busy the machine was before and after them (load of one minute)."""

    seconds: float
    runs: int
    load: tuple[float, float]


def race(
    contestants: Mapping[str, Callable[[], Any]], *, rounds: int = ROUNDS, budget: float = BUDGET
) -> dict[str, Timing]:
    """Times every contestant, warmed up before by the caller.

    They take turns, so that what else the machine does slows all of them alike.
    """
    before, taken = os.getloadavg()[0], {name: list[float]() for name in contestants}
    for _ in range(min(rounds, MOST_ROUNDS)):
        for name, run in contestants.items():
            if sum(taken[name]) < budget:
                taken[name].append(_seconds(run))
    load = (round(before, 2), round(os.getloadavg()[0], 2))
    return {name: Timing(round(min(times), 5), len(times), load) for name, times in taken.items()}


def _seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def differing(answers: Mapping[str, Any]) -> list[str]:
    """The names of those whose answer is not the first one's."""
    first = next(iter(answers.values()))
    return [name for name, answer in answers.items() if answer != first]
