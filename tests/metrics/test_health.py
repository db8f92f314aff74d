"""Account health: groups and bands, what is not known, overrides, history without hindsight, explained changes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from metrics.as_of import as_of_view
from metrics.health import GROUPS, MEASURES, WEIGHTS, explain_change, health, health_history, measures

AS_OF = date(2026, 3, 31)
KINDS = dict.fromkeys(MEASURES, pl.Float64) | {"account_id": pl.String, "segment": pl.String, "leaving": pl.Boolean}


def known(*accounts: dict[str, Any]) -> pl.DataFrame:
    """Measures of accounts a, b, c …; what is not given is null."""
    named = [{"account_id": name, "leaving": False, **row} for name, row in zip("abcdefgh", accounts, strict=False)]
    return pl.DataFrame([dict.fromkeys(KINDS) | row for row in named], schema=KINDS)


def one(values: dict[str, Any], *, overrides: Any = None, as_of: date = AS_OF, **given: Any) -> dict[str, Any]:
    return health(known(values), given.pop("weights", WEIGHTS), overrides, as_of=as_of, **given).to_dicts()[0]


def every(value: float | None) -> dict[str, Any]:
    return dict.fromkeys(MEASURES, value)


# The score -----------------------------------------------------------------------------------------------------------


def test_a_group_is_the_mean_of_its_measures_and_the_score_their_weighted_mean() -> None:
    found = one({"breadth_percentile": 60, "depth_percentile": 90, "use_change": 50, "recency": 100, "nps": 40})
    assert (found["value"], found["momentum"], found["voice"]) == (75, 75, 40)
    assert (found["support"], found["relationship"], found["onboarding"]) == (None, None, None)
    assert found["score"] == pytest.approx((30 * 75 + 25 * 75 + 15 * 40) / 70)
    assert found["coverage"] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("value", "band"),
    [(0, "red"), (39.9, "red"), (40, "yellow"), (69.9, "yellow"), (70, "green"), (100, "green")],
)
def test_a_boundary_belongs_to_the_upper_band(value: float, band: str) -> None:
    assert one(every(value))["band"] == band


def test_a_boundary_is_reached_in_spite_of_rounding() -> None:
    odd = {"value": 0.3, "momentum": 0.1, "voice": 0.7, "support": 0.1, "relationship": 0.2, "onboarding": 0.1}
    assert {one(every(70.0), weights=odd)["band"], one(every(40.0), weights=odd)["band"]} == {"green", "yellow"}


def test_under_half_of_the_weight_known_there_is_no_score() -> None:
    less = one({"breadth_percentile": 100, "nps": 100})
    assert (less["score"], less["band"], less["coverage"]) == (None, "unknown", pytest.approx(0.45))
    half = one({"breadth_percentile": 100, "nps": 100, "steps": 100})
    assert (half["score"], half["band"], half["coverage"]) == (100, "green", pytest.approx(0.5))


def test_an_account_that_asked_to_leave_is_leaving_whatever_its_score() -> None:
    assert one({**every(95), "leaving": True})["band"] == "leaving"
    assert one({"leaving": True})["band"] == "leaving"
    assert one({**every(95), "leaving": True})["score"] == 95


def test_onboarding_weighs_nothing_once_it_is_over() -> None:
    rows = known({"breadth_percentile": 80.0, "recency": 80.0})
    over = health(rows.with_columns(in_onboarding=False), WEIGHTS, as_of=AS_OF).row(0, named=True)
    during = health(rows.with_columns(in_onboarding=True), WEIGHTS, as_of=AS_OF).row(0, named=True)
    assert over["coverage"] == pytest.approx(55 / 95)
    assert during["coverage"] == pytest.approx(55 / 100)


def test_a_segment_may_have_weights_of_its_own() -> None:
    rows = known(
        {"segment": "large", "value": None, "nps": 100, "csat": 0}, {"segment": "small", "nps": 100, "csat": 0}
    )
    found = health(rows, {"voice": 1, "support": 1}, as_of=AS_OF, segment_weights={"large": {"voice": 3, "support": 1}})
    assert found["score"].to_list() == [75, 50]


def test_accounts_of_other_segments_and_of_none_keep_the_weights_of_all() -> None:
    own = {"large": {**WEIGHTS, "voice": 30}}
    rows = known(*({**every(50), "nps": 90, "segment": segment} for segment in ("small", None, "large")))
    found = health(rows, WEIGHTS, as_of=AS_OF, segment_weights=own)
    assert found["weight_voice"].to_list() == [15, 15, 30]
    assert found["score"].to_list() == [pytest.approx(56), pytest.approx(56), pytest.approx(50 + 40 * 30 / 115)]


def test_weights_of_a_segment_keep_the_same_rule() -> None:
    with pytest.raises(ValueError, match="at most 60%"):
        one(every(50), segment_weights={"large": {"value": 40, "momentum": 21, "voice": 39}})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"value": 40, "momentum": 21, "voice": 39}, "at most 60%"),
        ({"value": -1, "voice": 10}, "must not be negative"),
        ({"voice": 0}, "sum must be above 0"),
        ({"voice": 1, "mood": 1}, '"mood" is no group'),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        one(every(50), weights=weights)


def test_no_accounts_give_no_rows() -> None:
    assert health(known(), WEIGHTS, as_of=AS_OF).is_empty()


points = st.floats(0, 100)
partly = st.fixed_dictionaries({name: st.one_of(st.none(), points) for name in MEASURES})
weightings = st.fixed_dictionaries({
    **dict.fromkeys(("value", "momentum"), st.integers(0, 30)),
    **dict.fromkeys(("voice", "support", "relationship", "onboarding"), st.integers(10, 30)),
})  # fmt: skip


@given(values=partly, weights=weightings, measure=st.sampled_from(MEASURES), more=points)
@settings(max_examples=60, deadline=None)
def test_a_better_measure_never_makes_a_score_worse(
    values: dict[str, Any], weights: dict[str, float], measure: str, more: float
) -> None:
    if values[measure] is None:
        values[measure] = more / 2
    better = {**values, measure: max(values[measure], more)}
    found = health(known(values, better), weights, as_of=AS_OF)["score"].to_list()
    assert found[0] is None or found[0] <= found[1] + 1e-9


@given(values=partly, weights=weightings, measure=st.sampled_from(MEASURES))
@settings(max_examples=60, deadline=None)
def test_a_missing_measure_counts_as_what_the_others_say(
    values: dict[str, Any], weights: dict[str, float], measure: str
) -> None:
    values[measure] = None
    without = one(values, weights=weights)
    group = next(name for name, names in GROUPS.items() if measure in names)
    says = without[group] if without[group] is not None else without["score"]
    if without["score"] is not None:
        filled = one({**values, measure: says}, weights=weights)
        assert filled["score"] == pytest.approx(without["score"], abs=1e-9)
        present = [without[name] for name in GROUPS if without[name] is not None]
        assert min(present) - 1e-9 <= without["score"] <= max(present) + 1e-9


# Overrides -----------------------------------------------------------------------------------------------------------

_OVERRIDE = {
    "account_id": pl.String,
    "score": pl.Float64,
    "author": pl.String,
    "reason": pl.String,
    "made_on": pl.Date,
    "expires_on": pl.Date,
}


def override(score: float, made_on: date, expires_on: date | None = None, account_id: str = "a") -> pl.DataFrame:
    row = (account_id, score, "Ana", "new budget", made_on, expires_on)
    return pl.DataFrame([row], schema=_OVERRIDE, orient="row")


def test_an_override_stands_beside_the_score_with_its_author_reason_and_end() -> None:
    found = one(every(50), overrides=override(90, date(2026, 3, 1), date(2026, 4, 1)))
    assert (found["score"], found["band"]) == (50, "yellow")
    assert (found["shown_score"], found["shown_band"]) == (90, "green")
    assert (found["override_by"], found["override_reason"]) == ("Ana", "new budget")
    assert found["override_until"] == date(2026, 4, 1)


def test_an_override_counts_from_the_day_it_is_made_until_it_expires() -> None:
    made, expires = date(2026, 3, 1), date(2026, 3, 31)
    shown = {
        on: one(every(50), overrides=override(90, made, expires), as_of=on)["shown_score"]
        for on in (date(2026, 2, 28), made, date(2026, 3, 30), expires)
    }
    assert list(shown.values()) == [50, 90, 90, 50]


def test_the_newest_override_counts_and_one_for_an_unknown_score_gives_a_band() -> None:
    two = pl.concat([override(90, date(2026, 3, 5)), override(10, date(2026, 3, 1))])
    assert one(every(50), overrides=two)["shown_score"] == 90
    assert one({}, overrides=two)["shown_band"] == "green"
    assert one({}, overrides=two)["band"] == "unknown"
    assert one({**every(50), "leaving": True}, overrides=two)["shown_band"] == "leaving"


# Explained changes ---------------------------------------------------------------------------------------------------


def change(before: dict[str, Any], after: dict[str, Any], **given: Any) -> list[tuple[Any, ...]]:
    was = health(known(before), given.get("was", WEIGHTS), given.get("overridden_before"), as_of=AS_OF)
    now = health(known(after), given.get("now", WEIGHTS), given.get("overridden"), as_of=AS_OF)
    return [
        (measure, round(points, 6), because)
        for _, measure, points, because in explain_change(was, now).rows()
        if points is not None
    ]


def test_a_measure_that_moved_is_behaviour() -> None:
    assert change(every(50), {**every(50), "nps": 30}) == [("nps", -3.0, "behaviour")]
    assert change(every(50), {**every(50), "recency": 70}) == [("recency", 2.5, "behaviour")]


def test_a_measure_that_disappeared_is_missing_data() -> None:
    assert change({**every(50), "nps": 100}, {**every(50), "nps": None}) == [("nps", -7.5, "missing data")]


def test_other_weights_are_their_own_cause() -> None:
    found = change({**every(50), "nps": 100}, {**every(50), "nps": 100}, now={**WEIGHTS, "voice": 35})
    assert {because for _, _, because in found} == {"weights"}
    assert sum(points for _, points, _ in found) == pytest.approx(50 * 35 / 120 - 7.5)
    assert found[0] == ("nps", pytest.approx((35 / 120 - 0.15) * (100 - 57.5)), "weights")


def test_a_segment_that_gets_weights_of_its_own_is_a_cause_like_other_weights() -> None:
    rows = known({**every(50), "nps": 100, "segment": "large"}, {**every(50), "nps": 100, "segment": "small"})
    was = health(rows, WEIGHTS, as_of=AS_OF)
    now = health(rows, WEIGHTS, as_of=AS_OF, segment_weights={"large": {**WEIGHTS, "voice": 35}})
    found = explain_change(was, now)
    assert found["account_id"].unique().to_list() == ["a"]
    assert found["because"].unique().to_list() == ["weights"]
    assert found["points"].sum() == pytest.approx(50 * 35 / 120 - 7.5, abs=1e-12)


def test_an_invoice_that_became_overdue_is_behaviour_though_its_absence_is_no_number() -> None:
    fine = {**every(60), "past_due": None}
    assert change(fine, {**fine, "past_due": 0}) == [("past_due", -3.0, "behaviour")]


def test_an_override_is_a_cause_of_its_own() -> None:
    found = change(every(50), {**every(50), "nps": 30}, overridden=override(90, date(2026, 3, 1)))
    assert found == [("override", 43.0, "override"), ("nps", -3.0, "behaviour")]


def test_a_score_that_became_unknown_has_no_points() -> None:
    was, now = (health(known(values), WEIGHTS, as_of=AS_OF) for values in (every(50), {"nps": 50.0}))
    assert explain_change(was, now).rows() == [("a", "coverage", None, "missing data")]
    assert explain_change(now, now).is_empty()
    overridden = health(known({}), WEIGHTS, override(80, date(2026, 3, 1)), as_of=AS_OF)
    assert explain_change(was, overridden).rows() == [("a", "override", 30.0, "override")]


def test_only_accounts_in_both_are_explained() -> None:
    was, now = health(known(every(10)), WEIGHTS, as_of=AS_OF), health(known(every(20), every(90)), WEIGHTS, as_of=AS_OF)
    assert explain_change(was, now)["account_id"].unique().to_list() == ["a"]


maybe_override = st.one_of(st.none(), points.map(lambda score: override(score, date(2026, 3, 1))))


@pytest.mark.slow
@given(
    before=partly,
    after=partly,
    was=weightings,
    now=weightings,
    own=st.one_of(st.none(), weightings),
    set_before=maybe_override,
    set_after=maybe_override,
)
@settings(max_examples=100, deadline=None)
def test_the_points_of_a_change_add_up_to_it(
    before: dict[str, Any], after: dict[str, Any], was: Any, now: Any, own: Any, set_before: Any, set_after: Any
) -> None:
    old = health(known(before), was, set_before, as_of=AS_OF)
    in_segment = known({**after, "segment": "large"})
    new = health(in_segment, now, set_after, as_of=AS_OF, segment_weights={"large": own} if own else None)
    shown = [frame["shown_score"].item() for frame in (old, new)]
    found = explain_change(old, new)["points"].drop_nulls().sum()
    if None not in shown:
        assert found == pytest.approx(shown[1] - shown[0], abs=1e-9)
    else:
        assert found == 0


@given(before=partly, after=partly)
@settings(max_examples=60, deadline=None)
def test_a_measure_that_stayed_is_never_blamed_on_behaviour(before: dict[str, Any], after: dict[str, Any]) -> None:
    after["nps"] = before["nps"]
    assert ("nps", "behaviour") not in {(measure, because) for measure, _, because in change(before, after)}


# The measures of a made-up company -----------------------------------------------------------------------------------

_SUBSCRIPTION = {
    "account_id": pl.String,
    "subscription_id": pl.String,
    "plan": pl.String,
    "kind": pl.String,
    "mrr": pl.Int64,
    "started_on": pl.Date,
    "ended_on": pl.Date,
    "cancel_requested_at": pl.Datetime("us"),
    "past_due_since": pl.Datetime("us"),
    "end_kind": pl.String,
}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "subscriptions": _SUBSCRIPTION,
    "accounts": {"account_id": pl.String, "segment": pl.String, "signed_up_at": pl.Datetime("us")},
    "people": {
        "user_id": pl.String,
        "account_id": pl.String,
        "role": pl.String,
        "is_internal": pl.Boolean,
        "joined_at": pl.Datetime("us"),
        "left_at": pl.Datetime("us"),
    },
    "features": {
        "feature": pl.String,
        "is_key": pl.Boolean,
        "is_value": pl.Boolean,
        "min_28_days": pl.Float64,
        "onboarding_step": pl.String,
    },
    "usage_28d": {
        "account_id": pl.String,
        "user_id": pl.String,
        "feature": pl.String,
        "window_end": pl.Date,
        "uses": pl.Int64,
        "quantity": pl.Float64,
    },
    "milestones": {"account_id": pl.String, "onboarding_step": pl.String, "reached_at": pl.Datetime("us")},
    "reach": {"account_id": pl.String, "month": pl.Date, "end_customers": pl.Int64},
    "nps": {
        "response_id": pl.String,
        "account_id": pl.String,
        "user_id": pl.String,
        "survey": pl.String,
        "sent_at": pl.Datetime("us"),
        "responded_at": pl.Datetime("us"),
        "score": pl.Int64,
        "comment": pl.String,
    },
    "tickets": {
        "account_id": pl.String,
        "opened_at": pl.Datetime("us"),
        "solved_at": pl.Datetime("us"),
        "priority": pl.String,
        "csat": pl.Int64,
        "csat_at": pl.Datetime("us"),
    },
    "touches": {"account_id": pl.String, "direction": pl.String, "occurred_at": pl.Datetime("us")},
}


def rows_of(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([dict.fromkeys(_SCHEMAS[name]) | row for row in rows], schema=_SCHEMAS[name])


def company(**sources: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    paying = [
        {
            "account_id": "a",
            "subscription_id": "s",
            "plan": "Team",
            "kind": "paid",
            "mrr": 9900,
            "started_on": date(2025, 1, 1),
        }
    ]
    return {name: rows_of(name, sources.get(name, paying if name == "subscriptions" else [])) for name in _SCHEMAS}


def measured(as_of: date = AS_OF, **sources: list[dict[str, Any]]) -> dict[str, Any]:
    return measures(company(**sources), as_of=as_of).row(0, named=True)


def noon(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 12)


def test_nothing_recorded_is_nothing_known() -> None:
    found = measured()
    assert {name: found[name] for name in MEASURES} == every(None)
    assert (found["standing"], found["leaving"], found["in_onboarding"]) == ("paying", False, False)


def test_only_accounts_that_pay_or_are_paused_or_parked_are_scored() -> None:
    kinds = ("paid", "usage", "paused", "parked", "trial", "free")
    rows = [
        {"account_id": kind, "kind": kind, "mrr": 0 if kind == "paused" else 100, "started_on": date(2025, 1, 1)}
        for kind in kinds
    ]
    assert measures(company(subscriptions=rows), as_of=AS_OF)["account_id"].to_list() == [
        "paid",
        "parked",
        "paused",
        "usage",
    ]


def use(window_end: date, uses: int, account_id: str = "a") -> dict[str, Any]:
    return {"account_id": account_id, "user_id": "u", "feature": "report", "window_end": window_end, "uses": uses}


def test_steady_use_is_50_and_a_fall_of_a_few_uses_is_no_collapse() -> None:
    feb, march = date(2026, 2, 28), AS_OF
    assert measured(usage_28d=[use(feb, 100), use(march, 100)])["use_change"] == 50
    assert measured(usage_28d=[use(feb, 6), use(march, 3)])["use_change"] == pytest.approx(50 - 300 / 19)
    assert measured(usage_28d=[use(feb, 600), use(march, 200)])["use_change"] == pytest.approx(50 - 40_000 / 810)
    assert measured(usage_28d=[use(feb, 600)])["use_change"] == 0


def test_a_holiday_that_halves_everybodys_use_leaves_everybody_at_50() -> None:
    names = [f"a{number:02}" for number in range(12)]
    rows = [
        {"account_id": name, "plan": "Team", "kind": "paid", "mrr": 100, "started_on": date(2025, 1, 1)}
        for name in names
    ]
    halved = [use(end, uses, name) for name in names for end, uses in ((date(2026, 2, 28), 80), (AS_OF, 40))]
    gone = [row for row in halved if row["account_id"] != "a00" or row["window_end"] != AS_OF]
    found = measures(company(subscriptions=rows, usage_28d=gone), as_of=AS_OF)["use_change"].to_list()
    assert found[1:] == [50.0] * 11
    assert found[0] == pytest.approx(0, abs=1)


def test_change_is_not_judged_before_two_whole_windows_of_paying() -> None:
    rows = [{"account_id": "a", "kind": "paid", "mrr": 100, "started_on": date(2026, 2, 2)}]
    assert measured(subscriptions=rows, usage_28d=[use(date(2026, 2, 28), 9), use(AS_OF, 5)])["use_change"] is None


def test_recency_falls_from_the_last_window_with_value() -> None:
    ends = [date(2025, 12, 31), date(2026, 1, 31), date(2026, 2, 28), AS_OF]
    other = use(AS_OF, 1, "b")
    assert measured(usage_28d=[use(end, 1) for end in ends])["recency"] == 100
    assert measured(usage_28d=[use(end, 1) for end in ends[:3]] + [other])["recency"] == pytest.approx(
        100 * (1 - 31 / 90)
    )
    assert measured(usage_28d=[use(ends[0], 1), other])["recency"] == 0


def test_within_a_month_the_last_28_days_stand_against_the_28_before() -> None:
    rows = [use(date(2026, 3, 23), 90), use(date(2026, 4, 20), 0), use(AS_OF, 70)]
    found = measured(date(2026, 4, 20), usage_28d=rows)
    assert found["use_change"] == 0
    assert found["recency"] == pytest.approx(100 * (1 - 20 / 90))


def test_a_window_that_speaks_for_one_day_says_nothing_about_the_past() -> None:
    ends = [use(date(2025, 12, 31), 9), use(date(2026, 1, 31), 9), use(AS_OF, 9, "b")]
    four_weeks_ago = [*ends, use(date(2026, 3, 5), 9)]
    assert measured(usage_28d=ends)["recency"] == measured(usage_28d=four_weeks_ago)["recency"]


def test_times_in_a_zone_count_on_the_day_they_show_there() -> None:
    late = datetime(2026, 4, 1, 0, 30)
    world = company(touches=[contact(late)], nps=[answer(10, late)], tickets=[ticket(late)])
    zoned = {
        name: frame.with_columns(pl.selectors.datetime().dt.replace_time_zone("Europe/Berlin"))
        for name, frame in world.items()
    }
    for as_of, seen in ((AS_OF, False), (date(2026, 4, 1), True)):
        found = measures(zoned, as_of=as_of).row(0, named=True)
        assert [found[name] is not None for name in ("silence", "nps", "open_urgent")] == [seen] * 3


def test_paused_and_parked_accounts_are_not_expected_to_use_anything() -> None:
    for kind in ("paused", "parked"):
        rows = [{"account_id": "a", "kind": kind, "mrr": 100, "started_on": date(2025, 1, 1)}]
        found = measured(subscriptions=rows, usage_28d=[use(date(2026, 2, 28), 9), use(AS_OF, 5, "b")])
        assert (found["use_change"], found["recency"], found["breadth_percentile"]) == (None, None, None)


def answer(
    score: int | None, responded_at: datetime | None, user_id: str = "u", account_id: str = "a"
) -> dict[str, Any]:
    row = {"sent_at": noon(1, 1, 2025), "responded_at": responded_at, "score": score, "survey": "nps"}
    return {"account_id": account_id, "user_id": user_id, **row}


def test_voice_is_shrunk_toward_everybodys_average_by_the_number_of_answers() -> None:
    march = noon(3, 1)
    rows = [answer(10, march), answer(0, march, "v", "b"), answer(0, march, "w", "b")]
    assert measured(nps=rows)["nps"] == pytest.approx((100 + 5 * 100 / 3) / 6)


def test_each_persons_last_answer_of_the_last_year_counts() -> None:
    rows = [answer(0, noon(1, 1)), answer(10, noon(2, 1)), answer(0, noon(3, 30, 2025), "v")]
    assert measured(nps=rows)["nps"] == 100
    assert measured(nps=[answer(None, None)])["nps"] is None


def test_of_two_answers_on_one_day_the_later_counts_and_of_equals_the_last_response() -> None:
    first = answer(0, noon(3, 1)) | {"response_id": "1"}
    later, same = answer(10, noon(3, 1) + timedelta(hours=6)) | {"response_id": "0"}, first | {"score": 10}
    for last in (later, same | {"response_id": "2"}):
        for rows in ([first, last], [last, first]):
            assert measured(nps=rows)["nps"] == 100
            assert health_history(company(nps=rows), WEIGHTS, as_of=AS_OF, months=1)["nps"].to_list() == [100]


def ticket(opened_at: datetime, solved_at: datetime | None = None, **given: Any) -> dict[str, Any]:
    return {"account_id": "a", "opened_at": opened_at, "solved_at": solved_at, "priority": "low", **given}


def test_every_urgent_ticket_that_is_open_halves() -> None:
    urgent = [ticket(noon(3, 30), priority=priority) for priority in ("urgent", "High", "low")]
    assert measured(tickets=urgent[2:])["open_urgent"] == 100
    assert measured(tickets=urgent)["open_urgent"] == 25
    assert measured(tickets=[ticket(noon(3, 1), noon(3, 2), priority="urgent")])["open_urgent"] == 100


def test_time_to_solve_is_50_at_the_target_and_open_tickets_count_once_they_are_older() -> None:
    assert measured(tickets=[ticket(noon(3, 1), noon(3, 3))])["time_to_solve"] == 50
    assert measured(tickets=[ticket(noon(3, 1), noon(3, 7))])["time_to_solve"] == 25
    assert measured(tickets=[ticket(noon(3, 30))])["time_to_solve"] is None
    assert measured(tickets=[ticket(noon(3, 25))])["time_to_solve"] == 25


def test_ratings_are_spread_from_0_to_100_and_old_tickets_say_nothing() -> None:
    assert measured(tickets=[ticket(noon(3, 1), noon(3, 3), csat=4)])["csat"] == 75
    old = measured(tickets=[ticket(noon(3, 1, 2025), noon(3, 3, 2025), csat=1)])
    assert (old["open_urgent"], old["time_to_solve"], old["csat"]) == (None, None, None)
    asked = measured(tickets=[ticket(noon(3, 1, 2025), noon(3, 3, 2025), csat_at=noon(3, 20))])
    assert asked["open_urgent"] is None


def test_a_champion_who_left_is_missed_until_there_is_another() -> None:
    gone = {"account_id": "a", "role": "champion", "left_at": noon(3, 1)}
    there = {"account_id": "a", "role": "champion"}
    assert measured(people=[gone])["champion"] == 0
    assert measured(people=[gone, there])["champion"] == 100
    assert measured(people=[{**gone, "role": "member"}])["champion"] is None
    assert measured(people=[{**gone, "left_at": noon(4, 1)}])["champion"] == 100


def test_a_payment_that_is_open_weighs_and_one_on_time_earns_nothing() -> None:
    row = {"account_id": "a", "kind": "paid", "mrr": 100, "started_on": date(2025, 1, 1)}
    assert measured(subscriptions=[{**row, "past_due_since": noon(3, 30)}])["past_due"] == 0
    assert measured(subscriptions=[{**row, "past_due_since": noon(4, 1)}])["past_due"] is None


def contact(on: datetime) -> dict[str, Any]:
    return {"account_id": "a", "direction": "out", "occurred_at": on}


def test_silence_is_measured_against_the_accounts_own_rhythm() -> None:
    weekly = [contact(noon(3, 24) - timedelta(days=20 * n)) for n in range(5)]
    assert measured(touches=weekly)["silence"] == 100
    assert measured(date(2026, 5, 13), touches=weekly)["silence"] == pytest.approx(50)
    assert measured(date(2026, 6, 30), touches=weekly)["silence"] == 0
    assert measured(touches=[contact(noon(3, 1))])["silence"] == 100
    assert measured(touches=[contact(noon(4, 1))])["silence"] is None


def test_onboarding_is_the_share_of_steps_reached_in_the_first_90_days() -> None:
    features = [{"feature": "report", "is_value": True, "onboarding_step": "first report"}]
    steps = [{"account_id": "b", "onboarding_step": "invited a colleague", "reached_at": noon(1, 5)}]
    for signed_up_at, expected in ((noon(1, 1), 50), (noon(12, 31, 2025), None)):
        accounts = [{"account_id": "a", "signed_up_at": signed_up_at}]
        found = measured(accounts=accounts, features=features, milestones=steps, usage_28d=[use(AS_OF, 1)])
        assert (found["steps"], found["in_onboarding"]) == (expected, expected is not None)


def test_steps_of_use_are_not_counted_as_missed_where_no_use_was_recorded() -> None:
    features = [{"feature": "report", "is_value": True, "onboarding_step": "first report"}]
    assert measured(accounts=[{"account_id": "a", "signed_up_at": noon(3, 1)}], features=features)["steps"] is None


def test_a_company_of_one_that_falls_silent_is_seen_to_be_silent() -> None:
    found = measured(usage_28d=[use(date(2025, 12, 31), 90), use(date(2026, 1, 31), 80)])
    assert found["recency"] == pytest.approx(100 * (1 - 59 / 90))
    assert measured(date(2026, 4, 20), usage_28d=[use(date(2025, 12, 31), 90)])["recency"] == 0


def test_days_before_use_was_recorded_are_no_silence() -> None:
    first = [use(AS_OF, 1, "b")]
    assert measured(usage_28d=first)["recency"] == pytest.approx(100 * (1 - 27 / 90))
    assert measured(usage_28d=[use(date(2026, 2, 28), 1, "b"), *first])["recency"] == pytest.approx(100 * (1 - 58 / 90))


def test_a_window_of_a_later_day_does_not_lengthen_the_silence_of_a_past_month() -> None:
    first = [use(AS_OF, 1, "b")]
    later = [*first, use(date(2026, 3, 23), 1, "b"), use(date(2026, 4, 20), 1, "b")]
    for rows, as_of in ((first, AS_OF), (later, date(2026, 4, 20))):
        found = health_history(company(usage_28d=rows), WEIGHTS, as_of=as_of, months=1)
        assert found["recency"].to_list() == [pytest.approx(100 * (1 - 27 / 90))]


# No hindsight --------------------------------------------------------------------------------------------------------

names = st.sampled_from(["a", "b", "c"])
times = st.datetimes(datetime(2025, 9, 1), datetime(2026, 8, 31))
maybe_times = st.one_of(st.none(), times)
dates = times.map(datetime.date)
ends = st.sampled_from([
    date(2025, 11, 30), date(2025, 12, 31), date(2026, 1, 31), date(2026, 2, 28), AS_OF,
    date(2026, 4, 30), date(2026, 5, 31), date(2026, 5, 23), date(2026, 6, 20),
])  # fmt: skip
SOURCES = {
    "subscriptions": {
        "account_id": names,
        "plan": st.sampled_from(["Team", "Business"]),
        "kind": st.sampled_from(["paid", "paid", "parked", "paused", "usage"]),
        "mrr": st.integers(1, 3).map(lambda n: n * 1000),
        "started_on": dates,
        "ended_on": st.one_of(st.none(), dates),
        "cancel_requested_at": maybe_times,
        "past_due_since": maybe_times,
        "end_kind": st.sampled_from([None, "requested", "changed", "mistake"]),
    },
    "accounts": {"account_id": names, "signed_up_at": times},
    "people": {"account_id": names, "role": st.just("champion"), "joined_at": maybe_times, "left_at": maybe_times},
    "usage_28d": {
        "account_id": names,
        "user_id": st.sampled_from(["u", "v", None]),
        "feature": st.sampled_from(["report", "call"]),
        "window_end": ends,
        "uses": st.integers(0, 50),
    },
    "milestones": {"account_id": names, "onboarding_step": st.sampled_from(["one", "two"]), "reached_at": times},
    "reach": {
        "account_id": names,
        "month": dates.map(lambda on: on.replace(day=1)),
        "end_customers": st.integers(0, 9),
    },
    "nps": {
        "account_id": names,
        "user_id": st.sampled_from(["u", "v"]),
        "sent_at": maybe_times,
        "responded_at": maybe_times,
        "score": st.integers(0, 10),
    },
    "tickets": {
        "account_id": names,
        "opened_at": times,
        "solved_at": maybe_times,
        "priority": st.sampled_from(["urgent", "low"]),
        "csat": st.one_of(st.none(), st.integers(1, 5)),
        "csat_at": maybe_times,
    },
    "touches": {"account_id": names, "occurred_at": times},
}
KEYS = {"accounts": ("account_id",), "reach": ("account_id", "month")}


def sources(name: str, columns: dict[str, Any]) -> Any:
    key = KEYS.get(name)
    unique_by = None if key is None else lambda row: tuple(row[column] for column in key)
    return st.lists(st.fixed_dictionaries(columns), max_size=8, unique_by=unique_by)


worlds = st.fixed_dictionaries({name: sources(name, columns) for name, columns in SOURCES.items()})
FEATURES = [
    {"feature": "report", "is_key": True, "is_value": True, "min_28_days": 3.0, "onboarding_step": "three"},
    {"feature": "call", "is_key": True, "is_value": False, "onboarding_step": "four"},
]
DATED_BY = {
    "subscriptions": ("started_on",),
    "accounts": ("signed_up_at",),
    "people": ("joined_at",),
    "usage_28d": ("window_end",),
    "milestones": ("reached_at",),
    "reach": ("month",),
    "nps": ("sent_at", "responded_at"),
    "tickets": ("opened_at",),
    "touches": ("occurred_at",),
}
DEPENDS = {
    "ended_on": ("end_kind",),
    "cancel_requested_at": (),
    "past_due_since": (),
    "left_at": (),
    "responded_at": ("score",),
    "solved_at": (),
    "csat_at": ("csat",),
}


def after(value: Any, cut: date) -> bool:
    day = value.date() if isinstance(value, datetime) else value
    return day is not None and day > cut


def as_recorded_on(name: str, row: dict[str, Any], cut: date) -> dict[str, Any] | None:
    """``row`` as the source held it at the end of ``cut``, written out without frames; None when it was not there."""
    dated = next((row[column] for column in DATED_BY[name] if row[column] is not None), None)
    if name == "reach":
        dated = (row["month"] + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    if after(dated, cut):
        return None
    then = dict(row)
    if name == "tickets" and (rated := row["csat_at"] or row["solved_at"]) and after(rated, cut):
        then |= {"csat": None, "csat_at": None}
    for column, hanging in DEPENDS.items():
        if column in row and after(row[column], cut):
            then |= dict.fromkeys((column, *hanging))
    return then


@pytest.mark.slow
@given(world=worlds)
@settings(max_examples=10, deadline=None)
def test_nothing_recorded_after_a_month_end_changes_the_score_of_that_month(world: dict[str, Any]) -> None:
    cut = AS_OF
    past = {
        name: [then for row in rows if (then := as_recorded_on(name, row, cut)) is not None]
        for name, rows in world.items()
    }
    then, today = (company(**rows, features=FEATURES) for rows in (past, world))
    was = health_history(then, WEIGHTS, as_of=cut, months=4)
    now = health_history(today, WEIGHTS, as_of=date(2026, 6, 20), months=6).filter(pl.col("month_end") <= cut)
    assert_frame_equal(now, was)


@pytest.mark.slow
@given(world=worlds)
@settings(max_examples=8, deadline=None)
def test_history_is_what_health_says_of_the_frames_as_they_stood(world: dict[str, Any]) -> None:
    today = company(**world, features=FEATURES)
    history = health_history(today, WEIGHTS, as_of=date(2026, 6, 20), months=3)
    for end in (AS_OF, date(2026, 4, 30), date(2026, 5, 31)):
        stood = measures(as_of_view(today, end), as_of=end, dated_only=True)
        alone = health(stood, WEIGHTS, as_of=end)
        assert_frame_equal(history.filter(pl.col("month_end") == end).drop("month_end"), alone)


@pytest.mark.parametrize(
    ("source", "row", "later"),
    [
        ("tickets", ticket(noon(3, 1), priority="urgent"), {"solved_at": noon(4, 2), "csat": 1}),
        ("nps", {**answer(None, None), "sent_at": noon(3, 30)}, {"responded_at": noon(4, 2), "score": 0}),
        ("people", {"account_id": "a", "role": "champion"}, {"left_at": noon(4, 2)}),
        (
            "subscriptions",
            {"account_id": "a", "subscription_id": "s", "kind": "paid", "mrr": 1, "started_on": date(2025, 1, 1)},
            {"ended_on": date(2026, 4, 2), "cancel_requested_at": noon(4, 1), "end_kind": "requested"},
        ),
    ],
)
def test_what_a_row_says_later_changes_no_month_before(source: str, row: dict[str, Any], later: dict[str, Any]) -> None:
    rows: dict[str, list[dict[str, Any]]] = {
        "people": [],
        "usage_28d": [use(end, 5) for end in (date(2026, 1, 31), date(2026, 2, 28), AS_OF)],
        "nps": [answer(9, noon(1, 2))],
        "tickets": [ticket(noon(2, 3), noon(2, 4))],
        "touches": [contact(noon(1, 5))],
    }
    was, now = (
        health_history(company(**rows | {source: [*rows.get(source, []), known]}), WEIGHTS, as_of=AS_OF, months=1)
        for known in (row, row | later)
    )
    assert was["score"].null_count() == 0
    assert_frame_equal(was, now)


def test_history_has_the_months_that_are_over_and_overrides_where_they_counted() -> None:
    set_in_february = override(90, date(2026, 2, 10), date(2026, 3, 10))
    found = health_history(company(), WEIGHTS, set_in_february, as_of=date(2026, 4, 15), months=3)
    assert found.select("month_end", "shown_score").rows() == [
        (date(2026, 1, 31), None),
        (date(2026, 2, 28), 90.0),
        (date(2026, 3, 31), None),
    ]


@pytest.mark.parametrize(
    ("as_of", "ends"),
    [
        (date(2028, 3, 30), [date(2027, 12, 31), date(2028, 1, 31), date(2028, 2, 29)]),
        (date(2028, 3, 31), [date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31)]),
        (date(2028, 2, 28), [date(2027, 11, 30), date(2027, 12, 31), date(2028, 1, 31)]),
        (date(2028, 2, 29), [date(2027, 12, 31), date(2028, 1, 31), date(2028, 2, 29)]),
        (date(2027, 2, 28), [date(2026, 12, 31), date(2027, 1, 31), date(2027, 2, 28)]),
    ],
)
def test_history_stands_on_month_ends_whatever_their_length(as_of: date, ends: list[date]) -> None:
    rows = [{"account_id": "a", "kind": "paid", "mrr": 100, "started_on": date(2024, 2, 29)}]
    assert health_history(company(subscriptions=rows), WEIGHTS, as_of=as_of, months=3)["month_end"].to_list() == ends


def test_on_29_february_use_stands_against_the_window_of_31_january() -> None:
    leap, rows = date(2028, 2, 29), [{"account_id": "a", "kind": "paid", "mrr": 100, "started_on": date(2024, 2, 29)}]
    used = [use(date(2027, 12, 31), 7), use(date(2028, 1, 31), 90), use(leap, 40)]
    found = measured(leap, subscriptions=rows, usage_28d=used)
    assert found["use_change"] == pytest.approx(50 - 5000 / 140)
    past = health_history(company(subscriptions=rows, usage_28d=used), WEIGHTS, as_of=date(2028, 3, 1), months=1)
    assert past["use_change"].to_list() == [found["use_change"]]


def test_who_began_on_the_last_day_of_a_month_has_health_from_that_day_and_none_before() -> None:
    for start in (date(2027, 1, 31), date(2028, 2, 29)):
        rows = [{"account_id": "a", "kind": "paid", "mrr": 100, "started_on": start}]
        past = health_history(company(subscriptions=rows), WEIGHTS, as_of=start, months=3)
        assert past["month_end"].to_list() == [start]
        gone = [rows[0] | {"ended_on": start}]
        assert health_history(company(subscriptions=gone), WEIGHTS, as_of=start, months=3).is_empty()


def test_onboarding_is_over_90_days_after_29_february() -> None:
    signed = [{"account_id": "a", "signed_up_at": datetime(2028, 2, 29, 23)}]
    rows = [{"account_id": "a", "kind": "paid", "mrr": 100, "started_on": date(2028, 2, 29)}]
    days = (date(2028, 5, 28), date(2028, 5, 29))
    assert [measured(on, accounts=signed, subscriptions=rows)["in_onboarding"] for on in days] == [True, False]


def test_an_account_without_people_or_subscription_is_not_judged_by_what_it_lacks() -> None:
    paid = {"plan": "Team", "kind": "paid", "mrr": 100, "started_on": date(2025, 1, 1)}
    world = company(
        accounts=[{"account_id": name} for name in ("bare", "robot", "used")],
        subscriptions=[paid | {"account_id": name} for name in ("robot", "used")],
        people=[{"account_id": "used", "user_id": "u", "role": "champion"}],
        usage_28d=[use(AS_OF, 5, "used"), {**use(AS_OF, 5, "robot"), "user_id": None}],
    )
    found = health(measures(world, as_of=AS_OF), WEIGHTS, as_of=AS_OF)
    assert found["account_id"].to_list() == ["robot", "used"]
    assert found.select("champion", "recency").rows() == [(None, 100.0), (100.0, 100.0)]
    assert health_history(world, WEIGHTS, as_of=AS_OF, months=2)["account_id"].unique().sort().to_list() == [
        "robot",
        "used",
    ]


def test_two_subscriptions_are_one_account_that_leaves_only_with_both() -> None:
    one = {"account_id": "a", "subscription_id": "s", "plan": "Team", "kind": "paid", "mrr": 100}
    two = one | {"subscription_id": "t", "plan": "Extra", "mrr": 40, "cancel_requested_at": noon(3, 1)}
    rows = [one | {"started_on": date(2024, 2, 29)}, two | {"started_on": date(2025, 1, 31)}]
    found = measured(subscriptions=rows)
    assert (found["plan"], found["mrr"], found["leaving"]) == ("Team", 140, False)
    both = [row | {"cancel_requested_at": noon(3, 1)} for row in rows]
    assert measured(subscriptions=both)["leaving"]
    past = health_history(company(subscriptions=both), WEIGHTS, as_of=AS_OF, months=2)
    assert past.select("month_end", "band").rows() == [(date(2026, 2, 28), "unknown"), (AS_OF, "leaving")]


def test_a_payment_still_open_does_not_colour_the_past() -> None:
    row = {"account_id": "a", "kind": "paid", "mrr": 100, "started_on": date(2025, 1, 1), "past_due_since": noon(1, 5)}
    world = company(subscriptions=[row])
    assert health_history(world, WEIGHTS, as_of=AS_OF, months=2)["past_due"].to_list() == [None, None]
    assert measures(world, as_of=AS_OF)["past_due"].to_list() == [0]
