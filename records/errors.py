"""What can go wrong when the dashboard writes something down, with messages that say what to do."""

from __future__ import annotations

from datetime import datetime
from typing import Any


class RecordsError(Exception):
    """Something about the records failed; the message says what and what to do. Nothing is ever half written.

    ``hint`` is kept apart from the message so that pages and commands can show it in their own way.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n\nHint: {self.hint}"


class RecordsUnavailable(RecordsError):
    """The database of the records does not answer in time; it may again in a moment.

    ``silent``: nothing was heard from it; False, it said so itself; None, it was not asked.
    """

    def __init__(self, message: str, hint: str | None = None, *, silent: bool | None = None) -> None:
        super().__init__(message, hint)
        self.silent = silent


class RecordsNotReady(RecordsError):
    """The database answers, but its tables are missing, of another version, or closed to us."""


class NotAccepted(RecordsError):
    """What was to be written down cannot be: too long, empty, or with characters that no text has."""


class ChangedMeanwhile(RecordsError):
    """Somebody else changed the same thing after it was last looked at; nothing was saved.

    ``author`` (None: their name was erased), ``at`` and ``value`` say who made it what, and when. To save all the
    same, pass ``version`` as what was seen.
    """

    def __init__(self, author: str | None, at: datetime, value: Any, version: int) -> None:
        super().__init__(
            f"{author or 'Somebody'} changed this at {at:%Y-%m-%d %H:%M} UTC, after you opened it; "
            "your change was not saved.",
            "look at theirs, then save again if you still want to",
        )
        self.author = author
        self.at = at
        self.value = value
        self.version = version


class AlreadyApproved(RecordsError):
    """The campaign is no draft any more: somebody approved it before; nothing was changed."""

    def __init__(self, by: str | None, at: datetime | None) -> None:
        when = "" if at is None else f" at {at:%Y-%m-%d %H:%M} UTC"
        super().__init__(f"{by or 'Somebody'} approved this campaign{when}.", "nothing was queued a second time")
        self.by = by
        self.at = at


class DraftChanged(RecordsError):
    """The draft is not the one that was previewed: it was made again, or thrown away."""


class DraftTooOld(RecordsError):
    """The draft was made too long ago for its preview to be true still."""


class NotYet(RecordsError):
    """Something may be done later, and not now; the message says from when on."""
