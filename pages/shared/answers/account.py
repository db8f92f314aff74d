"""What the account page asks: one account's scorecard, health, people, use and history."""

from __future__ import annotations

from datetime import date

import polars as pl

import settings
from metrics.overrides import with_overrides
from metrics.value import scorecard, value_active_28d
from metrics.value_use import REACHED, with_rules
from pages.shared.answers import accounts
from pages.shared.data import cached, view_of
from pages.shared.written import AS_COMPUTED, Overridden, overrides_of
from queries.frames import Frames
from queries.scope import NOT_SHOWN
from reports.asked import unused_of

HISTORY_MONTHS = 12


@cached
def directory(frames: Frames) -> pl.DataFrame:
    """Every account by name: ``account_id, name``."""
    names = frames.accounts.select("account_id", pl.coalesce("name", "account_id").alias("name"))
    plain = pl.col("name").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "")
    return names.sort(plain, "account_id").collect()


@cached
def about(frames: Frames, account_id: str) -> pl.DataFrame:
    """The account's own row, one row or none."""
    return frames.accounts.filter(pl.col("account_id") == account_id).collect()


@cached
def scorecards(frames: Frames) -> pl.DataFrame:
    """The scorecards of all accounts; an account is read against its peers."""
    return scorecard(frames.mapping(), as_of=frames.as_of, grace_days=settings.get().revenue.grace_days)


@cached
def histories(frames: Frames) -> pl.DataFrame:
    """Health of all accounts at the last month ends and now: ``on`` and the columns of ``health``."""
    past = accounts.health_past(view_of(frames), HISTORY_MONTHS).rename({"month_end": "on"})
    now = accounts.health_now(view_of(frames)).select(pl.lit(frames.as_of).alias("on"), pl.all())
    return pl.concat([past, now], how="diagonal_relaxed")


@cached
def histories_shown(frames: Frames, said: Overridden = AS_COMPUTED) -> pl.DataFrame:
    """``histories`` with the overrides that counted on each day beside it."""
    past, found = histories(view_of(frames)), overrides_of(view_of(frames), said)
    return with_overrides(past, found, as_of=frames.as_of, bands=accounts.all_bands(), day="on")


@cached
def use(frames: Frames, account_id: str) -> pl.DataFrame:
    """Use by month: ``month, people`` (who used anything), ``uses``, ``state``."""
    rows = frames.activity_monthly.filter(pl.col("account_id") == account_id)
    monthly = rows.group_by(month="period").agg(
        people=pl.col("user_id").drop_nulls().n_unique().cast(pl.Int64), uses=pl.col("uses").sum()
    )
    running = pl.col("month") == frames.as_of.replace(day=1)
    state = pl.when(running).then(pl.lit("provisional")).otherwise(pl.lit("final"))
    return monthly.with_columns(state=state).sort("month").collect()


@cached
def people(frames: Frames, account_id: str) -> pl.DataFrame:
    """Its people: ``user_id, name, role, email, uses`` in 28 days, ``value_active, nps, answered_on, left_on``."""
    mine = pl.col("account_id") == account_id
    usage = frames.usage_28d.filter(mine & (pl.col("window_end") == frames.as_of))
    active = value_active_28d(usage, frames.features, window_end=frames.as_of).select("user_id", value_active="active")
    uses = usage.filter(pl.col("user_id").is_not_null()).group_by("user_id").agg(uses=pl.col("uses").sum())
    answered = frames.nps.filter(mine & pl.col("score").is_not_null() & pl.col("user_id").is_not_null())
    scores = (
        answered.sort("responded_at")
        .group_by("user_id")
        .agg(nps=pl.col("score").last(), answered_on=pl.col("responded_at").last().dt.date())
    )
    ours = pl.col("is_internal").fill_null(False)
    return (
        frames.people.filter(mine & ~ours)
        .join(uses, on="user_id", how="left")
        .join(active.lazy(), on="user_id", how="left")
        .join(scores, on="user_id", how="left")
        .select(
            "user_id",
            pl.coalesce("name", "user_id").alias("name"),
            "role",
            "email",
            pl.col("uses").fill_null(0),
            pl.col("value_active").fill_null(False),
            "nps",
            "answered_on",
            left_on=pl.col("left_at").dt.date(),
        )
        .sort("left_on", "uses", "name", descending=[False, True, False], nulls_last=[False, True, True])
        .collect()
    )


@cached
def unused(frames: Frames, account_id: str) -> pl.DataFrame:
    """What the account pays for and gets no value from: ``name, is_key, uses, threshold``."""
    return unused_of(frames, settings.get(), account_id)


@cached
def subscriptions(frames: Frames, account_id: str) -> pl.DataFrame:
    """The account's stretches, newest first."""
    mine = frames.subscriptions.filter(pl.col("account_id") == account_id)
    return mine.sort("started_on", "plan", descending=[True, False]).collect()


@cached
def value_spans(frames: Frames, account_id: str) -> pl.DataFrame:
    """When the account began, or stopped, to get value: ``day, starts``, at month ends and now.

    ``starts`` false: nobody there, and no integration, was value-active any more. What was so before use was first
    recorded is no beginning.
    """
    days = frames.usage_28d.select("window_end").unique().sort("window_end").collect()
    mine = frames.usage_28d.filter(pl.col("account_id") == account_id)
    reached = with_rules(mine, frames.features).group_by("window_end").agg(active=(REACHED & pl.col("is_value")).any())
    known = days.join(reached.collect(), on="window_end", how="left", maintain_order="left")
    turned = known.with_columns(starts=pl.col("active").fill_null(False)).with_columns(
        turned=pl.col("starts") != pl.col("starts").shift(1)
    )
    return turned.filter("turned").select("starts", day="window_end").select("day", "starts")


@cached
def timeline(frames: Frames, account_id: str) -> pl.DataFrame:
    """What happened, newest first: ``day, what, text``; contacts that are planned come before today's."""
    mine = pl.col("account_id") == account_id
    score = pl.format("{} of 10", "score")
    end = pl.coalesce("end_kind", pl.lit("ended"))
    reason = pl.col("reason").str.replace_all("_", " ")
    ended = frames.subscriptions.filter(mine & (pl.col("ended_on") <= frames.as_of))
    asked = frames.subscriptions.filter(mine & pl.col("cancel_requested_at").is_not_null())
    left = frames.people.filter(mine & pl.col("left_at").is_not_null() & ~pl.col("is_internal").fill_null(False))
    parts = [
        _told(frames.tickets.filter(mine), "opened_at", "Ticket", "subject"),
        _told(frames.nps.filter(mine & pl.col("score").is_not_null()), "responded_at", "NPS", score, "comment"),
        _told(frames.touches.filter(mine), "occurred_at", "Contact", "channel", "summary"),
        _told(frames.subscriptions.filter(mine), "started_on", "Plan begins", "plan", "kind"),
        _told(ended, "ended_on", "Plan ends", "plan", end),
        _told(asked, "cancel_requested_at", "Asks to leave", "plan").unique(),
        _told(frames.exit_surveys.filter(mine), "submitted_at", "Exit survey", reason, "comment"),
        _told(left, "left_at", "Person leaves", pl.coalesce("name", "user_id"), "role"),
        _used(use(view_of(frames), account_id), frames.as_of).lazy(),
        _turned(value_spans(view_of(frames), account_id)).lazy(),
    ]
    return pl.concat(parts).filter(pl.col("day").is_not_null()).sort("day", "what", descending=[True, False]).collect()


def _used(monthly: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """A month's use as a line of the timeline, at its end."""
    so_far = pl.when(pl.col("state") == "provisional").then(pl.lit(", so far")).otherwise(pl.lit(""))
    return monthly.select(
        day=pl.min_horizontal(pl.col("month").dt.month_end(), pl.lit(as_of)),
        what=pl.lit("Use"),
        text=pl.format("{} uses by {} people{}", "uses", "people", so_far),
    )


def _turned(spans: pl.DataFrame) -> pl.DataFrame:
    starts = pl.when("starts").then
    return spans.select(
        "day",
        what=starts(pl.lit("Value starts")).otherwise(pl.lit("Value stops")),
        text=starts(pl.lit("Somebody there gets value in the 28 days to this one")).otherwise(
            pl.lit("Nobody there got value in the 28 days to this one")
        ),
    )


def _told(rows: pl.LazyFrame, when: str, what: str, *text: str | pl.Expr) -> pl.LazyFrame:
    """Rows as lines of the timeline."""
    return rows.select(
        day=pl.col(when).cast(pl.Date) if when.endswith("_on") else pl.col(when).dt.date(),
        what=pl.lit(what),
        text=pl.concat_str(*map(_said, text), separator=" · ", ignore_nulls=True).str.slice(0, 2000),
    )


def _said(text: str | pl.Expr) -> pl.Expr:
    """A part of a line; an empty one is none, nor is one that the viewer may not read."""
    part = pl.col(text) if isinstance(text, str) else text
    plain = part.cast(pl.String).str.strip_chars()
    return pl.when(~plain.is_in(["", NOT_SHOWN])).then(plain)
