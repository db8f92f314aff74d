"""How a process that works again and again is asked to end."""

from __future__ import annotations

import time


class Stop:
    """Asks a worker or a refresher to end; a plain flag, which a signal may set at any moment without a lock.

    A ``threading.Event`` holds a lock while it is waited for, and a signal that sets it then waits for ever.
    """

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        """It ends after what it is doing."""
        self.asked = True

    def wait(self, seconds: float) -> None:
        """Waits, but not after it was asked to end."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
