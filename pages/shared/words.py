"""Words as a page shows them: the numbers, dates and verdicts of every report, and untrusted text made harmless."""

from __future__ import annotations

import html
import re

from reports.words import (
    MINUS,
    NOTHING,
    age,
    between,
    day,
    moment,
    money,
    month,
    number,
    percent,
    plural,
    points,
    score,
    verdict,
)

__all__ = [
    "LONGEST_COMMENT",
    "MINUS",
    "NOTHING",
    "age",
    "between",
    "day",
    "in_figure",
    "inert",
    "marked",
    "moment",
    "money",
    "month",
    "number",
    "percent",
    "plain",
    "plural",
    "points",
    "score",
    "verdict",
]

LONGEST_COMMENT = 20_000
"""Characters of what somebody wrote that a page shows; more is cut."""

_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # would turn the direction of our words around it
_JOINER = "\u2060"  # word joiner: shows nothing, and keeps an address from being recognised as a link
_CODE = re.compile(r"(``[^`]+``|`[^`]+`)")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|>~$:<&=^])")
_SPECIAL = re.compile(  # what Streamlit recognises after the escapes are gone: addresses, :icons:, arrows
    r"(?i)(?<=http)(?=s?:)|(?<=www)(?=\.)|(?<=@)|(?<=mailto)(?=:)|(?<=xmpp)(?=:)"
    r"|(?<=:)(?=[\w+-]+:|material/)|(?<=-)(?=[->])|(?<=<)(?=[->])|(?<=[<>~])(?==)"
)


def inert(text: object) -> str:
    r"""Untrusted text that Markdown shows as it was written: no formatting, links, images, icons, formulas or turns.

    >>> inert("**hi** [x](http://a.b) :red[y]")
    '\\*\\*hi\\*\\* \\[x\\]\\(http\u2060\\://a\\.b\\) \\:red\\[y\\]'
    """
    one_line = " ".join(_TURNS.sub("", str(text)).split())
    return _MARKDOWN.sub(r"\\\1", _SPECIAL.sub(_JOINER, one_line))


def plain(text: str) -> str:
    r"""What :func:`inert` was given, on one line: for a title of ours that is kept as data instead of shown.

    >>> plain(inert("R&D (http://a.b)"))
    'R&D (http://a.b)'
    """
    return " ".join(re.sub(r"\\([^\w\s])", r"\1", text.replace(_JOINER, "")).split())


def marked(text: str) -> str:
    """Our own words, which may quote other people's: inert, but `names` in backticks stand out.

    >>> marked("uses ``mrr`` and *nothing* else; run `make run`")
    'uses `mrr` and \\\\*nothing\\\\* else; run `make run`'
    """
    pieces = _CODE.split(text)  # text, code, text, code, …, text
    return "".join(f"`{piece.strip('`')}`" if place % 2 else _spaced(piece) for place, piece in enumerate(pieces))


def _spaced(piece: str) -> str:
    before = " " if piece[:1].isspace() else ""
    after = " " if piece.strip() and piece[-1:].isspace() else ""
    return f"{before}{inert(piece)}{after}"


def in_figure(text: object, *, longest: int = 60) -> str:
    """Untrusted text for a Plotly figure, whose labels understand some HTML: escaped and cut.

    >>> in_figure("<b>R&D</b>"), in_figure("abcdef", longest=4)
    ('&lt;b&gt;R&amp;D&lt;/b&gt;', 'abc…')
    """
    one_line = " ".join(_TURNS.sub("", str(text)).split())
    cut = one_line if len(one_line) <= longest else one_line[: longest - 1].rstrip() + "…"
    return html.escape(cut, quote=False)
