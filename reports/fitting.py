"""Text that fits: how wide it is about, where to cut it, and which size lets it in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_WIDTHS = {  # thousandths of the type size, of Arial and of the metric-compatible Liberation Sans
    **dict.fromkeys("ijl'’|", 222),
    **dict.fromkeys(" .,:;!/ftI[]\\·", 280),
    **dict.fromkeys("r()-“”{}", 340),
    **dict.fromkeys("cksvxyzJ*", 500),
    **dict.fromkeys("FTZ+−=<>~", 611),
    **dict.fromkeys("ABEKPSVXY&", 667),
    **dict.fromkeys("CDHNRUw", 722),
    **dict.fromkeys("GOQ", 778),
    **dict.fromkeys("mM%", 880),
    **dict.fromkeys("W@—…ЖШЩЮжшщю", 1015),
}
_UNWRITABLE = re.compile(  # by the file format; and what turns the direction of the words around it
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]"
)


def plain(text: object) -> str:
    r"""Anybody's text as one line that a file can hold: no control characters, no line breaks.

    >>> plain("a\tb\n\x00c")
    'a b c'
    """
    return " ".join(_UNWRITABLE.sub("", str(text)).split())


def _em(letter: str, bold: bool) -> float:
    """A letter's width as a part of the type size; rather too wide than too narrow."""
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.02
    if unicodedata.combining(letter):
        return 0.0
    wide = _WIDTHS.get(letter, 722 if letter.isupper() else 590 if ord(letter) > 127 else 556)
    return wide / 1000 * (1.09 if bold else 1.02)


def width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a line is, in inches, at a type size in points.

    >>> 1.5 < width("x" * 20, 12) < 2.2
    True
    """
    return sum(_em(letter, bold) for letter in text) * size / 72


def _lines(text: str, room: float, size: float, bold: bool) -> int:
    """How many lines the words of ``text`` take."""
    lines, used = 1, 0.0
    for word in text.split():
        wide = width(f"{word} ", size, bold=bold)
        if used and used + wide > room:
            lines, used = lines + 1, 0.0
        lines += int(wide / room) if wide > room else 0
        used += wide
    return lines


def cut(text: object, room: float, size: float, *, lines: int = 1, bold: bool = False) -> str:
    """The text, or as much of it as stands on ``lines`` lines of ``room`` inches, with an ellipsis.

    >>> cut("Acme", 2, 12), cut("A" * 80, 1, 12)
    ('Acme', 'AAAAAA…')
    """
    words = plain(text)
    if _lines(words, room, size, bold) <= lines and width(words, size, bold=bold) <= room * lines:
        return words
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        part = words[:middle].rstrip() + "…"
        fits = _lines(part, room, size, bold) <= lines and width(part, size, bold=bold) <= room * lines
        low, high = (middle, high) if fits else (low, middle - 1)
    return words[:low].rstrip() + "…"


def largest(text: object, room: float, *, lines: int, sizes: Sequence[float], bold: bool = False) -> tuple[float, str]:
    """The first of ``sizes`` (points) at which the text fits, and the text; cut at the last where it fits at none.

    >>> largest("Short", 10, lines=1, sizes=(28, 20))
    (28, 'Short')
    """
    words = plain(text)
    for size in sizes:
        if cut(words, room, size, lines=lines, bold=bold) == words:
            return size, words
    return sizes[-1], cut(words, room, sizes[-1], lines=lines, bold=bold)
