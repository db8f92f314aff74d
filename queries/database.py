"""One read-only look at the product database: every statement of a refresh sees the same instant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import polars as pl
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from queries.errors import DatabaseError, SourceError, SourceTimeout

REFRESH_LOCK = 7_306_085_893_295_232_114
"""The advisory lock that lets one refresher work at a time; the number means nothing."""

_DIALECT = PGDialect(paramstyle="named")
_LOST = re.compile(
    r"server closed the connection|terminating connection|connection to server|no connection to the server"
    r"|could not receive data|could not send data|SSL connection has been closed|shutting down|57P0",
    re.IGNORECASE,
)
_TIMED_OUT = re.compile(r"statement timeout", re.IGNORECASE)


def render(statement: Select[*tuple[Any, ...]]) -> str:
    """The SQL text of a composed statement, with its values written in."""
    return str(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def libpq_url(url: str) -> str:
    """``url`` as libpq takes it: any ``postgresql+driver://`` becomes ``postgresql://``, with short time-outs.

    ``connect_timeout`` and keep-alives are added unless the URL sets them, so that a database that silently goes
    away is noticed within half a minute.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError(
            "PRODUCT_DATABASE_URL is no database URL.",
            "write it like postgresql://reader:password@host:5432/product",
        ) from None
    if not parsed.drivername.startswith(("postgresql", "postgres")):
        raise DatabaseError(
            f"PRODUCT_DATABASE_URL starts with {parsed.drivername}://.",
            "Tenure reads PostgreSQL: postgresql://…",
        )
    defaults = {
        "connect_timeout": "5",
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "application_name": "tenure",
    }
    query = {**defaults, **parsed.query}
    return parsed.set(drivername="postgresql", query=query).render_as_string(hide_password=False)


def reason(error: BaseException) -> str:
    """What the database said, without the driver's wrapping and without the statement (which may be long)."""
    text = str(error).split("\n\nQuery was:")[0]
    found = re.search(r"(?:ERROR|FATAL):\s*(.+)", text, re.DOTALL)
    text = found[1] if found else text
    return re.sub(r"\n(LINE \d+:.*|\s*\^)\s*", " ", text).strip().rstrip(".")


class Session:
    """One REPEATABLE READ READ ONLY transaction. Use :func:`session` to open one."""

    def __init__(self, connection: adbc.Connection) -> None:
        self._connection = connection

    def run(self, sql: str) -> None:
        """Runs a statement that returns nothing."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)

    def frame(self, statement: Select[*tuple[Any, ...]] | str) -> pl.DataFrame:
        """The rows of one statement as a Polars frame."""
        sql = statement if isinstance(statement, str) else render(statement)
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            table = cursor.fetch_arrow_table()
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        return frame

    def schema(self, statement: str) -> dict[str, str]:
        """Column names and Arrow type names that ``statement`` would return."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM (\n{statement}\n) AS source LIMIT 0")  # noqa: S608 - a mapping is code
            return {field.name: str(field.type) for field in cursor.fetch_arrow_table().schema}

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
            said = reason(error)
            self._back(said)
            if _TIMED_OUT.search(said):
                raise SourceTimeout(
                    f"{file} ran longer than the statement timeout.",
                    "index the columns it filters on, or raise refresh.statement_timeout in config/settings.toml",
                ) from error
            raise SourceError(f"{file} failed: {said}.", "run it in psql as the dashboard's user") from error
        self.run("RELEASE SAVEPOINT source")

    def _back(self, said: str = "") -> None:
        if _LOST.search(said):
            raise lost(said)
        try:
            self.run("ROLLBACK TO SAVEPOINT source")
        except adbc_driver_manager.Error as error:
            raise lost(reason(error)) from error


def lost(said: str) -> DatabaseError:
    """The error for a database that went away in the middle."""
    return DatabaseError(
        f"The product database went away: {said}.",
        "the last snapshot keeps serving; the next refresh tries again",
    )


@contextmanager
def session(url: str, *, statement_timeout: timedelta) -> Iterator[Session]:
    """Opens the transaction and closes it whatever happens; DatabaseError when the database cannot be reached."""
    try:
        connection = adbc.connect(libpq_url(url), autocommit=True)
    except adbc_driver_manager.Error as error:
        raise unreachable(url, reason(error)) from error
    try:
        opened = Session(connection)
        try:
            opened.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            opened.run(f"SET LOCAL statement_timeout = {int(statement_timeout.total_seconds() * 1000)}")
            opened.run("SET LOCAL TIME ZONE 'UTC'")
        except adbc_driver_manager.Error as error:
            raise lost(reason(error)) from error
        yield opened
    finally:
        connection.close()


def unreachable(url: str, said: str) -> DatabaseError:
    """The error for a database that does not answer; names host and database, never the password."""
    shown = make_url(url).render_as_string(hide_password=True)
    if "password authentication failed" in said:
        hint = "check user and password in PRODUCT_DATABASE_URL"
    elif "does not exist" in said:
        hint = "check the database name and user in PRODUCT_DATABASE_URL"
    else:
        hint = "check that the server runs and that PRODUCT_DATABASE_URL names it; for the demo: make run"
    return DatabaseError(f"The product database at {shown} cannot be reached: {said}.", hint)
