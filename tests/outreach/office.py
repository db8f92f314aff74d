"""A mail server on this machine for tests of sending: it takes what it is sent, and misbehaves where it is told to."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

logging.getLogger("mail.log").setLevel(logging.CRITICAL)


@dataclass
class Office:
    """What was delivered, and what it does at RCPT and after the final dot."""

    delivered: list[Envelope] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    at_rcpt: Callable[[str], str] = lambda address: "250 OK"
    at_end: Callable[[int], str] = lambda number: "250 OK"
    """Gets how many messages came before; answers a reply, or ``drop`` or ``hang``."""
    arrived: threading.Event = field(default_factory=threading.Event)
    ended: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.recipients.append(address)
        self.connections.add(session.peer)
        reply = self.at_rcpt(address)
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        number, self.ended = self.ended, self.ended + 1
        reply = self.at_end(number)
        if reply.startswith(("2", "drop", "hang")):  # the worst case: it took the message, and nobody was told
            self.delivered.append(envelope)
        self.arrived.set()
        if reply == "drop":
            server.transport.abort()
            await asyncio.sleep(30)
        if reply == "hang":
            await asyncio.sleep(30)
        return reply

    def ids(self) -> list[str]:
        """The messages that were delivered, by their header."""
        heads = (bytes(envelope.original_content or b"").decode() for envelope in self.delivered)
        return [head.split("X-Tenure-Message: ")[1].split("\r\n")[0] for head in heads]


@contextmanager
def opened(office: Office | None = None, **more: Any) -> Iterator[Office]:
    """The office while it is open."""
    office = office or Office()
    office.port = office.port or free_port()
    controller = Controller(office, hostname="127.0.0.1", port=office.port, **more)
    controller.start()
    try:
        yield office
    finally:
        controller.stop()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def dripping(lines: list[bytes]) -> Iterator[int]:
    """A server that answers each command with the next of ``lines``, and after the last drips one byte at a time.

    No time-out of a socket ever passes there, because something always comes.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        with peer:
            try:
                for line in lines[:-1]:
                    peer.sendall(line)
                    peer.recv(65536)
                peer.sendall(lines[-1])
                while not over.wait(0.02):
                    peer.sendall(b"2")
            except OSError:
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.close()
        thread.join(5)
