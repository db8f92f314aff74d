"""The ways a message can take: a mail server, files where none is set, and a webhook."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from outreach.delivery import Channel, NotSent, Receipt, Unknown
from outreach.message import Mail
from outreach.smtp import Compose, Smtp, place
from outreach.webhook import Webhook
from queries.store import Store
from settings import Settings

if TYPE_CHECKING:
    from records.outbox import Claimed


class Files:
    """Mail as ``.eml`` files, one per message and named by its id, which any mail program opens."""

    def __init__(self, folder: Path, compose: Compose) -> None:
        self._store = Store(str(folder))
        self._compose = compose
        self._mail: tuple[str, Mail] | None = None

    def offer(self, message: Claimed, *, now: datetime, seconds: float) -> None:
        """Makes the mail."""
        self._mail = (f"{message.id}.eml", self._compose(message, now))

    def deliver(self, *, seconds: float) -> Receipt:
        """Writes the file whole, or not at all."""
        if self._mail is None:
            raise NotSent("file", "Nothing was offered.", temporary=True)
        (name, mail), self._mail = self._mail, None
        try:
            self._store.put(name, mail.content)
        except OSError as error:  # it comes into its place with the very last step
            why = f"The file cannot be written: {error.strerror or error}."
            raise NotSent("file", why, temporary=True, outage=True) from None
        return Receipt("file", name)

    def withdraw(self) -> None:
        """Forgets the mail."""
        self._mail = None

    def close(self) -> None:
        """Nothing is kept open."""


def opener(settings: Settings, compose: Compose) -> Callable[[str], Channel]:
    """Makes the channel of a name, ``email`` or ``webhook``; SettingsError where it cannot be used as it is set up."""

    def make(name: str) -> Channel:
        if name == "webhook":
            return Webhook(settings)
        if settings.smtp_url is None:
            return Files(settings.outbox_dir, compose)
        return Smtp(place(settings.smtp_url), compose)

    return make


__all__ = ["Channel", "Files", "NotSent", "Receipt", "Smtp", "Unknown", "Webhook", "opener"]
