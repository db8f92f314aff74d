"""The arithmetic of learning themes from corrections: ridge regression in closed form, and thresholds that hold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

EXAMPLES = 3
"""Corrected comments with a theme that it takes to learn the theme."""
RIDGE = 0.3
RARITY = 0.25
"""How much more a rare theme's comments count: the power of comments per comment with the theme."""
RIGHT = 0.6
"""The least share of what is added that must be right, on comments the regression has not seen."""
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Taught:
    """Corrected comments, a row each: vectors; themes (a column each) people chose and rules found; which are open.

    A comment is open when the rules found nothing: only there themes are added.
    """

    vectors: Floats
    chosen: Flags
    found: Flags
    open: Flags

    def some(self, rows: Flags) -> Taught:
        """These rows alone."""
        return Taught(self.vectors[rows], self.chosen[rows], self.found[rows], self.open[rows])


def fit(taught: Taught, *, seed: int) -> tuple[Floats, Floats]:
    """Weights (a column per theme) and thresholds, infinite for themes that are never added.

    Thresholds come from folds of comments, each scored by a regression that has not seen it: the one for all themes
    that gives the best micro-F1 while enough of what is added is right, raised for a theme until that holds for it.
    """
    scores = np.full(taught.chosen.shape, -np.inf)
    folds = fold_of(taught.vectors, folds=FOLDS, seed=seed)
    for fold in np.unique(folds):
        held = folds == fold
        weights = ridge(taught.vectors[~held], taught.chosen[~held])
        scores[held] = np.where(weights.any(axis=0), taught.vectors[held] @ weights, -np.inf)
    weights = ridge(taught.vectors, taught.chosen)
    return weights, np.where(weights.any(axis=0), _thresholds(scores, taught), np.inf)


def fold_of(vectors: Floats, *, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of every row: by a hash of its vector, so that one text is in one fold whatever its themes and place."""
    names = [hashlib.sha256(f"{seed}".encode() + row.tobytes()).hexdigest() for row in vectors]
    places = {name: place % folds for place, name in enumerate(sorted(set(names)))}
    return np.array([places[name] for name in names], dtype=np.int64)


def ridge(vectors: Floats, chosen: Flags) -> Floats:
    """Weights, a column per theme, by which comments with the theme come near to 1 or more and others to -1.

    The 1 grows with the theme's rarity, or the many without it would drown it. Zeros for themes of too few comments.
    """
    rows, size = vectors.shape
    counts = chosen.sum(axis=0)
    targets = np.where(chosen, (rows / np.maximum(counts, 1)) ** RARITY, -1.0) * (counts >= EXAMPLES)
    if rows <= size:  # the same numbers either way; the smaller system is the faster one
        dual: Floats = np.linalg.solve(vectors @ vectors.T + RIDGE * np.eye(rows), targets)
        return vectors.T @ dual
    primal: Floats = np.linalg.solve(vectors.T @ vectors + RIDGE * np.eye(size), vectors.T @ targets)
    return primal


def micro_f1(found: Flags, chosen: Flags) -> float:
    """2 * pairs in both / (pairs found + pairs chosen); 0 when there are none."""
    return float(2 * (found & chosen).sum() / max(1, found.sum() + chosen.sum()))


def _thresholds(scores: Floats, taught: Taught) -> Floats:
    """The score from which on each theme is added to an open comment; infinite where it never is."""
    scores = np.where(taught.open[:, None], scores, -np.inf)
    finite = scores[np.isfinite(scores)]
    best, common = micro_f1(taught.found, taught.chosen), np.inf
    for threshold in np.unique(np.quantile(finite, np.linspace(0.5, 1, 80))) if finite.size else ():
        added = scores >= threshold
        better = micro_f1(taught.found | added, taught.chosen)
        if better > best and _mostly_right(added, taught.chosen):
            best, common = better, threshold
    themes = zip(scores.T, taught.chosen.T, strict=True)
    return np.array([_raised(theme, chosen, common) for theme, chosen in themes], dtype=np.float64)


def _raised(scores: Floats, chosen: Flags, common: float) -> float:
    """The lowest threshold from ``common`` up at which enough of what one theme adds is right."""
    for threshold in (common, *np.sort(scores[scores > common])):
        if _mostly_right(scores >= threshold, chosen):
            return float(threshold)
    return np.inf


def _mostly_right(added: Flags, chosen: Flags) -> bool:
    return bool((added & chosen).sum() >= RIGHT * added.sum())
