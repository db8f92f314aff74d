"""Spreadsheets that run nothing when they are opened: text stays text, numbers stay numbers."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_UNSEEN = r"\x00-\x20\x7f-\xa0\u00ad\u061c\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
_SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"  # the wide and small ones count in East Asia
STARTS = rf"^(?:[\t\r\n]|[{_UNSEEN}]*[{_SIGNS}])"
"""How text must not start, or a spreadsheet may run it; blanks and what nobody sees before it do not help."""
INSIDE = rf"([;\t\r\n][{_UNSEEN}\"]*)([{_SIGNS}])"
"""Where text begins a cell of its own, in a CSV that is opened where ``;`` parts cells; the second group would run."""
NEVER = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
"""What a workbook must not make of text."""
_LONGEST = 32_000  # an Excel cell holds 32,767 characters


def guarded(text: str) -> str:
    r"""Text that a spreadsheet shows instead of running: ``'`` before what would start a formula.

    >>> guarded("=1+1"), guarded("+49 30"), guarded(" =1+1"), guarded("plain"), guarded("")
    ("'=1+1", "'+49 30", "' =1+1", 'plain', '')
    """
    return f"'{text}" if re.search(STARTS, text) else text


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
