"""Preflight: every rule with its reason, what service mail skips, and who of an account is chosen first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from outreach.audience import COLUMNS
from outreach.holdout import held_out
from outreach.plays import Play
from outreach.preflight import ORDER, VERDICTS, preflight
from records.addresses import key
from tests.outreach.playing import a_play

NOW = datetime(2026, 11, 18, 10, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)
MESSAGE = {
    "campaign_id": "c1",
    "address_key": "someone@else.example",
    "account_id": "a1",
    "user_id": "someone",
    "play": "offer",
    "kind": "marketing",
    "arm": "contacted",
    "state": "sent",
    "at": NOW - DAY,
}
HISTORY = dict.fromkeys(MESSAGE, pl.String) | {"at": pl.Datetime("us", "UTC")}
TOUCHES = {
    "account_id": pl.String,
    "user_id": pl.String,
    "direction": pl.String,
    "occurred_at": pl.Datetime("us", "Europe/Berlin"),
}


def service(**changes: Any) -> Play:
    return a_play(id="goodbye", kind="service", says_goodbye=True, **changes)


def rules(**changes: Any) -> SimpleNamespace:
    known = {
        "quiet_from": time(19), "quiet_until": time(8), "quiet_weekdays": {"saturday", "sunday"},
        "most_per_person": 1, "contact_days": 14, "account_contact_days": 7, "holdout": 0.0,
    }  # fmt: skip
    return SimpleNamespace(**known | changes)


def person(user: str = "u1", account: str = "a1", **changes: Any) -> dict[str, Any]:
    """Somebody whom nothing keeps from being written to."""
    known = {
        "row": 0, "account_id": account, "user_id": user, "name": "Ana Weber", "address": f"{user}@customer.example",
        "account": "Brightside", "language": "en", "time_zone": "Europe/Berlin", "role": "owner", "opted_out": False,
        "left_at": None, "do_not_contact": False, "escalated": False, "standing": "paying", "leaving": False,
    }  # fmt: skip
    row = known | changes
    return {**row, "address_key": key(row["address"], user_id=row["user_id"], account_id=row["account_id"])}


def message(**changes: Any) -> dict[str, Any]:
    return MESSAGE | changes


def touch(at: datetime, *, direction: str = "out", user: str | None = "u1", account: str = "a1") -> dict[str, Any]:
    return {"account_id": account, "user_id": user, "direction": direction, "occurred_at": at}


def check(
    *people: dict[str, Any],
    play: Play | None = None,
    history: tuple[dict[str, Any], ...] = (),
    touches: tuple[dict[str, Any], ...] = (),
    opted_out: tuple[str, ...] = (),
    suppressed: Mapping[str, str] | None = None,
    now: datetime = NOW,
    **changed_rules: Any,
) -> list[tuple[str, str | None]]:
    """Verdict and reason of everybody, in order."""
    found = preflight(
        pl.DataFrame(list(people or [person()]), schema=COLUMNS),
        play or a_play(),
        history=pl.DataFrame(list(history), schema=HISTORY),
        opted_out=set(opted_out),
        suppressed=suppressed or {},
        touches=pl.DataFrame(list(touches), schema=TOUCHES),
        rules=rules(**changed_rules),
        now=now,
    )
    assert set(found["verdict"]) <= set(VERDICTS)
    assert set(found["reason"].drop_nulls()) <= set(ORDER)
    return found.select("verdict", "reason").rows()


SENT = [("send", None)]


def left_out(*reasons: str) -> list[tuple[str, str | None]]:
    return [("left_out", reason) for reason in reasons]


def test_whom_nothing_keeps_from_being_written_to_is_written_to() -> None:
    assert check() == SENT


UNFIT = [
    ("no_address", {"address": None}, {}),
    ("bad_address", {"address": "ana@"}, {}),
    ("bad_address", {"address": "ana@customer.example\nBcc: all@customer.example"}, {}),
    ("erased", {}, {"suppressed": {"u1@customer.example": "erased"}}),
    ("suppressed", {}, {"suppressed": {"u1@customer.example": "bounced"}}),
    ("left_company", {"left_at": NOW - DAY}, {}),
    ("do_not_contact", {"do_not_contact": True}, {}),
    ("escalated", {"escalated": True}, {}),
]


@pytest.mark.parametrize(("reason", "who", "known"), UNFIT)
@pytest.mark.parametrize("play", [a_play(), service()], ids=["marketing", "service"])
def test_some_are_left_out_whatever_kind_of_mail_it_is(reason: str, who: Any, known: Any, play: Play) -> None:
    assert check(person(**who), play=play, **known) == left_out(reason)


@pytest.mark.parametrize(
    ("reason", "who", "known"),
    [
        ("opted_out", {"opted_out": True}, {}),
        ("opted_out", {"address": "U1@Customer.example"}, {"opted_out": ("u1@customer.example",)}),
        ("cap_zero", {}, {"most_per_person": 0}),
        ("contacted_lately", {}, {"touches": (touch(NOW - 10 * DAY),)}),
        ("account_contacted_lately", {}, {"history": (message(),)}),
    ],
)
def test_opt_outs_and_caps_leave_out_of_marketing_and_service_mail_skips_them(
    reason: str, who: Any, known: Any
) -> None:
    assert check(person(**who), **known) == left_out(reason)
    assert check(person(**who), play=service(), **known) == SENT


def test_the_holdout_gets_no_marketing_and_all_service_mail() -> None:
    assert check(holdout=1.0) == [("held_out", "holdout")]
    assert check(holdout=1.0, play=service()) == SENT


def test_a_play_may_have_a_holdout_of_its_own() -> None:
    assert check(holdout=1.0, play=a_play(holdout=0.0)) == SENT
    assert check(holdout=0.0, play=a_play(holdout=1.0)) == [("held_out", "holdout")]


def test_the_holdout_is_the_side_that_the_hash_says() -> None:
    people = [person(f"u{n}", f"a{n}") for n in range(60)]
    expected = [("held_out", "holdout") if held_out(f"a{n}", "offer", 0.3) else ("send", None) for n in range(60)]
    assert check(*people, holdout=0.3) == expected
    assert len(set(expected)) == 2


def test_only_who_would_have_been_written_to_is_held_out() -> None:
    assert check(person(opted_out=True), holdout=1.0) == left_out("opted_out")


def test_a_company_that_left_us_is_written_to() -> None:
    assert check(person(standing=None)) == SENT


def test_whoever_leaves_their_company_later_is_still_there() -> None:
    assert check(person(left_at=NOW + DAY)) == SENT


def test_a_play_that_goes_to_nobody_goes_to_nobody_service_mail_included() -> None:
    assert check(play=a_play(most=0)) == left_out("cap_zero")
    assert check(play=service(most=0)) == left_out("cap_zero")


@pytest.mark.parametrize(("days", "expected"), [(13, left_out("contacted_lately")), (14, SENT), (15, SENT)])
def test_a_person_is_left_in_peace_for_fourteen_days_after_a_message(days: int, expected: Any) -> None:
    ours = message(address_key="u1@customer.example", user_id=None, at=NOW - days * DAY)
    assert check(history=(ours,)) == expected


@pytest.mark.parametrize(("days", "expected"), [(6, left_out("account_contacted_lately")), (7, SENT)])
def test_everybody_at_an_account_is_left_in_peace_for_seven_days_after_a_message_to_one(
    days: int, expected: Any
) -> None:
    assert check(history=(message(at=NOW - days * DAY),)) == expected


def test_a_person_is_known_by_address_at_another_account_and_by_id_after_a_change_of_address() -> None:
    other = message(address_key="u1@customer.example", user_id="x", account_id="a9", at=NOW - 10 * DAY)
    moved = message(address_key="old@customer.example", user_id="u1", at=NOW - 10 * DAY)
    assert check(history=(other,)) == left_out("contacted_lately")
    assert check(history=(moved,)) == left_out("contacted_lately")


@pytest.mark.parametrize("state", ["queued", "claimed", "sending", "sent", "uncertain"])
def test_messages_that_went_out_or_are_about_to_count_as_contact(state: str) -> None:
    assert check(history=(message(state=state),)) == left_out("account_contacted_lately")


@pytest.mark.parametrize("state", ["draft", "failed", "left_out", "held_out", "cancelled"])
def test_messages_that_reached_nobody_do_not(state: str) -> None:
    assert check(history=(message(state=state),)) == SENT


def test_whom_another_play_held_out_is_left_in_peace_like_those_it_wrote_to() -> None:
    held = message(arm="held_out", state="held_out")
    other = a_play(id="alternatives")
    assert check(play=other, history=(held,)) == left_out("account_contacted_lately")
    assert check(person("someone", "a9"), play=other, history=(held,)) == left_out("contacted_lately")
    assert check(play=service(), history=(held,)) == check(play=a_play(), history=(held,)) == SENT


def test_a_campaign_that_was_cancelled_before_anything_went_out_held_nobody_out() -> None:
    held = message(arm="held_out", state="held_out")
    cancelled, sent = message(account_id="a9", state="cancelled"), message(account_id="a9")
    other = a_play(id="alternatives")
    assert check(play=other, history=(held, cancelled)) == SENT
    assert check(play=other, history=(held, cancelled, sent)) == left_out("account_contacted_lately")


@pytest.mark.parametrize("key", ["account:a9", "erased:1"])
def test_an_account_without_a_person_has_no_part_in_what_went_to_another(key: str) -> None:
    hook = a_play(channel="webhook")
    nobody = person(user_id=None, name=None, address=None)
    assert check(nobody, play=hook, history=(message(address_key=key, account_id="a9", user_id=None),)) == SENT


def test_digests_to_our_own_people_are_no_contact_and_service_mail_is() -> None:
    assert check(history=(message(kind="internal"),)) == SENT
    assert check(history=(message(kind="service"),)) == left_out("account_contacted_lately")


def test_what_comes_in_and_what_is_planned_is_no_contact() -> None:
    assert check(touches=(touch(NOW - DAY, direction="in"), touch(NOW + DAY))) == SENT


def test_a_call_that_names_nobody_is_the_accounts() -> None:
    assert check(touches=(touch(NOW - DAY, user=None),)) == left_out("account_contacted_lately")
    assert check(touches=(touch(NOW - 8 * DAY, user=None),)) == SENT
    assert check(touches=(touch(NOW - 8 * DAY, user="u1"),)) == left_out("contacted_lately")


def test_a_cap_of_two_counts_messages_and_touches_together_and_each_once() -> None:
    mail = message(address_key="u1@customer.example", user_id="u1", at=NOW - 9 * DAY)
    assert check(history=(mail,), most_per_person=2) == SENT
    assert check(history=(mail,), touches=(touch(NOW - 9 * DAY),), most_per_person=2) == left_out("contacted_lately")


def test_without_days_to_count_nobody_was_contacted_lately() -> None:
    ours = message(address_key="u1@customer.example", at=NOW - timedelta(minutes=1))
    assert check(history=(ours,), contact_days=0, account_contact_days=0) == SENT


GONE = {"standing": None}
SAID = message(play="goodbye", kind="service", at=NOW - 30 * DAY)


@pytest.mark.parametrize("play", [a_play(), service()], ids=["marketing", "service"])
def test_after_a_goodbye_nothing_follows(play: Play) -> None:
    assert check(person(**GONE), play=play, history=(SAID,)) == left_out("goodbye_said")
    assert check(person(standing="paying", leaving=True), play=play, history=(SAID,)) == left_out("goodbye_said")


def test_after_a_goodbye_one_message_may_follow_when_what_they_asked_for_has_shipped() -> None:
    shipped = a_play(id="you_asked_we_shipped", after_goodbye=True)
    followed = message(play="you_asked_we_shipped", at=NOW - 20 * DAY)
    assert check(person(**GONE), play=shipped, history=(SAID,)) == SENT
    assert check(person(**GONE), play=shipped, history=(SAID, followed)) == left_out("goodbye_said")
    assert check(person(**GONE), play=shipped, history=(followed | {"at": NOW - 40 * DAY}, SAID)) == SENT


def test_after_a_goodbye_that_one_message_goes_to_one_person() -> None:
    shipped = a_play(after_goodbye=True, to="everyone", most=5)
    two = (person("u1", **GONE), person("u2", **GONE))
    assert check(*two, play=shipped, history=(SAID,)) == [("send", None), ("left_out", "over_most")]
    assert check(*two, play=shipped) == [("send", None), ("send", None)]


def test_a_goodbye_is_forgotten_once_the_customer_is_back() -> None:
    assert check(person(standing="paying", leaving=False), history=(SAID,)) == SENT


def test_a_goodbye_to_one_account_is_none_to_another_and_one_that_failed_is_none() -> None:
    assert check(person(**GONE), history=(SAID | {"account_id": "a9"},)) == SENT
    assert check(person(**GONE), history=(SAID | {"state": "failed"},)) == SENT


def test_an_address_gets_one_message_however_it_is_written() -> None:
    twice = (person("u1", "a1"), person("u2", "a2", address="U1@CUSTOMER.example"))
    for play in (a_play(), service()):
        assert check(*twice, play=play) == [("send", None), ("left_out", "duplicate")]


def test_a_duplicate_of_somebody_who_is_left_out_is_none() -> None:
    twice = (person("u1", "a1", escalated=True), person("u2", "a2", address="u1@customer.example"))
    assert check(*twice) == [("left_out", "escalated"), ("send", None)]


def test_the_question_on_leaving_is_asked_once() -> None:
    asked = message(play="one_question", address_key="u1@customer.example", at=NOW - 300 * DAY)
    assert check(play=a_play(id="one_question", question="exit"), history=(asked,)) == left_out("duplicate")
    assert check(play=a_play(id="nps", question="nps"), history=(asked | {"play": "nps"},)) == SENT


def test_whoever_has_a_new_address_has_opted_out_and_was_asked_still() -> None:
    asked = message(play="one_question", address_key="old@customer.example", user_id="u1", at=NOW - 300 * DAY)
    assert check(play=a_play(id="one_question", question="exit"), history=(asked,)) == left_out("duplicate")
    assert check(opted_out=("old@customer.example", "user:u1")) == left_out("opted_out")


def test_no_more_people_of_an_account_get_one_than_the_play_says_the_first_ones_first() -> None:
    three = [person(f"u{n}") for n in range(3)]
    other = person("u9", "a2")
    expected = [("send", None), ("left_out", "over_most"), ("left_out", "over_most"), ("send", None)]
    assert check(*three, other, play=a_play(to="everyone")) == expected
    assert check(*three, other, play=service(to="everyone")) == expected
    assert check(*three, play=a_play(to="everyone", most=2))[1:] == [("send", None), ("left_out", "over_most")]


def test_who_is_left_out_takes_nobodys_place() -> None:
    two = (person("u1", opted_out=True), person("u2"))
    assert check(*two, play=a_play(to="everyone")) == [("left_out", "opted_out"), ("send", None)]


def test_who_is_held_out_keeps_their_place_so_that_both_sides_are_alike() -> None:
    two = (person("u1"), person("u2"))
    assert check(*two, play=a_play(to="everyone"), holdout=1.0) == [("held_out", "holdout"), ("left_out", "over_most")]


@pytest.mark.parametrize("play", [a_play(), service()], ids=["marketing", "service"])
def test_quiet_hours_where_the_recipient_is_make_a_message_wait(play: Play) -> None:
    people = [
        person("u1"),
        person("u2", "a2", time_zone="Asia/Tokyo"),
        person("u3", "a3", time_zone="America/New_York"),
    ]
    found = preflight(
        pl.DataFrame(people, schema=COLUMNS), play, history=pl.DataFrame(schema=HISTORY), opted_out=set(),
        suppressed={}, touches=None, rules=rules(), now=NOW,
    )  # fmt: skip
    assert found.select("verdict", "reason", "not_before").rows() == [
        ("send", None, None),
        ("later", "quiet_hours", datetime(2026, 11, 18, 23, tzinfo=UTC)),
        ("later", "quiet_hours", datetime(2026, 11, 18, 13, tzinfo=UTC)),
    ]


def test_a_webhook_needs_no_address() -> None:
    hook = a_play(channel="webhook")
    assert check(person(address=None), play=hook) == SENT
    assert check(person(address="ana@"), play=hook) == SENT
    assert check(person(address=None), play=hook, opted_out=("user:u1",)) == left_out("opted_out")


def test_an_account_with_nobody_to_write_to_is_told_of() -> None:
    assert check(person(user_id=None, name=None, address=None)) == left_out("no_address")


def test_an_empty_audience_is_no_mistake() -> None:
    found = preflight(
        pl.DataFrame(schema=COLUMNS), a_play(), history=pl.DataFrame(schema=HISTORY), opted_out=set(),
        suppressed={}, touches=None, rules=rules(), now=NOW,
    )  # fmt: skip
    assert found.is_empty()
    assert found.columns[-3:] == ["verdict", "reason", "not_before"]


def test_every_reason_has_a_test() -> None:
    said = Path(__file__).read_text(encoding="utf-8")
    assert [reason for reason in ORDER if f'"{reason}"' not in said] == []
