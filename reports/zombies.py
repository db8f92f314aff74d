"""Net revenue retention without the revenue of accounts that pay and get nothing: who they were at a month's close."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from metrics.month_ends import months_later
from metrics.rates import SCHEMA, rates
from metrics.value import last_value_window, zombies
from queries.frames import Frames
from queries.rollups import months_between
from reports.sentences import full_month
from settings import Settings

MEASURE = "nrr_without_zombies"
SPANS = (1, 12)
_WINDOW_DAYS = 28
_HALF_A_MONTH = "15d"
_MARKS = {"account_id": pl.String, "month": pl.Date}


def zombie_closes(frames: Frames, settings: Settings) -> pl.DataFrame:
    """Who paid and got nothing at the closes that :func:`nrr_without_zombies` needs: ``account_id, month``.

    Use is known in windows of 28 days that end on month ends. Of an account without value at a close, the last value
    day is taken to lie in the middle of the month after the last window with value; the limits are those of
    ``metrics.value.zombies``. So a close says the same however much later it is asked about.
    """
    full = full_month(frames.as_of)
    closes = {full, *(months_later(full, -span) for span in SPANS)}
    found = [_at_close(frames, settings, month) for month in sorted(closes)]
    return pl.concat([pl.DataFrame(schema=_MARKS), *found])


def _at_close(frames: Frames, settings: Settings, month: date) -> pl.DataFrame:
    day, ends = _last_day(month), pl.col("window_end")
    windows = frames.usage_28d.filter(ends == ends.dt.month_end())
    last = pl.col("last_value_on")
    middle = pl.when(last < day).then(last.dt.offset_by(_HALF_A_MONTH)).otherwise(last)
    silent = zombies(
        last_value_window(windows, frames.features, as_of=day).with_columns(last_value_on=middle),
        frames.subscriptions,
        as_of=day,
        silent_days=settings.value.silent_days,
        new_account_days=settings.value.new_account_days,
        grace_days=settings.revenue.grace_days,
    )
    return silent.select("account_id", month=pl.lit(month))


def nrr_without_zombies(
    moved: pl.DataFrame, silent: pl.DataFrame, frames: Frames, settings: Settings, *, span: int = 1
) -> pl.DataFrame:
    """Net revenue retention without silent accounts: those of the opening are left out, those since are lost.

    One row with the columns of ``rates``: over the ``span`` months to the last full one. An account is silent at a
    month's close when it pays and nobody there was value-active for 30 days or more (``silent_days`` of the settings;
    nobody is in the first 30 days of paying). So the opening counts what accounts paid that got something for it, and
    the closing what the same accounts pay now, as far as they still do. Who was silent and woke up is in neither sum,
    as is who came back in net revenue retention.

    ``moved`` are account movements, ``silent`` the accounts of :func:`zombie_closes`. No row when use was not recorded
    long enough before the opening and the closing to call anybody silent.
    """
    full = full_month(frames.as_of)
    before = months_later(full, -span)
    if not all(_recorded(frames, settings, month) for month in (before, full)):
        return pl.DataFrame(schema=SCHEMA)
    window = moved.filter(pl.col("month") > before, pl.col("month") <= full)
    found = rates(window, span=span, zombies=silent)
    return found.filter(pl.col("measure") == MEASURE, pl.col("month") == full)


def _recorded(frames: Frames, settings: Settings, month: date) -> bool:
    """Whether use was recorded in every month that silence at this close reaches back to."""
    since = _last_day(month) - timedelta(days=settings.value.silent_days[0] + _WINDOW_DAYS - 1)
    return {kept.month for kept in frames.manifest.months if kept.uses}.issuperset(months_between(since, month))


def _last_day(month: date) -> date:
    return months_later(month, 1) - timedelta(days=1)
