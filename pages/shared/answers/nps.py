"""What the NPS page asks: would they recommend us, who says so, what they wrote, and who waits for an answer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

import settings
from metrics import nps as metric
from metrics.answers import Weight
from metrics.current import current_mrr
from metrics.leavers import tenure_band
from metrics.month_ends import months_later
from metrics.nps_groups import changed_by, last_answers, nps_groups
from metrics.nps_people import Reached, by_theme, unanswered
from pages.shared import written
from pages.shared.answers import comments as tags
from pages.shared.answers.accounts import health_now
from pages.shared.data import View, cached, view_of
from pages.shared.filters import Who, current_plans, narrow
from queries.frames import Frames

Kind = str | None
_LONGEST = 4000


class Asked(NamedTuple):
    """Which answers: of whom, since when, to which kind of survey (None: any), and who has one vote."""

    who: Who
    since: date
    kind: Kind = None
    weight: Weight = "answers"


def _invitations(frames: Frames, who: Who, kind: Kind) -> pl.LazyFrame:
    rows = narrow(frames, who)["nps"]
    return rows if kind is None else rows.filter(pl.col("kind") == kind)


def _accounts(frames: Frames) -> pl.LazyFrame:
    """Every account as it is today: ``account, segment, plan, country, language, signed_up_on``."""
    plans = current_plans(frames.subscriptions, frames.as_of)
    return frames.accounts.select(
        "account_id",
        "segment",
        "country",
        "language",
        account=pl.coalesce("name", "account_id"),
        signed_up_on=pl.col("signed_up_at").dt.date(),
    ).join(plans, on="account_id", how="left")


@cached
def kinds(frames: Frames) -> pl.DataFrame:
    """The kinds of survey there are: ``kind``."""
    return frames.nps.select("kind").drop_nulls().unique().sort("kind").collect()


@cached
def answers(frames: Frames, who: Who, since: date, kind: Kind = None) -> pl.DataFrame:
    """The answers that count since a day, oldest first: what was said, and who says it.

    Of each person the last per survey and month. Segment, plan and country are today's; ``tenure`` is that at the time.
    """
    last = last_answers(_invitations(frames, who, kind), since=since, as_of=frames.as_of).lazy()
    spoken = frames.people.select("user_id", locale=pl.col("locale").str.slice(0, 2).str.to_lowercase())
    days = (pl.col("day") - pl.col("signed_up_on")).dt.total_days()
    return (
        last.join(_accounts(frames), on="account_id", how="left", maintain_order="left")
        .join(spoken.unique("user_id"), on="user_id", how="left", maintain_order="left")
        .select(
            "response_id",
            "day",
            "account_id",
            "account",
            "score",
            pl.col("comment").str.slice(0, _LONGEST),
            "survey",
            "segment",
            "plan",
            "country",
            tenure=tenure_band(days),
            language=pl.coalesce("locale", "language"),
        )
        .collect()
    )


@cached
def now(frames: Frames, who: Who, since: date, kind: Kind = None, weight: Weight = "answers") -> pl.DataFrame:
    """NPS of all answers since a day."""
    return metric.nps(answers(view_of(frames), who, since, kind), weight=weight)


@cached
def trend(frames: Frames, asked: Asked, window: int) -> pl.DataFrame:
    """NPS by month, each pooling the answers of ``window`` months; those before ``since`` fill its window."""
    rows = _invitations(frames, asked.who, asked.kind)
    return metric.nps_trend(rows, window=window, as_of=frames.as_of, since=asked.since, weight=asked.weight)


def _sides(frames: Frames, asked: Asked, window: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The answers of the last ``window`` full months, and of as many before them; those first."""
    end = frames.as_of.replace(day=1)
    middle, start = months_later(end, -window), months_later(end, -2 * window)
    rows = answers(view_of(frames), asked.who, start, asked.kind).filter(pl.col("day") < end)
    return rows.filter(pl.col("day") < middle), rows.filter(pl.col("day") >= middle)


@cached
def change(frames: Frames, asked: Asked, window: int) -> pl.DataFrame:
    """The last ``window`` full months against as many before them, with a verdict. The running month is in neither."""
    return metric.nps_change(*_sides(frames, asked, window), weight=asked.weight)


@cached
def changed(frames: Frames, asked: Asked, window: int) -> pl.DataFrame:
    """What each account adds to that change, in points, the largest first."""
    names = _accounts(frames).select("account_id", "account", "segment", "plan").collect()
    rows = changed_by(*_sides(frames, asked, window), weight=asked.weight)
    return rows.join(names, on="account_id", how="left", maintain_order="left")


@cached
def by_group(frames: Frames, asked: Asked, segment: str) -> pl.DataFrame:
    """NPS of each value of ``segment`` (segment, plan, country or tenure), ranked; too small ones last."""
    rows = answers(view_of(frames), asked.who, asked.since, asked.kind)
    return nps_groups(rows, segment, weight=asked.weight)


@cached
def by_account(frames: Frames, asked: Asked) -> pl.DataFrame:
    """NPS of each account that answered, those with most detractors first, with its health and MRR today."""
    rows = answers(view_of(frames), asked.who, asked.since, asked.kind)
    last = rows.group_by("account_id").agg(pl.col("account", "segment", "plan", "day").last())
    return (
        nps_groups(rows, "account_id")
        .join(last, on="account_id", how="left")
        .join(_standing(frames).drop("name"), on="account_id", how="left")
        .sort("detractors", "mrr", "account_id", descending=[True, True, False], nulls_last=True)
    )


@cached
def unhappy(frames: Frames, asked: Asked) -> pl.DataFrame:
    """Of those accounts the ones with a detractor."""
    return by_account(view_of(frames), asked).filter(pl.col("detractors") > 0)


@cached
def spread(frames: Frames, asked: Asked) -> pl.DataFrame:
    """How many answered 0, 1, … 10."""
    return metric.distribution(answers(view_of(frames), asked.who, asked.since, asked.kind))


def _asked(frames: Frames, asked: Asked) -> pl.LazyFrame:
    sent = pl.coalesce("sent_at", "responded_at").dt.date()
    return _invitations(frames, asked.who, asked.kind).filter(sent >= asked.since)


@cached
def response(frames: Frames, asked: Asked) -> pl.DataFrame:
    """Of those asked since a day, the share that answered."""
    return metric.response_rate(_asked(frames, asked), as_of=frames.as_of)


@cached
def response_by_account(frames: Frames, asked: Asked) -> pl.DataFrame:
    """Of those asked since a day the share that answered, by account; those with most silent people first."""
    rates = metric.response_rate(_asked(frames, asked), segment="account_id", as_of=frames.as_of)
    return (
        rates.join(_accounts(frames).select("account_id", "account", "segment", "plan").collect(), on="account_id")
        .join(_standing(frames).drop("name"), on="account_id", how="left")
        .sort("dismissed", "account_id", descending=[True, False])
    )


def _standing(frames: Frames) -> pl.DataFrame:
    """Of every account that is served today: ``name, mrr, score, band``."""
    money = current_mrr(frames.subscriptions, as_of=frames.as_of, grace_days=settings.get().revenue.grace_days)
    names = frames.accounts.select("account_id", "name").collect()
    health = health_now(view_of(frames)).select("account_id", "score", "band")
    return (
        money.select("account_id", "mrr")
        .join(names, on="account_id", how="left")
        .join(health, on="account_id", how="left")
        .rename({"score": "health"})
    )


@cached
def waiting(frames: Frames, asked: Asked, reached: Reached) -> pl.DataFrame:
    """Detractors nobody has answered yet, at accounts that are served today; the dearest accounts first."""
    served = _standing(frames)
    rows = unanswered(
        _invitations(frames, asked.who, asked.kind),
        frames.touches,
        people=frames.people,
        accounts=served.rename({"health": "score"}),
        since=asked.since,
        as_of=frames.as_of,
        reached=reached,
    )
    return rows.join(served, on="account_id", how="semi").with_columns(pl.col("comment").str.slice(0, _LONGEST))


def themes(view: View, asked: Asked) -> pl.DataFrame:
    """What detractors, passives and promoters write about, complaint and praise, as people corrected it."""
    return _themes(view, asked, written.newest().corrections)


@cached
def _themes(frames: Frames, asked: Asked, version: int) -> pl.DataFrame:
    tagged = tags.tags_of(view_of(frames), "nps", version)
    return by_theme(answers(view_of(frames), asked.who, asked.since, asked.kind), tagged)


def comments(view: View, asked: Asked) -> pl.DataFrame:
    """Answers with words, newest first, with ``keys``: each theme as ``polarity:theme``, the surest first."""
    return _comments(view, asked, written.newest().corrections)


@cached
def _comments(frames: Frames, asked: Asked, version: int) -> pl.DataFrame:
    rows = answers(view_of(frames), asked.who, asked.since, asked.kind)
    said = rows.filter(pl.col("comment").str.strip_chars().str.len_chars() > 0)
    key = pl.concat_str(pl.col("polarity").fill_null(""), pl.lit(":"), "theme")
    tagged = tags.tags_of(view_of(frames), "nps", version).lazy()
    keys = tagged.group_by("response_id").agg(keys=key.sort_by("score", descending=True, nulls_last=True))
    told = said.lazy().join(keys, on="response_id", how="left", maintain_order="left").collect()
    nothing = pl.lit([], pl.List(pl.String))
    return told.with_columns(pl.col("keys").fill_null(nothing)).reverse()  # lazy, polars 2.1 panics without any key


def until(rows: pl.DataFrame, month: date, window: int) -> pl.DataFrame:
    """Of answers those that the point of a trend at ``month`` pools."""
    first, last = months_later(month, 1 - window), months_later(month, 1) - timedelta(days=1)
    return rows.filter(pl.col("day").is_between(first, last))
