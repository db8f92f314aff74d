"""What this process remembers of snapshots, forgotten within seconds of somebody's erasure: results, and single words.

What stands on an open page stays there until that page is loaded again or closed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import settings
from metrics import comment_groups, telling_words
from pages.shared import data
from queries import frames
from queries.scope import Scope
from queries.store import Store, newest_manifest

_WORDS: tuple[Callable[[], None], ...] = (
    comment_groups._grams.cache_clear,
    telling_words._folded.cache_clear,
    frames._manifest.cache_clear,
)
"""Caches beside Streamlit's that may hold something of a person; tests/pages/test_forgetting.py knows the others."""


def forget() -> None:
    """Forgets every result, whichever snapshot it is of, and copies of files that the newest does not need."""
    data.forget()
    for clear in _WORDS:
        clear()
    store = Store(settings.get().snapshot_dir)
    with suppress(OSError):
        if (newest := newest_manifest(store, lately=True)) is not None:
            store.keep_copies_of(newest)


def keep_up(snapshot_id: str, known: int | None) -> int:
    """Forgets everything when somebody was erased since ``known``; returns how many erasures the snapshot knows of.

    None is known of a process that has just begun, and remembers nothing.
    """
    erasures = frames.open_snapshot(snapshot_id, Scope(), settings.get()).manifest.erasures
    if known is not None and erasures != known:
        forget()
    return erasures
