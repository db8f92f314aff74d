"""Themes nobody has written down yet: ``unclear`` comments that say the same, named by their telling words."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from metrics.comment_groups import Floats, gram_vectors, groups
from metrics.spoken import Languages
from metrics.telling_words import telling, words
from metrics.theme_file import UNCLEAR, Themes
from metrics.theme_learning import comment_vectors
from metrics.theme_match import PRAISE
from metrics.theme_text import clean, fold
from metrics.theme_toml import as_toml
from metrics.theme_vectors import SIZE
from metrics.themes import comment_sentences

__all__ = ["as_toml", "emerging"]

MOST = 10_000
"""Unclear comments that are read for groups; of more, a fixed choice of so many."""
PER_LANGUAGE, MOST_EXAMPLES, NAMED_BY = 3, 12, 3
ENCODED = frozenset({"ar", "zh", "en", "fr", "de", "it", "ja", "ko", "nl", "pl", "pt", "es", "th", "tr", "ru"})
"""The languages that the encoder knows; comments in others are grouped by their letters alone."""


@dataclass(eq=False)
class _Comment:
    """What is needed of a comment here."""

    response: Any
    language: str | None
    words: dict[str, str]
    sentences: list[tuple[str, str]] = field(default_factory=list)


def emerging(
    tagged: pl.DataFrame, comments: pl.DataFrame, vectors: pl.DataFrame, *, themes: Themes, least: int = 5
) -> pl.DataFrame:
    """Groups of ``unclear`` comments that say the same, each named by its telling words.

    One row per group of at least ``least`` comments, largest first: ``group`` (1, 2, ...), ``name`` (its three most
    telling words, else its most typical sentence in that language), ``language`` (of most of its comments, in which
    it is named; null when unknown), ``comments`` (how many), ``accounts`` (how many different ones, when ``comments``
    has account_id) and ``mrr`` (the sum over those accounts, in the unit of ``comments``, when it has mrr too; null
    when none is known), ``response_ids`` (list), ``examples`` (list of sentences, the most typical first, 3 per
    language), ``example_languages`` (of each example; null when it is none of the themes file), ``words`` (list, up to
    five).

    ``tagged`` is of ``themes.tag_themes`` for ``comments`` (response_id, text, language?), ``vectors`` of
    ``theme_vectors.sentence_vectors``; a comment without any is compared by its letters. Left out: praise, comments
    without letters, and comments that are like too few others. Comments of one meaning are one group whatever their
    languages, where the encoder knows them; Romanian and unknown ones are grouped by their letters. Of more than
    10,000 unclear comments a fixed choice is read. The order of rows does not matter.
    """
    asked = comments.sort(pl.col("response_id").cast(pl.String), "text")
    told = comment_sentences(asked)
    unclear = _unclear(tagged, told)
    told = told.join(unclear, on="response_id", how="semi", maintain_order="left")
    read = _read(asked, themes)
    for response, sentence, key in told.select("response_id", "sentence", "key").iter_rows():
        read[response].sentences.append((sentence, key))
    chosen = [read[response] for response in unclear["response_id"]]
    matrix = _aligned(unclear, comment_vectors(told, vectors))
    encoded = np.array([comment.language in ENCODED for comment in chosen], dtype=np.float32)[:, None]
    grams = gram_vectors([list(comment.words) for comment in chosen])
    places = groups(matrix * encoded, grams, least=max(1, least))
    everywhere, known = _everywhere(read.values(), themes), _known(told, vectors)
    rows = []
    for group in places:
        members, centre = [chosen[place] for place in group], matrix[group].sum(axis=0)
        typical = _typical(members, matrix[group] @ centre, centre, known)
        rows.append(_row(members, typical, everywhere, themes))
    return _framed(rows, asked)


def _unclear(tagged: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """``response_id`` of the comments to group, in order."""
    praise = (pl.col("polarity") == PRAISE).fill_null(False)
    asked = tagged.filter((pl.col("theme") == UNCLEAR) & ~praise).select("response_id").unique()
    present = asked.join(told, on="response_id", how="semi")["response_id"].to_list()
    if len(present) > MOST:
        present = sorted(present, key=lambda response: hashlib.sha256(str(response).encode()).digest())[:MOST]
    return pl.DataFrame({"response_id": sorted(present, key=str)}, schema={"response_id": told.schema["response_id"]})


def _read(comments: pl.DataFrame, themes: Themes) -> dict[Any, _Comment]:
    """Every comment by response_id, with its language and words."""
    tag = pl.col("language").cast(pl.String) if "language" in comments.columns else pl.lit(None, pl.String)
    one = (
        comments.select("response_id", pl.col("text").cast(pl.String), tag=tag)
        .group_by("response_id", maintain_order=True)
        .agg(pl.col("text").drop_nulls().str.join("\n"), pl.col("tag").drop_nulls().first())
    )
    languages, stop_words = Languages(themes), _stop_words(themes)
    read = {}
    for response, text, declared in zip(one["response_id"], clean(one["text"]), one["tag"], strict=True):
        read[response] = _Comment(response, languages.of(text, declared), words(text, stop_words))
    return read


def _stop_words(themes: Themes) -> frozenset[str]:
    return frozenset().union(*(language.words for language in themes.languages.values()))


def _aligned(unclear: pl.DataFrame, means: pl.DataFrame) -> Floats:
    """A row per unclear comment: its vector, or zeros."""
    matrix = np.zeros((unclear.height, SIZE), dtype=np.float32)
    known = unclear.with_row_index("row").join(means, on="response_id", maintain_order="left")
    if known.height:
        matrix[known["row"].to_numpy()] = known["vector"].to_numpy()
    return matrix


def _everywhere(comments: Iterable[_Comment], themes: Themes) -> dict[str | None, tuple[Counter[str], int]]:
    """In how many comments each word is, by language, and the sum of that.

    The examples of the themes file count as comments, as there may be few in a language.
    """
    counts: dict[str | None, Counter[str]] = {}
    for comment in comments:
        counts.setdefault(comment.language, Counter()).update(comment.words.keys())
    stop_words = _stop_words(themes)
    for theme in themes.all:
        for language, examples in theme.examples.items():
            for example in examples:
                counts.setdefault(language, Counter()).update(words(example, stop_words).keys())
    return {language: (found, found.total()) for language, found in counts.items()}


def _known(told: pl.DataFrame, vectors: pl.DataFrame) -> dict[str, Floats]:
    """The vectors of the sentences of unclear comments, by key."""
    needed = vectors.filter(pl.col("vector").is_not_null()).join(told, on="key", how="semi")
    return dict(zip(needed["key"], needed["vector"].to_numpy(), strict=True)) if needed.height else {}


def _typical(
    members: Sequence[_Comment], likeness: Floats, centre: Floats, known: Mapping[str, Floats]
) -> list[tuple[str, str | None]]:
    """Of each member, the most typical first, the sentence nearest the centre, and its language; none twice."""
    found: dict[str, tuple[str, str | None]] = {}
    for place in np.argsort(-likeness, kind="stable"):
        near = [float(known[key] @ centre) if key in known else -np.inf for _, key in members[place].sentences]
        sentence, _ = members[place].sentences[near.index(max(near))]
        found.setdefault(fold(sentence), (sentence, members[place].language))
    return list(found.values())


def _row(
    members: Sequence[_Comment],
    typical: Sequence[tuple[str, str | None]],
    everywhere: Mapping[str | None, tuple[Counter[str], int]],
    themes: Themes,
) -> dict[str, Any]:
    spoken = Counter(comment.language for comment in members if comment.language is not None)
    language = min(spoken, key=lambda code: (-spoken[code], code)) if spoken else None
    here = [comment.words for comment in members if comment.language == language]
    spread, total = everywhere[language]
    named_by = telling(here, spread, total=total)
    own = [sentence for sentence, code in typical if code == language] or [typical[0][0]]
    per_language: Counter[str | None] = Counter()
    examples: list[tuple[str, str | None]] = []
    for sentence, code in typical:
        per_language[code] += 1
        if per_language[code] <= PER_LANGUAGE and len(examples) < MOST_EXAMPLES:
            examples.append((sentence, code if code in themes.languages else None))
    return {
        "name": ", ".join(named_by[:NAMED_BY]) or own[0],
        "language": language,
        "comments": len(members),
        "response_ids": [comment.response for comment in members],
        "examples": [sentence for sentence, _ in examples],
        "example_languages": [code for _, code in examples],
        "words": named_by,
    }


def _framed(rows: list[dict[str, Any]], comments: pl.DataFrame) -> pl.DataFrame:
    texts = pl.List(pl.String)
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "name": pl.String, "language": pl.String, "comments": pl.Int64,
        "response_ids": pl.List(comments.schema["response_id"]),
        "examples": texts, "example_languages": texts, "words": texts,
    }  # fmt: skip
    found = pl.DataFrame(rows, schema=schema).with_row_index("group", offset=1).cast({"group": pl.Int64})
    money = [name for name in ("accounts", "mrr") if name != "mrr" or "mrr" in comments.columns]
    if "account_id" not in comments.columns:
        return found
    at = found.columns.index("response_ids")
    counted = found.join(_accounts(found, comments), on="group", how="left", maintain_order="left")
    return counted.select(*found.columns[:at], *money, *found.columns[at:])


def _accounts(found: pl.DataFrame, comments: pl.DataFrame) -> pl.DataFrame:
    """``group, accounts, mrr``: of the different accounts of each group's comments."""
    mrr = pl.col("mrr") if "mrr" in comments.columns else pl.lit(None, pl.Int64)
    owners = comments.select("response_id", "account_id", mrr=mrr).unique()
    members = found.select("group", response_id="response_ids").explode("response_id")
    accounts = (
        members.join(owners, on="response_id")
        .filter(pl.col("account_id").is_not_null())
        .group_by("group", "account_id")
        .agg(pl.col("mrr").max())
    )
    money = pl.when(pl.col("mrr").is_not_null().any()).then(pl.col("mrr").sum()).alias("mrr")
    counts = members.select("group").unique().join(accounts, on="group", how="left").group_by("group")
    return counts.agg(accounts=pl.col("account_id").drop_nulls().n_unique().cast(pl.Int64), mrr=money)
