"""What a message must not sound like: guilt, "we miss you", urgency that is none, and fields nobody filled in.

The phrases stand in ``config/tone.toml``, by language. A flag is a hint for whoever approves, who reads the message;
only an unfilled field keeps a message from being sent.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from settings import Settings

Kind = Literal["guilt", "we_miss_you", "false_urgency", "unfilled"]

WHY: Mapping[Kind, str] = {
    "guilt": "It puts guilt on the reader. Leaving is their decision; say what is, and what they can do.",
    "we_miss_you": "It is about us. Write about the reader's problem instead.",
    "false_urgency": "It presses for time. Name the date and what happens on it.",
    "unfilled": "A field was not filled in.",
}
"""What is wrong with each kind of phrase, as the preview says it."""
_SOURCE = "en"
_QUOTES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "ё": "е"})


class ToneError(Exception):
    """``config/tone.toml`` cannot be used; the message names the language, the phrase and what to do."""


@dataclass(frozen=True)
class Flag:
    """One phrase of a message: what kind, the words themselves, and why they are flagged."""

    kind: Kind
    excerpt: str
    why: str


class _Language(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    words: Literal["parted", "joined"] = "parted"
    guilt: tuple[str, ...]
    we_miss_you: tuple[str, ...]
    false_urgency: tuple[str, ...]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    unfilled: tuple[str, ...]
    languages: dict[str, _Language]


@dataclass(frozen=True)
class Tone:
    """The phrases of every language. ``check`` finds them in a message."""

    unfilled: re.Pattern[str]
    languages: Mapping[str, Mapping[Kind, re.Pattern[str]]]

    def check(self, subject: str, text: str, language: str) -> list[Flag]:
        """Every flagged phrase of a message, in the order of kinds and then of the text; none where all is well.

        ``language`` is the message's (a tag such as "de-AT" too); one that is not known is read as English.
        """
        whole = f"{subject}\n{text}"
        code = language.lower().replace("_", "-").partition("-")[0]
        phrases = self.languages.get(code) or self.languages.get(_SOURCE) or {}
        folded, places = _folded(whole)
        flags = [
            Flag(kind, _excerpt(whole, places[found.start()], places[found.end() - 1] + 1), WHY[kind])
            for kind, pattern in phrases.items()
            for found in pattern.finditer(folded)
        ]
        flags += [
            Flag("unfilled", _excerpt(whole, found.start(), found.end()), WHY["unfilled"])
            for found in self.unfilled.finditer(whole)
        ]
        return list(dict.fromkeys(flags))


def tone_of(settings: Settings) -> Tone:
    """The phrases of ``config/tone.toml``, read again when it has changed; ToneError when they cannot be used."""
    path = settings.config / "tone.toml"
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, changed: int) -> Tone:
    try:
        held = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToneError(f"{path.name} is no TOML: {error}.\n\nHint: put phrases into quotes.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ToneError(f"{path.name}, {where}: {first['msg']}.\n\nHint: look at [languages.en].") from None
    unfilled = _one(path.name, "unfilled", held.unfilled, "{}", 0)
    return Tone(unfilled, {code: dict(_patterns(path.name, code, phrases)) for code, phrases in held.languages.items()})


def _patterns(file: str, code: str, phrases: _Language) -> Iterator[tuple[Kind, re.Pattern[str]]]:
    edges = "{}" if phrases.words == "joined" else r"(?<!\w){}(?!\w)"
    kinds: Mapping[Kind, tuple[str, ...]] = {
        "guilt": phrases.guilt,
        "we_miss_you": phrases.we_miss_you,
        "false_urgency": phrases.false_urgency,
    }
    for kind, expressions in kinds.items():
        if expressions:
            yield kind, _one(file, f"languages.{code}.{kind}", expressions, edges, re.IGNORECASE)


def _one(file: str, where: str, expressions: tuple[str, ...], edges: str, flags: int) -> re.Pattern[str]:
    """One pattern for all expressions."""
    for expression in expressions:
        try:
            if re.compile(expression).match(""):
                raise ToneError(f'{file}, {where}: "{expression}" matches nothing at all.\n\nHint: take it out.')
        except re.error as error:
            raise ToneError(f'{file}, {where}: "{expression}" is no regular expression: {error}.') from None
    return re.compile(edges.format(f"(?:{'|'.join(f'(?:{expression})' for expression in expressions)})"), flags)


def _folded(text: str) -> tuple[str, list[int]]:
    """The text in small letters, without Latin accents and with one space for a gap, and where each letter stood."""
    letters: list[str] = []
    places: list[int] = []
    for at, character in enumerate(text):
        if character.isspace():
            if not letters or letters[-1] == " ":
                continue
            folded = " "
        else:
            folded = _plain(character)
        letters += folded
        places += [at] * len(folded)
    return "".join(letters), places


@lru_cache(maxsize=4_096)
def _plain(character: str) -> str:
    small = character.lower().translate(_QUOTES)
    base = unicodedata.normalize("NFKD", small)
    bare = "".join(part for part in base if not unicodedata.combining(part))
    return bare if bare.isascii() else small


def _excerpt(text: str, start: int, end: int) -> str:
    return " ".join(text[start:end].split())
