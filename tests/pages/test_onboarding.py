"""The onboarding page on the demo company: its numbers are the metrics', its stuck accounts the demo's own."""

from datetime import date

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import settings
from metrics.onboarding import account_steps, funnel
from pages.shared import data
from pages.shared.answers import onboarding
from pages.shared.filters import Who
from pages.shared.findings import onboarding as findings
from tests.conftest import DEMO_PLAN

pytestmark = pytest.mark.postgres
SINCE = date(2025, 11, 1)
ASKED = onboarding.Asked(Who(), SINCE, 90)


@pytest.fixture
def view(demo_settings, demo_frames, monkeypatch):
    monkeypatch.setattr(settings, "get", lambda: demo_settings)
    return data.view_of(demo_frames)


@pytest.fixture
def look(view):
    def open_page(**address: str) -> AppTest:
        test = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
        test.switch_page("onboarding.py")
        for name, value in address.items():
            test.query_params[name] = value
        seen = test.run()
        assert not seen.exception
        assert [box.value for box in (*seen.warning, *seen.error) if "could not be worked out" in box.value] == []
        return seen

    return open_page


def by_account(frames) -> pl.DataFrame:
    """First uses asked of one account at a time, as the account page would."""
    young = frames.accounts.select("account_id", on=pl.col("signed_up_at").dt.date()).filter(pl.col("on") >= SINCE)
    rows = [
        frames.activity(account_id=account, since=on)
        .group_by("account_id", "feature")
        .agg(first_on=pl.col("day").min())
        .collect()
        for account, on in young.collect().iter_rows()
    ]
    return pl.concat(rows)


def test_the_funnel_is_that_of_the_daily_activity_of_each_new_account(view, demo_frames):
    period = {"since": SINCE, "until": DEMO_PLAN.today, "as_of": DEMO_PLAN.today}
    steps = account_steps(
        demo_frames.source("milestones"), by_account(demo_frames), demo_frames.features, demo_frames.accounts, **period
    )
    assert onboarding.funnel(view, ASKED, "month").equals(funnel(steps))
    names = {"invite team", "verify domain", "import users", "first broadcast", "go live"}
    assert set(onboarding.funnel(view, ASKED, None)["step"]) == names


def test_a_segment_is_part_of_the_whole_and_keeps_the_order_of_the_steps(view, demo_frames):
    segments = demo_frames.accounts.select(pl.col("segment").drop_nulls().unique()).collect()["segment"].to_list()
    whole = onboarding.funnel(view, ASKED, None).select("step", "position", "size", "reached")
    parts = [onboarding.funnel(view, ASKED._replace(who=Who(segment=name)), None) for name in segments]
    summed = pl.concat(parts).group_by("step", "position").agg(pl.col("size", "reached").sum()).sort("position")
    assert summed.select(whole.columns).equals(whole)


def test_the_accounts_behind_a_share_are_as_many_as_it_counts(view):
    for row in onboarding.funnel(view, ASKED, "month").to_dicts():
        behind = onboarding.at_step(view, ASKED, row["step"], row["month"])
        assert (behind.height, behind["in_time"].sum()) == (row["size"], row["reached"])
    pooled = onboarding.to_value(view, ASKED, None).row(0, named=True)
    behind = onboarding.at_step(view, ASKED, None, None)
    assert (behind.height, behind["in_time"].sum()) == (pooled["size"], pooled["reached"])


def test_stuck_accounts_have_not_reached_their_step_and_have_waited_longer_than_usual(view):
    stuck = onboarding.stuck(view, ASKED)
    reached = onboarding.steps(view, ASKED).drop_nulls("reached_on")
    assert stuck.join(reached, on=["account_id", "step"]).is_empty()
    assert (stuck["days"] > stuck["usual_days"]).all()
    assert (stuck["passed"] >= 20).all()
    longer = onboarding.stuck(view, ASKED._replace(since=date(2026, 6, 1)))
    assert set(longer["account_id"]) <= set(stuck["account_id"])


def test_the_page_shows_what_its_address_asks_for(look, view):
    seen = look(within="30 days", onboarding_step="go live")
    asked = ASKED._replace(within_days=30)
    value = onboarding.to_value(view, asked, None)
    wanted = findings.headline(onboarding.funnel(view, asked, None), value, onboarding.stuck(view, asked), 30, "EUR")
    assert seen.title[0].value == wanted
    assert any("go live" in caption.value for caption in seen.caption)


def test_every_card_opens_the_accounts_behind_it(look):
    seen = look()
    for key in ("value", "days", "last_step", "stuck_card"):
        seen.button(key=f"behind_{key}").click().run()
        assert not seen.exception


def test_the_days_to_value_are_said_of_all_new_accounts():
    nobody = pl.DataFrame(schema={"step": pl.String})
    got = pl.DataFrame({"size": [100], "running": [0], "rate": [0.6], "median_days": [80.0]})
    said = findings.headline(nobody, got, nobody, 90, "EUR")
    assert said == "60% of new accounts get value within 90 days, half of all within 80 days"


def test_words_of_a_company_where_nobody_has_had_the_time_yet():
    empty = pl.DataFrame(schema={"step": pl.String})
    young = pl.DataFrame({"size": [0], "running": [3], "rate": [None], "median_days": [None]})
    stuck = pl.DataFrame(schema={"account_id": pl.String, "mrr": pl.Int64})
    assert findings.headline(empty, young, stuck, 90, "EUR") == "Nobody who signed up has had 90 days yet"
    assert findings.share_note(young.row(0, named=True)) == "nobody's time is over yet, 3 on the way"
