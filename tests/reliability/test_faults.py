"""The table of docs/reliability.md, fault by fault, against a running server: pages over its web socket.

In every fault pages answer within 5 seconds from the last snapshot, with a banner; 10 seconds after its end all is well
again; and what was acknowledged is there.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

import settings
from demo import load
from demo import server as postgres
from queries import refresh, watched
from queries.errors import RefreshBusy, RefreshError
from queries.store import Store, last_failure, newest_manifest
from records import notes, outbox
from tests.freezing import frozen, kill
from tests.queries.company import NOON, Company
from tests.queries.crash import refresh_until
from tests.records import outreach
from tests.records.conftest import rows
from tests.reliability.conftest import Figures, filled, small_disk
from tests.reliability.site import ANSWER, FAILED, RECOVER, SLACK, Site, fill, running, waited
from tests.reliability.visitor import Visitor

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


@pytest.fixture(scope="module")
def disks(short_folder: Path) -> Iterator[bool]:
    """Whether the site's snapshots and its database are on small disks of their own."""
    with ExitStack() as mounted:
        try:
            for name, size in (("disk", "8m"), ("pg", "400m")):
                mounted.enter_context(small_disk(short_folder / name, size))
        except pytest.skip.Exception:
            yield False
        else:
            yield True


@pytest.fixture(scope="module")
def site(short_folder: Path, disks: bool) -> Iterator[Site]:
    (short_folder / "pg").mkdir(exist_ok=True)
    with running(short_folder) as made:
        yield made


@contextmanager
def stopped(site: Site) -> Iterator[None]:
    postgres.stop(site.postgres, mode="immediate")
    try:
        yield
    finally:
        postgres.start(site.postgres)


@contextmanager
def killed(site: Site) -> Iterator[None]:
    kill(site.postgres)
    try:
        yield
    finally:
        postgres.start(site.postgres)


@contextmanager
def network(harm: Callable[[], None], site: Site) -> Iterator[None]:
    harm()
    try:
        yield
    finally:
        site.proxy.mend()


FAULTS: dict[str, Callable[[Site], AbstractContextManager[None]]] = {
    "stopped with immediate": stopped,
    "SIGSTOP": lambda site: frozen(site.postgres),
    "network cut, connections refused": lambda site: network(site.proxy.cut, site),
    "network cut, packets dropped": lambda site: network(site.proxy.stall, site),
}


SILENT = {"network cut, packets dropped"}
"""To us the same as SIGSTOP, so its banner is not waited for, too."""


@pytest.mark.parametrize(
    "fault", [pytest.param(each, marks=[pytest.mark.thorough] if each in SILENT else []) for each in FAULTS]
)
def test_in_a_fault_pages_answer_and_after_it_all_is_well_and_nothing_is_lost(
    site: Site, figures: Figures, fault: str
) -> None:
    note = f"typed in while: {fault}"
    with Visitor(site.app.url) as author:
        form = author.open("account", "account=a").widgets
        field, button = form["A new note"], form["Add note"]
        with FAULTS[fault](site):
            began = time.monotonic()
            told = author.press(button, {field: note})
            assert told.seconds < ANSWER
            assert "does not answer" in told.text
            assert told.widgets["A new note"] == field  # what was typed stays in it
            slowest = max(told.seconds, site.slowest())
            status, body = site.ready()
            assert (status, body["database"]["ok"], body["records"]["ok"]) == (503, False, False)
            assert body["snapshot"]["ok"] is True
            if fault not in SILENT:
                waited(site.warns, 20 * SLACK, "the banner says so")
            banner = time.monotonic() - began
        recovery = site.recovered()
        again = author.press(button, {field: note})
        assert "does not answer" not in again.text
    assert rows(site.records.owner, f"SELECT text FROM tenure.notes WHERE text = '{note}'") == [(note,)]
    figures(fault, {"slowest page": slowest, "fault took": banner, "recovery": recovery})


@pytest.mark.thorough
def test_a_restart_that_nobody_noticed_costs_nothing(site: Site, figures: Figures) -> None:
    postgres.stop(site.postgres, mode="fast")
    postgres.start(site.postgres)
    figures("restarted", {"slowest page": site.slowest()})


@pytest.mark.thorough
def test_a_database_that_is_slow_holds_no_page(site: Site, figures: Figures) -> None:
    with network(lambda: site.proxy.slow(0.4), site):
        slowest = site.slowest()
    figures("slow", {"slowest page": slowest, "recovery": site.recovered()})


def test_what_was_acknowledged_outlives_a_kill_and_leaves_once(site: Site, figures: Figures) -> None:
    """Messages approved right before every process of PostgreSQL is killed: their worker is in the middle of them."""
    queued = [outreach.row() for _ in range(5)]
    now, note = datetime.now(UTC), {"account_id": "a", "note_id": uuid4(), "text": "said right before"}
    campaign = outreach.running(site.records, queued, kind="internal", now=now)
    notes.set_note(site.records.engine, author="ada", now=now, **note)  # type: ignore[arg-type]
    with killed(site):
        slowest = site.slowest()
    site.records.engine.dispose()
    leaves = waited(lambda: _ended(site, campaign), 20, "every message has its end")
    assert "said right before" in notes.current(site.records.engine, "a")["text"].to_list()
    found = outbox.reconcile(site.records.engine, campaign)
    assert sum(found.values()) == 5
    assert set(found) <= {"sent", "uncertain"}
    delivered = [id for id in site.office.ids() if id in {str(each.id) for each in queued}]
    assert len(delivered) == len(set(delivered)) >= found["sent"]
    figures("killed -9", {"slowest page": slowest, "last message": leaves, "recovery": site.recovered()})


def _ended(site: Site, campaign: object) -> bool:
    found = outbox.reconcile(site.records.engine, campaign)  # type: ignore[arg-type]
    return not {"queued", "claimed", "sending"} & found.keys()


@pytest.mark.thorough
def test_wherever_a_refresh_is_killed_pages_serve_a_whole_snapshot(site: Site, figures: Figures) -> None:
    """A second refresher, killed in each of its phases, beside the server's own; both publish to the same folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.queries.crash"])
    environment = {"PRODUCT_DATABASE_URL": site.company.url, "SNAPSHOT_DIR": str(site.snapshots)}
    slowest = 0.0
    for point in ("step", "write accounts", "write manifest", "replace current"):
        arguments = (str(site.company.config), environment, datetime.now(UTC), point, 1)

        def killed_at(arguments: tuple[object, ...] = arguments) -> bool:
            site.company.sql(f"UPDATE accounts SET country = '{uuid4()}'")  # so that there is something to write
            site.company.close()
            process = context.Process(target=refresh_until, args=arguments)
            process.start()
            process.join(30)
            return process.exitcode == -signal.SIGKILL  # otherwise the server's own refresh was under way

        waited(killed_at, 30, f"a refresh is killed at {point}")
        seen = site.open("overview")
        assert "as of" in seen.text
        assert not any(words in seen.text for words in FAILED)
        slowest = max(slowest, seen.seconds)
    figures("refresh killed in every phase", {"slowest page": slowest, "recovery": site.recovered()})


def test_two_refreshers_never_publish_an_older_look(site: Site, figures: Figures) -> None:
    held = settings.read(
        site.company.config, {"PRODUCT_DATABASE_URL": site.company.url, "SNAPSHOT_DIR": str(site.snapshots)}
    )
    store, looks, longest = Store(held.snapshot_dir), [], 0.0
    for _ in range(8):
        began = time.monotonic()
        with suppress(RefreshBusy):
            refresh.run(held)
        longest = max(longest, time.monotonic() - began)
        found = newest_manifest(store)
        assert found is not None
        assert found.names() <= store.names().keys()
        looks.append(found.as_of)
    assert looks == sorted(looks)
    figures("two refreshers", {"longest refresh": longest, "slowest page": site.slowest()})


@pytest.mark.thorough
def test_a_database_that_freezes_in_the_middle_of_a_refresh_is_given_up_and_read_again(
    site: Site, tmp_path: Path, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ASK_AFTER", 0.5), ("ASK_AGAIN", 0.1), ("ASKING", 2), ("MISSES", 1)):
        monkeypatch.setattr(watched, name, value)
    server = postgres.start(site.postgres)
    load.make_database(server.url(), "frozen")
    company = Company(server.url("frozen"), tmp_path)
    fill(company)
    company.refresh()
    seen = company.manifest
    with ExitStack() as until_then:

        def freeze(what: str, done: int, of: int) -> None:
            if what == "nps":
                until_then.enter_context(frozen(site.postgres))

        began = time.monotonic()
        with pytest.raises(RefreshError, match="fell silent in the middle"):
            refresh.run(company.settings, progress=freeze)
        given_up = time.monotonic() - began
    assert company.manifest == seen
    assert last_failure(company.store) is not None

    def refreshed() -> bool:
        with suppress(RefreshBusy):  # the connection that was given up has not ended yet
            company.refresh(NOON + timedelta(minutes=1))
        return company.manifest != seen

    recovery = waited(refreshed, RECOVER, "it is read again")
    figures("SIGSTOP in the middle of a refresh", {"given up after": given_up, "recovery": recovery})
    site.recovered()


def _vanished(folder: Path) -> bool:
    """Whether a folder is gone; a refresh may have put something into it while it was being deleted."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def test_a_deleted_snapshot_folder_is_made_anew(site: Site, figures: Figures) -> None:
    waited(lambda: _vanished(site.snapshots), RECOVER, "a refresh lets go of the folder")
    seen = site.open("overview")
    assert seen.seconds < ANSWER
    assert "There is no snapshot yet" in seen.text or "as of" in seen.text  # the refresh may have been faster
    figures("snapshot directory deleted", {"page": seen.seconds, "recovery": site.recovered()})


def test_a_full_disk_leaves_the_last_snapshot_serving_with_a_banner(site: Site, disks: bool, figures: Figures) -> None:
    _needs(disks)
    with filled(site.snapshots.parent):
        began = time.monotonic()
        waited(site.warns, 20 * SLACK, "the banner says so")
        banner = time.monotonic() - began
        assert "No space left on device" in site.open("data").text
        slowest = site.slowest()
    figures("disk full (snapshots)", {"slowest page": slowest, "banner after": banner, "recovery": site.recovered()})


def test_a_full_disk_under_the_records_refuses_in_words_and_keeps_what_it_took(
    site: Site, disks: bool, figures: Figures
) -> None:
    _needs(disks)
    rows(site.records.owner, "SELECT pg_switch_wal()")
    rows(site.records.owner, "SELECT 1 FROM pg_logical_emit_message(false, 'tenure', 'a new file of the log')")
    with Visitor(site.app.url) as author:
        form = author.open("account", "account=b").widgets
        kept, slowest = [], 0.0
        with filled(site.postgres):
            for number in range(60):
                text = f"{number} " + "".join(
                    chr(0x4E00 + (number * 7919 + at * 104_729) % 20_000) for at in range(3_000)
                )
                told = author.press(form["Add note"], {form["A new note"]: text})
                slowest = max(slowest, told.seconds)
                if "No space left on device" in told.text:
                    assert told.widgets["A new note"] == form["A new note"]
                    break
                kept.append(text)
                form = told.widgets
            else:
                raise AssertionError("the disk was never full")
            slowest = max(slowest, site.slowest())
        recovery = site.recovered()
        author.press(form["Add note"], {form["A new note"]: text})
    found = {each for (each,) in rows(site.records.owner, "SELECT text FROM tenure.notes WHERE account_id = 'b'")}
    assert found == {*kept, text}
    figures("disk full (records)", {"slowest page": slowest, "recovery": recovery})


def _long(number: int) -> str:
    """A note that takes room: no two are alike, and none can be made shorter."""
    chance = random.Random(number)
    return f"{number} " + "".join(chr(0x4E00 + chance.randrange(20_000)) for _ in range(3_000))


def _needs(disks: bool) -> None:
    if not disks:
        pytest.skip("this machine allows no small disk")
