"""Copies on this machine's disk of what lies in a bucket: fetched once, checked, bounded, and never needed.

A frame is named by the hash of its content, so a copy is checked against its own name. What is small and has no such
name (a manifest, the id of the snapshot last seen) carries its hash in its first line. Any number of threads and
processes may share the folder: a copy comes into its place whole, and two that fetch the same write the same.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from queries.errors import BucketError

LATELY = 600.0
"""Seconds for which a copy that was used is not given up to make room: a page may be reading it."""
_TOUCH = 60.0
_MOST = 10_000
_PAUSE = 60.0
"""Seconds for which no copy is tried again where there was no room for it."""
Fetch = Callable[[], Iterator[bytes]]
"""Begins to read an object, and gives its content in pieces. BucketError when that fails."""


class _NoRoom(Exception):
    """What is being fetched is larger than all the room there is."""


class LocalCopies:
    """A folder of copies that may hold ``room`` bytes."""

    def __init__(self, folder: Path, room: int, *, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._room, self._clock = folder, room, clock
        self._sure: dict[str, tuple[int, int, int]] = {}
        self._touched: dict[str, float] = {}
        self._without: dict[str, float] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._held: int | None = None
        self._written = 0

    def path(self, name: str, fetch: Fetch) -> Path | None:
        """Where a whole copy of ``name`` is, fetched if need be; None where this disk can hold none."""
        with self._lock:
            turn = self._turns.setdefault(name, threading.Lock())
        with turn:
            path = self.there(name)
            if path is not None or self._clock() < self._without.get(name, 0):
                return path
            try:
                return self._fetched(name, fetch)
            except (OSError, _NoRoom) as problem:
                if isinstance(problem, BucketError):
                    raise
                self._without[name] = self._clock() + _PAUSE
                return None
            finally:
                self._turns.pop(name, None)

    def there(self, name: str) -> Path | None:
        """Where a copy of ``name`` is that holds what its name says; None when there is none."""
        path = self._folder / name
        with suppress(OSError):
            found = path.stat()
            seen = (found.st_ino, found.st_size, found.st_mtime_ns)
            if self._sure.get(name) != seen:
                with path.open("rb") as file:
                    if not _is(name, hashlib.file_digest(file, "sha256").hexdigest()):
                        return None
                self._sure[name] = seen
            self._use(name, path, found.st_mtime_ns)
            return path
        return None

    def keep(self, name: str, content: bytes, *, spare: bool = False) -> None:
        """Keeps ``content`` as the copy of ``name``, where there is room; a ``spare`` one only while half is free."""
        if spare and (self._held or 0) + len(content) > self._room / 2:
            return
        with suppress(OSError, _NoRoom):
            self._fetched(name, lambda: iter([content]))

    def note(self, name: str, content: bytes) -> None:
        """Keeps something small under any name."""
        marked = hashlib.sha256(content).hexdigest().encode() + b"\n" + content
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = self._part(self._folder / name)
            try:
                part.write_bytes(marked)
                part.replace(self._folder / name)
            finally:
                part.unlink(missing_ok=True)

    def noted(self, name: str) -> bytes | None:
        """What was noted last; None when nothing was, or not all of it is there."""
        try:
            mark, _, content = (self._folder / name).read_bytes().partition(b"\n")
        except OSError:
            return None
        return content if mark == hashlib.sha256(content).hexdigest().encode() else None

    def drop(self, names: Iterable[str]) -> None:
        """Removes the copies of some."""
        for name in names:
            self._sure.pop(name, None)
            with suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)

    def drop_others(self, keep: Iterable[str]) -> None:
        """Removes all but some."""
        kept = {self._folder / name for name in keep}
        for path, _, _ in self._files():
            if path not in kept:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        self._sure.clear()

    def _fetched(self, name: str, fetch: Fetch) -> Path:
        path = self._folder / name
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # nobody else may read what is about people
        path.parent.mkdir(parents=True, exist_ok=True)
        part = self._part(path)
        try:
            if not any(_is(name, self._write(part, fetch())) for _ in range(2)):
                raise BucketError(
                    f"{name} in the bucket is not what its name says.",
                    "delete it there; the next refresh writes it anew",
                )
            self._make_room(part.stat().st_size)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        found = path.stat()
        self._sure[name] = (found.st_ino, found.st_size, found.st_mtime_ns)
        return path

    def _write(self, part: Path, pieces: Iterator[bytes]) -> str:
        """Writes what comes; returns its hash."""
        told, size = hashlib.sha256(), 0
        with part.open("wb") as file:
            for piece in pieces:
                size += len(piece)
                if size > self._room:
                    raise _NoRoom
                told.update(piece)
                file.write(piece)
        return told.hexdigest()

    def _part(self, path: Path) -> Path:
        return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")

    def _use(self, name: str, path: Path, written: int) -> None:
        """Notes that a copy is used, for whoever makes room; once a minute is enough."""
        now = self._clock()
        if len(self._touched) > _MOST:  # nothing here is needed; it only grows with every snapshot
            for known in (self._touched, self._sure, self._without):
                known.clear()
        if now - self._touched.get(name, 0) > _TOUCH:
            self._touched[name] = now
            os.utime(path, ns=(int(now * 1e9), written))

    def _make_room(self, size: int) -> None:
        """Gives up what was used longest ago until ``size`` more bytes fit; _NoRoom where all was used lately.

        What other processes write is seen when the folder is looked through again, after every twentieth of the room.
        """
        with self._lock:
            if self._held is None or self._held + size > self._room or self._written > self._room / 20:
                self._held, self._written = self._left(size), 0
            self._held += size
            self._written += size

    def _left(self, size: int) -> int:
        """How many bytes are there, ``size`` and the part they stand in left out, after making room for them."""
        files = sorted((used, path, held) for path, held, used in self._files() if not path.name.startswith("."))
        total = sum(held for _, _, held in files)
        now = self._clock()
        for used, path, held in files:
            if total + size <= self._room or now - used < LATELY:
                break
            with suppress(OSError):
                path.unlink(missing_ok=True)
            total -= held
        if total + size > self._room:
            self._held = None
            raise _NoRoom
        return total

    def _files(self) -> list[tuple[Path, int, float]]:
        """Every file, its bytes, and when it was last used; what a process that was killed left behind is removed."""
        found = []
        for path in self._folder.rglob("*"):
            with suppress(OSError):
                if not path.is_file():
                    continue
                state = path.stat()
                if path.name.startswith(".") and self._clock() - state.st_mtime > 3600:
                    path.unlink(missing_ok=True)
                    continue
                found.append((path, state.st_size, state.st_atime))
        return found


def _is(name: str, hashed: str) -> bool:
    """Whether content with that hash is what ``name`` says."""
    told = Path(name).name.split(".")[0]
    return len(told) >= 24 and hashed.startswith(told)
