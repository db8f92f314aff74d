"""The measures that account health is made of, each 0..100 (higher is healthier) or null (not observed)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from metrics.as_of import as_of_view
from metrics.current import current_mrr
from metrics.inputs import Frames, day, source, wall_times
from metrics.relations import champion, contact_days, onboarding_steps, scored_answers, silence, support, voice
from metrics.scorecard import value_counts
from metrics.usage import UsageSummary, lasting_ends, summarise_usage, window_before, window_on
from metrics.value_use import WINDOW

GROUPS: dict[str, tuple[str, ...]] = {
    "value": ("breadth_percentile", "depth_percentile", "reach_percentile"),
    "momentum": ("use_change", "recency"),
    "voice": ("nps",),
    "support": ("open_urgent", "time_to_solve", "csat"),
    "relationship": ("champion", "past_due", "silence"),
    "onboarding": ("steps",),
}
"""The measures of each group, in the order in which they are shown."""

MEASURES: tuple[str, ...] = tuple(name for names in GROUPS.values() for name in names)
"""All measures."""

_SCORED = ("paying", "late_renewal", "parked", "paused")
_USING = ("paying", "late_renewal")
_ACCOUNTS = {"account_id": pl.String, "segment": pl.String, "signed_up_at": pl.Date}
_MANY = 10  # a median over fewer accounts would mostly be the account itself


def use_change(current: pl.DataFrame, usage: UsageSummary, *, window: date, steadying: float = 10.0) -> pl.DataFrame:
    """How use of value features changed, against what is usual on the plan: ``account_id``, ``use_change``.

    The change is (now - before) / (now + before + ``steadying``), so that 3 uses after 6 are no collapse; 50 plus 100
    times the change less the plan's median (with fewer than 10 accounts everybody's; with fewer than 10 in all,
    none is taken off). So a holiday that halves everybody's use leaves everybody at 50.

    Null for accounts that began to pay after the earlier 28 days had begun, that used nothing in either, and
    before two windows were recorded.
    """
    before = window_before(usage.ends, window)
    nothing = pl.DataFrame(schema={"account_id": pl.String, "use_change": pl.Float64})
    if before is None:
        return nothing
    uses = [
        usage.at(end).select("account_id", pl.col("uses").alias(name))
        for name, end in (("now", window), ("then", before))
    ]
    now, then = pl.col("now").fill_null(0), pl.col("then").fill_null(0)
    usual, everybody = pl.col("change").median().over("plan"), pl.col("change").median()
    return (
        current.filter(pl.col("paying_since") <= before - timedelta(days=27))
        .join(uses[0], on="account_id", how="left")
        .join(uses[1], on="account_id", how="left")
        .filter(now + then > 0)
        .with_columns(change=(now - then) / (now + then + steadying))
        .with_columns(
            median=pl.when(pl.len().over("plan") >= _MANY)
            .then(usual)
            .when(pl.len() >= _MANY)
            .then(everybody)
            .otherwise(0.0)
        )
        .select("account_id", use_change=(50 + 100 * (pl.col("change") - pl.col("median"))).clip(0.0, 100.0))
    )


def recency(
    current: pl.DataFrame, usage: UsageSummary, *, window: date, as_of: date, gone_after: int = 90
) -> pl.DataFrame:
    """How long ago somebody was value-active: ``account_id``, ``recency``, 100 now, 0 from ``gone_after`` days.

    Days are counted between 28-day windows (month ends, today, four weeks ago), the same today as in the past, and
    never from before the account began to pay (again), nor from before use was recorded.
    """
    recorded = min(lasting_ends(usage.ends, window), default=window)
    last = usage.until(window).filter("active").group_by("account_id").agg(last=pl.col("window_end").max())
    since_value, since_paying = pl.lit(window) - pl.col("last"), pl.lit(as_of) - pl.col("paying_since")
    since_recorded = pl.lit(window - recorded + timedelta(days=27))
    idle = pl.min_horizontal(since_value, since_paying, since_recorded).dt.total_days()
    return current.join(last, on="account_id", how="left").select(
        "account_id", recency=(100.0 * (1 - idle / gone_after)).clip(0.0, 100.0)
    )


def _momentum(current: pl.DataFrame, usage: UsageSummary, as_of: date) -> list[pl.DataFrame]:
    window = window_on(usage.ends, as_of)
    using = current.filter(pl.col("standing").is_in(_USING))
    if window is None:
        return []
    return [use_change(using, usage, window=window), recency(using, usage, window=window, as_of=as_of)]


def _accounts(view: Frames, as_of: date, onboarding_days: int) -> pl.DataFrame:
    """Per account: ``account_id``, ``segment``, ``signed_up_on``, ``in_onboarding``."""
    return (
        source(view, "accounts", _ACCOUNTS)
        .select("account_id", "segment", signed_up_on=day("signed_up_at"))
        .unique("account_id", keep="first", maintain_order=True)
        .with_columns(in_onboarding=(pl.col("signed_up_on") > as_of - timedelta(days=onboarding_days)).fill_null(False))
        .collect()
    )


@dataclass(frozen=True)
class Prepared:
    """What many days share, worked out once: use in 28-day windows, days of contact and answers, each with its date."""

    usage: UsageSummary
    contacts: pl.DataFrame
    answers: pl.DataFrame


def prepare(frames: Frames, *, days: Sequence[date]) -> Prepared:
    """``Prepared`` for ``measures`` on each of ``days``, from today's frames."""
    usage = summarise_usage(source(frames, "usage_28d", WINDOW), frames.get("features"), days=days)
    return Prepared(usage, contact_days(frames.get("touches")), scored_answers(frames.get("nps")))


_READ: dict[str, tuple[str, ...]] = {
    "accounts": ("account_id", "segment", "signed_up_at"),
    "people": ("account_id", "role", "is_internal", "joined_at", "left_at"),
    "subscriptions": (
        *("account_id", "subscription_id", "line_id", "plan", "kind", "mrr", "started_on", "ended_on"),
        *("cancel_requested_at", "past_due_since", "end_kind"),
    ),
    "features": ("feature", "name", "is_key", "is_value", "min_28_days", "onboarding_step"),
    "milestones": ("account_id", "onboarding_step", "reached_at"),
    "reach": ("account_id", "month", "end_customers"),
    "nps": ("response_id", "account_id", "user_id", "survey", "score", "sent_at", "responded_at"),
    "tickets": ("account_id", "opened_at", "solved_at", "priority", "csat", "csat_at"),
    "touches": ("account_id", "occurred_at"),
    "usage_28d": tuple(WINDOW),
}
# What no day looks at: invitations nobody answered, and people who are no champions. Roles and scores carry no date.
_ROWS = {
    "nps": ("score", pl.col("score").is_not_null()),
    "people": ("role", pl.col("role") == "champion"),
}


def needed(frames: Frames) -> dict[str, pl.LazyFrame]:
    """The columns and rows of ``frames`` that ``measures`` reads on any day, with times as the wall clock showed them.

    For whoever asks for many days: the names, comments and subjects of ten thousand accounts are most of their bytes.
    """
    found = {}
    for name, columns in _READ.items():
        if name not in frames:
            continue
        there = frames[name].lazy().collect_schema()
        rows = wall_times(frames[name].lazy().select(column for column in columns if column in there))
        column, counts = _ROWS.get(name, ("", pl.lit(True)))
        found[name] = rows.filter(counts) if column in there else rows
    return found


def measures(
    frames: Frames,
    *,
    as_of: date,
    dated_only: bool = False,
    prepared: Prepared | None = None,
    grace_days: int = 30,
    onboarding_days: int = 90,
) -> pl.DataFrame:
    """What is known about the health of each account that pays, or is paused or parked, on ``as_of``.

    One row per account: ``account_id``, ``plan``, ``segment`` (today's), ``standing``, ``mrr`` (minor units),
    ``leaving``, ``in_onboarding``, and the measures of ``GROUPS``, each 0..100, higher is healthier, null when not
    observed:

    - value: ``breadth_percentile``, ``depth_percentile``, ``reach_percentile``, as in ``scorecard``;
    - momentum: ``use_change``, ``recency``; like value, null for paused and parked accounts, whom nobody expects
      to use anything;
    - voice: ``nps`` of the last 365 days, shrunk;
    - support: ``open_urgent``, ``time_to_solve``, ``csat`` of accounts with a ticket open or in the last 90 days;
    - relationship: ``champion`` (0 when gone), ``past_due`` (0 while a payment is open, else null: paying on time
      earns nothing), ``silence`` against the account's own rhythm of contacts;
    - onboarding: ``steps`` reached, in the first ``onboarding_days`` after sign-up only.

    The frames are taken back to ``as_of`` here; later rows never count. ``dated_only`` leaves out ``past_due``,
    because a payment made up leaves no trace, and only the past of those who never paid would show it. Pass
    ``prepared`` when asking for many days.
    """
    view = as_of_view({name: wall_times(frame) for name, frame in frames.items()}, as_of)
    known = prepared or prepare(view, days=[as_of])
    current = current_mrr(source(view, "subscriptions", {}), as_of=as_of, grace_days=grace_days)
    accounts = _accounts(view, as_of, onboarding_days)
    rows = value_counts(current, known.usage, view.get("reach"), as_of=as_of).filter(pl.col("standing").is_in(_SCORED))
    owing = pl.col("past_due_since").is_not_null() & (not dated_only)
    parts = (
        accounts,
        *_momentum(current, known.usage, as_of),
        voice(known.answers, as_of=as_of),
        support(view.get("tickets"), as_of=as_of),
        champion(view.get("people")),
        silence(known.contacts, as_of=as_of).select("account_id", "silence"),
        onboarding_steps(
            accounts.filter("in_onboarding"),
            view.get("milestones"),
            known.usage,
            window=window_on(known.usage.ends, as_of),
        ),
    )
    columns = {*rows.columns, *(name for part in parts for name in part.columns), "past_due"}
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in MEASURES if name not in columns]
    beside = rows.lazy()
    for part in parts:
        beside = beside.join(part.lazy(), on="account_id", how="left")
    return (
        beside.with_columns(
            pl.col("in_onboarding").fill_null(False), *absent, past_due=pl.when(owing).then(0.0).otherwise(None)
        )
        .select(
            *("account_id", "plan", "segment", "standing", "mrr", "leaving", "in_onboarding"),
            *(pl.col(name).cast(pl.Float64) for name in MEASURES),
        )
        .sort("account_id")
        .collect()
    )
