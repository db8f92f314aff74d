"""What a customer asked for and has since got."""

from __future__ import annotations

import polars as pl

from metrics.roadmap import ASKED_FOR, asked_and_shipped, theme_words
from metrics.theme_vectors import sentence_vectors
from metrics.themes import load_themes, reason_themes
from queries.frames import Frames
from reports.quarters import Quarter
from settings import Settings

SCHEMA = {"title": pl.String, "day": pl.Date}


def wishes(frames: Frames, settings: Settings, account_id: str, quarter: Quarter) -> pl.DataFrame:
    """What shipped in the quarter and the account had asked for in words: ``title, day``.

    Only where the sentence is near in meaning to the title: a theme alone is wider than a feature, and nobody should
    read in their own review that they asked for what they did not.
    """
    shipped = frames.source("roadmap").filter(pl.col("shipped_on").is_between(quarter.first, quarter.last)).collect()
    nothing = pl.DataFrame(schema=SCHEMA)
    if shipped.is_empty():
        return nothing
    mine = pl.col("account_id") == account_id
    themes = load_themes(settings.config / "themes.toml")
    given = {
        "nps": frames.nps.filter(mine),
        "exit_surveys": frames.exit_surveys.filter(mine),
        "reviews": frames.source("reviews").filter(mine),
    }

    def asked(vectors: pl.DataFrame | None = None) -> pl.DataFrame:
        return asked_and_shipped(
            shipped,
            frames.comment_themes,
            frames.subscriptions.filter(mine),
            **given,
            as_of=frames.as_of,
            theme_ids=theme_words(themes),
            reason_themes=reason_themes(themes),
            vectors=vectors,
            grace_days=settings.revenue.grace_days,
        )

    found = asked().filter(pl.col("account_id") == account_id, pl.col("evidence").is_not_null())
    if found.is_empty():
        return nothing
    told = asked(_vectors(frames, found))
    sure = told.filter(pl.col("account_id") == account_id, pl.col("likeness") >= ASKED_FOR)
    return sure.select("title", day="shipped_on").unique().sort("day", "title")


def _vectors(frames: Frames, found: pl.DataFrame) -> pl.DataFrame:
    """The vectors of the comments' sentences that the snapshot holds, and of the titles, encoded where it does not."""
    known = frames.comment_vectors.collect()
    titles = sentence_vectors(found["title"].unique().drop_nulls().to_list(), known=known)
    return pl.concat([known, titles.cast(known.schema)]).unique("key")
