"""The made-up company: the same every time, of the promised size, with its stories in it."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from demo import decline, dirty, phrases, stories, usage
from demo.accounts import Account
from demo.company import Company, Plan, make
from demo.months import Timeline
from demo.service import is_served

TODAY = date(2026, 11, 15)
SMALL = Plan(TODAY, accounts=40, events=4_000)


@pytest.fixture(scope="module")
def company() -> Company:
    """A company large enough for its stories to show."""
    return make(Plan(TODAY, accounts=300, events=300_000))


@pytest.fixture(scope="module")
def events(company: Company) -> pl.DataFrame:
    """All events of :func:`company`, the bad ones left out, with the timeline's month."""
    rows = pl.concat(list(company.usage.chunks()))
    month = (pl.col("occurred_at").dt.year() - 2026) * 12 + pl.col("occurred_at").dt.month().cast(pl.Int32) - 11 + 30
    return rows.with_columns(month=month, day=pl.col("occurred_at").dt.date())


def fingerprint(company: Company) -> str:
    """A hash of every row of every table."""
    digest = hashlib.sha256()
    for name, frame in sorted(company.tables.items()):
        digest.update(name.encode() + frame.write_csv().encode())
    for rows in company.events():
        digest.update(rows.write_csv().encode())
    return digest.hexdigest()


# --- the same every time ---------------------------------------------------------------------------------------


def test_the_same_plan_makes_the_same_company() -> None:
    assert fingerprint(make(SMALL)) == fingerprint(make(SMALL))


@pytest.mark.parametrize(
    "other",
    [Plan(TODAY, 40, 4_000, seed=21), Plan(TODAY + timedelta(days=1), 40, 4_000), Plan(TODAY, 41, 4_000)],
    ids=["seed", "today", "accounts"],
)
def test_another_plan_makes_another_company(other: Plan) -> None:
    assert fingerprint(make(SMALL)) != fingerprint(make(other))


@pytest.mark.parametrize(
    ("today", "accounts"),
    [("2026-11-01", 1), ("2024-02-29", 2), ("2027-01-01", 20), ("2026-12-31", 60), ("2026-03-02", 60)],
)
def test_any_day_and_any_number_of_accounts_make_a_company(today: str, accounts: int) -> None:
    company = make(Plan(date.fromisoformat(today), accounts, 2_000))
    assert len(company.accounts) == accounts
    lines = company.tables["billing.contract_lines"].filter(pl.col("id") < 990_001)
    assert lines.filter(pl.col("valid_until") <= pl.col("valid_from")).is_empty()


# --- its size --------------------------------------------------------------------------------------------------


def test_the_company_of_the_plan_without_options_has_the_promised_size() -> None:
    company = make(Plan(TODAY))
    assert len(company.accounts) == 440
    assert 5_700 < len(company.people) < 6_300
    assert 270 < sum(a.paying for a in company.accounts) < 330


def test_there_are_about_as_many_events_as_asked_for(events: pl.DataFrame) -> None:
    assert 297_000 < events.height < 303_000


def test_events_lie_in_thirty_months_and_end_today(events: pl.DataFrame) -> None:
    assert sorted(events["month"].unique()) == list(range(1, 31))
    assert events["day"].max() == TODAY


def test_events_come_in_order_of_time_with_growing_ids(events: pl.DataFrame) -> None:
    assert events["occurred_at"].is_sorted()
    assert events["id"].to_list() == list(range(1, events.height + 1))


def test_events_are_made_in_pieces_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "CHUNK", 50)
    pieces = [rows.height for rows in make(SMALL).usage.chunks()]
    assert sum(pieces) > 3_500
    assert max(pieces) < 250


def test_good_events_lie_while_their_account_is_served_and_their_person_is_there(
    company: Company, events: pl.DataFrame
) -> None:
    accounts = {a.id: a for a in company.accounts}
    uses = events.select("org_id", "day").unique().rows()
    assert all(is_served(accounts[account], day) for account, day in uses)
    people = {p.id: p for p in company.people}
    for user, first, last in events.group_by("user_id").agg(pl.col("day").min(), last=pl.col("day").max()).rows():
        if user is not None:
            assert people[user].joined <= first
            left = people[user].left
            assert left is None or last < left


def test_every_address_is_one_that_nobody_can_own(company: Company) -> None:
    users = company.tables["app.users"]
    assert users.filter(~pl.col("email").str.ends_with(".example")).is_empty()
    good = users.filter(pl.col("id").is_unique() & pl.col("id").is_not_null() & (pl.col("id") < 990_001))
    assert good["email"].is_unique().all()


def test_company_names_are_all_different(company: Company) -> None:
    names = [a.name for a in company.accounts if a.part not in ("sandbox", "void")]
    assert len(names) == len(set(names))


# --- what people write -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", phrases.LANGUAGES)
@pytest.mark.parametrize("theme", ["price", "missing_feature", "not_enough_value", "never_got_started", "unreliable"])
def test_common_reasons_are_told_in_many_ways_in_every_language(language: str, theme: str) -> None:
    found = phrases.sentences("exit", theme, language)
    assert len(found) == len(set(found)) >= 6


def test_comments_are_written_in_seven_languages(company: Company) -> None:
    told = {text for part in ("exit", "nps") for text in _texts("en", part)}
    remarks = set(company.tables["feedback.survey_invitations"]["remark"].drop_nulls())
    for language in phrases.LANGUAGES:
        own = {text for part in ("exit", "nps") for text in _texts(language, part)}
        assert remarks & (own if language == "en" else own - told), language


def _texts(language: str, part: str) -> list[str]:
    return [text for texts in phrases.book(language)[part].values() for text in texts]


def test_the_theme_of_every_comment_is_known(company: Company) -> None:
    remarks = company.tables["feedback.exit_answers"]["remark"].drop_nulls()
    unknown = set(remarks) - set(phrases.themes())
    assert unknown <= {'<script>alert("churn")</script> nice tool, bad sandbox'}


def test_some_leavers_give_a_reason_some_words_some_both_and_some_nothing(company: Company) -> None:
    answers = company.tables["feedback.exit_answers"].filter(pl.col("outcome_code") == 1)
    kinds = answers.group_by(pl.col("reason_code").is_null(), pl.col("remark").is_null().alias("silent")).len()
    assert kinds.height == 4


# --- the stories -----------------------------------------------------------------------------------------------


def test_stories_depend_on_the_day_alone() -> None:
    assert stories.stories(TODAY) == stories.stories(TODAY)
    assert stories.stories(TODAY)["season"].months == (3, 15, 27)
    assert stories.outage_days(TODAY) == (date(2026, 4, 8), date(2026, 4, 14))
    assert Timeline(TODAY).start(stories.IMPORTER_MONTH) == date(2025, 7, 1)


def test_accounts_that_signed_up_after_the_importer_stay_more_often(company: Company, events: pl.DataFrame) -> None:
    story = stories.stories(TODAY)["importer"]
    months = events.select("org_id", "month").unique()
    first = months.group_by("org_id").agg(pl.col("month").min().alias("cohort"))

    def still_there(cohorts: tuple[int, ...]) -> float:
        members = first.filter(pl.col("cohort").is_in(cohorts))
        later = members.join(months, on="org_id").filter(pl.col("month") == pl.col("cohort") + 6)
        return later.height / members.height

    assert still_there(story.before) < 0.75
    assert still_there(story.after) > 0.83


def test_after_the_price_rise_leavers_name_the_price(company: Company) -> None:
    story = stories.stories(TODAY)["price_rise"]
    timeline = company.timeline
    left = [timeline.month(a.left_on) for a in company.accounts if a.cause == "price" and a.left_on]
    assert len(left) >= 10
    assert min(left) >= min(story.after)


def test_the_outage_brings_urgent_tickets_low_scores_and_leavers(company: Company) -> None:
    first, last = stories.outage_days(TODAY)
    tickets = company.tables["support.tickets"].with_columns(day=pl.from_epoch("opened_ms", "ms").dt.date())
    urgent = tickets.filter(pl.col("priority_code") == 1)
    during = urgent.filter(pl.col("day").is_between(first, last)).height
    usual = urgent.filter(pl.col("day").is_between(first - timedelta(days=70), first - timedelta(days=1))).height / 10
    assert during > 20 * usual
    assert sum(a.cause == "unreliable" for a in company.accounts) >= 5
    assert _nps(company, 24, 25) < _nps(company, 17, 22) - 20


def _nps(company: Company, first: int, last: int) -> float:
    """NPS of the invitations sent in some months."""
    timeline = company.timeline
    sent = pl.col("dispatched_at").dt.date().is_between(timeline.start(first), timeline.start(last + 1))
    score = pl.col("rating").cast(pl.Int64, strict=False)
    answers = company.tables["feedback.survey_invitations"].filter(sent & score.is_between(0, 10))
    return float(answers.select(100 * ((score >= 9).mean() - (score <= 6).mean())).item())


def test_zombies_pay_and_get_nothing(company: Company, events: pl.DataFrame) -> None:
    zombies = [a for a in company.accounts if a.part == "zombie"]
    assert len(zombies) == stories.zombie_count(300) == 13
    recent = events.filter(pl.col("day") > TODAY - timedelta(days=65), pl.col("org_id").is_in([a.id for a in zombies]))
    assert set(recent["feature_key"]) == {"login"}
    assert all(a.paying for a in zombies)


def test_use_falls_when_the_champion_leaves(company: Company, events: pl.DataFrame) -> None:
    (account,) = [a.id for a in company.accounts if a.name in stories.stories(TODAY)["champion"].accounts]
    champion = next(p for p in company.people if p.champion and company.accounts[p.account].id == account)
    left = stories.champion_left_on(TODAY)
    assert champion.left == left == date(2026, 8, 7)
    own = events.filter(pl.col("org_id") == account)

    def uses(start: date, days: int) -> int:
        return own.filter(pl.col("day").is_between(start, start + timedelta(days=days - 1))).height

    assert uses(left + timedelta(days=10), 80) < 0.6 * uses(left - timedelta(days=80), 80)


def test_most_leavers_use_less_and_less_before_they_ask_and_those_over_the_price_do_not(company: Company) -> None:
    asked = [(a.cause, row) for row, a in enumerate(company.accounts) if _asked_after_a_year(a, company.timeline)]

    def kept(row: int) -> float:
        """Use in the five weeks before the request, as a share of that half a year before, seasons apart."""
        on = company.accounts[row].asked_on
        assert on is not None
        day = company.timeline.day(on)
        now, then = ((company.usage.level[row] / usual)[day - back - 35 : day - back] for back in (0, 210))
        return float(now.mean() / then.mean())

    usual = company.usage.level.mean(axis=0)

    ours = [kept(row) for cause, row in asked if cause not in (*decline.NO_WARNING, "unreliable", "stayed")]
    price = [kept(row) for cause, row in asked if cause == "price"]
    assert len(ours) >= 15
    assert len(price) >= 8
    assert np.mean([share < 0.4 for share in ours]) > 0.7
    assert max(ours) > 0.7  # some leave without a sign
    assert np.median(price) > 0.8


def _asked_after_a_year(a: Account, timeline: Timeline) -> bool:
    """Whether an account asked to leave when it had been served, without a break, for a year of the timeline."""
    if a.asked_on is None or a.stuck or a.part == "paused too long":
        return False
    return timeline.day(a.asked_on) > 250 and (a.asked_on - a.signed_up).days > 250


def test_some_sink_and_come_back(company: Company) -> None:
    timeline = company.timeline
    back = [a for a in company.accounts if a.slump is not None and a.slump.back is not None and a.asked_on is None]
    over = [a for a in back if a.slump is not None and a.slump.bottom < timeline.days - 100]
    assert len(over) >= 5
    assert all(0.35 < decline.lost(a, timeline.date(a.slump.bottom), timeline) < 0.75 for a in over if a.slump)
    assert all(decline.lost(a, timeline.date(a.slump.bottom + 90), timeline) == 0 for a in over if a.slump)


def test_the_top_tenth_pays_about_three_times_its_share(company: Company) -> None:
    lines = company.tables["billing.contract_lines"].filter(pl.col("id") < 990_001)
    contracts = company.tables["billing.contracts"].select(contract_id="id", org_id="org_id", cycle="cycle_months")
    running = (pl.col("valid_from") <= TODAY) & (pl.col("valid_until").is_null() | (pl.col("valid_until") > TODAY))
    paid = lines.filter(running, pl.col("charge_code") == 1).join(contracts, on="contract_id")
    mrr = paid.group_by("org_id").agg(mrr=(pl.col("cycle_cents") / pl.col("cycle")).sum())["mrr"].sort(descending=True)
    share = mrr.head(round(mrr.len() / 10)).sum() / mrr.sum()
    assert 0.26 < share < 0.34


def test_use_dips_in_august_and_nobody_leaves_for_it(company: Company, events: pl.DataFrame) -> None:
    (*_, august) = stories.stories(TODAY)["season"].months
    counts = dict(events.group_by("month").len().rows())
    assert counts[august] < 0.75 * counts[august - 2]
    assert counts[august + 1] > 0.9 * counts[august - 2]
    active = dict(events.group_by("month").agg(pl.col("org_id").n_unique()).rows())
    assert active[august] > 0.97 * active[august - 1]


def test_every_part_is_played(company: Company) -> None:
    played = {a.part for a in company.accounts}
    assert {"late", "paused", "parked", "returned", "resumed", "leaving", "past due", "not paid", "free", "planned",
            "integration only", "folded", "group", "hostile", "krona", "sandbox", "void"} <= played  # fmt: skip


# --- the bad rows ----------------------------------------------------------------------------------------------


def test_bad_rows_are_there_in_the_numbers_that_the_stories_say(company: Company) -> None:
    rows = company.tables["feedback.survey_invitations"]
    counted = stories.DIRTY["nps"]
    assert rows.filter(pl.col("rating").is_in(["11", "-1"])).height == counted["score is outside 0 to 10"]
    assert rows.filter(pl.col("rating") == "6.5").height == counted["score is not a whole number"]
    assert rows.filter(pl.col("rating").is_in(["ten", "n/a"])).height == counted["score does not parse"]
    assert rows.height - rows["id"].n_unique() == counted["duplicate key"]
    lines = company.tables["billing.contract_lines"]
    assert lines.filter(pl.col("cycle_cents") < 0).height == stories.DIRTY["subscriptions"]["mrr is below 0"]
    odd = lines.filter(~pl.col("cycle_cents").is_finite()).height
    assert odd == stories.DIRTY["subscriptions"]["mrr is not a finite number"]
    backwards = lines.filter(pl.col("valid_until") < pl.col("valid_from")).height
    assert backwards == stories.DIRTY["subscriptions"]["ended before it started"]


def test_bad_events_are_there_in_the_numbers_that_the_stories_say(company: Company) -> None:
    rows = dirty.events(company.accounts, company.people, company.timeline, 1)
    counted = stories.DIRTY["events"]
    accounts = {a.id: a for a in company.accounts}
    assert rows["org_id"].null_count() == counted["account_id is missing"]
    assert rows["feature_key"].null_count() == counted["feature is missing"]
    assert rows["occurred_at"].null_count() == counted["occurred_at is missing"]
    assert rows.filter(pl.col("org_id") == dirty.NOBODY).height == counted["unknown account"]
    assert rows.filter(~pl.col("amount").is_finite()).height == counted["quantity is not finite, or too large"]
    good = [(account, at.date()) for account, at in rows.select("org_id", "occurred_at").rows() if account and at]
    known = [(accounts[a], day) for a, day in good if a in accounts and date(1970, 1, 1) <= day < date(2099, 1, 1)]
    flagged = stories.FLAGGED["events"]
    assert sum(day < a.signed_up for a, day in known) == flagged["use before sign-up"]
    assert sum(not is_served(a, day) for a, day in known) == flagged["use outside any subscription"]


def test_one_account_pays_in_a_currency_without_a_rate(company: Company) -> None:
    assert dirty.without_rate(company.tables) >= 1
    assert "SEK" not in set(company.tables["billing.fx_rates"]["currency"])
