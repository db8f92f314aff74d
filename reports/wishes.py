"""What a customer asked for and has since got."""

from __future__ import annotations

import polars as pl

from metrics.roadmap import ASKED_FOR, asked_and_shipped, theme_words
from metrics.theme_vectors import sentence_vectors
from metrics.themes import ThemesError, reason_themes
from queries.frames import Frames
from reports.quarters import Quarter
from reports.themes_file import themes_of
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
    given = {
        "nps": frames.nps.filter(mine).collect(),
        "exit_surveys": frames.exit_surveys.filter(mine).collect(),
        "reviews": frames.source("reviews").filter(mine).collect(),
    }
    ids = [key for rows in given.values() for key in rows["response_id" if "response_id" in rows else "review_id"]]
    tags = frames.comment_themes.filter(pl.col("response_id").is_in(ids), pl.col("evidence").is_not_null()).collect()
    if tags.is_empty():
        return nothing
    try:
        themes = themes_of(settings)
    except (ThemesError, OSError):  # the Data page says what is wrong with the file; a review does without it
        return nothing

    def asked(vectors: pl.DataFrame | None = None) -> pl.DataFrame:
        return asked_and_shipped(
            shipped,
            tags,
            frames.subscriptions.filter(mine),
            **given,
            as_of=frames.as_of,
            theme_ids=theme_words(themes),
            reason_themes=reason_themes(themes),
            vectors=vectors,
            grace_days=settings.revenue.grace_days,
        )

    found = asked()
    if found.is_empty():
        return nothing
    said = [*found["title"].unique().drop_nulls(), *tags["evidence"].unique()]
    told = asked(sentence_vectors(said, known=frames.comment_vectors.collect()))
    return told.filter(pl.col("likeness") >= ASKED_FOR).select("title", day="shipped_on").unique().sort("day", "title")
