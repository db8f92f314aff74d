"""The snapshot on disk: immutable files named by their content, one manifest per snapshot, one pointer.

A snapshot is published by writing its files, then its manifest, then ``current`` (one small object, replaced in one
put). A reader follows ``current``, so it sees a whole snapshot or the one before it. Nothing is renamed or linked from
the outside, so that a folder and an object store can be used alike.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from queries.errors import NoSnapshot

CURRENT = "current"
FAILURE = "failure.json"
RESERVE = "reserve"
"""An object of no use but its room: it is given up to write down that the disk is full."""
KEPT = "kept/"
"""Objects whose names begin so belong to no snapshot, and are never pruned."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SourceState(_Record):
    """What a refresh found in one source.

    ``status``: ``ok``; ``missing`` (optional, no mapping); ``failed`` (could not be read and never was); ``stale``
    (could not be read now, rows are those of an earlier refresh). ``rejected_mrr`` in minor units.
    """

    status: Literal["ok", "missing", "failed", "stale"]
    rows: int = 0
    rejected: int = 0
    rejected_by_reason: dict[str, int] = {}
    rejected_mrr: int = 0
    flagged: dict[str, int] = {}
    left_out: int = 0
    newest: str | None = None
    mapping: str | None = None
    mapping_hash: str | None = None
    error: str | None = None
    hint: str | None = None


class Bad(_Record):
    """Events of one day that were rejected, and why; ``day`` is None where the event has no usable time."""

    reason: str
    day: date | None
    events: int


class Month(_Record):
    """One month of activity: its files, what was rejected in it, and when its events were last counted.

    ``uses`` counts the good events. ``uncounted`` are account ids in it that do not count (no account has them, or
    it is a test), with their events; ``by_staff`` counts the events of our own staff at accounts that do. ``erased``
    counts those of erased people, which stand in no file; in a month still running it may lag behind, which costs one
    more look at the month.
    """

    month: date
    checked_at: datetime
    uses: int
    daily: str
    bad: tuple[Bad, ...] = ()
    monthly: str = ""
    weekly: str = ""
    usage: str = ""
    flagged: dict[str, int] = {}
    uncounted: dict[str, int] = {}
    by_staff: int = 0
    erased: int = 0

    @property
    def events(self) -> int:
        """How many events the database held when the month was read, good, bad and left out."""
        return self.uses + sum(item.events for item in self.bad) + self.erased


class Comments(_Record):
    """What a refresh made of comments: the files that hold their sentences' vectors, and what went wrong, if anything.

    ``key`` changes with whatever themes depend on beside the comments: the themes file, the encoder, the method;
    ``titles`` with those of the roadmap, whose vectors are kept too.
    """

    vectors: tuple[str, ...] = ()
    key: str = ""
    titles: str = ""
    error: str | None = None
    hint: str | None = None


class Manifest(_Record):
    """One snapshot: when it is as of, what each source gave, and which file holds which frame.

    ``swept_at`` is when files that no snapshot needs were last removed. ``database`` tells one product database from
    another. ``events_on`` is the organisation's day on which events were last read; it stays behind while they cannot
    be. ``without_answers`` says why answers to our own messages could not be read, where that is so. ``as_of`` is by
    the database's clock; ``ahead`` is by how many seconds the clock of the machine that refreshed was ahead of it.
    ``erasures`` rises when somebody was erased from what the snapshot before held: then whatever was remembered of
    earlier snapshots must be forgotten.
    """

    id: str
    as_of: datetime
    created_at: datetime
    seconds: float
    time_zone: str
    currency: str
    week_start: str
    sources: dict[str, SourceState]
    files: dict[str, str]
    months: tuple[Month, ...] = ()
    swept_at: datetime | None = None
    database: str = ""
    events_on: date | None = None
    events_key: str = ""
    value_key: str = ""
    comments: Comments = Comments()
    without_answers: str | None = None
    ahead: float = 0.0
    erasures: int = 0

    def age(self, now: datetime) -> timedelta:
        """How long before ``now``, by this machine's clock, the database was read; a wrong clock changes nothing."""
        return max(now - self.as_of - timedelta(seconds=self.ahead), timedelta())

    @property
    def today(self) -> date:
        """The organisation's day at as_of."""
        return self.as_of.astimezone(ZoneInfo(self.time_zone)).date()

    def names(self) -> set[str]:
        """Every file this snapshot needs."""
        parts = {name for m in self.months for name in (m.daily, m.monthly, m.weekly, m.usage) if name}
        return parts | set(self.files.values()) | set(self.comments.vectors)


class Failure(_Record):
    """When and why the last refresh failed."""

    at: datetime
    message: str


class Store:
    """A folder of immutable objects. ``uri(name)`` is what Polars scans."""

    def __init__(self, location: str) -> None:
        self.root = Path(location)

    def uri(self, name: str) -> str:
        """Where ``name`` is, for Polars to scan."""
        return str(self.root / name)

    def put(self, name: str, content: bytes) -> None:
        """Writes an object whole: it is there with all of ``content``, or as it was before."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def get(self, name: str) -> bytes | None:
        """An object's content, None when there is none."""
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self, name: str) -> bool:
        """Whether an object of this name was written."""
        return (self.root / name).is_file()

    def put_frame(self, kind: str, frame: pl.DataFrame) -> str:
        """Writes ``frame`` as Parquet under a name made of ``kind`` and its content's hash; returns the name."""
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd", statistics=True)
        content = buffer.getvalue()
        name = f"{kind}/{hashlib.sha256(content).hexdigest()[:24]}.parquet"
        if not self.exists(name):
            self.put(name, content)
        return name

    def scan(self, *names: str) -> pl.LazyFrame:
        """A LazyFrame over the rows of one or more Parquet objects of one schema."""
        return pl.scan_parquet([self.uri(name) for name in names])

    def names(self) -> dict[str, float]:
        """Every object's name and the time it was written, in seconds since 1970."""
        if not self.root.is_dir():
            return {}
        found = {}
        for path in self.root.rglob("*"):
            try:
                if path.is_file():
                    found[path.relative_to(self.root).as_posix()] = path.stat().st_mtime
            except FileNotFoundError:
                continue
        return found

    def delete(self, name: str) -> None:
        """Removes an object; it may be gone already."""
        (self.root / name).unlink(missing_ok=True)


def new_id(created: datetime) -> str:
    """An id for a snapshot made at ``created``; ids rise with time."""
    return f"{created:%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"


def manifest_name(snapshot_id: str) -> str:
    """The object that holds a snapshot's manifest."""
    return f"manifest-{snapshot_id}.json"


def current_id(store: Store) -> str:
    """The id of the snapshot being served; NoSnapshot when there is none yet."""
    content = store.get(CURRENT)
    if content is None:
        raise NoSnapshot(
            "There is no snapshot yet.",
            "run `python -m queries.refresh`, or wait for the first refresh to finish",
        )
    return content.decode().strip()


def read_manifest(store: Store, snapshot_id: str) -> Manifest:
    """The manifest of a snapshot; NoSnapshot when it was pruned or cannot be read."""
    content = store.get(manifest_name(snapshot_id))
    if content is None:
        raise NoSnapshot(f"Snapshot {snapshot_id} is gone.", "reload the page: it opens the newest snapshot")
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        raise NoSnapshot(
            f"Snapshot {snapshot_id} was written by another version of Tenure.",
            f"run `python -m queries.refresh --full` ({error.error_count()} fields differ)",
        ) from None


def newest_manifest(store: Store) -> Manifest | None:
    """The manifest being served, None when there is none that can be read."""
    try:
        return read_manifest(store, current_id(store))
    except NoSnapshot:
        return None


def publish(store: Store, manifest: Manifest) -> None:
    """Makes ``manifest`` the snapshot that readers see."""
    store.put(manifest_name(manifest.id), manifest.model_dump_json().encode())
    store.put(CURRENT, manifest.id.encode())
    store.delete(FAILURE)
    if not store.exists(RESERVE):
        with suppress(OSError):
            store.put(RESERVE, secrets.token_bytes(4096))


def record_failure(store: Store, message: str) -> None:
    """Keeps why a refresh failed, for the pages to show; a full disk must not hide the failure itself."""
    content = Failure(at=datetime.now(UTC), message=message).model_dump_json().encode()
    with suppress(OSError):
        try:
            store.put(FAILURE, content)
        except OSError:
            store.delete(RESERVE)
            store.put(FAILURE, content)


def last_failure(store: Store) -> Failure | None:
    """Why the last refresh failed, None when it did not."""
    content = store.get(FAILURE)
    if content is None:
        return None
    try:
        return Failure.model_validate_json(content)
    except ValidationError:
        return None
