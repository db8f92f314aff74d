"""Where a count stands among accounts that pay about as much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

# A window with more accounts than the last of these (many at one list price) is ranked by search, not by matrix.
_WIDTHS = (40, 96)


def _reach(x: Numbers, nearest: int) -> Numbers:
    """For each place of the sorted ``x`` the distance to its ``nearest``-th neighbour; infinite with fewer."""
    n = len(x)
    if n <= nearest + 1:
        return np.full(n, np.inf)
    # Of the windows of nearest + 1 places that hold a place, the best is where the right end becomes as far as the
    # left one: found by bisection, for all places at once.
    place = np.arange(n)
    low, high = np.maximum(place - nearest, 0), np.minimum(place, n - nearest - 1)
    first = low
    while (low < high).any():
        middle = (low + high) // 2
        balanced = x[middle + nearest] - x >= x - x[middle]
        low, high = np.where(balanced, low, np.minimum(middle + 1, high)), np.where(balanced, middle, high)
    before = np.maximum(low - 1, first)
    farthest = [np.maximum(x - x[left], x[left + nearest] - x) for left in (low, before)]
    reach: Numbers = np.minimum(farthest[0], farthest[1])
    return reach


def _windows(x: Numbers, nearest: int) -> tuple[Places, Places]:
    """First place and one past the last of each place's peers, itself among them; ties at the edge all belong."""
    far = _reach(x, nearest) * (1 + 1e-12) + 1e-12
    return np.searchsorted(x, x - far, side="left"), np.searchsorted(x, x + far, side="right")


def _below(values: Numbers, low: Places, high: Places) -> Numbers:
    """Per place the peers with less, plus half of those with the same."""
    rank, width, least = np.empty(len(values)), high - low, 0
    level = np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int32)
    for most in _WIDTHS:
        some = np.flatnonzero((width > least) & (width <= most))
        if len(some):
            rank[some] = _below_narrow(level, low[some], high[some], some)
        least = most
    wide = np.flatnonzero(width > least)
    window = low[wide] * (len(values) + 1) + high[wide]
    order = np.argsort(window, kind="stable")
    for here in np.split(wide[order], np.flatnonzero(np.diff(window[order])) + 1):
        if len(here):
            peers = np.sort(level[low[here[0]] : high[here[0]]])
            less, upto = (np.searchsorted(peers, level[here], side=side) for side in ("left", "right"))
            rank[here] = (less + upto - 1) / 2
    return rank


def _below_narrow(level: npt.NDArray[np.int32], low: Places, high: Places, places: Places) -> Numbers:
    span = np.arange((high - low).max())[None, :]
    peers = level[np.minimum(low[:, None] + span, len(level) - 1)]
    peers[span >= (high - low)[:, None]] = np.iinfo(np.int32).max
    own = level[places][:, None]
    less, upto = (peers < own).sum(axis=1), (peers <= own).sum(axis=1)
    below: Numbers = (less + upto - 1) / 2
    return below


def _percentiles(x: Numbers, counts: Numbers, nearest: int) -> tuple[Numbers, Numbers]:
    """Percentile of each count (accounts x counts) among peers in ``x``, and their number; NaN and 0 where none."""
    order = np.argsort(x, kind="stable")
    low, high = _windows(x[order], nearest)
    peers, percentile = np.empty(len(x)), np.empty(counts.shape)
    peers[order] = high - low - 1
    for column in range(counts.shape[1]):
        percentile[order, column] = _below(counts[order, column], low, high)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 100 * percentile / np.where(peers > 0, peers, np.nan)[:, None], peers


def _ranked(plan: Numbers, x: Numbers, counts: Numbers, nearest: int, least: int) -> tuple[Numbers, Numbers]:
    """As ``_percentiles``, within each plan; over all plans for those with fewer than ``least`` others on theirs."""
    _, which, sizes = np.unique(plan, return_inverse=True, return_counts=True)
    percentile, peers = np.full(counts.shape, np.nan), np.zeros(len(x))
    alone = sizes[which] - 1 < least
    if alone.any():
        over_all, number = _percentiles(x, counts, nearest)
        percentile[alone], peers[alone] = over_all[alone], number[alone]
    for place in np.flatnonzero(sizes - 1 >= least):
        members = np.flatnonzero(which == place)
        percentile[members], peers[members] = _percentiles(x[members], counts[members], nearest)
    return percentile, peers


def peer_percentiles(
    rows: pl.DataFrame, counts: Sequence[str], *, pay: pl.Expr, nearest: int = 30, least: int = 10
) -> pl.DataFrame:
    """``rows`` with the percentile (0..100) of each of ``counts`` among peers, and how many peers those are.

    Adds ``<count>_percentile`` and ``<count>_peers``. Peers are the ``nearest`` other accounts on the same ``plan`` by
    logarithm of what they ``pay``, with all that tie with the farthest of them; with fewer than ``least`` others on the
    plan, the nearest over all plans. The percentile is the share of peers with less, ties half. Null where nothing is
    paid, the count is not known, or nobody else is there; such accounts are nobody's peers.

    >>> rows = pl.DataFrame({"plan": ["Team"] * 3, "mrr": [100, 100, 100], "depth": [1, 2, 2]})
    >>> peer_percentiles(rows, ["depth"], pay=pl.col("mrr")).select("depth_percentile", "depth_peers").rows()
    [(0.0, 2), (75.0, 2), (75.0, 2)]
    """
    plan = rows.select(pl.col("plan").fill_null("").rank("dense").cast(pl.Float64)).to_series().to_numpy()
    paid = rows.select(pay.cast(pl.Float64).fill_null(0.0)).to_series().to_numpy()
    values = rows.select(pl.col(counts).cast(pl.Float64).fill_null(np.nan)).to_numpy()
    known = (paid > 0)[:, None] & ~np.isnan(values)
    percentile, peers = np.full(values.shape, np.nan), np.zeros(values.shape)
    # Counts known of the same accounts (breadth and depth, as a rule) have the same peers.
    alike: dict[bytes, list[int]] = {}
    for column in range(len(counts)):
        alike.setdefault(known[:, column].tobytes(), []).append(column)
    for columns in alike.values():
        members = np.flatnonzero(known[:, columns[0]])
        if len(members):
            place = np.ix_(members, np.array(columns))
            percentile[place], among = _ranked(plan[members], np.log(paid[members]), values[place], nearest, least)
            peers[place] = among[:, None]
    return rows.with_columns(
        *(pl.Series(f"{name}_percentile", percentile[:, i]).fill_nan(None) for i, name in enumerate(counts)),
        *(pl.Series(f"{name}_peers", peers[:, i].astype(np.int64)) for i, name in enumerate(counts)),
    )
