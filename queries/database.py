"""One read-only look at the product database: every statement of a refresh sees the same instant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import polars as pl
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from queries.errors import DatabaseError, RefreshBusy, SourceError, SourceTimeout
from queries.watched import Watched

REFRESH_LOCK = 7_306_085_893_295_232_114
"""The advisory lock that lets one refresher work at a time; the number means nothing."""

_DIALECT = PGDialect(paramstyle="named")

_DEFAULTS = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "client_encoding": "utf8",
    "application_name": "tenure",
}
"""Time-outs that notice within half a minute that a server is gone, and the one encoding that Arrow knows."""

_TRANSACTION = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    # A Citus coordinator keeps settings to itself unless it is told to hand them to its workers; others ignore this.
    "SET LOCAL citus.propagate_set_commands = 'local'",
    "SET LOCAL TIME ZONE 'UTC'",
    # How dates are written; how a mapping's own text is read stays as the database has it.
    "SET LOCAL datestyle = 'ISO'",
    # The transaction waits while rollups are computed; the server must not take that for a forgotten one.
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)

_USE_COPY = "adbc.postgresql.use_copy"

_IDENTITY = """
SELECT system_identifier || '/' || (SELECT oid FROM pg_database WHERE datname = current_database()) AS identity
FROM pg_control_system()
"""

_TRY_IT = "run it in psql as the dashboard's user"
_HINTS = {
    "42703": "a column was dropped or renamed: correct its name in the SELECT",
    "42P01": "a table was dropped or renamed, or needs its schema before its name",
    "3F000": "a schema was dropped or renamed",
    "42501": "GRANT SELECT on it (and USAGE on its schema) to the dashboard's user",
    "40001": "the replica had to discard rows it was reading; raise max_standby_streaming_delay there",
    "0A000": "where the database shards, join tables on the column they are distributed by (docs/scaling.md)",
    "22021": "its text is in another encoding than the database says",
}
_QUOTED = re.compile(r"[\"«»„“](?:.*[\"«»”“]|.*)", re.DOTALL)
"""What is quoted, up to the last sign that could end it: what is quoted may hold such signs itself."""
_LISTED = re.compile(r"(values|value\(s\)): \[.*", re.DOTALL)
"""The values that Polars lists after how many they are, and all that follows."""
_OF_ENCODINGS = ("22021", "22P05")
"""These quote an encoding, and no value."""
_TOO_LONG = "index the columns it filters on, or raise refresh.statement_timeout in config/settings.toml"


def render(statement: Select[*tuple[Any, ...]]) -> str:
    """The SQL text of a composed statement, with its values written in."""
    return str(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def parsed(url: str) -> URL:
    """``url`` taken apart; DatabaseError, which never repeats it, when it is none of PostgreSQL."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseError(
            "PRODUCT_DATABASE_URL is no database URL.",
            "write it like postgresql://reader:password@host:5432/product, with %40 for @ in the password",
        ) from None
    if found.drivername.split("+")[0] not in ("postgresql", "postgres"):
        raise DatabaseError(
            f"PRODUCT_DATABASE_URL starts with {found.drivername}://.",
            "Tenure reads PostgreSQL: postgresql://…",
        )
    return found


def libpq_url(url: str) -> str:
    """``url`` as libpq takes it, whatever driver it names, with the defaults above where it sets nothing else.

    Everything becomes a parameter, percent-encoded: libpq reads ``+`` as itself, and refuses a space.
    """
    found = parsed(url)
    parts = {"host": found.host, "port": found.port, "user": found.username, "password": found.password}
    named = {**parts, "dbname": found.database}
    given = {name: str(value) for name, value in named.items() if value not in (None, "")}
    return "postgresql:///?" + urlencode({**_DEFAULTS, **given, **found.query}, quote_via=quote, doseq=True)


def reason(error: BaseException) -> str:
    """What the database said, on one line, without the driver's wrapping, the statement, and values of rows."""
    text = re.split(r"\n\nQuery was:|\.? SQLSTATE: \w{5}", str(error))[0]
    # "ERROR:  " in English; servers speak other languages, too.
    found = re.search(r"(?:^|: )[^\W\d_]+:  (.+?)(?=\n\w+(?: \d+)? ?:|\Z)", text, re.DOTALL)
    if found:
        text = _without_values(error, found[1]).split("\n")[0]
    else:
        text = _without_values(error, text.removeprefix("IO: [libpq] Failed to connect: "))
    return " ".join(text.split()).rstrip(".")


def _without_values(error: BaseException, text: str) -> str:
    """What an error about values says, without what it quotes: it may be anybody's name; others quote names of ours."""
    if isinstance(error, pl.exceptions.PolarsError):
        return _LISTED.sub(r"\1", text)
    states = [getattr(error, "sqlstate", None), *reversed(re.findall(r"SQLSTATE: (\w{5})", str(error)))]
    state = next(filter(None, states), "")
    return _QUOTED.sub('"…"', text) if state[:2] in ("22", "23") and state not in _OF_ENCODINGS else text


def explained(file: str, error: BaseException) -> SourceError:
    """What failed in a mapping and what to do about it, from what the database said."""
    state = getattr(error, "sqlstate", None) or ""
    if state == "57014":
        return SourceTimeout(f"{file} was stopped: {reason(error)}.", _TOO_LONG)
    found = re.search(r"^HINT:  (.+)", str(error), re.MULTILINE)
    hint = "; ".join([_HINTS.get(state, _TRY_IT), *([found[1].rstrip(".")] if found else [])])
    return SourceError(f"{file} failed: {reason(error)}.", hint)


class Session:
    """One REPEATABLE READ READ ONLY transaction. Use :func:`session` to open one."""

    def __init__(self, connection: adbc.Connection, watched: Watched) -> None:
        self._connection = connection
        self._watched = watched

    def run(self, sql: str) -> None:
        """Runs a statement that returns nothing."""

        def work() -> None:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)

        self._watched(work)

    def frame(self, statement: Select[*tuple[Any, ...]] | str) -> pl.DataFrame:
        """The rows of one statement as a Polars frame."""
        frame = pl.from_arrow(self._table(statement if isinstance(statement, str) else render(statement)))
        assert isinstance(frame, pl.DataFrame)
        return frame

    def _table(self, sql: str) -> Any:
        def work() -> Any:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetch_arrow_table()

        return self._watched(work)

    def pieces(self, statement: Select[*tuple[Any, ...]]) -> Iterator[pl.DataFrame]:
        """The rows of one statement in frames of some ten thousand rows, for what does not fit into memory whole."""
        cursor = self._watched(self._connection.cursor)
        try:
            self._watched(lambda: cursor.execute(render(statement)))
            batches = self._watched(cursor.fetch_record_batch)
            while (batch := self._watched(lambda: next(batches, None))) is not None:
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)
                yield frame
        finally:
            self._watched.let_go(cursor.close)

    def plan(self, statement: Select[*tuple[Any, ...]]) -> list[str]:
        """How the database would run a statement, line by line, without running it."""

        def work() -> Any:
            with self._connection.cursor() as cursor:
                cursor.adbc_statement.set_options(**{_USE_COPY: "false"})  # which takes no EXPLAIN
                cursor.execute(f"EXPLAIN (COSTS OFF) {render(statement)}")
                return cursor.fetch_arrow_table()

        return [str(line) for line in self._watched(work).column(0).to_pylist()]

    def schema(self, statement: str) -> dict[str, str]:
        """Column names and Arrow type names that ``statement`` would return."""
        table = self._table(f"SELECT * FROM (\n{statement}\n) AS source LIMIT 0")  # noqa: S608 - a mapping is code
        return {field.name: str(field.type) for field in table.schema}

    @contextmanager
    def savepoint(self, file: str) -> Iterator[None]:
        """A failure inside leaves the transaction usable and becomes a SourceError that names ``file``.

        A lost connection becomes a DatabaseError instead, because nothing else can be read either.
        """
        self.run("SAVEPOINT source")
        try:
            yield
        except SourceError:
            self._back()
            raise
        except (
            adbc_driver_manager.Error,
            OSError,
            pl.exceptions.PolarsError,
            pl.exceptions.PanicException,
        ) as error:
            self._back(error)
            raise explained(file, error) from error
        self.run("RELEASE SAVEPOINT source")

    def _back(self, because: BaseException | None = None) -> None:
        """Back to the savepoint; where that fails, the connection is gone, and ``because`` tells why."""
        try:
            self.run("ROLLBACK TO SAVEPOINT source")
        except adbc_driver_manager.Error as error:
            raise lost(reason(because or error)) from error

    def try_lock(self) -> bool:
        """Whether this transaction is now the one refresher; the lock ends with it, however it ends."""
        return bool(self.frame(f"SELECT pg_try_advisory_xact_lock({REFRESH_LOCK}) AS got").item())

    def stop_reading(self) -> bool:
        """Ends the look at the database, which holds its clean-up back, and stays the one refresher.

        False when another refresher came in between the two transactions: it has read what is newer.
        """
        self.run("COMMIT")
        self.run("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
        self.run("SET LOCAL idle_in_transaction_session_timeout = 0")
        return self.try_lock()

    def assure_lock(self) -> None:
        """Asked right before publishing: RefreshBusy or DatabaseError when this is the one refresher no more."""
        try:
            held = self.try_lock()
        except adbc_driver_manager.Error as error:
            raise lost(reason(error)) from error
        if not held:
            raise RefreshBusy("Another refresh is running.", "wait for it to end, and run this again")

    def now(self) -> datetime:
        """The instant of this transaction by the database's clock, so that a wrong one here does no harm."""
        value = self.frame("SELECT now() AS now").item()
        assert isinstance(value, datetime)
        return value.astimezone(UTC)

    def database(self) -> str:
        """Which database this is, so that one database's history is never carried on with another's.

        A copy of the data directory is the same database; one that was dropped and created again is not.
        """
        try:
            with self.savepoint("pg_control_system()"):
                return str(self.frame(_IDENTITY).item())
        except SourceError:  # some hosts hide it
            return ""


def lost(said: str) -> DatabaseError:
    """The error for a database that went away in the middle."""
    return DatabaseError(
        f"The product database went away: {said}.",
        "the last snapshot keeps serving; the next refresh tries again",
    )


@contextmanager
def session(url: str, *, statement_timeout: timedelta) -> Iterator[Session]:
    """Opens the transaction and closes it whatever happens; DatabaseError when the database cannot be reached."""
    target = libpq_url(url)
    watched = Watched(target)
    try:
        connection = watched(lambda: adbc.connect(target, autocommit=True))
    except BaseException as error:
        watched.end()
        if isinstance(error, adbc_driver_manager.Error):
            raise unreachable(url, reason(error)) from error
        raise
    try:
        opened = Session(connection, watched)
        try:
            for statement in _TRANSACTION:
                opened.run(statement)
            opened.run(f"SET LOCAL statement_timeout = {int(statement_timeout.total_seconds() * 1000)}")
        except adbc_driver_manager.Error as error:
            raise lost(reason(error)) from error
        watched.longest = statement_timeout
        yield opened
    finally:
        watched.end(connection.close)


def place(url: str) -> str:
    """Host, port and database of a URL: where it leads, without who goes there."""
    found = parsed(url)
    host = found.host or found.query.get("host") or "localhost"
    port = found.port or found.query.get("port") or 5432
    return f"{host}:{port}/{found.database or found.query.get('dbname') or found.username}"


def unreachable(url: str, said: str) -> DatabaseError:
    """The error for a database that does not answer; says where it is, never the password."""
    found = parsed(url)
    for secret in filter(None, (found.password, found.query.get("password"))):
        said = said.replace(str(secret), "***")
    if "password authentication failed" in said:
        hint = "check user and password in PRODUCT_DATABASE_URL"
    elif "does not exist" in said:
        hint = "check the database name and user in PRODUCT_DATABASE_URL"
    else:
        hint = "check that the server runs and that PRODUCT_DATABASE_URL names it; for the demo: make run"
    return DatabaseError(f"The product database at {place(url)} cannot be reached: {said}.", hint)
