"""The demo's stories, found again in the tables that the pages show."""

from datetime import date, timedelta

import polars as pl
import pytest

import settings
from demo import company, stories
from demo.months import Timeline
from metrics import churn_reasons as metric
from pages.shared import data
from pages.shared.answers import account, accounts, churn_reasons, nps
from pages.shared.answers import data as tried
from pages.shared.filters import Who
from pages.shared.findings import accounts as findings
from pages.shared.findings import backtest, book, room
from pages.shared.findings import churn_reasons as reasons
from queries.frames import current_id
from tests.conftest import DEMO_PLAN

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

TODAY = DEMO_PLAN.today
TIMELINE = Timeline(TODAY)
OUTAGE_FIRST, OUTAGE_LAST = stories.outage_days(TODAY)
OUTAGE_MONTH = OUTAGE_FIRST.replace(day=1)


@pytest.fixture(scope="module")
def view(demo_settings):
    """The small demo company as whoever may see everything looks at it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "get", lambda: demo_settings)
        yield data.View(current_id(demo_settings))


@pytest.fixture(scope="module")
def everybody(view):
    """The rows of the accounts page."""
    return findings.dressed(accounts.book(view))


@pytest.fixture(scope="module")
def parts():
    """The part that each account plays, and why it left, by its id: what nobody but the demo knows."""
    made, _, _ = company.cast(DEMO_PLAN)
    return {str(a.id): (a.part, a.cause) for a in made}


def played(parts, part: str) -> set[str]:
    return {account_id for account_id, (played, _) in parts.items() if played == part}


# --- zombies -------------------------------------------------------------------------------------------------------


def test_who_pays_and_gets_nothing_is_flagged_in_the_book_and_nobody_else_who_stays(everybody, parts):
    zombies = played(parts, "zombie")
    assert len(zombies) == 6
    flagged = findings.idle(everybody)
    staying = flagged.filter(pl.col("band") != "leaving")
    assert set(staying["account_id"]) == zombies
    assert staying["idle_days"].min() > 40
    assert set(staying["band"]) == {"red"}
    shown = book.ordered(everybody, "Longest without value first")
    assert set(shown["account_id"][: flagged.height]) == set(flagged["account_id"])


def test_the_timeline_of_a_zombie_says_when_its_value_stopped(view, everybody, parts):
    for account_id in sorted(played(parts, "zombie")):
        idle = everybody.filter(pl.col("account_id") == account_id)["idle_days"][0]
        told = room.of_kinds(account.timeline(view, account_id), ["Use"])
        (stopped,) = told.filter(pl.col("what") == "Value stops").head(1)["day"].to_list()
        assert timedelta(0) <= stopped - (TODAY - timedelta(days=idle)) <= timedelta(days=60)
        later = told.filter(pl.col("what") == "Value starts", pl.col("day") > stopped)
        assert later.is_empty()


# --- the champion's leaving ----------------------------------------------------------------------------------------


def test_the_account_page_names_the_leaving_of_the_champion_as_what_moved_the_score(view, parts):
    (account_id,) = played(parts, "champion")
    left = stories.champion_left_on(TODAY)
    history = account.histories(view).filter(pl.col("account_id") == account_id)
    moved = room.moves(history)
    end = date(2026, 8, 31)
    assert left < end
    (points,) = room.listed(moved).filter(pl.col("measure") == "champion")["points"].to_list()
    assert points < -5
    (turn,) = [turn for turn in room.turns(history, moved) if turn["on"] == end]
    assert turn["why"].startswith("champion −")
    assert turn["points"] < -5
    known = dict(history.select("on", "score").iter_rows())
    assert known[end] == min(score for on, score in known.items() if on <= end)


def test_the_account_page_shows_that_the_champion_left_and_that_use_fell(view, parts):
    (account_id,) = played(parts, "champion")
    left = stories.champion_left_on(TODAY)
    people = account.people(view, account_id).filter(pl.col("role") == "champion")
    assert people["left_on"].to_list() == [left]
    told = room.of_kinds(account.timeline(view, account_id), ["People"]).filter(pl.col("day") == left)
    assert told["text"].str.contains(people["name"][0], literal=True).to_list() == [True]
    assert told["text"].str.contains("champion").all()
    uses = dict(account.use(view, account_id).select("month", "uses").iter_rows())
    assert uses[date(2026, 10, 1)] < 0.7 * uses[date(2026, 6, 1)]


# --- the week of outages -------------------------------------------------------------------------------------------


def test_accounts_timelines_show_the_tickets_of_the_week_of_outages(view, everybody):
    told = pl.concat(account.timeline(view, account_id) for account_id in sorted(everybody["account_id"])[:30])
    day = room.of_kinds(told, ["Tickets"])["day"]
    during = day.is_between(OUTAGE_FIRST, OUTAGE_LAST).sum() / 7
    usual = day.is_between(OUTAGE_FIRST - timedelta(days=70), OUTAGE_FIRST - timedelta(days=1)).sum() / 70
    assert during > 5 * usual


def test_satisfaction_with_tickets_pulled_down_more_accounts_then_than_in_any_other_month(view):
    histories = account.histories(view).partition_by("account_id")
    fell = pl.concat(room.listed(room.moves(history)) for history in histories).filter(
        pl.col("measure") == "ticket satisfaction", pl.col("points") < 0
    )
    by_month = dict(fell.group_by("on").len().iter_rows())
    after = by_month.pop(OUTAGE_MONTH.replace(day=30))
    assert after >= 2 * max(by_month.values())


def test_the_trend_of_nps_has_its_lowest_months_after_the_outages(view):
    asked = nps.Asked(Who(), TIMELINE.start(stories.OUTAGE_MONTH - 6))
    trend = dict(nps.trend(view, asked, 1).filter(pl.col("state") == "final").select("period", "score").iter_rows())
    low = {trend.pop(TIMELINE.start(stories.OUTAGE_MONTH + later)) for later in (0, 1, 2)}
    assert max(low) < min(trend.values())


def test_unreliable_is_a_row_of_the_churn_reasons_since_the_outages_and_none_before(view):
    def rows(since, until):
        gone = churn_reasons.leavers(view, churn_reasons.Asked(Who(), since))
        shown = reasons.labelled(metric.reasons(gone.filter(pl.col("month") < until)), churn_reasons.names())
        return dict(shown.select("key", "accounts").iter_rows())

    assert rows(TIMELINE.start(1), OUTAGE_MONTH).get("unreliable", 0) == 0
    assert rows(OUTAGE_MONTH, TODAY)["unreliable"] >= 2


# --- health, tried on the past -------------------------------------------------------------------------------------


def test_accounts_in_the_red_left_far_more_often_than_those_in_the_green(view):
    rows = backtest.bands(tried.by_band(view), "all")
    red, green = (rows.row(by_predicate=pl.col("band") == band, named=True) for band in ("red", "green"))
    overall = rows["churned"].sum() / rows["account_months"].sum()
    assert red["account_months"] >= 40
    assert red["rate"] > 4 * green["rate"]
    assert red["above_low"] > 0
    assert red["low"] > overall > green["rate"]
    assert red["label"] == "▼ red"


def test_the_score_told_them_apart_better_than_money_did_and_not_implausibly_well(view):
    rows = backtest.areas(tried.by_measure(view), "all")
    assert backtest.headline(rows).startswith("The score predicts who leaves: ")
    score, trend = (rows.row(by_predicate=pl.col("measure") == name, named=True) for name in ("score", "mrr_trend"))
    assert score["low"] > 0.5
    assert trend["auc"] < score["auc"] < 0.85
