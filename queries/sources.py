"""Reads one small source whole, from the database or from a file, and checks every row of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from queries import cast, checks, csv_file, parse
from queries.checks import Accounts, Checked
from queries.contract import Source
from queries.database import Session
from queries.errors import MappingError, SourceError
from queries.left_out import LeftOut
from queries.mapping import Mapping, require_columns
from queries.store import SourceState


@dataclass(frozen=True)
class Reader:
    """What reading a source takes: the open transaction, the time zone, the instant, and who is left out."""

    session: Session
    zone: str
    as_of: datetime
    left_out: LeftOut = field(default_factory=LeftOut)

    def columns(self, mapping: Mapping) -> dict[str, str]:
        """Columns the mapping returns and their Arrow types; SourceError or MappingError when one is missing."""
        if mapping.sql is None:
            found = dict.fromkeys(_names(mapping), "string")
        else:
            with self.session.savepoint(mapping.file):
                found = self.session.schema(mapping.sql)
        require_columns(mapping, list(found))
        return found

    def _frame(self, mapping: Mapping) -> tuple[pl.DataFrame, int]:
        """The rows of a mapping with their contract types, and how many were left out.

        Values that do not cast are marked, not fatal. Rows of erased people are gone before anything else is done
        with them: a rejected row is kept, too.
        """
        rows = text_of(mapping) if mapping.sql is None else self._selected(mapping, mapping.sql)
        kept = self.left_out.without(rows)
        return parse.parse(kept, mapping.source, self.zone), rows.height - kept.height

    def _selected(self, mapping: Mapping, sql: str) -> pl.DataFrame:
        columns = self.columns(mapping)
        try:
            with self.session.savepoint(mapping.file):
                return self.session.frame(cast.typed_select(sql, mapping.source, columns, self.zone))
        except SourceError as error:
            if error.timed_out:
                raise
        with self.session.savepoint(mapping.file):
            return self.session.frame(cast.text_select(sql, mapping.source, columns))

    def read(self, mapping: Mapping, accounts: Accounts | None) -> Checked:
        """The rows of a mapping, checked. ``accounts`` is None for the accounts source itself."""
        rows, left_out = self._frame(mapping)
        checked = checks.check(rows, mapping.source, as_of=self.as_of, accounts=accounts)
        return replace(checked, left_out=checked.left_out + left_out)


def _is_csv(mapping: Mapping) -> bool:
    return (mapping.location or "").lower().endswith(".csv")


def _names(mapping: Mapping) -> list[str]:
    """The names of a file's columns."""
    with _readable(mapping):
        if _is_csv(mapping):
            return csv_file.names(mapping)
        return pl.scan_parquet(mapping.location or "").collect_schema().names()


@contextmanager
def _readable(mapping: Mapping) -> Iterator[None]:
    """What goes wrong with a file inside becomes a SourceError that names the mapping."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        said = " ".join(str(error).split()).split(" This error occurred in")[0].rstrip(".")
        raise SourceError(f"{mapping.file} cannot be read: {said}.", "check the path and the file") from error


def text_of(mapping: Mapping) -> pl.DataFrame:
    """A file's contract columns as text; SourceError when it cannot be read."""
    with _readable(mapping):
        if _is_csv(mapping):
            return csv_file.read(mapping)
        frame = pl.scan_parquet(mapping.location or "")
        types = frame.collect_schema()
        require_columns(mapping, types.names())
        names = [name for name in mapping.source.names if name in types]
        return frame.select(_as_text(mapping, name, types[name]) for name in names).collect()


def _as_text(mapping: Mapping, name: str, kind: pl.DataType) -> pl.Expr:
    """A column of a Parquet file as text. A time that no calendar here reaches becomes one that is rejected."""
    if kind.is_nested() or isinstance(kind, pl.Duration):
        said = f'{mapping.file} cannot be read: column "{name}" is of type {kind}.'
        raise SourceError(said, "write it as text, number, date or time, or leave it out")
    if isinstance(kind, pl.Date):
        return _in_reach(name, kind, per_day=1).cast(pl.String)
    if isinstance(kind, pl.Datetime) and kind.time_unit != "ns":  # nanoseconds end in 2262
        return _in_reach(name, kind, per_day=86_400_000 * (1000 if kind.time_unit == "us" else 1)).cast(pl.String)
    return pl.col(name).cast(pl.String)


def _in_reach(name: str, kind: pl.DataType, *, per_day: int) -> pl.Expr:
    first, last = ((day - date(1970, 1, 1)).days for day in (cast.BEFORE_TIME, cast.AFTER_TIME))
    return pl.col(name).to_physical().clip((first - 1) * per_day, (last + 2) * per_day).cast(kind).alias(name)


def mapping_hash(mapping: Mapping) -> str:
    """A short hash that changes when the mapping does."""
    return hashlib.sha256(mapping.text.encode()).hexdigest()[:16]


def newest(frame: pl.DataFrame, source: Source, zone: str) -> str | None:
    """The organisation's day of the newest row, as ISO text; None when the source has no time or no row."""
    if source.newest is None or frame.height == 0:
        return None
    value = frame.get_column(source.newest).max()
    if isinstance(value, datetime):
        return str(value.astimezone(ZoneInfo(zone)).date())
    return None if value is None else str(value)


def state(mapping: Mapping, checked: Checked, zone: str) -> SourceState:
    """What the manifest says of a source that was read."""
    reasons = checked.rejected_by_reason
    return SourceState(
        status="ok",
        rows=checked.kept.height,
        rejected=sum(reasons.values()),
        rejected_by_reason=reasons,
        flagged=checked.flagged,
        left_out=checked.left_out,
        newest=newest(checked.kept, mapping.source, zone),
        mapping=mapping.file,
        mapping_hash=mapping_hash(mapping),
    )


def failure(error: MappingError | SourceError, mapping: Mapping | None, old: SourceState | None) -> SourceState:
    """What the manifest says of a source that could not be read: its earlier rows stay, when there are any."""
    kept = old is not None and old.status in ("ok", "stale")
    base = old if old is not None and kept else SourceState(status="failed")
    return base.model_copy(
        update={
            "status": "stale" if kept else "failed",
            "mapping": mapping.file if mapping else base.mapping,
            "error": error.message,
            "hint": error.hint,
        }
    )
