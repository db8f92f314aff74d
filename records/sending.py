"""Whether anything may be sent at all: paused by a person, or because the database is not the one it was.

A restored database holds messages as queued that were sent after the copy was taken. Three marks tell: PostgreSQL's
system identifier together with the database's own number, its timeline, and the count of messages that ever began to
be sent, which workers also keep outside the database. The first two are read where the role may; ``pg_control_system``
and the position in the log are open to everybody unless somebody took that away, or a hosted PostgreSQL has none. Then
the count alone tells, which needs its file to have outlived the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl
from sqlalchemy import Connection, Engine, Row, TextClause, delete, exc, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from records import audit
from records.campaign_states import MACHINE
from records.checks import instant, prose
from records.database import begin
from records.frames import AT, Columns, frame
from records.outreach_tables import sending
from records.outreach_tables import workers as _workers
from records.subjects import subject_id

_SYSTEM = text("SELECT system_identifier::text FROM pg_control_system()")
_TIMELINE = text("SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint")
_DATABASE = text("SELECT oid::text FROM pg_database WHERE datname = current_database()")
_FORGOTTEN = timedelta(days=1)
"""After so long without a sign a worker is no longer listed."""
SILENT = timedelta(minutes=2)
"""A worker that was not heard of for so long has died, or stands still: it says that it lives every few seconds, and
between two messages, one of which may take a minute."""
_UNKNOWN = "-"
_WORKERS: Columns = {"worker": pl.String, "started_at": AT, "seen_at": AT, "sent": pl.Int64, "mail_ok": pl.Boolean}


@dataclass(frozen=True)
class Pulse:
    """The last sign of any worker: how long ``ago`` by the database, and whether mail left (None: not tried)."""

    ago: timedelta
    mail_ok: bool | None


@dataclass(frozen=True)
class Sending:
    """Whether sending is paused and why; ``sent`` counts the messages that ever began to be sent."""

    paused: bool
    reason: str | None
    sent: int
    changed_at: datetime | None


def state(engine: Engine) -> Sending:
    """Whether anything is sent right now, as far as anybody decided."""
    wanted = select(sending.c.paused, sending.c.reason, sending.c.sent, sending.c.changed_at)
    with begin(engine) as connection:
        found = connection.execute(wanted).first()
    return Sending(False, None, 0, None) if found is None else Sending(*found)


def check_restored(engine: Engine, *, counter: int | None, now: datetime) -> str | None:
    """Pauses sending when this database is a restored one; returns why sending is paused, None when it is not.

    ``counter`` is the highest number that ``begin_sending`` gave, as kept outside the database; None: not kept yet.
    Call it before anything is claimed, and again before every round. What it finds is remembered, so that sending
    goes on when a person has resumed it.
    """
    with begin(engine) as connection:
        found = _row(connection)
        if found is None:
            connection.execute(insert(sending).values(single=True, changed_at=instant(now)).on_conflict_do_nothing())
            found = _row(connection)
            assert found is not None
        system, timeline = _identity(connection)
        why = _restored(found, system, timeline, counter)
        known = {"sent": max(found.sent, counter or 0), "system_identifier": system, "timeline": timeline}
        if why is not None:
            connection.execute(update(sending).values(known))
            _pause(connection, MACHINE, why, now)
        elif any(getattr(found, name) != value for name, value in known.items()):
            connection.execute(update(sending).values(known))
        return why or (found.reason or "paused" if found.paused else None)


def pause(engine: Engine, *, actor: str, reason: str, now: datetime) -> None:
    """Once this returns, no message begins to be sent until somebody resumes."""
    with begin(engine) as connection:
        _pause(connection, actor, reason, now)


def resume(engine: Engine, *, actor: str, now: datetime) -> None:
    """Sending goes on; campaigns that are paused themselves stay so."""
    with begin(engine) as connection:
        before = _row(connection)
        if before is not None and before.paused:
            connection.execute(update(sending).values(paused=False, reason=None, changed_at=instant(now)))
            subject = subject_id(connection, actor)
            told: dict[str, Any] = {"before": {"reason": len(before.reason or "")}, "at": now}
            audit.note(connection, actor=subject, action="resume sending", object="sending", **told)


def beat(
    engine: Engine, worker: UUID, *, started_at: datetime, now: datetime, sent: int, mail_ok: bool | None = None
) -> None:
    """A worker says that it lives, how many messages it has sent since it started, and whether the mail server answers.

    Workers that were silent for a day are forgotten.
    """
    values = {"started_at": instant(started_at), "seen_at": instant(now), "sent": sent, "mail_ok": mail_ok}
    known = insert(_workers).values(values | {"id": worker})
    with begin(engine) as connection:
        connection.execute(known.on_conflict_do_update(index_elements=[_workers.c.id], set_=values))
        connection.execute(delete(_workers).where(_workers.c.seen_at < now - _FORGOTTEN))


def workers(engine: Engine) -> pl.DataFrame:
    """The workers heard of within a day, the last heard of first.

    One row per worker: ``worker``; ``started_at``, ``seen_at``, UTC; ``sent`` since it started; ``mail_ok``, null where
    it has not tried the mail server.
    """
    wanted = select(*_workers.c["id", "started_at", "seen_at", "sent", "mail_ok"]).order_by(_workers.c.seen_at.desc())
    with begin(engine) as connection:
        return frame(((str(row[0]), *row[1:]) for row in connection.execute(wanted)), _WORKERS)


def pulse(engine: Engine) -> Pulse | None:
    """The last sign of any worker, None when there was none within a day."""
    wanted = select(func.clock_timestamp() - _workers.c.seen_at, _workers.c.mail_ok)
    with begin(engine) as connection:
        found = connection.execute(wanted.order_by(_workers.c.seen_at.desc()).limit(1)).first()
    return None if found is None else Pulse(max(found[0], timedelta()), found.mail_ok)


def _row(connection: Connection) -> Row[Any] | None:
    return connection.execute(select(sending).with_for_update(key_share=True)).first()


def _pause(connection: Connection, actor: str, reason: str, now: datetime) -> None:
    reason = prose(reason, "The reason", 1_000)
    paused = insert(sending).values(single=True, paused=True, reason=reason, changed_at=instant(now))
    again = {"paused": True, "reason": reason, "changed_at": now}
    connection.execute(paused.on_conflict_do_update(index_elements=[sending.c.single], set_=again))
    subject = subject_id(connection, actor)
    audit.note(
        connection, actor=subject, action="pause sending", object="sending", at=now, after={"reason": len(reason)}
    )


def _identity(connection: Connection) -> tuple[str, int | None]:
    """Which database this is, as "system identifier/number of the database", and the timeline."""
    database = connection.scalar(_DATABASE)
    timeline = _allowed(connection, _TIMELINE)
    return f"{_allowed(connection, _SYSTEM) or _UNKNOWN}/{database}", None if timeline is None else int(timeline)


def _allowed(connection: Connection, query: TextClause) -> Any:
    """What ``query`` says; None where this role or this PostgreSQL does not let us ask."""
    try:
        with connection.begin_nested():
            return connection.scalar(query)
    except exc.DBAPIError as error:
        if (getattr(error.orig, "pgcode", None) or "")[:2] in ("42", "0A", "55"):  # no right, no function, not now
            return None
        raise


def _restored(found: Row[Any], system: str, timeline: int | None, counter: int | None) -> str | None:
    if found.system_identifier is not None and _differ(found.system_identifier, system):
        return "The database is a copy of the one that messages were sent from."
    if None not in (found.timeline, timeline) and found.timeline != timeline:
        return "The database was restored or taken over by a standby since messages were sent."
    if counter is not None and counter > found.sent:
        return (
            f"The database knows of {found.sent:,} messages sent, workers of {counter:,}: "
            "it was restored from an older copy."
        )
    return None


def _differ(before: str, now: str) -> bool:
    """Whether two identities differ in a part that both know."""
    pairs = zip(before.split("/"), now.split("/"), strict=False)
    return any(_UNKNOWN not in pair and pair[0] != pair[1] for pair in pairs)
