"""``python -m records.migrate``: creates or changes the tables of schema ``tenure``, and lets the dashboard write."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import alembic.config
from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.util.exc import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import CreateSchema

import settings as configuration
from records.database import address, explaining, owner, parsed, place
from records.errors import RecordsError, RecordsNotReady
from records.metadata import SCHEMA
from records.tables import GRANTS
from settings import Settings, SettingsError

_LOCK = 7_306_085_893_295_232_115
"""The advisory lock that lets one migrator work at a time; the number means nothing."""


def upgrade(url: str, revision: str = "head", *, writer: str | None = None) -> str | None:
    """Brings the tables up to ``revision``, lets the role ``writer`` write, and returns the revision they are at."""
    return _run(url, lambda config: command.upgrade(config, revision), writer)


def downgrade(url: str, revision: str, *, writer: str | None = None) -> str | None:
    """Takes the tables back to ``revision`` (``base``: none), **with all that stood in what is dropped**."""
    return _run(url, lambda config: command.downgrade(config, revision), writer)


def current(url: str) -> str | None:
    """The revision that the tables are at; None when there are none."""
    made = owner(url)
    with explaining(made.url), made.connect() as connection:
        return _revision(connection)


def let_write(connection: Connection, role: str) -> None:
    """Gives ``role`` what ``records.tables.GRANTS`` says about the tables that are there, and takes away the rest."""
    quoted = connection.dialect.identifier_preparer.quote(role)
    there = inspect(connection).get_table_names(schema=SCHEMA)
    statements = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA} FROM {quoted}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {SCHEMA} FROM {quoted}",
        f"REVOKE ALL ON SCHEMA {SCHEMA} FROM {quoted}",
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {quoted}",
    ]
    statements += [
        f"GRANT {', '.join(privileges)} ON {SCHEMA}.{table} TO {quoted}"
        for table, privileges in GRANTS.items()
        if table in there
    ]
    for statement in statements:
        connection.exec_driver_sql(statement)


def _run(url: str, change: Callable[[alembic.config.Config], None], writer: str | None) -> str | None:
    """All in one transaction, which other migrators wait for."""
    try:
        with _transaction(url) as connection:
            change(_config(connection))
            if writer is not None:
                let_write(connection, writer)
            return _revision(connection)
    except CommandError as error:
        raise RecordsError(
            f"The migration cannot run: {error}.", "where the revision is a newer Tenure's, run that one's migrations"
        ) from None
    except RecordsNotReady as error:
        raise RecordsError(
            error.message,
            f"set RECORDS_OWNER_URL to a role that owns schema {SCHEMA} or may create it (docs/security.md); "
            "for the demo: python -m demo",
        ) from error


@contextmanager
def _transaction(url: str) -> Iterator[Connection]:
    made = owner(url)
    with explaining(made.url), made.begin() as connection:
        connection.execute(text("SELECT set_config('lock_timeout', '300s', true)"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if not inspect(connection).has_schema(SCHEMA):  # IF NOT EXISTS would ask for a right that need not be given
            connection.execute(CreateSchema(SCHEMA))
        yield connection


def _config(connection: Connection) -> alembic.config.Config:
    config = alembic.config.Config(attributes={"connection": connection})
    folder = Path(__file__).resolve().parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA}).get_current_revision()


def _writer(settings: Settings, url: str) -> str | None:
    """The role that the dashboard signs in with, when it is not the one that migrates."""
    role = parsed(address(settings)).username
    return role if role and role != parsed(url).username else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when all is well, 1 with a message otherwise."""
    options = _parser().parse_args(arguments)
    try:
        settings = configuration.get()
        url = settings.records_owner_url or address(settings)
        if options.action == "current":
            found = current(url)
        else:
            change = downgrade if options.action == "downgrade" else upgrade
            found = change(url, options.revision, writer=_writer(settings, url))
    except (RecordsError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Records in {place(parsed(url))}, schema {SCHEMA}: {f'revision {found}' if found else 'no tables'}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m records.migrate",
        usage="python -m records.migrate [--help] [upgrade [REV] | downgrade REV | current]",
        description=f"Create or change the tables that the dashboard writes to (schema {SCHEMA}). Signs in with "
        "RECORDS_OWNER_URL where it is set, else with RECORDS_DATABASE_URL, and lets the latter's role write.",
    )
    actions = parser.add_subparsers(dest="action", prog="python -m records.migrate")
    up = actions.add_parser("upgrade", help="up to a revision; the newest unless named (the default)")
    up.add_argument("revision", nargs="?", default="head", metavar="REV")
    down = actions.add_parser("downgrade", help="back to a revision; DROPS what came after it, with all it holds")
    down.add_argument("revision", metavar="REV", help='a revision, or "base" for no tables')
    actions.add_parser("current", help="which revision the tables are at")
    parser.set_defaults(action="upgrade", revision="head")
    return parser


if __name__ == "__main__":
    sys.exit(main())
