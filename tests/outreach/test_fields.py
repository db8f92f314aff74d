"""What a message may say of its recipient: facts, counted by hand here, in the language of the message."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

import settings
from outreach import fields
from outreach.audience import Audience, recipients
from outreach.merge_fields import FIELDS, clean
from outreach.plays import Play, read_plays
from outreach.render import Blocked, Renderer
from queries.frames import Frames
from tests.outreach.playing import a_play, bodies
from tests.reports.company import TODAY, frames, moment

EVERYTHING = frozenset(FIELDS) - {"answer_link", "unsubscribe_link"}
LANGUAGES = ("en", "de", "ru", "zh", "ro")
Made = tuple[Frames, settings.Settings]


def account(id: str, signed_up: date, **changes: Any) -> dict[str, Any]:
    return {"account_id": id, "name": id.title(), "signed_up_at": moment(signed_up), **changes}


def person(id: str, account: str, **changes: Any) -> dict[str, Any]:
    return {"user_id": id, "account_id": account, "name": "Ana Weber", "email": f"{id}@x.example", **changes}


def stretch(account: str, started: date, **changes: Any) -> dict[str, Any]:
    known = {"subscription_id": f"s-{account}", "account_id": account, "plan": "Team", "kind": "paid", "mrr": 10000}
    return {**known, "mrr_local": 10000, "currency": "EUR", "billing_months": 12, "started_on": started, **changes}


def use(account: str, user: str | None, feature: str, day: date, uses: int) -> tuple[Any, ...]:
    return (account, user, feature, day, uses, None)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Long is with us for years, Young since August, Gone left in March, Going leaves, Bare has nothing but a name."""
    sources = {
        "accounts": [
            account("long", date(2023, 3, 5), csm_name="Jonas Berg", goal="close the month in three days"),
            account("young", date(2026, 7, 30)),
            account("gone", date(2024, 5, 1)),
            account("going", date(2024, 2, 29)),
            account("bare", date(2026, 11, 1)),
        ],
        "people": [
            *(person(f"{id}-{code}", id, locale=code, role="owner") for id in ("long", "young") for code in LANGUAGES),
            *(person(f"{id}-en", id, role="owner") for id in ("gone", "going")),
            person("bare-en", "bare", role="owner", name=None),
        ],
        "subscriptions": [
            stretch("long", date(2023, 4, 1), renews_on=date(2027, 2, 1), notice_days=31),
            stretch("young", date(2026, 8, 1), renews_on=date(2026, 12, 1), notice_days=60, ended_on=date(2026, 12, 1)),
            stretch("gone", date(2024, 5, 1), plan="Solo", ended_on=date(2026, 3, 1), end_kind="requested"),
            stretch(
                "going", date(2024, 2, 29), renews_on=date(2027, 1, 1), ended_on=date(2027, 1, 1),
                cancel_requested_at=moment(date(2026, 11, 2)),
            ),
        ],
        "features": [
            {"feature": "invoice", "name": "Invoices", "is_value": True, "is_key": True, "min_28_days": 2.0},
            {"feature": "reminder", "name": "Reminders", "is_value": True, "is_key": True},
            {"feature": "approval_flow", "is_value": True, "is_key": True},
            {"feature": "login", "name": "Log-in", "is_value": False},
        ],
        "entitlements": [{"plan": "Team", "feature": name} for name in ("invoice", "reminder", "approval_flow")],
        "reach": [
            {"account_id": "long", "month": date(2026, 10, 1), "end_customers": 384},
            {"account_id": "long", "month": date(2026, 11, 1), "end_customers": 999},
            {"account_id": "gone", "month": date(2026, 2, 1), "end_customers": 12},
        ],
    }  # fmt: skip
    year_ago = date(2025, 11, 22)
    days = [
        use("long", "long-en", "invoice", year_ago, 1200), use("long", "long-de", "invoice", TODAY, 4),
        use("long", None, "reminder", TODAY, 7), use("long", "long-en", "login", TODAY, 5000),
        use("long", "long-en", "invoice", year_ago - timedelta(days=1), 10_000),
        use("young", "young-en", "reminder", date(2026, 8, 2), 3),
        use("young", "young-en", "reminder", date(2026, 7, 31), 9),
        use("gone", "gone-en", "invoice", date(2026, 2, 28), 5), use("gone", "gone-en", "invoice", date(2025, 3, 1), 6),
        use("gone", "gone-en", "invoice", date(2025, 2, 28), 100),
        use("gone", "gone-en", "invoice", date(2026, 3, 1), 100),
    ]  # fmt: skip
    return frames(tmp_path_factory.mktemp("company"), sources, days)


def told(made: Made, *people: str, play: Play | None = None, **how: Any) -> dict[str, dict[str, Any]]:
    """The fields of these people, by person."""
    chosen = play or a_play(fields=EVERYTHING, languages=bodies(*LANGUAGES))
    audience = Audience("Some", "accounts", user_ids=people, extra=how.pop("extra", {}))
    rows = recipients(made[0], audience, chosen).rows
    found = fields.of(made[0], made[1], rows, chosen, audience, **how)
    return {row["user_id"]: found[row["row"]] for row in rows.iter_rows(named=True)}


def test_what_an_account_would_leave_behind_is_counted_over_the_last_twelve_months(company: Made) -> None:
    found = told(company, "long-en")["long-en"]
    assert found["features"] == ["Invoices", "Reminders"]
    assert found["results"] == [
        "Customers of yours served, October 2026: 384",
        "Invoices, last 12 months: 1,204",
        "Reminders, last 12 months: 7",
    ]
    assert found["people_active"] == 1  # an integration is nobody
    assert found["unused"] == ["Approval flow"]
    assert (found["since"], found["months_with_us"], found["plan"]) == ("1 April 2023", 43, "Team")


def test_every_language_writes_days_and_numbers_its_own_way(company: Made) -> None:
    found = told(company, *(f"long-{code}" for code in LANGUAGES))
    assert {code: found[f"long-{code}"]["results"][1] for code in LANGUAGES} == {
        "en": "Invoices, last 12 months: 1,204",
        "de": "Invoices, letzte 12 Monate: 1.204",
        "ru": "Invoices, последние 12 месяцев: 1\xa0204",
        "zh": "Invoices（近12个月）：1,204",
        "ro": "Invoices, ultimele 12 luni: 1.204",
    }
    assert {code: found[f"long-{code}"]["renews_on"] for code in LANGUAGES} == {
        "en": "1 February 2027",
        "de": "1. Februar 2027",
        "ru": "1 февраля 2027 года",
        "zh": "2027年2月1日",
        "ro": "1 februarie 2027",
    }
    assert {code: found[f"long-{code}"]["renewal_amount"] for code in LANGUAGES} == {
        "en": "€1,200 a year",
        "de": "1.200\xa0€ im Jahr",
        "ru": "1\xa0200\xa0€ в год",
        "zh": "每年 €1,200",
        "ro": "1.200\xa0EUR pe an",
    }


def test_who_is_with_us_for_less_than_a_year_is_counted_from_the_day_they_came(company: Made) -> None:
    found = told(company, "young-en", "young-de")
    assert found["young-en"]["results"] == ["Reminders, since 1 August 2026: 3"]
    assert found["young-de"]["results"] == ["Reminders, seit 1. August 2026: 3"]
    assert found["young-en"]["months_with_us"] == 3


def test_who_has_gone_is_counted_up_to_the_last_day_served(company: Made) -> None:
    found = told(company, "gone-en")["gone-en"]
    assert found["results"] == [
        "Customers of yours served, February 2026: 12",
        "Invoices, 1 March 2025 – 28 February 2026: 11",
    ]
    assert (found["plan"], found["ends_on"], found["months_with_us"]) == ("Solo", "28 February 2026", 22)
    assert found.keys().isdisjoint({"renews_on", "people_active", "unused", "renewal_amount"})


def test_who_leaves_is_told_the_last_day_and_no_renewal(company: Made) -> None:
    found = told(company, "going-en")["going-en"]
    assert found["ends_on"] == "31 December 2026"
    assert found.keys().isdisjoint({"renews_on", "notice_by", "renewal_amount", "results", "features"})


def test_a_day_of_notice_that_is_over_and_a_price_in_doubt_are_not_told(company: Made) -> None:
    found = told(company, "young-en", "long-en")
    assert (found["young-en"]["renews_on"], found["long-en"]["notice_by"]) == ("1 December 2026", "1 January 2027")
    assert found["young-en"].keys().isdisjoint({"notice_by", "renewal_amount"})


def test_of_whom_nothing_is_known_nothing_is_said(company: Made) -> None:
    found = told(company, "bare-en")["bare-en"]
    assert found == {
        "account": "Bare", "since": "1 November 2026", "company": "Northwind",
        "sender_name": "The Northwind team", "signer": "The Northwind team",
        **{f"{name}_link": link for name, link in company[1].outreach.links.items()},
    }  # fmt: skip


def test_names_signers_goals_and_links(company: Made) -> None:
    found = told(company, "long-en")["long-en"]
    assert [found[name] for name in ("name", "first_name", "account", "csm_name", "signer", "goal")] == [
        "Ana Weber", "Ana", "Long", "Jonas Berg", "Jonas Berg", "close the month in three days",
    ]  # fmt: skip
    assert found["export_link"] == "https://app.northwind-signals.example/export"
    play = a_play(fields=EVERYTHING, signer="Mia Lang, CEO")
    typed = told(company, "long-en", play=play, goals={"long": "pay on time"})["long-en"]
    assert (typed["signer"], typed["goal"]) == ("Mia Lang, CEO", "pay on time")


def test_only_the_fields_that_a_play_uses_are_kept(company: Made) -> None:
    found = told(company, "long-en", play=a_play(fields=frozenset({"first_name", "features", "answer_link"})))
    assert found["long-en"].keys() == {"first_name", "features", "account", "company"}


def test_what_the_page_knows_is_said_by_account_and_by_language(company: Made) -> None:
    extra = {
        "step": {"long": "Import"},
        "shipped": "Approvals",
        "offer": "20% off",
        "languages": {"de": {"offer": "20 % Rabatt"}},
        "account": "Somebody else",
    }
    found = told(company, "long-en", "long-de", "young-de", extra=extra)
    assert [found[who].get("step") for who in ("long-en", "long-de", "young-de")] == ["Import", "Import", None]
    assert [found[who]["offer"] for who in ("long-en", "long-de")] == ["20% off", "20 % Rabatt"]
    assert found["long-en"]["shipped"] == ["Approvals"]
    assert found["long-en"]["account"] == "Long"


def test_every_field_is_one_that_messages_take(company: Made) -> None:
    for found in told(company, "long-en", "young-de", "gone-en", "going-en", "bare-en").values():
        assert clean(found).keys() == found.keys()


def test_every_shipped_play_can_be_written_in_every_language_to_a_customer_we_know(company: Made) -> None:
    links = {name: str(FIELDS[name].example) for name in ("answer_link", "unsubscribe_link")}
    typed = {name: field.example for name, field in FIELDS.items() if field.origin == "campaign"}
    blocked = []
    with Renderer() as renderer:
        for play in read_plays(company[1]).values():
            who = [f"long-{code}" for code in LANGUAGES] if play.id != "goodbye" else ["going-en"]
            found = told(company, *who, play=play, extra=typed)
            bodies = {person: play.languages[person[-2:]] for person in found}
            made = [(person, renderer.render(bodies[person], known | links)) for person, known in found.items()]
            blocked += [(play.id, person, one) for person, one in made if isinstance(one, Blocked)]
    assert blocked == []


@pytest.mark.parametrize(
    ("name", "first"),
    [("Prof. Dr. Ana Weber", "Ana"), ("Frau Weber-Klein", "Weber-Klein"), ("J.R. Smith", None), ("Ana", "Ana"),
     ("Ингрид Берг", "Ингрид"), ("山田 太郎", "山田 太郎"), ("Weber,", "Weber"), (None, None)],
)  # fmt: skip
def test_people_are_called_by_their_first_name_where_the_whole_one_tells(name: str | None, first: str | None) -> None:
    assert fields.first_name(name) == first
