import json
import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.answers import variance
from metrics.nps import distribution, nps, nps_change, nps_trend, response_rate

patient = settings(deadline=None)  # a busy machine is slow, not wrong

EXAMPLES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "nps_examples.json").read_text("utf-8")
)["nps"]

AS_OF = date(2024, 3, 15)


def scores(*given_scores: Any) -> pl.DataFrame:
    return pl.DataFrame({"score": list(given_scores)}, strict=False)


def answers(*rows: tuple[Any, ...], columns: str = "responded_at score") -> pl.DataFrame:
    names = columns.split()
    kinds = {"responded_at": pl.Date, "sent_at": pl.Date, "score": pl.Int64}
    return pl.DataFrame(rows, schema={name: kinds.get(name, pl.String) for name in names}, orient="row")


def score_of(frame: pl.DataFrame, **options: Any) -> float | None:
    value: float | None = nps(frame, **options)["score"].item()
    return value


# --- the score --------------------------------------------------------------------------------------------------


def test_promoters_less_detractors_in_points():
    assert nps(scores(10, 9, 8, 7, 6, 0, 0)).select("n", "promoters", "passives", "detractors").row(0) == (7, 2, 2, 3)
    assert score_of(scores(10, 9, 8, 3)) == 25.0


@pytest.mark.parametrize(("score", "points"), [(0, -100), (6, -100), (7, 0), (8, 0), (9, 100), (10, 100)])
def test_the_boundaries_between_detractors_passives_and_promoters(score: int, points: float):
    assert score_of(scores(score)) == points


def spread_out(example: dict[str, Any]) -> pl.DataFrame:
    """An example's answers as scores: 10 for a promoter, 7 for a passive, 0 for a detractor."""
    if "scores" in example:
        return scores(*example["scores"])
    if "counts" in example:
        counts = example["counts"]
        numbers = [counts["promoters"], counts["passives"], counts["detractors"]]
    elif "counts_det_pas_pro" in example:
        numbers = example["counts_det_pas_pro"][::-1]
    else:
        numbers = [round(6 * example["shares"][side]) for side in ("promoters", "passives", "detractors")]
    return scores(*(score for score, number in zip((10, 7, 0), numbers, strict=True) for _ in range(number)))


@pytest.mark.parametrize("example", EXAMPLES, ids=[str(place) for place in range(len(EXAMPLES))])
def test_published_examples(example: dict[str, Any]):
    result = nps(spread_out(example)).row(0, named=True)
    votes = {
        "votes": result["n"],
        "net": result["promoters"] - result["detractors"],
        "squares": result["promoters"] + result["detractors"],
    }
    found = pl.select(**votes).select(variance(pl.col("votes"), pl.col("net"), pl.col("squares"))).item()
    if "nps" in example:
        assert result["score"] == pytest.approx(example["nps"], abs=0.005)
    if "variance" in example:
        assert found == pytest.approx(example["variance"], abs=1e-7)
    if "se" in example:
        assert math.sqrt(found / result["n"]) == pytest.approx(example["se"], abs=5e-4)


def test_the_published_margin_of_a_large_survey():
    result = nps(spread_out(EXAMPLES[0]))
    low, high = result.select("low", "high").row(0)
    assert (high - low) / 2 == pytest.approx(4.4, abs=0.05)


def test_the_interval_is_adjusted_wald_with_three_pseudo_answers():
    # 4 promoters, 2 passives, 2 detractors; with 0.75, 1.5 and 0.75 added: 4.75, 3.5 and 2.75 of 11.
    mean = 2 / 11
    half = 1.959964 * math.sqrt((7.5 / 11 - mean**2) / 11)
    low, high = nps(scores(10, 10, 9, 9, 8, 7, 0, 6)).select("low", "high").row(0)
    assert low == pytest.approx(100 * (mean - half), abs=1e-4)
    assert high == pytest.approx(100 * (mean + half), abs=1e-4)
    assert (round(low, 2), round(high, 2)) == (-29.42, 65.78)


def test_the_interval_is_widened_to_hold_a_score_at_the_end():
    assert nps(scores(*[10] * 40)).select("score", "high").row(0) == (100.0, 100.0)
    assert nps(scores(0)).select("score", "low").row(0) == (-100.0, -100.0)


def test_nobody_answered_is_null_and_not_zero():
    for nothing in (scores(None, None), scores(), pl.DataFrame({"score": []}, schema={"score": pl.Int64})):
        assert nps(nothing).rows() == [(0, 0, 0, 0, None, None, None)]


def test_one_answer_has_a_wide_interval_and_no_verdict():
    # One promoter: with the pseudo-answers 1.75, 1.5 and 0.75 of 4, so mean 0.25, standard error 0.375.
    row = nps(scores(10)).row(0, named=True)
    assert (row["n"], row["score"], row["high"]) == (1, 100.0, 100.0)
    assert row["low"] == pytest.approx(100 * (0.25 - 1.959964 * 0.375), abs=1e-4)
    assert nps_change(scores(0), scores(10))["verdict"].item() == "too few"


def test_all_passives_are_zero_and_not_certain():
    # Ten passives: variance 1.5 / 13 on each side of zero.
    row = nps(scores(*[7, 8] * 5)).row(0, named=True)
    assert (row["promoters"], row["passives"], row["detractors"], row["score"]) == (0, 10, 0, 0.0)
    assert row["high"] == -row["low"] == pytest.approx(100 * 1.959964 * math.sqrt(1.5 / 13 / 13), abs=1e-4)


def test_dismissed_invitations_are_not_in_the_denominator():
    assert nps(scores(10, None, None, 0)).select("n", "score").row(0) == (2, 0.0)


@pytest.mark.parametrize("wrong", [11, -1, 6.5, math.nan, math.inf, -math.inf, "n/a", "", "6.5", "11", None])
def test_a_score_that_is_none_is_not_counted(wrong: Any):
    assert nps(scores(10, wrong, 9)).select("n", "promoters").row(0) == (2, 2)


@pytest.mark.parametrize("text", ["9", " 9 ", "9.0"])
def test_a_whole_number_as_text_is_a_score(text: str):
    assert nps(scores(text, 0)).select("n", "promoters").row(0) == (2, 1)


def test_scores_of_every_type_are_read():
    plain = pl.Series("score", ["10", "3", None])
    for kind in (pl.Int8, pl.UInt32, pl.Float32, pl.Decimal(4, 1), pl.Categorical, pl.Enum(["10", "3"]), pl.String):
        through = plain.cast(pl.Int64) if kind in (pl.Int8, pl.UInt32, pl.Float32, pl.Decimal(4, 1)) else plain
        assert nps(pl.DataFrame({"score": through.cast(kind)}))["n"].item() == 2, kind
    mixed = pl.DataFrame({"score": pl.Series([11, -1, 6.5, "9", None], dtype=pl.Object)})
    assert nps(mixed).select("n", "promoters").row(0) == (1, 1)


@pytest.mark.parametrize("frame", [pl.DataFrame({"nps": [1]}), pl.DataFrame({"score": [date(2024, 1, 1)]})])
def test_responses_without_a_usable_score_column_are_refused(frame: pl.DataFrame):
    with pytest.raises(ValueError, match="Hint: "):
        nps(frame)


def test_every_answer_given_counts_several_of_one_person_too():
    twice = answers(("ann", 10), ("ann", 0), columns="user_id score")
    assert nps(twice)["n"].item() == 2


def test_lazy_and_eager_responses_give_the_same():
    frame = scores(10, 9, 3)
    assert nps(frame.lazy()).equals(nps(frame))


# --- segments and accounts --------------------------------------------------------------------------------------


def test_one_row_per_segment():
    frame = answers(("pro", 10), ("pro", 0), (None, 10), ("free", None), columns="plan score")
    assert nps(frame, segment="plan").select("plan", "n", "score").rows() == [("pro", 2, 0.0), (None, 1, 100.0)]


def test_accounts_may_have_one_vote_each():
    frame = answers(("big", 0), ("big", 0), ("big", 0), ("big", 10), ("small", 10), columns="account_id score")
    assert score_of(frame) == -20.0
    # big votes -0.5, small votes +1
    assert score_of(frame, weight="accounts") == 25.0
    assert nps(frame, weight="accounts").select("n", "promoters", "detractors").row(0) == (5, 2, 3)


def test_an_account_may_be_the_group_and_the_voter():
    frame = answers(("big", 0), ("big", 10), ("big", 9), ("small", 10), columns="account_id score")
    by_account = nps(frame, segment="account_id", weight="accounts").select("account_id", "n", "score").rows()
    assert by_account == [("big", 3, pytest.approx(100 / 3)), ("small", 1, 100.0)]


def test_with_one_answer_per_account_both_weights_agree():
    frame = answers(*((str(n), n % 11) for n in range(40)), columns="account_id score")
    assert nps(frame, weight="accounts").equals(nps(frame))


def test_many_answers_of_one_account_do_not_narrow_the_interval_of_accounts():
    frame = answers(*((str(n % 3), 10 * (n % 2)) for n in range(300)), columns="account_id score")
    widths = [
        nps(frame, weight=weight).select(pl.col("high") - pl.col("low")).item() for weight in ("answers", "accounts")
    ]
    assert widths[1] > 5 * widths[0] / 2


@pytest.mark.parametrize(
    "options", [{"weight": "people"}, {"weight": "accounts"}, {"segment": "plan"}, {"segment": "score"}]
)
def test_a_wrong_question_says_what_to_do(options: dict[str, Any]):
    with pytest.raises(ValueError, match="Hint: "):
        nps(scores(10), **options)


# --- trend ------------------------------------------------------------------------------------------------------


def test_a_trend_has_every_month_up_to_as_of():
    frame = answers((date(2024, 1, 9), 10), (date(2024, 1, 31), 0), (date(2024, 3, 1), 9))
    assert nps_trend(frame, as_of=AS_OF).select("period", "n", "score", "state").rows() == [
        (date(2024, 1, 1), 2, 0.0, "final"),
        (date(2024, 2, 1), 0, None, "final"),
        (date(2024, 3, 1), 1, 100.0, "provisional"),
    ]


def test_the_columns_of_a_trend():
    frame = answers((date(2024, 3, 1), 9, "pro"), columns="responded_at score plan")
    names = ["n", "promoters", "passives", "detractors", "score", "low", "high", "state"]
    assert nps_trend(frame, as_of=AS_OF).columns == ["period", *names]
    assert nps_trend(frame, as_of=AS_OF, segment="plan").columns == ["period", "plan", *names]


def test_a_rolling_trend_pools_answers_and_averages_no_scores():
    frame = answers((date(2024, 1, 9), 10), (date(2024, 2, 1), 0), (date(2024, 2, 2), 0), (date(2024, 2, 3), 0))
    table = nps_trend(frame, window=2, as_of=AS_OF)
    assert table.select("n", "score").rows() == [(1, 100.0), (4, -50.0), (3, -100.0)]


def test_a_rolling_trend_of_accounts_gives_each_one_vote_over_the_whole_window():
    frame = answers(
        (date(2024, 1, 9), 0, "a"),
        (date(2024, 2, 1), 10, "a"),
        (date(2024, 2, 2), 10, "a"),
        (date(2024, 2, 3), 10, "b"),
        columns="responded_at score account_id",
    )
    february = nps_trend(frame, window=2, weight="accounts", as_of=date(2024, 2, 20)).row(-1, named=True)
    assert february["n"] == 4
    assert february["score"] == pytest.approx(100 * (1 / 3 + 1) / 2)


def test_answers_before_since_still_fill_its_window():
    frame = answers((date(2024, 1, 9), 10), (date(2024, 2, 1), 0))
    table = nps_trend(frame, window=2, since=date(2024, 2, 10), as_of=AS_OF)
    assert table.select("period", "n").rows() == [(date(2024, 2, 1), 2), (date(2024, 3, 1), 1)]


def test_since_shows_months_without_answers():
    frame = answers((date(2024, 3, 1), 10))
    assert nps_trend(frame, since=date(2024, 1, 5), as_of=AS_OF)["n"].to_list() == [0, 0, 1]
    assert nps_trend(frame.clear(), since=date(2024, 1, 5), as_of=AS_OF)["n"].to_list() == [0, 0, 0]


def test_the_last_answer_of_a_person_counts_per_survey_and_month():
    frame = answers(
        (date(2024, 3, 1), 0, "ann", "product"),
        (date(2024, 3, 9), 10, "ann", "product"),
        (date(2024, 3, 5), 7, "ann", "support"),
        (date(2024, 2, 5), 0, "ann", "product"),
        columns="responded_at score user_id survey",
    ).sample(fraction=1, shuffle=True, seed=5)
    table = nps_trend(frame, as_of=AS_OF)
    assert table.select("n", "promoters", "passives", "detractors").rows() == [(1, 0, 0, 1), (2, 1, 1, 0)]


def test_the_last_answer_of_a_day_is_the_later_one():
    times = [datetime(2024, 3, 1, 9, tzinfo=UTC), datetime(2024, 3, 1, 17, tzinfo=UTC)]
    frame = pl.DataFrame({"responded_at": times, "score": [10, 0], "user_id": ["ann", "ann"]})
    assert nps_trend(frame, as_of=AS_OF)["score"].to_list() == [-100.0]
    assert nps_trend(frame.reverse(), as_of=AS_OF)["score"].to_list() == [-100.0]


def test_people_who_are_not_known_are_not_one_person():
    frame = answers((date(2024, 3, 1), 0, None), (date(2024, 3, 9), 10, None), columns="responded_at score user_id")
    assert nps_trend(frame, as_of=AS_OF)["n"].to_list() == [2]


def test_an_answer_that_is_no_score_does_not_replace_an_earlier_one():
    frame = answers((date(2024, 3, 1), 9, "ann"), (date(2024, 3, 9), 11, "ann"), columns="responded_at score user_id")
    assert nps_trend(frame, as_of=AS_OF).select("n", "score").rows() == [(1, 100.0)]


def test_answers_after_as_of_change_nothing():
    early = answers((date(2024, 1, 9), 10, "ann", "pro"), columns="responded_at score user_id plan")
    late = answers((date(2024, 3, 16), 0, "ann", "new"), columns="responded_at score user_id plan")
    for segment in (None, "plan"):
        found = nps_trend(pl.concat([early, late]), segment=segment, as_of=AS_OF)
        assert found.equals(nps_trend(early, segment=segment, as_of=AS_OF))


def test_a_trend_by_segment_has_every_month_for_each():
    frame = answers(
        (date(2024, 2, 9), 10, "pro"),
        (date(2024, 3, 9), 0, None),
        columns="responded_at score plan",
    )
    table = nps_trend(frame, segment="plan", as_of=AS_OF)
    assert table.select("period", "plan", "n").rows() == [
        (date(2024, 2, 1), "pro", 1),
        (date(2024, 2, 1), None, 0),
        (date(2024, 3, 1), "pro", 0),
        (date(2024, 3, 1), None, 1),
    ]


def test_a_trend_by_week_begins_where_weeks_do():
    frame = answers((date(2024, 3, 3), 10))
    sunday = nps_trend(frame, by="week", week_start="sunday", as_of=date(2024, 3, 4))
    monday = nps_trend(frame, by="week", as_of=date(2024, 3, 4))
    assert sunday["period"].to_list() == [date(2024, 3, 3)]
    assert monday["period"].to_list() == [date(2024, 2, 26), date(2024, 3, 4)]
    assert monday["state"].to_list() == ["final", "provisional"]


def test_an_answer_without_its_day_falls_on_that_of_the_invitation():
    frame = answers(
        (None, date(2024, 2, 20), 10),
        (date(2024, 3, 1), date(2024, 2, 20), 0),
        (None, None, 0),
        columns="responded_at sent_at score",
    )
    assert nps_trend(frame, as_of=AS_OF)["score"].to_list() == [100.0, -100.0]


def test_a_trend_of_nothing_has_no_rows():
    assert nps_trend(answers(), as_of=AS_OF).is_empty()
    nobody = answers(columns="responded_at score plan")
    assert nps_trend(nobody, as_of=AS_OF, segment="plan").is_empty()


@pytest.mark.parametrize("options", [{"window": 0}, {"by": "year"}, {"since": date(2025, 1, 1)}, {"segment": "plan"}])
def test_a_wrong_trend_says_what_to_do(options: dict[str, Any]):
    with pytest.raises(ValueError, match="Hint: "):
        nps_trend(answers((date(2024, 3, 1), 9)), as_of=AS_OF, **options)


def test_a_trend_needs_a_day():
    with pytest.raises(ValueError, match="a trend needs a day"):
        nps_trend(scores(9), as_of=AS_OF)


# --- change -----------------------------------------------------------------------------------------------------


def counts(promoters: int, passives: int, detractors: int) -> pl.DataFrame:
    numbers = {"promoters": promoters, "passives": passives, "detractors": detractors}
    return pl.DataFrame({"n": [sum(numbers.values())]} | {name: [number] for name, number in numbers.items()})


def test_a_change_joins_both_intervals():
    # Adjusted: 40.75 - 30.75 of 103, and 60.75 - 10.75 of 103.
    variances = [(72.25 - 0.75 + 0.0) / 103 - (10 / 103) ** 2, 71.5 / 103 - (50 / 103) ** 2]
    half = 1.959964 * math.sqrt(sum(variances) / 103)
    result = nps_change(counts(40, 30, 30), counts(60, 30, 10)).row(0, named=True)
    assert result["change"] == 40.0
    assert result["low"] == pytest.approx(100 * (40 / 103 - half), abs=1e-4)
    assert result["high"] == pytest.approx(100 * (40 / 103 + half), abs=1e-4)
    assert result["verdict"] == "up"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (counts(60, 30, 10), counts(40, 30, 30), "down"),
        (counts(40, 30, 30), counts(42, 30, 28), "within noise"),
        (counts(0, 0, 29), counts(100, 0, 0), "too few"),
        (counts(100, 0, 0), counts(0, 0, 29), "too few"),
        (counts(0, 0, 30), counts(100, 0, 0), "up"),
    ],
)
def test_the_verdict_on_a_change(before: pl.DataFrame, after: pl.DataFrame, verdict: str):
    assert nps_change(before, after)["verdict"].item() == verdict


def test_responses_and_their_counts_give_the_same_change():
    before, after = scores(*[10, 7, 0, 0] * 20), scores(*[10, 10, 7, 0] * 20)
    from_responses = nps_change(before, after)
    assert from_responses.columns == ["change", "low", "high", "verdict"]
    assert from_responses.equals(nps_change(nps(before), nps(after).lazy()))
    assert from_responses["change"].item() == 50.0


def test_rows_of_a_trend_are_pooled_for_a_change():
    assert nps_change(pl.concat([counts(10, 0, 0), counts(0, 0, 30)]), counts(20, 0, 20))["change"].item() == 50.0


def test_a_change_from_nothing_is_null():
    for before, after in ((scores(), scores(9)), (scores(9), scores(None)), (counts(0, 0, 0), counts(1, 0, 0))):
        assert nps_change(before, after).rows() == [(None, None, None, "too few")]


def test_a_change_over_accounts_needs_30_accounts():
    frame = answers(*((str(n % 29), 10) for n in range(100)), columns="account_id score")
    assert nps_change(frame, frame)["verdict"].item() == "within noise"
    assert nps_change(frame, frame, weight="accounts")["verdict"].item() == "too few"


# --- response rate and distribution -----------------------------------------------------------------------------


def test_the_response_rate_counts_the_dismissed():
    result = response_rate(scores(10, None, None, 0))
    assert result.select("sent", "answered", "dismissed", "rate").rows() == [(4, 2, 2, 0.5)]
    assert [round(value, 4) for value in result.select("low", "high").row(0)] == [0.15, 0.85]


def test_a_response_with_a_wrong_score_was_neither_answered_nor_dismissed():
    assert response_rate(scores(10, 11, 6.5, None)).select("sent", "answered").row(0) == (2, 1)


def test_the_response_rate_of_nothing_is_null():
    assert response_rate(scores()).rows() == [(0, 0, 0, None, None, None)]


def test_response_rates_by_month_of_sending_are_provisional_while_invitations_are_young():
    frame = answers(
        (date(2024, 1, 9), date(2024, 2, 3), 10),
        (date(2024, 1, 31), None, None),
        (date(2024, 3, 1), None, None),
        (date(2024, 3, 2), date(2024, 3, 20), 10),
        (date(2024, 3, 20), None, None),
        columns="sent_at responded_at score",
    )
    table = response_rate(frame, by="month", as_of=date(2024, 3, 14))
    assert table.columns == ["period", "sent", "answered", "dismissed", "rate", "low", "high", "state"]
    assert table.select("period", "sent", "answered", "rate", "state").rows() == [
        (date(2024, 1, 1), 2, 1, 0.5, "final"),
        (date(2024, 2, 1), 0, 0, None, "provisional"),
        (date(2024, 3, 1), 2, 0, 0.0, "provisional"),
    ]
    assert response_rate(frame, by="month", as_of=date(2024, 3, 15))["state"][1] == "final"


def test_response_rates_by_segment():
    frame = answers((date(2024, 3, 1), 10, "pro"), (date(2024, 3, 1), None, None), columns="sent_at score plan")
    assert response_rate(frame, segment="plan").select("plan", "rate").rows() == [("pro", 1.0), (None, 0.0)]
    table = response_rate(frame, segment="plan", by="month", as_of=AS_OF)
    assert table.select("period", "plan", "rate").rows() == [
        (date(2024, 3, 1), "pro", 1.0),
        (date(2024, 3, 1), None, 0.0),
    ]


def test_response_rates_by_month_need_as_of():
    with pytest.raises(ValueError, match="needs as_of"):
        response_rate(answers((date(2024, 3, 1), 10)), by="month")


def test_a_distribution_has_all_eleven_scores():
    table = distribution(scores(10, 10, 0, 7, 11, None))
    assert table["answers"].to_list() == [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2]
    assert table["kind"].to_list() == ["detractor"] * 7 + ["passive"] * 2 + ["promoter"] * 2
    assert table["share"].to_list()[7:] == [0.25, 0.0, 0.0, 0.5]


def test_a_distribution_of_nothing_has_no_shares():
    table = distribution(scores())
    assert table["answers"].sum() == 0
    assert table["share"].null_count() == 11


def test_a_distribution_by_segment():
    table = distribution(answers(("pro", 10), (None, 9), (None, 0), columns="plan score"), segment="plan")
    assert table["plan"].to_list() == ["pro"] * 11 + [None] * 11
    assert table.filter(pl.col("plan").is_null())["share"].sum() == 1.0
    assert table["score"].to_list() == [*range(11), *range(11)]


# --- invariants -------------------------------------------------------------------------------------------------

some_scores = st.lists(st.one_of(st.none(), st.integers(-3, 14)), max_size=60)


@patient
@given(some_scores)
def test_the_parts_add_up_and_the_interval_holds_the_score(given_scores: list[int | None]):
    frame = pl.DataFrame({"score": given_scores}, schema={"score": pl.Int64})
    row = nps(frame).row(0, named=True)
    counted = [score for score in given_scores if score is not None and 0 <= score <= 10]
    assert row["n"] == len(counted) == row["promoters"] + row["passives"] + row["detractors"]
    if not counted:
        assert row["score"] is None
        return
    votes = [1 if score > 8 else -1 if score < 7 else 0 for score in counted]
    assert row["score"] == pytest.approx(100 * sum(votes) / len(votes))
    assert -100 <= row["low"] <= row["score"] <= row["high"] <= 100


dated = st.lists(
    st.tuples(
        st.dates(date(2023, 11, 1), date(2024, 4, 30)),
        st.integers(-1, 11),
        st.sampled_from(["ann", "bob", "cyd", None]),
        st.sampled_from(["product", "support", None]),
    ),
    max_size=30,
    unique_by=lambda row: row[0],
)


@patient
@given(dated, st.integers(1, 4), st.dates(date(2023, 12, 1), date(2024, 4, 30)))
def test_a_trend_agrees_with_plain_loops(rows: list[tuple[Any, ...]], window: int, as_of: date):
    last: dict[tuple[Any, ...], tuple[date, int]] = {}
    for day, score, person, survey in sorted(rows, key=lambda row: row[0]):
        if day <= as_of and 0 <= score <= 10:
            alone = day if person is None else None
            last[(day.year, day.month, person, survey, alone)] = (day, score)
    expected = []
    months = [(day.year, day.month) for day in [kept[0] for kept in last.values()]]
    place = min(months, default=(9999, 1))
    while place <= (as_of.year, as_of.month):
        back = {divmod(place[0] * 12 + place[1] - 1 - k, 12) for k in range(window)}
        inside = [score for day, score in last.values() if (day.year, day.month - 1) in back]
        expected.append((date(*place, 1), len(inside), sum(s > 8 for s in inside), sum(s < 7 for s in inside)))
        place = (place[0] + place[1] // 12, place[1] % 12 + 1)
    frame = answers(*rows, columns="responded_at score user_id survey")
    table = nps_trend(frame, window=window, as_of=as_of)
    assert table.select("period", "n", "promoters", "detractors").rows() == expected


@patient
@given(some_scores, some_scores)
def test_swapping_before_and_after_mirrors_a_change(before: list[int | None], after: list[int | None]):
    frames = [pl.DataFrame({"score": some}, schema={"score": pl.Int64}) for some in (before, after)]
    change, low, high, _ = nps_change(*frames).row(0)
    mirrored = nps_change(*reversed(frames)).row(0)
    if change is not None:
        assert mirrored[:3] == (pytest.approx(-change), pytest.approx(-high), pytest.approx(-low))
        assert -200 <= low <= change <= high <= 200
