"""What a refresh did, and how a command tells it."""

from __future__ import annotations

import json
import sys
from datetime import datetime

from pydantic import BaseModel

from queries.errors import RefreshError


class Report(BaseModel):
    """What one refresh did; ``--json`` prints it on one line.

    ``without_themes`` says why comments have no themes, ``without_answers`` why answers to messages are old ones.
    """

    id: str
    as_of: datetime
    seconds: float
    rows: dict[str, int]
    rejected: dict[str, int]
    days_read: int
    failed: dict[str, str] = {}
    without_themes: str | None = None
    without_answers: str | None = None


def progress_line(what: str, done: int, of: int) -> None:
    """Shows progress on one line of a terminal, or a line per step where there is none."""
    text = f"{what} {done:,}/{of:,}" if of else f"{what} …"
    if sys.stderr.isatty():
        print(f"\r\x1b[2KReading {text}", end="", file=sys.stderr, flush=True)
    elif of == 0 or done in (1, of) or done % 6 == 0:
        print(f"Reading {text}", file=sys.stderr, flush=True)


def show_report(report: Report, *, as_json: bool) -> None:
    """Prints what was done, and on the error stream what could not be."""
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if as_json:
        print(report.model_dump_json(), flush=True)
        return
    rows, rejected = sum(report.rows.values()), sum(report.rejected.values())
    print(f"Snapshot {report.id}: {rows:,} rows, {rejected:,} rejected, in {report.seconds:.1f} s", flush=True)
    for name, message in report.failed.items():
        print(f"  {name}: {message}", file=sys.stderr)
    if report.without_themes:
        print(f"  themes of comments: {report.without_themes}", file=sys.stderr)
    if report.without_answers:
        print(f"  {report.without_answers}", file=sys.stderr)


def show_error(error: RefreshError, *, as_json: bool) -> None:
    """Prints why nothing was published."""
    if as_json:
        print(json.dumps({"error": error.message, "hint": error.hint}, ensure_ascii=False), flush=True)
    else:
        print(f"\n{error}", file=sys.stderr, flush=True)
