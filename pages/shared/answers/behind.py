"""The accounts behind a number of the overview."""

from __future__ import annotations

from datetime import date

import polars as pl

import settings
from metrics.month_ends import months_later
from metrics.revenue import account_renewals, leaving
from pages.shared.answers import nps
from pages.shared.answers.accounts import book, silent_accounts
from pages.shared.answers.overview import account_months, silent_then
from pages.shared.data import cached, view_of
from pages.shared.filters import Who, narrow
from queries.frames import Frames


@cached
def span(frames: Frames, who: Who, first: date, last: date) -> pl.DataFrame:
    """Accounts that paid when ``first`` opened or ``last`` closed: ``opening, closing, change``, most moved first."""
    rows = account_months(view_of(frames), who)
    opening = rows.filter(pl.col("month") == first).group_by("account_id").agg(pl.col("opening").sum())
    closing = rows.filter(pl.col("month") == last).group_by("account_id").agg(pl.col("closing").sum())
    both = opening.join(closing, on="account_id", how="full", coalesce=True).fill_null(0)
    paid = both.filter((pl.col("opening") > 0) | (pl.col("closing") > 0))
    changed = paid.with_columns(change=pl.col("closing") - pl.col("opening"))
    return _named(frames, changed).sort(pl.col("change").abs(), "closing", descending=True)


@cached
def silence(frames: Frames, who: Who, first: date, last: date) -> pl.DataFrame:
    """``span`` with ``silent``: who paid and got nothing ``before`` (when ``first`` opened), ``after`` (when ``last``
    closed) or both; null for neither.
    """
    marks = silent_then(view_of(frames))
    before, after = (
        pl.col("account_id").is_in(marks.filter(month=close)["account_id"].implode())
        for close in (months_later(first, -1), last)
    )
    both = pl.when(before, after).then(pl.lit("before and after"))
    told = both.when(before).then(pl.lit("before")).when(after).then(pl.lit("after"))
    return span(view_of(frames), who, first, last).with_columns(silent=told)


@cached
def renewing(frames: Frames, who: Who, month: date, outcome: str) -> pl.DataFrame:
    """Accounts whose contract came up in a month and went as ``outcome`` says, by what is due."""
    rows = account_renewals(
        narrow(frames, who)["subscriptions"],
        since=month,
        until=month,
        as_of=frames.as_of,
        grace_days=settings.get().revenue.grace_days,
    )
    return _named(frames, rows.filter(pl.col(outcome) > 0)).sort("due", "account_id", descending=[True, False])


@cached
def at_risk(frames: Frames, who: Who, month: date, band: str) -> pl.DataFrame:
    """Accounts of a health band whose contract comes up in a month, the dearest first."""
    mine = narrow(frames, who)["accounts"].select("account_id").collect()
    ahead = book(view_of(frames)).filter(
        pl.col("band") == band, pl.col("renews_on").is_between(month, months_later(month, 1), closed="left")
    )
    return ahead.join(mine, on="account_id", how="semi").sort("mrr", "account_id", descending=[True, False])


@cached
def answered(frames: Frames, who: Who, since: date) -> pl.DataFrame:
    """The answers that NPS since a day counts, the lowest scores first."""
    return nps.answers(view_of(frames), who, since).sort("score", "day", descending=[False, True])


@cached
def going(frames: Frames, who: Who) -> pl.DataFrame:
    """Accounts that asked to leave and are still served, the first to go on top."""
    return _named(frames, leaving(narrow(frames, who)["subscriptions"], as_of=frames.as_of))


@cached
def silent(frames: Frames, who: Who) -> pl.DataFrame:
    """Accounts that pay and get nothing, the dearest first."""
    mine = narrow(frames, who)["accounts"].select("account_id").collect()
    quiet = silent_accounts(view_of(frames)).join(mine, on="account_id", how="semi")
    return _named(frames, quiet).sort("mrr", "account_id", descending=[True, False])


def _named(frames: Frames, rows: pl.DataFrame) -> pl.DataFrame:
    names = frames.accounts.select("account_id", "name", "segment", "csm_name").collect()
    return rows.join(names, on="account_id", how="left", maintain_order="left")
