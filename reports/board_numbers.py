"""What the board pack rests on: one look at the whole company, as small frames."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from metrics.churn_reasons import leavers, reasons
from metrics.month_ends import months_later
from metrics.revenue import (
    account_movements,
    arr,
    late_renewals,
    leaving,
    movements,
    rate_change,
    rates,
    renewals,
)
from metrics.themes import reason_themes, theme_names
from metrics.value import current_mrr, zombies
from queries.frames import Frames
from reports.asked import health_of
from reports.reason_labels import WITHOUT_REASON
from reports.sentences import full_month
from reports.themes_file import themes_of
from reports.zombies import nrr_without_zombies, zombie_closes
from settings import Settings

MONTHS = 24
YEAR = 12
AHEAD = 6
LOST = ("contraction", "paused", "churned", "moved_out")
STILL = ("unchanged", "in_and_out", "left_after_pause", "elsewhere")


@dataclass(frozen=True)
class BoardNumbers:
    """Everything a board pack says, as the metrics return it.

    Money is in minor units of ``currency``. ``movements`` and ``run_rate`` have one row per month, ``rates`` and
    ``year`` (over twelve months) one per month and measure (``nrr_without_zombies`` of the last full month only, where
    it is known), ``changes`` and ``year_changes`` one per measure for the last full month against the one before.
    ``movers`` are that month's accounts (``name, movement, amount``, signed, largest first). ``renewals`` has one row
    per month, six back and six ahead of the running one. ``leaving``, ``late`` and ``silent`` have one row per account,
    with its ``name``; ``health`` one row per band (``band, accounts, mrr``); ``reasons`` one per theme of those who
    left in twelve full months (``label`` is what people call it); ``left`` counts them, ``answered`` those who said
    why. ``trouble`` names the sources that could not be read, ``absent`` the optional ones that are not there;
    ``seen_by`` whose accounts these are (None: everybody's).
    """

    company: str
    seen_by: str | None
    taken_at: datetime
    snapshot_id: str
    currency: str
    movements: pl.DataFrame
    run_rate: pl.DataFrame
    rates: pl.DataFrame
    year: pl.DataFrame
    changes: pl.DataFrame
    year_changes: pl.DataFrame
    movers: pl.DataFrame
    renewals: pl.DataFrame
    leaving: pl.DataFrame
    late: pl.DataFrame
    silent: pl.DataFrame
    health: pl.DataFrame
    reasons: pl.DataFrame
    left: int
    answered: int
    trouble: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def as_of(self) -> date:
        """The organisation's day of the snapshot, still running."""
        return self.taken_at.date()

    @property
    def full_month(self) -> date:
        """The first day of the last full month."""
        return full_month(self.as_of)


def numbers(
    frames: Frames, settings: Settings, *, tagged: pl.DataFrame | None = None, marks: pl.DataFrame | None = None
) -> BoardNumbers:
    """The board's numbers of one snapshot, of every account its viewer may see; no filter of a page counts.

    ``tagged`` are the themes of exit surveys as people corrected them (None: as the refresh found them), ``marks``
    the losses that people judged.
    """
    as_of, grace = frames.as_of, settings.revenue.grace_days
    moved, silent_then = _account_months(frames, settings), zombie_closes(frames, settings)
    names = frames.accounts.select("account_id", "name").collect()
    silent = zombies(
        frames.value_days,
        frames.subscriptions,
        as_of=as_of,
        silent_days=settings.value.silent_days,
        new_account_days=settings.value.new_account_days,
        grace_days=grace,
    )
    gone = _leavers(frames, settings, moved, tagged, marks)
    manifest = frames.manifest
    month = as_of.replace(day=1)
    return BoardNumbers(
        company=settings.organisation.name,
        seen_by=frames.scope.csm_email,
        taken_at=manifest.as_of.astimezone(ZoneInfo(manifest.time_zone)),
        snapshot_id=manifest.id,
        currency=manifest.currency,
        movements=movements(moved),
        run_rate=arr(moved),
        rates=pl.concat([rates(moved), nrr_without_zombies(moved, silent_then, frames, settings)]),
        year=pl.concat([rates(moved, span=YEAR), nrr_without_zombies(moved, silent_then, frames, settings, span=YEAR)]),
        changes=rate_change(moved, as_of=as_of),
        year_changes=rate_change(moved, as_of=as_of, span=YEAR),
        movers=_named(_movers(moved, months_later(month, -1)), names),
        renewals=renewals(
            frames.subscriptions,
            since=months_later(month, -AHEAD),
            until=months_later(month, AHEAD),
            as_of=as_of,
            grace_days=grace,
        ),
        leaving=_named(leaving(frames.subscriptions, as_of=as_of), names),
        late=_named(late_renewals(frames.subscriptions, as_of=as_of, grace_days=grace), names),
        silent=_named(silent.sort("mrr", "account_id", descending=[True, False]), names),
        health=_health(frames, settings),
        reasons=_labelled(reasons(gone), settings),
        left=gone.height,
        answered=gone.filter(pl.col("status") == "answered").height,
        trouble=tuple(sorted(frames.failed)),
        absent=tuple(sorted(frames.missing)),
    )


def _account_months(frames: Frames, settings: Settings) -> pl.DataFrame:
    """What each account did to MRR month by month, a year before the months shown too."""
    return account_movements(
        frames.subscriptions,
        since=months_later(frames.as_of.replace(day=1), -(MONTHS + YEAR)),
        until=frames.as_of,
        as_of=frames.as_of,
        grace_days=settings.revenue.grace_days,
        pause_max_days=settings.revenue.pause_max_days,
        accounts=frames.accounts,
        fx_rates=None if "fx_rates" in frames.missing else frames.fx_rates,
    )


def _movers(moved: pl.DataFrame, month: date) -> pl.DataFrame:
    """The account movements of one month with their sign, largest first."""
    sign = pl.when(pl.col("movement").is_in(LOST)).then(-1).otherwise(1)
    return (
        moved.filter(pl.col("month") == month, pl.col("amount") > 0, ~pl.col("movement").is_in(STILL))
        .select("account_id", "movement", amount=pl.col("amount") * sign)
        .sort(pl.col("amount").abs(), "account_id", descending=[True, False])
    )


def _named(rows: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Rows of accounts with their names; the id stands for a name that is not known."""
    known = rows.join(names, on="account_id", how="left", maintain_order="left")
    return known.with_columns(name=pl.coalesce("name", "account_id"))


def _health(frames: Frames, settings: Settings) -> pl.DataFrame:
    """Accounts and MRR by today's health band."""
    grace = settings.revenue.grace_days
    money = current_mrr(frames.subscriptions, as_of=frames.as_of, grace_days=grace).select("account_id", "mrr")
    return (
        health_of(frames, settings)
        .select("account_id", "band")
        .join(money, on="account_id", how="left")
        .group_by("band")
        .agg(accounts=pl.len().cast(pl.Int64), mrr=pl.col("mrr").sum().cast(pl.Int64))
        .sort("band")
    )


def _leavers(
    frames: Frames,
    settings: Settings,
    moved: pl.DataFrame,
    tagged: pl.DataFrame | None,
    marks: pl.DataFrame | None,
) -> pl.DataFrame:
    """Who left in the last twelve full months, with what they said."""
    themes = themes_of(settings)
    found = frames.comment_themes.filter(pl.col("source") == "exit_surveys").drop("source").collect()
    return leavers(
        moved,
        frames.subscriptions,
        frames.exit_surveys,
        found if tagged is None else tagged,
        frames.accounts,
        since=months_later(frames.as_of.replace(day=1), -YEAR),
        until=frames.as_of.replace(day=1) - timedelta(days=1),
        as_of=frames.as_of,
        reason_themes=reason_themes(themes),
        marks=marks,
        regrettable=tuple(theme.id for theme in themes.all if theme.regrettable is True),
        natural=tuple(theme.id for theme in themes.all if theme.regrettable is False),
        grace_days=settings.revenue.grace_days,
        pause_max_days=settings.revenue.pause_max_days,
    )


def _labelled(ranked: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    names = theme_names(themes_of(settings)) | WITHOUT_REASON
    return ranked.with_columns(label=pl.col("theme").replace(names))
