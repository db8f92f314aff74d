"""Snapshots in a bucket: never seen half-written whatever fails, read from copies, and forgotten when they must be."""

from __future__ import annotations

import hashlib
import itertools
import math
import multiprocessing
import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import settings
from outreach import counter
from pages.shared import forgetting, readiness, trail
from queries import bucket_access, frames, left_out, refresh, sweep
from queries import store as storing
from queries.again import Again
from queries.errors import BucketError, RefreshBusy, RefreshError
from queries.lately import Lately
from queries.local_copies import LocalCopies
from queries.store import CURRENT, Manifest, Store, manifest_name, newest_manifest, publish
from tests.queries import s3
from tests.queries.company import NOON, Company, use

MINUTE = timedelta(minutes=1)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def network():
    with s3.serving() as port:
        made = s3.Network(port)
        yield made
        made.close()


@dataclass
class Shelf:
    """A bucket of the test's own, and this machine's copies of it."""

    network: s3.Network
    name: str
    copies: Path
    patch: pytest.MonkeyPatch
    whole: set[str] = field(default_factory=set)

    @property
    def location(self) -> str:
        return f"s3://{self.name}/some/prefix"

    @property
    def store(self) -> Store:
        return Store(self.location)

    def keys(self) -> dict[str, str]:
        address = f"http://127.0.0.1:{self.network.port}"
        keys = {"AWS_ACCESS_KEY_ID": s3.KEY, "AWS_SECRET_ACCESS_KEY": s3.SECRET, "AWS_ENDPOINT_URL": address}
        return keys | {"SNAPSHOT_CACHE_DIR": str(self.copies)}

    def another_process(self, *, copies: Path | None = None) -> None:
        """What a process that starts now knows; ``copies`` makes it one on another machine."""
        self.copies = copies or self.copies
        for name, value in self.keys().items():
            self.patch.setenv(name, value)
        storing._buckets.clear()
        frames._manifest.cache_clear()

    def another_machine(self) -> None:
        self.another_process(copies=self.copies.parent / f"machine-{next(_numbers)}")

    def a_second_later(self) -> None:
        """What was asked a second ago is asked again."""
        for asked in (self.store._place._contents, self.store._place._there):
            asked._known = {name: (-math.inf, known) for name, (_, known) in asked._known.items()}

    def kept(self) -> set[str]:
        """Names of the copies on this machine."""
        return {path.relative_to(self.copies).as_posix() for path in self.copies.rglob("*") if path.is_file()}

    def content(self, name: str) -> bytes | None:
        """What the bucket itself says."""
        status, found = self.network.content(f"{self.name}/some/prefix/{name}")
        return found if status == 200 else None

    def holes(self, manifest: Manifest) -> list[str]:
        """Files that the manifest names and that are not there, or not what their name says."""
        names = manifest.names()
        for name in names - self.whole:
            if hashlib.sha256(self.content(name) or b"").hexdigest()[:24] in name:
                self.whole.add(name)
        return sorted(self.store.lacks(names) | names - self.whole)

    def calls(self) -> int:
        """How many requests came since the last time this was asked."""
        found, self.network.calls = len(self.network.calls), []
        return found


@pytest.fixture
def shelf(network, tmp_path, monkeypatch):
    made = Shelf(network, f"bucket-{next(_numbers)}", tmp_path / "copies", monkeypatch)
    for name in (
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL_S3",
        "SNAPSHOT_CACHE_BYTES",
    ):
        monkeypatch.delenv(name, raising=False)
    network.bucket(made.name)
    made.another_process()
    network.calls.clear()
    yield made
    network.mend()
    storing._buckets.clear()
    frames._manifest.cache_clear()


def manifest(id: str, *, erasures: int = 0, **files: str) -> Manifest:
    at = datetime(2026, 3, 16, 23, 30, tzinfo=UTC)
    return Manifest(
        id=id, as_of=at, created_at=at, seconds=1, time_zone="Europe/Berlin", currency="EUR", week_start="monday",
        sources={}, files=files, erasures=erasures,
    )  # fmt: skip


def frame(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"a": values})


def everything(method: str, name: str, what: str = "cut") -> str | None:
    return what


def held(shelf: Shelf) -> settings.Settings:
    return settings.read(settings.ROOT / "config", {"SNAPSHOT_DIR": shelf.location})


# --- objects ------------------------------------------------------------------------------------------------------


def test_a_bucket_keeps_objects_as_a_folder_does(shelf):
    store = shelf.store
    assert (store.names(), store.get("none"), store.exists("none")) == ({}, None, False)
    first, other = store.put_frame("nps", frame(1)), store.put_frame("nps", frame(2))
    assert store.put_frame("nps", frame(1)) == first
    assert store.scan(first, other).collect()["a"].to_list() == [1, 2]
    store.put(CURRENT, b"one")
    assert store.get(CURRENT) == b"one"
    assert store.names().keys() == {first, other, CURRENT}
    assert all(abs(at - time.time()) < 60 for at in store.names().values())
    assert store.lacks([first, "nps/none.parquet"]) == {"nps/none.parquet"}
    store.delete(first)
    store.delete(first)
    assert store.names().keys() == {other, CURRENT}


def test_days_are_read_where_they_lie_by_one_request_more_than_there_are_files(shelf):
    store = shelf.store
    names = [store.put_frame("activity", frame(number)) for number in range(4)]
    shelf.another_machine()
    shelf.calls()
    assert shelf.store.scan(*names).collect()["a"].to_list() == [0, 1, 2, 3]
    assert {method for method, _ in shelf.network.calls} == {"GET"}
    assert shelf.calls() <= 8
    assert shelf.kept() == set()


def test_mixed_near_and_far_objects_keep_their_order(shelf):
    near, far = shelf.store.put_frame("nps", frame(1)), shelf.store.put_frame("activity", frame(2))
    shelf.another_machine()
    assert shelf.store.scan(far, near, far).collect()["a"].to_list() == [2, 1, 2]


def test_a_count_kept_beside_the_snapshots_outlives_them_in_a_bucket(shelf):
    store = shelf.store
    counter.keep(store, 7)
    counter.keep(store, 5)
    publish(store, manifest("one"))
    sweep.forget_others(store, [])
    assert counter.read(store) == 7


def test_a_bucket_that_can_be_written_has_room(shelf):
    given = {"SNAPSHOT_DIR": shelf.location, "PRODUCT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    again = Again(settings.read(settings.ROOT / "config", given))
    assert again._room()
    assert shelf.store.names() == {}
    shelf.network.harm(everything)
    assert not again._room()


# --- publishing ---------------------------------------------------------------------------------------------------


@dataclass
class Remote(Company):
    """A company whose snapshots lie in a bucket."""

    shelf: Shelf | None = None

    @property
    def settings(self) -> settings.Settings:
        assert self.shelf is not None
        return settings.read(self.config, {"PRODUCT_DATABASE_URL": self.url, "SNAPSHOT_DIR": self.shelf.location})

    @property
    def store(self) -> Store:
        assert self.shelf is not None
        return self.shelf.store


@pytest.fixture
def company(companies_url, tmp_path, shelf):
    made = Remote(companies_url, tmp_path, shelf=shelf)
    made.empty()
    made.customers("a", "b")
    made.table("people", {"user_id": "u", "account_id": "a"})
    made.table("events", *[use(i, f"2026-0{month}-02 10:00Z", user_id="u") for i in ("a", "b") for month in (2, 3)])
    made.table("nps", {"response_id": "r", "account_id": "a", "score": "9", "responded_at": "2026-02-01 10:00Z"})
    yield made
    made.close()


def all_frames(company: Company) -> dict[str, pl.DataFrame]:
    return {name: frame.collect() for name, frame in company.frames().mapping().items()}


def rows(company: Company) -> dict[str, list[tuple]]:
    return {name: frame.rows() for name, frame in all_frames(company).items()}


@pytest.mark.postgres
def test_a_bucket_gives_the_frames_that_a_folder_gives(company):
    folder = company.settings.model_copy(update={"snapshot_dir": str(company.folder / "snap")})
    company.refresh()
    refresh.run(folder, as_of=NOON)
    opened = frames.open_snapshot(frames.current_id(folder), frames.Scope(), folder)
    company.shelf.another_machine()
    ours, theirs = all_frames(company), {name: frame.collect() for name, frame in opened.mapping().items()}
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not ours[name].equals(theirs[name])] == []
    days = {"account_id": "a", "since": datetime(2026, 1, 1).date()}
    assert company.frames().activity(**days).collect().equals(opened.activity(**days).collect())
    assert company.manifest.names() == opened.manifest.names()
    assert ours["activity_monthly"].height == 4


class Trouble:
    """Fails each write of a refresh once, the first that was not failed yet; ``harmed`` are those that were.

    ``only`` those whose objects' names begin with one of these.
    """

    def __init__(self, *ways: str, only: tuple[str, ...] = ("",)) -> None:
        self.ways, self.only = itertools.cycle(ways), only
        self.harmed: list[str] = []
        self.target: str | None = None

    def __call__(self, method: str, name: str) -> str | None:
        name = name.removeprefix("some/prefix/")
        kind = "manifest" if name.startswith("manifest-") and method == "PUT" else name
        what = f"{method} {kind}"
        assert len(self.harmed) < 60
        is_next = self.target is None and what not in self.harmed and kind.startswith(self.only)
        if method in ("PUT", "POST", "DELETE") and is_next:
            self.target, self.way = what, next(self.ways)
            self.harmed.append(what)
        if self.target is None or method not in ("PUT", "POST", "DELETE"):
            return None
        if self.way == "kill":  # nothing arrives from then on
            return "cut"
        return self.way if what == self.target else None

    def again(self) -> None:
        self.target = None


def fail_writes(company: Remote, trouble: Trouble) -> list[tuple[str | None, list[str]]]:
    """Refreshes until nothing is left to fail; what failed, and what a reader on another machine saw then."""
    seen, ended = [], False
    assert company.shelf is not None
    while not ended:
        trouble.again()
        company.shelf.network.harm(trouble)
        try:
            refresh.run(company.settings, as_of=NOON + MINUTE)
        except RefreshError:
            assert trouble.target is not None
        ended = trouble.target is None
        company.shelf.network.mend()
        company.shelf.another_machine()
        assert company.shelf.holes(company.manifest) == [], trouble.target
        seen.append((trouble.target, files(company)))
    return seen


def files(company: Company) -> list[str]:
    """The files of the snapshot that is served, in order; their names tell their content."""
    found = company.manifest
    months = [name for month in found.months for name in (month.daily, month.monthly, month.weekly, month.usage)]
    return [*(f"{name} {file}" for name, file in sorted(found.files.items())), *months]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("ways", "only"),
    [
        (("kill", "lose", "refuse"), ("activity/", "usage_28d/", "manifest", "current", "failure.json")),
        *(pytest.param((way,), ("",), marks=pytest.mark.thorough) for way in ("kill", "lose", "refuse", "cut")),
    ],
    ids=("some", "kill", "lose", "refuse", "cut"),
)
def test_whichever_write_of_a_refresh_fails_readers_see_a_whole_snapshot(company, ways, only):
    company.refresh()
    before = files(company)
    company.add("events", use("b", "2026-03-16 09:00Z"))
    trouble = Trouble(*ways, only=only)
    seen = fail_writes(company, trouble)
    after = files(company)
    assert before != after
    assert [target for target, found in seen if found not in (before, after)] == []
    changed = {name.removeprefix("PUT ").partition("/")[0] for name in trouble.harmed}
    assert {"activity", "usage_28d"} <= changed
    assert only != ("",) or {"activity_monthly", "activity_weekly", "first_days"} <= changed
    assert {"PUT manifest", "PUT current"} < set(trouble.harmed)
    assert storing.last_failure(company.store) is None
    early = [found == before for target, found in seen if target and target != "PUT current" and "DELETE" not in target]
    assert early
    assert all(early[: trouble.harmed.index("PUT current")])


def killed_at(config: str, environment: dict[str, str], point: str) -> None:
    from tests.queries import crash

    os.environ.update(environment)
    crash.refresh_until(config, environment, NOON + MINUTE, point, 1)


@pytest.mark.postgres
@pytest.mark.thorough
def test_a_refresh_killed_between_two_writes_leaves_the_snapshot_before_and_the_next_one_heals(company):
    company.refresh()
    before, snapshot = rows(company), company.manifest.id
    company.add("events", use("b", "2026-03-16 09:00Z"))
    environment = company.shelf.keys() | {
        "PRODUCT_DATABASE_URL": company.url,
        "SNAPSHOT_DIR": company.shelf.location,
    }
    for point in ("write manifest", "write current"):
        process = multiprocessing.get_context("spawn").Process(
            target=killed_at, args=(str(company.config), environment, point)
        )
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        company.shelf.another_machine()
        assert (company.manifest.id, rows(company)) == (snapshot, before)
        assert company.shelf.holes(company.manifest) == []
    for _ in range(100):
        try:
            company.refresh(NOON + MINUTE)
            break
        except RefreshBusy:  # the server has not noticed yet that the killed one is gone
            time.sleep(0.05)
    assert len(rows(company)["activity_monthly"]) == len(before["activity_monthly"]) + 1


@pytest.mark.parametrize("way", ["lose", pytest.param("cut", marks=pytest.mark.thorough)])
def test_whichever_delete_fails_what_a_manifest_names_is_there(shelf, monkeypatch, way):
    """A refusal of one delete at a time, while old snapshots are swept up and while others are forgotten."""
    store = shelf.store
    names = {kind: store.put_frame(kind, frame(number)) for number, kind in enumerate("abcd")}
    publish(store, manifest("1", a=names["a"], b=names["b"]))
    publish(store, manifest("2", b=names["b"], c=names["c"]))
    publish(store, manifest("3", c=names["c"], d=names["d"]))
    later = time.time() + 30 * 3600
    monkeypatch.setattr(sweep, "_now", lambda names: later)
    for remove in (lambda: sweep.prune(store, keep=timedelta(days=1)), lambda: sweep.forget_others(store, [])):
        trouble = Trouble(way)
        while True:
            trouble.again()
            shelf.network.harm(trouble)
            try:
                remove()
            except BucketError:
                assert trouble.target is not None
            shelf.network.mend()
            shelf.another_machine()
            for name in filter(lambda name: name.startswith("manifest-"), shelf.store.names()):
                assert shelf.holes(storing.read_manifest(shelf.store, name[9:-5])) == [], trouble.target
            if trouble.target is None:
                break
        assert any(one.startswith("DELETE manifest") for one in trouble.harmed)
    assert store.names().keys() == {CURRENT, storing.RESERVE}


def test_what_an_interrupted_erasure_left_goes_with_the_next_sweep(shelf):
    store = shelf.store
    names = {kind: store.put_frame(kind, frame(number)) for number, kind in enumerate("abc")}
    publish(store, manifest("1", a=names["a"], b=names["b"]))
    publish(store, manifest("2", erasures=1, b=names["b"], c=names["c"]))
    sweep.prune(store, keep=timedelta(days=1))
    assert store.names().keys() == {CURRENT, storing.RESERVE, "manifest-2.json", names["b"], names["c"]}


@pytest.mark.postgres
def test_a_refresh_that_could_not_remove_what_is_from_before_an_erasure_leaves_it_to_the_next(company, monkeypatch):
    company.refresh()
    before = company.manifest
    company.add("events", use("b", "2026-03-16 09:00Z"))
    with monkeypatch.context() as erased:
        erased.setattr(left_out.LeftOut, "has_grown", property(lambda self: True))
        company.shelf.network.harm(lambda method, name: "cut" if method == "DELETE" else None)
        with pytest.raises(RefreshError, match="cannot be written"):
            company.refresh(NOON + MINUTE)
    company.shelf.network.mend()
    after = company.manifest
    assert (before.erasures, after.erasures) == (0, 1)
    assert company.store.exists(manifest_name(before.id))
    company.refresh(NOON + 2 * MINUTE)
    manifests = {name for name in company.store.names() if name.startswith("manifest-")}
    assert manifests == {manifest_name(after.id), manifest_name(company.manifest.id)}
    assert (before.names() - after.names()).isdisjoint(company.store.names())


@pytest.mark.parametrize("hours", [-1.5, 1.5])
def test_a_wrong_clock_sweeps_up_nothing_fresh(shelf, monkeypatch, hours):
    fresh = shelf.store.put_frame("nps", frame(1))
    publish(shelf.store, manifest("1"))
    publish(shelf.store, manifest("2"))
    monkeypatch.setattr(sweep, "time", SimpleNamespace(time=lambda: time.time() + hours * 3600))
    assert sweep.prune(shelf.store, keep=timedelta(hours=1)) == 0
    assert shelf.store.exists(fresh)


# --- copies -------------------------------------------------------------------------------------------------------


def test_a_small_frame_is_fetched_once_and_a_harmed_copy_again(shelf):
    name = shelf.store.put_frame("nps", frame(1, 2))
    shelf.another_machine()
    shelf.calls()
    for _ in range(3):
        assert shelf.store.scan(name).collect()["a"].to_list() == [1, 2]
    assert shelf.network.calls == [("HEAD", f"some/prefix/{name}"), ("GET", f"some/prefix/{name}")]
    assert shelf.copies.stat().st_mode & 0o077 == 0
    whole = (shelf.copies / name).read_bytes()
    for harmed in (whole[:-1], whole[:50] + b"x" + whole[51:], b""):
        (shelf.copies / name).write_bytes(harmed)
        shelf.calls()
        assert shelf.store.scan(name).collect()["a"].to_list() == [1, 2]
        assert shelf.calls() == 2
        assert (shelf.copies / name).read_bytes() == whole
    shelf.another_process()
    assert shelf.store.scan(name).collect()["a"].to_list() == [1, 2]
    assert shelf.calls() == 0


def test_what_arrives_cut_short_is_never_kept_as_a_copy(shelf):
    name = shelf.store.put_frame("nps", frame(1))
    shelf.another_machine()
    shelf.store.put("other", b"PAR1 nothing")
    asked = storing._buckets[next(iter(storing._buckets))]
    with pytest.raises(BucketError, match="is not what its name says"):
        asked.copies.path(name, lambda: iter([b"PAR1 nothing"]))
    assert shelf.kept() == set()
    assert shelf.store.scan(name).collect()["a"].to_list() == [1]


def copies_of(tmp_path: Path, room: int) -> tuple[LocalCopies, SimpleNamespace]:
    clock = SimpleNamespace(now=time.time())
    return LocalCopies(tmp_path / "copies", room, clock=lambda: clock.now), clock


def named(content: bytes) -> str:
    return f"nps/{hashlib.sha256(content).hexdigest()[:24]}.parquet"


def test_copies_used_longest_ago_make_room_and_those_used_lately_stay(tmp_path):
    copies, clock = copies_of(tmp_path, room=350)
    contents = [bytes([number]) * 100 for number in range(5)]

    def take(number: int) -> bool:
        return copies.path(named(contents[number]), lambda: iter([contents[number]])) is not None

    for number in range(3):
        assert take(number)
        clock.now += 700
    assert take(0)
    assert take(3)
    assert [copies.there(named(contents[number])) is not None for number in (0, 1, 2, 3)] == [True, False, True, True]
    assert not take(4)  # all were used within the last minutes
    clock.now += 700
    assert take(4)
    assert sum(path.stat().st_size for path in (tmp_path / "copies").rglob("*") if path.is_file()) <= 350


def test_what_is_larger_than_all_room_and_a_full_disk_are_read_from_the_bucket(shelf, monkeypatch):
    name = shelf.store.put_frame("nps", frame(*range(100)))
    monkeypatch.setenv("SNAPSHOT_CACHE_BYTES", "100")
    shelf.another_machine()
    assert shelf.store.scan(name).collect().height == 100
    assert shelf.kept() == set()
    monkeypatch.delenv("SNAPSHOT_CACHE_BYTES")
    (shelf.copies.parent / "file").write_text("a file where the folder should be")
    shelf.another_process(copies=shelf.copies.parent / "file")
    publish(shelf.store, manifest("one", nps=name))
    assert shelf.store.scan(name).collect().height == 100
    assert newest_manifest(shelf.store) == manifest("one", nps=name)


def test_many_threads_fetch_a_copy_once(shelf):
    names = [shelf.store.put_frame("nps", frame(number)) for number in range(4)]
    shelf.another_machine()
    shelf.calls()
    store = shelf.store
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: store.scan(*names).collect()["a"].to_list(), range(16)))
    assert found == [[0, 1, 2, 3]] * 16
    assert shelf.calls() == 8


def test_a_process_asks_once_a_second_which_snapshot_is_served(shelf):
    now = SimpleNamespace(at=0.0)
    publish(shelf.store, manifest("one"))
    shelf.another_machine()
    bucket = shelf.store._place
    bucket._contents, bucket._there = Lately(clock=lambda: now.at), Lately(clock=lambda: now.at)
    settled = held(shelf)
    shelf.calls()
    for _ in range(20):
        assert frames.current_id(settled) == "one"
        assert shelf.store.existed_lately(manifest_name("one"))
    assert shelf.calls() == 3
    now.at = 1.5
    assert frames.current_id(settled) == "one"
    assert shelf.calls() == 2
    publish(shelf.store, manifest("two"))
    assert frames.current_id(settled) == "two"  # whoever publishes sees it at once


def test_while_one_asks_anew_the_others_go_on_with_what_they_know():
    now, asking, answer = SimpleNamespace(at=0.0), threading.Event(), threading.Event()
    known: Lately[str] = Lately(clock=lambda: now.at)
    known.tell("a", "old")
    now.at = 2.0

    def ask() -> str:
        asking.set()
        answer.wait(10)
        return "new"

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(known.answer, "a", ask)
        asking.wait(10)
        assert known.answer("a", lambda: "nobody asks this") == "old"
        answer.set()
        assert slow.result() == "new"


# --- a bucket that does not answer --------------------------------------------------------------------------------


def page(company: Company) -> dict[str, list[tuple]]:
    """What a page opens with."""
    frames.last_failure(company.settings)
    return rows(company)


def ready(held: settings.Settings) -> dict:
    return readiness._snapshot(held)


@pytest.mark.postgres
@pytest.mark.slow
def test_pages_open_from_a_bucket_and_while_it_is_away(company, monkeypatch):
    shelf = company.shelf
    company.refresh()
    shelf.another_machine()
    monkeypatch.setattr(settings, "get", lambda: company.settings)
    monkeypatch.setattr(trail, "_add", lambda *_: None)
    st.cache_data.clear()
    for banner in ("", "does not answer"):
        for name in ("overview", "accounts", "account", "onboarding"):
            seen = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
            seen.switch_page(f"{name}.py").run()
            told = " ".join(box.value for box in (*seen.warning, *seen.error, *seen.markdown, *seen.caption))
            assert not seen.exception
            assert "could not be worked out" not in told
            assert "as of" in told
            assert banner in told
        st.cache_data.clear()
        shelf.a_second_later()
        shelf.network.harm(everything)


@pytest.mark.postgres
def test_while_the_bucket_is_away_pages_go_on_and_all_is_well_again_by_itself(company):
    shelf = company.shelf
    company.refresh()
    shelf.another_machine()
    before = page(company)
    assert ready(company.settings)["state"] == "too old"  # the company lives in March
    shelf.a_second_later()
    shelf.network.harm(everything)
    for restart in (False, True):
        if restart:
            shelf.another_process()
        assert page(company) == before
        assert "does not answer" in frames.last_failure(company.settings).message
        assert ready(company.settings)["state"] == "its bucket does not answer"
        assert ready(company.settings)["ok"] is False
    with pytest.raises(RefreshError, match="does not answer") as refused:
        company.refresh(NOON + MINUTE)
    assert refused.value.passing
    assert s3.SECRET not in str(refused.value)
    assert s3.KEY not in str(refused.value)
    shelf.network.mend()
    storing._buckets[next(iter(storing._buckets))]._silent_until = time.monotonic()  # two seconds later
    company.refresh(NOON + MINUTE)
    assert frames.last_failure(company.settings) is None
    assert ready(company.settings)["state"] == "too old"


def test_a_bucket_that_takes_requests_and_says_nothing_holds_nobody_for_long(shelf):
    near, far = shelf.store.put_frame("nps", frame(1)), shelf.store.put_frame("activity", frame(2))
    publish(shelf.store, manifest("one", nps=near, days=far))
    shelf.another_machine()
    opened = frames.open_snapshot(frames.current_id(held(shelf)), frames.Scope(), held(shelf))
    shelf.store.scan(near).collect()
    shelf.network.harm(lambda method, name: "hang")
    shelf.a_second_later()
    started = time.monotonic()
    assert frames.current_id(held(shelf)) == "one"
    assert opened.store.scan(near).collect()["a"].to_list() == [1]
    with pytest.raises(BucketError, match="does not answer"):
        opened.store.scan(far)
    assert shelf.store.existed_lately(manifest_name("one"))
    assert time.monotonic() - started < 10  # 1.5 on a machine that does nothing else


def test_after_a_silence_one_thread_asks_for_all(shelf):
    store = shelf.store
    store.put(CURRENT, b"one")
    shelf.network.harm(everything)
    with pytest.raises(BucketError):
        store.get(CURRENT)
    shelf.calls()
    with pytest.raises(BucketError):
        store.get(CURRENT)
    assert shelf.calls() == 0
    shelf.network.mend()
    store._place._silent_until = time.monotonic() - 0.001
    assert store.get(CURRENT) == b"one"
    assert store._place._silent_until == 0


def test_a_refresher_waits_where_nobody_can_tell_whether_the_snapshots_are_gone(shelf):
    again = Again(held(shelf))
    again.ended(None)
    assert again.due()
    shelf.network.harm(everything)
    assert not again.due()
    again.ended(RefreshBusy("Another refresh is running."))
    assert not again.due()


# --- people who were erased ---------------------------------------------------------------------------------------


def test_copies_of_what_an_erasure_removed_go_within_seconds_and_at_the_start(shelf, monkeypatch):
    store = shelf.store
    old, both = store.put_frame("people", frame(1)), store.put_frame("nps", frame(2))
    publish(store, manifest("1", people=old, nps=both))
    shelf.another_machine()
    serving = held(shelf)
    monkeypatch.setattr(settings, "get", lambda: serving)
    known = forgetting.keep_up("1", None)
    shelf.store.scan(old, both).collect()
    assert {old, both, "manifest-1.json"} <= shelf.kept()
    elsewhere = shelf.copies.parent / "elsewhere"
    shutil.copytree(shelf.copies, elsewhere)
    here = shelf.copies

    shelf.another_machine()  # where somebody is erased
    new = shelf.store.put_frame("people", frame(3))
    publish(shelf.store, manifest("2", erasures=1, people=new, nps=both))
    sweep.forget_others(shelf.store, [manifest("2", people=new, nps=both)])

    shelf.another_process(copies=here)
    shelf.store._place._erasures = 0  # a server that has been running
    assert forgetting.keep_up("2", known) == 1
    assert {old, "manifest-1.json"}.isdisjoint(shelf.kept())
    assert both in shelf.kept()

    shelf.another_process(copies=elsewhere)
    assert old in shelf.kept()
    frames.open_snapshot("2", frames.Scope(), serving)
    assert {old, "manifest-1.json"}.isdisjoint(shelf.kept())
    assert both in shelf.kept()


# --- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "environment", "words"),
    [
        ("gs://bucket/x", {}, 'begins with "gs://"'),
        ("az://bucket/x", {}, "s3://bucket/prefix"),
        ("file:///var/x", {}, "write a folder"),
        ("s3://", {}, "names no bucket"),
        ("s3://bucket/../x", {}, "names no bucket"),
        ("s3://bucket", {"AWS_ACCESS_KEY_ID": "AKID"}, "Only one of"),
        ("s3://bucket", {"AWS_ENDPOINT_URL": "objects.example.com"}, "AWS_ENDPOINT_URL is no address"),
        (
            "s3://bucket",
            {"AWS_ENDPOINT_URL": "https://me:secret@objects.example.com"},
            "AWS_ENDPOINT_URL is no address",
        ),
        ("s3://bucket", {"SNAPSHOT_CACHE_BYTES": "4 GB"}, "no number of bytes"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused_with_words(location, environment, words):
    with pytest.raises(settings.SettingsError) as refused:
        settings.read(settings.ROOT / "config", {"SNAPSHOT_DIR": location} | environment)
    assert words in str(refused.value)
    assert "Hint: " in str(refused.value)
    assert "secret" not in str(refused.value)


def test_one_environment_opens_the_bucket_for_both_ways_of_reading():
    given = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_SESSION_TOKEN": "pass"}
    found = bucket_access.read("s3://numbers/a/b/", given | {"AWS_DEFAULT_REGION": "eu-central-1"})
    assert found is not None
    polars, arrow = found.for_polars(), found.for_arrow()
    assert (polars["aws_access_key_id"], polars["aws_secret_access_key"]) == ("AKID", "hush")
    assert (arrow["access_key"], arrow["secret_key"], arrow["session_token"]) == ("AKID", "hush", "pass")
    assert polars["aws_session_token"] == "pass"
    assert polars["aws_region"] == arrow["region"] == "eu-central-1"
    assert "aws_allow_http" not in polars
    assert not {"hush", "pass", "AKID"} & set(repr(found).replace("'", " ").split())
    assert found.without_secrets("no hush\nfor AKID.") == "no *** for ***"
    plain = bucket_access.read("s3://numbers", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000/"})
    assert plain is not None
    assert plain.for_polars()["aws_allow_http"] == "true"
    assert plain.for_arrow() == {"region": "us-east-1", "scheme": "http", "endpoint_override": "127.0.0.1:9000"}
    assert "aws_access_key_id" not in plain.for_polars()
