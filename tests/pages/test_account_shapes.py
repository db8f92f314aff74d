"""The account page of accounts with nothing, with little and with two of something: honest words, and no crash."""

from datetime import date

import polars as pl
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import settings
from metrics.scorecard import depth_there
from pages.shared.findings.account import cards, ended, headline, nothing_unused, renewal, unused_columns
from tests.pages.snapshot import whole as frame
from tests.reports import company
from tests.reports.test_business_review import FEATURES, PEOPLE, USED, account, paid, whole

TODAY = company.TODAY
ADD_ON = {
    "subscription_id": "extra", "line_id": "extra", "plan": "Extra", "renews_on": date(2027, 1, 31),
    "ended_on": date(2027, 1, 31), "cancel_requested_at": company.moment(date(2026, 11, 1)),
}  # fmt: skip
KEPT = {"mrr": 500_00, "renews_on": date(2027, 2, 28), "notice_days": 30}
ACCOUNTS = [account(key, key) for key in ("a", "bare", "robot", "two", "leap", "gone", "later", "new")]
SOURCES = whole(
    accounts=ACCOUNTS,
    subscriptions=[
        paid(),
        paid("robot"),
        paid("two", **KEPT),
        paid("two", 100_00, date(2025, 5, 31)) | ADD_ON,
        paid("leap", started=date(2024, 2, 29), renews_on=date(2028, 2, 29), notice_days=60),
        paid("gone", ended_on=date(2026, 3, 31), end_kind="requested"),
        paid("later", started=date(2026, 12, 1)),
        paid("new", started=TODAY),
    ],
    people=[*PEOPLE, {"user_id": "t", "account_id": "two", "name": "Tom"}],
    entitlements=[{"plan": "Team", "feature": row["feature"]} for row in FEATURES],
)
USE = [*USED, ("two", "t", "call", date(2026, 10, 31), 4, 20.0), ("robot", None, "call", date(2026, 10, 31), 4, 20.0)]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return company.frames(tmp_path_factory.mktemp("shapes"), SOURCES, USE)[1]


@pytest.fixture
def opened(held, monkeypatch):
    """``opened(account)``: the words of its page, with nothing gone wrong."""
    monkeypatch.setattr(settings, "get", lambda: held)
    st.cache_data.clear()

    def words(account_id: str) -> str:
        test = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
        test.query_params["account"] = account_id
        test.session_state["tenure_account"] = account_id
        seen = test.switch_page("account.py").run()
        assert not seen.exception
        assert [box.value for box in seen.warning if "could not be worked out" in box.value] == []
        assert seen.title[0].value == account_id
        kinds = (seen.markdown, seen.caption, seen.info, seen.metric)
        return "\n".join(str(element.value) for elements in kinds for element in elements).replace("\\", "")

    yield words
    st.cache_data.clear()


NOTHING = ("Nothing is served to this account now", "Nothing is paid for now.")


@pytest.mark.parametrize(
    ("account_id", "says", "never"),
    [
        (
            "bare",
            ("Nothing is served to this account now", "Nothing is paid for now."),
            ("Everything paid for", "▼ red"),
        ),
        ("gone", NOTHING, ("Everything paid for",)),
        ("later", NOTHING, ("Everything paid for",)),
        ("robot", ("1 of 2", "No source names one."), ("Everything paid for",)),
        ("new", ("0 of 2", "no renewal date known"), ("Everything paid for",)),
        ("two", ("€600 a month", "in 99 days", "28 Feb 2027", "Extra ends on 31 Jan 2027"), ("ends in 71 days",)),
        ("leap", ("in 465 days", "29 Feb 2028 · notice until 31 Dec 2027"), ("Everything paid for",)),
    ],
)
def test_a_page_comes_out_with_honest_words(opened, account_id, says, never):
    shown = opened(account_id)
    for words in says:
        assert words in shown
    for words in never:
        assert words not in shown


def stretches(*rows):
    return frame("subscriptions", list(rows))


def test_who_gives_up_everything_ends_and_who_gives_up_a_part_renews_the_rest():
    asked = {"cancel_requested_at": company.moment(date(2026, 11, 1))}
    one = paid(renews_on=date(2027, 1, 31), ended_on=date(2027, 1, 31), **asked)
    assert renewal(stretches(one), TODAY) == ("ends in 71 days", "31 Jan 2027 · cancellation requested")
    open_end = paid(**asked)
    assert renewal(stretches(open_end), TODAY) == ("–", "cancellation requested, no day is set")
    kept = paid("a", **KEPT)
    assert renewal(stretches(kept, paid("a") | ADD_ON), TODAY) == (
        "in 99 days",
        "28 Feb 2027 · notice until 29 Jan 2027 (30 days before) · Extra ends on 31 Jan 2027",
    )
    unknown = paid("a") | ADD_ON | {"ended_on": None, "renews_on": None}
    assert renewal(stretches(paid("a"), unknown), TODAY) == ("–", "no renewal date known · Extra ends")
    assert renewal(stretches(), TODAY) == ("–", "no renewal date known")


def test_an_empty_list_of_what_is_not_used_says_why_it_is_empty():
    card = {"standing": "paying", "breadth": 2, "breadth_of": 2}
    assert nothing_unused(card) == "Everything paid for is in use."
    assert nothing_unused(card | {"breadth_of": None}) == "No source says what their plan includes."
    assert nothing_unused(card | {"breadth": None}) == "No use has been recorded yet."
    for standing in ("trial", "free", "paused", "parked", None):
        assert nothing_unused(card | {"standing": standing}) == "Nothing is paid for now."
    assert nothing_unused(None) == "Nothing is paid for now."


CARD = {
    "standing": "late_renewal", "plan": "Team", "mrr": 900_00, "depth_share": 5 / 6, "depth_of": 6, "breadth_of": 9,
    **{f"{name}_{what}": 11.5 for name in ("breadth", "depth", "reach") for what in ("percentile", "per_100")},
    **{f"{name}_peers": 29 for name in ("breadth", "depth", "reach")}, "breadth": 0, "depth": 7, "reach": 40,
}  # fmt: skip
HEALTH = {"band": "yellow", "score": 60.0, "coverage": 0.9, "override_score": None, "override_band": None}


def test_a_contract_that_has_ended_is_called_a_late_renewal_beside_its_health():
    over = stretches(paid(ended_on=date(2026, 11, 10)), paid(kind="usage"), paid(ended_on=TODAY, end_kind="mistake"))
    day = ended(over, TODAY)
    assert day == date(2026, 11, 10)
    _, said = headline("Acme", HEALTH, CARD, "EUR", day)
    assert said.startswith("Team, €900 a month; late renewal: ended 10 Nov 2026, in grace; health ")
    _, unscored = headline("Acme", None, CARD, "EUR", None)
    assert unscored == "Team, €900 a month; late renewal, in grace."
    _, calm = headline("Acme", HEALTH, CARD | {"standing": "paying"}, "EUR", day)
    assert calm.startswith("Team, €900 a month; health ")
    _, paused = headline("Acme", HEALTH, CARD | {"standing": "paused"}, "EUR", None)
    assert "; paused; health " in paused


def test_nothing_is_ahead_of_nobody_and_ties_are_said_to_count_half():
    breadth, _, reach = cards(CARD, "EUR")
    assert breadth[1] == "0 of 9"
    assert "peers" not in breadth[2]
    assert "ahead of about 12% of 29 peers" in reach[2]


def test_the_people_counted_never_exceed_those_there():
    assert [depth_there(CARD | more) for more in ({}, {"depth_share": None}, {"depth": None})] == [5, 7, None]
    depth = cards(CARD, "EUR")[1]
    assert depth[1] == "5 of 6"
    assert depth[2].startswith("people getting value, 7 with those who left · ")
    assert "who left" not in cards(CARD | {"depth": 5}, "EUR")[1][2]


def test_whole_thresholds_have_no_decimals():
    rows = pl.DataFrame({"threshold": [500.0, None]})
    assert unused_columns(rows)["threshold"].kind == "count"
    assert unused_columns(rows.fill_null(0.5))["threshold"].kind == "number"
