"""What pages ask about comments: their themes as people corrected them, what that taught, and themes to come."""

from __future__ import annotations

from datetime import date

import polars as pl

import settings
from metrics import theme_learning
from metrics.current import current_mrr
from metrics.emerging import emerging
from metrics.themes import UNCLEAR, Themes, comment_sentences, theme_names
from pages.shared import words, written
from pages.shared.data import View, cached, view_of
from queries.frames import Frames
from reports.comments import KEY, corrected_themes, keyed, of_source, texts
from reports.themes_file import themes_of


def themes() -> Themes:
    """The themes of ``config/themes.toml``, read again when the file has changed."""
    return themes_of(settings.get())


def names() -> dict[str, str]:
    """What people call each theme, by its id."""
    return theme_names(themes())


@cached
def tagged(frames: Frames, version: int) -> pl.DataFrame:
    """The themes of every comment as people corrected them, with the columns of ``Frames.comment_themes``.

    ``version`` is that of the corrections.
    """
    return corrected_themes(frames, settings.get(), written.corrected(view_of(frames), version))


def tags_of(view: View, source: str, version: int) -> pl.DataFrame:
    """The themes of one source's comments: ``response_id, theme, score, evidence, polarity``."""
    return of_source(tagged(view, version), source)


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
    given = keyed(written.corrected(view_of(frames), version))
    found = keyed(frames.comment_themes.collect()).join(given, on="response_id", how="semi")
    comments = keyed(texts(frames).collect()).join(found, on="response_id", how="semi")
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
    said = texts(frames).filter(pl.col("on") >= since).collect()
    comments = keyed(said).join(money.select("account_id", "mrr"), on="account_id", how="left")
    tags = keyed(tagged(view_of(frames), version)).join(comments, on="response_id", how="semi")
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
        texts(frames)
        .with_columns(pl.col("text").str.slice(0, words.LONGEST_COMMENT + 1), id=KEY)
        .join(ids.lazy(), on="id", how="semi")
        .join(known, on="account_id", how="left")
        .join(money.lazy().select("account_id", "mrr"), on="account_id", how="left")
        .sort("on", "id", descending=[True, False], nulls_last=True)
        .collect()
    )
