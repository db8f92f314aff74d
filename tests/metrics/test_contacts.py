"""The communication calendar, against plain loops and literal numbers."""

import statistics
from datetime import date, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.contacts import account_calendar, calendar, contacts, next_renewals

AS_OF = date(2026, 6, 10)  # a Wednesday


def touches(*rows) -> pl.DataFrame:
    schema = {"account_id": pl.String, "direction": pl.String, "occurred_at": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")


def lines(*rows, started: date = date(2024, 1, 1)) -> pl.DataFrame:
    """Paid lines: account, MRR, renewal day."""
    schema = {"account_id": pl.String, "mrr": pl.Int64, "renews_on": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row").with_row_index("n").select(
        "account_id", "mrr", "renews_on", subscription_id=pl.concat_str("account_id", "n"), kind=pl.lit("paid"),
        plan=pl.lit("Team"), started_on=pl.lit(started), ended_on=pl.lit(None, pl.Date),
        cancel_requested_at=pl.lit(None, pl.Date),
    )  # fmt: skip


def regular(account: str, last: date, gap: int, count: int) -> list[tuple[str, str, date]]:
    return [(account, "out", last - timedelta(days=gap * place)) for place in range(count)]


def one(found: pl.DataFrame, account: str) -> dict[str, object]:
    return found.row(by_predicate=pl.col("account_id") == account, named=True)


ABC = lines(("a", 100, None), ("b", 200, None), ("c", 300, None))


def test_first_last_and_next_contact_by_direction():
    rows = touches(
        ("a", "out", date(2026, 1, 5)), ("a", "in", date(2026, 5, 1)), ("a", "in", date(2026, 5, 1)),
        ("a", "out", date(2026, 4, 1)), ("a", "out", date(2026, 7, 2)), ("a", "out", date(2026, 6, 11)),
        ("b", "out", date(2026, 6, 11)),
    )  # fmt: skip
    found = contacts(rows, ABC, as_of=AS_OF)
    a, b, c = (one(found, name) for name in "abc")
    assert (a["first_contact_on"], a["last_contact_on"], a["next_contact_on"]) == (
        date(2026, 1, 5),
        date(2026, 5, 1),
        date(2026, 6, 11),
    )
    assert (a["last_in_on"], a["last_out_on"], a["contacts"]) == (date(2026, 5, 1), date(2026, 4, 1), 3)
    assert (a["days_silent"], a["rhythm_days"], a["own_rhythm"]) == (40, 30.0, False)
    assert (b["contacts"], b["last_contact_on"], b["next_contact_on"], b["overdue"]) == (
        0,
        None,
        date(2026, 6, 11),
        None,
    )
    assert (c["contacts"], c["next_contact_on"], c["days_silent"]) == (0, None, None)


def test_silence_is_overdue_beyond_three_times_the_rhythm():
    for days, overdue in ((60, False), (61, True)):
        last = AS_OF - timedelta(days=days)
        found = one(contacts(touches(*regular("a", last, 20, 4)), ABC, as_of=AS_OF), "a")
        assert (found["rhythm_days"], found["own_rhythm"], found["overdue"]) == (20.0, True, overdue)
        assert found["ratio"] == days / 20


def test_an_account_with_few_contacts_has_the_median_rhythm_of_those_with_many():
    rows = touches(
        *regular("a", date(2026, 6, 1), 20, 5), *regular("b", date(2026, 6, 1), 41, 5), ("c", "in", date(2026, 6, 1))
    )
    found = contacts(rows, ABC, as_of=AS_OF)
    assert [one(found, name)["rhythm_days"] for name in "abc"] == [20.0, 41.0, 30.0]
    more = contacts(pl.concat([rows, touches(*regular("d", date(2026, 6, 1), 60, 5))]), ABC, as_of=AS_OF)
    assert one(more, "c")["rhythm_days"] == 41.0


def test_a_contact_of_today_counts_and_one_planned_does_not_end_a_silence():
    rows = touches(*regular("a", AS_OF - timedelta(days=90), 20, 4))
    planned = touches(("a", "out", AS_OF + timedelta(days=1)))
    assert one(contacts(pl.concat([rows, planned]), ABC, as_of=AS_OF), "a")["overdue"]
    today = touches(("a", "out", AS_OF))
    assert one(contacts(pl.concat([rows, today]), ABC, as_of=AS_OF), "a")["days_silent"] == 0


def test_only_accounts_served_stand_in_the_calendar_the_longest_silent_first():
    rows = touches(("gone", "in", date(2026, 6, 1)), ("b", "in", date(2026, 6, 1)), ("a", "in", date(2026, 5, 1)))
    assert contacts(rows, ABC, as_of=AS_OF)["account_id"].to_list() == ["a", "b", "c"]
    assert contacts(None, ABC, as_of=AS_OF)["contacts"].to_list() == [0, 0, 0]
    assert contacts(rows, ABC.clear(), as_of=AS_OF).is_empty()


def test_the_day_of_a_contact_is_that_of_the_organisations_time_zone():
    rows = pl.DataFrame({"account_id": ["a"], "direction": ["in"], "occurred_at": [datetime(2026, 6, 9, 22, 30)]})
    berlin = rows.with_columns(pl.col("occurred_at").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin"))
    assert one(contacts(berlin, ABC, as_of=AS_OF), "a")["last_contact_on"] == AS_OF


TOUCH = st.tuples(
    st.sampled_from("abcd"), st.sampled_from(["in", "out"]), st.integers(-500, 60).map(lambda n: AS_OF + timedelta(n))
)


@given(st.lists(TOUCH, max_size=30))
def test_contacts_are_what_loops_over_touches_find(rows):
    found = contacts(touches(*rows), ABC, as_of=AS_OF)
    rhythms = {}
    for account in "abcd":
        days = sorted({on for name, _, on in rows if name == account and on <= AS_OF})
        pairs = pairwise(days)
        gaps = [(b - a).days for a, b in pairs if a > AS_OF - timedelta(days=365)]
        if len(gaps) >= 3:
            rhythms[account] = min(max(statistics.median(gaps), 14.0), 90.0)
    usual = pl.Series([statistics.median(rhythms.values())]).round()[0] if rhythms else 30
    for row in found.to_dicts():
        mine = [(way, on) for name, way, on in rows if name == row["account_id"]]
        had = sorted({on for _, on in mine if on <= AS_OF})
        assert row["contacts"] == len(had)
        assert row["first_contact_on"] == min(had, default=None)
        assert row["last_contact_on"] == max(had, default=None)
        assert row["last_in_on"] == max((on for way, on in mine if way == "in" and on <= AS_OF), default=None)
        assert row["last_out_on"] == max((on for way, on in mine if way == "out" and on <= AS_OF), default=None)
        assert row["next_contact_on"] == min((on for _, on in mine if on > AS_OF), default=None)
        if had:
            rhythm = rhythms.get(row["account_id"], usual)
            assert row["rhythm_days"] == rhythm
            assert row["own_rhythm"] == (row["account_id"] in rhythms)
            assert row["overdue"] == ((AS_OF - had[-1]).days / rhythm > 3)
        else:
            assert row["overdue"] is None


@given(st.lists(TOUCH, max_size=20), st.lists(TOUCH, max_size=5))
def test_later_contacts_change_nothing_but_what_is_planned(rows, more):
    later = [row for row in more if row[2] > AS_OF]
    before, after = (contacts(touches(*some), ABC, as_of=AS_OF) for some in (rows, rows + later))
    assert before.drop("next_contact_on").equals(after.drop("next_contact_on"))


# --- renewals by week -------------------------------------------------------------------------------------------


DUE = lines(
    ("a", 100, date(2026, 6, 9)), ("a", 150, date(2026, 6, 10)), ("b", 200, date(2026, 6, 14)),
    ("c", 300, date(2026, 6, 15)), ("c", 50, date(2026, 6, 16)), ("d", 400, date(2026, 6, 28)),
    ("e", 500, date(2026, 6, 29)),
)  # fmt: skip


def test_renewals_by_week_say_whether_there_is_contact():
    rows = touches(
        ("a", "in", AS_OF - timedelta(days=30)), ("b", "in", AS_OF - timedelta(days=31)),
        ("b", "out", date(2026, 6, 14)), ("c", "out", date(2026, 6, 17)),
    )  # fmt: skip
    detail = account_calendar(rows, DUE, as_of=AS_OF, weeks=3)
    assert detail.select("week", "account_id", "mrr", "contacted", "planned_on").rows() == [
        (date(2026, 6, 8), "a", 150, True, None),
        (date(2026, 6, 8), "b", 200, False, date(2026, 6, 14)),
        (date(2026, 6, 15), "c", 300, False, None),
        (date(2026, 6, 15), "c", 50, False, None),
        (date(2026, 6, 22), "d", 400, False, None),
    ]
    assert calendar(detail, as_of=AS_OF, weeks=3).rows() == [
        (date(2026, 6, 8), 2, 350, 1, 150, 1, 200, 1, "provisional"),
        (date(2026, 6, 15), 1, 350, 0, 0, 1, 350, 0, "final"),
        (date(2026, 6, 22), 1, 400, 0, 0, 1, 400, 0, "final"),
    ]


def test_weeks_begin_where_the_organisations_weeks_begin():
    detail = account_calendar(None, DUE, as_of=AS_OF, weeks=2, week_start="sunday")
    weeks = calendar(detail, as_of=AS_OF, weeks=2, week_start="sunday")
    assert weeks.select("week", "mrr").rows() == [(date(2026, 6, 7), 150), (date(2026, 6, 14), 550)]


def test_weeks_without_a_renewal_stand_there_empty():
    weeks = calendar(account_calendar(None, ABC, as_of=AS_OF, weeks=2), as_of=AS_OF, weeks=2)
    assert weeks.select("week", "accounts", "mrr", "silent").rows() == [
        (date(2026, 6, 8), 0, 0, 0),
        (date(2026, 6, 15), 0, 0, 0),
    ]


def test_a_contract_that_is_cancelled_still_comes_up_and_says_what_is_leaving():
    asked = DUE.with_columns(cancel_requested_at=pl.when(pl.col("account_id") == "b").then(date(2026, 6, 1)))
    detail = account_calendar(None, asked, as_of=AS_OF, weeks=1)
    assert detail.select("account_id", "mrr", "leaving").rows() == [("a", 150, 0), ("b", 200, 200)]


def test_the_next_renewal_is_today_at_the_earliest_and_29_february_is_one():
    assert dict(next_renewals(DUE, as_of=AS_OF).iter_rows())["a"] == date(2026, 6, 10)
    leap = lines(("a", 100, date(2028, 2, 29)))
    assert next_renewals(leap, as_of=date(2028, 2, 29)).row(0) == ("a", date(2028, 2, 29))
    assert next_renewals(leap, as_of=date(2028, 3, 1)).is_empty()


WEEKDAYS = ["monday", "sunday"]
RENEWAL = st.tuples(
    st.sampled_from("abcd"), st.integers(1, 900), st.integers(-20, 80).map(lambda n: AS_OF + timedelta(days=n))
)


@given(
    st.lists(RENEWAL, max_size=12),
    st.lists(TOUCH, max_size=12),
    st.integers(1, 8),
    st.sampled_from(["monday", "sunday"]),
)
def test_weeks_add_up_to_the_renewals_in_them(renewals, rows, weeks, week_start):
    detail = account_calendar(touches(*rows), lines(*renewals), as_of=AS_OF, weeks=weeks, week_start=week_start)
    found = calendar(detail, as_of=AS_OF, weeks=weeks, week_start=week_start)
    assert found.height == weeks
    assert (found["week"].diff().drop_nulls() == timedelta(days=7)).all()
    assert (found["contacted_mrr"] + found["silent_mrr"]).equals(found["mrr"], check_names=False)
    assert (found["contacted"] + found["silent"]).equals(found["accounts"], check_names=False)
    end = found["week"][-1] + timedelta(days=6)
    inside = [(account, mrr, on) for account, mrr, on in renewals if AS_OF <= on <= end]
    assert found["mrr"].sum() == sum(mrr for _, mrr, _ in inside)
    for row in found.to_dicts():
        mine = [r for r in inside if row["week"] <= r[2] < row["week"] + timedelta(days=7)]
        met = {a for a, _, on in rows if AS_OF - timedelta(days=30) <= on <= AS_OF}
        assert row["accounts"] == len({account for account, _, _ in mine})
        assert row["contacted_mrr"] == sum(mrr for account, mrr, _ in mine if account in met)


def test_an_unknown_first_day_of_the_week_is_refused():
    with pytest.raises(ValueError, match="Hint: "):
        account_calendar(None, DUE, as_of=AS_OF, week_start="someday")
