"""When the next refresh is due: at its pace, sooner when what stood in the way is gone, and not in a hurry in vain."""

from __future__ import annotations

import errno
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import settings
from queries import again, refresh
from queries.again import Again
from queries.errors import RefreshBusy, RefreshError
from queries.store import CURRENT, Manifest, Store, last_failure, new_id, publish, record_failure


class World:
    """A pace of ten minutes, a database that answers or not, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder))
        self.store.put(CURRENT, b"one")
        self.seconds, self.answers = 0.0, True
        given = {"SNAPSHOT_DIR": str(folder), "PRODUCT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
        self.settings = settings.read(settings.ROOT / "config", given)
        self.again = Again(self.settings, every=timedelta(minutes=10), clock=lambda: self.seconds)

    def due_after(self, *seconds: float) -> list[bool]:
        """Whether it is due so many seconds after the last end."""
        started, found = self.seconds, []
        for number in seconds:
            self.seconds = started + number
            found.append(self.again.due())
        self.seconds = started
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setattr(again, "answers", lambda target: made.answers)
    return made


def passing() -> RefreshError:
    error = RefreshError("The product database went away.")
    error.passing = True
    return error


def test_after_a_good_refresh_the_pace_counts(world: World) -> None:
    world.again.ended(None)
    assert world.due_after(2, 599, 600) == [False, False, True]


def test_what_passes_is_tried_again_as_soon_as_the_database_answers(world: World) -> None:
    world.answers = False
    world.again.ended(passing())
    assert world.due_after(2, 60) == [False, False]
    world.answers = True
    assert world.due_after(1, 2) == [False, True]


def test_failing_again_and_again_slows_it_down_to_the_pace(world: World) -> None:
    for wait in (2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600):
        world.again.ended(passing())
        assert world.due_after(wait - 1, wait) == [False, True]
    world.again.ended(None)
    world.again.ended(passing())
    assert world.due_after(1, 2) == [False, True]


def test_what_does_not_pass_by_itself_waits_for_the_pace(world: World) -> None:
    world.again.ended(RefreshError("accounts.sql failed."))
    assert world.due_after(2, 599, 600) == [False, False, True]


def test_a_full_disk_is_tried_again_once_it_has_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    world.again.ended(passing())
    with monkeypatch.context() as harm:
        harm.setattr(Store, "put", full)
        assert world.due_after(2, 60) == [False, False]
    assert world.due_after(2) == [True]
    assert set(world.store.names()) == {CURRENT}  # what it tried with is gone


def test_deleted_snapshots_are_made_anew_at_once(world: World) -> None:
    world.again.ended(None)
    world.store.delete(CURRENT)
    assert world.due_after(0.1) == [True]


def publish_read_at(world: World, at: datetime) -> None:
    """Publishes a snapshot of the database as it was ``at``, as another process would."""
    organisation = {"time_zone": "UTC", "currency": "EUR", "week_start": "monday"}
    made = Manifest(
        id=new_id(datetime.now(UTC)), as_of=at, created_at=at, seconds=1, sources={}, files={}, **organisation
    )
    publish(world.store, made)


def test_however_many_refreshers_there_are_the_database_is_read_at_the_pace_of_one(world: World) -> None:
    world.again.ended(None)
    world.seconds = 400
    publish_read_at(world, datetime(2026, 3, 1, tzinfo=UTC))
    assert world.due_after(0, 200, 599, 600) == [False, False, False, True]


def test_when_the_other_refresher_ends_without_a_word_this_one_goes_on_a_pace_later(world: World) -> None:
    world.again.ended(RefreshBusy("Another refresh is running."))
    world.seconds = 5
    publish_read_at(world, datetime(2026, 3, 1, tzinfo=UTC))
    assert world.due_after(0, 599, 600, 601) == [False, False, True, True]


def test_what_failed_here_and_was_mended_by_another_is_not_hurried_any_more(world: World) -> None:
    world.again.ended(passing())
    world.seconds = 1
    publish_read_at(world, datetime(2026, 3, 1, tzinfo=UTC))
    assert world.due_after(0, 2, 599, 600) == [False, False, False, True]


def test_an_erasure_which_publishes_what_was_read_before_delays_no_refresh(world: World) -> None:
    publish_read_at(world, datetime(2026, 3, 1, tzinfo=UTC))
    world.again.ended(None)
    world.seconds = 500
    publish_read_at(world, datetime(2026, 3, 1, tzinfo=UTC))
    assert world.due_after(0, 100) == [False, True]


def test_another_refresh_in_the_way_is_waited_for_only_when_something_is_to_be_mended(world: World) -> None:
    world.again.ended(RefreshBusy("Another refresh is running."))
    assert world.due_after(2, 60) == [False, False]
    record_failure(world.store, "The product database fell silent.")
    world.again.ended(RefreshBusy("Another refresh is running."))
    assert world.due_after(2) == [True]


def test_a_full_refresh_stays_owed_until_one_went_well(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = [RefreshBusy("Another refresh is running."), passing(), None, None]
    asked: list[bool] = []

    def once(*_: object, full: bool) -> RefreshError | None:
        asked.append(full)
        if len(asked) == len(ends):
            signal.raise_signal(signal.SIGTERM)
        return ends[len(asked) - 1]

    monkeypatch.setattr(refresh, "_once", once)
    monkeypatch.setattr(Again, "look", 0.0)
    monkeypatch.setattr(Again, "due", lambda _: True)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        held = world.settings
        assert refresh._again_and_again(held, refresh._arguments(["--every", "10m", "--full"])) == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert asked == [True, True, True, False]


def test_a_failure_on_a_full_disk_is_written_down_in_the_room_kept_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, put = Store(str(tmp_path)), Store.put
    store.put("reserve", b"x" * 4096)

    def full(held: Store, name: str, content: bytes) -> None:
        if held.exists("reserve"):
            raise OSError(errno.ENOSPC, "No space left on device")
        put(held, name, content)

    monkeypatch.setattr(Store, "put", full)
    record_failure(store, "The disk is full.")
    found = last_failure(store)
    assert found is not None
    assert found.message == "The disk is full."
