"""Messages for in-app messages, push or a CRM: one signed POST each, as in Standard Webhooks.

The event's id is the message's, and stays when a message is tried again, so whoever gets it can drop what they have.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook as Signer

from outreach.cut import Cut
from outreach.delivery import LONGEST_SAID, NotSent, Receipt, Unknown, said
from outreach.message import NotSendable
from outreach.smtp import is_loopback
from settings import Settings, SettingsError

if TYPE_CHECKING:
    from records.outbox import Claimed

EVENT = "tenure.message"
_AGAIN = {408, 425, 429}
_OPEN = {502, 504}
"""A gateway that does not know what became of the request behind it."""


class Webhook:
    """The channel ``webhook``. Nobody is called but ``settings.outreach.webhook_url``, and only on a listed host."""

    def __init__(self, settings: Settings, *, transport: httpx.BaseTransport | None = None) -> None:
        self._url = checked(settings.outreach.webhook_url, settings.outreach.webhook_hosts)
        self._signer = _signer(settings.webhook_secret)
        # No proxy or password from the environment: they would decide where customers' data goes. A connection kept
        # from before may be closed by the other side in the very moment it is used, and then nobody knows.
        self._client = httpx.Client(
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
            transport=transport,
        )
        self._offered: tuple[Claimed, datetime] | None = None
        self._socket: socket.socket | None = None
        self._begun = False

    def offer(self, message: Claimed, *, now: datetime, seconds: float) -> None:
        """Makes the event; nobody is called yet."""
        if not (message.text or message.payload):
            raise NotSendable("not_rendered", "The message has neither a text nor a payload.")
        self._offered = (message, now)

    def deliver(self, *, seconds: float) -> Receipt:
        """Posts the event. Any 2xx is a receipt, a redirect a refusal; 408, 425, 429 and 5xx are tried again later."""
        if self._offered is None:
            raise NotSent("connect", "Nothing was offered.", temporary=True)
        (message, now), self._offered = self._offered, None
        body = json.dumps(event(message, now), ensure_ascii=False, separators=(",", ":"))
        at = now.astimezone(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": str(message.id),
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._signer.sign(str(message.id), at, body),
        }
        self._begun, self._socket = False, None
        with Cut(seconds, lambda: self._socket):
            try:
                status, told = self._post(body.encode(), headers, seconds)
            except (httpx.HTTPError, OSError) as error:
                if self._begun:
                    raise Unknown(f"The webhook did not answer: {said(str(error))}.") from None
                why = f"The webhook cannot be reached: {said(str(error))}."
                raise NotSent("connect", why, temporary=True, outage=True) from None
        return _judged(status, told)

    def withdraw(self) -> None:
        """Forgets the event."""
        self._offered = None

    def close(self) -> None:
        """Nothing is kept open between messages."""
        self._offered = None

    def _post(self, body: bytes, headers: dict[str, str], seconds: float) -> tuple[int, str]:
        more: dict[str, Any] = {"extensions": {"trace": self._trace}, "timeout": seconds}
        with self._client.stream("POST", self._url, content=body, headers=headers, **more) as response:
            told = b""
            try:
                for piece in response.iter_raw():
                    told += piece
                    if len(told) > LONGEST_SAID:
                        break
            except (httpx.HTTPError, OSError):  # the status was there, and only it counts
                pass
            return response.status_code, said(told[:LONGEST_SAID])

    def _trace(self, name: str, info: dict[str, Any]) -> None:
        """Tells which socket to cut, and when the other side may have begun to listen."""
        if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
        elif name.endswith("send_request_headers.started"):
            self._begun = True


def checked(url: str | None, hosts: Collection[str]) -> str:
    """``webhook_url`` when it may be called: a listed host, and HTTPS unless it is this machine; else SettingsError.

    >>> checked("https://hooks.example.org/in", {"hooks.example.org"})
    'https://hooks.example.org/in'
    """
    try:
        parts = urlsplit(url or "")
        host = parts.hostname or ""
        usable = parts.port is None or parts.port > 0
    except ValueError:
        host, usable = "", False
    if not host or not usable or parts.username is not None:
        raise SettingsError("webhook_url is not set, or is no address.\n\nHint: set it in config/settings.toml.")
    if host not in {name.lower() for name in hosts}:
        raise SettingsError(f"webhook_url calls {host}, which is not listed.\n\nHint: add it to webhook_hosts.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise SettingsError("webhook_url must start with https://.")
    return str(url)


def event(message: Claimed, now: datetime) -> dict[str, Any]:
    """What is posted. ``payload`` is the play's own; null where the campaign has none."""
    names = ("play", "kind", "account_id", "user_id", "name", "address", "language", "subject", "text", "payload")
    data = {name: getattr(message, name) for name in names}
    return {
        "type": EVENT,
        "timestamp": now.astimezone(UTC).isoformat(),
        "data": {"message_id": str(message.id), "campaign_id": str(message.campaign_id), **data},
    }


def _signer(secret: str | None) -> Signer:
    try:
        return Signer(secret or "")
    except Exception:  # it raises several kinds, and some repeat the secret
        raise SettingsError(
            "WEBHOOK_SECRET is not set, or is no secret of Standard Webhooks.\n\n"
            "Hint: set it to whsec_ and what `openssl rand -base64 32` prints."
        ) from None


def _judged(status: int, told: str) -> Receipt:
    if 200 <= status < 300:
        return Receipt(str(status), told)
    if status in _OPEN:
        raise Unknown(f"A gateway before the webhook answered {status}.")
    temporary = status in _AGAIN or status >= 500
    raise NotSent(str(status), told, temporary=temporary, outage=temporary)
