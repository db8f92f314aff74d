"""What the overview asks: recurring revenue, what moved it, what is kept of it, and what is leaving."""

from __future__ import annotations

from datetime import date

import polars as pl

import settings
from metrics.revenue import account_movements, arr, movements, rate_change, rates
from metrics.value import current_mrr
from pages.shared.answers.accounts import silent_accounts
from pages.shared.data import cached, view_of
from pages.shared.filters import Filters, Who, narrow
from queries.frames import Frames

MONTHS = 24


@cached
def account_months(frames: Frames, who: Who) -> pl.DataFrame:
    """What each account did to MRR, month by month, a year before the months shown too; filters place it at opening."""
    held = settings.get()
    return account_movements(
        frames.subscriptions,
        since=Filters(MONTHS + 12, who).since(frames.as_of),
        until=frames.as_of,
        as_of=frames.as_of,
        grace_days=held.revenue.grace_days,
        pause_max_days=held.revenue.pause_max_days,
        accounts=frames.accounts,
        plans=[who.plan] if who.plan else None,
        segments=[who.segment] if who.segment else None,
        csms=[who.csm] if who.csm else None,
        fx_rates=None if "fx_rates" in frames.missing else frames.fx_rates,
    )


@cached
def monthly(frames: Frames, who: Who) -> pl.DataFrame:
    """MRR movements by month."""
    return movements(account_months(view_of(frames), who))


@cached
def run_rate(frames: Frames, who: Who) -> pl.DataFrame:
    """Annual and monthly recurring revenue at each month's close."""
    return arr(account_months(view_of(frames), who))


@cached
def retention(frames: Frames, who: Who, span: int = 1) -> pl.DataFrame:
    """GRR, NRR, logo retention and more by month, each with its interval."""
    return rates(account_months(view_of(frames), who), span=span)


@cached
def changes(frames: Frames, who: Who, span: int = 1) -> pl.DataFrame:
    """The last full month against the one before, with verdicts."""
    return rate_change(account_months(view_of(frames), who), as_of=frames.as_of, span=span)


@cached
def movers(frames: Frames, who: Who, month: date) -> pl.DataFrame:
    """The accounts that moved MRR in a month: ``name, movement, amount`` (signed), largest first."""
    rows = account_months(view_of(frames), who).filter((pl.col("month") == month) & (pl.col("amount") > 0))
    lost = pl.col("movement").is_in(["contraction", "paused", "churned", "moved_out"])
    told = rows.filter(pl.col("movement") != "left_after_pause").with_columns(
        amount=pl.when(lost).then(-pl.col("amount")).otherwise("amount")
    )
    names = frames.accounts.select("account_id", "name", "segment").collect()
    return (
        told.join(names, on="account_id", how="left")
        .select("account_id", "name", "movement", "amount", "opening", "closing", "plan", "segment")
        .sort(pl.col("amount").abs(), descending=True)
    )


@cached
def standing(frames: Frames, who: Who) -> pl.DataFrame:
    """What is at stake now: one row per kind, ``leaving``, ``silent`` and ``paying``, with ``accounts`` and ``mrr``."""
    ids = narrow(frames, who)["accounts"].select("account_id").collect()["account_id"].implode()
    mine = pl.col("account_id").is_in(ids)
    grace = settings.get().revenue.grace_days
    served = current_mrr(frames.subscriptions, as_of=frames.as_of, grace_days=grace).filter(mine)
    silent = silent_accounts(view_of(frames)).filter(mine)
    groups = {
        "paying": served.filter(pl.col("mrr") > 0),
        "leaving": served.filter(pl.col("leaving")),
        "silent": silent,
    }
    rows = [(name, rows.height, int(rows["mrr"].sum())) for name, rows in groups.items()]
    return pl.DataFrame(rows, schema={"kind": pl.String, "accounts": pl.Int64, "mrr": pl.Int64}, orient="row")
