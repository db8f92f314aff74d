"""Keeps, per account, the day on which it first used each feature and first got value: what onboarding asks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import polars as pl

from metrics import first_days
from queries.counted import Counted
from queries.rollups import WINDOW, next_month
from queries.store import Month

WITHIN = timedelta(days=180)
"""So long after sign-up a first value is looked for."""
SCHEMA = {"account_id": pl.String, "feature": pl.String, "first_on": pl.Date}


def update(
    counted: Counted,
    months: Iterable[Month],
    features: pl.DataFrame,
    before: pl.DataFrame | None,
    *,
    since: date,
    moved: pl.Series,
) -> pl.DataFrame:
    """``account_id``, ``feature`` and ``first_on``, the first day of use on or after sign-up.

    Rows without a ``feature`` tell the first day of value (``metrics.first_days``), within :data:`WITHIN` of sign-up.
    Accounts without a day of sign-up have none. ``before`` is right for days before ``since``, but for the accounts
    that are ``moved``: they are new, or signed up on another day than was thought. None: look at all history, month
    by month, so that memory stays bounded.
    """
    signed_up = counted.who.signed_up
    found = pl.DataFrame(schema=SCHEMA)
    if before is not None:
        settled = signed_up.filter(~_is_in(moved)).get_column("account_id")
        found = before.filter(_is_in(settled), pl.col("first_on") < since)
    last: Month | None = None
    for month in months:
        over = next_month(month.month)
        is_new = before is None or over > since
        wanted = signed_up.filter(pl.col("signed_up_on") < over, pl.lit(is_new) | _is_in(moved))
        if month.uses and wanted.height:
            found = pl.concat([found, _of_month(counted, last, month, wanted, features, found)])
        last = month
    return found.sort("account_id", "feature")


def _is_in(accounts: pl.Series) -> pl.Expr:
    return pl.col("account_id").is_in(accounts.implode())


def _of_month(
    counted: Counted,
    last: Month | None,
    month: Month,
    wanted: pl.DataFrame,
    features: pl.DataFrame,
    known: pl.DataFrame,
) -> pl.DataFrame:
    """What accounts that are ``wanted`` did for the first time in a month; ``last`` is the month before it."""
    rows = _since_sign_up(counted, month, wanted).collect()
    uses = first_days.first_uses(rows, as_of=date.max).join(known, on=["account_id", "feature"], how="anti")
    young = wanted.filter(pl.col("signed_up_on") + WITHIN >= month.month)
    unknown = young.join(known.filter(pl.col("feature").is_null()), on="account_id", how="anti")
    parts = [rows.lazy().join(unknown.lazy().select("account_id"), on="account_id", how="semi")]
    if last is not None and last.uses:
        from_day = month.month - WINDOW + timedelta(days=1)
        parts.append(_since_sign_up(counted, last, unknown).filter(pl.col("day") >= from_day))
    early = pl.concat(parts).filter(pl.col("day") <= pl.col("signed_up_on") + WITHIN)
    value = first_days.first_value_days(early, features, as_of=date.max).filter(pl.col("first_value_on") >= month.month)
    first_value = value.select("account_id", feature=pl.lit(None, pl.String), first_on="first_value_on")
    return pl.concat([uses.select(*SCHEMA), first_value])


def _since_sign_up(counted: Counted, month: Month, wanted: pl.DataFrame) -> pl.LazyFrame:
    joined = counted.of(month).join(wanted.lazy(), on="account_id")
    return joined.filter(pl.col("day") >= pl.col("signed_up_on"))
