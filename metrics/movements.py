"""MRR movements: what every account's month did to recurring revenue, and the sums an executive reads."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

from metrics.account_months import ABSENT, PAUSED, account_months
from metrics.inputs import Frame
from metrics.month_ends import Months
from metrics.placement import placed
from metrics.stretches import bridge, prepare

GAINS = ("new", "expansion", "reactivation", "resumed", "moved_in")
LOSSES = ("contraction", "paused", "churned", "moved_out")

COLUMNS = {
    "month": pl.Date,
    "account_id": pl.String,
    "plan": pl.String,
    "opening": pl.Int64,
    "closing": pl.Int64,
    "movement": pl.String,
    "amount": pl.Int64,
    "fx": pl.Int64,
    "state": pl.String,
    "opening_status": pl.String,
    "closing_status": pl.String,
    "kept": pl.Int64,
    "whole": pl.Int64,
    "usage_opening": pl.Int64,
    "usage_closing": pl.Int64,
    "steady": pl.Int64,
}


def account_movements(
    subscriptions: Frame,
    *,
    since: date,
    until: date,
    as_of: date,
    unit: str = "account_id",
    grace_days: int = 30,
    pause_max_days: int = 90,
    accounts: Frame | None = None,
    plans: Collection[str] | None = None,
    segments: Collection[str] | None = None,
    csms: Collection[str] | None = None,
    fx_rates: Frame | None = None,
) -> pl.DataFrame:
    """What each account's month did to monthly recurring revenue (MRR).

    One row per month and account that had MRR, a pause, metered use or paid days in it. An account that moves in
    two ways at once (a line is parked while another grows) has a second row that carries the second movement only:
    its opening, closing and fx are 0 and its statuses null, so that sums over rows are right.

    Columns: ``month`` (its first day); ``account_id`` (the topmost parent with ``unit="parent_id"``, which needs
    ``accounts``); ``plan`` at opening, or at closing when there was none (the plan that pays most); ``opening``
    and ``closing``, MRR at the close of the month before and of this one (today while it runs); ``movement``;
    ``amount``, never negative; ``fx``, what exchange rates did; ``state`` (``final``, or ``provisional``: the
    running month, and an account whose renewal is late); ``opening_status`` and ``closing_status`` (``paying``,
    ``paused``, ``absent``; ``elsewhere`` when a filter leaves the account out then); ``kept``, the closing at the
    month's opening rate wherever the account is by then, and ``whole``, the same at the closing's rate;
    ``usage_opening`` and ``usage_closing``, metered MRR at its constant rate, an average of three month ends;
    ``steady``, as ``kept``, each currency at the rate of the last close before at which the account paid in it. Money
    is in minor units; no amount is null. Months that have not begun at ``as_of`` have no row.

    Movements: ``new`` (first paid ever), ``expansion``, ``reactivation`` (back after leaving), ``resumed`` (back
    after a pause, or what a paused or parked line pays again), ``contraction``, ``paused`` (to 0 with a pause over
    the closing day, or what a paused or parked line no longer pays), ``churned``, ``moved_in`` and ``moved_out``
    (only with ``plans``); without an amount of their own ``unchanged``, ``in_and_out`` (came and left within the
    month), ``left_after_pause`` (a pause ended in leaving or lasted over ``pause_max_days``; ``amount`` remembers
    the MRR that was lost when it began) and ``elsewhere``.

    Trials, free and zero-priced stretches count 0. Metered use stays out. A gap of at most ``grace_days`` without
    a cancellation is a late renewal, bridged at the old MRR; a move to a free, trial or zero price is no gap.
    Ends and requests after ``as_of`` have not happened. ``plans`` places an account by its plan at opening;
    ``segments`` and ``csms`` are today's. With ``fx_rates`` (currency, month, rate) a closing is valued at its
    month's rate, movements at the rate of the opening, and the rest is ``fx``.

    Unlike ChartMogul, which books each change on its day, a month is one net movement per account: up and down
    again within a month is nothing. Unlike there, a customer who falls to a price of zero has churned, pauses and
    exchange rates have lines of their own, and churn falls on the end of service whatever the billing system says.

    >>> rows = pl.DataFrame({
    ...     "subscription_id": ["s", "s"], "account_id": ["a", "a"], "plan": ["Team", "Team"],
    ...     "kind": ["paid", "paid"], "mrr": [10_000, 15_000],
    ...     "started_on": [date(2026, 1, 1), date(2026, 2, 10)], "ended_on": [date(2026, 2, 10), None],
    ... })
    >>> account_movements(rows, since=date(2026, 1, 1), until=date(2026, 2, 28), as_of=date(2026, 3, 5)).select(
    ...     "opening", "closing", "movement", "amount").rows()
    [(0, 10000, 'new', 10000), (10000, 15000, 'expansion', 5000)]
    """
    months = Months.between(since, until, as_of)
    known = prepare(subscriptions, as_of=as_of, unit=unit, accounts=accounts, segments=segments, csms=csms)
    bridged = bridge(known, as_of=as_of, grace_days=grace_days)
    rows = account_months(bridged, months, fx_rates=fx_rates, pause_max_days=pause_max_days)
    return _spread(placed(_named(rows), plans))


# Not by the amount: in a weak currency a cent can round to nothing, and its account still pays.
_OPENS, _CLOSES = pl.col("pays_o"), pl.col("pays_c")
_WAS, _NOW = pl.col("status_o"), pl.col("status_c")


def _text(value: str) -> pl.Expr:
    return pl.lit(value, pl.String)


def _movement() -> pl.Expr:
    """The name of what happened to an account-month; of a line's and the rest's, that of the rest."""
    paused, resumed = pl.col("line_paused"), pl.col("line_resumed")
    rest = pl.col("kept") - pl.col("opening") + paused - resumed
    first = pl.col("first_paid") > pl.col("begins_after")
    return (
        pl.when(_OPENS & _CLOSES & (rest > 0))
        .then(_text("expansion"))
        .when(_OPENS & _CLOSES & (rest < 0))
        .then(_text("contraction"))
        .when(_OPENS & _CLOSES & (paused > 0))
        .then(_text("paused"))
        .when(_OPENS & _CLOSES & (resumed > 0))
        .then(_text("resumed"))
        .when(_OPENS & ~_CLOSES)
        .then(pl.when("hold_c").then(_text("paused")).otherwise(_text("churned")))
        .when(_CLOSES & ~_OPENS)
        .then(_arrival(first, pl.when("hold_o").then(_text("resumed")).otherwise(_text("reactivation"))))
        .when(~_OPENS & (_WAS == PAUSED) & (_NOW == ABSENT))
        .then(_text("left_after_pause"))
        .when(~_OPENS & (_WAS == ABSENT) & (_NOW == PAUSED))
        .then(_arrival(first, _text("reactivation")))
        .when(~_OPENS & (_WAS == ABSENT) & pl.col("plan_inside").is_not_null())
        .then(_text("in_and_out"))
        .otherwise(_text("unchanged"))
    )


def _arrival(first: pl.Expr, otherwise: pl.Expr) -> pl.Expr:
    return pl.when(first).then(_text("new")).otherwise(otherwise)


def _amount() -> pl.Expr:
    """What the named movement moved, never negative; what lines paused or resumed beside it is not in it."""
    kind, paused, resumed = pl.col("movement"), pl.col("also_paused"), pl.col("also_resumed")
    return (
        pl.when(kind == "left_after_pause")
        .then("lost")
        .otherwise((pl.col("kept") - pl.col("opening") + paused - resumed).abs())
    )


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    """Account-months with their movement and amount, and the second movements beside it, in ``also_...``."""
    nothing = pl.lit(0, pl.Int64)
    kind = pl.col("movement")
    stays = _OPENS & _CLOSES
    rows = rows.with_columns(
        movement=_movement(),
        fx=pl.col("closing") - pl.col("kept"),
        whole="closing",
        state=pl.when(pl.col("running") | pl.col("open_gap")).then(_text("provisional")).otherwise(_text("final")),
        plan=pl.when(_WAS != ABSENT)
        .then("plan_o")
        .when(_NOW != ABSENT)
        .then("plan_c")
        .otherwise(pl.coalesce("plan_inside", "plan_c", "plan_o")),
    )
    used = pl.col("usage_opening") + pl.col("usage_closing") > 0
    return (
        rows.filter(_OPENS | (kind != "unchanged") | (_WAS != ABSENT) | used)
        .with_columns(
            also_paused=pl.when(stays & (kind != "paused")).then("line_paused").otherwise(nothing),
            also_resumed=pl.when(stays & (kind != "resumed")).then("line_resumed").otherwise(nothing),
            # A pause that outlasts the limit within its first month: lost, and left, at once.
            also_left=pl.when((kind == "paused") & (_NOW == ABSENT)).then("opening").otherwise(nothing),
        )
        .with_columns(amount=_amount())
    )


def _spread(rows: pl.DataFrame) -> pl.DataFrame:
    """Account-months as rows of ``COLUMNS``: the second movements, kept beside the first, get rows of their own."""
    first = rows.rename({"unit": "account_id", "status_o": "opening_status", "status_c": "closing_status"})
    blank = [pl.lit(0, pl.Int64).alias(name) for name, kind in COLUMNS.items() if kind is pl.Int64 and name != "amount"]
    no_status = [pl.lit(None, pl.String).alias(name) for name in ("opening_status", "closing_status")]
    more = [
        first.filter(pl.col(column) > 0).with_columns(
            *blank, *no_status, amount=pl.col(column), movement=pl.lit(movement)
        )
        for column, movement in (
            ("also_paused", "paused"),
            ("also_resumed", "resumed"),
            ("also_left", "left_after_pause"),
            ("also_moved_out", "moved_out"),
        )
    ]
    together = (
        first
        if all(part.is_empty() for part in more)
        else pl.concat([first, *more]).sort("k", "u", maintain_order=True)
    )
    return together.select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())


def movements(account_movements: Frame) -> pl.DataFrame:
    """Monthly recurring revenue from opening to closing, with everything that moved it.

    One row per month, from the first to the last with a row, without holes. ``opening + new + expansion +
    reactivation + resumed + moved_in − contraction − paused − churned − moved_out + fx = closing``, to the cent,
    and every closing is the next opening. ``left_after_pause`` is MRR that was lost when a pause began and whose
    customer left this month: it was already in ``paused`` and is in no sum. Money in minor units.

    Accounts: ``accounts_opening`` (paying or paused) + ``accounts_new`` + ``accounts_reactivated`` +
    ``accounts_moved_in`` − ``accounts_churned`` − ``accounts_moved_out`` = ``accounts_closing``.
    ``accounts_churned`` counts those left after a pause too; ``accounts_in_and_out`` came and left within the
    month and are in no other count; ``accounts_reactivated`` came back after having left. ``state`` is
    ``provisional`` while the month runs or any renewal in it is late. No value is null.

    Unlike ChartMogul, pauses, resumptions and exchange rates are lines of their own, and never churn or new.
    """
    rows = account_movements.lazy()
    present = pl.col("opening_status").is_in(["paying", "paused"])
    stays = pl.col("closing_status").is_in(["paying", "paused"])
    was, now, kind = pl.col("opening_status"), pl.col("closing_status"), pl.col("movement")

    def total(movement: str) -> pl.Expr:
        return pl.col("amount").filter(kind == movement).sum().alias(movement)

    def count(test: pl.Expr) -> pl.Expr:
        return test.sum().cast(pl.Int64)

    arrived = (was == ABSENT) & stays
    summed = (
        rows.group_by("month")
        .agg(
            pl.col("opening").sum(),
            *(total(movement) for movement in ("new", "expansion", "reactivation", "resumed")),
            *(total(movement) for movement in ("contraction", "paused", "churned")),
            *(total(movement) for movement in ("moved_in", "moved_out")),
            pl.col("closing", "fx").sum(),
            accounts_opening=count(present),
            accounts_new=count(arrived & (kind == "new")),
            accounts_reactivated=count(arrived & (kind != "new")),
            accounts_moved_in=count((was == "elsewhere") & stays),
            accounts_churned=count(present & (now == ABSENT)),
            accounts_moved_out=count(present & (now == "elsewhere")),
            accounts_closing=count(stays),
            accounts_in_and_out=count(kind == "in_and_out"),
            left_after_pause=pl.col("amount").filter(kind == "left_after_pause").sum(),
            state=pl.when((pl.col("state") == "provisional").any())
            .then(pl.lit("provisional"))
            .otherwise(pl.lit("final")),
        )
        .sort("month")
        .collect()
    )
    if summed.is_empty():
        return summed
    first, last = summed["month"].to_list()[0], summed["month"].to_list()[-1]
    whole = pl.select(month=pl.date_range(first, last, "1mo")).join(
        summed, on="month", how="left", maintain_order="left"
    )
    return whole.with_columns(pl.col("state").fill_null("final"), pl.selectors.integer().fill_null(0))
