"""The demo's calendar: thirty months that end today, the running one last."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import numpy as np

MONTHS = 30


def add_months(day: date, months: int) -> date:
    """The same day ``months`` later, or that month's last day.

    >>> add_months(date(2026, 1, 31), 1)
    datetime.date(2026, 2, 28)
    """
    index = day.year * 12 + day.month - 1 + months
    first = date(index // 12, index % 12 + 1, 1)
    following = date((index + 1) // 12, (index + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))


@dataclass(frozen=True)
class Timeline:
    """Thirty months up to ``today``; month 1 is the first, month 30 the running one.

    >>> Timeline(date(2026, 11, 15)).start(30), Timeline(date(2026, 11, 15)).first
    (datetime.date(2026, 11, 1), datetime.date(2024, 6, 1))
    """

    today: date

    @property
    def first(self) -> date:
        """The first day of month 1."""
        return self.start(1)

    @property
    def days(self) -> int:
        """Number of days from the first to today, both included."""
        return self.day(self.today) + 1

    def start(self, month: int) -> date:
        """First day of ``month``; months before 1 and after 30 exist too."""
        return _start(self.today, month)

    def month(self, day: date) -> int:
        """The month a day lies in."""
        return (day.year - self.today.year) * 12 + day.month - self.today.month + MONTHS

    def day(self, day: date) -> int:
        """Days since the first day of month 1."""
        return (day - self.first).days

    def date(self, day: int) -> date:
        """The date that lies ``day`` days after the first day of month 1."""
        return self.first + timedelta(days=int(day))


@cache
def _start(today: date, month: int) -> date:
    return add_months(today.replace(day=1), month - MONTHS)


def stream(seed: int, name: str) -> np.random.Generator:
    """Random numbers of one part of the company; a change in one part leaves the others as they were."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def moment(day: date, hour: float) -> datetime:
    """``hour`` o'clock (UTC, fractions allowed) on ``day``."""
    return datetime.combine(day, time(), UTC) + timedelta(seconds=round(hour * 3600))
