"""What the onboarding page asks: how far new accounts get, how soon they get value, and who is stuck."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl

import settings
from metrics import onboarding as metric
from metrics.month_ends import months_later
from metrics.onboarding import By
from pages.shared.answers.contacts import of_accounts
from pages.shared.data import cached, view_of
from pages.shared.filters import Who
from queries.frames import Frames

USUAL_MONTHS = 24


class Asked(NamedTuple):
    """Which new accounts: of whom, signed up since when, and in how many days a step counts."""

    who: Who
    since: date
    within_days: int


@cached
def first_days(frames: Frames, since: date) -> pl.DataFrame:
    """First days of accounts that signed up since a day: ``account_id, feature, first_on``.

    Of each feature that an onboarding step hangs on, and, without a ``feature``, of value (within half a year).
    """
    young = frames.accounts.filter(pl.col("signed_up_at").dt.date() >= since).select("account_id")
    steps = frames.features.filter(pl.col("onboarding_step").is_not_null()).select("feature").collect()["feature"]
    asked = pl.col("feature").is_null() | pl.col("feature").is_in(steps.implode())
    return (
        frames.first_uses.filter(pl.col("first_on") <= frames.as_of, asked)
        .join(young, on="account_id", how="semi")
        .sort("account_id", "feature")
        .collect()
    )


@cached
def all_steps(frames: Frames, since: date, within_days: int) -> pl.DataFrame:
    """Every account that signed up since a day, and every step: when it was reached."""
    uses = first_days(view_of(frames), since).drop_nulls("feature")
    return metric.account_steps(
        frames.source("milestones"),
        uses,
        frames.features,
        frames.accounts,
        since=since,
        until=frames.as_of,
        as_of=frames.as_of,
        within_days=within_days,
    )


@cached
def steps(frames: Frames, asked: Asked) -> pl.DataFrame:
    """The same of the chosen accounts; the order of the steps is everybody's."""
    return of_accounts(frames, asked.who, all_steps(view_of(frames), asked.since, asked.within_days))


@cached
def value(frames: Frames, asked: Asked) -> pl.DataFrame:
    """Every chosen account that signed up since a day: when it first got value."""
    found = first_days(view_of(frames), asked.since).filter(pl.col("feature").is_null())
    rows = metric.account_value(
        found.select("account_id", first_value_on="first_on"),
        frames.accounts,
        frames.subscriptions,
        since=asked.since,
        until=frames.as_of,
        as_of=frames.as_of,
        within_days=asked.within_days,
    )
    return of_accounts(frames, asked.who, rows)


@cached
def funnel(frames: Frames, asked: Asked, by: By) -> pl.DataFrame:
    """Each step: how many reach it in time, by month of sign-up or over all."""
    return metric.funnel(steps(view_of(frames), asked), by=by)


@cached
def to_value(frames: Frames, asked: Asked, by: By) -> pl.DataFrame:
    """How many get value in time and how soon, by month of sign-up or over all."""
    return metric.time_to_value(value(view_of(frames), asked), by=by)


@cached
def stuck(frames: Frames, asked: Asked) -> pl.DataFrame:
    """Chosen accounts stuck at a step; what is usual is told from all sign-ups of two years."""
    usual_since = min(asked.since, months_later(frames.as_of.replace(day=1), -USUAL_MONTHS))
    grace = settings.get().revenue.grace_days
    everybody = all_steps(view_of(frames), usual_since, asked.within_days)
    found = metric.stuck(everybody, frames.subscriptions, as_of=frames.as_of, grace_days=grace)
    started = everybody.select("account_id", signed_up_on="start_on").unique()
    mine = found.join(started, on="account_id", maintain_order="left").filter(pl.col("signed_up_on") >= asked.since)
    return named(frames, of_accounts(frames, asked.who, mine))


@cached
def at_step(frames: Frames, asked: Asked, step: str | None, month: date | None) -> pl.DataFrame:
    """The accounts behind a share: who reached a step (None: value) and when, who has not; those first.

    Of one month of sign-up, or, as the share over all months, of those whose time is over.
    """
    rows = value(view_of(frames), asked)
    if step is not None:
        rows = steps(view_of(frames), asked).filter(pl.col("step") == step)
    mine = rows.filter("over" if month is None else pl.col("month") == month)
    return named(frames, mine).sort("in_time", "start_on", "account_id")


def named(frames: Frames, rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` with the accounts' names, segments and CSMs."""
    names = frames.accounts.select("account_id", "segment", "csm_name", name=pl.coalesce("name", "account_id"))
    return rows.join(names.collect(), on="account_id", maintain_order="left")
