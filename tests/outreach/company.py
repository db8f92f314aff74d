"""A company's snapshot on disk, of a chosen moment, for jobs that open the newest one by themselves."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from settings import Settings
from tests.pages import snapshot

NOW = dt.datetime(2026, 11, 4, 10, tzinfo=dt.UTC)
"""A Wednesday."""
TODAY = NOW.date()


def day(before: int) -> dt.date:
    """So many days before the snapshot."""
    return TODAY - dt.timedelta(days=before)


def moment(before: int) -> dt.datetime:
    """The same hour, so many days before the snapshot."""
    return NOW - dt.timedelta(days=before)


def paying(account_id: str, **more: Any) -> dict[str, Any]:
    """A subscription of €1,000 a month, billed by the year, since long."""
    row = {"subscription_id": f"s{account_id}", "line_id": f"s{account_id}", "account_id": account_id, "plan": "Team"}
    money = {"kind": "paid", "mrr": 100_000, "mrr_local": 100_000, "currency": "EUR", "billing_months": 12}
    return row | money | {"started_on": dt.date(2024, 3, 1), "renews_on": dt.date(2027, 3, 1)} | more


def write(held: Settings, folder: Path, sources: dict[str, list[dict[str, Any]]], *, id: str = "a1") -> Settings:
    """Publishes a snapshot as of :data:`NOW`; returns ``held`` with the place where it is."""
    snapshot.write(folder, sources, old=dt.datetime.now(dt.UTC) - NOW, id=id)
    return held.model_copy(update={"snapshot_dir": str(folder)})
