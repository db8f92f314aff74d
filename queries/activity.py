"""Brings one snapshot's activity up to date: events, their rollups, and the last days of value."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from queries import first_uses, months, readings, roll_up, rollups, sources, value_days
from queries.checks import REASON
from queries.contract import EVENTS
from queries.counted import Counted, signed_up_days
from queries.errors import MappingError, SourceError
from queries.events import Events
from queries.mapping import Mapping, find
from queries.months import Before, Progress, Work
from queries.readings import SAMPLE, SCHEMA, UNKNOWN_ACCOUNT
from queries.roll_up import Update
from queries.sources import Reader
from queries.store import Manifest, SourceState, Store
from settings import Settings

SAMPLES = "rejected/events"
FORMAT = 1
"""Raised when rollups are computed in another way: the next refresh reads everything again."""


@dataclass(frozen=True)
class Activity:
    """What a refresh made of the events: for the manifest, beside the files it put."""

    update: Update
    state: SourceState
    files: dict[str, str]
    events_key: str
    value_key: str
    read_on: date | None


@dataclass(frozen=True)
class _Look:
    """Activity read, what it was built on, under which key, and on which day."""

    work: Work
    before: Before | None
    key: str
    read_on: date | None


@dataclass(frozen=True)
class Activities:
    """How to make it. ``old`` is the snapshot before; only where ``carry_on`` may its months be built on."""

    settings: Settings
    store: Store
    reader: Reader
    today: date
    old: Manifest | None
    carry_on: bool
    counted: Counted
    progress: Progress

    def made(self, features: pl.DataFrame) -> Activity:
        """Reads what is new; when that fails, what was read before stays, for whoever counts now."""
        found, problem = None, None
        try:
            found = find(self.settings.sources, EVENTS)
            if found is None:
                raise MappingError("config/sources/events.sql is missing.", "map a use of the product")
            look = self._look(found)
        except (MappingError, SourceError) as error:
            problem, look = error, self._look_before()
        update = roll_up.rolled_up(
            look.work,
            self.counted,
            look.before,
            today=self.today,
            week_start=self.settings.organisation.week_start,
            progress=self.progress,
        )
        value_key = hashed(features.drop("name", "onboarding_step").rows(), look.key)
        state = self._state(found, update) if problem is None else self._failed(found, problem)
        return Activity(
            update=update,
            state=state,
            files=self._files(update, features, value_key, set(state.rejected_by_reason)),
            events_key=look.key,
            value_key=value_key,
            read_on=look.read_on,
        )

    def _look(self, found: Mapping) -> _Look:
        columns = self.reader.columns(found)
        key = self._key(found, columns)
        before = self._before() if self.carry_on and self.old is not None and self.old.events_key == key else None
        return _Look(self._read(found, columns, before), before, key, self.today)

    def _look_before(self) -> _Look:
        """What was read before, as though nothing had happened since."""
        before = self._before()
        if before is None or self.old is None:
            return _Look(Work(self.store), None, "", None)
        work = Work(self.store, {month.month: month for month in before.months})
        return _Look(work, before, self.old.events_key, self.old.events_on)

    def _key(self, found: Mapping, columns: dict[str, str]) -> str:
        """What daily activity depends on, beside the events themselves."""
        here = self.settings.organisation
        return hashed(FORMAT, found.text, here.time_zone, here.week_start, sorted(columns.items()))

    def _read(self, found: Mapping, columns: dict[str, str], before: Before | None) -> Work:
        zone, as_of = self.settings.organisation.time_zone, self.reader.as_of
        reading = Events(self.reader.session, found, columns, zone, as_of, self.reader.left_out)
        if found.sql is None:
            text = readings.from_text(sources.text_of(found), zone, reading.last).without(self.reader.left_out)
            return months.split(self.store, text, today=self.today, at=as_of)
        late_days = self.settings.refresh.late_days
        return months.update(self.store, reading, before, today=self.today, late_days=late_days, progress=self.progress)

    def _before(self) -> Before | None:
        old = self.old
        if old is None or old.events_on is None:
            return None
        samples = old.files.get(SAMPLES)
        return Before(
            months=old.months,
            read_on=old.events_on,
            first_days=self._old_frame("first_days"),
            accounts=self._old_frame("accounts").get_column("account_id"),
            staff=self._old_frame("staff").get_column("user_id"),
            samples=self.store.scan(samples).collect() if samples else pl.DataFrame(schema=SAMPLE),
        )

    def _old_frame(self, name: str) -> pl.DataFrame:
        assert self.old is not None
        return self.store.scan(self.old.files[name]).collect()

    def _failed(self, found: Mapping | None, problem: MappingError | SourceError) -> SourceState:
        return sources.failure(problem, found, self.old.sources.get("events") if self.old else None)

    def _state(self, found: Mapping | None, update: Update) -> SourceState:
        assert found is not None
        reasons: dict[str, int] = {}
        for item in (*update.lost, *(item for month in update.months for item in month.bad)):
            reasons[item.reason] = reasons.get(item.reason, 0) + item.events
        tests = set(self.counted.who.accounts.left_out)
        ids = self._uncounted(update)
        unknown = sum(events for account, events in ids.items() if account not in tests)
        if unknown:
            reasons[UNKNOWN_ACCOUNT] = unknown
        flagged: dict[str, int] = {}
        for month in update.months:
            for words, count in month.flagged.items():
                flagged[words] = flagged.get(words, 0) + count
        by_staff = sum(month.by_staff for month in update.months)
        return SourceState(
            status="ok",
            rows=sum(month.uses for month in update.months) - sum(ids.values()) - by_staff,
            rejected=sum(reasons.values()),
            rejected_by_reason=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
            flagged=flagged,
            left_out=sum(ids.values()) - unknown + by_staff + sum(month.erased for month in update.months),
            newest=self._newest_day(update),
            mapping=found.file,
            mapping_hash=sources.mapping_hash(found),
        )

    def _uncounted(self, update: Update) -> dict[str, int]:
        """Events of accounts that do not count, by account, over all months."""
        ids: dict[str, int] = {}
        for month in update.months:
            for account, uses in month.uncounted.items():
                ids[account] = ids.get(account, 0) + uses
        return ids

    def _newest_day(self, update: Update) -> str | None:
        days = [month for month in update.months if month.uses]
        if not days:
            return None
        newest = self.store.scan(days[-1].daily).select(pl.col("day").max()).collect().item()
        return None if newest is None else str(newest)

    def _files(self, update: Update, features: pl.DataFrame, value_key: str, reasons: set[str]) -> dict[str, str]:
        usage_now = self._usage_now(update)
        frames = {
            "first_days": update.first_days,
            "staff": self.counted.who.staff.to_frame(),
            "usage_now": usage_now,
            "value_days": self._value_days(update, features, usage_now, value_key),
            "first_uses": self._first_uses(update, features, value_key),
        }
        samples = self._samples(update, reasons)
        if samples.height:
            frames[SAMPLES] = samples
        kinds = {"usage_now": "usage_28d"}
        return {name: self.store.put_frame(kinds.get(name, name), frame) for name, frame in frames.items()}

    def _samples(self, update: Update, reasons: set[str]) -> pl.DataFrame:
        """Samples of rejected events of ``reasons``, which still occur, and the accounts nobody knows."""
        tests = set(self.counted.who.accounts.left_out)
        strangers = [(uses, account) for account, uses in self._uncounted(update).items() if account not in tests]
        most = sorted(strangers, key=lambda item: (-item[0], item[1]))[: readings.SAMPLES]
        unknown = [{REASON: UNKNOWN_ACCOUNT, "account_id": account, "events": uses} for uses, account in most]
        rejected = update.samples.filter(pl.col(REASON).is_in(sorted(reasons - {UNKNOWN_ACCOUNT})))
        return pl.concat([rejected, pl.DataFrame(unknown, schema=SAMPLE)])

    def _usage_now(self, update: Update) -> pl.DataFrame:
        """The two running 28-day windows: to today, and to 28 days before."""
        ends = [self.today, self.today - rollups.WINDOW]
        from_day = ends[1] - rollups.WINDOW
        recent = [month for month in update.months if rollups.next_month(month.month) > from_day]
        parts = [self.counted.of(month) for month in recent]
        daily = pl.concat(parts) if parts else pl.LazyFrame(schema=SCHEMA)
        return rollups.usage(daily, *ends)

    def _value_days(
        self, update: Update, features: pl.DataFrame, usage_now: pl.DataFrame, value_key: str
    ) -> pl.DataFrame:
        before, since = None, self.today
        if (old := self._carried(update, value_key)) is not None:
            before = self._old_frame("value_days")
            since = min(update.changed or date.max, old.today)
        return value_days.update(
            self.counted, update.months, features, usage_now, before, since=since, today=self.today
        )

    def _first_uses(self, update: Update, features: pl.DataFrame, value_key: str) -> pl.DataFrame:
        before, since, signed_up = None, date.min, self.counted.who.signed_up
        moved = signed_up.clear()
        old = self._carried(update, value_key)
        if old is not None and "first_uses" in old.files:
            before, since = self._old_frame("first_uses"), update.changed or date.max
            earlier = signed_up_days(self._old_frame("accounts"), self.settings.organisation.time_zone)
            moved = signed_up.join(earlier, on=["account_id", "signed_up_on"], how="anti")
        return first_uses.update(
            self.counted, update.months, features, before, since=since, moved=moved.get_column("account_id")
        )

    def _carried(self, update: Update, value_key: str) -> Manifest | None:
        """The snapshot before, where what it knew of value and of first uses holds for months that did not change."""
        everything_changed = bool(update.months) and update.changed == update.months[0].month
        is_alike = self.carry_on and self.old is not None and self.old.value_key == value_key
        return self.old if is_alike and not everything_changed else None


def hashed(*parts: Any) -> str:
    """A short hash of values whose text says all about them."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
