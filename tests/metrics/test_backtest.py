"""Health tried on the past: who is asked about, what counts as leaving, intervals, and how well a measure told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from metrics import backtest_auc
from metrics.backtest import backtest, band_outcomes, judged_on, last_judged
from metrics.backtest_auc import Outcomes, area, area_interval, auc
from metrics.churns import churns
from metrics.health import GROUPS, MEASURES, WEIGHTS, health_history
from metrics.movements import account_movements
from tests.metrics.test_health import FEATURES, as_recorded_on, company, worlds

END = date(2026, 1, 31)
AS_OF = date(2026, 6, 1)
_STRETCH = {
    "account_id": pl.String,
    "subscription_id": pl.String,
    "line_id": pl.String,
    "plan": pl.String,
    "kind": pl.String,
    "mrr": pl.Int64,
    "billing_months": pl.Int64,
    "started_on": pl.Date,
    "ended_on": pl.Date,
    "renews_on": pl.Date,
    "cancel_requested_at": pl.Date,
    "past_due_since": pl.Date,
    "end_kind": pl.String,
}


def stretches(*rows: dict[str, Any]) -> pl.DataFrame:
    usual = {"account_id": "a", "subscription_id": "s", "plan": "Team", "kind": "paid", "mrr": 1000}
    usual |= {"started_on": date(2025, 1, 1)}
    return pl.DataFrame([dict.fromkeys(_STRETCH) | usual | row for row in rows], schema=_STRETCH)


def knew(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of ``health_history``: account a at the end of January, in green, unless it says otherwise."""
    columns = ("score", *GROUPS, *MEASURES)
    usual = {"month_end": END, "account_id": "a", "band": "green", **dict.fromkeys(columns, 50.0)}
    kinds = {"month_end": pl.Date, "account_id": pl.String, "band": pl.String, **dict.fromkeys(columns, pl.Float64)}
    return pl.DataFrame([usual | row for row in rows or ({},)], schema=kinds)


def tried(
    subscriptions: pl.DataFrame, history: pl.DataFrame | None = None, *, as_of: date = AS_OF, **how: Any
) -> pl.DataFrame:
    moved = account_movements(subscriptions, since=date(2025, 8, 1), until=as_of, as_of=as_of)
    left = churns(moved, subscriptions, as_of=as_of)
    return backtest(knew() if history is None else history, moved, left, subscriptions, as_of=as_of, **how)


# Who left ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ended_on", "churned"),
    [(date(2026, 2, 1), True), (date(2026, 5, 1), True), (date(2026, 5, 2), False), (None, False)],
)
def test_leaving_is_the_end_of_service_within_90_days(ended_on: date | None, churned: bool) -> None:
    assert tried(stretches({"ended_on": ended_on}))["churned"].to_list() == [churned]


def test_a_request_alone_is_no_leaving() -> None:
    asked = {"ended_on": date(2026, 5, 31), "cancel_requested_at": date(2026, 2, 2), "end_kind": "requested"}
    assert tried(stretches(asked))["churned"].to_list() == [False]


def test_a_late_renewal_is_no_leaving_and_coming_back_later_does_not_undo_it() -> None:
    gone = {"ended_on": date(2026, 2, 10)}
    late = tried(stretches(gone, {"started_on": date(2026, 3, 12)}))
    back = tried(stretches(gone, {"started_on": date(2026, 4, 20)}))
    assert (late["churned"].to_list(), back["churned"].to_list()) == ([False], [True])


def test_a_month_end_is_tried_once_a_late_renewal_could_no_longer_undo_an_end() -> None:
    assert judged_on(END) == AS_OF
    assert tried(stretches({}), as_of=AS_OF - timedelta(days=1)).is_empty()
    assert tried(stretches({}), as_of=AS_OF).height == 1
    assert judged_on(END, grace_days=0) == date(2026, 6, 1)  # the month of the 90th day is over
    assert judged_on(date(2024, 11, 30)) == date(2025, 3, 31)


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 200), st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_the_last_month_end_judged_is_judged_and_the_next_is_not(as_of: date, days: int, grace_days: int) -> None:
    last = last_judged(as_of=as_of, days=days, grace_days=grace_days)
    following = (last + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    assert judged_on(last, days=days, grace_days=grace_days) <= as_of
    assert judged_on(following, days=days, grace_days=grace_days) > as_of or following > as_of


def test_those_already_leaving_and_those_who_did_not_pay_are_left_out() -> None:
    rows = knew(
        *({"account_id": name, "band": band} for name, band in zip("abc", ("leaving", "red", "red"), strict=True))
    )
    paused = {"account_id": "c", "kind": "paused"}
    assert tried(stretches({}, {"account_id": "b"}, paused), rows)["account_id"].to_list() == ["b"]


def test_the_trend_is_three_months_of_mrr_as_a_share_of_what_it_was() -> None:
    up = [
        {"mrr": 1000, "ended_on": date(2025, 12, 10)},
        {"mrr": 1500, "started_on": date(2025, 12, 10), "ended_on": date(2026, 1, 20)},
        {"mrr": 1250, "started_on": date(2026, 1, 20)},
    ]
    assert tried(stretches(*up))["mrr_trend"].to_list() == [0.25]
    assert tried(stretches({"started_on": date(2025, 11, 2)}))["mrr_trend"].to_list() == [None]


def test_a_month_without_the_account_changes_nothing_in_its_trend() -> None:
    away = stretches({"ended_on": date(2025, 11, 20)}, {"mrr": 1250, "started_on": date(2026, 1, 10)})
    assert tried(away)["mrr_trend"].to_list() == [0.25]


@pytest.mark.parametrize(
    ("contract", "expected"),
    [
        ({"renews_on": date(2026, 5, 1), "billing_months": 12}, True),
        ({"renews_on": date(2026, 5, 2), "billing_months": 12}, False),
        ({"renews_on": date(2027, 3, 15), "billing_months": 12}, True),  # rolled on since
        ({"renews_on": date(2025, 3, 15), "billing_months": 12}, True),  # not rolled on in the source
        ({"renews_on": date(2027, 1, 31), "billing_months": 12}, False),
        ({"renews_on": date(2026, 6, 20), "billing_months": 1}, True),
        ({"billing_months": 1}, True),
        ({"billing_months": 12}, None),
        ({"renews_on": date(2026, 3, 1)}, True),
        ({"renews_on": date(2026, 9, 1)}, False),
        ({"renews_on": date(2025, 9, 1)}, None),
    ],
)
def test_a_contract_could_end_where_a_renewal_falls_into_the_time(contract: dict[str, Any], expected: Any) -> None:
    assert tried(stretches(contract))["could_end"].to_list() == [expected]


def test_one_line_that_could_end_is_enough() -> None:
    far, near = ({"renews_on": date(2026, month, 1), "billing_months": 12} for month in (9, 3))
    assert tried(stretches(far, near | {"line_id": "t"}))["could_end"].to_list() == [True]
    assert tried(stretches(far, {"line_id": "t"}))["could_end"].to_list() == [None]


def everything(world: dict[str, Any], as_of: date, months: int) -> pl.DataFrame:
    frames = company(**world, features=FEATURES)
    subscriptions = frames["subscriptions"]
    history = health_history(frames, WEIGHTS, as_of=last_judged(as_of=as_of), months=months)
    moved = account_movements(subscriptions, since=date(2025, 6, 1), until=as_of, as_of=as_of)
    left = churns(moved, subscriptions, as_of=as_of)
    return backtest(history, moved, left, subscriptions, as_of=as_of)


def served(account: str, start: date, end: date, gap: int, requested: bool) -> list[dict[str, Any]]:
    """An account that pays, stops around the day on which it is judged, and comes back after ``gap`` days."""
    end_kind = "requested" if requested else None
    stretch = {"account_id": account, "plan": "Team", "kind": "paid", "mrr": 1000}
    stretch |= {"cancel_requested_at": None, "past_due_since": None}
    again = stretch | {"started_on": end + timedelta(days=gap), "ended_on": None, "end_kind": None}
    return [stretch | {"started_on": start, "ended_on": end, "end_kind": end_kind}, again]


contracts = st.lists(
    st.builds(
        served,
        st.sampled_from(["d", "e", "f"]),
        st.dates(date(2025, 9, 1), date(2025, 12, 20)),
        st.dates(date(2026, 3, 1), date(2026, 5, 10)),
        st.integers(20, 50),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda rows: rows[0]["account_id"],
)


@pytest.mark.slow
@given(world=worlds, contracts=contracts)
@settings(max_examples=8, deadline=None)
def test_nothing_recorded_after_a_month_end_is_judged_changes_what_is_said_of_it(
    world: dict[str, Any], contracts: list[list[dict[str, Any]]]
) -> None:
    # A stretch that turns out to be a mistake never was: that corrects the past on purpose.
    rows = [row | {"end_kind": None} if row["end_kind"] == "mistake" else row for row in world["subscriptions"]]
    rows += [row for contract in contracts for row in contract]
    world = world | {"subscriptions": [row | {"subscription_id": str(n)} for n, row in enumerate(rows)]}
    end = date(2025, 12, 31)
    judged = judged_on(end)
    past = {
        name: [then for row in rows if (then := as_recorded_on(name, row, judged - timedelta(days=1))) is not None]
        for name, rows in world.items()
    }
    was = everything(past, judged, 3)
    now = everything(world, date(2026, 8, 31), 7).filter(pl.col("month_end") <= end)
    assert_frame_equal(now, was)


# How often each band left --------------------------------------------------------------------------------------------


def judged(*rows: tuple[str, str, bool, float | None], could_end: bool = True) -> pl.DataFrame:
    """Rows of ``backtest``: account, band, whether it left, and the score, which stands for every measure."""
    names = ("score", "mrr_trend", *GROUPS, *MEASURES)
    return pl.DataFrame(
        [
            {"account_id": a, "band": b, "churned": left, "could_end": could_end, **dict.fromkeys(names, score)}
            for a, b, left, score in rows
        ],
        schema_overrides=dict.fromkeys(names, pl.Float64),
    )


def crowd(band: str, accounts: int, left: int, *, times: int = 1, score: float = 50.0) -> list[Any]:
    """``accounts`` in a band at ``times`` month ends each, of which ``left`` left."""
    return [(f"{band}{n}", band, n < left, score + n % 7) for n in range(accounts) for _ in range(times)]


def test_rates_are_of_account_months_the_worst_band_first() -> None:
    found = band_outcomes(judged(*crowd("green", 100, 5, times=2), *crowd("red", 40, 10)))
    shown = found.filter(pl.col("contracts") == "all")
    assert shown.select("band", "account_months", "accounts", "churned", "rate", "enough").rows() == [
        ("red", 40, 40, 10, 0.25, True),
        ("green", 200, 100, 10, 0.05, True),
    ]
    assert shown["above"].to_list() == [0.2, None]
    assert shown["verdict"].to_list() == ["up", None]


def test_an_interval_is_as_wide_however_often_the_same_accounts_are_looked_at() -> None:
    once, often = (band_outcomes(judged(*crowd("red", 60, 12, times=times))) for times in (1, 3))
    columns = ["rate", "low", "high"]
    assert_frame_equal(once.select(columns), often.select(columns))
    assert 0.08 < once["low"][0] < 0.13
    assert 0.27 < once["high"][0] < 0.33


def test_a_rate_of_none_has_wilsons_interval_of_the_accounts() -> None:
    found = band_outcomes(judged(*crowd("green", 40, 0, times=3))).row(0, named=True)
    assert (found["rate"], found["low"]) == (0, 0)
    assert found["high"] == pytest.approx(0.0876, abs=1e-4)  # 0 of 40


def test_few_accounts_are_too_few() -> None:
    found = band_outcomes(judged(*crowd("green", 100, 5), *crowd("red", 29, 20)))
    row = found.row(by_predicate=(pl.col("contracts") == "all") & (pl.col("band") == "red"), named=True)
    assert (row["enough"], row["verdict"]) == (False, "too few")


def test_contracts_that_could_end_stand_apart() -> None:
    rows = pl.concat([judged(*crowd("red", 40, 10)), judged(*crowd("green", 40, 0), could_end=False)])
    found = band_outcomes(rows)
    assert found.select("contracts", "band").rows() == [("all", "red"), ("all", "green"), ("could end", "red")]


def test_the_same_rows_have_the_same_intervals_in_any_order() -> None:
    rows = judged(*crowd("green", 50, 4, times=2), *crowd("red", 40, 9))
    assert_frame_equal(band_outcomes(rows), band_outcomes(rows.reverse()))
    assert_frame_equal(auc(rows), auc(rows.reverse()))


def test_nothing_to_try_gives_no_rows() -> None:
    nothing = tried(stretches({}), as_of=date(2026, 3, 1))
    assert (band_outcomes(nothing).height, auc(nothing).filter(pl.col("n") > 0).height) == (0, 0)


# How well a measure told ---------------------------------------------------------------------------------------------

VALUES = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0]) | st.floats(0, 100), st.booleans()), max_size=30)


@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_the_area_is_what_a_loop_over_all_pairs_counts(rows: list[tuple[float, bool]]) -> None:
    gone, stayed = ([value for value, left in rows if left is wanted] for wanted in (True, False))
    wins = sum(1.0 if high > low else 0.5 if high == low else 0.0 for high in stayed for low in gone)
    found = area(np.array([value for value, _ in rows]), np.array([left for _, left in rows], dtype=bool))
    if gone and stayed:
        assert found == pytest.approx(wins / (len(gone) * len(stayed)))
    else:
        assert np.isnan(found)


def hanley_mcneil() -> tuple[Any, Any]:
    """109 CT images rated from 1, definitely normal, to 5, definitely abnormal (Hanley and McNeil 1982, table I)."""
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    ratings = np.repeat([1, 2, 3, 4, 5] * 2, normal + abnormal)
    return 6.0 - ratings, np.arange(109) >= sum(normal)


def test_the_area_and_its_error_are_those_that_hanley_and_mcneil_published() -> None:
    values, left = hanley_mcneil()
    found, low, high = area_interval(values, Outcomes(left, np.arange(109), 109))
    assert found == pytest.approx(0.893, abs=5e-4)
    assert low is not None
    assert high is not None
    assert low == pytest.approx(0.893 - 1.96 * 0.0320, abs=0.01)
    assert high == pytest.approx(0.893 + 1.96 * 0.0320, abs=0.01)


def test_bins_change_an_interval_by_less_than_a_hundredth(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    left = random.random(1200) < 0.1
    values = random.normal(60, 12, 1200) - 8 * left
    outcomes = Outcomes(left, np.arange(1200) // 6, 200)
    found = {}
    for bins in (4, 25, 10_000):
        monkeypatch.setattr(backtest_auc, "_BINS", bins)
        found[bins] = area_interval(values, outcomes)
    assert found[25] == pytest.approx(found[10_000], abs=0.002)
    assert found[4] == pytest.approx(found[10_000], abs=0.015)


def test_accounts_looked_at_more_often_do_not_make_an_interval_narrower() -> None:
    values, left = hanley_mcneil()
    once = area_interval(values, Outcomes(left, np.arange(109), 109))
    thrice = area_interval(np.tile(values, 3), Outcomes(np.tile(left, 3), np.tile(np.arange(109), 3), 109))
    assert thrice == pytest.approx(once, abs=1e-6)


def area_of(rows: pl.DataFrame, measure: str = "score") -> dict[str, Any]:
    chosen = (pl.col("contracts") == "all") & (pl.col("measure") == measure)
    return auc(rows).row(by_predicate=chosen, named=True)


@pytest.mark.parametrize(("gone", "verdict"), [(30.0, "predicts"), (50.0, "does not predict"), (70.0, "wrong way")])
def test_the_verdict_is_what_the_interval_allows(gone: float, verdict: str) -> None:
    assert area_of(judged(*crowd("red", 40, 40, score=gone), *crowd("green", 40, 0)))["verdict"] == verdict


def test_with_fewer_than_20_accounts_that_left_there_is_no_verdict() -> None:
    few = area_of(judged(*crowd("red", 19, 19, times=3, score=30), *crowd("green", 60, 0)))
    assert (few["auc"], few["verdict"], few["churned"], few["accounts_left"]) == (1, "too few", 57, 19)
    none = area_of(judged(*crowd("green", 60, 0)))
    assert (none["auc"], none["low"], none["verdict"]) == (None, None, "too few")


def test_a_measure_not_known_is_left_out_and_counted() -> None:
    rows = judged(*crowd("red", 40, 40, score=30), *crowd("green", 40, 0), ("x", "unknown", True, None))
    found = area_of(rows)
    assert (found["n"], found["missing"], found["churned"], found["auc"]) == (80, 1, 40, 1)


def test_two_baselines_stand_beside_the_score() -> None:
    rows = auc(judged(*crowd("red", 40, 40, score=30), *crowd("green", 40, 0)))
    assert rows.filter(pl.col("kind") == "baseline", pl.col("contracts") == "all").select(
        "measure", "auc", "low", "high", "verdict"
    ).rows() == [("everyone healthy", 0.5, 0.5, 0.5, "does not predict"), ("mrr_trend", 1.0, 1.0, 1.0, "predicts")]


def test_a_group_of_one_measure_is_listed_once() -> None:
    measures = auc(judged(*crowd("red", 2, 1)))["measure"].unique().to_list()
    assert ("voice" in measures, "nps" in measures, "csat" in measures) == (True, False, True)
