import csv
import io
import zipfile
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.shared import exports
from pages.shared.tables import Column, _shown, chosen

COLUMNS = {
    "name": Column("Account"),
    "mrr": Column("MRR", "money"),
    "share": Column("Share", "percent"),
    "renews": Column("Renews", "day"),
    "users": Column("Users", "count"),
}
ROWS = pl.DataFrame(
    {
        "name": ["=1+1", "+49 30 1234", "-5", "@SUM(A1)", "\tx", "\rx", "plain", None],
        "mrr": [123_450, -100, None, 0, 1, 2, 3, 4],
        "share": [0.5, float("nan"), float("inf"), None, 0.0, 1.0, 0.25, 0.1],
        "renews": [date(2026, 3, 7), *[None] * 7],
        "users": [5, None, 0, 1, 2, 3, 4, -6],
    }
)


def sheet(columns=COLUMNS):
    return exports.Sheet(
        "book", tuple(columns.items()), "EUR", datetime(2026, 11, 21, 9, tzinfo=UTC), "abc", "segment =x"
    )


def read_excel(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return {name: book.read(name).decode() for name in book.namelist() if name.endswith(".xml")}


def test_csv_puts_a_quote_before_what_a_spreadsheet_would_run():
    lines = exports.csv(ROWS, sheet()).decode("utf-8-sig").splitlines()
    assert lines[0] == "Account,MRR (EUR),Share,Renews,Users"
    assert lines[1] == "'=1+1,1234.5,0.5,2026-03-07,5"
    assert [line.split(",")[0] for line in lines[2:5]] == ["'+49 30 1234", "'-5", "'@SUM(A1)"]
    assert lines[8] == "plain,0.03,0.25,,4"


def test_blanks_wide_signs_and_other_separators_do_not_let_a_formula_in():
    texts = [" =1+1", "\u200b=1+1", "\uff1d1+1", "\n=1+1", 'a;=1+1;"@x"\n-1', "a; b - c", "1;2"]
    lines = exports.csv(pl.DataFrame({"name": texts}), sheet({"name": Column("Name")})).decode("utf-8-sig")
    assert [row[0] for row in csv.reader(io.StringIO(lines, newline=""))] == [
        "Name", "' =1+1", "'\u200b=1+1", "'\uff1d1+1", "'\n'=1+1", 'a;\'=1+1;"\'@x"\n\'-1', "a; b - c", "1;2",
    ]  # fmt: skip


def test_numbers_stay_numbers_also_negative_ones():
    again = pl.read_csv(exports.csv(ROWS, sheet()))
    assert again.schema["MRR (EUR)"] == pl.Float64
    assert again["MRR (EUR)"].to_list()[:2] == [1234.5, -1.0]
    assert again["Users"].to_list()[-1] == -6


def test_what_is_not_a_number_leaves_an_empty_cell():
    again = pl.read_csv(exports.csv(ROWS, sheet()))
    assert again["Share"].to_list()[:4] == [0.5, None, None, None]


def test_a_heading_is_guarded_and_headings_stay_distinct():
    columns = {"name": Column("=cmd"), "users": Column("Same", "count"), "mrr": Column("Same", "count")}
    first = exports.csv(ROWS, sheet(columns)).decode("utf-8-sig").splitlines()[0]
    assert first == "'=cmd,Same,Same 2"


def test_excel_holds_no_formula_and_numbers_as_numbers():
    parts = read_excel(exports.excel(ROWS, sheet()))
    table = parts["xl/worksheets/sheet1.xml"]
    assert "<f>" not in table
    assert "<v>1234.5</v>" in table
    assert "'=1+1" in parts["xl/sharedStrings.xml"]


def test_excel_says_where_its_numbers_come_from():
    texts = read_excel(exports.excel(ROWS, sheet()))["xl/sharedStrings.xml"]
    for said in ("abc", "2026-11-21 09:00 UTC", "segment =x", "EUR"):
        assert said in texts


@pytest.mark.parametrize("write", [exports.csv, exports.excel])
def test_an_empty_table_is_a_file_with_headings(write):
    assert write(ROWS.clear(), sheet())


def test_long_texts_and_control_characters_do_not_break_excel():
    frame = pl.DataFrame({"name": ["x" * 40_000, "a\x00b\x07c"]})
    assert exports.excel(frame, sheet({"name": Column("Name")}))


def test_lists_and_categories_are_written_as_text():
    frame = pl.DataFrame({"tags": [["=a", "b"], []], "band": pl.Series(["-x", "y"], dtype=pl.Categorical)})
    lines = exports.csv(frame, sheet({"tags": Column("Tags"), "band": Column("Band")})).decode("utf-8-sig").splitlines()
    assert lines[1] == "\"'=a, b\",'-x"


@given(st.text())
def test_no_exported_text_starts_a_formula(text):
    assert not exports.guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert exports.guarded(text).removeprefix("'") == text.removeprefix("'") or exports.guarded(text) == "'" + text


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_every_cell_of_a_csv_is_guarded(texts):
    frame = pl.DataFrame({"name": texts}, schema={"name": pl.String})
    again = exports._plain(frame, sheet({"name": Column("Name")}))["name"].to_list()
    assert again == [exports.guarded(text) for text in texts]


def test_a_table_shows_whole_units_and_percentages():
    shown = _shown(ROWS, COLUMNS)
    assert shown["mrr"].to_list()[:3] == [1234, -1, None]
    assert shown["share"].to_list()[0] == 50.0


def test_only_web_addresses_become_links():
    frame = pl.DataFrame({"url": ["https://crm.example/1", "javascript:alert(1)", "data:text/html,x", None]})
    assert _shown(frame, {"url": Column("CRM", "link")})["url"].to_list() == ["https://crm.example/1", None, None, None]


def test_the_frame_shown_is_left_as_it_was():
    before = ROWS.clone()
    _shown(ROWS, COLUMNS)
    exports.csv(ROWS, sheet())
    exports.excel(ROWS, sheet())
    assert ROWS.equals(before, null_equal=True)


def test_chosen_rows_give_their_accounts():
    frame = pl.DataFrame({"account_id": ["a", "b", "c"]})
    assert chosen(frame, [2, 0]) == ["c", "a"]
    assert chosen(frame, []) == []
