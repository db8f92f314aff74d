"""What a stranger's form holds: a few short texts, whatever was sent."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncGenerator
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

MOST_FIELDS = 8


async def fields(content: bytes, content_type: str) -> dict[str, str]:
    """The fields of a form by name, the last of each; empty where the body is no form, which is nobody's mistake.

    ``content`` is the whole body, bounded before. Files are not taken. The form of an answer comes as
    multipart/form-data, in which 10,000 characters of any alphabet stay well below 64 KB; mail programs send either.
    """
    kind = content_type.split(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return _plain(content)
    if kind == "multipart/form-data":
        return await _multipart(content, content_type)
    return {}


def score(text: str | None) -> int | None:
    """A whole number from 0 to 10, None for everything else.

    >>> score("10"), score("07"), score("11"), score("-1"), score("٧"), score(None)
    (10, None, None, None, None, None)
    """
    return int(text) if text is not None and text in [str(number) for number in range(11)] else None


def prose(text: str) -> str:
    r"""A text as somebody wrote it, with one kind of line break, and without what no text has.

    >>> prose(" a\r\nb\x00\u202ec\t\ud800 ")
    'a\nbc'
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (each for each in lines if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs"))
    return "".join(
        each for each in kept if each not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    ).strip()


def _plain(content: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        return {}


async def _multipart(content: bytes, content_type: str) -> dict[str, str]:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield content

    headers = Headers({"content-type": content_type})
    parser = MultiPartParser(headers, whole(), max_files=0, max_fields=MOST_FIELDS, max_part_size=len(content) + 1)
    try:
        found = await parser.parse()
    except (MultiPartException, KeyError, UnicodeError, ValueError):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}
