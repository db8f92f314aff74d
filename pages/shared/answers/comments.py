"""What pages ask about comments: their themes as people corrected them, what that taught, and themes to come."""

from __future__ import annotations

from datetime import date

import polars as pl

import settings
from metrics import theme_learning
from metrics.current import current_mrr
from metrics.emerging import emerging
from metrics.themes import UNCLEAR, Themes, ThemesError, comment_sentences, correct, theme_names
from pages.shared import words, written
from pages.shared.data import View, cached, manifest, view_of
from queries.frames import Frames
from reports.themes_file import themes_of

SOURCES = {
    "nps": ("response_id", "comment", "responded_at"),
    "exit_surveys": ("response_id", "comment", "submitted_at"),
    "reviews": ("review_id", "text", "posted_at"),
}
"""Where comments come from: their id, their words, and when they were written."""
_KEY = pl.concat_str("source", pl.lit("/"), "response_id").alias("response_id")
"""Ids of different sources may be the same; no source has a slash in its name."""


def themes() -> Themes:
    """The themes of ``config/themes.toml``, read again when the file has changed."""
    try:
        return themes_of(settings.get())
    except ThemesError as error:
        raise ThemesError(f"config/themes.toml cannot be used: {error}") from error


def names() -> dict[str, str]:
    """What people call each theme, by its id."""
    return theme_names(themes())


def _texts(frames: Frames) -> pl.LazyFrame:
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


def _keyed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(_KEY).drop("source")


def _unkeyed(frame: pl.DataFrame) -> pl.DataFrame:
    parts = pl.col("response_id").str.splitn("/", 2).struct
    return frame.with_columns(source=parts.field("field_0"), response_id=parts.field("field_1"))


@cached
def tagged(frames: Frames, version: int) -> pl.DataFrame:
    """The themes of every comment as people corrected them, with the columns of ``Frames.comment_themes``.

    ``version`` is that of the corrections. Only comments that were corrected or left unclear can be any different
    from what the refresh found, so only these are looked at again.
    """
    found = frames.comment_themes.collect()
    chosen = written.corrected(view_of(frames), version)
    if chosen.is_empty() or found.is_empty():
        return found
    keyed, given = _keyed(found), _keyed(chosen)
    corrected = keyed.join(given, on="response_id", how="semi")
    if corrected["response_id"].n_unique() < theme_learning.LEAST or manifest(view_of(frames)).comments.error:
        again, comments, vectors = corrected, _nothing_said(), None
    else:
        unclear = keyed.filter(pl.col("theme") == UNCLEAR)
        again = keyed.join(pl.concat([corrected, unclear]), on="response_id", how="semi")
        comments = _keyed(_texts(frames).collect()).join(again, on="response_id", how="semi")
        vectors = frames.comment_vectors.collect()
    settled = correct(again, comments, themes(), given.select("response_id", "theme"), vectors=vectors)
    rest = keyed.join(again, on="response_id", how="anti")
    return _unkeyed(pl.concat([rest, settled.select(rest.columns)])).select(found.columns)


def _nothing_said() -> pl.DataFrame:
    return pl.DataFrame(schema={"response_id": pl.String, "text": pl.String, "language": pl.String})


def tags_of(view: View, source: str, version: int) -> pl.DataFrame:
    """The themes of one source's comments: ``response_id, theme, score, evidence, polarity``."""
    return tagged(view, version).filter(pl.col("source") == source).drop("source")


@cached
def corrections(frames: Frames, version: int) -> pl.DataFrame:
    """The comments that people corrected, newest first: ``source, response_id, themes, author, corrected_at``."""
    rows = written.corrected(view_of(frames), version)
    keys = ["source", "response_id"]
    whole = rows.group_by(keys).agg(pl.col("theme").alias("themes"), pl.col("author", "corrected_at").first())
    known = frames.comment_themes.select(keys).unique().collect()
    return whole.join(known, on=keys, how="semi").sort("corrected_at", "response_id", descending=[True, False])


@cached
def agreement(frames: Frames, version: int) -> pl.DataFrame:
    """How often what was found agrees with what people chose, with and without what their corrections teach."""
    given = _keyed(written.corrected(view_of(frames), version))
    found = _keyed(frames.comment_themes.collect()).join(given, on="response_id", how="semi")
    comments = _keyed(_texts(frames).collect()).join(found, on="response_id", how="semi")
    told = comment_sentences(comments)
    known = frames.comment_vectors.join(told.lazy().select("key").unique(), on="key", how="semi").collect()
    means = theme_learning.comment_vectors(told, known)
    return theme_learning.agreement(found, given.select("response_id", "theme"), means)


@cached
def groups(frames: Frames, since: date, version: int) -> pl.DataFrame:
    """Unclear comments since a day that say the same, of surveys, leavers and reviews alike.

    As ``metrics.emerging`` returns them, with the MRR their accounts pay today; ids are ``source/response_id``.
    """
    money = current_mrr(frames.subscriptions, as_of=frames.as_of, grace_days=settings.get().revenue.grace_days)
    said = _texts(frames).filter(pl.col("on") >= since).collect()
    comments = _keyed(said).join(money.select("account_id", "mrr"), on="account_id", how="left")
    tags = _keyed(tagged(view_of(frames), version)).join(comments, on="response_id", how="semi")
    told = comment_sentences(comments.join(tags.filter(pl.col("theme") == UNCLEAR), on="response_id", how="semi"))
    known = frames.comment_vectors.join(told.lazy().select("key").unique(), on="key", how="semi").collect()
    return emerging(tags, comments, known, themes=themes())


@cached
def members(frames: Frames, since: date, version: int, number: int) -> pl.DataFrame:
    """The comments of one of these groups, newest first: who wrote them, where and when, and what they pay today."""
    found = groups(view_of(frames), since, version).filter(pl.col("group") == number)
    ids = found.select(id=pl.col("response_ids")).explode("id")
    money = current_mrr(frames.subscriptions, as_of=frames.as_of, grace_days=settings.get().revenue.grace_days)
    known = frames.accounts.select("account_id", name=pl.coalesce("name", "account_id"))
    return (
        _texts(frames)
        .with_columns(pl.col("text").str.slice(0, words.LONGEST_COMMENT + 1), id=_KEY)
        .join(ids.lazy(), on="id", how="semi")
        .join(known, on="account_id", how="left")
        .join(money.lazy().select("account_id", "mrr"), on="account_id", how="left")
        .sort("on", "id", descending=[True, False], nulls_last=True)
        .collect()
    )
