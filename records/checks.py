"""What may be written down: bounded, and nothing that no text has."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from records.errors import NotAccepted

LONGEST_ID = 500
LONGEST_NAME = 320


def words(value: object, what: str, longest: int) -> str:
    """``value`` when it is a text of 1 to ``longest`` characters that fits on one line; NotAccepted names ``what``.

    >>> words("r-17", "response_id", 500)
    'r-17'
    >>> words("a\\0b", "theme", 64)
    Traceback (most recent call last):
    records.errors.NotAccepted: theme has a character that no text has: U+0000.
    """
    if not isinstance(value, str) or not value.strip():
        raise NotAccepted(f"{what} is empty, or no text.")
    if len(value) > longest:
        raise NotAccepted(f"{what} has {len(value):,} characters.", f"at most {longest} are kept")
    for character in value:
        if unicodedata.category(character) in ("Cc", "Cs"):  # control characters; halves of a character
            raise NotAccepted(f"{what} has a character that no text has: U+{ord(character):04X}.")
    return value


def prose(value: object, what: str, longest: int) -> str:
    r"""``value`` without blanks around it, when it is a text of 1 to ``longest`` characters on any number of lines.

    >>> prose(" two\r\nlines ", "A note", 100)
    'two\nlines'
    """
    if not isinstance(value, str) or not value.strip():
        raise NotAccepted(f"{what} is empty, or no text.")
    text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > longest:
        raise NotAccepted(f"{what} has {len(text):,} characters.", f"at most {longest:,} are kept")
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs"):
            raise NotAccepted(f"{what} has a character that no text has: U+{ord(character):04X}.")
    return text


def instant(value: datetime) -> datetime:
    """``value`` when it says of which time zone it is."""
    if value.tzinfo is None:
        raise NotAccepted("The time has no time zone.", "pass datetime.now(UTC)")
    return value
