"""Quiet hours against a minute hand: at every change of clocks in two years, over midnight and over weekends."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

import settings
from metrics.buckets import WEEKDAYS
from outreach.quiet import is_quiet, next_allowed

MINUTE = timedelta(minutes=1)
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Pacific/Chatham",
)


def rules(
    quiet_from: str = "19:00", quiet_until: str = "08:00", weekdays: tuple[str, ...] = WEEKDAYS[5:]
) -> SimpleNamespace:
    return SimpleNamespace(
        quiet_from=time.fromisoformat(quiet_from), quiet_until=time.fromisoformat(quiet_until), quiet_weekdays=weekdays
    )


RULES = (
    rules(),
    rules("22:00", "02:30", ()),  # ends in the hour that comes twice, or never
    rules("02:15", "02:45", ("sunday",)),
    rules("00:00", "23:30", ("monday",)),
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def minute_of(at: time) -> int:
    return at.hour * 60 + at.minute


def quiet(day: str, minute: int, rules: SimpleNamespace) -> bool:
    """The rule read off calendar and clock, minute by minute."""
    start, end = minute_of(rules.quiet_from), minute_of(rules.quiet_until)
    inside = start <= minute < end if start < end else minute >= start or minute < end
    return inside or day in rules.quiet_weekdays


def changes(zone: ZoneInfo) -> list[datetime]:
    """The hours before which the clock jumped, in two years."""
    hours = [utc("2026-01-01") + timedelta(hours=n) for n in range(2 * 365 * 24)]
    ahead = timedelta(hours=1)
    return [at + ahead for at in hours if at.astimezone(zone).utcoffset() != (at + ahead).astimezone(zone).utcoffset()]


@pytest.mark.parametrize("name", ZONES)
def test_around_every_change_of_clocks_the_first_minute_that_is_not_quiet_is_found(name: str) -> None:
    zone = ZoneInfo(name)
    for change in changes(zone):
        minutes = [change - timedelta(days=2) + n * MINUTE for n in range(7 * 24 * 60)]
        walls = [minute.astimezone(zone) for minute in minutes]
        seen = [(WEEKDAYS[wall.weekday()], wall.hour * 60 + wall.minute) for wall in walls]
        for held in RULES:
            allowed = [not quiet(*shown, held) for shown in seen]
            for start in range(0, 3 * 24 * 60, 53):
                expected = minutes[allowed.index(True, start)]
                assert next_allowed(minutes[start], zone, held) == expected, (name, held, minutes[start])


def test_clocks_do_change_in_the_zones_looked_at() -> None:
    assert {name: len(changes(ZoneInfo(name))) for name in ZONES} == {
        "Europe/Berlin": 4,
        "America/New_York": 4,
        "America/Santiago": 4,
        "Australia/Lord_Howe": 4,
        "Africa/Casablanca": 4,
        "Africa/Cairo": 4,
        "Pacific/Chatham": 4,
    }


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-20 17:59", "2026-11-20 17:59"),  # Friday 18:59 in Berlin
        ("2026-11-20 18:00", "2026-11-23 07:00"),  # Friday 19:00: until Monday 8:00
        ("2026-11-17 23:30", "2026-11-18 07:00"),  # after midnight, the same morning
        ("2026-11-18 06:59", "2026-11-18 07:00"),
        ("2026-03-27 19:00", "2026-03-30 06:00"),  # over the weekend in which clocks go forward
        ("2026-10-23 18:00", "2026-10-26 07:00"),  # and back
    ],
)
def test_evenings_nights_and_weekends_wait_for_the_next_working_morning(now: str, then: str) -> None:
    assert next_allowed(utc(now), ZoneInfo("Europe/Berlin"), rules()) == utc(then)


def test_seconds_are_kept_when_it_may_go_now_and_dropped_when_it_waits() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert next_allowed(utc("2026-11-18 10:00:30.5"), berlin, rules()) == utc("2026-11-18 10:00:30.5")
    assert next_allowed(utc("2026-11-18 05:00:30.5"), berlin, rules()) == utc("2026-11-18 07:00")


def test_the_settings_are_rules() -> None:
    held = settings.read(settings.ROOT / "config", {}).outreach
    at = next_allowed(utc("2026-11-20 18:00"), ZoneInfo("Europe/Berlin"), held)
    assert at == utc("2026-11-23 07:00")


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        next_allowed(datetime(2026, 11, 20, 12), ZoneInfo("Europe/Berlin"), rules())


def test_rules_that_allow_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="Every hour is quiet"):
        next_allowed(utc("2026-11-20"), ZoneInfo("Europe/Berlin"), rules(weekdays=WEEKDAYS))


@limits(max_examples=60)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    st.sampled_from(ZONES),
    st.times(),
    st.times(),
    st.sets(st.sampled_from(WEEKDAYS), max_size=6),
)
def test_what_is_found_is_never_quiet_and_asking_again_changes_nothing(now, zone, start, end, weekdays) -> None:
    if start == end:
        return
    held = SimpleNamespace(quiet_from=start, quiet_until=end, quiet_weekdays=weekdays)
    found = next_allowed(now.replace(tzinfo=UTC), ZoneInfo(zone), held)
    assert found >= now.replace(tzinfo=UTC)
    assert not is_quiet(found, ZoneInfo(zone), held)
    assert next_allowed(found, ZoneInfo(zone), held) == found
