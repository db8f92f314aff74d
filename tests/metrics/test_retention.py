from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.retention import cohort_retention, cohort_units, pooled_curve

patient = settings(deadline=None)  # a busy machine is slow, not wrong

JAN, FEB, MAR, APR = date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1), date(2024, 4, 1)
SPAN: dict[str, Any] = {"since": JAN, "until": date(2024, 3, 31)}

USE = pl.DataFrame(
    [
        ("ada", date(2024, 1, 10)),
        ("ada", date(2024, 2, 10)),
        ("ada", date(2024, 3, 10)),
        ("bob", date(2024, 1, 31)),
        ("bob", date(2024, 3, 1)),
        ("cyd", date(2024, 2, 29)),
        ("old", date(2023, 12, 31)),
        ("old", date(2024, 1, 1)),
        ("old", date(2024, 2, 1)),
    ],
    schema={"account_id": pl.String, "day": pl.Date},
    orient="row",
)


def triangle(table: pl.DataFrame, column: str = "retained") -> list[list[Any]]:
    return table.sort("cohort", "index").group_by("cohort", maintain_order=True).agg(column)[column].to_list()


# --- cohorts and returns ----------------------------------------------------------------------------------------


def test_a_unit_belongs_to_the_month_of_its_first_use():
    assert triangle(cohort_retention(USE, **SPAN)) == [[2, 1, 2], [1, 0], [0]]


def test_a_unit_seen_before_since_is_in_no_first_cohort():
    table = cohort_retention(USE, since=FEB, until=date(2024, 3, 31))
    assert triangle(table) == [[1, 0], [0]]


def test_recurring_cohorts_hold_everyone_active_in_the_month():
    assert triangle(cohort_retention(USE, cohorts="recurring", **SPAN)) == [[3, 2, 2], [3, 1], [2]]


def test_on_or_after_counts_who_came_back_then_or_later():
    table = cohort_retention(USE, returns="on_or_after", **SPAN)
    assert triangle(table) == [[2, 2, 2], [1, 0], [0]]


def test_a_column_starts_says_which_rows_found_a_cohort():
    use = USE.with_columns(starts=pl.col("day") >= FEB)
    assert triangle(cohort_retention(use, **SPAN)) == [[0, 0, 0], [3, 1], [1]]


def test_a_column_returns_says_which_rows_are_a_return():
    use = USE.with_columns(returns=pl.col("account_id") == "bob")
    assert triangle(cohort_retention(use, **SPAN)) == [[2, 0, 1], [1, 0], [0]]


def test_a_null_flag_is_no():
    use = USE.with_columns(starts=pl.lit(None, pl.Boolean))
    assert triangle(cohort_retention(use, **SPAN)) == [[0, 0, 0], [0, 0], [0]]


def test_index_0_is_the_cohort_itself_even_when_a_start_is_no_return():
    use = USE.with_columns(starts=True, returns=False)
    assert triangle(cohort_retention(use, **SPAN)) == [[2, 0, 0], [1, 0], [0]]


def test_a_return_needs_min_returns_uses_within_the_bucket_but_a_start_needs_one():
    use = pl.DataFrame(
        {
            "account_id": ["a", "a", "a", "b", "b"],
            "day": [JAN, FEB, date(2024, 2, 20), JAN, FEB],
        }
    )
    table = cohort_retention(use, min_returns=2, since=JAN, until=FEB)
    assert triangle(table) == [[2, 1], [0]]


def test_a_column_count_adds_up_to_min_returns():
    use = pl.DataFrame(
        {"account_id": ["a", "a", "b", "b"], "day": [JAN, FEB, JAN, FEB], "count": [1, 3, 1, 2]},
    )
    assert triangle(cohort_retention(use, min_returns=3, since=JAN, until=FEB)) == [[2, 1], [0]]


@pytest.mark.parametrize(
    ("count", "came_back"),
    [([1, 0], 0), ([1, -4], 0), ([1, None], 1), ([0, 1], 1), ([1.0, 0.4], 0), ([1.0, float("nan")], 1)],
)
def test_a_row_of_no_uses_is_no_return(count: list[float | None], came_back: int):
    use = pl.DataFrame({"account_id": ["a", "a"], "day": [JAN, FEB], "count": count})
    assert triangle(cohort_retention(use, since=JAN, until=FEB)) == [[1, came_back], [0]]


def test_a_negative_count_takes_nothing_from_other_rows():
    use = pl.DataFrame({"account_id": ["a"] * 3, "day": [JAN, FEB, FEB], "count": [1, 2, -5]})
    assert triangle(cohort_retention(use, min_returns=2, since=JAN, until=FEB)) == [[1, 1], [0]]


def test_the_unit_may_be_a_person():
    use = pl.DataFrame({"account_id": ["a", "a"], "user_id": ["x", "y"], "day": [JAN, JAN]})
    assert cohort_retention(use, unit="user_id", since=JAN, until=JAN)["size"].item() == 2
    assert cohort_retention(use, since=JAN, until=JAN)["size"].item() == 1


# --- buckets ----------------------------------------------------------------------------------------------------


def test_weeks_begin_where_they_are_said_to():
    use = pl.DataFrame({"account_id": ["a", "a"], "day": [date(2024, 3, 2), date(2024, 3, 3)]})
    span = {"since": date(2024, 2, 28), "until": date(2024, 3, 3), "period": "week"}
    sunday = cohort_retention(use, week_start="sunday", **span)
    assert sunday["cohort"].unique().sort().to_list() == [date(2024, 2, 25), date(2024, 3, 3)]
    assert triangle(sunday) == [[1, 1], [0]]
    monday = cohort_retention(use, week_start="monday", **span)
    assert triangle(monday) == [[1]]


def test_a_day_is_the_day_a_timestamp_shows_in_its_own_zone():
    late = datetime(2024, 1, 31, 23, 30, tzinfo=UTC)
    use = pl.DataFrame({"account_id": ["a"], "day": [late]})
    span = {"since": JAN, "until": FEB}
    assert triangle(cohort_retention(use, **span), "size") == [[1, 1], [0]]
    tokyo = use.with_columns(pl.col("day").dt.convert_time_zone("Asia/Tokyo"))
    assert triangle(cohort_retention(tokyo, **span), "size") == [[0, 0], [1]]


def test_since_and_until_widen_to_their_whole_buckets():
    table = cohort_retention(USE, since=date(2024, 1, 20), until=date(2024, 3, 2))
    assert triangle(table) == [[2, 1, 2], [1, 0], [0]]


def test_rows_after_untils_bucket_are_ignored():
    late = pl.DataFrame({"account_id": ["bob", "cyd"], "day": [APR, APR]})
    for returns in ("on", "on_or_after"):
        before = cohort_retention(USE, returns=returns, **SPAN)
        assert cohort_retention(pl.concat([USE, late]), returns=returns, **SPAN).equals(before)


def test_more_buckets_than_an_integer_has_bits():
    days = [date(2024, 1, 1), date(2024, 3, 4), date(2024, 3, 5), date(2024, 12, 31)]
    use = pl.DataFrame({"account_id": ["a"] * 4, "day": days})
    row = cohort_retention(use, period="day", since=JAN, until=date(2024, 12, 31)).filter(cohort=JAN)
    assert row.filter(retained=1)["index"].to_list() == [0, 63, 64, 365]


# --- states -----------------------------------------------------------------------------------------------------


def test_a_cell_is_final_provisional_or_not_yet():
    table = cohort_retention(USE, as_of=date(2024, 2, 15), **SPAN)
    assert triangle(table, "state") == [
        ["final", "provisional", "not_yet"],
        ["provisional", "not_yet"],
        ["not_yet"],
    ]


def test_what_has_not_happened_is_null_and_not_zero():
    table = cohort_retention(USE, as_of=date(2024, 2, 15), **SPAN)
    assert triangle(table) == [[2, 1, None], [0, None], [None]]
    assert triangle(table, "rate") == [[1.0, 0.5, None], [None, None], [None]]


@pytest.mark.parametrize(
    ("as_of", "state"),
    [(date(2024, 1, 31), "provisional"), (FEB, "final"), (date(2023, 12, 31), "not_yet"), (None, "final")],
)
def test_a_month_is_over_on_the_day_after_its_last(as_of: date | None, state: str):
    assert cohort_retention(USE, since=JAN, until=JAN, as_of=as_of)["state"].item() == state


def test_on_or_after_leaves_every_observed_cell_but_index_0_open():
    table = cohort_retention(USE, returns="on_or_after", as_of=date(2024, 3, 15), **SPAN)
    assert triangle(table, "state") == [
        ["final", "provisional", "provisional"],
        ["final", "provisional"],
        ["provisional"],
    ]


def test_rows_after_as_of_change_nothing():
    table = cohort_retention(USE, as_of=date(2024, 2, 15), **SPAN)
    known = USE.filter(pl.col("day") <= date(2024, 2, 15))
    assert cohort_retention(known, as_of=date(2024, 2, 15), **SPAN).equals(table)


# --- rates and columns ------------------------------------------------------------------------------------------


def test_the_columns_are_the_documented_ones():
    names = ["cohort", "index", "size", "retained", "rate", "low", "high", "state"]
    assert cohort_retention(USE, **SPAN).columns == names
    plans = USE.with_columns(plan=pl.lit("pro"))
    assert cohort_retention(plans, segment="plan", **SPAN).columns == ["cohort", "plan", *names[1:]]


def test_a_rate_has_wilsons_interval():
    rows = [(f"u{i}", day) for i in range(10) for day in ([JAN, FEB] if i < 9 else [JAN])]
    use = pl.DataFrame(rows, schema={"account_id": pl.String, "day": pl.Date}, orient="row")
    cell = cohort_retention(use, since=JAN, until=FEB).filter(cohort=JAN, index=1)
    low, high = cell.select("low", "high").row(0)
    assert cell["rate"].item() == 0.9
    assert (round(low, 4), round(high, 4)) == (0.5958, 0.9821)


def test_an_empty_cohort_has_size_0_and_no_rate():
    cell = cohort_retention(USE, **SPAN).filter(cohort=MAR)
    assert cell.select("size", "retained", "rate", "low", "high").row(0) == (0, 0, None, None, None)


# --- segments ---------------------------------------------------------------------------------------------------


def test_each_segment_has_all_cohorts_and_its_own_counts():
    plans = USE.with_columns(plan=pl.when(pl.col("account_id") == "bob").then(pl.lit("pro")))
    table = cohort_retention(plans, segment="plan", **SPAN)
    assert table["plan"].unique(maintain_order=True).to_list() == ["pro", None]
    assert triangle(table.filter(pl.col("plan") == "pro")) == [[1, 0, 1], [0, 0], [0]]
    assert triangle(table.filter(pl.col("plan").is_null())) == [[1, 1, 1], [1, 0], [0]]


def test_segments_of_units_add_up_to_the_whole():
    plans = USE.with_columns(plan=pl.col("account_id").str.head(1))
    parts = cohort_retention(plans, segment="plan", **SPAN).group_by("cohort", "index").agg(pl.col("retained").sum())
    assert triangle(parts) == triangle(cohort_retention(USE, **SPAN))


def test_a_segment_may_not_be_called_like_a_column_of_the_result():
    with pytest.raises(ValueError, match="is a column of the result"):
        cohort_retention(USE.with_columns(size=1), segment="size", **SPAN)


# --- input ------------------------------------------------------------------------------------------------------


def test_no_rows_make_a_table_of_empty_cohorts():
    table = cohort_retention(USE.clear(), **SPAN)
    assert triangle(table) == [[0, 0, 0], [0, 0], [0]]
    assert cohort_retention(USE.clear().with_columns(plan=pl.lit("x")), segment="plan", **SPAN).is_empty()


def test_a_frame_without_any_types_counts_as_no_rows():
    nothing = pl.DataFrame({"account_id": [], "day": []})
    assert cohort_retention(nothing, **SPAN)["size"].sum() == 0


def test_lazy_and_eager_frames_give_the_same():
    assert cohort_retention(USE.lazy(), **SPAN).equals(cohort_retention(USE, **SPAN))


def test_rows_without_a_unit_or_a_day_are_left_out():
    holes = pl.DataFrame({"account_id": ["new", None], "day": [None, JAN]}, schema=USE.schema)
    assert cohort_retention(pl.concat([USE, holes]), **SPAN).equals(cohort_retention(USE, **SPAN))


def test_a_unit_that_is_not_a_number_is_left_out():
    use = pl.DataFrame({"account_id": [1.0, float("nan"), None], "day": [JAN, JAN, JAN]})
    assert cohort_retention(use, since=JAN, until=JAN)["size"].item() == 1


def test_integer_and_categorical_units_count_too():
    numbers = USE.with_columns(pl.col("account_id").rank("dense"))
    kinds = USE.with_columns(pl.col("account_id").cast(pl.Categorical))
    expected = triangle(cohort_retention(USE, **SPAN))
    assert triangle(cohort_retention(numbers, **SPAN)) == expected
    assert triangle(cohort_retention(kinds, **SPAN)) == expected


def test_since_and_until_may_be_datetimes():
    table = cohort_retention(USE, since=datetime(2024, 1, 5, 12), until=datetime(2024, 3, 5, 1))
    assert triangle(table) == [[2, 1, 2], [1, 0], [0]]


def test_the_events_are_not_changed():
    before = USE.clone()
    cohort_retention(USE, **SPAN)
    assert USE.equals(before)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"since": APR}, "since .2024-04-01. is after until"),
        ({"period": "year"}, 'period is "year"'),
        ({"week_start": "funday"}, 'week_start is "funday"'),
        ({"cohorts": "last"}, 'cohorts is "last"'),
        ({"returns": "before"}, 'returns is "before"'),
        ({"min_returns": 0}, "min_returns is 0"),
        ({"unit": "user"}, 'no column "user"'),
        ({"day": "account_id"}, "is String, not a date"),
        ({"cohorts": "recurring", "first": "day"}, "recurring cohorts start again"),
    ],
)
def test_a_wrong_question_says_what_to_do(wrong: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message) as error:
        cohort_retention(USE, **(SPAN | wrong))
    assert "Hint: " in str(error.value)


# --- a rollup ---------------------------------------------------------------------------------------------------


def test_a_monthly_rollup_with_its_first_month_needs_no_older_rows():
    rollup = USE.with_columns(period=pl.col("day").dt.month_start()).with_columns(
        first_period=pl.col("period").min().over("account_id")
    )
    options = {"day": "period", "first": "first_period"}
    recent = rollup.filter(pl.col("period") >= FEB)
    table = cohort_retention(recent, since=FEB, until=MAR, **options)
    assert table.equals(cohort_retention(USE, since=FEB, until=MAR))
    assert triangle(table) == [[1, 0], [0]]


def test_the_earliest_first_bucket_of_a_unit_counts():
    use = pl.DataFrame({"account_id": ["a", "a"], "day": [JAN, FEB], "began": [JAN, FEB]})
    assert triangle(cohort_retention(use, first="began", since=JAN, until=FEB)) == [[1, 1], [0]]


# --- pooled curve -----------------------------------------------------------------------------------------------


def test_the_pooled_curve_adds_counts_and_averages_no_rates():
    use = pl.DataFrame(
        [("a", JAN), ("a", FEB), ("b", FEB), ("c", FEB), ("d", FEB), ("b", MAR)],
        schema={"account_id": pl.String, "day": pl.Date},
        orient="row",
    )
    curve = pooled_curve(cohort_retention(use, **SPAN))
    assert curve.columns == ["index", "size", "retained", "rate", "low", "high"]
    assert curve.select("index", "size", "retained", "rate").rows() == [(0, 4, 4, 1.0), (1, 4, 2, 0.5), (2, 1, 0, 0.0)]


def test_the_pooled_curve_leaves_the_running_bucket_out():
    table = cohort_retention(USE, as_of=date(2024, 3, 5), **SPAN)
    assert pooled_curve(table).select("index", "size", "retained").rows() == [(0, 3, 3), (1, 2, 1)]


def test_the_pooled_curve_of_on_or_after_has_the_buckets_that_are_over():
    table = cohort_retention(USE, returns="on_or_after", as_of=date(2024, 3, 5), **SPAN)
    assert pooled_curve(table).select("index", "size", "retained").rows() == [(0, 3, 3), (1, 2, 2)]


def test_overlapping_cohorts_have_no_pooled_interval():
    table = cohort_retention(USE, cohorts="recurring", **SPAN)
    assert pooled_curve(table)["low"].null_count() == 3
    assert pooled_curve(table.filter(pl.col("index") < 2))["high"].null_count() == 2
    assert pooled_curve(table, overlapping=False)["low"].null_count() == 0


def test_first_cohorts_have_a_pooled_interval():
    assert pooled_curve(cohort_retention(USE, **SPAN))["low"].null_count() == 0


def test_the_pooled_curve_may_be_cut_by_segment():
    plans = USE.with_columns(plan=pl.when(pl.col("account_id") == "bob").then(pl.lit("pro")).otherwise(pl.lit("free")))
    curve = pooled_curve(cohort_retention(plans, segment="plan", **SPAN), segment="plan")
    assert curve.filter(plan="pro").select("index", "retained").rows() == [(0, 1), (1, 0), (2, 1)]


def test_the_pooled_curve_of_nothing_is_empty():
    assert pooled_curve(cohort_retention(USE, **SPAN).clear()).is_empty()


def test_the_pooled_curve_takes_a_table_made_by_hand():
    table = pl.DataFrame(
        {
            "cohort": [JAN, JAN, FEB],
            "index": [0, 1, 1],
            "size": [10, 10, 30],
            "retained": [10, 6, 24],
            "rate": [1.0, 0.6, 0.8],
            "state": ["final", "final", "provisional"],
        }
    )
    assert pooled_curve(table).select("size", "retained").rows() == [(10, 10), (10, 6)]


# --- the units behind a cell ------------------------------------------------------------------------------------


def test_a_cell_names_its_units():
    assert cohort_units(USE, cohort=JAN, index=1, **SPAN).rows() == [("ada", True), ("bob", False)]
    assert cohort_units(USE, cohort=JAN, index=0, **SPAN).rows() == [("ada", True), ("bob", True)]


def test_the_units_of_a_cell_of_the_future_have_not_come_back_and_have_not_stayed_away():
    units = cohort_units(USE, cohort=JAN, index=2, as_of=date(2024, 2, 15), **SPAN)
    assert units.rows() == [("ada", None), ("bob", None)]


@pytest.mark.parametrize(("cohort", "index"), [(date(2023, 12, 1), 0), (APR, 0), (MAR, 1), (JAN, -1)])
def test_a_cell_outside_the_table_is_refused(cohort: date, index: int):
    with pytest.raises(ValueError, match="there is no cell"):
        cohort_units(USE, cohort=cohort, index=index, **SPAN)


# --- invariants -------------------------------------------------------------------------------------------------

uses = st.lists(
    st.tuples(st.sampled_from("abcdefg"), st.dates(date(2023, 11, 1), date(2024, 6, 30))),
    max_size=40,
)


def frame_of(rows: list[tuple[str, date]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"account_id": pl.String, "day": pl.Date}, orient="row")


@patient
@given(uses, st.sampled_from(["day", "week", "month"]), st.sampled_from(["first", "recurring"]))
def test_no_cohort_keeps_more_than_it_has(rows: list[tuple[str, date]], period: Any, cohorts: Any):
    table = cohort_retention(frame_of(rows), period=period, cohorts=cohorts, since=JAN, until=date(2024, 2, 20))
    assert (table["retained"] <= table["size"]).all()
    assert table.filter(~(pl.col("low") <= pl.col("rate")) | ~(pl.col("rate") <= pl.col("high"))).is_empty()


@patient
@given(uses)
def test_on_or_after_never_rises_along_a_cohort_and_never_lies_below_on(rows: list[tuple[str, date]]):
    on, after = (cohort_retention(frame_of(rows), returns=returns, **SPAN) for returns in ("on", "on_or_after"))
    assert (after["retained"] >= on["retained"]).all()
    assert all(row == sorted(row, reverse=True) for row in triangle(after))


@patient
@given(uses)
def test_every_unit_is_in_at_most_one_first_cohort(rows: list[tuple[str, date]]):
    table = cohort_retention(frame_of(rows), since=date(2023, 11, 1), until=date(2024, 6, 30))
    assert table.filter(index=0)["size"].sum() == len({unit for unit, _ in rows})


@patient
@given(uses, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_repeated_rows_change_nothing(rows: list[tuple[str, date]], rng: Any):
    again = rows + rows
    rng.shuffle(again)
    assert cohort_retention(frame_of(again), **SPAN).equals(cohort_retention(frame_of(rows), **SPAN))
