"""Things that people set and may set again: every version is kept, the newest counts.

A table of versions has ``id``, its key, one column with the value (NULL: taken back), ``before``, ``author`` and ``at``
(see ``records.tables``). Whoever writes to one holds its lock until the commit, so that ids rise in the order in which
versions become visible: the highest id tells whether anything changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, Table, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from records import audit
from records.checks import instant
from records.database import begin
from records.errors import ChangedMeanwhile
from records.subjects import subject_id
from records.tables import subjects

_LOCKS = 73_260_02
"""The space of the advisory locks; the number means nothing."""


@dataclass(frozen=True)
class Versions:
    """A table of versions: which columns name a thing, which one holds its value, how the audit log calls a change."""

    table: Table
    key: tuple[str, ...]
    value: str
    action: str
    audited: Callable[[Any], Any] = lambda value: value
    """What of a value the audit log may hold: no names, and nothing that people wrote freely."""

    def append(
        self,
        engine: Engine,
        key: Mapping[str, Any],
        value: Any,
        *,
        author: str,
        now: datetime,
        seen: int | None,
        found: Any = None,
    ) -> int:
        """Adds a version and its audit entry, in one transaction; returns the version's number.

        ``seen`` is the number that :meth:`newest_id` gave when the author looked: ChangedMeanwhile when somebody has
        set this thing since. None sets it whatever happened. Saving the same again after an answer that got lost
        returns the version that is there. ``found`` is what stood before anybody set it.
        """
        instant(now)
        with begin(engine) as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCKS, func.hashtext(self.table.name))))
            last = connection.execute(self._of(key).limit(1)).first()
            if last is not None and seen is not None and last.id > seen:
                if (last.name, last.value) == (author, value):
                    return int(last.id)
                raise ChangedMeanwhile(last.name, last.at, last.value, last.id)
            before = found if last is None or last.value is None else last.value
            return self._insert(connection, key, value, before, author, now)

    def _insert(
        self, connection: Connection, key: Mapping[str, Any], value: Any, before: Any, author: str, now: datetime
    ) -> int:
        subject = subject_id(connection, author)
        row = {**key, self.value: value, "before": before, "author": subject, "at": now}
        number = connection.scalars(self.table.insert().values(row).returning(self.table.c.id)).one()
        audit.note(
            connection,
            actor=subject,
            action=self.action,
            object="/".join(str(key[column]) for column in self.key),
            at=now,
            before=None if before is None else {self.value: self.audited(before)},
            after=None if value is None else {self.value: self.audited(value)},
        )
        return int(number)

    def newest(self, engine: Engine, **some: Any) -> list[Row[Any]]:
        """The newest version of each thing that is set: its key, ``value``, ``name`` (null: erased), ``at``.

        ``some`` gives columns of the key, for those things only.
        """
        columns = [self.table.c[column] for column in self.key]
        found = self._select().where(*self._same(some))
        last = found.ext(distinct_on(*columns)).order_by(*columns, self.table.c.id.desc()).subquery()
        wanted = select(*(last.c[column] for column in self.key), last.c.value, last.c.name, last.c.at)
        with begin(engine) as connection:
            return list(connection.execute(wanted.where(last.c.value.is_not(None)).order_by(last.c.id)))

    def everything(self, engine: Engine, **some: Any) -> list[Row[Any]]:
        """Every version of everything, oldest first: ``id``, ``value``, ``before``, ``name``, ``at``, then its key."""
        with begin(engine) as connection:
            return list(connection.execute(self._select().where(*self._same(some)).order_by(self.table.c.id)))

    def history(self, engine: Engine, key: Mapping[str, Any]) -> list[Row[Any]]:
        """Every version of one thing, newest first: ``id``, ``value``, ``before``, ``name``, ``at``."""
        with begin(engine) as connection:
            found = connection.execute(self._of(key)).all()
        return list(found)

    def newest_id(self, engine: Engine) -> int:
        """The highest number of any version; 0 when there is none."""
        with begin(engine) as connection:
            return connection.scalar(select(func.max(self.table.c.id))) or 0

    def _select(self) -> Select[*tuple[Any, ...]]:
        table = self.table
        columns = (table.c.id, table.c[self.value].label("value"), table.c.before, subjects.c.name, table.c.at)
        keys = (table.c[column] for column in self.key)
        return select(*columns, *keys).outerjoin(subjects, subjects.c.id == table.c.author)

    def _of(self, key: Mapping[str, Any]) -> Select[*tuple[Any, ...]]:
        same = {column: key[column] for column in self.key}
        return self._select().where(*self._same(same)).order_by(self.table.c.id.desc())

    def _same(self, some: Mapping[str, Any]) -> list[ColumnElement[bool]]:
        return [self.table.c[column] == value for column, value in some.items()]
