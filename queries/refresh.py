"""Refresh: reads the product database once, at one instant, and publishes a snapshot that every page serves from.

``python -m queries.refresh [--every 10m] [--full] [--json]``
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from types import FrameType
from zoneinfo import ZoneInfo

import adbc_driver_manager
import polars as pl

import settings as configuration
from queries import left_out
from queries.activity import Activity
from queries.again import Again
from queries.build import Build
from queries.database import lost, place, reason, session
from queries.errors import DatabaseError, QueryError, RefreshBusy, RefreshError
from queries.months import Progress
from queries.report import Report, progress_line, show_error, show_report
from queries.sources import Reader
from queries.stop import Stop
from queries.store import Manifest, Store, new_id, newest_manifest, publish, record_failure
from queries.sweep import forget_others, prune
from settings import Settings, SettingsError, duration

log = logging.getLogger("tenure.refresh")

SWEEP_EVERY = timedelta(hours=1)


def silent(what: str, done: int, of: int) -> None:
    """A progress callback that says nothing."""


def run(
    settings: Settings, *, full: bool = False, as_of: datetime | None = None, progress: Progress = silent
) -> Report:
    """Refreshes once. RefreshError says why no snapshot was published; the last one keeps serving.

    ``full`` re-reads everything. ``as_of`` replaces the database's clock, for tests and for looking back.
    """
    store = Store(settings.snapshot_dir)
    try:
        return _refresh(settings, store, full=full, as_of=as_of, progress=progress)
    except RefreshBusy:
        raise
    except QueryError as error:
        failure: QueryError = error
    except OSError as error:
        failure = RefreshError(f"The snapshot cannot be written: {error}.", "check disk space and SNAPSHOT_DIR")
        failure.passing = True
    except adbc_driver_manager.Error as error:
        failure = lost(reason(error))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        failure = RefreshError(f"The refresh stopped: {reason(error)}.", "run it again; with --full if it stops again")
        failure.passing = store.is_remote  # a bucket may have cut a file short
    record_failure(store, str(failure))
    ended = RefreshError(failure.message, failure.hint)
    ended.passing = isinstance(failure, DatabaseError) or getattr(failure, "passing", False)
    raise ended from failure


def _refresh(settings: Settings, store: Store, *, full: bool, as_of: datetime | None, progress: Progress) -> Report:
    url = settings.product_database_url
    if url is None:
        raise RefreshError(
            "No product database is set.", "set PRODUCT_DATABASE_URL, or run `make run` to start the demo company"
        )
    started = time.monotonic()
    with session(url, statement_timeout=settings.refresh.statement_timeout) as opened:
        if not opened.try_lock():
            raise RefreshBusy("Another refresh is running.", "wait for it to finish")
        now = as_of or opened.now()
        ahead = 0.0 if as_of else _ahead(now)
        zone = settings.organisation.time_zone
        database = opened.database() or place(url)
        before = newest_manifest(store)
        if before is not None:
            store.settle(before)
        gone = left_out.known(settings, store, before, database=database)
        old = _usable(before, store, database, now)
        build = Build(
            settings=settings,
            store=store,
            reader=Reader(opened, zone, now, gone),
            today=now.astimezone(ZoneInfo(zone)).date(),
            old=old,
            carry_on=old is not None and not full and _counts_alike(old, settings),
            progress=progress,
        )
        activity = build.everything()
        if not opened.stop_reading():
            raise RefreshBusy("Another refresh is running.", "wait for it to finish")
        build.read_comments()
        swept_at = _when_swept(old)
        manifest = _manifest(build, activity, database, now, swept_at or datetime.now(UTC), time.monotonic() - started)
        erasures = (0 if before is None else before.erasures) + gone.has_grown
        manifest = manifest.model_copy(update={"ahead": ahead, "erasures": erasures})
        if gone.has_grown:
            manifest = manifest.model_copy(update={"swept_at": None})  # the next one sees to it that all went
        # Published while the lock is held: no other refresher can put an older look in its place, or prune its files.
        opened.assure_lock()  # it went with the connection, if that was lost while comments were read
        publish(store, manifest)
        if gone.has_grown:
            forget_others(store, [manifest])
        elif swept_at is None:
            _sweep(store, settings)
    return _report(manifest, activity.update.days_read)


def _ahead(now: datetime) -> float:
    """By how many seconds this machine's clock is ahead of the database's, which says ``now``; small ones are none."""
    seconds = (datetime.now(UTC) - now).total_seconds()
    return seconds if abs(seconds) > 10 else 0.0


def _when_swept(old: Manifest | None) -> datetime | None:
    """When old files were last removed; None when it is time again, once an hour: it takes a look at every file."""
    if old is None or old.swept_at is None or datetime.now(UTC) - old.swept_at > SWEEP_EVERY:
        return None
    return old.swept_at


def _sweep(store: Store, settings: Settings) -> None:
    try:
        prune(store, keep=timedelta(hours=settings.refresh.keep_hours))
    except OSError as error:  # the snapshot is published; old files can wait
        log.warning("Old snapshots could not be removed: %s", error)


def _usable(old: Manifest | None, store: Store, database: str, now: datetime) -> Manifest | None:
    """The snapshot before, unless it is of another database, of a later time, or has lost files."""
    if old is None or old.database != database or old.as_of > now:
        return None
    return None if store.lacks(old.names()) else old


def _counts_alike(old: Manifest, settings: Settings) -> bool:
    """Whether days, weeks and amounts meant the same then, so that the old snapshot can be carried on."""
    here = settings.organisation
    return (old.time_zone, old.currency, old.week_start) == (here.time_zone, here.currency, here.week_start)


def _manifest(
    build: Build, activity: Activity, database: str, now: datetime, swept_at: datetime, seconds: float
) -> Manifest:
    organisation = build.settings.organisation
    created = datetime.now(UTC)
    return Manifest(
        id=new_id(created),
        as_of=now,
        created_at=created,
        seconds=round(seconds, 3),
        time_zone=organisation.time_zone,
        currency=organisation.currency,
        week_start=organisation.week_start,
        sources=build.states,
        files=build.files,
        swept_at=swept_at,
        months=activity.update.months,
        database=database,
        events_on=activity.read_on,
        events_key=activity.events_key,
        value_key=activity.value_key,
        comments=build.comments,
        without_answers=build.without_answers,
    )


def _report(manifest: Manifest, days_read: int) -> Report:
    states = manifest.sources.items()
    return Report(
        id=manifest.id,
        as_of=manifest.as_of,
        seconds=manifest.seconds,
        rows={name: state.rows for name, state in states},
        rejected={name: state.rejected for name, state in states},
        days_read=days_read,
        failed={name: state.error for name, state in states if state.error},
        without_themes=manifest.comments.error,
        without_answers=manifest.without_answers,
    )


async def keep_refreshing(settings: Settings) -> None:
    """Refreshes every ``settings.refresh.every`` until cancelled, after a failure sooner; failures are recorded."""
    again = Again(settings)
    while True:
        found = await asyncio.to_thread(quietly, settings)
        again.ended(found if isinstance(found, RefreshError) else None)
        await asyncio.sleep(again.look)
        while not await asyncio.to_thread(again.due):
            await asyncio.sleep(again.look)


def quietly(settings: Settings) -> Report | RefreshError:
    """Refreshes once; what stands in the way is logged, recorded and returned."""
    try:
        report = run(settings)
    except RefreshBusy as error:
        log.info("%s", error.message)
        return error
    except RefreshError as error:
        log.warning("%s", error)
        return error
    except Exception:
        log.exception("The refresh stopped unexpectedly; the last snapshot keeps serving.")
        return _unexpected(settings)
    log.info("Snapshot %s published in %.1f s", report.id, report.seconds)
    return report


def _unexpected(settings: Settings) -> RefreshError:
    said = "The refresh stopped unexpectedly; see the server's log."
    record_failure(Store(settings.snapshot_dir), said)
    return RefreshError(said)


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m queries.refresh", description="Publish a new snapshot.")
    parser.add_argument("--every", type=duration, metavar="10m", help="refresh again and again, this far apart")
    parser.add_argument("--full", action="store_true", help="read everything again, not only what can have changed")
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead of words")
    return parser.parse_args(words)


def _once(settings: Settings, arguments: argparse.Namespace, *, full: bool) -> RefreshError | None:
    """What stood in the way of a refresh; None when it went well."""
    try:
        report = run(settings, full=full, progress=progress_line)
    except RefreshError as error:
        show_error(error, as_json=arguments.json)
        return error
    show_report(report, as_json=arguments.json)
    return None


def _again_and_again(settings: Settings, arguments: argparse.Namespace) -> int:
    """Refreshes until asked to stop, whatever goes wrong meanwhile; the exit code is the last refresh's."""
    stop = Stop()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        stop.ask()
        signal.signal(number, signal.SIG_DFL)  # asked twice, it does not wait for the refresh to end

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    full, again = arguments.full, Again(settings, every=arguments.every)
    failure: RefreshError | None = None
    while not stop.asked:
        try:
            failure = _once(settings, arguments, full=full)
        except Exception:
            log.exception("The refresh stopped unexpectedly; the last snapshot keeps serving.")
            failure = _unexpected(settings)
        full = full and failure is not None
        again.ended(failure)
        stop.wait(again.look)
        while not (stop.asked or again.due()):
            stop.wait(again.look)
    return int(failure is not None)


def main(words: list[str] | None = None) -> int:
    """The command line; 1 when no snapshot was published, 2 when the settings cannot be used."""
    arguments = _arguments(words)
    try:
        settings = configuration.get()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.every is None:
        return int(_once(settings, arguments, full=arguments.full) is not None)
    return _again_and_again(settings, arguments)


if __name__ == "__main__":
    sys.exit(main())
