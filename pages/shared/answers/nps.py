"""What the NPS page asks: would they recommend us, who says so, and what they wrote."""

from __future__ import annotations

from datetime import date

import polars as pl

from metrics import nps as metric
from metrics.current import current_plans
from pages.shared.data import cached
from pages.shared.filters import Who, narrow
from queries.frames import Frames

Kind = str | None


def _answers(frames: Frames, who: Who, kind: Kind = None) -> pl.LazyFrame:
    """Invitations with their account's segment, plan and country, as they are today."""
    mine = narrow(frames, who)
    rows = mine["nps"] if kind is None else mine["nps"].filter(pl.col("kind") == kind)
    accounts = mine["accounts"].select("account_id", "segment", "country", account="name")
    plans = current_plans(mine["subscriptions"], as_of=frames.as_of).lazy().select("account_id", "plan")
    return rows.join(accounts, on="account_id", how="left").join(plans, on="account_id", how="left")


def _since(rows: pl.LazyFrame, since: date) -> pl.LazyFrame:
    return rows.filter(pl.col("responded_at").dt.date() >= since)


@cached
def trend(frames: Frames, who: Who, since: date, window: int = 3, kind: Kind = None) -> pl.DataFrame:
    """NPS by month, each pooling the answers of ``window`` months."""
    return metric.nps_trend(_answers(frames, who, kind), window=window, as_of=frames.as_of, since=since)


@cached
def now(frames: Frames, who: Who, since: date, kind: Kind = None) -> pl.DataFrame:
    """NPS of all answers since a day."""
    return metric.nps(_since(_answers(frames, who, kind), since))


@cached
def change(frames: Frames, who: Who, middle: date, since: date, kind: Kind = None) -> pl.DataFrame:
    """The change from the answers in [since, middle) to those from middle on, with its verdict."""
    rows = _since(_answers(frames, who, kind), since)
    day = pl.col("responded_at").dt.date()
    return metric.nps_change(rows.filter(day < middle), rows.filter(day >= middle))


@cached
def by_segment(frames: Frames, who: Who, since: date, segment: str, kind: Kind = None) -> pl.DataFrame:
    """NPS of each value of ``segment`` (segment, plan or country)."""
    return metric.nps(_since(_answers(frames, who, kind), since), segment=segment)


@cached
def spread(frames: Frames, who: Who, since: date, kind: Kind = None) -> pl.DataFrame:
    """How many answered 0, 1, … 10."""
    return metric.distribution(_since(_answers(frames, who, kind), since))


@cached
def response(frames: Frames, who: Who, since: date, kind: Kind = None) -> pl.DataFrame:
    """Of those asked since a day, the share that answered."""
    asked = _answers(frames, who, kind).filter(pl.coalesce("sent_at", "responded_at").dt.date() >= since)
    return metric.response_rate(asked, as_of=frames.as_of)


@cached
def comments(frames: Frames, who: Who, since: date, kind: Kind = None) -> pl.DataFrame:
    """Answers with words, newest first: day, account, score, comment, segment, plan."""
    rows = _since(_answers(frames, who, kind), since).filter(pl.col("comment").str.strip_chars().str.len_chars() > 0)
    return (
        rows.select(
            pl.col("responded_at").dt.date().alias("day"),
            "account_id",
            "account",
            "score",
            pl.col("comment").str.slice(0, 4000),
            "segment",
            "plan",
        )
        .sort("day", descending=True)
        .collect()
    )
