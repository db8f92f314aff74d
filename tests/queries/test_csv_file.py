"""Files of other tools: read as they are meant, or refused with the line that is wrong and what to do about it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries import mapping, sources
from queries.contract import ENTITLEMENTS, NPS
from queries.errors import MappingError, SourceError

HEADER = b"response_id,account_id,score,comment\n"
GOOD = HEADER + b"1,a,9,x\n2,b,,\n"
ROWS = [("1", "a", "9", "x"), ("2", "b", None, None)]


def read(folder, content: bytes, source=NPS) -> list[tuple[str | None, ...]]:
    (folder / f"{source.name}.csv").write_bytes(content)
    found = mapping.find(folder, source)
    return sources.text_of(found).rows()


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"\n", b"\r"),
        GOOD.replace(b",", b";"),
        GOOD.replace(b",", b"\t"),
        GOOD.removesuffix(b"\n"),
        b"\n" + GOOD.replace(b"x\n", b"x\n\n  \n") + b"\n\n",
        b'"response_id","account_id","score","comment"\n"1","a","9","x"\n"2","b",,\n',
    ],
    ids=["plain", "mark", "Windows", "old Mac", "semicolons", "tabs", "no last end", "blank lines", "quotes"],
)
def test_a_file_is_read_however_a_tool_has_saved_it(tmp_path, content):
    assert read(tmp_path, content) == ROWS


def test_a_header_alone_is_a_source_without_rows(tmp_path):
    assert read(tmp_path, HEADER) == read(tmp_path, HEADER.strip()) == []


@pytest.mark.parametrize(
    ("content", "says", "hint"),
    [
        (GOOD + b"3,a,9,x,y\n", "line 4 has 5 fields, and the header 4", "as many fields as the header"),
        (GOOD + b"3,a\n", "line 4 has 2 fields, and the header 4", "as many fields as the header"),
        (GOOD + b"3", "line 4 has 1 field, and the header 4", "as many fields as the header"),
        (HEADER + b'1,a,9,"two\nlines"\n2,a\n', "line 4 has 2 fields", "as many fields as the header"),
        (GOOD + b'3,a,9,"x\n4,a,9,y\n', "line 4 has a quote where none can stand", "write a quote inside it twice"),
        (GOOD + b'3,a,9,"x"y\n', "line 4 has a quote where none can stand", "write a quote inside it twice"),
        (GOOD + b'3,a,9,5" disk\n4,a,9,6" disk\n', "line 4 has a quote", "write a quote inside it twice"),
        (b'response_id,"account_id\n', "line 1 has a quote", "write a quote inside it twice"),
        (GOOD + b"3,a,9,x\0y\n", "line 4 holds a NUL character", "UTF-8"),
        (GOOD + "3,a,9,schön\n".encode("latin-1"), "line 4 is no UTF-8 text", "UTF-8"),
        (GOOD.decode().encode("utf-16"), "line 1 is no UTF-8 text", "UTF-8"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_line(tmp_path, content, says, hint):
    with pytest.raises(SourceError) as refused:
        read(tmp_path, content)
    assert refused.value.message.startswith(f"config/sources/nps.csv cannot be read: {says}")
    assert hint in refused.value.hint


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b" \r\n"])
def test_an_empty_file_is_called_so(tmp_path, content):
    with pytest.raises(SourceError, match=r"config/sources/nps\.csv cannot be read: it is empty"):
        read(tmp_path, content)


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    with pytest.raises(MappingError, match='more than one column "score"'):
        read(tmp_path, b"response_id,account_id,score,score\n1,a,9,8\n")
    assert read(tmp_path, b"response_id,account_id,,\n1,a,x,y\n") == [("1", "a")]


def test_a_file_elsewhere_is_read_like_one_here(tmp_path):
    (tmp_path / "far.csv").write_bytes(b"\xef\xbb\xbf" + GOOD)
    (tmp_path / "nps.toml").write_text(f'path = "{(tmp_path / "far.csv").as_uri()}"')
    assert sources.text_of(mapping.find(tmp_path, NPS)).rows() == ROWS


@given(
    st.lists(st.tuples(*[st.text(st.sampled_from('a",;\n\t é'), max_size=4)] * 3), max_size=5), st.sampled_from(",;\t")
)
def test_what_a_tool_writes_is_what_is_read(tmp_path_factory, rows, separator):
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, lineterminator="\r\n")
    writer.writerows([("plan", "other", "feature"), *rows])
    found = read(tmp_path_factory.getbasetemp(), written.getvalue().encode(), ENTITLEMENTS)
    expected = [(plan, feature) for plan, _, feature in rows]
    assert [tuple(value or "" for value in row) for row in found] == expected


@pytest.mark.postgres
def test_a_file_that_is_refused_stops_no_other_source(shop):
    shop.unmap("nps")
    shop.map("nps", "response_id,account_id\n1,a\n2\n", ".csv")
    assert shop.refresh().failed == {
        "nps": "config/sources/nps.csv cannot be read: line 3 has 1 field, and the header 2."
    }
    assert shop.state("events").status == "ok"
