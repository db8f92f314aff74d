"""Reads a CSV file: every field as text, every line with as many fields as the header, or the line that has not.

UTF-8 as RFC 4180 has it, with or without a byte order mark and with any ends of lines; fields may be separated by
semicolons or tabs instead of commas. A line that could be read in more than one way is refused, not guessed: the
columns of everything behind it would be in doubt.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import polars as pl

from queries.errors import SourceError
from queries.mapping import Mapping, require_columns

_SEPARATORS = (",", ";", "\t")
_BLANK = re.compile(rb"[ \t]*\n")
_SAVE = "save it as CSV in UTF-8 (Excel: “CSV UTF-8”)"
_FIELDS = "give each line as many fields as the header; a field that holds a separator stands in quotes"
_QUOTES = "put the whole field in quotes, and write a quote inside it twice"


def names(mapping: Mapping) -> list[str]:
    """The names of its columns."""
    return _header(mapping, _text(mapping))[0]


def read(mapping: Mapping) -> pl.DataFrame:
    """The contract's columns that the file has; SourceError names the line that cannot be read."""
    content = _text(mapping)
    found, separator, start = _header(mapping, content)
    require_columns(mapping, found)
    frame = pl.read_csv(
        _records(mapping, content, start, separator, len(found)),
        has_header=False,
        schema={str(number): pl.String for number in range(len(found))},
        separator=separator,
        raise_if_empty=False,
    )
    return frame.select(pl.col(str(found.index(name))).alias(name) for name in mapping.source.names if name in found)


def _text(mapping: Mapping) -> bytes:
    """The file as UTF-8 without a byte order mark, its lines ended by a line feed alone."""
    location = mapping.location or ""
    if "://" in location:
        content = "\n".join(pl.scan_lines(location).collect().to_series()).encode()
    else:
        content = Path(location).read_bytes()
    content = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise _refused(mapping, content, error.start, "is no UTF-8 text", _SAVE) from None
    if b"\0" in content:
        raise _refused(mapping, content, content.index(b"\0"), "holds a NUL character", _SAVE)
    if not content.strip():
        raise SourceError(f"{mapping.file} cannot be read: it is empty.", "its first line names the columns")
    return content


def _header(mapping: Mapping, content: bytes) -> tuple[list[str], str, int]:
    """The names in the first line that is not blank, what separates them, and where the next line starts."""
    start = 0
    while blank := _BLANK.match(content, start):
        start = blank.end()
    line = content[start:].split(b"\n", 1)[0].decode()
    separator = max(_SEPARATORS, key=line.count)
    found = _record(separator, "*").match(content, start)
    if found is None:
        raise _refused(mapping, content, start, "has a quote where none can stand", _QUOTES)
    return _fields(found[0], separator), separator, found.end()


def _records(mapping: Mapping, content: bytes, start: int, separator: str, fields: int) -> bytes:
    """Everything from ``start`` on but blank lines, in which each record has so many fields."""
    many = re.compile(b"(?:%s){1,1000}+" % _record(separator, f"{{{fields - 1}}}").pattern)
    kept = []
    while start < len(content):
        if found := many.match(content, start):
            kept.append(found[0])
        elif (found := _BLANK.match(content, start)) is None:
            raise _odd(mapping, content, start, separator, fields)
        start = found.end()
    return b"".join(kept)


def _record(separator: str, more: str) -> re.Pattern[bytes]:
    """A record of one field and so many ``more`` as the repetition says."""
    field = rf'(?:"(?:[^"]++|"")*+"|[^"{separator}\n]*+)'
    return re.compile(rf"{field}(?:{separator}{field}){more}(?:\n|\Z)".encode())


def _fields(record: bytes, separator: str) -> list[str]:
    return next(csv.reader(io.StringIO(record.decode(), newline=""), delimiter=separator, strict=True))


def _odd(mapping: Mapping, content: bytes, start: int, separator: str, fields: int) -> SourceError:
    try:
        many = len(_fields(content[start:], separator))
    except csv.Error:
        many = fields
    if many == fields:
        return _refused(mapping, content, start, "has a quote where none can stand", _QUOTES)
    return _refused(mapping, content, start, f"has {many} field{'s' * (many != 1)}, and the header {fields}", _FIELDS)


def _refused(mapping: Mapping, content: bytes, position: int, what: str, hint: str) -> SourceError:
    line = content.count(b"\n", 0, position) + 1
    return SourceError(f"{mapping.file} cannot be read: line {line:,} {what}.", hint)
