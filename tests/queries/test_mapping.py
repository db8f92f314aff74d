"""How a source is mapped: which file counts, and which SELECT stands in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries import cast, mapping
from queries.contract import EVENTS, NPS
from queries.database import render
from queries.errors import MappingError
from queries.statement import pieces, select_of

SELECTS = {
    "a plain one": ("SELECT 1 AS a", "SELECT 1 AS a"),
    "closed by a semicolon": ("SELECT 1 AS a;", "SELECT 1 AS a"),
    "closed by several": ("SELECT 1 AS a;\n;\n ;", "SELECT 1 AS a"),
    "ending in a comment": ("SELECT 1 AS a -- the score", "SELECT 1 AS a"),
    "a comment after the semicolon": ("SELECT 1 AS a; -- done; really\n/* ; */", "SELECT 1 AS a"),
    "a comment before it": ("-- one row is; an answer\n\n  SELECT 1 AS a", "SELECT 1 AS a"),
    "a comment inside": ("SELECT 1 -- ;\n AS a", "SELECT 1 -- ;\n AS a"),
    "comments that nest": ("SELECT 1 /* a /* b; */ ; */ AS a", "SELECT 1 /* a /* b; */ ; */ AS a"),
    "common table expressions": (
        "WITH t AS (SELECT 1 AS a) SELECT * FROM t;",
        "WITH t AS (SELECT 1 AS a) SELECT * FROM t",
    ),
    "a union in brackets": ("(SELECT 1 AS a) UNION ALL (SELECT 2);", "(SELECT 1 AS a) UNION ALL (SELECT 2)"),
    "a whole table": ("TABLE scores;", "TABLE scores"),
    "a semicolon in a string": ("SELECT 'a;b' AS a;", "SELECT 'a;b' AS a"),
    "a quote in a string": ("SELECT 'it''s; so' AS a;", "SELECT 'it''s; so' AS a"),
    "a backslash that means itself": ("SELECT 'C:\\' AS a, ';' AS b;", "SELECT 'C:\\' AS a, ';' AS b"),
    "a backslash that escapes": ("SELECT E'it\\'s; so' AS a;", "SELECT E'it\\'s; so' AS a"),
    "a semicolon in a name": ('SELECT 1 AS "a;b";', 'SELECT 1 AS "a;b"'),
    "dollar quotes": ("SELECT $$a;'b$$ AS a;", "SELECT $$a;'b$$ AS a"),
    "dollar quotes with a tag": ("SELECT $x$a;$$;'b$x$ AS a;", "SELECT $x$a;$$;'b$x$ AS a"),
    "dollars in names": ("SELECT a$b$c, d$b$e FROM t; -- $b$", "SELECT a$b$c, d$b$e FROM t"),
    "a word that begins other statements": ("SELECT begin, if FROM t;", "SELECT begin, if FROM t"),
    "a semicolon and a mark of order": ("SELECT 1 - -1 / 2 AS a;", "SELECT 1 - -1 / 2 AS a"),
}


@pytest.mark.parametrize("name", SELECTS)
def test_the_one_select_of_a_file_is_found_without_its_end(name):
    text, select = SELECTS[name]
    assert select_of("nps.sql", text) == select


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nps.sql holds no statements"),
        ("-- to do\n/* later */ ;", "nps.sql holds no statements"),
        ("SELECT 1; SELECT 2", "nps.sql holds 2 statements"),
        ("SELECT 1;\n-- and\nDROP TABLE t;", "nps.sql holds 2 statements"),
        ("DELETE FROM answers", "nps.sql is no SELECT: it begins with DELETE"),
        ("insert into t values (1)", "nps.sql is no SELECT: it begins with INSERT"),
        ("score, comment FROM answers", "nps.sql is no SELECT: it begins with SCORE,"),
    ],
)
def test_what_is_not_one_select_is_refused_by_name(text, says):
    with pytest.raises(MappingError) as refused:
        select_of("nps.sql", text)
    assert refused.value.message.startswith(says)
    assert refused.value.hint


def test_ten_thousand_words_and_a_comment_of_a_million_letters_are_read_in_a_moment():
    branches = " ".join(f"WHEN {number} THEN 'plan {number}'" for number in range(10_000))
    select = f"SELECT CASE code {branches} END AS plan, {'(' * 500}1{')' * 500} AS one FROM t"
    assert select_of("nps.sql", f"{select} -- {'x' * 1_000_000}") == select


@given(
    st.lists(
        st.sampled_from(["'", '"', "$$", "$a$", "--", "/*", "*/", "\n", ";", "\\", "E'", "a", " ", "é"]), max_size=30
    )
)
def test_no_text_is_lost_or_made_up_in_taking_it_apart(parts):
    text = "".join(parts)
    assert "".join(piece for _, piece in pieces(text)) == text


@pytest.mark.parametrize(
    "select",
    [
        "SELECT to_char(at, 'HH24:MI') AS a, '12:30' AS b FROM t",
        "SELECT a::text, b::varchar(3) AS b, '{1,2}'::int[] AS c FROM t",
        "SELECT '100%' AS a, '%s' AS b, '%(x)s' AS c, 7 % 3 AS d FROM t",
        "SELECT ':name' AS a, '\\:' AS b, list[1:2] AS c, '?' AS d FROM t",
        "SELECT 'C:\\:x' AS a, E'\\\\:y' AS b, ':' AS c FROM t",
        "SELECT '::' AS a, ':::x' AS b FROM t -- : a 'comment' % :b",
    ],
)
def test_colons_percent_signs_and_quotes_reach_the_database_as_written(select):
    columns = {"account_id": "string", "feature": "string", "occurred_at": "string"}
    assert f"(\n{select}\n) AS source" in render(cast.text_select(select, EVENTS, columns))


def found(folder: Path, **files: str) -> mapping.Mapping | None:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return mapping.find(folder, NPS)


def test_a_source_without_a_file_is_not_mapped(tmp_path):
    assert found(tmp_path) is None


def test_a_source_is_mapped_by_a_select(tmp_path):
    assert found(tmp_path, nps_sql="SELECT 1 AS score;").sql == "SELECT 1 AS score"


def test_a_select_saved_by_a_windows_editor_is_read_without_its_byte_order_mark(tmp_path):
    (tmp_path / "nps.sql").write_bytes(b"\xef\xbb\xbfSELECT 1 AS score")
    assert found(tmp_path).sql == "SELECT 1 AS score"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_source_is_mapped_by_a_file_of_its_name(tmp_path, suffix):
    assert found(tmp_path, **{f"nps_{suffix}": ""}).location == str(tmp_path / f"nps.{suffix}")


def test_one_line_of_toml_leads_to_a_file_elsewhere(tmp_path):
    beside = found(tmp_path, nps_toml='path = "../answers/nps.csv"')
    assert beside.location == str(tmp_path.parent / "answers" / "nps.csv")
    stored = found(tmp_path, nps_toml='path = "s3://bucket/nps.parquet"')
    assert stored.location == "s3://bucket/nps.parquet"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path = ", "is not valid TOML"),
        ("", 'must hold "path" and nothing else'),
        ("path = 3", 'must hold "path" and nothing else'),
        ('path = "a.csv"\nkey = 1', 'must hold "path" and nothing else'),
        ('path = "a.xlsx"', "names a.xlsx, which is neither .csv nor .parquet"),
    ],
)
def test_a_toml_that_leads_nowhere_says_what_to_write(tmp_path, text, says):
    with pytest.raises(MappingError) as refused:
        found(tmp_path, nps_toml=text)
    assert f"config/sources/nps.toml {says}" in refused.value.message
    assert 'path = "s3://bucket/nps.parquet"' in refused.value.hint


def test_a_nul_character_is_refused(tmp_path):
    with pytest.raises(MappingError, match="holds a NUL character"):
        found(tmp_path, nps_sql="SELECT 1\0")
    (tmp_path / "nps.sql").unlink()
    with pytest.raises(MappingError, match='must hold "path"'):
        found(tmp_path, nps_toml='path = "a\\u0000.csv"')


def test_two_files_for_one_source_are_refused(tmp_path):
    with pytest.raises(MappingError) as refused:
        found(tmp_path, nps_sql="SELECT 1", nps_csv="score\n1")
    assert str(refused.value) == "config/sources has nps.sql and nps.csv.\n\nHint: keep one mapping for nps"


def test_a_file_that_is_no_utf8_is_refused(tmp_path):
    (tmp_path / "nps.sql").write_bytes("SELECT 'schön' AS comment".encode("latin-1"))
    with pytest.raises(MappingError) as refused:
        found(tmp_path)
    assert refused.value.message == "config/sources/nps.sql cannot be read: line 1 is no UTF-8 text."
    assert refused.value.hint == "save it as UTF-8 text"


def missing(folder: Path, columns: list[str], **file: str) -> str:
    with pytest.raises(MappingError) as refused:
        mapping.require_columns(found(folder, **file), columns)
    return str(refused.value)


def test_a_missing_column_is_named_with_the_one_that_looks_like_it(tmp_path):
    said = missing(tmp_path, ["response", "account_id", "score"], nps_sql="SELECT 1")
    assert said == (
        'config/sources/nps.sql returns no column "response_id".\n\nHint: did you mean "response AS response_id"?'
    )


def test_a_missing_column_of_a_file_is_to_be_renamed_not_selected(tmp_path):
    said = missing(tmp_path, ["Response ID", "account_id"], nps_csv="Response ID,account_id")
    assert said == (
        'config/sources/nps.csv returns no column "response_id".\n\n'
        'Hint: rename the column "Response ID" to "response_id"'
    )


def test_missing_columns_that_nothing_looks_like_are_to_be_added(tmp_path):
    said = missing(tmp_path, ["x", "y"], nps_sql="SELECT 1")
    assert said == (
        'config/sources/nps.sql returns no columns "response_id", "account_id".\n\n'
        'Hint: add "… AS response_id" to the SELECT; it returns x, y'
    )


def test_a_mapping_with_every_required_column_passes(tmp_path):
    mapping.require_columns(found(tmp_path, nps_sql="SELECT 1"), ["account_id", "response_id", "whatever"])
