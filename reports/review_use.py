"""What one account did with the product in two quarters: people, features, uses, and what was new to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from metrics.value_use import REACHED, feature_rules, value_active_28d, with_rules
from queries.frames import Frames
from reports.quarters import Quarter

_EVER = date(1970, 1, 1)


@dataclass(frozen=True)
class Pair:
    """A number of the quarter and of the one before; None is not known."""

    now: float | None = None
    before: float | None = None

    @property
    def change(self) -> float | None:
        """By how much it rose; None when one of the two is not known."""
        return None if self.now is None or self.before is None else self.now - self.before


@dataclass(frozen=True)
class Use:
    """Use in a quarter and the one before.

    ``by_month`` has a row per month (``month, people``: value-active in the 28 days to its end, null where unknown).
    ``people`` counts those value-active at one of a quarter's month ends, ``features`` the value features that then
    reach their threshold, ``uses`` the uses of value features in the whole quarter. ``by_feature`` has a row per value
    feature used (``name, uses, uses_before, quantity, quantity_before``), ``first_used`` one per value or key feature
    first used in the quarter (``name, day``).
    """

    by_month: pl.DataFrame
    people: Pair
    features: Pair
    uses: Pair
    by_feature: pl.DataFrame
    first_used: pl.DataFrame


def use(frames: Frames, account_id: str, quarter: Quarter) -> Use:
    """``Use`` of one account."""
    before = quarter.before
    began = min((month.month for month in frames.manifest.months), default=None)
    mine = pl.col("account_id") == account_id
    ends = [*before.month_ends, *quarter.month_ends]
    windows = frames.usage_28d.filter(mine, pl.col("window_end").is_in(ends)).collect()
    daily = frames.activity(account_id=account_id, since=_EVER).filter(pl.col("day") <= quarter.last).collect()
    features = frames.features
    by_feature = _by_feature(daily, features, quarter)

    def known(span: Quarter, value: int | None) -> int | None:
        return value if began is not None and began <= span.first else None

    def pair(count: dict[Quarter, int | None]) -> Pair:
        return Pair(known(quarter, count[quarter]), known(before, count[before]))

    sums: dict[Quarter, int | None] = {
        quarter: int(by_feature["uses"].sum()),
        before: int(by_feature["uses_before"].sum()),
    }
    return Use(
        by_month=_by_month(windows, features, [*before.months, *quarter.months], ends, began),
        people=pair({span: _people(windows, features, span.month_ends) for span in (quarter, before)}),
        features=pair({span: _features(windows, features, span.month_ends) for span in (quarter, before)}),
        uses=pair(sums),
        by_feature=by_feature,
        first_used=_first_used(daily, features, quarter, began),
    )


def _active(windows: pl.DataFrame, features: pl.LazyFrame, end: date) -> set[str] | None:
    """The people value-active on a day; None where use names nobody."""
    rows = value_active_28d(windows, features, window_end=end)
    if windows.height and windows["user_id"].null_count() == windows.height:
        return None
    return set(rows.filter("active", pl.col("user_id").is_not_null())["user_id"])


def _people(windows: pl.DataFrame, features: pl.LazyFrame, ends: tuple[date, ...]) -> int | None:
    active = [_active(windows, features, end) for end in ends]
    return None if None in active else len(set().union(*(some for some in active if some)))


def _features(windows: pl.DataFrame, features: pl.LazyFrame, ends: tuple[date, ...]) -> int:
    rows = with_rules(windows.lazy().filter(pl.col("window_end").is_in(ends)), features)
    return int(rows.filter(pl.col("is_value"), REACHED).select(pl.col("feature").n_unique()).collect().item())


def _by_month(
    windows: pl.DataFrame, features: pl.LazyFrame, months: list[date], ends: list[date], began: date | None
) -> pl.DataFrame:
    found = []
    for month, end in zip(months, ends, strict=True):
        active = _active(windows, features, end) if began is not None and began <= month else None
        found.append({"month": month, "people": None if active is None else len(active)})
    return pl.DataFrame(found, schema={"month": pl.Date, "people": pl.Int64})


def with_names(rows: pl.LazyFrame, features: pl.LazyFrame) -> pl.LazyFrame:
    """``rows`` with the ``name`` of their feature; one without is called by its id, as words."""
    rules = feature_rules(features)
    spoken = pl.col("feature").str.replace_all("[_-]+", " ").str.strip_chars()
    called = pl.concat_str(spoken.str.slice(0, 1).str.to_uppercase(), spoken.str.slice(1))
    if rules is None:
        return rows.with_columns(name=called)
    known = rules.lazy().select("feature", "name")
    return rows.join(known, on="feature", how="left").with_columns(name=pl.coalesce("name", called))


def _by_feature(daily: pl.DataFrame, features: pl.LazyFrame, quarter: Quarter) -> pl.DataFrame:
    before = quarter.before
    rows = with_rules(daily.lazy().filter(pl.col("day") >= before.first), features).filter("is_value")
    now, then = pl.col("day") >= quarter.first, pl.col("day") < quarter.first
    amount = pl.col("quantity")
    sums = rows.group_by("feature").agg(
        uses=pl.col("uses").filter(now).sum(),
        uses_before=pl.col("uses").filter(then).sum(),
        quantity=_sum(amount.filter(now)),
        quantity_before=_sum(amount.filter(then)),
    )
    order = ["uses", "uses_before", "name"]
    named = with_names(sums, features).select("name", "uses", "uses_before", "quantity", "quantity_before")
    return named.sort(order, descending=[True, True, False]).collect()


def _sum(amounts: pl.Expr) -> pl.Expr:
    return pl.when(amounts.is_not_null().any()).then(amounts.sum())


def _first_used(daily: pl.DataFrame, features: pl.LazyFrame, quarter: Quarter, began: date | None) -> pl.DataFrame:
    """Features first used in the quarter; none where nothing was recorded before it, as all would look new."""
    since = quarter.first if began is not None and began < quarter.first else date.max
    rows = with_rules(daily.lazy(), features).filter(pl.col("is_value") | pl.col("is_key"))
    first = rows.group_by("feature").agg(day=pl.col("day").min()).filter(pl.col("day") >= since)
    return with_names(first, features).select("name", "day").sort("day", "name").collect()
