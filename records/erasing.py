"""Takes erased people out of the records: their rows are deleted or blanked, and their names in what others wrote.

What is theirs is told by the marks alone, so that doing it again finds whatever an interruption left, and whatever a
restored copy brought back. All of it happens in one transaction, or nothing; nobody writes meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Select,
    Table,
    Text,
    cast,
    delete,
    exc,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)

from records.campaign_drafts import make_room
from records.erased import PREFIX, Erased, Recipient
from records.errors import RecordsUnavailable
from records.mentions import WORD, Mentions, is_full
from records.outbox_steps import step, waiting
from records.outreach_tables import (
    alerts,
    answers,
    attachments,
    campaigns,
    message_events,
    messages,
    opt_outs,
    sending,
    subscribers,
    suppressions,
)
from records.owning import owning
from records.tables import goals, notes, overrides, subjects, theme_corrections

_TRIES = 5
_WRITTEN = (
    (notes, ("text", "before")),
    (overrides, ("override", "before")),
    (campaigns, ("title", "reason")),
    (alerts, ("cause",)),
    (sending, ("reason",)),
    (answers, ("comment",)),
    (message_events, ("detail",)),
    (suppressions, ("detail",)),
)
"""Where people, or servers, write freely."""
_STRUCTURED = ((goals, ("goal", "before")), (campaigns, ("audience", "rules")))
"""Where ids of people stand as well; all rows are looked at, for there are few."""
_OF_A_MESSAGE = ("subject", "text", "html", "detail", "payload", "fields")
_UNSENT = ("queued", "claimed")
_LOCKED = (campaigns, sending, messages, *(t for t, _ in _WRITTEN[:2]), goals, subjects, opt_outs, subscribers)


@dataclass(frozen=True)
class People:
    """Ids, addresses and whole names that belong together."""

    ids: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def __or__(self, other: People) -> People:
        return People(self.ids | other.ids, self.addresses | other.addresses, self.names | other.names)


@dataclass(frozen=True)
class Removed:
    """How many rows of each table were deleted or blanked, and the ids of all messages whose mail tells of somebody
    erased: those to them, and those to others that named them, now or when they were erased."""

    rows: Counter[str]
    messages: frozenset[UUID]


def behind(connection: Connection, erased: Erased) -> People:
    """What messages know of the people who are marked: under which ids, addresses and names they were written to."""
    found = _theirs(connection, erased)
    return People(
        frozenset(row.user_id for row in found if row.user_id),
        frozenset(row.address for row in found if row.address),
        frozenset(row.name for row in found if row.name and is_full(row.name)),
    )


def purge(
    url: str,
    erased: Erased,
    people: People,
    *,
    responses: Collection[tuple[str, str]],
    now: datetime,
    change: bool = True,
) -> Removed:
    """Takes everybody who is marked out of all tables; ``change`` False only counts.

    ``people`` are names and addresses to look for in free text beside those the records know, ``responses`` the
    ``source`` and ``response_id`` of what they answered to the product's own surveys. The audit log stays: it holds
    random ids, and no row tells any more whose. Drafts that hold or name somebody erased are thrown away.
    """
    for tries in range(_TRIES):
        try:
            with owning(url) as connection:
                return _Purge(connection, erased, people, responses, now, change).run()
        except RecordsUnavailable as error:  # a worker and we waited for each other
            cause = error.__cause__
            state = getattr(cause.orig, "pgcode", None) if isinstance(cause, exc.DBAPIError) else None
            if state not in ("40P01", "55P03") or tries == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


class _Purge:
    """One look at all tables, and what it changes."""

    def __init__(
        self,
        connection: Connection,
        erased: Erased,
        people: People,
        responses: Collection[tuple[str, str]],
        now: datetime,
        change: bool,
    ) -> None:
        self.connection, self.erased, self.responses = connection, erased, responses
        self.now, self.change = now, change
        self.people = people
        self.theirs: frozenset[UUID] = frozenset()
        self.rewritten: set[UUID] = set()
        self.rows: Counter[str] = Counter()

    def run(self) -> Removed:
        if self.change:
            names = ", ".join(table.fullname for table in _LOCKED)
            self.connection.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
        self.people |= behind(self.connection, self.erased)
        self.mentions = Mentions(self.people.names, self.people.addresses, self.erased)
        self.theirs = theirs = self._messages()
        self._addresses()
        self._subjects()
        for table, columns in _WRITTEN:
            self._scrub(table, columns, self._likely(table, columns))
        for table, columns in _STRUCTURED:
            self._scrub(table, columns, select(table))
        self._corrections(theirs)
        self._attachments(theirs)
        return Removed(+self.rows, theirs | self.rewritten)

    def _messages(self) -> frozenset[UUID]:
        """Drafts go whole; the others stay as numbers: that somebody was written to, at which account, and the end."""
        named = self._naming()
        drafts = set(self.connection.scalars(select(campaigns.c.id).where(campaigns.c.state == "draft")))
        found = _theirs(self.connection, self.erased)
        for draft in drafts & {row.campaign_id for row in [*found, *named]}:
            self.rows["drafts"] += 1
            if self.change:
                make_room(self.connection, draft)
        ids = {row.id for row in found if row.campaign_id not in drafts}
        self._leave_out(ids)
        self._blank(ids)
        others = [row for row in named if row.campaign_id not in drafts and row.id not in ids]
        self._leave_out({row.id for row in others if row.state in _UNSENT})
        for row in others:
            self._write(messages, row, self.mentions.without(row.name), _OF_A_MESSAGE)
        before = self.connection.scalars(
            _saying(messages, _OF_A_MESSAGE, [f"%{WORD}%"]).with_only_columns(messages.c.id)
        )
        self.rewritten = {row.id for row in others} | set(before)
        known = select(messages.c.id).where(messages.c.address_key.startswith(PREFIX))
        return frozenset(ids | set(self.connection.scalars(known)))

    def _naming(self) -> list[Any]:
        """Messages that name one of them, to whomever."""
        rows = self.connection.execute(self._likely(messages, _OF_A_MESSAGE)).all()
        return [row for row in rows if _changes(row, self.mentions.without(row.name), _OF_A_MESSAGE)]

    def _leave_out(self, ids: Collection[UUID]) -> None:
        """What has not been sent is not sent, neither to them nor with their name in it."""
        if self.change and ids:
            unsent = waiting(messages.c.id == func.any(list(ids)), states=_UNSENT, skip_locked=False)
            step(self.connection, unsent, "left_out", at=self.now, code="erased", ended=True, reason="erased")

    def _blank(self, ids: Collection[UUID]) -> None:
        self.rows["messages"] += len(ids)
        its = func.any(list(ids))
        told = (answers, "comment"), (message_events, "detail")
        for table, column in told:
            held = (table.c.message_id == its, table.c[column].is_not(None))
            self.rows[table.name] += self.connection.scalar(select(func.count()).where(*held)) or 0
            if self.change:
                self.connection.execute(update(table).where(*held).values({column: None}))
        if self.change:
            nothing = dict.fromkeys(("user_id", "name", "address", *_OF_A_MESSAGE))
            key = literal(PREFIX).concat(cast(messages.c.id, Text))
            blank = update(messages).where(messages.c.id == its)
            self.connection.execute(blank.values(**nothing, address_key=key, reason="erased"))

    def _addresses(self) -> None:
        """Whoever is erased needs no opt-out: nothing is sent to them."""
        for table in (opt_outs, suppressions, subscribers):
            keys = self.connection.scalars(select(table.c.address_key).distinct())
            gone = [key for key, _, _ in self.erased.recipients((key, None, None) for key in keys)]
            self._delete(table, table.c.address_key == func.any(gone))

    def _subjects(self) -> None:
        """Colleagues under their sign-in names, and champions whose name was typed in."""
        rows = self.connection.execute(select(subjects.c.id, subjects.c.name)).all()
        signed_in = self.erased.addresses(row.name for row in rows) | self.erased.users(row.name for row in rows)
        gone = [row.id for row in rows if row.name in signed_in or self.mentions.text(row.name) != row.name]
        self._delete(subjects, subjects.c.id == func.any(gone))

    def _corrections(self, theirs: Collection[UUID]) -> None:
        ours = {(source, f"tenure-{id}") for id in theirs for source in ("nps", "exit_surveys")}
        pair = tuple_(theme_corrections.c.source, theme_corrections.c.response_id)
        self._delete(theme_corrections, pair.in_(sorted(ours | set(self.responses))))

    def _attachments(self, theirs: Collection[UUID]) -> None:
        """Files that nobody else was sent."""
        nobody_else = (
            select(messages.c.campaign_id)
            .group_by(messages.c.campaign_id)
            .having(func.bool_and(messages.c.id == func.any(list(theirs))))
        )
        self._delete(attachments, attachments.c.campaign_id.in_(nobody_else))

    def _delete(self, table: Table, which: Any) -> None:
        self.rows[table.name] += self.connection.scalar(select(func.count()).select_from(table).where(which)) or 0
        if self.change:
            self.connection.execute(delete(table).where(which))

    def _likely(self, table: Table, columns: Collection[str]) -> Select[Any]:
        """Rows in which something may be found."""
        return _saying(table, columns, self.mentions.likely)

    def _scrub(self, table: Table, columns: Collection[str], rows: Select[Any]) -> None:
        for row in self.connection.execute(rows).all():
            if getattr(row, "message_id", None) not in self.theirs:  # blanked already, where anything is changed
                self._write(table, row, self.mentions, columns)

    def _write(self, table: Table, row: Any, mentions: Mentions, columns: Collection[str]) -> None:
        changed = _changes(row, mentions, columns)
        if not changed:
            return
        self.rows[table.name] += 1
        if self.change:
            key = next(iter(table.primary_key))
            self.connection.execute(update(table).where(key == getattr(row, key.name)).values(changed))


def _saying(table: Table, columns: Collection[str], patterns: list[str]) -> Select[Any]:
    """Rows of which a column matches one of ``patterns``."""
    found = func.any(patterns)
    return select(table).where(or_(*(cast(table.c[name], Text).op("ILIKE")(found) for name in columns)))


def _theirs(connection: Connection, erased: Erased) -> list[Any]:
    """Messages of people who are marked, and not blanked yet."""
    who = messages.c["address_key", "address", "user_id"]
    open_ones = ~messages.c.address_key.startswith(PREFIX)
    people: list[Recipient] = [
        (row[0], row[1], row[2]) for row in connection.execute(select(*who).distinct().where(open_ones))
    ]
    gone = erased.recipients(people)
    rows = connection.execute(
        select(*messages.c["id", "campaign_id", "name"], *who).where(
            messages.c.address_key == func.any([g[0] for g in gone])
        )
    )
    return [row for row in rows if (row.address_key, row.address, row.user_id) in gone]


def _changes(row: Any, mentions: Mentions, columns: Collection[str]) -> dict[str, Any]:
    """The columns of a row that something is found in, as they are without."""
    held = {name: getattr(row, name) for name in columns}
    found = {name: mentions.json(value) for name, value in held.items()}
    return {name: value for name, value in found.items() if value != held[name]}
