"""First uses and first value, kept from refresh to refresh, are those of all events; and only what is new is read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from queries import first_uses as module
from tests.queries import activity_oracle as oracle
from tests.queries.activity_oracle import Event, World
from tests.queries.test_activity import LONG_AGO, build, insert, put_world, seen
from tests.queries.test_incremental import DAY, START, Life

pytestmark = pytest.mark.postgres
SIGNED_UP = datetime(2026, 1, 10, 12, tzinfo=UTC)


def firsts(company) -> dict[tuple[str, str | None], date]:
    return {(account, feature): day for account, feature, day in company.frames().first_uses.collect().rows()}


def company_of(company, *uses: tuple[datetime, str], at: datetime, least: float = 1.0) -> World:
    """One account that signed up on 10 January and did these things, refreshed."""
    world = World({"a": "active"}, thresholds={"report": least}, signed_up={"a": SIGNED_UP})
    world.events = [Event("a", "a1", feature, when) for when, feature in uses]
    build(company, world)
    company.refresh(at)
    return world


@pytest.mark.parametrize("seed", [3, pytest.param(4, marks=pytest.mark.thorough)])
def test_a_sign_up_that_moves_is_looked_at_from_its_beginning_at_once(company, seed):
    life = Life(company, seed)
    life.world.thresholds = {"report": 9.0}  # reached late, so that it matters from which day on uses count
    life.refresh()
    for _ in range(6):
        life.a_sign_up_moves()
        life.refresh()
        expected = oracle.activity(life.world, "Europe/Berlin", "monday", life.now).first_uses
        assert seen(company).first_uses == expected


def test_use_before_sign_up_is_no_first_use(company):
    company_of(company, (SIGNED_UP - DAY, "login"), (SIGNED_UP + 40 * DAY, "login"), at=SIGNED_UP + 60 * DAY)
    assert firsts(company) == {("a", "login"): date(2026, 2, 19)}


@pytest.mark.parametrize(("after", "is_value"), [(180, True), (181, False)])
def test_a_first_value_is_looked_for_within_180_days_of_sign_up(company, after, is_value):
    late = SIGNED_UP + after * DAY
    company_of(company, (late, "report"), at=late + DAY)
    value = {("a", None): late.date()} if is_value else {}
    assert firsts(company) == {("a", "report"): late.date()} | value


def test_uses_on_both_sides_of_a_month_s_end_add_up_to_value(company):
    uses = [(datetime(2026, 1, 31, 9, tzinfo=UTC), "report"), (datetime(2026, 2, 27, 9, tzinfo=UTC), "report")]
    company_of(company, *uses, at=datetime(2026, 3, 15, tzinfo=UTC), least=2.0)
    assert firsts(company)["a", None] == date(2026, 2, 27)
    put = World({"a": "active"}, thresholds={"report": 2.0}, signed_up={"a": SIGNED_UP})
    company.sql("DELETE FROM events")
    insert(company, [Event("a", "a1", "report", day) for day in (uses[0][0] - DAY, uses[1][0])])
    put_world(company, put)
    company.refresh(datetime(2026, 3, 15, 1, tzinfo=UTC), full=True)
    assert ("a", None) not in firsts(company)  # 29 days apart


def test_only_months_that_changed_are_looked_at_again(company, monkeypatch):
    world = company_of(company, (SIGNED_UP + DAY, "report"), (SIGNED_UP + 30 * DAY, "login"), at=SIGNED_UP + 40 * DAY)
    looked = []
    real = module._of_month
    monkeypatch.setattr(module, "_of_month", lambda *given: looked.append(given[2].month) or real(*given))
    company.refresh(SIGNED_UP + 40 * DAY + timedelta(minutes=5))
    assert looked == []
    world.events.append(Event("a", "a1", "invoice", SIGNED_UP + 41 * DAY))
    insert(company, world.events[-1:])
    company.refresh(SIGNED_UP + 41 * DAY)
    assert looked == [date(2026, 2, 1)]
    assert firsts(company) == {
        ("a", "report"): date(2026, 1, 11),
        ("a", None): date(2026, 1, 11),
        ("a", "login"): date(2026, 2, 9),
        ("a", "invoice"): date(2026, 2, 20),
    }


def test_deleted_first_uses_are_found_anew(company):
    company_of(company, (SIGNED_UP + DAY, "report"), (SIGNED_UP + 20 * DAY, "report"), at=SIGNED_UP + 21 * DAY)
    company.sql("DELETE FROM events WHERE occurred_at < '2026-01-12'")
    company.refresh(SIGNED_UP + 22 * DAY, full=True)
    assert firsts(company) == {("a", "report"): date(2026, 1, 30), ("a", None): date(2026, 1, 30)}


def test_an_account_without_a_sign_up_has_no_first_use(company):
    world = World({"a": "active"}, thresholds={"report": 1.0}, signed_up={"a": LONG_AGO})
    world.events = [Event("a", "a1", "report", START - DAY)]
    build(company, world)
    company.sql("UPDATE accounts SET signed_up_at = NULL")
    company.refresh(START)
    assert firsts(company) == {}
