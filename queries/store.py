"""The snapshot: immutable files named by their content, one manifest per snapshot, one pointer.

A snapshot is published by writing its files, then its manifest, then ``current`` (one small object, replaced in one
put). A reader follows ``current``, so it sees a whole snapshot or the one before it. Nothing is renamed or linked from
the outside, so that a folder and a bucket are used alike.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from pydantic import ValidationError

from queries import bucket_access
from queries.errors import BucketError, NoSnapshot
from queries.folder import Folder
from queries.manifest import Bad as Bad
from queries.manifest import Comments as Comments
from queries.manifest import Failure as Failure
from queries.manifest import Manifest as Manifest
from queries.manifest import Month as Month
from queries.manifest import SourceState as SourceState
from settings import SettingsError, environment

if TYPE_CHECKING:
    from queries.bucket import Bucket

CURRENT = "current"
FAILURE = "failure.json"
RESERVE = "reserve"
"""An object of no use but its room: it is given up to write down that the disk is full."""
KEPT = "kept/"
"""Objects whose names begin so belong to no snapshot, and are never pruned."""


_buckets: dict[bucket_access.BucketAccess, Bucket] = {}
_opening = threading.Lock()


def _place(location: str) -> Folder | Bucket:
    """The folder or the bucket at ``location``; a process has one of each bucket, with its connections and copies."""
    try:
        found = bucket_access.read(location, environment())
    except ValueError as error:
        raise SettingsError(str(error)) from None
    if found is None:
        return Folder(location)
    from queries.bucket import Bucket  # only who has a bucket needs what opens it

    with _opening:
        if found not in _buckets:
            _buckets[found] = Bucket(found)
        return _buckets[found]


class Store:
    """A folder or a bucket (``s3://bucket/prefix``) of immutable objects. BucketError and OSError say what failed."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._place = _place(location)

    @property
    def root(self) -> Path:
        """The folder; only for a store that is one."""
        return Path(self.location)

    @property
    def is_remote(self) -> bool:
        """Whether it is a bucket, which may fall silent."""
        return self._place.is_remote

    def uri(self, name: str) -> str:
        """Where ``name`` is, for Polars to scan."""
        return self._place.uri(name)

    def put(self, name: str, content: bytes) -> None:
        """Writes an object whole: it is there with all of ``content``, or as it was before."""
        self._place.put(name, content)

    def get(self, name: str) -> bytes | None:
        """An object's content, None when there is none."""
        return self._place.get(name)

    def exists(self, name: str) -> bool:
        """Whether an object of this name was written."""
        return self._place.exists(name)

    def lacks(self, names: Iterable[str]) -> set[str]:
        """Those of ``names`` that were never written, or are gone."""
        return self._place.lacks(names)

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
        return self._place.scan(names)

    def names(self) -> dict[str, float]:
        """Every object's name and the time it was written by the store's own clock, in seconds since 1970."""
        return self._place.names()

    def delete(self, name: str) -> None:
        """Removes an object; it may be gone already."""
        self._place.delete(name)

    def delete_all(self, names: Iterable[str]) -> None:
        """Removes objects, in any order; they may be gone already."""
        self._place.delete_all(names)

    def lately(self, name: str) -> bytes | None:
        """What pages go by: an object's content at most a second ago, None when there was none.

        While a bucket gives no answer: which snapshot was ``current`` when it last did.
        """
        return self._place.lately(name)

    def existed_lately(self, name: str) -> bool:
        """Whether an object was there at most a second ago, or when a bucket that gives no answer last did."""
        return self._place.existed_lately(name)

    def bring(self, names: Iterable[str]) -> None:
        """Fetches manifests, many at a time, where they are far away."""
        self._place.bring(names)

    def keep_copies_of(self, manifest: Manifest) -> None:
        """Removes from this machine whatever copies do not belong to ``manifest``."""
        self._place.keep_copies_of(_belonging(manifest))

    def settle(self, manifest: Manifest) -> None:
        """The same, where this process knows of fewer erasures than ``manifest`` does, or of none as it has begun."""
        self._place.settle(manifest.erasures, _belonging(manifest))


def _belonging(manifest: Manifest) -> list[str]:
    return [*manifest.names(), manifest_name(manifest.id)]


def new_id(created: datetime) -> str:
    """An id for a snapshot made at ``created``; ids rise with time."""
    return f"{created:%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"


def manifest_name(snapshot_id: str) -> str:
    """The object that holds a snapshot's manifest."""
    return f"manifest-{snapshot_id}.json"


def current_id(store: Store, *, lately: bool = False) -> str:
    """The id of the snapshot being served, or ``lately`` so; NoSnapshot when there is none yet."""
    content = store.lately(CURRENT) if lately else store.get(CURRENT)
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


def newest_manifest(store: Store, *, lately: bool = False) -> Manifest | None:
    """The manifest being served, or ``lately`` so; None when there is none that can be read."""
    try:
        return read_manifest(store, current_id(store, lately=lately))
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
        except BucketError:  # no room here would help
            raise
        except OSError:
            store.delete(RESERVE)
            store.put(FAILURE, content)


def last_failure(store: Store, *, lately: bool = False) -> Failure | None:
    """Why the last refresh failed, or ``lately`` did, None when it did not."""
    content = store.lately(FAILURE) if lately else store.get(FAILURE)
    if content is None:
        return None
    try:
        return Failure.model_validate_json(content)
    except ValidationError:
        return None
