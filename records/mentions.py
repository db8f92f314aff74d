"""Names and addresses of erased people in what others wrote freely: found, and replaced by a word that names nobody."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from records.erased import Erased

WORD = "[erased]"
_TOGETHER = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{3,}")
_ENOUGH = 3
"""Letters of the basic alphabet by which the database may choose what is looked at more closely."""


def is_full(name: str) -> bool:
    """Whether a name tells one person from others: more than a word, or three characters that are written together.

    >>> [is_full(name) for name in ("Ada Lovelace", "Ada", "王小明", "  ")]
    [True, False, True, False]
    """
    return len(name.split()) > 1 or _TOGETHER.fullmatch(name.strip()) is not None


@dataclass(frozen=True)
class Mentions:
    """What is looked for: whole names and addresses, in any case and spacing; ids only where an id must stand.

    Whoever shares a whole name with an erased person loses it, too: a text does not say whom it means.

    >>> said = Mentions(names=frozenset({"Ada Lovelace"}), addresses=frozenset({"ada@example.org"}))
    >>> said.text("ADA  Lovelace's plan: mail Ada@example.org. Not ada@example.org.uk, nor Nevada Lovelace.")
    "[erased]'s plan: mail [erased]. Not ada@example.org.uk, nor Nevada Lovelace."
    """

    names: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    erased: Erased = field(default_factory=Erased)

    def __bool__(self) -> bool:
        return bool(self.names or self.addresses)

    def without(self, name: str | None) -> Mentions:
        """The same without ``name``: in a message to somebody, their own name means them."""
        own = _folded(name or "")
        return Mentions(frozenset(each for each in self.names if _folded(each) != own), self.addresses, self.erased)

    def text(self, value: str) -> str:
        """``value`` with :data:`WORD` in place of whatever is looked for."""
        if not self:
            return value
        plain = _composed(value)
        found = self._pattern.sub(WORD, plain)
        return value if found == plain else found

    def json(self, value: Any) -> Any:
        """The same for every text in ``value``; ids of erased people under ``user_id`` and ``user_ids`` go as well."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {self.text(name): self._field(name, held) for name, held in value.items()}

    def _field(self, name: str, held: Any) -> Any:
        if name == "user_id" and isinstance(held, str):
            return None if self.erased.users([held]) else held
        if name == "user_ids" and isinstance(held, list):
            gone = self.erased.users(each for each in held if isinstance(each, str))
            return [each for each in held if each not in gone]
        return self.json(held)

    @cached_property
    def likely(self) -> list[str]:
        """Patterns of ILIKE that any text matches in which something is found, and few others."""
        return sorted({pattern for each in self.names | self.addresses for pattern in _likely(each)})

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        names = {spelling for name in self.names for spelling in _spelled(" ".join(name.split()))}
        # An ending may follow a name, as a genitive does in many languages.
        found = [r"(?<!\w)" + r"\s+".join(map(re.escape, name.split())) for name in _longest(names)]
        found += [rf"(?<![\w.+-]){re.escape(address)}(?!\.?[\w-])" for address in _longest(self.addresses)]
        return re.compile("|".join(found), re.IGNORECASE)


def _longest(texts: Iterable[str]) -> list[str]:
    return sorted((_composed(text) for text in texts), key=lambda text: (-len(text), text))


def _spelled(text: str) -> set[str]:
    """A text as it stands, and as HTML writes it."""
    return {text, html.escape(text), html.escape(text, quote=False), html.escape(text).replace("&#x27;", "&#39;")}


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _folded(name: str) -> str:
    return " ".join(_composed(name).split()).casefold()


def _likely(text: str) -> set[str]:
    # How a database folds letters beyond the basic ones depends on how it was made, so anything may stand there.
    loose = "".join(character if character.isascii() and character.isalnum() else "%" for character in text)
    if sum(character.isalnum() for character in loose) >= _ENOUGH:
        return {f"%{re.sub('%+', '%', loose)}%"}
    one = "%".join(text.split())
    cases = {one, one.lower(), one.upper(), one.title()}
    return {f"%{spelling}%" for case in cases for spelling in (_composed(case), unicodedata.normalize("NFD", case))}
