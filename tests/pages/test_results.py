"""The results page: counts, the effect against the holdout in words, answers as they were written, a logged reply."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import settings
from metrics.outreach_effect import outreach_effect
from outreach.audience import Audience
from outreach.results import Results
from pages.shared import data, viewer
from pages.shared.answers import campaigns as asked_of
from pages.shared.answers import results as asking
from pages.shared.findings import results as findings
from queries.frames import Scope, current_id, open_snapshot
from records import addresses, answers, audit, outbox
from records.outbox import Rules
from tests.pages.reaching import awake, calm, numbers, page, press, said
from tests.records import outreach

HOSTILE = "<script>alert(1)</script> **bold** ![x](http://evil.example/x.png) =1+1"

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("fresh")]


@pytest.fixture
def held(demo_settings, outreach_records, monkeypatch):
    mine = awake(demo_settings, outreach_records.writer)
    monkeypatch.setattr(settings, "get", lambda: mine)
    monkeypatch.setattr(viewer, "now", lambda: viewer.Viewer("cara", None, "admin"))
    return mine


@pytest.fixture
def asked(held, outreach_records):
    """The NPS question sent to two people of the demo company, and held back from a third."""
    frames = open_snapshot(current_id(held), Scope(), held)
    ids = frames.accounts.select("account_id").sort("account_id").head(3).collect()["account_id"].to_list()
    drawn = [outreach.row(account_id=ids[0]), outreach.row(account_id=ids[1])]
    apart = outreach.row(account_id=ids[2], arm="held_out", state="held_out", reason="holdout",
                         subject=None, text=None, html=None)  # fmt: skip
    at = datetime.now(UTC) - timedelta(hours=1)
    told = Audience("Them", "Accounts", tuple(ids)).as_json()
    outreach.running(outreach_records, [*drawn, apart], now=at, play="nps", title="Asked", audience=told,
                     rules={"question": "nps"})  # fmt: skip
    for taken in outreach.claim(outreach_records, now=at, limit=10):
        begun = outbox.begin_sending(outreach_records.engine, taken, now=at, rules=Rules(100, 0, 0)).claimed
        outbox.sent(outreach_records.engine, begun, now=at)
    return drawn


def test_before_anything_is_sent_the_page_says_so(demo_settings, records_url, monkeypatch):
    bare = awake(demo_settings, records_url)
    monkeypatch.setattr(settings, "get", lambda: bare)
    seen = page("results")
    assert seen.title[0].value == "Nothing has been sent yet"


def test_a_reply_is_logged_as_an_answer_and_everything_counts(held, asked, outreach_records, looks):
    seen = page("results")
    assert [(each.actor, each.action, each.object) for each in looks] == [("cara", "view", "page/results")]
    assert seen.title[0].value == "2 messages delivered, 0 answered"
    assert numbers(seen) == {"Delivered": "2", "Answered": "0", "Opted out": "0", "Failed": "0"}
    assert "30 days are not over yet for any of 3 accounts" in said(seen)
    assert "cannot be told yet" in said(seen)

    replied = next(box for box in seen.selectbox if box.label == "Who replied")
    seen = calm(replied.set_value(str(asked[0].id)).run())
    seen.button_group(key=f"reply_{asked[0].id}_score").set_value(9)
    seen.text_area(key=f"reply_{asked[0].id}").set_value(HOSTILE)
    seen = press(calm(seen.run()), "Log the reply")
    kept = answers.of(outreach_records.engine, asked[0].id)
    assert (kept.score, kept.comment, kept.source) == (9, HOSTILE, "hand")
    logged = audit.entries(outreach_records.engine, object=f"message/{asked[0].id}")
    assert logged.select("actor", "action").rows() == [("cara", "log answer")]
    assert numbers(seen)["Answered"] == "1"
    table = next(pl.from_pandas(each.value) for each in seen.dataframe if "answered_at" in each.value.columns)
    assert table.select("score", "comment").rows() == [(9, HOSTILE)]
    for elements in (seen.markdown, seen.caption, seen.title, seen.subheader):
        assert not any("evil" in each.value for each in elements)

    gone = asked[1].address_key
    addresses.opt_out(outreach_records.engine, gone, source="link", now=datetime.now(UTC), message_id=asked[1].id)
    assert asking.opted_out(data.view()) == {"nps": 1}


def test_a_reply_is_to_what_was_asked_even_where_the_play_asks_nothing_by_now(held, asked, monkeypatch):
    now = {id: replace(play, question=None) for id, play in asked_of.plays().items()}
    monkeypatch.setattr(asked_of, "plays", lambda: now)
    seen = page("results")
    replied = next(box for box in seen.selectbox if box.label == "Who replied")
    seen = calm(replied.set_value(str(asked[0].id)).run())
    assert seen.button_group(key=f"reply_{asked[0].id}_score").options == [str(score) for score in range(11)]


def test_the_headline_is_of_the_days_that_the_address_names(held, asked):
    test = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
    test.query_params["effect_days"] = "90 days"
    seen = calm(test.switch_page("results.py").run())
    assert "90 days are not over yet for anybody" in [box.value for box in seen.subheader]


def test_without_records_the_page_says_so_calmly(demo_settings, monkeypatch):
    stopped = awake(demo_settings, "postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setattr(settings, "get", lambda: stopped)
    seen = page("results")
    assert seen.title[0].value == "Results"
    assert "does not answer" in said(seen)


# --- words -------------------------------------------------------------------------------------------------------


def found(stay, leave, apart_stay, apart_leave):
    """The effect of a play on so many accounts that stay or leave, written to and held out."""
    day = datetime(2026, 1, 1).date()
    who = [("contacted", True)] * stay + [("contacted", False)] * leave
    who += [("held_out", True)] * apart_stay + [("held_out", False)] * apart_leave
    ids = [str(place) for place in range(len(who))]
    sent = pl.DataFrame({"account_id": ids, "play": "offer", "arm": [arm for arm, _ in who], "at": [day] * len(who)})
    ended = [None if stays else datetime(2026, 1, 20).date() for _, stays in who]
    subscriptions = pl.DataFrame(
        {"account_id": ids, "subscription_id": ids, "kind": "paid", "mrr": 100, "started_on": [day] * len(who),
         "ended_on": ended, "end_kind": [None if end is None else "requested" for end in ended]},
        schema_overrides={"ended_on": pl.Date, "end_kind": pl.String},
    )  # fmt: skip
    return outreach_effect(sent, subscriptions, None, as_of=datetime(2026, 3, 15).date())


def of(effect):
    """Results with nothing but an effect."""
    counts = pl.DataFrame({"delivered": [9], "answered": [2]})
    return Results(counts, counts, effect, counts)


def shown(*counts):
    """The effect on so many accounts as its table shows it."""
    return findings.effect(of(found(*counts)), {"offer": "An offer"})


def test_a_difference_beyond_chance_is_said_with_its_interval():
    rows = shown(95, 5, 60, 40)
    assert findings.effect_said(rows, "paying", 30) == "“An offer”: 35.0 pts more pay after 30 days"
    (said,) = findings.each_said(rows, "paying", 30)
    assert said.startswith("**An offer**: 95 of 100 written to pay after 30 days, 60 of 100 held out: +35.0 pts (95% ")
    assert said.endswith(", more stay.")
    assert findings.compared(rows, "paying", 30).select("title", "enough").rows() == [("An offer", True)]
    row = rows.filter(outcome="paying", days=60).row(0, named=True)
    assert findings.saved(row).startswith("about 35 accounts (")


def test_few_accounts_are_too_few_to_tell_however_they_differ():
    rows = shown(3, 0, 0, 2)
    assert findings.effect_said(rows, "paying", 30) == "After 30 days: too few to tell"
    assert findings.each_said(rows, "paying", 30) == [
        "**An offer**: 3 of 3 written to pay after 30 days, 0 of 2 held out. Too few to tell."
    ]
    assert findings.compared(rows, "paying", 30)["enough"].to_list() == [False]


def test_days_that_are_not_over_are_not_told_of():
    rows = shown(3, 0, 0, 2)
    assert findings.effect_said(rows, "paying", 90) == "90 days are not over yet for anybody"
    assert findings.each_said(rows, "paying", 90) == ["**An offer**: 90 days are not over yet for any of 5 accounts."]


def test_chance_is_called_chance():
    rows = shown(80, 20, 78, 22)
    assert findings.effect_said(rows, "paying", 30) == (
        "After 30 days, no play differs from its holdout by more than chance"
    )


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ((95, 5, 60, 40), "An offer: about 35 accounts (24 to 45) pay after 30 days that would not without it."),
        ((60, 40, 95, 5), "An offer: a real fall: about 35 fewer accounts (24 to 45) pay after 30 days than would "
                          "without it."),
        ((80, 20, 78, 22), "An offer: no difference in who pays after 30 days that can be told from chance (95% "),
        ((3, 0, 0, 2), "Whether it keeps customers cannot be told yet"),
    ],
)  # fmt: skip
def test_the_headline_says_what_the_verdict_is(counts, told):
    assert findings.headline(of(found(*counts)), {"offer": "An offer"})[1].startswith(told)


def test_one_account_saved_pays():
    row = {"saved": 1.2, "saved_low": 0.6, "saved_high": 2.4, "days": 30}
    assert findings.saved(row) == "about 1 account (1 to 2) pays after 30 days that would not without it"
