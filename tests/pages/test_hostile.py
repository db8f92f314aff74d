"""Text that would like to be more than text: on every page, in every figure and in every file, it stays text."""

from __future__ import annotations

import csv
import io
import math
import re
import string
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4
from xml.etree import ElementTree as ET

import polars as pl
import psycopg2
import pytest
from streamlit.testing.v1 import AppTest

import settings
from metrics import theme_vectors
from outreach.audience import Audience
from pages.shared import data, exports, packs, tables
from pages.shared.churn.top import TABS
from pages.shared.reach.chosen import Chosen
from queries import refresh
from queries.contract import SOURCES
from queries.frames import current_id, open_snapshot
from queries.scope import Scope
from records import answers, corrections, goals, marks, notes, outbox, overrides
from records.outbox import Rules
from records.overrides import Override
from reports import business_review as reviews
from reports.champions import Typed
from tests.conftest import DEMO_PLAN
from tests.pages import browser, hostile, opening
from tests.pages.reaching import awake, press
from tests.pages.reaching import page as reach
from tests.records import outreach
from tests.records.conftest import Records
from tests.reports.company import everything

csv.field_size_limit(10_000_000)
pytestmark = [pytest.mark.postgres, pytest.mark.slow]
PAGES = sorted(p.stem for p in (browser.ROOT / "pages").glob("*.py") if p.stem not in ("__init__", "frame"))
FULLEST = browser.some(PAGES, "account", "campaigns", "churn_reasons")
"""The pages with most of what others wrote; what Streamlit is told to draw is looked at for all of them."""
AUTHOR = "**fat** <b>fat</b> ![x](LEAK/author.png) :red[loud]"
THEMES = ("<b>fat</b> :red[loud]", "**fat** $x$ :material/home:", "=1+1")


@dataclass(frozen=True)
class Company:
    """The demo company with hostile text wherever it holds text."""

    held: settings.Settings
    records: Records
    leak: str
    asked: list[str]
    accounts: list[str]
    campaigns: dict[str, UUID]

    @property
    def label(self) -> tuple[str, str]:
        """What an audience is called, and the page it is from."""
        said = f"**fat** <b>fat</b> [click]({self.leak}/label) :red[loud] $x$ ![x]({self.leak}/label.png)"
        return said, said[::-1]

    def looks(self, page: str) -> list[dict[str, str]]:
        """The addresses at which a page shows something of its own."""
        if page == "account":
            first, second = self.accounts[:2]
            return [{"account": each} for each in (first, "<img src=x onerror=alert(1)>", second)]
        if page == "campaigns":
            return [{}, *({"campaign": str(each)} for each in self.campaigns.values())]
        return [{"part": tab} for tab in TABS] if page == "churn_reasons" else [{}]

    def environment(self) -> dict[str, str]:
        """What a server of it is started with."""
        return {
            "TENURE_CONFIG": str(self.held.config),
            "SNAPSHOT_DIR": self.held.snapshot_dir,
            "PRODUCT_DATABASE_URL": str(self.held.product_database_url),
            "RECORDS_DATABASE_URL": self.records.writer,
            "TENURE_JOBS": "off",
        }


@pytest.fixture(scope="module")
def company(demo_url: str, outreach_records: Records, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("hostile")
    with hostile.listening() as (leak, asked), pytest.MonkeyPatch.context() as patched:
        patched.setattr(theme_vectors, "_encoder", hostile.WordVectors)
        environment = {"PRODUCT_DATABASE_URL": demo_url, "SNAPSHOT_DIR": str(folder / "snapshot"),
                       "RECORDS_DATABASE_URL": outreach_records.writer}  # fmt: skip
        held = settings.read(hostile.config(folder, demo_url, leak), environment)
        dearest = by_mrr(demo_url, leak)
        campaigns = written_down(held, outreach_records, dearest, leak)
        refresh.run(held, as_of=datetime.combine(DEMO_PLAN.today, time(20), UTC))
        yield Company(held, outreach_records, leak, asked, dearest, campaigns)
        outreach_records.engine.dispose()


def by_mrr(url: str, leak: str) -> list[str]:
    """The ids of accounts that pay, as they will be, the dearest first; without those that no record accepts."""
    rows = f"""
        SELECT account_id FROM ({hostile.mapping("accounts", url, leak)}) AS a
        JOIN ({hostile.mapping("subscriptions", url, leak)}) AS s USING (account_id)
        WHERE a.status = 'active' AND s.ended_on IS NULL AND s.kind = 'paid'
        GROUP BY account_id ORDER BY sum(s.mrr) DESC"""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(rows)
        found = [account_id for (account_id,) in cursor.fetchall()]
    return [each for each in found if not any(unicodedata.category(character) == "Cc" for character in each)]


def written_down(held: settings.Settings, records: Records, ids: list[str], leak: str) -> dict[str, UUID]:
    """Everything that people write down or answer, as hostile as the sources; the campaigns by state."""
    now, zone = datetime.now(UTC), held.organisation.zone
    everything = "\n".join(each.replace("LEAK", leak) for each in hostile.PAYLOADS)
    more = {"author": AUTHOR.replace("LEAK", leak), "now": now}
    for account_id in ids[:2]:
        notes.set_note(records.engine, account_id=account_id, note_id=uuid4(), text=everything, **more)
        goal = goals.Goal(everything[:1_900], champion=more["author"])
        goals.set_goal(records.engine, account_id=account_id, goal=goal, **more)
        said = Override("red", None, everything[:900], now.date() + timedelta(days=90))
        overrides.set_override(records.engine, account_id=account_id, override=said, zone=zone, **more)
        month = date(now.year, now.month, 1)
        marks.set_mark(records.engine, account_id=account_id, month=month, regrettable=True, **more)
    for source, response_id in responses(held, leak):
        corrections.set_themes(records.engine, source=source, response_id=response_id, themes=THEMES, **more)
    return {"draft": a_draft(records, ids, leak), "sent": a_campaign(records, ids, everything, leak)}


def responses(held: settings.Settings, leak: str) -> list[tuple[str, str]]:
    """Some comments, by source and id."""
    url, found = str(held.product_database_url), []
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        for source, identifier, text in (("nps", "response_id", "comment"), ("exit_surveys", "response_id", "comment"),
                                         ("reviews", "review_id", "text")):  # fmt: skip
            select = hostile.mapping(source, url, leak)
            cursor.execute(f"SELECT {identifier} FROM ({select}) AS x WHERE {text} <> '' ORDER BY 1 DESC LIMIT 60")
            ids = [row[0] for row in cursor.fetchall()]
            found += [(source, id) for id in ids if not any(unicodedata.category(one) == "Cc" for one in id)][:6]
    return found


def rows_of(ids: list[str], leak: str) -> list[outreach.Row]:
    """Messages to people with hostile names."""
    said = [each.replace("LEAK", leak).replace("\r", " ").replace("\n", " ").strip() for each in hostile.PAYLOADS]
    return [
        outreach.row(
            account_id=account_id,
            name=f"{one} Doe"[:300],
            subject=f"{one} Hello",
            text=f"{one}\n\nBye",
            html=f"<p>{one}</p>",
            user_id=f"{one}{place}",
        )
        for place, (account_id, one) in enumerate(zip(ids[:12], said[::4], strict=False))
    ]


def a_draft(records: Records, ids: list[str], leak: str) -> UUID:
    title = f"**fat** <b>fat</b> [click]({leak}/draft) :red[loud] $x$ ![x]({leak}/d.png)"
    return outreach.draft(records, rows_of(ids, leak), title=title, audience=told(title, ids), author=title)[0]


def told(label: str, ids: list[str]) -> dict[str, object]:
    return Audience(label, label, tuple(ids[:12])).as_json()


def a_campaign(records: Records, ids: list[str], everything: str, leak: str) -> UUID:
    """A campaign that was sent; everybody answered."""
    at = datetime.now(UTC) - timedelta(hours=1)
    title = f"=1+1 <img src=x> [click](javascript:alert(1)) **fat** ![x]({leak}/t.png)"
    made = outreach.running(records, rows_of(ids[12:], leak), now=at, play="nps", title=title, author=title,
                            audience=told(title, ids[12:]), rules={"question": "nps"})  # fmt: skip
    for taken in outreach.claim(records, now=at, limit=100):
        begun = outbox.begin_sending(records.engine, taken, now=at, rules=Rules(100, 0, 0)).claimed
        outbox.sent(records.engine, begun, now=at)
        answers.answer(records.engine, taken.id, question="nps", score=2, comment=everything, now=at)
    return made


@pytest.fixture(scope="module")
def server(company: Company) -> Iterator[browser.Server]:
    with browser.serving(company.environment()) as running:
        yield running


# --- what the pages have to show ------------------------------------------------------------------------------------


def test_every_text_column_of_every_source_holds_hostile_text(company: Company) -> None:
    frames = open_snapshot(current_id(company.held), Scope(), company.held).mapping()
    beginnings = tuple(each.replace("LEAK", company.leak)[:12] for each in (*hostile.PAYLOADS, *hostile.ADDRESSES))
    harmless = []
    for source in SOURCES.values():
        if source.name == "events":  # kept by day
            continue
        rows = frames[source.name].collect()
        for column in source.columns:
            if hostile.hostile(column, source):
                values = rows[column.name].drop_nulls().cast(pl.String).to_list()
                if not values or not all(value.startswith(beginnings) for value in values):
                    harmless.append(f"{source.name}.{column.name}")
    assert harmless == []


# --- in Chromium ----------------------------------------------------------------------------------------------------

LEAKED = """leak => {
  const found = [], note = (what, node) => found.push(`${what}: ${(node.outerHTML || String(node)).slice(0, 300)}`);
  const words = new Set(['fat', 'thin', 'up', 'gone', 'loud', 'anchor', 'click']);
  for (const node of document.querySelectorAll('*')) {
    for (const name of node.getAttributeNames()) {
      const value = node.getAttribute(name).trim();
      if (name.startsWith('on')) note('handler', node);
      if (['href', 'src', 'xlink:href', 'action', 'formaction', 'srcset', 'poster', 'data', 'style'].includes(name)
          && (value.includes(leak) || value.includes('evil') || /^(javascript|vbscript|mailto|data:text)/i.test(value)))
        note('address', node);
    }
    if (!node.children.length && words.has(node.textContent.trim())) note('formatted', node);
    if (node.localName === 'img' && node.getAttribute('src') === 'x') note('image', node);
    if (['iframe', 'object', 'embed'].includes(node.localName)) note('frame', node);
    if (['script', 'style'].includes(node.localName)
        && /\\/\\*mark\\*\\/|^\\*\\{display:none\\}$/.test(node.textContent)) note('code', node);
    if (node.dataset.testid === 'stIconMaterial' && node.textContent.trim() === 'home') note('icon', node);
  }
  for (const node of document.querySelectorAll('.katex, .main-svg a')) note('formula or link', node);
  if (/\\u{1F604}/u.test(document.body.innerText)) note('emoji', document.body);
  const walk = (value, path) => {
    if (typeof value === 'string') {
      if (/<(img|script|svg|iframe|style|a |b>fat|!--)/.test(value))
        found.push(`figure: ${path}: ${value.slice(0, 200)}`);
    } else if (value && typeof value === 'object' && !ArrayBuffer.isView(value)) {
      for (const [key, inner] of Object.entries(value))
        if (!['customdata', 'meta', 'template'].includes(key)) walk(inner, `${path}.${key}`);
    }
  };
  for (const plot of document.querySelectorAll('.js-plotly-plot')) {
    walk(plot.data, 'data');
    walk(plot.layout, 'layout');
  }
  return [...new Set(found)];
}"""
FOLDS = """() => {
  const folds = [...document.querySelectorAll('[data-testid="stExpander"] details:not([open]) > summary')];
  folds.forEach(fold => fold.click());
  return folds.length;
}"""
SKIPPED = "How is this worked out?"


class Looking:
    """A browser that opens whatever a page has to open, and remembers where it was led."""

    def __init__(self, company: Company, url: str, seen: browser.Opened) -> None:
        self.company, self.url, self.seen = company, url, seen
        self.strange: list[str] = []
        seen.page.on("request", lambda request: self._asked(request.url))
        seen.page.on("dialog", lambda dialog: (self.strange.append(f"dialog {dialog.message}"), dialog.dismiss()))
        seen.page.on("popup", lambda popup: self.strange.append(f"window {popup.url}"))

    def _asked(self, address: str) -> None:
        if not address.startswith((self.url, self.url.replace("http", "ws"), "data:", "blob:")):
            self.strange.append(f"request {address}")

    def at(self, path: str, **query: str) -> list[str]:
        """What leaked on a page with all of it open."""
        self.seen.complaints.clear()
        self.seen.go(f"{self.url}/{path}" + (f"?{urlencode(query)}" if query else ""), seconds=60)
        found = self.leaked()
        self._unfold()
        return [*found, *self.leaked(), *self.seen.exceptions(), *self.seen.complaints]

    def leaked(self) -> list[str]:
        return list(self.seen.page.evaluate(LEAKED, self.company.leak))

    def _unfold(self) -> None:
        """Everything that a click opens without leaving the page."""
        if self.seen.page.evaluate(FOLDS):
            self.seen.page.wait_for_timeout(100)
            self.seen.settle()
        for popover in self.seen.page.locator('[data-testid="stPopover"] button').filter(has_not_text=SKIPPED).all():
            popover.evaluate("button => button.click()")
            self.seen.page.wait_for_timeout(50)


@pytest.mark.browser
def test_no_page_runs_formats_or_fetches_what_a_text_asks_for(company: Company, server: browser.Server) -> None:
    problems = {}
    with browser.opened() as seen:
        looking = Looking(company, server.url, seen)
        for page in FULLEST:
            query = company.looks(page)[0]
            found = looking.at(page, **query)
            if found:
                problems[f"{page} {query}"] = found
        assert looking.strange == []
    assert problems == {}
    assert company.asked == []


# --- as Streamlit is told, with every row and every bar picked ------------------------------------------------------


@dataclass
class Everything:
    """What pages were drawn with when all of it was opened: what stands in them as Markdown, and their tables."""

    active: dict[str, list[str]]
    tables: dict[str, tuple[pl.DataFrame, exports.Sheet]]


@pytest.fixture(scope="module")
def drawn(company: Company) -> Everything:
    """Every page with its folds and the tables behind its numbers open, its rows picked and its bars clicked."""
    found = Everything({}, {})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(settings, "get", lambda: company.held)
        opened_wide(patched, found)
        for page in PAGES:
            for query in company.looks(page):
                seen = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60).run()
                for name, value in query.items():
                    seen.query_params[name] = value
                seen = seen.switch_page(f"{page}.py").run()
                wrong = [box.value for box in seen.warning if "could not be worked out" in box.value]
                found.active[f"{page} {query}"] = [*hostile.active(seen), *map(str, seen.exception), *wrong]
        patched.setattr(settings, "get", lambda: awake(company.held, company.records.writer))
        seen = reach(
            "campaigns", tenure_chosen=Chosen(Audience(*company.label, tuple(company.accounts[:8])), ("offer",))
        )
        found.active["reach out"] = hostile.active(seen)
        seen = press(seen, "Preview")
        found.active["preview"] = [*hostile.active(seen), *["no draft"] * ("campaign" not in seen.query_params)]
    return found


def opened_wide(patched: pytest.MonkeyPatch, found: Everything) -> None:
    """From here on nothing waits to be opened, and every table is kept."""
    downloads = tables._downloads

    def kept(frame: pl.DataFrame, sheet: exports.Sheet, *more: Any) -> None:
        found.tables[sheet.name] = (frame, sheet)
        downloads(frame, sheet, *more)

    opening.wide(patched, opening.Files())
    patched.setattr(tables, "_downloads", kept)


def test_nothing_that_others_wrote_is_markdown(drawn: Everything) -> None:
    assert {page: found for page, found in drawn.active.items() if found} == {}


# --- in files -------------------------------------------------------------------------------------------------------

NUMBERS = {"count", "number", "money", "percent", "score"}
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝")
BLANKS = " \t\r\n​‍⁠­﻿"


def runs(cell: str) -> bool:
    """Whether a spreadsheet might run a cell: by hand, apart from the rule that guards."""
    return cell.startswith(STARTS) or cell.lstrip(BLANKS).startswith(STARTS)


def cells(file: bytes) -> list[dict[str, str | float]]:
    """The rows of the first sheet of an Excel file: text as text, numbers as numbers, by column letter."""
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(file)) as book:
        shared = ET.fromstring(book.read("xl/sharedStrings.xml"))
        texts = ["".join(part.text or "" for part in item.iter(f"{main}t")) for item in shared]
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
    found = []
    for row in sheet.iter(f"{main}row"):
        said: dict[str, str | float] = {}
        for cell in row:
            value, column = cell.find(f"{main}v"), str(cell.get("r")).rstrip("0123456789")
            if value is not None and cell.get("t") != "b":
                said[column] = texts[int(str(value.text))] if cell.get("t") == "s" else float(str(value.text))
        found.append(said)
    return found


def test_every_table_is_a_file_in_which_text_runs_nothing_and_numbers_are_numbers(drawn: Everything) -> None:
    assert len(drawn.tables) > 80, sorted(drawn.tables)
    wrong, guarded = [], 0
    for name, (frame, sheet) in drawn.tables.items():
        some, kinds = frame.head(150), [column.kind for _, column in sheet.columns]
        _, *lines = csv.reader(io.StringIO(exports.csv(some, sheet).decode("utf-8-sig"), newline=""))
        for row in lines:
            for kind, cell in zip(kinds, row, strict=True):
                number = kind in NUMBERS and cell
                wrong += [f"{name}.csv: {cell!r}"] * (not is_number(cell) if number else runs(cell))
                guarded += cell.startswith("'")
        wrong += [f"{name}.csv: {line!r}" for line in semicolons(exports.csv(some, sheet)) if runs(line)]
        _, *found = cells(exports.excel(some, sheet))
        for row in found:
            for kind, cell in zip(kinds, (row.get(letter, "") for letter in letters(len(kinds))), strict=True):
                if cell != "":
                    text = isinstance(cell, str)
                    wrong += [f"{name}.xlsx: {cell!r}"] * ((kind in NUMBERS and text) or (text and runs(str(cell))))
    assert wrong == []
    assert guarded > 500


def is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def semicolons(file: bytes) -> list[str]:
    """The text cells that a spreadsheet finds in a CSV where ``;`` parts cells, but for the first of each line."""
    parted = csv.reader(io.StringIO(file.decode("utf-8-sig"), newline=""), delimiter=";")
    return [cell for line in parted for cell in line[1:]]


def letters(many: int) -> list[str]:
    return [string.ascii_uppercase[place] if place < 26 else f"A{string.ascii_uppercase[place - 26]}"
            for place in range(many)]  # fmt: skip


@pytest.fixture(scope="module")
def reports(company: Company) -> dict[str, bytes]:
    """Every report of the company and of two of its accounts, with what was written down about them."""
    held = company.held.model_copy(update={"organisation": company.held.organisation})
    found: dict[str, bytes] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(settings, "get", lambda: held)
        view = data.View(current_id(held))
        found["board pack"] = packs._board(view)
        for account_id, language in zip(company.accounts[:2], ("en", "de"), strict=True):
            quarter = reviews.quarters(data.frames(view), account_id)[0]
            asked = packs._Asked(view, account_id, quarter, language, AUTHOR, True, True, True)
            found |= {
                f"review {language}": packs._review(asked),
                f"review {language}, Excel": packs._excel(asked),
                f"prep {language}": packs._prep(asked, champion=Typed(None, AUTHOR)),
            }
    return found


def test_no_report_leads_anywhere_or_runs_anything(company: Company, reports: dict[str, bytes]) -> None:
    wrong = []
    for name, file in reports.items():
        for part, said in everything(file).items():
            where = f"{name}: {part}"
            wrong += [where] * (part.endswith(".rels") and 'TargetMode="External"' in said)
            wrong += [where] * any(mark in said for mark in ("hlinkClick", "hlinkHover", "<hyperlink", "<f>", "<f "))
            wrong += [where] * ("ddeLink" in said or "externalLink" in said or "vbaProject" in part)
            wrong += [f"{where} turns"] * bool(re.search("[\u202a-\u202e\u2066-\u2069]", said))
    assert wrong == []
    assert all(file[:2] == b"PK" for file in reports.values())
    assert "&lt;" in "".join(everything(reports["board pack"]).values())  # there was something to escape
    text = [cell for row in cells(reports["review en, Excel"]) for cell in row.values() if isinstance(cell, str)]
    assert [cell for cell in text if runs(cell)] == []
