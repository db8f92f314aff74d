"""The words in which the data page says whether health knew who would leave."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import settings
from pages.shared.findings import backtest as findings
from tests.pages.snapshot import settings_for, write

TODAY = datetime.now(UTC).date()


def area(measure, auc, low, high, verdict, *, kind="measure", n=100, left=30):
    row = {"contracts": "all", "measure": measure, "kind": kind, "n": n, "missing": 0, "churned": left}
    return row | {"accounts_left": left, "auc": auc, "low": low, "high": high, "verdict": verdict}


def areas(*rows):
    return findings.areas(pl.DataFrame(list(rows)), "all")


SCORE = area("score", 0.72, 0.65, 0.78, "predicts", kind="score")
TREND = area("mrr_trend", 0.55, 0.48, 0.62, "does not predict", kind="baseline")


def test_the_headline_says_whether_the_score_knew():
    assert findings.headline(areas(SCORE)) == (
        "The score predicts who leaves: of one that left and one that stayed, the one that left had the lower score "
        "in 72.0% (65.0% to 78.0%) of cases."
    )
    chance = SCORE | {"auc": 0.52, "low": 0.45, "verdict": "does not predict"}
    assert findings.headline(areas(chance)).startswith("The score does not predict who leaves: ")
    assert findings.headline(areas(chance)).endswith("of cases, which chance would do as well.")
    assert findings.headline(areas(SCORE | {"verdict": "wrong way"})).startswith("The score points the wrong way: ")
    few = SCORE | {"verdict": "too few", "accounts_left": 1}
    assert findings.headline(areas(few)) == "Too few left to tell whether the score knew: 1 account."


def test_the_baselines_stand_beside_it():
    said = "MRR trend alone: 55.0% (48.0% to 62.0%); calling everyone healthy: 50%."
    assert findings.against_trend(areas(SCORE, TREND)) == said
    assert findings.against_trend(areas(SCORE, TREND | {"auc": None})) == ""


def test_what_does_not_predict_is_named_and_what_was_never_known_is_not_blamed():
    rows = areas(
        SCORE,
        TREND,
        area("recency", 0.51, 0.45, 0.57, "does not predict"),
        area("silence", 0.4, 0.3, 0.49, "wrong way"),
        area("voice", 0.7, 0.6, 0.8, "predicts", kind="group"),
        area("past_due", None, None, None, "too few", n=0),
    )
    assert findings.silent(rows) == "Cannot be told from chance: days since value. Points the wrong way: silence."
    assert dict(rows.select("measure", "said").iter_rows())["past_due"] == "not recorded in the past"


def band(name, rate, verdict):
    row = {"contracts": "all", "band": name, "account_months": 90, "accounts": 40, "churned": 9, "rate": rate}
    return row | {"enough": verdict != "too few", "verdict": verdict}


def test_red_stands_against_green():
    rows = findings.bands(pl.DataFrame([band("red", 0.12, "up"), band("green", 0.03, None)]), "all")
    assert rows["label"].to_list() == ["▼ red", "▲ green"]
    assert findings.worst(rows) == "12.0% of those in red left, 3.0% of those in green: a real difference."
    few = findings.bands(pl.DataFrame([band("red", 0.5, "too few"), band("green", 0.03, None)]), "all")
    assert few["band"].to_list() == ["green", "red"]
    assert findings.worst(few).endswith(": too few to tell.")
    assert findings.worst(rows.head(1)) == ""


# On the page ---------------------------------------------------------------------------------------------------------


def company(*ended: date | None, started: date = date(2020, 1, 1)):
    """Accounts that pay since ``started`` until a day each, with a contact so long ago that silence is known."""
    names = [f"a{number}" for number in range(len(ended))]
    paid = {"plan": "Team", "kind": "paid", "mrr": 1000, "currency": "EUR", "started_on": started}
    return {
        "accounts": [{"account_id": name, "name": name} for name in names],
        "subscriptions": [
            {**paid, "subscription_id": name, "line_id": name, "account_id": name, "ended_on": end}
            for name, end in zip(names, ended, strict=True)
        ],
    }


def opened(folder, monkeypatch: pytest.MonkeyPatch, sources, *, fold: bool = True) -> AppTest:
    write(folder, sources, id=uuid4().hex)  # answers are remembered by it
    held = settings_for(folder)
    monkeypatch.setattr(settings, "get", lambda: held)
    test = AppTest.from_file(str(settings.ROOT / "pages" / "frame.py"), default_timeout=60)
    test.session_state["backtest_open"] = fold
    seen = test.switch_page("data.py").run()
    assert not seen.exception
    return seen


def said(seen: AppTest) -> str:
    return "\n".join(str(element.value) for kinds in (seen.markdown, seen.caption, seen.info) for element in kinds)


def test_nothing_is_tried_until_it_is_opened(tmp_path, monkeypatch):
    sources = company(*[None] * 5)
    assert "month ends from" not in said(opened(tmp_path, monkeypatch, sources, fold=False))
    assert "5 accounts at 12 month ends from" in said(opened(tmp_path, monkeypatch, sources))


def test_a_company_that_is_too_young_is_told_what_it_takes(tmp_path, monkeypatch):
    seen = opened(tmp_path, monkeypatch, company(None, None, started=TODAY - timedelta(days=40)))
    assert "No month end can be judged yet." in said(seen)


def test_a_company_nobody_left_is_told_that_this_is_too_few(tmp_path, monkeypatch):
    assert "Too few left to tell whether the score knew: 0 accounts." in said(
        opened(tmp_path, monkeypatch, company(*[None] * 5))
    )
