"""The churn reasons page: every number follows what people correct and mark, and rows add up to what left."""

import uuid
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import settings
from metrics import churn_reasons as metric
from metrics.revenue import movements
from pages.shared import data, written
from pages.shared.answers import churn_reasons, comments
from pages.shared.answers.overview import account_months
from pages.shared.filters import Filters, Who
from pages.shared.findings import churn_deeds as deeds
from pages.shared.findings import churn_reasons as findings
from pages.shared.findings import churn_words as said
from pages.shared.written import UNREAD, Written
from queries.frames import Scope, current_id, open_snapshot
from records import corrections, marks
from records.database import connections
from tests.pages import browser, snapshot

ROOT = settings.ROOT
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
TODAY = datetime.now(UTC).date()
LEFT = (TODAY.replace(day=1) - timedelta(days=20)).replace(day=10)
HOSTILE = "<script>alert(1)</script> **bold** [x](javascript:alert(2)) :red[y] $a$ \u202eevil 😡 too expensive"
ACCOUNTS = [{"account_id": name, "name": f"{name} *Ltd*", "segment": "small", "language": "en"} for name in "abcd"]
STRETCHES = [
    {
        "subscription_id": name,
        "line_id": name,
        "account_id": name,
        "plan": "Team",
        "kind": "paid",
        "mrr": mrr,
        "currency": "EUR",
        "started_on": date(2025, 1, 1),
        "ended_on": LEFT if name != "d" else None,
    }
    for name, mrr in (("a", 50_000), ("b", 30_000), ("c", 20_000), ("d", 10_000))
]
ANSWERS = [
    {"response_id": "r-a", "account_id": "a", "reason": "too_expensive", "comment": HOSTILE},
    {"response_id": "r-b", "account_id": "b", "reason": None, "comment": "Nobody ever answered us."},
]
THEMES = [
    {"response_id": "r-a", "theme": "price", "score": 0.9, "evidence": "too expensive", "polarity": "complaint"},
    {"response_id": "r-b", "theme": "unclear"},
]


def small(tmp_path, records_url=None):
    """A company of four accounts of which three left: one wrote what it chose, one something unclear, one nothing."""
    when = datetime.combine(LEFT, datetime.min.time(), UTC)
    sources = {
        "accounts": ACCOUNTS,
        "subscriptions": STRETCHES,
        "exit_surveys": [{**row, "submitted_at": when, "outcome": "left"} for row in ANSWERS],
    }
    themes = [{"source": "exit_surveys", "account_id": row["response_id"][-1], **row} for row in THEMES]
    snapshot.write(tmp_path, sources, themes=themes, id=uuid.uuid4().hex)
    return snapshot.settings_for(tmp_path).model_copy(update={"records_database_url": records_url})


def opened(held, monkeypatch, tab="Reasons", row=None):
    """The page at one tab, with a row of the comments chosen."""
    monkeypatch.setattr(settings, "get", lambda: held)
    test = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60)
    test.query_params["part"] = tab
    seen = test.switch_page("churn_reasons.py").run()
    if row is not None:
        seen.session_state["leavers"] = {"selection": {"rows": [row], "columns": [], "cells": []}}
        seen.run()
    assert not seen.exception
    assert [box.value for box in seen.warning if "could not be worked out" in box.value] == []
    return seen


def table(seen, column):
    """The table that has a column, as a frame."""
    return next(pl.from_pandas(frame.value) for frame in seen.dataframe if column in frame.value.columns)


def text(seen):
    kinds = (seen.title, seen.subheader, seen.markdown, seen.caption, seen.info, seen.error, seen.metric)
    return "\n".join(str(element.value) for elements in kinds for element in elements)


def pressed(seen, label):
    return next(button for button in seen.button if button.label == label)


pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("fresh")]


# --- what people write down ----------------------------------------------------------------------------------------


def test_correcting_a_comment_changes_its_row_and_the_rows_still_add_up(tmp_path, records_url, monkeypatch):
    held = small(tmp_path, records_url)
    seen = opened(held, monkeypatch, "In their words", row=1)
    assert table(seen, "said")["said"].to_list() == ["Price", "Said something else"]
    assert seen.multiselect[0].value == ["unclear"]

    seen.multiselect[0].set_value(["slow_support", "unreliable"])
    seen = pressed(seen, "Save themes").click().run()

    assert not seen.exception
    assert [toast.value for toast in seen.toast] == ["Themes saved"]
    assert set(table(seen, "said")["said"][1].split(", ")) == {"Support", "Unreliable"}
    assert "Set by somebody at this machine" in text(seen)
    view = data.View(current_id(held))
    left = churn_reasons.leavers(view, churn_reasons.Asked(Who(), date(2025, 12, 1), written.newest()))
    rows = dict(metric.reasons(left).select("theme", "lost_mrr").iter_rows())
    assert rows == {"price": 50_000, "slow_support": 15_000, "unreliable": 15_000, "not asked": 20_000}


def test_a_correction_can_be_taken_back(tmp_path, records_url, monkeypatch):
    held = small(tmp_path, records_url)
    _correct(records_url, "r-b", ["slow_support"])
    seen = opened(held, monkeypatch, "In their words", row=1)
    assert table(seen, "said")["said"][1] == "Support"
    seen = pressed(seen, "Take the correction back").click().run()
    assert table(seen, "said")["said"][1] == "Said something else"
    assert "As the tool read it." in text(seen)


def test_who_was_faster_is_not_overwritten(tmp_path, records_url, monkeypatch):
    held = small(tmp_path, records_url)
    seen = opened(held, monkeypatch, "In their words", row=1)
    _correct(records_url, "r-b", ["missing_feature"], author="ada@example.com")
    seen = seen.run()  # the page has seen Ada's by now, whoever looks at the form has not
    seen.multiselect[0].set_value(["slow_support"])
    seen = pressed(seen, "Save themes").click().run()
    assert "ada@example\\.com changed this" in seen.error[0].value.replace("\u2060", "")
    assert table(seen, "said")["said"][1] == "Missing feature"
    assert seen.multiselect[0].value == ["missing_feature"]
    seen.multiselect[0].set_value(["slow_support"])
    seen = pressed(seen, "Save themes").click().run()
    assert table(seen, "said")["said"][1] == "Support"
    assert not seen.error


def test_the_comment_being_corrected_stays_when_it_leaves_the_reason_that_is_shown(tmp_path, records_url, monkeypatch):
    held = small(tmp_path, records_url)
    seen = opened(held, monkeypatch, "In their words")
    seen.selectbox(key="theme").select("Said something else").run()
    seen.session_state["leavers"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    seen.run()
    seen.multiselect[0].set_value(["slow_support"])
    seen = pressed(seen, "Save themes").click().run()
    assert table(seen, "said")["said"].to_list() == ["Support"]


def test_marking_a_loss_changes_what_is_regrettable(tmp_path, records_url, monkeypatch):
    held = small(tmp_path, records_url)
    seen = opened(held, monkeypatch, "In their words", row=0)
    assert "€500" in [metric.value for metric in seen.metric if metric.label == "Regrettable"]
    control = next(group for group in seen.button_group if group.key.startswith("mark_a/"))
    seen = control.set_value("No").run()
    assert [toast.value for toast in seen.toast] == ["Loss marked"]
    assert "€0" in [metric.value for metric in seen.metric if metric.label == "Regrettable"]
    assert table(seen, "verdict")["verdict"][0] == "no (marked here)"
    assert marks.current(connections(records_url)).row(0)[:3] == ("a", LEFT.replace(day=1), False)


def test_without_records_the_page_says_calmly_that_nothing_can_be_saved(tmp_path, monkeypatch):
    held = small(tmp_path, "postgresql://nobody@127.0.0.1:1/nothing")
    seen = opened(held, monkeypatch, "In their words", row=1)
    assert "Nothing can be saved right now" in seen.info[0].value
    assert len(seen.multiselect) == 0
    assert table(seen, "said")["said"].to_list() == ["Price", "Said something else"]


def test_what_somebody_wrote_is_shown_as_it_stands(tmp_path, records_url, monkeypatch):
    seen = opened(small(tmp_path, records_url), monkeypatch, "In their words", row=0)
    assert seen.text[0].value == HOSTILE
    inert = text(seen).replace("\u2060", "")
    assert "\\*\\*bold" not in inert  # only the sentence that shows the theme is quoted
    for elements in (seen.markdown, seen.caption, seen.title, seen.subheader):
        for element in elements:
            assert "<script" not in element.value
            assert "javascript:" not in element.value
            assert " *Ltd*" not in element.value


def test_from_thirty_corrections_on_agreement_is_measured(tmp_path, records_url, demo_settings, monkeypatch):
    held = demo_settings.model_copy(update={"records_database_url": records_url})
    monkeypatch.setattr(settings, "get", lambda: held)
    frames = open_snapshot(current_id(held), Scope(), held)
    told = frames.comment_themes.filter(pl.col("theme") == "price", pl.col("source") == "nps")
    ids = told.select("response_id").unique().sort("response_id").collect()["response_id"].to_list()
    for response_id in ids[:29]:
        _correct(records_url, response_id, ["price"], source="nps")
    seen = opened(held, monkeypatch, "Themes")
    assert "29 comments corrected; from 30 on they teach" in [head.value for head in seen.subheader]
    assert "1 more correction" in text(seen)
    _correct(records_url, ids[29], ["budget_cut"], source="nps")
    seen = seen.run()
    rows = table(seen, "f1")
    assert rows["comments"].to_list() == [30, 30]
    assert rows["low"][0] <= rows["f1"][0] <= rows["high"][0]
    tags = comments.tagged(data.View(current_id(held)), written.newest().corrections)
    assert tags.filter(pl.col("response_id") == ids[29])["theme"].to_list() == ["budget_cut"]


def test_a_group_stays_as_it_is_while_its_comments_are_corrected(records_url, demo_settings, monkeypatch):
    held = demo_settings.model_copy(update={"records_database_url": records_url})
    seen = opened(held, monkeypatch, "Themes")
    before = table(seen, "shown")
    assert before.height > 0
    seen.session_state["emerging"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    seen.run()
    members = table(seen, "text")
    seen.session_state["group-1-comments"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    seen.run()
    seen.multiselect[0].set_value(["slow_support"])
    seen = pressed(seen, "Save themes").click().run()
    assert [toast.value for toast in seen.toast] == ["Themes saved"]
    assert table(seen, "shown").equals(before)
    assert table(seen, "text").equals(members)
    assert seen.multiselect[0].value == ["slow_support"]
    assert "1 comment corrected; from 30 on they teach" in [head.value for head in seen.subheader]


def test_corrections_touch_no_comment_that_nobody_corrected(demo_settings, records_url, monkeypatch):
    held = demo_settings.model_copy(update={"records_database_url": records_url})
    monkeypatch.setattr(settings, "get", lambda: held)
    view = data.View(current_id(held))
    found = comments.tagged(view, UNREAD)
    chosen = found.filter(pl.col("theme") == "price", pl.col("source") == "exit_surveys")["response_id"][0]
    _correct(records_url, chosen, ["slow", "values_or_trust"])
    tags = comments.tagged(view, written.newest().corrections)
    mine = (pl.col("source") == "exit_surveys") & (pl.col("response_id") == chosen)
    assert set(tags.filter(mine)["theme"]) == {"slow", "values_or_trust"}
    order = ["source", "response_id", "theme"]
    assert tags.filter(~mine).sort(order).equals(found.filter(~mine).sort(order))


def _correct(url, response_id, themes, *, author="eve@example.com", source="exit_surveys"):
    corrections.set_themes(
        connections(url), source=source, response_id=response_id, themes=themes, author=author, now=NOON
    )


# --- what the rows add up to ---------------------------------------------------------------------------------------


@pytest.fixture
def view(demo_settings, monkeypatch):
    monkeypatch.setattr(settings, "get", lambda: demo_settings)
    return data.View(current_id(demo_settings))


@pytest.fixture
def asked(view):
    return churn_reasons.Asked(Who(), Filters(12, Who()).since(data.frames(view).as_of))


@pytest.mark.parametrize("by", ["theme", "reason"])
def test_the_reasons_add_up_to_what_movements_count_as_churned(by, view, asked):
    left = churn_reasons.leavers(view, asked)
    monthly = movements(account_months(view, Who())).filter(pl.col("month") >= asked.since)
    assert metric.reasons(left, by=by)["lost_mrr"].sum() == monthly["churned"].sum() > 0
    assert left.height == monthly["accounts_churned"].sum()
    totals = metric.totals(left).row(0, named=True)
    assert "all that MRR movements count as churned" in findings.reconciled(totals, monthly, asked.since, "EUR")
    assert "MRR movements count €" in findings.reconciled(totals, monthly.head(3), asked.since, "EUR")


@pytest.mark.parametrize("by", ["theme", "reason"])
def test_the_accounts_behind_every_bar_are_those_it_counts(by, view, asked):
    left, names = churn_reasons.leavers(view, asked), comments.names()
    rows = findings.labelled(metric.reasons(left, by=by), names)
    for key, accounts in rows.select("key", "accounts").iter_rows():
        assert findings.of_reason(left, key, by).height == accounts


def test_the_parts_of_a_month_lead_to_everybody_who_left_in_it(view, asked):
    left, names = churn_reasons.leavers(view, asked), comments.names()
    rows = findings.labelled(metric.reasons(left), names)
    trend = findings.dearest(metric.reason_trend(left), rows, names)
    assert trend["lost_mrr"].sum() == left["lost_mrr"].sum()
    for month in trend["month"].unique():
        parts = trend.filter(pl.col("month") == month)["label"]
        behind = [findings.in_part(left, month, part, trend, names)["account_id"].to_list() for part in parts]
        assert {name for ids in behind for name in ids} == set(left.filter(pl.col("month") == month)["account_id"])


def test_an_item_that_shipped_counts_everybody_who_had_asked(view):
    rows = deeds.standing(churn_reasons.shipped(view, Who(), UNREAD))
    items = deeds.items(rows, comments.names())
    assert items["accounts"].sum() == rows.height > 0
    for item, gone in items.select("item_id", "gone").iter_rows():
        assert deeds.asked_for(rows, item, "gone", False).height == gone


# --- what is said --------------------------------------------------------------------------------------------------

PRICE = {"price": "Price", "slow_support": "Support"}


def leaver(**more):
    row = {"account_id": "a", "month": date(2026, 3, 1), "lost_mrr": 1000, "status": "answered", "themes": ["price"]}
    return row | more


def test_nobody_who_left_is_said_as_it_is():
    none = metric.totals(pl.DataFrame(schema={"lost_mrr": pl.Int64})).row(0, named=True)
    since = date(2025, 11, 1)
    assert findings.headline(pl.DataFrame(), none, "EUR", since)[0] == "Nobody left since 1 Nov 2025"
    chosen = findings.headline(pl.DataFrame(), none, "EUR", since, chosen=True)
    assert chosen == ("Nobody among those chosen left since 1 Nov 2025", None)


def test_the_headline_names_the_dearest_reason_and_keeps_markup_out():
    left = pl.DataFrame([leaver(), leaver(themes=["not asked"], status="not asked", lost_mrr=9000)])
    totals = metric.totals(left).row(0, named=True)
    rows = findings.labelled(metric.reasons(left), {"price": "**Price**"})
    title, detail = findings.headline(rows, totals, "EUR", date(2025, 11, 1))
    assert title == "\\*\\*Price\\*\\* cost most: €10 of MRR, 1 account"
    assert detail == "2 accounts left since 1 Nov 2025 and took €100 of MRR with them."


def test_smaller_reasons_are_counted_and_rows_without_one_always_drawn():
    left = pl.DataFrame(
        [
            *(leaver(account_id=str(n), themes=[f"t{n}"], lost_mrr=100 + n) for n in range(13)),
            leaver(account_id="x", themes=["not asked"], status="not asked", lost_mrr=1),
        ]
    )
    shown, said_so = findings.drawn(findings.labelled(metric.reasons(left), {}))
    assert shown.height == findings.DRAWN + 1
    assert shown["label"][-1] == "Not asked"
    assert said_so == "3 smaller reasons in the table below. "


def test_what_most_said_is_set_beside_what_they_did():
    rows = pl.DataFrame(
        {
            "stated": [["price"], ["price", "slow_support"], ["slow_support"], [], ["price"]],
            "signs": [["use_fell"], ["silent", "waiting"], [], ["use_fell"], ["price_rose"]],
            "disagrees": [True, False, None, None, False],
        }
    )
    table = deeds.by_reason(rows, PRICE)
    assert deeds.behaviour_said(table) == "Of 3 who said Price, 2 had stopped using it first"
    assert table.select("label", "said", "disagreeing", "price_rose", "waiting").rows() == [
        ("Price", 3, 1, 1, 1),
        ("Support", 2, 0, None, 1),
    ]
    assert "Of 3 leavers whose reason can show in their last 90 days, 1 is contradicted" in deeds.behaviour_detail(rows)


def test_an_account_that_pays_with_red_health_is_at_risk():
    rows = pl.DataFrame(
        {
            "item_id": ["1", "1", "1"],
            "account_id": ["a", "b", "c"],
            "status": ["paying", "paying", "gone"],
            "band": ["red", "green", None],
            "likeness": [0.4, None, 0.1],
            "source": ["nps", "reviews", "exit_surveys"],
            "mrr": [100_00, 200_00, 300_00],
        }
    )
    found = deeds.standing(rows)
    assert found["standing"].to_list() == ["at risk", "paying", "gone"]
    assert found["likely"].to_list() == [True, False, False]
    assert deeds.shipped_said(found, "EUR") == "Nobody who left had probably asked for what has shipped since"
    assert deeds.shipped_detail(found, "EUR").startswith(
        "1 account leaving or at risk (€100) probably had. 1 account that left asked for something of the same theme. "
    )
    meant = deeds.standing(rows.with_columns(likeness=pl.lit(0.4)))
    left = "1 account that left (€300 of MRR) had probably asked for what has shipped since"
    assert deeds.shipped_said(meant, "EUR") == left
    unknown = deeds.standing(rows.with_columns(likeness=pl.lit(None, pl.Float64)))
    assert deeds.shipped_said(unknown, "EUR") == left.replace("probably ", "")
    assert "likely" not in deeds.asked_columns(unknown, deeds.ITEMS)


def test_learning_is_said_with_what_is_missing_or_what_it_brought():
    columns = ["method", "f1"]
    better = pl.DataFrame([("without", 0.5), ("with", 0.75)], columns, orient="row")
    same = pl.DataFrame([("without", 0.5), ("with", 0.5)], columns, orient="row")
    assert said.learning_said(3, None) == "3 comments corrected; from 30 on they teach"
    assert said.learning_said(40, better).endswith("it agrees in 75% with people, +25.0 pts")
    assert "changes nothing yet" in said.learning_said(40, same)


def test_a_retired_theme_that_a_comment_has_can_still_be_kept():
    assert "of_old" in said.choices(comments.themes(), ["of_old"])
    assert said.choices(comments.themes(), [])[-2:] == ["unclear", "no answer"]


def test_nothing_written_is_read_while_the_records_are_silent():
    assert Written() == (UNREAD, UNREAD)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.thorough
def test_in_chromium_a_comment_is_corrected_and_its_row_follows(demo_settings, records_url):
    environment = {
        "SNAPSHOT_DIR": demo_settings.snapshot_dir,
        "PRODUCT_DATABASE_URL": demo_settings.product_database_url or "",
        "RECORDS_DATABASE_URL": records_url,
        "TENURE_JOBS": "off",
    }
    with browser.serving(environment) as server:
        with browser.opened(f"{server.url}/churn_reasons?part=In+their+words") as seen:
            grid = seen.page.locator('[data-testid="stDataFrame"]').first
            grid.scroll_into_view_if_needed()
            box = grid.bounding_box()
            seen.page.mouse.click(box["x"] + 16, box["y"] + 36 + 16)
            themes = seen.page.locator('[data-testid="stMultiSelect"] input').first
            themes.wait_for(timeout=20_000)
            themes.click()
            seen.page.keyboard.type("Security")
            seen.page.keyboard.press("Enter")
            seen.page.keyboard.press("Escape")
            seen.page.get_by_role("button", name="Save themes").click()
            seen.page.get_by_text("Themes saved").wait_for(timeout=20_000)
            seen.settle()
            assert "Set by somebody at this machine" in seen.text()
            seen.page.get_by_role("radio", name="No", exact=True).click()
            seen.page.get_by_text("Loss marked").wait_for(timeout=20_000)
            seen.settle()
            assert (seen.exceptions(), seen.complaints) == ([], [])
        with browser.opened(f"{server.url}/churn_reasons?part=Themes", size=browser.PHONE) as seen:
            assert "1 comment corrected; from 30 on they teach" in seen.text()
            assert not seen.too_wide()
    kept = corrections.current(connections(records_url))
    assert "security" in kept["theme"].to_list()
    assert marks.current(connections(records_url))["regrettable"].to_list() == [False]
