from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.buckets import WEEKDAYS, Period, as_day, bucket_start, buckets

patient = settings(deadline=None)  # a busy machine is slow, not wrong

days = st.dates(date(1971, 1, 1), date(2090, 12, 31))


def test_months_run_from_the_first_to_the_last_day():
    grid = buckets(date(2023, 12, 31), date(2024, 2, 1))
    assert grid.starts == (date(2023, 12, 1), date(2024, 1, 1), date(2024, 2, 1))
    assert (grid.end, grid.last_day) == (date(2024, 3, 1), date(2024, 2, 29))


@pytest.mark.parametrize(
    ("week_start", "first"),
    [("monday", date(2024, 2, 26)), ("sunday", date(2024, 3, 3)), ("saturday", date(2024, 3, 2))],
)
def test_a_week_begins_on_the_day_it_is_said_to(week_start: str, first: date):
    assert date(2024, 3, 3).strftime("%A") == "Sunday"
    assert bucket_start(date(2024, 3, 3), "week", week_start=week_start) == first


def test_the_bucket_that_holds_as_of_is_running():
    grid = buckets(date(2024, 1, 1), date(2024, 3, 31))
    assert grid.states(date(2024, 2, 29)) == ["final", "provisional", "not_yet"]
    assert grid.states(date(2024, 3, 1)) == ["final", "final", "provisional"]
    assert grid.states(date(2024, 4, 1)) == grid.states(None) == ["final"] * 3
    assert grid.states(date(2023, 12, 31)) == ["not_yet"] * 3


def test_a_datetime_is_the_day_it_shows():
    assert as_day(datetime(2024, 3, 3, 23, 59, tzinfo=UTC)) == date(2024, 3, 3)


@patient
@given(days, st.integers(0, 400), days, st.sampled_from(["day", "week", "month"]), st.sampled_from(WEEKDAYS))
def test_a_column_is_placed_as_each_of_its_days_is(
    since: date, length: int, day: date, period: Period, week_start: str
):
    grid = buckets(since, since + timedelta(days=length), period, week_start=week_start)
    near = [since - timedelta(days=40), since, grid.last_day, grid.end, day, None]
    found = pl.DataFrame({"day": near}, schema={"day": pl.Date}).select(grid.place(pl.col("day"))).to_series()
    expected = []
    for one in near:
        if one is None:
            expected.append(None)
        else:
            before = sum(start <= one for start in grid.starts) - 1
            expected.append(len(grid) if one >= grid.end else before)
    assert found.to_list() == expected


@patient
@given(days, st.integers(0, 400), st.sampled_from(["day", "week", "month"]), st.sampled_from(WEEKDAYS))
def test_buckets_lie_side_by_side_and_cover_the_span(since: date, length: int, period: Period, week_start: str):
    until = since + timedelta(days=length)
    grid = buckets(since, until, period, week_start=week_start)
    assert grid.first <= since
    assert grid.starts[-1] <= until < grid.end
    for start, end in zip(grid.starts, [*grid.starts[1:], grid.end], strict=True):
        assert bucket_start(end - timedelta(days=1), period, week_start=week_start) == start
