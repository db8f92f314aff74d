"""Every page, on companies of many shapes: the demo, another schema, one account, nothing at all, a broken source."""

import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest
from streamlit.testing.v1 import AppTest

import settings
from queries import refresh
from tests.pages import browser

pytestmark = pytest.mark.postgres

ROOT = settings.ROOT
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py") if path.stem not in ("__init__", "frame"))
OTHER = ROOT / "tests" / "data" / "other_company"
AUTUMN = datetime(2026, 9, 20, 12, tzinfo=UTC)


def company(tmp_path: Path, url: str, sources: Path) -> settings.Settings:
    """Settings of a company with its own mappings; the rest of the configuration is the project's."""
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config, ignore=shutil.ignore_patterns("sources"))
    shutil.copytree(sources, config / "sources")
    return settings.read(config, {"PRODUCT_DATABASE_URL": url, "SNAPSHOT_DIR": str(tmp_path / "snapshot")})


def run(url: str, *statements: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def other(tmp_path: Path, database: Callable[..., str]) -> settings.Settings:
    """A company with German table names, whole-number ids, dates kept as text and no surveys."""
    url = database()
    run(url, (OTHER / "schema.sql").read_text(encoding="utf-8"))
    return company(tmp_path, url, OTHER / "sources")


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[[settings.Settings, str], AppTest]:
    """``look(held, page)``: the page, run inside the frame as Streamlit runs it, with nothing gone wrong."""

    def open_page(held: settings.Settings, page: str) -> AppTest:
        monkeypatch.setattr(settings, "get", lambda: held)
        test = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60)
        seen = test.switch_page(f"{page}.py").run()
        assert not seen.exception
        went_wrong = [box.value for box in (*seen.warning, *seen.error) if "could not be worked out" in box.value]
        assert went_wrong == []
        return seen

    return open_page


def said(seen: AppTest) -> str:
    """All words of a page."""
    kinds = (seen.title, seen.subheader, seen.markdown, seen.caption, seen.info, seen.warning, seen.metric)
    return "\n".join(str(element.value) for elements in kinds for element in elements)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_works_on_the_demo_company(page, demo_settings, look):
    seen = look(demo_settings, page)
    assert len(seen.title) == 1


@pytest.mark.parametrize("page", PAGES)
def test_every_page_works_on_another_companys_schema(page, other, look):
    refresh.run(other, as_of=AUTUMN)
    seen = look(other, page)
    if page == "nps":
        assert "Add `config/sources/nps.sql`" in said(seen)


def test_another_companys_numbers_are_right(other, look):
    refresh.run(other, as_of=AUTUMN)
    words = said(look(other, "accounts"))
    # Three customers are left: 100 € + 100 € + 400 CHF at 1.05, and one of 500 € left on 1 September.
    assert "€620" in words
    assert "3 accounts" in words


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_something_calm_when_the_database_is_empty(page, other, look):
    run(other.product_database_url, "TRUNCATE kunden, vertraege, nutzung")
    refresh.run(other, as_of=AUTUMN)
    look(other, page)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_works_with_one_account(page, other, look):
    run(
        other.product_database_url,
        "DELETE FROM kunden WHERE nr > 1",
        "DELETE FROM vertraege WHERE kunde > 1",
        "DELETE FROM nutzung WHERE kunde > 1",
    )
    refresh.run(other, as_of=AUTUMN)
    look(other, page)


def test_a_dropped_column_names_file_column_and_hint_and_other_pages_work(other, look):
    run(other.product_database_url, "ALTER TABLE vertraege RENAME COLUMN tarif TO tarif_neu")
    mapping = other.sources / "subscriptions.sql"
    mapping.write_text(mapping.read_text(encoding="utf-8").replace("tarif AS plan", "tarif_neu AS plan_name"), "utf-8")
    refresh.run(other, as_of=AUTUMN)
    words = said(look(other, "overview")).replace("\\", "").replace("\u2060", "")
    assert "config/sources/subscriptions.sql" in words
    assert '"plan"' in words
    assert "plan_name AS plan" in words
    assert "Could not be read" not in look(other, "cohorts").title[0].value


def test_a_broken_themes_file_is_named_on_the_data_page(other, look):
    (other.config / "themes.toml").write_text(
        "[[themes]]\nid = 'price'\nplay = 'shout'\n[languages.en]\nscript = 'latin'"
    )
    refresh.run(other, as_of=AUTUMN)
    words = said(look(other, "data")).replace("\\", "").replace("\u2060", "")
    assert 'config/themes.toml cannot be used: theme "price": there is no play "shout".' in words
    assert "plays are goodbye" in words


def test_every_dirty_row_kind_is_listed_on_the_data_page(demo_settings, look, looks):
    seen = look(demo_settings, "data")
    tables = [frame.value for frame in seen.dataframe]
    reasons = next(table for table in tables if "reason" in table.columns)
    found = set(zip(reasons["source"], reasons["reason"], strict=True))
    assert ("nps", "score is outside 0 to 10") in found
    assert ("subscriptions", "overlaps another stretch of its line") in found
    assert ("events", "use before sign-up") in found
    assert [each.object for each in looks] == ["page/data"]


@pytest.mark.browser
@pytest.mark.slow
def test_every_page_opens_by_deep_link_in_chromium_at_a_desk_and_on_a_phone(demo_server):
    problems, desk = {}, dict(zip(("width", "height"), browser.DESK, strict=True))
    with browser.opened(size=browser.DESK) as seen:
        for page in PAGES:
            seen.complaints.clear()
            seen.page.set_viewport_size(desk)
            seen.go(f"{demo_server.url}/{page}", seconds=60)
            found = ["too wide for a desk"] if seen.too_wide() else []
            seen.resize(browser.PHONE)
            found += [*seen.exceptions(), *seen.complaints, *(["too wide for a phone"] if seen.too_wide() else [])]
            if found or not seen.page.locator("h1").count():
                problems[page] = found
    assert problems == {}
