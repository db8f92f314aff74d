"""Connections to the records: few, tested before use, and never waited for longer than a page may take."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from records import patience
from records.errors import RecordsError, RecordsNotReady, RecordsUnavailable
from settings import Settings

_PING = 0.5
"""Seconds for an old connection to answer; one that does not is replaced, so that haste costs little."""
_LIMITS = text(
    "SELECT set_config('statement_timeout', :statement, true), set_config('lock_timeout', :lock, true), "
    "set_config('idle_in_transaction_session_timeout', '10000', true), set_config('timezone', 'UTC', true), "
    "CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') "
    "THEN set_config('synchronous_commit', 'on', true) END"
)
"""For the transaction only, not the session: that also works through a pooler such as PgBouncer.

Whatever is saved outlives a crash of the server, even where the server may forget others' transactions.
"""
_NETWORK: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 4000,
    "client_encoding": "utf8",
    "application_name": "tenure",
}
_MIGRATE = "run `python -m records.migrate`"
_HINTS = {
    "42P01": _MIGRATE,
    "42703": _MIGRATE,
    "3F000": _MIGRATE,
    "42501": f"{_MIGRATE} with RECORDS_OWNER_URL set, which lets the dashboard's role write (docs/security.md)",
    "25006": "RECORDS_DATABASE_URL must name a server and a role that may write",
}
_until: ContextVar[float] = ContextVar("until")


def parsed(url: str) -> URL:
    """``url`` for psycopg2, whatever driver it names; RecordsError, which never repeats it, when it is no URL."""
    try:
        found = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise RecordsError(
            "RECORDS_DATABASE_URL is no database URL.",
            "write it like postgresql://tenure_writer:password@host:5432/product, with %40 for @ in the password",
        ) from None
    if found.drivername.split("+")[0] not in ("postgresql", "postgres"):
        raise RecordsError(
            f"RECORDS_DATABASE_URL starts with {found.drivername}://.", "Tenure writes to PostgreSQL: postgresql://…"
        )
    return found.set(drivername="postgresql+psycopg2")


def place(url: URL) -> str:
    """Host, port and database of a URL: where it leads, without who goes there."""
    host, port = (given or url.query.get(name) for given, name in ((url.host, "host"), (url.port, "port")))
    return f"{host or 'localhost'}:{port or 5432}/{url.database or url.query.get('dbname') or url.username}"


def address(settings: Settings) -> str:
    """Where the records are; RecordsError when nothing says so."""
    if settings.records_database_url is None:
        raise RecordsError(
            "No database for records is set.", "set RECORDS_DATABASE_URL, or run `make run` to start the demo company"
        )
    return settings.records_database_url


def engine(settings: Settings) -> Engine:
    """The connections of this process to the records; the same at every call. Connects only when it is used."""
    return connections(address(settings))


@lru_cache(maxsize=8)
def connections(url: str) -> Engine:
    """A small pool of connections to ``url``; a connection that went away meanwhile is replaced before it is used."""
    return fresh(url)


def fresh(url: str) -> Engine:
    """A pool of the caller's own, for a process that forks or is about to end; to be disposed of by the caller."""
    made = create_engine(
        parsed(url),
        pool_size=3,
        max_overflow=5,
        pool_timeout=1.5,
        pool_recycle=1800,
        isolation_level="READ COMMITTED",
        use_native_hstore=False,
        hide_parameters=True,
        connect_args={"connect_timeout": 2, **_NETWORK},
    )
    event.listen(made, "connect", _opened, insert=True)  # before SQLAlchemy's own first questions, which it times not
    event.listen(made, "checkout", _lend)
    event.listen(made, "checkin", _take_back)
    return made


def owner(url: str) -> Engine:
    """One connection for migrations, which may take their time."""
    return create_engine(
        parsed(url), poolclass=NullPool, hide_parameters=True, connect_args={"connect_timeout": 10, **_NETWORK}
    )


@contextmanager
def begin(engine: Engine) -> Iterator[Connection]:
    """One transaction: all of it is kept, or nothing.

    Within 5 seconds it is through, or raises RecordsUnavailable; RecordsNotReady when tables or rights are missing.
    Once it is through, it outlives a crash of the server.
    """
    with patience.waiting(place(engine.url)) as seconds:
        token = _until.set(time.monotonic() + seconds)
        try:
            with explaining(engine.url), engine.begin() as connection:
                connection.execute(_LIMITS, _limits(seconds))
                yield connection
        finally:
            _until.reset(token)


def _limits(seconds: float) -> dict[str, str]:
    """The server's own time-outs, a little shorter than ours, so that it says what took so long."""
    statement = max(int((seconds - 1) * 1000), 500)
    return {"statement": str(statement), "lock": str(min(2500, statement))}


@contextmanager
def explaining(url: URL) -> Iterator[None]:
    """What the driver raises inside becomes a RecordsError that says where, why and what to do."""
    try:
        yield
    except exc.TimeoutError:
        raise _unavailable(url, "all connections are busy", silent=None) from None
    except exc.DBAPIError as error:
        raise _explained(url, error) from error


def _explained(url: URL, error: exc.DBAPIError) -> RecordsError:
    state = getattr(error.orig, "pgcode", None) or ""
    said = _reason(url, error.orig)
    if state in _HINTS:
        return RecordsNotReady(f"Nothing can be saved in {place(url)}: {said}.", _HINTS[state])
    # A rule of the database was broken (22, 23): the code is wrong, and trying again does not help.
    if state[:2] in ("22", "23", "42"):
        return RecordsError(f"The database refused: {said}.")
    return _unavailable(url, said, silent=not state, what="cannot take it now" if state[:2] == "53" else None)


def _unavailable(url: URL, said: str, *, silent: bool | None, what: str | None = None) -> RecordsUnavailable:
    return RecordsUnavailable(
        f"The database of the records at {place(url)} {what or 'does not answer'}: {said}.",
        "nothing was lost that was saved before; check that the server runs, and try again in a moment",
        silent=silent,
    )


def _reason(url: URL, error: BaseException | None) -> str:
    """The first line of what the server said, without the password where a driver repeats it."""
    said = re.sub(r"^\s*(ERROR|FATAL):\s+", "", str(error).strip()).split("\n")[0].strip().rstrip(".")
    for secret in filter(None, (url.password, url.query.get("password"))):
        said = said.replace(str(secret), "***")
    return said


class _Watch:
    """Cuts a connection when time is up: the driver itself waits without end for a server that has frozen."""

    def __init__(self, connection: Any, seconds: float) -> None:
        self._connection = connection
        self._timer = threading.Timer(max(seconds, 0.05), self._cut)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Time was enough."""
        self._timer.cancel()

    def _cut(self) -> None:
        try:
            borrowed = socket.socket(fileno=self._connection.fileno())
        except Exception:  # closed meanwhile
            return
        try:
            borrowed.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        finally:
            borrowed.detach()  # it is still the driver's to close


def _opened(connection: Any, record: Any) -> None:
    """Sets the clock for what is asked of a new connection before anybody may use it."""
    _watch(connection, record)


def _lend(connection: Any, record: Any, fairy: Any) -> None:
    """Tests a connection that was used before, and sets the clock for what it is lent for."""
    if record.info.get("used"):
        _ping(connection)
    record.info["used"] = True
    _watch(connection, record)


def _watch(connection: Any, record: Any) -> None:
    _take_back(connection, record)
    left = _until.get(time.monotonic() + patience.PATIENCE) - time.monotonic()
    record.info["watch"] = _Watch(connection, left)


def _ping(connection: Any) -> None:
    watch = _Watch(connection, _PING)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except Exception as error:
        raise exc.DisconnectionError from error
    finally:
        watch.end()


def _take_back(connection: Any, record: Any) -> None:
    watch = record.info.pop("watch", None)
    if watch is not None:
        watch.end()
