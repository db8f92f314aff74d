"""``cohort_retention`` against plain loops over its definitions, on random inputs.

The oracle reads the definitions one at a time and knows nothing of buckets as numbers, of masks or of frames:
it walks through days, and asks of each unit what the definition asks.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from metrics.retention import cohort_retention, cohort_units, pooled_curve
from tests.pages import browser

pytestmark = pytest.mark.slow

RUNS = 500 if browser.thorough() else 200
ZONES = [
    "UTC",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
]
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Use:
    unit: str | None
    at: datetime | None
    starts: bool | None
    returns: bool | None
    count: int | None
    plan: str | None


@dataclass(frozen=True)
class Question:
    zone: str
    period: str
    cohorts: str
    returns: str
    since: date
    until: date
    as_of: date | None
    week_start: str
    min_returns: int


# --- the oracle -------------------------------------------------------------------------------------------------


@cache  # the plain loops ask for the same few days thousands of times
def bucket_of(day: date, question: Question) -> date:
    """The first day of the bucket that holds ``day``."""
    if question.period == "day":
        return day
    if question.period == "month":
        return date(day.year, day.month, 1)
    while day.strftime("%A").lower() != question.week_start:
        day -= ONE_DAY
    return day


@cache
def all_buckets(question: Question) -> list[date]:
    found: list[date] = []
    day = question.since
    while day <= question.until:
        if bucket_of(day, question) not in found:
            found.append(bucket_of(day, question))
        day += ONE_DAY
    return found


def last_day_of(bucket: date, question: Question) -> date:
    day = bucket
    while bucket_of(day + ONE_DAY, question) == bucket:
        day += ONE_DAY
    return day


@cache
def plain_state(bucket: date, question: Question) -> str:
    if question.as_of is None or last_day_of(bucket, question) < question.as_of:
        return "final"
    return "provisional" if bucket <= question.as_of else "not_yet"


def days_of_use(uses: list[Use], question: Question) -> list[tuple[Use, date]]:
    """The uses that count, with the day each falls on in the organisation's zone."""
    end = last_day_of(bucket_of(question.until, question), question)
    kept = []
    for use in uses:
        if use.unit is None or use.at is None:
            continue
        day = use.at.astimezone(ZoneInfo(question.zone)).date()
        if day > end or (question.as_of is not None and day > question.as_of):
            continue
        kept.append((use, day))
    return kept


def members_of(cohort: date, dated: list[tuple[Use, date]], question: Question) -> set[str]:
    starts: dict[str, list[date]] = {}
    for use, day in dated:
        if use.starts:
            starts.setdefault(str(use.unit), []).append(day)
    members = set()
    for unit, days in starts.items():
        candidates = [min(days)] if question.cohorts == "first" else days
        for day in candidates:
            if day >= cohort and bucket_of(day, question) == cohort:
                members.add(unit)
    return members


def came_back(unit: str, bucket: date, dated: list[tuple[Use, date]], question: Question) -> bool:
    uses = 0
    for use, day in dated:
        if use.unit == unit and use.returns and bucket_of(day, question) == bucket:
            uses += 1 if use.count is None else max(use.count, 0)
    return uses >= question.min_returns


def oracle(uses: list[Use], question: Question) -> list[tuple[date, int, int, int | None, str]]:
    """cohort, index, size, retained, state"""
    dated, cells = days_of_use(uses, question), []
    everything = all_buckets(question)
    back = {
        (unit, bucket): came_back(unit, bucket, dated, question)
        for unit in {str(use.unit) for use, _ in dated}
        for bucket in everything
    }
    for place, cohort in enumerate(everything):
        members = members_of(cohort, dated, question)
        for index, bucket in enumerate(everything[place:]):
            state = plain_state(bucket, question)
            if index == 0:
                kept = members
            elif question.returns == "on":
                kept = {unit for unit in members if back[unit, bucket]}
            else:
                later = everything[place + index :]
                kept = {unit for unit in members if any(back[unit, other] for other in later)}
                state = "provisional" if state == "final" else state
            cells.append((cohort, index, len(members), None if state == "not_yet" else len(kept), state))
    return cells


# --- random inputs ----------------------------------------------------------------------------------------------


def draw_question(rng: random.Random, cohorts: str, returns: str) -> Question:
    period = rng.choice(["day", "week", "month"])
    since = date(2023, 12, 20) + timedelta(days=rng.randrange(120))
    longest = {"day": rng.choice([6, 12, 12, 140]), "week": 80, "month": 330}[period]
    until = since + timedelta(days=rng.randrange(longest))
    as_of = since + timedelta(days=rng.randrange(-5, longest + 20)) if rng.random() < 0.6 else None
    return Question(
        zone=rng.choice(ZONES),
        period=period,
        cohorts=cohorts,
        returns=returns,
        since=since,
        until=until,
        as_of=as_of,
        week_start=rng.choice(["monday", "sunday"]),
        min_returns=rng.choice([1, 1, 1, 2, 3]),
    )


def draw_uses(rng: random.Random, question: Question) -> list[Use]:
    span = (question.until - question.since).days
    origin = datetime(question.since.year, question.since.month, question.since.day, tzinfo=UTC)

    def one() -> Use:
        hours = rng.randrange(-24 * (span // 3 + 9), 24 * (span + 9))
        return Use(
            unit=rng.choice(["a", "b", "c", "d", None]) if rng.random() < 0.2 else rng.choice("abcdef"),
            at=None if rng.random() < 0.05 else origin + timedelta(hours=hours, minutes=rng.randrange(60)),
            starts=rng.choice([True, True, False, None]),
            returns=rng.choice([True, True, True, False, None]),
            count=rng.choice([1, 1, 2, 0, -1, None]),
            plan=rng.choice(["basic", "pro", None]),
        )

    return [one() for _ in range(rng.choice([0, 1, 5, 15, 40]))]


def draw_columns(rng: random.Random, uses: list[Use]) -> tuple[list[str], list[Use]]:
    """Leave optional columns out at random; then every row starts, returns, and is one use."""
    dropped = {name: rng.random() < 0.4 for name in ("starts", "returns", "count")}
    plain = {"starts": True, "returns": True, "count": 1}
    changed = {name: value for name, value in plain.items() if dropped[name]}
    return [name for name in dropped if dropped[name]], [Use(**(vars(use) | changed)) for use in uses]


def frame_of(rng: random.Random, uses: list[Use], question: Question) -> pl.DataFrame:
    """The same uses as a frame whose ``day`` is an instant in the zone, a local timestamp, or a date."""
    schema = {
        "unit": pl.String,
        "at": pl.Datetime("us", "UTC"),
        "starts": pl.Boolean,
        "returns": pl.Boolean,
        "count": pl.Int64,
        "plan": pl.String,
    }
    frame = pl.DataFrame([vars(use) for use in uses], schema=schema)
    local = pl.col("at").dt.convert_time_zone(question.zone)
    day = rng.choice([local, local.dt.replace_time_zone(None), local.dt.date()])
    return frame.select("starts", "returns", "count", "plan", account_id="unit", day=day)


def asked(question: Question) -> dict[str, Any]:
    return {name: value for name, value in vars(question).items() if name != "zone"}


def cells_of(table: pl.DataFrame) -> list[tuple[Any, ...]]:
    return table.select("cohort", "index", "size", "retained", "state").rows()


def runs(cohorts: str, returns: str, count: int = RUNS) -> Iterator[tuple[int, random.Random, Question, list[Use]]]:
    for seed in range(count):
        rng = random.Random(f"{cohorts} {returns} {seed}")
        question = draw_question(rng, cohorts, returns)
        yield seed, rng, question, draw_uses(rng, question)


MODES = pytest.mark.parametrize(("cohorts", "returns"), list(product(["first", "recurring"], ["on", "on_or_after"])))


@MODES
def test_random_inputs_agree_with_plain_loops(cohorts: str, returns: str):
    for seed, rng, question, drawn in runs(cohorts, returns):
        dropped, uses = draw_columns(rng, drawn)
        frame = frame_of(rng, uses, question).drop(dropped)
        events = frame.lazy() if rng.random() < 0.5 else frame
        found = cells_of(cohort_retention(events, **asked(question)))
        assert found == oracle(uses, question), f"seed {seed}: {question}"


@MODES
def test_each_segment_is_what_its_own_rows_give(cohorts: str, returns: str):
    for seed, rng, question, uses in runs(cohorts, returns, 60):
        table = cohort_retention(frame_of(rng, uses, question), segment="plan", **asked(question))
        plans = {use.plan for use, _ in days_of_use(uses, question)}
        assert set(table["plan"]) == plans, f"seed {seed}"
        for plan in plans:
            own = [use for use in uses if use.plan == plan]
            part = table.filter(pl.col("plan").eq_missing(pl.lit(plan, pl.String)))
            assert cells_of(part) == oracle(own, question), f"seed {seed}: {plan} {question}"


@pytest.mark.parametrize("returns", ["on", "on_or_after"])
def test_a_column_with_the_first_bucket_stands_in_for_all_history(returns: str):
    for seed, rng, question, drawn in runs("first", returns, 150):
        uses = [Use(**(vars(use) | {"starts": True})) for use in drawn]
        dated = days_of_use(uses, question)
        firsts = {use.unit: bucket_of(min(d for u, d in dated if u.unit == use.unit), question) for use, _ in dated}
        begin = bucket_of(question.since, question)
        recent = [use for use, day in dated if day >= begin]
        frame = frame_of(rng, recent, question).drop("starts")
        frame = frame.with_columns(began=pl.Series([firsts[use.unit] for use in recent], dtype=pl.Date))
        found = cohort_retention(frame, first="began", **asked(question))
        assert cells_of(found) == oracle(uses, question), f"seed {seed}: {question}"


@MODES
def test_the_units_behind_a_cell_are_as_many_as_it_counts(cohorts: str, returns: str):
    for seed, rng, question, uses in runs(cohorts, returns, 60):
        frame = frame_of(rng, uses, question)
        cohort, index, size, retained, _ = rng.choice(oracle(uses, question))
        units = cohort_units(frame, cohort=cohort, index=index, **asked(question))
        names = sorted(members_of(cohort, days_of_use(uses, question), question))
        assert units["account_id"].to_list() == names, f"seed {seed}"
        assert len(names) == size
        assert (None if retained is None else units["retained"].sum()) == retained, f"seed {seed}"


@MODES
def test_the_pooled_curve_is_the_sum_over_cells_whose_bucket_is_over(cohorts: str, returns: str):
    for seed, rng, question, uses in runs(cohorts, returns, 100):
        everything, sums = all_buckets(question), {}
        for cohort, index, size, retained, _ in oracle(uses, question):
            if plain_state(everything[everything.index(cohort) + index], question) == "final":
                before = sums.get(index, (0, 0))
                sums[index] = (before[0] + size, before[1] + (retained or 0))
        curve = pooled_curve(cohort_retention(frame_of(rng, uses, question), **asked(question)))
        expected = [(index, *sums[index]) for index in sorted(sums)]
        assert curve.select("index", "size", "retained").rows() == expected, f"seed {seed}: {question}"


@MODES
def test_rows_after_as_of_change_nothing(cohorts: str, returns: str):
    for seed, rng, question, uses in runs(cohorts, returns, 60):
        if question.as_of is None:
            continue
        early = [use for use, _ in days_of_use(uses, question)]
        found = [cells_of(cohort_retention(frame_of(rng, some, question), **asked(question))) for some in (uses, early)]
        assert found[0] == found[1], f"seed {seed}: {question}"
