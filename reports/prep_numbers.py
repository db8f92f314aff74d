"""What a prep sheet rests on: the customer's quarter, and beside it what we judge, fear and were told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from metrics.health import explain_change
from metrics.inputs import Frame
from metrics.relations import contact_days, silence
from metrics.renewals import leaving
from metrics.scorecard import scorecard
from metrics.value import zombies
from queries.frames import Frames
from reports.asked import health_history_of, health_of, unused_of
from reports.champions import Champion, Typed
from reports.champions import champion as champion_of
from reports.language import choose
from reports.quarters import Quarter
from reports.review_numbers import ReviewNumbers, account_row
from reports.review_numbers import numbers as review_numbers
from settings import Settings

MONTHS = 12
VOICE_DAYS = 365
Row = dict[str, Any]


@dataclass(frozen=True)
class PrepNumbers:
    """Everything a prep sheet says of one account.

    ``review`` is what the customer sees. ``about`` is the account's row; ``history`` its health at the last month ends
    and today (``on`` and the columns of ``health``), oldest first; ``moved`` what moved the score since the last
    month end (``measure, points, because``, largest first). ``card`` is its row of ``scorecard`` (None: not listed),
    ``zombie`` of ``zombies``, ``contact`` of ``silence``, each None when it has none. ``unused`` (``name, is_key,
    uses``), ``answers`` (NPS: ``name, score, day, comment``, newest first), ``tickets`` (open ones: ``subject,
    priority, day, days``, oldest first; None when not connected), ``going`` as in ``leaving``; ``champion`` who
    carries it there.
    """

    review: ReviewNumbers
    language: str
    currency: str
    about: Row
    history: pl.DataFrame
    moved: pl.DataFrame
    card: Row | None
    zombie: Row | None
    contact: Row | None
    unused: pl.DataFrame
    answers: pl.DataFrame
    tickets: pl.DataFrame | None
    going: pl.DataFrame
    champion: Champion

    @property
    def as_of(self) -> date:
        """The organisation's day of the snapshot."""
        return self.review.as_of

    @property
    def now(self) -> Row | None:
        """Today's health, None when nothing is served."""
        rows = self.history.filter(pl.col("on") == self.as_of)
        return rows.row(0, named=True) if rows.height else None


def numbers(
    frames: Frames,
    settings: Settings,
    account_id: str,
    *,
    quarter: Quarter | None = None,
    goal: str | None = None,
    champion: Typed | None = None,
    language: str | None = None,
    overrides: Frame | None = None,
    history: pl.DataFrame | None = None,
    now: datetime | None = None,
    even_if_stale: bool = False,
) -> PrepNumbers:
    """The numbers of one account for whoever prepares the review of a quarter.

    ``champion`` is who carries it there, where somebody typed that in: it wins over the people source. ``language`` is
    the organisation's unless given. ``overrides`` are those of ``metrics.health``; ``history`` is the
    health of the account at month ends and today (``on`` and the columns of ``health``) where it is known already:
    working it out needs every account, and takes most of the time. Raises ``StaleSnapshot`` like the review.
    """
    review = review_numbers(
        frames, settings, account_id, quarter=quarter, goal=goal, now=now, even_if_stale=even_if_stale
    )
    mine, as_of, grace = pl.col("account_id") == account_id, frames.as_of, settings.revenue.grace_days
    bought = frames.subscriptions.filter(mine)
    known = _history(frames, settings, overrides) if history is None else history
    scores = known.filter(mine).unique("on", keep="last", maintain_order=True).sort("on")  # today may end a month
    return PrepNumbers(
        review=review,
        language=choose(language, settings.organisation.language),
        currency=frames.manifest.currency,
        about=account_row(frames, account_id),
        history=scores,
        moved=_moved(scores),
        card=_one(scorecard(frames.mapping(), as_of=as_of, grace_days=grace).filter(mine)),
        zombie=_zombie(frames, settings, account_id),
        contact=_one(silence(contact_days(frames.touches.filter(mine)), as_of=as_of)),
        unused=_unused(frames, settings, account_id),
        answers=_answers(frames, account_id),
        tickets=_tickets(frames, account_id),
        going=leaving(bought, as_of=as_of),
        champion=champion_of(frames.people.filter(mine), champion, as_of=as_of),
    )


def _one(rows: pl.DataFrame) -> Row | None:
    return rows.row(0, named=True) if rows.height else None


def _history(frames: Frames, settings: Settings, overrides: Frame | None) -> pl.DataFrame:
    past = health_history_of(frames, settings, months=MONTHS, overrides=overrides).rename({"month_end": "on"})
    today = health_of(frames, settings, overrides).select(pl.lit(frames.as_of).alias("on"), pl.all())
    return pl.concat([past.filter(pl.col("on") < frames.as_of), today], how="diagonal_relaxed")


def _moved(history: pl.DataFrame) -> pl.DataFrame:
    """What moved the score between the last two rows."""
    rows = history.tail(2)
    if rows.height < 2:
        return pl.DataFrame(schema={"measure": pl.String, "points": pl.Float64, "because": pl.String})
    points = explain_change(rows.head(1).drop("on"), rows.tail(1).drop("on"))
    order = [pl.col("points").abs(), pl.col("measure")]
    return points.sort(order, descending=[True, False], nulls_last=True).select("measure", "points", "because")


def _zombie(frames: Frames, settings: Settings, account_id: str) -> Row | None:
    found = zombies(
        frames.value_days,
        frames.subscriptions.filter(pl.col("account_id") == account_id),
        as_of=frames.as_of,
        silent_days=settings.value.silent_days,
        new_account_days=settings.value.new_account_days,
        grace_days=settings.revenue.grace_days,
    )
    return _one(found.filter(pl.col("account_id") == account_id))


def _unused(frames: Frames, settings: Settings, account_id: str) -> pl.DataFrame:
    rows = unused_of(frames, settings, account_id)
    named = rows.select(pl.coalesce("name", "feature").alias("name"), "is_key", "uses")
    return named.sort("is_key", "uses", "name", descending=[True, False, False])


def _answers(frames: Frames, account_id: str) -> pl.DataFrame:
    """The answers of a year, in people's own words."""
    day = pl.coalesce("responded_at", "sent_at").dt.date()
    names = frames.people.select("user_id", "name").unique("user_id")
    return (
        frames.nps.filter(pl.col("account_id") == account_id, pl.col("score").is_not_null())
        .with_columns(day=day)
        .filter(pl.col("day") > frames.as_of - timedelta(days=VOICE_DAYS), pl.col("day") <= frames.as_of)
        .join(names, on="user_id", how="left")
        .select("name", "score", "day", "comment", "response_id")
        .sort("day", "response_id", descending=[True, False])
        .drop("response_id")
        .collect()
    )


def _tickets(frames: Frames, account_id: str) -> pl.DataFrame | None:
    if "tickets" in frames.missing | frames.failed.keys():
        return None
    still = frames.tickets.filter(pl.col("account_id") == account_id, pl.col("solved_at").is_null())
    opened = still.select("subject", "priority", day=pl.col("opened_at").dt.date())
    days = (pl.lit(frames.as_of) - pl.col("day")).dt.total_days()
    return opened.with_columns(days=days).sort("day", "subject", nulls_last=True).collect()
