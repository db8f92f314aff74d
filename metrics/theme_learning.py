"""What people's corrections teach: a linear classifier over comment vectors that fills in what the rules leave open.

It adds a theme to comments that were left ``unclear``, and touches no other. Removing themes that were found, or adding
beside them, made it worse on comments people had not corrected, most of all as they correct what is wrong: judged by
the corrected comments alone, the rules look worse than they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from metrics.bootstrap import bounds, resampled_sums
from metrics.theme_file import NO_ANSWER, UNCLEAR
from metrics.theme_match import COMPLAINT
from metrics.theme_ridge import FOLDS, Flags, Floats, Taught, fit, fold_of
from metrics.theme_vectors import SIZE

LEAST = 30
"""Corrected comments from which on the classifier joins in."""
CLASSIFIED = {"theme": pl.String, "score": pl.Float64, "evidence": pl.String}


@dataclass(frozen=True, eq=False)
class Classifier:
    """A linear rule per learned theme: ``weights`` (a column per theme) and the score from which on it is sure."""

    themes: tuple[str, ...]
    weights: Floats
    thresholds: Floats

    def themes_of(
        self,
        comment_vectors: pl.DataFrame,
        sentences: pl.DataFrame | None = None,
        vectors: pl.DataFrame | None = None,
    ) -> pl.DataFrame:
        """The themes it is sure of, comment by comment; comments of none have no row.

        One row per ``response_id`` and ``theme``, in the order of ``comment_vectors``, surest first; ``score`` 0.5..1
        (0.5 where it only just is), ``evidence`` the sentence that by itself scores highest, null unless
        ``sentences`` (of ``themes.comment_sentences``) and their ``vectors`` are given.
        """
        ids, matrix = _matrix(comment_vectors)
        margin = matrix @ self.weights - self.thresholds
        rows, columns = np.nonzero(margin >= 0)
        found = pl.DataFrame({
            "row": rows.astype(np.int64),
            "response_id": ids.gather(rows),
            "theme": pl.Series([self.themes[column] for column in columns], dtype=pl.String),
            "score": np.minimum(0.5 + margin[rows, columns] / 2, 1.0),
        }).sort("row", -pl.col("score"), "theme")  # fmt: skip
        told = self._evidence(found, sentences, vectors)
        return found.join(told, on=["response_id", "theme"], how="left", maintain_order="left").drop("row")

    def _evidence(
        self, found: pl.DataFrame, sentences: pl.DataFrame | None, vectors: pl.DataFrame | None
    ) -> pl.DataFrame:
        """``response_id, theme, evidence`` of what was found."""
        keys = ["response_id", "theme"]
        if sentences is None or vectors is None or found.is_empty():
            return found.select(*keys, evidence=pl.lit(None, pl.String)).clear()
        asked = sentences.join(found.select("response_id"), on="response_id", how="semi", maintain_order="left")
        known = asked.join(vectors.select("key", "vector"), on="key", maintain_order="left")
        ids, matrix = _matrix(known)
        told = pl.DataFrame({"response_id": ids, "evidence": known.filter(pl.col("vector").is_not_null())["sentence"]})
        best = [
            told.with_columns(theme=pl.lit(theme), alike=scores)
            .sort("alike", descending=True, maintain_order=True)
            .unique("response_id", keep="first")
            for theme, scores in zip(self.themes, (matrix @ self.weights).T, strict=True)
        ]
        return pl.concat(best).select(*keys, "evidence")


def comment_vectors(sentences: pl.DataFrame, vectors: pl.DataFrame) -> pl.DataFrame:
    """What each comment is about, as one vector: the mean of its sentences' vectors, at length 1.

    One row per ``response_id`` of ``sentences`` (``themes.comment_sentences``: response_id, sentence, key) in its
    order; ``vector`` (512 numbers of Float32), no nulls. ``vectors`` are those of ``theme_vectors.sentence_vectors``.
    Left out: sentences without a vector, and comments of none.

    >>> from metrics.theme_vectors import sentence_vectors, text_key
    >>> keys = [text_key("Too slow."), text_key("Bye!")]
    >>> sentences = pl.DataFrame({"response_id": ["a", "a"], "sentence": ["Too slow.", "Bye!"], "key": keys})
    >>> comment_vectors(sentences, sentence_vectors(sentences["sentence"]))["response_id"].to_list()
    ['a']
    """
    known = sentences.join(vectors.select("key", "vector"), on="key", maintain_order="left")
    ids, matrix = _matrix(known)
    if not len(ids):
        return pl.DataFrame(schema={"response_id": ids.dtype, "vector": pl.Array(pl.Float32, SIZE)})
    numbered = pl.DataFrame({"response_id": ids}).with_row_index()
    groups = numbered.group_by("response_id", maintain_order=True).agg("index", pl.len())
    starts = groups["len"].cum_sum() - groups["len"]
    sums = np.add.reduceat(matrix[groups["index"].explode().to_numpy()], starts.to_numpy().astype(np.intp))
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    means = (sums / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return pl.DataFrame({"response_id": groups["response_id"], "vector": means})


def learn(
    corrections: pl.DataFrame,
    comment_vectors: pl.DataFrame,
    *,
    found: pl.DataFrame | None = None,
    least: int = LEAST,
    seed: int = 0,
) -> Classifier | None:
    """What the corrections teach, or None when there are too few or nothing in them can be told from the vectors.

    ``corrections`` (response_id, theme: a row per theme a person chose; ``unclear`` and ``no answer`` are none),
    ``found`` what the rules found before (of ``themes.find_themes``): thresholds are chosen for the comments it left
    unclear. Counted are corrected comments that have a vector; fewer than ``least`` teach nothing, and a theme that
    fewer than 3 of them have is not learned.

    Each theme is a ridge regression (``theme_ridge``); thresholds come from comments that it has not seen, such that
    at least 0.6 of the themes added are right. When adding makes it no better, nothing is learned. The order of rows
    does not matter.
    """
    _, themes, taught = _taught(corrections, comment_vectors, found)
    if len(taught.vectors) < least or not len(taught.vectors):
        return None
    weights, thresholds = fit(taught, seed=seed)
    sure = np.isfinite(thresholds)
    names = tuple(theme for theme, use in zip(themes, sure, strict=True) if use)
    return Classifier(names, weights[:, sure], thresholds[sure]) if names else None


def join(found: pl.DataFrame, classified: pl.DataFrame) -> pl.DataFrame:
    """``found`` (of ``themes.find_themes``) with the classifier's themes where it says ``unclear``.

    The same columns, rows and order, but a row that is ``unclear`` and no praise gives way to the themes of
    ``classified`` (of ``Classifier.themes_of``), as complaints with their score and evidence.

    >>> columns = ["response_id", "theme", "score", "evidence", "polarity"]
    >>> found = pl.DataFrame([("a", "price", 0.9, "Dear!", "complaint"), ("b", "unclear", None, None, None)], columns,
    ...     orient="row")
    >>> classified = pl.DataFrame([("a", "slow", 0.7, "Dear!"), ("b", "slow", 0.7, "Hm.")], columns[:-1], orient="row")
    >>> join(found, classified).select("response_id", "theme", "evidence").rows()
    [('a', 'price', 'Dear!'), ('b', 'slow', 'Hm.')]
    """
    added = classified.select(
        "response_id", *(pl.col(name).cast(kind) for name, kind in CLASSIFIED.items()), polarity=pl.lit(COMPLAINT)
    )
    numbered = found.with_row_index("row")
    gaps = numbered.filter(_is_open()).select("row", "response_id").join(added, on="response_id", maintain_order="left")
    kept = numbered.join(gaps, on="row", how="anti")
    return (
        pl.concat([kept, gaps.select(kept.columns)], how="vertical_relaxed")
        .sort("row", maintain_order=True)
        .drop("row")
    )


def agreement(
    found: pl.DataFrame,
    corrections: pl.DataFrame,
    comment_vectors: pl.DataFrame,
    *,
    folds: int = FOLDS,
    seed: int = 0,
    least: int = LEAST,
    level: float = 0.95,
) -> pl.DataFrame:
    """How often the themes agree with people's, with and without the classifier.

    Two rows, ``method`` "without" and "with"; ``comments`` corrected comments that are in ``found``, ``precision``,
    ``recall``, ``f1`` (0..1, micro: over all pairs of comment and theme, whatever their polarity), ``low`` and
    ``high`` the bootstrap interval of f1 over comments. ``unclear`` and ``no answer`` are no themes here. Every
    comment is judged by a classifier that has seen neither it nor another of the same text. Null where nothing can be
    said: all but ``comments`` in "with" when fewer than ``least`` comments are corrected, and in both when there is no
    theme on either side.

    As people correct what they see is wrong, both come out lower than over all comments; compare them to each other.
    """
    ids, _, taught = _taught(corrections, comment_vectors, found)
    known = found.select("response_id").unique()
    silent = _chosen(corrections, known).join(comment_vectors, on="response_id", how="anti")
    total = len(ids) + silent["response_id"].n_unique()
    unlearned = _pairs(silent, found.join(silent, on="response_id", how="semi"))
    pairs = {"without": np.vstack([_counts(taught.found, taught.chosen), unlearned])}
    if len(ids) >= least:
        pairs["with"] = np.vstack([_counts(_cross_validated(taught, folds, seed), taught.chosen), unlearned])
    rows = [
        {"method": name, "comments": total, **_measured(pairs.get(name), seed, level)} for name in ("without", "with")
    ]
    numbers = dict.fromkeys(("precision", "recall", "f1", "low", "high"), pl.Float64)
    return pl.DataFrame(rows, schema={"method": pl.String, "comments": pl.Int64, **numbers})


def _is_open() -> pl.Expr:
    return (pl.col("theme") == UNCLEAR) & pl.col("polarity").is_null()


def _is_theme() -> pl.Expr:
    return ~pl.col("theme").is_in([UNCLEAR, NO_ANSWER])


def _matrix(frame: pl.DataFrame) -> tuple[pl.Series, Floats]:
    """The response_id of the rows that have a vector, and their vectors."""
    known = frame.filter(pl.col("vector").is_not_null())
    if known.is_empty():
        return known["response_id"], np.zeros((0, SIZE))
    return known["response_id"], known["vector"].to_numpy().astype(np.float64)


def _chosen(corrections: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """``response_id, theme`` as people chose for the ``known`` comments."""
    kind = known.schema["response_id"]
    cast = corrections.select(pl.col("response_id").cast(kind, strict=False), pl.col("theme").cast(pl.String))
    return cast.drop_nulls().unique().join(known, on="response_id", how="semi")


def _taught(
    corrections: pl.DataFrame, comment_vectors: pl.DataFrame, found: pl.DataFrame | None
) -> tuple[pl.Series, tuple[str, ...], Taught]:
    """The corrected comments that have a vector, in one order; the themes anybody gave them; and what is known."""
    if found is not None:
        comment_vectors = comment_vectors.join(found, on="response_id", how="semi")
    chosen = _chosen(corrections, comment_vectors)
    rows = comment_vectors.join(chosen, on="response_id", how="semi").unique("response_id", keep="first")
    ids, vectors = _matrix(rows.sort(pl.col("response_id").cast(pl.String)))
    if found is None:
        found = pl.DataFrame({"response_id": ids}).with_columns(theme=pl.lit(UNCLEAR), polarity=pl.lit(None, pl.String))
    told = found.join(chosen, on="response_id", how="semi")
    themes = tuple(sorted({*chosen.filter(_is_theme())["theme"], *told.filter(_is_theme())["theme"]}))
    is_open = ids.is_in(told.filter(_is_open())["response_id"].to_list()).to_numpy()
    return ids, themes, Taught(vectors, _flags(chosen, ids, themes), _flags(told, ids, themes), is_open)


def _flags(pairs: pl.DataFrame, ids: pl.Series, themes: tuple[str, ...]) -> Flags:
    """A row per id, a column per theme: whether they are paired."""
    flags = np.zeros((len(ids), len(themes)), dtype=np.bool_)
    places = {theme: column for column, theme in enumerate(themes)}
    order = pl.DataFrame({"response_id": ids}).with_row_index("row")
    for row, theme in order.join(pairs, on="response_id").select("row", "theme").iter_rows():
        if theme in places:
            flags[row, places[theme]] = True
    return flags


def _cross_validated(taught: Taught, folds: int, seed: int) -> Flags:
    """What rules and classifier say of every comment, by a classifier that has not seen its fold."""
    together = taught.found.copy()
    places = fold_of(taught.vectors, folds=folds, seed=seed)
    for fold in np.unique(places):
        held = places == fold
        weights, thresholds = fit(taught.some(~held), seed=seed)
        together[held] |= (taught.vectors[held] @ weights >= thresholds) & taught.open[held, None]
    return together


def _counts(found: Flags, chosen: Flags) -> Floats:
    """Per comment: pairs in both, pairs found, pairs chosen."""
    return np.column_stack([(found & chosen).sum(axis=1), found.sum(axis=1), chosen.sum(axis=1)]).astype(np.float64)


def _pairs(chosen: pl.DataFrame, found: pl.DataFrame) -> Floats:
    """``_counts`` of comments that have no vector."""
    ids = chosen["response_id"].unique().sort()
    themes = tuple(sorted({*chosen.filter(_is_theme())["theme"], *found.filter(_is_theme())["theme"]}))
    return _counts(_flags(found, ids, themes), _flags(chosen, ids, themes))


def _measured(pairs: Floats | None, seed: int, level: float) -> dict[str, float | None]:
    """precision, recall, f1, low, high of per-comment counts."""
    names = ("precision", "recall", "f1", "low", "high")
    if pairs is None or not pairs[:, 1:].any():
        return dict.fromkeys(names)
    right, found, chosen = pairs.sum(axis=0)
    sums = resampled_sums(pairs, seed=seed)
    of = sums[:, 1] + sums[:, 2]
    low, high = bounds(2 * sums[of > 0, :1] / of[of > 0, None], level=level)
    shares = (right / found if found else None, right / chosen if chosen else None, 2 * right / (found + chosen))
    return dict(zip(names, (*shares, float(low[0]), float(high[0])), strict=True))
