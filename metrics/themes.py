"""What comments are about: themes of complaint and praise, the sentence that shows it, and people's corrections."""

from __future__ import annotations

import polars as pl

from metrics.theme_file import NO_ANSWER, UNCLEAR, Rule, Theme, Themes, ThemesError, load_themes
from metrics.theme_grams import alike
from metrics.theme_match import COMPLAINT, PRAISE, match, split_comments

__all__ = [
    "COMPLAINT", "NO_ANSWER", "PRAISE", "UNCLEAR", "Rule", "Theme", "Themes", "ThemesError", "load_themes",
    "reason_themes", "tag_themes", "theme_names",
]  # fmt: skip

STRONGLY_ALIKE = 0.62
"""Likeness to an example that counts beside a pattern that says something else."""


def tag_themes(
    comments: pl.DataFrame | pl.LazyFrame, themes: Themes, *, corrections: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The themes of each comment: several, or ``unclear``, or ``no answer``.

    One row per ``response_id`` and ``theme``, in the order of ``comments`` (columns response_id, text, language?;
    texts of one response_id are read together). ``score`` 0..1, null for unclear and no answer; ``evidence`` the
    sentence that says it, without markup, null where there is none; ``polarity`` "complaint" or "praise". Praise of
    nothing in particular is ``unclear`` with polarity praise; otherwise polarity is null there. A comment that both
    praises and complains about a theme complains. A theme merged into another is reported as the other.

    ``corrections`` (response_id, theme: one row per theme a person chose) replace what was found, with score 1; a
    theme that is not in ``themes`` any more is kept as it is. Corrections of other responses are ignored.

    >>> themes = load_themes(
    ...     '[languages.en]\\nscript = "latin"\\n[[themes]]\\nid = "price"\\npatterns.en = ["expensive"]'
    ... )
    >>> comments = pl.DataFrame({"response_id": ["a", "b", "c"], "text": ["Too expensive!", "Hm", "-"]})
    >>> tag_themes(comments, themes).select("response_id", "theme", "evidence", "polarity").rows()
    [('a', 'price', 'Too expensive!', 'complaint'), ('b', 'unclear', None, None), ('c', 'no answer', None, None)]
    """
    given = _one_per_response(comments.lazy().collect())
    read, told = split_comments(given, themes)
    found = _by_comment(_sentence_themes(told, themes), told, themes)
    if corrections is not None and corrections.height:
        found = _corrected(found, given, corrections, themes)
    ids = given.with_row_index("comment").select(pl.col("comment").cast(pl.Int64), "response_id")
    silent = pl.when("silent").then(pl.lit(NO_ANSWER)).otherwise(pl.lit(UNCLEAR))
    return (
        read.join(ids, on="comment", how="left", maintain_order="left")
        .join(found, on="comment", how="left", maintain_order="left_right")
        .with_columns(pl.col("theme").fill_null(silent))
        .select("response_id", "theme", "score", "evidence", "polarity")
    )


def theme_names(themes: Themes) -> dict[str, str]:
    """The names people read, by theme id, with those of ``unclear`` and ``no answer``."""
    return {theme.id: theme.name for theme in themes.all} | {UNCLEAR: "Unclear", NO_ANSWER: "No answer"}


def reason_themes(themes: Themes) -> dict[str, str]:
    """The theme that each reason code of an exit survey stands for; codes without one are not in it."""
    return {reason: themes.current(theme.id) for theme in themes.all for reason in theme.reasons}


def _one_per_response(comments: pl.DataFrame) -> pl.DataFrame:
    """response_id, text, language: one row per response, texts joined by line breaks."""
    language = pl.col("language").cast(pl.String) if "language" in comments.columns else pl.lit(None, pl.String)
    given = comments.select("response_id", pl.col("text").cast(pl.String), language=language)
    return given.group_by("response_id", maintain_order=True).agg(
        pl.col("text").drop_nulls().str.join("\n"), pl.col("language").drop_nulls().first()
    )


def _sentence_themes(told: pl.DataFrame, themes: Themes) -> pl.DataFrame:
    """``sentence, theme, score, polarity`` by all methods: patterns first, likeness to examples beside them.

    Likeness cannot tell praise from complaint, and short words are alike by chance: it counts only where patterns
    find nothing in the sentence, or where it is strong and the sentence does not praise.
    """
    patterns = match(told, themes)
    praising = patterns.filter(pl.col("polarity") == PRAISE)
    close = alike(told, themes)
    likeness = pl.concat([
        close.join(patterns, on="sentence", how="anti"),
        close.join(patterns, on="sentence", how="semi")
        .filter(pl.col("score") >= STRONGLY_ALIKE)
        .join(praising, on="sentence", how="anti"),
    ])  # fmt: skip
    columns = ["sentence", "theme", "score", "polarity"]
    return pl.concat([patterns.select(columns), likeness.with_columns(polarity=pl.lit(COMPLAINT)).select(columns)])


def _by_comment(found: pl.DataFrame, told: pl.DataFrame, themes: Themes) -> pl.DataFrame:
    """``comment, theme, score, evidence, polarity``: of each theme the complaint that shows it best."""
    merged = {theme.id: themes.current(theme.id) for theme in themes.all}
    texts = told.select("sentence", "comment", evidence="text").unique("sentence", maintain_order=True)
    rows = found.with_columns(pl.col("theme").replace(merged)).join(texts, on="sentence")
    best = rows.sort("comment", pl.col("polarity") == PRAISE, -pl.col("score"), "sentence", maintain_order=True).unique(
        ["comment", "theme"], keep="first", maintain_order=True
    )
    named = best.filter(pl.col("theme").is_not_null())
    as_such = best.filter(pl.col("theme").is_null()).join(named, on="comment", how="anti")
    rest = as_such.with_columns(theme=pl.lit(UNCLEAR), score=pl.lit(None, pl.Float64))
    return pl.concat([named, rest]).select("comment", "theme", "score", "evidence", "polarity")


def _corrected(found: pl.DataFrame, given: pl.DataFrame, corrections: pl.DataFrame, themes: Themes) -> pl.DataFrame:
    """``found`` with the themes that people chose in place of those found for the same comment."""
    comments = given.with_row_index("comment").select(pl.col("comment").cast(pl.Int64), "response_id")
    merged = {theme.id: themes.current(theme.id) for theme in themes.all}
    chosen = (
        corrections.select(pl.col("response_id").cast(given.schema["response_id"]), pl.col("theme").replace(merged))
        .unique(maintain_order=True)
        .join(comments, on="response_id", maintain_order="left")
        .join(found.drop("score"), on=["comment", "theme"], how="left", maintain_order="left")
    )
    status = pl.col("theme").is_in([UNCLEAR, NO_ANSWER])
    settled = chosen.select(
        "comment", "theme",
        score=pl.when(status).then(None).otherwise(1.0),
        evidence="evidence",
        polarity=pl.when(status).then("polarity").otherwise(pl.col("polarity").fill_null(COMPLAINT)),
    )  # fmt: skip
    return pl.concat([found.join(settled, on="comment", how="anti"), settled])
