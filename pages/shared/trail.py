"""The audit trail of looking: who saw whose personal data, and who took which numbers along.

What is saved is audited where it is saved, in the same transaction. A look and a download are kept nowhere else, so
they are written here, beside the page: a page does not wait for the audit log, and opens while the records are down.
What cannot be written waits, is tried again, and goes to the server's log at the latest when there are too many.
"""

from __future__ import annotations

import atexit
import json
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

import settings
from pages.shared import viewer
from pages.shared.roles import Right
from records import audit
from records.database import engine
from records.errors import RecordsError, RecordsUnavailable
from settings import Settings

AGAIN = 3600.0
"""Seconds within which the same look of the same session is one look."""
MOST = 10_000
PATIENCE = 5.0
_SEEN = "tenure_looked_at"
_log = logging.getLogger("tenure.audit")


@dataclass(frozen=True)
class Entry:
    """One line of the trail: who (``actor``) did what (``view`` or ``export``) to what, and when."""

    actor: str
    action: str
    object: str
    at: datetime
    after: dict[str, Any]


_waiting: queue.Queue[tuple[Entry, Settings]] = queue.Queue(MOST)
_started = threading.Lock()
_writer: threading.Thread | None = None


def viewed(what: str) -> None:
    """The viewer sees personal data: ``what`` names the page or account, never a person. Nothing where they do not."""
    if not viewer.may(Right.PEOPLE):
        return
    seen: dict[str, float] = st.session_state.setdefault(_SEEN, {})
    if time.monotonic() - seen.get(what, -AGAIN) >= AGAIN:
        seen[what] = time.monotonic()
        _add(viewer.require(Right.PEOPLE).name, "view", what, {})


def exporting(write: Callable[[], bytes], what: str, right: Right | None = None, **about: Any) -> Callable[[], bytes]:
    """``write``, which makes a file, as the viewer may call it: noted when it is called, refused without ``right``.

    ``what`` names the table or report, ``about`` says how many rows, which format. A file is made when its button is
    pressed, and then no viewer is known any more: it is the one for whom the button was drawn.
    """
    who = viewer.now()

    def taken() -> bytes:
        if who is None or who.role is None or (right is not None and not who.may(right)):
            raise viewer.NotAllowed("This file is not part of your role.")
        _add(who.name, "export", what, about)
        return write()

    return taken


def _add(actor: str, action: str, what: str, about: dict[str, Any]) -> None:
    entry = Entry(actor, action, what[:1_000], datetime.now(UTC), about)
    try:
        _waiting.put_nowait((entry, settings.get()))
    except queue.Full:
        _tell(entry)
    _start()


def _start() -> None:
    global _writer
    with _started:
        if _writer is None or not _writer.is_alive():
            _writer = threading.Thread(target=_write_on, name="audit", daemon=True)
            _writer.start()


def _write_on() -> None:
    """Write what waits, in its order; ends when nothing has come for a while, and is started again."""
    while True:
        try:
            entry, held = _waiting.get(timeout=PATIENCE)
        except queue.Empty:
            return
        while not _settled(entry, held):
            time.sleep(PATIENCE)
        _waiting.task_done()


def _settled(entry: Entry, held: Settings) -> bool:
    """Whether the entry is written down, or told to the log: there is no database for it, or it is full up here."""
    try:
        audit.write(
            engine(held),
            actor=entry.actor,
            action=entry.action,
            object=entry.object,
            now=entry.at,
            after=entry.after or None,
        )
    except RecordsUnavailable:
        if not _waiting.full():
            return False
        _tell(entry)
    except RecordsError:
        _tell(entry)
    return True


def _tell(entry: Entry) -> None:
    _log.warning("not in the audit log: %s", json.dumps(asdict(entry), default=str, ensure_ascii=False))


def flush(seconds: float = 10.0) -> bool:
    """Wait until everything is written; whether it is."""
    until = time.monotonic() + seconds
    while _waiting.unfinished_tasks and time.monotonic() < until:
        time.sleep(0.02)
    return not _waiting.unfinished_tasks


@atexit.register
def _last_words() -> None:
    while True:
        try:
            _tell(_waiting.get_nowait()[0])
        except queue.Empty:
            return
