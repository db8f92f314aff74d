"""Who was erased, as marks that name nobody: keyed hashes of ids and addresses, by which they are left out for good.

Whoever holds an id or an address, and ``SECRET_KEY``, can tell whether it was erased; nobody can tell whose a mark is.
``python -m queries.erase`` adds marks; every refresh, every draft, every approval and every message asks for them.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection, Engine, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from records.addresses import address_key, within
from records.checks import instant
from records.errors import NotAccepted, RecordsError
from records.metadata import SCHEMA
from records.tables import erased

PREFIX = "erased:"
"""How the address key of a message begins whose person was erased; the message's id follows."""
_LOCK = 73_260_06
"""The advisory lock of whoever erases; the number means nothing."""
_PLAIN = re.compile(r"(?!.*@.*xn--)[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
"""Addresses that ``address_key`` only folds: asking it costs fifty times as much."""
_KEEP_IT = "set SECRET_KEY to what it was when people were erased"
_THERE = text(
    "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = :schema AND c.relname = :table)"
)

Recipient = tuple[str, str | None, str | None]
"""A message's ``address_key``, ``address`` and ``user_id``."""


@dataclass(frozen=True)
class Key:
    """What marks are made with, derived from ``SECRET_KEY`` for this purpose alone."""

    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret_key: str | None) -> Key:
        """The key; RecordsError where ``SECRET_KEY`` is not set."""
        if not secret_key:
            raise RecordsError("SECRET_KEY is not set, so nobody can tell who was erased.", _KEEP_IT)
        return cls(hmac.digest(secret_key.encode(), b"tenure.erased", "sha256"))

    @cached_property
    def name(self) -> str:
        """What every mark begins with, so that marks of another key are noticed: they would let everybody back in."""
        return hmac.digest(self.secret, b"name", "sha256")[:4].hex() + ":"

    def user(self, user_id: str) -> str:
        """The mark of an id.

        >>> key = Key.of("a long random text")
        >>> key.user("u7") == key.user(" u7 "), key.user("u7") == key.user("U7"), len(key.user("u7"))
        (True, False, 73)
        """
        return self._mark("user", user_id.strip())

    def address(self, address: str) -> str:
        """The mark of an address, however it is written.

        >>> key = Key.of("a long random text")
        >>> key.address("Ada@Example.ORG ") == key.address("ada@example.org") != key.user("ada@example.org")
        True
        """
        return self._mark("address", normal(address))

    def _mark(self, kind: str, value: str) -> str:
        return self.name + hmac.digest(self.secret, f"{kind}\0{value}".encode(errors="replace"), "sha256").hex()


@dataclass(frozen=True)
class Erased:
    """Everybody who was erased; false when nobody was, and then nothing is worked out at all."""

    marks: frozenset[str] = frozenset()
    key: Key | None = None

    @classmethod
    def of(cls, marks: Collection[str], secret_key: str | None) -> Erased:
        """``marks`` with the key they were made with; RecordsError where that is not ``SECRET_KEY``."""
        if not marks:
            return cls()
        key = Key.of(secret_key)
        if not all(mark.startswith(key.name) for mark in marks):
            raise RecordsError("SECRET_KEY is not the one that people were erased with.", _KEEP_IT)
        return cls(frozenset(marks), key)

    def __bool__(self) -> bool:
        return bool(self.marks)

    def users(self, ids: Iterable[str | None]) -> set[str]:
        """Those of ``ids`` that were erased."""
        return {id for id in ids if id and self.key and self.key.user(id) in self.marks}

    def addresses(self, addresses: Iterable[str | None]) -> set[str]:
        """Those of ``addresses`` that were erased."""
        return {one for one in addresses if one and self.key and self.key.address(one) in self.marks}

    def recipients(self, recipients: Iterable[Recipient]) -> set[Recipient]:
        """Those of ``recipients`` that were erased, under any of their three names."""
        if self.key is None:
            return set()
        return {each for each in recipients if not self.marks.isdisjoint(_marks(self.key, each))}


def normal(address: str) -> str:
    """What an address is compared by; of what is none, the text in small letters."""
    bare = address.strip()
    if _PLAIN.fullmatch(bare):
        return bare.casefold()
    try:
        return address_key(bare)
    except NotAccepted:
        return bare.casefold()


def marks(engine: Engine) -> frozenset[str]:
    """The marks of everybody erased; none where there are no such tables yet. The errors are those of ``begin``."""
    with within(engine) as connection:
        if not connection.scalar(_THERE, {"schema": SCHEMA, "table": erased.name}):
            return frozenset()
        return frozenset(connection.scalars(select(erased.c.hmac)))


def among(where: Engine | Connection, recipients: Iterable[Recipient], *, secret_key: str | None) -> set[Recipient]:
    """Those of ``recipients`` that were erased; one cheap question where nobody ever was.

    RecordsError where somebody was and ``SECRET_KEY`` cannot tell who: then nothing may be sent to anybody.
    """
    with within(where) as connection:
        if not connection.scalar(select(erased.c.hmac).limit(1)):
            return set()
        key = Key.of(secret_key)
        made: Mapping[Recipient, set[str]] = {each: _marks(key, each) for each in recipients}
        asked = sorted(set().union(*made.values()))
        foreign = ~func.starts_with(erased.c.hmac, key.name)
        found = set(connection.scalars(select(erased.c.hmac).where(or_(erased.c.hmac == func.any(asked), foreign))))
        known = Erased.of(found, secret_key)
        return {each for each, its in made.items() if not its.isdisjoint(known.marks)}


def refuse(where: Engine | Connection, recipients: Iterable[Recipient], *, secret_key: str | None) -> None:
    """NotAccepted when any of ``recipients`` was erased, so that nothing about them is written down again."""
    if among(where, recipients, secret_key=secret_key):
        raise NotAccepted("Somebody in it was erased.", "choose the recipients and preview again")


def hold(connection: Connection) -> None:
    """Nobody is marked as erased until this transaction ends: what it writes down is seen by whoever erases next."""
    connection.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))


def remember(connection: Connection, marks: Collection[str], *, now: datetime) -> int:
    """Marks people as erased, for good, and returns how many marks are new; waits for whoever holds."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    rows = [{"hmac": mark, "at": instant(now)} for mark in sorted(marks)]
    if not rows:
        return 0
    added = insert(erased).values(rows).on_conflict_do_nothing().returning(erased.c.hmac)
    return len(connection.scalars(added).all())


def _marks(key: Key, recipient: Recipient) -> set[str]:
    address_key, address, user_id = recipient
    kind, _, rest = address_key.partition(":")
    users = {user_id, rest if kind == "user" else None}
    named = {address, address_key if "@" in address_key else None}
    return {key.user(each) for each in users if each} | {key.address(each) for each in named if each}
