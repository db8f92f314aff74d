"""Who gets value: use of the features that mean value, at or above their threshold in 28 days."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from metrics.inputs import Frame, lazy

_DAILY = {
    "account_id": pl.String,
    "user_id": pl.String,
    "feature": pl.String,
    "day": pl.Date,
    "uses": pl.Int64,
    "quantity": pl.Float64,
}
WINDOW = {**{name: kind for name, kind in _DAILY.items() if name != "day"}, "window_end": pl.Date}
_FEATURES = {
    "feature": pl.String,
    "name": pl.String,
    "is_key": pl.Boolean,
    "is_value": pl.Boolean,
    "min_28_days": pl.Float64,
    "onboarding_step": pl.String,
}
# Sums of decimals in another order differ in the last digits; a threshold just reached must count either way.
_SLACK = 1e-9


def feature_rules(features: Frame | None) -> pl.DataFrame | None:
    """What counts, per feature: ``feature``, ``name``, ``threshold``, ``is_value``, ``is_key``, ``onboarding_step``.

    A threshold that is not set is 1. Where no feature at all is marked as value, every feature counts as value;
    the same for key features. None when there is no ``features`` source.
    """
    rules = lazy(features, _FEATURES).collect()
    if rules.is_empty():
        return None
    return rules.select(
        "feature",
        "name",
        pl.col("min_28_days").fill_null(1.0).alias("threshold"),
        *(pl.lit(True).alias(flag) if every else pl.col(flag).fill_null(False) for flag, every in _unmarked(rules)),
        "onboarding_step",
    ).unique("feature", maintain_order=True)


def _unmarked(features: pl.DataFrame) -> list[tuple[str, bool]]:
    """Per flag whether no feature carries it, so that every feature counts, those not listed too."""
    return [(flag, not features[flag].any()) for flag in ("is_value", "is_key")]


def with_rules(use: pl.LazyFrame, features: Frame | None, *, counted_only: bool = False) -> pl.LazyFrame:
    """``use`` with ``threshold``, ``is_value``, ``is_key`` and ``onboarding_step`` of its feature.

    Without a ``features`` source every feature counts, with threshold 1. A feature that the source does not know
    counts only where the source marks none. ``counted_only`` leaves out what is neither value, key nor a step.
    """
    listed, rules = lazy(features, _FEATURES).collect(), feature_rules(features)
    if rules is None:
        return use.with_columns(
            threshold=pl.lit(1.0),
            is_value=pl.lit(True),
            is_key=pl.lit(True),
            onboarding_step=pl.lit(None, dtype=pl.String),
        )
    counts = pl.col("is_value") | pl.col("is_key") | pl.col("onboarding_step").is_not_null()
    if counted_only and not any(every for _, every in _unmarked(listed)):
        return use.join(rules.filter(counts).drop("name").lazy(), on="feature")
    judged = use.join(rules.drop("name").lazy(), on="feature", how="left").with_columns(
        pl.col("threshold").fill_null(1.0),
        *(pl.col(flag).fill_null(every) for flag, every in _unmarked(listed)),
    )
    return judged.filter(counts) if counted_only else judged


def _enough(amount: pl.Expr) -> pl.Expr:
    least = pl.col("threshold")
    return amount >= least - _SLACK * pl.max_horizontal(least, pl.lit(1.0))


_AMOUNT = pl.coalesce(pl.col("quantity"), pl.col("uses").cast(pl.Float64))
REACHED = _enough(_AMOUNT).fill_null(False)
"""Whether a row of 28-day sums reaches its feature's threshold: by quantity, or by uses where there is none."""


def _without_staff(rows: pl.LazyFrame, people: Frame | None) -> pl.LazyFrame:
    if people is None:
        return rows
    staff = lazy(people, {"user_id": pl.String, "is_internal": pl.Boolean}).filter(pl.col("is_internal"))
    return rows.join(staff.select("user_id"), on="user_id", how="anti")


def _by_person(judged: pl.LazyFrame) -> pl.DataFrame:
    return (
        judged.group_by("account_id", "user_id")
        .agg(active=(REACHED & pl.col("is_value")).any())
        .sort("account_id", "user_id")
        .collect()
    )


def value_active(activity: Frame, features: Frame | None, *, as_of: date, people: Frame | None = None) -> pl.DataFrame:
    """Who is value-active on ``as_of``: some value feature reaches its ``min_28_days`` in the 28 days to it.

    One row per account and person with use in those 28 days: ``account_id``, ``user_id`` (null: an integration,
    which counts for the account), ``active``. ``activity`` is daily. A threshold is compared with the quantity,
    or with the uses where no quantity was recorded; a threshold that is not set is 1.

    Left out: our own staff, when ``people`` is given to tell who they are. Log-ins do not count unless they are a
    value feature; without a ``features`` source every feature counts with threshold 1.

    >>> daily = pl.LazyFrame({"account_id": ["a", "a"], "user_id": ["u", "v"], "feature": ["report", "report"],
    ...                       "day": [date(2026, 3, 2), date(2026, 3, 3)], "uses": [3, 2]})
    >>> rules = pl.LazyFrame({"feature": ["report"], "is_value": [True], "min_28_days": [3.0]})
    >>> value_active(daily, rules, as_of=date(2026, 3, 29)).rows()
    [('a', 'u', True), ('a', 'v', False)]
    """
    recent = _without_staff(lazy(activity, _DAILY), people).filter(
        pl.col("day").is_between(as_of - timedelta(days=27), as_of)
    )
    sums = recent.group_by("account_id", "user_id", "feature").agg(
        pl.col("uses").sum(), pl.when(pl.col("quantity").is_not_null().any()).then(pl.col("quantity").sum())
    )
    return _by_person(with_rules(sums, features))


def value_active_28d(usage_28d: Frame, features: Frame | None, *, window_end: date) -> pl.DataFrame:
    """``value_active`` from the 28-day sums that end on ``window_end``: ``account_id``, ``user_id``, ``active``.

    Our own staff is already left out of ``usage_28d``.
    """
    rows = lazy(usage_28d, WINDOW).filter(pl.col("window_end") == window_end)
    return _by_person(with_rules(rows, features))


_KEY = ("account_id", "user_id", "feature")
_SUMS = ("rows", "uses", "measured", "quantity")


def _levels(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The 28-day sums of each account, person and feature, at every day on which they change."""
    enter = rows.select(
        *_KEY,
        "day",
        pl.lit(1, dtype=pl.Int64).alias("rows"),
        pl.col("uses").fill_null(0),
        pl.col("quantity").is_not_null().cast(pl.Int64).alias("measured"),
        pl.col("quantity").fill_null(0.0),
    )
    leave = enter.with_columns(pl.col("day").dt.offset_by("28d"), *(-pl.col(name) for name in _SUMS))
    return (
        pl.concat([enter, leave])
        .group_by(*_KEY, "day")
        .agg(pl.col(*_SUMS).sum())
        .sort(*_KEY, "day")
        .with_columns(pl.col(*_SUMS).cum_sum().over(*_KEY))
    )


def last_value_day(
    activity: Frame, features: Frame | None, *, as_of: date, people: Frame | None = None
) -> pl.DataFrame:
    """The last day up to ``as_of`` on which each account was value-active.

    One row per account that ever was, within the daily rows given: ``account_id``, ``last_value_on``. That is the
    last day on which, for some value feature, the 28 days of one of its people (or of its integration) ending on
    that day reach the feature's threshold; so one use with threshold 1 lasts for 28 days. Thresholds, own staff
    and a missing ``features`` source are as in ``value_active``.

    Given only recent rows, the answer is right for days at least 27 days after the first of them; an account
    whose last value day is older keeps the day found before.

    >>> daily = pl.LazyFrame({"account_id": ["a"], "feature": ["report"], "day": [date(2026, 3, 1)], "uses": [1]})
    >>> last_value_day(daily, None, as_of=date(2026, 6, 30)).rows()
    [('a', datetime.date(2026, 3, 28))]
    """
    value = with_rules(_without_staff(lazy(activity, _DAILY), people), features)
    rows = value.filter(pl.col("is_value"), pl.col("day") <= as_of)
    thresholds = rows.select("feature", "threshold").unique()
    quantity = pl.when(pl.col("measured") > 0).then(pl.col("quantity")).otherwise(pl.col("uses"))
    # The last change of every key brings its sums back to nothing, so no level leaks into the next key.
    until = pl.col("day").shift(-1).dt.offset_by("-1d")
    return (
        _levels(rows.select(*_DAILY))
        .with_columns(until=until)
        .join(thresholds, on="feature", how="left")
        .filter(pl.col("rows") > 0, _enough(quantity))
        .group_by("account_id")
        .agg(last_value_on=pl.min_horizontal(pl.col("until").max(), pl.lit(as_of)))
        .sort("account_id")
        .collect()
    )


def entitled_features(current_plan: pl.DataFrame, entitlements: Frame | None) -> pl.LazyFrame:
    """Per account and feature that one of its plans pays for: ``account_id``, ``feature``."""
    pays_for = lazy(entitlements, {"plan": pl.String, "feature": pl.String}).select("plan", "feature")
    return current_plan.lazy().join(pays_for, on="plan").select("account_id", "feature").unique()


def in_value_use(usage_28d: Frame, features: Frame | None, window: date | None) -> pl.LazyFrame:
    """Per account and feature used in the window: ``uses``, ``is_key``, ``in_value_use`` (the threshold is reached)."""
    rows = lazy(usage_28d, WINDOW).filter(pl.col("window_end") == pl.lit(window, dtype=pl.Date))
    return (
        with_rules(rows, features)
        .group_by("account_id", "feature")
        .agg(pl.col("uses").sum(), pl.col("is_key").first(), in_value_use=REACHED.any())
    )
