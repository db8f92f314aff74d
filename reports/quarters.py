"""Quarters of the calendar year, as a business review looks back on them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from metrics.inputs import month_end
from metrics.month_ends import months_later


class Quarter(NamedTuple):
    """Three calendar months of the organisation's time zone, from ``first`` to ``last`` (both belong to it)."""

    first: date
    last: date

    @property
    def before(self) -> Quarter:
        """The quarter before.

        >>> quarter_of(date(2026, 2, 3)).before.last
        datetime.date(2025, 12, 31)
        """
        return quarter_of(self.first - timedelta(days=1))

    @property
    def months(self) -> tuple[date, date, date]:
        """The first days of its months."""
        return self.first, months_later(self.first, 1), months_later(self.first, 2)

    @property
    def month_ends(self) -> tuple[date, date, date]:
        """The last days of its months."""
        first, second, third = self.months
        return month_end(first), month_end(second), month_end(third)

    def __str__(self) -> str:
        return f"Q{(self.first.month + 2) // 3} {self.first.year}"


def quarter_of(day: date) -> Quarter:
    """The quarter that holds a day.

    >>> quarter_of(date(2024, 2, 29)), str(quarter_of(date(2024, 2, 29)))
    (Quarter(first=datetime.date(2024, 1, 1), last=datetime.date(2024, 3, 31)), 'Q1 2024')
    """
    first = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return Quarter(first, months_later(first, 3) - timedelta(days=1))


def last_full_quarter(as_of: date) -> Quarter:
    """The last quarter that is over; ``as_of`` is a day that still runs.

    >>> str(last_full_quarter(date(2026, 9, 30))), str(last_full_quarter(date(2026, 10, 1)))
    ('Q2 2026', 'Q3 2026')
    """
    return quarter_of(as_of).before


def full_quarters(as_of: date, *, since: date | None = None, most: int = 8) -> list[Quarter]:
    """The quarters to choose from, the newest first: those over that do not end before ``since``, at least one.

    >>> [str(quarter) for quarter in full_quarters(date(2026, 11, 21), since=date(2026, 6, 30))]
    ['Q3 2026', 'Q2 2026']
    """
    found = [last_full_quarter(as_of)]
    while len(found) < most and since is not None and found[-1].before.last >= since:
        found.append(found[-1].before)
    return found
