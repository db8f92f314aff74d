"""Exit answers: what people said on leaving, and which churn each answer belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from metrics.inputs import Columns, Frame, day, lazy
from metrics.stretches import parents

UNCLEAR, NO_ANSWER = "unclear", "no answer"
EXIT_SURVEYS, NPS, REVIEWS = "exit_surveys", "nps", "reviews"
"""Where tagged comments come from."""

_ANSWER_COLUMNS: Columns = {
    "response_id": pl.String,
    "account_id": pl.String,
    "user_id": pl.String,
    "submitted_at": pl.Datetime("us"),
    "outcome": pl.String,
    "reason": pl.String,
    "comment": pl.String,
    "competitor": pl.String,
    "would_return": pl.Int64,
    "ease": pl.Int64,
    "regrettable": pl.Boolean,
}
_TAG_COLUMNS = {"response_id": pl.String, "theme": pl.String, "score": pl.Float64, "polarity": pl.String}


def of_source(tagged: Frame, name: str) -> pl.LazyFrame:
    """The themes of the comments of one source; all of them where ``tagged`` has no column ``source``.

    Ids of different sources may be the same.
    """
    rows = tagged.lazy()
    return rows.filter(pl.col("source") == name) if "source" in rows.collect_schema() else rows


def _filled(name: str) -> pl.Expr:
    """A text without the blanks around it; null when nothing is left."""
    text = pl.col(name).str.strip_chars()
    return pl.when(text != "").then(text)


def _complaints(tagged: Frame) -> pl.LazyFrame:
    """``response_id, text_themes, silent``: what each comment complains of, the surest first.

    ``silent`` says that the tagger found no answer in it. Praise is no reason to leave.
    """
    theme = pl.col("theme")
    said = ~theme.is_in([UNCLEAR, NO_ANSWER]) & pl.col("polarity").ne_missing("praise")
    return (
        lazy(of_source(tagged, EXIT_SURVEYS), _TAG_COLUMNS)
        .with_columns(pl.col("score").fill_null(0.0))
        .sort("response_id", -pl.col("score"), "theme")
        .group_by("response_id", maintain_order=True)
        .agg(text_themes=theme.filter(said).unique(maintain_order=True), silent=(theme == NO_ANSWER).all())
    )


def read_answers(
    exit_surveys: Frame, tagged: Frame, reason_themes: Mapping[str, str], *, as_of: date | None = None
) -> pl.DataFrame:
    """Exit answers with what they say.

    One row per answer that is not about staying or a smaller plan (``outcome`` ``left`` or unknown): its id, account
    and user, ``answered_on`` (day), ``reason`` and ``reason_theme`` (null when the code has none), ``text_themes``
    (complaints found in the comment), ``comment``, ``competitor``, ``ease``, ``would_return``, ``flag`` (the CSM's
    word on whether it is regrettable), and ``tells``: whether it says anything on why, by code or in words. Answers
    given after ``as_of`` are left out.
    """
    meant = {code: theme for code, theme in reason_themes.items() if theme not in (UNCLEAR, NO_ANSWER)}
    codes = pl.LazyFrame(
        {"reason": list(meant), "reason_theme": list(meant.values())},
        schema={"reason": pl.String, "reason_theme": pl.String},
    )
    answers = lazy(exit_surveys, _ANSWER_COLUMNS).filter(
        ~pl.col("outcome").is_in(["stayed", "downgraded"]).fill_null(False)
    )
    nothing = pl.lit([], pl.List(pl.String))
    return (
        answers.with_columns(_filled("reason"), _filled("competitor"), words=_filled("comment"))
        .join(codes, on="reason", how="left")
        .join(_complaints(tagged), on="response_id", how="left")
        .with_columns(pl.col("text_themes").fill_null(nothing))
        .select(
            "response_id",
            "account_id",
            "user_id",
            "reason",
            "reason_theme",
            "text_themes",
            "comment",
            "competitor",
            "ease",
            "would_return",
            answered_on=day("submitted_at"),
            flag="regrettable",
            tells=pl.col("reason").is_not_null() | (pl.col("words").is_not_null() & ~pl.col("silent").fill_null(False)),
        )
        .filter(pl.col("answered_on") <= (as_of or date.max))
        .collect()
    )


def of_units(rows: Frame, unit: str, accounts: Frame | None) -> pl.LazyFrame:
    """``rows`` under the account that the numbers are about: the topmost parent with ``unit="parent_id"``."""
    if unit == "account_id" or accounts is None:
        return rows.lazy()
    owners = rows.lazy().join(parents(accounts).lazy(), on="account_id", how="left")
    return owners.with_columns(account_id=pl.coalesce("unit", "account_id")).drop("unit")


def attribute(answers: pl.DataFrame, churns: pl.DataFrame, *, before_days: int, after_days: int) -> pl.DataFrame:
    """The answer of each churn: the columns of ``answers`` and ``month``; one row per churn that has one.

    An answer belongs to one churn of its account: the one whose service end is nearest, from ``before_days`` before
    it to ``after_days`` after it (both counted in; of two as near, the earlier end). A churn with several answers
    takes one that tells why before one that does not, then the nearest, then the later, then the higher id.
    """
    pairs = answers.join(churns.select("account_id", "month", "ended_on"), on="account_id").with_columns(
        days=(pl.col("answered_on") - pl.col("ended_on")).dt.total_days()
    )
    return (
        pairs.filter(pl.col("days").is_between(-before_days, after_days))
        .sort(pl.col("days").abs(), "ended_on")
        .unique("response_id", keep="first", maintain_order=True)
        .sort(
            ~pl.col("tells"),
            pl.col("days").abs(),
            -pl.col("answered_on").to_physical(),
            pl.col("response_id").rank("ordinal", descending=True),
        )
        .unique(["account_id", "month"], keep="first", maintain_order=True)
        .drop("days", "ended_on")
    )
