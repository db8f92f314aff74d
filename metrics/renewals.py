"""Renewals: who is leaving, who is late, and how the contracts that came up turned out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

from metrics.inputs import Frame
from metrics.month_ends import month_of, months_later
from metrics.stretches import NEVER, PAYS, gaps, prepare

OUTCOMES = ("renewed", "shrunk", "lost", "late", "open")


def _asked() -> pl.Expr:
    """Whether a stretch's end is asked for; a request on a subscription's own line covers its add-ons.

    Only those that run as long as that line does: a request that has ended it says nothing of what came after.
    """
    undated = pl.col("cancel_requested_at").is_null() & pl.col("end_kind").eq_missing("requested")
    asked = pl.col("requested") | undated
    own = pl.col("line_id") == pl.col("subscription_id")
    return asked | (asked & own).any().over("u", "subscription_id", "end")


def _plan() -> pl.Expr:
    """The plan that pays most; of equals, the first by name."""
    return pl.col("plan").sort_by("value", "plan", descending=[True, False]).first()


def leaving(
    subscriptions: Frame,
    *,
    as_of: date,
    unit: str = "account_id",
    accounts: Frame | None = None,
    segments: Collection[str] | None = None,
    csms: Collection[str] | None = None,
) -> pl.DataFrame:
    """Accounts that have asked to leave and are still served: the revenue that is going, but not gone.

    One row per account, the first to go on top: ``account_id``; ``plan``, of what goes, the one that pays most;
    ``mrr``, what goes, and ``account_mrr``, what the account pays in all (minor units); ``whole``, whether all of it
    goes; ``requested_on``, the first request (null: only its end is known); ``ends_on``, the last planned end, else
    the renewal (null: no day is set); ``days_left``. The sum of ``mrr`` is the figure on the overview.

    A request on a subscription covers its add-ons. Left out: metered use and amounts of 0, and a planned end that
    nobody asked for (the term of a contract), which is a renewal to come. Unlike ChartMogul's committed MRR, nothing
    of this is in a movement before the service ends.
    """
    known = prepare(subscriptions, as_of=as_of, unit=unit, accounts=accounts, segments=segments, csms=csms)
    served = known.filter(PAYS, pl.col("end") == NEVER)
    pays = served.group_by("unit").agg(account_mrr=pl.col("value").sum())
    asked_on = pl.col("cancel_requested_at")
    return (
        served.filter(_asked())
        .group_by("unit")
        .agg(
            plan=_plan(),
            mrr=pl.col("value").sum(),
            requested_on=asked_on.filter(asked_on <= as_of).min(),
            ends_on=pl.coalesce("ended_on", "renews_on").max(),
        )
        .join(pays, on="unit")
        .select(
            "plan",
            "mrr",
            "account_mrr",
            "requested_on",
            "ends_on",
            account_id="unit",
            whole=pl.col("mrr") == pl.col("account_mrr"),
            days_left=(pl.col("ends_on") - as_of).dt.total_days(),
        )
        .select("account_id", "plan", "mrr", "account_mrr", "whole", "requested_on", "ends_on", "days_left")
        .sort("ends_on", "account_id", nulls_last=True)
    )


def late_renewals(
    subscriptions: Frame,
    *,
    as_of: date,
    grace_days: int = 30,
    unit: str = "account_id",
    accounts: Frame | None = None,
    segments: Collection[str] | None = None,
    csms: Collection[str] | None = None,
) -> pl.DataFrame:
    """Accounts whose service has ended without a cancellation and without a renewal, not longer ago than the grace.

    One row per account, the latest on top: ``account_id``; ``plan`` and ``mrr`` (minor units) on the last day served;
    ``ended_on``, the first day without service; ``days_late``; ``churns_on``, the day from which it is churn, booked
    on ``ended_on``; ``status``: ``past due`` when a payment is open or failed, else ``late renewal``;
    ``past_due_since`` (null where unknown). Until then movements carry ``mrr`` on, and their months are provisional.

    Elsewhere this hangs on the status that a billing system sends; here the rule is the gap itself.
    """
    known = prepare(subscriptions, as_of=as_of, unit=unit, accounts=accounts, segments=segments, csms=csms)
    late = gaps(known, as_of=as_of, grace_days=grace_days).filter(pl.col("until") == NEVER)
    past_due = pl.col("past_due_since").filter("failed")
    return (
        known.filter(PAYS)
        .join(late.select("u", "end"), on=["u", "end"])
        .group_by("unit", "end")
        .agg(plan=_plan(), mrr=pl.col("value").sum(), failed=pl.col("failed").any(), past_due_since=past_due.min())
        .select(
            "plan",
            "mrr",
            "past_due_since",
            account_id="unit",
            ended_on="end",
            days_late=(pl.lit(as_of) - pl.col("end")).dt.total_days(),
            churns_on=pl.col("end") + pl.duration(days=grace_days + 1),
            status=pl.when("failed").then(pl.lit("past due")).otherwise(pl.lit("late renewal")),
        )
        .select(
            "account_id",
            "plan",
            "mrr",
            "ended_on",
            "days_late",
            "churns_on",
            "status",
            "past_due_since",
        )
        .sort("ended_on", "account_id")
    )


def _due(known: pl.DataFrame, first: date, after: date) -> pl.DataFrame:
    """Contracts that come up in the window: ``u, renews_on, due, leaving, over`` (see ``_outcomes``), and their plan.

    A stretch that ended before its renewal, or began after it, does not come up with it.
    """
    comes_up = (pl.col("start") < pl.col("renews_on")) & (pl.col("end") >= pl.col("renews_on"))
    return (
        known.filter(PAYS)
        .with_columns(going=_asked())
        .filter(comes_up, pl.col("renews_on") >= first, pl.col("renews_on") < after)
        .group_by("u", "unit", "renews_on")
        .agg(
            plan=_plan(),
            due=pl.col("value").sum(),
            going=pl.col("value").filter("going").sum(),
            over=pl.col("end").max(),
        )
    )


def _mrr_on(known: pl.DataFrame, days: pl.DataFrame, day: str) -> pl.DataFrame:
    """``days`` (``u`` and a date column) with ``mrr``: what the unit pays on that date, late renewals not bridged."""
    served = days.join(known.filter(PAYS).select("u", "start", "end", "value"), on="u").filter(
        pl.col("start") <= pl.col(day), pl.col(day) < pl.col("end")
    )
    paid = served.group_by("u", "renews_on").agg(mrr=pl.col("value").sum())
    return days.join(paid, on=["u", "renews_on"], how="left").with_columns(pl.col("mrr").fill_null(0))


def _outcomes(known: pl.DataFrame, due: pl.DataFrame, as_of: date, grace_days: int) -> pl.DataFrame:
    """``due`` with ``before`` and ``after``: what the account paid the day before, and once the contract was replaced.

    That is the renewal day itself; or the day the contract ended, when it ran on into the grace; or the day a late
    renewal began. ``late`` while that is still open.
    """
    day_before = due.select("u", "renews_on", day=pl.col("renews_on").dt.offset_by("-1d"))
    settled = pl.col("renews_on") + pl.duration(days=grace_days)
    ended = due.select("u", "renews_on", end=pl.when(pl.col("over") <= settled).then("over").otherwise("renews_on"))
    replaced = ended.join(gaps(known, as_of=as_of, grace_days=grace_days), on=["u", "end"], how="left").select(
        "u", "renews_on", "until", day=pl.when(pl.col("until") < NEVER).then("until").otherwise("end")
    )
    before = _mrr_on(known, day_before, "day").select("u", "renews_on", before="mrr")
    after = _mrr_on(known, replaced, "day").select(
        "u", "renews_on", after="mrr", gap_is_open=(pl.col("until") == NEVER).fill_null(False)
    )
    return due.join(before, on=["u", "renews_on"]).join(after, on=["u", "renews_on"])


def account_renewals(
    subscriptions: Frame,
    *,
    since: date,
    until: date,
    as_of: date,
    grace_days: int = 30,
    unit: str = "account_id",
    accounts: Frame | None = None,
    segments: Collection[str] | None = None,
    csms: Collection[str] | None = None,
) -> pl.DataFrame:
    """Every contract that comes up for renewal, from the month of ``since`` to that of ``until``, and how it went.

    One row per account and renewal day: ``month``, ``account_id``, ``plan`` (the one that pays most of what is due),
    ``renews_on``; ``due`` = ``renewed`` + ``shrunk`` + ``lost`` + ``late`` + ``open`` (MRR, minor units); ``leaving``,
    the part of ``open`` whose end is requested; ``outcome``, one of the five names. Months may lie ahead.

    See :func:`renewals` for what the outcomes mean.
    """
    known = prepare(subscriptions, as_of=as_of, unit=unit, accounts=accounts, segments=segments, csms=csms)
    found = _outcomes(known, _due(known, month_of(since), months_later(until, 1)), as_of, grace_days)
    ahead, late = pl.col("renews_on") >= as_of, pl.col("gap_is_open")
    decided = ~ahead & ~late
    fell = (pl.col("before") - pl.col("after")).clip(0)
    kept = (pl.col("due") - fell).clip(0)

    def where(test: pl.Expr, amount: pl.Expr | str) -> pl.Expr:
        return pl.when(test).then(amount).otherwise(pl.lit(0, pl.Int64))

    return (
        found.with_columns(
            month=pl.col("renews_on").dt.month_start(),
            account_id=pl.col("unit"),
            renewed=where(decided, kept),
            shrunk=where(decided & (kept > 0), pl.col("due") - kept),
            lost=where(decided & (kept == 0), "due"),
            late=where(~ahead & late, "due"),
            open=where(ahead, "due"),
            leaving=where(ahead, "going"),
        )
        .with_columns(
            outcome=pl.when(ahead)
            .then(pl.lit("open"))
            .when(pl.col("late") > 0)
            .then(pl.lit("late"))
            .when(pl.col("lost") > 0)
            .then(pl.lit("lost"))
            .when(pl.col("shrunk") > 0)
            .then(pl.lit("shrunk"))
            .otherwise(pl.lit("renewed"))
        )
        .select("month", "account_id", "plan", "renews_on", "due", *OUTCOMES, "leaving", "outcome")
        .sort("renews_on", "account_id")
    )


def renewals(
    subscriptions: Frame,
    *,
    since: date,
    until: date,
    as_of: date,
    grace_days: int = 30,
    unit: str = "account_id",
    accounts: Frame | None = None,
    segments: Collection[str] | None = None,
    csms: Collection[str] | None = None,
) -> pl.DataFrame:
    """Contracts that came up for renewal, month by month, and how they turned out.

    One row per month from that of ``since`` to that of ``until``, months to come included. MRR (minor units):
    ``due`` = ``renewed`` + ``shrunk`` + ``lost`` + ``late`` + ``open``, and ``leaving``, the part of ``open`` whose
    end is requested. Accounts: ``accounts_due`` and ``accounts_renewed`` to ``accounts_open``, one outcome each, the
    worst of its month. ``state`` is ``provisional`` while anything of it is late or open, or the month runs.

    Due is the MRR of stretches whose ``renews_on`` falls in the month and that were served up to it. ``renewed`` is
    what the account kept of it the day after, or when the renewal came, up to ``grace_days`` late; ``shrunk`` what
    accounts that renewed no longer pay, ``lost`` what was due from those that did not (a pause is lost, as in GRR);
    ``late`` has ended and may still be renewed; ``open`` comes up today or later. What an account adds on renewing is
    an expansion, not here. Left out: stretches without a renewal day, and what was replaced before it came up.
    """
    found = account_renewals(
        subscriptions,
        since=since,
        until=until,
        as_of=as_of,
        grace_days=grace_days,
        unit=unit,
        accounts=accounts,
        segments=segments,
        csms=csms,
    )
    rank = {"renewed": 0, "shrunk": 1, "open": 2, "late": 3, "lost": 4}
    worst = found.with_columns(rank=pl.col("outcome").replace_strict(rank, return_dtype=pl.Int8))
    people = worst.sort("rank").group_by("month", "account_id").agg(pl.col("outcome").last())
    counts = people.group_by("month").agg(
        accounts_due=pl.len().cast(pl.Int64),
        **{f"accounts_{name}": (pl.col("outcome") == name).sum().cast(pl.Int64) for name in OUTCOMES},
    )
    money = found.group_by("month").agg(pl.col("due", *OUTCOMES, "leaving").sum())
    running = pl.col("month") >= month_of(as_of)
    unsettled = running | (pl.col("late") + pl.col("open") > 0)
    return (
        pl.select(month=pl.date_range(month_of(since), month_of(until), "1mo"))
        .join(money, on="month", how="left")
        .join(counts, on="month", how="left")
        .with_columns(pl.selectors.integer().fill_null(0))
        .with_columns(state=pl.when(unsettled).then(pl.lit("provisional")).otherwise(pl.lit("final")))
        .sort("month")
    )
