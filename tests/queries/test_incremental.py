"""Refreshing day by day, whatever happens between, ends where one full refresh does; and reads little."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from queries import counted
from tests.queries.activity_oracle import Event, World
from tests.queries.company import Company
from tests.queries.test_activity import LONG_AGO, assert_same, build, insert, put_world, seen

pytestmark = pytest.mark.postgres

START = datetime(2026, 1, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def event(chance: random.Random, first: datetime, last: datetime) -> Event:
    account = chance.choice(["a", "b", "c", "test", "later"])
    user = chance.choice([None, f"{account}1", f"{account}2", "ours"])
    at = first + chance.random() * (last - first)
    return Event(account, user, chance.choice(["report", "login"]), at, chance.choice([None, 0.5, 2.0]))


class Life:
    """What happens to a company between refreshes. Old months with an even number lose rows, odd ones gain them, so
    that a recount, which compares numbers, always has something to see."""

    def __init__(self, company: Company, seed: int) -> None:
        self.company, self.chance, self.now = company, random.Random(seed), START
        self.world = World(
            accounts={"a": "active", "b": "active", "c": "active", "test": "test"},
            staff={"ours"},
            thresholds={"report": 3.0},
            signed_up=dict.fromkeys(("a", "b", "c", "test", "later"), LONG_AGO),
            served={"a": [(date(2025, 1, 1), date(2026, 3, 1))], "b": [(date(2025, 1, 1), date(9999, 1, 1))]},
            events=[event(self.chance, START - 80 * DAY, START) for _ in range(250)],
        )
        build(company, self.world)

    def happened(self, first: datetime, last: datetime, number: int) -> None:
        found = [event(self.chance, first, last) for _ in range(number)]
        self.world.events += found
        insert(self.company, found)

    def late_within_the_window(self) -> None:
        self.happened(self.now - 2 * DAY, self.now, 3)

    def late(self) -> None:
        month = self.chance.choice([datetime(2025, 11, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)])
        self.happened(month, month + 30 * DAY, 2)

    def before_everything(self) -> None:
        self.happened(datetime(2025, 9, 1, tzinfo=UTC), datetime(2025, 9, 30, tzinfo=UTC), 1)

    def deleted(self) -> None:
        old = [found for found in self.world.events if found.at.month in (10, 12, 2)]
        gone = self.chance.choice(old)
        self.company.sql("DELETE FROM events WHERE occurred_at = %s", rows=[(gone.at,)])
        self.world.events = [found for found in self.world.events if found.at != gone.at]

    def an_account_arrives(self) -> None:
        self.world.accounts["later"] = "active"

    def a_test_becomes_a_customer(self) -> None:
        self.world.accounts["test"] = "active"

    def a_customer_was_a_test(self) -> None:
        self.world.accounts["c"] = "test"

    def a_colleague_is_found(self) -> None:
        self.world.staff = self.world.staff ^ {"a1"}

    def a_threshold_moves(self) -> None:
        self.world.thresholds = {"report": self.chance.choice([1.0, 2.0, 4.0, 6.0])}

    def a_sign_up_moves(self) -> None:
        whose = self.chance.choice(["a", "b", "c"])
        self.world.signed_up[whose] = self.chance.choice([LONG_AGO, START - self.chance.randrange(5, 70) * DAY])

    def a_subscription_ends(self) -> None:
        self.world.served["b"] = [(date(2025, 1, 1), self.now.date() - 40 * DAY)]

    def events_cannot_be_read(self) -> None:
        self.company.map("events", "SELECT * FROM gone")

    def events_can_be_read(self) -> None:
        self.company.map("events", "SELECT * FROM events")

    def refresh(self) -> None:
        put_world(self.company, self.world)
        self.now += timedelta(minutes=1)
        self.company.refresh(self.now)


def script(seed: int) -> list[list[str]]:
    """Every kind of thing at least once, in another order for every seed; events fail for some days in a row."""
    chance = random.Random(seed)
    once = [
        "late_within_the_window", "late", "before_everything", "deleted", "an_account_arrives", "a_subscription_ends",
        "a_test_becomes_a_customer", "a_customer_was_a_test", "a_colleague_is_found", "a_threshold_moves", "late",
        "deleted", "a_colleague_is_found", "a_sign_up_moves", "a_sign_up_moves",
    ]  # fmt: skip
    chance.shuffle(once)
    steps = [[name] for name in once]
    broken = chance.randrange(1, len(steps) - 3)
    steps[broken].append("events_cannot_be_read")
    steps[broken + 3].append("events_can_be_read")
    return steps


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_refreshing_day_by_day_ends_where_a_full_refresh_does(company, seed):
    life = Life(company, seed)
    life.refresh()
    for step in script(seed):
        before, life.now = life.now, life.now + life.chance.choice([1, 1, 2, 5]) * DAY
        life.happened(before, life.now, 6)
        for name in step:
            getattr(life, name)()
        life.refresh()
    for _ in company.manifest.months:  # one month is recounted with each refresh
        life.refresh()
    found = seen(company)
    assert_same(company, life.world, "Europe/Berlin", "monday", life.now)
    company.refresh(life.now, full=True)
    assert seen(company) == found


def test_a_month_too_large_to_stay_in_memory_is_rolled_up_alike(company, monkeypatch):
    monkeypatch.setattr(counted, "HELD", 20)
    life = Life(company, 5)
    life.refresh()
    for _ in range(4):
        before, life.now = life.now, life.now + 9 * DAY
        life.happened(before, life.now, 15)
        life.late_within_the_window()
        life.refresh()
        assert_same(company, life.world, "Europe/Berlin", "monday", life.now)


@pytest.fixture
def steady(company: Company) -> Life:
    """A company refreshed once, with some months behind it."""
    life = Life(company, 7)
    life.refresh()
    return life


def months_of(company: Company) -> list[date]:
    return [month.month for month in company.manifest.months]


def test_nothing_new_reads_only_the_days_that_can_still_change(steady):
    report = steady.company.refresh(START + timedelta(minutes=10))
    assert report.days_read == 3 + 1 + 1  # late_days, today, and a day of clocks that run ahead
    before = steady.company.manifest
    steady.company.refresh(START + timedelta(minutes=20))
    after = steady.company.manifest
    for old, new in zip(before.months, after.months, strict=True):
        assert new.model_copy(update={"checked_at": old.checked_at}) == old


def test_a_day_of_new_events_changes_no_month_before_it(steady):
    before = {month.month: month for month in steady.company.manifest.months}
    steady.happened(START, START + DAY, 5)
    steady.now += DAY
    steady.refresh()
    after = {month.month: month for month in steady.company.manifest.months}
    changed = [month for month in after if after[month].monthly != before[month].monthly]
    assert changed == [date(2026, 1, 1)]
    assert_same(steady.company, steady.world, "Europe/Berlin", "monday", steady.now)


@pytest.mark.parametrize(
    "what",
    [
        "an_account_arrives",
        "a_test_becomes_a_customer",
        "a_customer_was_a_test",
        "a_colleague_is_found",
        "a_threshold_moves",
        "before_everything",
        "late_within_the_window",
    ],
)
def test_what_changes_whose_use_counts_is_seen_in_all_months_at_once(steady, what):
    getattr(steady, what)()
    steady.refresh()
    assert_same(steady.company, steady.world, "Europe/Berlin", "monday", steady.now)


def test_a_week_across_two_months_grows_with_the_second(steady):
    for now in (datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2026, 2, 1, 9, tzinfo=UTC)):  # which closes January
        steady.now = now
        steady.refresh()
    before = {month.month: month for month in steady.company.manifest.months}
    steady.happened(steady.now, steady.now + timedelta(hours=3), 5)  # a Sunday
    steady.now += timedelta(hours=4)
    steady.refresh()
    after = {month.month: month for month in steady.company.manifest.months}
    january = date(2026, 1, 1)
    assert after[january].monthly == before[january].monthly
    assert after[january].weekly != before[january].weekly
    assert_same(steady.company, steady.world, "Europe/Berlin", "monday", steady.now)


def test_use_outside_a_subscription_is_flagged_anew_as_months_are_recounted(steady):
    steady.a_subscription_ends()
    for _ in months_of(steady.company):
        steady.refresh()
    assert_same(steady.company, steady.world, "Europe/Berlin", "monday", steady.now)


def test_when_the_last_days_of_value_are_deleted_the_ones_before_count_again(company):
    days = [datetime(2025, 11, 3, 12, tzinfo=UTC), START - 2 * DAY]
    world = World({"a": "active"}, thresholds={"report": 1.0}, signed_up={"a": LONG_AGO})
    world.events = [Event("a", None, "report", day) for day in days]
    build(company, world)
    company.refresh(START)
    assert company.frame("value_days").rows() == [("a", START.date())]
    company.sql("DELETE FROM events WHERE occurred_at > '2026-01-01'")
    company.refresh(START + DAY)
    assert company.frame("value_days").rows() == [("a", date(2025, 11, 30))]


def test_a_row_that_came_late_is_found_when_its_month_is_recounted(steady):
    company = steady.company
    steady.happened(datetime(2025, 12, 5, tzinfo=UTC), datetime(2025, 12, 6, tzinfo=UTC), 1)
    assert months_of(company) == [date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1)]
    reads = [company.refresh(START + number * timedelta(minutes=10)).days_read for number in (1, 2, 3)]
    assert reads == [5, 5 + 31, 5]  # November was right, December was read again, January was right so far
    assert_same(company, steady.world, "Europe/Berlin", "monday", START + timedelta(minutes=30))


def test_a_row_late_in_the_open_month_is_found_without_waiting_for_its_end(steady):
    steady.happened(START - 18 * DAY, START - 17 * DAY, 1)
    for _ in months_of(steady.company):
        steady.refresh()
    assert_same(steady.company, steady.world, "Europe/Berlin", "monday", steady.now)


def test_a_month_deleted_from_the_database_empties(steady):
    steady.company.sql("DELETE FROM events WHERE occurred_at < '2025-12-01 00:00+01'")
    steady.world.events = [found for found in steady.world.events if found.at >= datetime(2025, 11, 30, 23, tzinfo=UTC)]
    steady.refresh()
    assert_same(steady.company, steady.world, "Europe/Berlin", "monday", steady.now)


def test_all_events_deleted_leaves_no_activity(steady):
    steady.company.sql("TRUNCATE events")
    steady.world.events = []
    for _ in months_of(steady.company):
        steady.refresh()
    assert_same(steady.company, steady.world, "Europe/Berlin", "monday", steady.now)


def test_days_missed_while_events_could_not_be_read_are_read_when_they_can(steady):
    steady.events_cannot_be_read()
    for _ in range(3):
        before, steady.now = steady.now, steady.now + 4 * DAY
        steady.happened(before, steady.now, 8)
        steady.refresh()
        assert steady.company.state("events").status == "stale"
    steady.events_can_be_read()
    steady.refresh()
    assert_same(steady.company, steady.world, "Europe/Berlin", "monday", steady.now)


def test_a_test_account_found_while_events_cannot_be_read_is_left_out_at_once(steady):
    steady.events_cannot_be_read()
    steady.a_customer_was_a_test()
    steady.refresh()
    assert "c" not in set(steady.company.frame("activity_monthly")["account_id"])
    steady.events_can_be_read()
    steady.refresh()
    assert_same(steady.company, steady.world, "Europe/Berlin", "monday", steady.now)


@pytest.mark.parametrize("change", ["time_zone", "week_start", "mapping"])
def test_what_a_day_or_a_use_means_changed_so_everything_is_read_again(steady, change):
    company = steady.company
    zone, week_start = "Europe/Berlin", "monday"
    if change == "time_zone":
        zone = "Asia/Tokyo"
        company.choose(time_zone='"Asia/Tokyo"')
    elif change == "week_start":
        week_start = "sunday"
        company.choose(week_start='"sunday"')
    else:
        company.map("events", "SELECT * FROM events WHERE feature <> 'login'")
        steady.world.events = [found for found in steady.world.events if found.feature != "login"]
    assert company.refresh(START + timedelta(minutes=10)).days_read > 80
    assert_same(company, steady.world, zone, week_start, START + timedelta(minutes=10))


def test_another_database_behind_the_same_mapping_starts_anew(steady, database):
    other = Company(database(), steady.company.folder / "other")
    build(other, World(steady.world.accounts, signed_up=steady.world.signed_up))
    other.close()
    steady.company.url = other.url
    steady.company.refresh(START + timedelta(minutes=10))
    assert steady.company.frame("activity_monthly").height == 0


def test_our_own_people_are_left_out_wherever_they_sit(company):
    world = World(
        accounts={"a": "active", "us": "test"},
        signed_up={"a": LONG_AGO},
        events=[Event("a", user, "report", START - DAY) for user in ("a1", "at us", "at none", "at a")],
    )
    build(company, world)
    people = (("a1", "a", "false"), ("at us", "us", "true"), ("at none", "z", "true"), ("at a", "a", "true"))
    company.add("people", *[dict(zip(("user_id", "account_id", "is_internal"), row, strict=True)) for row in people])
    company.refresh(START)
    assert set(company.frame("activity_monthly")["user_id"]) == {"a1"}
    assert company.state("events").left_out == 3
    daily = company.frames().activity(account_id="a", since=START.date() - 5 * DAY).collect()
    assert set(daily["user_id"]) == {"a1"}
