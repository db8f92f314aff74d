"""What pages open with is worked out before anybody asks, so that a page after a refresh is as quick as any other."""

import asyncio

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import settings
from pages.shared import data, warming
from pages.shared.answers import account, accounts, contacts, loyalty, overview
from pages.shared.filters import Who
from queries.frames import current_id

pytestmark = pytest.mark.postgres
EVERYBODY = {
    *("accounts.health_now", "accounts.health_past", "accounts.book", "accounts.silent_accounts"),
    *("account.histories", "account.histories_shown", "account.scorecards", "loyalty.everybody", "loyalty.stayed"),
    *("contacts.everybody", "contacts.book", "contacts.renewing"),
    *("onboarding.first_days", "onboarding.all_steps", "onboarding.stuck"),
    *("nps.now", "nps.trend", "nps.change", "nps.response", "nps._themes", "nps.waiting"),
}
"""Questions that look at all accounts."""


@pytest.fixture
def view(demo_settings, monkeypatch):
    monkeypatch.setattr(settings, "get", lambda: demo_settings)
    data._remembered.clear()
    yield data.View(current_id(demo_settings))
    data._remembered.clear()


def asked_again(view, question, monkeypatch, *arguments):
    """Whether a question is worked out anew instead of being remembered."""
    name = f"{question.__module__}.{question.__qualname__}"
    found = []
    monkeypatch.setitem(data._functions, name, lambda *args, **named: found.append(name) or pl.DataFrame())
    question(view, *arguments)
    return bool(found)


def test_after_warming_what_pages_open_with_is_remembered(view, monkeypatch):
    questions = len(list(warming.opening_questions(view)))
    assert warming.warm(view) == questions > 8
    assert not asked_again(view, accounts.book, monkeypatch)
    assert not asked_again(view, overview.at_risk, monkeypatch, Who())
    assert not asked_again(view, overview.retention, monkeypatch, Who())
    assert asked_again(view, overview.retention, monkeypatch, Who(segment="mid"))
    assert not asked_again(view, account.histories, monkeypatch)
    assert not asked_again(view, account.scorecards, monkeypatch)
    assert not asked_again(view, loyalty.everybody, monkeypatch)
    assert not asked_again(view, contacts.everybody, monkeypatch)


def test_a_page_opened_after_warming_works_out_nothing_about_everybody(view, monkeypatch):
    """Nothing that looks at all accounts; questions about one account are asked when its page is opened."""
    warming.warm(view)
    asked = []

    def listened(name, function):
        return lambda *given, **named: asked.append(name) or function(*given, **named)

    for name, function in list(data._functions.items()):
        monkeypatch.setitem(data._functions, name, listened(name.removeprefix("pages.shared.answers."), function))
    test = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60).run()
    assert not EVERYBODY & set(asked), "overview"
    for page in ("accounts", "contacts", "onboarding", "nps", "account"):
        assert not test.switch_page(f"{page}.py").run().exception
        assert not EVERYBODY & set(asked), page


def test_what_fails_is_left_to_the_page(view, monkeypatch):
    def broken(frames):
        raise pl.exceptions.PanicException("no")

    monkeypatch.setitem(data._functions, "pages.shared.answers.accounts.book", broken)
    questions = len(list(warming.opening_questions(view)))
    assert 0 < warming.warm(view) < questions


def test_each_snapshot_is_warmed_once_and_none_is_waited_for(view, monkeypatch, tmp_path):
    warmed = []
    monkeypatch.setattr(warming, "warm", warmed.append)
    monkeypatch.setattr(warming, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(warming.runtime, "exists", lambda: True)

    async def a_while():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(warming.keep_warm(), 0.5)

    asyncio.run(a_while())
    assert warmed == [view]
    none = settings.get().model_copy(update={"snapshot_dir": str(tmp_path / "none")})
    monkeypatch.setattr(settings, "get", lambda: none)
    asyncio.run(a_while())
    assert warmed == [view]
