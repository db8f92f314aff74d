"""Survey answers: which invitations were answered, with a score that is one.

The work behind ``metrics.nps``: reading scores, days and people from responses, and adding answers up.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from metrics.buckets import day_of
from metrics.intervals import z_value

Weight = Literal["answers", "accounts"]

SIDES = {"promoters": 1, "passives": 0, "detractors": -1}
_PSEUDO = 3.0  # pseudo-answers of the adjusted Wald interval, in the proportions 0.75, 1.5 and 0.75
_PSEUDO_SQUARES = 1.5  # of which promoters and detractors together


def score_of(schema: pl.Schema) -> pl.Expr:
    """The score as Int8 where it is a whole number in 0..10, else null.

    Text is read as a number ("9" is 9). What the data contract rejects (11, -1, 6.5, NaN, "n/a") becomes null, so
    that a row that slips through is neither counted nor in the way.
    """
    kind, score = schema["score"], pl.col("score")
    if kind == pl.Object:
        score = score.map_batches(_as_text, return_dtype=pl.String)
    if kind in (pl.String, pl.Object, pl.Categorical, pl.Enum):
        score = score.cast(pl.String).str.strip_chars()
    elif not (kind.is_numeric() or kind == pl.Null):
        raise ValueError(f'column "score" is {kind}, not a number.\n\nHint: map the answer to 0..10 first.')
    number = score.cast(pl.Float64, strict=False)
    return pl.when(number.is_between(0, 10) & (number.floor() == number)).then(number).cast(pl.Int8)


def read(responses: pl.LazyFrame | pl.DataFrame, *columns: str, dated: bool = False) -> pl.LazyFrame:
    """Responses with ``score`` read, ``rejected`` where there was one that is none, and when ``dated`` two days.

    These are ``answered_on`` and ``sent_on``; where one is not known, the other stands in for it. Refuses
    responses without a score column or without one of ``columns``.
    """
    rows = responses.lazy()
    schema = rows.collect_schema()
    for name in ("score", *columns):
        if name not in schema:
            raise ValueError(f'responses have no column "{name}".\n\nHint: they have {", ".join(schema)}.')
    score = score_of(schema)
    values = {"score": score, "rejected": pl.col("score").is_not_null() & score.is_null()}
    if dated:
        if not {"responded_at", "sent_at"} & set(schema):
            raise ValueError(
                'responses have neither "responded_at" nor "sent_at", and a trend needs a day.\n\n'
                f"Hint: they have {', '.join(schema)}."
            )
        responded, sent = (
            day_of(name, schema[name]) if name in schema else pl.lit(None, pl.Date)
            for name in ("responded_at", "sent_at")
        )
        values |= {
            "answered_on": pl.coalesce(responded, sent),
            "sent_on": pl.coalesce(sent, responded),
        }
    return rows.with_columns(**values)


def last_per_person(answers: pl.DataFrame, place: str) -> pl.DataFrame:
    """One answer per person, survey and ``place`` (a bucket): the last one given.

    An answer whose person is not known stands for itself; where times are equal the last ``response_id`` stays.
    """
    if "user_id" not in answers.columns:
        return answers
    order = [name for name in ("answered_on", "responded_at", "response_id") if name in answers.columns]
    keys = [name for name in ("user_id", "survey", place) if name in answers.columns]
    known = answers.filter(pl.col("user_id").is_not_null())
    kept = known.sort(order, maintain_order=True, nulls_last=False).unique(keys, keep="last")
    return pl.concat([kept, answers.filter(pl.col("user_id").is_null())])


def tally(answers: pl.LazyFrame, keys: list[str], weight: Weight) -> pl.DataFrame:
    """Answers added up per ``keys`` (one row without keys): n, promoters, passives, detractors, and the votes.

    A vote of +1, 0 or -1 is an answer or, with ``weight="accounts"``, the mean of an account's answers: how many
    there are (``votes``), their sum (``net``) and the sum of their squares (``squares``). ``scored`` needs these.
    """
    side = pl.when(pl.col("score") >= 9).then(1).when(pl.col("score") <= 6).then(-1).otherwise(0)
    rows = answers.filter(pl.col("score").is_not_null()).with_columns(side=side)
    counts = [pl.len().cast(pl.Int64).alias("n")]
    counts += [(pl.col("side") == value).sum().cast(pl.Int64).alias(name) for name, value in SIDES.items()]
    promoters, detractors = pl.col("promoters"), pl.col("detractors")
    if weight == "answers":
        votes = {"votes": pl.col("n"), "net": promoters - detractors, "squares": promoters + detractors}
        return _grouped(rows, keys, counts).with_columns(**votes).collect()
    if weight != "accounts":
        raise ValueError(f'weight is "{weight}".\n\nHint: choose "answers" or "accounts".')
    if "account_id" not in rows.collect_schema():
        raise ValueError('responses have no column "account_id".\n\nHint: weight="accounts" needs it.')
    vote = (promoters - detractors) / pl.col("n")
    each = list(dict.fromkeys([*keys, "account_id"]))  # an account may be the segment itself
    accounts = rows.filter(pl.col("account_id").is_not_null()).group_by(each).agg(counts)
    sums = [pl.col("n", *SIDES).sum(), pl.len().cast(pl.Int64).alias("votes"), vote.sum().alias("net")]
    return _grouped(accounts, keys, [*sums, (vote * vote).sum().alias("squares")]).collect()


def scored(tallies: pl.DataFrame, *, level: float) -> pl.DataFrame:
    """Tallies with ``score``, ``low`` and ``high`` in points, null where there is no vote."""
    votes, net, squares = pl.col("votes").cast(pl.Float64), pl.col("net"), pl.col("squares")
    mean, error = adjusted_mean(votes, net, squares)
    half, score = z_value(level) * error, 100 * net / votes
    return tallies.with_columns(
        score=pl.when(votes > 0).then(score),
        low=pl.when(votes > 0).then(pl.min_horizontal(100 * (mean - half), score).clip(-100, 100)),
        high=pl.when(votes > 0).then(pl.max_horizontal(100 * (mean + half), score).clip(-100, 100)),
    )


def variance(votes: pl.Expr, net: pl.Expr, squares: pl.Expr) -> pl.Expr:
    """The variance of one vote; for answers this is p + d - (p - d)², p and d the shares of both ends."""
    return squares / votes - (net / votes) ** 2


def adjusted_mean(votes: pl.Expr, net: pl.Expr, squares: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The mean vote and its standard error after adding the three pseudo-answers of the adjusted Wald interval."""
    votes, squares = votes + _PSEUDO, squares + _PSEUDO_SQUARES
    return net / votes, (variance(votes, net, squares) / votes).sqrt()


def _as_text(values: pl.Series) -> pl.Series:
    return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)


def _grouped(rows: pl.LazyFrame, keys: list[str], sums: list[pl.Expr]) -> pl.LazyFrame:
    return rows.group_by(keys).agg(sums) if keys else rows.select(sums)
