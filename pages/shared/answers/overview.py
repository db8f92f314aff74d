"""What the overview asks: recurring revenue, what moved it, what is kept of it, and what is leaving."""

from __future__ import annotations

from datetime import date

import polars as pl

import settings
from metrics.month_ends import months_later
from metrics.movements import LOSSES
from metrics.revenue import account_movements, arr, movements, rate_change, rates, renewals
from pages.shared.answers.accounts import book
from pages.shared.data import cached, view_of
from pages.shared.filters import Filters, Who, narrow
from queries.frames import Frames
from reports.zombies import nrr_without_zombies, zombie_closes

MONTHS = 24
AHEAD = 6


def last_ahead(as_of: date) -> date:
    """The first day of the last month whose renewals are shown: the running month and six more.

    >>> last_ahead(date(2026, 11, 21))
    datetime.date(2027, 5, 1)
    """
    return months_later(as_of.replace(day=1), AHEAD)


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
def paused(frames: Frames, who: Who, month: date) -> pl.DataFrame:
    """Accounts that were paused as a month closed: they are customers, and pay nothing. ``account_id``."""
    rows = account_months(view_of(frames), who)
    held = rows.filter(pl.col("month") == month, pl.col("closing_status") == "paused")
    return held.select("account_id").unique()


@cached
def silent_then(frames: Frames) -> pl.DataFrame:
    """Who paid and got nothing when the last full month, the one before and a year's window closed or opened."""
    return zombie_closes(frames, settings.get())


@cached
def retention(frames: Frames, who: Who, span: int = 1) -> pl.DataFrame:
    """GRR, NRR, logo retention and more by month, each with its interval.

    NRR without silent accounts is there for the last full month, where use was recorded long enough to know them.
    """
    moved = account_months(view_of(frames), who)
    without = nrr_without_zombies(moved, silent_then(view_of(frames)), frames, settings.get(), span=span)
    return pl.concat([rates(moved, span=span), without])


@cached
def changes(frames: Frames, who: Who, span: int = 1) -> pl.DataFrame:
    """The last full month against the one before, with verdicts."""
    return rate_change(account_months(view_of(frames), who), as_of=frames.as_of, span=span)


@cached
def movers(frames: Frames, who: Who, month: date) -> pl.DataFrame:
    """The accounts that moved MRR in a month: ``name, movement, amount`` (signed), largest first."""
    rows = account_months(view_of(frames), who).filter((pl.col("month") == month) & (pl.col("amount") > 0))
    lost = pl.col("movement").is_in(LOSSES)
    told = rows.filter(pl.col("movement") != "left_after_pause").with_columns(
        amount=pl.when(lost).then(-pl.col("amount")).otherwise("amount")
    )
    return _named(frames, told)


def _named(frames: Frames, moved: pl.DataFrame) -> pl.DataFrame:
    names = frames.accounts.select("account_id", "name", "segment").collect()
    return (
        moved.join(names, on="account_id", how="left")
        .select("account_id", "name", "movement", "amount", "opening", "closing", "plan", "segment")
        .sort(pl.col("amount").abs(), descending=True)
    )


@cached
def revalued(frames: Frames, who: Who, month: date) -> pl.DataFrame:
    """The accounts whose MRR exchange rates changed in a month, in the columns of ``movers``."""
    rows = account_months(view_of(frames), who).filter(pl.col("month") == month, pl.col("fx") != 0)
    return _named(frames, rows.with_columns(movement=pl.lit("fx"), amount="fx"))


@cached
def renewing(frames: Frames, who: Who) -> pl.DataFrame:
    """Renewals by month: due, renewed, shrunk, lost, late and open, from six months back to ``last_ahead``."""
    today = frames.as_of
    return renewals(
        narrow(frames, who)["subscriptions"],
        since=months_later(today.replace(day=1), -AHEAD),
        until=last_ahead(today),
        as_of=today,
        grace_days=settings.get().revenue.grace_days,
    )


@cached
def at_risk(frames: Frames, who: Who) -> pl.DataFrame:
    """MRR by the month of its next renewal and its health band: ``month, band, mrr, accounts``, to ``last_ahead``."""
    mine = narrow(frames, who)["accounts"].select("account_id").collect()
    rows = book(view_of(frames)).join(mine, on="account_id", how="semi").filter(pl.col("renews_on").is_not_null())
    monthly = rows.group_by(month=pl.col("renews_on").dt.truncate("1mo"), band=pl.col("band")).agg(
        mrr=pl.col("mrr").sum(), accounts=pl.len().cast(pl.Int64)
    )
    return monthly.filter(pl.col("month") <= last_ahead(frames.as_of)).sort("month", "band")
