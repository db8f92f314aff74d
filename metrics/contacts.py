"""The communication calendar: when each account was last in contact, when it will be, and what renews before then."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from metrics.buckets import buckets
from metrics.current import current_mrr
from metrics.inputs import Frame, day, lazy
from metrics.relations import contact_days, silence
from metrics.renewals import account_renewals

_TOUCHES = {"account_id": pl.String, "direction": pl.String, "occurred_at": pl.Date}
_GAPS = 3
"""From this many gaps between contacts on, an account has a rhythm of its own; as ``relations.silence`` has it."""


def contacts(
    touches: Frame | None,
    subscriptions: Frame,
    *,
    as_of: date,
    overdue_ratio: float = 3.0,
    usual_days: int = 30,
    grace_days: int = 30,
) -> pl.DataFrame:
    """First, last and next contact with each account served, and its silence against its own rhythm.

    One row per account, the longest silent for its rhythm first: ``account_id``; ``contacts``, days of contact in
    either direction up to ``as_of`` (0: never); ``first_contact_on``, ``last_contact_on``, and of the last which was
    theirs, ``last_in_on``, and which ours, ``last_out_on``; ``next_contact_on``, the first one planned after
    ``as_of``; ``days_silent``; ``rhythm_days``; ``own_rhythm``, whether that is the account's own; ``ratio``, days
    silent for one day of rhythm; ``overdue``, ratio above ``overdue_ratio``; ``renews_on``, the next renewal; ``mrr``
    (minor units), ``plan``, ``standing`` and ``leaving``. Silence and overdue are null for an account never in contact.

    The rhythm is the median gap between the account's days of contact in the last year, held within 14 to 90 days
    (``relations.silence``). With fewer than three gaps it is the median rhythm over the accounts that have one, and
    ``usual_days`` while none has. Every other gap exceeds a median, so silence is overdue only beyond three times it.
    What is planned does not end a silence; contacts of ``as_of`` itself count as had.

    ``touches`` may hold more than the source of that name (messages sent from here): any rows with ``account_id``,
    ``direction`` and ``occurred_at``.

    >>> contacts(pl.DataFrame({"account_id": ["a"] * 3, "direction": ["out", "in", "out"],
    ...          "occurred_at": [date(2026, 1, 1), date(2026, 1, 10), date(2026, 6, 1)]}),
    ...     pl.DataFrame({"account_id": ["a"], "subscription_id": ["s"], "kind": ["paid"], "mrr": [100],
    ...                   "started_on": [date(2026, 1, 1)]}),
    ...     as_of=date(2026, 4, 30)).select("last_contact_on", "next_contact_on", "days_silent", "overdue").row(0)
    (datetime.date(2026, 1, 10), datetime.date(2026, 6, 1), 110, True)
    """
    rows = lazy(touches, _TOUCHES).select("account_id", "direction", on=day("occurred_at")).collect()
    had = rows.filter(pl.col("on") <= as_of)
    gaps = contact_days(had.lazy().select("account_id", occurred_at="on"))
    own = _own_rhythm(gaps, as_of)
    quiet = silence(gaps, as_of=as_of, usual_days=_typical(gaps, own, as_of, usual_days))
    # Polars divides by a column of one value through its reciprocal: rounded, so that the same silence is the same.
    ratio = (pl.col("days_silent") / pl.col("rhythm_days")).round(9)
    late = pl.col("days_silent") > overdue_ratio * pl.col("rhythm_days")
    return (
        current_mrr(subscriptions, as_of=as_of, grace_days=grace_days)
        .join(_ends(had), on="account_id", how="left")
        .join(_planned(rows, as_of), on="account_id", how="left")
        .join(quiet.drop("silence", "last_contact_on"), on="account_id", how="left")
        .join(own, on="account_id", how="left")
        .join(next_renewals(subscriptions, as_of=as_of), on="account_id", how="left")
        .with_columns(pl.col("contacts").fill_null(0), pl.col("own_rhythm").fill_null(False), ratio=ratio, overdue=late)
        .sort("ratio", "mrr", "account_id", descending=[True, True, False], nulls_last=True)
        .select(*_COLUMNS)
    )


_COLUMNS = (
    "account_id",
    "contacts",
    "first_contact_on",
    "last_contact_on",
    "last_in_on",
    "last_out_on",
    "next_contact_on",
    "days_silent",
    "rhythm_days",
    "own_rhythm",
    "ratio",
    "overdue",
    "renews_on",
    "mrr",
    "plan",
    "standing",
    "leaving",
)


def _own_rhythm(gaps: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """``account_id, own_rhythm``: whether the account's own gaps of the last year are enough to tell its rhythm."""
    recent = pl.col("on") - pl.duration(days="gap") > pl.lit(as_of - timedelta(days=365))
    return gaps.group_by("account_id").agg(own_rhythm=pl.col("gap").filter(recent).count() >= _GAPS)


def _typical(gaps: pl.DataFrame, own: pl.DataFrame, as_of: date, otherwise: int) -> int:
    """The median rhythm over the accounts that have one, in whole days."""
    known = silence(gaps.join(own.filter("own_rhythm"), on="account_id", how="semi"), as_of=as_of)
    found = known.select(pl.col("rhythm_days").median().round().cast(pl.Int64)).item()
    return otherwise if found is None else int(found)


def _ends(had: pl.DataFrame) -> pl.DataFrame:
    on = pl.col("on")
    return had.group_by("account_id").agg(
        contacts=on.n_unique().cast(pl.Int64),
        first_contact_on=on.min(),
        last_contact_on=on.max(),
        last_in_on=on.filter(pl.col("direction") == "in").max(),
        last_out_on=on.filter(pl.col("direction") == "out").max(),
    )


def _planned(rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
    return rows.filter(pl.col("on") > as_of).group_by("account_id").agg(next_contact_on=pl.col("on").min())


def next_renewals(subscriptions: Frame, *, as_of: date, days: int = 3 * 366) -> pl.DataFrame:
    """The next day, from ``as_of`` on, on which a contract of each account comes up: ``account_id``, ``renews_on``.

    One row per account with one at most ``days`` ahead; which contracts come up is as in ``account_renewals``.
    """
    ahead = _ahead(subscriptions, as_of, as_of + timedelta(days=days))
    return ahead.group_by("account_id").agg(pl.col("renews_on").min()).sort("account_id")


def _ahead(subscriptions: Frame, as_of: date, until: date) -> pl.DataFrame:
    due = account_renewals(subscriptions, since=as_of, until=until, as_of=as_of)
    return due.filter(pl.col("renews_on").is_between(as_of, until))


def account_calendar(
    touches: Frame | None,
    subscriptions: Frame,
    *,
    as_of: date,
    weeks: int = 13,
    week_start: str = "monday",
    recent_days: int = 30,
) -> pl.DataFrame:
    """Every contract that comes up in the running week or the weeks after it, and whether we are in contact.

    One row per account and renewal day from ``as_of`` on, for ``weeks`` weeks, the nearest first: ``week``, its first
    day; ``account_id``, ``plan``, ``renews_on``; ``mrr``, what is due (minor units), and ``leaving``, the part of it
    whose end is requested; ``contacted``, there was a contact, either direction, in the ``recent_days`` up to
    ``as_of``; ``planned_on``, the first contact planned after ``as_of`` and not after the renewal (null: none).
    """
    starts = _weeks(as_of, weeks, week_start)
    due = _ahead(subscriptions, as_of, starts[-1] + timedelta(days=6))
    rows = lazy(touches, _TOUCHES).select("account_id", on=day("occurred_at")).collect()
    recent = rows.filter(pl.col("on").is_between(as_of - timedelta(days=recent_days), as_of))
    planned = _planned(rows, as_of)
    week = pl.lit(pl.Series(starts)).gather((pl.col("renews_on") - starts[0]).dt.total_days() // 7)
    before = pl.col("next_contact_on") <= pl.col("renews_on")
    return (
        due.join(recent.select("account_id").unique().with_columns(contacted=True), on="account_id", how="left")
        .join(planned, on="account_id", how="left")
        .with_columns(
            pl.col("contacted").fill_null(False), week=week, planned_on=pl.when(before).then("next_contact_on")
        )
        .rename({"due": "mrr"})
        .sort("renews_on", "mrr", "account_id", descending=[False, True, False])
        .select("week", "account_id", "plan", "renews_on", "mrr", "leaving", "contacted", "planned_on")
    )


def _weeks(as_of: date, weeks: int, week_start: str) -> list[date]:
    return list(buckets(as_of, as_of + timedelta(days=7 * (weeks - 1)), "week", week_start=week_start).starts)


def calendar(
    account_calendar: pl.DataFrame, *, as_of: date, weeks: int = 13, week_start: str = "monday"
) -> pl.DataFrame:
    """Renewals by week, with those we are in contact with and those we are not. From ``account_calendar``.

    One row per week from the one that holds ``as_of``, empty weeks too: ``week``, its first day; ``accounts`` and
    ``mrr`` that come up (minor units; an account with two contracts in a week counts once); ``contacted`` and
    ``contacted_mrr``, of those with a recent contact; ``silent`` and ``silent_mrr``, of those without; ``planned``,
    silent ones with a contact planned before they renew. ``state`` is ``provisional`` for the running week, of which
    only what comes up from ``as_of`` on is listed.
    """
    who, amount, met = pl.col("account_id"), pl.col("mrr"), pl.col("contacted")
    planned = ~met & pl.col("planned_on").is_not_null()
    found = account_calendar.group_by("week").agg(
        accounts=who.n_unique().cast(pl.Int64),
        mrr=amount.sum(),
        contacted=who.filter(met).n_unique().cast(pl.Int64),
        contacted_mrr=amount.filter(met).sum(),
        silent=who.filter(~met).n_unique().cast(pl.Int64),
        silent_mrr=amount.filter(~met).sum(),
        planned=who.filter(planned).n_unique().cast(pl.Int64),
    )
    running = pl.col("week") <= as_of
    return (
        pl.DataFrame({"week": _weeks(as_of, weeks, week_start)})
        .join(found, on="week", how="left", maintain_order="left")
        .with_columns(pl.selectors.integer().fill_null(0))
        .with_columns(state=pl.when(running).then(pl.lit("provisional")).otherwise(pl.lit("final")))
    )
