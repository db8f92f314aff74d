"""One message as mail: which headers it has, to whom alone it goes, and the bytes that the server gets.

Headers come from :data:`ALLOWED`, and what a message was made of is read back from its bytes before it is used: a
header that nobody meant, a second recipient or a changed subject stop that message and no other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_string
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from typing import TYPE_CHECKING, Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from settings import Outreach

if TYPE_CHECKING:
    from records.campaigns import Attachment
    from records.outbox import Claimed

ALLOWED = (
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "X-Tenure-Message",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
)
"""Every header that a message may have; ``Auto-Submitted`` only mail to our own people, the two of lists only
marketing mail (RFC 8058), and none of them twice."""
LONGEST_SUBJECT = 500
_LONGEST_NAME = 200
_WHOLE = ("message-id", "list-unsubscribe")
"""Headers that stay on one line: breaking one in two would turn its link into an encoded word that nobody reads."""
_NO_TEXT = ("Cc", "Cs", "Zl", "Zp")
"""Kinds of characters that no header has: controls, halves of characters, and what ends a line or paragraph."""


class _Policy(EmailPolicy):
    """How mail is written down: by the rules of SMTP, but some headers are never folded."""

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}{self.linesep}" if name.lower() in _WHOLE else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode() if name.lower() in _WHOLE else super().fold_binary(name, value)


_POLICY = _Policy(linesep=SMTP.linesep, cte_type="7bit")
"""Every server takes it: lines of at most 998 bytes, ASCII only."""


class NotSendable(Exception):
    """A message that cannot be sent as it is; trying again does not help. ``reason`` is one of the outbox's words."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Mail:
    """What a mail server is given. ``utf8``: the address has letters that only servers with SMTPUTF8 take."""

    sender: str
    recipient: str
    content: bytes
    utf8: bool


def message_id(id: UUID, sender: str) -> str:
    """The ``Message-ID`` of a message: the same however often it is tried, so that mailboxes can tell, too.

    >>> message_id(UUID(int=7), "team@example.org")
    '<00000000-0000-0000-0000-000000000007@example.org>'
    """
    return f"<{id}@{sender.rpartition('@')[2]}>"


def compose(
    message: Claimed,
    ours: Outreach,
    *,
    now: datetime,
    unsubscribe: str | None = None,
    attachments: Sequence[Attachment] = (),
) -> Mail:
    """``message`` as mail to its one recipient: its text and, where it has one, its HTML as they were approved.

    ``unsubscribe`` is the link that ends marketing mail, and must be given for it. ``now`` becomes its date.
    NotSendable: ``bad_address``, or ``not_rendered`` where a name, subject or text cannot stand in a mail.
    """
    if message.kind == "marketing" and unsubscribe is None:
        raise NotSendable("not_rendered", "Marketing mail needs a link to unsubscribe.")
    if not message.subject or not message.text:
        raise NotSendable("not_rendered", "The message has no subject or no text.")
    recipient, needs_utf8 = _address(message.address, "The recipient's address")
    sender, of_sender = _address(ours.sender_address, "sender_address in config/settings.toml")
    policy = _POLICY.clone(utf8=needs_utf8 or of_sender)
    made = EmailMessage(policy=policy)
    headers: dict[str, object] = {
        "From": _person(ours.sender_name, sender),
        "To": _person(message.name or "", recipient),
        "Subject": _line(message.subject, "The subject", LONGEST_SUBJECT),
        "Date": now.astimezone(UTC).replace(microsecond=0),
        "Message-ID": message_id(message.id, sender),
        "X-Tenure-Message": str(message.id),
    }
    if ours.reply_to:
        headers["Reply-To"] = _person("", _address(ours.reply_to, "reply_to in config/settings.toml")[0])
    if message.kind == "internal":
        headers["Auto-Submitted"] = "auto-generated"
    if message.kind == "marketing" and unsubscribe is not None:
        headers["List-Unsubscribe"] = f"<{_line(unsubscribe, 'The link to unsubscribe', 900)}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    try:
        for name, value in headers.items():
            made[name] = value
        _fill(made, message, attachments)
        content = made.as_bytes()
    except (ValueError, LookupError, UnicodeError) as error:
        raise NotSendable("not_rendered", f"The message cannot be written as mail: {error}") from None
    _check(content, policy, headers)
    return Mail(sender, recipient, content, policy.utf8)


def _address(value: str | None, what: str) -> tuple[str, bool]:
    """An address as servers take it, ASCII where there is such a spelling, and whether it needs SMTPUTF8."""
    try:
        found = validate_email(value or "", check_deliverability=False)
    except EmailNotValidError as error:
        raise NotSendable("bad_address", f"{what} is no address: {error}") from None
    return found.ascii_email or found.normalized, found.ascii_email is None


def _person(name: str, address: str) -> Address:
    user, _, domain = address.rpartition("@")
    return Address(_line(name, "A name", _LONGEST_NAME).strip(), user, domain)


def _line(value: str, what: str, longest: int) -> str:
    """``value`` when it may stand in a header."""
    if len(value) > longest:
        raise NotSendable("not_rendered", f"{what} has {len(value):,} characters, more than {longest}.")
    for character in value:
        if unicodedata.category(character) in _NO_TEXT:
            raise NotSendable("not_rendered", f"{what} has a character that no header has: U+{ord(character):04X}.")
    return value


def _fill(made: EmailMessage, message: Claimed, attachments: Sequence[Attachment]) -> None:
    made.set_content(message.text)
    if message.html:
        made.add_alternative(message.html, subtype="html")
    for attachment in attachments:
        main, _, sub = attachment.media_type.partition("/")
        name = _line(attachment.name, "An attachment's name", _LONGEST_NAME)
        made.add_attachment(attachment.content, maintype=main, subtype=sub, filename=name)


def _check(content: bytes, policy: EmailPolicy, meant: dict[str, object]) -> None:
    """Reads the mail back: writing names and subjects as ASCII is intricate, and a mistake could add a recipient."""
    if not content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n"):
        raise NotSendable("not_rendered", "The message came out with line ends that mail servers differ about.")
    if "List-Unsubscribe" in meant and f"\r\nList-Unsubscribe: {meant['List-Unsubscribe']}\r\n".encode() not in content:
        raise NotSendable("not_rendered", "The link to unsubscribe did not come out as it is.")
    read = message_from_string(content.partition(b"\r\n\r\n")[0].decode() + "\r\n\r\n", policy=policy)
    names = sorted(read.keys())
    whole = {*meant, "MIME-Version", "Content-Type"}
    if set(names) - whole - {"Content-Transfer-Encoding"} or not whole <= set(names) or len(set(names)) < len(names):
        raise NotSendable("not_rendered", "The message came out with headers that it should not have.")
    for header in ("From", "To", "Reply-To"):
        if header in meant:
            found: Any = read[header]
            _check_people(found.addresses, meant[header])
    if " ".join(str(read["Subject"]).split()) != " ".join(str(meant["Subject"]).split()):
        raise NotSendable("not_rendered", "The subject did not come out as it was approved.")


def _check_people(found: Sequence[Address], meant: object) -> None:
    assert isinstance(meant, Address)
    if len(found) != 1 or found[0].addr_spec != meant.addr_spec:
        raise NotSendable("not_rendered", "The message came out with other people in its head than were meant.")
