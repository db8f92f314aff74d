"""What is known of accounts for their messages: the contract, and what they got out of the product. Facts only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from metrics.current import current_mrr, renewing
from metrics.inputs import month_end
from metrics.renewals import leaving
from metrics.stretches import EARNING
from metrics.value import unused_entitlements, value_active_28d
from metrics.value_summary import value_summary
from queries.frames import Frames
from reports.review_use import with_names

MOST_FEATURES = 5
"""So many features of an account are told of."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """The days that use is counted over: at most a year, ending today (``running``) or with the last day served."""

    since: date
    until: date
    a_year: bool
    running: bool


@dataclass(frozen=True)
class Facts:
    """What is known of an account; None and nothing where it is not.

    ``plan`` is what it pays for, or paid for last; ``since`` the day it first paid, else signed up; ``months`` whole
    months from then to ``span``'s end; ``ends_on`` the last day served, of an account that has gone or asked to leave
    with everything; ``renews_on`` and ``notice_by``, the last day to give notice while it lies ahead; ``renewal``, what
    is due then as minor units, currency and months paid for, where contracts say so without doubt; ``used``, value
    features by name with uses in ``span``, most used first; ``reach``, end customers in the last full month, and that
    month; ``people_active``, people value-active in the 28 days to today; ``unused``, features paid for and not touched
    in them.
    """

    plan: str | None = None
    since: date | None = None
    months: int | None = None
    ends_on: date | None = None
    renews_on: date | None = None
    notice_by: date | None = None
    renewal: tuple[int, str, int] | None = None
    span: Span | None = None
    used: tuple[tuple[str, int], ...] = ()
    reach: tuple[int, date] | None = None
    people_active: int | None = None
    unused: tuple[str, ...] = ()


def facts(
    frames: Frames, account_ids: Collection[str], *, grace_days: int = 30, use: bool = True, unused: bool = True
) -> dict[str, Facts]:
    """The facts of accounts by their ids; ``use`` and ``unused`` say whether what takes longer is wanted too."""
    ids = pl.DataFrame({"account_id": sorted(set(account_ids))}, schema={"account_id": pl.String})
    as_of, subscriptions = frames.as_of, _of(frames.subscriptions, ids).collect()
    now = _by_account(current_mrr(subscriptions, as_of=as_of, grace_days=grace_days))
    paid = _by_account(_paid(subscriptions, as_of))
    going = _by_account(leaving(subscriptions, as_of=as_of).filter("whole"))
    due = _by_account(_renewals(subscriptions, as_of))
    signed_up = _of(frames.accounts, ids).select("account_id", pl.col("signed_up_at").dt.date()).collect()
    joined = dict(signed_up.iter_rows())
    began = min((month.month for month in frames.manifest.months), default=None)
    contracts = {
        account: _contract(
            as_of, began, now.get(account), paid.get(account, {}), going.get(account), joined.get(account)
        )
        for account in ids["account_id"]
    }
    used = _used(frames, {account: span for account, (_, span) in contracts.items() if span}) if use else {}
    reach = _reach(frames, ids) if use else {}
    active = _active(frames, ids) if use else {}
    idle = _unused(frames, ids, subscriptions, grace_days) if unused else {}
    return {
        account: Facts(
            **bought,
            **(_renewal(due.get(account)) if account in now and account not in going else {}),
            span=span,
            used=used.get(account, ()),
            reach=_last_month(reach.get(account, {}), span, as_of),
            people_active=active.get(account),
            unused=idle.get(account, ()),
        )
        for account, (bought, span) in contracts.items()
    }


def _of(frame: pl.LazyFrame, ids: pl.DataFrame) -> pl.LazyFrame:
    return frame.filter(pl.col("account_id").is_in(ids["account_id"].implode()))


def _by_account(rows: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["account_id"]: row for row in rows.iter_rows(named=True)}


def _paid(subscriptions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """``account_id``; ``since``, the first day paid for; ``until``, the last, and the ``plan`` then."""
    earning = pl.col("kind").is_in(EARNING) & (pl.col("mrr").fill_null(1) > 0)
    served = subscriptions.filter(
        earning,
        pl.col("started_on") <= as_of,
        pl.col("end_kind").ne_missing("mistake"),
        pl.col("ended_on").ne_missing(pl.col("started_on")),
    )
    return (
        served.sort(pl.col("ended_on").fill_null(date.max), pl.col("mrr").fill_null(0), "plan")
        .group_by("account_id", maintain_order=True)
        .agg(
            since=pl.col("started_on").min(), until=pl.col("ended_on").max() - pl.duration(days=1), plan=pl.last("plan")
        )
    )


def _contract(
    as_of: date,
    began: date | None,
    now: Mapping[str, Any] | None,
    paid: Mapping[str, Any],
    going: Mapping[str, Any] | None,
    signed_up: date | None,
) -> tuple[dict[str, Any], Span | None]:
    """Plan, since, months and end of one account, and the span that its use is counted over."""
    since = paid.get("since") or signed_up
    last = as_of if now else paid.get("until")
    end = going["ends_on"] - _DAY if going and going["ends_on"] else (None if now else paid.get("until"))
    bought = {
        "plan": now["plan"] if now else paid.get("plan"),
        "since": since,
        "months": _months(since, last if now else last + _DAY) if since and last else None,
        "ends_on": end,
    }
    if last is None or began is None:
        return bought, None
    year = _year_before(last) + _DAY
    first = max(year, since or year, began)
    return bought, Span(first, last, first == year, last == as_of) if first <= last else None


def _months(since: date, until: date) -> int:
    """Whole months between two days; the last day of a month ends one that began on a day it does not have."""
    months = 12 * (until.year - since.year) + until.month - since.month
    over = until.day >= since.day or until == month_end(until)
    return max(0, months if over else months - 1)


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)


def _renewals(subscriptions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The next renewal of every account: ``renews_on``, ``notice_by``, and what is due where that is beyond doubt."""
    keys = ["account_id", "renews_on"]
    ahead = renewing(subscriptions, as_of=as_of).filter(pl.col("renews_on") >= as_of).collect()
    first = ahead.filter(pl.col("renews_on") == pl.col("renews_on").min().over("account_id"))
    planned = subscriptions.filter(pl.col("started_on") > as_of).select("account_id", planned="started_on")
    changes = first.join(planned, on="account_id").filter(pl.col("planned") <= pl.col("renews_on"))["account_id"]
    goes_on = pl.col("ended_on").is_null() | (pl.col("ended_on") > pl.col("renews_on"))
    alike = [pl.col(name).n_unique() == 1 for name in ("currency", "billing_months")]
    known = [pl.col(name).is_not_null().all() for name in ("currency", "billing_months", "mrr_local")]
    return (
        first.group_by(keys)
        .agg(
            notice_by=(pl.col("renews_on") - pl.duration(days="notice_days")).min(),
            amount=(pl.col("mrr_local") * pl.col("billing_months")).sum(),
            currency=pl.col("currency").first(),
            months=pl.col("billing_months").first(),
            sure=pl.all_horizontal(*alike, *known, goes_on.all(), (pl.col("kind") == "paid").all()),
        )
        .with_columns(
            sure=pl.col("sure") & ~pl.col("account_id").is_in(changes.implode()) & (pl.col("amount") > 0),
            notice_by=pl.when(pl.col("notice_by") >= as_of).then("notice_by"),
        )
    )


def _renewal(due: Mapping[str, Any] | None) -> dict[str, Any]:
    if due is None:
        return {}
    amount = (due["amount"], due["currency"], due["months"]) if due["sure"] else None
    return {"renews_on": due["renews_on"], "notice_by": due["notice_by"], "renewal": amount}


def _used(frames: Frames, spans: Mapping[str, Span]) -> dict[str, tuple[tuple[str, int], ...]]:
    if not spans:
        return {}
    days = pl.DataFrame([(account, span.since, span.until) for account, span in spans.items()], orient="row",
                        schema={"account_id": pl.String, "since": pl.Date, "until": pl.Date})  # fmt: skip
    daily = frames.activity(account_id=list(spans), since=min(span.since for span in spans.values()))
    named = with_names(value_summary(daily, frames.features, days).lazy(), frames.features)
    rows = named.sort("account_id", "uses", "name", descending=[False, True, False]).collect()
    most = rows.group_by("account_id", maintain_order=True).head(MOST_FEATURES)
    return {
        account: tuple(zip(theirs["name"], theirs["uses"], strict=True))
        for (account,), theirs in most.partition_by("account_id", as_dict=True).items()
    }


def _reach(frames: Frames, ids: pl.DataFrame) -> dict[str, dict[date, int]]:
    found: dict[str, dict[date, int]] = {}
    for account, month, count in (
        _of(frames.source("reach"), ids).select("account_id", "month", "end_customers").collect().iter_rows()
    ):
        found.setdefault(account, {})[month] = count
    return found


def _last_month(months: Mapping[date, int], span: Span | None, as_of: date) -> tuple[int, date] | None:
    """The last full month of the span, where it is known that anybody was served in it."""
    if span is None:
        return None
    after = (span.until + _DAY).replace(day=1) if not span.running else as_of.replace(day=1)
    month = (after - _DAY).replace(day=1)
    count = months.get(month)
    return (count, month) if count and month >= span.since.replace(day=1) else None


def _active(frames: Frames, ids: pl.DataFrame) -> dict[str, int]:
    rows = value_active_28d(_of(frames.usage_28d, ids), frames.features, window_end=frames.as_of)
    people = rows.filter("active", pl.col("user_id").is_not_null()).group_by("account_id").len()
    return dict(people.iter_rows())


def _unused(
    frames: Frames, ids: pl.DataFrame, subscriptions: pl.DataFrame, grace_days: int
) -> dict[str, tuple[str, ...]]:
    rows = unused_entitlements(
        frames.usage_28d, frames.features, frames.entitlements, subscriptions, as_of=frames.as_of, grace_days=grace_days
    )
    untouched = rows.filter(pl.col("uses") == 0).drop("name").lazy()
    named = with_names(untouched, frames.features).sort("account_id", ~pl.col("is_key"), "name").collect()
    return {
        account: tuple(theirs["name"]) for (account,), theirs in named.partition_by("account_id", as_dict=True).items()
    }
