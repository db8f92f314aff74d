"""Every kind of bad row gets the same verdict whether the database has types, keeps text, or it is a file."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from queries import mapping
from queries.checks import REASON, Accounts, Checked
from queries.contract import SOURCES
from queries.database import session
from queries.sources import Reader
from tests.queries.company import NOON, TYPES, Company

pytestmark = pytest.mark.postgres

KINDS = ("types", "text", "csv")
LABEL = {
    "nps": "comment",
    "subscriptions": "plan",
    "touches": "summary",
    "exit_surveys": "comment",
    "reach": "account_id",
}
ACCOUNTS = Accounts(pl.Series(["a", "b"]), pl.Series(["test"]))
EDGE = NOON + timedelta(days=1)


@pytest.fixture(scope="module")
def reading(database, tmp_path_factory):
    """Reads a source from a company's database or folder: ``reading(source)`` is a Checked."""
    company = Company(database(), tmp_path_factory.mktemp("company"))

    def read(source: str, zone: str = "Europe/Berlin") -> Checked:
        with session(company.url, statement_timeout=timedelta(minutes=1)) as opened:
            found = mapping.find(company.config / "sources", SOURCES[source])
            return Reader(opened, zone, NOON).read(found, ACCOUNTS)

    def every(source: str, selects: dict[str, str]) -> dict[str, Checked]:
        """One look for many mappings: what each SELECT gives."""
        results = {}
        with session(company.url, statement_timeout=timedelta(minutes=1)) as opened:
            for name, select in selects.items():
                company.map(source, select)
                found = mapping.find(company.config / "sources", SOURCES[source])
                results[name] = Reader(opened, "Europe/Berlin", NOON).read(found, ACCOUNTS)
        company.unmap(source)
        return results

    read.company, read.every = company, every
    yield read
    company.close()


def put(company: Company, source: str, kind: str, rows: list[dict[str, str | None]], **types: str) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    for old in (company.config / "sources").glob(f"{source}.*"):
        old.unlink()
    if kind == "csv":
        with (company.config / "sources" / f"{source}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
        return
    natural = {name: TYPES[SOURCES[source].column(name).kind] for name in names} | {"score": "numeric"} | types
    kinds = {name: natural[name] if kind == "types" else "text" for name in names}
    marks = ", ".join(f"%s::{kinds[name]}" for name in names)
    company.sql(
        f"DROP TABLE IF EXISTS {source}", f"CREATE TABLE {source} ({', '.join(f'{n} {kinds[n]}' for n in names)})"
    )
    company.sql(f"INSERT INTO {source} VALUES ({marks})", rows=[tuple(row.get(n) for n in names) for row in rows])
    company.map(source, f"SELECT * FROM {source};  -- as it is")


def verdicts(checked: Checked, source: str) -> dict[str, str | None]:
    label = LABEL[source]
    kept = dict.fromkeys(checked.kept.get_column(label), None)
    return kept | dict(checked.rejected.select(label, REASON).iter_rows())


ANSWER = {"response_id": "", "account_id": "a", "sent_at": None, "responded_at": "2026-03-01 10:00:00+00", "score": "9"}


def answers(cases: dict[str, dict[str, str | None]]) -> list[dict[str, str | None]]:
    return [ANSWER | {"response_id": name} | case | {"comment": name} for name, case in cases.items()]


NPS = {
    "good": ({}, None),
    "dismissed": ({"responded_at": None, "score": None}, None),
    "no key": ({"response_id": None}, "response_id is missing"),
    "empty key": ({"response_id": ""}, "response_id is missing"),
    "no account": ({"account_id": None}, "account_id is missing"),
    "stranger": ({"account_id": "z"}, "unknown account"),
    "NaN": ({"score": "NaN"}, "score is not a finite number"),
    "infinite": ({"score": "Infinity"}, "score is not a finite number"),
    "minus infinite": ({"score": "-Infinity"}, "score is not a finite number"),
    "ten and more": ({"score": "11"}, "score is outside 0 to 10"),
    "below zero": ({"score": "-1"}, "score is outside 0 to 10"),
    "half": ({"score": "6.5"}, "score is not a whole number"),
    "huge": ({"score": "9223372036854775807"}, "score is too large"),
    "ten": ({"score": "10"}, None),
    "zero": ({"score": "0.0"}, None),
    "endless": ({"responded_at": "infinity"}, "responded_at is more than a day in the future"),
    "beginningless": ({"responded_at": "-infinity"}, "responded_at is before 1970"),
    "Caesar": ({"responded_at": "0044-03-15 12:00:00+00 BC"}, "responded_at is before 1970"),
    "far": ({"responded_at": "20000-01-01 00:00:00+00"}, "responded_at is more than a day in the future"),
    "the last day there is": (
        {"responded_at": "294276-12-31 00:00:00+00"},
        "responded_at is more than a day in the future",
    ),
    "sixties": ({"responded_at": "1969-12-31 23:59:59.999999+00"}, "responded_at is before 1970"),
    "epoch": ({"responded_at": "1970-01-01 00:00:00+00"}, None),
    "a day ahead": ({"responded_at": str(EDGE)}, None),
    "more than a day ahead": (
        {"responded_at": str(EDGE + timedelta(microseconds=1))},
        "responded_at is more than a day in the future",
    ),
    "sent twice wrong": ({"sent_at": "infinity", "score": "12"}, "sent_at is more than a day in the future"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_survey_answers(reading, kind):
    put(reading.company, "nps", kind, answers({name: case for name, (case, _) in NPS.items()}))
    assert verdicts(reading("nps"), "nps") == {name: verdict for name, (_, verdict) in NPS.items()}


STRETCH = {
    "subscription_id": "", "account_id": "a", "kind": "paid", "mrr": "100", "started_on": "2026-01-01",
    "ended_on": None, "renews_on": None, "billing_months": "1",
}  # fmt: skip
SUBSCRIPTIONS = {
    "good": ({}, None),
    "free": ({"mrr": "0", "kind": "free"}, None),
    "planned": ({"started_on": "2027-01-01", "renews_on": "2099-12-31"}, None),
    "negative": ({"mrr": "-0.01"}, "mrr is below 0"),
    "NaN": ({"mrr": "NaN"}, "mrr is not a finite number"),
    "infinite": ({"mrr": "Infinity"}, "mrr is not a finite number"),
    "huge": ({"mrr": "1e14"}, "mrr is too large"),
    "no price": ({"mrr": None}, "mrr is missing"),
    "no start": ({"started_on": None}, "started_on is missing"),
    "other kind": ({"kind": "Paid"}, "kind is none of paid, usage, trial, free, paused, parked"),
    "no kind": ({"kind": None}, "kind is missing"),
    "backwards": ({"ended_on": "2025-12-31"}, "ended before it started"),
    "empty": ({"ended_on": "2026-01-01"}, None),
    "endless": ({"ended_on": "infinity", "renews_on": "infinity"}, None),
    "always": ({"started_on": "-infinity"}, "started_on is no usable date"),
    "Caesar": ({"started_on": "0044-03-15 BC"}, "started_on is no usable date"),
    "far": ({"renews_on": "20000-01-01"}, "renews_on is no usable date"),
    "fifties": ({"started_on": "1955-01-01"}, None),
    "half a month": ({"billing_months": "0.5"}, "billing_months is not a whole number"),
    "no month": ({"billing_months": "0"}, "billing_months is below 1"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_subscriptions(reading, kind):
    cases = {name: case for name, (case, _) in SUBSCRIPTIONS.items()}
    rows = [STRETCH | {"subscription_id": name} | case | {"plan": name} for name, case in cases.items()]
    put(reading.company, "subscriptions", kind, rows, billing_months="numeric")
    checked = reading("subscriptions")
    assert verdicts(checked, "subscriptions") == {name: verdict for name, (_, verdict) in SUBSCRIPTIONS.items()}
    endless = checked.kept.filter(plan="endless").row(0, named=True)
    assert (endless["ended_on"], endless["renews_on"]) == (None, None)


@pytest.mark.parametrize("kind", KINDS)
def test_contacts_may_be_planned_but_not_for_no_day_at_all(reading, kind):
    cases = {
        "planned": ("2031-05-01 10:00:00+00", "out", None),
        "endless": ("infinity", "in", "occurred_at is missing"),
        "far": ("20000-05-01 10:00:00+00", "in", "occurred_at is no usable date"),
        "Caesar": ("0044-03-15 12:00:00+00 BC", "in", "occurred_at is no usable date"),
        "sideways": ("2026-01-01 10:00:00+00", "both", "direction is none of in, out"),
    }
    row = {"account_id": "a", "channel": "call"}
    rows = [
        row | {"touch_id": name, "occurred_at": at, "direction": direction, "summary": name}
        for name, (at, direction, _) in cases.items()
    ]
    put(reading.company, "touches", kind, rows)
    assert verdicts(reading("touches"), "touches") == {name: verdict for name, (_, _, verdict) in cases.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_of_rows_with_one_key_the_newest_good_one_stays(reading, kind):
    rows = answers({"old": {"responded_at": "2026-01-01 10:00:00+00"}, "new": {}, "newer but bad": {"score": "99"}})
    rows = [row | {"response_id": "same"} for row in rows]
    rows[2]["responded_at"] = "2026-03-10 10:00:00+00"
    put(reading.company, "nps", kind, rows)
    assert verdicts(reading("nps"), "nps") == {
        "old": "duplicate key",
        "new": None,
        "newer but bad": "score is outside 0 to 10",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_stretch_that_overlaps_is_rejected_and_stands_in_nobodys_way(reading, kind):
    spans = {
        "winter": ("2025-01-01", "2025-04-01", None, None),
        "spring": ("2025-04-01", "2025-07-01", None, None),
        "stray": ("2025-06-30", None, None, "overlaps another stretch of its line"),
        "summer": ("2025-07-01", "2025-10-01", None, None),
        "moment": ("2025-08-01", "2025-08-01", None, None),
        "late summer": ("2025-08-15", "2025-09-15", None, "overlaps another stretch of its line"),
        "add-on": ("2025-08-15", "2025-09-15", "extra", None),
        "now": ("2025-12-01", None, None, None),
    }
    rows = [
        STRETCH | {"subscription_id": "s", "line_id": line, "started_on": start, "ended_on": end, "plan": name}
        for name, (start, end, line, _) in spans.items()
    ]
    put(reading.company, "subscriptions", kind, rows)
    assert verdicts(reading("subscriptions"), "subscriptions") == {name: case[3] for name, case in spans.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_a_test_account_are_counted_and_left_out(reading, kind):
    put(reading.company, "nps", kind, answers({"ours": {"account_id": "test", "score": "99"}, "theirs": {}}))
    checked = reading("nps")
    assert (verdicts(checked, "nps"), checked.left_out) == ({"theirs": None}, 1)


@pytest.mark.parametrize("kind", ["text", "csv"])
def test_a_value_that_does_not_parse_costs_its_row_and_is_shown_as_it_was(reading, kind):
    cases = {
        "good": {},
        "word": {"score": "seven"},
        "comma": {"score": "6,5"},
        "nowhere": {"responded_at": "yesterday"},
        "spring": {"responded_at": "2026-02-30 10:00:00+00"},
        "slashes": {"responded_at": "01/02/2026"},
        "padded": {"score": " 7 "},
    }
    put(reading.company, "nps", kind, answers(cases))
    checked = reading("nps")
    assert verdicts(checked, "nps") == {
        "good": None,
        "word": "score does not parse",
        "comma": "score does not parse",
        "nowhere": "responded_at does not parse",
        "spring": "responded_at does not parse",
        "slashes": "responded_at does not parse",
        "padded": None,
    }
    shown = dict(checked.rejected.select("comment", pl.concat_str("score", pl.lit(" "), "responded_at")).iter_rows())
    assert shown["comma"] == "6,5 2026-03-01 10:00:00+00"
    assert shown["spring"] == "9 2026-02-30 10:00:00+00"


def test_a_number_that_the_database_cannot_cast_costs_its_row_only(reading):
    put(
        reading.company,
        "nps",
        "types",
        answers({"good": {}, "endless digits": {"score": "1e400"}, "ten": {"score": "10"}}),
    )
    checked = reading("nps")
    assert verdicts(checked, "nps") == {"good": None, "endless digits": "score is not a finite number", "ten": None}
    assert checked.rejected.get_column("score")[0].startswith("1000")


@pytest.mark.parametrize("kind", KINDS)
def test_moments_without_a_zone_are_utc_and_days_begin_when_the_organisation_s_do(reading, kind):
    moments = {
        "naive": ("timestamp", "2026-07-01 22:30:00", datetime(2026, 7, 1, 22, 30, tzinfo=UTC)),
        "offset": ("timestamptz", "2026-07-01 22:30:00+02:00", datetime(2026, 7, 1, 20, 30, tzinfo=UTC)),
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
        ("America/St_Johns", "2025-07-01", datetime(2025, 7, 1, 2, 30, tzinfo=UTC)),
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
