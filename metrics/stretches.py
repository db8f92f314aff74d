"""Stretches of subscriptions, made ready for revenue metrics.

A *stretch* is one line of one subscription at one price, served from its first day up to, but not on, the day it
ended. The functions here know what was known on the organisation's today: a row that starts later is not there yet,
an end that lies ahead has not happened, and a request made later has not been made.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

from metrics.inputs import Frame, lazy

NEVER = date(9999, 12, 31)
"""Stands for "not ended": later than any day we look at."""

_UNIT_STEP = 1 << 22  # more days than there are up to NEVER

COLUMNS: dict[str, type[pl.DataType]] = {
    "subscription_id": pl.String,
    "line_id": pl.String,
    "account_id": pl.String,
    "plan": pl.String,
    "kind": pl.String,
    "mrr": pl.Int64,
    "mrr_local": pl.Int64,
    "currency": pl.String,
    "started_on": pl.Date,
    "ended_on": pl.Date,
    "renews_on": pl.Date,
    "cancel_requested_at": pl.Date,
    "past_due_since": pl.Date,
    "end_kind": pl.String,
}

EARNING = ("paid", "usage", "parked")
"""Kinds of stretches that may bring money."""
SUBSCRIBED = (*EARNING, "paused")
"""Kinds of stretches of customers, whether or not they pay just now."""
PAYS = pl.col("value") > 0
HOLDS = pl.col("kind").is_in(["paused", "parked"])
COUNTS = PAYS | HOLDS
"""A stretch that keeps the account: it pays, or it is a pause."""


def parents(accounts: Frame) -> pl.DataFrame:
    """The topmost parent of every account: ``account_id, unit``; an account without one is its own.

    Owners of owners are followed up to 16 levels, which also ends a circle of parents.
    """
    tree = accounts.lazy().select("account_id", "parent_id").unique("account_id").collect()
    above = tree.drop_nulls("parent_id").filter(pl.col("account_id") != pl.col("parent_id"))
    found = tree.select("account_id", unit=pl.coalesce("parent_id", "account_id"))
    for _ in range(16):
        step = found.join(above, left_on="unit", right_on="account_id", how="left")
        if step["parent_id"].null_count() == step.height:
            break
        found = step.select("account_id", unit=pl.coalesce("parent_id", "unit"))
    return found


def _with_unit(rows: pl.LazyFrame, unit: str, accounts: Frame | None) -> pl.LazyFrame:
    """``rows`` with the column ``unit``: whom the numbers are about."""
    if unit == "account_id":
        return rows.with_columns(unit=pl.col("account_id"))
    if unit != "parent_id":
        raise ValueError(f'unit is "{unit}".\n\nHint: write "account_id" or "parent_id".')
    if accounts is None:
        raise ValueError('unit="parent_id" needs to know who owns whom.\n\nHint: pass accounts=.')
    owners = parents(accounts).lazy()
    return rows.join(owners, on="account_id", how="left").with_columns(pl.coalesce("unit", "account_id"))


def _chosen(accounts: Frame | None, wanted: dict[str, Collection[str] | None]) -> pl.LazyFrame | None:
    """The accounts of the chosen segments and managers as ``unit``; None when nothing is chosen."""
    tests = [pl.col(column).is_in(list(values)) for column, values in wanted.items() if values is not None]
    if not tests:
        return None
    if accounts is None:
        raise ValueError("A choice of segments or managers needs the accounts.\n\nHint: pass accounts=.")
    return accounts.lazy().filter(*tests).select(unit="account_id").unique()


def prepare(
    subscriptions: Frame,
    *,
    as_of: date,
    unit: str = "account_id",
    accounts: Frame | None = None,
    segments: Collection[str] | None = None,
    csms: Collection[str] | None = None,
) -> pl.DataFrame:
    """Stretches as known on ``as_of``, each with the unit it belongs to and what it counts for.

    Adds ``unit`` and its number ``u`` (in the order of units), ``start``, ``end`` (NEVER while it runs), ``value``
    (MRR that counts: trial, free and paused are 0, a null is 0), ``requested`` (the customer asked to leave) and
    ``failed`` (a payment is open). Left out: rows that start later, that were never served (ended on their first
    day), and those that ended as a mistake.
    """
    typed = [pl.col(name).dt.date() if kind is pl.Date else pl.col(name).cast(kind) for name, kind in COLUMNS.items()]
    rows = lazy(subscriptions, COLUMNS).with_columns(typed)
    rows = rows.filter(pl.col("started_on") <= as_of).with_columns(
        start=pl.col("started_on"),
        end=pl.when(pl.col("ended_on") <= as_of).then("ended_on").otherwise(NEVER),
        line_id=pl.coalesce("line_id", "subscription_id"),
        plan=pl.col("plan").fill_null(""),
        mrr=pl.col("mrr").fill_null(0),
    )
    over = pl.col("end") < NEVER
    asked = pl.col("cancel_requested_at") <= as_of
    rows = rows.filter(
        pl.col("start") < pl.col("end"), ~(over & (pl.col("end_kind") == "mistake")).fill_null(False)
    ).with_columns(
        value=pl.when(pl.col("kind").is_in(["paid", "parked"])).then("mrr").otherwise(0),
        requested=(asked | (over & (pl.col("end_kind") == "requested"))).fill_null(False),
        failed=((pl.col("past_due_since") <= as_of) | (over & (pl.col("end_kind") == "payment_failed"))).fill_null(
            False
        ),
    )
    rows = _with_unit(rows, unit, accounts)
    chosen = _chosen(accounts, {"segment": segments, "csm_email": csms})
    if chosen is not None:
        rows = rows.join(chosen, on="unit", how="semi")
    known = rows.select("unit", *COLUMNS, "start", "end", "value", "requested", "failed").collect()
    return known.join(known.select("unit").unique().sort("unit").with_row_index("u"), on="unit")


def spans(stretches: pl.DataFrame) -> pl.DataFrame:
    """``u, start, end``: overlapping or touching stretches of a unit joined into one, in order.

    >>> rows = pl.DataFrame({"u": [0, 0, 0], "start": [date(2026, 1, 1), date(2026, 1, 5), date(2026, 3, 1)],
    ...                      "end": [date(2026, 1, 5), date(2026, 2, 1), date(2026, 4, 1)]})
    >>> spans(rows).select("start", "end").rows()
    [(datetime.date(2026, 1, 1), datetime.date(2026, 2, 1)), (datetime.date(2026, 3, 1), datetime.date(2026, 4, 1))]
    """
    # Unit and day in one number: every later unit lies above all days of those before it, so that a plain running
    # maximum serves where a window over units would be ten times slower.
    base = pl.col("u").cast(pl.Int64) * _UNIT_STEP
    reached = (base + pl.col("end").cast(pl.Int32)).cum_max()
    begins = (reached.shift(1) < base + pl.col("start").cast(pl.Int32)).fill_null(True)
    rows = (
        stretches.select("u", "start", "end")
        .sort("u", "start")
        .with_columns(begins=begins, end=(reached - base).cast(pl.Int32).cast(pl.Date))
    )
    ends = rows.filter(pl.col("begins").shift(-1, fill_value=True))["end"]
    return rows.filter("begins").select("u", "start").with_columns(end=ends)


def gaps(stretches: pl.DataFrame, *, as_of: date, grace_days: int) -> pl.DataFrame:
    """Late renewals: days on which a unit neither pays nor pauses, short enough to be no churn.

    One row per bridged gap: ``u, end`` (first day without service), ``until`` (the day service came back; NEVER
    while the gap is open). A gap is bridged when it lasts at most ``grace_days``, nobody asked to leave, and no free,
    trial or zero-priced stretch began in it (the customer then moved on rather than renewing late).
    """
    counted = stretches.filter(COUNTS)
    back = pl.when(pl.col("u").shift(-1) == pl.col("u")).then(pl.col("start").shift(-1))
    ended = (
        spans(counted)
        .with_columns(until=back)
        .filter(pl.col("end") < NEVER)
        .filter((pl.coalesce("until", pl.lit(as_of)) - pl.col("end")).dt.total_days() <= grace_days)
    )
    asked = counted.filter("requested").select("u", "end").unique()
    moved_on = stretches.filter(~COUNTS & (pl.col("kind") != "usage")).select("u", "start", moved="start")
    return (
        ended.join(asked, on=["u", "end"], how="anti")
        .sort("end")
        .join_asof(
            moved_on.sort("start"),
            left_on="end",
            right_on="start",
            by="u",
            strategy="forward",
            check_sortedness=False,
        )
        .with_columns(pl.col("until").fill_null(NEVER))
        .filter(pl.col("moved").is_null() | (pl.col("moved") >= pl.col("until")))
        .select("u", "end", "until")
    )


def bridge(stretches: pl.DataFrame, *, as_of: date, grace_days: int) -> pl.DataFrame:
    """Stretches with late renewals bridged: those that ran up to a bridged gap run on through it at their old MRR.

    Adds ``service_end`` (the end before bridging) and ``open_gap`` (bridged, and not renewed yet). Trials and free
    stretches have done their part and are left out.
    """
    late = gaps(stretches, as_of=as_of, grace_days=grace_days)
    return (
        stretches.filter(COUNTS | pl.col("kind").is_in(["paid", "usage"]))
        .join(late, on=["u", "end"], how="left")
        .with_columns(until=pl.when(COUNTS).then("until"))
        .with_columns(
            service_end=pl.col("end"),
            end=pl.coalesce("until", "end"),
            open_gap=(pl.col("until") == NEVER).fill_null(False),
        )
        .drop("until")
    )
