"""What the product says after a draft: it is asked for in the newest snapshot, in the moment before a message goes."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from outreach.recheck import outside
from outreach.worker import Round, Worker
from records import campaigns
from records.outbox import Claimed, Outside
from settings import ROOT, Settings
from settings import read as read_settings
from tests.outreach.company import write
from tests.outreach.test_erased import Mailbox
from tests.records.conftest import Records
from tests.records.outreach import NOON, row, running, state

pytestmark = pytest.mark.postgres
OURS = read_settings(ROOT / "config", {})
DAY = timedelta(days=1)
ACCOUNT = {"account_id": "a1", "name": "Brightside"}
PERSON = {"account_id": "a1", "user_id": "u1", "name": "Ana Weber", "email": "Ana@customer.example"}
MESSAGE = {
    "account_id": "a1",
    "user_id": "u1",
    "address": "ana@customer.example",
    "address_key": "ana@customer.example",
}
Sources = dict[str, list[dict[str, Any]]]


def touch(**changes: Any) -> Sources:
    known = {"touch_id": "t1", "account_id": "a1", "user_id": "u1", "direction": "out", "occurred_at": NOON - DAY}
    return {"touches": [known | changes]}


def later(**tables: list[dict[str, Any]]) -> Sources:
    """What the product says by then."""
    return {"accounts": [ACCOUNT], "people": [PERSON], **tables}


def ours(held: Settings, folder: Path, sources: Sources) -> Settings:
    rules = held.outreach.model_copy(update={"most_per_person": 1, "contact_days": 14, "account_contact_days": 7})
    return write(held.model_copy(update={"outreach": rules, "secret_key": "k" * 32}), folder, sources)


def worker_of(records: Records, folder: Path, sources: Sources, box: Mailbox) -> Worker:
    held = ours(records.settings, folder, sources)
    return Worker(held, records.engine, clock=lambda: NOON, open_channel=lambda name: box, sleep=lambda _: None)


def claimed(**who: Any) -> Claimed:
    made = {each.name: None for each in fields(Claimed)} | {"id": uuid4(), "kind": "marketing", "channel": "email"}
    return Claimed(**made | who)


CONTACT = Outside(to_person=1, to_account=1)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (Outside(), later()),
        (Outside("opted_out"), later(people=[PERSON | {"opted_out": True}])),
        (Outside("left_company"), later(people=[PERSON | {"left_at": NOON - DAY}])),
        (Outside(), later(people=[PERSON | {"left_at": NOON + DAY}])),
        (Outside("person_gone"), later(people=[PERSON | {"user_id": "u2"}])),
        (Outside("person_gone"), later(people=[PERSON | {"is_internal": True}])),
        (Outside("no_address"), later(people=[PERSON | {"email": " "}])),
        (Outside("address_changed"), later(people=[PERSON | {"email": "ana@elsewhere.example"}])),
        (Outside("account_gone"), later(accounts=[ACCOUNT | {"account_id": "a2"}])),
        (Outside("do_not_contact"), later(accounts=[ACCOUNT | {"do_not_contact": True}])),
        (Outside("escalated"), later(accounts=[ACCOUNT | {"escalated": True}])),
        (CONTACT, later(**touch())),
        (Outside(to_person=1), later(**touch(occurred_at=NOON - 13 * DAY))),
        (Outside(to_account=1), later(**touch(user_id=None))),
        (Outside(), later(**touch(occurred_at=NOON - 15 * DAY))),
        (Outside(), later(**touch(direction="in"))),
        (Outside(), later(**touch(touch_id="tenure-1"))),
        (Outside(), {"accounts": [ACCOUNT]}),  # no source tells of people, so nobody is gone
    ],
)
def test_the_newest_snapshot_tells_who_is_not_written_to_any_more(
    tmp_path: Path, expected: Outside, said: Sources
) -> None:
    message = claimed(**MESSAGE)
    assert outside(ours(OURS, tmp_path, said), [message], now=NOON) == {message.id: expected}


def test_without_a_snapshot_nothing_newer_is_known(tmp_path: Path) -> None:
    held = OURS.model_copy(update={"snapshot_dir": str(tmp_path)})
    assert outside(held, [claimed(**MESSAGE)], now=NOON) == {}


def test_a_message_to_an_account_asks_for_no_person_and_one_by_webhook_for_no_address(tmp_path: Path) -> None:
    hook: dict[str, Any] = {"channel": "webhook", "account_id": "a1", "address": None}
    nobody = claimed(**hook, user_id=None, address_key="account:a1")
    other = claimed(**hook, user_id="u1", address_key="user:u1")
    found = outside(ours(OURS, tmp_path, later()), [nobody, other], now=NOON)
    assert found == {nobody.id: Outside(), other.id: Outside()}


def test_what_the_product_says_after_the_draft_stops_the_message(empty: Records, tmp_path: Path) -> None:
    mine, box = row(**MESSAGE), Mailbox()
    running(empty, [mine])
    worker = worker_of(empty, tmp_path, later(people=[PERSON | {"opted_out": True}]), box)
    assert worker.round() == Round(taken=1)
    assert (state(empty, mine.id), box.delivered) == (("left_out", "opted_out"), [])


@pytest.mark.parametrize(("kind", "sent"), [("service", 1), ("internal", 1), ("marketing", 0)])
def test_service_mail_goes_to_whoever_opted_out_in_the_product(
    empty: Records, tmp_path: Path, kind: str, sent: int
) -> None:
    running(empty, [row(**MESSAGE)], kind=kind)
    said = later(people=[PERSON | {"opted_out": True}], **touch())
    assert worker_of(empty, tmp_path, said, Mailbox()).round() == Round(taken=1, sent=sent)


def test_whoever_is_left_out_now_stays_on_the_side_they_were_on(empty: Records, tmp_path: Path) -> None:
    out = row(account_id="a2", arm="held_out", state="held_out", reason="holdout")
    campaign = running(empty, [row(**MESSAGE), out])
    said = later(accounts=[{**ACCOUNT, "account_id": id, "do_not_contact": True} for id in ("a1", "a2")])
    worker_of(empty, tmp_path, said, Mailbox()).round()
    found = campaigns.messages(empty.engine, campaign).select("account_id", "arm", "state")
    assert found.rows() == [("a1", "contacted", "left_out"), ("a2", "held_out", "held_out")]


def test_while_the_newest_snapshot_cannot_be_read_messages_wait(empty: Records, tmp_path: Path) -> None:
    mine, box = row(**MESSAGE), Mailbox()
    running(empty, [mine])
    worker = worker_of(empty, tmp_path, later(), box)
    [people] = tmp_path.glob("people/*.parquet")
    kept = people.read_bytes()
    people.write_bytes(b"broken")
    assert worker.round() == Round(taken=1, outage=True)
    assert state(empty, mine.id) == ("queued", None)
    people.write_bytes(kept)
    assert worker.round() == Round(taken=1, sent=1)
