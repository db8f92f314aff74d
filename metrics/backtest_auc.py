"""How well each measure tells those who will leave from those who stay: the area under the ROC curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from metrics.backtest import contracts, known_bounds
from metrics.bootstrap import Floats, resampled_sums
from metrics.inputs import Frame
from metrics.measures import GROUPS

SCORE, TREND, EVERYBODY = "score", "mrr_trend", "everyone healthy"
"""The score itself, and the two baselines it has to beat."""

FEWEST_LEFT = 20
"""With fewer accounts that left, or that stayed, no verdict."""

_BINS = 25
_SCHEMA: dict[str, Any] = {
    "contracts": pl.String,
    "measure": pl.String,
    "kind": pl.String,
    "n": pl.Int64,
    "missing": pl.Int64,
    "churned": pl.Int64,
    "accounts_left": pl.Int64,
    "auc": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "verdict": pl.String,
}


def area(values: Floats, left: NDArray[np.bool_]) -> float:
    """The chance that one who stayed has a higher value than one who left, a tie counting half; NaN without either.

    The area under the ROC curve is this chance (Hanley and McNeil 1982, Radiology 143): the statistic of Mann and
    Whitney over the number of pairs.

    >>> area(np.array([1.0, 2.0, 2.0, 3.0]), np.array([True, True, False, False]))
    0.875
    """
    gone, stayed = int(left.sum()), int((~left).sum())
    if not gone or not stayed:
        return float("nan")
    ranks = pl.Series(values).rank("average").to_numpy()
    return float((ranks[~left].sum() - stayed * (stayed + 1) / 2) / (gone * stayed))


def _binned_area(gone: Floats, stayed: Floats) -> Floats:
    """``area`` of histograms (draws x bins, the lowest values first); a shared bin is a tie."""
    below = gone.cumsum(axis=1) - gone / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = (below * stayed).sum(axis=1) / (gone.sum(axis=1) * stayed.sum(axis=1))
    return found


def _bins(values: Floats) -> NDArray[np.intp]:
    """The bin of each value: one per distinct value, or as many of about equal size as there may be."""
    ordered = np.sort(values)
    distinct = ordered[np.append(ordered[1:] > ordered[:-1], True)]
    if distinct.size > _BINS:
        distinct = np.unique(ordered[np.linspace(0, ordered.size, _BINS + 1)[1:].astype(np.intp) - 1])
    return np.searchsorted(distinct, values)


@dataclass(frozen=True)
class Outcomes:
    """Who left, row by row: ``left``, and ``unit``, the number of the row's account, below ``units``.

    All measures number accounts alike, known or not, so that they share their resamples.
    """

    left: NDArray[np.bool_]
    unit: NDArray[np.intp]
    units: int

    def where(self, known: NDArray[np.bool_]) -> Outcomes:
        """The rows of ``known``."""
        return Outcomes(self.left[known], self.unit[known], self.units)

    def accounts(self, *, left: bool) -> int:
        """How many accounts have a row that left, or that stayed."""
        return int(np.count_nonzero(np.bincount(self.unit[self.left == left])))


def area_interval(
    values: Floats, outcomes: Outcomes, *, level: float = 0.95, seed: int = 0
) -> tuple[float | None, float | None, float | None]:
    """``area`` with its interval when whole accounts, with all their rows, are resampled; None for what has none.

    Resamples are worked out on 25 bins, which makes them sums; what that shifts the area by is taken off.
    """
    exact = area(values, outcomes.left)
    if np.isnan(exact):
        return None, None, None
    bins, units = _bins(values), outcomes.units
    most = int(bins.max(initial=0)) + 1
    place = (outcomes.unit * 2 + outcomes.left) * most + bins
    table = np.bincount(place, minlength=units * 2 * most).reshape(units, 2 * most).astype(np.float64)
    sums = resampled_sums(table, seed=seed)
    low, high = known_bounds(_binned_area(sums[:, most:], sums[:, :most]), level=level)
    if low is None or high is None:
        return exact, None, None
    whole = table.sum(axis=0, keepdims=True)
    shift = exact - float(_binned_area(whole[:, most:], whole[:, :most])[0])
    return exact, min(max(low + shift, 0.0), 1.0), min(max(high + shift, 0.0), 1.0)


def auc(tried: Frame, *, level: float = 0.95, seed: int = 0) -> pl.DataFrame:
    """How well the score, each group and each measure told those who left from those who stayed, from ``backtest``.

    One row per ``contracts`` (``all``, or those that ``could end`` in the time) and ``measure``; ``kind`` is ``score``,
    ``baseline``, ``group`` or ``measure``. ``n`` account-months where it is known, ``missing`` where it is not (they
    are left out); of ``n``, ``churned``; ``accounts_left``, distinct accounts among those. ``auc``: the chance that an
    account-month that stayed has a higher value than one that left, 0.5 by chance, 1 always; with ``low`` and
    ``high``; null when none left, or all. ``verdict``:

    - ``predicts``: the whole interval is above 0.5;
    - ``wrong way``: it is below; those with a higher value leave more often;
    - ``does not predict``: 0.5 is in it, so it cannot be told from chance;
    - ``too few``: fewer than 20 accounts left, or stayed.

    Two baselines: ``everyone healthy``, which tells nobody from anybody (0.5), and ``mrr_trend``, the change of MRR in
    the three months before. An account stands in several month ends, so whole accounts are resampled. With as many
    measures as there are, one in forty predicts by luck alone.
    """
    rows = tried.lazy().with_columns(unit=pl.col("account_id").rank("dense").cast(pl.Int64) - 1).collect()
    units = rows["account_id"].n_unique()
    found = [row for name, part in contracts(rows) for row in _table(name, part, units, level, seed)]
    return pl.DataFrame(found, schema=_SCHEMA, orient="row")


def _kinds() -> dict[str, str]:
    """What is tried, in the order shown: each group before its measures, unless it is only one and says the same."""
    kinds = {SCORE: "score", EVERYBODY: "baseline", TREND: "baseline"}
    for group, names in GROUPS.items():
        kinds |= {group: "group"} | (dict.fromkeys(names, "measure") if len(names) > 1 else {})
    return kinds


def _table(name: str, rows: pl.DataFrame, units: int, level: float, seed: int) -> list[dict[str, Any]]:
    """The rows of ``auc`` for some rows of ``backtest``."""
    outcomes = Outcomes(rows["churned"].to_numpy().astype(bool), rows["unit"].to_numpy().astype(np.intp), units)
    everybody = np.zeros(rows.height)
    found = []
    for measure, kind in _kinds().items():
        values = everybody if measure == EVERYBODY else rows[measure].to_numpy().astype(np.float64)
        found.append({"contracts": name, "measure": measure, "kind": kind, **_one(values, outcomes, level, seed)})
    return found


def _one(values: Floats, outcomes: Outcomes, level: float, seed: int) -> dict[str, Any]:
    known = ~np.isnan(values)
    values, outcomes = values[known], outcomes.where(known)
    left, stayed = outcomes.accounts(left=True), outcomes.accounts(left=False)
    exact, low, high = area_interval(values, outcomes, level=level, seed=seed)
    return {
        "n": values.size,
        "missing": known.size - values.size,
        "churned": int(outcomes.left.sum()),
        "accounts_left": left,
        "auc": exact,
        "low": low,
        "high": high,
        "verdict": _verdict(low, high, min(left, stayed)),
    }


def _verdict(low: float | None, high: float | None, fewest: int) -> str:
    if low is None or high is None or fewest < FEWEST_LEFT:
        return "too few"
    if low > 0.5:
        return "predicts"
    return "wrong way" if high < 0.5 else "does not predict"
