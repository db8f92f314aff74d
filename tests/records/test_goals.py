"""Goals and champions: typed in, changed, taken back; a typed name can be erased."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from records import goals
from records.errors import ChangedMeanwhile, NotAccepted
from records.goals import Goal
from tests.records.conftest import Records

pytestmark = pytest.mark.postgres
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
ids = map("a{}".format, count(1))


def type_in(records: Records, account: str, goal: Goal | None, **more: Any) -> int:
    """One goal, at noon."""
    return goals.set_goal(records.engine, account_id=account, goal=goal, **{"author": "ada", "now": NOON, **more})


def test_a_goal_with_a_champion_from_the_people_or_by_name(empty: Records) -> None:
    assert goals.current(empty.engine).is_empty()
    assert goals.version(empty.engine) == 0
    type_in(empty, "a", Goal("Half the paperwork\nby spring", champion_id="u7"))
    type_in(empty, "b", Goal(champion="Zoë Ng"), author="bo")
    assert goals.current(empty.engine).rows() == [
        ("a", "Half the paperwork\nby spring", "u7", None, "ada", NOON),
        ("b", None, None, "Zoë Ng", "bo", NOON),
    ]
    assert goals.current(empty.engine, "b")["account_id"].to_list() == ["b"]


def test_one_taken_back_stays_in_the_history(records: Records) -> None:
    account = next(ids)
    first = type_in(records, account, Goal("grow", champion="Zoë Ng"))
    second = type_in(records, account, None)
    assert goals.current(records.engine, account).is_empty()
    assert goals.history(records.engine, account).rows() == [
        (second, None, None, None, "ada", NOON),
        (first, "grow", None, "Zoë Ng", "ada", NOON),
    ]


VALUES = st.one_of(
    st.none(),
    st.builds(Goal, st.sampled_from(["save", "grow"]), st.sampled_from(["u1", None]), st.none()),
    st.builds(Goal, st.none(), st.none(), st.sampled_from(["Zoë", "Ng"])),
)


@given(saves=st.lists(VALUES, max_size=8))
@limits(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_changes_the_last_counts_and_all_are_kept(records: Records, saves: list[Goal | None]) -> None:
    account = next(ids)
    for value in saves:
        type_in(records, account, value)
    found = goals.current(records.engine, account).select("goal", "champion_id", "champion").rows()
    last = saves[-1] if saves else None
    assert found == ([] if last is None else [tuple(last)])
    history = goals.history(records.engine, account).select("goal", "champion_id", "champion").rows()
    assert history == [tuple(value or Goal()) for value in saves][::-1]


def test_whoever_has_not_seen_the_latest_is_told(records: Records) -> None:
    account, seen = next(ids), goals.version(records.engine)
    first = type_in(records, account, Goal("save", champion="Zoë"), seen=seen)
    assert type_in(records, account, Goal("save", champion="Zoë"), seen=seen) == first
    with pytest.raises(ChangedMeanwhile, match="ada changed this"):
        type_in(records, account, Goal("grow"), author="bo", seen=seen)


@pytest.mark.parametrize(
    ("goal", "says"),
    [
        (Goal(), "Neither a goal nor a champion"),
        (Goal("  "), "The goal is empty"),
        (Goal("x" * 2_001), "The goal has 2,001 characters"),
        (Goal("a\0b"), r"U\+0000"),
        (Goal(champion="Zoë\nNg"), r"The champion's name has a character that no text has: U\+000A"),
        (Goal(champion=""), "The champion's name is empty"),
        (Goal("save", "u1", "Zoë"), "both one of their people and a name"),
        (Goal(champion_id="x" * 501), "user_id has 501 characters"),
    ],
)
def test_what_is_no_goal_is_named(records: Records, goal: Goal, says: str) -> None:
    with pytest.raises(NotAccepted, match=says):
        type_in(records, next(ids), goal)
