from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.last_days import last_days
from metrics.price_steps import price_changes
from metrics.stated import SIGNS, stated_vs_behaviour
from tests.metrics.stated_oracle import Company, Row, known

START, END = date(2025, 1, 1), date(2026, 3, 20)
UNTIL = date(2026, 3, 10)
SCHEMAS: dict[str, dict[str, Any]] = {
    "subscriptions": {
        "subscription_id": pl.String, "account_id": pl.String, "plan": pl.String, "kind": pl.String, "mrr": pl.Int64,
        "seats": pl.Int64, "billing_months": pl.Int64, "started_on": pl.Date, "ended_on": pl.Date,
    },
    "activity_weekly": {"account_id": pl.String, "user_id": pl.String, "period": pl.Date, "uses": pl.Int64},
    "usage_28d": {
        "account_id": pl.String, "user_id": pl.String, "feature": pl.String, "window_end": pl.Date, "uses": pl.Int64,
        "quantity": pl.Float64,
    },
    "features": {
        "feature": pl.String, "is_key": pl.Boolean, "is_value": pl.Boolean, "min_28_days": pl.Float64,
        "onboarding_step": pl.String,
    },
    "entitlements": {"plan": pl.String, "feature": pl.String},
    "milestones": {"account_id": pl.String, "onboarding_step": pl.String, "reached_at": pl.Date},
    "tickets": {
        "account_id": pl.String, "opened_at": pl.Date, "solved_at": pl.Date, "priority": pl.String, "csat": pl.Int64,
        "csat_at": pl.Date,
    },
    "nps": {"response_id": pl.String, "account_id": pl.String, "score": pl.Int64, "responded_at": pl.Date},
    "people": {"account_id": pl.String, "role": pl.String, "joined_at": pl.Date, "left_at": pl.Date},
}  # fmt: skip


def served(start: date = START, end: date | None = END, mrr: int = 10_000, **more: Any) -> Row:
    row = {"subscription_id": f"s{start}", "account_id": "a", "plan": "Team", "kind": "paid", "mrr": mrr, "seats": 10}
    return row | {"started_on": start, "ended_on": end} | more


def weeks(uses: dict[date, int], account: str = "a") -> list[Row]:
    """Every Monday from November 2024 to March 2026 a week of use: ``uses`` from the day given on."""
    rows, day = [], date(2024, 11, 4)
    while day < date(2026, 3, 23):
        now = max((since for since in uses if since <= day), default=None)
        rows.append({"account_id": account, "period": day, "uses": uses[now] if now else 0})
        day += timedelta(days=7)
    return [row for row in rows if row["uses"]]


def month_ends(first: date, last: date, account: str = "a", feature: str = "report", uses: int = 5) -> list[Row]:
    """A 28-day window of use at each month end from ``first`` to ``last``."""
    rows, day = [], first
    while day <= last:
        rows.append({"account_id": account, "feature": feature, "window_end": day, "uses": uses})
        day = (day + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return rows


def frames(**tables: list[Row]) -> dict[str, pl.DataFrame]:
    company = {"subscriptions": [served()]} | tables
    return {
        name: pl.DataFrame([dict.fromkeys(schema) | row for row in company.get(name, [])], schema, orient="row")
        for name, schema in SCHEMAS.items()
    }


def beside(
    stated: list[str] | None = None, *, asked: date | None = UNTIL, answered: date | None = None, **tables: list[Row]
) -> Row:
    """What the metric says of one leaver, which asked to leave on ``UNTIL`` and was gone on ``END``."""
    said = ["price"] if stated is None else stated
    gone = pl.DataFrame(
        [{
            "account_id": "a", "month": date(2026, 3, 1), "ended_on": END, "requested_on": asked,
            "answered_on": answered, "lost_mrr": 10_000, "themes": said or ["not asked"],
            "status": "answered" if said else "not asked",
        }],
        schema_overrides={"requested_on": pl.Date, "answered_on": pl.Date},
    )  # fmt: skip
    found = stated_vs_behaviour(gone, frames(**tables))
    assert found.height == 1
    return found.row(0, named=True)


STEADY = weeks({date(2024, 11, 4): 25})
FALLING = weeks({date(2024, 11, 4): 25, date(2026, 1, 1): 5})


# --- the sentence --------------------------------------------------------------------------------------------------


def test_who_said_price_while_use_fell_first_disagrees_and_is_told_so() -> None:
    found = beside(["price"], activity_weekly=FALLING)
    assert (found["use_change"], found["signs"], found["points_to"]) == (-0.8, ["use_fell"], ["not_enough_value"])
    assert found["disagrees"] is True
    assert found["because"] == "said price; use fell 80% first"


def test_who_said_price_after_the_price_rose_agrees_whatever_else_happened() -> None:
    prices = [served(START, date(2026, 1, 1)), served(date(2026, 1, 1), END, 11_200)]
    found = beside(["price"], activity_weekly=FALLING, subscriptions=prices)
    assert found["disagrees"] is False
    assert found["because"] == "said price; the price had risen 12%, use fell 80% first"


def test_a_price_that_rose_makes_no_other_reason_doubtful() -> None:
    prices = [served(START, date(2026, 1, 1)), served(date(2026, 1, 1), END, 11_200)]
    found = beside(["slow_support"], activity_weekly=STEADY, subscriptions=prices)
    assert (found["points_to"], found["disagrees"]) == (["price"], False)


def test_use_that_fell_bears_out_a_lack_of_value() -> None:
    assert beside(["not_enough_value"], activity_weekly=FALLING)["disagrees"] is False


def test_one_stated_reason_that_fits_is_enough() -> None:
    assert beside(["price", "hard_to_use"], activity_weekly=FALLING)["disagrees"] is False


def test_behaviour_cannot_doubt_a_company_that_closed() -> None:
    assert beside(["company_closed"], activity_weekly=FALLING)["disagrees"] is None
    assert beside(["company_closed", "price"], activity_weekly=FALLING)["disagrees"] is None


def test_who_said_nothing_neither_agrees_nor_disagrees() -> None:
    found = beside([], activity_weekly=FALLING)
    assert (found["stated"], found["disagrees"]) == ([], None)
    assert found["because"] == "gave no reason; use fell 80% first"


def test_an_answer_that_is_unclear_states_nothing() -> None:
    assert beside(["unclear"], activity_weekly=FALLING)["stated"] == []


def test_behaviour_without_a_sign_does_not_disagree() -> None:
    found = beside(["price"], activity_weekly=STEADY)
    assert (found["use_change"], found["signs"], found["disagrees"]) == (0.0, [], False)
    assert found["because"] == "said price; behaviour shows no cause"


def test_a_leaver_of_whom_nothing_was_observed_stays_unknown() -> None:
    found = beside(["price"], subscriptions=[])
    assert (found["signs"], found["disagrees"]) == ([], None)
    assert found["because"] == "said price; behaviour is not known"
    unknown = ("use_change", "unused_share", "days_silent", "never_active", "open_tickets", "price_change", "nps",
               "champion_gone", "steps_missing", "csat")  # fmt: skip
    assert [found[name] for name in unknown] == [None] * len(unknown)


def test_the_names_people_read_can_stand_in_the_sentence() -> None:
    gone = pl.DataFrame({"account_id": ["a"], "month": [date(2026, 3, 1)], "ended_on": [END], "status": ["answered"],
                         "themes": [["too_big"]]})  # fmt: skip
    found = stated_vs_behaviour(gone, frames(), names={"too_big": "Too big for us"})
    assert found["because"].item() == "said too big for us; behaviour shows no cause"


def test_no_leavers_give_no_rows() -> None:
    nobody = pl.DataFrame(schema={"account_id": pl.String, "month": pl.Date, "ended_on": pl.Date})
    assert stated_vs_behaviour(nobody, frames()).is_empty()
    assert stated_vs_behaviour(nobody, {}).is_empty()


# --- up to when ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "answered", "until"),
    [
        (None, None, END),
        (UNTIL, None, UNTIL),
        (UNTIL, date(2026, 3, 1), date(2026, 3, 1)),
        (None, date(2026, 4, 1), END),
    ],
)
def test_behaviour_counts_up_to_the_first_word_of_leaving(
    asked: date | None, answered: date | None, until: date
) -> None:
    assert beside(asked=asked, answered=answered)["until"] == until


def test_use_that_fell_only_after_leaving_was_asked_for_is_no_cause() -> None:
    assert beside(activity_weekly=weeks({date(2024, 11, 4): 25, UNTIL: 1}))["use_change"] == 0.0


def test_the_whole_weeks_before_the_day_count() -> None:
    found = beside(activity_weekly=weeks({date(2024, 11, 4): 25, date(2026, 3, 9): 999}))
    assert (found["use_until"], found["use_change"]) == (date(2026, 3, 9), 0.0)


# --- use -----------------------------------------------------------------------------------------------------------


def test_who_used_nothing_in_the_last_weeks_lost_all_its_use() -> None:
    others = [row for n in range(9) for row in weeks({date(2024, 11, 4): 20}, f"o{n}")]
    found = beside(activity_weekly=weeks({date(2024, 11, 4): 25, date(2026, 1, 1): 0}) + others)
    assert (found["use_change"], found["usual_change"]) == (-1.0, 0.0)


def test_a_fall_that_everybody_shares_is_no_sign() -> None:
    everybody = [row for n in range(10) for row in weeks({date(2024, 11, 4): 20, date(2026, 1, 1): 8}, f"o{n}")]
    found = beside(activity_weekly=weeks({date(2024, 11, 4): 25, date(2026, 1, 1): 10}) + everybody)
    assert (found["use_change"], found["usual_change"], found["signs"]) == (-0.6, -0.6, [])


def test_a_fall_from_next_to_nothing_is_no_sign() -> None:
    found = beside(activity_weekly=weeks({date(2024, 11, 4): 2, date(2026, 1, 1): 0}) + weeks({START: 9}, "b"))
    assert (found["use_change"], found["signs"]) == (-1.0, [])


def test_a_customer_of_three_months_has_no_change_of_use() -> None:
    late = date(2025, 12, 1)
    found = beside(activity_weekly=FALLING, subscriptions=[served(late)])
    assert (found["use_change"], found["use_until"]) == (None, None)


def test_a_customer_that_was_away_in_between_has_none_either() -> None:
    back = [served(START, date(2025, 11, 20)), served(date(2025, 12, 5), END)]
    assert beside(activity_weekly=FALLING, subscriptions=back)["use_change"] is None


def test_use_before_recording_began_is_not_known() -> None:
    recent = [row for row in FALLING if row["period"] >= date(2025, 12, 1)]
    assert beside(activity_weekly=recent)["use_change"] is None
    stray = [{"account_id": "b", "period": date(2025, 1, 6), "uses": 3}]
    assert beside(activity_weekly=recent + stray)["use_change"] is None, "one stray row begins no recording"


# --- value ---------------------------------------------------------------------------------------------------------


def test_silence_counts_from_the_last_month_end_with_value_to_the_last() -> None:
    used = month_ends(date(2024, 12, 31), date(2025, 11, 30)) + month_ends(date(2024, 12, 31), END, "b")
    found = beside(usage_28d=used)
    assert (found["days_silent"], found["never_active"], found["signs"]) == (90, False, ["silent"])
    assert found["because"] == "said price; no value for 90 days before"


def test_who_got_value_in_the_last_window_is_not_silent() -> None:
    found = beside(usage_28d=month_ends(date(2024, 12, 31), date(2026, 2, 28)))
    assert (found["days_silent"], found["signs"]) == (0, [])


def test_who_never_reached_a_threshold_never_got_value() -> None:
    used = month_ends(date(2024, 12, 31), END, uses=2) + month_ends(date(2024, 12, 31), END, "b")
    rules = [{"feature": "report", "is_value": True, "min_28_days": 3.0}]
    found = beside(["never_got_started"], usage_28d=used, features=rules)
    assert (found["never_active"], found["points_to"], found["disagrees"]) == (True, ["never_got_started"], False)
    assert found["because"] == "said never got started; never got value from it"


def test_who_was_a_customer_before_use_was_recorded_may_have_got_value_then() -> None:
    found = beside(usage_28d=month_ends(date(2025, 6, 30), END, "b"))
    assert (found["never_active"], found["days_silent"]) == (None, (date(2026, 2, 28) - date(2025, 6, 3)).days)


def test_key_features_of_the_plan_that_nobody_used_enough_are_unused() -> None:
    used = month_ends(date(2024, 12, 31), END) + month_ends(date(2024, 12, 31), END, feature="form", uses=1)
    rules = [
        {"feature": name, "is_key": name != "login", "min_28_days": 2.0} for name in ("report", "form", "api", "login")
    ]
    pays_for = [{"plan": "Team", "feature": name} for name in ("report", "form", "login")]
    other = [{"plan": "Big", "feature": "api"}]
    assert beside(usage_28d=used, features=rules, entitlements=pays_for + other)["unused_share"] == 0.5
    assert beside(usage_28d=used, features=rules, entitlements=other)["unused_share"] is None


def test_a_step_never_taken_bears_out_that_they_never_got_started_and_doubts_nothing() -> None:
    used = month_ends(date(2024, 12, 31), END) + month_ends(date(2025, 1, 31), date(2025, 1, 31), feature="invite")
    rules = [
        {"feature": "report", "is_value": True},
        {"feature": "import", "onboarding_step": "import users"},
        {"feature": "invite", "onboarding_step": "invite team"},
    ]
    state = [{"account_id": "b", "onboarding_step": "go live", "reached_at": date(2025, 2, 1)}]
    found = beside(["price"], usage_28d=used, features=rules, milestones=state)
    assert (found["steps_missing"], found["disagrees"]) == (["go live", "import users"], False)
    assert found["because"] == "said price; not done: go live and import users"
    state[0]["account_id"] = "a"
    assert beside(usage_28d=used, features=rules, milestones=state)["steps_missing"] == ["import users"]


# --- tickets, voice, champion ---------------------------------------------------------------------------------------


def ticket(opened: date, solved: date | None = None, **more: Any) -> Row:
    return {"account_id": "a", "opened_at": opened, "solved_at": solved, "priority": "normal"} | more


def test_a_ticket_left_open_for_a_week_bears_out_slow_support() -> None:
    found = beside(["slow_support"], tickets=[ticket(date(2026, 3, 2)), ticket(date(2026, 2, 1), date(2026, 3, 11))])
    assert (found["open_tickets"], found["open_urgent"], found["waiting_days"]) == (2, 0, 37)
    assert (found["points_to"], found["disagrees"]) == (["slow_support"], False)
    assert found["because"] == "said slow support; a ticket was open for 37 days"


def test_a_ticket_solved_on_the_day_is_not_open_and_one_opened_on_it_is() -> None:
    assert beside(tickets=[ticket(date(2026, 3, 1), UNTIL)])["open_tickets"] == 0
    assert beside(tickets=[ticket(UNTIL)])["open_tickets"] == 1


def test_an_urgent_ticket_need_not_have_waited() -> None:
    assert beside(tickets=[ticket(date(2026, 3, 8))])["signs"] == []
    assert beside(tickets=[ticket(date(2026, 3, 8), priority="URGENT")])["signs"] == ["waiting"]


def test_a_ticket_that_nobody_ever_closed_counts_as_open_but_is_no_sign() -> None:
    found = beside(tickets=[ticket(date(2025, 2, 1), priority="urgent")])
    assert (found["open_tickets"], found["open_urgent"], found["waiting_days"], found["signs"]) == (1, 0, None, [])


def test_an_account_without_tickets_has_none_where_others_have_some() -> None:
    others = [ticket(date(2025, 2, 1), account_id="b")]
    assert beside(tickets=others)["open_tickets"] == 0
    assert beside(tickets=[ticket(date(2026, 3, 11), account_id="b")])["open_tickets"] is None


def test_two_urgent_tickets_point_to_trouble() -> None:
    urgent = [ticket(day, day, priority="high") for day in (date(2026, 1, 5), date(2026, 2, 5))]
    found = beside(["price"], tickets=urgent)
    assert (found["urgent_tickets"], found["points_to"], found["disagrees"]) == (2, ["unreliable"], True)
    assert found["because"] == "said price; 2 urgent tickets in 90 days"


def test_bad_ratings_of_the_last_months_point_to_support() -> None:
    rated = [ticket(date(2026, 1, 5), date(2026, 1, 6), csat=2), ticket(date(2025, 1, 5), date(2025, 1, 6), csat=5)]
    found = beside(["price"], tickets=rated)
    assert (found["csat"], found["points_to"]) == (2.0, ["slow_support"])
    late = [ticket(date(2026, 1, 5), date(2026, 1, 6), csat=1, csat_at=date(2026, 3, 11))]
    assert beside(tickets=late)["csat"] is None, "rated after the day"


def test_the_last_score_before_the_day_stands_beside() -> None:
    answers = [(date(2026, 3, 11), 0), (date(2026, 3, 10), 4), (date(2025, 9, 1), 9)]
    rows = [{"response_id": str(day), "account_id": "a", "score": score, "responded_at": day} for day, score in answers]
    found = beside(nps=rows)
    assert (found["nps"], found["nps_on"]) == (4, date(2026, 3, 10))


def person(joined: date, left: date | None, role: str = "champion") -> Row:
    return {"account_id": "a", "role": role, "joined_at": joined, "left_at": left}


def test_a_champion_that_left_before_the_day_is_gone() -> None:
    found = beside(["champion_left"], people=[person(START, date(2025, 12, 1)), person(START, None, "admin")])
    assert (found["champion_gone"], found["champion_left_on"]) == (True, date(2025, 12, 1))
    assert found["disagrees"] is False
    assert found["because"] == "said champion left; the champion had left on 2025-12-01"


@pytest.mark.parametrize(
    "people",
    [
        [person(START, date(2026, 3, 11))],
        [person(START, date(2025, 12, 1)), person(date(2025, 12, 2), None)],
    ],
)
def test_a_champion_that_is_there_on_the_day_is_not_gone(people: list[Row]) -> None:
    assert beside(people=people)["champion_gone"] is False


def test_a_champion_that_came_after_the_day_was_none() -> None:
    assert beside(people=[person(date(2026, 3, 11), None)])["champion_gone"] is None
    assert beside(people=[person(START, None, "admin")])["champion_gone"] is None


def test_a_champion_that_left_years_ago_is_no_sign() -> None:
    found = beside(people=[person(date(2024, 1, 1), date(2025, 3, 1))])
    assert (found["champion_gone"], found["signs"]) == (True, [])


# --- price ---------------------------------------------------------------------------------------------------------

SPRING = date(2026, 1, 1)


def priced(*lines: Row, days: int = 365) -> float | None:
    asked = pl.DataFrame({"account_id": ["a"], "until": [UNTIL]})
    return price_changes(asked, frames(subscriptions=list(lines))["subscriptions"], days=days)["price_change"].item()


def test_the_same_seats_at_a_higher_price_are_a_rise() -> None:
    assert priced(served(START, SPRING), served(SPRING, None, 11_200)) == pytest.approx(0.12)


def test_more_seats_another_plan_or_an_add_on_are_no_rise() -> None:
    assert priced(served(START, SPRING), served(SPRING, None, 12_000, seats=12)) == pytest.approx(0)
    assert priced(served(START, SPRING), served(SPRING, None, 20_000, plan="Big")) == 0
    assert priced(served(), served(SPRING, None, 900, plan="Add-on", seats=None)) == 0


def test_a_renewal_in_a_new_contract_is_compared_with_the_one_before() -> None:
    assert priced(served(START, SPRING), served(SPRING, None, 9_000, subscription_id="new")) == pytest.approx(-0.1)


def test_two_steps_multiply_and_one_before_the_time_does_not_count() -> None:
    lines = (served(START, SPRING), served(SPRING, date(2026, 2, 1), 11_000), served(date(2026, 2, 1), None, 12_100))
    assert priced(*lines) == pytest.approx(0.21)
    assert priced(*lines, days=50) == pytest.approx(0.1)


def test_a_rise_that_comes_on_the_day_itself_is_not_felt_yet() -> None:
    assert priced(served(START, UNTIL), served(UNTIL, None, 11_000)) == 0
    day_before = UNTIL - timedelta(days=1)
    assert priced(served(START, day_before), served(day_before, None, 11_000)) == pytest.approx(0.1)


def test_a_rise_weighs_by_what_else_is_paid() -> None:
    other = served(START, None, 10_000, plan="Big", subscription_id="other")
    assert priced(served(START, SPRING), served(SPRING, None, 12_000), other) == pytest.approx(0.1)


def test_a_price_is_not_known_of_who_paid_nothing() -> None:
    assert priced() is None
    assert priced(served(START, date(2025, 2, 1))) is None
    assert priced(served(UNTIL, None)) is None


def test_who_pays_by_the_year_still_feels_the_last_renewal() -> None:
    lines = [served(START, date(2025, 6, 1)), served(date(2025, 6, 1), END, 11_200)]
    monthly, yearly = (beside(subscriptions=[line | {"billing_months": n} for line in lines]) for n in (1, 12))
    assert (monthly["price_change"], round(monthly["price_change_year"], 4)) == (0.0, 0.12)
    assert (monthly["signs"], yearly["signs"]) == ([], ["price_rose"])


# --- what must hold for anything at all -----------------------------------------------------------------------------

FIRST = date(2025, 6, 2)  # a Monday
DAYS = st.integers(0, 300).map(lambda day: FIRST + timedelta(days=day))
MAYBE = st.none() | DAYS
ACCOUNTS = [f"a{n}" for n in range(12)]
WHO = st.sampled_from(ACCOUNTS[:3])
FEATURES = ["report", "form"]
MONTH_ENDS = [date(2025, month + 1, 1) - timedelta(days=1) for month in range(6, 12)] + [date(2025, 12, 31)]


@st.composite
def companies(draw: st.DrawFn) -> Company:
    company: Company = {
        "subscriptions": [],
        "entitlements": [{"plan": "Team", "feature": name} for name in FEATURES],
    }
    for account in ACCOUNTS:
        start = FIRST - timedelta(days=draw(st.integers(0, 60)))
        for end in sorted(draw(st.lists(DAYS, max_size=3, unique=True))):
            if end > start:
                line = {"account_id": account, "subscription_id": f"{account}{start}", "kind": "paid"}
                line |= {"plan": draw(st.sampled_from(["Team", "Big"])), "seats": draw(st.integers(1, 4))}
                company["subscriptions"].append(
                    line | {"mrr": draw(st.integers(1, 99)), "started_on": start, "ended_on": end}
                )
                start = end + timedelta(days=draw(st.sampled_from([0, 0, 9])))
    busy = st.integers(0, 9).filter(lambda uses: uses != 1)
    company["activity_weekly"] = [
        {"account_id": account, "period": FIRST + timedelta(days=7 * week), "uses": uses}
        for account in ACCOUNTS
        for week, uses in enumerate(draw(st.lists(busy, min_size=43, max_size=43)))
        if uses
    ]
    company["usage_28d"] = [
        {"account_id": account, "feature": feature, "window_end": end, "uses": 1}
        for account in ACCOUNTS
        for feature in FEATURES
        for end in draw(st.lists(st.sampled_from([*MONTH_ENDS, date(2025, 10, 9)]), max_size=6, unique=True))
    ]
    ticket = st.fixed_dictionaries({
        "account_id": WHO, "opened_at": DAYS, "solved_at": MAYBE, "priority": st.sampled_from(["high", "low", None]),
    })  # fmt: skip
    company["tickets"] = draw(st.lists(ticket, max_size=8))
    answer = st.fixed_dictionaries({"account_id": WHO, "score": st.integers(0, 10) | st.none(), "responded_at": DAYS})
    company["nps"] = [row | {"response_id": f"{n}"} for n, row in enumerate(draw(st.lists(answer, max_size=6)))]
    people = st.fixed_dictionaries({
        "account_id": WHO, "role": st.sampled_from(["champion", "admin"]), "joined_at": DAYS, "left_at": MAYBE,
    })  # fmt: skip
    company["people"] = draw(st.lists(people, max_size=6))
    return company


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(companies(), st.lists(DAYS, min_size=1, max_size=3, unique=True))
def test_what_is_known_agrees_with_plain_loops(company: Company, days: list[date]) -> None:
    cases = pl.DataFrame([{"account_id": account, "until": day} for account in ACCOUNTS[:3] for day in days])
    for row in last_days(cases, frames(**company)).rows(named=True):
        told = known(company, row["account_id"], row["until"])
        assert {name: row[name] for name in told} == pytest.approx(told, nan_ok=True), row


LATER = {
    "subscriptions": [served(UNTIL, None, 99_000), served(END, None, 50_000, plan="Big")],
    "activity_weekly": [{"account_id": who, "period": date(2026, 3, 9), "uses": 500} for who in "ab"],
    "usage_28d": month_ends(date(2026, 3, 31), date(2026, 6, 30)),
    "milestones": [{"account_id": "a", "onboarding_step": "import users", "reached_at": date(2026, 3, 11)}],
    "tickets": [ticket(date(2026, 3, 11), priority="urgent", csat=1), ticket(date(2026, 4, 1))],
    "nps": [{"response_id": "z", "account_id": "a", "score": 0, "responded_at": date(2026, 3, 11)}],
    "people": [person(date(2026, 3, 11), None), person(date(2026, 3, 11), date(2026, 3, 12))],
}
SOME_OF_IT = st.lists(st.sampled_from(sorted(LATER)), unique=True, min_size=1)
CAUSES = st.sampled_from(sorted({sign.points_to for sign in SIGNS.values()}))


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(SOME_OF_IT, CAUSES)
def test_nothing_that_happened_later_changes_what_is_said_of_a_leaver(names: list[str], stated: str) -> None:
    before = {
        "subscriptions": [served(START, SPRING), served(SPRING, END, 11_200)],
        "activity_weekly": FALLING + weeks({START: 9}, "b"),
        "usage_28d": month_ends(date(2024, 12, 31), date(2026, 2, 28)),
        "milestones": [{"account_id": "b", "onboarding_step": "import users", "reached_at": START}],
        "tickets": [ticket(date(2026, 2, 1), csat=3, csat_at=date(2026, 2, 3))],
        "nps": [{"response_id": "y", "account_id": "a", "score": 8, "responded_at": date(2026, 2, 1)}],
        "people": [person(START, date(2026, 2, 1))],
    }
    after = before | {name: before[name] + LATER[name] for name in names}
    assert beside([stated], **after) == beside([stated], **before)
