"""Single events read as text: what is wrong with one costs that one, and no day out of reach comes of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from queries import months, readings
from queries.store import Bad, Store

LAST = datetime(2026, 3, 17, 12, tzinfo=UTC)
WHY = "quantity does not parse"


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-03-17 12:00:00Z", date(2026, 3, 17)),
        ("2026-03-17 12:00:01Z", None),
        ("1970-01-01 00:00:00Z", date(1970, 1, 1)),
        ("1969-12-31 23:59:59Z", None),
        ("0001-01-01", None),
        ("infinity", None),
        ("-infinity", None),
    ],
)
def test_a_bad_event_keeps_its_day_only_where_a_good_one_would(tmp_path, at, day):
    event = pl.DataFrame({"account_id": "a", "feature": "report", "occurred_at": at, "quantity": "many"})
    found = readings.from_text(event, "UTC", LAST)
    assert found.bad == (Bad(reason=WHY, day=day, events=1),)
    work = months.split(Store(str(tmp_path)), found, today=LAST.date(), at=LAST)
    assert sum(item.events for item in (*work.lost, *(i for month in work.months.values() for i in month.bad))) == 1
    assert min(work.months, default=day) == (day and day.replace(day=1))


def test_many_looks_add_up_and_each_row_is_sorted_only_a_few_times(monkeypatch):
    looks = [
        readings.Reading(
            daily=pl.DataFrame([(f"a{number % 90}", None, "f", LAST.date(), 1, 0.5)], readings.SCHEMA, orient="row"),
            bad=(Bad(reason=WHY, day=None, events=1),),
            erased=1,
        )
        for number in range(100)
    ]
    sorted_rows, in_order = [], readings.in_order
    monkeypatch.setattr(readings, "_TOGETHER", 1)
    monkeypatch.setattr(readings, "in_order", lambda daily: sorted_rows.append(daily.height) or in_order(daily))
    found = readings.merged(iter(looks))
    assert found.daily.height == 90
    assert (found.daily["uses"].sum(), found.daily["quantity"].sum()) == (100, 50)
    assert (found.bad, found.erased) == ((Bad(reason=WHY, day=None, events=100),), 100)
    assert sum(sorted_rows) < 4 * len(looks)
    assert readings.merged([]).is_empty
