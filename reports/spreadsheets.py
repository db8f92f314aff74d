"""Spreadsheets that run nothing when they are opened: text stays text, numbers stay numbers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What text must not start with, or a spreadsheet may run it."""
NEVER = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
"""What a workbook must not make of text."""
_LONGEST = 32_000  # an Excel cell holds 32,767 characters


def guarded(text: str) -> str:
    r"""Text that a spreadsheet shows instead of running: ``'`` before what would start a formula.

    >>> guarded("=1+1"), guarded("+49 30"), guarded("plain"), guarded("")
    ("'=1+1", "'+49 30", 'plain', '')
    """
    return f"'{text}" if text.startswith(STARTS) else text


def write(table: Any, line: int, place: int, value: Any, style: Any = None) -> None:
    """A value into a cell as what it is; text as it stands (see ``guarded``), nothing where there is none."""
    if value is None:
        return
    if isinstance(value, bool):
        table.write_boolean(line, place, value)
    elif isinstance(value, int | float):
        table.write_number(line, place, value, style)
    elif isinstance(value, datetime):
        table.write_datetime(line, place, value.replace(tzinfo=None), style)
    elif isinstance(value, date):
        table.write_datetime(line, place, value, style)
    else:
        table.write_string(line, place, str(value)[:_LONGEST])
