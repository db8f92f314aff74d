"""Health of an account as a person sees it, beside the computed score, until the day it expires."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import Engine, Row

from records.checks import LONGEST_ID, prose, words
from records.errors import NotAccepted
from records.frames import AT, Columns, frame
from records.tables import overrides
from records.versions import Versions

BANDS = ("red", "yellow", "green")
LONGEST_REASON = 1_000
LONGEST_DAYS = 366
"""An override must be looked at again within a year; a leap year has a day more."""

_WHAT: Columns = {"band": pl.String, "score": pl.Float64, "reason": pl.String}
_CURRENT: Columns = {
    "account_id": pl.String,
    **_WHAT,
    "author": pl.String,
    "made_at": AT,
    "expires_on": pl.Date,
}
_HISTORY: Columns = {"version": pl.Int64, **_WHAT, "expires_on": pl.Date, "author": pl.String, "made_at": AT}
_COUNTED: Columns = {
    "account_id": pl.String,
    **_WHAT,
    "author": pl.String,
    "made_on": pl.Date,
    "expires_on": pl.Date,
}


class Override(NamedTuple):
    """What a person says: a band, a score (0..100) or both; why; and the first day on which it no longer counts."""

    band: str | None
    score: float | None
    reason: str
    expires_on: date


def _audited(value: dict[str, Any]) -> dict[str, Any]:
    """All but the reason, of which its length."""
    return {name: len(held) if name == "reason" else held for name, held in value.items()}


_VERSIONS = Versions(overrides, ("account_id",), "override", "override health", _audited)


def set_override(
    engine: Engine,
    *,
    account_id: str,
    override: Override | None,
    author: str,
    now: datetime,
    zone: ZoneInfo,
    seen: int | None = None,
) -> int:
    """Says how healthy an account is, and returns the new :func:`version`; None takes the override back.

    It must expire after the day that ``now`` is in ``zone``, the organisation's, and at most a year later.
    ``seen`` and the errors are those of :func:`records.corrections.set_themes`.
    """
    value = None if override is None else _value(override, now.astimezone(zone).date())
    return _VERSIONS.append(engine, _key(account_id), value, author=author, now=now, seen=seen)


def current(engine: Engine, *, today: date) -> pl.DataFrame:
    """The overrides that count on ``today``.

    One row per account: ``account_id``; ``band``, null where only a score was given; ``score``, 0..100, null where
    only a band was; ``reason``; ``author``, null once their name is erased; ``made_at``, UTC; ``expires_on``, the
    first day it no longer counts. Those taken back and those expired are left out.
    """
    rows = [(row.account_id, *_what(row.value), row.name, row.at, _day(row.value)) for row in _VERSIONS.newest(engine)]
    return frame(rows, _CURRENT).filter(pl.col("expires_on") > today)


def history(engine: Engine, account_id: str) -> pl.DataFrame:
    """Every override of one account, newest first.

    One row per version: ``version``; ``band``, ``score``, ``reason`` and ``expires_on``, null where it was taken back;
    ``author``, null once their name is erased; ``made_at``, UTC.
    """
    rows = _VERSIONS.history(engine, _key(account_id))
    return frame(((row.id, *_what(row.value), _day(row.value), row.name, row.at) for row in rows), _HISTORY)


def counted(engine: Engine, *, zone: ZoneInfo) -> pl.DataFrame:
    """The days on which each override counted, as ``metrics.health`` takes them.

    One row per override ever made: ``account_id``; ``band``; ``score``; ``reason``; ``author``; ``made_on``, the day in
    ``zone``; ``expires_on``, the first day it no longer counted: where it was taken back or replaced before its
    time, that day. Those that counted on no day's end are left out.
    """
    everything = sorted(
        _VERSIONS.everything(engine), key=lambda row: str(row.account_id)
    )  # by id within: the sort is stable
    spans = (span for _, rows in groupby(everything, key=lambda row: row.account_id) for span in _spans([*rows], zone))
    return frame(spans, _COUNTED).filter(pl.col("made_on") < pl.col("expires_on"))


def version(engine: Engine) -> int:
    """A number that rises with every override, 0 before the first; part of the keys of what is made with them."""
    return _VERSIONS.newest_id(engine)


def _spans(rows: Sequence[Row[Any]], zone: ZoneInfo) -> Iterator[tuple[Any, ...]]:
    """Each version of one account with the days on which it counted."""
    made = [row.at.astimezone(zone).date() for row in rows]
    for row, made_on, next_on in zip(rows, made, [*made[1:], date.max], strict=True):
        expires_on = _day(row.value)
        if expires_on is not None:
            yield (row.account_id, *_what(row.value), row.name, made_on, min(expires_on, next_on))


def _value(override: Override, today: date) -> dict[str, Any]:
    if override.band is None and override.score is None:
        raise NotAccepted("An override says neither a band nor a score.", "choose a band")
    if override.band is not None and override.band not in BANDS:
        raise NotAccepted("There is no such band.", f"choose {', '.join(BANDS[:-1])} or {BANDS[-1]}")
    if isinstance(override.expires_on, datetime) or not isinstance(override.expires_on, date):
        raise NotAccepted("An override has no day on which it ends.", "choose one")
    if not today < override.expires_on <= today + timedelta(days=LONGEST_DAYS):
        raise NotAccepted(
            f"An override cannot end on {override.expires_on}.", "choose a day from tomorrow to a year on"
        )
    return {
        "band": override.band,
        "score": _score(override.score),
        "reason": prose(override.reason, "The reason", LONGEST_REASON),
        "expires_on": override.expires_on.isoformat(),
    }


def _score(score: object) -> float | None:
    if score is None:
        return None
    if (
        isinstance(score, bool)
        or not isinstance(score, int | float)
        or not math.isfinite(score)
        or not 0 <= score <= 100
    ):
        raise NotAccepted("A score is a number from 0 to 100.")
    return float(score)


def _what(value: dict[str, Any] | None) -> tuple[str | None, float | None, str | None]:
    held = value or {}
    return held.get("band"), held.get("score"), held.get("reason")


def _day(value: dict[str, Any] | None) -> date | None:
    return None if value is None else date.fromisoformat(value["expires_on"])


def _key(account_id: str) -> dict[str, str]:
    return {"account_id": words(account_id, "account_id", LONGEST_ID)}
