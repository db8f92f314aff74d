"""Messages in the outbox, for tests that need one that was sent."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from records import campaigns
from tests.records.conftest import Records, execute

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_numbers = itertools.count(1)


def drafted(records: Records, *, question: str | None = "nps", kind: str = "marketing", **more: Any) -> uuid.UUID:
    """A message in a draft to somebody of its own; returns its id."""
    return _drafted(records, question, kind, more)[0]


def sent(
    records: Records, *, question: str | None = "nps", kind: str = "marketing", at: datetime = NOW, **more: Any
) -> uuid.UUID:
    """A message that was sent at ``at``; ``more`` replaces columns of its row."""
    message_id, campaign_id, mark = _drafted(records, question, kind, more)
    campaigns.approve(
        records.engine, campaign_id, fingerprint=mark, approver="boss@us.example", now=NOW, draft_hours=24
    )
    execute(
        records.owner,
        f"UPDATE tenure.messages SET state = 'sent', attempts = 1, sending_at = '{at.isoformat()}', "
        f"ended_at = '{(at + timedelta(seconds=1)).isoformat()}' WHERE id = '{message_id}'",
    )
    return message_id


def _drafted(
    records: Records, question: str | None, kind: str, more: dict[str, Any]
) -> tuple[uuid.UUID, uuid.UUID, str]:
    number = next(_numbers)
    message_id, campaign_id = uuid.uuid4(), uuid.uuid4()
    address = f"person{number}@customer.example"
    values = {"account_id": f"a{number}", "user_id": f"u{number}", "address": address, "address_key": address}
    values |= {"language": "en", "time_zone": "Europe/Berlin", "subject": "A question", "text": "Hello"}
    mark = campaigns.draft(
        records.engine,
        campaign_id=campaign_id,
        title="A campaign",
        play="nps" if question == "nps" else "one_question",
        play_version="1",
        kind=kind,
        channel="email",
        audience={},
        rules={"question": question},
        rows=[campaigns.Row(id=message_id, **(values | more))],
        author="csm@us.example",
        now=NOW,
    )
    return message_id, campaign_id, mark
