"""The holdout: as large as asked, sticky, and independent between plays."""

from __future__ import annotations

import pytest

from outreach.holdout import held_out

ACCOUNTS = [f"acc-{n:05}" for n in range(20_000)]


def side(play: str, share: float) -> set[str]:
    return {account for account in ACCOUNTS if held_out(account, play, share)}


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_the_held_out_share_is_the_one_asked_for(share: float) -> None:
    assert len(side("goodbye", share)) / len(ACCOUNTS) == pytest.approx(share, abs=0.01)


def test_an_account_keeps_its_side_and_a_larger_share_only_adds_accounts() -> None:
    assert side("offer", 0.1) == side("offer", 0.1)
    assert side("offer", 0.1) < side("offer", 0.2)


def test_sides_of_two_plays_are_independent() -> None:
    both = side("offer", 0.3) & side("sorry", 0.3)
    assert len(both) / len(ACCOUNTS) == pytest.approx(0.09, abs=0.01)


def test_a_share_of_nothing_holds_out_nobody_and_the_whole_everybody() -> None:
    assert side("offer", 0.0) == set()
    assert side("offer", 1.0) == set(ACCOUNTS)


def test_sides_stay_the_same_from_version_to_version() -> None:
    assert [held_out(f"a{n}", "offer", 0.5) for n in range(12)] == [
        False,
        True,
        False,
        True,
        False,
        True,
        False,
        True,
        True,
        True,
        False,
        False,
    ]


def test_where_one_id_ends_and_the_other_begins_matters() -> None:
    pairs = [(f"{n}", f"{n}{n}") for n in range(200)]
    assert any(held_out(a, f"{b}1", 0.5) != held_out(f"1{a}", b, 0.5) for a, b in pairs)
