"""Campaigns: drafted whole, approved once and as previewed, paused, cancelled; and what the lists say."""

from __future__ import annotations

import threading
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from records import audit, campaign_drafts, campaigns
from records.campaign_rows import Row
from records.campaigns import Attachment, fingerprint_of
from records.errors import AlreadyApproved, DraftChanged, DraftTooOld, NotAccepted, RecordsError
from tests.records.conftest import Records, execute, rows
from tests.records.outreach import NOON, approve, begin, claim, draft, minutes, row, running, state, told

pytestmark = pytest.mark.postgres


def held_out(name: str | None = None, **more: Any) -> Any:
    return row(name, arm="held_out", state="held_out", reason="holdout", **more)


def left_out(name: str | None = None, **more: Any) -> Any:
    return row(name, arm="left_out", state="left_out", reason="opted_out", **more)


def columns(records: Records, campaign_id: UUID) -> list[dict[str, Any]]:
    """Every column of a campaign's messages, as the database has them."""
    found = rows(records.owner, f"SELECT to_jsonb(m) FROM tenure.messages m WHERE campaign_id = '{campaign_id}'")
    return [each for (each,) in found]


def test_what_was_previewed_is_what_is_queued_byte_for_byte(records: Records) -> None:
    nasty = 'back\\slash\ttab\nline\r\nCRLF \\N \\. "quotes" ünïcode 漢字 🎉 \x0b'
    more = {"text": nasty, "html": nasty, "subject": "a\tb", "name": "Zoë \\", "detail": "\\N"}
    mine = [
        row(payload={"text": nasty, "n": [1, 2.5, None, True]}, fields={"x": nasty}, not_before=minutes(90), **more),
        row(address=None, address_key="user:7", user_id=None, name=None),
        held_out(),
        left_out(),
    ]
    files = [Attachment("board.pdf", "application/pdf", bytes(range(256)))]
    campaign_id, mark = draft(records, mine, attachments=files)
    assert approve(records, campaign_id, mark, window_hours=10) == 2
    assert campaigns.attachments(records.engine, campaign_id) == files
    kept = {each["id"]: each for each in columns(records, campaign_id)}
    for given in mine:
        found = campaigns.message(records.engine, given.id)
        assert found is not None
        for name in ("text", "html", "subject", "name", "payload", "fields", "address", "user_id", "arm"):
            assert getattr(found, name) == getattr(given, name), name
        assert kept[str(given.id)]["text"] == given.text
    first, second = (campaigns.message(records.engine, each.id) for each in mine[:2])
    assert first is not None
    assert second is not None
    assert (first.not_before, first.expires_at) == (minutes(90), minutes(90) + timedelta(hours=10))
    assert (second.not_before, second.expires_at) == (NOON, NOON + timedelta(hours=10))
    assert [claimed.text for claimed in claim(records, now=minutes(91)) if claimed.id == mine[0].id] == [nasty]


def test_the_fingerprint_is_that_of_the_rows_that_the_database_holds(records: Records) -> None:
    mine = [row(text="ä\n\\", payload={"b": 1, "a": [1.5]}, not_before=minutes(5)), held_out(), left_out()]
    _, mark = draft(records, mine[::-1])
    found = [campaigns.message(records.engine, each.id) for each in mine]
    drafted = [Row(**{column.name: getattr(each, column.name) for column in fields(Row)}) for each in found]
    again = fingerprint_of("sorry", "v1", "marketing", "email", drafted)
    assert again == mark == fingerprint_of("sorry", "v1", "marketing", "email", mine)
    assert len(mark) == 64


@pytest.mark.parametrize(
    "change",
    [{"text": "x"}, {"html": "x"}, {"subject": "x"}, {"address": "x@example.org"}, {"name": None}, {"payload": {}},
     {"not_before": NOON}, {"account_id": "b"}, {"user_id": None}, {"arm": "held_out", "state": "held_out"}],
)  # fmt: skip
def test_the_fingerprint_tells_any_change(change: dict[str, Any]) -> None:
    one = row("ada", id=UUID(int=1))
    about = ("sorry", "v1", "marketing", "email")
    before = fingerprint_of(*about, [one])
    assert fingerprint_of(*about, [replace(one, **change)]) != before
    for number in range(4):
        other = [*about]
        other[number] = "other"
        assert fingerprint_of(*other, [one]) != before
    files = [Attachment("n", "text/plain", b"x")]
    assert fingerprint_of(*about, [one], files) != before
    assert fingerprint_of(*about, []) != before


def test_fifty_who_approve_at_once_make_one_campaign(empty: Records) -> None:
    mine = [row() for _ in range(20)] + [held_out(), left_out()]
    campaign_id, mark = draft(empty, mine)
    together, done, refused, other = threading.Barrier(50), [], [], []

    def run(number: int) -> None:
        together.wait(30)
        for _ in range(20):  # a page would be tried again too
            try:
                done.append((number, approve(empty, campaign_id, mark, approver=f"person {number}")))
                return
            except AlreadyApproved as error:
                refused.append(error.by)
                return
            except RecordsError as error:  # all connections busy
                other.append(error)

    threads = [threading.Thread(target=run, args=[number]) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    [(winner, queued)] = done
    assert queued == 20
    assert refused == [f"person {winner}"] * 49
    assert all("busy" in str(error) for error in other)
    assert rows(empty.owner, "SELECT state, count(*) FROM tenure.messages GROUP BY 1 ORDER BY 1") == [
        ("held_out", 1), ("left_out", 1), ("queued", 20)
    ]  # fmt: skip
    assert rows(empty.owner, "SELECT count(*), count(DISTINCT message_id) FROM tenure.message_events") == [(22, 22)]
    assert audit.entries(empty.engine)["action"].to_list() == ["approve campaign"]


def test_a_draft_that_was_made_again_gone_or_too_old_is_not_approved(records: Records) -> None:
    one = row()
    campaign_id, mark = draft(records, [one])
    _, second = draft(records, [replace(one, text="other")], campaign_id=campaign_id)
    with pytest.raises(DraftChanged, match="made again after this preview"):
        approve(records, campaign_id, mark)
    with pytest.raises(DraftTooOld, match="2026-11-18 12:00 UTC"):
        approve(records, campaign_id, second, now=NOON + timedelta(hours=24, seconds=1))
    assert state(records, one.id) == ("draft", None)
    campaigns.discard(records.engine, campaign_id, actor="ada", now=NOON)
    campaigns.discard(records.engine, campaign_id, actor="ada", now=NOON)
    assert campaigns.campaign(records.engine, campaign_id) is None
    with pytest.raises(DraftChanged, match="gone"):
        approve(records, campaign_id, second)
    assert columns(records, campaign_id) == []


def test_what_is_approved_is_neither_drafted_again_nor_discarded(records: Records) -> None:
    campaign_id = running(records, [row()])
    with pytest.raises(AlreadyApproved, match=r"bo approved this campaign at 2026-11-18 12:00 UTC"):
        draft(records, [row()], campaign_id=campaign_id)
    with pytest.raises(AlreadyApproved):
        campaigns.discard(records.engine, campaign_id, actor="ada", now=NOON)
    assert len(columns(records, campaign_id)) == 1


def test_a_draft_whose_writing_ended_half_way_is_nowhere_and_removed_later(
    empty: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.campaign_drafts._PIECE", 2)
    mine = [row() for _ in range(5)]
    broken = [*mine[:4], replace(mine[4], id=mine[0].id)]  # the last piece fails: an id that is there
    with pytest.raises(RecordsError):
        draft(empty, broken, campaign_id=UUID(int=5))
    assert rows(empty.owner, "SELECT count(*) FROM tenure.messages") == [(4,)]
    assert campaigns.list_campaigns(empty.engine).is_empty()
    assert campaigns.campaign(empty.engine, UUID(int=5)) is None
    unfinished = rows(empty.owner, "SELECT fingerprint FROM tenure.campaigns")[0][0]
    with pytest.raises(DraftChanged):
        approve(empty, UUID(int=5), unfinished)
    draft(empty, [row()], now=minutes(59))
    assert rows(empty.owner, "SELECT count(*) FROM tenure.campaigns") == [(2,)]
    draft(empty, [row()], now=minutes(61))
    assert rows(empty.owner, "SELECT count(*) FROM tenure.messages") == [(2,)]
    draft(empty, mine, campaign_id=UUID(int=5))
    assert len(columns(empty, UUID(int=5))) == 5


def test_a_draft_that_two_write_at_once_is_one_of_them(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.campaign_drafts._PIECE", 2)
    campaign_id, mine = uuid4(), [row() for _ in range(4)]
    copied, others = campaign_drafts.copied, []

    def meanwhile(*words: Any) -> str:
        if not others:  # between two pieces of the first, somebody writes all of the second
            others.append(None)
            others.append(draft(records, [replace(each, id=uuid4()) for each in mine], campaign_id=campaign_id))
        return copied(*words)

    monkeypatch.setattr(campaign_drafts, "copied", meanwhile)
    with pytest.raises(DraftChanged, match="made this draft again"):
        draft(records, mine, campaign_id=campaign_id)
    assert len(columns(records, campaign_id)) == 4
    assert approve(records, *others[1]) == 4


@pytest.mark.parametrize(
    ("mine", "more", "says"),
    [
        ([row("ada"), row("ada")], {}, "Somebody is in the draft twice"),
        ([row("ada"), held_out("ada")], {}, "Somebody is in the draft twice"),
        ([], {"kind": "spam"}, "cannot be spam by email"),
        ([], {"channel": "fax"}, "cannot be marketing by fax"),
        ([], {"title": "a\nb"}, "The title has a character"),
        ([], {"attachments": [Attachment("n", "t", b"x" * 10_000_001)]}, "too large"),
        ([row("ada")] * 10_001, {}, "10,001 people are too many"),
    ],
)
def test_what_cannot_be_drafted_is_named(records: Records, mine: Any, more: dict[str, Any], says: str) -> None:
    with pytest.raises(NotAccepted, match=says):
        draft(records, mine, campaign_id=UUID(int=9), **more)
    assert rows(records.owner, f"SELECT count(*) FROM tenure.campaigns WHERE id = '{UUID(int=9)}'") == [(0,)]


@pytest.mark.parametrize(
    "wrong",
    [{"arm": "contacted", "state": "left_out", "reason": "x"}, {"state": "queued"}, {"arm": "left_out",
     "state": "left_out"}, {"text": "x" * 100_001}, {"subject": "\0"}, {"account_id": ""}, {"address_key": "\n"}],
)  # fmt: skip
def test_what_no_row_can_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(NotAccepted):
        row("ada", **wrong)


def test_somebody_left_out_may_be_in_a_campaign_besides(records: Records) -> None:
    campaign_id, mark = draft(records, [row("ada"), left_out("ada"), left_out("ada")])
    assert approve(records, campaign_id, mark) == 1


def test_a_paused_campaign_waits_and_goes_on_where_it_was(empty: Records) -> None:
    campaign_id = running(empty, [row(), row()])
    campaigns.pause(empty.engine, campaign_id, actor="ada", reason="wait", now=minutes(1))
    campaigns.pause(empty.engine, campaign_id, actor="bo", reason="wait more", now=minutes(2))
    assert claim(empty, now=minutes(3)) == []
    found = campaigns.campaign(empty.engine, campaign_id)
    assert found is not None
    assert (found.state, found.reason, found.changed_at) == ("paused", "wait", minutes(1))
    campaigns.resume(empty.engine, campaign_id, actor="bo", now=minutes(4))
    assert len(claim(empty, now=minutes(5))) == 2
    actions = audit.entries(empty.engine, object=f"campaign/{campaign_id}")
    assert actions.select("action", "actor").rows() == [
        ("resume campaign", "bo"), ("pause campaign", "ada"), ("approve campaign", "bo")
    ]  # fmt: skip


def test_cancelling_ends_what_has_not_begun_and_nothing_else(records: Records) -> None:
    mine = [row() for _ in range(3)] + [held_out()]
    first, second, third = _three(records, mine)
    begin(records, first)
    assert campaigns.cancel(records.engine, first.campaign_id, actor="ada", now=minutes(1)) == 2
    assert campaigns.cancel(records.engine, first.campaign_id, actor="ada", now=minutes(1)) == 0
    assert [state(records, each.id)[0] for each in mine] == ["sending", "cancelled", "cancelled", "held_out"]
    assert told(records, second.id)[-1] == ("claimed", "cancelled", "cancelled")
    refused = begin(records, third, now=minutes(1))
    assert (refused.reason, refused.state) == ("lost", None)


def _three(records: Records, mine: list[Any]) -> list[Any]:
    campaign_id = running(records, mine)
    return sorted(
        (each for each in claim(records) if each.campaign_id == campaign_id),
        key=lambda each: [one.id for one in mine].index(each.id),
    )


def test_a_draft_is_not_cancelled(records: Records) -> None:
    campaign_id, _ = draft(records, [row()])
    with pytest.raises(NotAccepted, match="A draft cannot be cancelled"):
        campaigns.cancel(records.engine, campaign_id, actor="ada", now=NOON)


def test_the_list_counts_the_messages_of_every_campaign(empty: Records) -> None:
    older = running(empty, [row(), row(), held_out(), left_out()], title="Older")
    newer, _ = draft(empty, [row()], title="Newer", now=minutes(1), author="cy")
    [one, _] = claim(empty)
    begin(empty, one)
    found = campaigns.list_campaigns(empty.engine)
    shown = ["title", "state", "author", "approver", "rows", "draft", "claimed", "sending", "held_out", "left_out"]
    assert found.select(shown).rows() == [
        ("Newer", "draft", "cy", None, 1, 1, 0, 0, 0, 0),
        ("Older", "running", "ada", "bo", 4, 0, 1, 1, 1, 1),
    ]
    assert found["id"].to_list() == [str(newer), str(older)]
    whole = campaigns.campaign(empty.engine, older)
    assert whole is not None
    assert whole.counts == {"claimed": 1, "sending": 1, "held_out": 1, "left_out": 1}
    assert (whole.audience, whole.rules, whole.play_version) == ({"label": "zombies"}, {"contact_days": 14}, "v1")
    assert campaigns.list_campaigns(empty.engine, most=1)["title"].to_list() == ["Newer"]


def test_the_history_has_everybody_of_approved_campaigns_and_when(empty: Records) -> None:
    running(empty, [row("ada"), row("bo"), held_out("cy"), left_out("di")])
    draft(empty, [row("ed")])
    one = next(each for each in claim(empty) if each.address_key == "ada@example.org")
    begin(empty, one, now=minutes(1))
    found = campaigns.history(empty.engine, NOON)
    assert sorted(found.select("address_key", "arm", "state", "sending_at", "at").rows()) == [
        ("ada@example.org", "contacted", "sending", minutes(1), minutes(1)),
        ("bo@example.org", "contacted", "claimed", None, NOON),
        ("cy@example.org", "held_out", "held_out", None, NOON),
        ("di@example.org", "left_out", "left_out", None, NOON),
    ]
    assert campaigns.history(empty.engine, minutes(1))["address_key"].to_list() == ["ada@example.org"]


def test_only_drafts_can_be_taken_out_of_the_outbox(records: Records) -> None:
    running(records, [row()])
    with pytest.raises(Exception, match="violates foreign key"):
        execute(records.writer, "DELETE FROM tenure.messages WHERE state <> 'draft'")
