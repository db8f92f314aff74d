"""A network that falls silent anywhere in a refresh: it is given up, and nobody waits without end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import settings
from demo import load
from demo import server as postgres
from demo.pidfile import Server
from queries import refresh
from queries.errors import RefreshError
from records import migrate
from tests.queries.company import Company
from tests.reliability.conftest import Figures
from tests.reliability.proxy import Proxy
from tests.reliability.site import fill

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.thorough]
GIVEN_UP = 25.0
"""Seconds: 5 for the records, 15 for the product database, and some for what went well before."""
SIDE_BY_SIDE = 6
"""Refreshes that fall silent at the same time: each waits more than it works."""


class Refresher:
    """One company, whose product database and records lie behind one network."""

    def __init__(self, server: Server, number: int, folder: Path) -> None:
        shop, notes = f"shop{number}", f"notes{number}"
        for name in (shop, notes):
            load.make_database(server.url(), name)
        migrate.upgrade(server.url(notes), writer=load.WRITER)
        company = Company(server.url(shop), folder)
        fill(company)
        self.proxy = Proxy(f"{server.host}/.s.PGSQL.{server.port}")
        self._settings = settings.read(
            company.config,
            {
                "PRODUCT_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{self.proxy.port}/{shop}",
                "RECORDS_DATABASE_URL": f"postgresql://{load.WRITER}@127.0.0.1:{self.proxy.port}/{notes}",
                "SNAPSHOT_DIR": str(folder / "snapshots"),
            },
        )

    def packets(self) -> int:
        """How many a whole refresh takes; some more or fewer the next time."""
        refresh.run(self._settings)
        before = self.proxy.carried
        refresh.run(self._settings)
        return self.proxy.carried - before

    def gives_up(self, packet: int) -> float:
        """Seconds until a refresh ends that hears nothing any more from so many packets on."""
        self.proxy.stall_at(packet)
        began = time.monotonic()
        try:
            with pytest.raises(RefreshError, match=r"fell silent|cannot be reached"):
                refresh.run(self._settings)
            return time.monotonic() - began
        finally:
            self.proxy.mend()


@pytest.fixture(scope="module")
def server(short_folder: Path) -> Iterator[Server]:
    started = postgres.start(short_folder / "postgres")
    load.make_writer(started.url())
    yield started
    postgres.stop(short_folder / "postgres", mode="immediate")


def test_wherever_the_network_falls_silent_a_refresh_is_given_up(
    server: Server, tmp_path: Path, figures: Figures
) -> None:
    made = [Refresher(server, number, tmp_path / str(number)) for number in range(SIDE_BY_SIDE)]
    points = range(1, min(each.packets() for each in made) - 30, 10)

    def longest(number: int) -> float:
        return max(made[number].gives_up(packet) for packet in points[number::SIDE_BY_SIDE])

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        seconds = max(pool.map(longest, range(SIDE_BY_SIDE)))
    for each in made:
        each.proxy.close()
    figures(f"silence at {len(points)} points of a refresh", {"given up after": seconds})
    assert seconds < GIVEN_UP
