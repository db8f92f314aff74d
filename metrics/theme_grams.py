"""How alike sentences and the themes' examples are written: cosine of the weights of their character n-grams.

It catches inflections and typing errors that patterns miss. The weights (TF-IDF) come from the examples alone, so
that a comment's themes do not depend on the other comments of the day.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from metrics.theme_file import Themes
from metrics.theme_text import fold

ALIKE = 0.52
"""Sentences less alike than this are not taken to mean the same."""
SIZES = {"latin": (3, 4), "cyrillic": (3, 4), "han": (1, 2)}


@dataclass(frozen=True)
class _Model:
    """The examples of one language as unit vectors: a row per n-gram, a column per example."""

    sizes: tuple[int, ...]
    rows: dict[str, int]
    rarity: np.ndarray
    unseen: float
    vectors: np.ndarray
    themes: tuple[str, ...]


def alike(told: pl.DataFrame, themes: Themes) -> pl.DataFrame:
    """The themes whose examples a sentence is like: ``sentence, theme, score`` (cosine, ``ALIKE``..1).

    >>> from metrics.theme_file import load_themes
    >>> head = '[languages.en]\\nscript = "latin"\\n[[themes]]\\nid = "slow"\\nname = "Slow"\\n'
    >>> themes = load_themes(head + 'examples.en = ["The pages load slowly."]')
    >>> told = pl.DataFrame({"sentence": [0, 1], "language": "en", "folded": ["the pags load slowly", "thanks"]})
    >>> alike(told, themes).select("sentence", "theme").rows()
    [(0, 'slow')]
    """
    rows: list[tuple[int, str, float]] = []
    for code, language in themes.languages.items():
        here = told.filter(pl.col("language") == code)
        model = _model(themes, code, SIZES[language.script]) if here.height else None
        if model is None:
            continue
        for sentence, folded in here.select("sentence", "folded").iter_rows():
            rows += [(sentence, theme, score) for theme, score in _likenesses(folded, model).items()]
    found = pl.DataFrame(rows, schema={"sentence": pl.Int64, "theme": pl.String, "score": pl.Float64}, orient="row")
    return found.group_by("sentence", "theme", maintain_order=True).agg(pl.col("score").max())


def _likenesses(folded: str, model: _Model) -> dict[str, float]:
    grams = _grams(folded, model.sizes)
    known = [(model.rows[gram], 1 + math.log(count)) for gram, count in grams.items() if gram in model.rows]
    if not known:
        return {}
    rows = np.array([row for row, _ in known])
    weights = np.array([weight for _, weight in known]) * model.rarity[rows]
    strange = sum((1 + math.log(count)) ** 2 for gram, count in grams.items() if gram not in model.rows)
    length = math.sqrt(float(weights @ weights) + strange * model.unseen**2)
    scores = weights @ model.vectors[rows] / length
    best: dict[str, float] = {}
    for column in np.flatnonzero(scores >= ALIKE):
        theme = model.themes[column]
        best[theme] = max(best.get(theme, 0.0), min(float(scores[column]), 1.0))
    return best


def _model(themes: Themes, code: str, sizes: tuple[int, ...]) -> _Model | None:
    examples = [(theme.id, fold(text)) for theme in themes.all for text in theme.examples.get(code, ())]
    if not examples:
        return None
    counted = [_grams(text, sizes) for _, text in examples]
    spread = Counter(gram for grams in counted for gram in grams)
    rows = {gram: row for row, gram in enumerate(spread)}
    rarity = np.array([math.log((1 + len(examples)) / (1 + count)) + 1 for count in spread.values()])
    vectors = np.zeros((len(rows), len(examples)))
    for column, grams in enumerate(counted):
        for gram, count in grams.items():
            vectors[rows[gram], column] = (1 + math.log(count)) * rarity[rows[gram]]
    vectors /= np.linalg.norm(vectors, axis=0)
    return _Model(sizes, rows, rarity, math.log(1 + len(examples)) + 1, vectors, tuple(theme for theme, _ in examples))


def _grams(folded: str, sizes: tuple[int, ...]) -> Counter[str]:
    """The n-grams of the words, each with its borders; of Chinese, which has no words to see, of the runs."""
    found: Counter[str] = Counter()
    for word in "".join(letter if letter.isalnum() else " " for letter in folded).split():
        edged = word if 1 in sizes else f" {word} "
        for size in sizes:
            found.update(edged[start : start + size] for start in range(len(edged) - size + 1))
    return found
