"""A mail server in a process of its own: ``python -m bench.post_office log.jsonl [--seed N] [--slow SECONDS]``.

It notes every message that it takes, by id and time, before it says so. Where it is slow, it waits for random times
before a recipient is taken, before a message is taken, and before it says so: those are the moments to be killed in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

_ID = re.compile(rb"^X-Tenure-Message: (\S+)\r$", re.MULTILINE)


class Office:
    """Takes everything and remembers it in ``log``: one line of JSON each, with the id, its recipients and the time."""

    def __init__(self, log: Path, seed: int, slow: float) -> None:
        self._file = log.open("a", encoding="utf-8")
        self._random = random.Random(seed)
        self._slow = slow

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await self._wait()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await self._wait()
        found = _ID.search(bytes(envelope.original_content or b""))
        line = {"id": found[1].decode() if found else None, "to": envelope.rcpt_tos, "at": time.time()}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        await self._wait()
        return "250 taken"

    async def _wait(self) -> None:
        if self._slow:
            await asyncio.sleep(self._random.uniform(0, self._slow))


async def serve(office: Office) -> None:
    """Serves until the process is ended; the first line that it prints is its port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(office, hostname="office"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # whoever started it is gone when this ends
    server.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.post_office", description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--slow", type=float, default=0.0)
    asked = parser.parse_args()
    asyncio.run(serve(Office(asked.log, asked.seed, asked.slow)))


if __name__ == "__main__":
    main()
