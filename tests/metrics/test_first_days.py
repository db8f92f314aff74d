"""First days of use and of value, against plain loops over every day."""

from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.first_days import first_uses, first_value_days
from metrics.value_use import last_value_day, value_active

START = date(2026, 1, 1)
RULES = pl.DataFrame(
    {"feature": ["call", "mail", "login"], "is_value": [True, True, False], "min_28_days": [3.0, None, 1.0]}
)
SCHEMA = {
    "account_id": pl.String,
    "user_id": pl.String,
    "feature": pl.String,
    "day": pl.Date,
    "uses": pl.Int64,
    "quantity": pl.Float64,
}
USE = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from(["u", "v", None]),
    st.sampled_from(["call", "mail", "login"]),
    st.integers(0, 70).map(lambda n: START + timedelta(days=n)),
    st.integers(1, 3),
    st.sampled_from([None, 0.5, 1.0, 4.0]),
)


def daily(uses) -> pl.DataFrame:
    once = {row[:4]: row for row in uses}  # a person uses a feature once a day: one row
    return pl.DataFrame(list(once.values()), schema=SCHEMA, orient="row")


def day_by_day(uses: pl.DataFrame, as_of: date) -> dict[str, date]:
    """The first day on which ``value_active`` says so, asked of every day in turn."""
    found: dict[str, date] = {}
    day = START
    while day <= as_of:
        active = value_active(uses, RULES, as_of=day).filter("active")["account_id"]
        for account in active:
            found.setdefault(account, day)
        day += timedelta(days=1)
    return found


@settings(max_examples=40, deadline=None)
@given(st.lists(USE, max_size=25), st.integers(0, 75))
def test_first_value_is_the_first_day_that_value_active_says_so(uses, age):
    as_of, rows = START + timedelta(days=age), daily(uses)
    found = dict(first_value_days(rows, RULES, as_of=as_of).iter_rows())
    assert found == day_by_day(rows, as_of)
    last = dict(last_value_day(rows, RULES, as_of=as_of).iter_rows())
    assert found.keys() == last.keys()
    assert all(found[account] <= last[account] for account in found)


@given(st.lists(USE, max_size=25), st.integers(0, 75))
def test_first_uses_are_the_least_days(uses, age):
    as_of, least = START + timedelta(days=age), {}
    for account, _, feature, day, *_ in uses:
        if day <= as_of:
            least[account, feature] = min(day, least.get((account, feature), day))
    found = first_uses(daily(uses), as_of=as_of)
    assert {(account, feature): day for account, feature, day in found.iter_rows()} == least


def test_a_row_without_uses_is_no_use():
    rows = pl.DataFrame([("a", "u", "call", START, 0, None)], schema=SCHEMA, orient="row")
    assert first_uses(rows, as_of=START).is_empty()


def test_an_integrations_use_is_its_own_and_not_added_to_a_persons():
    rows = daily([("a", None, "call", START, 2, None), ("a", "u", "call", START, 2, None)])
    assert first_value_days(rows, RULES, as_of=START).is_empty()
    more = pl.concat([rows, daily([("a", None, "call", START + timedelta(days=1), 1, None)])])
    assert first_value_days(more, RULES, as_of=START + timedelta(days=9)).row(0) == ("a", date(2026, 1, 2))


def test_the_window_holds_28_days_and_not_29():
    for apart, value in ((27, True), (28, False)):
        rows = daily([("a", "u", "call", START, 2, None), ("a", "u", "call", START + timedelta(days=apart), 1, None)])
        assert (not first_value_days(rows, RULES, as_of=START + timedelta(days=90)).is_empty()) == value


def test_without_features_every_use_is_value_from_the_first_on():
    rows = daily([("a", "u", "whatever", START + timedelta(days=5), 1, None)])
    assert first_value_days(rows, None, as_of=START + timedelta(days=9)).row(0) == ("a", date(2026, 1, 6))
    assert first_value_days(rows.clear(), None, as_of=START).is_empty()
