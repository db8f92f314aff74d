"""What each account has and pays on a day: its plan, its money, since when, and whether it is leaving."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from metrics.as_of import as_of_view
from metrics.inputs import Frame, lazy
from metrics.stretches import EARNING, HOLDS

_COLUMNS = {
    "subscription_id": pl.String,
    "line_id": pl.String,
    "account_id": pl.String,
    "plan": pl.String,
    "kind": pl.String,
    "mrr": pl.Int64,
    "started_on": pl.Date,
    "ended_on": pl.Date,
    "cancel_requested_at": pl.Date,
    "past_due_since": pl.Date,
    "end_kind": pl.String,
}
_KEEPING = ("paid", "paused", "parked")


def _stretches(subscriptions: Frame, as_of: date) -> pl.LazyFrame:
    """The stretches begun by ``as_of``, as known then: ``ended_on`` is filled only where service has ended."""
    rows = as_of_view({"subscriptions": lazy(subscriptions, _COLUMNS)}, as_of)["subscriptions"]
    return rows.filter(
        pl.col("end_kind").ne_missing("mistake"), pl.col("ended_on").ne_missing(pl.col("started_on"))
    ).with_columns(
        pl.col("line_id").fill_null(pl.col("subscription_id")),
        # An amount without a rate is still an amount: the account pays, we do not know how much.
        pays=pl.col("kind").is_in(["paid", "usage"]) & (pl.col("mrr").fill_null(1) > 0),
    )


def _decides(stretches: pl.LazyFrame) -> pl.LazyFrame:
    """The stretches whose end is the end of service: what is paid, or on hold.

    Metered lines do not decide: their last reading often ends after the contract. Only where an account never had
    anything else, and nothing serves it today, do they speak for it.
    """
    kind = pl.col("kind")
    keeping = stretches.filter(kind.is_in(_KEEPING), (kind != "paid") | pl.col("pays"))
    otherwise = pl.concat([keeping, stretches.filter(pl.col("ended_on").is_null())]).select("account_id")
    metered = stretches.filter(kind == "usage").join(otherwise, on="account_id", how="anti")
    return pl.concat([keeping, metered])


def _late_renewals(stretches: pl.LazyFrame, as_of: date, grace_days: int) -> pl.LazyFrame:
    """The last stretches of accounts that nothing keeps today, where the gap may still be a late renewal.

    As in ``stretches.gaps``: who asked for the end of one line that kept the account does not renew the others late,
    and neither does who has begun something free since.
    """
    recent = pl.col("ended_on") >= as_of - timedelta(days=grace_days)
    theirs = stretches.join(stretches.filter(recent).select("account_id").unique(), on="account_id", how="semi")
    counted = _decides(theirs)
    gone = counted.filter(recent).join(counted.filter(pl.col("ended_on").is_null()), on="account_id", how="anti")
    free = theirs.filter(pl.col("kind") != "usage", ~pl.col("pays"), ~HOLDS)
    begun = free.group_by("account_id").agg(moved_on=pl.col("started_on").max())
    asked = pl.col("cancel_requested_at").is_not_null() | pl.col("end_kind").eq_missing("requested")
    return (
        gone.filter(pl.col("ended_on") == pl.col("ended_on").max().over("account_id"))
        .join(begun, on="account_id", how="left")
        .filter((pl.col("moved_on") < pl.col("ended_on")).fill_null(True), ~asked.any().over("account_id"))
        .filter(pl.col("kind").is_in(EARNING), pl.col("mrr").fill_null(1) > 0)
        .drop("moved_on")
    )


def _paying_since(stretches: pl.LazyFrame, grace_days: int) -> pl.LazyFrame:
    """Per account the first day of its last unbroken run of earning stretches; short gaps do not break it."""
    # Each account gets days of its own, far from the next one's. So one sort of whole numbers and one running maximum
    # serve all accounts, in a quarter of the time, and an account's first stretch lies far behind everything.
    account = pl.col("account_id").cast(pl.Categorical).to_physical().cast(pl.Int64) * 10_000_000
    return (
        stretches.filter(pl.col("kind").is_in(EARNING), pl.col("mrr").fill_null(1) > 0)
        .select(
            "account_id",
            "started_on",
            first=account + pl.col("started_on").to_physical(),
            last=account + pl.col("ended_on").fill_null(date.max).to_physical(),
        )
        .sort("first")
        .filter((pl.col("first") - pl.col("last").cum_max().shift(1) > grace_days).fill_null(True))
        .group_by("account_id")
        .agg(paying_since=pl.col("started_on").max())
    )


def _sum_known(amount: pl.Expr, where: pl.Expr) -> pl.Expr:
    """The sum of the known amounts; null when there are amounts and none is known; 0 when there are none."""
    known = where & amount.is_not_null()
    total = pl.when(where).then(amount).sum()
    return pl.when(where.any() & ~known.any()).then(None).otherwise(total)


_STANDING = (
    pl.when(pl.col("late").any())
    .then(pl.lit("late_renewal"))
    .when(pl.col("pays").any())
    .then(pl.lit("paying"))
    .when((pl.col("kind") == "parked").any())
    .then(pl.lit("parked"))
    .when((pl.col("kind") == "paused").any())
    .then(pl.lit("paused"))
    .when((pl.col("kind") == "trial").any())
    .then(pl.lit("trial"))
    .otherwise(pl.lit("free"))
)


def _requested(served: pl.LazyFrame) -> pl.LazyFrame:
    """Marks stretches whose end was asked for; a request on a subscription's own line covers its add-ons."""
    asked = pl.col("cancel_requested_at").is_not_null()
    keys = ["account_id", "subscription_id"]
    whole = served.filter(asked, pl.col("line_id") == pl.col("subscription_id")).select(keys).unique()
    marked = served.join(whole.with_columns(whole=True), on=keys, how="left")
    return marked.with_columns(requested=asked | pl.col("whole").fill_null(False)).drop("whole")


def current_mrr(subscriptions: Frame, *, as_of: date, grace_days: int = 30) -> pl.DataFrame:
    """What each account has and pays on ``as_of``, as it was known on that day.

    One row per account with a stretch served on ``as_of`` (or within ``grace_days`` after its last paid day: a
    late renewal, unless the end was asked for, whatever metered use runs beside or after it). Columns:
    ``account_id``; ``plan``, the one with the most MRR; ``mrr``, paid and parked, and ``usage_mrr``, metered, both in
    minor units, null where no rate is known; ``standing`` (``paying``, ``late_renewal``, ``parked``, ``paused``,
    ``trial``, ``free``); ``leaving``, true when a cancellation is requested for everything but metered use and it is
    still served; ``past_due_since``, the oldest payment open; ``paying_since``, the first day of the present run of
    earning stretches, over gaps of at most ``grace_days`` (null when not earning).

    Left out: stretches of no length or ended as a mistake, planned starts and planned ends. One of two
    subscriptions cancelled is a contraction to come, not leaving.

    >>> current_mrr(pl.LazyFrame({
    ...     "account_id": ["a", "a"], "subscription_id": ["s", "t"], "plan": ["Team", "Add-on"],
    ...     "kind": ["paid", "paid"], "mrr": [9900, 1000], "started_on": [date(2026, 1, 1), date(2026, 3, 1)],
    ... }), as_of=date(2026, 3, 31)).select("plan", "mrr", "standing", "paying_since").row(0)
    ('Team', 10900, 'paying', datetime.date(2026, 1, 1))
    """
    stretches = _stretches(subscriptions, as_of).collect().lazy()
    served = _requested(stretches.filter(pl.col("ended_on").is_null())).with_columns(late=False)
    late = _requested(_late_renewals(stretches, as_of, grace_days)).with_columns(late=True)
    kind, mrr = pl.col("kind"), pl.col("mrr")
    earns = kind.is_in(EARNING)
    return (
        pl.concat([served, late])
        .with_columns(worth=pl.when(earns).then(mrr.fill_null(0)).otherwise(-1))
        .sort("worth", "plan", descending=[True, False])
        .group_by("account_id")
        .agg(
            plan=pl.col("plan").first(),
            mrr=_sum_known(mrr, kind.is_in(["paid", "parked"])),
            usage_mrr=_sum_known(mrr, kind == "usage"),
            standing=_STANDING,
            leaving=(pl.col("requested") | (kind == "usage")).all() & pl.col("requested").any(),
            past_due_since=pl.col("past_due_since").dt.date().min(),
        )
        .join(_paying_since(stretches, grace_days), on="account_id", how="left")
        .with_columns(
            paying_since=pl.when(pl.col("standing").is_in(["paying", "late_renewal", "parked"])).then(
                pl.col("paying_since")
            )
        )
        .sort("account_id")
        .collect()
    )


def renewing(subscriptions: Frame, *, as_of: date) -> pl.LazyFrame:
    """The stretches served on ``as_of`` that come up for renewal: nobody has asked for their end.

    The rows and columns of ``subscriptions``. A request on a subscription's own line covers its add-ons, one on an
    add-on only itself, so the next renewal of an account that gives up an add-on is that of what it keeps. Left out:
    metered use. A planned end that nobody asked for (the term of a contract) stays: it is a renewal to come.

    >>> renewing(pl.LazyFrame({
    ...     "account_id": ["a", "a"], "subscription_id": ["s", "t"], "kind": ["paid", "paid"],
    ...     "started_on": [date(2026, 1, 1)] * 2, "renews_on": [date(2027, 1, 1), date(2026, 6, 1)],
    ...     "cancel_requested_at": [None, date(2026, 3, 2)],
    ... }), as_of=date(2026, 3, 31)).select("subscription_id", "renews_on").collect().rows()
    [('s', datetime.date(2027, 1, 1))]
    """
    today, keys = pl.lit(as_of), ["account_id", "subscription_id"]
    served = lazy(subscriptions, _COLUMNS).filter(
        pl.col("started_on") <= today,
        pl.col("ended_on").is_null() | (pl.col("ended_on") > today),
        pl.col("end_kind").ne_missing("mistake") & pl.col("kind").ne_missing("usage"),
    )
    known = (pl.col("cancel_requested_at").dt.date() <= today).fill_null(False)
    undated = pl.col("cancel_requested_at").is_null() & pl.col("end_kind").eq_missing("requested")
    asked = served.filter(known | undated)
    line = pl.coalesce("line_id", "subscription_id")
    whole = asked.filter(line == pl.col("subscription_id")).select(keys)
    alone = asked.select("account_id", line=line)
    return (
        served.with_columns(line=line)
        .join(whole, on=keys, how="anti")
        .join(alone, on=["account_id", "line"], how="anti")
        .select(lazy(subscriptions, {}).collect_schema().names())
    )


def current_plans(subscriptions: Frame, *, as_of: date, grace_days: int = 30) -> pl.DataFrame:
    """Every plan that an account has on ``as_of``, add-ons and late renewals included.

    One row per account and plan: ``account_id``, ``plan``. Rows without a plan are left out.
    """
    stretches = _stretches(subscriptions, as_of).collect().lazy()
    served = stretches.filter(pl.col("ended_on").is_null())
    return (
        pl.concat([served, _late_renewals(stretches, as_of, grace_days)])
        .filter(pl.col("plan").is_not_null())
        .select("account_id", "plan")
        .unique()
        .sort("account_id", "plan")
        .collect()
    )
