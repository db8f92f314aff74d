"""Loyalty: the top tenth, tenure and anniversaries; against plain loops and literal numbers."""

import calendar
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.loyalty import anniversaries, loyalty, tenure, top_accounts

AS_OF = date(2026, 11, 22)


def lines(*rows, kind: str = "paid") -> pl.DataFrame:
    """Account, MRR, first day, first day not served."""
    schema = {"account_id": pl.String, "mrr": pl.Int64, "started_on": pl.Date, "ended_on": pl.Date}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_row_index("n")
    return frame.with_columns(
        kind=pl.lit(kind), plan=pl.lit("Team"), subscription_id=pl.concat_str(pl.lit("s"), "account_id")
    ).drop("n")


def here(*pays: int, started: date = date(2025, 1, 1)) -> pl.DataFrame:
    return lines(*((f"a{place:03}", mrr, started, None) for place, mrr in enumerate(pays)))


def since(started: date, as_of: date) -> dict[str, object]:
    return tenure(lines(("a", 100, started, None)), as_of=as_of).row(0, named=True)


@pytest.mark.parametrize(
    ("as_of", "years", "on", "which"),
    [
        (date(2024, 2, 29), 0, date(2025, 2, 28), 1),
        (date(2025, 2, 27), 0, date(2025, 2, 28), 1),
        (date(2025, 2, 28), 1, date(2025, 2, 28), 1),
        (date(2025, 3, 1), 1, date(2026, 2, 28), 2),
        (date(2028, 2, 28), 3, date(2028, 2, 29), 4),
        (date(2028, 2, 29), 4, date(2028, 2, 29), 4),
        (date(2028, 3, 1), 4, date(2029, 2, 28), 5),
    ],
)
def test_who_began_on_29_february_has_an_anniversary_every_year(as_of, years, on, which):
    found = since(date(2024, 2, 29), as_of)
    assert (found["years"], found["anniversary_on"], found["anniversary"]) == (years, on, which)


@given(st.dates(date(2016, 1, 1), date(2026, 1, 1)), st.integers(0, 4000))
def test_years_and_anniversaries_are_what_a_calendar_says(started, age):
    as_of = started + timedelta(days=age)

    def in_year(year: int) -> date:
        return started.replace(year=year, day=min(started.day, calendar.monthrange(year, started.month)[1]))

    coming = next(year for year in range(started.year + 1, 2050) if in_year(year) >= as_of)
    found = since(started, as_of)
    assert found["anniversary_on"] == in_year(coming)
    assert found["anniversary"] == coming - started.year
    passed = sum(in_year(year) <= as_of for year in range(started.year + 1, 2050))
    assert (found["years"], found["days"]) == (passed, age)


def test_a_customer_who_came_back_is_one_since_the_first_day_and_unbroken_since_the_return():
    rows = lines(("a", 100, date(2020, 5, 1), date(2021, 5, 1)), ("a", 100, date(2024, 6, 1), None))
    found = tenure(rows, as_of=AS_OF).row(0, named=True)
    assert (found["customer_since"], found["paying_since"], found["years"]) == (date(2020, 5, 1), date(2024, 6, 1), 6)


def test_who_is_gone_or_on_trial_or_pays_nothing_has_no_tenure():
    rows = pl.concat([lines(("gone", 100, date(2020, 1, 1), date(2025, 1, 1)), ("nil", 0, date(2020, 1, 1), None)),
                      lines(("try", 0, date(2026, 11, 1), None), kind="trial"),
                      lines(("later", 100, AS_OF + timedelta(days=1), None))])  # fmt: skip
    assert tenure(rows, as_of=AS_OF).is_empty()
    summary = loyalty(tenure(rows, as_of=AS_OF)).row(0, named=True)
    assert summary == {"accounts": 0, "mrr": 0, "top": 0, "top_mrr": 0, "top_share": None, "median_days": None,
                       "top_median_days": None}  # fmt: skip
    assert top_accounts(tenure(rows, as_of=AS_OF)).is_empty()
    assert anniversaries(tenure(rows, as_of=AS_OF), as_of=AS_OF).is_empty()


def test_an_amount_that_is_not_known_has_tenure_and_no_place_in_the_top():
    rows = lines(("a", None, date(2025, 1, 1), None), ("b", 100, date(2025, 1, 1), None))
    found = tenure(rows, as_of=AS_OF)
    assert found.select("account_id", "customer_since").rows() == [("a", date(2025, 1, 1)), ("b", date(2025, 1, 1))]
    assert top_accounts(found)["account_id"].to_list() == ["b"]


@pytest.mark.parametrize(
    ("pays", "top"),
    [
        ((500,), 1),
        (tuple(range(1, 11)), 1),
        (tuple(range(1, 12)), 2),
        (tuple(range(1, 21)), 2),
        ((9, 9, 9, *range(1, 8)), 3),
        ((7,) * 30, 30),
        ((9, *(8,) * 3, *(1,) * 16), 4),
    ],
)
def test_the_top_tenth_is_rounded_up_and_those_who_pay_as_much_as_the_last_of_it_are_in(pays, top):
    assert top_accounts(tenure(here(*pays), as_of=AS_OF)).height == top


def test_ranks_are_shared_and_shares_are_of_all_revenue():
    found = top_accounts(tenure(here(400, 300, 300, *(0,) * 3), as_of=AS_OF), share=0.5)
    assert found["rank"].to_list() == [1, 2, 2]
    assert found["of_mrr"].to_list() == pytest.approx([0.4, 0.3, 0.3])
    assert found["running_share"].to_list() == pytest.approx([0.4, 0.7, 1.0])


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.sampled_from([0.1, 0.2, 0.5, 1.0]))
def test_nobody_outside_the_top_pays_more_than_anybody_in_it(pays, share):
    everybody = tenure(here(*pays), as_of=AS_OF)
    found, summary = top_accounts(everybody, share=share), loyalty(everybody, share=share).row(0, named=True)
    ordered = sorted(pays, reverse=True)
    least = ordered[-(-len(pays) * round(share * 10) // 10) - 1]
    assert sorted(found["mrr"], reverse=True) == [mrr for mrr in ordered if mrr >= least]
    assert found["running_share"].is_sorted()
    assert found["rank"].to_list() == [1 + sum(other > mrr for other in pays) for mrr in found["mrr"]]
    assert summary["top_mrr"] == found["mrr"].sum()
    assert summary["top_share"] == pytest.approx(found["running_share"][-1])
    assert summary["mrr"] == sum(pays)


def test_anniversaries_come_from_today_to_the_last_day_asked_for():
    days = (date(2024, 11, 21), date(2024, 11, 22), date(2020, 12, 22), date(2025, 12, 23), AS_OF)
    rows = lines(*((f"a{place}", 100, day, None) for place, day in enumerate(days)))
    found = anniversaries(tenure(rows, as_of=AS_OF), as_of=AS_OF, days=30)
    assert found.select("account_id", "anniversary_on", "anniversary").rows() == [
        ("a1", date(2026, 11, 22), 2),
        ("a2", date(2026, 12, 22), 6),
    ]


def test_a_later_row_changes_no_tenure():
    rows = here(100, 200)
    later = lines(("a000", 900, AS_OF + timedelta(days=1), None), ("new", 900, AS_OF + timedelta(days=1), None))
    assert tenure(rows, as_of=AS_OF).equals(tenure(pl.concat([rows, later]), as_of=AS_OF))
    ending = rows.with_columns(ended_on=pl.lit(AS_OF + timedelta(days=1)))
    assert tenure(ending, as_of=AS_OF).equals(tenure(rows, as_of=AS_OF))
