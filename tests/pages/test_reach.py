"""“Reach out…”: which rows become which audience, what the message may say of them, and where the button stands."""

import polars as pl
import pytest

import settings
from outreach.audience import Audience
from outreach.plays import read_plays
from pages.shared import viewer, words
from pages.shared.reach import chosen, others, themes
from pages.shared.reach.chosen import To
from queries.frames import Scope, current_id, open_snapshot
from tests.pages.reaching import awake, button, calm, page, press, said

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("fresh")]


@pytest.fixture
def held(demo_settings, outreach_records, monkeypatch):
    mine = awake(demo_settings, outreach_records.writer)
    monkeypatch.setattr(settings, "get", lambda: mine)
    return mine


def keys(seen):
    return {str(each.key) for each in seen.button}


def test_rows_become_accounts_each_once_with_what_is_known_of_each(monkeypatch):
    monkeypatch.setattr(chosen.links, "here", lambda: "Onboarding")
    rows = pl.DataFrame({"account_id": ["b", "a", "b", None], "step": ["Import", "Invite", "Import", "Import"]})
    made = chosen.audience(rows, f"Stuck, {words.inert('R&D (x)')}", chosen.STUCK)
    assert (made.label, made.source_page) == ("Stuck, R&D (x)", "Onboarding")
    assert (made.account_ids, made.user_ids) == (("b", "a"), None)
    assert made.extra == {"step": {"b": "Import", "a": "Invite"}}


def test_rows_that_are_people_become_exactly_these_people(monkeypatch):
    monkeypatch.setattr(chosen.links, "here", lambda: "NPS")
    rows = pl.DataFrame({"account_id": ["a", "a", "b"], "user_id": ["u", "v", None]})
    made = chosen.audience(rows, "Detractors", chosen.DETRACTORS)
    assert made.user_ids == ("u", "v")
    assert chosen.audience(rows, "Their accounts", chosen.DETRACTED).user_ids is None


def test_a_long_label_is_cut():
    assert len(chosen.cut("a" * 400)) == 150


def test_every_play_that_a_table_suggests_exists(held):
    plays = read_plays(held)
    suggested = {id for to in vars(chosen).values() if isinstance(to, To) for id in to.plays}
    assert suggested <= set(plays)
    assert {"one_question", "stuck_at_step", "sorry", "renewal_coming", "thank_you", "already_pay_for_it"} <= suggested


def test_what_a_table_says_of_accounts_is_a_field_that_its_play_asks_for(held):
    plays = read_plays(held)
    assert "step" in plays["stuck_at_step"].asks
    assert "shipped" in plays["you_asked_we_shipped"].asks
    to = themes.for_it("price", "Price")
    assert to.plays[0] == next(theme.play for theme in themes.themes().all if theme.id == "price")
    assert dict(to.known) == {"theme": "price"}
    assert dict(themes.for_it("price", "API and SDK").known) == {"theme": "API and SDK"}
    assert themes.for_it(None, "All reasons") == chosen.GONE
    assert themes.for_it("not asked", "Not asked") == chosen.GONE


def test_the_queue_of_those_leaving_leads_to_the_campaigns_page(held):
    seen = page("accounts")
    assert {"reach_book", "reach_leaving", "reach_top-tenth", "reach_anniversaries-list"} <= keys(seen)
    seen = calm(button(seen, "Reach out…", "reach_leaving").click().run())
    picked = seen.session_state["tenure_chosen"]
    assert picked.plays == ("one_question", "alternatives", "goodbye", "what_you_would_leave")
    assert picked.audience.source_page == "Accounts"
    assert seen.title[0].value.startswith(f"Reach out to {len(picked.audience.account_ids)} account")
    assert "Leaving, still served, chosen on the page Accounts." in said(seen)
    seen = calm(button(seen, "Drop this choice").click().run())
    assert "tenure_chosen" not in seen.session_state


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("account", "reach_account"),
        ("nps", "reach_nps-waiting"),
        ("onboarding", "reach_stuck"),
        ("contacts", "reach_overdue"),
    ],
)
def test_the_button_stands_where_people_are_listed(held, name, wanted):
    assert wanted in keys(page(name))


def test_chosen_accounts_of_another_book_are_told_of_and_listed_as_left_out(held, monkeypatch):
    accounts = open_snapshot(current_id(held), Scope(), held).accounts.drop_nulls("csm_email").collect()
    mine = accounts.filter(csm_email=accounts["csm_email"][0])["account_id"].head(1)
    theirs = accounts.filter(pl.col("csm_email") != accounts["csm_email"][0])["account_id"].head(2)
    monkeypatch.setattr(viewer, "now", lambda: viewer.Viewer("ada", accounts["csm_email"][0], "csm"))
    them = Audience("Leaving", "Accounts", (*mine, *theirs))
    seen = page("campaigns", tenure_chosen=chosen.Chosen(them, ("nps",)))
    who_may = "and get no message. Their CSM or an admin can write to them."
    assert f"2 of the 3 chosen accounts are not in your book {who_may}" in said(seen)
    seen = press(seen, "Preview")
    assert f"2 of the 3 chosen accounts are not in the book of whoever drafted this {who_may}" in said(seen)
    seen = calm(seen.button_group(key=f"group_{seen.query_params['campaign']}").set_value("Left out").run())
    listed = next(pl.from_pandas(each.value) for each in seen.dataframe if "why" in each.value.columns)
    assert listed["why"].to_list().count(others.WHY) == 2


def test_whoever_may_not_draft_sees_no_button(held, monkeypatch):
    monkeypatch.setattr(viewer, "now", lambda: viewer.Viewer("eve", "eve@us.example", "executive"))
    assert not [key for key in keys(page("account")) if key.startswith("reach_")]
