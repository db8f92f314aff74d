"""Activity, from single events to rollups, against a count in plain Python."""

from __future__ import annotations

import csv
import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from tests.queries import activity_oracle as oracle
from tests.queries.activity_oracle import Activity, Event, World
from tests.queries.company import Company

pytestmark = pytest.mark.postgres

ZONES = ("Europe/Berlin", "America/St_Johns", "America/Los_Angeles", "Pacific/Auckland")
AS_OF = datetime(2026, 4, 14, 21, 30, tzinfo=UTC)
HOURS = timedelta(hours=1)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def edges() -> list[datetime]:
    """Moments around which a day is easily taken for another: midnights at month ends and clock changes."""
    days = [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), AS_OF.date()]
    midnights = [
        datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(zone)).astimezone(UTC) for d in days for zone in ZONES
    ]
    changes = [m + hours * HOURS for m in midnights for hours in (0, 2, 3, 24)]
    return [m + timedelta(microseconds=step) for m in changes for step in (-1, 0, 1)]


def events(chance: random.Random, number: int) -> list[Event]:
    found = []
    for moment in [*edges(), *(AS_OF - chance.random() * timedelta(days=110) for _ in range(number))]:
        account = chance.choice(["a", "b", "c", "d", "test", "stranger"])
        user = chance.choice([None, f"{account}1", f"{account}2", "ours", ""])
        quantity = chance.choice([None, None, 0.25, 1.5, 4.0, -0.5])
        found.append(Event(account, user, chance.choice(["report", "invoice", "login"]), moment, quantity))
    return found


BAD = [
    Event("a", "a1", "report", None),
    Event("a", "a1", "report", datetime(1969, 12, 31, 23, 59, tzinfo=UTC)),
    Event("a", "a1", "report", AS_OF + timedelta(days=1, microseconds=1)),
    Event("stranger", None, "report", AS_OF + timedelta(days=400)),
    Event(None, "a1", "report", AS_OF - 50 * HOURS, 1.0),
    Event("", "a1", "report", AS_OF - 50 * HOURS),
    Event("a", "a1", None, AS_OF - 50 * HOURS),
    Event("a", "a1", "", AS_OF - 900 * HOURS),
    *[
        Event("a", "a1", "report", AS_OF - 1000 * HOURS, odd)
        for odd in (float("nan"), float("inf"), -float("inf"), 1e300)
    ],
    Event("a", "a1", "report", AS_OF - 1000 * HOURS, 2.0),
    Event("a", "a2", "report", AS_OF + timedelta(days=1)),  # just not in the future
]
EPOCH = Event("a", "a2", "report", datetime(1970, 1, 1, tzinfo=UTC))


def world(chance: random.Random, number: int = 700) -> World:
    return World(
        accounts={"a": "active", "b": "active", "c": "active", "d": "active", "test": "test"},
        staff={"ours"},
        thresholds={"report": 2.0, "invoice": 0.75},
        signed_up={"a": LONG_AGO, "b": moment("2026-02-10 12:00"), "c": moment("2026-03-29 01:00"), "d": LONG_AGO},
        served={
            "a": [(date(2025, 1, 1), date(2026, 2, 1)), (date(2026, 2, 15), date(2027, 1, 1))],
            "b": [(date(2026, 2, 1), date(2026, 3, 20)), (date(2026, 2, 10), date(2026, 3, 1))],
            "c": [(date(2026, 1, 1), date(9999, 1, 1))],
        },
        events=events(chance, number) + BAD,
    )


KINDS = {
    "types": {},
    "naive times": {"occurred_at": "timestamp"},
    "text": {"occurred_at": "text", "quantity": "text"},
    "a numeric quantity": {"quantity": "numeric"},
}


def build(company: Company, world: World, **types: str) -> None:
    """The world as a product database, its columns of ``types``."""
    company.table("accounts")
    company.table("people")
    company.table("subscriptions")
    company.table("features")
    company.table("events", **types)
    put_world(company, world)
    insert(company, world.events, naive=types.get("occurred_at") == "timestamp")


def put_world(company: Company, world: World) -> None:
    """Everything but the events, anew."""
    company.sql("TRUNCATE accounts, people, subscriptions, features")
    for account, status in world.accounts.items():
        since = str(world.signed_up.get(account, LONG_AGO))
        company.add("accounts", {"account_id": account, "name": account, "signed_up_at": since, "status": status})
    staff = [{"user_id": user, "account_id": "nobody's", "is_internal": "true"} for user in sorted(world.staff)]
    company.add("people", *staff)
    for account, stretches in world.served.items():
        for number, (start, end) in enumerate(stretches):
            row = {"subscription_id": f"{account}{number}", "account_id": account, "plan": "Team", "kind": "paid"}
            company.add("subscriptions", row | {"mrr": "1", "started_on": str(start), "ended_on": str(end)})
    features = [
        {"feature": name, "is_value": "true", "min_28_days": str(least)} for name, least in world.thresholds.items()
    ]
    company.add("features", *features, {"feature": "login", "is_value": "false"})


def insert(company: Company, found: list[Event], *, naive: bool = False) -> None:
    rows = [
        (e.account, e.user, e.feature, e.at and (e.at.replace(tzinfo=None) if naive else e.at), e.quantity)
        for e in found
    ]
    statement = "INSERT INTO events (account_id, user_id, feature, occurred_at, quantity) VALUES (%s, %s, %s, %s, %s)"
    company.sql(statement, rows=rows)


def seen(company: Company) -> Activity:
    """The activity a snapshot holds, in the oracle's shape."""
    frames, state = company.frames(), company.state("events")
    columns = {
        "activity_monthly": ["account_id", "user_id", "period", "active_days", "uses", "quantity", "first_period"],
        "usage_28d": ["account_id", "user_id", "feature", "window_end", "uses", "quantity"],
        "value_days": ["account_id", "last_value_on"],
        "first_uses": ["account_id", "feature", "first_on"],
        "daily": ["account_id", "user_id", "feature", "day", "uses", "quantity"],
    }
    columns["activity_weekly"] = columns["activity_monthly"]
    daily = [
        frames.activity(account_id=name, since=date(1, 1, 1)).collect()
        for name in frames.accounts.collect()["account_id"]
    ]
    found = frames.mapping() | {"daily": pl.concat(daily).lazy(), "first_uses": frames.first_uses}
    rows = {name: found[name].select(names).collect().rows() for name, names in columns.items()}
    assert all(len(set(some)) == len(some) for some in rows.values())
    return Activity(
        daily=set(rows["daily"]),
        monthly=set(rows["activity_monthly"]),
        weekly=set(rows["activity_weekly"]),
        usage=set(rows["usage_28d"]),
        value_days=dict(rows["value_days"]),
        first_uses={(account, feature): day for account, feature, day in rows["first_uses"]},
        rejected=state.rejected_by_reason,
        flagged=state.flagged,
        rows=state.rows,
        left_out=state.left_out,
    )


def assert_same(company: Company, world: World, zone: str, week_start: str, as_of: datetime) -> None:
    expected, found = oracle.activity(world, zone, week_start, as_of), seen(company)
    for name in vars(expected):
        assert getattr(found, name) == getattr(expected, name), name


@pytest.mark.parametrize("kind", KINDS)
def test_activity_is_what_single_events_add_up_to(company, kind):
    made = world(random.Random(f"world of {kind}"))
    build(company, made, **KINDS[kind])
    weeks = ("monday", "sunday")
    zones = ZONES if kind == "types" else ("America/St_Johns",)
    for number, zone in enumerate(zones):
        company.choose(time_zone=f'"{zone}"', week_start=f'"{weeks[number % 2]}"')
        company.refresh(AS_OF)
        assert_same(company, made, zone, weeks[number % 2], AS_OF)


def test_activity_of_a_file_is_what_its_lines_add_up_to(company):
    made = world(random.Random("a file"))
    build(company, made)
    company.unmap("events")
    with (company.config / "sources" / "events.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["account_id", "user_id", "feature", "occurred_at", "quantity"])
        writer.writerows(made.events)
    company.choose(time_zone='"America/St_Johns"', week_start='"sunday"')
    company.refresh(AS_OF)
    assert_same(company, made, "America/St_Johns", "sunday", AS_OF)


def test_plain_days_for_moments_are_the_organisation_s_days(company):
    made = World({"a": "active"}, signed_up={"a": LONG_AGO}, thresholds={"report": 1.0})
    build(company, made, occurred_at="date")
    zone = ZoneInfo("America/Los_Angeles")
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 8), date(2026, 4, 14), date(2026, 4, 15)]
    company.sql(
        "INSERT INTO events (account_id, feature, occurred_at) VALUES ('a', 'report', %s)", rows=[(d,) for d in days]
    )
    made.events = [Event("a", None, "report", datetime(d.year, d.month, d.day, tzinfo=zone)) for d in days]
    made.served = {}
    company.choose(time_zone='"America/Los_Angeles"')
    company.refresh(AS_OF)
    assert_same(company, made, "America/Los_Angeles", "monday", AS_OF)


@pytest.mark.parametrize("zone", ["America/Havana", "Africa/Cairo"])
def test_days_and_moments_written_as_text_are_what_they_are_with_types(company, zone, monkeypatch):
    made = World({"a": "active"}, signed_up={"a": LONG_AGO}, thresholds={"report": 1.0})
    build(company, made, occurred_at="text")
    days = [date(2026, 3, 1), date(2026, 3, 8), date(2025, 4, 25), date(2025, 11, 2)]
    moments = {
        "2026-03-01 10:00": datetime(2026, 3, 1, 10, tzinfo=UTC),
        "2026-03-02T01:30:00": datetime(2026, 3, 2, 1, 30, tzinfo=UTC),
        "2026-03-01 23:30:00-05": datetime(2026, 3, 2, 4, 30, tzinfo=UTC),
    }
    texts = [*map(str, days), *moments]
    statement = "INSERT INTO events (account_id, feature, occurred_at) VALUES ('a', 'report', %s)"
    company.sql(statement, rows=[(text,) for text in texts])
    at = [datetime(d.year, d.month, d.day, 12, tzinfo=ZoneInfo(zone)) for d in days]
    made.events = [Event("a", None, "report", moment) for moment in (*at, *moments.values())]
    made.served = {}
    company.choose(time_zone=f'"{zone}"')
    with monkeypatch.context() as patched:
        patched.setattr("queries.events.read_as_text", None)  # the database counts them
        company.refresh(AS_OF)
    assert_same(company, made, zone, "monday", AS_OF)
    company.sql(statement, rows=[("01/02/2026",), ("yesterday",), ("",)])
    company.refresh(AS_OF)
    assert company.state("events").rejected_by_reason == {"occurred_at does not parse": 2, "occurred_at is missing": 1}


def test_days_of_infinity_are_rejected_like_any_other_time_out_of_reach(company):
    made = world(random.Random(1), 10)
    build(company, made)
    company.add(
        "events",
        *[
            {"account_id": "a", "feature": "report", "occurred_at": at}
            for at in ("infinity", "-infinity", "0044-03-15 BC", "294276-12-31")
        ],
    )
    company.refresh(AS_OF)
    rejected = company.state("events").rejected_by_reason
    assert rejected["occurred_at is before 1970"] == 1 + 2
    assert rejected["occurred_at is more than a day in the future"] == 2 + 2


def test_one_stray_event_of_1970_costs_no_query_for_each_month_since(company, monkeypatch):
    from queries import events as reading

    made = world(random.Random(2), 50)
    made.events.append(EPOCH)
    build(company, made)
    reads = []
    real = reading.read
    monkeypatch.setattr(reading, "read", lambda look, start, end: (reads.append(start), real(look, start, end))[1])
    company.refresh(AS_OF)
    assert_same(company, made, "Europe/Berlin", "monday", AS_OF)
    assert reads == [
        date(1970, 1, 1),
        date(1970, 2, 1),
        date(2025, 12, 1),
        date(2026, 1, 1),
        date(2026, 2, 1),
        date(2026, 3, 1),
        date(2026, 4, 1),
    ]


def test_samples_of_rejected_events_show_each_reason(company):
    made = world(random.Random(3), 60)
    build(company, made)
    company.refresh(AS_OF)
    company.refresh(AS_OF + timedelta(minutes=1))
    samples = company.frames().rejected("events")
    assert set(samples["rejected_because"]) == set(company.state("events").rejected_by_reason)
    early = samples.filter(pl.col("rejected_because") == "occurred_at is before 1970").row(0, named=True)
    assert early["occurred_at"] == "1969-12-31 23:59:00+00"
    unknown = samples.row(by_predicate=pl.col("rejected_because") == "unknown account", named=True)
    assert (unknown["account_id"], unknown["events"]) == (
        "stranger",
        company.state("events").rejected_by_reason["unknown account"],
    )


def test_a_value_that_does_not_cast_costs_one_event(company):
    made = World({"a": "active"}, signed_up={"a": LONG_AGO}, thresholds={"report": 1.0})
    build(company, made, quantity="text", occurred_at="text")
    rows = [
        ("2026-03-01 10:00", "1.5"),
        ("2026-03-01 11:00", "lots"),
        ("2026-04-01 10:00", "2"),
        ("2026-04-02 10:00", None),
    ]
    company.sql(
        "INSERT INTO events (account_id, feature, occurred_at, quantity) VALUES ('a', 'report', %s, %s)", rows=rows
    )
    company.refresh(AS_OF)
    assert company.frame("activity_monthly").select("period", "uses", "quantity").rows() == [
        (date(2026, 3, 1), 1, 1.5),
        (date(2026, 4, 1), 2, 2.0),
    ]
    assert company.state("events").rejected_by_reason == {"quantity does not parse": 1}
    company.sql("INSERT INTO events (account_id, feature, occurred_at) VALUES ('a', 'report', 'at noon')")
    company.refresh(AS_OF)
    assert company.state("events").rejected_by_reason == {"occurred_at does not parse": 1, "quantity does not parse": 1}
    assert company.state("events").rows == 3
