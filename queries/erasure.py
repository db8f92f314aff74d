"""Erases people from records and snapshots: marked first, then removed, so that no interruption brings one back.

Every step is found by the marks alone; whatever was interrupted, or restored from a copy, is found again by doing it
again.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import polars as pl
from sqlalchemy import Connection, select

from queries import left_out
from queries.database import Session, session
from queries.errors import NoSnapshot, RefreshBusy, RefreshError
from queries.left_out import MANAGER, LeftOut
from queries.purge import purged
from queries.store import Manifest, Store, manifest_name, new_id, newest_manifest, publish, read_manifest
from queries.sweep import forget_others
from records.database import address
from records.erased import Erased, Key, remember
from records.erasing import People, behind, purge
from records.mentions import is_full
from records.owning import owning
from records.tables import erased as _erased
from settings import Settings

PATIENCE = 1800.0
"""Seconds that a refresh which is under way is waited for."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """What was removed, or would be: rows by table, mail files, rows by kind of snapshot file, older objects.

    ``marks`` are all of those erased now, ``new`` how many of them were not before.
    """

    marks: int
    new: int
    records: Counter[str]
    mail: int
    snapshot: Counter[str]
    objects: int


class Overlay(Store):
    """A snapshot folder in which nothing is changed: what is written goes elsewhere, and is read from there."""

    def __init__(self, location: str, over: Path) -> None:
        super().__init__(location)
        self._over = Store(str(over))

    def put(self, name: str, content: bytes) -> None:
        """Writes elsewhere."""
        self._over.put(name, content)

    def scan(self, *names: str) -> pl.LazyFrame:
        """Where each was written, else where it was."""
        before = super().scan
        parts = [self._over.scan(name) if self._over.exists(name) else before(name) for name in names]
        return parts[0] if len(parts) == 1 else pl.concat(parts)

    def exists(self, name: str) -> bool:
        """Whether it is in either place."""
        return self._over.exists(name) or super().exists(name)


def erase(
    settings: Settings,
    given: Iterable[str],
    *,
    names: Iterable[str] = (),
    dry_run: bool = False,
    say: Say = lambda text: None,
    now: datetime | None = None,
) -> Found:
    """Erases everybody in ``given`` (addresses or ids), and whatever is left of those who were erased before.

    A blank id is nobody's. ``names`` are looked for in free text beside those that are known. ``dry_run`` counts, and
    changes nothing. RecordsError, QueryError and OSError say what could not be done: run it again, as often as needed.
    """
    key, url = Key.of(settings.secret_key), settings.records_owner_url or address(settings)
    store = Store(settings.snapshot_dir)
    now = now or datetime.now(UTC)
    say("Looking for them")
    with owning(url) as connection:
        before = frozenset(connection.scalars(select(_erased.c.hmac)))
        before |= left_out.carried(store, newest_manifest(store))
        Erased.of(before, settings.secret_key)  # refuses marks of another key
        people = _closure(connection, store, key, before, given)
        marks = before | _marks(key, people)
    everybody = Erased(marks, key)
    with owning(url) as connection:
        held = frozenset(connection.scalars(select(_erased.c.hmac)))
        new = len(marks - held) if dry_run else remember(connection, marks, now=now)
    people |= People(names=frozenset(name for name in names if name.strip()))
    say("Records")
    responses = _responses(store, newest_manifest(store), everybody)
    removed = purge(url, everybody, people, responses=responses, now=now, change=not dry_run)
    mail = _mail(settings.outbox_dir, removed.messages, change=not dry_run)
    if dry_run:
        return Found(len(marks), new, removed.rows, mail, _counted(settings, everybody), 0)
    say("Snapshots")
    rows, objects = _from_snapshots(settings, everybody, say)
    return Found(len(marks), new, removed.rows, mail, rows, objects)


def _marks(key: Key, people: People) -> set[str]:
    return {key.user(id) for id in people.ids} | {key.address(one) for one in people.addresses}


def _closure(connection: Connection, store: Store, key: Key, before: frozenset[str], given: Iterable[str]) -> People:
    """Everything that belongs to whom is given: an address has ids, an id an address, in the snapshot and in messages.

    What is given counts as an id as well: some products take the address for one.
    """
    wanted = [one.strip() for one in given if one.strip()]
    people = People(frozenset(wanted), frozenset(one for one in wanted if "@" in one))
    manifest = newest_manifest(store)
    while True:
        erased = Erased(before | _marks(key, people), key)
        found = people | behind(connection, erased) | _in_snapshot(store, manifest, LeftOut(erased))
        if found == people:
            return people
        people = found


def _in_snapshot(store: Store, manifest: Manifest | None, who: LeftOut) -> People:
    """Ids, addresses and whole names of those who are marked, as the snapshot's people and accounts have them."""
    found = People()
    for name in ("people", "rejected/people"):
        rows = _rows(store, manifest, name, ["user_id", "email", "name"])
        ids, addresses, names = rows.filter(who.theirs(rows)).get_columns()
        found |= _people(ids, addresses, names)
    rows = _rows(store, manifest, "accounts", MANAGER).rename({MANAGER[0]: "email"})
    addresses, names = rows.filter(who.theirs(rows)).get_columns()
    return found | _people(addresses.clear(), addresses, names)


def _people(ids: pl.Series, addresses: pl.Series, names: pl.Series) -> People:
    known = [frozenset(one for one in values.drop_nulls() if one.strip()) for values in (ids, addresses, names)]
    return People(known[0], known[1], frozenset(name for name in known[2] if is_full(name)))


def _rows(store: Store, manifest: Manifest | None, name: str, columns: list[str]) -> pl.DataFrame:
    """Some columns of a snapshot's file, null where it lacks them; no rows where there is no file."""
    empty = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    if manifest is None or name not in manifest.files or not store.exists(manifest.files[name]):
        return empty
    file = store.scan(manifest.files[name])
    there = set(file.collect_schema().names())
    chosen = (pl.col(c) if c in there else pl.lit(None, pl.String).alias(c) for c in columns)
    return file.select(chosen).collect()


def _responses(store: Store, manifest: Manifest | None, erased: Erased) -> set[tuple[str, str]]:
    """What they answered to the product's own surveys: source and response id."""
    who = LeftOut(erased)
    found = set()
    for source in ("nps", "exit_surveys"):
        rows = _rows(store, manifest, source, ["response_id", "user_id"])
        found |= {(source, id) for id in rows.filter(who.theirs(rows)).get_column("response_id")}
    return found


def _mail(folder: Path, messages: Iterable[UUID], *, change: bool) -> int:
    """Mail that was written as files, each named by its message: to them, or to others and naming them."""
    there = [path for id in messages if (path := folder / f"{id}.eml").exists()]
    for path in there if change else ():
        path.unlink(missing_ok=True)
    return len(there)


def _counted(settings: Settings, erased: Erased) -> Counter[str]:
    """What would go from the newest snapshot."""
    with tempfile.TemporaryDirectory(prefix="tenure-") as folder:
        store = Overlay(settings.snapshot_dir, Path(folder))
        manifest = newest_manifest(store)
        return Counter() if manifest is None else purged(store, manifest, LeftOut(erased), settings)[1]


def _from_snapshots(settings: Settings, erased: Erased, say: Say) -> tuple[Counter[str], int]:
    """Publishes the newest snapshot without them, and deletes every older one that may hold them, at once.

    As the one refresher, so that a refresh which is under way cannot publish them after.
    """
    store = Store(settings.snapshot_dir)
    if not store.names():
        return Counter(), 0
    if settings.product_database_url is None:
        raise RefreshError("No product database is set.", "set PRODUCT_DATABASE_URL: its refreshes must wait meanwhile")
    with session(settings.product_database_url, statement_timeout=settings.refresh.statement_timeout) as opened:
        _take_turn(opened, say)
        newest = newest_manifest(store)
        if newest is None:  # of another version: nobody can read it, and the next refresh makes a new one
            return Counter(), forget_others(store, [])
        who = LeftOut(erased, left_out.carried(store, newest))
        manifest, rows = purged(store, newest, who, settings)
        opened.assure_lock()
        if rows or who.has_grown or manifest != newest:
            created = datetime.now(UTC)
            its = {"id": new_id(created), "created_at": created, "erasures": newest.erasures + 1}
            manifest = manifest.model_copy(update=its)
            publish(store, manifest)
        return rows, forget_others(store, [manifest, *_clean(store, manifest, erased)])


def _take_turn(opened: Session, say: Say) -> None:
    until = time.monotonic() + PATIENCE
    if opened.try_lock():
        return
    say("A refresh is under way; waiting for it to end")
    while not opened.try_lock():
        if time.monotonic() > until:
            raise RefreshBusy("Another refresh is running.", "run this again once it has ended")
        time.sleep(0.2)


def _clean(store: Store, current: Manifest, erased: Erased) -> list[Manifest]:
    """Older snapshots that knew all who are erased now, and so hold none of them."""
    found = []
    for name in store.names():
        if name.startswith("manifest-") and name != manifest_name(current.id):
            older = _readable(store, name.removeprefix("manifest-").removesuffix(".json"))
            if older is not None and erased.marks <= left_out.carried(store, older):
                found.append(older)
    return found


def _readable(store: Store, id: str) -> Manifest | None:
    try:
        return read_manifest(store, id)
    except NoSnapshot:
        return None
