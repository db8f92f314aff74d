"""Snapshots on disk: whole or not at all, named by content, and swept up when nobody needs them."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from queries import store as storing
from queries.errors import NoSnapshot
from queries.store import CURRENT, RESERVE, Bad, Manifest, Month, Store, newest_manifest, publish
from queries.sweep import prune

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "snap"))


def manifest(id: str, **files: str) -> Manifest:
    at = datetime(2026, 3, 16, 23, 30, tzinfo=UTC)
    return Manifest(
        id=id, as_of=at, created_at=at, seconds=1, time_zone="Europe/Berlin", currency="EUR", week_start="monday",
        sources={}, files=files,
    )  # fmt: skip


def age(store: Store, hours: float, *names: str) -> None:
    for name in names:
        os.utime(store.root / name, (time.time() - hours * 3600,) * 2)


def frame(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"a": values})


def test_one_content_is_one_object_whoever_writes_it(store):
    first, second, other = (
        store.put_frame("nps", frame(1)),
        store.put_frame("nps", frame(1)),
        store.put_frame("nps", frame(2)),
    )
    assert first == second != other
    assert first.startswith("nps/")
    assert store.scan(first, other).collect()["a"].to_list() == [1, 2]


def test_a_folder_whose_name_looks_like_a_pattern_is_read(tmp_path):
    store = Store(str(tmp_path / "[prod]"))
    assert store.scan(store.put_frame("nps", frame(1))).collect()["a"].to_list() == [1]


def test_today_is_the_organisation_s_day(store):
    assert str(manifest("m").today) == "2026-03-17"


def test_a_month_counts_its_good_and_its_bad_events():
    at = datetime(2026, 3, 1, tzinfo=UTC)
    bad = (Bad(reason="x", day=None, events=2), Bad(reason="y", day=at.date(), events=3))
    assert Month(month=at.date(), checked_at=at, uses=10, daily="d", bad=bad).events == 15


def test_the_newest_published_snapshot_is_served(store):
    assert newest_manifest(store) is None
    publish(store, manifest("one"))
    publish(store, manifest("two"))
    assert newest_manifest(store) == manifest("two")
    assert storing.read_manifest(store, "one") == manifest("one")


def test_publishing_forgets_the_failure_before_it(store):
    storing.record_failure(store, "no database")
    assert storing.last_failure(store).message == "no database"
    publish(store, manifest("one"))
    assert storing.last_failure(store) is None


def test_a_failure_that_cannot_be_recorded_is_not_another_failure(tmp_path):
    (tmp_path / "file").write_text("")
    storing.record_failure(Store(str(tmp_path / "file")), "no database")
    assert storing.last_failure(Store(str(tmp_path / "file"))) is None


def test_a_snapshot_that_is_gone_or_of_another_version_says_what_to_do(store):
    with pytest.raises(NoSnapshot, match="There is no snapshot yet"):
        storing.current_id(store)
    with pytest.raises(NoSnapshot, match="Snapshot gone is gone") as gone:
        storing.read_manifest(store, "gone")
    assert "reload the page" in gone.value.hint
    store.put("manifest-odd.json", b'{"id": "odd"}')
    with pytest.raises(NoSnapshot, match="written by another version") as odd:
        storing.read_manifest(store, "odd")
    assert "--full" in odd.value.hint


def test_a_manifest_with_fields_of_a_newer_version_can_still_be_read(store):
    publish(store, manifest("one"))
    text = (store.root / "manifest-one.json").read_text()
    store.put("manifest-one.json", text.replace("{", '{"later": 1, ', 1).encode())
    assert newest_manifest(store) == manifest("one")


def test_what_no_recent_manifest_names_is_swept_up(store):
    names = {
        name: store.put_frame(name, frame(number))
        for number, name in enumerate(["old", "shared", "new", "loose", "fresh"])
    }
    publish(store, manifest("older", a=names["old"], b=names["shared"]))
    publish(store, manifest("newer", a=names["new"], b=names["shared"]))
    age(store, 30, "manifest-older.json", *(name for kind, name in names.items() if kind != "fresh"))
    assert prune(store, keep=DAY) == 3
    kept = {CURRENT, RESERVE, "manifest-newer.json", names["new"], names["shared"], names["fresh"]}
    assert set(store.names()) == kept


def test_the_snapshot_being_served_stays_however_old(store):
    name = store.put_frame("nps", frame(1))
    publish(store, manifest("one", nps=name))
    age(store, 1000, name, "manifest-one.json", CURRENT)
    assert prune(store, keep=DAY) == 0
    assert newest_manifest(store).names() <= set(store.names())


def test_a_snapshot_of_yesterday_can_still_be_read_today(store):
    name = store.put_frame("nps", frame(1))
    publish(store, manifest("one", nps=name))
    publish(store, manifest("two"))
    age(store, 23, name, "manifest-one.json")
    assert prune(store, keep=DAY) == 0


def test_sweeping_up_where_there_is_nothing_does_no_harm(store):
    assert prune(store, keep=DAY) == 0


def test_readers_see_every_pointer_whole_while_it_changes(store):
    ids = [f"{number}" * 40 for number in range(10)]
    store.put(CURRENT, ids[0].encode())
    seen, done = set(), threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(storing.current_id(store))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(200):
        store.put(CURRENT, ids[number % 10].encode())
    done.set()
    reader.join()
    assert seen <= set(ids)
    assert len(seen) > 1
