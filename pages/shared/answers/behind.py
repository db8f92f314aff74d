"""The accounts behind a number of the overview."""

from __future__ import annotations

from datetime import date

import polars as pl

from metrics.revenue import leaving
from pages.shared.answers.accounts import silent_accounts
from pages.shared.answers.overview import account_months
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
