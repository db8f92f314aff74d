"""The choices of a business review on the account page, and what an old snapshot does to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import settings
from pages.shared import packs
from pages.shared.data import View
from reports.champions import Typed
from reports.freshness import StaleSnapshot
from reports.quarters import quarter_of
from tests.pages import snapshot
from tests.reports import company

ROOT = settings.ROOT
Look = Callable[..., AppTest]


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """``look(old)``: the account page on a snapshot that is so old."""

    def open_page(old: timedelta, **about: object) -> AppTest:
        paid = {
            "subscription_id": "s",
            "line_id": "s",
            "account_id": "a",
            "plan": "Team",
            "kind": "paid",
            "mrr": 100_00,
        }
        sources: dict[str, list[dict[str, object]]] = {
            "accounts": [{"account_id": "a", "name": "Acme", **about}],
            "subscriptions": [{**paid, "currency": "EUR", "started_on": date(2025, 1, 1)}],
        }
        snapshot.write(tmp_path, sources, old=old)
        monkeypatch.setattr(settings, "get", lambda: snapshot.settings_for(tmp_path))
        seen = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60)
        seen = seen.switch_page("account.py").run()
        assert not seen.exception
        return asked(seen)

    return open_page


def asked(seen: AppTest) -> AppTest:
    """The page with its dialog open; what is pressed in one runs the whole script here, which closes it again."""
    return next(box for box in seen.button if box.label == "Business review").click().run()


def labels(seen: AppTest) -> list[str]:
    return [box.label for box in (*seen.selectbox, *seen.checkbox, *seen.text_area)]


CHOICES = ["Quarter", "Language", "Beside similar customers, without names", "Features they pay for and do not use"]


def test_a_review_asks_for_quarter_language_and_what_it_may_say(look):
    seen = look(timedelta(0), goal="Answer faster", language="de")
    assert [label for label in labels(seen) if label in CHOICES] == CHOICES
    goal = next(box for box in seen.text_area if box.label == "What they set out to do")
    assert goal.value == "Answer faster"
    assert next(box for box in seen.selectbox if box.label == "Language").value == "de"
    assert not any(box.value for box in seen.checkbox)


def test_an_old_snapshot_offers_no_file_until_asked_again(look):
    seen = look(timedelta(hours=5))
    assert any("last read 5 hours ago" in box.value for box in seen.warning)
    assert not set(CHOICES) & set(labels(seen))
    seen = next(box for box in seen.button if "anyway" in box.label).click().run()
    seen = asked(seen)
    assert set(CHOICES) <= set(labels(seen))


def test_each_file_is_made(look):
    look(timedelta(0))
    wanted = packs._Asked(View("a1"), "a", quarter_of(date(2026, 8, 1)), "de", "Ziel", True, True, False)
    for make in (packs._review, packs._excel, packs._prep):
        assert make(wanted).startswith(b"PK")


def test_a_page_left_open_does_not_hand_out_an_old_file(look):
    look(timedelta(hours=5))
    wanted = packs._Asked(View("a1"), "a", quarter_of(date(2026, 8, 1)), "en", "", False, False, False)
    for make in (packs._review, packs._excel, packs._prep):
        with pytest.raises(StaleSnapshot):
            make(wanted)


def test_an_override_written_down_stands_on_the_prep_sheet(look):
    look(timedelta(0))
    wanted = packs._Asked(View("a1"), "a", quarter_of(date(2026, 8, 1)), "en", "", False, False, False)
    made = {"score": [20.0], "author": ["ben@example.com"], "reason": ["They told me"]}
    days = {"made_on": [date(2026, 1, 1)], "expires_on": [date(9999, 1, 1)]}
    overrides = pl.DataFrame({"account_id": ["a"], **made, **days})
    assert "ben@example.com says 20" in company.words(packs._prep(wanted, overrides=overrides))
    assert "ben@example.com" not in company.words(packs._prep(wanted))


def test_a_champion_typed_in_stands_on_the_prep_sheet(look):
    look(timedelta(0))
    wanted = packs._Asked(View("a1"), "a", quarter_of(date(2026, 8, 1)), "en", "", False, False, False)
    assert "Champion: Dana Doe (typed in)" in company.words(packs._prep(wanted, champion=Typed(name="Dana Doe")))
    assert "Champion: nobody known" in company.words(packs._prep(wanted))
