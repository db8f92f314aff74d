"""Why customers leave: reasons and themes ranked by what they cost, over time, and how the ending felt."""

from __future__ import annotations

from typing import Literal

import polars as pl

from metrics.exit_answers import NO_ANSWER, UNCLEAR
from metrics.inputs import Frame, lazy
from metrics.intervals import wilson
from metrics.leavers import ANSWERED, LEAVERS, NOT_ASKED, PAYMENT_FAILED, leavers

__all__ = ["By", "ending", "judged", "leavers", "reason_trend", "reasons"]

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


def reasons(leavers: Frame, *, by: By = "theme", segment: str | None = None, level: float = 0.95) -> pl.DataFrame:
    """Why accounts left, ranked by the recurring revenue they took with them.

    One row per theme, or per declared reason with ``by="reason"`` (and per value of the ``segment`` column, null
    included: plan, segment, tenure, regrettable). Columns: ``theme`` or ``reason``; ``responses``, answers in the
    row; ``accounts``, leavers in it (one that left twice counts twice, as in ``accounts_churned``); ``lost_mrr``;
    ``share`` of all leavers, asked or not, with its Wilson interval ``low, high`` (0..1); ``regrettable_mrr``, the
    part of ``lost_mrr`` that is regrettable for sure (unknown is not in it); ``full_mrr``, the whole loss of every
    leaver in the row; ``left_after_pause``, MRR lost earlier, when a pause began that ended in leaving. Money in minor
    units. No rows without leavers; no value is null.

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
        .sort(*keys, _rank("name"), -pl.col("lost_mrr"), -pl.col("accounts"), "name", nulls_last=True)
        .select(*keys, pl.col("name").alias(by), *shown, "left_after_pause")
    )
