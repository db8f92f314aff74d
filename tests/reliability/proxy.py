"""A network to do harm to: carries bytes between a loopback port and PostgreSQL's socket until it is told not to."""

from __future__ import annotations

import math
import socket
import threading
import time
from contextlib import suppress

_CHUNK = 65_536
_TURN = 0.1
"""Seconds after which every waiting loop looks whether the proxy was closed."""


class Proxy:
    """Carries whatever connects to ``port`` to the Unix socket ``target``.

    ``cut``: connections are reset and new ones refused. ``stall``: nothing arrives any more, though all that is sent is
    taken, as when a switch drops packets; ``stall_at``: so at that many packets from now. ``slow``: everything arrives
    so many seconds late. ``mend`` ends them all. ``carried`` counts packets.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._closed = threading.Event()
        self._flows = threading.Event()
        self._delay = 0.0
        self._stall_at = math.inf
        self.carried = 0
        self._pairs: list[socket.socket] = []
        self._flows.set()
        self.port = 0
        self._listener = self._listen()

    def cut(self) -> None:
        self._listener.close()
        for side in self._pairs:
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def stall(self) -> None:
        self._flows.clear()

    def stall_at(self, packet: int) -> None:
        self._stall_at = self.carried + packet

    def slow(self, seconds: float) -> None:
        self._delay = seconds

    def mend(self) -> None:
        self._delay, self._stall_at = 0.0, math.inf
        self._flows.set()
        if self._listener.fileno() < 0:
            self._listener = self._listen()

    def close(self) -> None:
        self._closed.set()
        self.cut()

    def _listen(self) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        listener.settimeout(_TURN)
        self.port = int(listener.getsockname()[1])
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while not self._closed.is_set():
            try:
                here, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX)
            try:
                there.connect(self._target)
            except OSError:
                here.close()
                there.close()
                continue
            here.settimeout(None)
            self._pairs += [here, there]
            for source, sink in ((here, there), (there, here)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while (chunk := source.recv(_CHUNK)) and self._may_flow():
                self._count()
                time.sleep(self._delay)
                sink.sendall(chunk)
        for side in (source, sink):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _count(self) -> None:
        self.carried += 1
        if self.carried >= self._stall_at:
            self.stall()

    def _may_flow(self) -> bool:
        while not self._flows.wait(_TURN):
            if self._closed.is_set():
                return False
        return not self._closed.is_set()
