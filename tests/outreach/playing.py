"""A play of a test's own."""

from __future__ import annotations

from typing import Any

from outreach.plays import Body, Play


def a_play(**changes: Any) -> Play:
    """Marketing mail to the owner, in English."""
    known: dict[str, Any] = {
        "id": "offer", "title": "An offer", "cause": "", "next_step": "", "kind": "marketing", "channel": "email",
        "to": "owner", "most": 1, "question": None, "says_goodbye": False, "after_goodbye": False, "holdout": None,
        "signer": None, "languages": {"en": Body("en", "Hello", "Text")}, "fields": frozenset(), "version": "v",
    }  # fmt: skip
    return Play(**known | changes)


def bodies(*languages: str) -> dict[str, Body]:
    """The same text in several languages."""
    return {language: Body(language, "Hello", "Text") for language in languages}
