"""What people write, by language and theme: ``demo/comments/<language>.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "comments"
LANGUAGES = ("en", "de", "fr", "es", "ro", "ru", "zh")


@cache
def book(language: str) -> dict[str, dict[str, list[str]]]:
    """All sentences of a language: ``exit`` and ``nps`` by theme, ``later`` (after the importer), ``ticket``."""
    found: dict[str, dict[str, list[str]]] = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return found


def sentences(part: str, theme: str, language: str) -> list[str]:
    """The sentences whose first theme this is; English ones where a language has none."""
    known = language if language in LANGUAGES else "en"
    return _of_theme(known, part, theme) or _of_theme("en", part, theme)


@cache
def _of_theme(language: str, part: str, theme: str) -> list[str]:
    groups = book(language).get(part, {}).items()
    return [text for themes, texts in groups if themes.split("+")[0] == theme for text in texts]


@cache
def themes() -> dict[str, tuple[str, ...]]:
    """The themes each sentence was written for, by its text: the truth to measure theme tagging against.

    Praise has the theme ``praise``. The same words on leaving and in a survey mean the same.
    """
    truth: dict[str, tuple[str, ...]] = {}
    for language in LANGUAGES:
        for part in ("exit", "nps", "later"):
            for theme, texts in book(language).get(part, {}).items():
                truth.update(dict.fromkeys(texts, tuple(theme.split("+"))))
    return truth
