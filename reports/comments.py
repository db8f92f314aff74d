"""Comments of every source together, and their themes as people corrected them: for pages and reports alike."""

from __future__ import annotations

import polars as pl

from metrics import theme_learning
from metrics.themes import UNCLEAR, correct
from queries.frames import Frames
from reports.themes_file import themes_of
from settings import Settings

SOURCES = {
    "nps": ("response_id", "comment", "responded_at"),
    "exit_surveys": ("response_id", "comment", "submitted_at"),
    "reviews": ("review_id", "text", "posted_at"),
}
"""Where comments come from: their id, their words, and when they were written."""
KEY = pl.concat_str("source", pl.lit("/"), "response_id").alias("response_id")
"""Ids of different sources may be the same; no source has a slash in its name."""
_SAID = {"response_id": pl.String, "text": pl.String, "language": pl.String}


def texts(frames: Frames) -> pl.LazyFrame:
    """Every comment that has words: ``source, response_id, account_id, text, on, language`` (of the account)."""
    parts = [
        frames.source(name).select(
            "account_id", source=pl.lit(name), response_id=identifier, text=text, on=pl.col(when).dt.date()
        )
        for name, (identifier, text, when) in SOURCES.items()
    ]
    spoken = frames.accounts.select("account_id", "language")
    said = pl.concat(parts).filter(pl.col("text").str.strip_chars() != "")
    return said.join(spoken, on="account_id", how="left")


def keyed(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows with ``source`` and ``response_id`` as one id."""
    return frame.with_columns(KEY).drop("source")


def _unkeyed(frame: pl.DataFrame) -> pl.DataFrame:
    parts = pl.col("response_id").str.splitn("/", 2).struct
    return frame.with_columns(source=parts.field("field_0"), response_id=parts.field("field_1"))


def corrected_themes(frames: Frames, settings: Settings, corrections: pl.DataFrame) -> pl.DataFrame:
    """The themes of every comment as people corrected them, with the columns of ``Frames.comment_themes``.

    ``corrections`` are those that count: ``records.corrections.current``. Only comments that were corrected or left
    unclear can be any different from what the refresh found, so only these are looked at again.
    """
    found = frames.comment_themes.collect()
    if corrections.is_empty() or found.is_empty():
        return found
    before, given = keyed(found), keyed(corrections)
    corrected = before.join(given, on="response_id", how="semi")
    if corrected["response_id"].n_unique() < theme_learning.LEAST or frames.manifest.comments.error:
        again, comments, vectors = corrected, pl.DataFrame(schema=_SAID), None
    else:
        unclear = before.filter(pl.col("theme") == UNCLEAR)
        again = before.join(pl.concat([corrected, unclear]), on="response_id", how="semi")
        comments = keyed(texts(frames).collect()).join(again, on="response_id", how="semi")
        vectors = frames.comment_vectors.collect()
    settled = correct(again, comments, themes_of(settings), given.select("response_id", "theme"), vectors=vectors)
    rest = before.join(again, on="response_id", how="anti")
    return _unkeyed(pl.concat([rest, settled.select(rest.columns)])).select(found.columns)


def of_source(tagged: pl.DataFrame, source: str) -> pl.DataFrame:
    """The themes of one source's comments: ``response_id, theme, score, evidence, polarity``."""
    return tagged.filter(pl.col("source") == source).drop("source")
