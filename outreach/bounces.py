"""Mail that came back: delivery status notifications (RFC 3464) from a folder of ``.eml`` files or a Maildir.

A notification counts only when it carries the id of a message that we sent, which nobody can guess, and it can only
ever suppress the address that message went to. Everything else in it is a stranger's text: it is read up to a bound,
and what cannot be understood is put aside.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.parser import BytesParser, HeaderParser
from itertools import islice
from pathlib import Path
from typing import Literal
from uuid import UUID

from sqlalchemy import Engine

from outreach.delivery import enhanced, hard, said
from records.bounced import bounced
from records.errors import NotAccepted

log = logging.getLogger("tenure.outreach")

LARGEST = 256 * 1024
"""Bytes of a notification that are read: what it says stands before the message that it returns."""
MOST_FILES = 500
"""Files read at once; the rest waits for the next time."""
_MOST_PARTS = 50
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OUR_ID = re.compile(rf"<?({_ID})(?:@[^<>\s]{{1,255}}>)?")
_SMTP_CODE = re.compile(r"smtp;\s{0,20}([245]\d\d)\b", re.IGNORECASE)
_RETURNED = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global")
_UNDERSTOOD, _PUT_ASIDE = "processed", "not-understood"

Kind = Literal["hard", "soft", "none"]


@dataclass(frozen=True)
class Bounce:
    """What a notification says: which of our messages came back, whether for good, and in which words."""

    message_id: UUID
    hard: bool
    detail: str


@dataclass(frozen=True)
class Taken:
    """What became of a notification: ``none`` when it is none, or of no message that we sent."""

    kind: Kind
    message_id: UUID | None = None


def take(engine: Engine, content: bytes, *, now: datetime) -> Taken:
    """Notes what a notification says; a hard bounce suppresses the address. RecordsError when it cannot be noted."""
    found = read(content)
    if found is None:
        return Taken("none")
    try:
        ours = bounced(engine, found.message_id, hard=found.hard, detail=found.detail, now=now)
    except NotAccepted:
        return Taken("none")
    return Taken("hard" if found.hard else "soft", found.message_id) if ours else Taken("none")


def read(content: bytes) -> Bounce | None:
    """What a notification says; None when it is none, reports success, or names no message of ours."""
    content = content[:LARGEST]
    if content.lower().count(b"boundary") > _MOST_PARTS:  # parts in parts in parts take a parser very long
        return None
    try:
        parts = list(islice(BytesParser().parsebytes(content).walk(), _MOST_PARTS))
        # The status' blocks are parts of their own in a walk, without a type that tells them from others.
        blocks = [block for part in parts if _is(part, "message/delivery-status") for block in _blocks(part)]
        verdict = _verdict(blocks)
        id = _message_id(parts, blocks)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # what malformed mail does to a parser
        return None
    return None if verdict is None or id is None else Bounce(id, *verdict)


def read_folder(engine: Engine, folder: Path, *, now: datetime) -> dict[Kind, int]:
    """Takes every notification in ``folder`` and moves its file aside, into a folder beside it.

    Returns how many were hard, soft, or none. RecordsError leaves the file that could not be noted, and all after it,
    for the next time.
    """
    counts: dict[Kind, int] = {"hard": 0, "soft": 0, "none": 0}
    for path in islice(_files(folder), MOST_FILES):
        content = _content(path)
        taken = Taken("none") if content is None else take(engine, content, now=now)
        counts[taken.kind] += 1
        _move(path, folder / (_PUT_ASIDE if taken.kind == "none" else _UNDERSTOOD))
    if sum(counts.values()):
        log.info("Mail that came back: %(hard)s for good, %(soft)s for now, %(none)s not understood", counts)
    return counts


def _files(folder: Path) -> Iterator[Path]:
    maildir = [folder / name for name in ("new", "cur")]
    if all(part.is_dir() for part in maildir):
        for part in maildir:
            yield from sorted(path for path in part.iterdir() if not path.name.startswith("."))
    elif folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.suffix.lower() == ".eml")


def _content(path: Path) -> bytes | None:
    """The beginning of a file; None where it is none: a link or a pipe could lead anywhere, or nowhere."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            return file.read(LARGEST)
    except OSError as error:
        log.warning("A file among the bounces cannot be read: %s", error.strerror)
        return None


def _move(path: Path, to: Path) -> None:
    try:
        to.mkdir(exist_ok=True)
        aim, number = to / path.name, 1
        while aim.exists():
            aim, number = to / f"{number}-{path.name}", number + 1
        path.replace(aim)
    except OSError as error:  # read again next time, and what is said again adds nothing
        log.warning("A file among the bounces cannot be moved aside: %s", error.strerror)


def _is(part: Message, kind: str) -> bool:
    return part.get_content_type() == kind


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)][:_MOST_PARTS] if isinstance(payload, list) else []


def _header(of: Message, name: str) -> str:
    return str(of.get(name, ""))[:2000].strip()


def _verdict(blocks: list[Message]) -> tuple[bool, str] | None:
    """Whether it came back for good, and why; None: it did not come back."""
    found = None
    for block in blocks:
        action = _header(block, "Action").lower()
        if action not in ("failed", "delayed"):
            continue
        status, told = _header(block, "Status"), said(_header(block, "Diagnostic-Code"))
        code = _SMTP_CODE.search(told)
        # What the server said is more exact than the status of whoever reports it, where it says anything.
        exact = told if enhanced(told) else f"{status} {told}"
        for_good = action == "failed" and hard(int(code[1]) if code else None, exact)
        if found is None or for_good:
            found = (for_good, said(f"{status} {told}"))
    return found


def _message_id(parts: list[Message], blocks: list[Message]) -> UUID | None:
    """The id of the message that came back, from wherever a server repeats it."""
    said_ids = [_header(block, "Original-Envelope-Id") for block in blocks]
    for part in parts:
        if part.get_content_type() in _RETURNED:
            for head in _heads(part):
                said_ids += [_header(head, "X-Tenure-Message"), _header(head, "Message-ID")]
    said_ids += [word for name in ("In-Reply-To", "References") for word in _header(parts[0], name).split()[:20]]
    for text in said_ids:
        match = _OUR_ID.fullmatch(text.lower())
        if match is not None:
            return UUID(match[1])
    return None


def _heads(part: Message) -> list[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        return [head for head in payload if isinstance(head, Message)]
    text = part.get_payload(decode=True)
    return [HeaderParser().parsestr(text.decode("latin-1"))] if isinstance(text, bytes) else []
