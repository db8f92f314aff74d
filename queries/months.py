"""Keeps activity up to date, month by month: reads what can have changed, and recounts one month.

Refresh cost follows new events, not history. A month that is over and was not touched keeps its files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from queries import events as reading
from queries.errors import SourceError
from queries.events import Events
from queries.readings import Reading, few, in_order
from queries.rollups import months_between, next_month
from queries.store import Bad, Month, Store

Progress = Callable[[str, int, int], None]
"""Called as ``progress(what, done, of)``."""

FIRST_DAYS = {"account_id": pl.String, "user_id": pl.String, "first_day": pl.Date}


@dataclass(frozen=True)
class Before:
    """What the last snapshot knew: its months, the day events were last read, and whose activity counted then."""

    months: tuple[Month, ...]
    read_on: date
    first_days: pl.DataFrame
    accounts: pl.Series
    staff: pl.Series
    samples: pl.DataFrame


@dataclass
class Work:
    """The readings of one refresh, collected month by month.

    ``changed`` are months whose events differ from before; ``recounted`` is the month that was counted.
    """

    store: Store
    months: dict[date, Month] = field(default_factory=dict)
    lost: tuple[Bad, ...] = ()
    samples: list[pl.DataFrame] = field(default_factory=list)
    days_read: int = 0
    changed: set[date] = field(default_factory=set)
    recounted: date | None = None

    def keep(self, month: date, found: Reading, checked_at: datetime) -> None:
        """Writes one month's daily activity and remembers what was rejected in it."""
        before = self.months.get(month)
        daily = self.store.put_frame("activity", found.daily)
        uses = int(found.daily.get_column("uses").sum())
        after = Month(month=month, checked_at=checked_at, uses=uses, daily=daily, bad=found.bad, erased=found.erased)
        if found.samples.height:
            self.samples.append(found.samples)
        if before is None or (before.daily, before.bad) != (after.daily, after.bad):
            self.months[month] = after
            self.changed.add(month)
        else:
            self.months[month] = before.model_copy(update={"checked_at": checked_at, "erased": found.erased})

    def newest_samples(self, before: Before | None) -> pl.DataFrame:
        """Samples of rejected events, so many per reason, the newest readings first."""
        earlier = [before.samples] if before is not None else []
        return few(pl.concat([Reading().samples, *reversed(self.samples), *earlier]))


def update(
    store: Store, events: Events, before: Before | None, *, today: date, late_days: int, progress: Progress
) -> Work:
    """Activity as the database has it now. ``before`` is None for a first or full refresh."""
    try:
        with events.session.savepoint(events.mapping.file):
            known = {month.month for month in before.months} if before is not None else set()
            ends = _ends(events, known, today)
            lost = reading.out_of_time(events)
    except SourceError as error:
        if events.time_type.startswith("timestamp") or error.timed_out:
            raise
        return split(store, reading.read_as_text(events), today=today, at=events.as_of)
    work = Work(store, lost=lost.bad, samples=[lost.samples])
    if before is not None:
        work.months = {month.month: month for month in before.months}
    changed_from = date.min if before is None else before.read_on - timedelta(days=late_days)
    _read(work, events, list(_stretches(ends, changed_from, known)), progress)
    if before is not None:
        _recount(work, events, changed_from)
    return work


def split(store: Store, found: Reading, *, today: date, at: datetime) -> Work:
    """Activity from one reading of all days (a file, or events whose times are text)."""
    work = Work(store, samples=[found.samples])
    days = found.daily.get_column("day").unique()
    on_days = [*days, *(item.day for item in found.bad if item.day is not None)]
    for month in months_between(min(on_days), max(*on_days, today)) if on_days else []:
        bad = tuple(item for item in found.bad if item.day and item.day.replace(day=1) == month)
        inside = found.daily.filter(pl.col("day").dt.truncate("1mo") == month)
        work.keep(month, Reading(daily=inside, bad=bad), at)
    work.days_read = days.len()
    work.lost = tuple(item for item in found.bad if item.day is None)
    return work


def _ends(events: Events, known: set[date], today: date) -> tuple[date, date] | None:
    """The first and the last month there is something to read or to keep in; None when there is nothing at all."""
    first = reading.first_day(events, before=min(known) if known else None)
    starts = [*([first] if first else []), *known]
    if not starts:
        return None
    tomorrow = next_month(today)  # clocks that run ahead may reach it
    ahead = tomorrow <= events.last.astimezone(ZoneInfo(events.zone)).date() and reading.first_day(
        events, since=tomorrow
    )
    return min(starts), max([tomorrow if ahead else today, *known])


def _stretches(ends: tuple[date, date] | None, changed_from: date, known: set[date]) -> Iterator[tuple[date, date]]:
    """The stretches of days [start, end) to read, each inside one month."""
    for month in months_between(*ends) if ends else []:
        end = next_month(month)
        if month not in known:
            yield month, end
        elif end > changed_from:
            yield max(month, changed_from), end


def _read(work: Work, events: Events, stretches: list[tuple[date, date]], progress: Progress) -> None:
    """Reads the stretches. One stray event decades ago must not cost a query for each month since."""
    idle_until: date | None = date.min
    for number, (start, end) in enumerate(stretches, start=1):
        progress("events", number, len(stretches))
        month = start.replace(day=1)
        if month not in work.months and (idle_until is None or end <= idle_until):
            work.keep(month, Reading(), events.as_of)
            continue
        is_new = month not in work.months
        if _read_stretch(work, events, start, end).is_empty and is_new:
            with events.session.savepoint(events.mapping.file):
                idle_until = reading.first_day(events, since=end)


def _read_stretch(work: Work, events: Events, start: date, end: date) -> Reading:
    """Reads [start, end) and puts it in the place of what the month held there."""
    month = start.replace(day=1)
    found = reading.read(events, start, end)
    work.days_read += max(0, (min(end, events.as_of.date() + timedelta(days=2)) - start).days)
    held = work.months.get(month)
    if held is not None and start > month:
        earlier = work.store.scan(held.daily).filter(pl.col("day") < start).collect()
        bad = tuple(item for item in held.bad if item.day is not None and item.day < start)
        daily = in_order(pl.concat([earlier, found.daily]))
        found = replace(found, daily=daily, bad=bad + found.bad, erased=max(held.erased, found.erased))
    checked = held.checked_at if held is not None and start > month else events.as_of
    work.keep(month, found, checked)
    return found


def _recount(work: Work, events: Events, changed_from: date) -> None:
    """Counts the month longest unchecked, the open one up to ``changed_from``; reads it again where that differs.

    That finds rows that came late or were deleted. What leaves the number as it was is found by a full refresh.
    """
    settled = [month for month in work.months.values() if month.month < changed_from]
    oldest = min(settled, key=lambda month: (month.checked_at, month.month), default=None)
    if oldest is None:
        return
    work.recounted = oldest.month
    over = next_month(oldest.month)
    with events.session.savepoint(events.mapping.file):
        found = reading.count(events, oldest.month, min(over, changed_from))
    if found == _held(work.store, oldest, changed_from):
        work.months[oldest.month] = oldest.model_copy(update={"checked_at": events.as_of})
    else:
        _read_stretch(work, events, oldest.month, over)


def _held(store: Store, month: Month, before: date) -> int:
    """How many events of a month, good and bad, lie before a day, as far as we know."""
    if next_month(month.month) <= before:
        return month.events
    daily = store.scan(month.daily).filter(pl.col("day") < before)
    bad = sum(item.events for item in month.bad if item.day is not None and item.day < before)
    return int(daily.select(pl.col("uses").sum()).collect().item()) + bad + month.erased
