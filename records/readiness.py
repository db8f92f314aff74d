"""Whether the dashboard can write things down right now, and if not, why."""

from __future__ import annotations

from sqlalchemy import Connection, text

from records.database import begin, engine
from records.errors import RecordsError
from records.metadata import SCHEMA
from records.tables import GRANTS, HEAD
from settings import Settings

_READ_ONLY = text("SELECT current_setting('transaction_read_only') = 'on'")
_THERE = text("SELECT to_regnamespace(:schema) IS NOT NULL AND to_regclass(:table) IS NOT NULL")
_VERSION = text(f"SELECT version_num FROM {SCHEMA}.alembic_version")  # noqa: S608 - our own names
_MAY = text("SELECT bool_and(has_table_privilege(t, p)) FROM unnest(:tables ::text[], :privileges ::text[]) AS _(t, p)")


def ready(settings: Settings) -> str | None:
    """None when the dashboard can save; otherwise a sentence for people that says why not, and what to do.

    Takes a few milliseconds, and never more than 5 seconds.
    """
    try:
        with begin(engine(settings)) as connection:
            return _missing(connection)
    except RecordsError as error:
        return str(error)


def _missing(connection: Connection) -> str | None:
    if connection.scalar(_READ_ONLY):
        return "The database of the records is read only.\n\nHint: set RECORDS_DATABASE_URL to one that may be written."
    if not connection.scalar(_THERE, {"schema": SCHEMA, "table": f"{SCHEMA}.alembic_version"}):
        return "There is no place yet to save what people write down.\n\nHint: run `python -m records.migrate`."
    found = connection.scalar(_VERSION)
    if found is None or found < HEAD:
        return (
            "The place where what people write down is saved is out of date.\n\nHint: run `python -m records.migrate`."
        )
    if found > HEAD:
        return "A newer Tenure has changed the records.\n\nHint: update this one."
    pairs = [(f"{SCHEMA}.{table}", privilege) for table, privileges in GRANTS.items() for privilege in privileges]
    tables, privileges = zip(*pairs, strict=True)
    if not connection.scalar(_MAY, {"tables": list(tables), "privileges": list(privileges)}):
        return (
            "The dashboard's role may not write to the records.\n\n"
            "Hint: run `python -m records.migrate` with RECORDS_OWNER_URL set (docs/security.md)."
        )
    return None
