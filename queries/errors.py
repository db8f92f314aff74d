"""What can go wrong between a product database and a snapshot, with messages that say what to do."""

from __future__ import annotations


class QueryError(Exception):
    """Something between the product database and the snapshot failed; the message says what and what to do.

    ``hint`` is kept apart from the message so that pages and commands can show it in their own way.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n\nHint: {self.hint}"


class MappingError(QueryError):
    """A file in ``config/sources/`` cannot be used."""


class DatabaseError(QueryError):
    """The product database cannot be reached, refuses, or goes away."""


class SourceError(QueryError):
    """One source cannot be read; the others can. ``timed_out``: reading it another way would take as long."""

    timed_out = False


class SourceTimeout(SourceError):
    """One source took longer than the statement timeout."""

    timed_out = True


class RefreshError(QueryError):
    """A refresh did not publish a snapshot; the last one keeps serving.

    ``passing``: what stood in the way can pass by itself, so that trying again soon may help.
    """

    passing = False


class RefreshBusy(RefreshError):
    """Another process is refreshing right now."""


class NoSnapshot(QueryError):
    """There is no snapshot to serve yet."""


class BucketError(QueryError, OSError):
    """The bucket that holds the snapshots does not answer, or refuses; that can pass by itself."""

    passing = True
