"""MRR movements against plain loops over days, and what must hold for any subscriptions at all."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.movements import GAINS, LOSSES
from metrics.revenue import account_movements, movements
from tests.metrics.revenue_oracle import Stretch, account_months, placed
from tests.pages import browser

pytestmark = pytest.mark.slow

SINCE, UNTIL = date(2025, 11, 10), date(2026, 5, 20)
FIRST, LAST = date(2025, 8, 20), date(2026, 5, 31)
ARRIVALS, DEPARTURES = ("new", "reactivated", "moved_in"), ("churned", "moved_out")
SCHEMA = {
    "account_id": pl.String,
    "subscription_id": pl.String,
    "kind": pl.String,
    "mrr": pl.Int64,
    "started_on": pl.Date,
    "ended_on": pl.Date,
    "line_id": pl.String,
    "plan": pl.String,
    "currency": pl.String,
    "cancel_requested_at": pl.Date,
    "past_due_since": pl.Date,
    "end_kind": pl.String,
}
KINDS = ["paid"] * 7 + ["paused", "parked", "parked", "trial", "free", "usage"]
GAPS = [0] * 8 + [1, 9, 10, 11, 30, 31, 70]
LENGTHS = [0, 1, 10, 27, 30, 31, 31, 45, 60, 61, 95]
MRRS = [None, 0, 1, 999, 1000, 1001, 5000, 5000, 12345]
# Month ends and firsts are where mistakes live; start there often.
STARTS = [FIRST + timedelta(days=i) for i in range(160)] + [
    date(2025, 12, 1),
    date(2025, 12, 31),
    date(2026, 1, 31),
] * 20
ENDINGS = [None] * 6 + ["requested", "payment_failed", "changed", "mistake"]


def line(rng, account, subscription, line_id):
    """Stretches of one line: no overlap, gaps of every kind, an end that may lie ahead or never come."""
    day, stretches = rng.choice(STARTS), []
    for _ in range(rng.randint(1, 7)):
        day += timedelta(days=rng.choice(GAPS))
        end = day + timedelta(days=rng.choice(LENGTHS))
        stretches.append(
            Stretch(
                account_id=account,
                subscription_id=subscription,
                line_id=line_id,
                kind=rng.choice(KINDS),
                mrr=rng.choice(MRRS),
                started_on=day,
                ended_on=end,
                plan=rng.choice(["Basic", "Pro", "Team"]),
                currency=rng.choice(["EUR", "USD", "XXX"]),
                cancel_requested_at=rng.choice([None] * 5 + [day + timedelta(days=3)]),
                end_kind=rng.choice(ENDINGS),
            )
        )
        day = end
    if rng.random() < 0.6:
        stretches[-1] = replace(stretches[-1], ended_on=None, end_kind=None)
    return stretches


def company(seed, place=""):
    """Eight accounts with every oddity there is; subscriptions of the same account overlap at will."""
    rng = random.Random(seed)
    return [
        stretch
        for account in (f"{letter}{place}" for letter in "abcdefgh")
        for number in range(rng.choice([1, 1, 2, 3]))
        for stretch in line(rng, account, f"{account}-{number // 2}", None if number % 2 == 0 else "extra")
    ]


BESIDE = 5
"""Companies that one call is asked about: a call costs as much for five as for one."""

seeds = st.integers(0, 2**32 - 1)
companies = seeds.map(company)
several = st.lists(seeds, min_size=BESIDE, max_size=BESIDE).map(
    lambda some: [stretch for place, seed in enumerate(some) for stretch in company(seed, place)]
)
todays = st.one_of(st.dates(date(2025, 11, 15), LAST), st.sampled_from([date(2026, 1, 31), date(2026, 2, 1)]))
limits = st.fixed_dictionaries(
    {"grace_days": st.sampled_from([0, 10, 30]), "pause_max_days": st.sampled_from([0, 20, 90])}
)
RATES = {
    ("USD", date(2025, 9, 1)): 0.9,
    ("USD", date(2025, 12, 1)): 0.95,
    ("USD", date(2026, 2, 1)): 1.1,
    ("USD", date(2026, 3, 1)): 1.07,
    ("USD", date(2026, 5, 1)): 0.333,
}
RATES_FRAME = pl.DataFrame(
    [(*key, rate) for key, rate in RATES.items()],
    schema={"currency": pl.String, "month": pl.Date, "rate": pl.Float64},
    orient="row",
)


def frame(stretches):
    rows = [tuple(getattr(s, name) for name in SCHEMA) for s in stretches]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(mrr_local="mrr")


def by_account(found):
    """The frame as the oracle tells it."""
    told = {}
    for row in found.iter_rows(named=True):
        what = told.setdefault(
            (row["month"], row["account_id"]),
            {"opening": 0, "closing": 0, "fx": 0, "moved": {}, "was": None, "now": None},
        )
        for name in ("opening", "closing", "fx"):
            what[name] += row[name]
        what["state"] = row["state"]
        if row["opening_status"] is not None:
            what["was"], what["now"] = row["opening_status"], row["closing_status"]
        if row["movement"] != "unchanged":
            assert row["movement"] not in what["moved"]
            what["moved"][row["movement"]] = row["amount"]
    return told


def expected(stretches, **options):
    return without_plans(account_months(stretches, since=SINCE, until=UNTIL, **options))


def without_plans(months):
    return {key: {k: v for k, v in what.items() if not k.startswith("plan_")} for key, what in months.items()}


def without_usage(found):
    """Rows that are there for metered use alone are not the oracle's."""
    quiet = (pl.col("opening_status") == "absent") & (pl.col("movement") == "unchanged") & (pl.col("closing") == 0)
    return found.filter(~quiet.fill_null(False))


EVERYBODY = [f"{letter}{place}" for place in range(BESIDE) for letter in "abcdefgh"]
PARENTS = {
    f"{child}{place}": f"{parent}{place}"
    for child, parent in (("b", "a"), ("c", "a"), ("f", "e"))
    for place in range(BESIDE)
}
PARENTS_FRAME = pl.DataFrame({"account_id": EVERYBODY, "parent_id": [PARENTS.get(account) for account in EVERYBODY]})


def agrees(stretches, as_of, limits):
    found = account_movements(frame(stretches), since=SINCE, until=UNTIL, as_of=as_of, **limits)
    assert by_account(without_usage(found)) == expected(stretches, as_of=as_of, **limits)


def agrees_with_exchange_rates(stretches, as_of, limits):
    options = {"as_of": as_of, **limits}
    found = account_movements(frame(stretches), since=SINCE, until=UNTIL, fx_rates=RATES_FRAME, **options)
    assert by_account(without_usage(found)) == expected(stretches, rates=RATES, **options)


def agrees_for_groups(stretches, as_of, limits):
    options = {"as_of": as_of, **limits}
    group = {"unit": "parent_id", "accounts": PARENTS_FRAME}
    found = account_movements(frame(stretches), since=SINCE, until=UNTIL, **group, **options)
    assert by_account(without_usage(found)) == expected(stretches, parents=PARENTS, **options)


def agrees_for_one_plan(stretches, as_of, limits):
    options = {"since": SINCE, "until": UNTIL, "as_of": as_of, **limits}
    found = account_movements(frame(stretches), plans=["Pro"], **options)
    months = placed(account_months(stretches, **options), ["Pro"])
    assert by_account(without_usage(found.filter(pl.col("movement") != "elsewhere"))) == without_plans(months)


MODES = [agrees_with_exchange_rates, agrees_for_groups, agrees_for_one_plan]


@settings(max_examples=(500 if browser.thorough() else 250) // BESIDE, deadline=None)
@given(several, todays, limits)
def test_movements_agree_with_plain_loops_on_hundreds_of_companies(stretches, as_of, limits):
    agrees(stretches, as_of, limits)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=100 // BESIDE, deadline=None)
@given(several, todays, limits)
def test_movements_agree_with_plain_loops_on_100_companies(mode, stretches, as_of, limits):
    mode(stretches, as_of, limits)


@settings(max_examples=20, deadline=None)
@given(companies, todays, st.sampled_from([None, RATES_FRAME]), st.sampled_from([None, ["Pro"], ["Pro", "Team"], []]))
def test_opening_and_movements_make_the_closing_which_is_the_next_opening(stretches, as_of, fx_rates, plans):
    found = account_movements(frame(stretches), since=SINCE, until=UNTIL, as_of=as_of, fx_rates=fx_rates, plans=plans)
    sums = movements(found)
    gained = sums.select(pl.sum_horizontal("opening", *GAINS, "fx")).to_series()
    lost = sums.select(pl.sum_horizontal(*LOSSES)).to_series()
    assert (gained - lost).to_list() == sums["closing"].to_list()
    assert sums["opening"].to_list()[1:] == sums["closing"].to_list()[:-1]
    came = sums.select(pl.sum_horizontal("accounts_opening", *(f"accounts_{w}" for w in ARRIVALS))).to_series()
    went = sums.select(pl.sum_horizontal(*(f"accounts_{w}" for w in DEPARTURES))).to_series()
    assert (came - went).to_list() == sums["accounts_closing"].to_list()
    assert sums["accounts_opening"].to_list()[1:] == sums["accounts_closing"].to_list()[:-1]
    assert found["amount"].min() is None or found["amount"].min() >= 0


@settings(max_examples=20, deadline=None)
@given(companies, companies, todays)
def test_nothing_dated_after_as_of_changes_a_number(stretches, more, as_of):
    later = [
        replace(s, started_on=s.started_on + timedelta(days=400), ended_on=None) for s in more if s.started_on <= as_of
    ]
    planned = [
        replace(s, ended_on=as_of + timedelta(days=20), end_kind="requested", past_due_since=as_of + timedelta(days=1))
        if s.ended_on is None
        else s
        for s in stretches
    ]
    now = account_movements(frame(stretches), since=SINCE, until=UNTIL, as_of=as_of)
    assert account_movements(frame(planned + later), since=SINCE, until=UNTIL, as_of=as_of).equals(now)


@settings(max_examples=20, deadline=None)
@given(companies, todays)
def test_the_order_of_rows_and_laziness_change_nothing(stretches, as_of):
    options = {"since": SINCE, "until": UNTIL, "as_of": as_of}
    straight = account_movements(frame(stretches), **options)
    assert account_movements(frame(stretches[::-1]).lazy(), **options).equals(straight)


@settings(max_examples=20, deadline=None)
@given(companies)
def test_a_final_month_stays_as_it_is_as_days_go_by(stretches):
    """With ends and requests known on their day, what was final on 1 March is the same on 20 May."""
    early, late = (
        account_movements(frame(stretches), since=SINCE, until=date(2026, 2, 28), as_of=as_of)
        for as_of in (date(2026, 3, 1), date(2026, 5, 20))
    )
    key = ["month", "account_id", "opening", "closing", "movement", "amount"]
    sure = early.filter(pl.col("state") == "final", ~pl.col("account_id").is_in(_unsettled(stretches)))
    assert sure.select(key).join(late.select(key), on=key, how="anti").is_empty()


def _unsettled(stretches):
    """Accounts with a mistake ended after 1 March: a correction reaches back, by design."""
    return [s.account_id for s in stretches if s.end_kind == "mistake" and s.ended_on > date(2026, 3, 1)]
