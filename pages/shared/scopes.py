"""Which scopes were looked through lately, so that a new snapshot's answers are ready for those viewers too."""

from __future__ import annotations

import threading
import time

from queries.scope import Scope

DAY = 24 * 3600.0
MOST = 8
"""So many are kept warm; a company with more has the rest wait for their first page."""
_opened: dict[Scope, float] = {}
_lock = threading.Lock()


def opened(scope: Scope, *, at: float | None = None) -> None:
    """Somebody opened a page with ``scope``, at this moment of the monotonic clock (now)."""
    with _lock:
        _opened.pop(scope, None)
        _opened[scope] = time.monotonic() if at is None else at
        while len(_opened) > MOST:
            del _opened[next(iter(_opened))]


def lately(*, at: float | None = None) -> list[Scope]:
    """The scopes of the last day, newest first; that of somebody who sees everything when there is none yet."""
    moment = time.monotonic() if at is None else at
    with _lock:
        found = [scope for scope, when in _opened.items() if moment - when <= DAY]
    return found[::-1] or [Scope()]
