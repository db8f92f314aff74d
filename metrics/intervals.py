"""Confidence intervals of shares and of their differences, and the verdict an executive reads.

Every rate on a page stands beside an interval from here, and every "up" or "down" is one that the interval
supports. Sources: Wilson (1927), "Probable inference", JASA 22; Newcombe (1998), two papers in Statistics in
Medicine 17, on the single proportion (method 3) and on the difference between two (method 10).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal, NamedTuple

import polars as pl

Verdict = Literal["up", "down", "within noise", "too few"]

FEWEST = 30
"""With fewer observations than this on either side, no change is called up, down or noise."""


class Change(NamedTuple):
    """A change with its interval and what may be said of it."""

    change: float
    low: float
    high: float
    verdict: Verdict


def z_value(level: float = 0.95) -> float:
    """How many standard errors on either side of an estimate make a two-sided interval at ``level``.

    >>> round(z_value(0.95), 3)
    1.96
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}.\n\nHint: a level is a share between 0 and 1, for example 0.95.")
    return NormalDist().inv_cdf((1 + level) / 2)


def wilson(successes: pl.Expr, n: pl.Expr, *, level: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """The Wilson score interval of a share: two expressions named ``low`` and ``high``, in 0..1.

    Null where ``n`` is 0 or null, where ``successes`` is null, and where ``successes`` lies outside 0..n (that
    is no share). Unlike the textbook (Wald) interval it never leaves 0..1 and never shrinks to a point at 0 of n
    or n of n.

    >>> low, high = wilson(pl.col("kept"), pl.col("n"))
    >>> answers = pl.DataFrame({"kept": [81, 0], "n": [263, 0]})
    >>> answers.select(low.round(4), high.round(4))
    shape: (2, 2)
    ┌────────┬────────┐
    │ low    ┆ high   │
    │ ---    ┆ ---    │
    │ f64    ┆ f64    │
    ╞════════╪════════╡
    │ 0.2553 ┆ 0.3662 │
    │ null   ┆ null   │
    └────────┴────────┘
    """
    z = z_value(level)
    successes, n = successes.cast(pl.Float64), n.cast(pl.Float64)
    is_share = (n > 0) & n.is_finite() & (successes >= 0) & (successes <= n)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = (share * (1 - share) / n + z * z / (4 * n * n)).sqrt() * z / (1 + z * z / n)
    # At the ends the formula gives 0 and 1 but for the last bit; say it exactly.
    low = pl.when(successes == 0).then(0.0).otherwise((centre - half).clip(0, 1))
    high = pl.when(successes == n).then(1.0).otherwise((centre + half).clip(0, 1))
    return pl.when(is_share).then(low).alias("low"), pl.when(is_share).then(high).alias("high")


def difference(s1: float, n1: float, s2: float, n2: float, *, level: float = 0.95) -> tuple[float, float, float]:
    """The difference of two independent shares, ``s1/n1 - s2/n2``, with Newcombe's interval.

    Returns (difference, low, high), each in -1..1; all three are NaN when either ``n`` is 0, because nothing was
    observed on that side. Built from the two Wilson intervals, it holds for small counts and for shares near 0
    and 1, where the usual interval does not.

    >>> [round(value, 4) for value in difference(56, 70, 48, 80)]
    [0.2, 0.0524, 0.3339]
    """
    if n1 == 0 or n2 == 0:
        return math.nan, math.nan, math.nan
    share1, low1, high1 = _share(s1, n1, level)
    share2, low2, high2 = _share(s2, n2, level)
    change = share1 - share2
    low = change - math.hypot(share1 - low1, high2 - share2)
    high = change + math.hypot(high1 - share1, share2 - low2)
    return change, max(low, -1.0), min(high, 1.0)


def verdict(low: float | None, high: float | None, n1: float, n2: float, *, fewest: int = FEWEST) -> Verdict:
    """What may be said of a change with the interval ``low..high`` whose two sides rest on ``n1`` and ``n2``.

    ``too few`` when either side has under ``fewest`` observations or there is no interval (null or NaN); ``up``
    when the whole interval lies above 0, ``down`` when it lies below; else ``within noise``, which does not mean
    that nothing changed, only that these counts cannot tell.

    >>> verdict(0.0524, 0.3339, 70, 80), verdict(-0.1, 0.2, 70, 80), verdict(0.1, 0.9, 12, 80)
    ('up', 'within noise', 'too few')
    """
    if low is None or high is None or math.isnan(low) or math.isnan(high) or min(n1, n2) < fewest:
        return "too few"
    if low > 0:
        return "up"
    return "down" if high < 0 else "within noise"


def share_change(
    s_before: float,
    n_before: float,
    s_after: float,
    n_after: float,
    *,
    level: float = 0.95,
    fewest: int = FEWEST,
) -> Change:
    """The change of a share from before to after, with Newcombe's interval and its verdict.

    Change, low and high are NaN when either side observed nothing; the verdict is then ``too few``.

    >>> share_change(48, 80, 56, 70).verdict
    'up'
    """
    change, low, high = difference(s_after, n_after, s_before, n_before, level=level)
    return Change(change, low, high, verdict(low, high, n_before, n_after, fewest=fewest))


def _share(successes: float, n: float, level: float) -> tuple[float, float, float]:
    """A share and its Wilson bounds, from the same expression that frames use."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share.\n\nHint: successes must lie between 0 and n.")
    low, high = wilson(pl.lit(successes), pl.lit(n), level=level)
    bounds = pl.select(low, high).row(0)
    return successes / n, bounds[0], bounds[1]
