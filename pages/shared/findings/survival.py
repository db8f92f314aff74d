"""What the cohorts page says about how long customers stay."""

from __future__ import annotations

from typing import Any

import polars as pl

from pages.shared import words
from pages.shared.answers.cohorts import FEWEST_AT_RISK

_MONTH = 30.4375


def _months(day: float) -> str:
    return words.plural(int(day / _MONTH), "month")


def months(survival: pl.DataFrame) -> pl.DataFrame:
    """The survival curve as far as it rests on enough customers, with ``months`` since the first payment and ``n``."""
    enough = survival.filter(pl.col("at_risk") >= FEWEST_AT_RISK)
    return enough.with_columns(months=pl.col("day") / _MONTH, n="at_risk")


def tell_month(months: float) -> str:
    """A place on the axis of the survival curve, in words."""
    return f"month {months:.0f}"


def _at(curve: pl.DataFrame, day: float) -> dict[str, Any] | None:
    """The row that holds on a day; None beyond the last one."""
    if curve.is_empty() or curve["day"].max() < day:  # type: ignore[operator]
        return None
    return curve.filter(pl.col("day") <= day).sort("day").row(-1, named=True)


def _median(curve: pl.DataFrame) -> float | None:
    """The median in days, if enough customers were followed that long to believe it."""
    median = curve["median"][0] if curve.height else None
    last = curve["day"].max() if curve.height else None
    return float(median) if median is not None and last is not None and median <= last else None


def survived(curve: pl.DataFrame) -> tuple[str, str]:
    """How long customers stay: the median, or how many are there after the longest time known."""
    if curve.is_empty() or curve.height < 2:
        return "Too few customers have paid to say how long they stay", "It takes ten."
    last, year, median = curve.row(-1, named=True), _at(curve, 12 * _MONTH), _median(curve)
    if median is not None:
        said = f"Half of all customers stay {_months(median)} or longer"
    else:
        share = words.percent(last["survival"], digits=0)
        said = f"{share} of customers are still here {_months(last['day'])} after they first paid"
    parts = ["Everybody who ever paid, whatever the period above."]
    if year is not None and year["low"] is not None:
        interval = words.between(year["low"], year["high"])
        parts.insert(0, f"{words.percent(year['survival'])} stay their first year (95% interval {interval}).")
    if median is None:
        parts.append("Fewer than half have left so far, so there is no median yet.")
    return said, " ".join(parts)


def survived_by(curves: pl.DataFrame, group: str, left_out: str) -> tuple[str, str]:
    """How many of each group stay a year, and the median of each."""
    parts = {str(name[0]): part for name, part in curves.group_by("group", maintain_order=True)}
    years = {name: row for name, part in parts.items() if (row := _at(part, 12 * _MONTH)) is not None}
    ranked = sorted(years.items(), key=lambda item: -item[1]["survival"])
    medians = {name: _median(part) for name, part in parts.items()}
    known = [f"{words.inert(name)} {_months(median)}" for name, median in medians.items() if median is not None]
    open_ended = [words.inert(name) for name, median in medians.items() if median is None]
    said = [f"Half stay at least: {', '.join(known)}."] if known else []
    said += [f"More than half still here: {', '.join(open_ended)}."] if open_ended else []
    said += ["The plan is the first they paid for."] if group == "plan" else []
    said += [left_out] if left_out else []
    if not ranked:
        return f"Too few to say by {group} how long customers stay", " ".join(said)
    listed = ", ".join(f"{words.inert(name)} {words.percent(row['survival'], digits=0)}" for name, row in ranked)
    return f"They stay their first year: {listed}", " ".join(said)
