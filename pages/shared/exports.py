"""A table as a file: CSV or Excel that run nothing when they are opened. Numbers stay numbers."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from reports.spreadsheets import EXCEL, INSIDE, NEVER, STARTS, guarded, write

if TYPE_CHECKING:
    from pages.shared.tables import Column

__all__ = ["EXCEL", "Sheet", "csv", "excel", "guarded"]

_FORMATS = {
    "count": "#,##0",
    "number": "#,##0.0",
    "money": "#,##0.00",
    "percent": "0.0%",
    "score": "0",
    "day": "d mmm yyyy",
    "month": "mmm yyyy",
    "moment": "d mmm yyyy hh:mm",
}


@dataclass(frozen=True)
class Sheet:
    """What a file needs beside its rows: its columns, and where its numbers come from."""

    name: str
    columns: tuple[tuple[str, Column], ...]
    currency: str
    as_of: datetime
    snapshot_id: str
    about: str = ""

    def headings(self) -> list[str]:
        """Column headings; amounts say their currency."""
        return [guarded(column.label + self._unit(column)) for _, column in self.columns]

    def _unit(self, column: Column) -> str:
        return f" ({self.currency})" if column.kind == "money" else ""


def _plain(frame: pl.DataFrame, sheet: Sheet) -> pl.DataFrame:
    """The sheet's columns: text guarded, lists joined, amounts in the currency's units, infinities gone."""
    chosen = []
    for name, column in sheet.columns:
        kind, value = frame.schema[name], pl.col(name)
        if isinstance(kind, pl.List):
            kind, value = pl.String(), value.list.eval(pl.element().cast(pl.String)).list.join(", ")
        if kind in (pl.Categorical, pl.Enum):
            kind, value = pl.String(), value.cast(pl.String)
        if kind == pl.String:
            value = pl.when(value.str.contains(STARTS)).then(pl.lit("'") + value).otherwise(value)
        elif kind.is_float():
            value = pl.when(value.is_finite()).then(value)
        if column.kind == "money":
            value = value / 100
        chosen.append(value.alias(name))
    return frame.select(chosen)


def csv(frame: pl.DataFrame, sheet: Sheet) -> bytes:
    """The table as UTF-8 CSV with a byte order mark, which Excel needs to read accents.

    Where ``;`` parts cells (Germany, France, …) Excel splits our lines there, whatever the quotes say: what would then
    start a cell is guarded too.
    """
    plain = _plain(frame, sheet).with_columns(pl.col(pl.String).str.replace_all(INSIDE, "${1}'${2}"))
    return (
        b"\xef\xbb\xbf"
        + plain.rename(dict(zip(plain.columns, _distinct(sheet.headings()), strict=True)))
        .write_csv(datetime_format="%Y-%m-%d %H:%M")
        .encode()
    )


def _distinct(headings: Iterable[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for heading in headings:
        seen[heading] = seen.get(heading, 0) + 1
        result.append(heading if seen[heading] == 1 else f"{heading} {seen[heading]}")
    return result


def excel(frame: pl.DataFrame, sheet: Sheet) -> bytes:
    """The table as an Excel file; its second sheet says as of when, from which snapshot and for which choice."""
    import xlsxwriter  # only when somebody asks for the file

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, **NEVER}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        table = book.add_worksheet("Table")
        table.write_row(0, 0, sheet.headings(), bold)
        table.freeze_panes(1, 0)
        plain = _plain(frame, sheet)
        for place, (name, column) in enumerate(sheet.columns):
            style = book.add_format({"num_format": _FORMATS.get(column.kind, "General")})
            table.set_column(place, place, max(12, min(40, len(column.label) + 4)), style)
            for line, value in enumerate(plain[name], start=1):
                write(table, line, place, value, style)
        about = book.add_worksheet("About")
        about.set_column(0, 0, 14, bold)
        for line, (what, said) in enumerate(_about(sheet)):
            about.write_string(line, 0, what)
            about.write_string(line, 1, guarded(said))
    return buffer.getvalue()


def _about(sheet: Sheet) -> list[tuple[str, str]]:
    return [
        ("As of", f"{sheet.as_of:%Y-%m-%d %H:%M %Z}".strip()),
        ("Snapshot", sheet.snapshot_id),
        ("Choice", sheet.about or "everything"),
        ("Amounts", sheet.currency),
    ]
