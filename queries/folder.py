"""Objects in a folder of this machine, or of a disk that machines share."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import polars as pl


class Folder:
    """A folder of immutable objects."""

    is_remote = False

    def __init__(self, location: str) -> None:
        self.root = Path(location)

    def uri(self, name: str) -> str:
        """Where ``name`` is, for Polars to scan."""
        return str(self.root / name)

    def put(self, name: str, content: bytes) -> None:
        """Writes an object whole: it is there with all of ``content``, or as it was before."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")  # two machines may share process ids
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

    def lacks(self, names: Iterable[str]) -> set[str]:
        """Those of ``names`` that were never written, or are gone."""
        return {name for name in names if not self.exists(name)}

    def scan(self, names: tuple[str, ...]) -> pl.LazyFrame:
        """A LazyFrame over the rows of Parquet objects of one schema."""
        return pl.scan_parquet([self.uri(name) for name in names], glob=False)

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

    def delete_all(self, names: Iterable[str]) -> None:
        """Removes objects; they may be gone already."""
        for name in names:
            self.delete(name)

    def lately(self, name: str) -> bytes | None:
        """An object's content, None when there is none; here that is asked every time."""
        return self.get(name)

    def existed_lately(self, name: str) -> bool:
        """Whether an object is there; here that is asked every time."""
        return self.exists(name)

    def bring(self, names: Iterable[str]) -> None:
        """Nothing is far away here."""

    def keep_copies_of(self, names: Iterable[str]) -> None:
        """There are no copies here."""

    def settle(self, erasures: int, names: Iterable[str]) -> None:
        """There are no copies here."""
