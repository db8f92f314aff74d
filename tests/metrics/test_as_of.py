"""The frames as they stood at the end of a past day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.as_of import RULES, as_of_view

MARCH_END = date(2026, 3, 31)
BEFORE, ON, AFTER = datetime(2026, 3, 10, 12), datetime(2026, 3, 31, 23, 59), datetime(2026, 4, 1, 0, 0)


def view(name: str, row: dict[str, Any], as_of: date = MARCH_END) -> list[dict[str, Any]]:
    return as_of_view({name: pl.LazyFrame([row])}, as_of)[name].collect().to_dicts()


@pytest.mark.parametrize(
    ("name", "dated_by"),
    [
        ("accounts", "signed_up_at"),
        ("people", "joined_at"),
        ("subscriptions", "started_on"),
        ("events", "occurred_at"),
        ("milestones", "reached_at"),
        ("nps", "sent_at"),
        ("nps", "responded_at"),
        ("exit_surveys", "submitted_at"),
        ("tickets", "opened_at"),
        ("touches", "occurred_at"),
        ("reviews", "posted_at"),
        ("fx_rates", "month"),
        ("activity", "day"),
        ("usage_28d", "window_end"),
    ],
)
def test_a_row_is_there_from_the_day_that_dates_it(name: str, dated_by: str) -> None:
    assert view(name, {dated_by: ON}) == [{dated_by: ON}]
    assert view(name, {dated_by: AFTER}) == []


@pytest.mark.parametrize(
    ("name", "row", "known"),
    [
        ("subscriptions", {"ended_on": AFTER, "end_kind": "requested"}, {"ended_on": None, "end_kind": None}),
        ("subscriptions", {"ended_on": ON, "end_kind": "requested"}, {"ended_on": ON, "end_kind": "requested"}),
        ("subscriptions", {"cancel_requested_at": AFTER}, {"cancel_requested_at": None}),
        ("subscriptions", {"past_due_since": AFTER}, {"past_due_since": None}),
        ("people", {"left_at": AFTER}, {"left_at": None}),
        ("people", {"left_at": BEFORE}, {"left_at": BEFORE}),
        ("roadmap", {"title": "Import", "shipped_on": AFTER}, {"title": "Import", "shipped_on": None}),
        ("value_days", {"account_id": "a", "last_value_on": AFTER}, {"account_id": "a", "last_value_on": None}),
        (
            "nps",
            {"sent_at": BEFORE, "responded_at": AFTER, "score": 9, "comment": "good"},
            {"sent_at": BEFORE, "responded_at": None, "score": None, "comment": None},
        ),
        (
            "tickets",
            {"opened_at": BEFORE, "solved_at": AFTER, "csat": 5},
            {"opened_at": BEFORE, "solved_at": None, "csat": None},
        ),
        (
            "tickets",
            {"opened_at": BEFORE, "solved_at": ON, "csat": 5, "csat_at": AFTER},
            {"opened_at": BEFORE, "solved_at": ON, "csat": None, "csat_at": None},
        ),
    ],
)
def test_what_became_known_later_is_blank_with_all_that_hangs_on_it(
    name: str, row: dict[str, Any], known: dict[str, Any]
) -> None:
    assert view(name, row) == [known]


def test_a_rating_given_before_a_ticket_was_solved_again_is_known() -> None:
    row = {"opened_at": BEFORE, "solved_at": AFTER, "csat": 2, "csat_at": ON}
    assert view("tickets", row) == [{**row, "solved_at": None}]


def test_an_answer_without_a_time_of_its_own_is_dated_by_the_invitation() -> None:
    assert view("nps", {"sent_at": BEFORE, "score": 9})[0]["score"] == 9


def test_a_score_without_any_date_is_never_known() -> None:
    row = {"sent_at": None, "responded_at": None, "score": 9}
    assert view("nps", row) == [{"sent_at": None, "responded_at": None, "score": None}]


@pytest.mark.parametrize(("name", "first", "last"), [
    ("activity_monthly", date(2026, 3, 1), date(2026, 3, 31)),
    ("activity_weekly", date(2026, 3, 23), date(2026, 3, 29)),
])  # fmt: skip
def test_a_rolled_up_period_is_there_once_it_is_over(name: str, first: date, last: date) -> None:
    row = {"period": first}
    assert view(name, row, last) == [row]
    assert view(name, row, last.replace(day=last.day - 1)) == []


def test_a_month_of_reach_is_there_once_it_is_over() -> None:
    row = {"month": date(2024, 2, 1)}
    assert view("reach", row, date(2024, 2, 29)) == [row]
    assert view("reach", row, date(2024, 2, 28)) == []


def test_what_has_no_date_is_todays() -> None:
    for name in ("features", "entitlements", "something_else"):
        assert view(name, {"feature": "report"}) == [{"feature": "report"}]
    assert view("accounts", {"account_id": "a", "signed_up_at": None}) != []


def test_the_day_is_the_one_in_the_columns_own_time_zone() -> None:
    late = datetime(2026, 3, 31, 22, 30, tzinfo=ZoneInfo("UTC"))
    events = pl.LazyFrame({"occurred_at": [late]}, schema={"occurred_at": pl.Datetime("us", "UTC")})
    berlin = events.with_columns(pl.col("occurred_at").dt.convert_time_zone("Europe/Berlin"))
    assert as_of_view({"events": events}, MARCH_END)["events"].collect().height == 1
    assert as_of_view({"events": berlin}, MARCH_END)["events"].collect().height == 0


def test_frames_keep_their_columns_and_stay_lazy_even_when_empty() -> None:
    frames = {name: pl.LazyFrame(schema={"x": pl.Int64}) for name in RULES}
    seen = as_of_view(frames, MARCH_END)
    assert all(isinstance(frame, pl.LazyFrame) for frame in seen.values())
    assert {name: frame.collect_schema().names() for name, frame in seen.items()} == {name: ["x"] for name in RULES}


days = st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2026, 6, 30)))


@given(
    rows=st.lists(st.tuples(days, days, days), min_size=1, max_size=8),
    first=st.dates(date(2026, 1, 1), date(2026, 6, 30)),
    second=st.dates(date(2026, 1, 1), date(2026, 6, 30)),
)
@settings(max_examples=50, deadline=None)
def test_looking_back_from_a_past_day_is_looking_back_from_today(
    rows: list[tuple[date | None, date | None, date | None]], first: date, second: date
) -> None:
    earlier, later = sorted((first, second))
    kinds = {"a": pl.Date, "b": pl.Date, "c": pl.Date}
    base = pl.DataFrame(rows, schema=kinds, orient="row").with_row_index("value")
    frames = {
        "subscriptions": base.rename({"a": "started_on", "b": "ended_on", "c": "cancel_requested_at"}),
        "nps": base.rename({"a": "sent_at", "b": "responded_at"}).with_columns(score=pl.lit(7)),
        "tickets": base.rename({"a": "opened_at", "b": "solved_at", "c": "csat_at"}).with_columns(csat=pl.lit(3)),
        "people": base.rename({"a": "joined_at", "b": "left_at"}),
    }
    direct, through = as_of_view(frames, earlier), as_of_view(as_of_view(frames, later), earlier)
    for name in frames:
        assert direct[name].collect().equals(through[name].collect())
