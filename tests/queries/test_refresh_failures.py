"""A refresh that fails leaves the last snapshot serving, says why, and stands in nobody's way."""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from queries import comments, refresh
from queries.errors import NoSnapshot, RefreshBusy, RefreshError
from queries.report import Report
from queries.store import CURRENT, last_failure, publish
from tests.queries.company import NOON, answers, use

pytestmark = pytest.mark.postgres

DAY = timedelta(days=1)


def test_accounts_that_cannot_be_read_leave_the_last_snapshot_serving(shop):
    shop.refresh()
    before = shop.manifest
    shop.map("accounts", "SELECT account_id, nom FROM accounts")
    with pytest.raises(RefreshError, match='column "nom" does not exist') as failed:
        shop.refresh(NOON + DAY)
    assert "correct its name" in failed.value.hint
    assert shop.manifest == before
    assert "accounts.sql failed" in last_failure(shop.store).message
    shop.map("accounts", "SELECT * FROM accounts")
    shop.refresh(NOON + DAY)
    assert last_failure(shop.store) is None


def test_no_database_is_set(shop, monkeypatch):
    without = shop.settings.model_copy(update={"product_database_url": None})
    with pytest.raises(RefreshError, match="No product database is set"):
        refresh.run(without)


def test_a_database_that_is_away_leaves_the_last_snapshot_serving(shop):
    shop.refresh()
    before = shop.manifest
    shop.url = shop.url.replace("/test_", "/gone_").replace("postgres@", "reader:secret@")
    with pytest.raises(RefreshError):
        shop.refresh(NOON + DAY)
    assert shop.manifest == before
    assert "secret" not in last_failure(shop.store).message
    assert answers(shop) == ["a", "b"]


@pytest.mark.parametrize("moment", ["people", "roadmap", "events"])
def test_a_connection_that_is_ended_in_the_middle_ends_the_refresh_and_nothing_else(shop, moment):
    shop.refresh()
    before = shop.manifest

    def end_it(what: str, done: int, of: int) -> None:
        if what == moment:
            shop.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'tenure'"
            )

    with pytest.raises(RefreshError, match="The product database went away: terminating connection") as failed:
        refresh.run(shop.settings, as_of=NOON + DAY, full=True, progress=end_it)
    assert failed.value.hint == "the last snapshot keeps serving; the next refresh tries again"
    assert shop.manifest == before
    assert shop.refresh(NOON + DAY).failed == {}


def test_a_connection_that_is_lost_while_comments_are_read_publishes_nothing(shop, monkeypatch):
    shop.refresh()
    before, made = shop.manifest, comments.Reading.made

    def lost(reading, frames):
        shop.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'tenure'"
        )
        return made(reading, frames)

    monkeypatch.setattr(comments.Reading, "made", lost)
    with pytest.raises(RefreshError, match="The product database went away") as failed:
        shop.refresh(NOON + DAY)
    assert failed.value.passing
    assert shop.manifest == before


def test_two_refreshers_take_turns(shop):
    busy = []

    def another(what: str, done: int, of: int) -> None:
        if what == "people":
            with pytest.raises(RefreshBusy) as refused:
                shop.refresh(NOON)
            busy.append(refused.value.message)

    refresh.run(shop.settings, as_of=NOON, progress=another)
    assert busy == ["Another refresh is running."]
    assert last_failure(shop.store) is None
    shop.refresh(NOON + DAY)


def test_a_page_that_is_left_in_the_middle_leaves_no_lock_behind(shop):
    class Left(BaseException):
        """As Streamlit stops a script."""

    def leave(what: str, done: int, of: int) -> None:
        raise Left

    with pytest.raises(Left):
        refresh.run(shop.settings, as_of=NOON, progress=leave)
    shop.refresh()


@pytest.mark.parametrize(
    "harm", ["a file is gone", "its manifest is gone", "its manifest is torn", "the pointer is torn"]
)
def test_a_harmed_snapshot_is_made_anew_by_the_next_refresh(shop, harm):
    shop.refresh()
    root = Path(shop.settings.snapshot_dir)
    if harm == "a file is gone":
        (root / shop.manifest.months[0].daily).unlink()
    elif harm == "its manifest is gone":
        (root / f"manifest-{shop.manifest.id}.json").unlink()
    elif harm == "its manifest is torn":
        (root / f"manifest-{shop.manifest.id}.json").write_text('{"id": ')
    else:
        (root / CURRENT).write_text("")
    shop.refresh(NOON + DAY)
    assert shop.frame("activity_monthly").height == 2


def test_a_snapshot_of_a_later_time_is_not_built_on(shop):
    shop.add("events", use("a", NOON + 20 * DAY))
    assert shop.refresh(NOON + 30 * DAY).rows["events"] == 3
    assert shop.refresh(NOON).rows["events"] == 2
    assert shop.state("events").rejected_by_reason == {"occurred_at is more than a day in the future": 1}
    assert shop.manifest.today == NOON.date()
    assert shop.frames().usage_28d.select(pl.col("window_end").max()).collect().item() == NOON.date()


def test_old_files_are_swept_up_once_an_hour(shop):
    def stray() -> Path:
        path = Path(shop.settings.snapshot_dir) / "nps" / "stray.parquet"
        path.write_bytes(b"")
        os.utime(path, (time.time() - 7200,) * 2)
        return path

    shop.refresh()
    path = stray()
    shop.refresh(NOON + DAY)
    assert path.exists()
    before = shop.manifest.model_copy(update={"swept_at": datetime.now(UTC) - timedelta(hours=2)})
    publish(shop.store, before)
    shop.refresh(NOON + 2 * DAY)
    assert not path.exists()


def test_the_background_refresh_goes_on_after_a_failure(shop, monkeypatch, caplog):
    shop.choose(every='"1s"')
    held = shop.settings
    shop.sql("ALTER TABLE accounts RENAME TO away")

    async def some_time() -> None:
        task = asyncio.create_task(refresh.keep_refreshing(held))
        await asyncio.to_thread(_until, lambda: last_failure(shop.store) is not None)
        await asyncio.to_thread(shop.sql, "ALTER TABLE away RENAME TO accounts")
        await asyncio.to_thread(_until, lambda: shop.store.get(CURRENT) is not None)
        task.cancel()

    asyncio.run(some_time())
    assert answers(shop) == ["a", "b"]


def _until(ready) -> None:
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_refresh_that_stops_unexpectedly_is_logged_and_recorded(shop, monkeypatch, caplog):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(refresh, "_refresh", broken)
    assert isinstance(refresh.quietly(shop.settings), RefreshError)
    assert "stopped unexpectedly" in last_failure(shop.store).message


def test_nobody_has_refreshed_yet(shop):
    with pytest.raises(NoSnapshot, match="There is no snapshot yet"):
        shop.frames()
    assert isinstance(refresh.quietly(shop.settings), Report)


def test_a_report_is_one_line_of_json(shop):
    line = shop.refresh().model_dump_json()
    assert "\n" not in line
    found = json.loads(line)
    assert set(found) == {
        "id",
        "as_of",
        "seconds",
        "rows",
        "rejected",
        "days_read",
        "failed",
        "without_themes",
        "without_answers",
    }
    assert (found["as_of"], found["rows"]["accounts"], found["rejected"]["events"]) == ("2026-03-16T12:00:00Z", 2, 0)
