"""What became of campaigns: delivered, answered, left, and what it changed against those held out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
from sqlalchemy import Engine

from metrics.current import current_mrr
from metrics.outreach_effect import CONTACTED, HELD_OUT, outreach_effect
from metrics.stretches import SUBSCRIBED
from queries.frames import Frames
from records import answers, campaigns
from records.database import engine as connect
from settings import Settings

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_BEGUN = ("sending", "sent", "uncertain", "failed")
_STATES = {
    "delivered": ("sent",),
    "waiting": ("queued", "claimed", "sending"),
    "failed": ("failed",),
    "uncertain": ("uncertain",),
    "cancelled": ("cancelled",),
}
COUNTS = ("accounts", "contacted", *_STATES, "left_out", "held_out", "answered", "left")


@dataclass(frozen=True)
class Results:
    """What became of the approved campaigns to customers, as far as the viewer may see their accounts.

    ``campaigns`` has a row per campaign, the newest first: ``campaign_id``, ``title`` (null beyond the newest 500, and
    of those that also go to accounts the viewer may not see),
    ``play``, ``kind``, ``state``, ``approved_at`` (UTC), then counts. ``accounts`` is how many different ones it
    reached or held out; of messages: ``contacted``, those approved to be sent; of them ``delivered`` (a server took
    it; bounces come later), ``waiting``, ``failed``, ``uncertain`` and ``cancelled``; ``left_out`` (by preflight, or
    since), ``held_out`` and ``answered``. ``left`` is how many contacted accounts were subscribed when it was approved
    and are not any more; that need not be because of it: ``effect`` compares.

    ``plays`` has the same counts per play, with ``campaigns``, how many; an account counts once. ``effect`` is the
    frame of ``metrics.outreach_effect``, by play. ``answers`` has a row per answered message, the newest first:
    ``answered_at``, ``play``, ``account_id``, ``account``, ``user_id``, ``question``, ``score``, ``comment``,
    ``sent_at``, ``message_id``.
    """

    campaigns: pl.DataFrame
    plays: pl.DataFrame
    effect: pl.DataFrame
    answers: pl.DataFrame


def results(settings: Settings, frames: Frames) -> Results:
    """The results of all campaigns on the day of the snapshot; digests to our own people are left out."""
    engine, grace = connect(settings), settings.revenue.grace_days
    names = frames.accounts.select("account_id", account=pl.coalesce("name", "account_id")).collect()
    given = answers.current(engine).join(names, on="account_id")
    rows = _messages(engine, frames, names, given)
    subscriptions = frames.subscriptions.filter(pl.col("account_id").is_in(rows["account_id"].implode()))
    marked = rows.join(_left(rows, subscriptions, frames, grace), on=["campaign_id", "account_id"], how="left")
    return Results(
        campaigns=_by_campaign(engine, marked, frames),
        plays=_by_play(marked),
        effect=outreach_effect(_assigned(rows), subscriptions, frames.value_days, as_of=frames.as_of, grace_days=grace),
        answers=given.sort("answered_at", "message_id", descending=True).select(
            "answered_at",
            "play",
            "account_id",
            "account",
            "user_id",
            "question",
            "score",
            "comment",
            "sent_at",
            "message_id",
        ),
    )


def _messages(engine: Engine, frames: Frames, names: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Every message to the viewer's accounts, with the organisation's ``day`` of approval, and ``answered``."""
    answered = given.select("message_id", answered=pl.lit(True))
    return (
        campaigns.history(engine, _EVER)
        .filter(pl.col("kind") != "internal")
        .join(names.select("account_id"), on="account_id", how="semi")
        .join(answered, on="message_id", how="left")
        .with_columns(
            pl.col("answered").fill_null(False),
            day=pl.col("approved_at").dt.convert_time_zone(frames.manifest.time_zone).dt.date(),
        )
    )


def _assigned(rows: pl.DataFrame) -> pl.DataFrame:
    """Who was on which side, of campaigns that began to be sent: nobody was written to by the others."""
    begun = rows.filter(pl.col("state").is_in(_BEGUN))["campaign_id"].unique()
    there = rows.filter(pl.col("campaign_id").is_in(begun.implode()), pl.col("arm").is_in([CONTACTED, HELD_OUT]))
    return there.select("account_id", "play", "arm", at="day")


def _left(rows: pl.DataFrame, subscriptions: pl.LazyFrame, frames: Frames, grace_days: int) -> pl.DataFrame:
    """``campaign_id, account_id, has_left``: contacted accounts subscribed on the day of approval and not any more."""
    contacted = rows.filter(pl.col("arm") == CONTACTED).select("campaign_id", "account_id", "day").unique()
    served = subscriptions.filter(pl.col("kind").is_in(SUBSCRIBED), pl.col("end_kind").ne_missing("mistake"))
    on_the_day = (pl.col("started_on") <= pl.col("day")) & (
        pl.col("ended_on").is_null() | (pl.col("ended_on") > pl.col("day"))
    )
    then = contacted.join(served.select("account_id", "started_on", "ended_on").collect(), on="account_id")
    now = current_mrr(subscriptions, as_of=frames.as_of, grace_days=grace_days).filter(pl.col("standing") != "free")
    return (
        then.filter(on_the_day)
        .join(now, on="account_id", how="anti")
        .select("campaign_id", "account_id", has_left=pl.lit(True))
        .unique()
    )


def _counts() -> list[pl.Expr]:
    contacted, who = pl.col("arm") == CONTACTED, pl.col("account_id")
    left_out = (pl.col("arm") == "left_out") | (pl.col("state") == "left_out")
    return [
        who.filter(pl.col("arm").is_in([CONTACTED, HELD_OUT])).n_unique().alias("accounts"),
        contacted.sum().alias("contacted"),
        *((contacted & pl.col("state").is_in(states)).sum().alias(name) for name, states in _STATES.items()),
        left_out.sum().alias("left_out"),
        (pl.col("arm") == HELD_OUT).sum().alias("held_out"),
        pl.col("answered").sum(),
        who.filter(pl.col("has_left").fill_null(False)).n_unique().alias("left"),
    ]


def _by_campaign(engine: Engine, rows: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    known = campaigns.list_campaigns(engine).select("title", campaign_state="state", campaign_id="id")
    if frames.scope.csm_email is not None:  # what a campaign is called may name any account it goes to
        mine = frames.accounts.select("account_id").collect()
        others = campaigns.accounts(engine).join(mine, on="account_id", how="anti")["campaign_id"]
        title = pl.when(~pl.col("campaign_id").is_in(others.implode())).then("title").alias("title")
        known = known.with_columns(title)
    by = ["campaign_id", "play", "kind", "approved_at"]
    return (
        rows.group_by(by)
        .agg(_counts())
        .join(known, on="campaign_id", how="left")
        .sort("approved_at", "campaign_id", descending=[True, False])
        .select(
            "campaign_id", "title", "play", "kind", "approved_at", pl.col(COUNTS).cast(pl.Int64), state="campaign_state"
        )
        .select("campaign_id", "title", "play", "kind", "state", "approved_at", *COUNTS)
    )


def _by_play(rows: pl.DataFrame) -> pl.DataFrame:
    return (
        rows.group_by("play")
        .agg(*_counts(), campaigns=pl.col("campaign_id").n_unique())
        .sort("play")
        .select("play", pl.col("campaigns", *COUNTS).cast(pl.Int64))
    )
