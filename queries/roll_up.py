"""Brings the rollups of activity up to date: from the first month that changed on, or from whose use counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from queries import rollups
from queries.counted import Counted, Who
from queries.months import FIRST_DAYS, Before, Progress, Work
from queries.rollups import next_month
from queries.store import Bad, Month

MOST_UNCOUNTED = 1000
"""So many account ids that do not count are remembered per month; past that, any new account rolls up everything."""


@dataclass(frozen=True)
class Update:
    """Activity after a refresh. ``changed`` is the first month whose rollups were computed anew."""

    months: tuple[Month, ...]
    first_days: pl.DataFrame
    samples: pl.DataFrame
    lost: tuple[Bad, ...] = ()
    days_read: int = 0
    changed: date | None = None


def rolled_up(
    work: Work, counted: Counted, before: Before | None, *, today: date, week_start: str, progress: Progress
) -> Update:
    """The months of ``work`` with their rollups, computed anew where they can differ from ``before``."""
    months = dict(sorted(work.months.items()))
    start = _first_changed(work, counted.who, before, today)
    first = pl.DataFrame(schema=FIRST_DAYS)
    if before is not None:
        first = before.first_days if start is None else before.first_days.filter(pl.col("first_day") < start)
    todo = [month for month in months if start is not None and month >= start]
    for number, month in enumerate(todo, start=1):
        progress("rollups", number, len(todo))
        if not months[month].uses:
            months[month] = _nothing(counted, months[month], today=today)
            continue
        first = rollups.first_days(counted.of(months[month]), first)
        months[month] = _roll(counted, months[month], first, today=today)
    for month in _month_before(months, start):
        months[month] = _with_last_week(counted, months, month, first, week_start)
    for month in todo:
        months[month] = _with_weeks(counted, months, month, first, week_start)
    if work.recounted is not None and work.recounted not in todo:  # sign-ups and subscriptions may have changed since
        flags = _flagged(counted, months[work.recounted])
        months[work.recounted] = months[work.recounted].model_copy(update={"flagged": flags})
    return Update(
        months=tuple(months.values()),
        first_days=first,
        samples=work.newest_samples(before),
        lost=work.lost,
        days_read=work.days_read,
        changed=start,
    )


def _first_changed(work: Work, who: Who, before: Before | None, today: date) -> date | None:
    """The month from which rollups must be computed; None when nothing changed."""
    if not work.months:
        return None
    if before is None or _other_people_count(work, who, before):
        return min(work.months)
    closing = {m.month for m in work.months.values() if not m.usage and next_month(m.month) <= today}
    return min(work.changed | closing, default=None)


def _other_people_count(work: Work, who: Who, before: Before) -> bool:
    """Whether an account or a colleague came or went in a way that changes months already rolled up."""
    known, knew = set(who.accounts.known), set(before.accounts)
    if knew - known or set(who.staff) != set(before.staff):
        return True
    added = known - knew
    months = work.months.values()
    return any(added & set(m.uncounted) or (added and len(m.uncounted) >= MOST_UNCOUNTED) for m in months)


def _month_before(months: dict[date, Month], start: date | None) -> list[date]:
    """A week may begin in the month before the first changed one."""
    earlier = [month for month in months if start is not None and month < start]
    return earlier[-1:]


def _roll(counted: Counted, month: Month, first: pl.DataFrame, *, today: date) -> Month:
    daily, over, usage = counted.of(month), next_month(month.month), ""
    if over <= today:
        usage = counted.store.put_frame("usage_28d", rollups.usage(daily, over - timedelta(days=1)))
    monthly = counted.store.put_frame("activity_monthly", rollups.by_period(daily, "1mo", "monday", first))
    return counted_again(counted, month).model_copy(update={"monthly": monthly, "usage": usage})


def counted_again(counted: Counted, month: Month) -> Month:
    """The month with what is counted of its daily activity: that of strangers, of our staff, and what is odd."""
    uncounted = _uncounted(counted, month)
    counts = counted.of(month).select(pl.col("uses").sum()).collect().item()
    return month.model_copy(
        update={
            "uncounted": uncounted,
            "by_staff": month.uses - counts - sum(uncounted.values()),
            "flagged": _flagged(counted, month),
        }
    )


def _nothing(counted: Counted, month: Month, *, today: date) -> Month:
    """A month without activity, of which there may be many; they share their files."""
    store = counted.store
    over = next_month(month.month) <= today
    return month.model_copy(
        update={
            "monthly": store.put_frame("activity_monthly", pl.DataFrame(schema=rollups.PERIODS)),
            "usage": store.put_frame("usage_28d", pl.DataFrame(schema=rollups.USAGE)) if over else "",
        }
    )


def _with_weeks(
    counted: Counted, months: dict[date, Month], month: date, first: pl.DataFrame, week_start: str
) -> Month:
    """The month with its weekly rollup: weeks that begin in it, and in the first month the one already running."""
    after = months.get(next_month(month))
    parts = [counted.of(part) for part in (months[month], after) if part is not None and part.uses]
    if not parts:
        name = counted.store.put_frame("activity_weekly", pl.DataFrame(schema=rollups.PERIODS))
        return months[month].model_copy(update={"weekly": name})
    week = rollups.period_of("day", "1w", week_start)
    begins_here = week < next_month(month)
    if month != min(months):
        begins_here &= week >= month
    daily = pl.concat(parts).filter(begins_here)
    frame = rollups.by_period(daily, "1w", week_start, first)
    return months[month].model_copy(update={"weekly": counted.store.put_frame("activity_weekly", frame)})


def _with_last_week(
    counted: Counted, months: dict[date, Month], month: date, first: pl.DataFrame, week_start: str
) -> Month:
    """The month before the first that changed: of its weeks only the one that runs into that can be another."""
    over, after = next_month(month), months.get(next_month(month))
    begins = rollups.week_of(over - timedelta(days=1), week_start)
    if after is None or begins + timedelta(days=7) == over:
        return months[month]
    in_it = pl.col("day").is_between(begins, begins + timedelta(days=6))
    daily = pl.concat([counted.of(part).filter(in_it) for part in (months[month], after)])
    before = counted.store.scan(months[month].weekly).filter(pl.col("period") < begins).collect()
    frame = pl.concat([before, rollups.by_period(daily, "1w", week_start, first)]).sort(*rollups.PAIR, "period")
    return months[month].model_copy(update={"weekly": counted.store.put_frame("activity_weekly", frame)})


def _uncounted(counted: Counted, month: Month) -> dict[str, int]:
    """Events of accounts that do not count (unknown, test), by account; a new account may turn out to be one."""
    known = counted.who.accounts.known
    strangers = counted.all_of(month).filter(~pl.col("account_id").is_in(known.implode()))
    counts = strangers.group_by("account_id").agg(pl.col("uses").sum()).sort("uses", "account_id", descending=True)
    rows = counts.collect()
    if rows.height > MOST_UNCOUNTED:
        rest = int(rows[MOST_UNCOUNTED - 1 :].get_column("uses").sum())
        return dict(rows.head(MOST_UNCOUNTED - 1).iter_rows()) | {"…": rest}
    return dict(rows.iter_rows())


def _flagged(counted: Counted, month: Month) -> dict[str, int]:
    """Uses that are kept but odd: before the account signed up, or while it had no subscription."""
    who = counted.who
    days = counted.of(month).group_by("account_id", "day").agg(pl.col("uses").sum())
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
