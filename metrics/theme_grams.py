"""Sentences as weights of their character n-grams: near to each other where they are written alike.

It catches inflections, typing errors and the names of things, in any language. The weights (TF-IDF) come from the
examples alone, so that a comment's themes do not depend on the other comments of the day.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.theme_text import fold

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

_WORD = re.compile(r"[\u3400-\u9fff]+|[^\W_\u3400-\u9fff]+")
"""A word, or a run of Chinese, which shows none."""


@dataclass(frozen=True, eq=False)
class Grams:
    """The n-grams of some texts: the row of each, its ``rarity``, and that of one that none of them has."""

    rows: dict[str, int]
    rarity: Floats
    unseen: float

    def weights(self, text: str) -> tuple[Rows, Floats]:
        """The rows of a text's n-grams and their weights, as of a vector of length 1 (less, where some are unseen)."""
        counts = grams(text)
        known = [(self.rows[gram], 1 + math.log(count)) for gram, count in counts.items() if gram in self.rows]
        rows = np.array([row for row, _ in known], dtype=np.int64)
        weights = np.array([weight for _, weight in known]) * self.rarity[rows] if known else np.zeros(0)
        strange = sum((1 + math.log(count)) ** 2 for gram, count in counts.items() if gram not in self.rows)
        length = math.sqrt(float(weights @ weights) + strange * self.unseen**2)
        return rows, weights / length if length else weights


def learn_grams(texts: Sequence[str]) -> Grams:
    """The n-grams of ``texts``, rarer ones weighing more.

    >>> learned = learn_grams(["The pages load slowly.", "Nobody answers."])
    >>> same, other = (learned.weights(text) for text in ("the pags load slowly", "thanks"))
    >>> round(float(same[1] @ same[1]), 1), len(other[0])
    (0.7, 1)
    """
    spread = Counter(gram for text in texts for gram in grams(text))
    rarity = np.array([math.log((1 + len(texts)) / (1 + count)) + 1 for count in spread.values()])
    return Grams({gram: row for row, gram in enumerate(spread)}, rarity, math.log(1 + len(texts)) + 1)


def products(weighted: Sequence[tuple[Rows, Floats]], size: int) -> Floats:
    """The scalar product of each of these vectors with each, ``size`` being how many n-grams there are."""
    holders: list[list[int]] = [[] for _ in range(size)]
    weights: list[list[float]] = [[] for _ in range(size)]
    for position, (rows, values) in enumerate(weighted):
        for row, value in zip(rows.tolist(), values.tolist(), strict=True):
            holders[row].append(position)
            weights[row].append(value)
    found = np.zeros((len(weighted), len(weighted)))
    for held, carried in zip(holders, weights, strict=True):
        if len(held) > 1:
            found[np.ix_(held, held)] += np.outer(carried, carried)
        elif held:
            found[held[0], held[0]] += carried[0] ** 2
    return found


def grams(text: str) -> Counter[str]:
    """The n-grams of a text's words and how often they occur: of 3 and 4 letters, borders counting; of Chinese 1, 2.

    >>> sorted(grams("Slow"))
    [' sl', ' slo', 'low', 'low ', 'ow ', 'slo', 'slow']
    >>> sorted(grams("太贵"))
    ['太', '太贵', '贵']
    """
    found: Counter[str] = Counter()
    for word in _WORD.findall(fold(text)):
        han = "\u3400" <= word[0] <= "\u9fff"
        found.update(_pieces(word if han else f" {word} ", (1, 2) if han else (3, 4)))
    return found


def _pieces(word: str, sizes: Iterable[int]) -> list[str]:
    return [word[start : start + size] for size in sizes for start in range(len(word) - size + 1)]
