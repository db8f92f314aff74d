"""The themes that comments are read for, as ``config/themes.toml`` says: read, checked, ready for matching."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from metrics.theme_rules import Rule, ThemesError, rules, strings
from metrics.theme_text import fold

UNCLEAR = "unclear"
NO_ANSWER = "no answer"
PLAYS = (
    "goodbye", "one_question", "what_you_would_leave", "alternatives", "stuck_at_step", "already_pay_for_it",
    "you_asked_we_shipped", "renewal_coming", "offer", "sorry", "thank_you", "nps", "help_us_shape_it",
)  # fmt: skip
SCRIPTS = ("latin", "cyrillic", "han")

T = TypeVar("T")


@dataclass(frozen=True)
class Theme:
    """One theme. ``regrettable`` is None when unknown; ``patterns`` and ``examples`` are by language."""

    id: str
    name: str
    regrettable: bool | None
    play: str
    reasons: tuple[str, ...] = ()
    patterns: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    merged_into: str | None = None


@dataclass(frozen=True)
class Language:
    """A language comments may be in: its script, small words to tell it by, and words that join opposites.

    ``anywhere``: patterns may match inside words, as the language joins words or does not part them.
    """

    script: str
    anywhere: bool
    words: frozenset[str]
    no_answer: frozenset[str]
    but: tuple[str, ...]


@dataclass(frozen=True)
class Praise:
    """How praise is told in one language; ``about`` and ``praised`` are by theme, ``examples`` are sentences."""

    good: tuple[Rule, ...] = ()
    negated: tuple[Rule, ...] = ()
    denied: tuple[Rule, ...] = ()
    about: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    praised: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Themes:
    """All themes, the languages they are told in, how praise is told, and sentences that are of no theme."""

    all: tuple[Theme, ...]
    languages: Mapping[str, Language]
    praise: Mapping[str, Praise]
    neutral: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def current(self, theme_id: str) -> str:
        """The id that stands for ``theme_id`` today: of the theme it was merged into, or itself."""
        merged = {theme.id: theme.merged_into for theme in self.all}
        while (into := merged.get(theme_id)) is not None:
            theme_id = into
        return theme_id


def load_themes(source: str | Path) -> Themes:
    """The themes in TOML text, or in a file when ``source`` is a path.

    Raises ThemesError, naming the theme and the pattern, for what is wrong.

    >>> text = '''
    ... [languages.en]
    ... script = "latin"
    ... [[themes]]
    ... id = "price"
    ... name = "Price"
    ... regrettable = true
    ... play = "offer"
    ... patterns.en = ["expensive"]
    ... '''
    >>> load_themes(text).all[0].name
    'Price'
    """
    text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ThemesError(f"the themes file is not TOML: {error}") from error
    _known(found, ("languages", "praise", "neutral", "themes"), "the themes file")
    languages = {code: _language(code, table) for code, table in _tables(found, "languages").items()}
    themes = tuple(_theme(position, table, languages) for position, table in enumerate(found.get("themes", []), 1))
    if not themes or not languages:
        raise ThemesError("the themes file needs at least one [[themes]] and one [languages.<code>]")
    _ids(themes)
    names = {theme.id for theme in themes}
    praise = {code: _praise(code, table, languages, names) for code, table in _tables(found, "praise").items()}
    neutral = _by_language(found, "neutral", "the themes file", languages, _texts)
    return Themes(themes, languages, praise, neutral)


def _tables(found: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    tables = found.get(key, {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise ThemesError(f"`{key}` must be a table of tables, such as [{key}.en]")
    return tables


def _known(table: Mapping[str, Any], keys: Iterable[str], where: str) -> None:
    unknown = sorted(set(table) - set(keys))
    if unknown:
        raise ThemesError(f'{where} has an unknown key "{unknown[0]}"\n\nHint: known are {", ".join(keys)}.')


def _language(code: str, table: Mapping[str, Any]) -> Language:
    where = f"language {code}"
    _known(table, ("script", "starts", "words", "no_answer", "but"), where)
    script = table.get("script")
    if script not in SCRIPTS:
        raise ThemesError(f"{where}: `script` must be one of {', '.join(SCRIPTS)}, not {script!r}")
    starts = table.get("starts", "word")
    if starts not in ("word", "anywhere"):
        raise ThemesError(f'{where}: `starts` must be "word" or "anywhere", not {starts!r}')
    return Language(
        script=script,
        anywhere=starts == "anywhere",
        words=frozenset(fold(str(table.get("words", ""))).split()),
        no_answer=frozenset(fold(text).strip(" .!-") for text in strings(table.get("no_answer", []), where)),
        but=tuple(fold(word) for word in str(table.get("but", "")).split("|") if word.strip()),
    )


def _theme(position: int, table: Mapping[str, Any], languages: Mapping[str, Language]) -> Theme:
    theme_id = table.get("id")
    if not isinstance(theme_id, str) or not theme_id.strip():
        raise ThemesError(f"theme number {position} has no id")
    where = f'theme "{theme_id}"'
    if theme_id in (UNCLEAR, NO_ANSWER):
        raise ThemesError(f"{where}: this id is kept for comments of no theme\n\nHint: choose another.")
    _known(table, ("id", "name", "regrettable", "reasons", "play", "patterns", "examples", "merged_into"), where)
    regrettable = table.get("regrettable", "unknown")
    if regrettable not in (True, False, "unknown"):
        raise ThemesError(f'{where}: `regrettable` must be true, false or "unknown", not {regrettable!r}')
    play = table.get("play", "one_question")
    if play not in PLAYS:
        raise ThemesError(f'{where}: there is no play "{play}"\n\nHint: plays are {", ".join(PLAYS)}.')
    return Theme(
        id=theme_id,
        name=str(table.get("name", theme_id)),
        regrettable=None if regrettable == "unknown" else bool(regrettable),
        play=play,
        reasons=tuple(strings(table.get("reasons", []), where)),
        patterns=_by_language(table, "patterns", where, languages, _rules),
        examples=_by_language(table, "examples", where, languages, _texts),
        merged_into=table.get("merged_into"),
    )


def _by_language(
    table: Mapping[str, Any],
    key: str,
    where: str,
    languages: Mapping[str, Language],
    read: Callable[[Any, str, Language], T],
) -> dict[str, T]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise ThemesError(f"{where}: `{key}` must be a table by language, such as {key}.en")
    _known(found, languages, f"{where}: `{key}`")
    return {code: read(value, f"{where}, {key}.{code}", languages[code]) for code, value in found.items()}


def _rules(found: Any, where: str, language: Language) -> tuple[Rule, ...]:
    return rules(found, where, anywhere=language.anywhere)


def _texts(found: Any, where: str, _: Language) -> tuple[str, ...]:
    return tuple(strings(found, where))


def _ids(themes: tuple[Theme, ...]) -> None:
    """No id and no reason code twice; merged themes lead to one that exists and is not merged in a circle."""
    owners: dict[str, str] = {}
    seen: set[str] = set()
    for theme in themes:
        if theme.id in seen:
            raise ThemesError(f'two themes have the id "{theme.id}"\n\nHint: ids are for ever; give one another id.')
        seen.add(theme.id)
        for reason in theme.reasons:
            if reason in owners:
                raise ThemesError(f'the reason "{reason}" belongs to both "{owners[reason]}" and "{theme.id}"')
            owners[reason] = theme.id
    merged = {theme.id: theme.merged_into for theme in themes}
    for start in merged:
        path = [start]
        while (into := merged[path[-1]]) is not None:
            if into not in merged:
                raise ThemesError(f'theme "{path[-1]}" is merged into "{into}", which does not exist')
            if into in path:
                raise ThemesError(f'theme "{start}" is merged in a circle: {" -> ".join([*path, into])}')
            path.append(into)


def _praise(code: str, table: Mapping[str, Any], languages: Mapping[str, Language], names: set[str]) -> Praise:
    where = f"praise.{code}"
    if code not in languages:
        raise ThemesError(f"{where}: there is no [languages.{code}]")
    _known(table, ("good", "negated", "denied", "about", "praised", "examples"), where)
    language = languages[code]
    return Praise(
        good=_rules(table.get("good", []), f"{where}.good", language),
        negated=_rules(table.get("negated", []), f"{where}.negated", language),
        denied=_rules(table.get("denied", []), f"{where}.denied", language),
        about=_by_theme(table, "about", where, names, language),
        praised=_by_theme(table, "praised", where, names, language),
        examples=_texts(table.get("examples", []), f"{where}.examples", language),
    )


def _by_theme(
    table: Mapping[str, Any], key: str, where: str, names: set[str], language: Language
) -> dict[str, tuple[Rule, ...]]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise ThemesError(f"{where}: `{key}` must be a table by theme")
    _known(found, sorted(names), f"{where}.{key}")
    return {theme: _rules(patterns, f"{where}.{key}.{theme}", language) for theme, patterns in found.items()}
