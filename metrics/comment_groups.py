"""Comments that say the same, put together: by meaning, or by letters where the encoder does not know the language.

Work grows with the square of the number of comments, as one product of matrices: 10,000 take some seconds.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

SAME_MEANING = 0.4
"""Cosine of vectors from which on two comments are near; of unrelated ones 99 in 100 are below 0.3."""
SAME_LETTERS = 0.35
"""Cosine of weighted n-grams from which on two comments are near."""
TOGETHER = 0.3
"""The share of the others of its group that a comment must be near to."""
GRAMS = 512
_BLOCK = 512


def groups(vectors: Floats, grams: Floats, *, least: int) -> list[list[int]]:
    """Groups of rows that are near to one another, largest first; rows are in one group or in none.

    ``vectors`` and ``grams`` have a row per comment, of length 1 or 0 (0 where nothing can be said). Two rows are near
    when either cosine is high enough. The row with most near rows leads the first group, and so on with those left
    (Butina 1999, Journal of Chemical Information and Computer Sciences 39); members that are near to too few others
    of their group are let go. The same rows give the same groups; ties go to the earlier row.

    >>> same = np.array([[1, 0], [1, 0], [0, 1], [1, 0]], dtype=np.float32)
    >>> groups(same, np.zeros_like(same), least=2)
    [[0, 1, 3]]
    """
    near = _near(vectors, grams)
    counts = near.sum(axis=1, dtype=np.int64)
    free = np.ones(len(near), dtype=np.bool_)
    found: list[list[int]] = []
    while len(near) and counts[leader := int(np.argmax(np.where(free, counts, -1)))] >= least and free[leader]:
        members = _close_knit(np.flatnonzero(near[leader] & free), near, least)
        taken = members if len(members) else np.array([leader])
        if len(members):
            found.append([int(member) for member in members])
        free[taken] = False
        counts -= near[taken].sum(axis=0, dtype=np.int64)
    return sorted(found, key=lambda group: (-len(group), group))


def _close_knit(members: NDArray[np.int64], near: Flags, least: int) -> NDArray[np.int64]:
    """The members without those that are near to few of the others; none when too few stay.

    The worst go first, half of the members at most, as the others look better without them.
    """
    together = near[np.ix_(members, members)].sum(axis=1, dtype=np.int64) - 1
    while len(members) >= least:
        loose = np.flatnonzero(together < TOGETHER * (len(members) - 1))
        if not len(loose):
            return members
        worst = loose[np.argsort(together[loose], kind="stable")][: max(1, len(members) // 2)]
        kept = np.delete(np.arange(len(members)), worst)
        together = together[kept] - near[np.ix_(members[kept], members[worst])].sum(axis=1, dtype=np.int64)
        members = members[kept]
    return members[:0]


def _near(vectors: Floats, grams: Floats) -> Flags:
    """Which rows are near to which."""
    rows = len(vectors)
    near = np.zeros((rows, rows), dtype=np.bool_)
    for start in range(0, rows, _BLOCK):
        block = slice(start, start + _BLOCK)
        here = vectors[block] @ vectors[start:].T >= SAME_MEANING
        here |= grams[block] @ grams[start:].T >= SAME_LETTERS
        near[block, start:] = here
        near[start:, block] = here.T
    return near


def gram_vectors(comments: Sequence[Iterable[str]]) -> Floats:
    """A row per comment, given as its folded words: weights of their n-grams, rarer ones more, of length 1 or 0.

    The weights (TF-IDF) are hashed to 512 places, half of them negative, so that two n-grams in one place cancel as
    often as they add. Three and four letters of each word with its borders; Chinese words are taken whole.

    >>> alike = gram_vectors([["parcare", "conferinta"], ["parcarea", "conferinte"], ["pretul"]])
    >>> bool(alike[0] @ alike[1] > 0.5), bool(alike[0] @ alike[2] < 0.2)
    (True, True)
    """
    counted = [sorted({gram for word in words for gram in _grams(word)}) for words in comments]
    spread = Counter(gram for grams in counted for gram in grams)
    places: dict[str, tuple[int, float]] = {}
    for gram, count in spread.items():
        number = zlib.crc32(gram.encode())
        weight = math.log((1 + len(counted)) / (1 + count)) + 1
        places[gram] = (number >> 1) % GRAMS, weight if number & 1 else -weight
    matrix = np.zeros((len(counted), GRAMS), dtype=np.float32)
    for row, grams in enumerate(counted):
        for place, weight in (places[gram] for gram in grams):
            matrix[row, place] += weight
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix /= np.where(lengths > 0, lengths, 1)
    return matrix


@lru_cache(maxsize=100_000)
def _grams(word: str) -> tuple[str, ...]:
    if "㐀" <= word[:1] <= "鿿":
        return (word,)
    edged = f" {word} "
    return tuple(edged[start : start + size] for size in (3, 4) for start in range(len(edged) - size + 1))
