"""When accounts are busy: weekdays, seasons, outages, growth, decline, and the first weeks."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from demo.accounts import Account
from demo.catalog import INDEX
from demo.decline import usual
from demo.months import MONTHS, Timeline, stream
from demo.people import Person
from demo.stories import IMPORTER_MONTH, champion_left_on, outage_days
from demo.tables import WHOLE, table

WEEK = (1.08, 1.15, 1.14, 1.08, 0.92, 0.12, 0.08)
SEASON = {7: 0.88, 8: 0.62, 12: 0.86}


def account_days(accounts: list[Account], timeline: Timeline, seed: int) -> npt.NDArray[np.float32]:
    """How busy each account is on each day (1 is ordinary; 0 while it is not served): accounts x days."""
    rng = stream(seed, "rhythm")
    common = _common_days(timeline)
    months = np.array([timeline.month(timeline.date(d)) - 1 for d in range(timeline.days)])
    walk = np.zeros((len(accounts), MONTHS))
    level = rng.normal(0, 0.35, len(accounts))
    for month in range(MONTHS):
        level = 0.94 * level + rng.normal(0.008, 0.10, len(accounts))
        walk[:, month] = level
    busy = np.exp(walk)[:, months].astype(np.float32) * common[None, :].astype(np.float32)
    for position, account in enumerate(accounts):
        busy[position] *= _own_days(account, timeline)
    return busy


def _common_days(timeline: Timeline) -> npt.NDArray[np.float64]:
    """Weekdays, seasons and the outage, the same for all."""
    first, last = outage_days(timeline.today)
    days = np.empty(timeline.days)
    for d in range(timeline.days):
        day = timeline.date(d)
        days[d] = WEEK[day.weekday()] * SEASON.get(day.month, 1.0)
        if (day.month, day.day) >= (12, 23) or (day.month, day.day) <= (1, 2):
            days[d] *= 0.3
        if first <= day <= last:
            days[d] *= 0.3
    days[-1] *= 0.25  # today has only just begun
    return days


def _own_days(account: Account, timeline: Timeline) -> npt.NDArray[np.float32]:
    """An account's own factor for each day: served or not, the way in, the way out, the champion's leaving."""
    own = np.zeros(timeline.days, dtype=np.float32)
    for start, end in account.served:
        low = max(timeline.day(start), 0)
        high = timeline.days if end is None else min(max(timeline.day(end), 0), timeline.days)
        own[low:high] = 1.0
    own *= usual(account)
    if account.slump is not None:
        own *= account.slump.levels(timeline.days).astype(np.float32)
    if account.part == "champion":
        own[timeline.day(champion_left_on(timeline.today)) :] *= 0.4
    return own


def setup_events(
    accounts: list[Account], people: list[Person], timeline: Timeline, rng: np.random.Generator
) -> pl.DataFrame:
    """The uses of the first weeks: inviting the team, importing users, the first broadcast."""
    owners = {p.account: n for n, p in reversed(list(enumerate(people))) if p.role == 2}
    rows: list[tuple[int, int, int, int]] = []
    for position, account in enumerate(accounts):
        if account.signed_up < timeline.first or not account.served or position not in owners:
            continue
        if account.part in ("integration only", "sandbox", "void"):
            continue
        rows.extend(_first_weeks(account, position, owners[position], timeline, rng))
    return table(rows, account=WHOLE, person=WHOLE, feature=WHOLE, day=WHOLE)


def _first_weeks(
    account: Account, position: int, owner: int, timeline: Timeline, rng: np.random.Generator
) -> list[tuple[int, int, int, int]]:
    with_importer = timeline.month(account.signed_up) >= IMPORTER_MONTH
    day = account.signed_up
    rows: list[tuple[int, int, int, int]] = []

    def use(feature: str, wait: float, times: int = 1) -> None:
        nonlocal day
        day = day + timedelta(days=round(float(rng.gamma(2.0, wait / 2.0))))
        if _is_served(account, day) and day < timeline.today:
            rows.extend((position, owner, INDEX[feature], timeline.day(day)) for _ in range(times))

    rows.append((position, owner, INDEX["login"], timeline.day(day)))
    if rng.random() < 0.93:
        use("teammate_invite", 2.5, int(rng.integers(1, 5)))
    if account.stuck:
        return rows
    use("user_import", 2.0 if with_importer else 11.0, int(rng.integers(1, 4)))
    if rng.random() < 0.9:
        use("broadcast", 5.0)
    return rows


def _is_served(account: Account, day: date) -> bool:
    return any(start <= day and (end is None or day < end) for start, end in account.served)
