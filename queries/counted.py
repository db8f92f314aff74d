"""Whose activity counts, and the daily activity that does, which a refresh asks for many times over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from queries.checks import Accounts
from queries.store import Month, Store

HELD = 1_000_000
"""A month with more events than these is read from its file each time; so many daily rows are about 150 MB."""


@dataclass(frozen=True)
class Who:
    """Whose activity counts: known accounts, not test accounts, not our own staff."""

    accounts: Accounts
    staff: pl.Series
    signed_up: pl.DataFrame
    served: pl.DataFrame

    @classmethod
    def of(cls, accounts: pl.DataFrame, ids: Accounts, subscriptions: pl.DataFrame, staff: pl.Series, zone: str) -> Who:
        """Whose activity counts, with the days they signed up and were served."""
        end = pl.col("ended_on").fill_null(date.max)
        stretches = subscriptions.select("account_id", "started_on", end.alias("ended_on"))
        # Stretches become their running union, so that the nearest start before a day tells whether it was served.
        served = stretches.sort("account_id", "started_on", "ended_on").with_columns(
            pl.col("ended_on").cum_max().over("account_id")
        )
        return cls(
            accounts=ids,
            staff=staff,
            signed_up=signed_up_days(accounts, zone),
            served=served.sort("started_on", "ended_on"),
        )

    def counts(self) -> pl.Expr:
        """Whether a daily row counts. Integrations (no user) do."""
        is_staff = pl.col("user_id").is_in(self.staff.implode()).fill_null(False)
        return pl.col("account_id").is_in(self.accounts.known.implode()) & ~is_staff


def signed_up_days(accounts: pl.DataFrame, zone: str) -> pl.DataFrame:
    """``account_id`` and ``signed_up_on``, the organisation's day, of the accounts whose sign-up is known."""
    day = pl.col("signed_up_at").dt.convert_time_zone(zone).dt.date()
    return accounts.select("account_id", day.alias("signed_up_on")).drop_nulls()


@dataclass(frozen=True)
class Counted:
    """The daily activity in a store of those ``who`` count.

    From month ``newest`` on it stays in memory once read: a refresh asks for the running month nine times, for that
    before it four times, and for others once or twice, which is not worth the memory in a first refresh.
    """

    store: Store
    who: Who
    newest: date = date.max
    _held: dict[str, pl.DataFrame] = field(default_factory=dict, repr=False)

    def of(self, month: Month) -> pl.LazyFrame:
        """A month's daily activity."""
        rows = self.all_of(month).filter(self.who.counts())
        if month.month < self.newest or month.uses > HELD:
            return rows
        if month.daily not in self._held:
            self._held[month.daily] = rows.collect()
        return self._held[month.daily].lazy()

    def all_of(self, month: Month) -> pl.LazyFrame:
        """The same with that of strangers, test accounts and our staff."""
        return self.store.scan(month.daily)
