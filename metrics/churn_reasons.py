"""Why customers leave: reasons and themes ranked by what they cost, over time, and how the ending felt."""

from __future__ import annotations

from typing import Literal

import polars as pl

from metrics.exit_answers import NO_ANSWER, UNCLEAR
from metrics.inputs import Frame, lazy
from metrics.intervals import wilson
from metrics.leavers import ANSWERED, LEAVERS, NOT_ASKED, PAYMENT_FAILED, TENURES, leavers

__all__ = ["By", "ending", "judged", "leavers", "reason_trend", "reasons", "totals"]

By = Literal["theme", "reason"]

TEXT_ONLY = "text only"
"""The row, by declared reason, of those who wrote why and chose no code."""

NO_REASON = (TEXT_ONLY, UNCLEAR, NO_ANSWER, PAYMENT_FAILED, NOT_ASKED)
"""Rows that name no reason; they stand below those that do, in this order."""


def _named(leavers: Frame, by: By) -> pl.DataFrame:
    """``leavers`` once per theme or reason, as column ``name``, with each one's part of the money.

    Cents that do not divide go to the first themes, one each, so that the parts always add up to the whole.
    """
    if by not in ("theme", "reason"):
        raise ValueError(f'by is "{by}".\n\nHint: write "theme" or "reason".')
    code = pl.when(pl.col("status") == ANSWERED).then(pl.col("reason").fill_null(TEXT_ONLY)).otherwise("status")
    names = pl.col("themes") if by == "theme" else pl.concat_list(code)
    parts = pl.col("names").list.len().cast(pl.Int64)

    def part(money: str) -> pl.Expr:
        extra = (pl.col("place") < pl.col(money) % pl.col("parts")).cast(pl.Int64)
        return pl.col(money) // pl.col("parts") + extra

    return (
        lazy(leavers, LEAVERS)
        .with_columns(names=names)
        .with_columns(parts=parts, place=pl.int_ranges(0, parts))
        .explode("names", "place")
        .with_columns(name="names", whole="lost_mrr")
        .with_columns(part("lost_mrr"), part("left_after_pause"))
        .collect()
    )


def _rank(name: str) -> pl.Expr:
    """0 for a reason, then the rows without one in the order of ``NO_REASON``."""
    return pl.col(name).replace_strict(list(NO_REASON), range(1, len(NO_REASON) + 1), default=0, return_dtype=pl.Int64)


def _in_order(segment: str) -> pl.Expr:
    """A segment's values in the order people expect: bands of tenure by their length, the rest by name."""
    places: dict[str | None, int] = {name: place for place, name in enumerate(TENURES)}
    named = pl.col(segment)
    return named.replace_strict(places, default=None, return_dtype=pl.Int64) if segment == "tenure" else named


def reasons(leavers: Frame, *, by: By = "theme", segment: str | None = None, level: float = 0.95) -> pl.DataFrame:
    """Why accounts left, ranked by the recurring revenue they took with them.

    One row per theme, or per declared reason with ``by="reason"`` (and per value of the ``segment`` column, null
    included: plan, segment, country, tenure, regrettable). Columns: ``theme`` or ``reason``; ``responses``, answers in
    the row; ``accounts``, leavers in it (one that left twice counts twice, as in ``accounts_churned``); ``lost_mrr``;
    ``share`` of all leavers, asked or not, with its Wilson interval ``low, high`` (0..1); ``regrettable_mrr``, the
    part of ``lost_mrr`` that is regrettable for sure (unknown is not in it); ``full_mrr``, the whole loss of every
    leaver in the row; ``left_after_pause``, MRR lost earlier, when a pause began that ended in leaving. Money in minor
    units. No rows without leavers; no value is null.

    Within a segment ``share`` and its interval are of the segment's own leavers.

    It reconciles: an account with several themes splits its MRR equally among them, so that ``lost_mrr`` adds up to
    the period's ``churned`` in ``movements``, to the cent, and ``left_after_pause`` to its own. ``accounts``,
    ``share`` and ``full_mrr`` overlap by theme and do not add up. By reason there is one row per leaver.

    Rows that name no reason come last: ``text only`` (by reason: words, but no code), ``unclear`` (said something
    else), ``no answer`` (asked, or answered empty), ``payment failed`` and ``not asked``. Most exit surveys show
    shares of those who answered; here who said nothing stays in, so that a reason is never larger than it is.

    >>> left = pl.DataFrame({"lost_mrr": [1001, 500, 300], "themes": [["price", "slow"], ["price"], ["not asked"]],
    ...                      "response_id": ["r", "s", None], "regrettable": ["yes", "no", "unknown"]})
    >>> reasons(left).select("theme", "responses", "accounts", "lost_mrr", "regrettable_mrr", "full_mrr").rows()
    [('price', 2, 2, 1001, 501, 1501), ('slow', 1, 1, 500, 500, 1001), ('not asked', 0, 1, 300, 0, 300)]
    """
    keys = [] if segment is None else [segment]
    named = _named(leavers, by)
    everyone = lazy(leavers, LEAVERS).group_by(keys or pl.lit(0)).agg(n=pl.len()).collect()
    low, high = wilson(pl.col("accounts"), pl.col("n"), level=level)
    table = named.group_by(*keys, "name").agg(
        responses=pl.col("response_id").drop_nulls().n_unique().cast(pl.Int64),
        accounts=pl.len().cast(pl.Int64),
        lost_mrr=pl.col("lost_mrr").sum(),
        regrettable_mrr=pl.col("lost_mrr").filter(pl.col("regrettable") == "yes").sum(),
        full_mrr=pl.col("whole").sum(),
        left_after_pause=pl.col("left_after_pause").sum(),
    )
    joined = table.join(everyone, on=keys, nulls_equal=True) if keys else table.join(everyone, how="cross")
    shown = ("responses", "accounts", "lost_mrr", "share", "low", "high", "regrettable_mrr", "full_mrr")
    return (
        joined.with_columns(low, high, share=pl.col("accounts") / pl.col("n"))
        .sort(*map(_in_order, keys), _rank("name"), -pl.col("lost_mrr"), -pl.col("accounts"), "name", nulls_last=True)
        .select(*keys, pl.col("name").alias(by), *shown, "left_after_pause")
    )


def reason_trend(leavers: Frame, *, by: By = "theme") -> pl.DataFrame:
    """What each reason cost, month by month.

    One row per month, from the first to the last with a leaver, and per theme (or declared reason) that any leaver
    of them named: ``month``; ``theme`` or ``reason``; ``accounts``; ``lost_mrr``, minor units, split as in
    :func:`reasons`; ``state``. A month without it has 0: nobody who left named it. Per month ``lost_mrr`` adds up to
    ``churned`` of ``movements``.

    ``state`` is ``provisional`` while the month runs, and while answers of its leavers may still come: until then
    ``not asked`` and ``no answer`` stand too high and every reason too low.
    """
    named = _named(leavers, by)
    unsure = (pl.col("state") == "provisional") | pl.col("answer_open").fill_null(False)
    states = named.group_by("month").agg(unsure=unsure.fill_null(False).any())
    sums = named.group_by("month", "name").agg(accounts=pl.len().cast(pl.Int64), lost_mrr=pl.col("lost_mrr").sum())
    months = states.select(month=pl.date_ranges(pl.col("month").min(), pl.col("month").max(), "1mo")).explode("month")
    return (
        months.drop_nulls()
        .join(named.select("name").unique(), how="cross")
        .join(sums, on=["month", "name"], how="left")
        .join(states, on="month", how="left")
        .with_columns(
            pl.col("accounts", "lost_mrr").fill_null(0),
            state=pl.when("unsure").then(pl.lit("provisional")).otherwise(pl.lit("final")),
        )
        .sort("month", _rank("name"), "name")
        .select("month", pl.col("name").alias(by), "accounts", "lost_mrr", "state")
    )


def totals(leavers: Frame) -> pl.DataFrame:
    """What the table of reasons must add up to, and how much of it is explained.

    One row: ``leavers``, the ``accounts_churned`` of the period's ``movements``; ``accounts``, distinct ones;
    ``lost_mrr`` and ``left_after_pause``, minor units; leavers by status, ``answered, no_answer, payment_failed,
    not_asked``; ``explained``, those of whom we know a theme, and ``explained_mrr``; ``compared``, leavers whose code
    and words both name a theme, and ``disagreeing`` of them.

    >>> left = pl.DataFrame({"account_id": ["a", "b", "a"], "lost_mrr": [500, 300, 200],
    ...     "status": ["answered", "not asked", "answered"], "themes": [["price"], ["not asked"], ["unclear"]]})
    >>> totals(left).select("leavers", "accounts", "lost_mrr", "answered", "explained", "explained_mrr").row(0)
    (3, 2, 1000, 2, 1, 500)
    """
    status, known = pl.col("status"), ~pl.col("themes").list.first().is_in(NO_REASON)
    statuses = (ANSWERED, NO_ANSWER, PAYMENT_FAILED, NOT_ASKED)
    return (
        lazy(leavers, LEAVERS)
        .select(
            leavers=pl.len(),
            accounts=pl.col("account_id").n_unique(),
            lost_mrr=pl.col("lost_mrr").sum(),
            left_after_pause=pl.col("left_after_pause").sum(),
            **{name.replace(" ", "_"): (status == name).sum() for name in statuses},
            explained=known.sum(),
            explained_mrr=pl.col("lost_mrr").filter(known).sum(),
            compared=pl.col("disagrees").count(),
            disagreeing=pl.col("disagrees").sum(),
        )
        .cast(pl.Int64)
        .collect()
    )


def ending(leavers: Frame) -> pl.DataFrame:
    """How the ending felt to those who left.

    One row: ``leavers``; ``ease_n`` and ``ease``, answers and their mean, 1 (hard) to 5 (easy to leave);
    ``would_return_n`` and ``would_return``, answers and their mean, 0 to 10; ``requested_n`` and
    ``days_to_end``, leavers who asked to leave and the median days from asking to the end of service. A mean or
    median of nobody is null. Who was not asked, or left a question out, is in no mean; a request made after the end
    is none.

    >>> ending(pl.DataFrame({"ease": [5, 2, None], "would_return": [None, None, None]})).row(0)
    (3, 2, 3.5, 0, None, 0, None)
    """
    days = (pl.col("ended_on") - pl.col("requested_on")).dt.total_days()
    return (
        lazy(leavers, LEAVERS)
        .select(
            leavers=pl.len().cast(pl.Int64),
            ease_n=pl.col("ease").count().cast(pl.Int64),
            ease=pl.col("ease").mean(),
            would_return_n=pl.col("would_return").count().cast(pl.Int64),
            would_return=pl.col("would_return").mean(),
            requested_n=days.count().cast(pl.Int64),
            days_to_end=days.median(),
        )
        .collect()
    )


def judged(leavers: Frame) -> pl.DataFrame:
    """Whether each churn is regrettable, as ``split_regrettable`` takes it.

    One row per leaver: ``account_id``, ``month``, ``regrettable`` (null: unknown).

    >>> judged(pl.DataFrame({"account_id": ["a", "b"], "regrettable": ["no", "unknown"]}))["regrettable"].to_list()
    [False, None]
    """
    word = pl.col("regrettable")
    flag = pl.when(word == "yes").then(True).when(word == "no").then(False)
    return lazy(leavers, LEAVERS).select("account_id", "month", regrettable=flag).collect()
