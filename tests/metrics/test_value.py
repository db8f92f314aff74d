"""What customers get: who is value-active, scorecard, unused entitlements, zombies."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.peers import peer_percentiles
from metrics.revenue import account_movements, late_renewals
from metrics.value import (
    current_mrr,
    last_value_day,
    last_value_window,
    scorecard,
    unused_entitlements,
    value_active,
    value_active_28d,
    zombies,
)
from tests.metrics.test_revenue_oracle import company as odd_company
from tests.metrics.test_revenue_oracle import frame

AS_OF = date(2026, 3, 31)
FEATURES = pl.DataFrame(
    {
        "feature": ["report", "call", "export", "login"],
        "is_key": [True, True, True, False],
        "is_value": [True, True, False, False],
        "min_28_days": [3.0, 60.0, None, None],
    }
)
_USE = {"account_id": pl.String, "user_id": pl.String, "feature": pl.String, "uses": pl.Int64, "quantity": pl.Float64}
_SUBSCRIPTION = {
    "account_id": pl.String,
    "subscription_id": pl.String,
    "line_id": pl.String,
    "plan": pl.String,
    "kind": pl.String,
    "mrr": pl.Int64,
    "started_on": pl.Date,
    "ended_on": pl.Date,
    "cancel_requested_at": pl.Datetime("us"),
    "past_due_since": pl.Datetime("us"),
    "end_kind": pl.String,
}


def daily(*rows: tuple[str, str | None, str, date, int, float | None]) -> pl.LazyFrame:
    schema = {"account_id": pl.String, "user_id": pl.String, "feature": pl.String, "day": pl.Date, "uses": pl.Int64}
    return pl.LazyFrame(list(rows), schema={**schema, "quantity": pl.Float64}, orient="row")


def window(*rows: tuple[str, str | None, str, int, float | None], end: date = AS_OF) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=_USE, orient="row").with_columns(window_end=pl.lit(end))


def subscription(account_id: str, **given: Any) -> dict[str, Any]:
    row = {"subscription_id": f"s-{account_id}", "plan": "Team", "kind": "paid", "mrr": 9900}
    return {"account_id": account_id, "started_on": date(2025, 1, 1), **row, **given}


def subscriptions(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([dict.fromkeys(_SUBSCRIPTION) | row for row in rows], schema=_SUBSCRIPTION)


# Who is value-active -------------------------------------------------------------------------------------------------


def active(*rows: tuple[str, str | None, str, date, int, float | None], **given: Any) -> list[tuple[Any, ...]]:
    return value_active(daily(*rows), given.pop("features", FEATURES), as_of=AS_OF, **given).rows()


def test_a_person_is_value_active_when_28_days_reach_the_threshold() -> None:
    first, last = date(2026, 3, 4), AS_OF
    assert active(("a", "u", "report", first, 1, None), ("a", "u", "report", last, 2, None)) == [("a", "u", True)]
    before = first - timedelta(days=1)
    assert active(("a", "u", "report", before, 1, None), ("a", "u", "report", last, 2, None)) == [("a", "u", False)]


def test_two_people_do_not_reach_a_threshold_together() -> None:
    rows = [("a", user, "report", AS_OF, 2, None) for user in ("u", "v")]
    assert active(*rows) == [("a", "u", False), ("a", "v", False)]


def test_two_features_do_not_reach_a_threshold_together() -> None:
    assert active(("a", "u", "report", AS_OF, 2, None), ("a", "u", "call", AS_OF, 1, 59.0)) == [("a", "u", False)]


def test_a_threshold_is_compared_with_the_quantity_where_there_is_one() -> None:
    assert active(("a", "u", "call", AS_OF, 1, 60.0)) == [("a", "u", True)]
    assert active(("a", "u", "call", AS_OF, 99, 59.5)) == [("a", "u", False)]
    assert active(("a", "u", "call", AS_OF, 60, None)) == [("a", "u", True)]


def test_an_integration_counts_without_a_person() -> None:
    assert active(("a", None, "report", AS_OF, 3, None)) == [("a", None, True)]


def test_log_ins_and_features_that_are_no_value_do_not_count() -> None:
    assert active(("a", "u", "login", AS_OF, 99, None), ("a", "u", "unlisted", AS_OF, 99, None)) == [("a", "u", False)]


def test_an_unlisted_feature_does_not_count_though_all_listed_ones_do() -> None:
    features = FEATURES.filter("is_value")
    assert active(("a", "u", "unlisted", AS_OF, 9, None), features=features) == [("a", "u", False)]


def test_our_own_staff_is_left_out() -> None:
    people = pl.LazyFrame({"user_id": ["u", "v"], "is_internal": [True, None]})
    rows = [("a", user, "report", AS_OF, 3, None) for user in ("u", "v", None)]
    assert active(*rows, people=people) == [("a", None, True), ("a", "v", True)]


def test_without_a_features_source_every_feature_counts_from_one_use() -> None:
    for features in (None, FEATURES.clear()):
        assert active(("a", "u", "login", AS_OF, 1, None), features=features) == [("a", "u", True)]


def test_where_no_feature_is_marked_as_value_every_feature_counts_with_its_threshold() -> None:
    features = FEATURES.with_columns(is_value=pl.lit(None, dtype=pl.Boolean))
    assert active(("a", "u", "login", AS_OF, 1, None), features=features) == [("a", "u", True)]
    assert active(("a", "u", "report", AS_OF, 2, None), features=features) == [("a", "u", False)]


def test_a_threshold_of_zero_means_any_use_at_all() -> None:
    features = pl.DataFrame({"feature": ["call"], "is_value": [True], "min_28_days": [0.0]})
    rows = [("a", "u", "call", date(2026, 3, 4), 1, None), ("b", "u", "call", date(2025, 3, 1), 1, None)]
    rows.append(("b", "u", "call", date(2025, 8, 1), 1, None))
    assert active(*rows, features=features) == [("a", "u", True)]
    found = last_value_day(daily(*rows), features, as_of=AS_OF).rows()
    assert found == [("a", AS_OF), ("b", date(2025, 8, 28))]
    assert last_value_day(daily(*rows[1:2]), features, as_of=AS_OF).rows() == [("b", date(2025, 3, 28))]
    gap = daily(rows[1], ("b", "u", "other", date(2025, 12, 1), 1, None), ("b", "v", "call", date(2025, 1, 1), 1, None))
    assert last_value_day(gap, features, as_of=AS_OF).rows() == [("b", date(2025, 3, 28))]


def test_decimals_that_add_up_to_the_threshold_reach_it() -> None:
    features = pl.DataFrame({"feature": ["call"], "is_value": [True], "min_28_days": [0.3]})
    rows = [("a", "u", "call", AS_OF - timedelta(days=n), 1, 0.1) for n in range(3)]
    assert active(*rows, features=features) == [("a", "u", True)]
    assert last_value_day(daily(*rows), features, as_of=AS_OF).rows() == [("a", AS_OF)]


uses = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["u", "v", None]),
        st.sampled_from(["report", "call", "login"]),
        st.integers(0, 120).map(lambda n: AS_OF - timedelta(days=n - 10)),
        st.integers(0, 3),
        st.one_of(st.none(), st.sampled_from([0.1, 20.0, 30.0])),
    ),
    max_size=30,
)


def in_28_days(rows: list[Any], on: date) -> dict[tuple[Any, ...], tuple[int, float | None]]:
    """Sums per account, person and feature, written out without frames."""
    sums: dict[tuple[Any, ...], tuple[int, float | None]] = {}
    for account, user, feature, day, number, quantity in rows:
        if on - timedelta(days=27) <= day <= on:
            before, measured = sums.get((account, user, feature), (0, None))
            total = measured if quantity is None else (measured or 0.0) + quantity
            sums[account, user, feature] = (before + number, total)
    return sums


def value_active_by_hand(rows: list[Any], on: date) -> set[tuple[str, str | None]]:
    least = {"report": 3.0, "call": 60.0}
    return {
        (account, user)
        for (account, user, feature), (number, quantity) in in_28_days(rows, on).items()
        if feature in least and (number if quantity is None else quantity) >= least[feature] - 1e-9
    }


@given(rows=uses)
@settings(max_examples=50, deadline=None)
def test_value_activity_agrees_with_counting_by_hand_and_with_the_28_day_sums(rows: list[Any]) -> None:
    by_hand = value_active_by_hand(rows, AS_OF)
    found = value_active(daily(*rows), FEATURES, as_of=AS_OF)
    assert set(found.filter("active").select("account_id", "user_id").rows()) == by_hand
    sums = window(*((*key, *amounts) for key, amounts in in_28_days(rows, AS_OF).items()))
    assert value_active_28d(sums, FEATURES, window_end=AS_OF).equals(found)


@given(rows=uses)
@settings(max_examples=50, deadline=None)
def test_the_last_value_day_agrees_with_trying_every_day(rows: list[Any]) -> None:
    by_hand: dict[str, date] = {}
    for back in range(160, -1, -1):
        on = AS_OF - timedelta(days=back)
        by_hand |= {account: on for account, _ in value_active_by_hand(rows, on)}
    assert dict(last_value_day(daily(*rows), FEATURES, as_of=AS_OF).rows()) == by_hand


@given(rows=uses, since=st.integers(28, 100))
@settings(max_examples=50, deadline=None)
def test_the_last_value_day_of_recent_rows_completes_the_one_found_before(rows: list[Any], since: int) -> None:
    start = AS_OF - timedelta(days=since)
    before = last_value_day(daily(*rows), FEATURES, as_of=start + timedelta(days=27))
    recent = last_value_day(daily(*(row for row in rows if row[3] >= start)), FEATURES, as_of=AS_OF)
    together = pl.concat([before, recent]).group_by("account_id").agg(pl.col("last_value_on").max()).sort("account_id")
    assert together.equals(last_value_day(daily(*rows), FEATURES, as_of=AS_OF))


def test_a_single_use_lasts_28_days_and_never_reaches_beyond_today() -> None:
    one = daily(("a", "u", "login", date(2026, 3, 1), 1, None))
    assert last_value_day(one, None, as_of=date(2026, 12, 31)).rows() == [("a", date(2026, 3, 28))]
    assert last_value_day(one, None, as_of=date(2026, 3, 5)).rows() == [("a", date(2026, 3, 5))]
    assert last_value_day(one, None, as_of=date(2026, 2, 28)).rows() == []


def test_the_last_value_window_is_the_last_month_end_with_value() -> None:
    sums = pl.concat([
        window(("a", "u", "report", 3, None), end=date(2026, 1, 31)),
        window(("a", "u", "report", 2, None), end=date(2026, 2, 28)),
        window(("a", "u", "report", 9, None), end=AS_OF),
    ])  # fmt: skip
    assert last_value_window(sums, FEATURES, as_of=date(2026, 3, 30)).rows() == [("a", date(2026, 1, 31))]


# What an account has and pays ----------------------------------------------------------------------------------------


def current(*rows: dict[str, Any], as_of: date = AS_OF) -> dict[str, Any]:
    return current_mrr(subscriptions(*rows), as_of=as_of).to_dicts()[0]


def test_an_accounts_plan_is_the_one_with_the_most_mrr_and_metered_use_stands_apart() -> None:
    now = current(
        subscription("a", mrr=1000, plan="Add-on", started_on=date(2026, 2, 1)),
        subscription("a", mrr=9000, plan="Team"),
        subscription("a", mrr=500, plan="Minutes", kind="usage"),
        subscription("a", mrr=700, plan="Old", ended_on=date(2026, 3, 31)),
    )
    assert (now["plan"], now["mrr"], now["usage_mrr"]) == ("Team", 10_000, 500)
    assert (now["standing"], now["paying_since"]) == ("paying", date(2025, 1, 1))


@pytest.mark.parametrize(
    ("kind", "mrr", "standing"),
    [
        ("paid", 100, "paying"),
        ("usage", 100, "paying"),
        ("parked", 100, "parked"),
        ("paused", 0, "paused"),
        ("trial", 0, "trial"),
        ("free", 0, "free"),
        ("paid", 0, "free"),
        ("paid", None, "paying"),
    ],
)
def test_standing_follows_what_is_paid(kind: str, mrr: int | None, standing: str) -> None:
    assert current(subscription("a", kind=kind, mrr=mrr))["standing"] == standing


def test_mrr_without_a_rate_is_unknown_not_zero() -> None:
    assert current(subscription("a", mrr=None))["mrr"] is None
    assert current(subscription("a", mrr=None), subscription("a", mrr=500, subscription_id="t"))["mrr"] == 500


def test_a_late_renewal_keeps_its_plan_and_money_until_the_grace_is_over() -> None:
    late = subscription("a", ended_on=date(2026, 3, 2))
    assert current(late)["standing"] == "late_renewal"
    assert current(late)["mrr"] == 9900
    assert current_mrr(subscriptions(late), as_of=date(2026, 4, 1))["standing"].to_list() == ["late_renewal"]
    assert current_mrr(subscriptions(late), as_of=date(2026, 4, 2)).is_empty()
    for left in ({"cancel_requested_at": datetime(2026, 2, 1)}, {"end_kind": "requested"}):
        assert current_mrr(subscriptions({**late, **left}), as_of=AS_OF).is_empty()


@pytest.mark.parametrize("end_kind", [None, "changed", "payment_failed", "requested"])
@pytest.mark.parametrize("days", [0, 1, 29, 30, 31])
def test_health_and_revenue_agree_on_who_renews_late(end_kind: str | None, days: int) -> None:
    ended = date(2026, 3, 2)
    rows = subscriptions(subscription("a", ended_on=ended, end_kind=end_kind))
    today = ended + timedelta(days=days)
    listed = late_renewals(rows, as_of=today)["account_id"].to_list()
    standing = current_mrr(rows, as_of=today).filter(pl.col("standing") == "late_renewal")
    assert standing["account_id"].to_list() == listed


@pytest.mark.parametrize("beside", [{"kind": "paid"}, {"kind": "usage"}])
def test_who_asked_to_leave_is_not_late_by_a_line_that_ended_on_the_same_day(beside: dict[str, str]) -> None:
    asked = subscription("a", ended_on=date(2026, 3, 2), end_kind="requested")
    rows = subscriptions(asked, subscription("a", ended_on=date(2026, 3, 2), subscription_id="t", **beside))
    assert late_renewals(rows, as_of=AS_OF).is_empty()
    assert current_mrr(rows, as_of=AS_OF).is_empty()


@pytest.mark.parametrize("still", [True, False])
def test_a_metered_line_that_ends_later_neither_makes_nor_hides_a_late_renewal(still: bool) -> None:
    meter = subscription("a", mrr=500, subscription_id="m", kind="usage", ended_on=None if still else date(2026, 3, 20))
    contract = subscription("a", ended_on=date(2026, 3, 10))
    rows = subscriptions(contract, meter)
    assert late_renewals(rows, as_of=AS_OF)["account_id"].to_list() == ["a"]
    assert current_mrr(rows, as_of=AS_OF).select("standing", "mrr").row(0) == ("late_renewal", 9900)
    gone = current_mrr(subscriptions({**contract, "end_kind": "requested"}, meter), as_of=AS_OF)
    assert gone["standing"].to_list() == (["paying"] if still else [])
    alone = current_mrr(subscriptions({**meter, "ended_on": date(2026, 3, 20)}), as_of=AS_OF)
    assert alone["standing"].to_list() == ["late_renewal"]


@pytest.mark.parametrize("kind", ["free", "trial"])
def test_who_begins_something_free_after_the_end_has_moved_on(kind: str) -> None:
    contract = subscription("a", ended_on=date(2026, 3, 10))
    for began, standing in ((date(2026, 3, 9), "late_renewal"), (date(2026, 3, 10), kind)):
        rows = subscriptions(contract, subscription("a", mrr=0, subscription_id="f", kind=kind, started_on=began))
        assert late_renewals(rows, as_of=AS_OF).height == (standing == "late_renewal")
        assert current_mrr(rows, as_of=AS_OF)["standing"].to_list() == [standing]


@given(st.integers(0, 2**32 - 1), st.dates(date(2025, 11, 15), date(2026, 5, 31)), st.sampled_from([0, 10, 30]))
@settings(max_examples=20, deadline=None)
def test_what_accounts_pay_today_is_what_movements_close_with(seed: int, today: date, grace_days: int) -> None:
    rows = frame([replace(stretch, mrr=stretch.mrr or 0) for stretch in odd_company(seed)])
    how = {"as_of": today, "grace_days": grace_days}
    moved = account_movements(rows, since=today, until=today, **how).group_by("account_id").agg(pl.col("closing").sum())
    pays = current_mrr(rows, **how).select("account_id", "mrr").filter(pl.col("mrr") != 0)
    assert dict(pays.iter_rows()) == dict(moved.filter(pl.col("closing") != 0).iter_rows())


def test_planned_ends_and_starts_have_not_happened() -> None:
    now = current(
        subscription("a", ended_on=date(2026, 4, 1), end_kind="changed"),
        subscription("a", started_on=date(2026, 4, 1), mrr=50_000),
    )
    assert (now["mrr"], now["standing"]) == (9900, "paying")


def test_an_account_leaves_when_everything_but_metered_use_is_cancelled() -> None:
    asked = {"cancel_requested_at": datetime(2026, 3, 1)}
    whole = subscription("a", subscription_id="s", line_id="s", **asked)
    assert current(whole)["leaving"]
    assert current(whole, subscription("a", subscription_id="s", line_id="seats"))["leaving"]
    assert current(whole, subscription("a", subscription_id="m", kind="usage"))["leaving"]
    assert not current(whole, subscription("a", subscription_id="t", line_id="t"))["leaving"]
    assert not current(subscription("a", cancel_requested_at=datetime(2026, 4, 1)))["leaving"]


stretches = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 120), st.booleans(), st.sampled_from(["paid", "usage", "parked"])),
    min_size=1,
    max_size=6,
)


@given(world=st.lists(stretches, min_size=1, max_size=5), crowd=st.sampled_from([0, 600]))
@settings(max_examples=40, deadline=None)
def test_paying_since_is_the_start_of_the_last_run_over_short_gaps(world: list[Any], crowd: int) -> None:
    rows, by_hand = [], {}
    for number, spans in enumerate(world):
        until = None
        for start, length, still, kind in sorted(spans, key=lambda span: (-span[0], span[1])):
            began = AS_OF - timedelta(days=start)
            ended = None if still or start - length <= 0 else began + timedelta(days=length)
            rows.append(subscription(f"b{number}", started_on=began, ended_on=ended, kind=kind))
            if until is None or (began - until).days > 30:
                by_hand[f"b{number}"] = began
            until = max(filter(None, (until, ended or date.max)))
    # A crowd before them shows that accounts do not run into one another.
    rows += [subscription(f"a{number}") for number in range(crowd)]
    found = current_mrr(subscriptions(*rows), as_of=AS_OF).filter(pl.col("account_id").str.starts_with("b"))
    assert all(since == by_hand[account] for account, since in found.select("account_id", "paying_since").rows())


# Among peers ---------------------------------------------------------------------------------------------------------


def percentile_by_hand(rows: list[tuple[str, int, int | None]], place: int) -> float | None:
    def others(same_plan: bool) -> list[tuple[float, int]]:
        return [
            (abs(math.log(pay) - math.log(rows[place][1])), count)
            for other, (plan, pay, count) in enumerate(rows)
            if other != place and pay > 0 and count is not None and (not same_plan or plan == rows[place][0])
        ]

    _, pay, own = rows[place]
    if pay == 0 or own is None:
        return None
    near = others(same_plan=True)
    near = sorted(near if len(near) >= 10 else others(same_plan=False))
    if not near:
        return None
    peers = [count for far, count in near if far <= near[min(30, len(near)) - 1][0] + 1e-9]
    return 100 * sum(1 if count < own else 0.5 if count == own else 0 for count in peers) / len(peers)


@given(chance=st.randoms(use_true_random=False), size=st.integers(0, 140))
@settings(max_examples=40, deadline=None)
def test_percentiles_agree_with_looking_at_every_pair(chance: Random, size: int) -> None:
    rows = [
        (
            chance.choice(["Team", "Team", "Team", "Business"]),
            chance.choice([0, 9900, 9900, *(chance.randint(1, 100_000) for _ in range(6))]),
            chance.choice([None, *range(7)]),
        )
        for _ in range(size)
    ]
    frame = pl.DataFrame(rows, schema={"plan": pl.String, "mrr": pl.Int64, "depth": pl.Int64}, orient="row")
    found = peer_percentiles(frame, ["depth"], pay=pl.col("mrr"))["depth_percentile"].to_list()
    assert found == pytest.approx([percentile_by_hand(rows, place) for place in range(size)])


def test_a_list_price_shared_by_hundreds_is_one_group_of_peers() -> None:
    rows = pl.DataFrame({"plan": ["Team"] * 400, "mrr": [9900] * 400, "depth": range(400)})
    found = peer_percentiles(rows, ["depth"], pay=pl.col("mrr"))
    assert found["depth_peers"].unique().to_list() == [399]
    assert found["depth_percentile"].to_list() == pytest.approx([100 * place / 399 for place in range(400)])


# The scorecard -------------------------------------------------------------------------------------------------------


def company(**replaced: pl.DataFrame) -> dict[str, pl.DataFrame | pl.LazyFrame]:
    everyone = [subscription(name, mrr=10_000) for name in "abcd"]
    frames: dict[str, pl.DataFrame | pl.LazyFrame] = {
        "accounts": pl.DataFrame({"account_id": ["a", "b", "c", "d", "e"]}),
        "subscriptions": subscriptions(*everyone),
        "people": pl.DataFrame({
            "user_id": ["u", "v", "w", "x", "left", "staff"],
            "account_id": ["a", "a", "a", "b", "a", "a"],
            "left_at": [None, None, None, None, datetime(2026, 3, 1), None],
            "is_internal": [False, None, None, None, None, True],
        }),
        "features": FEATURES,
        "entitlements": pl.DataFrame({"plan": ["Team"] * 3, "feature": ["report", "call", "login"]}),
        "reach": pl.DataFrame({
            "account_id": ["a", "a", "b"],
            "month": [date(2026, 2, 1), date(2026, 3, 1), date(2026, 3, 1)],
            "end_customers": [7, 50, 20],
        }),
        "usage_28d": window(
            ("a", "u", "report", 3, None),
            ("a", "v", "export", 1, None),
            ("a", "left", "report", 5, None),
            ("b", None, "call", 1, 60.0),
            ("c", "y", "login", 40, None),
        ),
    }  # fmt: skip
    return frames | replaced


def card(account_id: str, as_of: date = AS_OF, **replaced: Any) -> dict[str, Any]:
    return scorecard(company(**replaced), as_of=as_of).filter(pl.col("account_id") == account_id).to_dicts()[0]


def test_breadth_depth_and_reach_are_counted_with_their_shares() -> None:
    a = card("a")
    assert (a["breadth"], a["breadth_of"], a["breadth_share"]) == (2, 2, 0.5)
    assert (a["depth"], a["depth_of"], a["depth_share"]) == (2, 3, pytest.approx(1 / 3))
    assert (a["reach"], a["value_active"]) == (50, True)


def test_an_integration_makes_an_account_active_without_adding_a_person() -> None:
    b = card("b")
    assert (b["value_active"], b["breadth"], b["depth"], b["depth_share"]) == (True, 1, 0, 0.0)


def test_log_ins_alone_are_no_value() -> None:
    c = card("c")
    assert (c["value_active"], c["breadth"], c["depth"]) == (False, 0, 0)


def test_what_was_not_observed_is_null_and_what_was_not_used_is_zero() -> None:
    d = card("d")
    assert (d["breadth"], d["depth"], d["reach"]) == (0, 0, None)
    assert (d["depth_of"], d["depth_share"], d["reach_percentile"]) == (None, None, None)
    unseen = card("d", usage_28d=window())
    assert (unseen["breadth"], unseen["depth"], unseen["value_active"]) == (None, None, None)


def test_counts_per_100_of_mrr_are_for_reading() -> None:
    a = card("a")
    assert (a["breadth_per_100"], a["depth_per_100"], a["reach_per_100"]) == (2.0, 2.0, 50.0)


def test_an_account_that_pays_nothing_has_counts_but_no_percentile() -> None:
    e = card("e")
    assert (e["standing"], e["mrr"], e["breadth"]) == (None, 0, 0)
    assert (e["breadth_per_100"], e["breadth_percentile"], e["breadth_peers"]) == (None, None, 0)


def test_percentiles_stand_among_the_accounts_that_pay() -> None:
    assert card("a")["breadth_percentile"] == 100.0
    assert card("b")["breadth_percentile"] == pytest.approx(100 * 2 / 3)
    assert card("c")["breadth_percentile"] == pytest.approx(100 * 0.5 / 3)


def test_metered_accounts_rank_by_what_they_pay_and_parked_ones_do_not_rank() -> None:
    rows = [
        subscription(name, mrr=10_000, kind=kind) for name, kind in zip("abc", ("usage", "paid", "parked"), strict=True)
    ]
    found = scorecard(company(subscriptions=subscriptions(*rows)), as_of=AS_OF)
    ranked = dict(found.select("account_id", "breadth_peers").rows())
    assert ranked == {"a": 1, "b": 1, "c": 0, "d": 0, "e": 0}


def test_between_month_ends_a_past_day_takes_the_last_month_end() -> None:
    assert card("a", date(2026, 4, 10))["breadth"] == 2
    assert card("a", date(2026, 3, 30))["breadth"] is None


def test_without_entitlements_or_people_the_shares_are_unknown() -> None:
    a = card("a", entitlements=pl.DataFrame(schema={"plan": pl.String, "feature": pl.String}), people=pl.DataFrame())
    assert (a["breadth"], a["breadth_of"], a["breadth_share"]) == (2, None, None)
    assert (a["depth"], a["depth_of"], a["depth_share"]) == (2, None, None)


def test_a_scorecard_of_no_company_is_empty() -> None:
    assert scorecard({}, as_of=AS_OF).is_empty()


# Paid for, not used --------------------------------------------------------------------------------------------------


def test_unused_entitlements_are_those_that_nobody_gets_value_from() -> None:
    world = company()
    found = unused_entitlements(
        world["usage_28d"], world["features"], world["entitlements"], world["subscriptions"], as_of=AS_OF
    )
    assert found.filter(pl.col("account_id") == "a").select("feature", "is_key", "uses", "threshold").rows() == [
        ("call", True, 0, 60.0),
        ("login", False, 0, 1.0),
    ]
    assert found.filter(pl.col("account_id") == "b")["feature"].to_list() == ["login", "report"]


def test_who_never_used_anything_uses_nothing_of_what_it_pays_for() -> None:
    others = window(("b", "u", "report", 9, None))
    entitled = pl.DataFrame({"plan": ["Team", "Team"], "feature": ["report", "call"]})
    found = unused_entitlements(others, FEATURES, entitled, subscriptions(subscription("a")), as_of=AS_OF)
    assert found.select("account_id", "feature", "uses").rows() == [("a", "call", 0), ("a", "report", 0)]


def test_what_was_used_last_month_but_not_in_the_last_28_days_is_unused() -> None:
    as_of, entitled = date(2026, 4, 20), pl.DataFrame({"plan": ["Team"], "feature": ["report"]})
    use = pl.concat([window(("a", "u", "report", 9, None)), window(("b", "u", "report", 9, None), end=as_of)])
    found = unused_entitlements(use, FEATURES, entitled, subscriptions(subscription("a")), as_of=as_of)
    assert found.select("account_id", "uses").rows() == [("a", 0)]


def test_nothing_is_called_unused_before_any_use_was_recorded() -> None:
    world = company(usage_28d=window())
    found = unused_entitlements(
        world["usage_28d"], world["features"], world["entitlements"], world["subscriptions"], as_of=AS_OF
    )
    assert found.is_empty()


# Zombies -------------------------------------------------------------------------------------------------------------


def silent_since(days: int, **given: Any) -> list[tuple[Any, ...]]:
    rows = subscriptions(subscription("z", **given))
    seen = pl.LazyFrame({"account_id": ["z"], "last_value_on": [AS_OF - timedelta(days=days)]})
    return zombies(seen, rows, as_of=AS_OF).rows()


@pytest.mark.parametrize(
    ("days", "band"), [(0, None), (29, None), (30, 30), (59, 30), (60, 60), (89, 60), (90, 90), (400, 90)]
)
def test_a_paying_account_is_a_zombie_from_30_60_and_90_days_of_silence(days: int, band: int | None) -> None:
    assert silent_since(days) == ([] if band is None else [("z", 9900, days, band)])


def test_only_accounts_that_pay_to_use_the_product_are_zombies() -> None:
    for kind, mrr in (("parked", 500), ("paused", 0), ("trial", 0), ("free", 0), ("usage", 500)):
        assert silent_since(90, kind=kind, mrr=mrr) == []


def test_an_account_that_never_got_value_is_silent_since_paying_began() -> None:
    others = pl.DataFrame({"account_id": ["other"], "last_value_on": [AS_OF]})
    rows = subscriptions(subscription("z", started_on=date(2026, 1, 30)))
    assert zombies(others, rows, as_of=AS_OF).rows() == [("z", 9900, 60, 60)]


def test_nobody_is_a_zombie_in_the_first_30_days_of_paying() -> None:
    assert silent_since(90, started_on=AS_OF - timedelta(days=29)) == []
    assert silent_since(90, started_on=AS_OF - timedelta(days=30)) == [("z", 9900, 90, 90)]


def test_where_use_is_not_known_nobody_is_called_a_zombie() -> None:
    rows = subscriptions(subscription("z"))
    nothing = pl.DataFrame(schema={"account_id": pl.String, "last_value_on": pl.Date})
    later = pl.DataFrame({"account_id": ["z"], "last_value_on": [date(2026, 4, 20)]})
    for value_days in (nothing, later, later.with_columns(last_value_on=pl.lit(None, dtype=pl.Date))):
        assert zombies(value_days, rows, as_of=AS_OF).is_empty()
