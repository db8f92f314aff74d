"""How a worker is asked to end."""

from __future__ import annotations

import time


class Stop:
    """Asks a worker to end; a plain flag, which a signal may set at any moment without a lock."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        """The worker ends after the message that it is sending."""
        self.asked = True

    def wait(self, seconds: float) -> None:
        """Waits, but not after the worker was asked to end."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
