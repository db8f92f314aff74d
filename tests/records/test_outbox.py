"""The outbox: claimed by one, begun at most once, ended with the token, swept by time, and decided by people."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest

from records import addresses, campaigns, outbox, sending
from records.errors import NotAccepted, NotYet
from records.outbox import Begun, Claimed, Outside, Refused, Rules
from tests.records.conftest import Records, execute, rows
from tests.records.outreach import (
    LEASE,
    NOON,
    RULES,
    begin,
    claim,
    claimed,
    minutes,
    row,
    running,
    state,
    told,
)

pytestmark = pytest.mark.postgres
FREE = Rules(most_per_person=100, contact_days=14, account_contact_days=0)


def test_a_message_goes_from_the_queue_to_sent_and_every_step_is_noted(records: Records) -> None:
    one = row()
    [held] = claimed(records, one)
    assert (held.address, held.subject, held.kind, held.play, held.attempts) == (
        one.address, one.subject, "marketing", "sorry", 0
    )  # fmt: skip
    begun = begin(records, held, now=minutes(1))
    assert isinstance(begun, Begun)
    assert (begun.attempt, begun.lease_until) == (1, minutes(3))
    assert outbox.sent(records.engine, held, now=minutes(2), code="250", detail="2.0.0 Ok: queued as 7F") is True
    assert state(records, one.id) == ("sent", None)
    assert told(records, one.id) == [
        (None, "queued", None),
        ("queued", "claimed", "claimed"),
        ("claimed", "sending", None),
        ("sending", "sent", "250"),
    ]
    found = campaigns.events(records.engine, one.id)
    assert found["at"].to_list() == [NOON, NOON, minutes(1), minutes(2)]
    assert found["actor"].to_list() == ["bo", None, None, None]
    assert found["detail"].to_list() == [None, "worker 00000000-0000-0000-0000-000000000001", None,
                                         "2.0.0 Ok: queued as 7F"]  # fmt: skip


def test_workers_never_claim_the_same_message(empty: Records) -> None:
    running(empty, [row() for _ in range(60)])
    together, taken = threading.Barrier(6), []

    def work(number: int) -> None:
        together.wait(30)
        while found := claim(empty, limit=4, worker=UUID(int=number)):
            taken.extend(found)

    threads = [threading.Thread(target=work, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(taken) == len({each.id for each in taken}) == len({each.token for each in taken}) == 60
    assert rows(empty.owner, "SELECT count(*) FROM tenure.message_events WHERE state = 'claimed'") == [(60,)]


def test_only_what_is_due_in_a_running_campaign_is_claimed_the_longest_due_first(empty: Records) -> None:
    later, soon, first = row(not_before=minutes(10)), row(not_before=minutes(2)), row(not_before=minutes(1))
    running(empty, [later, soon, first])
    paused = running(empty, [row()])
    campaigns.pause(empty.engine, paused, actor="ada", reason="wait", now=NOON)
    assert claim(empty, now=NOON) == []
    assert [each.id for each in claim(empty, now=minutes(3))] == [first.id, soon.id]
    assert claim(empty, now=NOON + timedelta(hours=72, minutes=10)) == []  # its window has just closed
    sending.pause(empty.engine, actor="ada", reason="storm", now=minutes(4))
    assert claim(empty, now=minutes(11)) == []
    sending.resume(empty.engine, actor="ada", now=minutes(5))
    assert [each.id for each in claim(empty, now=minutes(11))] == [later.id]


# --- may it be sent? ------------------------------------------------------------------------------------------------

Before = Callable[[Records, Claimed], None]


def opts_out(records: Records, held: Claimed) -> None:
    addresses.opt_out(records.engine, held.address_key, source="link", now=NOON)


def opts_out_elsewhere(records: Records, held: Claimed) -> None:
    old = f"old.{held.address_key}"
    addresses.opt_out(records.engine, old, user_id=held.user_id, source="link", now=NOON)


def is_suppressed(records: Records, held: Claimed) -> None:
    addresses.suppress(records.engine, held.address_key, reason="bounced", now=NOON)


def is_erased(records: Records, held: Claimed) -> None:
    execute(records.owner, f"UPDATE tenure.messages SET address = NULL WHERE id = '{held.id}'")


def is_paused(records: Records, held: Claimed) -> None:
    campaigns.pause(records.engine, held.campaign_id, actor="ada", reason="wait", now=NOON)


def is_cancelled(records: Records, held: Claimed) -> None:
    campaigns.cancel(records.engine, held.campaign_id, actor="ada", now=NOON)


def is_released(records: Records, held: Claimed) -> None:
    outbox.release(records.engine, held, now=NOON)


@pytest.mark.parametrize(
    ("happens", "kind", "refused"),
    [
        (opts_out, "marketing", Refused("opted_out", "left_out")),
        (opts_out_elsewhere, "marketing", Refused("opted_out", "left_out")),
        (is_suppressed, "marketing", Refused("suppressed", "left_out")),
        (is_suppressed, "service", Refused("suppressed", "left_out")),
        (is_suppressed, "internal", Refused("suppressed", "left_out")),
        (is_erased, "service", Refused("erased", "left_out")),
        (is_paused, "service", Refused("campaign_paused", "queued")),
        (is_cancelled, "service", Refused("lost", None)),
        (is_released, "marketing", Refused("lost", None)),
    ],
)
def test_what_happens_after_the_claim_is_seen_before_sending(
    records: Records, happens: Before, kind: str, refused: Refused
) -> None:
    [held] = claimed(records, row(), kind=kind)
    counted = sending.state(records.engine).sent
    happens(records, held)
    assert begin(records, held, now=minutes(1)) == refused
    assert sending.state(records.engine).sent == counted
    if refused.state is not None:
        assert state(records, held.id)[0] == refused.state
        assert told(records, held.id)[-1] == ("claimed", refused.state, refused.reason)


@pytest.mark.parametrize("kind", ["service", "internal"])
def test_service_mail_asks_for_no_opt_out_and_no_cap(records: Records, kind: str) -> None:
    [before] = claimed(records, row("same" + kind))
    begin(records, before)
    [held] = claimed(records, row("same" + kind), kind=kind)
    opts_out(records, held)
    none = Rules(most_per_person=0, contact_days=14, account_contact_days=7)
    assert isinstance(begin(records, held, rules=none), Begun)


def test_a_most_of_zero_lets_nobody_through(records: Records) -> None:
    [held] = claimed(records, row())
    none = Rules(most_per_person=0, contact_days=0, account_contact_days=0)
    assert begin(records, held, rules=none) == Refused("cap_zero", "left_out")


def test_everything_waits_while_sending_is_paused(empty: Records) -> None:
    one = row()
    [held] = claimed(empty, one)
    sending.pause(empty.engine, actor="ada", reason="storm", now=NOON)
    assert begin(empty, held) == Refused("sending_paused", "queued")
    sending.resume(empty.engine, actor="ada", now=NOON)
    assert [each.id for each in claim(empty)] == [one.id]


@pytest.mark.parametrize("at", ["draft", "queued", "claimed", "retried", "released", "later", "again"])
def test_whoever_opts_out_at_any_state_gets_nothing_more(records: Records, at: str) -> None:
    one, out = row(), lambda: addresses.opt_out(records.engine, held_key, source="link", now=NOON)
    held_key = one.address_key
    if at in ("draft", "queued"):
        out()
    [held] = claimed(records, one)
    moment = NOON
    if at in ("retried", "again"):
        assert isinstance(begin(records, held), Begun)
        if at == "retried":
            outbox.retry_later(records.engine, held, not_before=minutes(5), now=NOON)
        else:
            outbox.uncertain(records.engine, held, now=NOON)
            outbox.resolve(records.engine, held.id, as_sent=False, actor="ada", now=minutes(5), lease=LEASE)
        moment = minutes(5)
    elif at == "released":
        outbox.release(records.engine, held, now=NOON)
    elif at == "later":
        outbox.later(records.engine, held, not_before=minutes(5), now=NOON)
        moment = minutes(5)
    out()
    if at not in ("draft", "queued", "claimed"):
        [held] = [each for each in claim(records, now=moment) if each.id == one.id]
    assert begin(records, held, now=moment) == Refused("opted_out", "left_out")
    assert state(records, one.id) == ("left_out", "opted_out")


def while_waiting(records: Records, statements: list[str], work: Callable[[], Any]) -> Any:
    """What ``work`` gives that begins while ``statements`` are done and not committed, and ends after they are."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with closing(psycopg2.connect(records.owner)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        thread.start()
        while thread.is_alive() and rows(records.owner, waiting) == [(0,)]:
            pass
        connection.commit()
    thread.join(30)
    return found[0]


def test_an_opt_out_that_is_being_saved_is_waited_for(records: Records) -> None:
    [held] = claimed(records, row())
    begin(records, claimed(records, row())[0])  # the row of all sending is there
    saving = [
        f"SELECT pg_advisory_xact_lock({addresses._LOCKS}, hashtext('{held.address_key}'))",
        f"INSERT INTO tenure.opt_outs (address_key, opted_out, source, at) "
        f"VALUES ('{held.address_key}', true, 'link', now())",
    ]
    found = while_waiting(records, saving, lambda: begin(records, held))
    assert found == Refused("opted_out", "left_out")


def test_an_opt_out_waits_for_the_message_that_is_beginning(records: Records) -> None:
    [held] = claimed(records, row())
    beginning = [f"SELECT pg_advisory_xact_lock({addresses._LOCKS}, hashtext('{held.address_key}'))"]
    while_waiting(records, beginning, lambda: opts_out(records, held))
    assert addresses.opted_out(records.engine, [held.address_key]) == {held.address_key}


# --- caps -----------------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("same", "days", "outcome", "refused"),
    [
        ("person", 13, "sent", "contacted_lately"),
        ("person", 13, "uncertain", "contacted_lately"),
        ("person", 13, "failed", None),
        ("person", 14, "sent", None),
        ("key", 13, "sent", "contacted_lately"),
        ("account", 6, "sent", "account_contacted_lately"),
        ("account", 6, "failed", None),
        ("account", 7, "sent", None),
        ("nobody", 1, "sent", None),
    ],
)
def test_people_and_accounts_are_left_alone_for_a_while(
    records: Records, same: str, days: int, outcome: str, refused: str | None
) -> None:
    name = f"cap{uuid4().hex[:8]}"
    others = {
        "person": row(f"other{name}", account_id=name, user_id="7"),
        "key": row(name, account_id="elsewhere" + name),
        "account": row(f"other{name}", account_id=name),
        "nobody": row(f"other{name}"),
    }
    [before] = claimed(records, others[same])
    begin(records, before, rules=FREE)
    {"sent": outbox.sent, "uncertain": outbox.uncertain, "failed": _fails}[outcome](records.engine, before, now=NOON)
    [held] = claimed(records, row(name, account_id=name, user_id="7"), now=NOON + days * DAY)
    found = begin(records, held, now=NOON + days * DAY)
    assert (found.reason if isinstance(found, Refused) else None) == refused


def _fails(engine: Any, held: Claimed, now: Any) -> bool:
    return outbox.failed(engine, held, reason="refused", now=now)


@pytest.mark.parametrize(
    ("play", "days", "refused"),
    [("sorry", 1, None), ("offer", 6, "account_contacted_lately"), ("offer", 7, None), ("cancelled", 1, None)],
)
def test_whom_another_play_held_out_is_left_alone_like_those_it_wrote_to(
    records: Records, play: str, days: int, refused: str | None
) -> None:
    account = f"held{uuid4().hex[:8]}"
    out = row(f"out{account}", account_id=account, arm="held_out", state="held_out", reason="holdout")
    campaign = running(records, [out, row()], play=play)
    if play == "cancelled":
        campaigns.cancel(records.engine, campaign, actor="ada", now=NOON)
    [held] = claimed(records, row(account_id=account), now=NOON + days * DAY)
    found = begin(records, held, now=NOON + days * DAY)
    assert (found.reason if isinstance(found, Refused) else None) == refused


@pytest.mark.parametrize(
    ("known", "kind", "refused"),
    [
        (Outside("left_company"), "service", "left_company"),
        (Outside(to_person=1), "marketing", "contacted_lately"),
        (Outside(to_account=1), "marketing", "account_contacted_lately"),
        (Outside(to_person=1, to_account=1), "service", None),
    ],
)
def test_what_is_known_outside_is_asked_before_sending(
    records: Records, known: Outside, kind: str, refused: str | None
) -> None:
    [held] = claimed(records, row(), kind=kind)
    found = outbox.begin_sending(records.engine, held, now=NOON, rules=RULES, outside=known)
    assert (found.reason if isinstance(found, Refused) else None) == refused


def test_two_of_one_account_get_one_campaign_together(records: Records) -> None:
    first, second = claimed(records, row(account_id="two"), row(account_id="two"))
    assert isinstance(begin(records, first), Begun)
    assert isinstance(begin(records, second), Begun)


def test_the_most_per_person_counts_messages(records: Records) -> None:
    rules = Rules(most_per_person=2, contact_days=14, account_contact_days=0)
    held = [claimed(records, row("often"))[0] for _ in range(3)]
    found = [begin(records, each, rules=rules) for each in held]
    assert [isinstance(each, Begun) for each in found] == [True, True, False]
    assert found[2] == Refused("contacted_lately", "left_out")


def test_a_digest_to_our_own_people_counts_for_no_cap(records: Records) -> None:
    [digest] = claimed(records, row("colleague"), kind="internal")
    begin(records, digest)
    [held] = claimed(records, row("colleague"))
    assert isinstance(begin(records, held), Begun)


def test_two_messages_to_one_person_do_not_pass_each_other(records: Records) -> None:
    [first], [second] = claimed(records, row("both")), claimed(records, row("both"))
    begin(records, claimed(records, row())[0])
    beginning = [
        "SELECT paused FROM tenure.sending FOR NO KEY UPDATE",
        f"UPDATE tenure.messages SET state = 'sending', sending_at = '{NOON}' WHERE id = '{first.id}'",
    ]
    found = while_waiting(records, beginning, lambda: begin(records, second))
    assert found == Refused("contacted_lately", "left_out")


def test_a_message_that_somebody_holds_is_not_waited_for(empty: Records) -> None:
    mine = [row(), row(), row()]
    running(empty, mine)
    with closing(psycopg2.connect(empty.owner)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM tenure.messages WHERE id = '{mine[0].id}' FOR UPDATE")
        assert {each.id for each in claim(empty)} == {mine[1].id, mine[2].id}
        assert outbox.sweep(empty.engine, now=NOON + timedelta(days=9)).expired == 2
        connection.rollback()
    assert outbox.sweep(empty.engine, now=NOON + timedelta(days=9)).expired == 1


# --- how it ends ----------------------------------------------------------------------------------------------------


def test_whoever_lost_the_lease_changes_nothing(records: Records) -> None:
    [held] = claimed(records, row())
    outbox.sweep(records.engine, now=minutes(2))
    [again] = [each for each in claim(records, now=minutes(3)) if each.id == held.id]
    assert begin(records, held, now=minutes(3)) == Refused("lost", None)
    assert not outbox.failed(records.engine, held, reason="refused", now=minutes(3))
    assert not outbox.release(records.engine, held, now=minutes(3))
    assert not outbox.later(records.engine, held, not_before=minutes(9), now=minutes(3))
    assert not outbox.sent(records.engine, held, now=minutes(3))
    assert state(records, held.id) == ("claimed", None)
    assert told(records, held.id)[-1] == ("claimed", "claimed", "late")
    assert isinstance(begin(records, again, now=minutes(3)), Begun)


def test_nothing_ends_that_did_not_begin(records: Records) -> None:
    [held] = claimed(records, row())
    for end in (outbox.sent, outbox.uncertain):
        assert end(records.engine, held, now=NOON) is False
    assert state(records, held.id) == ("claimed", None)
    assert outbox.failed(records.engine, held, reason="not_rendered", now=NOON) is True
    assert state(records, held.id) == ("failed", "not_rendered")


def test_nothing_begins_twice(records: Records) -> None:
    [held] = claimed(records, row())
    assert isinstance(begin(records, held), Begun)
    assert begin(records, held) == Refused("lost", None)
    outbox.sent(records.engine, held, now=NOON)
    assert begin(records, held) == Refused("lost", None)


def test_a_hard_bounce_suppresses_the_address_in_the_same_breath(records: Records) -> None:
    [held] = claimed(records, row())
    begin(records, held)
    outbox.failed(
        records.engine, held, reason="refused", now=NOON, code="550", detail="no such user", suppress="bounced"
    )
    assert addresses.suppressed(records.engine, [held.address_key]) == {held.address_key: "bounced"}
    found = campaigns.message(records.engine, held.id)
    assert found is not None
    assert (found.state, found.reason, found.detail, found.ended_at) == ("failed", "refused", "no such user", NOON)


def test_what_the_server_put_off_is_tried_again_later_and_counts_the_attempts(records: Records) -> None:
    [held] = claimed(records, row())
    begin(records, held)
    assert outbox.retry_later(records.engine, held, not_before=minutes(5), now=minutes(1), code="451", detail="busy")
    found = campaigns.message(records.engine, held.id)
    assert found is not None
    assert (found.state, found.attempts, found.not_before, found.sending_at) == ("queued", 1, minutes(5), None)
    assert held.id not in {each.id for each in claim(records, now=minutes(4))}
    [again] = [each for each in claim(records, now=minutes(5)) if each.id == held.id]
    assert again.attempts == 1
    assert begin(records, again, now=minutes(5)).attempt == 2


def test_a_recipient_refused_for_now_before_sending_began_counts_as_an_attempt(records: Records) -> None:
    [held] = claimed(records, row())
    assert outbox.retry_later(records.engine, held, not_before=minutes(5), now=NOON, code="450")
    found = campaigns.message(records.engine, held.id)
    assert found is not None
    assert (found.state, found.attempts, found.sending_at) == ("queued", 1, None)


def test_waiting_for_the_morning_moves_the_window_along(records: Records) -> None:
    [held] = claimed(records, row())
    morning = NOON + timedelta(hours=100)
    assert outbox.later(records.engine, held, not_before=morning, now=NOON)
    found = campaigns.message(records.engine, held.id)
    assert found is not None
    assert (found.state, found.reason, found.expires_at) == ("queued", "quiet_hours", morning + timedelta(hours=72))
    [again] = [each for each in claim(records, now=morning) if each.id == held.id]
    assert isinstance(begin(records, again, now=morning), Begun)
    assert state(records, held.id) == ("sending", None)


def test_what_comes_back_from_the_server_of_a_cancelled_campaign_is_cancelled(records: Records) -> None:
    [held] = claimed(records, row())
    begin(records, held)
    campaigns.cancel(records.engine, held.campaign_id, actor="ada", now=NOON)
    assert outbox.retry_later(records.engine, held, not_before=NOON, now=NOON)
    assert state(records, held.id)[0] == "cancelled"


def test_a_run_of_errors_pauses_the_campaign_and_one_bad_address_does_not(records: Records) -> None:
    mine = [row() for _ in range(8)]
    held = claimed(records, *mine)
    campaign_id = held[0].campaign_id

    def outcome(number: int, good: bool) -> str:
        begin(records, held[number])
        if good:
            outbox.sent(records.engine, held[number], now=NOON)
        elif number % 2:
            outbox.retry_later(records.engine, held[number], not_before=minutes(9), now=NOON, errors_pause=3)
        else:
            outbox.failed(records.engine, held[number], reason="refused", now=NOON, errors_pause=3)
        found = campaigns.campaign(records.engine, campaign_id)
        assert found is not None
        return found.state

    goods = [False, False, True, False, False]
    assert [outcome(number, good) for number, good in enumerate(goods)] == ["running"] * 5
    assert outcome(5, False) == "paused"
    found = campaigns.campaign(records.engine, campaign_id)
    assert found is not None
    assert found.reason == "The last 3 attempts went wrong."
    campaigns.resume(records.engine, campaign_id, actor="ada", now=minutes(3))
    begin(records, held[6], now=minutes(1))
    outbox.failed(records.engine, held[6], reason="refused", now=minutes(3), errors_pause=3)
    found = campaigns.campaign(records.engine, campaign_id)
    assert found is not None
    assert found.state == "running"  # a new run begins when somebody resumes


# --- time, and people -----------------------------------------------------------------------------------------------


def test_a_lease_that_ended_goes_back_before_sending_and_is_uncertain_after(empty: Records) -> None:
    waits, sends = row(), row()
    first, second = claimed(empty, waits, sends)
    begin(empty, second, now=minutes(1))
    assert outbox.sweep(empty.engine, now=minutes(1.9)) == outbox.Swept(0, 0, 0, 0, 0)
    assert outbox.sweep(empty.engine, now=minutes(2)) == outbox.Swept(1, 0, 0, 0, 0)
    assert outbox.sweep(empty.engine, now=minutes(3)) == outbox.Swept(0, 1, 0, 0, 0)
    assert (state(empty, waits.id)[0], state(empty, sends.id)[0]) == ("queued", "uncertain")
    assert [each.id for each in claim(empty, now=minutes(60))] == [waits.id]
    assert outbox.sweep(empty.engine, now=NOON + timedelta(days=30)).requeued == 1
    assert state(empty, sends.id)[0] == "uncertain"
    assert campaigns.uncertain(empty.engine)["message_id"].to_list() == [str(sends.id)]
    assert first.campaign_id == second.campaign_id


def test_a_slow_worker_may_still_say_how_it_ended_until_a_person_decides(records: Records) -> None:
    slow, slower = claimed(records, row(), row())
    begin(records, slow)
    begin(records, slower)
    outbox.sweep(records.engine, now=minutes(2))
    assert outbox.sent(records.engine, slow, now=minutes(3)) is True
    assert told(records, slow.id)[-2:] == [("sending", "uncertain", "lease_ended"), ("uncertain", "sent", None)]
    outbox.resolve(records.engine, slower.id, as_sent=False, actor="ada", now=minutes(5), lease=LEASE)
    assert outbox.sent(records.engine, slower, now=minutes(6)) is False
    assert state(records, slower.id)[0] == "queued"


def test_sending_again_is_offered_two_leases_after_it_began_and_not_before(records: Records) -> None:
    [held] = claimed(records, row())
    begin(records, held, now=minutes(1))
    outbox.uncertain(records.engine, held, now=minutes(1), detail="the server hung up after the last dot")

    def again(now: Any) -> None:
        outbox.resolve(records.engine, held.id, as_sent=False, actor="ada", now=now, lease=LEASE)

    with pytest.raises(NotYet, match="from 12:05:00 UTC"):
        again(minutes(4.9))
    again(minutes(5))
    with pytest.raises(NotAccepted, match="not uncertain any more"):
        again(minutes(6))
    [taken] = [each for each in claim(records, now=minutes(5)) if each.id == held.id]
    assert begin(records, taken, now=minutes(5)).attempt == 2
    assert told(records, held.id)[-3] == ("uncertain", "queued", "send_again")
    assert campaigns.events(records.engine, held.id)["actor"].to_list()[-3] == "ada"


def test_what_was_drafted_too_long_ago_is_not_sent_again_but_drafted_anew(records: Records) -> None:
    held, other = claimed(records, row(), row())
    for each in (held, other):
        begin(records, each)
        outbox.uncertain(records.engine, each, now=NOON)
    more: dict[str, Any] = {"actor": "ada", "lease": LEASE, "draft_hours": 24, "window_hours": 72}
    with pytest.raises(NotAccepted, match="2026-11-18 12:00 UTC") as refused:
        outbox.resolve(records.engine, held.id, as_sent=False, now=NOON + timedelta(hours=97), **more)
    assert "draft a new one" in str(refused.value)
    outbox.resolve(records.engine, held.id, as_sent=True, now=NOON + timedelta(hours=97), **more)
    outbox.resolve(records.engine, other.id, as_sent=False, now=NOON + timedelta(hours=96), **more)


def test_a_person_says_that_an_uncertain_message_was_sent(records: Records) -> None:
    [held] = claimed(records, row())
    begin(records, held)
    outbox.uncertain(records.engine, held, now=NOON)
    outbox.resolve(records.engine, held.id, as_sent=True, actor="ada", now=NOON, lease=LEASE)
    assert state(records, held.id)[0] == "sent"
    for unknown in (held.id, uuid4()):
        with pytest.raises(NotAccepted):
            outbox.resolve(records.engine, unknown, as_sent=True, actor="ada", now=NOON, lease=LEASE)


def test_nothing_of_a_cancelled_campaign_is_sent_again(records: Records) -> None:
    [held] = claimed(records, row())
    begin(records, held)
    outbox.uncertain(records.engine, held, now=NOON)
    campaigns.cancel(records.engine, held.campaign_id, actor="ada", now=NOON)
    with pytest.raises(NotAccepted, match="cancelled"):
        outbox.resolve(records.engine, held.id, as_sent=False, actor="ada", now=minutes(9), lease=LEASE)
    outbox.resolve(records.engine, held.id, as_sent=True, actor="ada", now=minutes(9), lease=LEASE)


def test_what_was_not_sent_in_its_window_is_left_out(empty: Records) -> None:
    one, other = row(), row(not_before=minutes(60))
    running(empty, [one, other])
    late = NOON + timedelta(hours=72)
    assert outbox.sweep(empty.engine, now=late).expired == 1
    assert state(empty, one.id) == ("left_out", "expired")
    [held] = claim(empty, now=late)
    assert held.id == other.id
    assert campaigns.message(empty.engine, one.id).ended_at == late  # type: ignore[union-attr]


def test_a_message_claimed_in_time_is_not_begun_too_late(records: Records) -> None:
    [held] = claimed(records, row(), now=NOON)
    execute(records.owner, f"UPDATE tenure.messages SET expires_at = '{minutes(1)}' WHERE id = '{held.id}'")
    assert begin(records, held, now=minutes(1)) == Refused("expired", "left_out")


def test_a_campaign_is_done_when_nothing_can_become_of_it_any_more(empty: Records) -> None:
    [held] = claimed(empty, row())
    begin(empty, held)
    outbox.uncertain(empty.engine, held, now=NOON)
    assert outbox.sweep(empty.engine, now=minutes(1)).done == 0
    outbox.resolve(empty.engine, held.id, as_sent=True, actor="ada", now=minutes(1), lease=LEASE)
    assert outbox.sweep(empty.engine, now=minutes(1)).done == 1
    found = campaigns.campaign(empty.engine, held.campaign_id)
    assert found is not None
    assert found.state == "done"


def test_all_that_was_drafted_is_accounted_for(empty: Records) -> None:
    kept = [row(arm="held_out", state="held_out"), row(arm="left_out", state="left_out", reason="opted_out")]
    mine = [row() for _ in range(5)]
    campaign_id = running(empty, [*mine, *kept])
    held = claim(empty)
    for each in held[:3]:
        begin(empty, each)
    outbox.sent(empty.engine, held[0], now=NOON)
    outbox.failed(empty.engine, held[1], reason="refused", now=NOON)
    assert outbox.reconcile(empty.engine, campaign_id) == {
        "sent": 1, "failed": 1, "sending": 1, "claimed": 2, "held_out": 1, "left_out": 1
    }  # fmt: skip
    assert outbox.unexplained(empty.engine, campaign_id) == []
    execute(empty.owner, f"UPDATE tenure.messages SET state = 'cancelled' WHERE id = '{mine[0].id}'")
    assert outbox.unexplained(empty.engine, campaign_id) == [mine[0].id]


def test_the_rules_are_those_of_the_settings(records: Records) -> None:
    assert Rules.of(records.settings.outreach) == RULES
