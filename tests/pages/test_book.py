"""The accounts page: ready-made views, orders, search, and the queue of those leaving, on a small company."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import settings
from pages.shared.findings import accounts as words
from pages.shared.findings import book as findings
from tests.pages import snapshot

ROOT = settings.ROOT
NOW = datetime.now(UTC)
TODAY = NOW.date()


def row(name: str, **more: object) -> dict[str, object]:
    usual = {"account_id": name, "name": name, "band": "green", "shown_band": "green", "shown_score": 80.0,
             "change": 0.0, "mrr": 100, "renews_on": None, "days_silent": None, "rhythm_days": 30.0, "nps": None,
             "idle_days": None, "override": None, "standing": "paying"}  # fmt: skip
    return {**usual, **more}


BOOK = pl.DataFrame(
    [
        row("Abc", band="red", shown_band="red", shown_score=20.0, mrr=300, days_silent=91, change=-9.0),
        row("bcd", band="red", shown_score=85.0, nps=6, override="▲ green until 3 Feb 2027", idle_days=40),
        row(
            "Cde *", band="leaving", shown_band="leaving", shown_score=None, renews_on=date(2026, 12, 1), days_silent=90
        ),
        row("Ümit", shown_band="yellow", band="yellow", shown_score=50.0, nps=7, renews_on=date(2027, 2, 20)),
        row("same", account_id="z", renews_on=date(2027, 2, 21), nps=0),
        row("same", account_id="y", renews_on=date(2026, 11, 21)),
    ],
    schema_overrides={"renews_on": pl.Date, "nps": pl.Int64, "idle_days": pl.Int64, "days_silent": pl.Int64},
)


@pytest.mark.parametrize(
    ("view", "names"),
    [
        ("all", ["Abc", "bcd", "Cde *", "Ümit", "same", "same"]),
        ("unwell", ["Abc", "Ümit"]),  # one in the red counts as green by hand
        ("leaving", ["Cde *"]),
        ("silent", ["Abc"]),  # 91 days are more than three times its rhythm of 30, 90 are not
        ("renewing", ["Cde *", "Ümit"]),  # the 90th day counts, the 91st and yesterday do not
        ("detractors", ["bcd", "same"]),
    ],
)
def test_each_view_keeps_what_its_name_says(view, names):
    assert findings.seen(BOOK, view, date(2026, 11, 22))["name"].to_list() == names


def test_every_view_and_order_is_known():
    assert set(findings.VIEWS.values()) == {"all", "unwell", "leaving", "silent", "renewing", "detractors"}
    for order, (column, _) in findings.ORDERS.items():
        assert findings.ordered(BOOK, order).height == BOOK.height, column


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ("Lowest health first", ["Abc", "Ümit", "y", "z", "bcd", "Cde *"]),
        ("Largest fall first", ["Abc", "bcd", "Cde *", "y", "z", "Ümit"]),
        ("Most MRR first", ["Abc", "bcd", "Cde *", "y", "z", "Ümit"]),
        ("Next renewal first", ["y", "Cde *", "Ümit", "z", "Abc", "bcd"]),
        ("Longest silence first", ["Abc", "Cde *", "bcd", "y", "z", "Ümit"]),
        ("Lowest NPS first", ["z", "bcd", "Ümit", "Abc", "Cde *", "y"]),
        ("By name", ["Abc", "bcd", "Cde *", "y", "z", "Ümit"]),
    ],
)
def test_orders_put_what_is_not_known_last_and_the_same_name_by_id(order, ids):
    assert findings.ordered(BOOK, order)["account_id"].to_list() == ids


@pytest.mark.parametrize(
    ("name", "ids"),
    [("", 6), ("  ", 6), ("BC", 2), ("e *", 1), ("ümi", 1), (".*", 0), ("same", 2)],
)
def test_search_takes_a_part_of_a_name_as_it_stands(name, ids):
    assert findings.found(BOOK, name).height == ids


def test_the_column_of_overrides_is_there_only_where_there_is_one():
    assert "override" in findings.columns(BOOK)
    assert "override" not in findings.columns(BOOK.filter(pl.col("override").is_null()))


def test_the_headline_says_when_health_set_by_hand_counts():
    said = "Health set by hand counts here, for 1 of them; the overview goes by the computed one."
    assert words.headline(BOOK, "EUR")[1] == f"6 accounts pay €8 a month. {said}"
    assert words.headline(BOOK.filter(pl.col("override").is_null()), "EUR")[1] == "5 accounts pay €7 a month."


def test_one_account_pays():
    assert words.headline(BOOK.head(1), "EUR")[1] == "1 account pays €3 a month."


def test_who_pays_nothing_is_not_counted_among_those_who_pay():
    rows = [row("a"), row("b", mrr=0, standing="paused"), row("c", mrr=None), row("d", mrr=0, standing="paused")]
    book = pl.DataFrame(rows, schema_overrides={"override": pl.String})
    assert words.headline(book, "EUR")[1] == "1 account pays €1 a month, 2 paused, 1 without MRR."
    assert words.paying(book)["account_id"].to_list() == ["a"]


@pytest.fixture
def look(tmp_path, monkeypatch, fresh):
    """``look()``: the accounts page of a company with one account that leaves, one that stays, without records."""
    asked = NOW - timedelta(days=9)
    lines = [
        {"account_id": name, "subscription_id": name, "line_id": name, "plan": "Team", "kind": "paid", "mrr": 10_000,
         "currency": "EUR", "started_on": TODAY - timedelta(days=400), "renews_on": TODAY + timedelta(days=200)}
        for name in ("a", "b")
    ]  # fmt: skip
    lines[0] |= {"ended_on": TODAY + timedelta(days=21), "cancel_requested_at": asked, "renews_on": None}
    sources = {
        "accounts": [{"account_id": "a", "name": "<b>Leaver</b> *Ltd*"}, {"account_id": "b", "name": "Stayer"}],
        "subscriptions": lines,
        "exit_surveys": [{"response_id": "r", "account_id": "a", "reason": "too_expensive", "submitted_at": asked}],
    }
    snapshot.write(tmp_path, sources)
    held = snapshot.settings_for(tmp_path)
    monkeypatch.setattr(settings, "get", lambda: held)

    def open_page():
        test = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60)
        seen = test.switch_page("accounts.py").run()
        assert not seen.exception
        return seen

    return open_page


def tables(seen):
    return [pl.from_pandas(frame.value) for frame in seen.dataframe]


def test_those_leaving_have_a_queue_with_their_end_their_reason_and_their_money(look):
    seen = look()
    assert "Leaving, still served: 1 account, €100 a month" in [head.value for head in seen.subheader]
    queue = next(table for table in tables(seen) if "reason_said" in table.columns)
    assert queue.select("name", "mrr", pl.col("ends_on").cast(pl.Date), "reason_said").rows() == [
        ("<b>Leaver</b> *Ltd*", 100, TODAY + timedelta(days=21), "Too expensive")
    ]


def test_view_and_search_narrow_the_book_and_say_so_when_nothing_is_left(look):
    seen = look()
    next(group for group in seen.button_group if group.key == "view").set_value("Leaving")
    seen = seen.run()
    assert tables(seen)[0]["name"].to_list() == ["<b>Leaver</b> *Ltd*"]
    seen = seen.text_input(key="find").set_value("stay").run()
    assert "No account is like that" in "\n".join(caption.value for caption in seen.caption)
    next(group for group in seen.button_group if group.key == "view").set_value("All")
    assert tables(seen.run())[0]["name"].to_list() == ["Stayer"]
