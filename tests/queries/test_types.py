"""What a database or a file calls a moment, a number or a flag becomes the contract's type, the same each way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from queries.errors import SourceError
from tests.queries.reading import KINDS, STRETCH, answers, put, verdicts

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("kind", KINDS)
def test_moments_without_a_zone_are_utc_and_days_begin_when_the_organisation_s_do(reading, kind):
    moments = {
        "naive": ("timestamp", "2026-07-01 22:30:00", datetime(2026, 7, 1, 22, 30, tzinfo=UTC)),
        "offset": ("timestamptz", "2026-07-01 22:30:00+02:00", datetime(2026, 7, 1, 20, 30, tzinfo=UTC)),
        "named": ("timestamptz", "2026-07-01 22:30:00 UTC", datetime(2026, 7, 1, 22, 30, tzinfo=UTC)),
        "T and Z": ("timestamptz", "2026-07-01T22:30Z", datetime(2026, 7, 1, 22, 30, tzinfo=UTC)),
        "summer day": ("date", "2025-07-01", datetime(2025, 6, 30, 22, tzinfo=UTC)),
        "winter day": ("date", "2026-01-01", datetime(2025, 12, 31, 23, tzinfo=UTC)),
        "day of the change": ("date", "2025-03-30", datetime(2025, 3, 29, 23, tzinfo=UTC)),
    }
    for name, (type_, text, moment) in moments.items():
        row = {"touch_id": "t", "account_id": "a", "channel": "call", "direction": "in", "occurred_at": text}
        put(reading.company, "touches", kind, [row], occurred_at=type_)
        assert reading("touches").kept.get_column("occurred_at").to_list() == [moment], name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("zone", "day", "starts"),
    [
        ("Africa/Cairo", "2025-04-25", datetime(2025, 4, 24, 22, tzinfo=UTC)),  # clocks skip midnight: it starts at one
        ("America/Havana", "2025-03-09", datetime(2025, 3, 9, 5, tzinfo=UTC)),
        ("America/Havana", "2025-11-02", datetime(2025, 11, 2, 5, tzinfo=UTC)),  # midnight twice: the later one
        ("America/St_Johns", "2025-07-01", datetime(2025, 7, 1, 2, 30, tzinfo=UTC)),
        ("Pacific/Apia", "2011-12-30", datetime(2011, 12, 30, 10, tzinfo=UTC)),  # a day they skipped whole
    ],
)
def test_a_day_whose_midnight_the_clocks_skip_begins_after_it(reading, kind, zone, day, starts):
    row = {"touch_id": "t", "account_id": "a", "channel": "call", "direction": "in", "occurred_at": day}
    put(reading.company, "touches", kind, [row], occurred_at="date")
    assert reading("touches", zone).kept.get_column("occurred_at").to_list() == [starts]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("type_", "text", "day"),
    [
        ("timestamptz", "2026-01-31 23:30:00+00", date(2026, 2, 1)),  # half past midnight in Berlin
        ("timestamptz", "2026-03-28 23:30:00+00", date(2026, 3, 29)),
        ("timestamptz", "2026-03-29 21:59:59+00", date(2026, 3, 29)),  # the 23-hour day's last second
        ("timestamptz", "2026-03-29 22:00:00+00", date(2026, 3, 30)),
        ("timestamptz", "2025-10-26 22:59:59+00", date(2025, 10, 26)),  # the 25-hour day's last second
        ("timestamptz", "2025-10-26 23:00:00+00", date(2025, 10, 27)),
        ("timestamp", "2026-01-31 23:30:00", date(2026, 1, 31)),  # without a zone, the day it says
        ("date", "2026-01-31", date(2026, 1, 31)),
    ],
)
def test_a_moment_mapped_to_a_date_falls_on_the_organisation_s_day(reading, kind, type_, text, day):
    row = STRETCH | {"subscription_id": "s", "plan": "Team", "started_on": text}
    put(reading.company, "subscriptions", kind, [row], started_on=type_)
    assert reading("subscriptions").kept.get_column("started_on").to_list() == [day]


@pytest.mark.parametrize(
    ("text", "parsed"), [("t", True), ("YES", True), ("1", True), ("off", False), ("fal", False), ("0", False)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_truth_is_spelled_as_postgresql_spells_it(reading, kind, text, parsed):
    row = {"response_id": "r", "account_id": "a", "submitted_at": "2026-01-01 10:00:00+00", "regrettable": text}
    put(reading.company, "exit_surveys", kind, [row])
    assert reading("exit_surveys").kept.get_column("regrettable").to_list() == [parsed]


def test_whole_numbers_as_flags_are_zero_and_one(reading):
    row = {"response_id": "r", "account_id": "a", "submitted_at": "2026-01-01 10:00:00+00"}
    rows = [row | {"response_id": value, "regrettable": value, "comment": value} for value in ("0", "1", "2")]
    put(reading.company, "exit_surveys", "types", rows, regrettable="bigint")
    checked = reading("exit_surveys")
    assert verdicts(checked, "exit_surveys") == {"0": None, "1": None, "2": "regrettable does not parse"}
    assert checked.kept.sort("response_id").get_column("regrettable").to_list() == [False, True]


TEXT = {
    "'high'::mood": "high",
    "'5ae24a9c-1021-4887-9a65-ad434bbf8a26'::uuid": "5ae24a9c-1021-4887-9a65-ad434bbf8a26",
    """'{"a": [1, "x"]}'::json""": '{"a": [1, "x"]}',
    """'{"a":1}'::jsonb""": '{"a": 1}',
    "array['a', 'b c', NULL]": '{a,"b c",NULL}',
    "array[[1, 2], [3, 4]]": "{{1,2},{3,4}}",
    "interval '1 day 2 hours'": "1 day 02:00:00",
    "9223372036854775807": "9223372036854775807",
    "12.50::numeric": "12.50",
    "'x'::char(4)": "x",
    "'x'::short_text": "x",
    "row(1, 'x')": "(1,x)",
    "int4range(1, 5)": "[1,5)",
    "'192.168.0.1'::inet": "192.168.0.1/32",
    "'\\xdeadbeef'::bytea": "\\xdeadbeef",
    "true": "true",
    "timestamptz '2026-01-01 00:00:00+01'": "2025-12-31 23:00:00+00",
    "NULL": None,
    "''": None,
    "'<script>alert(1)</script> & \"quotes\" ''too'''": "<script>alert(1)</script> & \"quotes\" 'too'",
    "'=HYPERLINK(\"http://x\")'": '=HYPERLINK("http://x")',
    "'привет 你好 🙂'": "привет 你好 🙂",
    "repeat('x', 1000000)": "x" * 1_000_000,
}


def test_columns_of_every_type_can_be_mapped_to_text(reading):
    company = reading.company
    company.sql(
        "DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('high', 'low')",
        "DROP DOMAIN IF EXISTS short_text; CREATE DOMAIN short_text AS varchar(3)",
    )
    for old in (company.config / "sources").glob("nps.*"):
        old.unlink()
    select = "SELECT 'r' AS response_id, 'a' AS account_id, {} AS comment"
    found = reading.every("nps", {expression: select.format(expression) for expression in TEXT})
    assert {name: checked.kept.get_column("comment").to_list() for name, checked in found.items()} == {
        name: [text] for name, text in TEXT.items()
    }


NUMBERS = {
    "7::smallint": 7.0, "7::bigint": 7.0, "7.25::numeric": 7.25, "7.5::real": 7.5, "7.25::double precision": 7.25,
    "7.25::money": 7.25, "'7.25'::text": 7.25, "' 7.25'::varchar": 7.25, "7::oid": 7.0, "NULL": None, "''": None,
}  # fmt: skip


RATED = "SELECT 'r' AS review_id, 'G2' AS site, {} AS rating, timestamptz '2026-01-01 10:00Z' AS posted_at"


def test_numbers_of_every_type_are_numbers(reading):
    found = reading.every("reviews", {expression: RATED.format(expression) for expression in NUMBERS})
    assert {name: checked.kept.get_column("rating").to_list() for name, checked in found.items()} == {
        name: [number] for name, number in NUMBERS.items()
    }


def test_what_is_no_number_costs_its_row(reading):
    odd = ("true", "interval '1 day'", "'{1}'::int[]")
    found = reading.every("reviews", {expression: RATED.format(expression) for expression in odd})
    assert {name: checked.rejected_by_reason for name, checked in found.items()} == {
        name: {"rating does not parse": 1} for name in odd
    }


@pytest.mark.parametrize("style", ["ISO, MDY", "German, DMY", "SQL, DMY"])
def test_dates_mean_the_same_however_the_server_writes_them(reading, style):
    put(reading.company, "nps", "types", answers({"good": {}, "endless digits": {"score": "1e400"}}))
    name = reading.company.sql("SELECT current_database()")[0][0]
    reading.company.sql(f"ALTER DATABASE {name} SET datestyle = '{style}'")
    try:
        kept = reading("nps").kept
    finally:
        reading.company.sql(f"ALTER DATABASE {name} RESET datestyle")
    assert kept.get_column("responded_at").to_list() == [datetime(2026, 3, 1, 10, tzinfo=UTC)]


def test_a_mapping_reads_its_own_text_as_it_does_in_psql(reading):
    name = reading.company.sql("SELECT current_database()")[0][0]
    reading.company.sql(f"ALTER DATABASE {name} SET datestyle = 'German, DMY'")
    select = "SELECT 'r' AS response_id, 'a' AS account_id, '05.01.2026'::date AS submitted_at"
    try:
        checked = reading.every("exit_surveys", {"one": select})["one"]
    finally:
        reading.company.sql(f"ALTER DATABASE {name} RESET datestyle")
    assert checked.kept.get_column("submitted_at").to_list() == [datetime(2026, 1, 4, 23, tzinfo=UTC)]


def test_empty_text_is_nothing(reading):
    rows = [STRETCH | {"subscription_id": "s", "plan": "Team", "line_id": "", "currency": "", "end_kind": ""}]
    put(reading.company, "subscriptions", "types", rows)
    checked = reading("subscriptions")
    assert checked.kept.select("line_id", "currency", "end_kind").row(0) == ("s", None, None)
    assert checked.flagged == {}


def test_words_the_contract_does_not_know_are_kept_and_flagged(reading):
    rows = answers({"a": {"kind": "relational"}, "b": {"kind": "relationship"}, "c": {"kind": None}})
    put(reading.company, "nps", "types", rows)
    checked = reading("nps")
    assert checked.kept.height == 3
    assert checked.flagged == {"kind is none of relationship, transactional": 1}


def test_a_month_is_its_first_day_and_counted_once(reading):
    rows = [
        {"account_id": i, "month": day, "end_customers": "5"}
        for i, day in (("a", "2026-01-31"), ("a", "2026-01-01"), ("b", "2026-01-15"))
    ]
    put(reading.company, "reach", "types", rows)
    checked = reading("reach")
    assert checked.kept.select("account_id", "month").sort("account_id").rows() == [
        ("a", date(2026, 1, 1)),
        ("b", date(2026, 1, 1)),
    ]
    assert checked.rejected_by_reason == {"duplicate key": 1}


def test_a_parquet_file_is_read_with_its_own_types(reading):
    folder = reading.company.config / "sources"
    for old in folder.glob("nps.*"):
        old.unlink()
    moment = datetime(2026, 3, 1, 10, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "response_id": [1, 2],
            "account_id": ["a", "a"],
            "score": [6.5, 9.0],
            "comment": ["half", "good"],
            "sent_at": pl.Series([moment, moment]).dt.convert_time_zone("Asia/Kathmandu").dt.cast_time_unit("ns"),
            "responded_at": [moment.replace(tzinfo=None)] * 2,
            "survey": pl.Series(["q1", "q1"], dtype=pl.Categorical),
            "extra": [[1], [2]],
        }
    )
    frame.write_parquet(folder / "nps.parquet")
    checked = reading("nps")
    (folder / "nps.parquet").unlink()
    assert verdicts(checked, "nps") == {"half": "score is not a whole number", "good": None}
    assert checked.kept.select("response_id", "sent_at", "responded_at", "survey").row(0) == ("2", moment, moment, "q1")


ODD = {
    "a time no calendar reaches": ("sent_at", pl.Series([2**63 - 1]).cast(pl.Datetime("ms", "UTC")), "more than a day"),
    "a day no calendar reaches": ("sent_at", pl.Series([-(2**31)], dtype=pl.Int32).cast(pl.Date), "before 1970"),
    "a NUL in an id": ("response_id", pl.Series(["r\0"]), "holds a NUL character"),
    "an id of spaces": ("response_id", pl.Series([" \t"]), "is missing"),
    "a number beyond numbers": ("score", pl.Series([2**100], dtype=pl.Int128), "is too large"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_in_a_parquet_file_costs_its_row(reading, name):
    column, values, why = ODD[name]
    row = {"response_id": ["r"], "account_id": ["a"]} | {column: values}
    assert [reason for reason in parquet(reading, row).rejected_by_reason if why in reason]


@pytest.mark.parametrize("value", [["x", "y"], {"x": 1}, timedelta(days=1)])
def test_a_column_of_a_parquet_file_that_is_no_single_value_is_refused_by_name(reading, value):
    with pytest.raises(SourceError, match='column "comment" is of type') as refused:
        parquet(reading, {"response_id": ["r"], "account_id": ["a"], "comment": [value]})
    assert "or leave it out" in refused.value.hint


def parquet(reading, columns):
    path = reading.company.config / "sources" / "nps.parquet"
    for old in path.parent.glob("nps.*"):
        old.unlink()
    pl.DataFrame(columns).write_parquet(path)
    try:
        return reading("nps")
    finally:
        path.unlink()


def test_the_last_day_of_postgresql_lies_in_the_future(reading):
    select = "SELECT 'r' AS response_id, 'a' AS account_id, '5874897-12-31'::date AS sent_at"
    rejected = reading.every("nps", {"one": select})["one"].rejected_by_reason
    assert rejected == {"sent_at is more than a day in the future": 1}
