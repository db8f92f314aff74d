"""Builds one snapshot from one look at the database: every source read and checked, activity brought up to date."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from queries import checks, mapping, money, months, rollups, sources, value_days
from queries.checks import Accounts, Checked
from queries.contract import ACCOUNTS, EVENTS, SOURCES, Source
from queries.errors import MappingError, RefreshError, SourceError
from queries.events import SCHEMA as DAILY
from queries.events import Events, from_text
from queries.mapping import Mapping
from queries.months import Before, Progress, Update, Who
from queries.sources import Reader
from queries.store import Bad, Manifest, Month, SourceState, Store
from settings import Settings

SAMPLES = "rejected/events"


@dataclass
class Build:
    """A snapshot in the making. ``old`` is the one before, None for a first or full refresh."""

    settings: Settings
    store: Store
    reader: Reader
    today: date
    old: Manifest | None
    progress: Progress
    files: dict[str, str] = field(default_factory=dict)
    states: dict[str, SourceState] = field(default_factory=dict)
    months: tuple[Month, ...] = ()
    events_key: str = ""
    value_key: str = ""
    days_read: int = 0

    def everything(self) -> None:
        """Reads all sources; RefreshError when there is nothing to build on."""
        accounts = self._accounts()
        frames = {name: self._small(SOURCES[name], accounts) for name in SOURCES if name not in ("accounts", "events")}
        frames["subscriptions"] = self._priced(frames["subscriptions"], frames["fx_rates"])
        for name, frame in frames.items():
            self.files[name] = self.store.put_frame(name, frame)
        who = _who(self._frame("accounts"), accounts, frames, self.settings.organisation.time_zone)
        self._activity(who, frames["features"])

    def _find(self, source: Source) -> Mapping | None:
        return mapping.find(self.settings.sources, source)

    def _accounts(self) -> Accounts:
        """The accounts, without which nothing else can be checked: their failure is the refresh's."""
        try:
            found = self._find(ACCOUNTS)
            if found is None:
                raise MappingError(
                    "config/sources/accounts.sql is missing.", "write the SELECT that lists your customers"
                )
            checked = self.reader.read(found, None)
        except (MappingError, SourceError) as error:
            raise RefreshError(error.message, error.hint) from error
        is_out = pl.col("status").is_in(["test", "mistake"]).fill_null(False)
        left_out = checked.kept.filter(is_out).get_column("account_id")
        kept = checked.kept.filter(~is_out).sort("account_id")
        self._keep(found, Checked(kept, checked.rejected, left_out.len(), checked.flagged))
        self.files["accounts"] = self.store.put_frame("accounts", kept)
        return Accounts(known=kept.get_column("account_id"), left_out=left_out)

    def _small(self, source: Source, accounts: Accounts) -> pl.DataFrame:
        """One source, checked; its earlier rows when it cannot be read; no rows when there is no mapping."""
        self.progress(source.name, 0, 0)
        found = None
        try:
            found = self._find(source)
            if found is None:
                return self._absent(source)
            checked = self.reader.read(found, accounts)
        except (MappingError, SourceError) as error:
            return self._failed(source, found, error)
        self._keep(found, checked)
        return checked.kept.sort(source.key or source.names[:1], nulls_last=True)

    def _keep(self, found: Mapping, checked: Checked) -> None:
        name = found.source.name
        self.states[name] = sources.state(found, checked, self.reader.zone)
        if checked.rejected.height:
            self.files[f"rejected/{name}"] = self.store.put_frame(f"rejected/{name}", checked.rejected)

    def _absent(self, source: Source) -> pl.DataFrame:
        if not source.optional:
            error = MappingError(f"config/sources/{source.name}.sql is missing.", f"map {source.grain}")
            return self._failed(source, None, error)
        self.states[source.name] = SourceState(status="missing")
        return checks.empty(source)

    def _failed(self, source: Source, found: Mapping | None, error: MappingError | SourceError) -> pl.DataFrame:
        state = sources.failure(error, found, self.old.sources.get(source.name) if self.old else None)
        self.states[source.name] = state
        if state.status != "stale" or self.old is None:
            return checks.empty(source)
        rejected = f"rejected/{source.name}"
        if rejected in self.old.files:
            self.files[rejected] = self.old.files[rejected]
        types = checks.schema(source).items()
        return self._old_frame(source.name).select(pl.col(name).cast(kind) for name, kind in types)

    def _frame(self, name: str) -> pl.DataFrame:
        return self.store.scan(self.files[name]).collect()

    def _old_frame(self, name: str) -> pl.DataFrame:
        assert self.old is not None
        frame = self.store.scan(self.old.files[name]).collect()
        if name == "subscriptions":  # amounts are kept in both currencies; conversion starts from the row's own
            frame = frame.with_columns(pl.col("mrr_local").alias("mrr"))
        return frame

    def _priced(self, subscriptions: pl.DataFrame, fx_rates: pl.DataFrame) -> pl.DataFrame:
        organisation = self.settings.organisation
        rates = money.latest_rates(fx_rates, self.settings.currency_rates, organisation.currency)
        priced = money.in_reporting_currency(subscriptions, rates, organisation.currency)
        state = self.states["subscriptions"]
        without = int(priced.get_column("mrr").null_count())
        flagged = {**state.flagged, **({"currency without a rate": without} if without else {})}
        lost = self._rejected_mrr(rates)
        self.states["subscriptions"] = state.model_copy(update={"flagged": flagged, "rejected_mrr": lost})
        return priced

    def _rejected_mrr(self, rates: pl.DataFrame) -> int:
        """What the rejected subscriptions say they pay, where that is a usable amount."""
        if "rejected/subscriptions" not in self.files:
            return 0
        rows = self._frame("rejected/subscriptions")
        amount = pl.col("mrr").cast(pl.Float64, strict=False)
        usable = rows.filter(amount.is_finite() & (amount > 0) & (amount < checks.LARGEST))
        cents = usable.with_columns((amount * 100).round(0).cast(pl.Int64).alias("mrr"))
        priced = money.in_reporting_currency(cents, rates, self.settings.organisation.currency)
        return int(priced.get_column("mrr").sum())

    def _activity(self, who: Who, features: pl.DataFrame) -> None:
        found, problem = None, None
        try:
            found = self._find(EVENTS)
            if found is None:
                raise MappingError("config/sources/events.sql is missing.", "map a use of the product")
            update = self._events(found, who)
        except (MappingError, SourceError) as error:
            problem = error
            update = self._events_before()
        self.months, self.days_read = update.months, update.days_read
        self.files["first_days"] = self.store.put_frame("first_days", update.first_days)
        self.states["events"] = self._events_state(found, update, problem)
        if update.samples.height:
            self.files[SAMPLES] = self.store.put_frame(SAMPLES, update.samples)
        self._usage_now(who)
        self._value_days(who, features, update)

    def _events(self, found: Mapping, who: Who) -> Update:
        refresh, organisation = self.settings.refresh, self.settings.organisation
        columns = self.reader.columns(found)
        self.events_key = _hash(found.text, organisation.time_zone, organisation.week_start, sorted(columns.items()))
        events = Events(self.reader.session, found, columns, organisation.time_zone, self.reader.as_of)
        if found.sql is None:
            reading = from_text(sources.text_of(found), organisation.time_zone, events.last)
            return months.split(
                self.store, reading, who, today=self.today, week_start=organisation.week_start, at=events.as_of
            )
        return months.update(
            self.store, events, who, self._before(),
            today=self.today, late_days=refresh.late_days, week_start=organisation.week_start, progress=self.progress,
        )  # fmt: skip

    def _before(self) -> Before | None:
        """What can be built on; None when the mapping, the time zone or the week start changed."""
        old = self.old
        if old is None or old.events_key != self.events_key or old.sources["events"].status not in ("ok", "stale"):
            return None
        staff = self._old_frame("people").filter(pl.col("is_internal").fill_null(False)).get_column("user_id")
        samples = self._old_frame(SAMPLES) if SAMPLES in old.files else Update.nothing().samples
        return Before(
            months=old.months,
            today=old.today,
            first_days=self._old_frame("first_days"),
            accounts=self._old_frame("accounts").get_column("account_id"),
            staff=staff,
            samples=samples,
        )

    def _events_before(self) -> Update:
        """Activity as it was, when events cannot be read now."""
        if self.old is None:
            return Update.nothing()
        self.events_key = self.old.events_key
        samples = self._old_frame(SAMPLES) if SAMPLES in self.old.files else Update.nothing().samples
        return Update(months=self.old.months, first_days=self._old_frame("first_days"), samples=samples)

    def _events_state(
        self, found: Mapping | None, update: Update, problem: MappingError | SourceError | None
    ) -> SourceState:
        if problem is not None:
            return sources.failure(problem, found, self.old.sources.get("events") if self.old else None)
        assert found is not None
        bad: list[Bad] = [*update.lost, *(item for month in update.months for item in month.bad)]
        reasons: dict[str, int] = {}
        for item in bad:
            reasons[item.reason] = reasons.get(item.reason, 0) + item.events
        unknown = sum(sum(month.unknown.values()) for month in update.months)
        if unknown:
            reasons["unknown account"] = unknown
        flagged: dict[str, int] = {}
        for month in update.months:
            for words, count in month.flagged.items():
                flagged[words] = flagged.get(words, 0) + count
        left_out = sum(month.left_out for month in update.months)
        return SourceState(
            status="ok",
            rows=sum(month.uses for month in update.months) - unknown - left_out,
            rejected=sum(reasons.values()),
            rejected_by_reason=dict(sorted(reasons.items(), key=lambda item: -item[1])),
            flagged=flagged,
            left_out=left_out,
            newest=self._newest_day(update),
            mapping=found.file,
            mapping_hash=sources.mapping_hash(found),
        )

    def _newest_day(self, update: Update) -> str | None:
        days = [month for month in update.months if month.uses]
        if not days:
            return None
        newest = self.store.scan(days[-1].daily).select(pl.col("day").max()).collect().item()
        return None if newest is None else str(newest)

    def _usage_now(self, who: Who) -> None:
        """The two running 28-day windows: to today, and to 28 days before."""
        ends = [self.today, self.today - rollups.WINDOW]
        from_day = ends[1] - rollups.WINDOW
        parts = [months.that_counts(self.store, m, who) for m in self.months if rollups.next_month(m.month) > from_day]
        daily = pl.concat(parts) if parts else pl.LazyFrame(schema=DAILY)
        frame = pl.concat([rollups.usage(daily, end) for end in ends])
        self.files["usage_now"] = self.store.put_frame("usage_28d", frame)

    def _value_days(self, who: Who, features: pl.DataFrame, update: Update) -> None:
        self.value_key = _hash(features.drop("name", "onboarding_step").rows(), self.events_key)
        before, since = None, self.today
        everything_changed = bool(update.months) and update.changed == update.months[0].month
        if self.old is not None and self.old.value_key == self.value_key and not everything_changed:
            before = self._old_frame("value_days")
            since = min(update.changed or date.max, self.old.today.replace(day=1))
        frame = value_days.update(self.store, self.months, who, features, before, since=since, today=self.today)
        self.files["value_days"] = self.store.put_frame("value_days", frame)


def _who(accounts: pl.DataFrame, ids: Accounts, frames: dict[str, pl.DataFrame], zone: str) -> Who:
    """Whose activity counts, with the days they signed up and were served."""
    people, subscriptions = frames["people"], frames["subscriptions"]
    signed_up = pl.col("signed_up_at").dt.convert_time_zone(zone).dt.date()
    end = pl.col("ended_on").fill_null(date.max)
    stretches = subscriptions.select("account_id", "started_on", end.alias("ended_on")).sort("account_id", "started_on")
    # Stretches become their running union, so that the nearest start before a day tells whether it was served.
    served = stretches.with_columns(pl.col("ended_on").cum_max().over("account_id"))
    return Who(
        accounts=ids,
        staff=people.filter(pl.col("is_internal").fill_null(False)).get_column("user_id"),
        signed_up=accounts.select("account_id", signed_up.alias("signed_up_on")).drop_nulls(),
        served=served,
    )


def _hash(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
