"""Transactions of the role that owns the tables: what nobody does from a page, such as deleting what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from records.database import explaining, owner
from records.errors import RecordsError, RecordsNotReady
from records.metadata import SCHEMA

_LIMITS = text(
    "SELECT set_config('lock_timeout', '10s', true), CASE WHEN current_setting('synchronous_commit') IN "
    "('off', 'local') THEN set_config('synchronous_commit', 'on', true) END"
)


@contextmanager
def owning(url: str) -> Iterator[Connection]:
    """One transaction of the role that owns the tables; RecordsError says so where ``url`` names another role."""
    made = owner(url)
    try:
        with explaining(made.url), made.begin() as connection:
            connection.execute(_LIMITS)
            yield connection
    except RecordsNotReady as error:
        raise RecordsError(
            error.message,
            f"set RECORDS_OWNER_URL to the role that owns schema {SCHEMA} (docs/security.md), and run "
            "`python -m records.migrate` with it first where the tables are older than this Tenure",
        ) from error
