"""The onboarding funnel, time to value and stuck accounts; against plain loops and literal numbers."""

import statistics
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.onboarding import account_steps, account_value, funnel, stuck, time_to_value

START, AS_OF = date(2026, 1, 1), date(2026, 6, 1)
FEATURES = pl.DataFrame({"feature": ["call", "mail", "log"], "onboarding_step": ["first call", "first mail", None]})
DAY = st.integers(0, 200).map(lambda n: START + timedelta(days=n))


def frame(rows, **schema) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")


def accounts(*rows) -> pl.DataFrame:
    return frame(rows, account_id=pl.String, signed_up_at=pl.Date)


def uses(*rows) -> pl.DataFrame:
    return frame(rows, account_id=pl.String, feature=pl.String, first_on=pl.Date)


def milestones(*rows) -> pl.DataFrame:
    return frame(rows, account_id=pl.String, onboarding_step=pl.String, reached_at=pl.Date)


def values(*rows) -> pl.DataFrame:
    return frame(rows, account_id=pl.String, first_value_on=pl.Date)


def paying(*names: str, mrr: int = 1000, started: date = START, ended: date | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "account_id": names,
            "subscription_id": names,
            "plan": "Team",
            "kind": "paid",
            "mrr": [mrr + place for place in range(len(names))],
            "started_on": started,
            "ended_on": [ended] * len(names),
        },
        schema_overrides={"account_id": pl.String, "subscription_id": pl.String, "ended_on": pl.Date},
    )


def steps(marks, first_uses, who, *, as_of=AS_OF, **how) -> pl.DataFrame:
    return account_steps(marks, first_uses, FEATURES, who, since=START, until=date(2026, 12, 31), as_of=as_of, **how)


COMPANY = {
    "who": st.dictionaries(st.sampled_from("abcdef"), DAY, max_size=6).map(lambda d: accounts(*d.items())),
    "marks": st.lists(st.tuples(st.sampled_from("abcdefx"), st.sampled_from(["go live", "first call"]), DAY)).map(
        lambda rows: milestones(*rows)
    ),
    "first_uses": st.lists(st.tuples(st.sampled_from("abcdefx"), st.sampled_from(["call", "mail", "log"]), DAY)).map(
        lambda rows: uses(*rows)
    ),
}


def by_hand(marks, first_uses, who, as_of, within):
    """``(month, step) -> size, reached, running, median`` by loops over accounts and days."""
    names = dict(FEATURES.drop_nulls().iter_rows())
    reached = {}
    for account, step, on in [
        *marks.iter_rows(),
        *((a, names[f], on) for a, f, on in first_uses.iter_rows() if f in names),
    ]:
        if on <= as_of:
            reached[account, step] = min(on, reached.get((account, step), on))
    cells = {}
    for step in {*names.values(), *(step for _, step in reached)}:
        for account, start in who.iter_rows():
            if start <= as_of:
                on = reached.get((account, step))
                took = None if on is None else max((on - start).days, 0)
                cells.setdefault((start.replace(day=1), step), []).append(
                    (took if took is not None and took <= within else None, (as_of - start).days)
                )
    return {
        key: (
            len(rows),
            sum(took is not None for took, _ in rows),
            sum(took is None and age <= within for took, age in rows),
            kaplan_meier_median([(min(age, within) if took is None else took, took is not None) for took, age in rows]),
        )
        for key, rows in cells.items()
    }


def kaplan_meier_median(rows):
    kept = 1.0
    for day in sorted({at for at, there in rows if there}):
        at_risk = sum(at >= day for at, _ in rows)
        kept *= 1 - sum(at == day and there for at, there in rows) / at_risk
        if kept <= 0.5 + 1e-12:
            return day
    return None


@given(**COMPANY, age=st.integers(0, 260), within=st.sampled_from([0, 30, 90]))
def test_the_funnel_is_what_loops_over_accounts_count(who, marks, first_uses, age, within):
    as_of = START + timedelta(days=age)
    found = funnel(steps(marks, first_uses, who, as_of=as_of, within_days=within))
    rows = found.select("month", "step", "size", "reached", "running", "median_days").rows()
    assert {(month, step): tuple(rest) for month, step, *rest in rows} == by_hand(marks, first_uses, who, as_of, within)


@given(**COMPANY, age=st.integers(0, 200), within=st.sampled_from([30, 90]))
def test_no_later_row_changes_an_earlier_figure(who, marks, first_uses, age, within):
    as_of = START + timedelta(days=age)
    late_marks = pl.concat([marks, milestones(("a", "a new step", as_of + timedelta(days=1)))])
    late_uses = pl.concat([first_uses, uses(("b", "mail", as_of + timedelta(days=1)))])
    late_who = pl.concat([who, accounts(("z", as_of + timedelta(days=1)))])
    before = steps(
        marks.filter(pl.col("reached_at") <= as_of),
        first_uses.filter(pl.col("first_on") <= as_of),
        who.filter(pl.col("signed_up_at") <= as_of),
        as_of=as_of,
        within_days=within,
    )
    after = steps(late_marks, late_uses, late_who, as_of=as_of, within_days=within)
    assert before.equals(after)


@given(**COMPANY, age=st.integers(0, 200), later=st.integers(1, 60))
def test_a_final_row_never_changes_again(who, marks, first_uses, age, later):
    seen = [
        funnel(steps(marks, first_uses, who, as_of=START + timedelta(days=days), within_days=30)).drop("position")
        for days in (age, age + later)
    ]
    final = seen[0].filter(pl.col("state") == "final")
    assert final.sort("month", "step").equals(
        seen[1].join(final, on=["month", "step"], how="semi").sort("month", "step")
    )


@given(**COMPANY, age=st.integers(0, 260))
def test_counts_add_up(who, marks, first_uses, age):
    rows = steps(marks, first_uses, who, as_of=START + timedelta(days=age))
    months, pooled = funnel(rows), funnel(rows, by=None)
    assert (months["reached"] + months["running"] <= months["size"]).all()
    assert (pooled["reached"] <= pooled["size"]).all()
    over = rows.filter("over").group_by("step").len().sort("step")
    assert over["len"].to_list() == [n for n in pooled.sort("step")["size"] if n]
    whole = months.group_by("step").agg(pl.col("size").sum()).sort("step")["size"]
    assert whole.equals((pooled.sort("step")["size"] + pooled.sort("step")["running"]).alias("size"))
    within = pooled.filter(pl.col("rate").is_not_null())
    assert within.filter((pl.col("low") > pl.col("rate")) | (pl.col("high") < pl.col("rate"))).is_empty()
    assert within.filter(pl.col("median_days").is_not_null() != (pl.col("rate") >= 0.5)).is_empty()


def test_a_step_comes_by_use_or_by_milestone_whichever_is_first_and_before_sign_up_is_day_0():
    who = accounts(("a", date(2026, 2, 10)), ("b", date(2026, 2, 10)))
    marks = milestones(("a", "first call", date(2026, 2, 12)), ("b", "go live", date(2026, 1, 5)))
    rows = steps(marks, uses(("a", "call", date(2026, 2, 20)), ("a", "log", date(2026, 2, 10))), who)
    days = {(row["account_id"], row["step"]): row["days"] for row in rows.to_dicts()}
    assert days[("a", "first call")] == 2
    assert days[("b", "go live")] == 0
    assert days[("a", "go live")] is None
    assert set(rows["step"]) == {"first call", "first mail", "go live"}


def test_steps_stand_in_the_order_in_which_accounts_reach_them():
    who = accounts(*((name, START) for name in "abc"))
    marks = milestones(("a", "go live", date(2026, 1, 3)), ("b", "go live", date(2026, 1, 5)))
    found = steps(marks, uses(("a", "call", date(2026, 1, 2))), who).filter(pl.col("account_id") == "a")
    assert found.sort("position")["step"].to_list() == ["first call", "go live", "first mail"]


def test_the_last_day_counts_and_is_over_only_the_day_after():
    who, on = accounts(("a", START)), uses(("a", "call", date(2026, 1, 31)))
    assert steps(None, on, who, within_days=30).filter(pl.col("step") == "first call")["in_time"].item()
    assert not steps(None, on, who, within_days=29).filter(pl.col("step") == "first call")["in_time"].item()
    assert not steps(None, None, who, as_of=date(2026, 1, 31), within_days=30)["over"].any()
    assert steps(None, None, who, as_of=date(2026, 2, 1), within_days=30)["over"].all()


def test_a_month_is_provisional_while_it_runs_or_an_account_of_it_may_still_get_there():
    who = accounts(("a", date(2026, 1, 5)), ("b", date(2026, 1, 31)))
    on = uses(("a", "call", date(2026, 1, 6)), ("b", "call", date(2026, 1, 31)))

    def state(as_of: date) -> dict[str, str]:
        found = funnel(steps(None, on, who, as_of=as_of, within_days=30))
        return dict(found.select("step", "state").iter_rows())

    assert state(date(2026, 1, 31)) == {"first call": "provisional", "first mail": "provisional"}
    assert state(date(2026, 2, 1)) == {"first call": "final", "first mail": "provisional"}
    assert state(date(2026, 3, 2)) == {"first call": "final", "first mail": "provisional"}
    assert state(date(2026, 3, 3)) == {"first call": "final", "first mail": "final"}


def test_over_all_months_only_accounts_whose_time_is_over_count():
    who = accounts(("a", START), ("b", START), ("c", date(2026, 5, 20)))
    on = uses(("a", "call", date(2026, 1, 3)), ("c", "call", date(2026, 5, 21)))
    row = funnel(steps(None, on, who), by=None).filter(pl.col("step") == "first call").row(0, named=True)
    assert (row["size"], row["reached"], row["rate"], row["median_days"], row["running"]) == (2, 1, 0.5, 2, 1)
    assert (round(row["low"], 4), round(row["high"], 4)) == (0.0945, 0.9055)
    young = funnel(steps(None, on, who.filter(pl.col("account_id") == "c")), by=None).row(0, named=True)
    assert (young["size"], young["rate"], young["low"], young["median_days"], young["running"]) == (
        0,
        None,
        None,
        None,
        1,
    )


def test_without_features_and_milestones_there_is_no_step_and_without_accounts_no_row():
    who = accounts(("a", START))
    empty = account_steps(None, None, None, who, since=START, until=AS_OF, as_of=AS_OF)
    assert funnel(empty).is_empty()
    assert funnel(empty, by=None).is_empty()
    assert stuck(empty, paying("a"), as_of=AS_OF).is_empty()
    nobody = steps(None, None, accounts())
    assert funnel(nobody).is_empty()
    assert time_to_value(account_value(None, accounts(), paying(), since=START, until=AS_OF, as_of=AS_OF)).is_empty()


def test_the_day_is_that_of_the_organisations_time_zone():
    late = datetime(2026, 1, 31, 23, 30)
    who = pl.DataFrame({"account_id": ["a"], "signed_up_at": [late]}).with_columns(
        pl.col("signed_up_at").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    )
    assert steps(None, None, who)["start_on"].unique().to_list() == [date(2026, 2, 1)]


def test_who_signs_up_on_29_february_or_a_month_end_is_of_that_month_and_its_days_are_counted_by_the_calendar():
    who = accounts(("leap", date(2028, 2, 29)), ("end", date(2027, 1, 31)))
    on = uses(("leap", "call", date(2029, 2, 28)), ("end", "call", date(2027, 3, 1)))
    period = {"since": date(2027, 1, 1), "until": date(2028, 2, 29)}

    def rows(as_of: date, within: int) -> dict[str, tuple]:
        found = account_steps(None, on, FEATURES, who, as_of=as_of, within_days=within, **period)
        calls = found.filter(pl.col("step") == "first call")
        return {row[0]: row[1:] for row in calls.select("account_id", "month", "days", "in_time", "over").iter_rows()}

    # From 29 February to 28 February next year are 365 days; from 31 January to 1 March, 29.
    assert rows(date(2029, 3, 1), 365) == {
        "leap": (date(2028, 2, 1), 365, True, True),
        "end": (date(2027, 1, 1), 29, True, True),
    }
    assert rows(date(2029, 2, 28), 364)["leap"] == (date(2028, 2, 1), 365, False, True)
    assert rows(date(2029, 2, 27), 364)["leap"] == (date(2028, 2, 1), None, False, False)


@pytest.mark.parametrize(("as_of", "over"), [(date(2028, 2, 28), False), (date(2028, 2, 29), False),
                                             (date(2028, 3, 1), True)])  # fmt: skip
def test_february_of_a_leap_year_is_over_on_1_march(as_of, over):
    who = accounts(("a", date(2028, 2, 3)))
    found = account_steps(None, None, FEATURES, who, since=date(2028, 2, 1), until=as_of, as_of=as_of)
    assert found["month_over"].unique().to_list() == [over]


# --- value ------------------------------------------------------------------------------------------------------


def test_time_to_value_counts_from_sign_up_or_from_the_first_paid_day():
    who = accounts(("a", START), ("b", START), ("c", START), ("d", date(2025, 12, 1)))
    first = values(("a", date(2026, 1, 5)), ("b", date(2026, 1, 20)), ("d", date(2026, 1, 12)))
    paid = pl.concat([paying("a", "d", started=date(2026, 1, 11)), paying("c", started=date(2026, 1, 11))])
    period = {"since": START, "until": AS_OF, "as_of": AS_OF}
    signed_up = account_value(first, who, paid, **period)
    assert signed_up.select("account_id", "days").rows() == [("a", 4), ("b", 19), ("c", None)]
    assert time_to_value(signed_up).select("month", "size", "reached", "median_days", "state").rows() == [
        (START, 3, 2, 19, "final")
    ]
    first_paid = account_value(first, who, paid, start="first_paid", **period)
    assert first_paid.select("account_id", "days").rows() == [("a", 0), ("c", None), ("d", 1)]
    assert time_to_value(first_paid, by=None).select("size", "reached", "median_days").row(0) == (3, 2, 1)


def test_value_after_as_of_is_not_known_yet():
    rows = account_value(
        values(("a", date(2026, 6, 2))), accounts(("a", START)), paying(), since=START, until=AS_OF, as_of=AS_OF
    )
    assert rows["reached_on"].to_list() == [None]


# --- stuck ------------------------------------------------------------------------------------------------------


def passed(count: int, days: list[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """So many accounts that called on their first day, and mailed so many days later."""
    names = [f"p{place}" for place in range(count)]
    called = [(name, "call", START) for name in names]
    mailed = [(name, "mail", START + timedelta(days=day)) for name, day in zip(names, days, strict=True)]
    return accounts(*((name, START) for name in names)), uses(*called, *mailed)


def test_an_account_is_stuck_from_the_day_after_nine_in_ten_had_passed():
    days = list(range(1, 21))  # the 90th percentile of 1 to 20 is 18.1
    who, first_uses = passed(20, days)
    who = pl.concat([who, accounts(("x", START))])
    first_uses = pl.concat([first_uses, uses(("x", "call", date(2026, 1, 11)))])

    def found(day: date) -> list[tuple[object, ...]]:
        rows = steps(None, first_uses, who, as_of=day)
        return stuck(rows, paying("x"), as_of=day).drop("plan", "standing", "leaving").rows()

    assert found(date(2026, 1, 29)) == []
    assert found(date(2026, 1, 30)) == [("x", "first mail", date(2026, 1, 11), 19, pytest.approx(18.1), 20, 1000)]


def test_a_step_that_fewer_than_twenty_passed_is_not_judged():
    who, first_uses = passed(19, [1] * 19)
    who = pl.concat([who, accounts(("x", START))])
    rows = steps(None, pl.concat([first_uses, uses(("x", "call", START))]), who)
    assert stuck(rows, paying("x"), as_of=AS_OF).is_empty()
    assert stuck(rows, paying("x"), as_of=AS_OF, least=19)["account_id"].to_list() == ["x"]


def test_who_is_done_gone_or_past_a_skipped_step_is_not_stuck():
    who, first_uses = passed(20, [1] * 20)
    who = pl.concat([who, accounts(*((name, START) for name in ("done", "gone", "skipped", "new", "x")))])
    more = uses(
        ("done", "call", START), ("done", "mail", START), ("gone", "call", START), ("x", "call", START),
        ("skipped", "mail", date(2026, 2, 1)),
    )  # fmt: skip
    lines = pl.concat([paying("done", "skipped", "new", "x"), paying("gone", ended=date(2026, 2, 1))])
    rows = steps(None, pl.concat([first_uses, more]), who)
    found = stuck(rows, lines, as_of=AS_OF)
    assert dict(found.select("account_id", "step").iter_rows()) == {"x": "first mail", "new": "first call"}
    assert found["account_id"].to_list() == ["x", "new"]  # the dearest first


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=30), st.integers(0, 60))
def test_stuck_is_what_a_loop_over_accounts_finds(pairs, age):
    as_of = START + timedelta(days=age)
    who = accounts(*((f"a{place}", START) for place in range(len(pairs))))
    first_uses = uses(
        *(
            (f"a{place}", feature, START + timedelta(days=day))
            for place, pair in enumerate(pairs)
            for feature, day in zip(("call", "mail"), pair, strict=True)
        )
    )
    rows = steps(None, first_uses, who, as_of=as_of, within_days=90)
    order = rows.select("step", "position").unique().sort("position")["step"].to_list()
    reached, took, waits = {}, {step: [] for step in order}, {}
    for place, pair in enumerate(pairs):
        reached[place] = {step: day for step, day in zip(("first call", "first mail"), pair, strict=True) if day <= age}
    for place, days in reached.items():
        for k, step in enumerate(order):
            if step in days:
                earlier = [days[s] for s in order[:k] if s in days and days[s] <= days[step]]
                took[step].append(days[step] - max(earlier, default=0))
        furthest = max((order.index(step) for step in days), default=-1)
        if furthest + 1 < len(order):
            waits[place] = (order[furthest + 1], age - max(days.values(), default=0))
    usual = {
        step: statistics.quantiles(found, n=10, method="inclusive")[8] if len(found) > 1 else found[0]
        for step, found in took.items()
        if len(found) >= 2
    }
    wanted = {f"a{place}" for place, (step, days) in waits.items() if step in usual and days > usual[step] + 1e-9}
    found = stuck(rows, paying(*who["account_id"]), as_of=as_of, least=2)
    near = {f"a{place}" for place, (step, days) in waits.items() if step in usual and abs(days - usual[step]) < 1e-6}
    assert set(found["account_id"]) - near == wanted - near
