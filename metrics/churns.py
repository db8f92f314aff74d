"""Churns: which accounts left in a month, on which day their service ended, and what was lost."""

from __future__ import annotations

from datetime import date

import polars as pl

from metrics.account_months import ABSENT, PAUSED, PAYING
from metrics.inputs import Frame, lazy
from metrics.stretches import COUNTS, NEVER, PAYS, bridge, prepare, spans

_MOVEMENT_COLUMNS = {
    "month": pl.Date,
    "account_id": pl.String,
    "plan": pl.String,
    "movement": pl.String,
    "amount": pl.Int64,
    "state": pl.String,
    "opening_status": pl.String,
    "closing_status": pl.String,
}
_KEY = ["account_id", "month"]


def left_in_month(account_movements: Frame) -> pl.DataFrame:
    """The account-months that ended without the account, exactly those that ``movements`` counts.

    One row per account and month: ``account_id, month, plan, state``, ``lost_mrr`` (the movement ``churned``) and
    ``left_after_pause`` (MRR lost when a pause began that ended in leaving now). The sums over a month are
    ``churned`` and ``left_after_pause`` of that month in ``movements``, the number of rows its ``accounts_churned``.
    """
    kind = pl.col("movement")
    present, gone = pl.col("opening_status").is_in([PAYING, PAUSED]), pl.col("closing_status") == ABSENT

    def total(movement: str) -> pl.Expr:
        return pl.col("amount").filter(kind == movement).sum()

    return (
        lazy(account_movements, _MOVEMENT_COLUMNS)
        .filter((kind.is_in(["churned", "left_after_pause"]) | (present & gone)).fill_null(False))
        .group_by(_KEY)
        .agg(
            plan=pl.col("plan").drop_nulls().first(),
            state=pl.when((pl.col("state") == "provisional").any())
            .then(pl.lit("provisional"))
            .otherwise(pl.lit("final")),
            lost_mrr=total("churned"),
            left_after_pause=total("left_after_pause"),
        )
        .sort("month", "account_id")
        .collect()
    )


def _last_ends(churns: pl.DataFrame, stretches: pl.DataFrame) -> pl.DataFrame:
    """``account_id, month, real_end``: the last end in the month of an unbroken run of paid or paused service.

    Runs, not stretches: where one price follows another nothing ended.
    """
    units = stretches.select("u", account_id="unit").unique()
    ended = spans(stretches.filter(COUNTS)).filter(pl.col("end") < NEVER).join(units, on="u")
    ended = ended.with_columns(month=pl.col("end").dt.month_start())
    return ended.join(churns.select(_KEY), on=_KEY, how="semi").group_by(_KEY).agg(real_end=pl.col("end").max())


def _pause_limits(churns: pl.DataFrame, bridged: pl.DataFrame, pause_max_days: int) -> pl.DataFrame:
    """``account_id, month, limit``: the day in the month on which a pause that still runs had lasted too long.

    A pause that follows paid service within the grace is counted from its first day, as in movements.
    """
    paid = bridged.filter(PAYS, pl.col("end") < NEVER).select(account_id="unit", limit="end")
    limits = paid.with_columns(pl.col("limit").dt.offset_by(f"{pause_max_days}d"))
    limits = limits.with_columns(month=pl.col("limit").dt.month_start())
    return limits.join(churns.select(_KEY), on=_KEY, how="semi").group_by(_KEY).agg(pl.col("limit").max())


def _how(ends: pl.DataFrame, stretches: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """``account_id, month, requested_on, failed`` of the stretches that ended on the day service did.

    A payment failed when it failed on any line and nobody asked to leave.
    """
    asked = pl.col("cancel_requested_at")
    last = ends.join(stretches.filter(COUNTS), left_on=["account_id", "ended_on"], right_on=["unit", "end"])
    return last.group_by(_KEY).agg(
        requested_on=asked.filter(asked <= pl.min_horizontal("ended_on", pl.lit(as_of))).min(),
        failed=(pl.col("end_kind") == "payment_failed").fill_null(False).any() & ~pl.col("requested").any(),
    )


def churns(
    account_movements: Frame,
    subscriptions: Frame,
    *,
    as_of: date | None = None,
    unit: str = "account_id",
    accounts: Frame | None = None,
    grace_days: int = 30,
    pause_max_days: int = 90,
) -> pl.DataFrame:
    """The accounts that left, each with the day its service ended.

    One row per account and month in which it left, with the columns of :func:`left_in_month` and ``ended_on`` (first
    day not served: the end of the last paid or paused run in the month; for a pause that outlasted
    ``pause_max_days`` and still runs, the day it did; null when ``subscriptions`` holds no end in that month),
    ``requested_on`` (when leaving was asked for; null when it was not, or only after the end), ``failed`` (a payment
    failed and nobody asked to leave) and ``tenure_days`` (from the first paid day ever to ``ended_on``).

    With ``as_of``, what became known later is not used. ``unit``, ``grace_days`` and ``pause_max_days`` must be those
    of ``account_movements``.
    """
    today = as_of or NEVER
    rows = left_in_month(account_movements)
    stretches = prepare(subscriptions, as_of=today, unit=unit, accounts=accounts)
    bridged = bridge(stretches, as_of=today, grace_days=grace_days)
    began = stretches.filter(PAYS).group_by(account_id="unit").agg(began=pl.col("start").min())
    rows = (
        rows.join(_last_ends(rows, stretches), on=_KEY, how="left")
        .join(_pause_limits(rows, bridged, pause_max_days), on=_KEY, how="left")
        .with_columns(ended_on=pl.coalesce("real_end", "limit"))
        .join(began, on="account_id", how="left")
        .with_columns(tenure_days=(pl.col("ended_on") - pl.col("began")).dt.total_days())
        .drop("real_end", "limit", "began")
    )
    how = _how(rows.select(*_KEY, "ended_on"), stretches, today)
    return (
        rows.join(how, on=_KEY, how="left").with_columns(pl.col("failed").fill_null(False)).sort("month", "account_id")
    )
