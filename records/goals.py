"""Why an account bought, and who carries it there, typed in where no source says so, or says it wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import polars as pl
from sqlalchemy import Engine, Row, select

from records.checks import LONGEST_ID, LONGEST_NAME, prose, words
from records.database import begin
from records.errors import NotAccepted
from records.frames import AT, Columns, frame
from records.subjects import subject_id
from records.tables import goals, subjects
from records.versions import Versions

LONGEST_GOAL = 2_000
_WHAT: Columns = {"goal": pl.String, "champion_id": pl.String, "champion": pl.String}
_CURRENT: Columns = {"account_id": pl.String, **_WHAT, "author": pl.String, "typed_at": AT}
_HISTORY: Columns = {"version": pl.Int64, **_WHAT, "author": pl.String, "typed_at": AT}


class Goal(NamedTuple):
    """What is typed in: the goal; the champion, as one of the account's people or by name. None: as the source says."""

    goal: str | None = None
    champion_id: str | None = None
    champion: str | None = None


def _audited(value: dict[str, Any]) -> dict[str, Any]:
    """The goal's length, and whether the champion is one of their people: not which, since nothing here is erased."""
    return {**value, "goal": len(value["goal"] or ""), "user_id": value["user_id"] is not None}


_VERSIONS = Versions(goals, ("account_id",), "goal", "set goal", _audited)


def set_goal(
    engine: Engine,
    *,
    account_id: str,
    goal: Goal | None,
    author: str,
    now: datetime,
    seen: int | None = None,
) -> int:
    """Types in an account's goal and champion, and returns the new :func:`version`; None takes both back.

    The champion is one of the account's people (``champion_id``) or a name, not both. A name is kept as the random
    id that ``subjects`` gives it, so that erasing the person needs no rewriting. ``seen`` and the errors are those
    of :func:`records.corrections.set_themes`.
    """
    key = _key(account_id)
    value = None if goal is None else _value(engine, goal)
    return _VERSIONS.append(engine, key, value, author=author, now=now, seen=seen)


def current(engine: Engine, account_id: str | None = None) -> pl.DataFrame:
    """The goals that count, of one account where given.

    One row per account: ``account_id``; ``goal``, null where none was typed in; ``champion_id``, one of its people;
    ``champion``, a name that was typed in instead, null once it is erased; ``author``, null once their name is
    erased; ``typed_at``, UTC. Those taken back are left out.
    """
    rows = _VERSIONS.newest(engine, **({} if account_id is None else _key(account_id)))
    names = _names(engine, rows)
    return frame(((row.account_id, *_what(row.value, names), row.name, row.at) for row in rows), _CURRENT)


def history(engine: Engine, account_id: str) -> pl.DataFrame:
    """Every version of one account's goal and champion, newest first.

    One row per version: ``version``; ``goal``, ``champion_id``, ``champion``, null where it was taken back;
    ``author``, null once their name is erased; ``typed_at``, UTC.
    """
    rows = _VERSIONS.history(engine, _key(account_id))
    names = _names(engine, rows)
    return frame(((row.id, *_what(row.value, names), row.name, row.at) for row in rows), _HISTORY)


def version(engine: Engine) -> int:
    """A number that rises with every goal, 0 before the first; part of the keys of what is made with them."""
    return _VERSIONS.newest_id(engine)


def _value(engine: Engine, goal: Goal) -> dict[str, Any]:
    if goal.champion_id is not None and goal.champion is not None:
        raise NotAccepted("The champion is both one of their people and a name.", "give one of them")
    if goal == Goal():
        raise NotAccepted("Neither a goal nor a champion is typed in.", "type in one of them")
    person = None if goal.champion is None else words(goal.champion.strip(), "The champion's name", LONGEST_NAME)
    value = {
        "goal": None if goal.goal is None else prose(goal.goal, "The goal", LONGEST_GOAL),
        "user_id": None if goal.champion_id is None else words(goal.champion_id, "user_id", LONGEST_ID),
        "subject": None,
    }
    if person is None:
        return value
    with begin(engine) as connection:
        return {**value, "subject": str(subject_id(connection, person))}


def _names(engine: Engine, rows: Iterable[Row[Any]]) -> dict[str, str]:
    """The names behind the subjects of these goals."""
    wanted = {UUID(row.value["subject"]) for row in rows if row.value is not None and row.value["subject"] is not None}
    if not wanted:
        return {}
    with begin(engine) as connection:
        found = connection.execute(select(subjects.c.id, subjects.c.name).where(subjects.c.id.in_(wanted)))
        return {str(number): name for number, name in found}


def _what(value: Mapping[str, Any] | None, names: Mapping[str, str]) -> tuple[str | None, str | None, str | None]:
    held = value or {}
    return held.get("goal"), held.get("user_id"), names.get(str(held.get("subject")))


def _key(account_id: str) -> dict[str, str]:
    return {"account_id": words(account_id, "account_id", LONGEST_ID)}
