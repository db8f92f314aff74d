"""Bootstrap over accounts: how far a rate of money could have come out otherwise, had other accounts been ours."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_DRAWS, FEWEST_DRAWS, BUDGET = 1000, 200, 5_000_000
"""Draws per bootstrap: as many as keep accounts times draws within the budget."""

_BLOCK = 64  # draws at a time, so that a block stays in the processor's cache

# A Poisson number with mean 1 from 16 random bits: one more for every threshold reached.
_CUMULATED = np.cumsum([math.exp(-1) / math.factorial(count) for count in range(9)])
_THRESHOLDS = np.array([round(share * 65536) for share in _CUMULATED if round(share * 65536) < 65536], np.uint16)


@lru_cache(maxsize=2)
def _weights(units: int, draws: int, seed: int) -> NDArray[np.uint8]:
    """How often every unit is drawn in every resample, ``draws`` x ``units``; the same for the same three numbers.

    Kept, because one page asks for several rates of the same accounts.
    """
    random = np.random.default_rng(seed)
    weights = np.empty((draws, units), np.uint8)
    for start in range(0, draws, _BLOCK):
        block = weights[start : start + _BLOCK]
        bits = random.integers(0, 1 << 16, size=block.shape, dtype=np.uint16)
        block[:] = 0
        for threshold in _THRESHOLDS:
            block += (bits >= threshold).view(np.uint8)
    weights.flags.writeable = False
    return weights


def resampled_sums(columns: Floats, *, seed: int) -> Floats:
    """Sums of ``columns`` (one row per account) over resampled accounts: one row per draw.

    Every account is counted a Poisson number of times with mean 1, independently. For ratios of sums this is the
    ordinary bootstrap with replacement, but for the number of accounts drawn, which cancels (Hanley and MacGibbon
    2006, Computer Methods and Programs in Biomedicine 83); it is several times faster. All columns of a draw rest
    on the same accounts: two months are resampled together, and their difference has the interval it should.

    >>> sums = resampled_sums(np.ones((500, 1)), seed=1)
    >>> sums.shape, bool(abs(sums.mean() - 500) < 5)
    ((1000, 1), True)
    """
    units = columns.shape[0]
    draws = max(FEWEST_DRAWS, min(MOST_DRAWS, BUDGET // max(1, units)))
    weights, single = _weights(units, draws, seed), columns.astype(np.float32)
    sums = np.empty((draws, columns.shape[1]))
    for start in range(0, draws, _BLOCK):
        sums[start : start + _BLOCK] = weights[start : start + _BLOCK].astype(np.float32) @ single
    return sums


def bounds(samples: Floats, *, level: float) -> tuple[Floats, Floats]:
    """The percentile interval of every column of ``samples``; infinite where too many resamples are."""
    tail = (1 - level) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], axis=0, method="nearest")
    return low, high
