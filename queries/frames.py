"""Typed LazyFrames of a snapshot. The viewer's scope is applied here, in this one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from typing import TypeVar

import polars as pl

from queries import checks, vector_files
from queries import comments as reading
from queries.contract import SOURCES
from queries.errors import BucketError
from queries.first_uses import SCHEMA as FIRST_USES
from queries.months import FIRST_DAYS
from queries.readings import SCHEMA as DAILY
from queries.rollups import PERIODS, USAGE, WINDOW, next_month
from queries.scope import Scope as Scope
from queries.store import Comments, Failure, Manifest, Month, SourceState, Store
from queries.store import current_id as _current_id
from queries.store import last_failure as _last_failure
from queries.store import read_manifest as _read_manifest
from queries.value_days import SCHEMA as VALUE_DAYS
from settings import Settings

NOT_TOLD = "What went wrong is for admins to see: it may quote a row."
"""What stands in place of an error's words for those who do not see everything."""
_Told = TypeVar("_Told", SourceState, Comments)


@dataclass(frozen=True)
class Frames:
    """One snapshot as a viewer may see it. Frames are lazy: only what a metric asks for is read.

    Moments are in the organisation's time zone, so that ``.dt.date()`` is the organisation's day; ``mrr`` is in minor
    units of the reporting currency. A source that is absent gives an empty frame of the right schema and stands in
    :attr:`missing`; one that could not be read stands in :attr:`failed`.
    """

    manifest: Manifest
    scope: Scope
    store: Store

    @property
    def as_of(self) -> date:
        """The organisation's day at which the database was read; still running."""
        return self.manifest.today

    @property
    def missing(self) -> frozenset[str]:
        """Optional sources without a mapping."""
        return frozenset(name for name, state in self.manifest.sources.items() if state.status == "missing")

    @property
    def failed(self) -> dict[str, str]:
        """Sources that could not be read, with what was wrong; their frames are empty or hold earlier rows."""
        return {name: state.error or "" for name, state in self.manifest.sources.items() if state.error}

    def source(self, name: str) -> pl.LazyFrame:
        """A source of the contract by name."""
        schema: dict[str, pl.DataType | type[pl.DataType]] = dict(checks.schema(SOURCES[name]))
        if name == "subscriptions":
            schema["mrr_local"] = pl.Int64
        file = self.manifest.files.get(name)
        frame = self.store.scan(file) if file else pl.LazyFrame(schema=schema)
        zone = self.manifest.time_zone
        moments = [pl.col(c).dt.convert_time_zone(zone) for c, kind in schema.items() if isinstance(kind, pl.Datetime)]
        return self._visible(frame.with_columns(*moments, *self.scope.hidden(name)))

    def _visible(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Only rows of accounts in scope; rows that belong to no account (public reviews, plans) stay."""
        if self.scope.csm_email is None and self.scope.people:
            return frame
        names = frame.collect_schema().names()
        if self.scope.csm_email is not None and "account_id" in names:
            mine = self._mine.implode()
            frame = frame.filter(pl.col("account_id").is_in(mine) | pl.col("account_id").is_null())
            if "parent_id" in names:
                frame = frame.with_columns(parent_id=pl.when(pl.col("parent_id").is_in(mine)).then("parent_id"))
        return frame.with_columns(self.scope.person("user_id")) if "user_id" in names else frame

    @cached_property
    def _mine(self) -> pl.Series:
        file = self.manifest.files.get("accounts")
        if file is None or self.scope.csm_email is None:
            return pl.Series("account_id", [], pl.String)
        theirs = pl.col("csm_email").str.strip_chars().str.to_lowercase()
        is_mine = (theirs == self.scope.csm_email.strip().lower()) & (theirs != "")  # blank: it is nobody's
        return self.store.scan(file).filter(is_mine).select("account_id").collect().get_column("account_id")

    def _parts(self, names: list[str], schema: dict[str, type[pl.DataType]]) -> pl.LazyFrame:
        files = list(dict.fromkeys(name for name in names if name))  # months without activity share one
        return self._visible(self.store.scan(*files) if files else pl.LazyFrame(schema=schema))

    @property
    def accounts(self) -> pl.LazyFrame:
        """Customer companies; test accounts are left out."""
        return self.source("accounts")

    @property
    def people(self) -> pl.LazyFrame:
        """People at the accounts."""
        return self.source("people")

    @property
    def subscriptions(self) -> pl.LazyFrame:
        """Stretches of subscription lines, with ``mrr`` and ``mrr_local`` in minor units."""
        return self.source("subscriptions")

    @property
    def features(self) -> pl.LazyFrame:
        """Features of the product."""
        return self.source("features")

    @property
    def entitlements(self) -> pl.LazyFrame:
        """Features that plans pay for."""
        return self.source("entitlements")

    @property
    def nps(self) -> pl.LazyFrame:
        """Survey invitations and answers."""
        return self.source("nps")

    @property
    def exit_surveys(self) -> pl.LazyFrame:
        """Answers on leaving."""
        return self.source("exit_surveys")

    @property
    def tickets(self) -> pl.LazyFrame:
        """Support tickets."""
        return self.source("tickets")

    @property
    def touches(self) -> pl.LazyFrame:
        """Contacts outside this tool."""
        return self.source("touches")

    @property
    def fx_rates(self) -> pl.LazyFrame:
        """Monthly rates to the reporting currency."""
        return self.source("fx_rates")

    @property
    def activity_monthly(self) -> pl.LazyFrame:
        """Account, user, period (first of month), active_days, uses, quantity, first_period; our staff left out."""
        return self._parts([month.monthly for month in self.manifest.months], PERIODS)

    @property
    def activity_weekly(self) -> pl.LazyFrame:
        """The same by week; ``period`` is the first day of the organisation's week."""
        return self._parts([month.weekly for month in self.manifest.months], PERIODS)

    @property
    def usage_28d(self) -> pl.LazyFrame:
        """Use in 28 days ending on ``window_end``: as_of, 28 days before it, and each past month end.

        Account, user, feature, window_end, uses, quantity.
        """
        windows = [month.usage for month in self.manifest.months]
        now = self.manifest.files.get("usage_now", "")
        past = self._parts(windows, USAGE)
        if not now:
            return past
        running = self._visible(self.store.scan(now))
        ends = [self.as_of, self.as_of - WINDOW]
        return pl.concat([past.filter(~pl.col("window_end").is_in(ends)), running])

    @property
    def value_days(self) -> pl.LazyFrame:
        """Account and last_value_on, the last day on which someone there was value-active."""
        return self._parts([self.manifest.files.get("value_days", "")], VALUE_DAYS)

    @property
    def first_days(self) -> pl.LazyFrame:
        """Account, user and the first day either was seen."""
        return self._parts([self.manifest.files.get("first_days", "")], FIRST_DAYS)

    @property
    def first_uses(self) -> pl.LazyFrame:
        """Account, feature and first_on, its first use since sign-up; without a feature, its first day of value.

        Value within ``queries.first_uses.WITHIN`` of sign-up; days may lie up to one ahead of as_of.
        """
        return self._parts([self.manifest.files.get("first_uses", "")], FIRST_USES)

    @property
    def comment_themes(self) -> pl.LazyFrame:
        """What comments are about, as the tool found it: source, response_id, theme, score, evidence, polarity.

        One row per comment and theme of ``nps``, ``exit_surveys`` and ``reviews`` (there ``response_id`` is the
        review's id), as of ``metrics.themes.find_themes``; an answer without words has the theme ``no answer``.
        People's corrections are not in it. Themes have no date: a view of the past takes those of the comments that
        it holds. Empty, or without the newest comments, while ``manifest.comments.error`` says why.
        """
        found = self._parts([self.manifest.files.get(reading.KIND, "")], reading.KEPT).select(*reading.THEMES)
        return found.with_columns(self.scope.hidden("comment_themes"))

    @property
    def comment_vectors(self) -> pl.LazyFrame:
        """Vectors of the sentences in all comments, the themes' examples and the roadmap's titles: key, vector.

        512 of Float32, as ``metrics.theme_vectors`` gives and takes them. They name nobody, and are the same for every
        viewer.
        """
        return self._parts(list(self.manifest.comments.vectors), vector_files.HALF).cast(pl.Schema(vector_files.WHOLE))

    def activity(self, *, account_id: str | Sequence[str], since: date) -> pl.LazyFrame:
        """Daily activity of one account, or of some: account, user, feature, day, uses, quantity; our staff left out.

        No page reads the daily activity of all accounts; the rollups answer those questions.
        """
        months: list[Month] = [m for m in self.manifest.months if next_month(m.month) > since]
        daily = self._parts([month.daily for month in months], DAILY)
        who = pl.col("account_id")
        theirs = who == account_id if isinstance(account_id, str) else who.is_in(list(account_id))
        wanted = daily.filter(theirs & (pl.col("day") >= since))
        staff = self.manifest.files.get("staff")
        if not staff:
            return wanted
        ours = self.store.scan(staff).with_columns(self.scope.person("user_id"))
        return wanted.join(ours, on="user_id", how="anti")

    def mapping(self) -> dict[str, pl.LazyFrame]:
        """Every frame by name, for metrics that take many."""
        rollups = (
            "activity_monthly",
            "activity_weekly",
            "usage_28d",
            "value_days",
            "comment_themes",
            "comment_vectors",
        )
        sources = {name: self.source(name) for name in SOURCES if name != "events"}
        return sources | {name: getattr(self, name) for name in rollups}

    def rejected(self, name: str) -> pl.DataFrame:
        """The rejected rows of a source with their reason, as text; samples for events. Empty when none was."""
        file = self.manifest.files.get(f"rejected/{name}")
        if file is None:
            return pl.DataFrame(schema={checks.REASON: pl.String})
        rows = self.store.scan(file).collect()
        return rows if self.scope.everything else rows.clear()  # a rejected row may be anybody's, and say anything


def current_id(settings: Settings) -> str:
    """The id of the snapshot being served; NoSnapshot when there is none yet."""
    return _current_id(Store(settings.snapshot_dir), lately=True)


def last_failure(settings: Settings) -> Failure | None:
    """Why the last refresh failed, or why nobody can know; None when it did not."""
    try:
        return _last_failure(Store(settings.snapshot_dir), lately=True)
    except BucketError as error:
        return Failure(at=datetime.now(UTC), message=str(error))


@lru_cache(maxsize=256)
def _manifest(location: str, snapshot_id: str, whole: bool = True) -> Manifest:
    """A snapshot's manifest; not ``whole``: without what a database said, which may quote anybody's row."""
    store = Store(location)
    found = _read_manifest(store, snapshot_id)
    store.settle(found)
    if whole:
        return found
    sources = {name: _discreet(state) for name, state in found.sources.items()}
    return found.model_copy(update={"sources": sources, "comments": _discreet(found.comments)})


def _discreet(state: _Told) -> _Told:
    return state.model_copy(update={"error": NOT_TOLD, "hint": None}) if state.error else state


def open_snapshot(snapshot_id: str, scope: Scope, settings: Settings) -> Frames:
    """One snapshot for one viewer; NoSnapshot when it is gone. A manifest never changes, so it is read once."""
    manifest = _manifest(settings.snapshot_dir, snapshot_id, scope.everything)
    return Frames(manifest, scope, Store(settings.snapshot_dir))
