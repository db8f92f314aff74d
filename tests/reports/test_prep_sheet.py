"""The prep sheet: marked as internal, its numbers are the metrics', and each talking point stands on one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from metrics.health import health
from metrics.measures import measures
from metrics.scorecard import depth_there, scorecard
from metrics.value import zombies
from queries.frames import Frames
from reports.champions import Typed
from reports.prep_german import GERMAN
from reports.prep_points import points
from reports.prep_sheet import PrepNumbers, StaleSnapshot, numbers, prep_sheet
from reports.prep_texts import ENGLISH, language
from settings import Settings
from tests.reports import company
from tests.reports.company import NOON, TODAY, moment, outside, series, texts, words
from tests.reports.test_business_review import (
    LONG,
    SHAPES,
    TICKETS,
    USED,
    account,
    drawn,
    others,
    overlaps,
    paid,
    whole,
)

MARKS = {"en": "INTERNAL · NOT FOR THE CUSTOMER", "de": "INTERN · NICHT FÜR DEN KUNDEN"}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., PrepNumbers]:
    """``ask(sources, use, …)``: the prep sheet's numbers of account ``a`` of a company written by hand.

    A company is written once, and its health worked out once, however often it is asked about.
    """
    folder, known, healths = tmp_path_factory.mktemp("prep"), {}, {}

    def make(sources: Any, use: Any = (), **how: Any) -> PrepNumbers:
        key = repr((sources, list(use)))
        if key not in known:
            known[key] = company.frames(folder, sources, list(use))
        if key in healths and "overrides" not in how:
            how["history"] = healths[key]
        found = numbers(*known[key], "a", now=NOON, **how)
        if "overrides" not in how:
            healths[key] = found.history
        return found

    return make


def said(prep: PrepNumbers) -> dict[str, str]:
    """Its talking points by kind."""
    return dict(points(prep, language("en")))


@pytest.mark.parametrize("code", MARKS)
def test_every_slide_is_marked_as_internal_and_says_as_of_when_and_from_which_snapshot(ask, code):
    file = prep_sheet(ask(others(), USED, language=code))
    for slide in company.opened(file).slides:
        assert MARKS[code] in texts(slide)
        assert any("21" in text and "2026, 13:00" in text and text.endswith("a1") for text in texts(slide))
        assert slide.notes_slide.notes_text_frame.text.startswith("Intern")


def test_both_languages_say_the_same_things():
    assert ENGLISH.keys() == GERMAN.keys()
    for name, text in ENGLISH.items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", GERMAN[name])), name


def test_it_holds_what_the_review_must_not(ask):
    file = words(prep_sheet(ask(others(), USED)))
    for secret in ("Health", "MRR", "€900", "Uma Unger · 2 of 10", "Canaryverbatim", "Canarycsm", "escalation"):
        assert secret in file
    assert "Canarycorp" not in file  # other customers are nobody's business here either
    assert "Canaryother" not in file


def test_a_stale_snapshot_is_refused_unless_asked_twice(tmp_path):
    opened, held = company.frames(tmp_path, whole(), USED)
    later = NOON + held.refresh.stale_after + timedelta(seconds=1)
    with pytest.raises(StaleSnapshot):
        numbers(opened, held, "a", now=later)
    assert numbers(opened, held, "a", now=later, even_if_stale=True).as_of == TODAY


# --- Talking points -------------------------------------------------------------------------------------------------


def test_a_renewal_and_its_notice_are_counted_in_days(ask):
    found = said(ask(whole(), USED))
    assert found["renewal"] == "The contract renews in 52 days, on 12 Jan 2027."
    assert found["notice"] == "Notice can be given until 13 Dec 2026, 22 days from now."
    far = said(ask(whole(subscriptions=[paid(renews_on=date(2027, 6, 1))]), USED))
    assert "renewal" not in far


def test_a_renewal_on_29_february_and_notice_that_is_over(ask):
    sources = whole(subscriptions=[paid(renews_on=date(2026, 12, 1), notice_days=30)])
    found = said(ask(sources, USED))
    assert found["renewal"] == "The contract renews in 10 days, on 1 Dec 2026."
    assert "notice" not in found
    assert "notice was until 1 Nov 2026" in words(prep_sheet(ask(sources, USED)))
    leap = ask(whole(subscriptions=[paid(renews_on=date(2028, 2, 29), notice_days=1)]), USED).review.contract
    assert leap.notice_until == date(2028, 2, 28)


def test_who_pays_and_gets_nothing_is_said_with_days_and_money(ask):
    found = said(ask(whole(), USED[:2]))
    # Five uses on 3 March 2025 keep until 30 March; four on 20 May 2026 until 16 June: 158 days ago.
    assert found["zombie"] == "Nobody has got value for 158 days, and they pay €900 a month."
    assert "no value for 158 days" in words(prep_sheet(ask(whole(), USED[:2])))
    assert "zombie" not in said(ask(whole(), [*USED, ("a", "u", "inbox_reply", date(2026, 11, 9), 6, None)]))


def test_a_request_to_leave_comes_first_and_hides_the_renewal(ask):
    asked = {"cancel_requested_at": moment(date(2026, 10, 1)), "ended_on": date(2026, 12, 31)}
    prep = ask(whole(subscriptions=[paid(renews_on=date(2026, 12, 31), **asked)]), USED)
    first, *rest = points(prep, language("en"))
    assert first[1] == "Asked to leave on 1 Oct 2026; served until 31 Dec 2026. Ask what would have to change."
    assert "renewal" not in dict(rest)
    assert "Asked on 1 Oct 2026, €900 a month of Team, served until 31 Dec 2026." in words(prep_sheet(prep))


def test_open_tickets_payments_champion_and_words_are_said_with_their_numbers(ask):
    champion = {
        "user_id": "c",
        "account_id": "a",
        "name": "Cleo",
        "role": "champion",
        "left_at": moment(date(2026, 9, 2)),
    }
    sources = others() | {
        "people": [*others()["people"], champion],
        "tickets": [{**TICKETS[0], "priority": "Urgent"}, *TICKETS[1:]],
        "subscriptions": [paid(past_due_since=moment(date(2026, 11, 1)))],
    }
    found = said(ask(sources, USED))
    assert found["urgent"] == "1 urgent or high ticket is open, for 81 days."
    assert found["past_due"] == "A payment has been open for 20 days, since 1 Nov 2026."
    assert found["champion"] == "Their champion Cleo left on 2 Sep 2026: find the next one."
    assert found["detractor"] == "Uma Unger answered 2 of 10 on 9 Sep 2026. Ask, do not defend."
    assert found["contact"] == "No contact for 81 days; their rhythm is 30 days."
    assert found["people_rose"] == "Active people rose from 1 to 2 in Q3 2026."
    assert found["uses_rose"] == "Uses rose by 175% in Q3 2026, from 4 to 11."


def test_the_people_counted_never_exceed_those_there_and_nothing_is_ahead_of_nobody(ask):
    prep = ask(others(), USED)
    assert prep.card is not None
    card = prep.card | {"depth": 7, "depth_of": 6, "depth_share": 5 / 6, "breadth": 0, "breadth_percentile": 11.0}
    sheet = words(prep_sheet(replace(prep, card=card))).split("\n")
    place = sheet.index("People getting value, 7 with those who left")
    assert sheet[place + 1 : place + 3] == ["5", "6"]
    assert not [line for line in sheet if line.startswith("11% of")]


def test_nobody_is_asked_for_a_reference_while_the_account_is_red_or_leaves(ask):
    answer = {"response_id": "1", "account_id": "a", "user_id": "u", "score": 10, "sent_at": moment(date(2026, 9, 8)),
              "responded_at": moment(date(2026, 9, 9)), "survey": "q"}  # fmt: skip
    happy = ask(whole(nps=[answer]), USED)
    healths = [replace(happy, history=happy.history.with_columns(shown_band=pl.lit(b))) for b in ("green", "red")]
    assert ["promoter" in said(prep) for prep in healths] == [True, False]
    going = replace(happy.review, contract=replace(happy.review.contract, leaves=True))
    assert "promoter" not in said(replace(healths[0], review=going))


CHAMPION = {"user_id": "c", "account_id": "a", "name": "Cleo", "role": "champion"}
STAFF = {"user_id": "i", "account_id": "a", "name": "Ours", "role": "champion", "is_internal": True}
GONE = {**CHAMPION, "left_at": moment(date(2026, 9, 2))}


@pytest.mark.parametrize(
    ("people", "typed", "line"),
    [
        ([CHAMPION, STAFF], None, "Champion: Cleo"),
        ([STAFF], None, "Champion: nobody known"),
        ([GONE], None, "Champion: Cleo left on 2 Sep 2026"),
        ([{**CHAMPION, "left_at": moment(date(2026, 12, 1))}], None, "Champion: Cleo"),  # still there today
        ([GONE], Typed(name="Dana Doe"), "Champion: Dana Doe (typed in)"),
        ([GONE], Typed(user_id="u"), "Champion: Uma Unger (typed in)"),
        (
            [CHAMPION, {**GONE, "user_id": "x", "name": "Xi"}],
            Typed(user_id="x"),
            "Champion: Xi left on 2 Sep 2026 (typed in)",
        ),
        ([CHAMPION], Typed(user_id="nobody"), "Champion: nobody known"),
    ],
)
def test_the_sheet_names_the_champion_and_one_typed_in_wins_over_the_source(ask, people, typed, line):
    prep = ask(others() | {"people": [*others()["people"], *people]}, USED, champion=typed)
    assert line in words(prep_sheet(prep)).split("\n")
    assert ("champion" in said(prep)) == (" left on " in line)


def test_the_goal_is_on_the_sheet(ask):
    assert "Goal: Answer within the hour" in words(prep_sheet(ask(whole(), USED, goal="Answer within the hour")))
    assert "Goal: not known; ask for it" in words(prep_sheet(ask(whole(), USED, goal="")))


def test_months_without_health_are_a_gap_in_the_line(ask):
    prep = ask(whole(), USED)
    days = [date(2026, 7, 31), date(2026, 10, 31), TODAY]
    known = prep.history.tail(1).drop("on").with_columns(shown_score=50.0)
    history = known.join(pl.DataFrame({"on": days}), how="cross")
    drawn_scores = series(company.chart(prep_sheet(replace(prep, history=history)), "Health over a year"))["Health"]
    assert [score is None for score in drawn_scores] == [False, True, True, False, False]


def test_nothing_stands_out_where_nothing_is_known(ask):
    prep = ask({"accounts": [account()], "subscriptions": []})
    assert said(prep) == {}
    assert "Nothing stands out in the numbers." in words(prep_sheet(prep))


def test_every_number_of_a_point_is_in_the_numbers_it_came_from(ask):
    """A change of health is explained by the measure that moved it most the same way."""
    prep = ask(whole(), USED)
    moved = pl.DataFrame(
        {"measure": ["nps", "recency"], "points": [4.0, -9.5], "because": ["behaviour"] * 2},
        schema={"measure": pl.String, "points": pl.Float64, "because": pl.String},
    )
    history = pl.DataFrame({"on": [date(2026, 10, 31), TODAY], "shown_band": ["green", "red"]})
    found = said(replace(prep, moved=moved, history=history))
    assert found["health"] == "Health fell by 5.5 points since 31 Oct 2026; most of it: days since value (−9.5)."
    assert "health" not in said(replace(prep, moved=moved.with_columns(points=pl.col("points") / 4), history=history))


# --- Its numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_each_slide_holds_the_metrics_numbers(demo_frames: Frames, demo_settings: Settings):
    frames, held, as_of = demo_frames, demo_settings, demo_frames.as_of
    silent = zombies(frames.value_days, frames.subscriptions, as_of=as_of).sort("mrr", "account_id", descending=True)
    who = silent["account_id"][0]
    prep = numbers(frames, held, who, now=frames.manifest.as_of)
    file = prep_sheet(prep)
    bands = {str(name): least for name, least in held.health.bands.items()}
    scored = health(measures(frames.mapping(), as_of=as_of), held.health.weights, as_of=as_of, bands=bands)
    mine = scored.filter(pl.col("account_id") == who).row(0, named=True)
    drawn_scores = series(company.chart(file, "Health over a year"))["Health"]
    assert drawn_scores[-1] == round(mine["score"], 1)
    assert len(drawn_scores) == prep.history.height <= 13
    assert dict(points(prep, language("en")))["zombie"].startswith(
        f"Nobody has got value for {silent['days_silent'][0]} days"
    )
    card = scorecard(frames.mapping(), as_of=as_of).filter(pl.col("account_id") == who).row(0, named=True)
    table = next(shape.table for shape in company.opened(file).slides[2].shapes if shape.has_table)
    assert table.cell(2, 1).text_frame.text == f"{depth_there(card)}"
    assert sum(prep.moved["points"].drop_nulls()) == pytest.approx(
        prep.history["shown_score"][-1] - prep.history["shown_score"][-2]
    )


@pytest.mark.postgres
def test_health_known_already_is_not_worked_out_again_and_says_the_same(demo_frames, demo_settings):
    who = demo_frames.subscriptions.select("account_id").collect()["account_id"].mode().sort()[0]
    first = numbers(demo_frames, demo_settings, who, now=demo_frames.manifest.as_of)
    again = numbers(demo_frames, demo_settings, who, now=demo_frames.manifest.as_of, history=first.history)
    assert prep_sheet(again) == prep_sheet(first)


def test_an_override_stands_on_it_with_its_author(ask):
    overrides = pl.DataFrame(
        {
            "account_id": ["a"], "score": [20.0], "author": ["ben@example.com"], "reason": ["They told me"],
            "made_on": [date(2026, 11, 1)], "expires_on": [date(2026, 12, 1)],
        }
    )  # fmt: skip
    found = words(prep_sheet(ask(whole(), USED, overrides=overrides)))
    assert "20 · red" in found
    assert "ben@example.com says 20" in found


# --- Accounts of every shape ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("code", MARKS)
def test_accounts_of_every_shape_get_a_sheet_that_stays_on_its_slides(ask, shape, code):
    file = prep_sheet(ask(*SHAPES[shape], language=code))
    assert outside(file) == []
    assert len(company.opened(file).slides) >= 5
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x07]", words(file))


@pytest.mark.slow
@pytest.mark.parametrize("code", MARKS)
def test_libreoffice_draws_every_slide_without_overflow_at_forty_characters(ask, code, tmp_path):
    answers = [
        {"response_id": str(place), "account_id": "a", "user_id": "u", "score": 3, "survey": f"{place}",
         "comment": f"{LONG} " * 9, "responded_at": moment(date(2026, 9, 9)), "sent_at": moment(date(2026, 9, 8))}
        for place in range(9)
    ]  # fmt: skip
    sources = others() | {
        "accounts": [account(name=LONG, csm_name=LONG, escalated=True, do_not_contact=True), *others()["accounts"][1:]],
        "tickets": [
            {**TICKETS[0], "ticket_id": str(place), "subject": LONG * 3, "priority": "urgent"} for place in range(12)
        ],
        "nps": answers,
        "entitlements": [{"plan": "Team", "feature": f"{LONG} {place}"} for place in range(9)],
    }
    folder = tmp_path / "drawn"
    folder.mkdir()
    assert overlaps(drawn(prep_sheet(ask(sources, USED, language=code)), folder)) == []
