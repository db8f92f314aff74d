"""Whose answers a Net Promoter Score counts, how groups compare, and which accounts a change comes from."""

from __future__ import annotations

from datetime import date

import polars as pl

from metrics.answers import Weight, last_per_person, read
from metrics.buckets import Period, as_day, buckets
from metrics.inputs import Frame
from metrics.intervals import FEWEST
from metrics.nps import nps


def last_answers(
    responses: Frame,
    *,
    by: Period = "month",
    since: date | None = None,
    as_of: date,
    week_start: str = "monday",
) -> pl.DataFrame:
    """The answers that a score counts: of each person the last one per survey and bucket.

    The rows of ``responses`` that were answered from ``since`` (None: ever) to ``as_of``, both included, with all
    their columns; ``score`` is a whole number, and ``day`` is added: the day of ``responded_at``, or of ``sent_at``
    where that is missing. In order of ``day``. An answer whose person is not known stays.

    The buckets are those of ``nps_trend``, so that ``nps`` of these rows is its rows pooled: a figure over a year and
    a trend over twelve months tell the same. Left out: what was not answered, scores that are none, answers
    without any day.

    >>> twice = pl.DataFrame({"user_id": ["ann", "ann"], "score": [0, 9],
    ...                       "responded_at": [date(2024, 3, 1), date(2024, 3, 9)]})
    >>> last_answers(twice, as_of=date(2024, 3, 31)).select("score", "day").rows()
    [(9, datetime.date(2024, 3, 9))]
    """
    as_of = as_day(as_of)
    rows = read(responses, dated=True).filter(pl.col("score").is_not_null() & (pl.col("answered_on") <= as_of))
    answers = rows.collect()
    first: date = pl.select(answers["answered_on"].min()).item() or as_of
    grid = buckets(first, as_of, by, week_start=week_start)
    kept = last_per_person(answers.with_columns(place=grid.place(pl.col("answered_on"))), "place")
    if since is not None:
        kept = kept.filter(pl.col("answered_on") >= as_day(since))
    shown = kept.with_columns(pl.col("score").cast(pl.Int64), day="answered_on")
    order = [name for name in ("day", "response_id") if name in shown.columns]
    return shown.drop("rejected", "answered_on", "sent_on", "place").sort(order, maintain_order=True)


def nps_groups(
    responses: Frame,
    segment: str,
    *,
    weight: Weight = "answers",
    fewest: int = FEWEST,
    level: float = 0.95,
) -> pl.DataFrame:
    """Net Promoter Score of each group of customers, ranked.

    One row per value of the ``segment`` column with an answer, null included: the ``segment`` column, ``accounts``
    (that answered), ``n, promoters, passives, detractors, score, low, high`` as in ``nps``, and ``enough``: whether
    there are ``fewest`` answers (with ``weight="accounts"``, accounts). Groups with enough come first, the highest
    score on top; too small a group has a score and an interval, but no place in a ranking.

    >>> rows = pl.DataFrame({"account_id": ["a", "b", "c"], "plan": ["pro", "pro", "free"], "score": [9, 3, 10]})
    >>> nps_groups(rows, "plan", fewest=2).select("plan", "accounts", "score", "enough").rows()
    [('pro', 2, 0.0, True), ('free', 1, 100.0, False)]
    """
    scores = nps(responses, segment=segment, weight=weight, level=level).filter(pl.col("n") > 0)
    answered = read(responses, segment, "account_id").filter(pl.col("score").is_not_null())
    accounts = answered.group_by(segment).agg(accounts=pl.col("account_id").drop_nulls().n_unique().cast(pl.Int64))
    rows = scores.join(accounts.collect(), on=segment, how="left", nulls_equal=True)
    votes = pl.col("n" if weight == "answers" else "accounts")
    return (
        rows.with_columns(enough=votes >= fewest)
        .sort("enough", "score", "n", segment, descending=[True, True, True, False], nulls_last=True)
        .select(segment, "accounts", *(name for name in scores.columns if name != segment), "enough")
    )


def changed_by(before: Frame, after: Frame, *, weight: Weight = "answers") -> pl.DataFrame:
    """What each account adds to the change of the Net Promoter Score from one set of answers to another.

    One row per account that answered on either side: ``account_id``; ``n_before, n_after`` (answers, 0 where there is
    none); ``score_before, score_after`` (points, null where there is none); ``points``, its part of the change,
    largest first. The parts add up to ``change`` of ``nps_change``; an account adds by what it said and by how
    much of all votes is its. Null when nobody answered on one side. Answers of no known account stand together in a
    row whose ``account_id`` is null; where accounts have the votes, they have none, and no row.

    >>> before = pl.DataFrame({"account_id": ["a", "b"], "score": [10, 10]})
    >>> after = pl.DataFrame({"account_id": ["a", "b"], "score": [0, 10]})
    >>> changed_by(before, after).select("account_id", "score_after", "points").rows()
    [('a', -100.0, -100.0), ('b', 100.0, 0.0)]
    """
    sides = []
    for side, name in ((before, "before"), (after, "after")):
        scores = nps(side, segment="account_id", weight=weight).filter(pl.col("n") > 0)
        share = pl.col("n") / pl.col("n").sum() if weight == "answers" else 1 / pl.len()
        part = (pl.col("score") * share).alias(name)
        sides.append(scores.select("account_id", part, pl.col("n", "score").name.suffix(f"_{name}")))
    first, then = sides
    both = bool(first.height and then.height)
    points = pl.col("after").fill_null(0) - pl.col("before").fill_null(0)
    return (
        first.join(then, on="account_id", how="full", coalesce=True, nulls_equal=True)
        .with_columns(pl.col("n_before", "n_after").fill_null(0), points=points if both else pl.lit(None, pl.Float64))
        .sort(pl.col("points").abs(), "account_id", descending=[True, False], nulls_last=True)
        .select("account_id", "n_before", "score_before", "n_after", "score_after", "points")
    )
