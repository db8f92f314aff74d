"""Onboarding: how many new accounts reach each step, how long it takes them to get value, and who is stuck."""

from __future__ import annotations

from datetime import date
from typing import Literal

import polars as pl

from metrics.current import current_mrr
from metrics.inputs import Frame, day, lazy
from metrics.intervals import wilson
from metrics.lifetime import lifetimes

By = Literal["month"] | None
Start = Literal["signed_up", "first_paid"]

_FIRST_USES = {"account_id": pl.String, "feature": pl.String, "first_on": pl.Date}
_FIRST_VALUES = {"account_id": pl.String, "first_value_on": pl.Date}
_STEPS = {"feature": pl.String, "onboarding_step": pl.String}
_MILESTONES = {"account_id": pl.String, "onboarding_step": pl.String, "reached_at": pl.Date}
_TIMES = ("reached_on", "days", "in_time", "over", "followed", "month_over")
_SLACK = 1e-12


def account_steps(
    milestones: Frame | None,
    first_uses: Frame | None,
    features: Frame | None,
    accounts: Frame,
    *,
    since: date,
    until: date,
    as_of: date,
    within_days: int = 90,
) -> pl.DataFrame:
    """Every account that signed up from ``since`` to ``until``, and every onboarding step: when it reached it.

    One row per account and step: ``account_id``; ``month`` and ``start_on`` of sign-up; ``step``; ``position`` (from
    1): sources give steps no order, so they stand in that of the median day on which accounts reach them, ties by how
    many do, then by name; ``reached_on`` (null: not yet) and ``days`` from sign-up to it; ``in_time``, reached at most
    ``within_days`` after sign-up; ``over``, those days have passed; ``followed``, how many of them have;
    ``month_over``, no account can join the month any more.

    A step is reached by the first use of a feature whose ``onboarding_step`` it is (``first_uses``: ``account_id``,
    ``feature``, ``first_on``) or by a milestone, whichever comes first; what came before the sign-up counts as day 0.
    Steps nobody knows of by ``as_of`` (no feature names them, no milestone has come) have no rows.

    Accounts that left stay: they did not reach the step, and without them onboarding would look better than it was.
    Left out: accounts without a sign-up day, and everything after ``as_of``. Which feature completes which step is
    today's.
    """
    steps = lazy(features, _STEPS).drop_nulls("onboarding_step").select("feature", step="onboarding_step").collect()
    states = lazy(milestones, _MILESTONES).select("account_id", step="onboarding_step", on=day("reached_at"))
    uses = lazy(first_uses, _FIRST_USES).join(steps.lazy(), on="feature").select("account_id", "step", on="first_on")
    both = pl.concat([states, uses]).filter(pl.col("on") <= as_of)
    reached = both.group_by("account_id", "step").agg(pl.col("on").min()).collect()
    names = pl.concat([steps["step"], reached["step"]]).unique().sort().to_frame("step")
    every = _signed_up(accounts).join(names, how="cross").join(reached, on=["account_id", "step"], how="left")
    rows = _timed(every, since, until, as_of, within_days)
    in_order = rows.join(_order(rows), on="step").sort("start_on", "account_id", "position")
    return in_order.select("account_id", "month", "start_on", "step", "position", *_TIMES)


def _signed_up(accounts: Frame) -> pl.DataFrame:
    columns = {"account_id": pl.String, "signed_up_at": pl.Date}
    return lazy(accounts, columns).select("account_id", start_on=day("signed_up_at")).collect()


def _timed(rows: pl.DataFrame, since: date, until: date, as_of: date, within_days: int) -> pl.DataFrame:
    """The rows that start in the period, with their month and ``_TIMES`` from ``on``, the day of reaching."""
    start, today = pl.col("start_on"), pl.lit(as_of)
    days = (pl.col("on") - start).dt.total_days().clip(lower_bound=0)
    age = (today - start).dt.total_days()
    return rows.filter(start.is_between(since, min(until, as_of))).with_columns(
        month=start.dt.month_start(),
        reached_on=pl.col("on"),
        days=days,
        in_time=(days <= within_days).fill_null(False),
        over=age > within_days,  # the running day is not over
        followed=age.clip(upper_bound=within_days),
        month_over=start.dt.month_end() < today,
    )


def _order(rows: pl.DataFrame) -> pl.DataFrame:
    """``step, position``: those reached sooner come first, then those that more reach."""
    return (
        rows.group_by("step")
        .agg(count=pl.col("in_time").sum(), days=pl.col("days").filter("in_time").median())
        .sort("days", "count", "step", descending=[False, True, False], nulls_last=True)
        .select("step", position=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    )


def funnel(account_steps: pl.DataFrame, *, by: By = "month", level: float = 0.95) -> pl.DataFrame:
    """How many new accounts reach each onboarding step in time, and how long half of them take.

    From ``account_steps``. One row per step (per month of sign-up and step, ``by="month"``): ``[month]``, ``step``,
    ``position``; ``size``, accounts; ``reached``, of those in time; ``rate`` with its Wilson interval ``low`` to
    ``high``; ``median_days`` to the step; ``running``, accounts whose time is not over; ``state``.

    By month, the rate of a ``provisional`` row says what has been reached so far: an account of it may still reach
    the step in time, or the month itself still runs. Months in which nobody signed up have no row. With ``by=None``
    all months are pooled and only accounts whose time is over count (a young account is no failure), so every row is
    ``final``; its rate is null while there is none. Steps need not be reached one after the other, so a later one may
    have the higher rate.

    ``median_days`` is the day by which half of the accounts have got there, by Kaplan and Meier: an account not there
    yet counts for as long as it has been followed. Null while half of them have not.

    >>> rows = account_steps(None, pl.DataFrame({"account_id": ["a", "b"], "feature": "call",
    ...                      "first_on": [date(2026, 1, 5), date(2026, 1, 20)]}),
    ...     pl.DataFrame({"feature": ["call"], "onboarding_step": ["first call"]}),
    ...     pl.DataFrame({"account_id": ["a", "b", "c"], "signed_up_at": [date(2026, 1, 1)] * 3}),
    ...     since=date(2026, 1, 1), until=date(2026, 1, 31), as_of=date(2026, 6, 1))
    >>> funnel(rows).select("step", "size", "reached", "median_days", "state").row(0)
    ('first call', 3, 2, 19, 'final')
    """
    return _cohorts(account_steps, ("step", "position"), by, level)


def account_value(
    first_values: Frame | None,
    accounts: Frame,
    subscriptions: Frame,
    *,
    since: date,
    until: date,
    as_of: date,
    within_days: int = 90,
    start: Start = "signed_up",
    grace_days: int = 30,
) -> pl.DataFrame:
    """When every account that started from ``since`` to ``until`` first got value.

    One row per account, columns as in ``account_steps`` without the step: ``start_on`` is its day of sign-up or, with
    ``start="first_paid"``, its first paid day ever (accounts that never paid are then left out); ``reached_on`` its
    first value-active day (``first_values``: ``account_id``, ``first_value_on``). Value before the start is day 0.
    """
    started = _signed_up(accounts)
    if start == "first_paid":
        paid = lifetimes(subscriptions, as_of=as_of, grace_days=grace_days)
        started = started.select("account_id").join(paid, on="account_id").select("account_id", start_on="first_paid")
    found = lazy(first_values, _FIRST_VALUES).filter(pl.col("first_value_on") <= as_of)
    value = started.join(found.select("account_id", on="first_value_on").collect(), on="account_id", how="left")
    rows = _timed(value, since, until, as_of, within_days).sort("start_on", "account_id")
    return rows.select("account_id", "month", "start_on", *_TIMES)


def time_to_value(account_value: pl.DataFrame, *, by: By = "month", level: float = 0.95) -> pl.DataFrame:
    """How many new accounts get value in time, and after how many days half of them do.

    From ``account_value``. One row per month in which accounts started, or one over all months (``by=None``):
    ``[month]``, ``size``, ``reached``, ``rate``, ``low``, ``high``, ``median_days``, ``running`` and ``state``, all as
    in ``funnel``. Value is use of a value feature at or above its threshold in 28 days, not a log-in.
    """
    return _cohorts(account_value, (), by, level)


def _cohorts(rows: pl.DataFrame, keys: tuple[str, ...], by: By, level: float) -> pl.DataFrame:
    """Counts, rate, interval, median and state of ``rows`` by ``keys`` and month, or over all whose time is over."""
    young = ~pl.col("over")
    if by is None:
        counts, running, state = pl.col("over"), young, pl.lit("final")
    else:
        counts, running = pl.lit(True), young & ~pl.col("in_time")
        unsettled = (pl.col("running") > 0) | ~pl.col("month_over")
        state = pl.when(unsettled).then(pl.lit("provisional")).otherwise(pl.lit("final"))
    groups = list(keys) if by is None else [by, *keys]
    marked = rows.with_columns(_counts=counts, _running=running, _all=pl.lit(0))
    low, high = wilson(pl.col("reached"), pl.col("size"), level=level)
    return (
        marked.group_by(groups or "_all")
        .agg(
            size=pl.col("_counts").sum().cast(pl.Int64),
            reached=(pl.col("_counts") & pl.col("in_time")).sum().cast(pl.Int64),
            running=pl.col("_running").sum().cast(pl.Int64),
            month_over=pl.col("month_over").all(),
        )
        .join(_medians(marked.filter("_counts"), groups or ["_all"]), on=groups or "_all", how="left")
        .with_columns(low, high, rate=pl.when(pl.col("size") > 0).then(pl.col("reached") / pl.col("size")), state=state)
        .sort([name for name in ("month", "position") if name in groups] or "size")
        .select(*groups, "size", "reached", "rate", "low", "high", "median_days", "running", "state")
    )


def _medians(rows: pl.DataFrame, groups: list[str]) -> pl.DataFrame:
    """``median_days`` of each group: the first day on which the Kaplan-Meier curve of not being there is at half."""
    at_risk = pl.col("left").sum().over(groups) - pl.col("left").cum_sum().over(groups) + pl.col("left")
    kept = (1 - pl.col("arrived") / at_risk).cum_prod().over(groups)
    return (
        rows.group_by(*groups, at=pl.when("in_time").then("days").otherwise("followed"))
        .agg(arrived=pl.col("in_time").sum(), left=pl.len().cast(pl.Int64))
        .sort(*groups, "at")
        .with_columns(kept=kept)
        .group_by(groups)
        .agg(median_days=pl.col("at").filter(pl.col("kept") <= 0.5 + _SLACK).min())
    )


def stuck(
    account_steps: pl.DataFrame,
    subscriptions: Frame,
    *,
    as_of: date,
    least: int = 20,
    share: float = 0.9,
    grace_days: int = 30,
) -> pl.DataFrame:
    """Accounts that have been at an onboarding step for longer than nine in ten of those who passed it.

    From ``account_steps``. One row per account, the dearest first: ``account_id``; ``step``, the one it has yet to
    reach; ``waiting_since``, the last day on which it reached a step before it, or its sign-up; ``days`` since;
    ``usual_days``, the ``share`` quantile of what those took who passed the step, counted in the same way, and
    ``passed``, how many they are; ``mrr`` (minor units), ``plan``, ``standing`` and ``leaving`` of today.

    An account is at the step after the furthest it has reached, in the order of ``position``; one it skipped is no
    place to be stuck. A step that fewer than ``least`` accounts have passed is not judged. Left out: accounts that
    have reached the last step, and accounts that are served no more.
    """
    usual = (
        _took(account_steps)
        .group_by("step")
        .agg(usual_days=pl.col("took").quantile(share, "linear"), passed=pl.len().cast(pl.Int64))
        .filter(pl.col("passed") >= least)
    )
    there = pl.col("reached_on").is_not_null()
    furthest = pl.col("position").filter(there).max().fill_null(0).over("account_id")
    since = pl.max_horizontal("start_on", pl.col("reached_on").max().over("account_id"))
    money = current_mrr(subscriptions, as_of=as_of, grace_days=grace_days)
    return (
        account_steps.with_columns(waiting_since=since)
        .filter(pl.col("position") == furthest + 1)
        .with_columns(days=(pl.lit(as_of) - pl.col("waiting_since")).dt.total_days())
        .join(usual, on="step")
        .filter(pl.col("days") > pl.col("usual_days"))
        .join(money, on="account_id")
        .sort("mrr", "days", "account_id", descending=[True, True, False], nulls_last=True)
        .select(
            "account_id",
            "step",
            "waiting_since",
            "days",
            "usual_days",
            "passed",
            "mrr",
            "plan",
            "standing",
            "leaving",
        )
    )


def _took(account_steps: pl.DataFrame) -> pl.DataFrame:
    """``step, took``: for every step passed, the days since the last step before it that came earlier, or sign-up."""
    passed = account_steps.drop_nulls("reached_on").select("account_id", "step", "position", "start_on", "reached_on")
    before = passed.select("account_id", earlier="position", earlier_on="reached_on")
    came = (
        passed.join(before, on="account_id")
        .filter(pl.col("earlier") < pl.col("position"), pl.col("earlier_on") <= pl.col("reached_on"))
        .group_by("account_id", "step")
        .agg(pl.col("earlier_on").max())
    )
    since = pl.max_horizontal("start_on", "earlier_on")
    took = (pl.col("reached_on") - since).dt.total_days().clip(lower_bound=0)
    return passed.join(came, on=["account_id", "step"], how="left").select("step", took=took)
