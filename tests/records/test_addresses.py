"""Opt-outs and suppressions: the newest row of an address counts; and what addresses are compared by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

import settings
from outreach import suppressed
from records import addresses
from records.erased import Erased, Key
from records.erasing import People, purge
from records.errors import NotAccepted
from tests.records.conftest import Records, rows
from tests.records.outreach import NOON, minutes

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        (" ada@example.org ", "ada@example.org"),
        ("ADA+news@example.org", "ada+news@example.org"),
        ("ada@xn--bcher-kva.example", "ada@bücher.example"),
        ("GROẞ@example.org", "gross@example.org"),
    ],
)
def test_addresses_that_are_one_persons_have_one_key(address: str, key: str) -> None:
    assert addresses.address_key(address) == key


@pytest.mark.parametrize(
    "wrong",
    ["", "ada", "ada@", "@example.org", "a b@example.org", "a@example.org\nBcc: x@example.org", "a" * 400, None,
     "ada@example.org, bo@example.org", "Ada <ada@example.org>", "ada@localhost", "a\0@example.org"],
)  # fmt: skip
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(NotAccepted, match="This is no address"):
        addresses.address_key(wrong)


@given(st.emails())
@limits(max_examples=50)
def test_a_key_is_its_own_key(address: str) -> None:
    try:
        key = addresses.address_key(address)
    except NotAccepted:  # more is allowed than is any good
        return
    assert addresses.address_key(key.upper()) == key


def test_whoever_has_no_address_is_compared_by_who_they_are() -> None:
    assert addresses.key("X@example.org", user_id="7", account_id="a") == "x@example.org"
    assert addresses.key("nowhere", user_id="7", account_id="a") == "user:7"
    assert addresses.key(None, user_id=None, account_id="a") == "account:a"


def test_the_newest_word_of_an_address_counts_whatever_the_clock_says(empty: Records) -> None:
    assert addresses.opted_out(empty.engine, ["a", "b"]) == set()
    addresses.opt_out(empty.engine, "a", source="link", now=minutes(5))
    addresses.opt_in(empty.engine, "a", source="person", now=minutes(4), actor="ada")
    addresses.opt_out(empty.engine, "b", source="link", now=NOON)
    addresses.opt_out(empty.engine, "c", source="person", now=minutes(1), actor="ada")
    assert addresses.opted_out(empty.engine, ["a", "b", "nobody"]) == {"b"}
    assert addresses.opted_out(empty.engine, []) == set()
    addresses.opt_out(empty.engine, "a", source="link", now=NOON)
    with empty.engine.begin() as connection:
        assert addresses.opted_out(connection, ["a", "b"]) == {"a", "b"}
    assert addresses.opt_outs(empty.engine).rows() == [
        ("a", "link", None, NOON),
        ("c", "person", "ada", minutes(1)),
        ("b", "link", None, NOON),
    ]


def test_saying_the_same_again_adds_no_row(empty: Records) -> None:
    for minute in range(5):
        addresses.opt_out(empty.engine, "a", source="link", now=minutes(minute))
        addresses.suppress(empty.engine, "a", reason="bounced", now=minutes(minute))
    counted = "SELECT (SELECT count(*) FROM tenure.opt_outs), (SELECT count(*) FROM tenure.suppressions)"
    assert rows(empty.owner, counted) == [(1, 1)]


def test_an_opt_out_is_the_addresss_and_the_persons_and_so_is_taking_it_back(empty: Records) -> None:
    both = {"ada@example.org", "user:7"}
    addresses.opt_out(empty.engine, "ada@example.org", user_id="7", source="link", now=NOON)
    assert addresses.opted_out(empty.engine, [*both, "user:8"]) == both
    addresses.opt_in(empty.engine, "ada@new.example.org", user_id="7", source="person", now=minutes(1))
    assert addresses.opted_out(empty.engine, both) == {"ada@example.org"}


def test_erasing_somebody_takes_their_opt_out_along_under_both_keys(empty: Records) -> None:
    addresses.opt_out(empty.engine, "ada@example.org", user_id="7", source="link", now=NOON)
    key = Key.of("a long random text")
    erased = Erased(frozenset({key.user("7"), key.address("ada@example.org")}), key)
    purge(empty.owner, erased, People(), responses=[], now=NOON)
    assert rows(empty.owner, "SELECT address_key FROM tenure.opt_outs") == []


def test_a_suppressed_address_is_free_once_a_person_lifts_it(empty: Records) -> None:
    addresses.suppress(empty.engine, "a", reason="bounced", now=NOON, detail="550 no such user")
    addresses.suppress(empty.engine, "b", reason="complained", now=NOON)
    assert addresses.suppressed(empty.engine, ["a", "b", "c"]) == {"a": "bounced", "b": "complained"}
    addresses.lift(empty.engine, "a", actor="ada", now=minutes(1))
    assert addresses.suppressed(empty.engine, ["a", "b"]) == {"b": "complained"}
    assert addresses.suppressions(empty.engine).rows() == [("b", "complained", None, None, NOON)]
    addresses.suppress(empty.engine, "a", reason="bounced", now=minutes(2), detail="again")
    assert addresses.suppressions(empty.engine)["detail"].to_list() == ["again", None]


@pytest.mark.parametrize("wrong", ["", "a\nb", "x" * 600])
def test_what_no_address_key_can_be_is_refused(records: Records, wrong: str) -> None:
    with pytest.raises(NotAccepted):
        addresses.opt_out(records.engine, wrong, source="link", now=NOON)


def test_whoever_runs_tenure_lists_lifts_and_blocks(empty: Records, monkeypatch, capsys) -> None:
    monkeypatch.setattr(settings, "get", lambda: empty.settings)

    def said(*words: str) -> str:
        assert suppressed.main(words) == 0
        return capsys.readouterr().out.strip()

    addresses.suppress(empty.engine, "ada@example.org", reason="bounced", now=NOON, detail="550 no such user")
    assert said() == f"ada@example.org  {NOON:%Y-%m-%d}  bounced  550 no such user"
    assert "may be written to again" in said("lift", " Ada@Example.org")
    assert "was not suppressed" in said("lift", "ada@example.org")
    assert said() == "No address is suppressed."
    said("block", "bo@example.org")
    assert addresses.suppressions(empty.engine)["reason"].to_list() == ["blocked"]
    assert addresses.suppressions(empty.engine)["actor"].null_count() == 0
    assert suppressed.main(["lift", "nowhere"]) == 1
    assert "This is no address" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        suppressed.main(["lift"])
