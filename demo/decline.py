"""Who gets less and less out of the product, from when, and how far down: most leavers, and some who recover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from demo.months import Timeline, stream
from demo.stories import outage_days

if TYPE_CHECKING:
    from demo.accounts import Account

Floats = npt.NDArray[np.float64]

NO_WARNING = ("price", "payment_failed", "folded", "company_closed", "told_to_by_group")
"""Causes of leaving that do not show beforehand: what the account did with the product had nothing to do with it."""
SUDDEN_EVERY = 7
"""Of all other leavers who are not stuck, one in so many leaves without having used less."""
LITTLE_USE = 0.5
"""How much those use who leave over the price, from the beginning: what they pay for is worth less to them."""
FALSE_ALARM = 0.14
"""Share of those who stay that sink for some months too, and come back."""
CHAMPION_GOES, CHAMPION_GOES_ANYWAY = 0.35, 0.05
"""Share of the sinking whose champion left when it began, and of all others whose champion left."""
RECOVERY_DAYS = 60


@dataclass(frozen=True)
class Slump:
    """Use falls evenly from the day ``first`` on to ``floor`` (1 is ordinary) on ``bottom``, and stays there.

    Days are those of the timeline. From ``back`` on, where there is one, it is ordinary again after two months.
    """

    first: int
    bottom: int
    floor: float
    back: int | None = None

    def levels(self, days: int) -> Floats:
        """What is left of ordinary use on each of the first ``days`` days.

        >>> Slump(1, 3, 0.5).levels(5).tolist()
        [1.0, 1.0, 0.75, 0.5, 0.5]
        """
        day = np.arange(days)
        down = np.clip((day - self.first) / max(self.bottom - self.first, 1), 0, 1)
        if self.back is not None:
            down -= np.clip((day - self.back) / RECOVERY_DAYS, 0, 1)
        return 1 - (1 - self.floor) * down

    def lost(self, day: int) -> float:
        """What share of ordinary use is gone on a day, from 0 to 1."""
        return 1 - float(self.levels(day + 1)[-1]) if day >= self.first else 0.0


def assign(accounts: list[Account], timeline: Timeline, seed: int) -> None:
    """Gives accounts whose lives are written their ``slump``, and the day on which their ``champion_left``."""
    draws = stream(seed, "declines").random((len(accounts), 6))
    sudden = _sudden(accounts)
    for account, own in zip(accounts, draws, strict=True):
        account.slump = None if account.id in sudden else _slump(account, own, timeline)
        account.champion_left = _champion_left(account, own, timeline)


def usual(account: Account) -> float:
    """How much an account uses the product all the time, 1 being ordinary."""
    if account.cause == "price":
        return LITTLE_USE
    return 0.5 if account.stuck and account.left_on is not None else 1.0


def lost(account: Account, day: date, timeline: Timeline) -> float:
    """What share of ordinary use an account has lost on ``day``: 0 where nothing is wrong."""
    return 0.0 if account.slump is None else account.slump.lost(timeline.day(day))


def _sudden(accounts: list[Account]) -> set[int]:
    """Who leaves without a warning, whatever the cause; the polite had nearly stopped."""
    gone = [a for a in accounts if a.asked_on is not None and not a.stuck and a.cause not in (*NO_WARNING, "stayed")]
    return {a.id for a in gone[3::SUDDEN_EVERY] if not a.polite}


def _slump(a: Account, draws: Floats, timeline: Timeline) -> Slump | None:
    if a.cause is None:
        return _false_alarm(a, draws, timeline)
    if a.cause in (*NO_WARNING, "stayed"):
        return None
    if a.stuck:
        return _before_leaving(a, 45, 0.15, timeline)
    floor, early = 0.02 + 0.14 * float(draws[2]), int(draws[3] * 40)
    return _before_leaving(a, 120 + int(draws[1] * 120), floor, timeline, early=early)


def _before_leaving(a: Account, length: int, floor: float, timeline: Timeline, *, early: int = 0) -> Slump | None:
    """At the bottom ``early`` days before they ask to leave, or stop using it; who comes back uses it as before."""
    (_, stopped), *again = a.served
    ends = [day for day in (a.asked_on, a.left_on, stopped) if day is not None]
    bottom = timeline.day(min(ends)) - early
    first = bottom - length
    if a.cause == "unreliable":  # all was well until the outages
        first = max(first, timeline.day(outage_days(timeline.today)[0]))
    back = timeline.day(again[0][0]) if again else None
    return Slump(first, bottom, floor, back) if bottom > first else None


def _false_alarm(a: Account, draws: Floats, timeline: Timeline) -> Slump | None:
    if a.part != "plain" or a.stuck or draws[0] >= FALSE_ALARM:
        return None
    earliest = max(timeline.day(a.signed_up) + 120, 0)
    if earliest >= timeline.days:
        return None
    first = earliest + int(draws[1] * (timeline.days - earliest))
    bottom = first + 80 + int(draws[2] * 80)
    return Slump(first, bottom, 0.3 + 0.3 * float(draws[3]), bottom + 20)


def _champion_left(a: Account, draws: Floats, timeline: Timeline) -> date | None:
    """The day on which the account's champion left; none for most. The named story has a day of its own."""
    if a.stuck or a.part == "champion":
        return None
    if a.slump is not None and a.left_on is not None:
        day = a.slump.first + 10 if draws[4] < CHAMPION_GOES else None
    else:
        day = int(draws[5] * timeline.days) if draws[4] < CHAMPION_GOES_ANYWAY else None
    if day is None or day >= timeline.days - 1 or timeline.date(day) >= (a.left_on or timeline.today):
        return None
    return timeline.date(day)
