"""What an account did, and what happened to it, in the days before a day: use, tickets, price, voice, champion."""

from __future__ import annotations

import polars as pl

from metrics.inputs import Columns, Frames, day, source
from metrics.last_use import KEY, paying_runs, use_change, value_before
from metrics.price_steps import price_changes

_TICKETS: Columns = {
    "account_id": pl.String,
    "opened_at": pl.Date,
    "solved_at": pl.Date,
    "priority": pl.String,
    "csat": pl.Float64,
    "csat_at": pl.Date,
}
_NPS: Columns = {
    "response_id": pl.String,
    "account_id": pl.String,
    "score": pl.Int64,
    "sent_at": pl.Date,
    "responded_at": pl.Date,
}
_PEOPLE: Columns = {
    "account_id": pl.String,
    "role": pl.String,
    "is_internal": pl.Boolean,
    "joined_at": pl.Date,
    "left_at": pl.Date,
}

LAST_DAYS: dict[str, type[pl.DataType] | pl.DataType] = {
    "account_id": pl.String,
    "until": pl.Date,
    "use_until": pl.Date,
    "uses_before": pl.Int64,
    "use_change": pl.Float64,
    "usual_change": pl.Float64,
    "unused_share": pl.Float64,
    "days_silent": pl.Int64,
    "never_active": pl.Boolean,
    "steps_missing": pl.List(pl.String),
    "open_tickets": pl.Int64,
    "open_urgent": pl.Int64,
    "waiting_days": pl.Int64,
    "urgent_tickets": pl.Int64,
    "csat": pl.Float64,
    "billing_months": pl.Int64,
    "price_change": pl.Float64,
    "price_change_year": pl.Float64,
    "nps": pl.Int64,
    "nps_on": pl.Date,
    "champion_gone": pl.Boolean,
    "champion_left_on": pl.Date,
}
"""The columns of :func:`last_days`."""


def _tickets(cases: pl.DataFrame, frames: Frames, days: int) -> pl.DataFrame:
    """Tickets open on the last day, urgent ones opened and ratings given in the last ``days``; null before any."""
    tickets = (
        source(frames, "tickets", _TICKETS)
        .select(
            "account_id",
            opened=day("opened_at"),
            solved=day("solved_at"),
            rated=pl.coalesce(day("csat_at"), day("solved_at")),
            csat=pl.col("csat").cast(pl.Float64),
            urgent=pl.col("priority").str.to_lowercase().is_in(["urgent", "high"]).fill_null(False),
        )
        .collect()
    )
    until, since = pl.col("until"), pl.col("until") - pl.duration(days=days)
    is_open = (pl.col("opened") <= until) & (pl.col("solved") > until).fill_null(True)
    recent = pl.col("opened").is_between(since, until)
    sums = (
        cases.join(tickets, on="account_id")
        .group_by(KEY)
        .agg(
            open_tickets=is_open.sum(),
            open_urgent=(is_open & recent & pl.col("urgent")).sum(),
            waiting_days=(until - pl.col("opened")).filter(is_open & recent).dt.total_days().max(),
            urgent_tickets=(recent & pl.col("urgent")).sum(),
            csat=pl.col("csat").filter(pl.col("rated").is_between(since, until)).mean(),
        )
    )
    recorded = pl.lit(tickets["opened"].min(), dtype=pl.Date) <= until
    counts = ["open_tickets", "open_urgent", "urgent_tickets"]
    return cases.join(sums, on=KEY, how="left").with_columns(pl.when(recorded).then(pl.col(counts).fill_null(0)))


def _voice(cases: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    """``nps, nps_on``: the last answer of anybody at the account up to the day."""
    answers = source(frames, "nps", _NPS).select(
        "account_id", "response_id", nps="score", nps_on=pl.coalesce(day("responded_at"), day("sent_at"))
    )
    return (
        cases.lazy()
        .join(answers.filter(pl.col("nps").is_not_null()), on="account_id")
        .filter(pl.col("nps_on") <= pl.col("until"))
        .sort("nps_on", "response_id")
        .unique(KEY, keep="last", maintain_order=True)
        .select(*KEY, "nps", "nps_on")
        .collect()
    )


def _champion(cases: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    """``champion_gone, champion_left_on``: whether every champion had left by the day, and when the last of them did.

    Null where none was on record. Roles carry no date: they are today's.
    """
    champions = (
        source(frames, "people", _PEOPLE)
        .filter(pl.col("role") == "champion", pl.col("is_internal").fill_null(False).not_())
        .select("account_id", joined=day("joined_at"), left=day("left_at"))
    )
    gone = (pl.col("left") <= pl.col("until")).fill_null(False)
    return (
        cases.lazy()
        .join(champions, on="account_id")
        .filter((pl.col("joined") <= pl.col("until")).fill_null(True))
        .group_by(KEY)
        .agg(champion_gone=gone.all(), champion_left_on=pl.col("left").filter(gone).max())
        .collect()
    )


def _billing(cases: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    """``billing_months``: the longest term billed at once among the lines served on the last day before ``until``."""
    lines: Columns = {"account_id": pl.String, "started_on": pl.Date, "ended_on": pl.Date, "billing_months": pl.Int64}
    return (
        cases.lazy()
        .join(source(frames, "subscriptions", lines).select(*lines), on="account_id")
        .filter(pl.col("started_on") < pl.col("until"), (pl.col("ended_on") >= pl.col("until")).fill_null(True))
        .group_by(KEY)
        .agg(pl.col("billing_months").max())
        .collect()
    )


def last_days(cases: pl.DataFrame, frames: Frames, *, days: int = 90, year_days: int = 365) -> pl.DataFrame:
    """What was known of an account on a day about the ``days`` before it.

    One row per account and day of ``cases`` (``account_id``, ``until``). Columns, null where not observed:

    - ``use_until, uses_before, use_change, usual_change``: use in the last four weeks against the four before the
      ``days``, see ``use_change``;
    - ``days_silent, never_active, unused_share, steps_missing``: value, to the last month end, see ``value_before``;
    - ``open_tickets`` on the day; of those opened in the ``days`` also ``open_urgent`` (urgent or high) and
      ``waiting_days`` of the oldest; ``urgent_tickets`` opened and mean ``csat`` (1..5) given in the ``days``;
    - ``billing_months``, the longest term billed; ``price_change`` in the ``days`` and ``price_change_year`` in the
      ``year_days``, see ``price_changes``;
    - ``nps``, the score of the last answer, and its day ``nps_on``;
    - ``champion_gone``, whether the last champion has left, and ``champion_left_on``.

    Without tickets of anybody by that day, tickets are not observed; with some, an account without any has 0. Nothing
    that happened after ``until`` counts, the end of service included.
    """
    own = cases.select(pl.col("account_id").cast(pl.String), pl.col("until").cast(pl.Date)).drop_nulls().unique()
    runs = paying_runs(own, frames)
    subscriptions = source(frames, "subscriptions", {})
    parts = (
        use_change(runs, frames, days=days),
        value_before(runs, frames),
        _tickets(own, frames, days),
        _billing(own, frames),
        price_changes(own, subscriptions, days=days),
        price_changes(own, subscriptions, days=year_days).rename({"price_change": "price_change_year"}),
        _voice(own, frames),
        _champion(own, frames),
    )
    for part in parts:
        own = own.join(part, on=KEY, how="left")
    return own.select(pl.col(name).cast(kind) for name, kind in LAST_DAYS.items()).sort(KEY)
