"""The plays of ``config/plays/``: what a message is for, whom it goes to, and its text in every language.

A play is one file: a few settings (TOML between two lines ``+++``), then one body per language below a line such as
``--- de``. ``docs/plays.md`` shows how to write one.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

import jinja2
import jinja2.nodes
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from outreach.merge_fields import FIELDS
from settings import Settings

MOST_CHARACTERS = 64_000
FOOTER = "_footer.md"
_FENCE = "+++"
_HEADING = re.compile(r"--- ([a-zA-Z]{2,3}(?:-[a-zA-Z0-9]{2,8})*)\s*")
_PARSER = jinja2.Environment()  # It only parses: nothing of a play is run here, see render_child.py.

Role = Literal["owner", "champion", "admin", "member", "everyone"]


class PlayError(Exception):
    """A play cannot be used; the message names the file, the line and what to do."""


@dataclass(frozen=True)
class Body:
    """A play's text in one language. ``subject``, ``text`` and ``footer`` are templates; service mail has no footer."""

    language: str
    subject: str
    text: str
    footer: str = ""


class _Front(BaseModel):
    """What stands between the ``+++`` lines."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str = Field(min_length=1, max_length=80)
    cause: str = Field(min_length=1, max_length=300)
    next_step: str = Field(min_length=1, max_length=300)
    kind: Literal["service", "marketing"]
    channel: Literal["email", "webhook"] = "email"
    to: Role = "owner"
    most: int = Field(1, ge=0, le=1_000)
    question: Literal["nps", "exit"] | None = None
    says_goodbye: bool = False
    after_goodbye: bool = False
    holdout: float | None = Field(None, ge=0, le=0.9)
    signer: str | None = Field(None, min_length=1, max_length=80)

    @model_validator(mode="after")
    def _service_asks_nothing(self) -> Self:
        if self.kind == "service" and self.question:
            raise ValueError('a play with a question is of kind "marketing"')
        if self.says_goodbye and self.kind != "service":
            raise ValueError('a goodbye is of kind "service"')
        return self


@dataclass(frozen=True)
class Play:
    """One play.

    ``id`` is the file's name; ``most`` the number of people per account; ``holdout`` None where the settings' share
    holds; ``signer`` None where the account's own person signs; ``fields`` the merge fields its bodies use;
    ``version`` a hash of all that its messages are made from.
    """

    id: str
    title: str
    cause: str
    next_step: str
    kind: Literal["service", "marketing"]
    channel: Literal["email", "webhook"]
    to: Role
    most: int
    question: Literal["nps", "exit"] | None
    says_goodbye: bool
    after_goodbye: bool
    holdout: float | None
    signer: str | None
    languages: dict[str, Body]
    fields: frozenset[str]
    version: str

    @property
    def asks(self) -> tuple[str, ...]:
        """The merge fields that whoever composes a campaign of this play fills in, in the order of ``FIELDS``."""
        return tuple(name for name, field in FIELDS.items() if name in self.fields and field.origin == "campaign")


def read_plays(settings: Settings) -> dict[str, Play]:
    """Every play of ``config/plays/`` by its id, in the order of ids; PlayError for the first that cannot be used."""
    return read_folder(settings.plays)


def read_folder(folder: Path) -> dict[str, Play]:
    """Every play of a folder by its id. Files whose name starts with ``_`` are no plays."""
    footer = _contents(folder / FOOTER) if (folder / FOOTER).exists() else ""
    paths = sorted(path for path in folder.glob("*.md") if not path.name.startswith("_"))
    return {path.stem: _play(path.stem, _contents(path), footer) for path in paths}


def _contents(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PlayError(f"{path.name} cannot be read: {error}.\n\nHint: save it as UTF-8 text.") from None
    if len(text) > MOST_CHARACTERS:
        raise PlayError(f"{path.name} holds more than {MOST_CHARACTERS:,} characters.\n\nHint: shorten its texts.")
    return text


@lru_cache(maxsize=256)
def _play(id: str, text: str, footer: str) -> Play:
    """The play of a file; remembered by what the files hold, since pages ask again at every click."""
    name = f"{id}.md"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", id):
        raise PlayError(f"{name} is no id.\n\nHint: name the file in small letters, digits and _.")
    lines = text.splitlines()
    front, begin = _front(name, lines)
    footers = _footers(footer) if front.kind == "marketing" else {}
    bodies: dict[str, Body] = {}
    used: set[str] = set()
    for language, line, section in _sections(name, lines, begin):
        subject, body, below = _subject(name, line, section)
        if front.kind == "marketing" and language not in footers:
            raise _error(name, line, f'{FOOTER} has no text in "{language}"', f"add a section `--- {language}` to it")
        used |= _checked(name, line, section, allowed=FIELDS.keys() - {"unsubscribe_link"})
        _check_question(name, below, front, body)
        bodies[language] = Body(language, subject, body, footers.get(language, ""))
    if not bodies:
        raise _error(name, begin, "it has no text", "write a line `--- en`, then `Subject: …`, then the text")
    version = hashlib.sha256("\0".join([id, text, footer if footers else ""]).encode()).hexdigest()
    return Play(id=id, languages=bodies, fields=frozenset(used), version=version, **front.model_dump())


def _error(name: str, line: int, wrong: str, fix: str) -> PlayError:
    return PlayError(f"{name}, line {line}: {wrong}.\n\nHint: {fix}.")


def _front(name: str, lines: list[str]) -> tuple[_Front, int]:
    """The settings, and the line after them (counted from 1)."""
    if not lines or lines[0].strip() != _FENCE or _FENCE not in [line.strip() for line in lines[1:]]:
        raise _error(name, 1, "it does not start with settings", f"write them between two lines `{_FENCE}`")
    end = next(at for at, line in enumerate(lines[1:], start=1) if line.strip() == _FENCE)
    try:
        # The empty line in front lets TOML count lines as the file does.
        return _Front.model_validate(tomllib.loads("\n".join(["", *lines[1:end]]))), end + 2
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise _error(name, int(found[1]) if found else 1, f"{error}", "write TOML, as in the other plays") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        line = next((at for at, line in enumerate(lines, start=1) if re.match(rf"\s*{re.escape(key)}\s*=", line)), 1)
        wrong = f"{key}: {first['msg']}".removeprefix(": ")
        raise _error(name, line, wrong, f"keys are {', '.join(_Front.model_fields)}") from None


def _sections(name: str, lines: list[str], begin: int) -> Iterator[tuple[str, int, str]]:
    """Language, line of its heading and text of every section; ``begin`` is counted from 1."""
    heads = [(at, found[1]) for at, line in enumerate(lines) if at >= begin - 1 and (found := _HEADING.fullmatch(line))]
    first = heads[0][0] if heads else len(lines)
    stray = next((at for at in range(begin - 1, first) if lines[at].strip()), None)
    if stray is not None:
        raise _error(name, stray + 1, "this text belongs to no language", "put a line such as `--- en` above it")
    seen: set[str] = set()
    ends = [at for at, _ in heads[1:]] + [len(lines)]
    for (at, language), end in zip(heads, ends, strict=True):
        if language in seen:
            raise _error(name, at + 1, f'"{language}" stands here twice', "keep one of them")
        seen.add(language)
        yield language, at + 1, "\n".join(lines[at + 1 : end])


def _subject(name: str, line: int, section: str) -> tuple[str, str, int]:
    """Subject, text, and the line on which the text starts."""
    rows = section.split("\n")
    at = next((at for at, row in enumerate(rows) if row.strip()), 0)
    label, _, subject = rows[at].partition(":")
    if label.strip().lower() != "subject" or not subject.strip():
        raise _error(name, line + at + 1, "a subject is missing", "start the text with a line `Subject: …`")
    text = "\n".join(rows[at + 1 :]).strip()
    if not text:
        raise _error(name, line + at + 1, "there is no text below the subject", "write one, or take the language out")
    return subject.strip(), text, line + at + 2


def _checked(name: str, line: int, section: str, *, allowed: set[str]) -> set[str]:
    """The merge fields a section uses, all of them allowed."""
    try:
        tree = _PARSER.parse(section)
    except jinja2.TemplateSyntaxError as error:
        raise _error(name, line + error.lineno, error.message or "a mistake", "see docs/plays.md") from None
    except RecursionError:
        raise _error(name, line, "its brackets are nested too deeply", "write it more simply") from None
    names = list(tree.find_all(jinja2.nodes.Name))
    own = {node.name for node in names if node.ctx == "store"} | {"loop"}
    for node in names:
        if node.name not in own | allowed:
            near = difflib.get_close_matches(node.name, allowed, 1)
            fix = f"perhaps {near[0]} is meant" if near else "fields are listed in docs/plays.md"
            raise _error(name, line + node.lineno, f"there is no merge field {node.name} here", fix)
    return {node.name for node in names} & allowed - own


def _check_question(name: str, line: int, front: _Front, body: str) -> None:
    linked = "answer_link" in body
    if front.question and not linked:
        raise _error(name, line, "it asks a question but has no answer_link", "put {{ answer_link }} into the text")
    if linked and not front.question:
        raise _error(name, line, "it has an answer_link but no question", 'write question = "nps" or "exit"')


@lru_cache(maxsize=8)
def _footers(text: str) -> dict[str, str]:
    """What stands below marketing messages, by language."""
    found: dict[str, str] = {}
    for language, line, section in _sections(FOOTER, text.splitlines(), 1):
        if "unsubscribe_link" not in _checked(
            FOOTER, line, section, allowed={"unsubscribe_link", "company", "account"}
        ):
            raise _error(FOOTER, line, "it does not say how to opt out", "put {{ unsubscribe_link }} into it")
        found[language] = section.strip()
    return found
