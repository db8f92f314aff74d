"""Erased people: no row of any table tells of them, and nothing is drafted, approved or sent to them again."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from records import (
    addresses,
    alerts,
    answers,
    asked,
    audit,
    campaigns,
    corrections,
    digests,
    erased,
    erasing,
    goals,
    marks,
    notes,
    outbox,
    overrides,
    sending,
)
from records.campaigns import Attachment
from records.erased import Erased, Key
from records.erasing import People, purge
from records.errors import DraftChanged, NotAccepted, RecordsError
from records.owning import owning
from records.tables import GRANTS
from tests.records.conftest import Records, rows
from tests.records.outreach import NOON, RULES, approve, claim, draft, minutes, row, running, state

pytestmark = pytest.mark.postgres

SECRET = "a long random text"
KEY = Key.of(SECRET)
NAME, ID, ADDRESS = "Zenobia Quux", "canary-user-7", "Zenobia@Canary.Example"
MARKS = {KEY.user(ID), KEY.address(ADDRESS)}
CANARY = "zenobia|canary|quux"
"""What stands in no text of any table once she is erased; no random id has these letters."""
THEIRS: dict[str, Any] = {
    "account_id": "acme",
    "user_id": ID,
    "name": NAME,
    "address": ADDRESS,
    "address_key": ADDRESS.lower(),
    "subject": f"Hello {NAME}",
    "text": f"Dear {NAME}",
    "html": f"<p>Dear {NAME}</p>",
    "fields": {"first_name": "Zenobia"},
}


def mark(records: Records, *given: str) -> None:
    with owning(records.owner) as connection:
        erased.remember(connection, given or MARKS, now=NOON)


def erase(records: Records, **more: Any) -> erasing.Removed:
    """All of it: marked, then removed."""
    mark(records)
    people = People(names=frozenset({NAME}), addresses=frozenset({ADDRESS}))
    given: dict[str, Any] = {"responses": [("nps", "r7")], "now": NOON, **more}
    return purge(records.owner, Erased(frozenset(MARKS), KEY), people, **given)


def traces(records: Records) -> dict[str, int]:
    """How many rows of each table still tell of her."""
    told = "SELECT count(*) FROM (SELECT t::text FROM tenure.{} t) x WHERE t ~* '" + CANARY + "'"
    counts = {table: rows(records.owner, told.format(table))[0][0] for table in GRANTS}
    return {table: count for table, count in counts.items() if count}


def sent(records: Records, *more: Any, attachments: Any = (), **values: Any) -> UUID:
    """A message to her that was sent, as one of a campaign."""
    mine = row(**(THEIRS | values))
    running(records, [mine, *more], attachments=attachments, title=f"For {NAME}",
            audience={"label": f"{NAME}'s", "user_ids": [ID, "other"], "account_ids": ["acme"]})  # fmt: skip
    taken = next(each for each in claim(records, limit=1_000) if each.id == mine.id)
    outbox.begin_sending(records.engine, taken, now=NOON, rules=RULES)
    outbox.sent(records.engine, taken, now=NOON, detail=f"250 {NAME}")
    return mine.id


@pytest.fixture
def planted(empty: Records) -> dict[str, UUID]:
    """Her name, id or address in every table that could hold one; the ids of her messages."""
    engine, more = empty.engine, {"author": NAME, "now": NOON}
    zone = ZoneInfo("Europe/Berlin")
    first = sent(empty, attachments=[Attachment("for.pdf", "application/pdf", b"canary")])
    answers.answer(engine, first, question="nps", score=3, comment=f"{NAME} is cross", now=NOON)
    other = row("bo", text=f"Best,\nZenobia\n Quux & co. <{ADDRESS}>")
    queued = row(**(THEIRS | {"id": uuid4(), "account_id": "acme2"}))
    running(empty, [queued, other], now=NOON)
    named, _ = draft(empty, [row("cy", text=f"Ask {NAME.upper()}")])
    addresses.opt_out(engine, ADDRESS.lower(), source="link", now=NOON, actor=ADDRESS)
    addresses.suppress(engine, ADDRESS.lower(), reason="bounced", now=NOON)
    addresses.suppress(engine, f"user:{ID}", reason="asked", now=NOON)
    addresses.suppress(engine, "bo@example.org", reason="asked", detail=f"as {NAME} said", now=NOON)
    digests.subscribe(engine, ADDRESS, actor=ADDRESS, now=NOON)
    goals.set_goal(engine, account_id="acme", goal=goals.Goal(f"{NAME} saves time", champion=NAME), **more)
    goals.set_goal(engine, account_id="acme2", goal=goals.Goal(None, champion_id=ID), **more)
    notes.set_note(engine, account_id="acme", note_id=UUID(int=1), text=f"{NAME} called", **more)
    notes.set_note(engine, account_id="acme", note_id=UUID(int=1), text="Nobody called", **more)
    override = overrides.Override("red", None, f"{NAME.title()} told me", date(2026, 12, 1))
    overrides.set_override(engine, account_id="acme", override=override, zone=zone, **more)
    corrections.set_themes(engine, source="nps", response_id="r7", themes=["price"], **more)
    corrections.set_themes(engine, source="nps", response_id=f"tenure-{first}", themes=["price"], **more)
    corrections.set_themes(engine, source="nps", response_id="r8", themes=["price"], author="ada", now=NOON)
    marks.set_mark(engine, account_id="acme", month=date(2026, 3, 1), regrettable=True, **more)
    alerts.once(engine, "acme", week=date(2026, 11, 18), kind="red", cause=f"{NAME} left", now=NOON)
    sending.pause(engine, actor=ADDRESS, reason=f"{NAME} asked for it", now=NOON)
    sending.resume(engine, actor=ADDRESS, now=minutes(1))
    sending.pause(engine, actor=ADDRESS, reason=f"{NAME} asked again", now=minutes(2))
    return {"sent": first, "queued": queued.id, "other": other.id, "draft": named}


def test_no_row_tells_of_her_and_the_audit_log_never_did(empty: Records, planted: dict[str, UUID]) -> None:
    before = traces(empty)
    holding = {"subjects", "messages", "answers", "campaigns", "message_events", "opt_outs", "suppressions",
               "subscribers", "goals", "notes", "overrides", "alerts", "sending"}  # fmt: skip
    assert before.keys() == holding
    log = audit.entries(empty.engine).height
    removed = erase(empty)
    assert traces(empty) == {}
    assert removed.messages == {planted["sent"], planted["queued"], planted["other"]}
    assert removed.rows == {
        "messages": 3, "answers": 1, "message_events": 2, "drafts": 1, "opt_outs": 1, "suppressions": 3,
        "subscribers": 1, "subjects": 2, "goals": 2, "notes": 2, "overrides": 1, "campaigns": 2, "alerts": 1,
        "sending": 1, "theme_corrections": 2, "attachments": 1,
    }  # fmt: skip
    assert rows(empty.owner, "SELECT hmac FROM tenure.erased ORDER BY 1") == [(each,) for each in sorted(MARKS)]
    assert audit.entries(empty.engine).height == log
    again = erase(empty)
    assert (again.rows, again.messages) == ({}, removed.messages)  # so that files an interruption left are found


def test_what_others_wrote_and_how_often_anybody_was_written_to_stays(empty: Records, planted: dict[str, UUID]) -> None:
    erase(empty)
    engine = empty.engine
    assert notes.current(engine, "acme")["text"].to_list() == ["Nobody called"]
    assert notes.history(engine, "acme", UUID(int=1))["text"].to_list() == ["Nobody called", "[erased] called"]
    assert goals.current(engine).select("goal", "champion_id", "champion").rows() == [
        ("[erased] saves time", None, None), (None, None, None)
    ]  # fmt: skip
    assert overrides.history(engine, "acme")["reason"].to_list() == ["[erased] told me"]
    assert corrections.current(engine)["response_id"].to_list() == ["r8"]
    assert addresses.suppressions(engine).select("address_key", "detail").rows() == [
        ("bo@example.org", "as [erased] said")
    ]
    assert state(empty, planted["sent"]) == ("sent", "erased")
    assert state(empty, planted["queued"]) == ("left_out", "erased")
    assert state(empty, planted["other"]) == ("left_out", "erased")  # approved with her name in it
    assert campaigns.campaign(engine, planted["draft"]) is None
    found = campaigns.message(engine, planted["other"])
    assert found is not None
    assert (found.address, found.text) == ("bo@example.org", "Best,\n[erased] & co. <[erased]>")
    listed = campaigns.list_campaigns(engine)
    assert set(listed["title"]) == {"For [erased]", "Sorry"}
    sent_one = campaigns.campaign(engine, UUID(listed.filter(title="For [erased]")["id"].item()))
    assert sent_one is not None
    assert sent_one.audience == {"label": "[erased]'s", "user_ids": ["other"], "account_ids": ["acme"]}
    assert asked.asked(engine).is_empty()
    assert answers.current(engine).select("score", "comment", "user_id").rows() == [(3, None, None)]


def test_looking_first_counts_the_same_and_changes_nothing(empty: Records, planted: dict[str, UUID]) -> None:
    whole = {table: rows(empty.owner, f"SELECT t::text FROM tenure.{table} t ORDER BY 1") for table in GRANTS}
    people = People(names=frozenset({NAME}), addresses=frozenset({ADDRESS}))
    more: dict[str, Any] = {"responses": [("nps", "r7")], "now": NOON}
    looked = purge(empty.owner, Erased(frozenset(MARKS), KEY), people, change=False, **more)
    assert {t: rows(empty.owner, f"SELECT t::text FROM tenure.{t} t ORDER BY 1") for t in GRANTS} == whole
    assert erase(empty) == looked


def test_an_interruption_leaves_all_or_nothing_and_doing_it_again_ends_clean(
    empty: Records, planted: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = traces(empty)
    with monkeypatch.context() as patched:
        patched.setattr(erasing._Purge, "_attachments", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase(empty)
    assert traces(empty) == before
    assert rows(empty.owner, "SELECT count(*) FROM tenure.erased") == [(2,)]
    erase(empty)
    assert traces(empty) == {}


def test_nothing_is_drafted_approved_or_sent_to_whom_a_mark_is_of(empty: Records) -> None:
    engine = empty.engine
    again = {"address": "zenobia@canary.example", "address_key": "zenobia@canary.example", "user_id": "new id"}
    waiting, mark_of_waiting = draft(empty, [row(**again)])
    running(empty, [row(**again), row("dee")])
    mark(empty)
    with pytest.raises(NotAccepted, match="Somebody in it was erased"):
        draft(empty, [row("ed"), row(**again)], secret_key=SECRET)
    with pytest.raises(NotAccepted, match="Somebody in it was erased"):
        approve(empty, waiting, mark_of_waiting, secret_key=SECRET)
    with pytest.raises(NotAccepted, match="was erased"):
        digests.subscribe(engine, ADDRESS, actor="ada", now=NOON, secret_key=SECRET)
    held = {each.name: each for each in claim(empty)}
    begun = {
        name: outbox.begin_sending(engine, each, now=NOON, rules=RULES, secret_key=SECRET)
        for name, each in held.items()
    }
    assert [type(found) for name, found in begun.items() if name == "Dee"] == [outbox.Begun]
    assert [found for name, found in begun.items() if name != "Dee"] == [outbox.Refused("erased", "left_out")]
    id, _ = draft(empty, [row("fay")], secret_key=SECRET, audience={"user_ids": [ID, "fay"]})
    found = campaigns.campaign(engine, id)
    assert found is not None
    assert found.audience == {"user_ids": ["fay"]}


@pytest.mark.parametrize("secret", [None, "another key"])
def test_without_the_key_they_were_erased_with_nothing_is_sent_to_anybody(empty: Records, secret: str | None) -> None:
    id, fingerprint = draft(empty, [row("ada")])
    running(empty, [row("bo")])
    (held,) = claim(empty)
    mark(empty)
    for attempt in (
        lambda: draft(empty, [row("cy")], secret_key=secret),
        lambda: approve(empty, id, fingerprint, secret_key=secret),
        lambda: outbox.begin_sending(empty.engine, held, now=NOON, rules=RULES, secret_key=secret),
        lambda: digests.subscribe(empty.engine, "a@example.org", actor="ada", now=NOON, secret_key=secret),
    ):
        with pytest.raises(RecordsError, match="SECRET_KEY is not"):
            attempt()
    assert state(empty, held.id)[0] == "claimed"


def test_the_dashboards_role_can_neither_mark_nor_remove(empty: Records) -> None:
    with pytest.raises(RecordsError) as refused, owning(empty.writer) as connection:
        erased.remember(connection, MARKS, now=NOON)
    assert "RECORDS_OWNER_URL" in str(refused.value)
    with pytest.raises(RecordsError, match="permission denied"):
        purge(empty.writer, Erased(frozenset(MARKS), KEY), People(), responses=[], now=NOON)


def test_whoever_writes_a_draft_is_waited_for_before_somebody_is_marked(empty: Records) -> None:
    with empty.engine.begin() as writing:
        erased.hold(writing)
        with owning(empty.owner) as connection:
            free = connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({erased._LOCK})")
            assert free.scalar() is False


def test_a_namesake_keeps_their_own_message(empty: Records) -> None:
    other = {"user_id": "zq", "address": "zq@example.org", "address_key": "zq@example.org", "account_id": "b"}
    mine, namesake = row(**THEIRS), row(**THEIRS | other)
    running(empty, [mine, namesake])
    erase(empty)
    assert state(empty, namesake.id) == ("queued", None)
    found = campaigns.message(empty.engine, namesake.id)
    assert found is not None
    assert (found.name, found.text) == (NAME, f"Dear {NAME}")


def test_a_draft_cannot_be_approved_once_it_was_thrown_away(empty: Records) -> None:
    id, fingerprint = draft(empty, [row(**THEIRS), row("bo")])
    assert erase(empty).rows == {"drafts": 1}
    with pytest.raises(DraftChanged):
        approve(empty, id, fingerprint, secret_key=SECRET)


def test_marks_are_of_one_kind_and_one_key_and_compare_addresses_as_mail_does() -> None:
    assert KEY.address("A.b@Example.org ") == KEY.address("a.B@example.ORG")
    assert KEY.address("x@bücher.example") == KEY.address("X@xn--bcher-kva.example")
    assert len({KEY.address("a@b.example"), KEY.user("a@b.example"), Key.of("other").user("a@b.example")}) == 3
    assert "long" not in repr(KEY)
    everybody = Erased.of(MARKS, SECRET)
    assert everybody.users([ID, "x", None]) == {ID}
    assert everybody.addresses(["zenobia@canary.example", "no address", ""]) == {"zenobia@canary.example"}
    assert not Erased.of([], None)
    for secret in (None, "another"):
        with pytest.raises(RecordsError, match="SECRET_KEY"):
            Erased.of(MARKS, secret)


def test_an_address_that_is_only_folded_is_what_the_full_look_makes_of_it() -> None:
    for one in ("Ada.L+x@Ex-ample.org", "a_b%c@a.b.c", "x@xn--bcher-kva.example", "ä@example.org"):
        assert erased.normal(one) == addresses.address_key(one)
    assert erased.normal(" No Address ") == "no address"
