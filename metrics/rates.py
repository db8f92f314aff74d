"""Rates of recurring revenue: what is kept of it, month by month or over a year, and whether it changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from metrics.bootstrap import bounds, resampled_sums
from metrics.inputs import Frame
from metrics.intervals import share_change, verdict, wilson
from metrics.month_ends import months_later
from metrics.month_table import Flags, Floats, MonthTable, Window
from metrics.movements import movements

FEWEST_ACCOUNTS, FEWEST_LOSSES = 30, 5
SCHEMA = {
    "month": pl.Date,
    "measure": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "losses": pl.Int64,
    "state": pl.String,
    "verdict": pl.String,
}
CHANGE_SCHEMA = {
    "measure": pl.String,
    "month": pl.Date,
    "value": pl.Float64,
    "before": pl.Float64,
    "change": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "n_before": pl.Int64,
    "verdict": pl.String,
    "state": pl.String,
}


@dataclass(frozen=True)
class Ratio:
    """A rate as two sums over accounts, with the accounts it rests on and those that lost."""

    above: Floats
    below: Floats
    n: int
    losses: int

    @property
    def value(self) -> float | None:
        """Null where there is nothing to divide by."""
        below = float(self.below.sum())
        return float(self.above.sum()) / below if below else None

    @property
    def enough(self) -> bool:
        """Whether there is enough to say how sure the rate is."""
        return self.n >= FEWEST_ACCOUNTS and self.losses >= FEWEST_LOSSES


Measure = Callable[[Window], Ratio]
Key = tuple[int, str]
Interval = tuple[float | None, float | None]


def _count(test: Flags) -> int:
    return int(test.sum())


def _grr(months: Window) -> Ratio:
    paying, kept = months.opening > 0, np.minimum(months.opening, months.kept)
    return Ratio(kept * paying, months.opening, _count(paying), _count(paying & (kept < months.opening)))


def _nrr(months: Window) -> Ratio:
    paying = months.opening > 0
    return Ratio(months.kept * paying, months.opening, _count(paying), _count(paying & (months.kept < months.opening)))


def _nrr_with_usage(months: Window) -> Ratio:
    opening, kept = months.opening + months.usage_opening, months.kept + months.usage_closing
    paying = opening > 0
    return Ratio(kept * paying, opening, _count(paying), _count(paying & (kept < opening)))


def _logo(months: Window) -> Ratio:
    here = months.present.astype(np.float64)
    return Ratio(here - months.left, here, _count(months.present), _count(months.left))


def _quick_ratio(months: Window) -> Ratio:
    there = (months.opening > 0) | (months.kept > 0) | (months.gained > 0) | (months.lost > 0)
    return Ratio(months.gained, months.lost, _count(there), _count(months.lost > 0))


def _paused(months: Window) -> Ratio:
    paying = months.opening > 0
    return Ratio(months.paused * paying, months.opening, _count(paying), _count(paying & (months.paused > 0)))


MEASURES: dict[str, Measure] = {
    "grr": _grr,
    "nrr": _nrr,
    "nrr_with_usage": _nrr_with_usage,
    "logo": _logo,
    "quick_ratio": _quick_ratio,
    "paused": _paused,
}


def _without_zombies(months: Window) -> Ratio:
    opening = months.opening * ~months.silent_opening
    paying, kept = opening > 0, months.kept * ~months.silent_closing
    return Ratio(kept * paying, opening, _count(paying), _count(paying & (kept < opening)))


def _resampled(ratios: list[Ratio], seed: int) -> Floats:
    """Every ratio in every resample, draws x ratios; infinite where a resample has nothing to divide by."""
    # Several rates share a sum (all divide by the opening); every sum is resampled once.
    sums = {id(sum_): sum_ for ratio in ratios for sum_ in (ratio.above, ratio.below)}
    place = {key: number for number, key in enumerate(sums)}
    drawn = resampled_sums(np.column_stack(list(sums.values())), seed=seed)
    above = drawn[:, [place[id(ratio.above)] for ratio in ratios]]
    below = drawn[:, [place[id(ratio.below)] for ratio in ratios]]
    return np.divide(above, below, out=np.full_like(above, np.inf), where=below != 0)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _bootstrapped(ratios: dict[Key, Ratio], *, level: float, seed: int) -> dict[Key, Interval]:
    """The bootstrap interval of every rate of money that rests on enough."""
    sure = {key: ratio for key, ratio in ratios.items() if ratio.enough and key[1] != "logo"}
    if not sure:
        return {}
    low, high = bounds(_resampled(list(sure.values()), seed), level=level)
    return {key: (_finite(low[place]), _finite(high[place])) for place, key in enumerate(sure)}


def rates(
    account_movements: Frame,
    *,
    span: int = 1,
    level: float = 0.95,
    seed: int = 20,
    zombies: Frame | None = None,
) -> pl.DataFrame:
    """What is kept of recurring revenue: over each month, or over the twelve months that end there (``span=12``).

    One row per month and measure: ``value`` (0..1 and above; null where there is nothing to divide by), ``low`` and
    ``high`` (null under 30 accounts or 5 losses; ``verdict`` then says ``too few``, else it is null), ``n`` (accounts
    it rests on), ``losses`` (those that lost), ``state``. Months with fewer than ``span`` months before their end
    have no row. All at the exchange rate of the opening (what rates did to each account is undone month by month, and
    over a pause at once). Measures, over accounts with an opening MRR:

    - ``grr``: gross revenue retention, Σ min(opening, closing) / Σ opening; what is paused counts as lost.
    - ``nrr``: net revenue retention, Σ closing / Σ opening; who was not paying at opening is in neither sum.
    - ``nrr_with_usage``: the same with metered MRR, an average of three month ends, added on both sides.
    - ``logo``: 1 − accounts that left / accounts paying or paused at opening. Who came and left within is in neither.
    - ``quick_ratio``: (new + expansion + reactivation + resumed) / (contraction + paused + churned), all accounts;
      null when nothing was lost.
    - ``paused``: the share of opening MRR that paused (over a ``span``: that is paused at its end).
    - ``nrr_without_zombies``, only with ``zombies`` (``account_id``, and ``month`` where it varies: marked at that
      month's close): what silent accounts pay is taken out of the opening and of the closing.

    Intervals of money are bootstrapped over accounts with a fixed seed, ``logo`` is Wilson's: a month's rate is a
    sample of what these customers could have done. ``span=12`` takes accounts paying twelve months ago as they are
    now; a product or an average of monthly rates, which some call annual retention, counts who left and came back as
    lost. A filter by plan keeps accounts that moved elsewhere: they are retained.
    """
    table = MonthTable.of(account_movements, zombies=zombies)
    measures = MEASURES if zombies is None else {**MEASURES, "nrr_without_zombies": _without_zombies}
    windows = {last: table.at(last, span) for last in range(span - 1, len(table.months))}
    ratios = {(last, name): measure(months) for last, months in windows.items() for name, measure in measures.items()}
    ends = _bootstrapped(ratios, level=level, seed=seed)
    found = pl.DataFrame(
        [
            (
                table.months[last],
                name,
                ratio.value,
                *ends.get((last, name), (None, None)),
                ratio.n,
                ratio.losses,
                table.state(last),
                None if ratio.enough else "too few",
            )
            for (last, name), ratio in ratios.items()
        ],
        schema=SCHEMA,
        orient="row",
    )
    wilsons = wilson(pl.col("n") - pl.col("losses"), pl.col("n"), level=level)
    shares = (pl.col("measure") == "logo") & pl.col("verdict").is_null()
    return found.with_columns(
        pl.when(shares).then(end).otherwise(name).alias(name)
        for name, end in zip(("low", "high"), wilsons, strict=True)
    )


def arr(account_movements: Frame) -> pl.DataFrame:
    """Annual recurring revenue: twelve times the MRR at each month's close.

    One row per month: ``arr`` and ``mrr`` (minor units), ``accounts`` paying or paused, ``state``. It is a run rate,
    not a forecast: nothing of what is known to come, planned starts and requested ends, is in it. Metered use is not.

    >>> from metrics.movements import COLUMNS
    >>> arr(pl.DataFrame(schema=COLUMNS)).height
    0
    """
    return movements(account_movements).select(
        "month", arr=pl.col("closing") * 12, mrr="closing", accounts="accounts_closing", state="state"
    )


def rate_change(
    account_movements: Frame, *, as_of: date, span: int = 1, level: float = 0.95, seed: int = 20
) -> pl.DataFrame:
    """Every rate of the last full month against the one before it, and whether the change is real.

    One row per measure of :func:`rates`: ``month`` (the last one over at ``as_of``; never the running one), ``value``
    and ``before`` (null where there was nothing to divide by), ``change``, its interval ``low`` and ``high``, ``n``
    and ``n_before``, ``verdict``: ``up``, ``down``, ``within noise``, or ``too few`` (under 30 accounts on
    either side, or under 5 losses on both; the quick ratio, which divides by losses, needs 5 on each). No row when
    either month is not in the frame.

    Money rates are bootstrapped with both months on the same resampled accounts; ``logo`` has Newcombe's interval.
    With ``span=12`` the two windows share eleven months, and only such a paired interval tells their difference from
    noise.
    """
    table = MonthTable.of(account_movements)
    full = months_later(as_of.replace(day=1), -1)
    if full not in table.months or table.months.index(full) < span:
        return pl.DataFrame(schema=CHANGE_SCHEMA)
    last = table.months.index(full)
    now, before = table.at(last, span), table.at(last - 1, span)
    pairs = {name: (measure(now), measure(before)) for name, measure in MEASURES.items()}
    drawn = _resampled([ratio for pair in pairs.values() for ratio in pair], seed)
    with np.errstate(invalid="ignore"):
        low, high = bounds(np.nan_to_num(drawn[:, 0::2] - drawn[:, 1::2], nan=np.inf), level=level)
    rows = [
        (name, full, *_changed(name, *pair, (_finite(low[place]), _finite(high[place])), level), table.state(last))
        for place, (name, pair) in enumerate(pairs.items())
    ]
    return pl.DataFrame(rows, schema=CHANGE_SCHEMA, orient="row")


def _changed(
    name: str, now: Ratio, before: Ratio, interval: Interval, level: float
) -> tuple[float | None, float | None, float | None, float | None, float | None, int, int, str]:
    """Value, value before, change, its interval, both counts and the verdict of one measure."""
    counts = (now.n, before.n)
    if now.value is None or before.value is None:
        return now.value, before.value, None, None, None, *counts, "too few"
    change = now.value - before.value
    losses = (min if name == "quick_ratio" else max)(now.losses, before.losses)
    if min(counts) < FEWEST_ACCOUNTS or losses < FEWEST_LOSSES:
        return now.value, before.value, change, None, None, *counts, "too few"
    if name == "logo":
        found = share_change(before.n - before.losses, before.n, now.n - now.losses, now.n, level=level)
        interval = (found.low, found.high)
    return now.value, before.value, change, *interval, *counts, verdict(*interval, *counts)
