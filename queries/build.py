"""Builds one snapshot from one look at the database: every source read and checked, activity brought up to date."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from metrics.month_ends import months_later
from queries import answers, checks, comments, left_out, mapping, money, purge, sources
from queries.activity import Activities, Activity
from queries.checks import Accounts, Checked
from queries.contract import ACCOUNTS, SOURCES, Source
from queries.counted import Counted, Who
from queries.errors import MappingError, RefreshError, SourceError
from queries.mapping import Mapping
from queries.months import Progress
from queries.sources import Reader
from queries.store import Comments, Manifest, SourceState, Store
from settings import Settings


@dataclass
class Build:
    """A snapshot in the making.

    ``old`` is the snapshot before: its rows stand in for a source that cannot be read. Its months of activity are
    built on only where ``carry_on``; a first or full refresh reads them all.
    """

    settings: Settings
    store: Store
    reader: Reader
    today: date
    old: Manifest | None
    carry_on: bool
    progress: Progress
    files: dict[str, str] = field(default_factory=dict)
    states: dict[str, SourceState] = field(default_factory=dict)
    comments: Comments = field(default_factory=Comments)
    said: dict[str, pl.DataFrame] = field(default_factory=dict)
    staff: pl.Series = field(default_factory=lambda: pl.Series("user_id", [], pl.String))
    without_answers: str | None = None

    def everything(self) -> Activity:
        """Reads all sources; RefreshError when there is nothing to build on."""
        self._forget()
        accounts = self._accounts()
        frames = {name: self._small(SOURCES[name], accounts) for name in SOURCES if name not in ("accounts", "events")}
        frames["subscriptions"] = self._priced(frames["subscriptions"], frames["fx_rates"])
        frames |= self._answered(frames, accounts)
        for name, frame in frames.items():
            self.files[name] = self.store.put_frame(name, frame)
        frames["accounts"] = self._frame("accounts")
        zone = self.settings.organisation.time_zone
        who = Who.of(frames["accounts"], accounts, frames["subscriptions"], self.staff, zone)
        activity = Activities(
            settings=self.settings,
            store=self.store,
            reader=self.reader,
            today=self.today,
            old=self.old,
            carry_on=self.carry_on,
            counted=Counted(self.store, who, newest=self._newest()),
            progress=self.progress,
        ).made(frames["features"])
        self.states["events"] = activity.state
        self.files |= activity.files
        self.said = {name: frames[name] for name in comments.NEEDED}
        if self.reader.left_out:
            self.files[left_out.KIND] = self.store.put_frame(left_out.KIND, self.reader.left_out.frame())
        return activity

    def _newest(self) -> date:
        """From which month on daily activity stays in memory: what an incremental refresh asks for again and again."""
        return months_later(self.today.replace(day=1), -1) if self.carry_on else date.max

    def read_comments(self) -> None:
        """Finds the themes of the comments in what was read; takes minutes the first time, and needs no database."""
        self.comments, self.files[comments.KIND] = comments.Reading(
            store=self.store,
            file=self.settings.config / "themes.toml",
            old=self.old,
            again=not self.carry_on,
            progress=self.progress,
        ).made(self.said)

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
                return self._absent(source, accounts)
            checked = self.reader.read(found, accounts)
        except (MappingError, SourceError) as error:
            return self._failed(source, found, error, accounts)
        self._keep(found, checked)
        if source.name == "people":
            self.staff = checked.staff
            self._forget()
        return checked.kept.sort(source.key or source.names[:1], nulls_last=True)

    def _forget(self) -> None:
        """Whoever was found to be erased goes out of the snapshot before, which may be carried on."""
        who = self.reader.left_out
        if who and not who.is_settled and self.old is not None:
            self.old = purge.purged(self.store, self.old, who, self.settings)[0]
            who.settle()

    def _keep(self, found: Mapping, checked: Checked) -> None:
        name = found.source.name
        self.states[name] = sources.state(found, checked, self.reader.zone)
        if checked.rejected.height:
            self.files[f"rejected/{name}"] = self.store.put_frame(f"rejected/{name}", checked.rejected)

    def _absent(self, source: Source, accounts: Accounts) -> pl.DataFrame:
        if not source.optional:
            error = MappingError(f"config/sources/{source.name}.sql is missing.", f"map {source.grain}")
            return self._failed(source, None, error, accounts)
        self.states[source.name] = SourceState(status="missing")
        return checks.empty(source)

    def _failed(
        self, source: Source, found: Mapping | None, error: MappingError | SourceError, accounts: Accounts
    ) -> pl.DataFrame:
        """Its earlier rows, of accounts that still count; none when it never could be read."""
        state = sources.failure(error, found, self.old.sources.get(source.name) if self.old else None)
        self.states[source.name] = state
        if state.status != "stale" or self.old is None:
            return checks.empty(source)
        rejected = f"rejected/{source.name}"
        if rejected in self.old.files:
            self.files[rejected] = self.old.files[rejected]
        if source.name == "people":
            self.staff = self._old_frame("staff").get_column("user_id")
        types = checks.schema(source).items()
        rows = self._old_frame(source.name).select(pl.col(name).cast(kind) for name, kind in types)
        kept = checks.of_known(rows, accounts)
        more = {"rows": kept.height, "left_out": state.left_out + rows.height - kept.height}
        self.states[source.name] = state.model_copy(update=more)
        return kept

    def _answered(self, frames: dict[str, pl.DataFrame], accounts: Accounts) -> dict[str, pl.DataFrame]:
        """The sources that our own messages and the answers to them stand in, with them; those known before if need be.

        Contacts of a company that records none elsewhere stay unknown: ours alone would make everybody else silent.
        """
        found, self.without_answers = answers.read(self.settings, as_of=self.reader.as_of)
        names = [name for name in answers.NAMES if name != "touches" or self.states[name].status != "missing"]
        return {name: self._with_ours(name, frames[name], found, accounts) for name in names}

    def _with_ours(
        self, name: str, frame: pl.DataFrame, found: dict[str, pl.DataFrame] | None, accounts: Accounts
    ) -> pl.DataFrame:
        source, state = SOURCES[name], self.states[name]
        if state.status == "stale":
            frame = answers.without(frame, source)
        if found is not None:
            ours = found[name]
        elif self.old is not None and name in self.old.files:
            ours = answers.kept(self._old_frame(name), source)
        else:
            return frame
        ours = self.reader.left_out.without(ours)
        checked = answers.check(frame, ours, source, as_of=self.reader.as_of, accounts=accounts)
        whole = answers.joined(frame, checked, source)
        if state.status == "stale":  # what was rejected before, ours too, stands in the file of the snapshot before
            return whole
        self.states[name] = answers.counted(state, checked, whole, source, self.reader.zone)
        if checked.rejected.height:
            file = f"rejected/{name}"
            before = [self._frame(file)] if file in self.files else []
            self.files[file] = self.store.put_frame(file, pl.concat([*before, checked.rejected], how="diagonal"))
        return whole

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
        rates = money.latest_rates(fx_rates, self.settings.currency_rates, organisation.currency, today=self.today)
        priced = money.in_reporting_currency(subscriptions, rates, organisation.currency)
        state = self.states["subscriptions"]
        has_rate = pl.col("currency").is_in(rates.get_column("currency").implode())
        unknown = priced.filter(pl.col("mrr").is_null()).select(has_rate).to_series()
        flags = {"currency without a rate": ~unknown, "mrr is too large in the reporting currency": unknown}
        flagged = state.flagged | {words: int(rows.sum()) for words, rows in flags.items() if rows.any()}
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
