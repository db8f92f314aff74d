"""How an account used the product before a day: more or less than earlier, with value or without, what not at all."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from metrics.inputs import Columns, Frames, day, source
from metrics.stretches import PAYS, prepare, spans
from metrics.value_use import REACHED, WINDOW, entitled_features, feature_rules, with_rules

KEY = ["account_id", "until"]

_WEEKLY: Columns = {"account_id": pl.String, "period": pl.Date, "uses": pl.Int64}
_LINES: Columns = {"account_id": pl.String, "plan": pl.String, "started_on": pl.Date, "ended_on": pl.Date}
_STEPS: Columns = {"account_id": pl.String, "onboarding_step": pl.String, "reached_at": pl.Date}
Sums = npt.NDArray[np.float64]
_FEWEST = 10  # a median over fewer accounts would mostly be the account itself
_MONTH_GAP, _WEEK_GAP = 31, 28  # days without any use by anybody, after which we say that nothing was recorded


def paying_runs(cases: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    """``cases`` with ``since``, the first day of the unbroken paid run to ``until``, and ``began``.

    ``began`` is the first day ever: sign-up, or the first paid day where that is earlier or sign-up is not known.
    """
    paid = prepare(source(frames, "subscriptions", {}), as_of=_last(cases)).filter(PAYS)
    units = paid.select("u", account_id="unit").unique()
    runs = spans(paid).join(units, on="u").select("account_id", "start", "end")
    own = cases.join(runs, on="account_id").filter(pl.col("start") < pl.col("until"))
    found = own.group_by(KEY).agg(
        since=pl.col("start").filter(pl.col("end") >= pl.col("until")).max(), began=pl.col("start").min()
    )
    accounts = source(frames, "accounts", {"account_id": pl.String, "signed_up_at": pl.Date})
    signed_up = accounts.group_by("account_id").agg(signed_up=day("signed_up_at").min()).collect()
    return (
        cases.join(found, on=KEY, how="left")
        .join(signed_up, on="account_id", how="left")
        .with_columns(began=pl.min_horizontal("began", "signed_up"))
        .drop("signed_up")
    )


def _last(cases: pl.DataFrame) -> date:
    last = cases["until"].max()
    return last if isinstance(last, date) else date.min


def _recorded(cases: pl.DataFrame, on: str, seen: pl.Series, gap: int) -> pl.Series:
    """Since when use had been recorded without a break on the day ``on`` of each case; null where it was not.

    A stretch of ``gap`` days in which nobody at all used anything is a break.
    """
    days = pl.DataFrame({"seen": seen.unique().sort()}, schema={"seen": pl.Date})
    begins = (pl.col("seen").diff().dt.total_days() > gap).fill_null(True)
    runs = days.with_columns(run=pl.when(begins).then("seen").forward_fill()).with_columns(on="seen")
    asked = cases.select(on=pl.col(on)).with_row_index("row").sort("on")
    return asked.join_asof(runs, on="on", strategy="backward", tolerance=f"{gap}d").sort("row")["run"]


# --- more or less than before, by weeks ----------------------------------------------------------------------------


def _four_weeks(rows: pl.DataFrame, first: date, weeks: int) -> tuple[dict[str, int], Sums]:
    """Uses in the four weeks up to each week from ``first`` on: a row per account, whose place is given, x weeks.

    One table of numbers in place of a join per week: ten times faster with many accounts.
    """
    accounts = rows["account_id"].unique().sort()
    account = rows["account_id"].cast(pl.Enum(accounts)).to_physical().to_numpy().astype(np.int64)
    week = (rows["period"] - first).dt.total_days().to_numpy() // 7
    uses = np.bincount(account * weeks + week, weights=rows["uses"].to_numpy(), minlength=len(accounts) * weeks)
    so_far = np.cumsum(uses.reshape(len(accounts), weeks), axis=1, dtype=np.float64)
    so_far[:, 4:] -= so_far[:, :-4].copy()
    return {name: place for place, name in enumerate(accounts)}, so_far


def _usual(before: Sums, after: Sums) -> float | None:
    """Everybody's median change; null with too few accounts."""
    used = before > 0
    return float(np.median(after[used] / before[used] - 1)) if used.sum() >= _FEWEST else None


def _changes(cases: pl.DataFrame, rows: pl.DataFrame, first: date) -> pl.DataFrame:
    """``account_id, until, uses_before, use_change, usual_change`` of cases that were served in all of their weeks."""
    schema = {"uses_before": pl.Int64, "use_change": pl.Float64, "usual_change": pl.Float64}
    if cases.is_empty():
        return cases.select(KEY).with_columns(pl.lit(None, kind).alias(name) for name, kind in schema.items())
    weeks = cases.select((pl.col("now") - first).dt.total_days().max() // 7 + 1).item()
    begins = rows.filter(pl.col("period").is_between(first, first + timedelta(days=7 * weeks - 1)))
    places, sums = _four_weeks(begins, first, weeks)
    usual: dict[tuple[int, int], float | None] = {}
    found = []
    for account, now, then in cases.select(
        "account_id", *((pl.col(name) - first).dt.total_days() // 7 for name in ("now", "then"))
    ).iter_rows():
        if (now, then) not in usual:
            usual[now, then] = _usual(sums[:, then], sums[:, now])
        # No row is no use, where use was recorded.
        before, after = sums[places[account], [then, now]].tolist() if account in places else (0.0, 0.0)
        found.append((int(before), after / before - 1 if before > 0 else None, usual[now, then]))
    return cases.select(KEY).hstack(pl.DataFrame(found, schema, orient="row"))


def use_change(runs: pl.DataFrame, frames: Frames, *, days: int = 90) -> pl.DataFrame:
    """Uses in the last four whole weeks before a day against the last four before the ``days`` began.

    One row per row of ``runs`` (``account_id, until, since`` of ``paying_runs``): ``use_until``, first day after those
    weeks; ``uses_before``, ``use_change`` (-1..; null where nothing was used before) and ``usual_change``, the median
    change of all accounts between the same weeks (null with fewer than 10), which a holiday moves. Every use counts,
    log-ins too, by people and integrations. Null where the account did not pay through all of those weeks, or use
    was not recorded.
    """
    rows = (
        source(frames, "activity_weekly", _WEEKLY).select("account_id", "period", pl.col("uses").fill_null(0)).collect()
    )
    grid = pl.lit(rows["period"].min(), dtype=pl.Date)

    def last_week(before: pl.Expr) -> pl.Expr:
        return grid + pl.duration(days=((before - grid).dt.total_days() // 7 - 1) * 7)

    known = runs.with_columns(now=last_week(pl.col("until")), then=last_week(pl.col("until") - pl.duration(days=days)))
    began = pl.col("then") - pl.duration(days=21)
    known = known.with_columns(recorded=_recorded(known, "now", rows["period"], _WEEK_GAP)).filter(
        pl.col("since") <= began, pl.col("recorded") <= began
    )
    first = known.select(began.min()).item()
    changes = _changes(known, rows, first).join(known.select(*KEY, "now"), on=KEY)
    return runs.select(KEY).join(
        changes.with_columns(use_until=pl.col("now") + pl.duration(days=7)).drop("now"), on=KEY, how="left"
    )


# --- with value or without, by 28 days to month ends -----------------------------------------------------------------


def _month_ends(frames: Frames) -> pl.LazyFrame:
    """The windows that end on month ends: only these stay from snapshot to snapshot, and with them what is said."""
    ends = pl.col("window_end")
    return source(frames, "usage_28d", WINDOW).filter(ends == ends.dt.month_end())


def _windows(cases: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    """Per month end, account of ``cases`` and feature: whether it is ``used``, and its threshold ``reached``."""
    rows = _month_ends(frames).join(cases.lazy().select("account_id").unique(), on="account_id", how="semi")
    return (
        with_rules(rows, frames.get("features"))
        .with_columns(reached=REACHED)
        .group_by("window_end", "account_id", "feature")
        .agg(
            pl.col("is_value", "onboarding_step").first(),
            (pl.col("uses").sum() > 0).alias("used"),
            pl.col("reached").any(),
        )
        .collect()
    )


def _silence(known: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """``days_silent, never_active`` of each case, from the windows up to the last month end before ``until``."""
    active = windows.filter("is_value", "reached").select("account_id", last="window_end").unique()
    last = known.join(active, on="account_id").filter(pl.col("last") <= pl.col("window"))
    idle = pl.col("window") - pl.max_horizontal("last", "since", pl.col("recorded").dt.offset_by("-27d"))
    ever = pl.col("last").is_not_null()
    return known.join(last.group_by(KEY).agg(pl.col("last").max()), on=KEY, how="left").select(
        *KEY,
        days_silent=pl.when("whole").then(idle.dt.total_days()),
        never_active=pl.when(ever).then(False).when("whole", "from_the_start").then(True),
    )


def _unused(known: pl.DataFrame, windows: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    """``unused_share``: of the key features that the plans of the last day entitle, those not in value use."""
    lines = source(frames, "subscriptions", _LINES)
    served = (pl.col("started_on") < pl.col("until")) & (pl.col("ended_on") >= pl.col("until")).fill_null(True)
    asked = known.filter("whole").select(*KEY, "window").with_columns(case=pl.concat_str(*KEY, separator="\n"))
    plans = asked.lazy().join(lines, on="account_id").filter(served).select("case", "plan").collect()
    paid_for = entitled_features(plans.rename({"case": "account_id"}), source(frames, "entitlements", {}))
    used = windows.filter("reached").select("account_id", "feature", window="window_end", used=pl.lit(True))
    return (
        with_rules(paid_for.rename({"account_id": "case"}), frames.get("features"))
        .filter("is_key")
        .collect()
        .join(asked, on="case")
        .join(used, on=["account_id", "feature", "window"], how="left")
        .group_by(KEY)
        .agg(unused_share=1 - pl.col("used").fill_null(False).mean())
    )


def _steps(known: pl.DataFrame, windows: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    """``steps_missing``: the onboarding steps that the account never took; null where its start was not recorded."""
    rules = feature_rules(frames.get("features"))
    by_use = pl.DataFrame({"step": [] if rules is None else rules["onboarding_step"]}, schema={"step": pl.String})
    states = source(frames, "milestones", _STEPS).select("account_id", step="onboarding_step", on=day("reached_at"))
    reached = states.collect()
    steps = pl.concat([by_use, reached.select("step")]).drop_nulls().unique()
    done = pl.concat([
        reached,
        windows.filter("used").select("account_id", step="onboarding_step", on="window_end").drop_nulls("step"),
    ])  # fmt: skip
    known = known.filter("whole", "from_the_start")
    taken = known.join(done, on="account_id").filter(pl.col("on") <= pl.col("until")).select(*KEY, "step")
    missing = known.select(KEY).join(steps, how="cross").join(taken.unique(), on=[*KEY, "step"], how="anti")
    sums = missing.group_by(KEY).agg(steps_missing=pl.col("step").sort())
    some = known.select(KEY).filter(pl.lit(not steps.is_empty()))
    return some.join(sums, on=KEY, how="left").with_columns(
        pl.col("steps_missing").fill_null(pl.lit([], pl.List(pl.String)))
    )


def value_before(runs: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    """What an account got from what it paid for, up to the last month end before a day.

    One row per row of ``runs``: ``days_silent``, from the last 28-day window in which somebody was value-active (or the
    first paid or recorded day, where that is later) to the last window: 0 when that was the last; ``never_active``,
    nobody ever was; ``unused_share`` (0..1) of the key features its plans pay for; ``steps_missing``, onboarding steps
    never taken.

    Windows end on month ends, so up to a month before the day is not seen, and a step taken on the one to three days
    a month that no window holds looks missing. Null where the account did not pay through the last window, use was
    not recorded then, or (``never_active`` true, ``steps_missing``) not from the account's start on.
    """
    windows = _windows(runs, frames)
    seen = _month_ends(frames).select(pl.col("window_end").unique()).collect()["window_end"]
    known = runs.with_columns(window=pl.col("until").dt.month_start().dt.offset_by("-1d"))
    known = known.with_columns(recorded=_recorded(known, "window", seen, _MONTH_GAP)).with_columns(
        whole=(pl.col("since") <= pl.col("window") - pl.duration(days=27)) & pl.col("recorded").is_not_null(),
        from_the_start=pl.col("recorded").dt.offset_by("-27d") <= pl.col("began"),
    )
    parts = (_unused(known, windows, frames), _steps(known, windows, frames))
    found = _silence(known, windows)
    for part in parts:
        found = found.join(part, on=KEY, how="left")
    return found
