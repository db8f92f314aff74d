"""What comments are about: themes of complaint and praise, the sentence that shows it, and people's corrections."""

from __future__ import annotations

import polars as pl

from metrics import theme_learning
from metrics.theme_file import NO_ANSWER, UNCLEAR, Theme, Themes, load_themes
from metrics.theme_likeness import AS_SUCH, MEANING, example_sentences, likeness
from metrics.theme_match import COMPLAINT, PRAISE, match, split_comments
from metrics.theme_rules import Rule, ThemesError
from metrics.theme_text import clean, sentences
from metrics.theme_vectors import sentence_vectors, text_key

__all__ = [
    "COMPLAINT", "NO_ANSWER", "PRAISE", "UNCLEAR", "Rule", "Theme", "Themes", "ThemesError", "comment_sentences",
    "correct", "example_sentences", "find_themes", "load_themes", "reason_themes", "tag_themes", "theme_names",
]  # fmt: skip

METHOD = 1
"""Raise it with any change here that finds other themes in the same comment: the next refresh then finds all anew."""
ALIKE = 0.26
"""Likeness to a theme's examples from which on a sentence is taken to mean the same."""
STRONGLY_ALIKE = 0.5
"""The same beside a pattern that says something else, or that praises."""
NEARLY = 0.8
"""How near to the likest theme another must come to be told beside it, unless it is strongly alike itself."""
DOUBTFUL = 0.1
"""Likeness below which a pattern does not count where the examples of another theme are alike."""


def tag_themes(
    comments: pl.DataFrame | pl.LazyFrame,
    themes: Themes,
    *,
    corrections: pl.DataFrame | None = None,
    vectors: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The themes of each comment: several, or ``unclear``, or ``no answer``.

    One row per ``response_id`` and ``theme``, in the order of ``comments`` (columns response_id, text, language?;
    texts of one response_id are read together). ``score`` 0..1, null for unclear and no answer; ``evidence`` the
    sentence that says it, without markup, null where there is none; ``polarity`` "complaint" or "praise". Praise of
    nothing in particular is ``unclear`` with polarity praise; otherwise polarity is null there. A comment that both
    praises and complains about a theme complains. A theme merged into another is reported as the other.

    It is ``find_themes``, then ``correct`` where there are ``corrections``; ``vectors`` as there.

    >>> themes = load_themes(
    ...     '[languages.en]\\nscript = "latin"\\n[[themes]]\\nid = "price"\\npatterns.en = ["expensive"]'
    ... )
    >>> comments = pl.DataFrame({"response_id": ["a", "b", "c"], "text": ["Too expensive!", "Hm", "-"]})
    >>> tag_themes(comments, themes).select("response_id", "theme", "evidence", "polarity").rows()
    [('a', 'price', 'Too expensive!', 'complaint'), ('b', 'unclear', None, None), ('c', 'no answer', None, None)]
    """
    found = find_themes(comments, themes, vectors=vectors)
    return found if corrections is None else correct(found, comments, themes, corrections, vectors=vectors)


def find_themes(
    comments: pl.DataFrame | pl.LazyFrame, themes: Themes, *, vectors: pl.DataFrame | None = None, encode: bool = True
) -> pl.DataFrame:
    """What ``tag_themes`` finds before people correct it: the slow part, which can be kept.

    ``vectors`` are those of ``theme_vectors.sentence_vectors``, of the sentences in ``comment_sentences`` and
    ``example_sentences``; those that are missing are encoded on the spot. Without ``encode`` no vector is used at
    all, only patterns and letters.
    """
    given = _one_per_response(comments.lazy().collect())
    read, told = split_comments(given, themes)
    found = _by_comment(_sentence_themes(told, themes, vectors, MEANING if encode else 0), told, themes)
    ids = given.with_row_index("comment").select(pl.col("comment").cast(pl.Int64), "response_id")
    silent = pl.when("silent").then(pl.lit(NO_ANSWER)).otherwise(pl.lit(UNCLEAR))
    return (
        read.join(ids, on="comment", how="left", maintain_order="left")
        .join(found, on="comment", how="left", maintain_order="left_right")
        .with_columns(pl.col("theme").fill_null(silent))
        .select("response_id", "theme", "score", "evidence", "polarity")
    )


def comment_sentences(comments: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """The sentences that comments are read by: one row each, in order of ``comments`` (response_id, text).

    ``response_id``, ``sentence`` (without markup, at most 400 characters), ``key`` (``theme_vectors.text_key``); no
    nulls. At most 200 sentences of a comment; those without a letter or digit are left out, and so may be comments.

    >>> comments = pl.DataFrame({"response_id": [1, 2], "text": ["<b>Slow.</b> Bye!", ":-("]})
    >>> comment_sentences(comments).select("response_id", "sentence").rows()
    [(1, 'Slow.'), (1, 'Bye!')]
    """
    given = _one_per_response(comments.lazy().collect())
    rows = [
        (response, sentence, text_key(sentence))
        for response, text in zip(given["response_id"], clean(given["text"]), strict=True)
        for sentence in sentences(text)
        if any(letter.isalnum() for letter in sentence)
    ]
    schema = pl.Schema({"response_id": given.schema["response_id"], "sentence": pl.String(), "key": pl.String()})
    return pl.DataFrame(rows, schema=schema, orient="row")


def correct(
    found: pl.DataFrame,
    comments: pl.DataFrame | pl.LazyFrame,
    themes: Themes,
    corrections: pl.DataFrame,
    *,
    vectors: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """``found`` (of ``find_themes`` for ``comments``) as people corrected it: the quick part.

    ``corrections`` (response_id, theme: one row per theme a person chose; ``unclear`` for none) replace what was found
    for their comment, with score 1 and the evidence found, if any; a theme that is not in ``themes`` any more is kept
    as it is. Corrections of other responses are ignored. From 30 corrected comments on, what they teach
    (``theme_learning``) fills in for comments that were left unclear. The columns and their meaning are those of
    ``tag_themes``; ``vectors`` as there.
    """
    merged = {theme.id: themes.current(theme.id) for theme in themes.all}
    chosen = corrections.select(
        pl.col("response_id").cast(found.schema["response_id"], strict=False), pl.col("theme").replace(merged)
    ).unique(maintain_order=True)
    taught = _taught(found, comments, chosen.filter(pl.col("theme").is_in([*merged.values(), UNCLEAR])), vectors)
    chosen = chosen.join(found.drop("score"), on=["response_id", "theme"], how="left", maintain_order="left")
    status = pl.col("theme").is_in([UNCLEAR, NO_ANSWER])
    settled = chosen.select(
        "response_id", "theme",
        score=pl.when(status).then(None).otherwise(1.0),
        evidence="evidence",
        polarity=pl.when(status).then("polarity").otherwise(pl.col("polarity").fill_null(COMPLAINT)),
    )  # fmt: skip
    order = found.select("response_id").unique(maintain_order=True)
    rows = pl.concat([taught.join(settled, on="response_id", how="anti"), settled])
    return order.join(rows, on="response_id", maintain_order="left_right")


def _taught(
    found: pl.DataFrame, comments: pl.DataFrame | pl.LazyFrame, chosen: pl.DataFrame, vectors: pl.DataFrame | None
) -> pl.DataFrame:
    """``found`` with the themes of the classifier that what people chose teaches, where there is enough of it."""
    corrected = chosen.join(found, on="response_id", how="semi")
    if corrected["response_id"].n_unique() < theme_learning.LEAST:
        return found
    told = comment_sentences(comments)
    known = sentence_vectors(told["sentence"], known=vectors)
    means = theme_learning.comment_vectors(told, known)
    classifier = theme_learning.learn(corrected, means, found=found)
    if classifier is None:
        return found
    return theme_learning.join(found, classifier.themes_of(means, told, known))


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


def _sentence_themes(told: pl.DataFrame, themes: Themes, vectors: pl.DataFrame | None, meaning: float) -> pl.DataFrame:
    """``sentence, theme, score, polarity`` by all methods: patterns first, likeness to examples beside them.

    Patterns are written for a word and know nothing of the rest: where likeness sees another theme and hardly this
    one, the pattern does not count. Likeness cannot tell praise or denial of a theme from complaint: it counts where
    patterns find nothing in the sentence, or where it is strong and they do not praise the same, and not beside a
    denial.
    """
    both = ["sentence", "theme"]
    merged = {theme.id: themes.current(theme.id) for theme in themes.all}
    patterns, denied = match(told, themes)
    patterns = patterns.with_columns(pl.col("theme").replace(merged))
    texts = told.select("sentence", "text").unique("sentence", maintain_order=True)
    near = texts.join(likeness(texts["text"].to_list(), themes, vectors=vectors, meaning=meaning), on="text").drop(
        "text"
    )
    close = near.filter(pl.col("score") >= ALIKE).join(denied, on="sentence", how="anti")
    alike = close.filter(pl.col("theme") != AS_SUCH).filter(
        (pl.col("score") >= NEARLY * pl.col("score").max().over("sentence")) | (pl.col("score") >= STRONGLY_ALIKE)
    )
    doubtful = (
        near.filter(pl.col("score") < DOUBTFUL).select(both).join(alike, on="sentence", how="semi")
        .join(patterns.filter(pl.col("polarity") == COMPLAINT), on=both, how="semi")
        .with_columns(polarity=pl.lit(COMPLAINT))
    )  # fmt: skip
    patterns = patterns.join(doubtful, on=[*both, "polarity"], how="anti", maintain_order="left")
    praised = patterns.filter(pl.col("polarity") == PRAISE)
    beside = alike.filter(pl.col("score") >= STRONGLY_ALIKE).join(praised, on=both, how="anti")
    complaints = pl.concat([
        alike.join(patterns, on="sentence", how="anti"), beside.join(patterns, on="sentence", how="semi"),
    ]).join(patterns, on=both, how="anti").with_columns(polarity=pl.lit(COMPLAINT))  # fmt: skip
    found = pl.concat([patterns.select(*both, "score", "polarity"), complaints])
    good = close.filter(pl.col("theme") == AS_SUCH).join(found, on="sentence", how="anti")
    return pl.concat([found, good.with_columns(theme=pl.lit(None, pl.String), polarity=pl.lit(PRAISE))]).with_columns(
        pl.col("score").clip(0, 1)
    )


def _by_comment(found: pl.DataFrame, told: pl.DataFrame, themes: Themes) -> pl.DataFrame:
    """``comment, theme, score, evidence, polarity``: of each theme the complaint that shows it best."""
    texts = told.select("sentence", "comment", evidence="text").unique("sentence", maintain_order=True)
    rows = found.join(texts, on="sentence")
    best = rows.sort("comment", pl.col("polarity") == PRAISE, -pl.col("score"), "sentence", maintain_order=True).unique(
        ["comment", "theme"], keep="first", maintain_order=True
    )
    named = best.filter(pl.col("theme").is_not_null())
    as_such = best.filter(pl.col("theme").is_null()).join(named, on="comment", how="anti")
    rest = as_such.with_columns(theme=pl.lit(UNCLEAR), score=pl.lit(None, pl.Float64))
    return pl.concat([named, rest]).select("comment", "theme", "score", "evidence", "polarity")
