"""How like the themes' examples sentences are, by what they mean and by how they are written, learned in one go.

A kernel ridge regression, one theme against all the rest, in closed form: the kernel of two sentences is half a
Gaussian of the distance of their vectors (``theme_vectors``: paraphrases, across languages) and half the cosine of
their character n-grams (``theme_grams``: words and names, in languages the encoder does not know too). Either half
alone did clearly worse on comments it had not seen, and so did the nearest example in place of the regression.
Sentences of praise and of nothing in particular are learned as well, so that what is as near to those has no theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from metrics.theme_file import Themes
from metrics.theme_grams import Grams, learn_grams, products
from metrics.theme_vectors import SIZE, sentence_vectors, text_key

Floats = NDArray[np.float64]
Labelled = tuple[tuple[str | None, str], ...]

AS_SUCH = "+"
"""Stands for praise of nothing in particular, which is learned like a theme."""
MEANING = 0.5
"""How much of the kernel is meaning, the rest being letters."""
SHARPNESS = 2.0
RIDGE = 0.3
AT_ONCE = 1024
DIGITS = 4
"""Scores are rounded, as the same sentence's vector differs in the seventh digit with what it is encoded with."""


@dataclass(frozen=True, eq=False)
class _Learned:
    """The regression: a column per theme, a row per example in ``weights`` and per n-gram in ``letters``."""

    themes: tuple[str, ...]
    vectors: Floats
    weights: Floats
    grams: Grams
    letters: Floats


_REMEMBERED: dict[tuple[Labelled, int, float], _Learned] = {}


def example_sentences(themes: Themes) -> list[str]:
    """The sentences of the themes file that are learned from, each once: those whose vectors are needed."""
    return list(dict.fromkeys(text for _, text in _labelled(themes)))


def likeness(
    sentences: Sequence[str], themes: Themes, *, vectors: pl.DataFrame | None = None, meaning: float = MEANING
) -> pl.DataFrame:
    """How like each theme's examples the sentences are.

    One row per distinct sentence and theme that has examples: ``text``, ``theme`` (``"+"`` is praise of nothing in
    particular), ``score`` (about 0..1; below 0 where the examples of others speak against it). ``vectors`` as of
    ``theme_vectors``; what is missing is encoded. With ``meaning=0`` only letters are compared, and nothing encoded.

    >>> from metrics.theme_file import load_themes
    >>> head = '[languages.en]\\nscript = "latin"\\n[[themes]]\\nid = "slow"\\nname = "Slow"\\n'
    >>> themes = load_themes(head + 'examples.en = ["The pages load slowly."]')
    >>> found = likeness(["the pags load slowly", "It takes ages to load.", "thanks"], themes)
    >>> found.filter(pl.col("score") > 0.26)["text"].to_list()
    ['the pags load slowly', 'It takes ages to load.']
    """
    labelled = _labelled(themes)
    asked = list(dict.fromkeys(sentences))
    schema = {"text": pl.String, "theme": pl.String, "score": pl.Float64}
    if not labelled or not asked:
        return pl.DataFrame(schema=schema)
    learned = _learned(labelled, vectors, meaning)
    scores = np.array([weights @ learned.letters[rows] for rows, weights in map(learned.grams.weights, asked)])
    if meaning:
        known = _matrix(sentence_vectors(asked, known=vectors))
        for start in range(0, len(asked), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            scores[part] += meaning * _near(known[part], learned.vectors) @ learned.weights
    wide = pl.DataFrame(np.round(scores, DIGITS), schema=list(learned.themes), orient="row")
    long = wide.with_columns(text=pl.Series(asked, dtype=pl.String)).unpivot(
        index="text", variable_name="theme", value_name="score"
    )
    return long.select(pl.col(name).cast(kind) for name, kind in schema.items())


def _labelled(themes: Themes) -> Labelled:
    """Each example and its theme: as merged, ``"+"`` of praise, none of neither."""
    own = [
        (themes.current(theme.id), text) for theme in themes.all for told in theme.examples.values() for text in told
    ]
    praise = [(AS_SUCH, text) for praise in themes.praise.values() for text in praise.examples]
    neither = [(None, text) for told in themes.neutral.values() for text in told]
    return (*own, *praise, *neither) if own else ()


def _learned(labelled: Labelled, vectors: pl.DataFrame | None, meaning: float) -> _Learned:
    """The regression of these examples, remembered as long as few others are asked for."""
    texts = [text for _, text in labelled]
    known = None
    if vectors is not None and meaning:
        keys = pl.DataFrame({"key": [text_key(text) for text in texts]})
        known = vectors.join(keys.unique(), on="key", how="semi").sort("key")
    key = (labelled, 0 if known is None or known.is_empty() else hash(_matrix(known).tobytes()), meaning)
    if key not in _REMEMBERED:
        if len(_REMEMBERED) >= 4:
            _REMEMBERED.clear()
        _REMEMBERED[key] = _learn(labelled, known, meaning)
    return _REMEMBERED[key]


def _learn(labelled: Labelled, known: pl.DataFrame | None, meaning: float) -> _Learned:
    texts = [text for _, text in labelled]
    themes = tuple(dict.fromkeys(theme for theme, _ in labelled if theme is not None))
    grams = learn_grams(texts)
    weighted = [grams.weights(text) for text in texts]
    kernel = (1 - meaning) * products(weighted, len(grams.rows))
    vectors = np.zeros((len(texts), SIZE))
    if meaning:
        encoded = sentence_vectors(texts, known=known)
        rows = {key: row for row, key in enumerate(encoded["key"])}
        vectors = _matrix(encoded)[[rows[text_key(text)] for text in texts]]
        kernel += meaning * _near(vectors, vectors)
    targets = np.array([[float(theme == own) for theme in themes] for own, _ in labelled])
    weights = np.linalg.solve(kernel + RIDGE * np.eye(len(texts)), targets)
    letters = np.zeros((len(grams.rows), len(themes)))
    for row, (held, values) in enumerate(weighted):
        letters[held] += (1 - meaning) * np.outer(values, weights[row])
    return _Learned(themes, vectors, weights, grams, letters)


def _near(some: Floats, others: Floats) -> Floats:
    return np.asarray(np.exp(SHARPNESS * (some @ others.T - 1)))


def _matrix(vectors: pl.DataFrame) -> Floats:
    return np.asarray(vectors["vector"].to_numpy(), dtype=np.float64).reshape(-1, SIZE)
