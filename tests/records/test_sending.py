"""Sending as a whole: paused by people or because the database was restored; workers; alerts; the digest's months."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from uuid import UUID

import pytest

from records import alerts, audit, campaigns, digests, outbox, sending
from records.errors import DraftChanged, NotAccepted
from tests.conftest import Database
from tests.records.conftest import Records, as_writer, execute, rows
from tests.records.outreach import NOON, begin, claim, claimed, draft, minutes, row, running

pytestmark = pytest.mark.postgres


def check(records: Records, counter: int | None = None) -> str | None:
    return sending.check_restored(records.engine, counter=counter, now=NOON)


def test_a_database_that_is_the_same_goes_on_sending(empty: Records) -> None:
    assert sending.state(empty.engine) == sending.Sending(False, None, 0, None)
    assert check(empty) is None
    for held in claimed(empty, row(), row()):
        begin(empty, held)
    assert check(empty, 2) is None
    assert check(empty, 1) is None  # the file is written after the commit, and may be behind
    assert sending.state(empty.engine).sent == 2


def test_the_role_of_the_dashboard_may_read_what_tells_databases_apart(empty: Records) -> None:
    check(empty)
    identity, timeline = rows(empty.owner, "SELECT system_identifier, timeline FROM tenure.sending")[0]
    expected = "SELECT (SELECT system_identifier FROM pg_control_system()), oid FROM pg_database WHERE datname = "
    assert identity.split("/") == [str(part) for part in rows(empty.owner, f"{expected} current_database()")[0]]
    assert timeline == 1


@pytest.mark.parametrize(
    ("change", "counter", "says"),
    [
        ("system_identifier = '7/8'", None, "a copy of the one"),
        ("timeline = 9", None, "restored or taken over by a standby"),
        ("sent = 3", 7, "knows of 3 messages sent, workers of 7"),
    ],
)
def test_a_restored_database_starts_paused_until_a_person_resumes(
    empty: Records, change: str, counter: int | None, says: str
) -> None:
    running(empty, [row()])
    check(empty)
    execute(empty.owner, f"UPDATE tenure.sending SET {change}")
    why = check(empty, counter)
    assert why is not None
    assert says in why
    assert check(empty, counter) == why  # still
    assert claim(empty) == []
    assert sending.state(empty.engine).reason == why
    sending.resume(empty.engine, actor="ada", now=minutes(1))
    assert check(empty, counter) is None
    assert len(claim(empty)) == 1
    assert audit.entries(empty.engine, object="sending").select("action", "actor").rows() == [
        ("resume sending", "ada"), ("pause sending", "tenure")
    ]  # fmt: skip


def test_a_real_copy_of_the_database_is_noticed(empty: Records, database: Database) -> None:
    running(empty, [row()])
    check(empty)
    empty.engine.dispose()
    url = database(copy_of=empty.owner)
    copy = Records(url, as_writer(url))
    try:
        why = check(copy)
        assert why == "The database is a copy of the one that messages were sent from."
        assert claim(copy) == []
    finally:
        copy.engine.dispose()
    assert check(empty) is None


def test_a_counter_ahead_of_a_new_database_tells_too(empty: Records) -> None:
    assert "knows of 0 messages sent, workers of 5" in str(check(empty, 5))


def test_where_the_role_may_not_ask_the_counter_alone_tells(empty: Records) -> None:
    functions = ("pg_control_system()", "pg_current_wal_lsn()")
    for function in functions:
        execute(empty.owner, f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
    assert check(empty) is None
    identity, timeline = rows(empty.owner, "SELECT system_identifier, timeline FROM tenure.sending")[0]
    assert (identity.split("/")[0], timeline) == ("-", None)
    for function in functions:
        execute(empty.owner, f"GRANT EXECUTE ON FUNCTION {function} TO PUBLIC")
    assert check(empty) is None  # what was unknown before is no difference
    assert "workers of 1" in str(check(empty, 1))


def test_once_pausing_is_through_nothing_begins(empty: Records) -> None:
    held = claimed(empty, *(row() for _ in range(10)))
    together, begun, paused_at = threading.Barrier(2), [], []

    def send() -> None:
        together.wait(30)
        begun.extend(isinstance(begin(empty, each), outbox.Begun) for each in held)

    def pause() -> None:
        together.wait(30)
        sending.pause(empty.engine, actor="ada", reason="storm", now=NOON)
        paused_at.append(sending.state(empty.engine).sent)

    threads = [threading.Thread(target=run) for run in (send, pause)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sending.state(empty.engine).sent == paused_at[0] == begun.count(True)


def test_workers_are_listed_until_they_are_silent_for_a_day(empty: Records) -> None:
    old, new = UUID(int=1), UUID(int=2)
    sending.beat(empty.engine, old, started_at=NOON, now=NOON, sent=3)
    sending.beat(empty.engine, old, started_at=NOON, now=minutes(1), sent=4, mail_ok=False)
    sending.beat(empty.engine, new, started_at=minutes(2), now=minutes(2), sent=0, mail_ok=True)
    assert sending.workers(empty.engine).rows() == [
        (str(new), minutes(2), minutes(2), 0, True),
        (str(old), NOON, minutes(1), 4, False),
    ]
    sending.beat(empty.engine, new, started_at=minutes(2), now=minutes(2) + timedelta(days=1), sent=9)
    assert sending.workers(empty.engine)["worker"].to_list() == [str(new)]


# --- alerts and digests ---------------------------------------------------------------------------------------------


def test_the_team_is_told_about_an_account_once_a_week(empty: Records) -> None:
    def once(day: date, account: str = "a", kind: str = "red") -> bool:
        return alerts.once(empty.engine, account, week=day, kind=kind, cause="Turned red.", now=NOON)

    wednesday = date(2026, 11, 18)
    assert once(wednesday)
    assert not once(date(2026, 11, 22), kind="detractor")  # the Sunday of the same week
    assert once(date(2026, 11, 23))
    assert once(wednesday, account="b")
    assert alerts.alerts(empty.engine).rows() == [
        ("b", date(2026, 11, 16), "red", "Turned red.", NOON),
        ("a", date(2026, 11, 23), "red", "Turned red.", NOON),
        ("a", date(2026, 11, 16), "red", "Turned red.", NOON),
    ]
    assert alerts.alerts(empty.engine, since=minutes(1)).is_empty()


def test_subscribers_are_those_whose_newest_word_is_yes(empty: Records) -> None:
    for address in ("bo@example.org", "Ada@example.org", "cy@example.org", "ada@example.org"):
        digests.subscribe(empty.engine, address, actor="ada", now=NOON)
    digests.subscribe(empty.engine, "BO@example.org", actor="ada", now=NOON, subscribed=False)
    assert digests.subscribers(empty.engine) == ["ada@example.org", "cy@example.org"]
    with pytest.raises(NotAccepted):
        digests.subscribe(empty.engine, "nobody", actor="ada", now=NOON)


def test_a_months_digest_is_queued_once_however_many_try(empty: Records) -> None:
    drafts = [draft(empty, [row(f"c{n}")], kind="internal", play="digest") for n in range(4)]
    month, together, found = date(2026, 11, 1), threading.Barrier(4), []

    def work(campaign_id: UUID, mark: str) -> None:
        together.wait(30)
        found.append(digests.queue(empty.engine, month, campaign_id, fingerprint=mark, approver="tenure", now=NOON))

    threads = [threading.Thread(target=work, args=each) for each in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found, key=str) == [1, None, None, None]
    assert sorted(campaigns.list_campaigns(empty.engine)["state"]) == ["draft", "draft", "draft", "running"]
    assert digests.queued(empty.engine, month)
    assert not digests.queued(empty.engine, date(2026, 12, 1))


def test_a_digest_whose_draft_is_gone_leaves_the_month_open(records: Records) -> None:
    month = date(2026, 10, 1)
    with pytest.raises(DraftChanged):
        digests.queue(records.engine, month, UUID(int=3), fingerprint="x", approver="tenure", now=NOON)
    assert not digests.queued(records.engine, month)
    with pytest.raises(NotAccepted, match="is no month"):
        digests.queue(records.engine, date(2026, 10, 2), UUID(int=3), fingerprint="x", approver="t", now=NOON)
