"""The cohorts page in every mode, on the demo company: what its address says is what it shows."""

from datetime import date

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import settings
from pages.shared import data, panel
from pages.shared.answers import cohorts
from pages.shared.answers.cohorts import Asked
from pages.shared.filters import Who
from queries.frames import current_id
from tests.pages import browser

pytestmark = pytest.mark.postgres

SINCE = date(2024, 11, 1)
MODES = {
    "accounts": {},
    "people": {"cohort_unit": "People"},
    "people by week": {"cohort_unit": "People", "cohort_period": "Week"},
    "then or later": {"cohort_returns": "Then or later"},
    "recurring": {"cohort_kind": "Every one they use it in"},
    "five uses": {"cohort_uses": "5 uses"},
    "relative": {"cohort_colour": "Against all cohorts", "cohort_columns": "All periods"},
    "by plan": {"cohort_group": "Plan"},
    "by segment, recurring": {"cohort_group": "Segment", "cohort_kind": "Every one they use it in"},
    "people by country": {"cohort_group": "Country", "cohort_unit": "People"},
    "net revenue": {"cohort_unit": "Revenue"},
    "gross revenue by plan": {"cohort_unit": "Revenue", "cohort_kept": "Gross", "cohort_group": "Plan"},
    "relative revenue by country": {
        "cohort_unit": "Revenue", "cohort_group": "Country", "cohort_colour": "Against all cohorts",
    },
    "filtered": {"segment": "mid", "plan": "Team", "country": "DE", "period": "12 months"},
    "nobody": {"segment": "large", "plan": "Starter"},
    "made up": {"cohort_unit": "Elephants", "cohort_group": "<b>", "cohort_uses": "-1 uses", "country": "'"},
}  # fmt: skip


@pytest.fixture
def look(demo_settings, monkeypatch):
    def open_page(**address: str) -> AppTest:
        monkeypatch.setattr(settings, "get", lambda: demo_settings)
        test = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
        test.switch_page("cohorts.py")
        for name, value in address.items():
            test.query_params[name] = value
        return test.run()

    return open_page


@pytest.fixture
def view(demo_settings, monkeypatch):
    monkeypatch.setattr(settings, "get", lambda: demo_settings)
    return data.View(current_id(demo_settings))


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_works(mode, look):
    seen = look(**MODES[mode])
    assert not seen.exception
    assert [box.value for box in (*seen.warning, *seen.error) if "could not be worked out" in box.value] == []
    assert len(seen.title) == 1
    assert len(seen.subheader) == (0 if mode == "nobody" else 3)


def test_the_address_decides_what_the_page_counts(look):
    assert look().title[0].value.startswith("Still using it: ")
    seen = look(cohort_unit="Revenue", cohort_kept="Gross")
    assert seen.title[0].value.startswith("MRR kept: ")
    assert [control.key for control in seen.button_group] == [
        "cohort_unit", "cohort_kept", "cohort_group", "cohort_colour", "cohort_columns",
    ]  # fmt: skip


@pytest.mark.parametrize(("unit", "seen"), [("People", ["page/cohorts"]), ("Accounts", [])])
def test_who_lists_the_people_behind_a_cell_is_noted(unit, seen, look, looks, monkeypatch):
    monkeypatch.setattr(panel, "clickable", lambda *_, **__: ["2026-06-01", 3])
    page = look(cohort_unit=unit)
    assert any("came back" in box.value for box in page.markdown)
    assert [each.object for each in looks] == seen


def test_a_small_group_is_named_in_words(look):
    captions = [caption.value for caption in look(cohort_group="Country").caption]
    assert any("Under 30, not drawn: " in caption for caption in captions)


@pytest.mark.parametrize("unit", ["account_id", "user_id", "mrr"])
@pytest.mark.parametrize("cohort", [date(2025, 3, 1), date(2026, 6, 1)])
def test_those_listed_behind_a_cell_are_those_it_counts(unit, cohort, view):
    asked = Asked(Who(), SINCE, unit)
    cell = cohorts.triangle(view, asked).filter(cohort=cohort, index=3).row(0, named=True)
    behind = cohorts.members(view, asked, cohort, 3)
    if unit == "mrr":
        assert (behind["paid"].sum(), behind["pays"].sum()) == (cell["size"], cell["retained"])
    else:
        assert (behind.height, behind["retained"].sum()) == (cell["size"], cell["retained"])
    assert behind["name"].null_count() == 0


def test_groups_add_up_to_all_accounts(view):
    asked = Asked(Who(), SINCE)
    by_country = cohorts.curves(view, asked, "country").group_by("index").agg(pl.col("size", "retained").sum())
    assert by_country.sort("index").rows() == cohorts.curve(view, asked).select("index", "size", "retained").rows()


def test_the_plan_an_account_began_with_does_not_change_when_it_upgrades(view):
    began = cohorts._groups(data.frames(view), "plan").collect()
    first = data.frames(view).subscriptions.filter(pl.col("plan").is_not_null()).collect().sort("started_on")
    for account_id, plan in began.head(20).iter_rows():
        lines = first.filter(pl.col("account_id") == account_id)
        assert plan in lines.filter(pl.col("started_on") == lines["started_on"].min())["plan"].to_list()


def test_a_filter_narrows_survival_too(view):
    everybody, some = (cohorts.survival(view, who)["at_risk"][0] for who in (Who(), Who(country="DE")))
    assert 0 < some < everybody


def test_the_steepest_loss_compares_the_same_cohorts(view):
    asked = Asked(Who(), SINCE)
    found = cohorts.steepest(view, asked).row(0, named=True)
    cells = cohorts.triangle(view, asked)
    final = cells.filter((pl.col("index") == found["index"]) & (pl.col("state") == "final"))
    before = cells.filter(pl.col("cohort").is_in(final["cohort"].to_list()) & (pl.col("index") == found["index"] - 1))
    assert found["before"] == before["retained"].sum() / before["size"].sum()
    assert found["after"] == final["retained"].sum() / final["size"].sum()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("unit", ["Accounts", pytest.param("Revenue", marks=pytest.mark.thorough)])
def test_a_click_on_a_cell_lists_its_accounts_and_the_cell_stays_marked(unit, demo_server):
    with browser.opened() as seen:
        seen.go(f"{demo_server.url}/cohorts?cohort_unit={unit}", seconds=60)
        drawn = seen.page.get_by_test_id("stPlotlyChart").first
        square = drawn.locator(".scatterlayer .trace").last.locator("path.point").nth(30)
        square.scroll_into_view_if_needed()
        box = square.bounding_box()
        seen.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        seen.page.mouse.down()
        seen.page.mouse.up()
        said = "came back in month" if unit == "Accounts" else "first paid in"
        seen.page.get_by_text(said).first.wait_for(timeout=20_000)
        seen.settle()
        assert seen.page.evaluate("document.querySelector('.js-plotly-plot').data.at(-1).selectedpoints") == [30]
        assert seen.complaints == []
