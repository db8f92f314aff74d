"""What a viewer never comes by, on any page, in any file or answer: others' accounts, people, comments."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import polars as pl
import pytest
import streamlit as st

import settings
from outreach import digest
from outreach.audience import Audience, recipients
from outreach.plays import read_plays
from pages.shared import data, viewer, written
from pages.shared.answers import results
from pages.shared.churn.top import TABS
from pages.shared.reach import acting
from pages.shared.reach.chosen import Chosen
from pages.shared.roles import Right
from pages.shared.viewer import Viewer
from queries.frames import Frames, Scope, current_id, open_snapshot
from queries.scope import stand_in
from records import campaigns as kept
from reports import board_numbers, prep_numbers
from reports import business_review as reviews
from tests.pages import asking, canaries, opening, snapshot
from tests.pages.canaries import ABE, ADA, BO, EVE, OWNERS, PIA, word
from tests.pages.canary_company import Company
from tests.pages.reaching import calm, labels, press, said
from tests.records import outreach

pytestmark = pytest.mark.postgres
ANYBODY = "(?:ada|bo|nobody)"
OTHERS = canaries.of("(?:bo|nobody)")
PAGES = {
    "overview": [{}, {"csm": "Bo@Us.Example"}],
    "cohorts": [{}],
    "accounts": [{}, {"find": "Mill"}, {"csm": "Bo@Us.Example"}],
    "account": [{"account": word(owner, "account")} for owner in OWNERS],
    "contacts": [{}],
    "nps": [{}],
    "churn_reasons": [{"part": part} for part in TABS],
    "onboarding": [{}],
    "campaigns": [{}],
    "results": [{}],
    "data": [{}],
}
"""How each page is looked at; the campaigns page also with every campaign in its address."""


class Look(NamedTuple):
    """What one viewer came by: on pages, in files, and by asking for everything by hand; and how often asked."""

    pages: dict[str, bytes]
    files: dict[str, bytes]
    asked: dict[str, bytes]

    def found(self) -> set[str]:
        """Every canary."""
        return {each for texts in self for text in texts.values() for each in canaries.found(text)}

    def where(self, *shapes: Any) -> dict[str, list[str]]:
        """Where words of these shapes stand."""
        hits = {
            place: sorted(each for each in canaries.found(text) if any(shape.fullmatch(each) for shape in shapes))
            for texts in self
            for place, text in texts.items()
        }
        return {place: words for place, words in hits.items() if words}


@pytest.fixture
def signed_in(company, monkeypatch) -> Callable[[Viewer | None], None]:
    monkeypatch.setattr(settings, "get", lambda: company.own)

    def enter(who: Viewer | None) -> None:
        monkeypatch.setattr(viewer, "now", lambda: who)

    return enter


class Looks(dict[str, "Look"]):
    """Everything that Ada, Eve, Pia and Abe come by, each when first asked for, in one process."""

    def __init__(self, company: Company) -> None:
        super().__init__()
        self.company = company

    def __missing__(self, name: str) -> Look:
        who = next(each for each in (ADA, EVE, PIA, ABE) if each.name.startswith(f"{name}@"))
        return self.setdefault(name, look(self.company, who))


@pytest.fixture(scope="module")
def looks(company: Company) -> Looks:
    return Looks(company)


def look(company: Company, who: Viewer) -> Look:
    files = opening.Files()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(settings, "get", lambda: company.own)
        patched.setattr(viewer, "now", lambda: None)
        opening.unaudited(patched)
        seen = opening.begun()
        patched.setattr(viewer, "now", lambda: who)
        opening.wide(patched, files)
        pages: dict[str, bytes] = {}
        linked = [{"campaign": str(id)} for id in company.campaigns.values()]
        for page in (page for page in PAGES if who.may_open(page)):
            for query in [*PAGES[page], *(linked if page == "campaigns" else ())]:
                seen = calm(opening.at(seen, page, **query))
                pages[f"{page} {query}"] = opening.told(seen)
                if "Business review" in labels(seen):
                    pages[f"review {query}"] = opening.told(press(seen, "Business review"))
        excel = who.role in ("csm", "admin")  # it holds what the CSV holds
        return Look(pages, files.all(excel=excel), asking.everything(company, who))


# --- who comes by what ----------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_an_admin_comes_by_every_word_so_that_the_others_are_really_kept_from_them(company, looks):
    assert len(company.planted) > 100
    assert company.planted - looks["abe"].found() == set()
    on_pages = {each for text in looks["abe"].pages.values() for each in canaries.found(text)}
    assert {re.sub("canary(ada|bo|nobody)|.$", "", each) for each in on_pages} == set(canaries.KINDS)
    assert len(looks["abe"].files) > 150


def test_a_csm_limited_to_their_own_accounts_comes_by_no_word_of_any_other(looks):
    assert looks["ada"].where(OTHERS) == {}


def test_a_csm_comes_by_every_word_of_their_own(company, looks):
    mine = {each for each in company.planted if canaries.of("ada").fullmatch(each)}
    assert len(mine) > 30
    assert mine - looks["ada"].found() == set()
    assert len(canaries.found(looks["ada"].asked["comments.members, 0"])) > 5  # a group of comments that say the same


@pytest.mark.thorough
def test_an_executive_comes_by_no_name_address_comment_or_word_about_anybody(looks):
    hidden = canaries.of(ANYBODY, "person", "address", "comment", "about", "letter", "row")
    assert looks["eve"].where(hidden) == {}
    assert {word(owner, "account") for owner in OWNERS} <= looks["eve"].found()


@pytest.mark.thorough
def test_product_reads_comments_and_messages_but_not_whose(looks):
    assert looks["pia"].where(canaries.of(ANYBODY, "person", "address", "about", "row")) == {}
    read = {word(owner, kind) for owner in ("ada", "bo") for kind in ("comment", "letter", "account", "campaign")}
    assert read <= looks["pia"].found()


def test_somebody_without_an_address_does_not_look_after_accounts_whose_csm_is_blank(company):
    for address in ("", " "):
        frames = open_snapshot(current_id(company.own), Scope(address), company.own)
        assert frames.accounts.collect().is_empty()
        assert canaries.found(asking.text_of(frames.source("nps").collect())) == set()


def test_one_process_gives_every_viewer_their_own_and_works_each_out_once(company, signed_in, monkeypatch):
    st.cache_data.clear()
    worked, name = [], "pages.shared.answers.accounts.book"
    book = data._functions[name]

    def counted(frames: Frames, **how: Any) -> pl.DataFrame:
        worked.append(frames.scope)
        return book(frames, **how)

    monkeypatch.setitem(data._functions, name, counted)
    signed_in(None)
    seen = opening.begun()
    for who in (ADA, BO, EVE, ABE, ADA, PIA, BO):
        signed_in(who)
        found = canaries.found(opening.told(calm(opening.at(seen, "accounts"))))
        mine = OWNERS if who.role != "csm" else (who.name.partition("@")[0],)
        assert {word(owner, "account") for owner in mine} <= found
        others = canaries.of(f"(?:{'|'.join(set(OWNERS) - set(mine)) or 'none'})")
        assert [each for each in found if others.fullmatch(each)] == []
        about = canaries.of(ANYBODY, "about", "person")
        assert who.may(Right.PEOPLE) or [each for each in found if about.fullmatch(each)] == []
    assert len(worked) == len(set(worked)) == 5


# --- reports, audiences and drafts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("account_id", [word("bo", "account"), word("nobody", "account")])
def test_reports_of_accounts_of_others_are_not_made(company, account_id):
    frames = open_snapshot(current_id(company.own), Scope(ADA.address), company.own)
    for make in (reviews.numbers, prep_numbers.numbers):
        with pytest.raises(reviews.UnknownAccount):
            make(frames, company.own, account_id)
    with pytest.raises(reviews.UnknownAccount):
        reviews.quarters(frames, account_id)


def test_an_audience_with_ids_of_others_put_in_by_hand_leads_to_none_of_them(company):
    frames = open_snapshot(current_id(company.own), Scope(ADA.address), company.own)
    people = tuple(word(owner, "person") for owner in OWNERS)
    for play in read_plays(company.own).values():
        for chosen in (None, people):
            found = recipients(frames, Audience("All", "Accounts", asking.ACCOUNTS, chosen), play, language="en")
            assert [w for w in canaries.found(asking.text_of(found.rows)) if OTHERS.fullmatch(w)] == []


def composed(company, signed_in, who, picked):
    """The page after ``who`` pressed “Preview” on an audience."""
    signed_in(None)
    seen = opening.begun()
    signed_in(who)
    seen.session_state["tenure_chosen"] = picked
    return press(opening.at(seen, "campaigns"), "Preview")


def rows_of(company, picked):
    return kept.messages(company.records.engine, picked.campaign_id)


def test_a_draft_of_a_csm_goes_to_their_own_accounts_whatever_ids_it_is_given(company, signed_in):
    for scope in ("own", "all"):
        held = company.own if scope == "own" else company.held
        assert held.access.csm_scope == scope
        picked = Chosen(Audience("Everybody", "Accounts", asking.ACCOUNTS), ("thank_you",))
        seen = composed(company, signed_in, ADA, picked)
        assert seen.title[0].value != "That campaign is not here"
        drafted = rows_of(company, picked)
        assert set(drafted["account_id"]) == {word("ada", "account"), word("ada", "account", 1)}
        letters = [asking.text_of(kept.message(company.records.engine, UUID(id))) for id in drafted["message_id"]]
        assert [w for text in (*letters, opening.told(seen)) for w in canaries.found(text) if OTHERS.fullmatch(w)] == []


def test_a_draft_to_people_of_others_only_is_no_draft(company, signed_in):
    picked = Chosen(Audience("Them", "NPS", (word("bo", "account"),), (word("bo", "person"),)), ("thank_you",))
    seen = composed(company, signed_in, ADA, picked)
    assert "leads to nobody" in said(seen)
    assert rows_of(company, picked).is_empty()


def test_an_account_that_went_to_another_csm_since_the_page_opened_is_theirs(company, signed_in, monkeypatch, tmp_path):
    signed_in(ADA)
    moved = company.own.model_copy(update={"snapshot_dir": str(tmp_path)})
    monkeypatch.setattr(settings, "get", lambda: moved)
    campaign, _ = outreach.draft(company.records, [outreach.row(account_id="moving")])
    snapshot.write(tmp_path, {"accounts": [{"account_id": "moving", "csm_email": ADA.name}]}, id="a1")
    data.begin()
    acting._refuse_others(campaign)
    snapshot.write(tmp_path, {"accounts": [{"account_id": "moving", "csm_email": BO.name}]}, id="a2")
    assert data.view().snapshot_id == "a1"
    with pytest.raises(viewer.NotAllowed, match="accounts of others"):
        acting._refuse_others(campaign)


def test_product_drafts_to_people_it_cannot_see_and_drafts_again(company, signed_in):
    person = word("ada", "person")
    shown = pl.DataFrame({"user_id": [person]}).select(stand_in(pl.col("user_id"))).item()
    picked = Chosen(Audience("Detractors", "NPS", (word("ada", "account"),), (shown,)), ("thank_you",))
    seen = composed(company, signed_in, PIA, picked)
    for again in (seen, press(seen, "Preview again")):
        assert not again.error
        assert rows_of(company, picked)["user_id"].to_list() == [person]
        hidden = canaries.of(ANYBODY, "person", "address", "about")
        assert [each for each in canaries.found(opening.told(again)) if hidden.fullmatch(each)] == []
        assert "[name]" in said(again)
    whole = kept.message(company.records.engine, UUID(rows_of(company, picked)["message_id"][0]))
    assert whole.address == f"{word('ada', 'address')}@customer.example"
    assert person.title() in whole.text


def test_who_corrected_a_comment_is_told_to_those_whose_comment_it_is(company, signed_in):
    told = {}
    for who in (ADA, BO, PIA):
        signed_in(who)
        found = written.themes_history(data.begin(), "exit_surveys", canaries.answer_id("bo", 8))
        told[who.name] = found["author"].to_list() if found.height else []
    assert told == {"ada@us.example": [], "bo@us.example": ["bo@us.example"], "pia@us.example": ["bo@us.example"]}


def test_the_monthly_digest_holds_what_an_executive_may_see(company):
    frames = open_snapshot(current_id(company.held), Scope(), company.held)
    sent = digest.made(board_numbers.numbers(frames, company.held))
    told = "\n".join(sent.paragraphs).encode() + opening.unpacked(sent.pack.content)
    assert word("bo", "account", 1) in canaries.found(told)
    hidden = canaries.of(ANYBODY, "person", "address", "comment", "about", "row")
    assert [each for each in canaries.found(told) if hidden.fullmatch(each)] == []


def test_opting_out_is_counted_for_those_whose_accounts_they_are(company, signed_in):
    counted = {}
    for who in (ADA, BO, EVE):
        signed_in(who)
        counted[who.name] = results.opted_out(data.begin())
    assert counted == {"ada@us.example": {}, "bo@us.example": {"nps": 1}, "eve@us.example": {"nps": 1}}
