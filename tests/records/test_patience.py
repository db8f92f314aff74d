"""How long the records are waited for: whoever waited in vain spares the others, and a page waits once."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from records import patience
from records.errors import NotAccepted, RecordsUnavailable

SILENCE = RecordsUnavailable("It does not answer.", "wait", silent=True)
AT = "db.example.com:5432/notes"


class Clock:
    """Seconds that pass when they are told to."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(patience, "time", made)
    monkeypatch.setattr(patience, "_silent", {})
    return made


def waits(clock: Clock, seconds: float, ends: Exception | None = SILENCE) -> None:
    """One transaction that takes so long, and ends so."""
    with patience.waiting(AT):
        clock.now += seconds
        if ends is not None:
            raise ends


def refused() -> bool:
    with suppress(RecordsUnavailable), patience.waiting(AT):
        return False
    return True


def test_after_silence_nobody_waits_for_two_seconds_and_then_one_asks_again(clock: Clock) -> None:
    with pytest.raises(RecordsUnavailable):
        waits(clock, 3.0)
    assert refused()
    clock.now += 1.9
    assert refused()
    clock.now += 0.2
    with patience.waiting(AT):
        assert refused()  # while one asks
    assert not refused()


def test_silence_in_one_place_is_none_in_another(clock: Clock) -> None:
    with pytest.raises(RecordsUnavailable):
        waits(clock, 3.0)
    with patience.waiting("elsewhere:5432/notes"):
        pass
    assert refused()


@pytest.mark.parametrize(
    ("seconds", "ends"),
    [
        (0.1, SILENCE),  # refused at once: asking again costs nothing
        (3.0, RecordsUnavailable("Somebody else holds the lock.", silent=False)),
        (3.0, NotAccepted("That is no address.")),
        (3.0, None),
    ],
)
def test_what_is_no_silence_stops_nobody(clock: Clock, seconds: float, ends: Exception | None) -> None:
    with suppress(RecordsUnavailable, NotAccepted):
        waits(clock, seconds, ends)
    assert not refused()


def test_busy_connections_say_nothing_about_the_server(clock: Clock) -> None:
    busy = RecordsUnavailable("All connections are busy.", silent=None)
    with suppress(RecordsUnavailable):
        waits(clock, 1.5, busy)
    assert not refused()
    with suppress(RecordsUnavailable):
        waits(clock, 3.0)
    with suppress(RecordsUnavailable):
        waits(clock, 0.0, busy)
    assert refused()


def test_all_looks_of_a_page_share_three_seconds(clock: Clock) -> None:
    with patience.at_most(3.0):
        with patience.waiting(AT) as first:
            clock.now += 2.0
        clock.now += 60  # what is worked out in between counts not
        with patience.waiting(AT) as second:
            clock.now += 1.5
        with pytest.raises(RecordsUnavailable, match="notes is slow"), patience.waiting(AT):
            pass
    assert (first, second) == (3.0, 1.0)
    with patience.waiting(AT) as outside:
        pass
    assert outside == patience.PATIENCE == 4.5


def test_it_is_real_seconds_that_count() -> None:
    with patience.at_most(0.05), suppress(RecordsUnavailable):
        with patience.waiting("here"):
            time.sleep(0.06)
        with patience.waiting("here"):
            pytest.fail("it waited on")
