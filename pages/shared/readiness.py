"""``/ready``: whether the product database, the snapshot, the records, the worker and mail are well, each by itself.

Two answers in one. The status is for whoever sends readers here: 503 only when what they would read is missing or
grows old, because there is no young snapshot or the product database, from which the next one comes, is away. What
keeps people from writing or mail from leaving stands in ``degraded`` and leaves the status at 200: readers lose
nothing by it, and another copy of the server would be no better off. A copy that should go on serving its last
snapshot while the product database is away is asked at ``/_stcore/health`` instead, which is 200 while it runs.

Anybody may ask, so it names no host, no table and no error text; those are on the Data page and in the log.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import make_url
from starlette.requests import Request
from starlette.responses import JSONResponse

import settings
from queries.errors import BucketError
from queries.store import Store, last_failure, newest_manifest
from records import sending
from records.database import engine, place
from records.errors import RecordsError, RecordsNotReady
from records.patience import at_most

SECONDS = 2.0
"""Every check is waited for so long at most."""
Said = dict[str, Any]
_log = logging.getLogger("tenure.server")
_PATIENCE: dict[str, Any] = {  # a server that is cut off or frozen must not hold a thread for hours
    "connect_timeout": 2,
    "options": "-c statement_timeout=1500",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 4000,
}
_NONE: Said = {"ok": None, "state": "not set up"}
_UNKNOWN: Said = {"ok": None, "state": "unknown"}
"""Of what stands in a database that does not answer: the fault is the database's."""


def _database(held: settings.Settings) -> bool:
    return _answers(held.product_database_url)


def _records(held: settings.Settings) -> bool:
    return _answers(held.records_database_url)


def _answers(url: str | None) -> bool:
    import psycopg2  # the web server starts without a driver's import time

    if url is None:
        return False
    try:
        dsn = re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", url)
        connection = psycopg2.connect(dsn, **_PATIENCE)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                return bool(cursor.fetchone() == (1,))
        finally:
            connection.close()
    except psycopg2.Error:
        return False


def _snapshot(held: settings.Settings) -> Said:
    store, answers = Store(held.snapshot_dir), True
    try:
        found = newest_manifest(store)
    except BucketError:  # pages go on from the last one known, which grows old
        found, answers = newest_manifest(store, lately=True), False
    if found is None:
        return {"ok": False, "state": "none yet"}
    age = found.age(datetime.now(UTC))
    young = age <= held.refresh.stale_after
    state = "its bucket does not answer" if not answers else "young enough" if young else "too old"
    return {"ok": young and answers, "state": state, "id": found.id, "age_seconds": round(age.total_seconds())}


def _failure(held: settings.Settings) -> str | None:
    try:
        found = last_failure(Store(held.snapshot_dir), lately=True)
    except BucketError:
        return None
    return None if found is None else found.at.isoformat()


def _outreach(held: settings.Settings) -> dict[str, Said]:
    """How the worker and mail are, whichever process sends: what they say of themselves in the records."""
    if held.records_database_url is None:
        return {"worker": _NONE, "mail": _mail(held, None)}
    try:
        with at_most(SECONDS):
            here = engine(held)
            pulse, paused = sending.pulse(here), sending.state(here).paused
    except RecordsNotReady:  # nothing was ever set up that a worker could send
        return {"worker": _NONE, "mail": _mail(held, None)}
    except RecordsError:
        return {"worker": _UNKNOWN, "mail": _mail(held, None)}
    if pulse is None:
        return {"worker": {"ok": False, "state": "none was ever heard of"}, "mail": _mail(held, None)}
    alive = pulse.ago <= sending.SILENT
    state = "silent" if not alive else "sending is paused" if paused else "works"
    worker = {"ok": alive and not paused, "state": state, "silent_seconds": round(pulse.ago.total_seconds())}
    return {"worker": worker, "mail": _mail(held, pulse if alive else None)}


def _mail(held: settings.Settings, pulse: sending.Pulse | None) -> Said:
    """As the living worker found it; only it talks to the mail server."""
    files = held.smtp_url is None
    if pulse is None or pulse.mail_ok is None:
        return {"ok": True, "state": "written to files"} if files else _UNKNOWN
    if files:
        return {"ok": pulse.mail_ok, "state": "written to files" if pulse.mail_ok else "files cannot be written"}
    return {"ok": pulse.mail_ok, "state": "server answers" if pulse.mail_ok else "server does not answer"}


_probes = ThreadPoolExecutor(max_workers=5, thread_name_prefix="ready")
_running: dict[str, asyncio.Future[Any]] = {}


async def _bounded(check: Callable[[settings.Settings], Any], held: settings.Settings, *, otherwise: Any) -> Any:
    """A blocking check in a thread, waited for two seconds. While one hangs, no second one is started."""
    name = check.__name__
    if name not in _running or _running[name].done():
        _running[name] = asyncio.get_running_loop().run_in_executor(_probes, check, held)
    try:
        return await asyncio.wait_for(asyncio.shield(_running[name]), SECONDS)
    except TimeoutError:
        return otherwise
    except Exception:
        _log.exception("a readiness check failed")
        return otherwise


def _apart(held: settings.Settings) -> bool:
    """Whether the records are in another database than the product's tables."""
    urls = (held.product_database_url, held.records_database_url)
    if None in urls:
        return False
    product, records = (place(make_url(url)) for url in urls if url is not None)
    return product != records


def _answering(answers: bool) -> Said:
    return {"ok": answers, "state": "answers" if answers else "does not answer"}


async def ready(request: Request) -> JSONResponse:
    """200 when a young snapshot is there and the product database answers, else 503; says which of them is not so.

    ``degraded`` names what else is not well: ``records`` (listed where they are in another database), ``worker``,
    ``mail``. ``ok`` is null where nothing can be known.
    """
    held = settings.get()
    checks = [
        _bounded(_database, held, otherwise=False),
        _bounded(_snapshot, held, otherwise={"ok": False, "state": "cannot be read"}),
        _bounded(_failure, held, otherwise=None),
        _bounded(_outreach, held, otherwise={"worker": _UNKNOWN, "mail": _mail(held, None)}),
    ]
    if apart := _apart(held):
        checks.append(_bounded(_records, held, otherwise=False))
    database, snapshot, failure, outreach, *records = await asyncio.gather(*checks)
    parts = {"database": _answering(database), "snapshot": snapshot}
    others = ({"records": _answering(*records)} if apart else {}) | outreach
    good = all(part["ok"] for part in parts.values())
    body = {
        "ready": good,
        "degraded": [name for name, part in others.items() if part["ok"] is False],
        **parts,
        **others,
        "last_failed_refresh": failure,
    }
    return JSONResponse(body, status_code=200 if good else 503, headers={"Cache-Control": "no-store"})
