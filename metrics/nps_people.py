"""Who is behind a Net Promoter Score: what they wrote about, and which detractors nobody has answered yet."""

from __future__ import annotations

from datetime import date
from typing import Literal

import polars as pl

from metrics.answers import read
from metrics.buckets import as_day
from metrics.inputs import Frame, day, lazy, wall_times
from metrics.intervals import wilson
from metrics.theme_file import NO_ANSWER, UNCLEAR

Reached = Literal["account", "person"]

GROUPS = {"detractors": (0, 6), "passives": (7, 8), "promoters": (9, 10)}
"""The three groups of answers, with their least and greatest score."""

_NPS = {
    "response_id": pl.String,
    "account_id": pl.String,
    "user_id": pl.String,
    "sent_at": pl.Date,
    "responded_at": pl.Date,
    "score": pl.Int64,
    "comment": pl.String,
    "survey": pl.String,
    "kind": pl.String,
}
_TOUCHES = {"account_id": pl.String, "user_id": pl.String, "direction": pl.String, "occurred_at": pl.Date}
_PEOPLE = {"user_id": pl.String, "name": pl.String, "email": pl.String, "left_at": pl.Date}
_ACCOUNTS = {
    "account_id": pl.String,
    "name": pl.String,
    "mrr": pl.Int64,
    "score": pl.Float64,
    "band": pl.String,
}


def by_theme(responses: Frame, tagged: Frame, *, level: float = 0.95) -> pl.DataFrame:
    """What detractors, passives and promoters write about: complaint and praise, by theme.

    One row per ``group`` (``detractors``, ``passives``, ``promoters``), ``theme`` and ``polarity`` (``complaint``,
    ``praise``; null for ``no answer`` and what is ``unclear``; ``unclear`` with ``praise`` is praise of nothing in
    particular): ``comments`` that say it, ``accounts`` they come from, ``of``, the comments of that group, and
    ``share`` of them (0..1) with its Wilson interval ``low, high``. Per group the theme said most comes first;
    ``unclear`` and ``no answer`` stand last.

    ``responses`` are answers with ``response_id, account_id, score`` and, where there is one, ``comment``: an answer
    without words is in no row. ``tagged`` holds ``response_id, theme, polarity``, several themes per comment, so
    shares of a group add up to more than one. Churn reasons count complaints only; here praise of a detractor and
    complaint of a promoter stand beside what is expected.

    >>> said = pl.DataFrame({"response_id": ["r", "s"], "account_id": ["a", "b"], "score": [3, 6]})
    >>> tags = pl.DataFrame({"response_id": ["r", "r", "s"], "theme": ["price", "support", "price"],
    ...                      "polarity": ["complaint", "praise", "complaint"]})
    >>> by_theme(said, tags).select("group", "theme", "polarity", "comments", "of", "share").rows()
    [('detractors', 'price', 'complaint', 2, 2, 1.0), ('detractors', 'support', 'praise', 1, 2, 0.5)]
    """
    answers = read(responses, "response_id", "account_id").filter(pl.col("score").is_not_null())
    if "comment" in answers.collect_schema():
        answers = answers.filter(pl.col("comment").str.strip_chars().str.len_chars() > 0)
    told = answers.select("response_id", "account_id", group=group_of(pl.col("score"))).unique("response_id")
    tags = lazy(tagged, {"theme": pl.String, "polarity": pl.String}).select("response_id", "theme", "polarity")
    read_themes = told.join(tags.unique(), on="response_id").collect()
    of = read_themes.group_by("group").agg(of=pl.col("response_id").n_unique().cast(pl.Int64))
    counts = read_themes.group_by("group", "polarity", "theme").agg(
        comments=pl.len().cast(pl.Int64), accounts=pl.col("account_id").drop_nulls().n_unique().cast(pl.Int64)
    )
    low, high = wilson(pl.col("comments"), pl.col("of"), level=level)
    last = pl.col("theme").replace_strict([UNCLEAR, NO_ANSWER], [1, 2], default=0, return_dtype=pl.Int64)
    return (
        counts.join(of, on="group")
        .with_columns(low, high, share=pl.col("comments") / pl.col("of"))
        .sort("group", last, -pl.col("comments"), "theme", "polarity", nulls_last=True)
        .select("group", "theme", "polarity", "comments", "accounts", "of", "share", "low", "high")
    )


def group_of(score: pl.Expr) -> pl.Expr:
    """``detractors``, ``passives`` or ``promoters``; null where there is no score.

    >>> pl.select(group_of(pl.Series([6, 7, 9, None]))).to_series().to_list()
    ['detractors', 'passives', 'promoters', None]
    """
    names = [pl.when(score.is_between(*bounds)).then(pl.lit(name)) for name, bounds in GROUPS.items()]
    return pl.coalesce(*names)


def unanswered(
    responses: Frame,
    touches: Frame | None,
    *,
    people: Frame | None = None,
    accounts: Frame | None = None,
    since: date | None = None,
    as_of: date,
    reached: Reached = "account",
) -> pl.DataFrame:
    """Detractors whom nobody has answered yet, those who pay most first.

    One row per person whose newest answer is 0 to 6 (who has since said 7 or more is no detractor any more; answers
    of nobody known stand for themselves): ``response_id, account_id, user_id, person`` (name, else address; null
    when not known), ``account`` (name), ``score``, ``comment``, ``survey``, ``kind``, ``answered_on``, ``days`` since,
    ``planned_on`` (the next outbound contact in the calendar, null when there is none), and of the account
    ``mrr`` (minor units), ``health`` (0..100) and ``band``, null where ``accounts`` does not know them.

    Answered is an outbound touch later than the answer and not after ``as_of``: one to anybody at the account
    or, with ``reached="person"``, one to that person or to nobody in particular. What the customer sent us
    does not answer it, and a planned contact not yet. Only answers from ``since`` (None: ever) to ``as_of`` are
    listed.

    ``touches`` has ``account_id, user_id, direction`` (``in``, ``out``), ``occurred_at``; ``people`` has
    ``user_id, name, email, left_at``; ``accounts`` has ``account_id, name, mrr, score, band``. Left out: people who
    have left their company, and what ``nps`` leaves out.

    >>> said = pl.DataFrame({"account_id": ["a", "b"], "user_id": ["ann", "bob"], "score": [2, 6],
    ...                      "responded_at": [date(2024, 3, 1), date(2024, 3, 4)]})
    >>> sent = pl.DataFrame({"account_id": ["a"], "direction": ["out"], "occurred_at": [date(2024, 3, 2)]})
    >>> unanswered(said, sent, as_of=date(2024, 3, 9)).select("account_id", "score", "days").rows()
    [('b', 6, 5)]
    """
    if reached not in ("account", "person"):
        raise ValueError(f'reached is "{reached}".\n\nHint: choose "account" or "person".')
    as_of = as_day(as_of)
    listed = _newest(responses, as_of).filter(pl.col("score") <= GROUPS["detractors"][1])
    if since is not None:
        listed = listed.filter(pl.col("answered_on") >= as_day(since))
    gone = lazy(people, _PEOPLE).filter(day("left_at") <= as_of).select("user_id")
    outbound = wall_times(lazy(touches, _TOUCHES)).filter(pl.col("direction") == "out")
    sent = outbound.select("account_id", "user_id", at=pl.col("occurred_at").cast(pl.Datetime("us")))
    ahead = pl.col("at").dt.date() > as_of
    last = _contact(listed, sent.filter(~ahead), "last_at", pl.col("at").max(), reached)
    planned = _contact(listed, sent.filter(ahead), "next_at", pl.col("at").min(), reached)
    return (
        listed.join(gone, on="user_id", how="anti")
        .join(last, on="row", how="left")
        .filter((pl.col("last_at") > pl.col("moment")).fill_null(False).not_())
        .join(planned, on="row", how="left")
        .join(_names(people), on="user_id", how="left")
        .join(_standing(accounts), on="account_id", how="left")
        .with_columns(
            days=(pl.lit(as_of) - pl.col("answered_on")).dt.total_days(), planned_on=pl.col("next_at").dt.date()
        )
        .sort("mrr", "days", "response_id", "row", descending=[True, True, False, False], nulls_last=True)
        .select(
            "response_id", "account_id", "user_id", "person", "account", "score", "comment", "survey", "kind",
            "answered_on", "days", "planned_on", "mrr", "health", "band",
        )
        .collect()
    )  # fmt: skip


def _newest(responses: Frame, as_of: date) -> pl.LazyFrame:
    """The newest answer of each person, and every one of nobody known, with ``answered_on``, ``moment`` and ``row``."""
    rows = read(wall_times(lazy(responses, _NPS)), dated=True)
    moment = pl.coalesce(*(pl.col(name).cast(pl.Datetime("us")) for name in ("responded_at", "sent_at")))
    known = rows.filter(pl.col("score").is_not_null() & (pl.col("answered_on") <= as_of)).select(
        *(name for name in _NPS if name not in ("score", "sent_at", "responded_at")),
        "answered_on",
        pl.col("score").cast(pl.Int64),
        moment=moment,
    )
    ordered = known.sort("moment", "response_id", nulls_last=False).with_row_index("row")
    person = pl.coalesce(pl.col("user_id"), pl.concat_str(pl.lit("\0"), "row"))
    newest = pl.col("row") == pl.col("row").max().over("account_id", person)
    return ordered.filter(newest).collect().lazy()


def _contact(listed: pl.LazyFrame, sent: pl.LazyFrame, name: str, pick: pl.Expr, reached: Reached) -> pl.LazyFrame:
    """Per ``row`` of ``listed`` one of the touches that reach it, as ``name``; a row without any is missing."""
    met = listed.select("row", "account_id", "user_id").join(sent, on="account_id", suffix="_reached")
    if reached == "person":
        to = pl.col("user_id_reached")
        met = met.filter(to.is_null() | pl.col("user_id").is_null() | (to == pl.col("user_id")))
    return met.group_by("row").agg(pick.alias(name))


def _names(people: Frame | None) -> pl.LazyFrame:
    """What each person is called, once."""
    named = lazy(people, _PEOPLE).select("user_id", person=pl.coalesce("name", "email"))
    return named.unique("user_id", keep="first", maintain_order=True)


def _standing(accounts: Frame | None) -> pl.LazyFrame:
    """What each account is called and worth, and how it does, once."""
    known = lazy(accounts, _ACCOUNTS).select("account_id", "mrr", "band", account="name", health="score")
    return known.unique("account_id", keep="first", maintain_order=True)
