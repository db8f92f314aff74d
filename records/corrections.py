"""Themes of comments as people set them, instead of those that ``metrics.themes`` found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl
from sqlalchemy import Engine

from records.checks import LONGEST_ID, words
from records.errors import NotAccepted
from records.frames import AT, Columns, frame
from records.tables import theme_corrections
from records.versions import Versions

MOST = 8
LONGEST_THEME = 64
UNCLEAR = "unclear"
"""The theme of a comment that a person found to be about none."""
ALONE = (UNCLEAR, "no answer")
"""Themes that say that a comment has none; each stands by itself."""

_VERSIONS = Versions(theme_corrections, ("source", "response_id"), "themes", "set themes")
_CURRENT: Columns = {
    "source": pl.String,
    "response_id": pl.String,
    "theme": pl.String,
    "author": pl.String,
    "corrected_at": AT,
}
_HISTORY: Columns = {
    "version": pl.Int64,
    "themes": pl.List(pl.String),
    "before": pl.List(pl.String),
    "author": pl.String,
    "corrected_at": AT,
}


def set_themes(
    engine: Engine,
    *,
    source: str,
    response_id: str,
    themes: Sequence[str] | None,
    author: str,
    now: datetime,
    seen: int | None = None,
    found: Sequence[str] | None = None,
) -> int:
    """Sets the themes of one comment, at once and whole, and returns the new :func:`version`.

    ``source`` is the frame that the comment is in (``nps``, ``exit_surveys``, ``reviews``); ``themes`` are ids of
    ``config/themes.toml``, at most 8; none means ``unclear``; None takes the correction back, so that what was found
    counts again. ``found`` are the themes that the page showed, kept as ``before`` of the first correction.

    Every version stays in :func:`history`; the newest counts. ``seen`` is the :func:`version` with which the page was
    made: ChangedMeanwhile, naming who, when somebody has set this comment's themes since (None: whatever happened).
    NotAccepted names what cannot be kept; RecordsUnavailable when the database does not answer within 5 seconds.
    """
    key = _key(source, response_id)
    chosen = None if themes is None else _themes(themes)
    shown = None if found is None else _themes(found[:MOST])
    return _VERSIONS.append(engine, key, chosen, author=author, now=now, seen=seen, found=shown)


def current(engine: Engine) -> pl.DataFrame:
    """The corrections that count.

    One row per corrected comment and theme: ``source``; ``response_id``; ``theme``; ``author``, null once their name
    is erased; ``corrected_at``, UTC. Comments whose correction was taken back are left out.
    """
    rows = [
        (row.source, row.response_id, theme, row.name, row.at)
        for row in _VERSIONS.newest(engine)
        for theme in row.value
    ]
    return frame(rows, _CURRENT)


def history(engine: Engine, source: str, response_id: str) -> pl.DataFrame:
    """Every correction of one comment, newest first.

    One row per correction: ``version``; ``themes``, null where it was taken back; ``before``, what it replaced, null
    where that is unknown; ``author``, null once their name is erased; ``corrected_at``, UTC.
    """
    return frame((row[:5] for row in _VERSIONS.history(engine, _key(source, response_id))), _HISTORY)


def version(engine: Engine) -> int:
    """A number that rises with every correction, 0 before the first; part of the keys of what is made with them."""
    return _VERSIONS.newest_id(engine)


def _key(source: str, response_id: str) -> dict[str, str]:
    return {"source": words(source, "source", 64), "response_id": words(response_id, "response_id", LONGEST_ID)}


def _themes(themes: Sequence[str]) -> list[str]:
    if isinstance(themes, str):
        raise NotAccepted("themes is one text, not several.", f'pass ["{themes[:LONGEST_THEME]}"]')
    if len(themes) > MOST:
        raise NotAccepted(f"A comment cannot have {len(themes)} themes.", f"choose at most {MOST}")
    chosen = list(dict.fromkeys(words(theme, "A theme's id", LONGEST_THEME) for theme in themes)) or [UNCLEAR]
    alone = next((theme for theme in chosen if theme in ALONE), None)
    if alone is not None and len(chosen) > 1:
        raise NotAccepted(
            f'"{alone}" says that a comment has no theme, so it cannot have others.', "choose one or the other"
        )
    return chosen
