"""The cases of PostHog's own retention tests, as ``cohort_retention`` answers them."""

import json
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from metrics.retention import cohort_retention

Case = dict[str, Any]

CASES: list[Case] = json.loads((Path(__file__).parents[1] / "data" / "retention_cases.json").read_text("utf-8"))[
    "cases"
]
BY_TEST: dict[str, list[Case]] = defaultdict(list)
for _case in CASES:
    if _case["segment"] is not None:
        BY_TEST[_case["test"]].append(_case)


def events_of(case: Case) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "account_id": [event[0] for event in case["events"]],
            "day": [datetime.fromisoformat(event[1]) for event in case["events"]],
            "starts": [event[2] for event in case["events"]],
            "returns": [event[3] for event in case["events"]],
        },
        schema={
            "account_id": pl.String,
            "day": pl.Datetime("us", "UTC"),
            "starts": pl.Boolean,
            "returns": pl.Boolean,
        },
    ).with_columns(pl.col("day").dt.convert_time_zone(case["time_zone"]))


def asked(case: Case) -> dict[str, Any]:
    same = ("period", "cohorts", "returns", "min_returns", "week_start")
    return {name: case[name] for name in same} | {
        "since": date.fromisoformat(case["since"]),
        "until": date.fromisoformat(case["until"]),
    }


def triangle(table: pl.DataFrame) -> list[list[int]]:
    return table.sort("cohort", "index").group_by("cohort", maintain_order=True).agg("retained")["retained"].to_list()


def test_all_45_cases_are_here():
    assert len(CASES) == 45


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_counts_agree_with_posthog(case: Case):
    assert triangle(cohort_retention(events_of(case), **asked(case))) == case["retained"]


@pytest.mark.parametrize("cases", BY_TEST.values(), ids=BY_TEST)
def test_all_segments_of_a_test_agree_in_one_table(cases: list[Case]):
    events = pl.concat([events_of(case).with_columns(browser=pl.lit(case["segment"])) for case in cases])
    table = cohort_retention(events, segment="browser", **asked(cases[0]))
    found = {name: triangle(part) for (name,), part in table.group_by("browser")}
    assert found == {case["segment"]: case["retained"] for case in cases}
