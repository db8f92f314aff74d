"""A group of comments as a theme to copy into ``config/themes.toml``, whatever the comments hold."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from metrics.theme_file import NO_ANSWER, UNCLEAR
from metrics.theme_text import fold

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
"""How TOML writes what a string may not hold as it is."""


def as_toml(group: Mapping[str, Any], *, id: str | None = None, taken: Collection[str] = ()) -> str:
    """A group of ``emerging`` (a row as a dictionary) as a theme to copy to the end of ``config/themes.toml``.

    ``id`` (default: made of its words) becomes the theme's id; a default id that is ``taken`` gets a number. The
    theme is told by the group's examples; those in a language the file does not know stand in it as remarks. Whatever
    the comments hold, the text is TOML of one theme: control characters and those that turn text around are escaped.
    Raises ValueError for an id that no theme may have.

    >>> group = {"name": "owl, mascot", "words": ["owl", "mascot"]}
    >>> print(as_toml(group | {"examples": ['The "owl"'], "example_languages": ["en"]}).rstrip())
    [[themes]]
    id = "owl_mascot"
    name = "Owl, mascot"
    regrettable = "unknown"
    play = "one_question"
    [themes.examples]
    en = [
      "The \\"owl\\"",
    ]
    """
    name = str(group["name"])
    if id is None:
        id = _free(_slug(group.get("words") or (), name), taken)
    elif not id.strip() or id in (UNCLEAR, NO_ANSWER):
        raise ValueError(f"a theme cannot have the id {id!r}")
    shown = name[:1].upper() + name[1:]
    lines = ["[[themes]]", f"id = {_quoted(id)}", f"name = {_quoted(shown)}"]
    lines += ['regrettable = "unknown"', 'play = "one_question"']
    told = list(zip(group["examples"], group["example_languages"], strict=True))
    lines += [f"# {_quoted(example)}" for example, language in told if language is None]
    languages = list(dict.fromkeys(language for _, language in told if language is not None))
    lines += ["[themes.examples]"] if languages else []
    for language in languages:
        texts = [f"  {_quoted(example)}," for example, spoken in told if spoken == language]
        lines += [f"{language if _BARE.fullmatch(language) else _quoted(language)} = [", *texts, "]"]
    return "\n".join(lines) + "\n"


def _slug(telling: Iterable[str], name: str) -> str:
    """An id of Latin letters from the words, else from a hash of the name."""
    parts = [fold(word) for word in list(telling)[:3]]
    latin = "_".join(part for part in parts if part.isascii() and part.isalnum())
    return latin or f"theme_{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:8]}"


def _free(id: str, taken: Collection[str]) -> str:
    """The id, with a number behind it when it is taken."""
    free, number = id, 1
    while free in taken or free in (UNCLEAR, NO_ANSWER):
        number += 1
        free = f"{id}_{number}"
    return free


def _quoted(text: str) -> str:
    """A TOML string on one line: quotes, backslashes, control and invisible characters escaped."""
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in _SHORT:
        return _SHORT[letter]
    kind = unicodedata.category(letter)
    if kind == "Cs":
        return "\ufffd"  # half a character, which no text may hold
    if kind in ("Cc", "Cf", "Zl", "Zp"):
        point = ord(letter)
        return f"\\u{point:04X}" if point < 0x10000 else f"\\U{point:08X}"
    return letter
