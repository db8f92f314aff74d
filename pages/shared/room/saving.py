"""How a form of the account page saves: what was seen when it was opened, who saves, and what is said then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import streamlit as st
from sqlalchemy import Engine

from pages.shared import written
from pages.shared.roles import Right

_SEEN = "tenure_room_seen"


def seen(part: str, thing: str, version: int) -> int:
    """The version with which ``thing`` was opened: what came since by others is not seen, and not overwritten."""
    opened: dict[str, tuple[str, int]] = st.session_state.setdefault(_SEEN, {})
    if opened.get(part, ("", 0))[0] != thing:
        opened[part] = (thing, version)
    return opened[part][1]


def save(part: str, write: Callable[..., int], done: str, *, seen: int, **what: Any) -> bool:
    """Save in the viewer's name; whether it was. Then what counts is shown: theirs, or that of whoever was faster.

    While the records do not answer, the form stays as it is.
    """

    def keep(here: Engine, author: str) -> int:
        written.refuse_others(what["account_id"])
        return write(here, author=author, now=datetime.now(UTC), seen=seen, **what)

    saved = written.save(Right.KEEP, keep, done, part=part)
    if not written.unsaved(part):
        st.session_state.get(_SEEN, {}).pop(part, None)
    return saved
