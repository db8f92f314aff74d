"""The use of the product: a million and more events, made and handed over month by month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from demo.accounts import Account
from demo.catalog import FEATURES, INDEX, LATE_FEATURES
from demo.months import MONTHS, Timeline, stream
from demo.people import Person
from demo.rhythm import account_days, setup_events
from demo.tables import AT, REAL, WHOLE, WORDS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHUNK = 400_000
"""Events made at once; keeps memory bounded however many are asked for."""
SCHEMA: dict[str, pl.DataType] = {
    "id": WHOLE,
    "org_id": WHOLE,
    "user_id": WHOLE,
    "feature_key": WORDS,
    "occurred_at": AT,
    "amount": REAL,
}


@dataclass(frozen=True)
class Habits:
    """Who uses which feature how often: one entry per actor and feature. ``person`` -1 is an integration."""

    account: Ints
    person: Ints
    feature: Ints
    rate: Floats  # uses in an ordinary month
    first: Ints  # first day (of the timeline) the actor is there
    last: Ints  # first day it is not


class Usage:
    """All use of a company. ``events`` is about how many in the whole time up to today."""

    def __init__(
        self, accounts: list[Account], people: list[Person], timeline: Timeline, seed: int, events: int
    ) -> None:
        self.accounts, self.people, self.timeline, self.seed = accounts, people, timeline, seed
        self.ids = np.array([a.id for a in accounts], dtype=np.int64)
        self.people_ids = np.array([p.id for p in people] or [0], dtype=np.int64)
        self.level = account_days(accounts, timeline, seed)
        self.habits = _habits(accounts, people, timeline, stream(seed, "habits"))
        self.setup = setup_events(accounts, people, timeline, stream(seed, "setup"))
        expected = sum(self._expected(month).sum() for month in range(1, MONTHS + 1))
        self.scale = max(events - len(self.setup), 1) / max(expected, 1.0)
        self.next_id = 1

    def chunks(self) -> Iterator[pl.DataFrame]:
        """The rows of usage.events in order of time, in pieces of bounded size."""
        for month in range(1, MONTHS + 1):
            start, end = self._days(month)
            expected = self._expected(month).sum() * self.scale
            pieces = max(1, round(expected / CHUNK))
            edges = np.linspace(start, end, pieces + 1).round().astype(int)
            for part, (low, high) in enumerate(pairwise(edges)):
                rng = stream(self.seed, f"usage {month} {part}")
                yield self._make(int(low), int(high), rng)

    def one_more_day(self, day: date, first_id: int) -> pl.DataFrame:
        """A whole ordinary day of use after the last one: everybody as keen as in the last week."""
        last = self.timeline.days - 1
        rng = stream(self.seed, f"day {day}")
        self.next_id = first_id
        week = self.level[:, max(last - 7, 0) : last].mean(axis=1)
        self.level = np.concatenate([self.level, week[:, None].astype(np.float32)], axis=1)
        return self._make(last + 1, last + 2, rng, at=day)

    # --- one stretch of days ------------------------------------------------------------------------------

    def _days(self, month: int) -> tuple[int, int]:
        """First day of a month and the first after it, cut at today."""
        start = self.timeline.day(self.timeline.start(month))
        end = self.timeline.day(self.timeline.start(month + 1))
        return start, min(end, self.timeline.days)

    def _expected(self, month: int) -> Floats:
        return self._weights(*self._days(month))

    def _weights(self, start: int, end: int) -> Floats:
        """Expected uses per habit in the days from ``start`` to before ``end``, before scaling."""
        habits = self.habits
        low, high = self._span(self._cumulative(start, end), start, end)
        expected: Floats = habits.rate * np.maximum(high - low, 0) / 30.4
        return expected

    def _cumulative(self, start: int, end: int) -> Floats:
        """How busy each account was from ``start`` up to each day, beginning with 0: accounts x (days + 1)."""
        days = np.cumsum(self.level[:, start:end], axis=1, dtype=np.float64)
        return np.concatenate([np.zeros((len(days), 1)), days], axis=1)

    def _span(self, cumulative: Floats, start: int, end: int) -> tuple[Floats, Floats]:
        """Where in ``cumulative`` each habit's own days begin and end."""
        habits = self.habits
        first, last = np.clip(habits.first, start, end), np.clip(habits.last, start, end)
        return cumulative[habits.account, first - start], cumulative[habits.account, last - start]

    def _make(self, start: int, end: int, rng: np.random.Generator, at: date | None = None) -> pl.DataFrame:
        counts = rng.poisson(self._weights(start, end) * self.scale)
        habit = np.repeat(np.arange(len(counts)), counts)
        uses = {
            "account": self.habits.account[habit],
            "person": self.habits.person[habit],
            "feature": self.habits.feature[habit],
            "day": self._pick_days(habit, start, end, rng),
        }
        setup = self.setup.filter(pl.col("day").is_between(start, end - 1))
        return self._rows(pl.concat([pl.DataFrame(uses), setup]), rng, at)

    def _pick_days(self, habit: Ints, start: int, end: int, rng: np.random.Generator) -> Ints:
        """A day for each use: one of the habit's own, likelier where the account was busy."""
        cumulative = self._cumulative(start, end)
        low, high = self._span(cumulative, start, end)
        draw = low[habit] + rng.random(len(habit)) * (high - low)[habit]
        account, day = self.habits.account[habit], np.empty(len(habit), dtype=np.int64)
        for piece in range(0, len(habit), 200_000):  # a piece at a time: the comparison is days times as large
            part = slice(piece, piece + 200_000)
            day[part] = (cumulative[account[part], 1:] <= draw[part, None]).sum(axis=1)
        return start + np.minimum(day, end - start - 1)

    def _rows(self, rows: pl.DataFrame, rng: np.random.Generator, at: date | None) -> pl.DataFrame:
        """Moments, amounts and ids for uses whose account, person, feature and day are known."""
        account, person = rows["account"].to_numpy(), rows["person"].to_numpy()
        feature, day = rows["feature"].to_numpy(), rows["day"].to_numpy()
        second = _seconds(person, rng)
        if at is None:  # today has only just begun
            running = day == self.timeline.days - 1
            second = np.where(running, (second - 6 * 3600) * 6 // 16, second)
        else:
            day = np.full(len(day), self.timeline.day(at))
        order = np.argsort(day * 86_400 + second, kind="stable")
        micros = ((day * 86_400 + second) * 1_000_000)[order]
        origin = datetime.combine(self.timeline.first, time())
        ids = np.arange(self.next_id, self.next_id + len(order))
        self.next_id += len(order)
        medians = np.array([f.amount for f in FEATURES])[feature]
        amount = np.where(
            medians > 0, np.maximum(np.round(medians * np.exp(rng.normal(0, 0.7, len(medians)))), 1), np.nan
        )
        user = self.people_ids[np.maximum(person, 0)]
        moments = micros + int((origin - datetime(1970, 1, 1)).total_seconds()) * 1_000_000
        columns = {
            "id": pl.Series(ids),
            "org_id": pl.Series(self.ids[account][order]),
            "user_id": pl.Series(np.where(person < 0, -1, user)[order]).replace(-1, None),
            "feature_key": pl.Series([f.key for f in FEATURES]).gather(feature[order]),
            "occurred_at": pl.Series(moments).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
            "amount": pl.Series(amount[order]).fill_nan(None),
        }
        return pl.DataFrame(columns).cast(pl.Schema(SCHEMA))


def _seconds(person: Ints, rng: np.random.Generator) -> Ints:
    """Second of the day (UTC): people around ten and three o'clock, integrations at any hour; 6 to 22 at most.

    Outside those hours a use could fall on another day in the organisation's zone than its own.
    """
    count = len(person)
    peak = np.where(rng.random(count) < 0.55, 9.2, 14.0)
    hour = np.where(person < 0, rng.uniform(6, 21.9, count), rng.normal(peak, 1.7, count))
    return (np.clip(hour, 6.0, 21.95) * 3600 + rng.random(count) * 60).astype(np.int64)


def _silent_from(accounts: list[Account], timeline: Timeline) -> dict[int, tuple[int, int]]:
    """For each zombie, the day its last value ends, and the day its log-ins do (for two in three: never)."""
    zombies = [position for position, account in enumerate(accounts) if account.part == "zombie"]
    silent = {}
    for n, position in enumerate(zombies):
        day = timeline.days - (70 + (n * 37) % 130)
        silent[position] = (day, day + 20 if n % 3 == 0 else timeline.days + 1)
    return silent


def _habits(accounts: list[Account], people: list[Person], timeline: Timeline, rng: np.random.Generator) -> Habits:
    rows: list[tuple[int, int, int, float, int, int]] = []
    adopted = rng.random((len(accounts), len(FEATURES))) < np.array([min(1.0, f.adoption * 2.1) for f in FEATURES])
    end = timeline.days + 1
    silent = _silent_from(accounts, timeline)
    for n, person in enumerate(people):
        account = accounts[person.account]
        first = timeline.day(person.joined)
        last = timeline.day(person.left) if person.left else end
        draws = rng.random(len(FEATURES))
        for f, feature in enumerate(FEATURES):
            if not _uses(feature.key, person, account, draws[f], bool(adopted[person.account, f])):
                continue
            since = max(first, timeline.day(timeline.start(LATE_FEATURES.get(feature.key, -99))))
            value_ends, login_ends = silent.get(person.account, (end, end))
            until = min(last, login_ends if feature.key == "login" else value_ends)
            rows.append((person.account, n, f, feature.uses * person.keen, since, max(until, since)))
    api = INDEX["api_request"]
    for i, account in enumerate(accounts):
        if account.integration:
            rows.append((i, -1, api, FEATURES[api].uses * 1.5, timeline.day(account.signed_up) + 3, end))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    where, who, what, start, stop = (np.array(columns[i], dtype=np.int64) for i in (0, 1, 2, 4, 5))
    return Habits(where, who, what, np.array(columns[3], dtype=np.float64), start, stop)


def _uses(key: str, person: Person, account: Account, draw: float, adopted: bool) -> bool:
    """Whether a person ever uses a feature."""
    if account.part == "integration only":
        return False
    if person.staff:
        return key in ("login", "settings_change", "report_view")
    if key == "login":
        return True
    if account.stuck and key in ("user_import", "broadcast", "segment_build"):
        return False  # without their users in it, there is nobody to write to
    known = FEATURES[INDEX[key]]
    return adopted and known.from_plan <= account.plan and draw < min(1.0, known.adoption * 1.25)
