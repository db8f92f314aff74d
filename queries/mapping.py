"""Finds how a source is mapped: ``config/sources/<name>.sql``, ``.csv``, ``.parquet`` or a one-line ``.toml``."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from queries.contract import Source
from queries.errors import MappingError
from queries.statement import select_of

SUFFIXES = (".sql", ".csv", ".parquet", ".toml")


@dataclass(frozen=True)
class Mapping:
    """Where a source comes from: one SELECT (``sql``) or one file (``location``). ``file`` names it in messages."""

    source: Source
    file: str
    text: str
    sql: str | None = None
    location: str | None = None


def find(folder: Path, source: Source) -> Mapping | None:
    """The mapping of ``source`` in ``folder``, None when there is no file; MappingError when it cannot be used."""
    paths = [path for suffix in SUFFIXES if (path := folder / f"{source.name}{suffix}").exists()]
    if not paths:
        return None
    if len(paths) > 1:
        names = " and ".join(path.name for path in paths)
        raise MappingError(f"config/sources has {names}.", f"keep one mapping for {source.name}")
    return _read(paths[0], source)


def _read(path: Path, source: Source) -> Mapping:
    file = f"config/sources/{path.name}"
    if path.suffix in (".csv", ".parquet"):
        return Mapping(source, file, text=str(path.resolve()), location=str(path.resolve()))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MappingError(f"{file} cannot be read: {error.strerror}.", "check the file and who may read it") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise MappingError(f"{file} cannot be read: line {line} is no UTF-8 text.", "save it as UTF-8 text") from None
    if "\0" in text:
        raise MappingError(f"{file} cannot be read: it holds a NUL character.", "save it as UTF-8 text")
    if path.suffix == ".toml":
        return Mapping(source, file, text=text, location=_location(file, text, path.parent))
    return Mapping(source, file, text=text, sql=select_of(file, text))


def _location(file: str, text: str, folder: Path) -> str:
    hint = 'write one line, for example: path = "s3://bucket/nps.parquet"'
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{file} is not valid TOML: {error}", hint) from None
    location = values.get("path")
    if set(values) != {"path"} or not isinstance(location, str) or "\0" in location:
        raise MappingError(f'{file} must hold "path" and nothing else.', hint)
    if not location.lower().endswith((".csv", ".parquet")):
        raise MappingError(f"{file} names {location}, which is neither .csv nor .parquet.", hint)
    return location if "://" in location else str((folder / location).resolve())


def require_columns(mapping: Mapping, found: list[str]) -> None:
    """MappingError naming file, column and the likely fix when a required column is missing, or one is there twice."""
    twice = next((name for name in mapping.source.names if found.count(name) > 1), None)
    if twice is not None:
        raise MappingError(f'{mapping.file} has more than one column "{twice}".', "keep one, or rename the others")
    missing = [name for name in mapping.source.required_names if name not in found]
    if not missing:
        return
    names = ", ".join(f'"{name}"' for name in missing)
    noun = "column" if len(missing) == 1 else "columns"
    raise MappingError(f"{mapping.file} returns no {noun} {names}.", suggestion(missing[0], mapping, found))


def suggestion(missing: str, mapping: Mapping, found: list[str]) -> str:
    """What to write so that ``missing`` is there, guessed from the columns that are."""
    spare = {name.strip().lower(): name for name in found if name.strip() and name not in mapping.source.names}
    close = difflib.get_close_matches(missing, list(spare), n=1, cutoff=0.5)
    close = close or [name for name in spare if missing in name or name in missing][:1]
    if mapping.sql is None:
        return f'rename the column "{spare[close[0]]}" to "{missing}"' if close else f'add a column "{missing}"'
    if close:
        return f'did you mean "{spare[close[0]]} AS {missing}"?'
    return f'add "… AS {missing}" to the SELECT; it returns {", ".join(found) or "nothing"}'
