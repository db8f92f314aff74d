"""Names and other words of people where they stand in a message to the team."""

from __future__ import annotations

import unicodedata

LONGEST = 80
_ODD = str.maketrans({"<": "‹", ">": "›", "@": "＠", "`": "'", "*": "∗", "_": "＿", "[": "(", "]": ")"})


def plain(name: str) -> str:
    r"""A name on one line, of at most 80 characters, that mentions nobody, links nowhere and formats nothing.

    Chat programs read ``@channel``, ``<!here>`` and ``[click](…)`` in a text as more than text; what stands for these
    characters looks like them.

    >>> plain("Acme\n<!channel> @here")
    'Acme ‹!channel› ＠here'
    """
    shown = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in name)
    words = " ".join(shown.split()).translate(_ODD)
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
