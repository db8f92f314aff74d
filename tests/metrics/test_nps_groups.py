"""Whose answers count, how groups compare, and what a change comes from; against plain loops and literal numbers."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.leavers import TENURES, tenure_band
from metrics.nps import nps, nps_change, nps_trend
from metrics.nps_groups import changed_by, last_answers, nps_groups

AS_OF = date(2024, 3, 15)
COLUMNS = {
    "response_id": pl.String,
    "account_id": pl.String,
    "user_id": pl.String,
    "survey": pl.String,
    "responded_at": pl.Date,
    "score": pl.Int64,
}


def answers(*rows: tuple[Any, ...], columns: str = "responded_at user_id survey score") -> pl.DataFrame:
    return pl.DataFrame(rows, schema={name: COLUMNS.get(name, pl.String) for name in columns.split()}, orient="row")


# --- last answers -----------------------------------------------------------------------------------------------


def test_of_each_person_the_last_answer_per_survey_and_month_counts():
    frame = answers(
        (date(2024, 3, 1), "ann", "product", 0),
        (date(2024, 3, 9), "ann", "product", 10),
        (date(2024, 3, 5), "ann", "support", 7),
        (date(2024, 2, 5), "ann", "product", 3),
        (date(2024, 3, 5), None, "product", 6),
        (date(2024, 3, 6), None, "product", 6),
    )
    kept = last_answers(frame, as_of=AS_OF)
    assert kept.select("day", "user_id", "score").rows() == [
        (date(2024, 2, 5), "ann", 3),
        (date(2024, 3, 5), "ann", 7),
        (date(2024, 3, 5), None, 6),
        (date(2024, 3, 6), None, 6),
        (date(2024, 3, 9), "ann", 10),
    ]
    assert last_answers(frame, by="day", as_of=AS_OF).height == 6
    assert last_answers(frame, since=date(2024, 3, 6), as_of=AS_OF)["score"].to_list() == [6, 10]


def test_an_answer_given_after_as_of_replaces_nothing():
    frame = answers((date(2024, 3, 1), "ann", "product", 0), (date(2024, 3, 20), "ann", "product", 10))
    assert last_answers(frame, as_of=AS_OF)["score"].to_list() == [0]


def test_what_was_not_answered_or_is_no_score_is_left_out_and_all_columns_stay():
    frame = pl.DataFrame({
        "response_id": ["a", "b", "c", "d", "e", "f"],
        "score": pl.Series([11, -1, 6.5, "9", None, 8], dtype=pl.Object),
        "responded_at": [datetime(2024, 3, 1, tzinfo=UTC)] * 6,
        "plan": ["pro"] * 6,
    })  # fmt: skip
    kept = last_answers(frame, as_of=AS_OF)
    assert kept.columns == ["response_id", "score", "responded_at", "plan", "day"]
    assert kept.select("response_id", "score").rows() == [("d", 9), ("f", 8)]
    assert last_answers(frame.clear(), as_of=AS_OF).is_empty()


dated = st.lists(
    st.tuples(
        st.dates(date(2023, 11, 1), date(2024, 4, 30)),
        st.sampled_from(["ann", "bob", None]),
        st.sampled_from(["product", "support", None]),
        st.integers(-1, 11),
    ),
    max_size=30,
    unique_by=lambda row: row[0],
)


@given(dated, st.sampled_from([None, date(2024, 1, 1), date(2024, 3, 1)]))
def test_a_score_of_the_last_answers_is_the_trends_months_pooled(rows: list[tuple[Any, ...]], since: date | None):
    frame = answers(*rows)
    months = nps_trend(frame, since=since, as_of=AS_OF)
    counts = ["n", "promoters", "passives", "detractors"]
    score = nps(last_answers(frame, since=since, as_of=AS_OF))
    assert score.select(counts).row(0) == months.select(pl.col(counts).sum()).row(0)


@given(dated)
def test_last_answers_agree_with_a_plain_loop(rows: list[tuple[Any, ...]]):
    kept: dict[tuple[Any, ...], tuple[date, int]] = {}
    for day, person, survey, score in sorted(rows, key=lambda row: row[0]):
        if day <= AS_OF and 0 <= score <= 10:
            kept[(day.year, day.month, survey, person or day)] = (day, score)
    assert last_answers(answers(*rows), as_of=AS_OF).select("day", "score").rows() == sorted(kept.values())


# --- tenure and groups ------------------------------------------------------------------------------------------


def test_tenure_is_told_in_the_words_of_churn_reasons():
    days = pl.Series([0, 89, 90, 364, 365, 729, 730, 5000, None])
    places = [0, 0, 1, 1, 2, 2, 3, 3]
    assert pl.select(tenure_band(days)).to_series().to_list() == [*(TENURES[place] for place in places), None]


def test_groups_too_small_to_rank_come_last_whatever_their_score():
    rows = [(f"a{n}", "pro", 10 if n % 2 else 0) for n in range(40)]
    rows += [(f"b{n}", "team", 10 if n % 4 else 0) for n in range(40)]
    rows += [("c", "free", 10), ("d", None, 9)]
    table = nps_groups(answers(*rows, columns="account_id plan score"), "plan")
    assert table.columns == [
        "plan", "accounts", "n", "promoters", "passives", "detractors", "score", "low", "high", "enough",
    ]  # fmt: skip
    assert table.select("plan", "n", "score", "enough").rows() == [
        ("team", 40, 50.0, True),
        ("pro", 40, 0.0, True),
        ("free", 1, 100.0, False),
        (None, 1, 100.0, False),
    ]


def test_with_a_vote_per_account_a_group_needs_enough_accounts():
    rows = answers(*((f"a{n % 5}", "pro", 10) for n in range(100)), columns="account_id plan score")
    assert nps_groups(rows, "plan").select("accounts", "enough").row(0) == (5, True)
    assert nps_groups(rows, "plan", weight="accounts")["enough"].to_list() == [False]
    assert nps_groups(rows, "plan", weight="accounts", fewest=5)["enough"].to_list() == [True]


def test_groups_without_an_answer_are_no_rows():
    frame = answers(("a", "pro", None), ("b", "free", 11), columns="account_id plan score")
    assert nps_groups(frame, "plan").is_empty()


# --- what a change comes from -----------------------------------------------------------------------------------


def test_an_account_adds_by_what_it_said_and_by_its_weight():
    before = answers(("a", 10), ("b", 10), ("b", 10), ("b", 10), columns="account_id score")
    after = answers(("a", 0), ("c", 10), columns="account_id score")
    table = changed_by(before, after)
    assert table.columns == ["account_id", "n_before", "score_before", "n_after", "score_after", "points"]
    assert table.rows() == [
        ("a", 1, 100.0, 1, -100.0, -75.0),
        ("b", 3, 100.0, 0, None, -75.0),
        ("c", 0, None, 1, 100.0, 50.0),
    ]
    votes = changed_by(before, after, weight="accounts").select("account_id", "points").rows()
    assert votes == [("a", -100.0), ("b", -50.0), ("c", 50.0)]


def test_answers_of_no_known_account_stand_together_and_weigh_nothing_where_accounts_vote():
    before = answers(("a", 10), (None, 10), columns="account_id score")
    after = answers(("a", 10), (None, 0), (None, 0), (None, 10), columns="account_id score")
    assert changed_by(before, after).rows() == [
        (None, 1, 100.0, 3, pytest.approx(-100 / 3), -75.0),
        ("a", 1, 100.0, 1, 100.0, -25.0),
    ]
    assert changed_by(before, after, weight="accounts").rows() == [("a", 1, 100.0, 1, 100.0, 0.0)]


def test_a_change_from_nothing_comes_from_nobody():
    after = answers(("a", 10), columns="account_id score")
    assert changed_by(after.clear(), after)["points"].to_list() == [None]


sides = st.lists(st.tuples(st.sampled_from([*"abcd", None]), st.integers(-1, 11)), max_size=25)


@given(sides, sides, st.sampled_from(["answers", "accounts"]))
def test_the_parts_add_up_to_the_change(first: list[tuple[Any, int]], then: list[tuple[Any, int]], weight: Any):
    before, after = (answers(*rows, columns="account_id score") for rows in (first, then))
    change = nps_change(before, after, weight=weight)["change"].item()
    points = changed_by(before, after, weight=weight)["points"]
    assert points.null_count() == (points.len() if change is None else 0)
    if change is not None:
        assert points.sum() == pytest.approx(change, abs=1e-9)


def test_days_are_those_of_the_organisations_zone():
    at = datetime(2024, 2, 29, 23, 30, tzinfo=UTC)
    frame = pl.DataFrame({"score": [9], "responded_at": [at]}).with_columns(
        pl.col("responded_at").dt.convert_time_zone("Europe/Berlin")
    )
    assert last_answers(frame, as_of=AS_OF)["day"].to_list() == [at.date() + timedelta(days=1)]
