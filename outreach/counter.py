"""How many messages ever began to be sent, kept beside the snapshots and so outside the database.

A database that was restored from an older copy knows of fewer, and would send the rest again;
``records.sending.check_restored`` compares the two.
"""

from __future__ import annotations

from queries.store import KEPT, Store

NAME = f"{KEPT}messages-sent"
_LONGEST = 18


def read(store: Store) -> int | None:
    """The highest number that was kept; None when none was, or nobody can make sense of it."""
    content = store.get(NAME)
    text = b"" if content is None else content.strip()
    return int(text) if text.isdigit() and len(text) <= _LONGEST else None


def keep(store: Store, count: int) -> None:
    """Keeps ``count`` unless a higher one is kept already; OSError when it cannot be written.

    Of two workers at once the lower may win: that is one message in a restored database that nobody misses.
    """
    if count > (read(store) or 0):
        store.put(NAME, str(count).encode())
