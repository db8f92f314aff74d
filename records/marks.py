"""Whether the loss of an account is regrettable, as people marked it, before any reason or theme is asked."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
from sqlalchemy import Engine

from records.checks import LONGEST_ID, words
from records.errors import NotAccepted
from records.frames import AT, Columns, frame
from records.tables import regrettable_marks
from records.versions import Versions

_VERSIONS = Versions(regrettable_marks, ("account_id", "month"), "regrettable", "mark regrettable")
_CURRENT: Columns = {
    "account_id": pl.String,
    "month": pl.Date,
    "regrettable": pl.Boolean,
    "author": pl.String,
    "marked_at": AT,
}
_HISTORY: Columns = {
    "version": pl.Int64,
    "regrettable": pl.Boolean,
    "before": pl.Boolean,
    "author": pl.String,
    "marked_at": AT,
}


def set_mark(
    engine: Engine,
    *,
    account_id: str,
    month: date,
    regrettable: bool | None,
    author: str,
    now: datetime,
    seen: int | None = None,
    found: bool | None = None,
) -> int:
    """Marks the churn of an account in a month as regrettable or not, and returns the new :func:`version`.

    ``month`` is the first day of the month in which the account churned: one that came back may leave again, for
    another reason. ``regrettable`` None clears the mark. ``found`` is what the page showed without a mark, kept as
    ``before`` of the first. ``seen`` and the errors are those of :func:`records.corrections.set_themes`.
    """
    if regrettable is not None and not isinstance(regrettable, bool):
        raise NotAccepted("A mark is true, false or none.")
    key = _key(account_id, month)
    return _VERSIONS.append(engine, key, regrettable, author=author, now=now, seen=seen, found=found)


def current(engine: Engine) -> pl.DataFrame:
    """The marks that count, as ``metrics.split_regrettable`` takes them.

    One row per marked account and churn month: ``account_id``; ``month``, its first day; ``regrettable``; ``author``,
    null once their name is erased; ``marked_at``, UTC. Cleared marks are left out.
    """
    return frame(_VERSIONS.newest(engine), _CURRENT)


def history(engine: Engine, account_id: str, month: date) -> pl.DataFrame:
    """Every mark of one account's churn, newest first.

    One row per mark: ``version``; ``regrettable``, null where it was cleared; ``before``, null where nobody had said;
    ``author``, null once their name is erased; ``marked_at``, UTC.
    """
    return frame((row[:5] for row in _VERSIONS.history(engine, _key(account_id, month))), _HISTORY)


def version(engine: Engine) -> int:
    """A number that rises with every mark, 0 before the first; part of the keys of what is made with them."""
    return _VERSIONS.newest_id(engine)


def _key(account_id: str, month: date) -> dict[str, object]:
    if isinstance(month, datetime) or month.day != 1:
        raise NotAccepted(f"{month} is no month.", "pass its first day")
    return {"account_id": words(account_id, "account_id", LONGEST_ID), "month": month}
