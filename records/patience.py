"""How long the records are waited for: by one transaction, by one page, and by everybody while they are silent.

A server that is down refuses at once and costs nobody anything. One that has frozen, or that the network no longer
reaches, takes what it is sent and never answers; then every look would take seconds, and a page takes many looks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from records.errors import RecordsUnavailable

PATIENCE = 4.5
"""Seconds after which a connection is cut, counted from the beginning of a transaction; a page answers within 5."""
OF_A_PAGE = 3.0
"""Seconds that all looks of one page may wait for the records together."""
LONG = 0.8
"""A failure after so many seconds is silence: the next look would wait as long."""
AGAIN = 2.0
"""Seconds for which nobody asks a silent server again."""


class _Purse:
    """Seconds left to wait."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds


_purse: ContextVar[_Purse | None] = ContextVar("purse", default=None)
_lock = threading.Lock()
_silent: dict[str, tuple[float, RecordsUnavailable]] = {}


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """All transactions begun inside wait for at most ``seconds`` together; what is worked out meanwhile counts not."""
    token = _purse.set(_Purse(seconds))
    try:
        yield
    finally:
        _purse.reset(token)


@contextmanager
def waiting(place: str) -> Iterator[float]:
    """The seconds that one transaction with the server at ``place`` may take; RecordsUnavailable when there are none.

    Whoever waited in vain spares the next two seconds' askers the same: they hear at once what was said then.
    """
    purse = _purse.get()
    if purse is not None and purse.left <= 0:
        raise RecordsUnavailable(f"The database of the records at {place} is slow.", "reload the page in a moment")
    _refuse_while_silent(place)
    began = time.monotonic()
    try:
        yield PATIENCE if purse is None else max(min(PATIENCE, purse.left), LONG)
    except RecordsUnavailable as error:
        if error.silent is not None:
            _heard(place, error if error.silent and time.monotonic() - began > LONG else None)
        raise
    except BaseException:  # what the caller does inside is no matter of the server's
        _heard(place, None)
        raise
    else:
        _heard(place, None)
    finally:
        if purse is not None:
            purse.left -= time.monotonic() - began


def _refuse_while_silent(place: str) -> None:
    """When the two seconds are over one may ask again, while the others are still refused."""
    with _lock:
        until, said = _silent.get(place, (0.0, None))
        if said is None:
            return
        now = time.monotonic()
        if now < until:
            raise RecordsUnavailable(said.message, said.hint)
        _silent[place] = (now + PATIENCE, said)


def _heard(place: str, silence: RecordsUnavailable | None) -> None:
    with _lock:
        if silence is None:
            _silent.pop(place, None)
        else:
            _silent[place] = (time.monotonic() + AGAIN, silence)
