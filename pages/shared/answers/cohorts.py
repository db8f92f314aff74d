"""What the cohorts page asks: who started together, and how many of them, or how much of their MRR, stayed."""

from __future__ import annotations

from datetime import date
from itertools import combinations
from typing import Any, Literal, NamedTuple

import polars as pl

import settings
from metrics.intervals import difference, verdict
from metrics.presence import Cohorts, Returns
from metrics.retention import cohort_retention, cohort_units, pooled_curve
from metrics.revenue import account_movements, lifetime_curve, revenue_cohorts
from metrics.revenue_curve import revenue_cohort_accounts, revenue_curve
from pages.shared.data import cached, view_of
from pages.shared.filters import Who, narrow
from queries.frames import Frames

Unit = Literal["account_id", "user_id", "mrr"]
Period = Literal["month", "week"]
Kept = Literal["net", "gross"]
Group = Literal["plan", "segment", "country"]

MOST_GROUPS, FEWEST, FEWEST_AT_RISK = 5, 30, 10
"""Groups drawn at most; units a group needs to be drawn; units without which a curve is not drawn further."""


class Asked(NamedTuple):
    """What the viewer asked for; part of every cache key. ``kept`` matters to revenue, what follows it to use."""

    who: Who
    since: date
    unit: Unit = "account_id"
    period: Period = "month"
    kept: Kept = "net"
    returns: Returns = "on"
    cohorts: Cohorts = "first"
    uses: int = 1


def _table(frames: Frames, asked: Asked) -> dict[str, Any]:
    """The options of ``cohort_retention``; ``mrr`` is not among its units."""
    return {
        "since": asked.since,
        "until": frames.as_of,
        "unit": asked.unit,
        "period": asked.period,
        "returns": asked.returns,
        "cohorts": asked.cohorts,
        "min_returns": asked.uses,
        "as_of": frames.as_of,
        "week_start": frames.manifest.week_start,
        "day": "period",
        "count": "uses",
        "first": "first_period" if asked.unit == "user_id" and asked.cohorts == "first" else None,
    }


def _uses(frames: Frames, asked: Asked) -> pl.LazyFrame:
    """Use by account and person, from the rollup of the period; one row per account, person and period."""
    return narrow(frames, asked.who)["activity_monthly" if asked.period == "month" else "activity_weekly"]


def _groups(frames: Frames, group: Group) -> pl.LazyFrame:
    """``account_id`` and its group. A plan is the one an account began with: the later one is earned by staying."""
    if group != "plan":
        return frames.accounts.select("account_id", group)
    begun = frames.subscriptions.filter(pl.col("plan").is_not_null())
    first = begun.sort("started_on", "mrr", descending=[False, True], nulls_last=True)
    return first.group_by("account_id", maintain_order=True).agg(pl.col("plan").first())


@cached
def _moves(frames: Frames, who: Who, since: date) -> pl.DataFrame:
    """What each account did to MRR from the first cohort on; the accounts chosen are chosen as they are today."""
    held = settings.get().revenue
    chosen = narrow(frames, who)
    return account_movements(
        chosen["subscriptions"],
        since=since,
        until=frames.as_of,
        as_of=frames.as_of,
        grace_days=held.grace_days,
        pause_max_days=held.pause_max_days,
        accounts=chosen["accounts"],
        fx_rates=None if "fx_rates" in frames.missing else frames.fx_rates,
    )


@cached
def triangle(frames: Frames, asked: Asked) -> pl.DataFrame:
    """Cells of the cohort triangle, from the cohort holding ``since`` to the running one."""
    if asked.unit == "mrr":
        return revenue_cohorts(_moves(view_of(frames), asked.who, asked.since), kept=asked.kept)
    return cohort_retention(_uses(frames, asked), **_table(frames, asked))


@cached
def curve(frames: Frames, asked: Asked) -> pl.DataFrame:
    """All cohorts of the triangle pooled: what is kept by periods since the first."""
    if asked.unit == "mrr":
        return revenue_curve(_moves(view_of(frames), asked.who, asked.since), kept=asked.kept)
    return pooled_curve(triangle(view_of(frames), asked))


@cached
def curves(frames: Frames, asked: Asked, group: Group) -> pl.DataFrame:
    """The pooled curve of each group, under ``group``; rows without one are in none."""
    groups = _groups(frames, group).drop_nulls(group)
    if asked.unit == "mrr":
        moves = _moves(view_of(frames), asked.who, asked.since).drop(group, strict=False).lazy()
        found = revenue_curve(moves.join(groups, on="account_id"), kept=asked.kept, segment=group)
    else:
        uses = _uses(frames, asked).join(groups, on="account_id")
        found = pooled_curve(cohort_retention(uses, **_table(frames, asked), segment=group), segment=group)
    return found.rename({group: "group"})


@cached
def survival(frames: Frames, who: Who, group: Group | None = None) -> pl.DataFrame:
    """The share of paying customers still here by days since they first paid, of all time; ``group`` where one is."""
    held = settings.get().revenue
    chosen = narrow(frames, who)
    found = lifetime_curve(
        chosen["subscriptions"],
        by=group,
        as_of=frames.as_of,
        accounts=chosen["accounts"],
        grace_days=held.grace_days,
        pause_max_days=held.pause_max_days,
    )
    return found if group is None else found.drop_nulls(group).rename({group: "group"})


@cached
def halves(frames: Frames, asked: Asked, index: int) -> pl.DataFrame:
    """The newer half of the cohorts observed at ``index`` against the older: one row, or none without two halves.

    ``older, newer`` (rates), ``since`` (the newer half's first cohort), ``low, high, verdict`` of the difference.
    Later returns would favour the older half, and recurring cohorts overlap: neither is compared.
    """
    found = triangle(view_of(frames), asked).filter(
        (pl.col("index") == index) & (pl.col("state") == "final") & (pl.col("size") > 0)
    )
    if asked.unit == "mrr" or asked.cohorts == "recurring" or found.height < 2:
        return pl.DataFrame()
    half = found.height // 2
    older, newer = found.head(half), found.tail(found.height - half)
    counts = [float(part[name].sum()) for part in (newer, older) for name in ("retained", "size")]
    _, low, high = difference(*counts)
    row = {
        "older": counts[2] / counts[3],
        "newer": counts[0] / counts[1],
        "since": newer["cohort"][0],
        "low": low,
        "high": high,
        "verdict": verdict(low, high, counts[1], counts[3]),
    }
    return pl.DataFrame([row])


@cached
def apart(frames: Frames, asked: Asked, group: Group, index: int, names: tuple[str, ...]) -> pl.DataFrame:
    """The best and the worst of the groups ``names`` at ``index``, and whether they differ: one row, or none.

    ``best, worst`` (names), ``best_rate, worst_rate`` and ``verdict``. The interval allows for every pair one could
    have picked. Rates of money differ when their intervals do not touch; null where there are no intervals.
    """
    rows = curves(view_of(frames), asked, group).filter(
        (pl.col("index") == index) & pl.col("group").is_in(names) & pl.col("rate").is_not_null()
    )
    if rows.height < 2:
        return pl.DataFrame()
    ranked = rows.sort("rate", descending=True).to_dicts()
    best, worst = ranked[0], ranked[-1]
    told: str | None = None
    if best["low"] is not None and worst["high"] is not None:
        if asked.unit == "mrr":
            told = "up" if best["low"] > worst["high"] else "within noise"
        else:
            level = 1 - 0.05 / len(list(combinations(names, 2)))
            _, low, high = difference(best["retained"], best["size"], worst["retained"], worst["size"], level=level)
            told = verdict(low, high, best["size"], worst["size"])
    row = {"best": best["group"], "best_rate": best["rate"], "worst": worst["group"], "worst_rate": worst["rate"]}
    return pl.DataFrame([{**row, "verdict": told}], schema_overrides={"verdict": pl.String})


@cached
def members(frames: Frames, asked: Asked, cohort: date, index: int) -> pl.DataFrame:
    """The accounts, or people with their account, behind one cell; who came back or still pays, and who does not."""
    accounts = frames.accounts.select("account_id", "name", "segment", "country").collect()
    if asked.unit == "mrr":
        moves = _moves(view_of(frames), asked.who, asked.since)
        units = revenue_cohort_accounts(moves, cohort=cohort, index=index, kept=asked.kept)
        change = pl.col("pays") - pl.col("paid")
        return units.with_columns(change=change).join(accounts, on="account_id", how="left").sort("change", "name")
    units = cohort_units(_uses(frames, asked), cohort=cohort, index=index, **_table(frames, asked))
    if asked.unit == "user_id":
        owners = frames.people.select("user_id", "account_id", person="name").collect()
        units = units.join(owners, on="user_id", how="left")
    return units.join(accounts, on="account_id", how="left").sort("retained", "name", nulls_last=True)


@cached
def steepest(frames: Frames, asked: Asked) -> pl.DataFrame:
    """The period that cost most: one row ``index, before, after`` (rates of the same cohorts), or none.

    Both rates are of the cohorts that are final at ``index``; the pooled curve's own steps also move because ever
    fewer cohorts are old enough. Periods that fewer than 30 units reached are left out.
    """
    cells = triangle(view_of(frames), asked)
    units = "accounts" if asked.unit == "mrr" else "size"
    earlier = cells.select("cohort", pl.col("index") + 1, before="retained")
    final = cells.filter((pl.col("state") == "final") & (pl.col("index") > 0) & (pl.col("size") > 0))
    sums = (
        final.join(earlier, on=["cohort", "index"])
        .group_by("index")
        .agg(pl.col("before", "retained", "size").sum().cast(pl.Float64), units=pl.col(units).sum())
        .filter(pl.col("units") >= FEWEST)
    )
    lost = sums.filter(pl.col("retained") < pl.col("before"))
    ranked = lost.sort((pl.col("before") - pl.col("retained")) / pl.col("size"), "index", descending=[True, False])
    return ranked.head(1).select(
        "index", before=pl.col("before") / pl.col("size"), after=pl.col("retained") / pl.col("size")
    )
