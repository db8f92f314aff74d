"""Quiet hours: when a message may go, by the clock on the recipient's wall.

What falls into quiet hours waits; it is never dropped. Clocks that are put forward or back are taken as they are: what
counts is what the wall shows at an instant, so an hour that comes twice is quiet twice, and one that never comes is
skipped.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Protocol

from metrics.buckets import WEEKDAYS

_DAY = timedelta(days=1)
_LONGEST = 400
"""Days looked ahead. With one minute a week to send in, a change of clocks may swallow it twice a year."""


class Rules(Protocol):
    """When nothing is sent; the settings' ``[outreach]`` is one."""

    @property
    def quiet_from(self) -> time:
        """The first minute that is quiet; later than ``quiet_until`` when the night lies between them."""

    @property
    def quiet_until(self) -> time:
        """The first minute that is not."""

    @property
    def quiet_weekdays(self) -> Collection[str]:
        """Days that are quiet from midnight to midnight, by their English names."""


def is_quiet(moment: datetime, zone: tzinfo, rules: Rules) -> bool:
    """Whether nothing is sent to somebody in ``zone`` at ``moment``, which must know its own zone.

    >>> from types import SimpleNamespace
    >>> from zoneinfo import ZoneInfo
    >>> rules = SimpleNamespace(quiet_from=time(19), quiet_until=time(8), quiet_weekdays={"sunday"})
    >>> at = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    >>> is_quiet(at, ZoneInfo("Europe/Lisbon"), rules), is_quiet(at, ZoneInfo("Europe/Berlin"), rules)
    (False, True)
    """
    return _quiet_on_the_wall(_wall(moment, zone), rules)


def next_allowed(now: datetime, zone: tzinfo, rules: Rules) -> datetime:
    """The earliest instant from ``now`` on that is not quiet in ``zone``, in UTC; ``now`` itself when it is not.

    ValueError when ``now`` does not know its zone, or when nothing is ever allowed.

    >>> from types import SimpleNamespace
    >>> from zoneinfo import ZoneInfo
    >>> rules = SimpleNamespace(quiet_from=time(19), quiet_until=time(8), quiet_weekdays={"saturday", "sunday"})
    >>> friday = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    >>> next_allowed(friday, ZoneInfo("Europe/Berlin"), rules).isoformat()
    '2026-11-23T07:00:00+00:00'
    """
    if now.utcoffset() is None:
        raise ValueError("now has no time zone.\n\nHint: pass an aware time, for example datetime.now(UTC).")
    piece = now.astimezone(UTC)
    for _ in range(_LONGEST):
        end = _piece_end(piece, zone)
        # While the clock runs on without a jump, what the wall will show is plain arithmetic.
        wall = _wall(piece, zone)
        found = piece + (_allowed_on_the_wall(wall, rules) - wall)
        if found < end:
            return found
        piece = end
    raise ValueError(f"Every hour is quiet, for {_LONGEST} days.\n\nHint: change the quiet hours or weekdays.")


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _quiet_day(wall: datetime, rules: Rules) -> bool:
    return WEEKDAYS[wall.weekday()] in rules.quiet_weekdays


def _quiet_hour(at: time, rules: Rules) -> bool:
    if rules.quiet_from < rules.quiet_until:
        return rules.quiet_from <= at < rules.quiet_until
    return at >= rules.quiet_from or at < rules.quiet_until


def _quiet_on_the_wall(wall: datetime, rules: Rules) -> bool:
    return _quiet_day(wall, rules) or _quiet_hour(wall.time(), rules)


def _allowed_on_the_wall(wall: datetime, rules: Rules) -> datetime:
    """The first wall time from ``wall`` on that is not quiet, or one more than a week away when there is none."""
    for _ in range(16):
        if _quiet_day(wall, rules):
            wall = datetime.combine(wall.date() + _DAY, time())
        elif _quiet_hour(wall.time(), rules):
            later = wall.time() >= rules.quiet_until
            wall = datetime.combine(wall.date() + (_DAY if later else timedelta()), rules.quiet_until)
        else:
            break
    return wall


def _piece_end(start: datetime, zone: tzinfo) -> datetime:
    """The first instant after ``start`` at which the clock jumps, or a day later when it does not until then."""

    def offset(moment: datetime) -> timedelta | None:
        return moment.astimezone(zone).utcoffset()

    before, low, high = offset(start), start.replace(microsecond=0), start + _DAY
    if offset(high) == before:
        return high
    high = high.replace(microsecond=0)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
        low, high = (middle, high) if offset(middle) == before else (low, middle)
    return high
