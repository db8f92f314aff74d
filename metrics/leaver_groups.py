"""Which groups of customers leave over what was ours to mend, and how the ending felt to those who answered."""

from __future__ import annotations

import numpy as np
import polars as pl

from metrics.bootstrap import bounds, resampled_sums
from metrics.inputs import Frame, lazy
from metrics.intervals import wilson
from metrics.leavers import LEAVERS

FEWEST_LEAVERS = 10
"""With fewer leavers than this a share or a mean has no place in a ranking, and a mean no interval."""

SCALES = {"ease": (1, 5), "would_return": (0, 10)}
"""The questions about the ending: the least and the highest answer to each."""

_WORDS = {"yes": "regrettable", "no": "natural", "unknown": "unknown"}


def regrettable_groups(
    leavers: Frame, segment: str | None = None, *, fewest: int = FEWEST_LEAVERS, level: float = 0.95
) -> pl.DataFrame:
    """How much of what was lost is regrettable, in all or for each group of customers.

    One row per value of the ``segment`` column of ``leavers`` (null included; None: one row for all). Columns: the
    segment; ``leavers``, of them ``regrettable``, ``natural`` and ``unknown``; ``lost_mrr``, of it ``regrettable_mrr``,
    ``natural_mrr`` and ``unknown_mrr`` (minor units), which add up to it; ``judged``, leavers of whom it is known;
    ``share`` of these that is regrettable, with its Wilson interval ``low, high`` (0..1; null when none is judged);
    ``enough``, whether ``fewest`` are judged.

    Groups with enough come first, the highest share on top; too small ones after them, by what they lost. The share
    leaves out who is not known, most of whom nobody asked: it tells of those who said why.

    >>> left = pl.DataFrame({"plan": ["Team", "Team", "Pro"], "lost_mrr": [500, 300, 200],
    ...     "regrettable": ["yes", "no", "unknown"]})
    >>> regrettable_groups(left, "plan", fewest=2).select("plan", "leavers", "judged", "share", "enough").rows()
    [('Team', 2, 2, 0.5, True), ('Pro', 1, 0, None, False)]
    """
    word, money = pl.col("regrettable"), pl.col("lost_mrr")
    columns = {"regrettable": pl.String, "lost_mrr": pl.Int64} | ({segment: LEAVERS[segment]} if segment else {})
    sums = {name: (word == said).sum().cast(pl.Int64) for said, name in _WORDS.items()}
    amounts = {f"{name}_mrr": money.filter(word == said).sum() for said, name in _WORDS.items()}
    added = {"leavers": pl.len().cast(pl.Int64), **sums, "lost_mrr": money.sum(), **amounts}
    left = lazy(leavers, columns)
    rows = left.group_by(segment).agg(**added) if segment else left.select(**added)
    rows = rows.with_columns(judged=pl.col("regrettable") + pl.col("natural"))
    low, high = wilson(pl.col("regrettable"), pl.col("judged"), level=level)
    enough, share = pl.col("judged") >= fewest, pl.col("regrettable") / pl.col("judged")
    found = rows.with_columns(low, high, share=pl.when(pl.col("judged") > 0).then(share), enough=enough)
    ranked = pl.when("enough").then("share")
    key = [segment] if segment else []
    return (
        found.sort(~pl.col("enough"), -ranked, -pl.col("lost_mrr"), *key, nulls_last=True)
        .select(*key, "leavers", *_WORDS.values(), "lost_mrr", *amounts, "judged", "share", "low", "high", "enough")
        .collect()
    )


def felt(leavers: Frame, question: str, *, fewest: int = FEWEST_LEAVERS, level: float = 0.95) -> pl.DataFrame:
    """How those who left answered one question about the ending.

    One row: ``n`` answers, their ``mean``, and ``low, high``, its seeded bootstrap interval. ``question`` is ``ease``
    (1 hard, 5 easy to leave) or ``would_return`` (0 to 10). The mean is null without answers, the interval with fewer
    than ``fewest``. Left out: who was not asked, left the question out, or answered outside its scale.

    >>> felt(pl.DataFrame({"ease": [5, 2, None, 9]}), "ease").row(0)
    (2, 3.5, None, None)
    """
    given = _given(leavers, question)["answer"].to_numpy().astype(np.float64)
    mean = float(given.mean()) if len(given) else None
    low = high = None
    if len(given) >= fewest:
        sums = resampled_sums(np.column_stack([given, np.ones_like(given)]), seed=0)
        drawn = sums[:, 1] > 0
        first, last = bounds(sums[drawn, :1] / sums[drawn, 1:], level=level)
        low, high = float(first[0]), float(last[0])
    numbers = {"mean": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    return pl.DataFrame(
        {"n": [len(given)], "mean": [mean], "low": [low], "high": [high]}, schema={"n": pl.Int64, **numbers}
    )


def felt_spread(leavers: Frame, question: str) -> pl.DataFrame:
    """How many gave each answer to one question about the ending.

    One row per whole number of the question's scale (``SCALES``), lowest first: ``answer``, ``leavers`` (0 where nobody
    gave it). Left out as in :func:`felt`.

    >>> felt_spread(pl.DataFrame({"ease": [5, 2, 5]}), "ease").filter(pl.col("leavers") > 0).rows()
    [(2, 1), (5, 2)]
    """
    least, most = SCALES[question]
    scale = pl.DataFrame({"answer": range(least, most + 1)}, schema={"answer": pl.Int64})
    counts = _given(leavers, question).group_by("answer").agg(leavers=pl.len().cast(pl.Int64))
    return scale.join(counts, on="answer", how="left", maintain_order="left").with_columns(
        pl.col("leavers").fill_null(0)
    )


def _given(leavers: Frame, question: str) -> pl.DataFrame:
    """``answer``: those within the question's scale."""
    least, most = SCALES[question]
    answers = lazy(leavers, {question: pl.Int64}).select(answer=pl.col(question).cast(pl.Int64))
    return answers.filter(pl.col("answer").is_between(least, most)).collect()
