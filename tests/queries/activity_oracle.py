"""What activity must be, worked out from single events in plain Python, with no regard to speed."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


class Event(NamedTuple):
    """One row of the product's table of events."""

    account: str | None
    user: str | None
    feature: str | None
    at: datetime | None
    quantity: float | None = None


@dataclass
class World:
    """Everything activity depends on. ``accounts``: id to status; ``served``: id to stretches of days."""

    accounts: dict[str, str]
    staff: set[str] = field(default_factory=set)
    thresholds: dict[str, float] = field(default_factory=dict)
    signed_up: dict[str, datetime] = field(default_factory=dict)
    served: dict[str, list[tuple[date, date]]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def counts(self, account: str | None) -> bool:
        return self.accounts.get(account or "") == "active"


@dataclass
class Activity:
    """The frames as sets of rows, and what the manifest says of events."""

    daily: set[tuple[Any, ...]]
    monthly: set[tuple[Any, ...]]
    weekly: set[tuple[Any, ...]]
    usage: set[tuple[Any, ...]]
    value_days: dict[str, date]
    first_uses: dict[tuple[str, str | None], date]
    rejected: dict[str, int]
    flagged: dict[str, int]
    rows: int
    left_out: int


def fault(event: Event, as_of: datetime) -> str | None:
    """Why an event is rejected, by itself."""
    if event.at is None:
        return "occurred_at is missing"
    if event.at < datetime(1970, 1, 1, tzinfo=UTC):
        return "occurred_at is before 1970"
    if event.at > as_of + DAY:
        return "occurred_at is more than a day in the future"
    if not event.account:
        return "account_id is missing"
    if not event.feature:
        return "feature is missing"
    if event.quantity is not None and (not math.isfinite(event.quantity) or abs(event.quantity) > 1e13):
        return "quantity is not finite, or too large"
    return None


def total(values: Iterable[float | None]) -> float | None:
    """SQL's sum."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def activity(world: World, zone: str, week_start: str, as_of: datetime) -> Activity:
    """The activity of ``world`` as it must be at ``as_of``."""
    here = ZoneInfo(zone)
    today = as_of.astimezone(here).date()
    rejected, flagged, rows, left_out = Counter[str](), Counter[str](), 0, 0
    uses = list[tuple[str, str | None, str, date, float | None]]()
    for event in world.events:
        why = fault(event, as_of)
        if why is None and event.account not in world.accounts:
            why = "unknown account"
        if why is not None:
            rejected[why] += 1
            continue
        assert event.account
        assert event.feature
        assert event.at
        if not world.counts(event.account) or event.user in world.staff:
            left_out += 1
            continue
        rows += 1
        day = event.at.astimezone(here).date()
        uses.append((event.account, event.user or None, event.feature, day, event.quantity))
        if day < world.signed_up[event.account].astimezone(here).date():
            flagged["use before sign-up"] += 1
        if not any(start <= day < end for start, end in world.served.get(event.account, [])):
            flagged["use outside any subscription"] += 1
    month_ends = {day.replace(day=1) - DAY for *_, day, _ in [(*use[:3], use[3], 0) for use in uses]}
    last = {next_month(use[3]) - DAY for use in uses} | month_ends
    ends = {end for end in last if end < today.replace(day=1)} | {today, today - 28 * DAY}
    return Activity(
        daily={(*key, len(found), total(found)) for key, found in grouped(uses, lambda use: use[:4]).items()},
        monthly=by_period(uses, lambda day: day.replace(day=1)),
        weekly=by_period(uses, lambda day: week_of(day, week_start)),
        usage={row for end in ends for row in window(uses, end)},
        value_days=value_days(uses, world.thresholds, today),
        first_uses=first_uses(uses, world, here),
        rejected=dict(rejected),
        flagged=dict(flagged),
        rows=rows,
        left_out=left_out,
    )


def grouped(uses: list[Any], key: Any) -> dict[Any, list[float | None]]:
    found: dict[Any, list[float | None]] = defaultdict(list)
    for use in uses:
        found[key(use)].append(use[4])
    return found


def next_month(day: date) -> date:
    return (day.replace(day=28) + 4 * DAY).replace(day=1)


def week_of(day: date, week_start: str) -> date:
    while day.strftime("%A").lower() != week_start:
        day -= DAY
    return day


def by_period(uses: list[Any], period_of: Any) -> set[tuple[Any, ...]]:
    first: dict[Any, date] = {}
    days: dict[Any, set[date]] = defaultdict(set)
    for account, user, _, day, _ in uses:
        first[account, user] = min(day, first.get((account, user), day))
        days[account, user, period_of(day)].add(day)
    sums = grouped(uses, lambda use: (use[0], use[1], period_of(use[3])))
    return {(*key, len(days[key]), len(found), total(found), period_of(first[key[:2]])) for key, found in sums.items()}


def window(uses: list[Any], end: date) -> set[tuple[Any, ...]]:
    inside = [use for use in uses if end - 28 * DAY < use[3] <= end]
    return {(*key, end, len(found), total(found)) for key, found in grouped(inside, lambda use: use[:3]).items()}


def value_days(uses: list[Any], thresholds: dict[str, float], today: date) -> dict[str, date]:
    """Per account the last day up to today whose 28 days reach a threshold; a day at a time."""
    result: dict[str, date] = {}
    for day in sorted({use[3] + number * DAY for use in uses for number in range(28)}):
        for account, _, feature, _, count, amount in window(uses, day) if day <= today else ():
            measure = count if amount is None else amount
            if feature in thresholds and measure >= thresholds[feature]:
                result[account] = day
    return result


def first_uses(uses: list[Any], world: World, here: ZoneInfo) -> dict[tuple[str, str | None], date]:
    """Per account and feature the first day of use since sign-up; without a feature, of value within 180 days of it."""
    found: dict[tuple[str, str | None], date] = {}
    for account in {use[0] for use in uses}:
        start = world.signed_up[account].astimezone(here).date()
        mine = [use for use in uses if use[0] == account and use[3] >= start]
        for _, _, feature, day, _ in mine:
            found[account, feature] = min(day, found.get((account, feature), day))
        for day in sorted({use[3] for use in mine if use[3] <= start + 180 * DAY}):
            reached = [
                feature in world.thresholds and (count if amount is None else amount) >= world.thresholds[feature]
                for _, _, feature, _, count, amount in window(mine, day)
            ]
            if any(reached):
                found[account, None] = day
                break
    return found
