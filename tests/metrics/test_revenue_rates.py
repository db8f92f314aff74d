"""Rates of recurring revenue, their intervals, and what may be said of a change."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from metrics.bootstrap import resampled_sums
from metrics.month_ends import months_later
from metrics.revenue import account_movements, arr, rate_change, rates, revenue_cohorts, split_regrettable
from tests.metrics.revenue_oracle import Account, Stretch, account_months, known_on
from tests.metrics.test_revenue_oracle import RATES, RATES_FRAME, company, frame

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "revenue_examples.json").read_text(encoding="utf-8"))
MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
MONTHS = {"since": date(2026, 5, 1), "until": date(2026, 6, 30), "as_of": date(2026, 8, 15)}
ASKED = {"cancel_requested_at": date(2026, 4, 1)}


def paid(account, mrr, start=date(2026, 2, 1), end=None, **more):
    return Stretch(account, account, "paid", mrr, start, end, **more)


def until_june(account, before, after):
    """An account that pays ``before`` and, from 10 June, ``after``."""
    rows = [paid(account, before, end=date(2026, 6, 10), **(ASKED if after == 0 else {}))]
    return rows + ([paid(account, after, date(2026, 6, 10))] if after else [])


def june(*rows, span=1, **options):
    found = rates(account_movements(frame([s for part in rows for s in part]), **{**MONTHS, **options}), span=span)
    return {row["measure"]: row for row in found.filter(pl.col("month") == JUNE).iter_rows(named=True)}


@pytest.mark.parametrize("example", EXAMPLES["nrr_grr"], ids=lambda example: example["source"])
def test_nrr_and_grr_are_those_of_the_worked_example(example):
    shrinks, leaves, grows = example["contraction"], example["churn"], example["expansion"]
    rest = example["start"] - leaves - 2 * shrinks
    found = june(
        until_june("leaves", leaves, 0),
        until_june("shrinks", 2 * shrinks, shrinks),
        until_june("grows", rest, rest + grows),
        [paid("new", 777, date(2026, 6, 3))],
    )
    assert found["nrr"]["value"] == example["nrr"]
    if "grr" in example:
        assert found["grr"]["value"] == example["grr"]


@pytest.mark.parametrize(
    "example", EXAMPLES["quick_ratio"], ids=lambda example: f"{example['source']} {example['new']}"
)
def test_the_quick_ratio_is_that_of_the_worked_example(example):
    back = example.get("reactivation", 0)
    found = june(
        [paid("new", example["new"], date(2026, 6, 3))],
        until_june("grows", 1000, 1000 + example["expansion"]),
        [paid("back", back, date(2026, 1, 1), date(2026, 3, 1), **ASKED), paid("back", back, date(2026, 6, 9))],
        until_june("shrinks", 2 * example["contraction"], example["contraction"]),
        until_june("leaves", example["churn"], 0),
    )
    assert found["quick_ratio"]["value"] == pytest.approx(example["quick_ratio"], abs=0.006)


def test_the_quick_ratio_is_null_when_nothing_was_lost():
    assert june(until_june("a", 100, 150))["quick_ratio"]["value"] is None


def test_a_pause_counts_as_lost_and_has_a_line_of_its_own():
    rows = [paid("a", 100, end=date(2026, 6, 10)), Stretch("a", "a", "paused", 0, date(2026, 6, 10))]
    found = june(rows, [paid("b", 300)])
    assert [found[name]["value"] for name in ("grr", "nrr", "paused", "logo")] == [0.75, 0.75, 0.25, 1.0]


def test_who_came_back_is_in_neither_sum_of_nrr():
    back = [paid("a", 900, date(2026, 1, 1), date(2026, 3, 1), **ASKED), paid("a", 900, date(2026, 6, 9))]
    found = june(back, [paid("b", 300)])
    assert (found["nrr"]["value"], found["nrr"]["n"]) == (1.0, 1)


def test_logo_retention_counts_the_paused_and_leaves_out_who_came_and_went():
    paused = [
        paid("p", 100, end=date(2026, 5, 10)),
        Stretch("p", "p", "paused", 0, date(2026, 5, 10), date(2026, 6, 20), end_kind="requested"),
    ]
    came_and_went = [paid("x", 100, date(2026, 6, 3), date(2026, 6, 20), **ASKED)]
    found = june(paused, came_and_went, [paid("b", 300)], until_june("c", 100, 0), [paid("d", 5)])
    assert (found["logo"]["value"], found["logo"]["n"], found["logo"]["losses"]) == (0.5, 4, 2)


def test_metered_use_is_in_nrr_with_usage_only():
    used = [
        Stretch("a", "m", "usage", mrr, date(2026, month, 1), date(2026, month + 1, 1))
        for month, mrr in ((2, 60), (3, 60), (4, 60), (5, 60), (6, 0))
    ]
    found = june([paid("a", 100)], used)
    assert found["nrr"]["value"] == 1.0
    assert found["nrr_with_usage"]["value"] == 140 / 160  # 60 a month before, 40 on average of April to June


def test_span_of_twelve_takes_who_paid_twelve_months_ago():
    rows = [
        paid("stays", 100, date(2025, 6, 5)),
        paid("grows", 100, date(2025, 6, 5), date(2026, 1, 1)),
        paid("grows", 160, date(2026, 1, 1)),
        paid("leaves", 100, date(2025, 6, 5), date(2026, 1, 1), **ASKED),
        # Left and came back for less: kept half, and kept the account.
        paid("returns", 100, date(2025, 6, 5), date(2025, 9, 1), end_kind="requested"),
        paid("returns", 50, date(2026, 2, 1)),
        paid("new", 500, date(2025, 7, 5)),
    ]
    found = june(rows, since=date(2025, 1, 1), span=12)
    values = {name: found[name]["value"] for name in ("grr", "nrr", "logo")}
    assert values == {"grr": 250 / 400, "nrr": 310 / 400, "logo": 0.75}
    assert found["grr"]["n"] == 4
    months = rates(account_movements(frame(rows), **{**MONTHS, "since": date(2025, 7, 1)}), span=12)
    assert months["month"].unique().to_list() == [JUNE]


def test_a_span_of_months_undoes_what_exchange_rates_did():
    rows = [paid("a", 10_000, date(2025, 9, 1), currency="USD"), paid("b", 10_000, date(2025, 9, 1))]
    found = rates(
        account_movements(
            frame(rows), since=date(2025, 10, 1), until=date(2026, 5, 31), as_of=date(2026, 6, 5), fx_rates=RATES_FRAME
        ),
        span=6,
    )
    assert found.filter(pl.col("measure") == "nrr")["value"].to_list() == [pytest.approx(1.0, abs=1e-9)] * 3


@pytest.mark.parametrize("away", ["paused", "cancelled"])
def test_what_is_paid_again_is_worth_what_it_was_when_it_was_last_paid(away):
    asked = ASKED if away == "cancelled" else {}
    rows = [
        paid("a", 10_000, date(2025, 9, 1), date(2025, 11, 10), currency="USD", **asked),
        paid("a", 10_000, date(2026, 2, 10), currency="USD"),
    ]
    if away == "paused":
        rows.append(Stretch("a", "a", "paused", 0, date(2025, 11, 10), date(2026, 2, 10), currency="USD"))
    moved = account_movements(
        frame(rows), since=date(2025, 9, 1), until=date(2026, 4, 30), as_of=date(2026, 5, 5), fx_rates=RATES_FRAME
    )
    found = rates(moved, span=6).filter(pl.col("measure") == "nrr")
    assert dict(found.select("month", "value").iter_rows())[date(2026, 4, 1)] == pytest.approx(1.0)
    assert revenue_cohorts(moved).filter(pl.col("index") == 7)["rate"].to_list()[0] == pytest.approx(1.0)


def test_a_line_paused_while_its_currency_moved_is_worth_what_it_was_beside_one_that_ran_on():
    away = {"line_id": "extra", "currency": "USD"}
    rows = [
        paid("a", 10_000, date(2025, 9, 1)),
        paid("a", 10_000, date(2025, 9, 1), date(2025, 11, 10), **away),
        Stretch("a", "a", "paused", 0, date(2025, 11, 10), date(2026, 2, 10), **away),
        paid("a", 10_000, date(2026, 2, 10), **away),
    ]
    moved = account_movements(
        frame(rows), since=date(2025, 9, 1), until=date(2026, 4, 30), as_of=date(2026, 5, 5), fx_rates=RATES_FRAME
    )
    found = rates(moved, span=6).filter(pl.col("measure") == "nrr")
    assert dict(found.select("month", "value").iter_rows())[date(2026, 4, 1)] == pytest.approx(1.0, abs=1e-3)


def test_a_plan_keeps_who_upgraded_out_of_it():
    rows = [
        paid("a", 100, end=date(2026, 5, 10), plan="Basic"),
        paid("a", 300, date(2026, 5, 10), plan="Pro"),
        paid("b", 100, plan="Basic"),
    ]
    found = rates(account_movements(frame(rows), plans=["Basic"], **MONTHS))
    may = {row["measure"]: row for row in found.filter(pl.col("month") == MAY).iter_rows(named=True)}
    assert (may["nrr"]["value"], may["logo"]["value"], may["grr"]["value"]) == (2.0, 1.0, 1.0)
    both = rates(account_movements(frame(rows), plans=["Basic"], **MONTHS), span=2)
    assert dict(both.select("measure", "value").iter_rows())["nrr"] == 2.0


def many(accounts, leavers, *, month=6, mrr=lambda i: 100 + i % 7):
    end = date(2026, month, 10)
    return [
        paid(f"a{i:04}", mrr(i), end=end if i < leavers else None, **(ASKED if i < leavers else {}))
        for i in range(accounts)
    ]


@pytest.mark.parametrize(
    ("accounts", "leavers", "verdict"), [(30, 5, None), (29, 5, "too few"), (200, 4, "too few"), (200, 5, None)]
)
def test_fewer_than_30_accounts_or_5_losses_are_too_few_for_an_interval(accounts, leavers, verdict):
    found = june(many(accounts, leavers))
    for name in ("grr", "nrr", "logo"):
        assert found[name]["verdict"] == verdict
        assert (found[name]["low"] is None) == (verdict == "too few")
        assert found[name]["value"] == pytest.approx(1 - leavers / accounts, abs=0.01)


def test_an_interval_holds_the_rate_and_is_the_same_every_time_in_every_order():
    rows = many(400, 30)
    first, again = june(rows), june(rows[::-1])
    assert first == again
    assert first["grr"]["low"] < first["grr"]["value"] < first["grr"]["high"]
    assert (round(first["logo"]["low"], 4), round(first["logo"]["high"], 4)) == (0.895, 0.947)


def test_the_bootstrap_of_equal_accounts_is_as_wide_as_the_binomial_says():
    found = june(many(1000, 100, mrr=lambda i: 100))["grr"]
    spread = 1.96 * (0.1 * 0.9 / 1000) ** 0.5
    assert found["value"] - found["low"] == pytest.approx(spread, rel=0.12)
    assert found["high"] - found["value"] == pytest.approx(spread, rel=0.12)


def test_resamples_count_every_account_once_on_average_with_the_spread_of_chance():
    sums = resampled_sums(np.eye(40), seed=3)
    assert sums.mean() == pytest.approx(1, abs=0.02)
    assert sums.var() == pytest.approx(1, abs=0.05)
    assert set(np.unique(sums)) <= set(range(10))


def change(rows, **options):
    months = {**MONTHS, "until": date(2026, 7, 10), "as_of": date(2026, 7, 10)}
    found = rate_change(account_movements(frame(rows), **months), as_of=months["as_of"], **options)
    return {row["measure"]: row for row in found.iter_rows(named=True)}


def test_a_change_takes_the_last_full_month_against_the_one_before_never_the_running_one():
    found = change(many(300, 60, month=7))
    assert found["grr"]["month"] == JUNE
    assert (found["grr"]["value"], found["grr"]["before"]) == (1.0, 1.0)


def test_a_fall_that_is_real_is_down_and_its_opposite_up():
    assert {change(many(300, 60, month=6))[name]["verdict"] for name in ("grr", "nrr", "logo")} == {"down"}
    assert {change(many(300, 60, month=5))[name]["verdict"] for name in ("grr", "nrr", "logo")} == {"up"}


def test_a_small_change_is_within_noise():
    may, later = many(300, 12, month=5), [s for s in many(300, 27, month=6) if s.account_id >= "a0012"]
    rows = [s for s in may if s.account_id < "a0012"] + later
    found = change(rows)
    assert (round(found["logo"]["before"], 2), round(found["logo"]["value"], 2)) == (0.96, 0.95)
    assert found["grr"]["verdict"] == "within noise"
    assert found["grr"]["low"] < found["grr"]["change"] < found["grr"]["high"]


def test_a_change_of_few_is_too_few():
    assert change(many(29, 10))["grr"]["verdict"] == "too few"
    assert change(many(300, 4))["logo"]["verdict"] == "too few"
    assert change(many(300, 60))["quick_ratio"]["verdict"] == "too few"  # May lost nothing


def test_two_years_that_share_eleven_months_are_compared_on_the_same_accounts():
    """Forty leave early in both windows, ten more in the last month: the shared losses are no noise."""
    rows = [
        paid(
            f"a{i:04}",
            100,
            date(2025, 1, 1),
            date(2025, 12, 10) if i < 200 else date(2026, 6, 10) if i < 240 else None,
            **({"end_kind": "requested"} if i < 240 else {}),
        )
        for i in range(1000)
    ]
    months = {"since": date(2025, 5, 1), "until": date(2026, 7, 10), "as_of": date(2026, 7, 10)}
    found = rate_change(account_movements(frame(rows), **months), as_of=months["as_of"], span=12)
    grr = found.filter(pl.col("measure") == "grr").row(0, named=True)
    assert (grr["before"], grr["value"], grr["verdict"]) == (0.8, 0.76, "down")
    assert grr["high"] - grr["low"] < 0.03  # two independent years would give 0.07


def test_a_change_needs_both_months():
    rows = account_movements(frame(many(300, 60)), since=JUNE, until=date(2026, 6, 30), as_of=date(2026, 7, 10))
    assert rate_change(rows, as_of=date(2026, 7, 10)).is_empty()


def test_the_running_month_and_late_renewals_are_provisional():
    rows = [paid("a", 100, end=date(2026, 6, 20)), paid("b", 100)]
    found = rates(account_movements(frame(rows), **{**MONTHS, "until": date(2026, 7, 15), "as_of": date(2026, 7, 10)}))
    assert dict(found.select("month", "state").iter_rows()) == {
        MAY: "final",
        JUNE: "provisional",
        date(2026, 7, 1): "provisional",
    }


def test_annual_recurring_revenue_is_twelve_times_the_closing():
    found = arr(account_movements(frame([paid("a", 100), paid("b", 30)]), **MONTHS))
    assert found.rows() == [(MAY, 1560, 130, 2, "final"), (JUNE, 1560, 130, 2, "final")]


def test_zombie_revenue_is_taken_out_of_both_sides():
    rows = account_movements(frame([*until_june("a", 100, 60), paid("z", 900), paid("b", 100)]), **MONTHS)

    def nrr(zombies):
        found = rates(rows, zombies=zombies).filter(pl.col("month") == JUNE, pl.col("measure") == "nrr_without_zombies")
        return found.select("value", "n").row(0)

    assert nrr(pl.DataFrame({"account_id": ["z"]})) == (0.8, 2)
    # b falls silent in June: its revenue is there at opening, and gone at closing.
    assert nrr(pl.DataFrame({"account_id": ["z", "z", "b"], "month": [MAY, JUNE, JUNE]})) == (0.3, 2)


def test_movements_written_by_hand_have_rates_too():
    rows = pl.DataFrame(
        {
            "month": [JUNE] * 3,
            "account_id": ["a", "b", "c"],
            "plan": "Team",
            "opening": [100, 100, 0],
            "closing": [60, 0, 50],
            "movement": ["contraction", "churned", "new"],
            "amount": [40, 100, 50],
            "fx": 0,
            "state": "final",
        }
    )
    assert dict(rates(rows).select("measure", "value").iter_rows()) == {
        "grr": 0.3,
        "nrr": 0.3,
        "nrr_with_usage": 0.3,
        "logo": 0.5,
        "quick_ratio": 50 / 140,
        "paused": 0.0,
    }


def test_no_movements_have_no_rates():
    empty = account_movements(frame([]), **MONTHS)
    assert rates(empty).is_empty()
    assert rate_change(empty, as_of=date(2026, 7, 1)).is_empty()
    assert arr(empty).is_empty()


def test_losses_nobody_explained_count_as_regrettable():
    rows = account_movements(
        frame([*until_june("a", 100, 0), *until_june("b", 100, 0), *until_june("c", 100, 50), paid("d", 200)]), **MONTHS
    )
    judged = pl.DataFrame({"account_id": ["a", "b"], "regrettable": [False, True]})
    found = split_regrettable(rows, judged).filter(pl.col("month") == JUNE).row(0, named=True)
    assert {name: found[name] for name in ("lost", "lost_natural", "lost_regrettable", "lost_unknown")} == {
        "lost": 250,
        "lost_natural": 100,
        "lost_regrettable": 100,
        "lost_unknown": 50,
    }
    assert (found["grr"], found["grr_regrettable"]) == (0.5, 0.7)


def test_a_judgement_of_one_month_holds_for_that_month():
    rows = account_movements(frame([*until_june("a", 100, 0), paid("d", 100)]), **MONTHS)
    judged = pl.DataFrame({"account_id": ["a"], "regrettable": [False], "month": [MAY]})
    assert split_regrettable(rows, judged)["grr_regrettable"].to_list() == [1.0, 0.5]


def by_hand(months, accounts, first, last):
    """Rates over the window by plain loops over the oracle's account-months."""
    opening, kept, here, left, gained, lost = {}, {}, 0, 0, 0, 0
    for account in accounts:
        start, end = months.get((first, account)), months.get((last, account))
        opening[account] = start["opening"] if start else 0
        kept[account] = end["closing"] if end else 0
        if start and start["was"] != "absent":
            here += 1
            left += end is None or end["now"] == "absent"
    for (month, _), what in months.items():
        if first <= month <= last:
            gained += sum(what["moved"].get(name, 0) for name in ("new", "expansion", "reactivation", "resumed"))
            lost += sum(what["moved"].get(name, 0) for name in ("contraction", "paused", "churned"))
    paying = [account for account in accounts if opening[account]]
    base = sum(opening.values())
    return {
        "grr": sum(min(opening[a], kept[a]) for a in paying) / base if base else None,
        "nrr": sum(kept[a] for a in paying) / base if base else None,
        "logo": 1 - left / here if here else None,
        "quick_ratio": gained / lost if lost else None,
    }


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("span", [1, 3])
def test_rates_agree_with_plain_loops(seed, span):
    stretches = company(seed)
    window = {"since": date(2025, 11, 1), "until": date(2026, 5, 31), "as_of": date(2026, 5, 20)}
    found = rates(account_movements(frame(stretches), **window), span=span)
    months = account_months(stretches, **window)
    starts = [date(2025, 11, 1), date(2025, 12, 1), *(date(2026, m, 1) for m in range(1, 6))]
    present = [month for month in starts if any(key[0] == month for key in months)]
    told = {}
    for row in found.iter_rows(named=True):
        told.setdefault(row["month"], {})[row["measure"]] = row["value"]
    for place, last in enumerate(starts):
        if place < span - 1 or starts[place - span + 1] < present[0] or last > present[-1]:
            continue
        wanted = by_hand(months, set("abcdefgh"), starts[place - span + 1], last)
        assert {name: told[last][name] for name in wanted} == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("span", [2, 6])
def test_rates_over_months_value_the_closing_at_the_exchange_rate_of_the_opening(seed, span):
    """Amounts are large, so that cents rounded away do not matter; every account keeps to one currency."""
    as_of, own = date(2026, 5, 31), {"a": "USD", "b": "USD", "c": "USD", "d": "USD", "e": "XXX"}
    stretches = [replace(s, mrr=(s.mrr or 0) * 10_000, currency=own.get(s.account_id, "EUR")) for s in company(seed)]
    moved = account_movements(frame(stretches), since=date(2025, 9, 1), until=as_of, as_of=as_of, fx_rates=RATES_FRAME)
    found = rates(moved, span=span).filter(pl.col("month") == date(2026, 5, 1))
    before = months_later(date(2026, 5, 1), 1 - span) - timedelta(days=1)
    accounts = [
        Account(known_on([s for s in stretches if s.account_id == name], as_of), as_of, 30, 90, RATES)
        for name in "abcdefgh"
    ]
    pairs = [[account.worth(account.rows(day), before) for day in (before, as_of)] for account in accounts]
    paying = [pair for pair in pairs if pair[0] > 0]
    base = sum(opening for opening, _ in paying)
    told = dict(found.select("measure", "value").iter_rows())
    assert told["nrr"] == (pytest.approx(sum(kept for _, kept in paying) / base, rel=1e-3) if base else None)
    assert told["grr"] == (pytest.approx(sum(map(min, paying)) / base, rel=1e-3) if base else None)


def test_the_random_seed_of_a_page_does_not_matter_much():
    rows = account_movements(frame(many(500, 40)), **MONTHS)
    lows = [
        rates(rows, seed=seed).filter(pl.col("measure") == "grr", pl.col("month") == JUNE)["low"].item()
        for seed in range(5)
    ]
    assert max(lows) - min(lows) < 0.006


def test_one_account_has_its_rates_and_no_intervals():
    found = june([paid("only", 100)])
    assert (found["grr"]["value"], found["logo"]["value"], found["grr"]["low"]) == (1.0, 1.0, None)
