"""Loyalty: the accounts that pay most, how much of the revenue they are, and how long customers have been here."""

from __future__ import annotations

import math
from datetime import date, timedelta

import polars as pl

from metrics.current import current_mrr
from metrics.inputs import Frame
from metrics.lifetime import lifetimes


def tenure(subscriptions: Frame, *, as_of: date, grace_days: int = 30) -> pl.DataFrame:
    """How long each account that pays on ``as_of`` has been a customer.

    One row per account with MRR (or a paid line whose amount is not known): ``account_id``, ``plan``, ``mrr`` (minor
    units), ``standing``, ``leaving``; ``customer_since``, its first paid day ever; ``days`` since then and ``years``,
    full ones; ``paying_since``, the first day of the present unbroken run (later than the first where it had left or
    paused); ``anniversary_on``, the next anniversary of ``customer_since`` from ``as_of`` on, and the ``anniversary``
    it is (1: one year).

    Who began on 29 February has their day on the 28th in years without one. The first day itself is no anniversary.

    >>> tenure(pl.DataFrame({"account_id": ["a"], "subscription_id": ["s"], "plan": ["Team"], "kind": ["paid"],
    ...     "mrr": [9900], "started_on": [date(2024, 2, 29)]}), as_of=date(2026, 2, 28)).select(
    ...     "years", "anniversary_on", "anniversary").row(0)
    (2, datetime.date(2026, 2, 28), 2)
    """
    paying = current_mrr(subscriptions, as_of=as_of, grace_days=grace_days).filter(
        pl.col("paying_since").is_not_null(), pl.col("mrr").fill_null(1) > 0
    )
    first = lifetimes(subscriptions, as_of=as_of, grace_days=grace_days).select(
        "account_id", customer_since="first_paid"
    )
    since, today = pl.col("customer_since"), pl.lit(as_of)
    full = pl.lit(as_of.year) - since.dt.year()
    reached = _years_later(full) <= today
    years = pl.when(reached).then(full).otherwise(full - 1).cast(pl.Int64)
    falls_today = _years_later(full) == today
    coming = pl.max_horizontal(pl.when(falls_today).then(full).otherwise(years + 1), pl.lit(1)).cast(pl.Int64)
    return (
        # A line without a rate has no known first paid day among the amounts; its present run stands for it.
        paying.join(first, on="account_id", how="left")
        .with_columns(customer_since=pl.coalesce("customer_since", "paying_since"))
        .with_columns(days=(today - since).dt.total_days(), years=years, anniversary=coming)
        .with_columns(anniversary_on=_years_later(pl.col("anniversary")))
        .sort("customer_since", "account_id")
        .select(
            "account_id",
            "plan",
            "mrr",
            "standing",
            "leaving",
            "customer_since",
            "days",
            "years",
            "paying_since",
            "anniversary_on",
            "anniversary",
        )
    )


def _years_later(years: pl.Expr) -> pl.Expr:
    """``customer_since`` so many years later; 29 February becomes the 28th where the year has none."""
    return pl.col("customer_since").dt.offset_by(pl.concat_str(years * 12, pl.lit("mo")))


def anniversaries(tenure: pl.DataFrame, *, as_of: date, days: int = 30) -> pl.DataFrame:
    """Accounts of ``tenure`` whose anniversary falls from ``as_of`` to ``days`` later, the next on top; its columns."""
    last = as_of + timedelta(days=days)
    coming = tenure.filter(pl.col("anniversary_on").is_between(as_of, last))
    return coming.sort("anniversary_on", "mrr", "account_id", descending=[False, True, False], nulls_last=True)


def top_accounts(tenure: pl.DataFrame, *, share: float = 0.1) -> pl.DataFrame:
    """The top tenth of accounts by MRR, and what part of all MRR each of them is. From ``tenure``.

    One row per account, the dearest first: ``rank`` (equals share the lower number), ``of_mrr``, its share of the MRR
    of all accounts, ``running_share``, its and that of all above it, and the columns of ``tenure``. The tenth is
    rounded up, so it is never nobody; accounts that pay the same as the last of it are all in, so it may be more than
    a tenth. Left out: accounts whose MRR is not known.
    """
    known = tenure.filter(pl.col("mrr") > 0).sort("mrr", "account_id", descending=[True, False])
    if known.is_empty():
        nothing = tenure.clear().with_columns(
            pl.lit(None, pl.Int64).alias("rank"), *(pl.lit(None, pl.Float64).alias(n) for n in _SHARES)
        )
        return nothing.select("rank", *_SHARES, *tenure.columns)
    wanted = math.ceil(round(known.height * share, 9))
    least = known["mrr"][max(wanted, 1) - 1]
    whole = pl.col("mrr").sum()
    return (
        known.with_columns(
            rank=pl.col("mrr").rank("min", descending=True).cast(pl.Int64),
            of_mrr=pl.col("mrr") / whole,
            running_share=pl.col("mrr").cum_sum() / whole,
        )
        .filter(pl.col("mrr") >= least)
        .select("rank", *_SHARES, *tenure.columns)
    )


_SHARES = ("of_mrr", "running_share")


def loyalty(tenure: pl.DataFrame, *, share: float = 0.1) -> pl.DataFrame:
    """The top tenth against all accounts, in one row. From ``tenure``.

    ``accounts`` with a known MRR, ``mrr`` of all (minor units), ``top``, how many are in the top tenth (see
    ``top_accounts``), ``top_mrr`` and ``top_share`` of it (null while nobody pays), ``median_days``, how long half of
    all accounts have been customers, and ``top_median_days``, half of the top.
    """
    known, top = tenure.filter(pl.col("mrr") > 0), top_accounts(tenure, share=share)
    whole = int(known["mrr"].sum())
    return pl.DataFrame(
        {
            "accounts": [known.height],
            "mrr": [whole],
            "top": [top.height],
            "top_mrr": [int(top["mrr"].sum())],
            "top_share": [int(top["mrr"].sum()) / whole if whole else None],
            "median_days": [known["days"].median()],
            "top_median_days": [top["days"].median()],
        },
        schema_overrides={"top_share": pl.Float64, "median_days": pl.Float64, "top_median_days": pl.Float64},
    )
