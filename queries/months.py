"""Keeps activity up to date, month by month: reads what can have changed, recounts one closed month, rolls up.

Refresh cost follows new events, not history. A month that is over and was not touched keeps its files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import polars as pl

from queries import events as reading
from queries import rollups
from queries.checks import REASON, Accounts
from queries.errors import SourceError
from queries.events import Events, Reading
from queries.rollups import months_between, next_month
from queries.store import Bad, Month, Store

Progress = Callable[[str, int, int], None]
"""Called as ``progress(what, done, of)``."""

MOST_UNKNOWN = 1000
"""So many unknown account ids are remembered per month; past that, any new account recomputes the rollups."""

FIRST_DAYS = {"account_id": pl.String, "user_id": pl.String, "first_day": pl.Date}


@dataclass(frozen=True)
class Who:
    """Whose activity counts: known accounts, not test accounts, not our own staff."""

    accounts: Accounts
    staff: pl.Series
    signed_up: pl.DataFrame
    served: pl.DataFrame


@dataclass(frozen=True)
class Before:
    """What the last snapshot knew: its months, its day, the pairs' first days, and whose activity counted then."""

    months: tuple[Month, ...]
    today: date
    first_days: pl.DataFrame
    accounts: pl.Series
    staff: pl.Series
    samples: pl.DataFrame


@dataclass(frozen=True)
class Update:
    """Activity after a refresh. ``changed`` is the first month whose rollups were computed anew."""

    months: tuple[Month, ...]
    first_days: pl.DataFrame
    samples: pl.DataFrame
    lost: tuple[Bad, ...] = ()
    days_read: int = 0
    changed: date | None = None

    @staticmethod
    def nothing() -> Update:
        """No activity at all."""
        return Update(months=(), first_days=pl.DataFrame(schema=FIRST_DAYS), samples=Reading().samples)


@dataclass
class _Work:
    """The readings of one refresh, collected month by month."""

    store: Store
    months: dict[date, Month] = field(default_factory=dict)
    samples: list[pl.DataFrame] = field(default_factory=list)
    days_read: int = 0
    changed: set[date] = field(default_factory=set)

    def keep(self, month: date, found: Reading, checked_at: datetime) -> None:
        """Writes one month's daily activity and remembers what was rejected in it."""
        before = self.months.get(month)
        daily = self.store.put_frame("activity", found.daily)
        uses = int(found.daily.get_column("uses").sum())
        after = Month(month=month, checked_at=checked_at, uses=uses, daily=daily, bad=found.bad)
        if found.samples.height:
            self.samples.append(found.samples)
        if before is None or (before.daily, before.bad) != (after.daily, after.bad):
            self.months[month] = after
            self.changed.add(month)
        else:
            self.months[month] = before.model_copy(update={"checked_at": checked_at})


def update(
    store: Store, events: Events, who: Who, before: Before | None, *, today: date, late_days: int,
    week_start: str, progress: Progress,
) -> Update:  # fmt: skip
    """Activity as the database has it now. ``before`` is None for a first or full refresh."""
    try:
        with events.session.savepoint(events.mapping.file):
            span = reading.span(events)
            lost = reading.out_of_time(events)
    except SourceError as error:
        if events.columns["occurred_at"].startswith("timestamp") or error.timed_out:
            raise
        return split(store, reading.read_as_text(events), who, today=today, week_start=week_start, at=events.as_of)
    work = _Work(store)
    if before is not None:
        work.months = {month.month: month for month in before.months}
    for start, end, number, total in _stretches(span, before, today, late_days, work.months):
        progress("events", number, total)
        _read_stretch(work, events, start, end)
    if before is not None:
        _recheck(work, events, before.today - timedelta(days=late_days))
    return _rolled_up(work, who, before, lost, today=today, week_start=week_start, progress=progress)


def split(store: Store, found: Reading, who: Who, *, today: date, week_start: str, at: datetime) -> Update:
    """Activity from one reading of all days (a file, or events whose times are text)."""
    work = _Work(store, samples=[found.samples])
    days = found.daily.get_column("day")
    first, last = (days.min(), days.max()) if days.len() else (None, None)
    if isinstance(first, date) and isinstance(last, date):
        for month in months_between(first, max(last, today)):
            bad = tuple(item for item in found.bad if item.day and item.day.replace(day=1) == month)
            inside = found.daily.filter(pl.col("day").dt.truncate("1mo") == month)
            work.keep(month, Reading(daily=inside, bad=bad), at)
        work.days_read = days.n_unique()
    held = set(work.months)
    lost = tuple(item for item in found.bad if item.day is None or item.day.replace(day=1) not in held)
    return _rolled_up(work, who, None, lost, today=today, week_start=week_start, progress=lambda *_: None)


def _stretches(
    span: tuple[date, date] | None,
    before: Before | None,
    today: date,
    late_days: int,
    known: dict[date, Month],
) -> Iterator[tuple[date, date, int, int]]:
    """The stretches of days to read, each inside one month: start, end, its number and how many there are."""
    starts = [] if span is None else [span[0]]
    starts += [min(known)] if known else []
    if not starts:
        return
    changed_from = date.min if before is None else before.today - timedelta(days=late_days)
    last = max([today] + ([] if span is None else [span[1]]))
    wanted = []
    for month in months_between(min(starts), last):
        end = next_month(month)
        if month not in known:
            wanted.append((month, end))
        elif end > changed_from:
            wanted.append((max(month, changed_from), end))
    for number, (start, end) in enumerate(wanted, start=1):
        yield start, end, number, len(wanted)


def _read_stretch(work: _Work, events: Events, start: date, end: date) -> None:
    """Reads [start, end) and puts it in the place of what the month held there."""
    month = start.replace(day=1)
    found = reading.read(events, start, end)
    work.days_read += (min(end, events.as_of.date() + timedelta(days=2)) - start).days
    held = work.months.get(month)
    if held is not None and start > month:
        earlier = work.store.scan(held.daily).filter(pl.col("day") < start).collect()
        bad = tuple(item for item in held.bad if item.day is not None and item.day < start)
        daily = pl.concat([earlier, found.daily]).sort(list(reading.SCHEMA)[:4])
        found = replace(found, daily=daily, bad=bad + found.bad)
    checked = held.checked_at if held is not None and start > month else events.as_of
    work.keep(month, found, checked)


def _recheck(work: _Work, events: Events, changed_from: date) -> None:
    """Counts the closed month longest unchecked; reads it again when rows came late or were deleted."""
    closed = [month for month in work.months.values() if next_month(month.month) <= changed_from]
    oldest = min(closed, key=lambda month: (month.checked_at, month.month), default=None)
    if oldest is None:
        return
    if reading.count(events, oldest.month, next_month(oldest.month)) == oldest.events:
        work.months[oldest.month] = oldest.model_copy(update={"checked_at": events.as_of})
    else:
        _read_stretch(work, events, oldest.month, next_month(oldest.month))


def _rolled_up(
    work: _Work, who: Who, before: Before | None, lost: tuple[Bad, ...], *, today: date, week_start: str,
    progress: Progress,
) -> Update:  # fmt: skip
    months = dict(sorted(work.months.items()))
    start = _first_changed(work, who, before, today)
    first = pl.DataFrame(schema=FIRST_DAYS)
    if before is not None and start is not None:
        first = before.first_days.filter(pl.col("first_day") < start)
    elif before is not None:
        first = before.first_days
    todo = [month for month in months if start is not None and month >= start]
    for number, month in enumerate(todo, start=1):
        progress("rollups", number, len(todo))
        daily = that_counts(work.store, months[month], who)
        first = rollups.first_days(daily, first)
        months[month] = _roll(work.store, months[month], daily, first, who, today=today)
    for month in [*_month_before(months, start), *todo]:
        months[month] = _with_weeks(work.store, months, month, first, who, week_start)
    return Update(
        months=tuple(months.values()),
        first_days=first,
        samples=_samples(work, before),
        lost=lost,
        days_read=work.days_read,
        changed=start,
    )


def _first_changed(work: _Work, who: Who, before: Before | None, today: date) -> date | None:
    """The month from which rollups must be computed; None when nothing changed."""
    if not work.months:
        return None
    if before is None or _other_people_count(work, who, before):
        return min(work.months)
    closing = {m.month for m in work.months.values() if not m.usage and next_month(m.month) <= today}
    return min(work.changed | closing, default=None)


def _other_people_count(work: _Work, who: Who, before: Before) -> bool:
    """Whether an account or a colleague came or went in a way that changes months already rolled up."""
    known, knew = set(who.accounts.known), set(before.accounts)
    if knew - known or set(who.staff) != set(before.staff):
        return True
    added = known - knew
    months = work.months.values()
    return any(added & set(m.unknown) or (added and len(m.unknown) >= MOST_UNKNOWN) for m in months)


def _month_before(months: dict[date, Month], start: date | None) -> list[date]:
    """A week may begin in the month before the first changed one."""
    earlier = [month for month in months if start is not None and month < start]
    return earlier[-1:]


def that_counts(store: Store, month: Month, who: Who) -> pl.LazyFrame:
    """A month's daily activity of the accounts and people that count."""
    return rollups.counted(store.scan(month.daily), accounts=who.accounts.known, staff=who.staff)


def _roll(store: Store, month: Month, daily: pl.LazyFrame, first: pl.DataFrame, who: Who, *, today: date) -> Month:
    over = next_month(month.month)
    usage = ""
    if over <= today:
        usage = store.put_frame("usage_28d", rollups.usage(daily, over - timedelta(days=1)))
    unknown = _unknown(store.scan(month.daily), who)
    counts = daily.select(pl.col("uses").sum()).collect().item()
    return month.model_copy(
        update={
            "monthly": store.put_frame("activity_monthly", rollups.by_period(daily, "1mo", "monday", first)),
            "usage": usage,
            "unknown": unknown,
            "left_out": month.uses - counts - sum(unknown.values()),
            "flagged": _flagged(daily, who),
        }
    )


def _with_weeks(
    store: Store, months: dict[date, Month], month: date, first: pl.DataFrame, who: Who, week_start: str
) -> Month:
    """The month with its weekly rollup: weeks that begin in it, and in the first month the one already running."""
    after = months.get(next_month(month))
    parts = [that_counts(store, part, who) for part in (months[month], after) if part is not None]
    week = rollups.period_of("day", "1w", week_start)
    begins_here = week < next_month(month)
    if month != min(months):
        begins_here &= week >= month
    daily = pl.concat(parts).filter(begins_here)
    frame = rollups.by_period(daily, "1w", week_start, first)
    return months[month].model_copy(update={"weekly": store.put_frame("activity_weekly", frame)})


def _unknown(daily: pl.LazyFrame, who: Who) -> dict[str, int]:
    ids = pl.concat([who.accounts.known, who.accounts.left_out])
    strangers = daily.filter(~pl.col("account_id").is_in(ids.implode()))
    counts = strangers.group_by("account_id").agg(pl.col("uses").sum()).sort("uses", "account_id", descending=True)
    rows = counts.collect()
    if rows.height > MOST_UNKNOWN:
        rest = int(rows[MOST_UNKNOWN - 1 :].get_column("uses").sum())
        return dict(rows.head(MOST_UNKNOWN - 1).iter_rows()) | {"…": rest}
    return dict(rows.iter_rows())


def _flagged(daily: pl.LazyFrame, who: Who) -> dict[str, int]:
    """Uses that are kept but odd: before the account signed up, or while it had no subscription."""
    days = daily.group_by("account_id", "day").agg(pl.col("uses").sum())
    early = days.join(who.signed_up.lazy(), on="account_id").filter(pl.col("day") < pl.col("signed_up_on"))
    spans = who.served.lazy().sort("started_on")
    nearest = days.sort("day").join_asof(
        spans,
        left_on="day",
        right_on="started_on",
        by="account_id",
        strategy="backward",
        check_sortedness=False,
    )
    outside = nearest.filter(pl.col("started_on").is_null() | (pl.col("day") >= pl.col("ended_on")))
    counts = pl.collect_all([early.select(pl.col("uses").sum()), outside.select(pl.col("uses").sum())])
    names = ("use before sign-up", "use outside any subscription")
    return {name: int(count.item()) for name, count in zip(names, counts, strict=True) if count.item()}


def _samples(work: _Work, before: Before | None) -> pl.DataFrame:
    """The newest samples of rejected events, so many per reason."""
    frames = [*reversed(work.samples), *([before.samples] if before is not None else [])]
    if not frames:
        return Reading().samples
    return pl.concat(frames).unique(maintain_order=True).group_by(REASON, maintain_order=True).head(reading.SAMPLES)
