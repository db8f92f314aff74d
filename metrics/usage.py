"""28-day use per account: which windows there are, and what each account did in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from metrics.inputs import Frame, is_month_end, lazy, month_end_before
from metrics.value_use import REACHED, WINDOW, feature_rules, with_rules


def window_ends(usage_28d: Frame) -> list[date]:
    """The days on which the 28-day sums end, oldest first."""
    return lazy(usage_28d, WINDOW).select(pl.col("window_end").unique()).collect().to_series().sort().to_list()


def window_on(ends: Collection[date], as_of: date) -> date | None:
    """The window that says what was used on ``as_of``; None when nothing was recorded by then.

    Windows end on month ends, on the snapshot's day and 28 days before it. Between them the last month end
    speaks. A window without any row is silence, not ignorance, once use has ever been recorded.
    """
    past = [end for end in ends if end <= as_of]
    if not past:
        return None
    four_weeks_ago = as_of - timedelta(days=28)
    live = as_of in past or (four_weeks_ago in past and not is_month_end(four_weeks_ago))
    window = as_of if live or is_month_end(as_of) else month_end_before(as_of)
    return window if window >= min(past) else None


def window_before(ends: Collection[date], window: date) -> date | None:
    """The window to compare ``window`` with: the month end before a month end, else 28 days earlier.

    None when use was not recorded yet. The two never overlap; between month ends lie up to three days.
    """
    before = month_end_before(window) if is_month_end(window) else window - timedelta(days=28)
    return before if before >= min(ends) else None


def lasting_ends(ends: Iterable[date], window: date) -> list[date]:
    """Of ``ends`` up to ``window`` those that are there on any later day too, and those that speak for its day alone.

    Only month ends stay from snapshot to snapshot; a window that ends today or four weeks ago speaks for today alone,
    or the past would look different every day.
    """
    live = {window} if is_month_end(window) else {window, window - timedelta(days=28)}
    return [end for end in ends if end <= window and (is_month_end(end) or end in live)]


BACK = 92
"""How many days before a window earlier ones are looked at: three month ends."""

STEP = "step: "
"""What the name of an onboarding step's flag begins with."""


@dataclass(frozen=True)
class UsageSummary:
    """28-day use per account, worked out once for many days.

    ``ends`` are all windows. ``accounts`` has, per window, one row per ``account_id`` with use that counts:
    ``uses`` of value features; ``active``, a person or an integration reaches a threshold; ``depth``,
    value-active people; ``named``, some use names a person; ``breadth``, key features that reach their
    threshold; and a flag per onboarding step of ``steps``: its feature was used.
    """

    ends: tuple[date, ...]
    accounts: Mapping[date, pl.DataFrame]
    nothing: pl.DataFrame
    steps: tuple[str, ...]

    def at(self, window: date | None) -> pl.DataFrame:
        """The rows of one window; none when it is not known."""
        return self.nothing if window is None else self.accounts.get(window, self.nothing)

    def until(self, window: date | None) -> pl.DataFrame:
        """The rows of ``window`` and of the ``lasting_ends`` in the ``BACK`` days before it."""
        if window is None:
            return self.nothing
        oldest = window - timedelta(days=BACK)
        lasting = [end for end in lasting_ends(self.accounts, window) if end >= oldest]
        return pl.concat([self.nothing, *(self.accounts[end] for end in lasting)])


def windows_needed(ends: Collection[date], days: Sequence[date]) -> list[date]:
    """The windows that anything worked out for ``days`` looks at; for a month end those are month ends alone."""
    needed: set[date] = set()
    for day in days:
        lasting = is_month_end(day)
        oldest = (day if lasting else month_end_before(day)) - timedelta(days=BACK)
        needed |= {end for end in ends if oldest <= end <= day and (is_month_end(end) or not lasting)}
    return sorted(needed)


def _distinct(name: str, where: pl.Expr) -> pl.Expr:
    return pl.when(where).then(name).drop_nulls().n_unique().cast(pl.Int64)


def summarise_usage(usage_28d: Frame, features: Frame | None, *, days: Sequence[date]) -> UsageSummary:
    """``UsageSummary`` of the windows that ``days`` need; each window from its own rows only."""
    ends, rows = window_ends(usage_28d), lazy(usage_28d, WINDOW)
    rules, needed = feature_rules(features), windows_needed(ends, days)
    steps = [] if rules is None else rules["onboarding_step"].drop_nulls().unique().sort().to_list()
    # Grouping window by window is faster than all at once: a window's accounts fit into the processor's cache.
    found = pl.collect_all([_by_account(rows, end, features, steps) for end in needed])
    nothing = _by_account(rows.clear(), date.min, features, steps).collect()
    by_window = {end: accounts for end, accounts in zip(needed, found, strict=True) if accounts.height}
    return UsageSummary(tuple(ends), by_window, nothing, tuple(steps))


def _by_account(rows: pl.LazyFrame, end: date, features: Frame | None, steps: Sequence[str]) -> pl.LazyFrame:
    """One window of ``UsageSummary.accounts``."""
    step, value, key = pl.col("onboarding_step"), pl.col("is_value"), pl.col("is_key")
    return (
        with_rules(rows.filter(pl.col("window_end") == end), features, counted_only=True)
        .with_columns(value_reached=value & REACHED, key_reached=key & REACHED)
        .group_by("account_id")
        .agg(
            pl.lit(end).alias("window_end"),
            pl.when(value).then("uses").sum(),
            active=pl.col("value_reached").any(),
            depth=_distinct("user_id", pl.col("value_reached")),
            breadth=_distinct("feature", pl.col("key_reached")),
            named=pl.col("user_id").is_not_null().any(),
            **{STEP + name: ((step == name) & (pl.col("uses") > 0)).any() for name in steps},
        )
    )
