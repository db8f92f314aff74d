"""What the onboarding page says about its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from pages.shared import words
from pages.shared.findings.contacts import sums
from pages.shared.tables import Column

WITHIN = {"30 days": 30, "60 days": 60, "90 days": 90, "180 days": 180}
VALUE = "First value"
_NAME, _MRR, _CSM = Column("Account", pinned=True), Column("MRR", "money"), Column("CSM")
_COUNTS = {
    "size": Column("Accounts", "count"),
    "reached": Column("Reached", "count"),
    "rate": Column("Share", "percent"),
    "low": Column("Low", "percent", help="95% interval"),
    "high": Column("High", "percent", help="95% interval"),
    "median_days": Column("Half within", "count", help="Days; empty: half have not got there"),
    "running": Column("Time not over", "count"),
    "state": Column("State"),
}
STEPS = {"step": Column("Step"), **_COUNTS}
MONTHS = {"month": Column("Signed up", "month"), "step": Column("Step"), **_COUNTS}
STUCK = {
    "name": _NAME,
    "step": Column("Stuck before"),
    "days": Column("Stuck, days", "count", help="Days since the step before, or since sign-up"),
    "usual_days": Column("Usual, days", "count", help="Nine in ten of those who passed this step took no longer"),
    "passed": Column("Passed by", "count", help="Accounts the usual days are told from"),
    "mrr": _MRR,
    "signed_up_on": Column("Signed up", "day"),
    "plan": Column("Plan"),
    "csm_name": _CSM,
}
REACHED = {
    "name": _NAME,
    "in_time": Column("Reached in time", "flag"),
    "days": Column("After, days", "count", help="Days from sign-up; empty: not yet"),
    "reached_on": Column("Reached", "day"),
    "start_on": Column("Signed up", "day"),
    "segment": Column("Segment"),
    "csm_name": _CSM,
}


def share_note(row: Mapping[str, Any]) -> str:
    """What a share rests on."""
    if not row["size"]:
        return f"nobody's time is over yet, {row['running']:,} on the way"
    interval = words.between(row["low"], row["high"])
    return f"95% {interval} · {row['reached']:,} of {words.plural(row['size'], 'account')}"


def days(value: float | None) -> str:
    """So many days, in words."""
    return words.NOTHING if value is None else words.plural(round(value), "day")


def labelled(funnel: pl.DataFrame) -> pl.DataFrame:
    """The funnel with a label for each step: its place, its name, and how soon half are there."""
    soon = [
        f", half within {days(row['median_days'])}" if row["median_days"] is not None else "" for row in rows(funnel)
    ]
    labels = [f"{row['position']} · {row['step']}{said}" for row, said in zip(rows(funnel), soon, strict=True)]
    return funnel.with_columns(label=pl.Series(labels, dtype=pl.String), key="step", n="size")


def rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """A small frame's rows."""
    return frame.to_dicts()


def headline(funnel: pl.DataFrame, value: pl.DataFrame, stuck: pl.DataFrame, within: int, currency: str) -> str:
    """How many get value, and how many are stuck."""
    got = next(iter(rows(value)), None)
    if got is None or not got["size"]:
        return f"Nobody who signed up has had {within} days yet"
    said = f"{words.percent(got['rate'], digits=0)} of new accounts get value within {within} days"
    if got["median_days"] is not None:
        said += f", half of all within {days(got['median_days'])}" if got["median_days"] else ", half of all on day one"
    if funnel.is_empty():
        return said
    return f"{said}; {stuck_said(stuck, currency)}"


def stuck_said(stuck: pl.DataFrame, currency: str) -> str:
    """How many are stuck, and what they pay."""
    return "nobody is stuck" if stuck.is_empty() else f"{sums(stuck, currency)} {_are(stuck)} stuck"


def _are(stuck: pl.DataFrame) -> str:
    return "is" if stuck.height == 1 else "are"


def detail(value: pl.DataFrame, months: int) -> str:
    """How many new accounts there are, and of how many the time is over."""
    found = rows(value)
    over, young = (sum(row[name] for row in found) for name in ("size", "running"))
    said = f"{words.plural(over + young, 'account')} signed up in the last {months} months"
    return f"{said}; shares are of the {over:,} whose time is over."


def funnel_said(funnel: pl.DataFrame, within: int) -> str:
    """Which step most do not get past."""
    known = [row for row in rows(funnel) if row["rate"] is not None]
    if not known:
        return "Onboarding, step by step"
    least = min(known, key=lambda row: (row["rate"], row["position"]))
    name, share = words.inert(least["step"]), words.percent(least["rate"], digits=0)
    return f"“{name}” is reached by fewest: {share} within {within} days"


def time_said(value: Mapping[str, Any]) -> str:
    """How soon half of the new accounts have value."""
    if value["median_days"] is None:
        return "Time to value"
    return (
        f"Half have value {days(value['median_days'])} after they sign up"
        if value["median_days"]
        else "Half have value on the day they sign up"
    )


def step_options(funnel: pl.DataFrame) -> dict[str, str | None]:
    """What a trend may be of: value first, then the steps in order."""
    return {VALUE: None} | {row["step"]: row["step"] for row in rows(funnel.sort("position"))}


def months_said(months: pl.DataFrame, name: str) -> str:
    """The best and the worst month that is final and has accounts enough to say so."""
    known = months.filter(pl.col("state") == "final", pl.col("size") >= 5).sort("rate", "month")
    if known.height < 2:
        return f"{words.inert(name)} by month of sign-up"
    worst, best = rows(known)[0], rows(known)[-1]
    shares = [words.percent(row["rate"], digits=0) for row in (worst, best)]
    when = [words.month(row["month"]) for row in (worst, best)]
    return f"{words.inert(name)}: from {shares[0]} of {when[0]} to {shares[1]} of {when[1]}"
