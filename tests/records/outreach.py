"""What the tests of outreach's records share: campaigns, approved or not, and workers that take their messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from records import campaigns, outbox
from records.campaigns import Row
from records.outbox import Claimed, Rules
from tests.records.conftest import Records

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
LEASE = timedelta(minutes=2)
WORKER = UUID(int=1)
RULES = Rules(most_per_person=1, contact_days=14, account_contact_days=7)
_numbers = count(1)


def minutes(number: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=number)


def row(name: str | None = None, **more: Any) -> Row:
    """A message to somebody new at an account of their own, unless told otherwise."""
    name = name or f"person{next(_numbers)}"
    address = f"{name}@example.org"
    given: dict[str, Any] = {
        "id": uuid4(),
        "account_id": f"of {name}",
        "user_id": f"user {name}",
        "name": name.title(),
        "address": address,
        "address_key": address,
        "language": "en",
        "time_zone": "UTC",
        "subject": f"Hello {name}",
        "text": "Good day",
        "html": "<p>Good day</p>",
    }
    return Row(**(given | more))


def draft(records: Records, rows: Sequence[Row], **more: Any) -> tuple[UUID, str]:
    """A draft of these rows: its id and fingerprint."""
    given: dict[str, Any] = {
        "campaign_id": uuid4(),
        "title": "Sorry",
        "play": "sorry",
        "play_version": "v1",
        "kind": "marketing",
        "channel": "email",
        "audience": {"label": "zombies"},
        "rules": {"contact_days": 14},
        "author": "ada",
        "now": NOON,
    }
    given |= more
    return given["campaign_id"], campaigns.draft(records.engine, rows=rows, **given)


def approve(records: Records, campaign_id: UUID, fingerprint: str, **more: Any) -> int:
    """Approves it at noon."""
    given: dict[str, Any] = {"approver": "bo", "now": NOON, "draft_hours": 24, **more}
    return campaigns.approve(records.engine, campaign_id, fingerprint=fingerprint, **given)


def running(records: Records, rows: Sequence[Row], *, now: datetime = NOON, **more: Any) -> UUID:
    """A campaign of these rows, approved."""
    campaign_id, fingerprint = draft(records, rows, now=now, **more)
    approve(records, campaign_id, fingerprint, now=now)
    return campaign_id


def claim(records: Records, *, limit: int = 100, now: datetime = NOON, worker: UUID = WORKER) -> list[Claimed]:
    """What one worker takes."""
    return outbox.claim(records.engine, worker=worker, now=now, lease=LEASE, limit=limit)


def claimed(records: Records, *rows: Row, now: datetime = NOON, **more: Any) -> list[Claimed]:
    """These rows' messages, approved and taken by a worker, in the rows' order."""
    campaign_id = running(records, rows, now=now, **more)
    taken = {each.id: each for each in claim(records, now=now, limit=1_000) if each.campaign_id == campaign_id}
    return [taken[each.id] for each in rows]


def begin(records: Records, held: Claimed, *, now: datetime = NOON, rules: Rules = RULES) -> Any:
    """Begins to send it."""
    return outbox.begin_sending(records.engine, held, now=now, rules=rules)


def state(records: Records, message_id: UUID) -> tuple[str, str | None]:
    """The message's state and reason."""
    found = campaigns.message(records.engine, message_id)
    assert found is not None
    return found.state, found.reason


def told(records: Records, message_id: UUID) -> list[tuple[str | None, str, str | None]]:
    """What its events tell: the state before and after, and the code."""
    return campaigns.events(records.engine, message_id).select("before", "state", "code").rows()
