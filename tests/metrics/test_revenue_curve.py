"""The pooled curve of MRR kept, and the accounts behind a cell, against the triangle they belong to."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.revenue import account_movements, revenue_cohorts
from metrics.revenue_curve import revenue_cohort_accounts, revenue_curve

AS_OF = date(2026, 6, 15)
SINCE = date(2026, 1, 1)


def stretch(account, mrr, start, end=None, plan="Team"):
    return {
        "subscription_id": f"{account}-{start}", "account_id": account, "plan": plan, "kind": "paid", "mrr": mrr,
        "started_on": start, "ended_on": end,
    }  # fmt: skip


def moves(*rows):
    return account_movements(pl.DataFrame(list(rows)), since=SINCE, until=AS_OF, as_of=AS_OF)


THREE = [
    stretch("grows", 100, date(2026, 1, 5), date(2026, 3, 1)),
    stretch("grows", 150, date(2026, 3, 1)),
    stretch("leaves", 200, date(2026, 1, 20), date(2026, 4, 1)),
    stretch("young", 300, date(2026, 4, 10), plan="Business"),
]


def test_the_curve_pools_what_accounts_followed_that_long_first_paid_and_pay_then():
    curve = revenue_curve(moves(*THREE)).select("index", "size", "retained", "accounts").rows()
    assert curve == [(0, 600, 600, 3), (1, 600, 600, 3), (2, 300, 350, 2), (3, 300, 150, 2), (4, 300, 150, 2)]


def test_gross_counts_no_account_above_what_it_first_paid():
    curve = revenue_curve(moves(*THREE), kept="gross")
    assert curve["retained"].to_list() == [600, 600, 300, 100, 100]


def test_groups_have_curves_of_their_own():
    curve = revenue_curve(moves(*THREE), segment="plan")
    assert curve.filter(pl.col("plan") == "Business").select("index", "size", "retained").rows() == [
        (0, 300, 300),
        (1, 300, 300),
    ]
    assert curve.filter(pl.col("plan") == "Team").height == 5


def test_under_thirty_accounts_there_is_no_interval_and_from_thirty_on_there_is():
    def company(n):
        leave = [stretch(f"l{k}", 100, date(2026, 1, 3), date(2026, 3, 1)) for k in range(5)]
        return [*leave, *(stretch(f"s{k}", 100, date(2026, 1, 3)) for k in range(n - 5))]

    def at(n):
        return revenue_curve(moves(*company(n))).filter(pl.col("index") == 2).row(0, named=True)

    assert (at(29)["low"], at(29)["high"]) == (None, None)
    thirty = at(30)
    assert thirty["rate"] == pytest.approx(25 / 30)
    assert 0.6 < thirty["low"] < 25 / 30 < thirty["high"] < 1


def test_the_accounts_behind_a_cell_say_what_they_paid_and_pay():
    found = revenue_cohort_accounts(moves(*THREE), cohort=SINCE, index=3)
    assert found.rows() == [("grows", 100, 150), ("leaves", 200, 0)]


def test_nobody_gives_an_empty_curve():
    assert revenue_curve(moves(*THREE).clear()).rows() == []
    assert revenue_curve(moves(*THREE).clear(), segment="plan").columns[:2] == ["plan", "index"]


DAYS = st.dates(date(2025, 11, 1), date(2026, 6, 10))


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 500), DAYS, st.none() | DAYS), min_size=1, max_size=25))
def test_the_curve_is_the_sum_of_the_final_cells_and_accounts_add_up_to_a_cell(drawn):
    last: dict[int, date] = {}
    rows = []
    for account, mrr, start, end in sorted(drawn, key=lambda row: row[2]):
        if last.get(account, date.min) <= start and (end is None or end > start):
            rows.append(stretch(str(account), mrr, start, end))
            last[account] = end or date.max
    found = moves(*rows) if rows else moves(*THREE).clear()
    triangle = revenue_cohorts(found)
    final = triangle.filter((pl.col("state") == "final") & (pl.col("accounts") > 0))
    sums = final.group_by("index").agg(pl.col("size", "retained", "accounts").sum()).sort("index")
    curve = revenue_curve(found).filter(pl.col("accounts") > 0)
    assert curve.select("index", "size", "retained", "accounts").rows() == sums.rows()
    for cell in triangle.filter(pl.col("accounts") > 0).iter_rows(named=True):
        behind = revenue_cohort_accounts(found, cohort=cell["cohort"], index=cell["index"])
        assert (behind["paid"].sum(), behind["pays"].sum()) == (cell["size"], cell["retained"])
