"""The time of the records' database, which all machines share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from records.database import begin

_NOW = text("SELECT clock_timestamp()")


class DatabaseClock:
    """Tells the time in UTC as the database has it, so that a wrong clock here sends nothing at the wrong hour.

    Leases, quiet hours and heartbeats compare times that several machines wrote down; by this clock they are all of
    one. Until it is :meth:`set` for the first time, it tells this machine's own.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._behind = timedelta()

    def __call__(self) -> datetime:
        """The time now."""
        return datetime.now(UTC) + self._behind

    def set(self) -> None:
        """Asks the database; RecordsError when it does not answer."""
        with begin(self._engine) as connection:
            before = datetime.now(UTC)
            there: datetime = connection.execute(_NOW).scalar_one()
            after = datetime.now(UTC)
        self._behind = there.astimezone(UTC) - (before + (after - before) / 2)
