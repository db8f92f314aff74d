"""The demo's stories, found again through the metrics that a page would use."""

from datetime import date, timedelta

import polars as pl
import pytest

import settings
from demo import stories
from demo.months import MONTHS, Timeline
from metrics.churn_reasons import NO_REASON, leavers, reasons
from metrics.intervals import share_change
from metrics.nps import nps, nps_change
from metrics.retention import cohort_retention, pooled_curve
from metrics.revenue import account_movements, movements, rates
from metrics.roadmap import asked_and_shipped, theme_words, unknown_themes
from metrics.stated import stated_vs_behaviour
from metrics.themes import load_themes, reason_themes
from metrics.value import current_mrr, zombies
from tests.conftest import DEMO_PLAN

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

TODAY = DEMO_PLAN.today
STORIES = stories.stories(TODAY)
TIMELINE = Timeline(TODAY)


def start(month: int) -> date:
    return TIMELINE.start(month)


def named(frames, *names: str) -> list[str]:
    rows = frames.accounts.filter(pl.col("name").is_in(names)).select("name", "account_id").collect()
    found = dict(rows.iter_rows())
    return [found[name] for name in names]


@pytest.fixture(scope="module")
def moves(demo_frames):
    return account_movements(demo_frames.subscriptions, since=start(1), until=TODAY, as_of=TODAY)


def test_cohorts_after_the_importer_shipped_stay_more_often(demo_frames):
    story = STORIES["importer"]
    cells = cohort_retention(
        demo_frames.activity_monthly, since=start(story.before[0]), until=TODAY, as_of=TODAY, day="period", count="uses"
    )

    def after_six_months(months):
        kept = cells.filter(pl.col("cohort").is_in([start(month) for month in months]))
        return pooled_curve(kept).filter(pl.col("index") == 6).row(0, named=True)

    before, after = after_six_months(story.before), after_six_months(story.after)
    change, low, _, verdict = share_change(before["retained"], before["size"], after["retained"], after["size"])
    assert change > 0.1
    assert low > 0
    assert verdict == "up"


def who_left(frames, moves, since, until):
    """The leavers and what they said: what the churn reasons page shows."""
    themes = load_themes(settings.ROOT / "config" / "themes.toml")
    tagged = frames.comment_themes.filter(pl.col("source") == "exit_surveys").drop("source").collect()
    options = {"reason_themes": reason_themes(themes), "since": since, "until": until, "as_of": TODAY}
    return leavers(moves, frames.subscriptions, frames.exit_surveys, tagged, frames.accounts, **options)


def why(frames, moves, since, until):
    """Shares of leavers by theme."""
    return dict(reasons(who_left(frames, moves, since, until)).select("theme", "share").iter_rows())


def test_price_is_the_reason_most_give_at_the_renewals_after_the_rise(demo_frames, moves):
    rise = start(STORIES["price_rise"].months[0])
    before = why(demo_frames, moves, start(1), rise - timedelta(days=1))
    after = why(demo_frames, moves, rise, TODAY)
    named = {theme: share for theme, share in after.items() if theme not in NO_REASON}
    assert max(named, key=named.get) == "price"
    assert after["price"] > 0.15
    assert after["price"] > before.get("price", 0)


def test_the_week_of_outages_brings_tickets_and_takes_nps_down(demo_frames):
    story = STORIES["outage"]
    first, last = stories.outage_days(TODAY)
    opened = demo_frames.tickets.select(pl.col("opened_at").dt.date().alias("day")).collect()["day"]
    during = opened.is_between(first, last + timedelta(days=3)).sum() / 10
    usual = opened.is_between(first - timedelta(days=60), first - timedelta(days=1)).sum() / 60
    assert during > 3 * usual

    answered = pl.col("responded_at").dt.date()
    before = demo_frames.nps.filter(answered.is_between(start(story.before[0]), first, closed="left"))
    after = demo_frames.nps.filter(answered.is_between(last, start(story.after[-1] + 1), closed="left"))
    assert nps_change(before, after).row(0, named=True)["verdict"] == "down"
    assert nps(after)["score"].item() < nps(before)["score"].item() - 10


def test_unreliable_is_a_reason_for_leaving_after_the_outages(demo_frames, moves):
    first, _ = stories.outage_days(TODAY)
    assert why(demo_frames, moves, start(1), first - timedelta(days=31)).get("unreliable", 0) < 0.05
    assert why(demo_frames, moves, first, TODAY)["unreliable"] > 0.05


def test_some_said_price_though_their_use_had_fallen_first(demo_frames, moves):
    left = who_left(demo_frames, moves, start(1), TODAY)
    beside = stated_vs_behaviour(left, demo_frames.mapping())
    polite = beside.filter(
        pl.col("stated").list.contains("price"), pl.col("signs").list.contains("use_fell"), pl.col("disagrees")
    )
    assert polite.height >= 1
    assert polite["use_change"].max() < -0.5
    assert all(words.startswith("said price") and "; use fell" in words for words in polite["because"])


def test_what_the_roadmap_shipped_had_been_asked_for_by_accounts_that_are_gone(demo_frames):
    themes = load_themes(settings.ROOT / "config" / "themes.toml")
    tagged = demo_frames.comment_themes.filter(pl.col("source") == "nps").collect()
    words = theme_words(themes)
    roadmap = demo_frames.source("roadmap")
    asked = asked_and_shipped(
        roadmap, tagged, demo_frames.subscriptions, nps=demo_frames.nps, as_of=TODAY, theme_ids=words
    )
    assert unknown_themes(roadmap, words).is_empty()
    assert set(asked["status"].unique()) >= {"gone", "paying"}
    assert asked["days_to_ship"].min() > 0


def test_the_zombies_pay_and_get_nothing(demo_frames):
    found = zombies(demo_frames.value_days, demo_frames.subscriptions, as_of=TODAY)
    planned = stories.zombie_count(DEMO_PLAN.accounts)
    assert planned - 2 <= found.height <= 3 * planned
    assert found["mrr"].min() > 0
    log_ins = demo_frames.usage_28d.filter(pl.col("window_end") == TODAY, pl.col("feature") == "login")
    still = log_ins.join(found.lazy(), on="account_id", how="semi").select("account_id").unique().collect()
    assert still.height >= 1, "some of them still log in, which is not value"


def test_the_use_of_the_account_falls_when_its_champion_leaves(demo_frames):
    (account,) = named(demo_frames, *STORIES["champion"].accounts)
    left = stories.champion_left_on(TODAY)
    people = demo_frames.people.filter(pl.col("account_id") == account, pl.col("role") == "champion").collect()
    assert left in people["left_at"].dt.date().to_list()
    use = demo_frames.usage_28d.filter(pl.col("account_id") == account).collect()
    uses = dict(use.group_by("window_end").agg(pl.col("uses").sum()).iter_rows())
    before = max(day for day in uses if day <= left)
    assert uses[TODAY] < 0.7 * uses[before]


def test_the_top_tenth_pays_about_three_times_its_share(demo_frames):
    paying = current_mrr(demo_frames.subscriptions, as_of=TODAY).filter(pl.col("mrr") > 0)["mrr"].sort(descending=True)
    share = paying.head(round(paying.len() / 10)).sum() / paying.sum()
    assert 0.25 <= share <= 0.45


def test_august_is_a_dip_in_use_and_not_in_retention(demo_frames, moves):
    kept = rates(moves).filter(pl.col("measure") == "logo").select("month", "value", "low", "high")
    uses = demo_frames.activity_monthly.group_by("period").agg(pl.col("uses").sum()).collect()
    per_month = dict(uses.iter_rows())
    everything = kept.filter(pl.col("month") < TODAY.replace(day=1))["value"].mean()
    for august, june in zip(STORIES["season"].months, STORIES["season"].before, strict=True):
        month = start(august)
        assert per_month[month] < per_month[start(june)]
        row = kept.filter(pl.col("month") == month).row(0, named=True)
        assert row["low"] is None or row["low"] <= everything <= row["high"]


def test_a_subsidiary_folded_into_its_parent_is_churn_by_account_and_nothing_by_group(demo_frames):
    parent, folded = named(demo_frames, *STORIES["folded"].accounts)
    month = start(STORIES["folded"].months[0])
    common = {"since": month, "until": month, "as_of": TODAY}
    by_account = account_movements(demo_frames.subscriptions, **common)
    assert by_account.filter(pl.col("account_id") == folded)["movement"].to_list() == ["churned"]
    by_group = account_movements(demo_frames.subscriptions, unit="parent_id", accounts=demo_frames.accounts, **common)
    rows = by_group.filter(pl.col("account_id") == parent)
    assert rows.filter(pl.col("movement") == "churned").is_empty()


def test_every_month_has_movements_and_they_reconcile(moves):
    monthly = movements(moves)
    assert monthly.height == MONTHS
    gains = sum(monthly[name] for name in ("new", "expansion", "reactivation", "resumed", "moved_in", "fx"))
    losses = sum(monthly[name] for name in ("contraction", "paused", "churned", "moved_out"))
    assert (monthly["opening"] + gains - losses == monthly["closing"]).all()
    assert (monthly["closing"][:-1] == monthly["opening"][1:]).all()


def test_every_dirty_row_is_rejected_for_its_own_reason(demo_frames):
    found = {name: state.rejected_by_reason for name, state in demo_frames.manifest.sources.items()}
    assert {name: reasons for name, reasons in found.items() if reasons} == stories.DIRTY


def test_odd_rows_are_kept_and_flagged_and_test_accounts_left_out(demo_frames):
    sources = demo_frames.manifest.sources
    for name, flagged in stories.FLAGGED.items():
        for words, count in flagged.items():
            assert sources[name].flagged[words] >= count
    assert sources["accounts"].left_out == sum(stories.LEFT_OUT.values())
    assert "currency without a rate" in sources["subscriptions"].flagged
