"""Writes ``docs/data-contract.md`` from the contract: ``python -m queries.document``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from queries.contract import SOURCES, Column, Source

TARGET = Path(__file__).resolve().parent.parent / "docs" / "data-contract.md"

_KINDS = {
    "text": "text",
    "integer": "whole number",
    "number": "number",
    "money": "decimal amount",
    "boolean": "true / false",
    "date": "date",
    "timestamp": "moment",
}

_HEAD = """# Data contract

*Generated from `queries/contract.py` by `python -m queries.document`; a test keeps the two together.*

Each source below is mapped from your product database by one file in `config/sources/`: `<source>.sql`, a SELECT that
returns these columns by name. What lives in another tool may be `<source>.csv`, `<source>.parquet`, or a one-line
`<source>.toml` with `path = "…"`. Columns you do not have are left out of the SELECT, unless they are marked
**required**; columns you have beyond these are ignored. `python -m queries.check` says what is missing.

- Ids are text; a number, a uuid, an enum is turned into text for you. Text that is empty, or spaces alone, is nothing.
- A moment without a time zone is read as UTC. A plain date given for a moment is the start of your day: where clocks
  skip midnight, the moment they are set forward; where they pass it twice, the second time.
- A moment given for a date falls on your day; without a time zone it keeps the day it says.
- Dates and moments kept as text mean the same as those with a type: `2026-01-05` is your day, `2026-01-05 14:30` is
  UTC, `2026-01-05 14:30:00+01:00` says its own zone. Cast any other spelling in the SELECT: `01/02/2026` is refused,
  not guessed.
- A CSV file is UTF-8, names its columns in the first line and gives each line as many fields, separated by `,`, `;` or
  a tab. Where a line cannot be read the file is refused by the number of that line, and its earlier rows stay.
- A planned date of `infinity` means "no end". A month may be any day of it.
- Amounts are in the row's currency; `config/settings.toml` and `fx_rates` bring them to the reporting currency.
- `events` is read day by day and counted again month by month: put an index on the column behind `occurred_at`, and
  map it without a function around it.

## Rows that are left out

A row that breaks a rule is kept apart with its reason and listed on the Data page; the others go on. Rejected are: a
missing or repeated key (the newest row stays), an unknown account, a value that does not parse or is not finite, a
number out of its range or beyond 10,000,000,000,000, a whole number that is not whole, a negative price, text with a
NUL character, an end before its start, a stretch that overlaps another of its line (the earlier one stays), and a time
that has been observed before 1970 or more than a day ahead. Kept, but counted and shown: use before sign-up, use
outside any subscription, a currency without a rate, a word the contract does not know. Accounts whose `status` is
`test` or `mistake` are left out of every number with all that belongs to them, and counted.
"""


def document() -> str:
    """The whole page as Markdown."""
    return "\n".join([_HEAD, *(_section(source) for source in SOURCES.values())])


def _section(source: Source) -> str:
    title = f"## {source.name}" + (" (optional)" if source.optional else "")
    key = f" Key: {', '.join(f'`{name}`' for name in source.key)}." if source.key else ""
    lines = [title, "", f"One row is {source.grain}.{key}", "", "| column | type | meaning |", "|---|---|---|"]
    lines += [f"| `{column.name}` | {_KINDS[column.kind]} | {_meaning(column)} |" for column in source.columns]
    return "\n".join([*lines, ""])


def _meaning(column: Column) -> str:
    notes = []
    if column.required:
        notes.append("**required**")
    if column.choices:
        notes.append("one of " + ", ".join(f"`{choice}`" for choice in column.choices))
    if column.low is not None and column.high is not None:
        notes.append(f"{column.low:g} to {column.high:g}")
    elif column.low is not None:
        notes.append(f"at least {column.low:g}")
    return column.meaning + (f" ({'; '.join(notes)})" if notes else "")


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m queries.document", description=__doc__).parse_args()
    TARGET.write_text(document(), encoding="utf-8")
    print(f"Wrote {TARGET.name}", file=sys.stderr)
