"""Health overrides: a reason and an expiry always, every version kept, the last one counts until its day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from records import overrides
from records.errors import ChangedMeanwhile, NotAccepted
from records.overrides import Override
from tests.records.conftest import Records

pytestmark = pytest.mark.postgres
BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
TODAY, CHRISTMAS = date(2026, 11, 15), date(2026, 12, 24)
ids = map("a{}".format, count(1))


def override(records: Records, account: Any, band: str | None = "red", **more: Any) -> int:
    """One override, at noon, until Christmas; without a band or a score, it is taken back."""
    what = {name: more.pop(name) for name in ("score", "reason", "expires_on") if name in more}
    said = {"score": None, "reason": "their sponsor told me", "expires_on": CHRISTMAS, **what}
    value = None if band is None and not what else Override(band, **said)
    given = {"author": "ada", "now": NOON, "zone": BERLIN, **more}
    return overrides.set_override(records.engine, account_id=account, override=value, **given)


def test_nobody_has_overridden_anything_yet(empty: Records) -> None:
    assert overrides.version(empty.engine) == 0
    assert overrides.current(empty.engine, today=TODAY).is_empty()
    assert overrides.counted(empty.engine, zone=BERLIN).columns[-2:] == ["made_on", "expires_on"]


def test_an_override_has_author_reason_and_expiry(empty: Records) -> None:
    override(empty, "a")
    override(empty, "b", None, score=80, author="bo")
    assert overrides.current(empty.engine, today=TODAY).rows() == [
        ("a", "red", None, "their sponsor told me", "ada", NOON, CHRISTMAS),
        ("b", None, 80.0, "their sponsor told me", "bo", NOON, CHRISTMAS),
    ]


def test_it_counts_until_the_day_before_it_expires(records: Records) -> None:
    account = next(ids)
    override(records, account)

    def on(day: date) -> int:
        return overrides.current(records.engine, today=day).filter(account_id=account).height

    assert [on(CHRISTMAS - timedelta(days=1)), on(CHRISTMAS), on(CHRISTMAS + timedelta(days=1))] == [1, 0, 0]
    assert overrides.history(records.engine, account).height == 1


def test_one_taken_back_no_longer_counts_and_stays_in_the_history(records: Records) -> None:
    account = next(ids)
    first = override(records, account)
    second = override(records, account, None, author="bo", now=NOON + timedelta(days=3))
    assert overrides.current(records.engine, today=TODAY).filter(account_id=account).is_empty()
    assert overrides.history(records.engine, account).rows() == [
        (second, None, None, None, None, "bo", NOON + timedelta(days=3)),
        (first, "red", None, "their sponsor told me", CHRISTMAS, "ada", NOON),
    ]
    counted = overrides.counted(records.engine, zone=BERLIN).filter(account_id=account)
    assert counted.select("made_on", "expires_on").rows() == [(TODAY, date(2026, 11, 18))]


def test_one_that_is_replaced_ends_where_the_next_begins_and_does_not_come_back(records: Records) -> None:
    account = next(ids)
    override(records, account, "red")
    later = NOON + timedelta(days=5)
    override(records, account, "green", now=later, expires_on=date(2026, 11, 25))
    counted = overrides.counted(records.engine, zone=BERLIN).filter(account_id=account)
    assert counted.select("band", "made_on", "expires_on").rows() == [
        ("red", TODAY, date(2026, 11, 20)),
        ("green", date(2026, 11, 20), date(2026, 11, 25)),
    ]
    assert overrides.current(records.engine, today=date(2026, 12, 1)).filter(account_id=account).is_empty()


def test_the_organisations_day_counts_not_the_servers(records: Records) -> None:
    account, late = next(ids), datetime(2026, 11, 15, 23, 30, tzinfo=UTC)  # in Berlin it is the 16th
    with pytest.raises(NotAccepted, match="cannot end on 2026-11-16"):
        override(records, account, now=late, expires_on=date(2026, 11, 16))
    override(records, account, now=late, expires_on=date(2026, 11, 17))
    counted = overrides.counted(records.engine, zone=BERLIN).filter(account_id=account)
    assert counted["made_on"].to_list() == [date(2026, 11, 16)]


SAVES = st.lists(
    st.tuples(st.sampled_from(["red", "yellow", "green", None]), st.integers(0, 40), st.integers(1, 60)), max_size=8
)


@given(saves=SAVES, asked=st.integers(0, 120))
@limits(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_on_any_day_the_last_override_made_by_then_counts_unless_it_has_expired(
    records: Records, saves: Any, asked: int
) -> None:
    account, day, made = next(ids), TODAY + timedelta(days=asked), []
    for band, wait, length in sorted(saves, key=lambda save: save[1]):
        now = NOON + timedelta(days=wait)
        expires_on = now.date() + timedelta(days=length)
        if band is None:
            override(records, account, None, now=now)
        else:
            override(records, account, band, now=now, expires_on=expires_on)
        made.append((now.date(), band, expires_on))
    by_then = [(band, expires_on) for made_on, band, expires_on in made if made_on <= day]
    band, expires_on = by_then[-1] if by_then else (None, TODAY)
    expected = [band] if band is not None and expires_on > day else []
    counted = overrides.counted(records.engine, zone=BERLIN).filter(account_id=account)
    found = counted.filter((counted["made_on"] <= day) & (counted["expires_on"] > day))
    assert found["band"].to_list() == expected
    assert overrides.history(records.engine, account)["band"].to_list() == [band for _, band, _ in made][::-1]


def test_whoever_has_not_seen_the_latest_is_told(records: Records) -> None:
    account, seen = next(ids), overrides.version(records.engine)
    first = override(records, account, seen=seen)
    assert override(records, account, seen=seen) == first  # the same again, after an answer that got lost
    with pytest.raises(ChangedMeanwhile, match="ada changed this"):
        override(records, account, "green", author="bo", seen=seen)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"reason": ""}, "The reason is empty"),
        ({"reason": " \n "}, "The reason is empty"),
        ({"reason": "x" * 1_001}, "The reason has 1,001 characters"),
        ({"reason": "a\0b"}, r"U\+0000"),
        ({"reason": "a\ud800b"}, r"U\+D800"),
        ({"expires_on": TODAY}, "cannot end on 2026-11-15"),
        ({"expires_on": TODAY + timedelta(days=367)}, "from tomorrow to a year on"),
        ({"expires_on": None}, "has no day on which it ends"),
        ({"expires_on": NOON}, "has no day on which it ends"),
        ({"band": "blue"}, "no such band"),
        ({"band": None, "reason": "r"}, "neither a band nor a score"),
        ({"score": 100.5}, "from 0 to 100"),
        ({"score": float("nan")}, "from 0 to 100"),
        ({"score": True}, "from 0 to 100"),
        ({"account": "a\0"}, r"account_id has a character that no text has: U\+0000"),
        ({"now": NOON.replace(tzinfo=None)}, "The time has no time zone"),
    ],
)
def test_what_is_no_override_is_named_and_nothing_is_kept(records: Records, wrong: dict[str, Any], says: str) -> None:
    before = overrides.version(records.engine)
    with pytest.raises(NotAccepted, match=says):
        override(records, **{"account": next(ids), **wrong})
    assert overrides.version(records.engine) == before


def test_a_year_from_now_is_not_too_late(records: Records) -> None:
    override(records, next(ids), expires_on=TODAY + timedelta(days=366))
