"""Whom a play is for: roles, people without one, languages, time zones, and what a viewer may not see."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from outreach.audience import COLUMNS, Audience, Recipients, recipients
from outreach.plays import Play
from outreach.zones import of_country
from queries.frames import Frames, Scope
from tests.outreach.playing import a_play, bodies
from tests.reports.company import NOON, frames

LONG_AGO = NOON - timedelta(days=900)


def account(id: str, **changes: Any) -> dict[str, Any]:
    return {"account_id": id, "name": id.upper(), "signed_up_at": LONG_AGO, **changes}


def person(id: str, account: str, role: str | None = None, **changes: Any) -> dict[str, Any]:
    known = {"user_id": id, "account_id": account, "name": id.title(), "email": f"{id}@x.example", "role": role}
    return {**known, "joined_at": LONG_AGO, **changes}


def stretch(account: str, **changes: Any) -> dict[str, Any]:
    known = {"subscription_id": f"s-{account}", "account_id": account, "plan": "Team", "kind": "paid", "mrr": 100}
    return {**known, "started_on": date(2025, 1, 1), **changes}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """Brew has an owner, a champion, admins; Cafe no roles; Deli nobody; Echo left us; Fizz is another CSM's."""
    sources = {
        "accounts": [
            account("brew", csm_email="ada@us.example", country="RO", language="ro"),
            account("cafe", csm_email="ada@us.example", escalated=True),
            account("deli", csm_email="ada@us.example", do_not_contact=True),
            account("echo", csm_email="ada@us.example", country="US"),
            account("fizz", csm_email="bo@us.example"),
        ],
        "people": [
            person("zoe", "brew", "owner", locale="de-AT", time_zone="Asia/Tokyo"),
            person("abe", "brew", "owner", joined_at=LONG_AGO + timedelta(days=9), left_at=NOON - timedelta(days=3)),
            person("cem", "brew", "champion", locale="fr", opted_out=True),
            person("dan", "brew", "admin", email="  "),
            person("eva", "brew"),
            person("staff", "brew", "owner", is_internal=True),
            person("fay", "cafe", joined_at=LONG_AGO + timedelta(days=1), time_zone="Mars/Base"),
            person("gus", "cafe"),
            person("hal", "echo", "owner"),
            person("ida", "fizz", "owner"),
        ],
        "subscriptions": [
            stretch("brew"),
            stretch("cafe", cancel_requested_at=NOON - timedelta(days=2)),
            stretch("echo", ended_on=date(2026, 3, 1), end_kind="requested"),
            stretch("fizz"),
        ],
    }
    made, _ = frames(tmp_path_factory.mktemp("company"), sources)
    return made


def reach(company: Frames, *ids: str, play: Play | None = None, **how: Any) -> Recipients:
    return recipients(company, Audience("Some", "accounts", ids), play or a_play(), **how)


def people(found: Recipients) -> list[str | None]:
    return found.rows["user_id"].to_list()


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("owner", ["zoe", "abe"]),
        ("champion", ["cem"]),
        ("admin", ["dan"]),
        ("member", [None]),
        ("everyone", ["zoe", "abe", "cem", "dan", "eva"]),
    ],
)
def test_a_play_goes_to_a_role_owners_first_and_then_by_how_long_they_are_there(
    company: Frames, to: str, expected: list[str | None]
) -> None:
    assert people(reach(company, "brew", play=a_play(to=to))) == expected


def test_where_nobody_has_a_role_anybody_is_the_owner_the_longest_there_first(company: Frames) -> None:
    assert people(reach(company, "cafe")) == ["gus", "fay"]


def test_a_champion_that_somebody_typed_in_counts_beside_the_sources(company: Frames) -> None:
    play = a_play(to="champion")
    assert people(reach(company, "brew", play=play, champions={"brew": "eva", "cafe": "fay"})) == ["cem", "eva"]
    assert people(reach(company, "cafe", play=play, champions={"cafe": "fay"})) == ["fay"]
    assert people(reach(company, "cafe", play=a_play(), champions={"cafe": "fay"})) == [None]


def test_an_account_without_people_is_told_of_by_a_row_of_its_own(company: Frames) -> None:
    row = reach(company, "deli").rows.row(0, named=True)
    assert (row["user_id"], row["address"], row["address_key"]) == (None, None, "account:deli")


def test_people_who_were_chosen_themselves_come_whatever_their_role(company: Frames) -> None:
    chosen = Audience("Detractors", "nps", user_ids=("eva", "hal", "staff"))
    found = recipients(company, chosen, a_play())
    assert (people(found), found.unknown) == (["eva", "hal"], 1)


def test_accounts_of_others_are_dropped_like_those_that_do_not_exist(company: Frames) -> None:
    mine = replace(company, scope=Scope("ada@us.example"))
    found = reach(mine, "brew", "fizz", "nowhere")
    assert set(found.rows["account_id"]) == {"brew"}
    assert found.unknown == 2
    detractors = recipients(mine, Audience("Detractors", "nps", user_ids=("ida", "zoe", "nobody")), a_play())
    assert (people(detractors), detractors.unknown) == (["zoe"], 2)
    assert reach(company, "brew", "fizz").unknown == 0


def test_what_preflight_asks_of_a_person_and_their_account_is_there(company: Frames) -> None:
    rows = reach(company, "brew", "cafe", "deli", "echo", play=a_play(to="everyone")).rows
    told = {row["user_id"] or row["account_id"]: row for row in rows.iter_rows(named=True)}
    assert rows.schema == COLUMNS
    assert rows["row"].to_list() == list(range(rows.height))
    assert told["abe"]["left_at"] == NOON - timedelta(days=3)
    assert [told[who]["opted_out"] for who in ("cem", "zoe")] == [True, False]
    assert [told[who]["escalated"] for who in ("fay", "zoe")] == [True, False]
    assert [told[who]["do_not_contact"] for who in ("deli", "zoe")] == [True, False]
    assert [(told[who]["standing"], told[who]["leaving"]) for who in ("zoe", "fay", "hal")] == [
        ("paying", False), ("paying", True), (None, False),
    ]  # fmt: skip
    assert (told["dan"]["address"], told["dan"]["address_key"]) == (None, "user:dan")
    assert (told["zoe"]["address"], told["zoe"]["address_key"], told["zoe"]["account"]) == (
        "zoe@x.example", "zoe@x.example", "BREW",
    )  # fmt: skip


def test_the_time_zone_is_the_persons_else_their_countrys_else_ours(company: Frames) -> None:
    rows = reach(company, "brew", "cafe", "echo", play=a_play(to="everyone")).rows
    zones = dict(rows.select("user_id", "time_zone").iter_rows())
    assert (zones["zoe"], zones["cem"], zones["fay"], zones["hal"]) == (
        "Asia/Tokyo", "Europe/Bucharest", "Europe/Berlin", "America/New_York",
    )  # fmt: skip


def test_the_language_is_the_persons_else_the_accounts_else_ours_as_far_as_the_play_has_it(company: Frames) -> None:
    def spoken(*languages: str) -> dict[str, str]:
        play = a_play(to="everyone", languages=bodies(*languages))
        rows = reach(company, "brew", "echo", play=play, language="zh").rows
        return dict(rows.select("user_id", "language").iter_rows())

    assert spoken("en", "de", "ro", "zh") == {
        "zoe": "de", "abe": "ro", "cem": "ro", "dan": "ro", "eva": "ro", "hal": "zh",
    }  # fmt: skip
    assert spoken("en", "zh") == {"zoe": "en", "abe": "en", "cem": "en", "dan": "en", "eva": "en", "hal": "zh"}
    assert spoken("zh", "de")["cem"] == "zh"


def test_an_audience_is_kept_as_json_and_comes_back() -> None:
    chosen = Audience("Stuck", "onboarding", ("a",), None, {"step": {"a": "Import"}, "offer": "20%"})
    assert Audience.from_json(chosen.as_json()) == chosen
    assert (chosen.told("step", "a"), chosen.told("step", "b"), chosen.told("offer", "b")) == ("Import", None, "20%")
    people = Audience("Detractors", "nps", (), ("u",))
    assert Audience.from_json(people.as_json()) == people


@pytest.mark.parametrize(
    ("country", "zone"),
    [("DE", "Europe/Berlin"), ("us", "America/New_York"), ("RU", "Europe/Moscow"), ("CN", "Asia/Shanghai"),
     ("AU", "Australia/Sydney"), ("BR", "America/Sao_Paulo"), ("RO", "Europe/Bucharest"), ("", None), ("ZZ", None)],
)  # fmt: skip
def test_a_countrys_time_zone_is_that_of_most_of_its_people(country: str, zone: str | None) -> None:
    assert of_country(country) == zone
