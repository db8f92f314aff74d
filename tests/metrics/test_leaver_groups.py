"""Regrettable churn by group, and how the ending felt."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.leaver_groups import SCALES, felt, felt_spread, regrettable_groups

WORDS = st.sampled_from(["yes", "no", "unknown"])
LEAVER = st.fixed_dictionaries(
    {
        "plan": st.sampled_from(["Team", "Pro", None]),
        "lost_mrr": st.integers(0, 10**9),
        "regrettable": WORDS,
    }
)
SCHEMA = {"plan": pl.String, "lost_mrr": pl.Int64, "regrettable": pl.String}


def left(*rows):
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@given(st.lists(LEAVER, max_size=30))
def test_groups_add_up_to_the_whole_in_heads_and_money(rows):
    frame = pl.DataFrame(rows, schema=SCHEMA)
    groups, whole = regrettable_groups(frame, "plan"), regrettable_groups(frame)
    assert groups["leavers"].sum() == len(rows)
    assert groups["lost_mrr"].sum() == sum(row["lost_mrr"] for row in rows)
    parts = groups.select(pl.sum_horizontal("regrettable_mrr", "natural_mrr", "unknown_mrr")).to_series()
    assert parts.to_list() == groups["lost_mrr"].to_list()
    for name in ("leavers", "regrettable", "natural", "unknown", "lost_mrr", "regrettable_mrr"):
        assert whole[name].sum() == groups[name].sum()


@given(st.lists(LEAVER, max_size=30))
def test_a_share_lies_in_its_interval_and_small_groups_stand_last(rows):
    groups = regrettable_groups(pl.DataFrame(rows, schema=SCHEMA), "plan", fewest=3)
    known = groups.filter(pl.col("judged") > 0)
    assert known.filter(
        (pl.col("low") > pl.col("share") + 1e-12) | (pl.col("share") > pl.col("high") + 1e-12)
    ).is_empty()
    assert groups["enough"].to_list() == sorted(groups["enough"].to_list(), reverse=True)
    assert groups.filter("enough")["share"].is_sorted(descending=True)


def test_who_is_not_known_is_counted_but_in_no_share():
    rows = left(("Pro", 100, "yes"), ("Pro", 200, "no"), ("Pro", 700, "unknown"), (None, 50, "unknown"))
    found = regrettable_groups(rows, "plan", fewest=2)
    assert found.select("plan", "leavers", "judged", "share", "lost_mrr", "unknown_mrr", "enough").rows() == [
        ("Pro", 3, 2, 0.5, 1000, 700, True),
        (None, 1, 0, None, 50, 50, False),
    ]


def test_of_nobody_nothing_is_lost_and_no_share_known():
    whole = regrettable_groups(left()).row(0, named=True)
    assert (whole["leavers"], whole["lost_mrr"], whole["share"], whole["enough"]) == (0, 0, None, False)
    assert regrettable_groups(left(), "plan").is_empty()


@pytest.mark.parametrize("question", list(SCALES))
def test_only_answers_on_the_scale_count(question):
    least, most = SCALES[question]
    rows = pl.DataFrame({question: [least, most, least - 1, most + 1, None]})
    assert felt(rows, question).select("n", "mean").row(0) == (2, (least + most) / 2)
    spread = felt_spread(rows, question)
    assert spread["answer"].to_list() == list(range(least, most + 1))
    assert spread["leavers"].sum() == 2


@given(st.lists(st.integers(1, 5), min_size=10, max_size=60))
def test_the_mean_lies_in_its_interval_and_the_interval_on_the_scale(answers):
    row = felt(pl.DataFrame({"ease": answers}), "ease").row(0, named=True)
    assert 1 <= row["low"] <= row["mean"] + 1e-9
    assert row["mean"] - 1e-9 <= row["high"] <= 5


def test_a_mean_of_few_has_no_interval_and_of_none_is_not_known():
    assert felt(pl.DataFrame({"ease": [4] * 9}), "ease").row(0) == (9, 4.0, None, None)
    assert felt(pl.DataFrame({"ease": [None]}), "ease").row(0) == (0, None, None, None)
    assert felt(pl.DataFrame({"account_id": ["a"]}), "would_return").row(0) == (0, None, None, None)
