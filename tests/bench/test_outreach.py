"""The measurement of killed workers, small: it counts what it should, and what it counts is kept."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench import outreach as bench
from records import outbox
from tests.records.conftest import Records, empty, execute, template

__all__ = ["empty", "template"]
pytestmark = [pytest.mark.slow, pytest.mark.postgres]


@pytest.fixture
def where(empty: Records, tmp_path: Path) -> bench.Where:
    return bench.Where(empty.writer, tmp_path)


@pytest.mark.thorough
def test_workers_that_are_killed_send_nothing_twice_and_lose_nothing(where: bench.Where):
    found = bench.killed(where, messages=40, kills=4, seed=1, lease=3, patience=300)
    assert found["kills"] == 4
    assert {name: found[name] for name in ("duplicates", "lost", "unknown", "unexplained")} == {
        "duplicates": 0, "lost": 0, "unknown": 0, "unexplained": 0,
    }  # fmt: skip
    assert sum(found["states"].values()) == 40
    # On a busy machine a live worker may outlast so short a lease as well, so that uncertain ones are not counted here.
    assert found["taken"] == found["states"].get("sent", 0) + found["uncertain_and_taken"]
    assert found["recipients_per_message"] == 1


def test_what_is_wrong_is_counted(where: bench.Where, empty: Records):
    id = bench.campaign(where, 6)
    ids = [str(each.id) for each in outbox.claim(empty.engine, worker=uuid.uuid4(), now=datetime.now(UTC),
                                                 lease=timedelta(minutes=1), limit=6)]  # fmt: skip
    sent = "UPDATE tenure.messages SET lease = NULL, lease_until = NULL, state = '{}' WHERE id = '{}'"
    for message, state in zip(ids, ("sent", "sent", "uncertain", "uncertain", "failed", "queued"), strict=True):
        execute(empty.owner, sent.format(state, message))
    # Taken twice; never; although uncertain; not at all; although failed; not yet.
    taken = [{"id": ids[number], "to": ["a"], "at": 0.0} for number in (0, 0, 2, 4)]
    found = bench.compared(where, id, taken)
    assert {name: found[name] for name in ("taken", "duplicates", "lost", "unknown", "uncertain")} == {
        "taken": 4, "duplicates": 1, "lost": 3, "unknown": 1, "uncertain": 2,
    }  # fmt: skip
    assert found["uncertain_and_taken"] == 1
    assert not bench.holds(found | {"kills": 9, "messages": 6, "ended_cleanly": True})
