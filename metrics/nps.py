"""Net Promoter Score: how likely customers are to recommend us, and whether that has changed."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from metrics.answers import SIDES, Weight, adjusted_mean, last_per_person, read, scored, tally
from metrics.buckets import Buckets, Period, State, as_day, bucket_start, buckets
from metrics.intervals import FEWEST, verdict, wilson, z_value

_COUNTS = ("n", *SIDES)
_SCORE = ("score", "low", "high")
_OWN_NAMES = {"period", "place", "state", "kind", "answers", "share", "votes", "net", "squares", *_COUNTS, *_SCORE}
_RATES = ("sent", "answered", "dismissed", "rate", "low", "high")


def nps(
    responses: pl.LazyFrame | pl.DataFrame,
    *,
    segment: str | None = None,
    weight: Weight = "answers",
    level: float = 0.95,
) -> pl.DataFrame:
    """Net Promoter Score of the answered responses.

    One row, or one per value of the ``segment`` column, null included: ``n, promoters, passives, detractors``
    (counts of answers) and ``score, low, high`` (points, -100..100; null when nobody answered). Promoters score
    9-10, passives 7-8, detractors 0-6; the score is 100 * (promoters - detractors) / n. The interval is adjusted
    Wald at 95% (three pseudo-answers, a half of them passive: Sauro and Lewis, MeasuringU), which stays honest for
    small n; it takes answers as independent, which several from one account are not quite.

    ``weight="accounts"`` gives each account one vote, the mean of its answers, so that one with fifty answers
    does not outweigh forty-nine others; the interval then rests on the number of accounts.

    Left out: responses without a score (dismissed, or still open) and scores that are no whole number in 0..10.
    Every answer given counts here, several of one person too; ``nps_trend`` takes the last per person, survey and
    bucket. Unlike some survey tools, dismissed invitations are not in the denominator, and the score is not
    rounded.

    >>> nps(pl.LazyFrame({"score": [10, 9, 8, 3]})).select("n", "score").row(0)
    (4, 25.0)
    """
    keys = _keys(segment)
    table = scored(tally(read(responses, *keys), keys, weight), level=level)
    shown = table.select(*keys, *_COUNTS, *_SCORE)
    return shown.sort(keys, nulls_last=True) if keys else shown


def nps_trend(
    responses: pl.LazyFrame | pl.DataFrame,
    *,
    by: Period = "month",
    window: int = 1,
    segment: str | None = None,
    as_of: date,
    since: date | None = None,
    week_start: str = "monday",
    weight: Weight = "answers",
    level: float = 0.95,
) -> pl.DataFrame:
    """Net Promoter Score over time.

    One row per day, week or month (and ``segment``), without gaps, from the one holding ``since`` (None: the
    first answer) to the one holding ``as_of``: ``period`` (its first day), the ``segment`` column,
    ``n, promoters, passives, detractors, score, low, high`` as in ``nps`` (score null where n is 0), and
    ``state``: ``final``, or ``provisional`` for the bucket that holds ``as_of``.

    With ``window`` above 1, each row pools the answers of that many buckets, the last of which is its own: counts
    are added, scores are never averaged. Of each person the last answer per survey and bucket counts; an answer
    whose person is not known counts for itself. An answer falls on the day of ``responded_at``, or of ``sent_at``
    where that is missing.

    Left out: answers after ``as_of``, answers without any day, and what ``nps`` leaves out.

    >>> answers = pl.DataFrame({"responded_at": [date(2024, 1, 9), date(2024, 3, 1)], "score": [10, 3]})
    >>> nps_trend(answers, as_of=date(2024, 3, 15)).select("period", "n", "score", "state").rows()[1:]
    [(datetime.date(2024, 2, 1), 0, None, 'final'), (datetime.date(2024, 3, 1), 1, -100.0, 'provisional')]
    """
    if window < 1:
        raise ValueError(f"window is {window}.\n\nHint: a window holds at least one {by}.")
    as_of = as_day(as_of)
    start = None if since is None else bucket_start(as_day(since), by, week_start=week_start)
    if start is not None and start > as_of:
        raise ValueError(f"since ({since}) is after as_of ({as_of}).\n\nHint: a trend ends today.")
    known = pl.col("score").is_not_null() & (pl.col("answered_on") <= as_of)
    keys = ["place", *_keys(segment)]
    answers = read(responses, *keys[1:], dated=True).filter(known).collect()
    grid = _grid(answers["answered_on"], start, as_of, by, week_start)
    answers = last_per_person(answers.with_columns(place=grid.place(pl.col("answered_on"))), "place")
    later = pl.concat_list(pl.col("place") + ahead for ahead in range(window))
    pooled = answers.with_columns(place=later).explode("place")
    rows = _spine(grid, grid.states(as_of), answers, keys)
    rows = rows.join(tally(pooled.lazy(), keys, weight), on=keys, how="left", nulls_equal=True)
    table = scored(rows.with_columns(pl.col(*_COUNTS, "votes", "net", "squares").fill_null(0)), level=level)
    if start is not None:
        table = table.filter(pl.col("period") >= start)
    elif answers.is_empty():
        table = table.clear()
    return table.select("period", *keys[1:], *_COUNTS, *_SCORE, "state")


def nps_change(
    before: pl.LazyFrame | pl.DataFrame,
    after: pl.LazyFrame | pl.DataFrame,
    *,
    weight: Weight = "answers",
    level: float = 0.95,
    fewest: int = FEWEST,
) -> pl.DataFrame:
    """The change of the Net Promoter Score from one set of answers to another, and what may be said of it.

    One row: ``change, low, high`` (points, -200..200; null when nobody answered on one side) and ``verdict``:
    ``up`` or ``down`` when the interval leaves 0 out, ``within noise`` when it does not, ``too few`` with under 30
    answers (with ``weight="accounts"``, accounts) on either side.

    ``before`` and ``after`` are responses, or counts: rows of ``nps`` or ``nps_trend``, which are added up (their
    answers, then, and not their accounts, are the votes). The interval joins the two adjusted Wald intervals of
    the scores and takes the sides as independent; where the same people answered both times it is too wide rather
    than too narrow.

    >>> last_month = pl.DataFrame({"n": [100], "promoters": [40], "passives": [30], "detractors": [30]})
    >>> this_month = pl.DataFrame({"n": [100], "promoters": [60], "passives": [30], "detractors": [10]})
    >>> nps_change(last_month, this_month).select("change", "verdict").row(0)
    (40.0, 'up')
    """
    first, then = _votes(before, weight), _votes(after, weight)
    row: tuple[float | None, float | None, float | None] = (None, None, None)
    if first[0] and then[0]:
        row = _difference(first, then, level)
    said = verdict(row[1], row[2], first[0], then[0], fewest=fewest)
    schema = {"change": pl.Float64, "low": pl.Float64, "high": pl.Float64, "verdict": pl.String}
    return pl.DataFrame([(*row, said)], schema=schema, orient="row")


def response_rate(
    responses: pl.LazyFrame | pl.DataFrame,
    *,
    segment: str | None = None,
    by: Period | None = None,
    as_of: date | None = None,
    week_start: str = "monday",
    wait_days: int = 14,
    level: float = 0.95,
) -> pl.DataFrame:
    """Of those who were asked, the share that answered.

    One row, or one per value of the ``segment`` column, null included: ``sent`` (invitations), ``answered``,
    ``dismissed`` (not answered, up to now), ``rate`` (answered / sent, 0..1; null when none were sent), ``low``
    and ``high`` (Wilson). With ``by``, one per day, week or month of sending too, without gaps up to ``as_of``:
    ``period`` (its first day) comes first and ``state`` last: ``provisional`` while an invitation of the bucket
    may be younger than ``wait_days`` and well be answered yet, else ``final``.

    An invitation falls on the day of ``sent_at``, or of ``responded_at`` where that is missing. With ``as_of``,
    what was sent later is left out and what was answered later counts as not answered. A response whose score is
    no whole number in 0..10 is left out altogether, as the data contract rejects it.

    >>> response_rate(pl.DataFrame({"score": [10, None, None, 4]})).select("sent", "answered", "rate").row(0)
    (4, 2, 0.5)
    """
    keys = _keys(segment)
    rows = _invitations(responses, keys, as_of)
    if by is None:
        return _rates(_sent(rows, keys), level).select(*keys, *_RATES)
    if as_of is None:
        raise ValueError(f'by="{by}" needs as_of.\n\nHint: say which day it is, to mark open buckets.')
    grid = _grid(rows["sent_on"], None, as_day(as_of), by, week_start)
    keys = ["place", *keys]
    rows = rows.with_columns(place=grid.place(pl.col("sent_on")))
    over = grid.states(as_day(as_of) - timedelta(days=wait_days))
    spine = _spine(grid, ["final" if state == "final" else "provisional" for state in over], rows, keys)
    sums = spine.join(_sent(rows, keys), on=keys, how="left", nulls_equal=True)
    table = _rates(sums.with_columns(pl.col("sent", "answered").fill_null(0)), level)
    shown = table.clear() if rows.is_empty() else table
    return shown.select("period", *keys[1:], *_RATES, "state")


def distribution(
    responses: pl.LazyFrame | pl.DataFrame, *, segment: str | None = None, level: float = 0.95
) -> pl.DataFrame:
    """How many answered 0, how many 1, and so on up to 10.

    Eleven rows (per value of the ``segment`` column, null included): the ``segment`` column, ``score``, ``kind``
    (``detractor``, ``passive``, ``promoter``), ``answers``, ``share`` (of all answers, 0..1; null when there are
    none), ``low`` and ``high`` (Wilson). Left out: what ``nps`` leaves out.

    >>> shares = distribution(pl.DataFrame({"score": [10, 10, 10, 3]}))
    >>> shares.filter(pl.col("answers") > 0).select("score", "kind", "answers", "share").rows()
    [(3, 'detractor', 1, 0.25), (10, 'promoter', 3, 0.75)]
    """
    keys = _keys(segment)
    known = read(responses, *keys).filter(pl.col("score").is_not_null()).collect()
    scores = pl.DataFrame({"score": range(11)}, schema={"score": pl.Int8})
    groups = known.select(keys).unique().sort(keys, nulls_last=True) if keys else None
    rows = scores if groups is None else groups.join(scores, how="cross", maintain_order="left_right")
    counts = known.group_by(*keys, "score").agg(answers=pl.len().cast(pl.Int64))
    rows = rows.join(counts, on=[*keys, "score"], how="left", nulls_equal=True, maintain_order="left")
    answers = pl.col("answers").fill_null(0)
    total = answers.sum().over(keys) if keys else answers.sum()
    low, high = wilson(answers, total, level=level)
    not_promoter = pl.when(pl.col("score") <= 6).then(pl.lit("detractor")).otherwise(pl.lit("passive"))
    kind = pl.when(pl.col("score") >= 9).then(pl.lit("promoter")).otherwise(not_promoter)
    share = pl.when(total > 0).then(answers / total)
    return rows.select(
        *keys, pl.col("score").cast(pl.Int64), kind=kind, answers=answers, share=share, low=low, high=high
    )


def _keys(segment: str | None) -> list[str]:
    """What to group by; refuses a segment that is called like a column of a result."""
    if segment in _OWN_NAMES | set(_RATES):
        raise ValueError(f'segment="{segment}" is a column of the result.\n\nHint: rename it in responses.')
    return [segment] if segment else []


def _grid(days: pl.Series, start: date | None, as_of: date, by: Period, week_start: str) -> Buckets:
    """Buckets from the first of ``days`` (or ``start``, when that is earlier) to the one holding ``as_of``."""
    first: date | None = pl.select(days.min()).item()
    known = [day for day in (start, first) if day is not None]
    return buckets(min(known, default=as_of), as_of, by, week_start=week_start)


def _spine(grid: Buckets, states: list[State], rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """One row per bucket and, when ``keys`` name a segment, per segment found in ``rows``; in order."""
    spine = pl.DataFrame(
        {"place": range(len(grid)), "period": grid.starts, "state": states},
        schema={"place": pl.Int32, "period": pl.Date, "state": pl.String},
    )
    if len(keys) == 1:
        return spine
    segments = rows.select(keys[1:]).unique().sort(keys[1:], nulls_last=True)
    return spine.join(segments, how="cross", maintain_order="left_right")


def _votes(side: pl.LazyFrame | pl.DataFrame, weight: Weight) -> tuple[float, float, float]:
    """How many votes, their sum and the sum of their squares, from responses or from counts."""
    table = side.lazy()
    if set(_COUNTS) <= set(table.collect_schema()):
        sums = table.select(pl.col(*_COUNTS).sum())
        both = pl.col("promoters") + pl.col("detractors")
        votes = sums.select("n", pl.col("promoters") - pl.col("detractors"), both.alias("squares")).collect()
    else:
        votes = tally(read(table), [], weight).select("votes", "net", "squares")
    number, net, squares = votes.row(0)
    return number, net, squares


def _difference(
    before: tuple[float, float, float], after: tuple[float, float, float], level: float
) -> tuple[float, float, float]:
    """After less before, in points, with its interval."""
    votes = pl.DataFrame([before, after], schema=["votes", "net", "squares"], orient="row").cast(pl.Float64)
    mean, error = adjusted_mean(*(pl.col(name) for name in votes.columns))
    moved = votes.select(
        change=(100 * pl.col("net") / pl.col("votes")).diff().last(),
        centre=(100 * mean).diff().last(),
        half=100 * z_value(level) * (error**2).sum().sqrt(),
    )
    change, centre, half = moved.row(0)
    return change, max(min(centre - half, change), -200.0), min(max(centre + half, change), 200.0)


def _invitations(responses: pl.LazyFrame | pl.DataFrame, keys: list[str], as_of: date | None) -> pl.DataFrame:
    """Responses that the contract accepts, with ``answered``; as they stood on ``as_of``, when it is given."""
    rows = read(responses, *keys, dated=as_of is not None).filter(~pl.col("rejected"))
    answered = pl.col("score").is_not_null()
    if as_of is not None:
        rows = rows.filter(pl.col("sent_on") <= as_day(as_of))
        answered &= pl.col("answered_on") <= as_day(as_of)
    return rows.with_columns(answered=answered).collect()


def _sent(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Invitations and answers per ``keys``, in order; one row without keys."""
    counts = pl.len().cast(pl.Int64).alias("sent"), pl.col("answered").sum().cast(pl.Int64)
    return rows.group_by(keys).agg(counts).sort(keys, nulls_last=True) if keys else rows.select(counts)


def _rates(sums: pl.DataFrame, level: float) -> pl.DataFrame:
    """``sent`` and ``answered`` with what follows from them."""
    sent, answered = pl.col("sent"), pl.col("answered")
    low, high = wilson(answered, sent, level=level)
    rate = pl.when(sent > 0).then(answered / sent)
    return sums.with_columns(dismissed=sent - answered, rate=rate, low=low, high=high)
