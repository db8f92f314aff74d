"""Objects in a bucket that speaks S3, with copies of what pages open on this machine's disk.

Frames are read by Polars itself; what is small goes through Arrow's file system. A bucket that falls silent is not
asked again for two seconds, and then by one thread for all.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import polars as pl
from pyarrow import fs

from queries.bucket_access import QUIET, BucketAccess
from queries.errors import BucketError
from queries.lately import Lately
from queries.local_copies import LocalCopies

SILENCE = 2.0
"""Seconds for which a bucket that gave no answer is not asked again."""
_WAITS = (0.1, 0.3)
"""Seconds between tries of a request that fails at once."""
_PIECE = 1 << 20
_FAR = ("activity/",)
"""Begins the names of frames that are not fetched whole: the days of all accounts, of which a page reads a few rows."""
_ONCE = fs.AwsStandardS3RetryStrategy(max_attempts=0)
_TWICE = fs.AwsStandardS3RetryStrategy(max_attempts=2)
Found = TypeVar("Found")


class Bucket:
    """Immutable objects under a prefix of a bucket; ``get`` and ``exists`` are as of now, ``lately`` is not."""

    is_remote = True

    def __init__(self, access: BucketAccess) -> None:
        self._access = access
        self._quick = _files(access, connect=1, quiet=QUIET, tries=_ONCE)
        self._patient = _files(access, connect=3, quiet=5, tries=_TWICE)
        self.copies = LocalCopies(access.copies, access.room)
        self._threads = ThreadPoolExecutor(16, thread_name_prefix="bucket")
        self._lock = threading.Lock()
        self._erasures = -1
        self._silent_until = 0.0
        self._why = ""
        self._contents: Lately[bytes | None] = Lately()
        self._there: Lately[bool] = Lately()
        self._last = "last-" + hashlib.sha256(f"{access.endpoint} {access.base}".encode()).hexdigest()[:12]

    def uri(self, name: str) -> str:
        """Where ``name`` is, for Polars to scan."""
        return f"s3://{self._access.base}/{name}"

    def put(self, name: str, content: bytes) -> None:
        """Writes an object whole: it is there with all of ``content``, or as it was before."""

        def write() -> None:
            with self._patient.open_output_stream(self._path(name)) as stream:
                stream.write(content)

        self._contents.forget(name)
        self._there.forget(name)
        self._written(write)
        if name.endswith(".parquet"):  # who writes the days reads them again, and only who writes keeps a copy
            self.copies.keep(name, content, spare=name.startswith(_FAR))
        self._know(name, content)

    def get(self, name: str) -> bytes | None:
        """An object's content, None when there is none; a manifest never changes, so it is fetched once."""
        noted = self.copies.noted(name) if name.startswith("manifest-") else None
        if noted is not None:
            return noted
        try:
            content = self._asked(lambda: b"".join(self._pieces(name)))
        except FileNotFoundError:
            return None
        self._know(name, content)
        return content

    def exists(self, name: str) -> bool:
        """Whether an object of this name was written."""
        return bool(self._asked(lambda: self._quick.get_file_info(self._path(name)).type == fs.FileType.File))

    def lacks(self, names: Iterable[str]) -> set[str]:
        """Those of ``names`` that were never written, or are gone; one listing tells of all."""
        return set(names) - self.names().keys()

    def scan(self, names: tuple[str, ...]) -> pl.LazyFrame:
        """A LazyFrame over the rows of Parquet objects of one schema: of copies, where there may be some."""
        near = self._near(names)
        parts = []
        for is_near, run in groupby(names, key=lambda name: near.get(name) is not None):
            if is_near:
                parts.append(pl.scan_parquet([str(near[name]) for name in run], glob=False))
            else:
                self._refuse_if_silent(claim=False)
                uris, options = [self.uri(name) for name in run], self._access.for_polars()
                parts.append(pl.scan_parquet(uris, glob=False, storage_options=options, credential_provider=None))
        return parts[0] if len(parts) == 1 else pl.concat(parts)

    def names(self) -> dict[str, float]:
        """Every object's name and the time it was written by the bucket's clock, in seconds since 1970."""
        every = fs.FileSelector(self._access.base, recursive=True, allow_not_found=True)
        found = self._asked(lambda: self._quick.get_file_info(every))
        start = len(self._access.base) + 1
        return {one.path[start:]: one.mtime.timestamp() for one in found if one.type == fs.FileType.File}

    def delete(self, name: str) -> None:
        """Removes an object, and what is kept of it here; it may be gone already."""
        self._contents.forget(name)
        self._there.forget(name)
        with suppress(FileNotFoundError):
            self._written(lambda: self._patient.delete_file(self._path(name)))
        self.copies.drop([name])

    def delete_all(self, names: Iterable[str]) -> None:
        """Removes objects, many at a time; after the first that cannot be, the others may be there or gone."""
        for _ in self._threads.map(self.delete, names):
            pass

    def lately(self, name: str) -> bytes | None:
        """What an object held at most a second ago; while the bucket gives no answer, ``current`` as last seen."""
        try:
            return self._contents.answer(name, lambda: self.get(name))
        except BucketError:
            known = self._contents.last(name)
            if known is None and name == "current":
                known = self.copies.noted(self._last)
            if known is None:
                raise
            return known

    def existed_lately(self, name: str) -> bool:
        """Whether an object was there at most a second ago; while the bucket gives no answer, whether one is known."""
        try:
            return self._there.answer(name, lambda: self.exists(name))
        except BucketError:
            known = self._there.last(name)
            return self.copies.noted(name) is not None if known is None else known

    def bring(self, names: Iterable[str]) -> None:
        """Fetches small objects of which copies are kept, many at a time; what cannot be fetched is left out."""

        def fetch(name: str) -> None:
            with suppress(BucketError):
                self.get(name)

        list(self._threads.map(fetch, names))

    def keep_copies_of(self, names: Iterable[str]) -> None:
        """Removes every copy on this machine but those of ``names``."""
        self.copies.drop_others([*names, self._last])

    def settle(self, erasures: int, names: Iterable[str]) -> None:
        """The same, where more were erased than this process knows of, or it has just begun and knows nothing."""
        with self._lock:
            known, self._erasures = self._erasures, max(erasures, self._erasures)
        if known < erasures:
            self.keep_copies_of(names)

    def _path(self, name: str) -> str:
        return f"{self._access.base}/{name}"

    def _know(self, name: str, content: bytes) -> None:
        """Remembers what pages ask for again and again, and what they go on from when the bucket falls silent."""
        if name.startswith("manifest-"):
            self.copies.note(name, content)
        elif name == "current" and content != self.copies.noted(self._last):
            self.copies.note(self._last, content)

    def _pieces(self, name: str) -> Iterator[bytes]:
        with self._quick.open_input_stream(self._path(name)) as stream:
            while piece := stream.read(_PIECE):
                yield piece

    def _near(self, names: tuple[str, ...]) -> dict[str, Path | None]:
        """Where copies of frames are, those that are missing fetched many at a time."""
        near = {name: self.copies.there(name) for name in names}
        missing = [name for name, path in near.items() if path is None and not name.startswith(_FAR)]
        fetched = self._threads.map(self._fetched, missing) if len(missing) > 1 else map(self._fetched, missing)
        return near | dict(zip(missing, fetched, strict=True))

    def _fetched(self, name: str) -> Path | None:
        def fetch() -> Iterator[bytes]:
            stream = self._asked(lambda: self._quick.open_input_stream(self._path(name)))
            with stream:
                while piece := self._asked(lambda: stream.read(_PIECE), tries=1):
                    yield piece

        return self.copies.path(name, fetch)

    def _asked(self, ask: Callable[[], Found], *, tries: int = 3) -> Found:
        """What a reader asks for. FileNotFoundError where there is none, BucketError where there is no answer."""
        self._refuse_if_silent()
        for wait in (*_WAITS[: tries - 1], None):
            started = time.monotonic()
            try:
                found = ask()
            except FileNotFoundError:
                self._silent_until = 0.0
                raise
            except OSError as error:
                if wait is None or time.monotonic() - started > 0.5:
                    self._why = self._access.without_secrets(str(error))
                    self._silent_until = time.monotonic() + SILENCE
                    raise self._problem("does not answer") from None
                time.sleep(wait)
            else:
                self._silent_until = 0.0
                return found
        raise AssertionError

    def _written(self, write: Callable[[], None]) -> None:
        try:
            write()
        except FileNotFoundError:
            raise
        except OSError as error:
            self._why = self._access.without_secrets(str(error))
            raise self._problem("cannot be written") from None

    def _refuse_if_silent(self, *, claim: bool = True) -> None:
        """BucketError while the bucket is silent; the first who comes after that asks, and meanwhile no other."""
        with self._lock:
            now = time.monotonic()
            if now < self._silent_until:
                raise self._problem("does not answer")
            if claim and self._silent_until:
                self._silent_until = now + SILENCE

    def _problem(self, what: str) -> BucketError:
        hint = "check SNAPSHOT_DIR, and the AWS_… variables of the environment"
        return BucketError(f"The bucket {self._access.bucket} {what}: {self._why}.", hint)


def _files(access: BucketAccess, *, connect: float, quiet: float, tries: fs.S3RetryStrategy) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        **access.for_arrow(),
        connect_timeout=connect,
        request_timeout=quiet,
        retry_strategy=tries,
        allow_delayed_open=True,
        background_writes=False,
    )
