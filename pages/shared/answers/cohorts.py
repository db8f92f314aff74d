"""What the cohorts page asks: who signed up together, and how many of them came back."""

from __future__ import annotations

from datetime import date
from typing import Literal

import polars as pl

from metrics.retention import cohort_retention, cohort_units, pooled_curve
from pages.shared.data import cached
from pages.shared.filters import Who, narrow
from queries.frames import Frames

Unit = Literal["account_id", "user_id"]
Period = Literal["month", "week"]
Returns = Literal["on", "on_or_after"]


def _uses(frames: Frames, who: Who, period: Period) -> pl.LazyFrame:
    """Use by account and person, from the rollup of the period; one row per account, person and period."""
    return narrow(frames, who)["activity_monthly" if period == "month" else "activity_weekly"]


def _options(frames: Frames, unit: Unit, period: Period, returns: Returns) -> dict[str, object]:
    return {
        "unit": unit,
        "period": period,
        "returns": returns,
        "as_of": frames.as_of,
        "week_start": frames.manifest.week_start,
        "day": "period",
        "count": "uses",
        "first": "first_period" if unit == "user_id" else None,
    }


@cached
def triangle(
    frames: Frames, who: Who, since: date, unit: Unit = "account_id", period: Period = "month", returns: Returns = "on"
) -> pl.DataFrame:
    """Cells of the cohort triangle, from the cohort holding ``since`` to the running one."""
    options = _options(frames, unit, period, returns)
    return cohort_retention(_uses(frames, who, period), since=since, until=frames.as_of, **options)  # type: ignore[arg-type]


@cached
def curve(
    frames: Frames, who: Who, since: date, unit: Unit = "account_id", period: Period = "month", returns: Returns = "on"
) -> pl.DataFrame:
    """All cohorts of the triangle pooled: retention by periods since the first."""
    options = _options(frames, unit, period, returns)
    cells = cohort_retention(_uses(frames, who, period), since=since, until=frames.as_of, **options)  # type: ignore[arg-type]
    return pooled_curve(cells)


@cached
def members(
    frames: Frames,
    who: Who,
    since: date,
    unit: Unit,
    period: Period,
    returns: Returns,
    cohort: date,
    index: int,
) -> pl.DataFrame:
    """The accounts, or people with their account, behind one cell; who came back, and who did not."""
    options = _options(frames, unit, period, returns)
    uses = _uses(frames, who, period)
    units = cohort_units(uses, cohort=cohort, index=index, since=since, until=frames.as_of, **options)  # type: ignore[arg-type]
    if unit == "user_id":
        owners = frames.people.select("user_id", "account_id", person="name").collect()
        units = units.join(owners, on="user_id", how="left")
    accounts = frames.accounts.select("account_id", "name", "segment", "country").collect()
    return units.join(accounts, on="account_id", how="left").sort("retained", "name", nulls_last=True)
