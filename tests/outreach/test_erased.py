"""Whoever was erased is never written to again, whatever the product database says of them later."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from outreach import digest, tokens
from outreach.audience import Audience
from outreach.delivery import Receipt
from outreach.drafting import compose
from outreach.worker import Round, Worker
from records import campaigns, digests, erased
from records.erased import Erased, Key
from records.erasing import People, purge
from records.errors import RecordsError
from records.owning import owning
from tests.outreach.company import write
from tests.outreach.messages import sent
from tests.outreach.test_digest import ACCOUNTS, LINES, STUB
from tests.outreach.test_drafting import NOW, Made, company, play
from tests.outreach.test_public import client_of
from tests.records.conftest import Records, rows
from tests.records.outreach import NOON, row, running, state

__all__ = ["company"]
pytestmark = pytest.mark.postgres


def mark(records: Records, secret: str | None, *marks_of: str) -> frozenset[str]:
    key = Key.of(secret)
    marks = {key.address(one) if "@" in one else key.user(one) for one in marks_of}
    with owning(records.owner) as connection:
        erased.remember(connection, marks, now=NOW)
    return frozenset(marks)


def told(records: Records, what: str) -> int:
    """How many messages and campaigns tell of ``what``."""
    count = "SELECT count(*) FROM (SELECT t::text FROM tenure.{} t) x WHERE t ILIKE '%{}%'"
    return sum(int(rows(records.owner, count.format(table, what))[0][0]) for table in ("messages", "campaigns"))


class Mailbox:
    """A channel that keeps what it is given."""

    def __init__(self) -> None:
        self.delivered: list[str | None] = []
        self._offered: str | None = None

    def offer(self, message: Any, *, now: dt.datetime, seconds: float) -> None:
        self._offered = message.address

    def deliver(self, *, seconds: float) -> Any:
        self.delivered.append(self._offered)
        return Receipt("250", "taken")

    def withdraw(self) -> None:
        self._offered = None

    def close(self) -> None:
        pass


def test_a_draft_from_a_snapshot_that_still_has_them_leaves_them_out_without_a_trace(
    company: Made, records: Records
) -> None:
    frames, ours = company
    chosen = play()
    mark(records, ours.secret_key, "ANN@x.example", "bob")
    audience = Audience("Some", "accounts", ("a-ann", "a-bob", "a-eli"), ("ann", "bob", "eli"), {"offer": "20% off"})
    found = compose(ours, frames, chosen, audience, author="ada@us.example", now=NOW)
    assert found.rows.select("account_id", "user_id", "address", "verdict", "reason").rows() == [
        ("a-ann", None, None, "left_out", "erased"),
        ("a-bob", None, None, "left_out", "erased"),
        ("a-eli", "eli", "eli@x.example", "send", None),
    ]
    kept = campaigns.campaign(records.engine, found.campaign_id)
    assert kept is not None
    assert kept.audience["user_ids"] == ["ann", "eli"]  # of ann only the address is marked: no id is known
    assert (told(records, "ann@x"), told(records, "Ann Weber"), told(records, "Bob Weber")) == (0, 0, 0)
    approved = campaigns.approve(records.engine, found.campaign_id, fingerprint=found.fingerprint, approver="bo",
                                 now=NOW, draft_hours=24, secret_key=ours.secret_key)  # fmt: skip
    assert approved == 1


def test_a_worker_sends_nothing_to_them_and_everything_to_others(empty: Records, tmp_path: Path) -> None:
    ours = empty.settings.model_copy(update={"secret_key": "k" * 32, "snapshot_dir": str(tmp_path)})
    her, him = row("ann"), row("bob")
    running(empty, [her])
    running(empty, [him])
    mark(empty, ours.secret_key, "user ann")  # under another address than the one that was erased
    box = Mailbox()
    worker = Worker(ours, empty.engine, clock=lambda: NOON, open_channel=lambda name: box, sleep=lambda seconds: None)
    assert worker.round() == Round(taken=2, sent=1)
    assert box.delivered == ["bob@example.org"]
    assert state(empty, her.id) == ("left_out", "erased")


def test_without_the_key_a_worker_sends_nothing_at_all(empty: Records, tmp_path: Path) -> None:
    running(empty, [row("bob")])
    mark(empty, "another key", "ann@x.example")
    box = Mailbox()
    for secret in (None, "k" * 32):
        ours = empty.settings.model_copy(update={"secret_key": secret, "snapshot_dir": str(tmp_path)})
        worker = Worker(ours, empty.engine, clock=lambda: NOON, open_channel=lambda name: box, sleep=lambda _: None)
        with pytest.raises(RecordsError, match="SECRET_KEY is not"):
            worker.round()
    assert box.delivered == []


def test_the_digest_goes_to_the_others(empty: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "made", lambda _: STUB)
    ours = empty.settings.model_copy(update={"secret_key": "k" * 32})
    ours = write(ours, tmp_path, {"accounts": ACCOUNTS, "subscriptions": LINES})
    for address in ("Boss@us.example", "cfo@us.example"):
        digests.subscribe(empty.engine, address, actor="ada", now=NOW)
    mark(empty, ours.secret_key, "boss@US.example")
    assert digest.due(ours, dt.datetime(2026, 11, 4, 10, tzinfo=dt.UTC)) == 1
    assert told(empty, "boss@us") == 0


def test_links_in_mail_they_once_got_lead_nowhere(empty: Records) -> None:
    ours = empty.settings.model_copy(update={"secret_key": "k" * 32})
    message = sent(empty, address="ann@x.example", address_key="ann@x.example")
    client = client_of(ours)
    links = [f"/{purpose}/{tokens.sign(ours, purpose, message)}" for purpose in ("answer", "unsubscribe")]
    assert [client.get(link).status_code for link in links] == [200, 200]
    marks = mark(empty, ours.secret_key, "ann@x.example")
    purge(empty.owner, Erased(marks, Key.of(ours.secret_key)), People(), responses=[], now=NOW)
    assert [client.get(link).status_code for link in links] == [404, 404]
    assert [client.post(link, data={"score": "3"}).status_code for link in links] == [404, 404]
    assert rows(empty.owner, "SELECT count(*) FROM tenure.opt_outs") == [(0,)]
