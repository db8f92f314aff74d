"""The board pack: what it says and from where, that its charts are native and right, and that it opens elsewhere."""

import io
import re
import subprocess
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pptx import Presentation
from pptx.util import Emu

from metrics import revenue
from queries.frames import Scope, open_snapshot
from reports import board_words, sentences
from reports.board_pack import BoardNumbers, board_pack, numbers
from reports.board_slides import lines
from tests.pages import browser, snapshot

SLIDES = 8
NASTY = '=HYPERLINK("http://evil.example","' + "W" * 40 + '")\x0b\n<b>'
Made = Callable[..., BoardNumbers]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """``made(sources)``: the board's numbers of a small company written by hand."""

    def make(sources: dict[str, list[dict[str, object]]], scope: Scope | None = None) -> BoardNumbers:
        snapshot.write(tmp_path, sources)
        held = snapshot.settings_for(tmp_path)
        return numbers(open_snapshot("a1", scope or Scope(), held), held)

    return make


@pytest.fixture(scope="module")
def demo(demo_frames, demo_settings) -> BoardNumbers:
    return numbers(demo_frames, demo_settings)


@pytest.fixture(scope="module")
def demo_file(demo) -> bytes:
    return board_pack(demo)


def one_account(name: str = "Acme") -> dict[str, list[dict[str, object]]]:
    paid = {"subscription_id": "s", "line_id": "s", "account_id": "a", "plan": "Team", "kind": "paid", "mrr": 100_00}
    return {
        "accounts": [{"account_id": "a", "name": name, "csm_email": "anna@example.com"}],
        "subscriptions": [{**paid, "currency": "EUR", "started_on": date(2025, 1, 1)}],
    }


def opened(file: bytes):
    return Presentation(io.BytesIO(file))


def texts(slide) -> list[str]:
    found = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
    tables = [shape.table for shape in slide.shapes if shape.has_table]
    return found + [cell.text_frame.text for table in tables for row in table.rows for cell in row.cells]


def charts(file: bytes, name: str) -> list:
    found = [shape for slide in opened(file).slides for shape in slide.shapes if shape.has_chart]
    return [shape.chart for shape in found if shape.name == name]


def series(chart) -> dict[str, list[float | None]]:
    return {one.name: list(one.values) for one in chart.plots[0].series}


def in_units(minor: int) -> float:
    return pytest.approx(minor / 100)


# --- What every slide says ------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_every_slide_says_as_of_when_and_from_which_snapshot(demo, demo_file):
    deck = opened(demo_file)
    assert len(deck.slides) == SLIDES
    for slide in deck.slides:
        footer = next(shape for shape in slide.shapes if shape.name == "Source").text_frame.text
        assert "as of 15 Nov 2026" in footer
        assert demo.snapshot_id in footer
        assert demo.snapshot_id in slide.notes_slide.notes_text_frame.text


@pytest.mark.postgres
def test_every_slide_has_a_headline_of_its_own_and_its_metrics_definitions_in_the_notes(demo_file):
    slides = opened(demo_file).slides
    headlines = [slide.shapes.title.text_frame.text for slide in slides]
    assert all(headlines)
    assert len(set(headlines)) == SLIDES
    notes = [slide.notes_slide.notes_text_frame.text for slide in slides]
    assert "Annual recurring revenue: twelve times the MRR at each month's close." in notes[1]
    assert "gross revenue retention, Σ min(opening, closing) / Σ opening" in notes[1]
    assert "Monthly recurring revenue from opening to closing" in notes[2]
    assert "Contracts that came up for renewal" in notes[4]
    assert "Accounts that have asked to leave and are still served" in notes[5]
    assert "Why accounts left" in notes[6]
    assert not any("``" in note or ">>>" in note for note in notes)


@pytest.mark.postgres
def test_the_month_on_one_page_shows_rate_change_verdict_interval_and_count(demo, demo_file):
    change = demo.changes.filter(pl.col("measure") == "logo").row(0, named=True)
    row = demo.rates.filter(pl.col("measure") == "logo", pl.col("month") == date(2026, 10, 1)).row(0, named=True)
    table = next(shape.table for shape in opened(demo_file).slides[1].shapes if shape.has_table)
    cells = [cell.text_frame.text for cell in table.rows[4].cells]
    assert cells[0] == "Logo retention"
    assert cells[1] == f"{row['value']:.1%}"
    assert cells[2].lstrip("+−") == f"{abs(change['change']) * 100:.1f} pts"
    assert cells[3] in ("a real rise", "a real fall", "no real change", "too few losses to compare")
    assert cells[5] == f"{row['n']:,}"


@pytest.mark.postgres
def test_net_revenue_retention_without_silent_accounts_stands_beside_it(demo, demo_file):
    year, month = (rows.filter(measure="nrr_without_zombies").row(0, named=True) for rows in (demo.year, demo.rates))
    slide = opened(demo_file).slides[1]
    assert f"Without silent: {year['value']:.1%} ({year['low']:.1%} to {year['high']:.1%})" in texts(slide)
    cells = [cell.text_frame.text for cell in next(s.table for s in slide.shapes if s.has_table).rows[3].cells]
    assert (cells[0], cells[1], cells[5]) == ("NRR without silent accounts", f"{month['value']:.1%}", f"{month['n']:,}")
    assert "those of the opening are left out, those since are lost" in slide.notes_slide.notes_text_frame.text


def test_where_no_use_is_recorded_nothing_is_said_of_silent_accounts(made):
    slide = opened(board_pack(made(one_account()))).slides[1]
    assert not any("silent" in text for text in texts(slide))


# --- Charts ---------------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_the_waterfall_holds_the_metrics_movements(demo, demo_file):
    month = demo.movements.filter(pl.col("month") == date(2026, 10, 1)).row(0, named=True)
    [chart] = charts(demo_file, "MRR movements")
    found = series(chart)
    names = list(chart.plots[0].categories)
    assert found["Level"][0] == in_units(month["opening"])
    assert found["Level"][-1] == in_units(month["closing"])
    assert found["Gained"][names.index("New")] == in_units(month["new"])
    assert found["Lost"][names.index("Churned")] == in_units(month["churned"])
    moved = sum(v or 0 for v in found["Gained"]) - sum(v or 0 for v in found["Lost"])
    assert found["Level"][0] + moved + month["fx"] / 100 == in_units(month["closing"])


@pytest.mark.postgres
def test_each_bar_of_the_waterfall_hangs_where_the_one_before_it_ended(demo_file):
    found = series(charts(demo_file, "MRR movements")[0])
    level = found["Level"][0]
    for below, gained, lost in list(zip(found["Below"], found["Gained"], found["Lost"], strict=True))[1:-1]:
        if gained is not None:
            assert below == pytest.approx(level)
            level += gained
        elif lost is not None:
            level -= lost
            assert below == pytest.approx(level)


@pytest.mark.postgres
def test_retention_lines_hold_24_months_and_the_running_one_apart(demo, demo_file):
    grr, _, _ = charts(demo_file, "Retention")
    rows = demo.rates.filter(pl.col("measure") == "grr").sort("month").tail(25)
    found = series(grr)
    assert rows["month"].to_list()[-1] == date(2026, 11, 1)
    assert found["Final"][-1] is None
    assert found["Provisional"][-1] == pytest.approx(rows["value"].to_list()[-1])
    both = [a if a is not None else b for a, b in zip(found["Final"], found["Provisional"], strict=True)]
    assert both == pytest.approx(rows["value"].to_list())
    assert found["95% from"] == rows["low"].to_list()


@pytest.mark.postgres
def test_renewals_health_and_reasons_hold_the_metrics_numbers(demo, demo_file):
    renewals = series(charts(demo_file, "Renewals")[0])
    assert sum(sum(values) for values in renewals.values()) == in_units(int(demo.renewals["due"].sum()))
    assert renewals["Lost"] == [in_units(amount) for amount in demo.renewals["lost"].to_list()]
    [by_health] = charts(demo_file, "MRR by health")
    assert sum(series(by_health)["MRR"]) == in_units(int(demo.health["mrr"].sum()))
    [reasons] = charts(demo_file, "Reasons")
    first = demo.reasons.row(0, named=True)
    assert next(iter(reasons.plots[0].categories)) == f"{first['label']} · {first['accounts']}"
    assert series(reasons)["MRR lost"][0] == in_units(first["lost_mrr"])


@pytest.mark.postgres
def test_the_numbers_are_those_of_the_metrics_asked_directly(demo, demo_frames):
    rows = revenue.account_movements(
        demo_frames.subscriptions,
        since=date(2026, 9, 1),
        until=date(2026, 10, 31),
        as_of=demo_frames.as_of,
        fx_rates=None if "fx_rates" in demo_frames.missing else demo_frames.fx_rates,
        accounts=demo_frames.accounts,
    )
    october = revenue.movements(rows).filter(pl.col("month") == date(2026, 10, 1))
    assert demo.movements.filter(pl.col("month") == date(2026, 10, 1)).equals(october)
    going = revenue.leaving(demo_frames.subscriptions, as_of=demo_frames.as_of)
    assert int(demo.leaving["mrr"].sum()) == int(going["mrr"].sum())


def test_last_month_won_and_lost_what_the_overview_says(demo):
    month = demo.movements.row(by_predicate=pl.col("month") == demo.full_month, named=True)
    nobody = pl.DataFrame(schema={"name": pl.String, "amount": pl.Int64})
    won, lost = re.search(r"(\S+) won, (\S+?) lost", sentences.moved(month, nobody, demo.currency)).groups()
    assert f"Won {won} of MRR and lost {lost}" in board_words.month_in_words(demo)


def test_months_that_are_not_final_are_joined_to_the_last_that_is():
    rows = pl.DataFrame(
        {
            "month": [date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)],
            "value": [0.9, 0.8, 0.7, 0.6],
            "low": [None] * 4,
            "high": [None] * 4,
            "state": ["final", "final", "provisional", "provisional"],
        }
    )
    found = lines(rows)[1]
    assert found["Final"] == [0.9, 0.8, None, None]
    assert found["Provisional"] == [None, 0.8, 0.7, 0.6]


@pytest.mark.postgres
def test_every_chart_says_in_words_what_it_shows(demo_file):
    frames = [shape for slide in opened(demo_file).slides for shape in slide.shapes if shape.has_chart]
    assert len(frames) == 7
    assert all(len(frame._element.nvGraphicFramePr.cNvPr.get("descr")) > 20 for frame in frames)


# --- Untrusted text, and bytes --------------------------------------------------------------------------------------


def workbooks(file: bytes) -> list[zipfile.ZipFile]:
    whole = zipfile.ZipFile(io.BytesIO(file))
    names = [name for name in whole.namelist() if name.endswith(".xlsx")]
    return [zipfile.ZipFile(io.BytesIO(whole.read(name))) for name in names]


def test_a_theme_that_looks_like_a_formula_stays_text_in_the_sheet_behind_its_chart(made):
    pack = made(one_account())
    reasons = pl.DataFrame({"theme": ["t"], "label": [NASTY], "accounts": [1], "lost_mrr": [100_00]})
    file = board_pack(replace(pack, reasons=reasons, left=1, answered=1))
    books = workbooks(file)
    strings = "".join(book.read("xl/sharedStrings.xml").decode() for book in books)
    assert "=HYPERLINK(" in strings
    assert not any("<f>" in book.read("xl/worksheets/sheet1.xml").decode() for book in books)
    assert not any("<hyperlink" in book.read("xl/worksheets/sheet1.xml").decode() for book in books)


def test_the_sheet_behind_a_chart_holds_the_charts_numbers(made):
    pack = made(one_account())
    sheets = [book.read("xl/worksheets/sheet1.xml").decode() for book in workbooks(board_pack(pack))]
    assert any(re.search(r'<c r="B2"[^>]*><v>100</v>', sheet) for sheet in sheets)


def test_names_of_other_people_are_plain_text_cut_to_their_place(made):
    pack = made(one_account(NASTY))
    movers = pl.DataFrame({"account_id": ["a"], "movement": ["churned"], "amount": [-100_00], "name": [NASTY]})
    deck = opened(board_pack(replace(pack, movers=movers)))
    table = next(shape.table for shape in deck.slides[2].shapes if shape.has_table)
    shown = table.cell(1, 0).text_frame.text
    assert shown.startswith('=HYPERLINK("http://')
    assert shown.endswith("…")
    assert "\x0b" not in shown
    assert len(shown) < 40


def test_the_same_numbers_give_the_same_bytes(made):
    pack = made(one_account())
    first = board_pack(pack)
    time.sleep(2.1)  # archives keep time in steps of two seconds
    assert board_pack(pack) == first


# --- Companies of other shapes --------------------------------------------------------------------------------------


def test_an_empty_company_is_told_so_calmly(made):
    deck = opened(board_pack(made({"accounts": [], "subscriptions": []})))
    headlines = [slide.shapes.title.text_frame.text for slide in deck.slides]
    assert headlines[0] == "No recurring revenue to report yet"
    assert headlines[6] == "Nobody left in the last twelve months"
    assert not any(shape.has_chart for slide in deck.slides for shape in slide.shapes)


def test_one_account_is_too_few_for_a_verdict_and_its_health_is_not_called_good(made):
    deck = opened(board_pack(made(one_account())))
    headlines = [slide.shapes.title.text_frame.text for slide in deck.slides]
    assert headlines[0].endswith("kept 100.0% of its revenue: too few losses to compare")
    assert headlines[5] == "Nobody has asked to leave; too little is known to tell the accounts' health"
    assert "No use is recorded, so silence is not known." in texts(deck.slides[5])
    assert "no interval" in " ".join(texts(deck.slides[1]))


def test_whose_accounts_a_pack_holds_stands_on_every_slide(made):
    deck = opened(board_pack(made(one_account(), Scope("anna@example.com"))))
    assert all("accounts of anna@example.com" in " ".join(texts(slide)) for slide in deck.slides)


def test_a_source_that_could_not_be_read_is_named(made):
    deck = opened(board_pack(replace(made(one_account()), trouble=("nps",))))
    assert "Could not be read at the last refresh: nps" in texts(deck.slides[0])
    assert any("not connected: entitlements" in text.lower() for text in texts(deck.slides[7]))


@pytest.mark.postgres
def test_nothing_stands_outside_its_slide(demo_file):
    deck = opened(demo_file)
    for slide in deck.slides:
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.top >= 0
            assert Emu(shape.left + shape.width) <= deck.slide_width
            assert Emu(shape.top + shape.height) <= deck.slide_height


@pytest.mark.slow
@pytest.mark.postgres
def test_libreoffice_draws_every_slide(demo_file, tmp_path):
    office, draw = browser.needed("soffice"), browser.needed("pdftoppm")
    (tmp_path / "pack.pptx").write_bytes(demo_file)
    own = f"-env:UserInstallation=file://{tmp_path / 'office'}"
    convert = [office, own, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(tmp_path / "pack.pptx")]
    subprocess.run(convert, check=True, capture_output=True, timeout=120)
    subprocess.run(
        [draw, "-r", "40", "-gray", str(tmp_path / "pack.pdf"), str(tmp_path / "page")], check=True, timeout=60
    )
    pages = sorted(tmp_path.glob("page-*.pgm"))
    assert len(pages) == SLIDES
    for page in pages:  # something is drawn on each: enough of it is not paper
        content = page.read_bytes()
        ink = sum(1 for grey in content[-530 * 300 :] if grey < 200)
        assert ink > 500
