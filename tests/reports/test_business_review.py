"""The business review: its numbers are the metrics', it says nothing that the customer must not see, and it opens."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.scorecard import scorecard
from metrics.value import unused_entitlements, value_active_28d
from queries.frames import Frames, Scope, open_snapshot
from reports.business_review import (
    ReviewNumbers,
    StaleSnapshot,
    UnknownAccount,
    business_review,
    file_name,
    numbers,
    quarters,
)
from reports.quarters import quarter_of
from reports.review_excel import review_excel
from reports.review_texts import ENGLISH, GERMAN
from settings import Settings
from tests.pages import browser
from tests.reports import company
from tests.reports.company import NOON, TODAY, moment, outside, series, texts, words

Q3 = quarter_of(date(2026, 8, 1))
LANGUAGES = ("en", "de")
LONG = "Donaudampfschifffahrtsgesellschaft Krems"
assert len(LONG) == 40
HOSTILE = '=HYPERLINK("http://evil.example","x")\x07\u202eevil\n<b>' + "Ж" * 60
SECRET = re.compile(
    r"(?i)\b(health\w*|scor\w*|bands?|overrid\w*|zombie\w*|silen\w*|risk\w*|churn\w*|mrr|arr|nps|breadth|depth|"
    r"percentile\w*|recency|momentum|detractor\w*|promoter\w*|leaving|escalat\w*|csat|red|yellow|prep|internal|"
    r"gesundheit\w*|risiko\w*|risiken|abwander\w*|übersteuer\w*|stumm\w*|funkstille|gekündigt|kündigung\w*|intern|"
    r"vorbereitung|eskalation\w*|reichweite|breite|tiefe)\b"
)


def paid(account: str = "a", mrr: int = 900_00, started: date = date(2025, 1, 10), **more: object) -> dict[str, object]:
    key = f"s-{account}"
    return {
        "subscription_id": key, "line_id": key, "account_id": account, "plan": "Team", "kind": "paid", "mrr": mrr,
        "mrr_local": mrr, "currency": "EUR", "started_on": started, **more,
    }  # fmt: skip


def account(key: str = "a", name: str | None = "Acme", **more: object) -> dict[str, object]:
    return {"account_id": key, "name": name, "signed_up_at": moment(date(2025, 1, 10)), **more}


FEATURES = [
    {"feature": "inbox_reply", "name": "Inbox", "is_key": True, "is_value": True, "min_28_days": 3.0},
    {"feature": "call", "name": "Calls", "is_key": True, "is_value": True, "min_28_days": 10.0},
    {"feature": "login", "name": "Log-ins", "is_key": False, "is_value": False},
]
PEOPLE = [
    {"user_id": "u", "account_id": "a", "name": "Uma Unger", "joined_at": moment(date(2025, 2, 1))},
    {"user_id": "v", "account_id": "a", "name": "Vic Vogel", "joined_at": moment(date(2026, 8, 3))},
    {"user_id": "w", "account_id": "a", "name": "Our Own", "is_internal": True, "joined_at": moment(date(2026, 8, 4))},
]
USED = [
    ("a", "u", "inbox_reply", date(2025, 3, 3), 5, None),
    ("a", "u", "inbox_reply", date(2026, 5, 20), 4, None),
    ("a", "u", "inbox_reply", date(2026, 9, 10), 6, None),
    ("a", "v", "inbox_reply", date(2026, 9, 11), 2, None),
    ("a", "v", "call", date(2026, 8, 20), 3, 12.0),
    ("a", "v", "login", date(2026, 8, 20), 90, None),
]
TICKETS = [
    {"ticket_id": "1", "account_id": "a", "subject": "Export is slow", "opened_at": moment(date(2026, 9, 1))},
    {"ticket_id": "2", "account_id": "a", "subject": "Login", "opened_at": moment(date(2026, 7, 1)),
     "solved_at": moment(date(2026, 7, 5))},
    {"ticket_id": "3", "account_id": "a", "subject": "Old", "opened_at": moment(date(2026, 5, 1)),
     "solved_at": moment(date(2026, 5, 1), 14)},
]  # fmt: skip
REACH = [
    {"account_id": "a", "month": date(2026, month, 1), "end_customers": count}
    for month, count in ((4, 100), (5, 200), (7, 400), (8, 500), (9, 1600))
]


def whole(**more: list[dict[str, object]]) -> dict[str, list[dict[str, object]]]:
    sources = {
        "accounts": [account(goal="Answer within two hours")],
        "subscriptions": [paid(renews_on=date(2027, 1, 12), notice_days=30)],
        "features": FEATURES,
        "people": PEOPLE,
        "tickets": TICKETS,
        "reach": REACH,
        "entitlements": [{"plan": "Team", "feature": row["feature"]} for row in FEATURES],
    }
    return sources | more


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ReviewNumbers]:
    """``ask(sources, use, …)``: the review's numbers of account ``a`` of a company written by hand (once)."""
    folder, known = tmp_path_factory.mktemp("review"), {}

    def make(sources: Any, use: Any = (), *, today: date = TODAY, **how: Any) -> ReviewNumbers:
        key = repr((sources, list(use), today))
        if key not in known:
            known[key] = company.frames(folder, sources, list(use), today=today)
        return numbers(*known[key], "a", now=moment(today, 13), **how)

    return make


# --- Its numbers ----------------------------------------------------------------------------------------------------


def test_the_quarters_numbers_are_those_a_reader_counts_by_eye(ask):
    review = ask(whole(), USED)
    assert str(review.quarter) == "Q3 2026"
    assert (review.use.people.now, review.use.people.before) == (2, 1)
    assert (review.use.features.now, review.use.features.before) == (2, 1)
    assert (review.use.uses.now, review.use.uses.before) == (11, 4)
    assert review.use.by_month["people"].to_list() == [0, 1, 0, 0, 1, 1]
    assert review.use.by_feature.rows() == [("Inbox", 8, 4, None, None), ("Calls", 3, 0, 12.0, None)]
    assert review.use.first_used.rows() == [("Calls", date(2026, 8, 20))]
    assert review.joined.rows() == [("Vic Vogel", date(2026, 8, 3))]
    assert (review.reached.now, review.reached.before) == (2500 / 3, 150.0)
    assert (review.opened.now, review.opened.before) == (2, 1)
    assert (review.solved.now, review.solved.before) == (1, 1)
    assert review.days_to_solve.now == 4.0
    assert review.days_to_solve.before == pytest.approx(5 / 24)
    assert review.open_requests is not None
    assert review.open_requests.rows() == [("Export is slow", date(2026, 9, 1), 81)]
    assert review.contract.renews_on == date(2027, 1, 12)
    assert review.joined_on == date(2025, 1, 10)


daily = st.lists(
    st.tuples(
        st.just("a"), st.sampled_from([None, "u", "v", "x"]), st.sampled_from(["inbox_reply", "call", "login"]),
        st.dates(date(2026, 3, 20), date(2026, 10, 5)), st.integers(1, 6), st.sampled_from([None, 4.0, 11.0]),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(daily)
def test_use_is_what_brute_force_finds(rows):
    rows = [*{row[:4]: row for row in rows}.values(), ("b", "z", "login", date(2026, 1, 5), 1, None)]
    with tempfile.TemporaryDirectory() as folder:
        opened, held = company.frames(Path(folder), whole(), rows)
        found = numbers(opened, held, "a", now=NOON).use
    for span, place in ((Q3, "now"), (Q3.before, "before")):
        reached = set()
        for end in span.month_ends:
            window = [row for row in rows if row[0] == "a" and end - timedelta(days=28) < row[3] <= end]
            for user, feature in {(row[1], row[2]) for row in window} - {(u, "login") for u in (None, "u", "v", "x")}:
                amounts = [row for row in window if row[1] == user and row[2] == feature]
                measured = [row[5] for row in amounts if row[5] is not None]
                total = sum(measured) if measured else sum(row[4] for row in amounts)
                if total >= {"inbox_reply": 3, "call": 10}[feature]:
                    reached.add((user, feature))
        people = {user for user, _ in reached if user is not None}
        uses = sum(row[4] for row in rows if span.first <= row[3] <= span.last and row[2] != "login" and row[0] == "a")
        assert getattr(found.uses, place) == uses
        assert getattr(found.features, place) == len({feature for _, feature in reached})
        if getattr(found.people, place) is not None:
            assert getattr(found.people, place) == len(people)
        else:
            assert not people


@pytest.mark.postgres
def test_each_slide_holds_the_metrics_numbers(demo: tuple[Frames, Settings], busiest: str):
    frames, held = demo
    review = numbers(frames, held, busiest, now=frames.manifest.as_of, language="en", peers=True, unused=True)
    file = business_review(review)
    mine = frames.usage_28d.filter(pl.col("account_id") == busiest)
    active = [
        value_active_28d(mine, frames.features, window_end=end).filter("active", pl.col("user_id").is_not_null())
        for end in (*review.quarter.before.month_ends, *review.quarter.month_ends)
    ]
    drawn = series(company.chart(file, "Active people by month"))
    shown = [a if a is not None else b for a, b in zip(*drawn.values(), strict=True)]
    assert shown == [rows.height for rows in active]
    in_quarter = set().union(*(rows["user_id"].to_list() for rows in active[3:]))
    assert f"Active people\n{len(in_quarter)}" in words(file)
    card = scorecard(frames.mapping(), as_of=review.quarter.last).filter(pl.col("account_id") == busiest)
    assert card["depth"][0] == active[-1].height
    assert card["reach"][0] == review.reach["end_customers"][-1]
    compared = series(company.chart(file, "Share of similar customers with less than you"))[
        "Similar customers with less"
    ]
    assert compared == [card[f"{name}_percentile"][0] / 100 for name in ("depth", "breadth", "reach")]
    idle = unused_entitlements(mine, frames.features, frames.entitlements, frames.subscriptions, as_of=frames.as_of)
    idle = idle.filter(pl.col("is_key"), pl.col("account_id") == busiest)
    assert review.unused is not None
    assert review.unused["name"].sort().to_list() == idle["name"].sort().to_list()


def test_changes_are_against_the_quarter_before_and_the_quarter_can_be_chosen(ask):
    file = business_review(ask(whole(), USED))
    said = words(file)
    assert "2 people used it regularly in Q3 2026, 1 more than the quarter before" in said
    assert "+7 on Q2 2026" in said
    earlier = ask(whole(), USED, quarter=Q3.before)
    assert (earlier.use.uses.now, earlier.use.uses.before) == (4, 0)
    assert "Q2 2026 (Apr–Jun 2026) against Q1 2026 (Jan–Mar 2026)" in words(business_review(earlier))


def test_a_quarter_that_still_runs_is_not_the_last_full_one(ask):
    assert str(ask(whole(), USED, today=date(2026, 9, 30)).quarter) == "Q2 2026"
    assert str(ask(whole(), USED, today=date(2026, 10, 1)).quarter) == "Q3 2026"


def test_what_is_not_recorded_is_not_called_nothing(ask):
    review = ask({"accounts": [account()], "subscriptions": [paid()]})
    assert (review.use.people.now, review.use.uses.now, review.reached.now) == (None, None, None)
    assert review.requests is None
    said = words(business_review(review))
    assert "No use was recorded in these two quarters." in said
    assert "What is on your mind?" in said


def test_a_customer_who_came_during_the_quarter_before_is_not_compared(ask):
    sources = whole(
        accounts=[account(signed_up_at=moment(date(2026, 5, 4)))], subscriptions=[paid(started=date(2026, 5, 6))]
    )
    said = words(business_review(ask(sources, USED[1:])))
    assert "you joined on 4 May 2026" in said
    assert "on Q2 2026" not in said


def test_what_shipped_is_called_a_wish_only_where_their_own_words_are_near_to_it(tmp_path):
    said = {"survey": "q", "score": 7, "sent_at": moment(date(2026, 3, 1)), "responded_at": moment(date(2026, 3, 2))}
    tag = {"source": "nps", "theme": "missing_feature", "score": 0.6, "polarity": "complaint"}
    shipped = {"theme": "missing_feature", "shipped_on": date(2026, 8, 12)}
    sources = whole(
        nps=[{"response_id": "1", "account_id": "a", **said}, {"response_id": "2", "account_id": "b", **said}],
        accounts=[account(), account("b", "Bolt")],
        subscriptions=[paid(), paid("b")],
        roadmap=[
            {"item_id": "1", "title": "Saved replies", **shipped},
            {"item_id": "2", "title": "Invoices in Japanese yen", **shipped},
            {"item_id": "3", "title": "Saved answers", **shipped, "shipped_on": date(2026, 10, 1)},
        ],
    )
    themes = [
        {"response_id": "1", "account_id": "a", "evidence": "Please let us save replies we send often.", **tag},
        {"response_id": "2", "account_id": "b", "evidence": "Invoices in Japanese yen are missing.", **tag},
    ]
    opened, held = company.frames(tmp_path, sources, USED, themes=themes)
    review = numbers(opened, held, "a", now=NOON)
    assert review.shipped.rows() == [("Saved replies", date(2026, 8, 12))]
    assert "1 wish come true" in words(business_review(review))
    assert numbers(opened, held, "a", now=NOON, quarter=Q3.before).shipped.is_empty()


# --- For the customer's eyes ----------------------------------------------------------------------------------------


def others() -> dict[str, list[dict[str, object]]]:
    """Other customers, and what was noted, each with a name that can be searched for."""
    many = [account(f"x{place}", f"Canarycorp{place}") for place in range(12)]
    canary = {"responded_at": moment(date(2026, 9, 9)), "sent_at": moment(date(2026, 9, 8)), "survey": "q"}
    return whole(
        accounts=[account(goal="Answer within two hours", csm_name="Canarycsm", escalated=True), *many],
        subscriptions=[paid(), *(paid(f"x{place}", 700_11 + place) for place in range(12))],
        people=[*PEOPLE, {"user_id": "x", "account_id": "x1", "name": "Canaryperson"}],
        nps=[
            {"response_id": "1", "account_id": "a", "user_id": "u", "score": 2, "comment": "Canaryverbatim", **canary},
            {"response_id": "2", "account_id": "x1", "user_id": "x", "score": 9, "comment": "Canaryother", **canary},
        ],
        touches=[{"touch_id": "1", "account_id": "a", "channel": "call", "direction": "out", "summary": "Canarynote",
                  "occurred_at": moment(date(2026, 9, 1))}],
        tickets=[*TICKETS, {"ticket_id": "9", "account_id": "x1", "subject": "Canaryticket",
                            "opened_at": moment(date(2026, 9, 1))}],
        exit_surveys=[{"response_id": "1", "account_id": "x2", "comment": "Canaryexit", "reason": "price",
                       "submitted_at": moment(date(2026, 9, 1))}],
    )  # fmt: skip


def found_in(file: bytes, pattern: re.Pattern[str]) -> dict[str, list[str]]:
    parts = company.everything(file)
    assert any(name.endswith(".xml") for name in parts)
    parts = {name: said.replace("<Override ", "<") for name, said in parts.items()}  # an element of the file format
    hits = {name: [match[0] for match in pattern.finditer(said)] for name, said in parts.items()}
    return {name: hit for name, hit in hits.items() if hit}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_judges_the_customer_and_nothing_of_others_is_anywhere_in_the_files(ask, language):
    use = [*USED, *((f"x{place}", "p", "inbox_reply", date(2026, 9, 20), 3 + place, None) for place in range(12))]
    review = ask(others(), use, language=language, peers=True, unused=True)
    assert review.peers is not None
    assert review.peers.height >= 2
    pptx, xlsx = business_review(review), review_excel(review)
    assert sum(name.startswith("ppt/embeddings/") for name in zipfile.ZipFile(io.BytesIO(pptx)).namelist()) == 5
    for file in (pptx, xlsx):
        assert found_in(file, re.compile("(?i)canary|70012|700[.,]1|900[.,]00|somebody")) == {}
        assert found_in(file, SECRET) == {}


def test_the_search_finds_what_it_must(ask):
    review = ask(whole(), USED)
    for planted in ("Canarycorp", "Health: red", "Risiko hoch"):
        file = business_review(replace(review, goal=planted))
        assert found_in(file, re.compile(f"(?i)canary|{SECRET.pattern[4:]}"))
    broken = replace(review.use, by_feature=review.use.by_feature.with_columns(name=pl.lit("Zombie view")))
    inside = found_in(business_review(replace(review, use=broken)), SECRET)
    assert any(".xlsx/" in name for name in inside)


def test_no_slide_has_speaker_notes_and_none_is_hidden(ask):
    deck = company.opened(business_review(ask(whole(), USED, peers=True, unused=True)))
    assert not any(slide.has_notes_slide for slide in deck.slides)
    assert not any(slide._element.get("show") == "0" for slide in deck.slides)
    assert deck.core_properties.author == "Northwind"
    assert not deck.core_properties.comments


def test_peers_and_unused_features_stand_in_it_only_when_asked_for(ask):
    plain = ask(others(), USED)
    assert plain.peers is None
    assert plain.unused is None
    assert len(company.opened(business_review(plain)).slides) == 7
    both = business_review(ask(others(), USED[:4], peers=True, unused=True))
    assert len(company.opened(both).slides) == 9
    assert "Part of your plan" not in words(business_review(plain))
    assert "Part of your plan" in words(both)


def test_who_has_nothing_of_something_is_not_told_to_have_more_of_it(ask):
    idle = ask(others(), [("x1", "p", "inbox_reply", date(2026, 9, 20), 3, None)], peers=True)
    assert idle.peers is not None
    assert idle.peers.filter(measure="people").select("value", "share").rows() == [(0, None)]
    file = business_review(idle)
    assert "How you compare" in words(file)
    assert outside(file) == []
    some = replace(idle, peers=idle.peers.with_columns(share=pl.when(measure="main_features").then(0.8)))
    finding = "Main features in use: more than at about 80% of similar customers"
    assert finding in words(business_review(some))
    behind = replace(some, peers=some.peers.with_columns(pl.col("share") / 2))
    assert "more than at" not in words(business_review(behind))
    chart = company.chart(business_review(some), "Share of similar customers with less than you")
    assert list(series(chart).values()) == [[0.8]]


def test_what_was_used_in_the_quarter_is_not_called_unused(ask):
    """What nobody has used since then is no feature that the customer has not used yet."""
    review = ask(whole(), USED, unused=True)
    assert review.unused is not None
    assert review.unused["name"].to_list() == []
    early = [("a", "u", "inbox_reply", date(2026, 5, 20), 4, None), ("a", "v", "call", date(2026, 8, 20), 3, 12.0)]
    review = ask(whole(), early, unused=True)
    assert review.unused["name"].to_list() == ["Inbox"]


def test_where_nothing_is_new_no_slide_says_so(ask):
    old = [("a", "u", "inbox_reply", day, 5, None) for day in (date(2026, 3, 3), date(2026, 9, 10))]
    review = ask(whole(people=PEOPLE[:1]), old)
    titles = [slide.shapes.title.text_frame.text for slide in company.opened(business_review(review)).slides]
    assert not [title for title in titles if "No new" in title or title.startswith("New in")]
    assert len(titles) == 6


def test_fewer_than_five_peers_are_not_compared_with(ask):
    few = [account(f"x{place}", f"Other {place}") for place in range(4)]
    sources = whole(accounts=[account(), *few], subscriptions=[paid(), *(paid(f"x{place}") for place in range(4))])
    use = [*USED, *((f"x{place}", "p", "inbox_reply", date(2026, 9, 20), 3, None) for place in range(4))]
    review = ask(sources, use, peers=True)
    assert review.peers is not None
    assert review.peers.is_empty()
    assert "There are too few similar customers for a fair comparison." in words(business_review(review))


def test_who_has_asked_to_leave_reads_until_when_the_contract_runs_and_of_no_renewal(ask):
    asked = {"cancel_requested_at": moment(date(2026, 10, 1)), "ended_on": date(2026, 12, 31)}
    said = words(business_review(ask(whole(subscriptions=[paid(renews_on=date(2026, 12, 31), **asked)]), USED)))
    assert "Your contract runs until 31 Dec 2026" in said
    assert "renews" not in said


# --- Languages, staleness, goal -------------------------------------------------------------------------------------


def test_both_languages_say_the_same_things():
    assert ENGLISH.keys() == GERMAN.keys()
    for name, said in ENGLISH.items():
        assert set(re.findall(r"{(\w+)}", said)) == set(re.findall(r"{(\w+)}", GERMAN[name])), name


def test_the_accounts_language_comes_first_then_the_organisations(tmp_path):
    sources = whole(accounts=[account(language="de"), account("b", "Bolt", language="fr")])
    opened, held = company.frames(tmp_path, sources, USED)
    assert numbers(opened, held, "a", now=NOON).language == "de"
    assert numbers(opened, held, "b", now=NOON).language == "en"
    german = held.model_copy(update={"organisation": held.organisation.model_copy(update={"language": "de"})})
    assert numbers(opened, german, "b", now=NOON).language == "de"
    assert numbers(opened, german, "b", now=NOON, language="en").language == "en"


def test_german_writes_numbers_and_days_its_own_way(ask):
    reach = [{**row, "end_customers": 12345} for row in REACH]
    said = words(business_review(ask(whole(reach=reach), USED, language="de")))
    assert "12.345" in said
    assert "Ihr Vertrag verlängert sich am 12. Jan. 2027" in said
    assert "Q3 2026 (Juli–Sept. 2026) im Vergleich zu Q2 2026 (Apr.–Juni 2026)" in said
    assert not (set(ENGLISH.values()) - set(GERMAN.values())) & set(said.splitlines())


def test_as_of_and_snapshot_stand_on_the_last_slide_only(ask):
    slides = list(company.opened(business_review(ask(whole(), USED))).slides)
    assert "As of 21 Nov 2026, 13:00 · snapshot a1" in texts(slides[-1])
    assert not any("snapshot" in text for slide in slides[:-1] for text in texts(slide))


def test_an_old_snapshot_is_refused_unless_asked_twice(tmp_path):
    opened, held = company.frames(tmp_path, whole(), USED)
    later = NOON + held.refresh.stale_after + timedelta(minutes=1)
    with pytest.raises(StaleSnapshot, match="last read 2 hours ago"):
        numbers(opened, held, "a", now=later)
    assert numbers(opened, held, "a", now=later, even_if_stale=True).use.uses.now == 11
    assert numbers(opened, held, "a", now=NOON + held.refresh.stale_after).use.uses.now == 11


def test_a_goal_from_elsewhere_wins_and_none_leaves_lines_to_write_on(ask):
    assert "Fewer calls" in words(business_review(ask(whole(), USED, goal="Fewer calls")))
    none = words(business_review(ask(whole(), USED, goal="")))
    assert "What should we achieve together? Let us write it down." in none
    assert "Answer within two hours" not in none


def test_an_account_out_of_sight_is_refused(tmp_path):
    opened, held = company.frames(tmp_path, whole(), USED)
    with pytest.raises(UnknownAccount):
        numbers(opened, held, "nobody", now=NOON)
    theirs = open_snapshot("a1", Scope("anna@example.com"), held)
    with pytest.raises(UnknownAccount):
        numbers(theirs, held, "a", now=NOON)


# --- Accounts of every shape ----------------------------------------------------------------------------------------

SHAPES: dict[str, tuple[dict[str, list[dict[str, object]]], list[tuple[Any, ...]]]] = {
    "only an account": ({"accounts": [account()], "subscriptions": []}, []),
    "without a name": ({"accounts": [account(name=None)], "subscriptions": [paid()]}, []),
    "without people, tickets and reach": (whole(people=[], tickets=[], reach=[]), USED),
    "a month old": (
        whole(accounts=[account(signed_up_at=moment(date(2026, 10, 20)))], subscriptions=[paid(started=TODAY)]),
        [("a", "u", "inbox_reply", date(2026, 11, 2), 5, None)],
    ),
    "with two subscriptions": (
        whole(
            subscriptions=[
                paid(renews_on=date(2028, 2, 29)),
                paid(mrr=100_00, started=date(2024, 2, 29), renews_on=date(2027, 1, 31), subscription_id="t")
                | {"line_id": "t", "plan": "Extra", "cancel_requested_at": moment(date(2026, 11, 1))},
            ]
        ),
        USED,
    ),
    "left already": (whole(subscriptions=[paid(ended_on=date(2026, 8, 31), end_kind="requested")]), USED),
    "pays nothing": (whole(subscriptions=[paid(mrr=0, kind="free")]), USED),
    "an empty quarter": (whole(tickets=[], reach=[]), USED[:1]),
    "by an integration only": (whole(), [("a", None, "call", date(2026, month, 9), 4, 20.0) for month in (4, 8, 9)]),
    "a hostile name": (
        whole(
            accounts=[account(name=HOSTILE, goal=HOSTILE)],
            people=[{**PEOPLE[1], "name": HOSTILE}],
            tickets=[{**TICKETS[0], "subject": HOSTILE}] * 1,
            features=[{**row, "name": HOSTILE} for row in FEATURES],
        ),
        USED,
    ),
    "very long names": (
        whole(
            accounts=[account(name="W" * 3000, goal="W" * 3000)],
            people=[{**PEOPLE[1], "user_id": str(place), "name": "Wilhelmina " * 20} for place in range(30)],
            tickets=[{**TICKETS[0], "ticket_id": str(place), "subject": "W" * 500} for place in range(30)],
        ),
        USED,
    ),
}


def test_who_gives_up_an_add_on_renews_what_is_left(ask):
    bought = ask(*SHAPES["with two subscriptions"]).contract
    assert (bought.plan, bought.mrr, bought.leaves) == ("Team", 1000_00, False)
    assert (bought.since, bought.renews_on) == (date(2024, 2, 29), date(2028, 2, 29))


def test_a_customer_is_never_told_that_they_use_everything_where_nobody_knows(ask):
    for shape in ("only an account", "left already", "pays nothing"):
        review = ask(*SHAPES[shape], unused=True)
        assert review.unused is None
        assert ENGLISH["unused_none"] not in words(business_review(review))
    for known in (whole(entitlements=[]), whole()):
        assert ask(known, [], unused=True).unused is None  # no source of what a plan offers, then no use by anybody
    never = ask(whole(), [("other", "o", "call", date(2026, 11, 1), 4, 20.0)], unused=True)
    assert never.unused["name"].to_list() == ["Calls", "Inbox"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_accounts_of_every_shape_get_a_review_that_stays_on_its_slides(ask, shape, language):
    review = ask(*SHAPES[shape], language=language, peers=True, unused=True)
    file = business_review(review)
    assert outside(file) == []
    assert len(company.opened(file).slides) >= 6
    assert all(
        slide.shapes.title.text_frame.text or place == 0 for place, slide in enumerate(company.opened(file).slides)
    )
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x07]", words(file))
    assert zipfile.ZipFile(io.BytesIO(review_excel(review))).testzip() is None
    assert quarters_of(review)


def quarters_of(review: ReviewNumbers) -> bool:
    return review.quarter.last < review.as_of


def test_a_young_account_reads_calmly_that_the_quarter_was_before_its_time(ask):
    said = words(business_review(ask(*SHAPES["a month old"])))
    assert "Q3 2026 was over before we began to work together." in said


def test_quarters_to_choose_from_begin_with_the_sign_up(tmp_path):
    opened, _ = company.frames(tmp_path, whole(accounts=[account(signed_up_at=moment(date(2026, 4, 1)))]), USED)
    assert [str(quarter) for quarter in quarters(opened, "a")] == ["Q3 2026", "Q2 2026"]


def test_a_name_that_looks_like_a_formula_runs_nowhere(ask):
    review = ask(*SHAPES["a hostile name"])
    parts = company.everything(business_review(review)) | company.everything(review_excel(review))
    assert not any("<f>" in said or "<hyperlink" in said for name, said in parts.items() if "worksheets" in name)
    strings = ET.fromstring(company.everything(review_excel(review))["xl/sharedStrings.xml"])
    assert not any((node.text or "").startswith("=") for node in strings.iter())
    assert "/" not in file_name("business-review", HOSTILE, review.quarter, TODAY, "pptx")


def test_the_same_numbers_give_the_same_bytes(ask):
    review = ask(whole(), USED)
    assert business_review(review) == business_review(review)


def test_excel_holds_the_reviews_numbers(ask):
    parts = company.everything(review_excel(ask(whole(), USED)))
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert re.findall(r'<c r="[BCD]4"[^>]*><v>([^<]*)</v>', sheet) == ["11", "4", "7"]
    assert "a1" in parts["xl/sharedStrings.xml"]


# --- As it is drawn -------------------------------------------------------------------------------------------------


def drawn(file: bytes, folder: Path) -> Path:
    """The file as PDF, as LibreOffice draws it."""
    office = browser.needed("soffice")
    (folder / "file.pptx").write_bytes(file)
    own = f"-env:UserInstallation=file://{folder / 'office'}"
    command = [office, own, "--headless", "--convert-to", "pdf", "--outdir", str(folder), str(folder / "file.pptx")]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return folder / "file.pdf"


def overlaps(pdf: Path) -> list[str]:
    """Words that stand on one another, or outside their page."""
    told = subprocess.run([browser.needed("pdftotext"), "-bbox", str(pdf), "-"], check=True, capture_output=True)
    page = re.compile(r'<page width="([\d.]+)" height="([\d.]+)">(.*?)</page>', re.S)
    word = re.compile(r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</word>')
    found = []
    for number, (wide, tall, body) in enumerate(page.findall(told.stdout.decode()), start=1):
        boxes = [(*map(float, match[:4]), match[4]) for match in word.findall(body)]
        found += [f"{number}: {b[4]}" for b in boxes if b[0] < 0 or b[2] > float(wide) or b[3] > float(tall)]
        for place, one in enumerate(boxes):
            for other in boxes[place + 1 :]:
                across = min(one[2], other[2]) - max(one[0], other[0])
                down = min(one[3], other[3]) - max(one[1], other[1])
                if across > 1 and down > 0.45 * min(one[3] - one[1], other[3] - other[1]):
                    found.append(f"{number}: {one[4]} on {other[4]}")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_libreoffice_draws_every_slide_without_overflow_at_forty_characters(ask, language, tmp_path):
    names = {"name": LONG, "goal": f"{LONG} will in {LONG} mehr erreichen, und zwar {LONG}"}
    many = [account(f"x{place}") for place in range(12)]
    sources = whole(
        accounts=[account(**names), *many],
        subscriptions=[paid(renews_on=date(2027, 1, 12)), *(paid(f"x{place}") for place in range(12))],
        features=[{**row, "name": f"{row['name']} {LONG}"[:40]} for row in FEATURES],
        people=[{**PEOPLE[1], "user_id": str(place), "name": LONG} for place in range(15)],
        tickets=[{**TICKETS[0], "ticket_id": str(place), "subject": LONG * 2} for place in range(15)],
        reach=[{**row, "end_customers": 12_345_678} for row in REACH],
    )
    use = [*USED, *((f"x{place}", "p", "inbox_reply", date(2026, 9, 20), 3, None) for place in range(12))]
    file = business_review(ask(sources, use, language=language, peers=True, unused=True))
    folder = tmp_path / "drawn"
    folder.mkdir()
    pdf = drawn(file, folder)
    assert overlaps(pdf) == []
    draw = [browser.needed("pdftoppm"), "-r", "40", "-gray", str(pdf), str(folder / "page")]
    subprocess.run(draw, check=True, timeout=60)
    pages = sorted(folder.glob("page-*.pgm"))
    assert len(pages) == len(company.opened(file).slides)
    assert all(sum(1 for grey in page.read_bytes()[-530 * 300 :] if grey < 200) > 300 for page in pages)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def demo(demo_frames, demo_settings) -> tuple[Frames, Settings]:
    return demo_frames, demo_settings


@pytest.fixture(scope="module")
def busiest(demo_frames) -> str:
    """The account of the demo company with the most use in the last full quarter."""
    recent = demo_frames.activity_monthly.filter(pl.col("period") >= date(2026, 7, 1))
    known = demo_frames.source("reach").filter(pl.col("month") == date(2026, 9, 1)).select("account_id")
    uses = recent.join(known, on="account_id").group_by("account_id").agg(pl.col("uses").sum())
    return str(uses.sort("uses", "account_id", descending=True).collect()["account_id"][0])
