"""The NPS page: what its address says is what it counts, and every way from a number to the accounts behind it."""

import uuid
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import settings
from metrics.nps import nps_change
from metrics.nps_groups import nps_groups
from pages.shared import data, figures
from pages.shared.answers import nps
from pages.shared.filters import Who
from pages.shared.findings import nps as findings
from queries.frames import Scope, open_snapshot
from tests.pages import snapshot

TODAY = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
LAST_MONTH = TODAY.replace(day=1) - timedelta(days=10)
ACCOUNTS = [
    {"account_id": "a", "name": "Acme <b>", "segment": "Large", "country": "DE", "language": "de"},
    {"account_id": "b", "name": "Bolt", "segment": "Small", "country": "FR", "language": "fr"},
    {"account_id": "c", "name": "Cut", "segment": "Small"},
]
for account in ACCOUNTS:
    account["signed_up_at"] = datetime(2020, 1, 1, tzinfo=UTC)
LINES = [
    {"subscription_id": f"s{name}", "line_id": f"s{name}", "account_id": name, "plan": plan, "kind": "paid",
     "started_on": date(2020, 1, 1), "mrr": mrr}
    for name, plan, mrr in (("a", "Team", 90_000), ("b", "Team", 10_000))
]  # fmt: skip
PEOPLE = [
    {"user_id": "ann", "account_id": "a", "name": "Ann", "locale": "en-GB"},
    {"user_id": "bea", "account_id": "b", "name": "Bea"},
]


def said(
    number: int, account: str, user: str | None, score: int | None, at: datetime, **more: object
) -> dict[str, object]:
    row = {"response_id": f"r{number}", "account_id": account, "user_id": user, "score": score, "survey": "Spring"}
    answered = at if score is not None else None
    return {**row, "sent_at": at, "responded_at": answered, "kind": "relationship", **more}


ANSWERS = [
    said(1, "a", "ann", 3, LAST_MONTH, comment="Too expensive, and slow"),
    said(2, "b", "bea", 9, LAST_MONTH, comment="Support is great"),
    said(3, "b", None, 10, LAST_MONTH, kind="transactional"),
    said(4, "b", None, 6, LAST_MONTH, kind="transactional", comment="=cmd|' /C calc'!A0"),
    said(5, "c", None, 0, LAST_MONTH, comment="x"),
    said(6, "c", None, None, LAST_MONTH),
]
THEMES = [
    {"source": "nps", "response_id": "r1", "theme": "price", "score": 0.9, "polarity": "complaint"},
    {"source": "nps", "response_id": "r1", "theme": "slow", "score": 0.8, "polarity": "complaint"},
    {"source": "nps", "response_id": "r2", "theme": "slow_support", "score": 0.8, "polarity": "praise"},
    {"source": "nps", "response_id": "r4", "theme": "unclear"},
    {"source": "exit_surveys", "response_id": "r5", "theme": "price", "score": 0.9, "polarity": "complaint"},
]
TOUCHES = [
    {"touch_id": "1", "account_id": "b", "channel": "call", "direction": "out", "occurred_at": LAST_MONTH},
    {"touch_id": "2", "account_id": "a", "channel": "call", "direction": "out", "occurred_at": TODAY + timedelta(9)},
]
SOURCES = {
    "accounts": ACCOUNTS, "subscriptions": LINES, "people": PEOPLE, "nps": ANSWERS, "touches": TOUCHES,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "get", lambda: snapshot.settings_for(tmp_path))
    return tmp_path


@pytest.fixture
def look(folder):
    """``look(sources, themes, **address)``: the page inside the frame, with nothing gone wrong."""

    def open_page(sources=SOURCES, themes=THEMES, **address: str) -> AppTest:
        snapshot.write(folder, sources, themes=themes, id=uuid.uuid4().hex)  # results are remembered by it
        test = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
        test.switch_page("nps.py")
        for name, value in address.items():
            test.query_params[name] = value
        return fine(test.run())

    return open_page


def fine(seen: AppTest) -> AppTest:
    assert not seen.exception
    assert [box.value for box in (*seen.warning, *seen.error) if "could not be worked out" in box.value] == []
    return seen


def metrics_of(seen: AppTest) -> dict[str, str]:
    return {card.label: str(card.value) for card in seen.metric}


def table(seen: AppTest, *columns: str) -> pl.DataFrame:
    """The first table shown that has ``columns``."""
    tables = [pl.from_pandas(frame.value) for frame in seen.dataframe]
    return next(frame.select(columns) for frame in tables if set(columns) <= set(frame.columns))


def test_the_page_counts_everybody_who_answered(look):
    seen = look()
    assert seen.title[0].value == "NPS is −20"
    assert metrics_of(seen) == {"NPS": "−20", "Change": "–", "Response rate": "83.3%", "Detractors": "3"}
    headlines = [box.value for box in seen.subheader]
    assert headlines == [
        "Over time",
        "40% are promoters, 60% detractors",
        "Who would recommend us",
        "Detractors complain most of: Price (50%)",
        "Promoters praise most: Good support (100%)",
        "Detractors nobody has answered yet",
        "In their words",
    ]


def test_the_address_chooses_survey_weight_window_and_group(look):
    assert metrics_of(look(nps_kind="Relationship"))["NPS"] == "−33"
    assert metrics_of(look(nps_kind="Transactional"))["NPS"] == "0"
    # Accounts a and c vote -100 each, b (+1, +1, -1) votes +33.
    assert metrics_of(look(nps_weight="Account"))["NPS"] == "−56"
    seen = look(nps_window="12 months", nps_by="Country")
    assert any("The last 12 full months against the 12 before" in line.value for line in seen.markdown)


def test_what_a_browser_makes_up_counts_as_not_chosen(look):
    seen = look(nps_kind="<b>", nps_weight="-1", nps_window="999 months", nps_by="score", nps_theme="'", nps_group="x")
    assert metrics_of(seen)["NPS"] == "−20"


def test_comments_are_those_of_the_group_and_the_theme(look):
    seen = look(nps_group="Promoters")
    assert table(seen, "account", "labels", "language").rows() == [("Bolt", "Good support", "fr")]
    seen = look(nps_group="Detractors", nps_theme="Price")
    assert table(seen, "account", "score", "labels", "language").rows() == [("Acme <b>", 3, "Price, Slow", "en")]
    assert table(look(nps_group="All"), "labels").height == 4


def test_a_theme_that_the_group_does_not_name_counts_as_not_chosen(look):
    seen = look(nps_group="Promoters", nps_theme="Price")
    assert table(seen, "account", "labels").height == 1


def test_detractors_wait_with_their_accounts_health_and_money(look):
    seen = look()
    # Bolt was answered at the same moment as it wrote, which is not after; Cut pays nothing and is not served.
    rows = table(seen, "account", "mrr", "score", "person", "planned_on")
    assert rows.select("account", "mrr", "score", "person").rows() == [
        ("Acme <b>", 900, 3, "Ann"),
        ("Bolt", 100, 6, None),
    ]
    assert rows["planned_on"].null_count() == 1
    assert any("2 detractors at 2 accounts with €1k of MRR wait for an answer" in line.value for line in seen.caption)
    later = [{**TOUCHES[0], "occurred_at": LAST_MONTH + timedelta(hours=1), "user_id": "bea"}, TOUCHES[1]]
    assert table(look({**SOURCES, "touches": later}), "account", "planned_on").height == 1


def test_without_touches_nobody_can_say_who_waits(look):
    without = {name: rows for name, rows in SOURCES.items() if name != "touches"}
    seen = look(without)
    assert [box.value for box in seen.info] == [
        "Add `config/sources/touches.sql` to see which detractors nobody has answered yet."
    ]
    assert len(seen.subheader) == 6


def test_without_themes_comments_still_show(look):
    seen = look(themes=None)
    assert table(seen, "account", "labels").height == 3
    assert "What detractors write about" in [box.value for box in seen.subheader]


@pytest.mark.parametrize(
    ("answers", "title"),
    [
        ([], "Nobody has answered yet"),
        ([ANSWERS[5]], "Nobody has answered yet"),
        ([ANSWERS[1]], "NPS is 100"),
        ([said(n, "a", None, 7, LAST_MONTH) for n in range(5)], "NPS is 0"),
        ([said(n, "a", None, 0, LAST_MONTH) for n in range(3)], "NPS is −100"),
    ],
)
def test_nobody_one_person_and_only_passives_have_words_of_their_own(look, answers, title):
    assert look({**SOURCES, "nps": answers}).title[0].value == title


def test_answers_outside_of_the_period_or_of_others_are_told_of(look):
    old = {**SOURCES, "nps": [said(2, "b", "bea", 9, TODAY - timedelta(600))]}
    seen = look(old)
    assert seen.title[0].value == "Nobody answered in the last 12 months"
    assert any("Choose a longer period to see more." in box.value for box in seen.markdown)
    assert not seen.info
    seen = look({**SOURCES, "nps": [ANSWERS[1]]}, segment="Large", period="36 months")
    assert seen.title[0].value == "Nobody among those chosen answered in the last 36 months"
    assert any(". Choose “All” above to see more." in box.value for box in seen.markdown)


def test_without_a_survey_the_file_to_add_is_named(look):
    seen = look({"accounts": ACCOUNTS, "subscriptions": LINES})
    assert "Add `config/sources/nps.sql` to see whether they would recommend you." in [box.value for box in seen.info]


@pytest.mark.parametrize(
    ("button", "column"),
    [("nps", "promoters"), ("nps_change", "points"), ("nps_response", "dismissed"), ("nps_detractors", "detractors")],
)
def test_a_card_leads_to_the_accounts_behind_it(look, button, column):
    seen = look(nps_weight="Account")
    fine(seen.button(key=f"behind_{button}").click().run())
    assert table(seen, "account", column).height > 0


def test_a_rise_is_told_with_the_months_it_compares():
    now = pl.DataFrame(
        {"n": [40], "score": [25.0], "low": [0.0], "high": [45.0], "promoters": [20], "detractors": [10]}
    )
    before, after = pl.DataFrame({"score": [0] * 30}), pl.DataFrame({"score": [10] * 30})
    title, detail = findings.headline(now, nps_change(before, after), 12, 3)
    assert title == "NPS rose by 200 points"
    assert detail == (
        "The last 3 full months against the 3 before. "
        "Over the last 12 months it is 25 (95% interval 0 to 45, 40 answers)."
    )
    assert findings.headline(now, nps_change(after, before), 12, 1)[0] == "NPS fell by 200 points"


def test_groups_are_said_to_differ_only_where_their_intervals_do():
    rows = [("pro", 10)] * 40 + [("free", 0)] * 40 + [("team", 9)]
    frame = pl.DataFrame(rows, schema=["plan", "score"], orient="row").with_columns(account_id=pl.lit("a"))
    table = nps_groups(frame, "plan")
    assert findings.groups_said(table, "plan").startswith("pro is highest at 100, free lowest at −100. ")
    close = nps_groups(frame.with_columns(score=pl.lit(7)), "plan")
    assert "their intervals overlap" in findings.groups_said(close, "plan")
    assert findings.groups_said(table.filter(pl.col("plan") == "pro"), "plan").startswith("Too few answers")
    labels = findings.groups(table, "plan", "answers")["label"].to_list()
    assert labels == ["pro  ·  40 answers", "free  ·  40 answers", "team  ·  1 answer"]


def test_a_group_too_small_is_drawn_apart_and_says_so():
    rows = pl.DataFrame({
        "label": ["<b>pro", "free"], "key": ["pro", "free"], "score": [12.0, 100.0], "low": [-5.0, -20.0],
        "high": [30.0, 100.0], "n": [400, 3], "enough": [True, False],
    })  # fmt: skip
    shown = figures.compared(
        rows, label="label", value="score", unit=figures.SCORE, title="NPS", reference=(9, "all 9")
    )
    texts = [note.text for note in shown.layout.annotations]
    assert texts == ["&lt;b&gt;pro", "free", "<b>12</b>", "too few", "all 9"]
    dots = shown.data[1]
    assert [list(key) for key in dots.customdata] == [["pro"], ["free"]]
    assert dots.marker.color[0] != dots.marker.color[1]
    assert figures.alt_of(shown) == "NPS. Highest first: <b>pro 12."
    assert "Nothing to compare" in figures.alt_of(
        figures.compared(rows.clear(), label="label", value="score", unit=figures.SCORE, title="NPS")
    )


def test_praise_is_named_as_praise_and_what_is_new_still_has_a_name():
    names = {"slow": "Slow", "new": "Something new"}
    keys = ["complaint:slow", "praise:slow", "praise:new", "complaint:gone", ":unclear", ":no answer", "praise:unclear"]
    assert [findings.label_of(key, names) for key in keys] == [
        "Slow",
        "Fast",
        "Something new, praised",
        "gone",
        "Something else",
        "No real answer",
        "Pleased, says not with what",
    ]


def test_the_answers_behind_a_point_of_the_trend_are_those_it_pools(folder):
    held = uuid.uuid4().hex
    snapshot.write(folder, SOURCES, themes=THEMES, id=held)
    frames = open_snapshot(held, Scope(), snapshot.settings_for(folder))
    view, month = data.view_of(frames), LAST_MONTH.date().replace(day=1)
    asked = nps.Asked(Who(), month)
    for window in (1, 3, 12):
        row = nps.trend(view, asked, window).filter(pl.col("period") == month).row(0, named=True)
        rows = nps.until(nps.answers(view, Who(), date(2020, 1, 1)), month, window)
        assert (row["n"], row["promoters"]) == (rows.height, rows.filter(pl.col("score") >= 9).height) == (5, 2)


@pytest.mark.postgres
@pytest.mark.parametrize(
    "address",
    [
        {"nps_weight": "Account", "nps_window": "12 months", "nps_by": "Country", "nps_group": "All"},
        {"nps_kind": "Transactional", "nps_window": "1 month", "nps_by": "Time with us", "nps_reached": "That person"},
        {"nps_kind": "Relationship", "nps_window": "6 months", "nps_by": "Plan", "period": "36 months"},
    ],
)
def test_every_mode_works_on_the_demo_company(demo_settings, monkeypatch, address):
    monkeypatch.setattr(settings, "get", lambda: demo_settings)
    test = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
    test.switch_page("nps.py")
    for name, value in address.items():
        test.query_params[name] = value
    assert len(fine(test.run()).subheader) == 7
