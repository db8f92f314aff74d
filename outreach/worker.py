"""The worker that sends what was approved: ``python -m outreach.worker [--once]``; the server runs one, too.

Any number of workers may run at once. One that is killed loses nothing: what it held goes back to the queue when its
lease ends, and the one message that it was in the middle of becomes uncertain, for a person to decide.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any
from uuid import uuid4

from polars.exceptions import PolarsError
from sqlalchemy import Engine
from tenacity import wait_exponential_jitter

import settings as configuration
from outreach import counter, recheck
from outreach.attempt import Attempts, composer, growing
from outreach.channels import Channel, opener
from outreach.chores import Chore, chores
from queries.errors import QueryError
from queries.stop import Stop
from queries.store import Store
from records import database, outbox, sending
from records.clock import DatabaseClock
from records.errors import RecordsError
from records.outbox import NOTHING_KNOWN, Claimed
from settings import Settings, SettingsError

log = logging.getLogger("tenure.outreach")

BATCH = 10
"""Messages claimed at once: few, because those of a killed worker wait for the end of their lease."""
IDLE = 5.0
"""Seconds between two looks at an empty queue."""
OFTEN = timedelta(seconds=1)
_BACK_OFF = wait_exponential_jitter(multiplier=1, max=300, jitter=1)
"""Between two tries of a channel that is out of order."""
_AWAY = wait_exponential_jitter(multiplier=0.5, max=4, jitter=1)
"""Between two looks whether the database is back, which cost next to nothing."""


@dataclass(frozen=True)
class Round:
    """What one look at the queue came to: messages ``taken`` and ``sent``; whether a channel is out of order."""

    taken: int = 0
    sent: int = 0
    outage: bool = False


def utc() -> datetime:
    """The time now."""
    return datetime.now(UTC)


class Worker:
    """Takes messages from the outbox and sends them, until asked to stop."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        *,
        stop: Stop | None = None,
        clock: Callable[[], datetime] = utc,
        set_clock: Callable[[], object] = bool,
        open_channel: Callable[[str], Channel] | None = None,
        sleep: Callable[[float], object] = time.sleep,
        chores: Sequence[Chore] = (),
    ) -> None:
        self.id = uuid4()
        self.sent = 0
        self._settings = settings
        self._engine = engine
        self._stop = stop or Stop()
        self._clock = clock
        self._set_clock = set_clock
        self._store = Store(settings.snapshot_dir)
        self._chores = list(chores)
        self._done: dict[str, datetime] = {}
        self._started: datetime | None = None
        self._mail_ok: bool | None = None
        self._counter = 0
        self._counted: datetime | None = None
        self._tidied: datetime | None = None
        self._heard: datetime | None = None
        make = open_channel or opener(settings, composer(settings, engine))
        self._attempts = Attempts(settings, engine, open_channel=make, clock=clock, sleep=sleep)

    def run(self, *, once: bool = False) -> int:
        """Works until asked to stop; ``once``: until nothing is due. 1 when it ended so because something is down."""
        trouble = 0
        while not self._stop.asked:
            found = self._guarded()
            trouble = trouble + 1 if found is None or found.outage else 0
            if once and (trouble or not found or not found.taken):
                break
            if found is None:
                self._stop.wait(growing(_AWAY, trouble))
            elif found.outage:
                self._wait_alive(growing(_BACK_OFF, trouble))
            elif not found.taken:
                self._attempts.close()
                self._stop.wait(IDLE)
        self._attempts.close()
        return int(once and trouble > 0)

    def _wait_alive(self, seconds: float) -> None:
        """Waits, and goes on with everything but sending."""
        until = time.monotonic() + seconds
        while not self._stop.asked and (left := until - time.monotonic()) > 0:
            self._stop.wait(min(left, IDLE))
            self._calmly(self._set_clock)
            self._calmly(lambda: self._tidy(self._clock()))

    def round(self) -> Round:
        """One look: says that it lives, does what time brings, takes messages, and sends them."""
        self._set_clock()
        now = self._clock()
        why = sending.check_restored(self._engine, counter=self._kept(), now=now)
        self._tidy(now)
        if why is not None:
            return Round()
        lease = self._settings.outreach.lease
        held = outbox.claim(self._engine, worker=self.id, now=now, lease=lease, limit=BATCH)
        try:
            return self._send(held)
        finally:
            self._keep(at_once=True)

    def _send(self, held: list[Claimed]) -> Round:
        taken, sent, down = len(held), 0, set[str]()
        try:
            known = recheck.outside(self._settings, held, now=self._clock())
        except (QueryError, OSError, PolarsError) as error:
            log.warning("Nothing is sent while nobody can tell what the newest snapshot says of recipients: %s", error)
            self._attempts.give_back(*held)
            return Round(taken, outage=True)
        while held:
            message = held.pop(0)
            if self._stop.asked or message.channel in down:
                self._attempts.give_back(message)
                continue
            try:
                end = self._attempts.send(message, known.get(message.id, NOTHING_KNOWN))
            except RecordsError:
                self._attempts.give_back(*held)
                raise
            self._counter = max(self._counter, end.counter)
            self._keep()
            sent += end.sent
            self.sent += end.sent
            if end.outage:
                down.add(message.channel)
            if message.channel == "email" and end.heard is not None:
                self._mail_ok = end.heard
            self._beat_between()
        return Round(taken, sent, bool(down))

    def _guarded(self) -> Round | None:
        """A look that never ends the worker; None: the database did not answer, or something unforeseen happened."""
        try:
            found = self.round()
        except RecordsError as error:
            log.warning("%s", error.message)
            return None
        except Exception:
            log.exception("The worker stumbled; what it held goes back to the queue.")
            return None
        if found.taken:
            log.info("%s of %s messages sent%s", found.sent, found.taken, "; a channel is down" if found.outage else "")
        return found

    def _tidy(self, now: datetime) -> None:
        """What need not be done before every few messages."""
        if self._tidied is not None and abs(now - self._tidied) < OFTEN:
            return
        self._tidied = now
        self._beat(now)
        outbox.sweep(self._engine, now=now)
        for chore in self._chores:
            self._do(chore, now)

    def _beat(self, now: datetime) -> None:
        self._started = self._started or now
        said: dict[str, Any] = {"started_at": self._started, "sent": self.sent, "mail_ok": self._mail_ok}
        sending.beat(self._engine, self.id, now=now, **said)
        self._heard = now

    def _beat_between(self) -> None:
        """Says between two messages that it lives, for each may take a minute."""
        now = self._clock()
        if self._heard is None or now - self._heard >= timedelta(seconds=IDLE):
            self._calmly(lambda: self._beat(now))

    def _calmly(self, what: Callable[[], object]) -> None:
        try:
            what()
        except RecordsError as error:
            log.warning("%s", error.message)
        except Exception:
            log.exception("The worker stumbled; it goes on.")

    def _do(self, chore: Chore, now: datetime) -> None:
        last = self._done.get(chore.name)
        if last is not None and now - last < chore.every:
            return
        self._done[chore.name] = now
        try:
            chore.do(now)
        except (RecordsError, QueryError) as error:
            log.warning("%s: %s", chore.name, error.message)
        except Exception:
            log.exception("%s failed; it is tried again.", chore.name)

    def _kept(self) -> int | None:
        try:
            return counter.read(self._store)
        except OSError as error:
            log.warning("The count of messages beside the snapshots cannot be read: %s", error)
            return None

    def _keep(self, *, at_once: bool = False) -> None:
        """Keeps how many messages began to be sent, at most once a second while many are."""
        now = self._clock()
        if not self._counter or (not at_once and self._counted is not None and now - self._counted < OFTEN):
            return
        self._counted = now
        try:
            counter.keep(self._store, self._counter)
        except OSError as error:  # a full disk is no reason to hold mail back
            log.warning("The count of messages beside the snapshots cannot be written: %s", error)


def work(settings: Settings, stop: Stop, *, once: bool = False) -> int:
    """Works with ``settings`` until asked to stop; RecordsError or SettingsError where they cannot be used at all."""
    engine = database.engine(settings)
    clock, does = DatabaseClock(engine), chores(settings, engine)
    return Worker(settings, engine, stop=stop, clock=clock, set_clock=clock.set, chores=does).run(once=once)


async def keep_sending(settings: Settings) -> None:
    """Works in a thread until cancelled, and then until the message that is being sent has its end."""
    if settings.records_database_url is None:
        return
    stop = Stop()
    working = asyncio.create_task(asyncio.to_thread(_quietly, settings, stop))
    try:
        await asyncio.shield(working)
    finally:
        stop.ask()
        await working


def _quietly(settings: Settings, stop: Stop) -> None:
    try:
        work(settings, stop)
    except (RecordsError, SettingsError) as error:
        log.warning("Nothing is sent: %s", error)
    except Exception:
        log.exception("Nothing is sent: the worker cannot start.")


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m outreach.worker", description="Send what was approved.")
    parser.add_argument("--once", action="store_true", help="end when nothing is due any more")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """The command line; 1 when the database or the mail server is down (``--once``), 2 when settings are no good."""
    arguments = _arguments(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would write the webhook's whole address down
    stop = Stop()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        stop.ask()
        signal.signal(number, signal.SIG_DFL)  # asked twice, it does not wait

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    try:
        return work(configuration.get(), stop, once=arguments.once)
    except (SettingsError, RecordsError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
