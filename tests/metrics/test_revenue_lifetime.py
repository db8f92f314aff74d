"""How long customers stay, and what cohorts of them still pay."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from metrics.revenue import account_movements, lifetime_curve, lifetimes, movements, revenue_cohorts
from tests.metrics.revenue_oracle import Account, known_on
from tests.metrics.test_revenue_oracle import company as odd_company
from tests.metrics.test_revenue_oracle import frame as odd_frame

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "revenue_examples.json").read_text(encoding="utf-8"))
TODAY = date(2026, 11, 21)


def stay(account, days, *, left, kind="paid", plan="Team"):
    """A stretch that lasted so many days, ended by request, or runs until today."""
    began = TODAY - timedelta(days=days if not left else days + 100)
    return {
        "account_id": account,
        "subscription_id": account,
        "plan": plan,
        "kind": kind,
        "mrr": 100,
        "started_on": began,
        "ended_on": began + timedelta(days=days) if left else None,
        "end_kind": "requested" if left else None,
    }


def from_times(times, prefix="a", **options):
    rows = []
    for day, left, censored in times:
        rows += [stay(f"{prefix}{day}-{i}", day, left=i < left, **options) for i in range(left + censored)]
    return rows


def frame(rows):
    kinds = {"ended_on": pl.Date, "end_kind": pl.String, "started_on": pl.Date, "mrr": pl.Int64}
    return pl.DataFrame(rows, schema_overrides=kinds, infer_schema_length=None)


@pytest.mark.parametrize("example", EXAMPLES["kaplan_meier"], ids=lambda example: example.get("group", "waltons"))
def test_the_curve_is_the_one_in_the_textbook(example):
    curve = lifetime_curve(frame(from_times(example["left_and_censored_by_time"])), as_of=TODAY)
    assert curve["at_risk"][0] == example["n"]
    assert set(curve["median"]) == {example["median"]}
    survival = dict(curve.select("day", "survival").iter_rows())
    for day, share in example.get("S", {}).items():
        assert survival[int(day)] == pytest.approx(share, abs=0.0006)


def test_greenwood_s_interval_of_the_textbook_s_treatment_group():
    curve = lifetime_curve(frame(from_times(EXAMPLES["kaplan_meier"][0]["left_and_censored_by_time"])), as_of=TODAY)
    at = {row["day"]: row for row in curve.iter_rows(named=True)}
    assert (at[0]["survival"], at[0]["low"], at[0]["high"]) == (1.0, None, None)
    # Kalbfleisch and Prentice's log(-log) interval on 10 and 22 weeks, as survival packages print it.
    assert (round(at[10]["low"], 3), round(at[10]["high"], 3)) == (0.503, 0.889)
    assert (round(at[22]["low"], 3), round(at[22]["high"], 3)) == (0.268, 0.747)


def test_curves_by_plan_stand_apart():
    rows = from_times([(10, 1, 1)], "a", plan="Basic") + from_times([(20, 2, 0)], "b", plan="Pro")
    curve = lifetime_curve(frame(rows), by="plan", as_of=TODAY)
    assert curve.select("plan", "day", "at_risk", "churned", "survival", "median").rows() == [
        ("Basic", 0, 2, 0, 1.0, 10),
        ("Basic", 10, 2, 1, 0.5, 10),
        ("Pro", 0, 2, 0, 1.0, 20),
        ("Pro", 20, 2, 2, 0.0, 20),
    ]


def test_curves_by_a_column_of_the_account():
    accounts = pl.DataFrame({"account_id": ["a10-0", "a10-1"], "segment": ["SMB", "Enterprise"]})
    curve = lifetime_curve(frame(from_times([(10, 1, 1)])), by="segment", as_of=TODAY, accounts=accounts)
    assert curve.filter(pl.col("day") == 10).select("segment", "survival").rows() == [("Enterprise", 1.0), ("SMB", 0.0)]
    with pytest.raises(ValueError, match="pass accounts="):
        lifetime_curve(frame(from_times([(10, 1, 1)])), by="segment", as_of=TODAY)


def test_a_column_of_subscriptions_that_began_on_one_day_does_not_hang_on_their_order():
    rows = [{**stay("a", 10, left=False), "subscription_id": name, "region": name} for name in ("north", "east")]
    for order in (rows, rows[::-1]):
        assert set(lifetime_curve(frame(order), by="region", as_of=TODAY)["region"]) == {"east"}


def test_nobody_yet_gives_the_first_day_of_nobody():
    assert lifetime_curve(frame(from_times([(10, 1, 0)])).clear(), as_of=TODAY)["at_risk"].to_list() == [0]
    assert lifetime_curve(frame(from_times([(10, 1, 0)])).clear(), as_of=TODAY, by="plan").is_empty()


def pieces(*spec):
    """Lifetimes of one account from (kind, first day, days) pieces."""
    rows = []
    for kind, begins, days in spec:
        started = date(2026, 1, 1) + timedelta(days=begins)
        ended = None if days is None else started + timedelta(days=days)
        rows.append({**stay("a", 1, left=False, kind=kind), "started_on": started, "ended_on": ended})
    return lifetimes(frame(rows), as_of=TODAY).select("days", "churned").row(0)


def test_a_late_renewal_and_a_pause_are_no_leaving():
    open_days = (TODAY - date(2026, 1, 1)).days
    assert pieces(("paid", 0, 50), ("paid", 80, None)) == (open_days, False)
    assert pieces(("paid", 0, 50), ("paused", 50, 90), ("paid", 140, None)) == (open_days, False)


def test_who_left_and_came_back_had_left():
    assert pieces(("paid", 0, 50), ("paid", 81, None)) == (50, True)
    assert pieces(("paid", 0, 50), ("paid", 81, 40)) == (50, True)


def test_a_pause_that_is_too_long_is_a_leaving_from_the_day_it_became_so():
    assert pieces(("paid", 0, 50), ("paused", 50, 91), ("paid", 141, None)) == (140, True)


def test_a_pause_that_ends_in_leaving_counts_until_its_end():
    assert pieces(("paid", 0, 50), ("paused", 50, 20)) == (70, True)


@pytest.mark.parametrize("seed", range(20))
def test_lifetimes_agree_with_plain_loops_over_days(seed):
    rng, stretches = random.Random(seed), odd_company(seed)
    as_of = date(2025, 11, 15) + timedelta(days=rng.randint(0, 200))
    grace, longest = rng.choice([0, 10, 30]), rng.choice([0, 20, 90])
    by_hand = {}
    for name in "abcdefgh":
        account = Account(known_on([s for s in stretches if s.account_id == name], as_of), as_of, grace, longest, {})
        if (first := account.first_paid) is not None:
            days = (first + timedelta(days=place) for place in range((as_of - first).days + 1))
            left = next((on for on in days if account.status(on) == "absent"), None)
            by_hand[name] = (first, left, ((left or as_of) - first).days, left is not None, account.plan(first))
    found = lifetimes(odd_frame(stretches), as_of=as_of, grace_days=grace, pause_max_days=longest)
    assert {account: tuple(rest) for account, *rest in found.iter_rows()} == by_hand


def test_a_trial_is_no_paid_time():
    assert pieces(("trial", 0, 30), ("paid", 30, 50)) == (50, True)


def company(seed, accounts=60):
    rng, rows = random.Random(seed), []
    for i in range(accounts):
        day = date(2026, 1, 1) + timedelta(days=rng.randint(0, 200))
        for _ in range(rng.randint(1, 4)):
            end = day + timedelta(days=rng.choice([20, 40, 70]))
            rows.append(
                {
                    **stay(f"a{i}", 1, left=False, plan=rng.choice(["Basic", "Pro"])),
                    "mrr": rng.choice([0, 100, 250]),
                    "started_on": day,
                    "ended_on": end,
                    "end_kind": rng.choice([None, "requested"]),
                }
            )
            day = end + timedelta(days=rng.choice([0, 0, 40]))
    return frame(rows)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kept", ["net", "gross"])
def test_revenue_cohorts_agree_with_plain_loops(seed, kept):
    found = account_movements(company(seed), since=date(2025, 12, 1), until=TODAY, as_of=TODAY)
    began, pays = {}, {}
    for row in found.iter_rows(named=True):
        if row["movement"] == "new":
            began[row["account_id"]] = row["month"]
        pays[row["account_id"], row["month"]] = pays.get((row["account_id"], row["month"]), 0) + row["closing"]
    cells = revenue_cohorts(found, kept=kept)
    for row in cells.iter_rows(named=True):
        at = row["cohort"].month - 1 + row["index"]
        month = date(row["cohort"].year + at // 12, at % 12 + 1, 1)
        members = [account for account, first in began.items() if first == row["cohort"]]
        firsts = [pays[account, row["cohort"]] for account in members]
        now = [pays.get((account, month), 0) for account in members]
        if kept == "gross":
            now = [min(pair) for pair in zip(firsts, now, strict=True)]
        assert (row["size"], row["retained"], row["accounts"]) == (sum(firsts), sum(now), len(members))
        assert row["rate"] == (sum(now) / sum(firsts) if sum(firsts) else None)
    months = found["month"].n_unique()
    assert cells.height == months * (months + 1) // 2


@pytest.mark.parametrize("seed", range(3))
def test_nothing_dated_after_as_of_changes_a_lifetime(seed):
    rows, as_of = company(seed), date(2026, 5, 3)
    ended = pl.when(pl.col("ended_on") <= as_of)
    then = rows.filter(pl.col("started_on") <= as_of).with_columns(
        ended.then("ended_on").alias("ended_on"), ended.then("end_kind").alias("end_kind")
    )
    assert lifetimes(rows, as_of=as_of).equals(lifetimes(then, as_of=as_of))
    assert lifetime_curve(rows, as_of=as_of, by="plan").equals(lifetime_curve(then, as_of=as_of, by="plan"))


def test_a_cohort_s_size_is_what_movements_call_new():
    found = account_movements(company(1), since=date(2026, 1, 1), until=TODAY, as_of=TODAY)
    new = dict(movements(found).select("month", "new").iter_rows())
    cells = revenue_cohorts(found).filter(pl.col("index") == 0)
    assert dict(cells.select("cohort", "size").iter_rows()) == new
    assert cells.filter(pl.col("size") > 0)["rate"].to_list() == [1.0] * (cells["size"] > 0).sum()


def test_a_cohort_by_segment_is_split_and_the_running_month_is_provisional():
    found = account_movements(company(2), since=date(2026, 1, 1), until=TODAY, as_of=TODAY)
    cells = revenue_cohorts(found, segment="plan")
    assert cells.columns[:3] == ["cohort", "plan", "index"]
    whole = revenue_cohorts(found)
    assert cells["retained"].sum() == whole["retained"].sum()
    last = whole.filter(pl.col("cohort") == date(2026, 1, 1)).sort("index")["state"].to_list()
    assert last[0] == "final"
    assert last[-1] == "provisional"


def test_a_large_cohort_has_an_interval_around_its_rate():
    rows = [{**stay(f"a{i}", 200, left=False), "mrr": 100 + i} for i in range(60)]
    for row in rows[:20]:
        row["ended_on"], row["end_kind"] = row["started_on"] + timedelta(days=60), "requested"
    found = account_movements(frame(rows), since=date(2026, 1, 1), until=TODAY, as_of=TODAY)
    cells = revenue_cohorts(found).filter(pl.col("size") > 0)
    first, last = cells.row(0, named=True), cells.row(-1, named=True)
    assert (first["rate"], first["low"]) == (1.0, None)
    assert last["low"] < last["rate"] < last["high"]
    assert last["low"] > 0.5
    assert last["high"] < 0.85


def test_no_movements_give_no_cohorts():
    empty = account_movements(company(1).clear(), since=TODAY, until=TODAY, as_of=TODAY)
    assert revenue_cohorts(empty).is_empty()
    assert revenue_cohorts(empty).columns == [
        "cohort",
        "index",
        "size",
        "retained",
        "rate",
        "low",
        "high",
        "state",
        "accounts",
    ]
    by_plan = revenue_cohorts(empty, segment="plan")
    assert (by_plan.height, by_plan.columns[:3]) == (0, ["cohort", "plan", "index"])
