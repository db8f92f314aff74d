"""The measurements measure the same thing: every engine gives the same numbers, and no row is missing."""

import inspect
import json
import os
import shutil
from unittest import mock

import psutil
import pytest

if not os.environ.get("CI"):
    pytest.importorskip("duckdb", reason="make bench installs it")

import settings
from bench import __main__ as bench
from bench import book, clock, pages, report
from bench import place as places
from bench.clock import differing
from bench.place import Place, place
from bench.refresh import first
from tests.pages import browser

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


THEMES = """
[languages.en]
script = "latin"
words = "the is and too"

[[themes]]
id = "price"
patterns.en = ["expensive", "price"]
examples.en = ["The monthly fee is more than we can pay."]
"""


@pytest.fixture(scope="module", autouse=True)
def once_over(tmp_path_factory: pytest.TempPathFactory):
    """What is asked counts here, not how fast: one round, and themes that are read at once."""
    config = tmp_path_factory.mktemp("bench-config") / "config"
    shutil.copytree(settings.ROOT / "config", config)
    (config / "themes.toml").write_text(THEMES, encoding="utf-8")
    with mock.patch.object(clock, "MOST_ROUNDS", 1), mock.patch.object(places, "CONFIG", config):
        yield


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a run over a tiny company writes down."""
    results = tmp_path_factory.mktemp("bench") / "results.json"
    code = bench.main(
        ["--events", "20000", "--accounts", "120", "--pages", "0", "--comments", "0", "--results", str(results)]
    )
    found = json.loads(results.read_text())
    assert code == 0, [row["differing"] for row in found["sizes"][0]["questions"]]
    return found


@pytest.mark.thorough
def test_all_engines_give_the_same_numbers(written):
    assert [row["differing"] for row in written["sizes"][0]["questions"]] == [[], [], []]


@pytest.mark.thorough
def test_every_question_is_put_to_every_engine(written):
    asked = {row["question"]: set(row["timings"]) for row in written["sizes"][0]["questions"]}
    assert asked == {
        "retention_account": {"tenure", "duckdb_raw", "duckdb_rollup", "postgres_raw"},
        "retention_user": {"tenure", "duckdb_raw", "duckdb_rollup", "postgres_raw"},
        "movements": {"tenure", "duckdb_rollup", "postgres_raw"},
    }


@pytest.mark.thorough
def test_the_numbers_compared_are_not_empty(written):
    rows = {row["question"]: row for row in written["sizes"][0]["questions"]}
    assert rows["retention_account"]["cells"] > 300
    assert rows["retention_user"]["counted"] > 1000
    assert rows["movements"]["cells"] == 37 * 16
    assert rows["movements"]["counted"] > 1_000_000


@pytest.mark.thorough
def test_refreshes_stand_beside_the_copy(written):
    row = written["sizes"][0]["refresh"]
    assert {"first_to_copy", "another_day_to_copy", "load_average"} <= set(row)
    assert row["first"]["days_read"] > row["another_day"]["days_read"] > 0
    assert row["copy"]["megabytes"] > 0.5


@pytest.mark.thorough
def test_the_table_has_a_line_for_every_timing(written):
    table = "\n".join(report.lines(written))
    assert table.count(" ms ") == 4 + 4 + 3
    assert table.count("all agree") == 3


def test_goals_are_reported_where_they_apply():
    ours = {"seconds": 0.02, "runs": 7, "load": [1.0, 1.0]}
    others = {"duckdb_raw": 0.19, "duckdb_rollup": 0.01, "postgres_raw": 2.1}
    row = {"question": "retention_user", "timings": {"tenure": ours} | {k: {"seconds": v} for k, v in others.items()}}
    row["ratios"] = report.ratios(row)
    size = {"events": 10_000_000, "questions": [row]}
    assert {goal["against"]: goal["met"] for goal in report.goals(size)} == {
        "postgres_raw": True,
        "duckdb_raw": False,
        "duckdb_rollup": True,
    }
    assert report.goals(size | {"events": 1_000_000}) == []


def test_an_engine_that_differs_is_named():
    assert differing({"tenure": [1], "duckdb_raw": [1], "postgres_raw": [2]}) == ["postgres_raw"]


@pytest.fixture(scope="module")
def somewhere():
    with place(20_000, 60) as where:
        first(where)
        yield where


@pytest.mark.thorough
def test_the_book_is_measured_by_processes_that_tell_their_own_peak(somewhere: Place, monkeypatch):
    chosen = ("business_review",)
    monkeypatch.setattr(book, "ASKED", {name: book.ASKED[name] for name in chosen})
    found = book.measure(somewhere, 60, 20_000)
    assert [row["what"] for row in found["rows"]] == list(chosen)
    for row in found["rows"]:
        assert row["rows"] > 0
        assert row["cold"] > 0
        assert 100 < row["peak_mb"] < 2000
    assert found["limits"] == []
    table = report._of_book(found)
    assert len(table) == 1 + len(chosen)


def test_limits_are_compared_where_they_are_meant():
    rows = [
        {"what": "health", "cold": 2.5, "warm": 1.5, "peak_mb": 500},
        {"what": "accounts_page", "cold": 2.5, "warm": 0.5, "peak_mb": 5000},
        {"what": "business_review", "cold": 3.0, "warm": 0.5, "peak_mb": 5000},
    ]
    found = book.limits(rows, 10_000, 10_000_000)
    assert [(limit["what"], limit["of"], limit["of_the_limit"], limit["met"]) for limit in found] == [
        ("health", "cold", 1.25, False),
        ("health", "peak_mb", 0.5, True),
        ("accounts_page", "warm", 0.5, True),
        ("business_review", "cold", 1.0, True),
    ]
    assert book.limits(rows, 10_000, 1_000_000) == []
    assert book.limits(rows, 440, 10_000_000) == []
    table = "\n".join(report._of_book({"rows": rows, "limits": found}))
    assert table.count("met   ") == 3
    assert "MISSED health, cold: 2.5 s (goal: at most 2)" in table
    assert set(book.LIMITS) < set(book.ASKED)


def test_every_page_question_answers_with_a_table():
    asked = {name: inspect.signature(ask).return_annotation for name, ask in pages.questions().items()}
    assert {name: kind for name, kind in asked.items() if kind != "pl.DataFrame"} == {}


@pytest.mark.thorough
def test_every_page_question_is_asked(somewhere: Place):
    asked = {row["question"] for row in pages.measure(somewhere)["questions"]}
    assert asked == set(pages.questions())


def _runs(pid: int) -> bool:
    """Whether a process still does something; one that has ended and waits to be collected does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_nothing_is_left_behind():
    with place(500, 3) as where:
        folder = where.folder
        pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    assert not folder.exists()
    browser.until(lambda: not _runs(pid), seconds=10, what="the server has ended")
