"""The overview: what is clicked in a figure leads to the accounts behind it, and they add up to what was clicked."""

import io
from datetime import date

import polars as pl
import pytest
from pptx import Presentation
from streamlit.testing.v1 import AppTest

import settings
from metrics.month_ends import months_later
from pages.shared import cards, data, filters, packs, tables, words, written
from pages.shared.answers import behind, overview
from pages.shared.filters import Who
from pages.shared.findings import overview as findings
from queries.frames import current_id
from reports.sentences import full_month
from reports.zombies import MEASURE
from tests.pages import browser

pytestmark = pytest.mark.postgres

OCTOBER = date(2026, 10, 1)


@pytest.fixture
def view(demo_settings, monkeypatch):
    monkeypatch.setattr(settings, "get", lambda: demo_settings)
    return data.View(current_id(demo_settings))


@pytest.mark.parametrize("movement", ["new", "expansion", "contraction", "churned"])
def test_the_accounts_behind_a_bar_of_the_waterfall_add_up_to_it(movement, view):
    bar = overview.monthly(view, Who()).filter(month=OCTOBER)[movement].item()
    title, rows, _ = findings.moved_by(movement, overview.movers(view, Who(), OCTOBER), OCTOBER)
    assert rows["amount"].abs().sum() == bar > 0
    assert f"{rows.height} account" in title


def test_the_accounts_that_exchange_rates_moved_add_up_to_the_bar(view):
    bars = overview.monthly(view, Who()).filter(pl.col("fx") != 0)
    assert bars["fx"].min() < 0 < bars["fx"].max()
    for month, fx in bars.select("month", "fx").iter_rows():
        title, rows, _ = findings.moved_by("fx", overview.revalued(view, Who(), month), month)
        assert rows["amount"].sum() == fx
        assert title.startswith("Currency, ")


def test_the_accounts_behind_a_card_are_those_it_counts(view):
    for plan in (None, "Team"):
        who = Who(plan=plan)
        arr = overview.run_rate(view, who).filter(month=OCTOBER).row(0, named=True)
        behind_arr = cards._paid(view, who, OCTOBER, OCTOBER, at="closing")
        assert behind_arr["closing"].sum() == arr["mrr"]
        assert behind_arr.height == arr["accounts"] - overview.paused(view, who, OCTOBER).height
        for span in (1, 12):
            rate = overview.retention(view, who, span).filter(month=OCTOBER, measure="nrr").row(0, named=True)
            rows = cards._paid(view, who, months_later(OCTOBER, 1 - span), OCTOBER, at="opening")
            assert rows.height == rate["n"] > 0


@pytest.mark.parametrize("span", [1, 12])
@pytest.mark.parametrize("plan", [None, "Team"])
def test_the_accounts_behind_net_revenue_retention_tell_what_it_is_without_the_silent_ones(span, plan, view):
    who = Who(plan=plan)
    rate = overview.retention(view, who, span).filter(month=OCTOBER, measure=MEASURE).row(0, named=True)
    rows = cards._paid(view, who, months_later(OCTOBER, 1 - span), OCTOBER, at="opening", ask=behind.silence)
    counted = rows.filter(~pl.col("silent").is_in(["before", "before and after"]).fill_null(False))
    kept = counted.filter(pl.col("silent").is_null())["closing"].sum()
    assert counted.height == rate["n"]
    assert plan or kept / counted["opening"].sum() == pytest.approx(rate["value"], abs=0.02)  # exchange rates apart


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (None, ""),
        ({"value": None, "low": None, "high": None, "n": 0}, ""),
        (
            {"value": 0.9, "low": None, "high": None, "n": 7},
            "90.0% without revenue from accounts silent for 30 days or more · n = 7",
        ),
        (
            {"value": 0.9, "low": 0.8, "high": 0.95, "n": 700},
            "90.0% without revenue from accounts silent for 30 days or more · 95% 80.0% to 95.0% · n = 700",
        ),
    ],
)
def test_retention_without_silent_accounts_is_said_where_it_is_known(row, said):
    assert findings.without_silent(row, 30) == said


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        ([True, True], "2 accounts · asked to leave"),
        ([True, True, False], "2 accounts · asked to leave · 1 more gives up a part"),
        ([True, False, False], "1 account · asked to leave · 2 more give up a part"),
    ],
)
def test_only_those_who_leave_wholly_are_said_to_leave(whole, said):
    assert findings.going_said(pl.DataFrame({"whole": whole})) == said


def test_with_a_filter_by_plan_the_months_show_who_moved_between_plans(view):
    everybody, team = overview.monthly(view, Who()), overview.monthly(view, Who(plan="Team"))
    assert "moved_out" not in findings.months(everybody)
    assert {"moved_in", "moved_out"} & set(findings.months(team))


@pytest.mark.parametrize("plan", [None, "Team"])
def test_a_filter_by_plan_says_which_days_plan_counts_on_the_page_and_in_its_files(plan, view, monkeypatch):
    monkeypatch.setattr(filters, "row", lambda *_: filters.Filters(12, Who(plan=plan), period=False))
    told = {}
    monkeypatch.setattr(tables, "folded", lambda *_, key, about, **__: told.update({key: about}))
    seen = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
    seen = seen.switch_page("overview.py").run()
    assert any(findings.PLACED in each.value for each in seen.markdown) == bool(plan)
    everybody = {"mrr-movements": "all accounts", "renewals-table": "all accounts"}
    team = {"mrr-movements": "plan Team (at each opening)", "renewals-table": "plan Team (as it is today)"}
    assert told == (team if plan else everybody)


@pytest.mark.parametrize("end", ["opening", "closing"])
def test_the_accounts_behind_opening_and_closing_add_up_to_them(end, view):
    level = overview.monthly(view, Who()).filter(month=OCTOBER)[end].item()
    _, rows, _ = findings.paid(behind.span(view, Who(), OCTOBER, OCTOBER), end, OCTOBER)
    assert rows[end].sum() == level


def test_the_accounts_behind_a_rate_are_those_it_counts(view):
    rates = overview.retention(view, Who()).filter(month=OCTOBER, measure="grr").row(0, named=True)
    _, rows, _ = findings.kept(behind.span(view, Who(), OCTOBER, OCTOBER), "grr", OCTOBER)
    assert rows.height == rates["n"]
    assert rows["change"].is_sorted()


def test_the_accounts_behind_a_part_of_the_renewals_add_up_to_it(view):
    parts = findings.renewal_parts(overview.renewing(view, Who())).filter(pl.col("mrr") > 0)
    assert parts["part"].n_unique() >= 3
    for month, part, mrr in parts.select("month", "part", "mrr").iter_rows():
        outcome = findings.renewals_of(part)
        assert behind.renewing(view, Who(), month, outcome)[outcome].sum() == mrr


def test_the_accounts_behind_a_part_of_the_revenue_at_risk_add_up_to_it(view):
    parts = findings.risk_parts(overview.at_risk(view, Who()))
    assert parts.height > 5
    for month, part, mrr in parts.select("month", "part", "mrr").iter_rows():
        assert behind.at_risk(view, Who(), month, findings.band_of(part))["mrr"].sum() == mrr


def test_revenue_at_risk_is_said_to_be_that_of_the_months_counted(view):
    ahead, last = overview.at_risk(view, Who()), overview.last_ahead(date(2026, 11, 15))
    assert (ahead["month"].min(), ahead["month"].max(), last) == (date(2026, 11, 1), date(2027, 5, 1), date(2027, 5, 1))
    total = words.money(ahead["mrr"].sum(), "EUR", short=True)
    assert f"of the {total} that renews by May 2027 is" in findings.risk_said(ahead, last, "EUR")
    assert findings.risk_said(ahead.clear(), last, "EUR") == "No renewal is known up to May 2027"


def test_the_board_pack_is_made_of_what_people_corrected_and_judged(view, monkeypatch):
    given = {}
    monkeypatch.setattr(packs, "board_pack", lambda _: b"")
    monkeypatch.setattr(packs, "numbers", lambda *_, **how: given.update(how))
    monkeypatch.setattr(packs.written, "newest", lambda: written.Written(7, 8))
    monkeypatch.setattr(packs.comments, "tags_of", lambda *asked: ("themes", *asked))
    monkeypatch.setattr(packs.written, "marked", lambda *asked: ("marks", *asked))
    packs._board(view)
    assert given == {"tagged": ("themes", view, "exit_surveys", 7), "marks": ("marks", view, 8)}


@pytest.mark.browser
@pytest.mark.slow
def test_in_chromium_a_click_on_each_figure_lists_accounts_and_the_board_pack_opens(demo_server):
    with browser.opened(f"{demo_server.url}/overview") as seen:
        for figure, point, said in (
            ("moved", ".bars .point path", "New, Oct 2026: "),
            ("retention", ".scatterlayer .point", "pay less"),
            ("renewals", ".bars .point path", "Renewed, "),
            ("at_risk", ".bars .point path", "Renewing in "),
        ):
            box = _middle_of_first(seen, f".st-key-{figure} {point}")
            seen.page.mouse.click(*box)
            seen.page.get_by_text(said).first.wait_for(timeout=20_000)
            seen.settle()
        with seen.page.expect_download(timeout=60_000) as download:
            seen.page.get_by_role("button", name="Board pack").click()
        deck = Presentation(io.BytesIO(download.value.path().read_bytes()))
        assert len(deck.slides) >= 6
        assert f"{full_month(date(2026, 11, 15)):%b %Y}" in _text(deck.slides[0]) + _text(deck.slides[1])
        assert seen.complaints == []


def _middle_of_first(seen, css):
    shape = seen.page.locator(css).first
    shape.scroll_into_view_if_needed()
    box = shape.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _text(slide):
    return "\n".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)
