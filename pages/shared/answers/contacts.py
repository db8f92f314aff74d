"""What the contacts page asks: who was last in contact when, who is silent for too long, and what renews when."""

from __future__ import annotations

import polars as pl

import settings
from metrics import contacts as metric
from pages.shared.data import cached, view_of
from pages.shared.filters import Who, narrow
from queries.frames import Frames

WEEKS = 13


def _named(frames: Frames, rows: pl.DataFrame) -> pl.DataFrame:
    columns = ("account_id", "segment", "csm_name")
    names = frames.accounts.select(*columns, name=pl.coalesce("name", "account_id")).collect()
    return rows.join(names, on="account_id", maintain_order="left")


def of_accounts(frames: Frames, who: Who, rows: pl.DataFrame) -> pl.DataFrame:
    """Those of ``rows`` that belong to the chosen accounts."""
    if not any(who):
        return rows
    chosen = narrow(frames, who)["accounts"].select("account_id").collect()
    return rows.join(chosen, on="account_id", how="semi", maintain_order="left")


@cached
def everybody(frames: Frames) -> pl.DataFrame:
    """First, last and next contact of every account served, the longest silent for its rhythm first."""
    grace = settings.get().revenue.grace_days
    return _named(frames, metric.contacts(frames.touches, frames.subscriptions, as_of=frames.as_of, grace_days=grace))


@cached
def book(frames: Frames, who: Who) -> pl.DataFrame:
    """The same of the chosen accounts; what is usual is told from everybody."""
    return of_accounts(frames, who, everybody(view_of(frames)))


@cached
def renewing(frames: Frames, who: Who) -> pl.DataFrame:
    """The contracts of the chosen accounts that come up in the next weeks, the nearest first."""
    rows = metric.account_calendar(
        frames.touches,
        frames.subscriptions,
        as_of=frames.as_of,
        weeks=WEEKS,
        week_start=settings.get().organisation.week_start,
    )
    return of_accounts(frames, who, _named(frames, rows))


@cached
def weeks(frames: Frames, who: Who) -> pl.DataFrame:
    """The same by week."""
    return metric.calendar(
        renewing(view_of(frames), who),
        as_of=frames.as_of,
        weeks=WEEKS,
        week_start=settings.get().organisation.week_start,
    )
