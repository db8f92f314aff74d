"""What a stranger may ask of the public pages: how often, how much at once, and how large."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

Given = TypeVar("Given")


class Busy(Exception):
    """Too much is being asked at once; nothing was begun."""


class TooLarge(Exception):
    """The body is larger than any answer of ours can be; the rest of it was not read."""


class TooSlow(Exception):
    """The body did not arrive in time, or its sender went away."""


class Buckets:
    """How many requests an address may still make: ``burst`` at once, ``per_second`` from then on.

    Mail providers unsubscribe for many people from few addresses, so the limit is far above a person's pace. At most
    ``most`` addresses are remembered, the longest unseen forgotten first; what all of them together may ask is
    bounded by :class:`Places`. An IPv6 address counts with its whole network of 64 bits, which one machine owns.
    """

    def __init__(self, *, burst: float, per_second: float, most: int = 10_000) -> None:
        self._burst = burst
        self._rate = per_second
        self._most = most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def take(self, address: str, now: float) -> bool:
        """Takes one request of ``address`` at ``now``, in seconds of any clock that only rises; False: none is left."""
        who = network(address)
        left, before = self._left.pop(who, (self._burst, now))
        left = min(self._burst, left + (now - before) * self._rate)
        allowed = left >= 1
        self._left[who] = (left - 1 if allowed else left, now)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return allowed


def network(address: str) -> str:
    """What counts as one sender.

    >>> network("192.0.2.7"), network("2001:db8::1:2:3:4"), network("::ffff:192.0.2.7"), network("testclient")
    ('192.0.2.7', '2001:db8::', '192.0.2.7', 'testclient')
    """
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(found) >> 64 << 64))


class Places:
    """Runs what blocks in threads of its own: ``threads`` at a time, at most ``most`` with those that wait.

    Threads of its own, because the pages' threads and their connections to the database must stay free for pages.
    """

    def __init__(self, *, threads: int, most: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="public")
        self._most = most
        self._taken = 0

    async def run(self, work: Callable[..., Given], *arguments: Any) -> Given:
        """What ``work`` returns; Busy when every place is taken.

        When the visitor goes away meanwhile, the work is finished all the same, and keeps its place until it is.
        """
        if self._taken >= self._most:
            raise Busy
        self._taken += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *arguments))
        future.add_done_callback(self._leave)
        return await asyncio.shield(future)

    def _leave(self, future: asyncio.Future[Any]) -> None:
        self._taken -= 1
        if not future.cancelled():
            future.exception()  # looked at, so that nobody logs that it never was


async def body(stream: AsyncIterator[bytes], *, declared: str | None, most: int, seconds: float) -> bytes:
    """A request's body of at most ``most`` bytes.

    TooLarge as soon as it says, or turns out, to be larger; TooSlow after ``seconds``.
    """
    if declared is not None and (not declared.isascii() or not declared.isdigit() or int(declared[:20]) > most):
        raise TooLarge
    found = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in stream:
                found += piece
                if len(found) > most:
                    raise TooLarge
    except TimeoutError:
        raise TooSlow from None
    return bytes(found)
