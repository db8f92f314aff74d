"""What the accounts page asks: everybody's health and what moved it, beside money, renewal and silence."""

from __future__ import annotations

import polars as pl

import settings
from metrics.as_of import as_of_view
from metrics.current import renewing
from metrics.health import explain_change
from metrics.overrides import BESIDE, with_overrides
from metrics.relations import contact_days, silence
from metrics.value import current_mrr, zombies
from pages.shared.data import cached, view_of
from pages.shared.written import AS_COMPUTED, Overridden, overrides_of
from queries.frames import Frames
from reports.asked import health_history_of, health_of


@cached
def health_now(frames: Frames) -> pl.DataFrame:
    """Health of every account that pays, as of now, with the settings' weights and bands."""
    return health_of(frames, settings.get())


@cached
def health_past(frames: Frames, months: int) -> pl.DataFrame:
    """Health at the last month ends, from what was known then."""
    return health_history_of(frames, settings.get(), months=months)


@cached
def health_shown(frames: Frames, said: Overridden = AS_COMPUTED) -> pl.DataFrame:
    """``health_now`` with the overrides that count beside it."""
    found = overrides_of(view_of(frames), said)
    return with_overrides(health_now(view_of(frames)), found, as_of=frames.as_of, bands=all_bands())


@cached
def past_shown(frames: Frames, months: int, said: Overridden = AS_COMPUTED) -> pl.DataFrame:
    """``health_past`` with the overrides that counted on each day beside it."""
    past, found = health_past(view_of(frames), months), overrides_of(view_of(frames), said)
    return with_overrides(past, found, as_of=frames.as_of, bands=all_bands(), day="month_end")


def all_bands() -> dict[str, float]:
    """Every band and its least score, from the settings."""
    return {str(name): least for name, least in settings.get().health.bands.items()}


@cached
def silent_accounts(frames: Frames) -> pl.DataFrame:
    """Accounts that pay and get nothing from it, with the settings' limits."""
    held = settings.get()
    return zombies(
        frames.value_days,
        frames.subscriptions,
        as_of=frames.as_of,
        silent_days=held.value.silent_days,
        new_account_days=held.value.new_account_days,
        grace_days=held.revenue.grace_days,
    )


def _cause(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Per account the change of its score since the last month end, and the measure that moved it most."""
    points = explain_change(before, now).filter(pl.col("points").is_not_null())
    return points.group_by("account_id").agg(
        change=pl.col("points").sum(),
        cause=pl.col("measure").sort_by(pl.col("points").abs(), "measure", descending=[True, False]).first(),
    )


def _renewals(frames: Frames) -> pl.LazyFrame:
    """The next renewal of each account, and when its cancellation takes effect.

    The renewal is that of what nobody has asked to end; of one that leaves with everything, when it was due.
    """
    today = frames.as_of
    runs = (pl.col("started_on") <= today) & (pl.col("ended_on").is_null() | (pl.col("ended_on") > today))
    served = frames.subscriptions.filter(runs & (pl.col("kind") != "usage"))
    ahead = pl.col("renews_on").filter(pl.col("renews_on") >= today).min()
    kept = renewing(frames.subscriptions, as_of=today).group_by("account_id").agg(kept_on=ahead, keeps=pl.lit(True))
    return (
        served.group_by("account_id")
        .agg(
            due_on=ahead,
            ends_on=pl.col("ended_on").max(),
            requested_on=pl.col("cancel_requested_at").dt.date().max(),
        )
        .join(kept, on="account_id", how="left")
        .with_columns(renews_on=pl.when("keeps").then("kept_on").otherwise("due_on"))
        .drop("due_on", "kept_on", "keeps")
    )


def _last_scores(frames: Frames) -> pl.LazyFrame:
    """The newest NPS answer of each account."""
    answered = frames.nps.filter(pl.col("score").is_not_null() & pl.col("responded_at").is_not_null())
    return answered.sort("responded_at").group_by("account_id").agg(nps=pl.col("score").last())


def _reasons(frames: Frames) -> pl.LazyFrame:
    """What each account last chose on an exit form: ``account_id, reason, answered_on``."""
    answered = frames.exit_surveys.filter(pl.col("submitted_at").is_not_null())
    return (
        answered.sort("submitted_at")
        .group_by("account_id")
        .agg(reason=pl.col("reason").last(), answered_on=pl.col("submitted_at").last().dt.date())
    )


@cached
def book(frames: Frames, said: Overridden = AS_COMPUTED) -> pl.DataFrame:
    """One row per account that pays: health, change and its cause, MRR, renewal, silence, NPS, zombie days.

    ``score`` and ``band`` are always the computed ones; the columns of an override stand beside them where ``said``
    has any, and ``shown_band`` is its band there. ``reason`` is what those who asked to leave chose on the exit form.
    """
    held = settings.get()
    now, before = health_shown(view_of(frames), said), past_shown(view_of(frames), 1, said)
    known = as_of_view(frames.mapping(), frames.as_of)
    quiet = silence(contact_days(known["touches"]), as_of=frames.as_of)
    money = current_mrr(frames.subscriptions, as_of=frames.as_of, grace_days=held.revenue.grace_days)
    return (
        now.lazy()
        .select("account_id", "score", "band", "coverage", "shown_band", *BESIDE)
        .join(_cause(now, before).lazy(), on="account_id", how="left")
        .join(money.lazy().drop("usage_mrr"), on="account_id", how="left")
        .join(
            frames.accounts.select("account_id", "name", "segment", "country", "csm_email", "csm_name"), on="account_id"
        )
        .join(_renewals(frames), on="account_id", how="left")
        .join(
            quiet.lazy().select("account_id", "last_contact_on", "days_silent", "rhythm_days"),
            on="account_id",
            how="left",
        )
        .join(_reasons(frames), on="account_id", how="left")
        .with_columns(
            reason=pl.when(pl.col("answered_on") >= pl.col("requested_on") - pl.duration(days=90)).then("reason")
        )
        .join(_last_scores(frames), on="account_id", how="left")
        .join(
            silent_accounts(view_of(frames)).lazy().select("account_id", idle_days="days_silent"),
            on="account_id",
            how="left",
        )
        .sort("score", "account_id", nulls_last=True)
        .collect()
    )
