"""What the churn reasons page asks: who left, what they said and did, what it cost, and what has shipped since."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl

import settings
from metrics import churn_reasons as metric
from metrics.reviews import reviews_by_theme, themed_reviews
from metrics.roadmap import asked_and_shipped, theme_words, unknown_themes
from metrics.stated import stated_vs_behaviour
from metrics.themes import reason_themes
from pages.shared import words, written
from pages.shared.answers import comments
from pages.shared.answers.accounts import health_now
from pages.shared.answers.comments import names, themes
from pages.shared.answers.overview import account_months
from pages.shared.data import cached, view_of
from pages.shared.filters import Who, narrow
from pages.shared.written import Written
from queries.frames import Frames

__all__ = [
    "Asked", "behaviour", "codes", "judged", "leavers", "names", "posted", "reviews", "shipped", "themes", "unknown",
]  # fmt: skip

SOURCE = "exit_surveys"


class Asked(NamedTuple):
    """Who left: of which accounts, since when, and with how new corrections and marks."""

    who: Who
    since: date
    version: Written = Written()


def judged(regrettable: bool) -> tuple[str, ...]:
    """Ids of the themes whose churn is regrettable by default, or of those whose churn is natural."""
    return tuple(theme.id for theme in themes().all if theme.regrettable is regrettable)


@cached
def leavers(frames: Frames, asked: Asked) -> pl.DataFrame:
    """One row per account that left since a day: what it said, what it paid, and what people call it.

    To the columns of ``metrics.leavers`` come ``name`` and ``language`` of the account; the dearest first.
    """
    held, view = settings.get(), view_of(frames)
    rows = metric.leavers(
        account_months(view, asked.who),
        frames.subscriptions,
        frames.exit_surveys,
        comments.tags_of(view, SOURCE, asked.version.corrections),
        frames.accounts,
        since=asked.since,
        until=frames.as_of,
        as_of=frames.as_of,
        reason_themes=reason_themes(themes()),
        marks=written.marked(view, asked.version.marks),
        regrettable=judged(True),
        natural=judged(False),
        grace_days=held.revenue.grace_days,
        pause_max_days=held.revenue.pause_max_days,
    )
    known = frames.accounts.select("account_id", "language", name=pl.coalesce("name", "account_id")).collect()
    order = ["lost_mrr", "account_id", "month"]
    return rows.join(known, on="account_id", how="left").sort(order, descending=[True, False, False])


@cached
def behaviour(frames: Frames, asked: Asked) -> pl.DataFrame:
    """Each leaver's reason beside its last 90 days, with the account's name, plan and comment; the dearest first."""
    gone = leavers(view_of(frames), asked)
    rows = stated_vs_behaviour(gone, frames.mapping(), names=names())
    known = gone.select("account_id", "month", "name", "plan", "segment", "comment", "response_id")
    order = ["lost_mrr", "account_id", "month"]
    return rows.join(known, on=["account_id", "month"], how="left").sort(order, descending=[True, False, False])


@cached
def shipped(frames: Frames, who: Who, version: int) -> pl.DataFrame:
    """Accounts that asked for what has shipped since, with how they stand today; the dearest first."""
    view = view_of(frames)
    found = asked_and_shipped(
        frames.source("roadmap"),
        comments.tagged(view, version),
        frames.subscriptions,
        nps=frames.nps,
        exit_surveys=frames.exit_surveys,
        reviews=frames.source("reviews"),
        bands=health_now(view),
        as_of=frames.as_of,
        theme_ids=theme_words(themes()),
        reason_themes=reason_themes(themes()),
        vectors=frames.comment_vectors,
        grace_days=settings.get().revenue.grace_days,
    )
    mine = narrow(frames, who)["accounts"].select(
        "account_id", "segment", "csm_name", name=pl.coalesce("name", "account_id")
    )
    rows = found.join(mine.collect(), on="account_id")
    return rows.sort("mrr", "account_id", "shipped_on", descending=[True, False, True], nulls_last=True)


@cached
def unknown(frames: Frames) -> pl.DataFrame:
    """Items of the roadmap whose theme is none of ours."""
    return unknown_themes(frames.source("roadmap"), theme_words(themes()))


@cached
def reviews(frames: Frames, since: date, version: int) -> pl.DataFrame:
    """What public reviews since a day are about."""
    tags = comments.tags_of(view_of(frames), "reviews", version)
    return reviews_by_theme(frames.source("reviews"), tags, since=since, as_of=frames.as_of)


@cached
def posted(frames: Frames, since: date, version: int) -> pl.DataFrame:
    """The public reviews since a day, the newest first, with the account's name where it is known."""
    tags = comments.tags_of(view_of(frames), "reviews", version)
    rows = themed_reviews(frames.source("reviews"), tags, since=since, as_of=frames.as_of)
    known = frames.accounts.select("account_id", "name").collect()
    return rows.with_columns(pl.col("text").str.slice(0, words.LONGEST_COMMENT + 1)).join(
        known, on="account_id", how="left", maintain_order="left"
    )


@cached
def codes(frames: Frames) -> pl.DataFrame:
    """The codes that people may choose on leaving: ``reason``, ``theme`` it stands for (null: none), ``answers``."""
    said = frames.exit_surveys.group_by("reason").agg(answers=pl.len().cast(pl.Int64)).drop_nulls("reason").collect()
    known = reason_themes(themes())
    kind = {"reason": pl.String, "theme": pl.String}
    table = pl.DataFrame({"reason": list(known), "theme": list(known.values())}, schema=kind)
    both = said.join(table, on="reason", how="full", coalesce=True).with_columns(pl.col("answers").fill_null(0))
    return both.sort(pl.col("theme").is_not_null(), -pl.col("answers"), "reason")
