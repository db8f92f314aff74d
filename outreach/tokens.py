"""The links in messages that need no sign-in: signed, for one message and one purpose, and without an address in them.

A link works for ever: who wants no more mail may find it years later. Whoever holds ``SECRET_KEY`` can make links, and
changing the key ends all that were sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Literal
from uuid import UUID

from itsdangerous import BadSignature, Signer

from settings import Settings, SettingsError

Purpose = Literal["unsubscribe", "answer"]

LENGTH = 66
"""Characters of a token: 16 bytes of the message's id, a dot, and 32 bytes of signature."""


class BadToken(Exception):
    """Not a token of ours for this purpose: made up, cut off, edited, or of another kind of link."""


def sign(settings: Settings, purpose: Purpose, message_id: UUID) -> str:
    """The token of a message for one purpose; the same at every call. SettingsError when ``SECRET_KEY`` is not set."""
    return _signer(settings, purpose).sign(_text(message_id.bytes)).decode()


def read(settings: Settings, purpose: Purpose, token: str) -> UUID:
    """The message that a token is of; BadToken when it was not made by :func:`sign` for this purpose, to the letter."""
    if len(token) != LENGTH or not token.isascii():
        raise BadToken
    try:
        written = _signer(settings, purpose).unsign(token)
        message_id = UUID(bytes=base64.b64decode(written + b"==", altchars=b"-_", validate=True))
    except (BadSignature, binascii.Error, ValueError):
        raise BadToken from None
    # Base64 has several spellings of the same bytes; only the one that was sent is a token.
    if not hmac.compare_digest(sign(settings, purpose, message_id), token):
        raise BadToken
    return message_id


def link(settings: Settings, purpose: Purpose, message_id: UUID) -> str:
    """The address of the public page for a message."""
    return f"{settings.public_url.rstrip('/')}/{purpose}/{sign(settings, purpose, message_id)}"


def _signer(settings: Settings, purpose: Purpose) -> Signer:
    if not settings.secret_key:
        raise SettingsError(
            "SECRET_KEY is not set, so no link to unsubscribe or to answer can be made or read.\n\n"
            "Hint: set it to a long random text, for example what `openssl rand -hex 32` prints, and keep it."
        )
    return Signer(settings.secret_key, salt=f"tenure.{purpose}", key_derivation="hmac", digest_method=hashlib.sha256)


def _text(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")
