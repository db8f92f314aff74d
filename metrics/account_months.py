"""Every account's month: its MRR at opening and at closing, and whether it was paying, paused or absent.

The ground under :func:`metrics.movements.account_movements`, which names what happened between the two.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from metrics.inputs import Frame
from metrics.month_ends import Months, on_days, valued
from metrics.stretches import HOLDS, PAYS, spans

PAYING, PAUSED, ABSENT = "paying", "paused", "absent"
_VALUED = ("kind", "currency", "value", "mrr_local")


def _with_plan_key(stretches: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Stretches with ``plan_key``, and the plans that :func:`_plan` reads from it.

    The key carries value and plan in one number, so that a maximum finds the plan that pays most (of equals, the
    first by name; metered use comes last).
    """
    plans = stretches.select("plan").unique().sort("plan", descending=True).with_row_index("p")
    key = (pl.col("value") + (pl.col("kind") != "usage")) * plans.height + pl.col("p")
    return stretches.join(plans, on="plan").with_columns(plan_key=key).drop("p"), plans["plan"]


def _plan(keys: pl.Series, plans: pl.Series) -> pl.Series:
    """The plans of ``plan_key`` values."""
    return plans.gather(keys % max(1, plans.len()))


def _holds(cells: pl.DataFrame, stretches: pl.DataFrame, days: pl.Series, pause_max_days: int) -> pl.DataFrame:
    """The pauses that stand on a measured day: ``u, k, kept, since`` of units that pay nothing that day.

    ``since`` is the pause's first day; ``kept`` says that it has not lasted over ``pause_max_days``. A pause must
    follow paid service without a gap: one that begins after the customer has left does not bring them back.
    """
    on_hold = cells.filter("hold", ~pl.col("pays")).select("u", "k")
    on_hold = on_hold.join(days.to_frame().with_row_index("k"), on="k")
    some = stretches.join(on_hold.select("u").unique(), on="u", how="semi")
    held = spans(some.filter(HOLDS)).select("u", hold_start="start").sort("hold_start")
    paid = spans(some.filter(PAYS)).select("u", paid_end="end").sort("paid_end")
    found = on_hold.sort("day").with_columns(
        hold_start=on_hold.sort("day")
        .join_asof(held, left_on="day", right_on="hold_start", by="u", check_sortedness=False)
        .get_column("hold_start"),
        paid_end=on_hold.sort("day")
        .join_asof(paid, left_on="day", right_on="paid_end", by="u", check_sortedness=False)
        .get_column("paid_end"),
    )
    so_far = (pl.col("day") - pl.col("paid_end")).dt.total_days() + 1
    return found.filter(pl.col("hold_start") <= pl.col("paid_end")).select(
        "u", "k", kept=so_far <= pause_max_days, since="paid_end"
    )


def _lost_when_paused(holds: pl.DataFrame, stretches: pl.DataFrame) -> pl.DataFrame:
    """``u, since, lost``: the MRR at the close of the month before each pause began, at the constant rate.

    It is what the movement ``paused`` took away: an account that started and paused within a month lost nothing then.
    """
    asked = holds.select("u", "since").unique().with_columns(day=pl.col("since").dt.month_start().dt.offset_by("-1d"))
    served = asked.join(stretches.filter(PAYS).select("u", "start", "end", "value"), on="u").filter(
        pl.col("start") <= pl.col("day"), pl.col("day") < pl.col("end")
    )
    return served.group_by("u", "since").agg(lost=pl.col("value").sum())


def _cells(stretches: pl.DataFrame, months: Months, fx_rates: Frame | None) -> pl.DataFrame:
    """One row per unit and measured day with service: value at both rates, and the plan that pays most."""
    days = months.days
    over_from = days.search_sorted(stretches["service_end"], side="left").cast(pl.UInt32)
    rows = on_days(stretches.with_columns(over_from=over_from), days)
    return (
        valued(rows, months, fx_rates)
        .group_by("u", "k")
        .agg(
            pl.col("own", "before").sum(),
            pl.col("plan_key").max(),
            pays=PAYS.any(),
            hold=HOLDS.any(),
            open_gap=(pl.col("open_gap") & (pl.col("k") >= pl.col("over_from"))).any(),
        )
    )


def _back(paid: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """``c, again, then``: where a unit pays again in a currency (``c``), and the last day before on which it did."""
    change = np.zeros((days.len() + 1, paid.select(pl.col("c").n_unique()).item()), np.int64)
    for day, step in (("start", 1), ("end", -1)):
        np.add.at(change, (days.search_sorted(paid[day], side="left").to_numpy(), paid["c"].to_numpy()), step)
    pays = change.cumsum(axis=0)[:-1] > 0
    last = np.maximum.accumulate(np.where(pays, np.arange(days.len())[:, None], -1), axis=0)
    k, c = np.nonzero(pays[1:] & ~pays[:-1] & (last[:-1] >= 0))
    return pl.DataFrame({"c": c, "again": k + 1, "then": last[:-1][k, c]}).cast(pl.UInt32)


def _with_steady(cells: pl.DataFrame, stretches: pl.DataFrame, months: Months, fx_rates: Frame | None) -> pl.DataFrame:
    """``cells`` with ``steady``: each currency's part at the rate of the last day before on which the unit paid in it.

    That is ``before``, unless it pays again after days on which it did not.
    """
    if fx_rates is None:
        return cells.with_columns(steady="before")
    paid = stretches.filter(PAYS).with_columns(pl.col("currency").fill_null(""))
    paid = paid.join(paid.select("u", "currency").unique().with_row_index("c"), on=["u", "currency"])
    back = _back(paid, months.days).join(months.days.to_frame().with_row_index("again"), on="again")
    served = back.join(paid.select("c", "u", "start", "end", *_VALUED), on="c")
    served = served.filter(pl.col("start") <= pl.col("day"), pl.col("day") < pl.col("end"))
    then = valued(served.with_columns(k="then"), months, fx_rates)["own"]
    since = valued(served.with_columns(k="again"), months, fx_rates).with_columns(more=then - pl.col("before"))
    more = since.group_by("u", k="again").agg(pl.col("more").sum())
    return cells.join(more, on=["u", "k"], how="left").with_columns(
        steady=pl.col("before") + pl.col("more").fill_null(0)
    )


def line_changes(stretches: pl.DataFrame, months: Months, fx_rates: Frame | None) -> pl.DataFrame:
    """``u, k, line_paused, line_resumed``: what paused or parked lines stopped paying, and what they pay again.

    A line's fall counts as paused when it is on hold at closing, its rise as resumed when it was on hold at opening.
    Both at the month's opening rate.
    """
    line = ["u", "subscription_id", "line_id"]
    held = stretches.join(stretches.filter(HOLDS).select(line).unique(), on=line, how="semi")
    rows = valued(on_days(held, months.days), months, fx_rates)
    cells = rows.group_by(*line, "k").agg(pl.col("own", "before").sum(), hold=HOLDS.any())
    closing = cells.select(*line, "k", closing="before", held_closing="hold")
    opening = cells.select(*line, pl.col("k") + 1, opening="own", held_opening="hold")
    both = opening.join(closing, on=[*line, "k"], how="full", coalesce=True)
    rise = pl.col("closing").fill_null(0) - pl.col("opening").fill_null(0)
    return (
        both.with_columns(
            line_paused=pl.when("held_closing").then((-rise).clip(0)).otherwise(0),
            line_resumed=pl.when("held_opening").then(rise.clip(0)).otherwise(0),
        )
        .group_by("u", "k")
        .agg(pl.col("line_paused", "line_resumed").sum())
        .filter((pl.col("line_paused") > 0) | (pl.col("line_resumed") > 0))
    )


def metered(stretches: pl.DataFrame, months: Months) -> pl.DataFrame:
    """``u, k, usage_opening, usage_closing``: metered MRR, the average of three month ends (fewer when younger).

    One good or bad month of metered use is not an expansion or a loss; the average is what NRR with usage rests on.
    """
    rows = stretches.filter(pl.col("kind") == "usage")
    days = months.days_from(-2)  # so month k closes on days[k + 2]
    used = on_days(rows, days).group_by("u", "k").agg(pl.col("mrr").sum())
    began = rows.group_by("u").agg(first=pl.col("start").min())
    began = began.select("u", first=days.search_sorted(began["first"], side="left").cast(pl.Int64))
    spread = used.join(pl.DataFrame({"step": [0, 1, 2, 3]}), how="cross").select(
        "u", "mrr", "step", place=pl.col("k").cast(pl.Int64) + pl.col("step")
    )
    age = pl.col("place") - pl.col("first")
    now, before = (pl.col("mrr").filter(test).sum() for test in (pl.col("step") <= 2, pl.col("step") >= 1))
    return (
        spread.group_by("u", "place")
        .agg(now=now, before=before)
        .join(began, on="u")
        .select(
            "u",
            k=pl.col("place") - 2,
            usage_opening=(pl.col("before") / age.clip(1, 3)).round().cast(pl.Int64),
            usage_closing=(pl.col("now") / (age + 1).clip(1, 3)).round().cast(pl.Int64),
        )
        .filter(pl.col("k").is_between(1, months.count))
        .with_columns(pl.col("k").cast(pl.UInt32))
    )


def _inside(stretches: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """``u, k, inside_key``: units with paid service that began and ended between two measured days."""
    places = stretches.filter(PAYS).with_columns(
        k=days.search_sorted(stretches.filter(PAYS)["start"], side="left").cast(pl.UInt32),
        last=days.search_sorted(stretches.filter(PAYS)["end"], side="left").cast(pl.UInt32),
    )
    within = pl.col("k").is_between(1, days.len() - 1) & (pl.col("k") == pl.col("last"))
    return places.filter(within).group_by("u", "k").agg(inside_key=pl.col("plan_key").max())


def _on_grid(cells: pl.DataFrame, more: pl.DataFrame, months: Months, units: int) -> pl.DataFrame:
    """Every unit on every measured day, day by day, with its cell, and the cell of the day before as ``<name>_o``.

    A row's place is ``k * units + u``: the day before stands ``units`` rows above, and no join or sort is needed.
    """
    place = pl.col("k").cast(pl.Int64) * units + pl.col("u")
    grid = pl.select(place=pl.int_range(units * (months.count + 1), dtype=pl.Int64))
    for part in (cells, more):
        located = part.with_columns(place=place).drop("u", "k")
        grid = grid.join(located, on="place", how="left", maintain_order="left")
    earlier = pl.col("own", "plan_key", "pays", "hold", "status", "lost").shift(units).name.suffix("_o")
    return grid.with_columns(earlier).filter(pl.col("place") >= units)


def account_months(
    stretches: pl.DataFrame,
    months: Months,
    *,
    fx_rates: Frame | None,
    pause_max_days: int,
) -> pl.DataFrame:
    """One row per account and month with MRR, a pause, metered use, or paid days inside the month.

    ``opening`` and ``closing`` at their own rates, ``kept`` the closing at the month's opening rate, ``steady`` at
    those of the last closes before at which the account paid in each currency; the status at both ends; ``first_paid``
    (null: never); what the movements need of lines, pauses and late renewals.
    """
    rows, plans = _with_plan_key(stretches)
    cells = _cells(rows, months, fx_rates)
    cells = _with_steady(cells, rows, months, fx_rates)
    holds = _holds(cells, rows, months.days, pause_max_days)
    holds = holds.join(_lost_when_paused(holds, rows), on=["u", "since"], how="left")
    status = pl.when("pays").then(pl.lit(PAYING)).when("kept").then(pl.lit(PAUSED)).otherwise(pl.lit(ABSENT))
    cells = cells.join(holds.select("u", "k", "kept", "lost"), on=["u", "k"], how="left").with_columns(status=status)
    more = _inside(rows, months.days)
    for part in (metered(rows, months), line_changes(rows, months, fx_rates)):
        more = more.join(part, on=["u", "k"], how="full", coalesce=True)
    units = _units(rows)
    return _dressed(_on_grid(cells, more, months, units.height), units, months, plans)


def _units(rows: pl.DataFrame) -> pl.DataFrame:
    """``u, unit, first_paid``, one row per unit number, without holes."""
    count = rows.select(pl.col("u").max() + 1).item() or 0
    known = rows.group_by("u").agg(pl.col("unit").first(), first_paid=pl.col("start").filter(pl.col("value") > 0).min())
    return pl.select(u=pl.int_range(count, dtype=pl.UInt32)).join(known, on="u", how="left", maintain_order="left")


_AMOUNTS = {
    "opening": "own_o",
    "closing": "own",
    "kept": "before",
    "steady": "steady",
    "lost": "lost_o",
    "line_paused": "line_paused",
    "line_resumed": "line_resumed",
    "usage_opening": "usage_opening",
    "usage_closing": "usage_closing",
}
_PLAN_KEYS = {"plan_o": "plan_key_o", "plan_c": "plan_key", "plan_inside": "inside_key"}
_FLAGS = {"pays_o": "pays_o", "pays_c": "pays", "hold_o": "hold_o", "hold_c": "hold", "open_gap": "open_gap"}
_STATUSES = {"status_o": "status_o", "status_c": "status"}


def _dressed(grid: pl.DataFrame, units: pl.DataFrame, months: Months, plans: pl.Series) -> pl.DataFrame:
    """The rows of the grid in which something is, under the names of what they hold."""
    rows = grid.filter(pl.any_horizontal(pl.exclude("place").is_not_null()))
    u, k = rows["place"] % max(1, units.height), rows["place"] // max(1, units.height)
    return rows.select(
        *[pl.col(source).fill_null(0).alias(name) for name, source in _AMOUNTS.items()],
        *[pl.col(source).fill_null(False).alias(name) for name, source in _FLAGS.items()],
        *[pl.col(source).fill_null(ABSENT).alias(name) for name, source in _STATUSES.items()],
        *[_plan(rows[source], plans).alias(name) for name, source in _PLAN_KEYS.items()],
        *[units[name].gather(u) for name in ("u", "unit", "first_paid")],
        *[months.table[name].gather(k - 1) for name in ("k", "month", "begins_after", "running")],
    )
