"""What pages open with is worked out before anybody asks, so that a page after a refresh is as quick as any other."""

import asyncio

import polars as pl
import pytest

import settings
from pages.shared import data, warming
from pages.shared.answers import accounts, overview
from pages.shared.filters import Who
from queries.frames import current_id

pytestmark = pytest.mark.postgres


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


def test_after_warming_the_overview_and_the_book_work_nothing_out(view, monkeypatch):
    questions = len(list(warming.opening_questions(view)))
    assert warming.warm(view) == questions > 8
    assert not asked_again(view, accounts.book, monkeypatch)
    assert not asked_again(view, overview.at_risk, monkeypatch, Who())
    assert not asked_again(view, overview.retention, monkeypatch, Who())
    assert asked_again(view, overview.retention, monkeypatch, Who(segment="mid"))


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
