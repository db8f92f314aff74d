"""Patterns as people write them in the themes file, made into rules that Polars can match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from metrics.theme_text import fold_pattern


class ThemesError(ValueError):
    """The themes file is wrong: what, where, and what to do."""


@dataclass(frozen=True)
class Rule:
    """A way to match a sentence: all of ``every`` and none of ``never``, as regular expressions.

    ``bare`` rules start with ``^``: they know a topic named by itself ("support"), which may as well be praised.
    """

    every: tuple[str, ...]
    never: tuple[str, ...] = ()
    bare: bool = False


def strings(found: Any, where: str) -> list[str]:
    """``found``, which must be a list of strings; ``where`` it stands, for the error."""
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ThemesError(f"{where}: expected a list of strings, not {found!r}")
    return found


def rules(found: Any, where: str, *, anywhere: bool) -> tuple[Rule, ...]:
    """Rules from a list of patterns; single ones become one alternation, which is faster to match.

    ``anywhere``: patterns may match inside words.

    >>> rules(["dear", ["price", "!fair"]], "here", anywhere=True)[1]
    Rule(every=('price',), never=('fair',), bare=False)
    """
    if not isinstance(found, list):
        raise ThemesError(f"{where}: expected a list of patterns, not {found!r}")
    _check(found, where)
    alternatives: list[str] = []
    together: list[Rule] = []
    for item in found:
        parts = [item] if isinstance(item, str) else strings(item, where)
        every = tuple(_placed(part, anywhere) for part in parts if not part.startswith("!"))
        never = tuple(_placed(part[1:], anywhere) for part in parts if part.startswith("!"))
        if not every:
            raise ThemesError(f"{where}: {item!r} says only what must not match\n\nHint: add what must.")
        if isinstance(item, str):
            alternatives += every
        else:
            together.append(Rule(every, never))
    bare = [pattern for pattern in alternatives if pattern.startswith("^")]
    within = [pattern for pattern in alternatives if not pattern.startswith("^")]
    joined = [Rule((_either(group),), bare=group is bare) for group in (bare, within) if group]
    return (*joined, *together)


def _either(patterns: list[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _placed(pattern: str, anywhere: bool) -> str:
    """The pattern in the form of folded text, starting at the start of a word where the language asks for it."""
    folded = fold_pattern(pattern)
    return folded if anywhere or folded.startswith(("^", "\\b", "\\W")) else rf"\b(?:{folded})"


def _check(found: list[Any], where: str) -> None:
    """Whether patterns can be used: all at once, which is quick, and one by one where something is wrong."""
    items = [item for item in found if isinstance(item, str)]
    listed = [part for item in found if isinstance(item, list) for part in item if isinstance(part, str)]
    patterns = [pattern.removeprefix("!") for pattern in (*items, *listed)]
    try:
        fine = not pl.Series([""]).str.contains(fold_pattern(_either(patterns)))[0] if patterns else True
    except pl.exceptions.PolarsError:
        fine = False
    if not fine:
        for pattern in patterns:
            _check_one(pattern, where)


def _check_one(pattern: str, where: str) -> None:
    """Whether the pattern can be used, tried on the engine that will: it knows no look-around."""
    try:
        empty = pl.Series([""]).str.contains(fold_pattern(pattern))[0]
    except pl.exceptions.PolarsError as error:
        reason = " ".join(str(error).split())
        raise ThemesError(f"{where}: the pattern {pattern!r} is not a regular expression: {reason}") from error
    if empty:
        raise ThemesError(f"{where}: the pattern {pattern!r} matches everything, even an empty comment")
