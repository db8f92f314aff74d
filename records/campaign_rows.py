"""What a draft is made of: its rows, its attachments, and the fingerprint that says whether they are the same still."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from records.addresses import LONGEST_KEY
from records.checks import LONGEST_ID, instant, words
from records.errors import NotAccepted

LONGEST_TEXT = 100_000
"""Characters of a message's text, and of its HTML."""
_ARMS = {"draft": "contacted", "held_out": "held_out", "left_out": "left_out"}
"""The states that a drafted row may have, and the side of the comparison that each is on."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One recipient of a draft, as a row of the outbox.

    ``state`` is ``draft`` (to be sent once approved, not before ``not_before`` where given), ``held_out``, or
    ``left_out`` with a ``reason``; ``arm`` is ``contacted``, ``held_out`` and ``left_out`` accordingly. ``id`` is
    chosen by whoever drafts, before the text is rendered, because links in the text carry it.
    """

    id: UUID
    account_id: str
    address_key: str
    language: str
    time_zone: str
    arm: str = "contacted"
    state: str = "draft"
    user_id: str | None = None
    name: str | None = None
    address: str | None = None
    reason: str | None = None
    detail: str | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    payload: Mapping[str, Any] | None = None
    fields: Mapping[str, Any] | None = None
    not_before: datetime | None = None

    def __post_init__(self) -> None:
        if _ARMS.get(self.state) != self.arm:
            raise NotAccepted(f"A drafted row cannot be {self.state} on the side {self.arm}.")
        if self.state == "left_out" and self.reason is None:
            raise NotAccepted("A row that is left out says no reason.")
        words(self.account_id, "account_id", LONGEST_ID)
        words(self.address_key, "address_key", LONGEST_KEY)
        if self.not_before is not None:
            instant(self.not_before)
        for name in ("subject", "text", "html", "name", "address", "detail"):
            _bounded(getattr(self, name), name)

    def values(self) -> dict[str, Any]:
        """The columns of the table ``messages`` that it fills."""
        return {column.name: getattr(self, column.name) for column in fields(self)}


@dataclass(frozen=True)
class Attachment:
    """A file that every message of a campaign carries."""

    name: str
    media_type: str
    content: bytes


def fingerprint_of(
    play: str,
    play_version: str,
    kind: str,
    channel: str,
    rows: Iterable[Row],
    attachments: Sequence[Attachment] = (),
) -> str:
    """Says whether a draft is the one that was previewed: 64 hexadecimal digits, of everything that would be sent.

    Covered are the play with its version, kind and channel; of every row, in the order of their ids, who gets it,
    on which side of the comparison, when, and every byte of the message; and the attachments. Titles, merge fields
    and the audience's name are left out: nobody receives them.
    """
    found = hashlib.sha256(_json([play, play_version, kind, channel]))
    for row in sorted(rows, key=lambda row: row.id):
        when = None if row.not_before is None else row.not_before.astimezone(UTC).isoformat()
        who = [str(row.id), row.account_id, row.user_id, row.name, row.address, row.address_key]
        what = [row.arm, row.state, row.reason, when, row.subject, row.text, row.html, row.payload]
        found.update(_json(who + what))
    for attachment in attachments:
        content = hashlib.sha256(attachment.content).hexdigest()
        found.update(_json([attachment.name, attachment.media_type, content]))
    return found.hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False).encode() + b"\n"


def _bounded(value: str | None, what: str) -> None:
    if value is not None and (len(value) > LONGEST_TEXT or "\0" in value):
        raise NotAccepted(f"{what} is longer than {LONGEST_TEXT:,} characters, or holds a NUL.")
