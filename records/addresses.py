"""Whom never to write to: opt-outs from marketing mail, and addresses that nothing is sent to at all.

Both are kept as rows that are only ever added; the newest row of an address counts. An opt-out is kept under the
person's id as well, so that it holds when the product changes their address. Whoever adds one holds the
address's lock until the commit, and so does whoever begins to send to it (``records.outbox``): once :func:`opt_out`
has returned, no later message to that address begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, Connection, Engine, ScalarSelect, Select, Table, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from records.checks import LONGEST_ID, LONGEST_NAME, instant, words
from records.database import begin
from records.errors import NotAccepted
from records.frames import AT, Columns, frame
from records.outreach_tables import opt_outs as _opt_outs
from records.outreach_tables import suppressions as _suppressions
from records.subjects import subject_id
from records.tables import subjects

LONGEST_KEY = LONGEST_ID + 8
_LOCKS = 73_260_03
"""The space of the advisory locks of addresses; the number means nothing."""
_OPT_OUTS: Columns = {"address_key": pl.String, "source": pl.String, "actor": pl.String, "at": AT}
_SUPPRESSIONS: Columns = {
    "address_key": pl.String,
    "reason": pl.String,
    "detail": pl.String,
    "actor": pl.String,
    "at": AT,
}


def address_key(address: str) -> str:
    """What an address is compared by: normalised, and without upper case; NotAccepted when it is no address.

    No name server is asked. Casefolding the part before the @ as well may take two addresses for one where a server
    tells them apart; it never takes one for two, which would write to somebody twice.

    >>> address_key("Ada.Lovelace@Example.ORG")
    'ada.lovelace@example.org'
    >>> address_key("ada@")
    Traceback (most recent call last):
    records.errors.NotAccepted: This is no address: There must be something after the @-sign.
    """
    if not isinstance(address, str) or len(address) > LONGEST_NAME:
        raise NotAccepted("This is no address: it is too long, or no text.")
    try:
        return validate_email(address.strip(), check_deliverability=False).normalized.casefold()
    except EmailNotValidError as error:
        raise NotAccepted(f"This is no address: {error}") from None


def key(address: str | None, *, user_id: str | None, account_id: str) -> str:
    """What a recipient is compared by: their address where there is a good one, else the person, else the account.

    >>> key(None, user_id="u7", account_id="a1")
    'user:u7'
    """
    if address is not None:
        try:
            return address_key(address)
        except NotAccepted:
            pass
    return f"account:{account_id}" if user_id is None else f"user:{user_id}"


def keys(address_key: str, user_id: str | None) -> tuple[str, ...]:
    """Everything a recipient is compared by: :func:`key`, and the person, who keeps their word when addresses change.

    >>> keys("ada@example.org", "u7"), keys("user:u7", "u7"), keys("account:a1", None)
    (('ada@example.org', 'user:u7'), ('user:u7',), ('account:a1',))
    """
    return tuple(dict.fromkeys([address_key, *([] if user_id is None else [f"user:{user_id}"])]))


def opted_out(where: Engine | Connection, whom: Iterable[str]) -> set[str]:
    """Which keys of ``whom`` want no marketing mail: those whose newest row says so."""
    newest = _newest(_opt_outs, whom)
    with within(where) as connection:
        return set(connection.scalars(select(newest.c.address_key).where(newest.c.opted_out)))


def suppressed(where: Engine | Connection, keys: Iterable[str]) -> dict[str, str]:
    """Which of ``keys`` nothing is sent to, and why (``bounced``, ``complained``, or what a person said)."""
    newest = _newest(_suppressions, keys)
    wanted = select(newest.c.address_key, newest.c.reason).where(newest.c.suppressed)
    with within(where) as connection:
        return {row.address_key: row.reason for row in connection.execute(wanted)}


def opt_out(
    engine: Engine,
    key: str,
    *,
    source: str,
    now: datetime,
    user_id: str | None = None,
    message_id: UUID | None = None,
    actor: str | None = None,
) -> None:
    """``key`` wants no more marketing mail; once this returns, none begins to be sent. Saying so again adds nothing.

    ``user_id``, where it is known whose address it is: so does the person, whatever their address will be. ``source``
    is a machine word (``link``, ``reply``, ``person``), ``message_id`` the message whose link was used, ``actor``
    whoever of us noted it; null when it was the recipient.
    """
    with begin(engine) as connection:
        for each in keys(key, user_id):
            _set_opt_out(connection, each, True, source=source, now=now, message_id=message_id, actor=actor)


def opt_in(
    engine: Engine,
    key: str,
    *,
    source: str,
    now: datetime,
    user_id: str | None = None,
    message_id: UUID | None = None,
    actor: str | None = None,
) -> None:
    """``key`` wants marketing mail again; parameters as in :func:`opt_out`."""
    with begin(engine) as connection:
        for each in keys(key, user_id):
            _set_opt_out(connection, each, False, source=source, now=now, message_id=message_id, actor=actor)


def suppress(
    engine: Engine,
    key: str,
    *,
    reason: str,
    now: datetime,
    detail: str | None = None,
    message_id: UUID | None = None,
    actor: str | None = None,
) -> None:
    """Nothing is sent to ``key`` from now on, service mail included; ``reason`` is a machine word (``bounced``)."""
    with begin(engine) as connection:
        set_suppression(connection, key, True, reason, now=now, detail=detail, message_id=message_id, actor=actor)


def lift(engine: Engine, key: str, *, actor: str, now: datetime, reason: str = "lifted") -> None:
    """A person says that ``key`` may be written to again."""
    with begin(engine) as connection:
        set_suppression(connection, key, False, reason, now=now, actor=actor)


def opt_outs(engine: Engine) -> pl.DataFrame:
    """Everybody who wants no marketing mail now, newest first.

    One row per address, and per person (``user:`` and the id): ``address_key``; ``source``; ``actor``, null where
    it was the recipient, or the name is erased; ``at``, UTC.
    """
    newest = _newest(_opt_outs)
    wanted = select(newest.c.address_key, newest.c.source, subjects.c.name, newest.c.at)
    wanted = wanted.outerjoin(subjects, subjects.c.id == newest.c.actor).where(newest.c.opted_out)
    with begin(engine) as connection:
        return frame(connection.execute(wanted.order_by(newest.c.id.desc())), _OPT_OUTS)


def suppressions(engine: Engine) -> pl.DataFrame:
    """Every address that nothing is sent to now, newest first.

    One row per address: ``address_key``; ``reason``; ``detail``, what the server said, null where nothing; ``actor``,
    null where no person did it; ``at``, UTC.
    """
    newest = _newest(_suppressions)
    wanted = select(newest.c.address_key, newest.c.reason, newest.c.detail, subjects.c.name, newest.c.at)
    wanted = wanted.outerjoin(subjects, subjects.c.id == newest.c.actor).where(newest.c.suppressed)
    with begin(engine) as connection:
        return frame(connection.execute(wanted.order_by(newest.c.id.desc())), _SUPPRESSIONS)


def locking(key: str) -> ColumnElement[Any]:
    """Evaluated, makes whoever else locks ``key`` wait until this transaction ends."""
    return func.pg_advisory_xact_lock(_LOCKS, func.hashtext(key))


def is_opted_out(key: str) -> ScalarSelect[bool]:
    """Whether ``key`` wants no marketing mail, within a query; null where nobody ever said."""
    newest = select(_opt_outs.c.opted_out).where(_opt_outs.c.address_key == key)
    return newest.order_by(_opt_outs.c.id.desc()).limit(1).scalar_subquery()


def is_suppressed(key: str) -> ScalarSelect[bool]:
    """Whether nothing is sent to ``key``, within a query; null where nobody ever said."""
    newest = select(_suppressions.c.suppressed).where(_suppressions.c.address_key == key)
    return newest.order_by(_suppressions.c.id.desc()).limit(1).scalar_subquery()


def set_suppression(
    connection: Connection,
    key: str,
    suppress: bool,
    reason: str,
    *,
    now: datetime,
    detail: str | None = None,
    message_id: UUID | None = None,
    actor: str | None = None,
) -> None:
    """What :func:`suppress` and :func:`lift` do, in the caller's transaction."""
    key = words(key, "address_key", LONGEST_KEY)
    connection.execute(select(locking(key)))
    if (key in suppressed(connection, [key])) == suppress:
        return
    row = {"address_key": key, "suppressed": suppress, "reason": words(reason, "reason", 32), "detail": detail}
    more = {"message_id": message_id, "actor": _subject(connection, actor), "at": instant(now)}
    connection.execute(_suppressions.insert().values(row | more))


def _set_opt_out(
    connection: Connection,
    key: str,
    out: bool,
    *,
    source: str,
    now: datetime,
    message_id: UUID | None,
    actor: str | None,
) -> None:
    key = words(key, "address_key", LONGEST_KEY)
    connection.execute(select(locking(key)))
    if (key in opted_out(connection, [key])) == out:
        return
    row = {"address_key": key, "opted_out": out, "source": words(source, "source", 32), "message_id": message_id}
    connection.execute(_opt_outs.insert().values(row | {"actor": _subject(connection, actor), "at": instant(now)}))


def _subject(connection: Connection, actor: str | None) -> UUID | None:
    return None if actor is None else subject_id(connection, actor)


def _newest(table: Table, keys: Iterable[str] | None = None) -> Any:
    """The newest row of each address, or of each of ``keys``."""
    wanted: Select[Any] = select(table).ext(distinct_on(table.c.address_key))
    if keys is not None:
        wanted = wanted.where(table.c.address_key == func.any(list(keys)))
    return wanted.order_by(table.c.address_key, table.c.id.desc()).subquery()


@contextmanager
def within(where: Engine | Connection) -> Iterator[Connection]:
    """A transaction of its own, or the caller's."""
    if isinstance(where, Connection):
        yield where
    else:
        with begin(where) as connection:
            yield connection
