"""Mail through a server, with one recipient at a time.

The recipient is asked for before ``sending`` is committed, and the message is sent after. So a server that is down,
slow or unwilling leaves nothing open: between the commit and the server's last word lies nothing but DATA.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from outreach.cut import Cut
from outreach.delivery import NotSent, Receipt, Unknown, hard, said
from outreach.message import Mail, NotSendable
from settings import SettingsError

if TYPE_CHECKING:
    from records.outbox import Claimed

_PORTS = {"none": 25, "starttls": 587, "tls": 465}
_SCHEMES = {"smtp": "none", "smtp+starttls": "starttls", "smtps": "tls"}
_HINT = (
    "Hint: write it like smtps://name:password@mail.example.org, smtp+starttls://… (port 587), or "
    "smtp://127.0.0.1:25, with %40 for @ in a name or password."
)
_POLITE = 5.0
"""Seconds to take a recipient back."""
Compose = Callable[["Claimed", datetime], Mail]
"""Makes a message into mail; raises NotSendable."""


@dataclass(frozen=True)
class Place:
    """A mail server: where, how it is spoken to (``none``, ``starttls``, ``tls``), and as whom."""

    host: str
    port: int
    security: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def place(url: str) -> Place:
    """What ``SMTP_URL`` says; SettingsError, which never repeats it, when it cannot be used.

    >>> place("smtp+starttls://ada%40example.org:p%3Aw@mail.example.org")
    Place(host='mail.example.org', port=587, security='starttls')
    >>> place("smtp://mail.example.org:2525?tls=starttls").security
    'starttls'
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        asked = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    except ValueError:
        raise SettingsError(f"SMTP_URL is no address of a mail server.\n\n{_HINT}") from None
    security = asked.pop("tls", [_SCHEMES.get(parts.scheme, "")])[-1]
    if security not in _PORTS or parts.scheme not in _SCHEMES or asked or not parts.hostname or parts.path.strip("/"):
        raise SettingsError(f"SMTP_URL is no address of a mail server.\n\n{_HINT}")
    if parts.username and security == "none" and not is_loopback(parts.hostname):
        raise SettingsError(
            "SMTP_URL has a password for a server that is spoken to without encryption.\n\n"
            "Hint: write smtps:// or smtp+starttls:// instead of smtp://."
        )
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Place(parts.hostname, port or _PORTS[security], security, user, password)


def is_loopback(host: str) -> bool:
    """Whether what is sent there never leaves this machine.

    >>> is_loopback("localhost"), is_loopback("127.0.0.2"), is_loopback("::1"), is_loopback("127.0.0.1.example.org")
    (True, True, True, False)
    """
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def _our_name() -> str:
    """What we call ourselves; asked once, because a name server may take seconds."""
    name = socket.getfqdn()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


class _Plain(smtplib.SMTP):
    """A conversation without encryption at its beginning; ``hold`` gets it before it connects, to cut it short."""

    def __init__(self, hold: Callable[[smtplib.SMTP], None], where: Place, seconds: float) -> None:
        hold(self)
        super().__init__(where.host, where.port, _our_name(), timeout=seconds)


class _Safe(smtplib.SMTP_SSL):
    """A conversation that is encrypted from the first byte."""

    def __init__(self, hold: Callable[[smtplib.SMTP], None], where: Place, seconds: float) -> None:
        hold(self)
        context = ssl.create_default_context()
        super().__init__(where.host, where.port, _our_name(), timeout=seconds, context=context)


class Smtp:
    """The channel of mail servers. One connection is used for messages in a row, and a new one after any error."""

    def __init__(self, where: Place, compose: Compose) -> None:
        self._where = where
        self._compose = compose
        self._talk: smtplib.SMTP | None = None
        self._opening: smtplib.SMTP | None = None
        self._mail: Mail | None = None

    def offer(self, message: Claimed, *, now: datetime, seconds: float) -> None:
        """Connects where needed, and asks whether the recipient is taken."""
        mail = self._compose(message, now)
        with Cut(seconds, self._socket) as cut:
            try:
                self._ask(mail, message.id, seconds, cut)
                if cut.fired:
                    raise smtplib.SMTPServerDisconnected
            except NotSendable:
                self.withdraw()
                raise
            except NotSent as error:
                if error.outage:
                    self.close()
                else:
                    self.withdraw()
                raise
            except smtplib.SMTPResponseException as error:
                self.close()
                raise _ours("connect", error.smtp_code, error.smtp_error) from None
            except (smtplib.SMTPException, OSError) as error:
                self.close()
                why = f"no answer within {seconds:g} s" if cut.fired else said(str(error))
                raise NotSent("connect", f"The mail server: {why}", temporary=True, outage=True) from None
        self._mail = mail

    def deliver(self, *, seconds: float) -> Receipt:
        """DATA, the message, and what the server says to it."""
        mail, talk = self._mail, self._talk
        if mail is None or talk is None:
            raise NotSent("connect", "The connection is gone.", temporary=True)
        self._mail = None
        with Cut(seconds, self._socket) as cut:
            _patience(talk, seconds)
            try:
                code, text = _data(talk, mail.content, cut)
            except (NotSent, Unknown):
                self.close()
                raise
        if not 200 <= code < 300:
            self.close()
            raise NotSent(str(code), said(text), temporary=code < 500, outage=code == 421)
        return Receipt(str(code), said(text))

    def withdraw(self) -> None:
        """Takes the recipient back; the connection stays when the server agrees."""
        self._mail = None
        talk = self._talk
        if talk is None:
            return
        with Cut(_POLITE, self._socket):
            try:
                if talk.rset()[0] != 250:
                    self.close()
            except (smtplib.SMTPException, OSError):
                self.close()

    def close(self) -> None:
        """Ends the connection, politely where somebody listens."""
        talk, self._talk, self._mail = self._talk, None, None
        if talk is not None:
            with suppress(smtplib.SMTPException, OSError):
                _patience(talk, 1)
                talk.putcmd("quit")  # what it answers changes nothing, so nobody waits for it
            talk.close()

    def _socket(self) -> socket.socket | None:
        talk = self._talk or self._opening
        return None if talk is None else talk.sock

    def _ask(self, mail: Mail, id: UUID, seconds: float, cut: Cut) -> None:
        fresh = self._talk is None
        try:
            self._envelope(self._connected(seconds), mail, id)
        except (smtplib.SMTPServerDisconnected, NotSent) as error:
            # A server may hang up after as many messages as it likes; that says nothing about this one.
            if fresh or cut.fired or (isinstance(error, NotSent) and error.code != "421"):
                raise
            self.close()
            self._envelope(self._connected(seconds), mail, id)

    def _connected(self, seconds: float) -> smtplib.SMTP:
        if self._talk is not None:
            _patience(self._talk, seconds)
            return self._talk
        try:
            talk = (_Safe if self._where.security == "tls" else _Plain)(self._hold, self._where, seconds)
            self._greet(talk)
        except BaseException:
            if self._opening is not None:
                self._opening.close()
            raise
        finally:
            self._opening = None
        self._talk = talk
        return talk

    def _hold(self, talk: smtplib.SMTP) -> None:
        self._opening = talk

    def _greet(self, talk: smtplib.SMTP) -> None:
        where = self._where
        talk.ehlo_or_helo_if_needed()
        if where.security == "starttls":
            talk.starttls(context=ssl.create_default_context())
            talk.ehlo_or_helo_if_needed()
        if where.user is not None:
            try:
                talk.login(where.user, where.password or "")
            except smtplib.SMTPAuthenticationError as error:  # what it says may repeat who we are
                raise _ours("login", error.smtp_code, b"The mail server refused the name or password.") from None

    def _envelope(self, talk: smtplib.SMTP, mail: Mail, id: UUID) -> None:
        options = [f"size={len(mail.content)}"] if talk.has_extn("size") else []
        if talk.has_extn("dsn"):
            options += ["RET=HDRS", f"ENVID={id}"]
        if mail.utf8:
            if not talk.has_extn("smtputf8"):
                raise NotSendable("bad_address", "The mail server takes no addresses with letters beyond ASCII.")
            options.append("SMTPUTF8")
        code, text = talk.mail(mail.sender, options)
        if not 200 <= code < 300:
            if code == 552:  # this message is too large for it
                raise NotSent("552", said(text))
            raise _ours("sender", code, text)
        code, text = talk.rcpt(mail.recipient)
        if not 200 <= code < 300:
            if code == 421 or not 400 <= code < 600:
                raise _ours("recipient", code, text)
            raise NotSent(str(code), said(text), temporary=code < 500, hard=hard(code, said(text)))


def _patience(talk: smtplib.SMTP, seconds: float) -> None:
    """How long it is waited for the next byte; the deadline for all of them is :class:`outreach.cut.Cut`'s."""
    if talk.sock is not None:
        talk.sock.settimeout(seconds)


def _ours(what: str, code: int, text: bytes | str) -> NotSent:
    """A refusal that is not about this message: it waits, and so do the others."""
    told = said(text)
    return NotSent(str(code) if 400 <= code < 600 else what, told, temporary=True, outage=True)


def _data(talk: smtplib.SMTP, content: bytes, cut: Cut) -> tuple[int, bytes]:
    """The server's answer to the message.

    NotSent: it did not get all of it. The final dot is the last that is handed over, so while handing over fails the
    server has seen no end, and must act as if it had seen nothing (RFC 5321, 3.8). Unknown: what came is no answer.
    """
    try:
        code, text = talk.docmd("DATA")
        if code != 354:
            if not 400 <= code < 600:
                raise NotSent("data", f"The mail server said {code} to DATA.", temporary=True, outage=True)
            return code, text
        talk.send(re.sub(rb"(?m)^\.", b"..", content).removesuffix(b"\r\n") + b"\r\n.\r\n")
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent("data", f"The mail server: {said(str(error))}.", temporary=True, outage=True) from None
    try:
        code, text = talk.getreply()
    except (smtplib.SMTPException, OSError) as error:
        raise Unknown(f"The mail server did not answer to the message: {said(str(error))}.") from None
    if cut.fired:  # a line that was cut off reads like a whole one
        raise Unknown("The mail server did not answer to the message in time.")
    if not (200 <= code < 300 or 400 <= code < 600):
        raise Unknown(f"The mail server answered {code} to the message.")
    return code, text
