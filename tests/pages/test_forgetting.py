"""A running server forgets what it remembers of a person within seconds of their erasure."""

from __future__ import annotations

import ast
import asyncio
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from streamlit import runtime

import settings
from metrics import comment_groups
from pages.shared import data, forgetting, scopes, warming
from queries.store import Store, new_id, newest_manifest, publish
from tests.pages import snapshot

ROOT = Path(__file__).resolve().parents[2]
NOTHING_OF_PEOPLE = {
    "metrics/bootstrap.py": {"_weights"},  # random numbers
    "metrics/telling_words.py": {"_chinese"},  # stop words
    "metrics/theme_vectors.py": {"_encoder"},
    "outreach/attempt.py": {"files"},  # attachments of mail to our own people
    "outreach/plays.py": {"_footers", "_play"},
    "outreach/smtp.py": {"_our_name"},
    "outreach/tone.py": {"_plain", "_read"},  # single characters; our own file
    "outreach/written.py": {"_locale"},
    "outreach/zones.py": {"_by_country", "_known"},
    "pages/shared/viewer.py": {"protected"},
    "queries/comments.py": {"_themes"},
    "records/database.py": {"connections"},
    "reports/themes_file.py": {"_read"},
}
"""Caches that need not be forgotten."""
FORGOTTEN = {
    "metrics/comment_groups.py": {"_grams"},
    "metrics/telling_words.py": {"_folded"},
    "queries/frames.py": {"_manifest"},
    "pages/shared/data.py": {"_remembered"},
}


def caches(file: Path) -> set[str]:
    """Functions of a file that remember what they returned, and take something to tell one call from another."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            named = {ast.unparse(each).split("(")[0].rpartition(".")[2] for each in node.decorator_list}
            if named & {"cache", "lru_cache", "cache_data", "cache_resource"}:
                found.add(node.name)
    return found


def test_every_cache_is_forgotten_or_holds_nothing_of_people() -> None:
    folders = ("metrics", "queries", "records", "outreach", "reports", "pages")
    files = {file.relative_to(ROOT).as_posix(): file for folder in folders for file in (ROOT / folder).rglob("*.py")}
    known = {name: NOTHING_OF_PEOPLE.get(name, set()) | FORGOTTEN.get(name, set()) for name in files}
    found = {name: caches(file) for name, file in files.items()}
    assert {name: its for name, its in found.items() if its} == {name: its for name, its in known.items() if its}


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> settings.Settings:
    snapshot.write(tmp_path, {"accounts": [{"account_id": "a", "name": "A"}]}, id="20260101T000000000000-aa")
    made = snapshot.settings_for(tmp_path)
    monkeypatch.setattr(settings, "get", lambda: made)
    return made


def another(held: settings.Settings, *, erasures: int) -> str:
    """Publishes the snapshot again, as after so many erasures."""
    store = Store(held.snapshot_dir)
    before = newest_manifest(store)
    assert before is not None
    after = before.model_copy(update={"id": new_id(datetime.now(UTC)), "erasures": erasures})
    publish(store, after)
    return after.id


def names(opened: data.Frames) -> pl.DataFrame:
    """A question of this test."""
    return opened.accounts.select("name").collect()


def test_what_is_remembered_goes_only_when_somebody_was_erased(
    held: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = data.cached(names)
    monkeypatch.setitem(data._functions, f"{__name__}.names", lambda opened: asked.append("asked") or names(opened))
    view = data.View("20260101T000000000000-aa")
    known = forgetting.keep_up(view.snapshot_id, None)
    ask(view)
    comment_groups._grams("zenobia")
    known = forgetting.keep_up(another(held, erasures=0), known)
    ask(view)
    assert (known, asked) == (0, ["asked"])
    known = forgetting.keep_up(another(held, erasures=1), known)
    assert comment_groups._grams.cache_info().currsize == 0
    ask(view)
    assert (known, asked) == (1, ["asked"] * 2)
    assert forgetting.keep_up(another(held, erasures=1), known) == 1


def test_the_server_looks_every_few_seconds_and_forgets_twice(
    held: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice: a page may have been working something out of the old snapshot meanwhile."""
    forgot: list[str] = []
    slept: list[float] = []
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(scopes, "lately", list)
    monkeypatch.setattr(forgetting, "forget", lambda: forgot.append("forgot"))

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            another(held, erasures=1)
        if len(slept) == 4:
            raise asyncio.CancelledError

    monkeypatch.setattr(warming.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(warming.keep_warm())
    assert (forgot, set(slept)) == (["forgot"] * 2, {warming.EVERY_SECONDS})
