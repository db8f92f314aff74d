"""Every kind of bad row gets the same verdict whether the database has types, keeps text, or it is a file."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from queries import sources
from queries.contract import SOURCES
from tests.queries.company import NOON
from tests.queries.reading import KINDS, STRETCH, answers, put, verdicts

pytestmark = pytest.mark.postgres

EDGE = NOON + timedelta(days=1)

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
    "open": ({"ended_on": "9999-12-31", "renews_on": "9999-12-31"}, None),
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
        "the first there is": ("0001-01-01 00:00:00+00", "in", "occurred_at is no usable date"),
        "the last of four digits": ("9999-12-31 23:59:59+00", "in", "occurred_at is no usable date"),
        "the last that every zone can show": ("9998-12-31 23:59:59+00", "in", None),
        "sideways": ("2026-01-01 10:00:00+00", "both", "direction is none of in, out"),
    }
    row = {"account_id": "a", "channel": "call"}
    rows = [
        row | {"touch_id": name, "occurred_at": at, "direction": direction, "summary": name}
        for name, (at, direction, _) in cases.items()
    ]
    put(reading.company, "touches", kind, rows)
    checked = reading("touches")
    assert verdicts(checked, "touches") == {name: verdict for name, (_, _, verdict) in cases.items()}
    assert sources.newest(checked.kept, SOURCES["touches"], "Europe/Berlin") == "9999-01-01"


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
