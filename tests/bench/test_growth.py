"""What grows with what: no question of a page opens daily activity, and the goals are told from what was measured."""

import json
import os
from datetime import date

import pytest
import streamlit as st

if not os.environ.get("CI"):
    pytest.importorskip("duckdb", reason="make bench installs it")

import settings
from bench import growth, pages


@pytest.mark.slow
@pytest.mark.postgres
def test_no_question_of_a_page_opens_the_daily_activity(demo_frames, demo_settings, monkeypatch):
    monkeypatch.setattr(settings, "get", lambda: demo_settings)
    st.cache_data.clear()
    with pages.daily_files() as opened:
        account = demo_frames.accounts.select("account_id").collect().item(0, 0)
        demo_frames.activity(account_id=account, since=date(2026, 1, 1)).collect()
    assert opened  # whoever does is seen
    asked = []
    with pages.daily_files() as opened:
        for name, ask in pages.questions().items():
            arguments = pages.arguments_of(ask, demo_frames)
            if arguments is not None:
                ask(demo_frames, **arguments)
                asked.append(name)
            assert not opened, name
    st.cache_data.clear()
    assert {"onboarding.stuck", "account.timeline", "cohorts.curves", "accounts.book"} <= set(asked)


def row(accounts: int, events: int, *, another_day: float, peak: float, cold: float, daily_files: int = 0) -> dict:
    return {
        "accounts": accounts,
        "events": events,
        "first": {"seconds": events / 1e6, "peak_mb": peak},
        "another_day": {"seconds": another_day},
        "snapshot_mb": 1.0,
        "questions": {"accounts.book": {"cold": cold, "daily_files": daily_files}},
    }


def grid(**last: float) -> growth.Grid:
    few = {"another_day": 1.0, "peak": 300, "cold": 0.1}
    sizes = [(accounts, events) for accounts in (1_000, 10_000) for events in (1_000_000, 3_000_000)]
    rows = [row(*size, **few) for size in sizes]
    most = {"another_day": 1.0, "peak": 300, "cold": 1.0} | last
    return growth.Grid([*rows, row(1_000, 10_000_000, **few), row(10_000, 10_000_000, **most)])


def missed(found: growth.Grid) -> list[str]:
    return [goal["goal"] for goal in growth.goals(found) if not goal["met"]]


@pytest.mark.parametrize(
    ("last", "wrong"),
    [
        ({}, []),
        ({"another_day": 1.29, "peak": 449, "cold": 1.25}, []),
        ({"another_day": 1.31}, ["another day after 10,000,000 events / 1,000,000, 10,000 accounts"]),
        ({"peak": 451}, ["peak of a first refresh of 10,000,000 events / 3,000,000, 10,000 accounts"]),
        ({"cold": 1.3}, ["accounts.book grows with accounts"]),
        ({"daily_files": 1}, ["accounts.book opens files of daily activity"]),
    ],
)
def test_what_grows_too_fast_misses_its_goal(last, wrong):
    assert missed(grid(**last)) == wrong


def test_the_exponent_of_a_cause_is_1_in_proportion_and_0_for_what_does_not_care():
    assert growth.exponent(2.0, 20.0, 10) == 1.0
    assert growth.exponent(2.0, 2.0, 10) == 0.0
    assert growth.exponent(1.0, 100.0, 10) == 2.0
    assert growth.slopes(grid())["first refresh, s"] == {"events": 1.0, "accounts": 0.0}
    assert growth.page_slopes(grid()) == {"accounts.book": {"seconds": 1.0, "events": 1.0, "accounts": 1.0}}


def test_the_table_has_a_line_for_every_company_and_names_what_was_missed():
    found = grid(another_day=2.0)
    told = {"rows": list(found.rows.values()), "slopes": growth.slopes(found), "page_slopes": growth.page_slopes(found)}
    table = "\n".join(growth.lines(told | {"goals": growth.goals(found)}))
    assert table.count("000,000") >= 6
    assert "MISSED another day after 10,000,000 events / 1,000,000, 10,000 accounts: 2 (at most 1.3)" in table


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.postgres
def test_the_same_new_day_comes_to_every_company_and_goes_again(tmp_path):
    told = tmp_path / "growth.json"
    growth.main(["--events", "20000", "40000", "--accounts", "60", "--rounds", "2", "--results", str(told)])
    found = json.loads(told.read_text())
    assert [one["events"] for one in found["rows"]] == [20000, 40000]
    assert [len(one["another_day_all"]) for one in found["rows"]] == [2, 2]
    assert all(one["another_day"]["days_read"] > 0 for one in found["rows"])
    past = found["history"]
    assert past["events"] == [4000, 40000]
    assert [len(all_of) for all_of in past["another_day_all"]] == [2, 2]
    assert found["goals"][-1]["reached"] == past["ratio"] > 0


def test_a_history_that_costs_too_much_misses_its_goal():
    past = {"accounts": 1_000, "events": [1_000_000, 10_000_000]}
    assert growth.of_history(past | {"ratio": 1.3})["met"]
    assert not growth.of_history(past | {"ratio": 1.31})["met"]
