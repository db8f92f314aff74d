"""Takes a mapping's SQL file apart just enough to find its one SELECT: where strings and comments end, and ``;``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from queries.errors import MappingError

READS = ("SELECT", "WITH", "VALUES", "TABLE")

_PIECE = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\* )
    | (?P<end> ; )
    | (?P<code>
        \b[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'          # E'it\'s'
        | '[^']*(?:''[^']*)*'                          # 'it''s'
        | "[^"]*(?:""[^"]*)*"
        | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
        | [^\W\d][\w$]*(?!')                           # a name, with the $ it may hold
        | [^-/;'"$\w]+ | .
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_BRACKET = re.compile(r"/\*|\*/")


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """``text`` as PostgreSQL reads it: pieces of ``code``, each ``comment`` whole, and each ``end`` of a statement.

    >>> list(pieces("a /* b; /* c */ */ ';'; -- d"))[::2]
    [('code', 'a'), ('comment', '/* b; /* c */ */'), ('code', "';'"), ('code', ' ')]
    """
    position = 0
    while position < len(text):
        found = _PIECE.match(text, position)
        assert found is not None
        kind, end = str(found.lastgroup), found.end()
        if found["comment"] == "/*":
            end = _end_of_comment(text, end)
        yield kind, text[position:end]
        position = end


def _end_of_comment(text: str, position: int) -> int:
    """PostgreSQL's comments nest."""
    depth = 1
    for bracket in _BRACKET.finditer(text, position):
        depth += 1 if bracket[0] == "/*" else -1
        if depth == 0:
            return bracket.end()
    return len(text)


def select_of(file: str, text: str) -> str:
    """The one SELECT in ``text``, without its closing semicolon; MappingError when there is none, or more.

    >>> select_of("nps.sql", "-- one row is an answer\\nSELECT 1 AS score; -- that is all")
    'SELECT 1 AS score'
    """
    statements: list[list[tuple[str, str]]] = [[]]
    for kind, piece in pieces(text):
        if kind == "end":
            statements.append([])
        elif statements[-1] or (kind == "code" and not piece.isspace()):
            statements[-1].append((kind, piece))
    statements = [statement for statement in statements if statement]
    if len(statements) != 1:
        raise MappingError(
            f"{file} holds {len(statements) or 'no'} statement{'s' * (len(statements) != 1)}.",
            "write exactly one SELECT, with CTEs where it needs them",
        )
    select = _without_tail(statements[0])
    first = re.sub(r"^[\s(]+", "", select).split(maxsplit=1)[0].upper()
    if first not in READS:
        raise MappingError(f"{file} is no SELECT: it begins with {first}.", "a mapping only reads")
    return select


def _without_tail(statement: list[tuple[str, str]]) -> str:
    while statement[-1][0] == "comment" or statement[-1][1].isspace():
        statement = statement[:-1]
    return "".join(piece for _, piece in statement)
