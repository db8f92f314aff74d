"""What an account's month is called, case by case."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from metrics.revenue import account_movements, movements

YEAR = {"since": date(2026, 1, 1), "until": date(2026, 12, 31), "as_of": date(2027, 3, 1)}
COLUMNS = [
    "account_id",
    "subscription_id",
    "kind",
    "mrr",
    "started_on",
    "ended_on",
    "plan",
    "line_id",
    "cancel_requested_at",
    "end_kind",
]


def paid(
    start,
    end=None,
    mrr=100,
    *,
    account="a",
    subscription="s",
    kind="paid",
    plan="Team",
    line=None,
    asked=None,
    because=None,
):
    return (account, subscription, kind, mrr, day(start), day(end), plan, line, day(asked), because)


def day(text):
    return None if text is None else date.fromisoformat(f"2026-{text}" if len(text) == 5 else text)


def frame(*stretches):
    return pl.DataFrame(
        stretches,
        schema=dict.fromkeys(COLUMNS, pl.String)
        | {"mrr": pl.Int64}
        | dict.fromkeys(["started_on", "ended_on", "cancel_requested_at"], pl.Date),
        orient="row",
    )


def story(*stretches, **options):
    """{month number: [(movement, amount)]}, months without movement left out."""
    found = account_movements(frame(*stretches), **{**YEAR, **options})
    told = {}
    for month, movement, amount in found.select("month", "movement", "amount").iter_rows():
        if movement != "unchanged":
            told.setdefault(month.month, []).append((movement, amount))
    return told


def sums(*stretches, **options):
    return {
        row["month"].month: row
        for row in movements(account_movements(frame(*stretches), **{**YEAR, **options})).iter_rows(named=True)
    }


def test_a_contract_from_the_first_of_january_is_january_s_new_business():
    assert story(paid("01-01")) == {1: [("new", 100)]}


def test_a_contract_not_served_from_the_first_of_january_on_churns_in_january():
    rows = sums(paid("2025-06-01", "01-01", asked="2025-12-10"))
    assert (rows[1]["opening"], rows[1]["churned"], rows[1]["closing"]) == (100, 100, 0)


def test_closed_months_do_not_move_when_a_new_month_begins():
    rows = [paid("01-01", "04-01"), paid("04-01", mrr=150), paid("05-01", account="b")]
    before = account_movements(frame(*rows), since=date(2026, 1, 1), until=date(2026, 4, 30), as_of=date(2026, 4, 30))
    after = account_movements(frame(*rows), since=date(2026, 1, 1), until=date(2026, 4, 30), as_of=date(2026, 5, 1))
    assert before.drop("state").equals(after.drop("state"))
    assert before["state"].to_list() == ["final"] * 3 + ["provisional"]
    assert after["state"].to_list() == ["final"] * 4


def test_prices_move_up_and_down():
    assert story(paid("01-05", "03-10"), paid("03-10", "05-20", 180), paid("05-20", mrr=120)) == {
        1: [("new", 100)],
        3: [("expansion", 80)],
        5: [("contraction", 60)],
    }


def test_one_of_two_subscriptions_dropped_is_a_contraction():
    assert story(paid("01-05"), paid("01-05", "04-10", 40, subscription="t", asked="04-01")) == {
        1: [("new", 140)],
        4: [("contraction", 40)],
    }


def test_an_add_on_is_an_expansion():
    assert story(paid("01-05"), paid("02-01", mrr=30, line="extra")) == {1: [("new", 100)], 2: [("expansion", 30)]}


def test_trials_and_free_plans_count_nothing():
    assert story(paid("01-01", "02-01", kind="trial"), paid("02-01", "03-01", kind="free"), paid("03-01")) == {
        3: [("new", 100)]
    }


def test_a_move_to_the_free_plan_is_churn_at_once_not_a_late_renewal():
    rows = [paid("01-01", "03-20"), paid("03-20", kind="free")]
    assert story(*rows, until=date(2026, 3, 31), as_of=date(2026, 4, 1)) == {1: [("new", 100)], 3: [("churned", 100)]}


def test_a_move_to_a_price_of_zero_is_churn():
    assert story(paid("01-01", "03-20"), paid("03-20", mrr=0)) == {1: [("new", 100)], 3: [("churned", 100)]}


def test_an_amount_nobody_knows_counts_as_zero():
    assert story(paid("01-01", mrr=None), paid("02-01", mrr=40, subscription="t")) == {2: [("new", 40)]}


def test_a_late_renewal_is_no_churn():
    assert story(paid("01-01", "03-15"), paid("04-14", subscription="renewed")) == {1: [("new", 100)]}


def test_a_gap_of_more_than_the_grace_days_is_churn_and_then_reactivation():
    assert story(paid("01-01", "03-15"), paid("04-15")) == {
        1: [("new", 100)],
        3: [("churned", 100)],
        4: [("reactivation", 100)],
    }


def test_a_late_renewal_at_another_price_changes_when_it_is_renewed():
    assert story(paid("01-01", "03-15"), paid("04-10", mrr=130)) == {1: [("new", 100)], 4: [("expansion", 30)]}


def test_a_gap_after_a_cancellation_is_churn_however_short():
    rows = (paid("01-01", "03-25", asked="03-02"), paid("04-05"))
    assert story(*rows) == {1: [("new", 100)], 3: [("churned", 100)], 4: [("reactivation", 100)]}
    rows = (paid("01-01", "03-25", because="requested"), paid("04-05"))
    assert story(*rows)[3] == [("churned", 100)]


def test_an_open_gap_is_bridged_and_its_months_are_provisional():
    rows = [paid("01-01", "04-20"), paid("01-01", account="b")]
    found = sums(*rows, until=date(2026, 5, 31), as_of=date(2026, 5, 20))
    assert {m: (row["closing"], row["state"]) for m, row in found.items()} == {
        1: (200, "final"),
        2: (200, "final"),
        3: (200, "final"),
        4: (200, "provisional"),
        5: (200, "provisional"),
    }
    a_day_later = sums(*rows, until=date(2026, 5, 31), as_of=date(2026, 5, 21))
    assert (a_day_later[4]["churned"], a_day_later[4]["state"]) == (100, "final")


def test_churn_falls_on_the_end_of_service_not_on_the_request():
    assert story(paid("01-01", "06-11", asked="02-03")) == {1: [("new", 100)], 6: [("churned", 100)]}


def test_a_planned_end_is_not_an_end_yet():
    row = paid("01-01", "06-11", asked="02-03")
    assert story(row, as_of=date(2026, 6, 10)) == {1: [("new", 100)]}
    assert story(row, as_of=date(2026, 6, 11))[6] == [("churned", 100)]


def test_a_pause_is_not_churn_and_its_end_is_a_resumption():
    rows = [paid("01-01", "03-10"), paid("03-10", "05-04", kind="paused"), paid("05-04", mrr=110)]
    assert story(*rows) == {1: [("new", 100)], 3: [("paused", 100)], 5: [("resumed", 110)]}
    found = sums(*rows)
    assert [found[m]["accounts_churned"] for m in (3, 4, 5)] == [0, 0, 0]
    assert [found[m]["accounts_opening"] for m in (3, 4, 5)] == [1, 1, 1]


def test_a_pause_that_ends_in_leaving_counts_the_account_then_and_remembers_its_mrr():
    rows = [paid("01-01", "03-10"), paid("03-10", "05-04", kind="paused", because="requested")]
    found = sums(*rows)
    assert (found[3]["paused"], found[3]["accounts_churned"], found[3]["left_after_pause"]) == (100, 0, 0)
    assert (found[5]["churned"], found[5]["accounts_churned"], found[5]["left_after_pause"]) == (0, 1, 100)


def test_a_pause_of_exactly_the_longest_days_is_still_a_pause():
    # 10 March to 7 June are 90 days.
    found = sums(paid("01-01", "03-10"), paid("03-10", kind="paused"), as_of=date(2026, 6, 7))
    assert found[6]["accounts_churned"] == 0
    found = sums(paid("01-01", "03-10"), paid("03-10", kind="paused"), as_of=date(2026, 6, 8))
    assert (found[6]["accounts_churned"], found[6]["left_after_pause"]) == (1, 100)


def test_who_comes_back_after_too_long_a_pause_resumes_their_mrr_and_is_counted_as_come_back():
    rows = [paid("01-01", "02-10"), paid("02-10", "08-05", kind="paused"), paid("08-05")]
    found = sums(*rows)
    assert (found[5]["accounts_churned"], found[5]["left_after_pause"]) == (1, 100)
    assert (found[8]["resumed"], found[8]["accounts_reactivated"], found[8]["accounts_closing"]) == (100, 1, 1)


def test_what_a_parked_subscription_no_longer_pays_is_paused_and_what_it_pays_again_resumed():
    rows = [paid("01-01", "03-10"), paid("03-10", "06-10", 20, kind="parked"), paid("06-10")]
    assert story(*rows) == {1: [("new", 100)], 3: [("paused", 80)], 6: [("resumed", 80)]}


def test_a_line_parked_while_another_grows_is_both_a_pause_and_an_expansion():
    rows = [
        paid("01-01", "03-10"),
        paid("03-10", mrr=20, kind="parked"),
        paid("01-01", "03-05", 50, subscription="t"),
        paid("03-05", mrr=70, subscription="t"),
    ]
    found = account_movements(frame(*rows), **YEAR).filter(pl.col("month") == date(2026, 3, 1))
    assert found.select("opening", "movement", "amount", "closing").rows() == [
        (150, "expansion", 20, 90),
        (0, "paused", 80, 0),
    ]


def test_an_account_that_comes_and_goes_within_a_month_is_counted_apart():
    found = sums(paid("03-03", "03-20", asked="03-10"), paid("03-01", account="b"))
    assert (found[3]["accounts_in_and_out"], found[3]["accounts_new"], found[3]["new"]) == (1, 1, 100)


def test_who_came_and_went_within_a_month_is_reactivated_when_they_return():
    assert story(paid("03-03", "03-20", asked="03-10"), paid("06-01")) == {
        3: [("in_and_out", 0)],
        6: [("reactivation", 100)],
    }


def test_a_stretch_that_ended_on_its_first_day_was_never_served():
    assert story(paid("01-01", "01-01", 900), paid("01-01")) == {1: [("new", 100)]}


def test_a_stretch_that_was_a_mistake_is_in_no_number():
    assert story(paid("01-01", "03-01", 900, because="mistake"), paid("02-01", subscription="t")) == {2: [("new", 100)]}


def test_metered_use_stays_out_of_movements_and_is_averaged_over_three_month_ends():
    used = [
        paid(f"0{m}-01", f"0{m + 1}-01", mrr, kind="usage", subscription="m")
        for m, mrr in ((1, 30), (2, 60), (3, 90), (4, 0))
    ]
    found = account_movements(frame(paid("01-01"), *used), **{**YEAR, "until": date(2026, 5, 31)})
    assert found["closing"].to_list() == [100] * 5
    assert found["usage_closing"].to_list() == [30, 45, 60, 50, 30]
    assert found["usage_opening"].to_list() == [0, 30, 45, 60, 50]


def test_a_subsidiary_folded_into_its_parent_is_no_movement_of_the_group():
    rows = [paid("01-01", "04-01", account="child", because="changed"), paid("04-01", account="parent")]
    accounts = pl.DataFrame({"account_id": ["child", "parent"], "parent_id": ["parent", None]})
    assert story(*rows, unit="parent_id", accounts=accounts) == {1: [("new", 100)]}
    assert story(*rows, as_of=date(2026, 6, 1))[4] == [("churned", 100), ("new", 100)]


def test_a_group_is_found_through_its_owners_owner():
    rows = [paid("01-01", "04-01", account="c"), paid("04-01", account="a")]
    accounts = pl.DataFrame({"account_id": ["a", "b", "c"], "parent_id": [None, "a", "b"]})
    assert story(*rows, unit="parent_id", accounts=accounts) == {1: [("new", 100)]}


def test_a_group_needs_the_accounts_and_says_so():
    with pytest.raises(ValueError, match="pass accounts="):
        account_movements(frame(paid("01-01")), unit="parent_id", **YEAR)


def test_exchange_rates_have_a_line_of_their_own():
    rates = pl.DataFrame(
        {"currency": ["USD"] * 3, "month": [date(2026, m, 1) for m in (1, 2, 3)], "rate": [0.9, 1.0, 0.8]}
    )
    rows = frame(paid("01-10", "03-05"), paid("03-05", mrr=150)).with_columns(
        mrr_local=pl.col("mrr"), currency=pl.lit("USD")
    )
    found = movements(account_movements(rows, fx_rates=rates, **{**YEAR, "until": date(2026, 3, 31)}))
    assert found.select("opening", "new", "expansion", "fx", "closing").rows() == [
        (0, 90, 0, 0, 90),  # no rate before January: January's
        (90, 0, 0, 10, 100),
        (100, 0, 50, -30, 120),  # 50 more at the opening rate of 1.0; 150 at 0.8 in the end
    ]


def test_a_rate_of_a_month_that_has_not_begun_is_not_known():
    rates = pl.DataFrame({"currency": ["USD"], "month": [date(2026, 3, 1)], "rate": [5.0]})
    rows = frame(paid("01-10")).with_columns(mrr_local=pl.col("mrr"), currency=pl.lit("USD"))
    options = {"fx_rates": rates, "since": date(2026, 1, 1), "until": date(2026, 2, 28)}
    # Until March there is no rate: the constant one holds. Then the first known rate serves the months before it.
    assert account_movements(rows, as_of=date(2026, 2, 28), **options)["closing"].to_list() == [100, 100]
    assert account_movements(rows, as_of=date(2026, 3, 1), **options)["closing"].to_list() == [500, 500]


PLANS = [paid("01-01", "03-10", plan="Basic"), paid("03-10", mrr=160, plan="Pro")]


def test_an_upgrade_belongs_to_the_plan_it_came_from_and_then_moves_out():
    found = sums(*PLANS, plans=["Basic"], until=date(2026, 3, 31))
    assert [found[3][name] for name in ("opening", "expansion", "moved_out", "closing")] == [100, 60, 160, 0]
    found = sums(*PLANS, plans=["Pro"], until=date(2026, 4, 30))
    assert [found[3][name] for name in ("opening", "new", "moved_in", "closing")] == [0, 0, 160, 160]
    assert (found[4]["opening"], found[4]["accounts_opening"]) == (160, 1)


def test_a_choice_of_both_plans_sees_no_crossing():
    assert story(*PLANS, plans=["Basic", "Pro"]) == {1: [("new", 100)], 3: [("expansion", 60)]}


def test_a_choice_of_segments_and_managers_keeps_their_accounts():
    accounts = pl.DataFrame(
        {"account_id": ["a", "b"], "segment": ["SMB", "Enterprise"], "csm_email": ["x@e.com", "y@e.com"]}
    )
    rows = [paid("01-01"), paid("01-01", mrr=7, account="b")]
    assert story(*rows, accounts=accounts, segments=["Enterprise"]) == {1: [("new", 7)]}
    assert story(*rows, accounts=accounts, csms=["x@e.com"]) == {1: [("new", 100)]}
    assert story(*rows, accounts=accounts, segments=["Enterprise"], csms=["x@e.com"]) == {}


def test_a_request_counts_on_its_day_in_the_time_zone_it_is_kept_in():
    rows = frame(paid("01-01", "02-28"), paid("03-10")).with_columns(
        cancel_requested_at=pl.Series(
            [datetime(2026, 2, 28, 23, 30, tzinfo=ZoneInfo("UTC")), None], dtype=pl.Datetime("us", "UTC")
        ).dt.convert_time_zone("Europe/Berlin")
    )
    options = {"since": date(2026, 1, 1), "until": date(2026, 2, 28)}
    # 00:30 on 1 March in Berlin: on 28 February nobody has asked yet.
    assert account_movements(rows, as_of=date(2026, 2, 28), **options)["closing"].to_list() == [100, 100]
    assert account_movements(rows, as_of=date(2026, 3, 1), **options)["closing"].to_list() == [100, 0]


def test_no_subscriptions_give_no_rows_and_no_sums():
    empty = account_movements(frame(), **YEAR)
    assert empty.is_empty()
    assert empty.columns[:9] == [
        "month",
        "account_id",
        "plan",
        "opening",
        "closing",
        "movement",
        "amount",
        "fx",
        "state",
    ]
    assert movements(empty).is_empty()


def test_months_without_anybody_between_two_customers_are_there_with_zeros():
    found = sums(paid("01-01", "02-10", asked="02-01"), paid("06-01", account="b"))
    assert sorted(found) == list(range(1, 13))
    assert (found[4]["opening"], found[4]["closing"], found[4]["state"]) == (0, 0, "final")


def test_months_that_have_not_begun_have_no_row():
    assert max(sums(paid("01-01"), as_of=date(2026, 5, 3))) == 5
