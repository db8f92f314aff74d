"""What every channel has in common: a message is offered, then delivered, and there are four ways it can end.

Offered means everything that can be asked without sending: the address, the connection, whether the recipient is taken.
Between the two, ``sending`` is committed. What goes wrong while a message is offered is known not to have been sent,
and so costs nobody a decision; only the last step, :meth:`Channel.deliver`, can leave it open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from records.outbox import Claimed

LONGEST_SAID = 500
"""Characters of what a server said that are kept."""
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_ADDRESS = re.compile(r"[^\s<>\"'(),;:@]{1,100}@[^\s<>\"'(),;:@]{1,255}")
_ABOUT_THE_ADDRESS = {(0, 0), (2, 0), (2, 1), (4, 4)}
"""Subject and detail of enhanced status codes (RFC 3463) beside 1.x that say that nobody reads mail at an address."""
_ABOUT_THE_SENDER = {(1, 7), (1, 8)}
_WITHOUT_ENHANCED = {550, 551, 553}


@dataclass(frozen=True)
class Receipt:
    """The other side took the message; ``code`` and ``detail`` are what it said."""

    code: str
    detail: str


class NotSent(Exception):
    """It is known that the message was not taken.

    ``temporary``: it may be tried again. ``code``, ``detail``: what the other side said, or what went wrong.
    ``hard``: nobody reads mail at this address. ``outage``: the channel is at fault, not the message, and the next one
    would fare alike.
    """

    def __init__(
        self, code: str, detail: str, *, temporary: bool = False, hard: bool = False, outage: bool = False
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.temporary = temporary
        self.hard = hard
        self.outage = outage


class Unknown(Exception):
    """The other side may have taken the message, or not; only a person may decide to send it again."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Channel(Protocol):
    """One way of sending, used by one worker, for one message at a time."""

    def offer(self, message: Claimed, *, now: datetime, seconds: float) -> None:
        """Everything before the message itself, within ``seconds``; raises NotSendable or NotSent."""

    def deliver(self, *, seconds: float) -> Receipt:
        """Sends the message that was offered, within ``seconds``; raises NotSent, or Unknown."""

    def withdraw(self) -> None:
        """The message that was offered is not sent after all."""

    def close(self) -> None:
        """Lets go of connections; the next message makes new ones."""


def said(text: bytes | str) -> str:
    """What a server said, on one line, no longer than is kept, and without addresses: history outlives an erasure.

    >>> said(b"5.1.1 <ada@example.org>:\\r\\n no such user")
    '5.1.1 <…>: no such user'
    """
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    line = " ".join("".join(c if c.isprintable() else " " for c in words[: 4 * LONGEST_SAID]).split())
    return _ADDRESS.sub("…", line)[:LONGEST_SAID]


def enhanced(text: str) -> tuple[int, int, int] | None:
    """The first enhanced status code (RFC 3463) in what a server said.

    >>> enhanced("5.1.1 <ada@example.org>: no such user, ask 10.5.1.1"), enhanced("no such user")
    ((5, 1, 1), None)
    """
    found = _ENHANCED.search(text)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def hard(code: int | None, text: str) -> bool:
    """Whether a refusal says that nobody reads mail at the address, so that it is never written to again.

    Not: a full mailbox, a policy against us, a route that is broken, a message too large. A whole list would be
    suppressed because our own server was on a list of somebody's. Without an enhanced status code 550, 551 and 553
    are taken at their word.

    >>> hard(550, "5.1.1 no such user"), hard(550, "5.7.1 we do not like you"), hard(552, "5.2.2 mailbox full")
    (True, False, False)
    >>> hard(550, "no such user"), hard(450, "no such user"), hard(None, "5.1.10 null MX"), hard(554, "no")
    (True, False, True, False)
    """
    status = enhanced(text)
    if status is None:
        return code in _WITHOUT_ENHANCED
    permanent, *about = status
    pair = (about[0], about[1])
    return (
        permanent == 5
        and (code is None or code >= 500)
        and pair not in _ABOUT_THE_SENDER
        and (pair[0] == 1 or pair in _ABOUT_THE_ADDRESS)
    )
