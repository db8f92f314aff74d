"""What an account has bought, until when, and when it may give notice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from metrics.current import current_mrr, renewing
from metrics.renewals import leaving
from metrics.stretches import EARNING


@dataclass(frozen=True)
class Contract:
    """One account's contract on a day.

    ``plan`` and ``mrr`` (minor units) of what is served, None when nothing is; ``standing`` as in ``current_mrr``;
    ``since``, the first day it ever paid; ``renews_on``, the next renewal, and ``notice_until``, the last day to give
    notice before it (None: not known); ``requested_on`` and ``ends_on`` when it asked to leave with everything.
    """

    plan: str | None = None
    standing: str | None = None
    mrr: int | None = None
    since: date | None = None
    renews_on: date | None = None
    notice_until: date | None = None
    leaves: bool = False
    requested_on: date | None = None
    ends_on: date | None = None
    past_due_since: date | None = None


def contract(subscriptions: pl.LazyFrame, *, as_of: date, grace_days: int = 30) -> Contract:
    """The contract of the one account whose stretches ``subscriptions`` holds."""
    rows = subscriptions.filter(pl.col("end_kind").ne_missing("mistake")).collect()
    paid = rows.filter(pl.col("kind").is_in(EARNING), pl.col("mrr").fill_null(1) > 0, pl.col("started_on") <= as_of)
    since = paid.filter(pl.col("ended_on").ne_missing(pl.col("started_on")))["started_on"].min()
    known = Contract(since=since if isinstance(since, date) else None)
    now = current_mrr(rows, as_of=as_of, grace_days=grace_days)
    if now.is_empty():
        return known
    row = now.row(0, named=True)
    going = leaving(rows, as_of=as_of).filter(pl.col("whole"))
    last = going.row(0, named=True) if going.height else {}
    renews_on, notice = _renewal(rows, as_of) if not last else (None, None)
    return Contract(
        plan=row["plan"],
        standing=row["standing"],
        mrr=row["mrr"],
        since=known.since,
        renews_on=renews_on,
        notice_until=notice,
        leaves=bool(last),
        requested_on=last.get("requested_on"),
        ends_on=last.get("ends_on"),
        past_due_since=row["past_due_since"],
    )


def _renewal(rows: pl.DataFrame, as_of: date) -> tuple[date | None, date | None]:
    """The next renewal of what nobody has asked to end, and the last day on which notice may be given."""
    ahead = renewing(rows, as_of=as_of).filter(pl.col("renews_on") >= as_of).collect()
    ahead = ahead.sort("renews_on", "notice_days", nulls_last=True)
    if ahead.is_empty():
        return None, None
    row = ahead.row(0, named=True)
    days = row["notice_days"]
    return row["renews_on"], None if days is None else row["renews_on"] - timedelta(days=days)
