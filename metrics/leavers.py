"""Leavers: the accounts that left in a period, with what they lost us and what they said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta

import polars as pl

from metrics.churns import churns
from metrics.exit_answers import NO_ANSWER, UNCLEAR, attribute, of_units, read_answers
from metrics.inputs import Columns, Frame, lazy

ANSWERED, NOT_ASKED, PAYMENT_FAILED = "answered", "not asked", "payment failed"
PERSON, SURVEY, RULE, UNKNOWN = "person", "survey", "rule", "unknown"
TENURES = ("under 90 days", "90 days to a year", "one to two years", "over two years")

_ACCOUNTS: Columns = {"account_id": pl.String, "segment": pl.String, "country": pl.String}
_MARKS: Columns = {"account_id": pl.String, "month": pl.Date, "regrettable": pl.Boolean}

LEAVERS: dict[str, type[pl.DataType] | pl.DataType] = {
    "account_id": pl.String,
    "month": pl.Date,
    "state": pl.String,
    "ended_on": pl.Date,
    "lost_mrr": pl.Int64,
    "left_after_pause": pl.Int64,
    "plan": pl.String,
    "segment": pl.String,
    "country": pl.String,
    "tenure_days": pl.Int64,
    "tenure": pl.String,
    "status": pl.String,
    "answer_open": pl.Boolean,
    "response_id": pl.String,
    "user_id": pl.String,
    "answered_on": pl.Date,
    "reason": pl.String,
    "reason_theme": pl.String,
    "wrote": pl.List(pl.String),
    "themes": pl.List(pl.String),
    "comment": pl.String,
    "disagrees": pl.Boolean,
    "regrettable": pl.String,
    "judged_by": pl.String,
    "competitor": pl.String,
    "ease": pl.Int64,
    "would_return": pl.Int64,
    "requested_on": pl.Date,
}
"""The columns of :func:`leavers`."""


def _status() -> pl.Expr:
    return (
        pl.when(pl.col("tells"))
        .then(pl.lit(ANSWERED))
        .when(pl.col("response_id").is_not_null())
        .then(pl.lit(NO_ANSWER))
        .when("failed")
        .then(pl.lit(PAYMENT_FAILED))
        .otherwise(pl.lit(NOT_ASKED))
    )


def _themes() -> pl.Expr:
    """The declared code's theme, then those of the comment; where there is none, the row that says so."""
    declared = pl.concat_list("reason_theme").list.drop_nulls()
    stated = declared.list.concat(pl.col("text_themes").fill_null([])).list.unique(maintain_order=True)
    instead = pl.when(pl.col("status") == ANSWERED).then(pl.lit(UNCLEAR)).otherwise("status")
    return (
        pl.when((pl.col("status") == ANSWERED) & (stated.list.len() > 0))
        .then(stated)
        .otherwise(pl.concat_list(instead))
    )


def _disagrees() -> pl.Expr:
    """Whether code and words name different things; null where one of them names nothing."""
    both = pl.col("reason_theme").is_not_null() & (pl.col("text_themes").list.len() > 0)
    return pl.when(both).then(~pl.col("text_themes").list.contains(pl.col("reason_theme")))


def _judgement(regrettable: Collection[str], natural: Collection[str]) -> dict[str, pl.Expr]:
    """``regrettable`` and ``judged_by``: a person's mark, else the CSM's word, else the rule's.

    By rule one theme that was ours to mend is enough.
    """

    def any_of(themes: Collection[str]) -> pl.Expr:
        return pl.col("themes").list.eval(pl.element().is_in(list(themes))).list.any()

    rule = pl.when(any_of(regrettable)).then(True).when(any_of(natural)).then(False)
    verdict = pl.coalesce("marked", "flag", rule)
    by = {PERSON: pl.col("marked"), SURVEY: pl.col("flag"), RULE: rule}
    sources = [pl.when(word.is_not_null()).then(pl.lit(name)) for name, word in by.items()]
    return {
        "regrettable": pl.when(verdict)
        .then(pl.lit("yes"))
        .when(~verdict)
        .then(pl.lit("no"))
        .otherwise(pl.lit(UNKNOWN)),
        "judged_by": pl.coalesce(*sources, pl.lit(UNKNOWN)),
    }


def _marked(gone: pl.DataFrame, marks: Frame | None, unit: str, accounts: Frame | None) -> pl.DataFrame:
    """``account_id, month, marked``: the mark that a person set on each churn; one of a month beats one without."""
    given = (
        of_units(lazy(marks, _MARKS), unit, accounts)
        .select("account_id", "regrettable", about=pl.col("month").dt.month_start())
        .unique(["account_id", "about"], keep="last", maintain_order=True)
        .filter(pl.col("regrettable").is_not_null())
        .collect()
    )
    return (
        gone.select("account_id", "month")
        .join(given, on="account_id")
        .filter((pl.col("about") == pl.col("month")).fill_null(True))
        .sort("about", nulls_last=True)
        .unique(["account_id", "month"], keep="first", maintain_order=True)
        .select("account_id", "month", marked="regrettable")
    )


def tenure_band(days: pl.Expr) -> pl.Expr:
    """How long a customer had been one, in the words of :data:`TENURES`: null where ``days`` is null.

    >>> pl.select(tenure_band(pl.Series([-3, 89, 90, 730]))).to_series().to_list()
    ['under 90 days', 'under 90 days', '90 days to a year', 'over two years']
    """
    place = pl.sum_horizontal(days >= least for least in (90, 365, 730))
    return pl.when(days.is_not_null()).then(place.replace_strict(range(4), TENURES, return_dtype=pl.String))


def leavers(
    account_movements: Frame,
    subscriptions: Frame,
    exit_surveys: Frame,
    tagged: Frame,
    accounts: Frame | None = None,
    *,
    since: date,
    until: date,
    reason_themes: Mapping[str, str],
    marks: Frame | None = None,
    regrettable: Collection[str] = (),
    natural: Collection[str] = (),
    before_days: int = 90,
    after_days: int = 60,
    as_of: date | None = None,
    unit: str = "account_id",
    grace_days: int = 30,
    pause_max_days: int = 90,
) -> pl.DataFrame:
    """Every account that left in the months from ``since``'s to ``until``'s, with what it said.

    One row per account and month in which it left, exactly those that ``movements`` counts in ``accounts_churned``;
    an account that left twice stands twice. Columns: ``account_id``; ``month``; ``state`` (``provisional`` while the
    month runs); ``ended_on``, first day not served (null when ``subscriptions`` does not hold it); ``lost_mrr``, the
    month's ``churned``, 0 for a pause that ended in leaving, whose MRR when it began is ``left_after_pause`` (minor
    units); ``plan`` at opening; ``segment`` and ``country``, today's; ``tenure_days`` from the first paid day ever, and
    its band ``tenure``; ``status`` (``answered``; ``no answer``, an empty one; ``payment failed`` and ``not asked``,
    none); ``answer_open``, whether an answer that tells why may still come at ``as_of`` (null without ``as_of``);
    ``response_id, user_id, answered_on, comment, competitor, ease`` (1..5), ``would_return`` (0..10) of the answer;
    ``reason``, the declared code, and ``reason_theme``; ``wrote``, what the comment complains of, the surest first
    (null without an answer); ``themes``, the rows of :func:`reasons` in which the leaver stands, never empty: the
    code's theme, then those of ``wrote`` (both count as stated), or ``unclear``, or the status; ``disagrees``, whether
    the comment complains, but not of what the code says (null where either names no theme); ``regrettable`` (``yes``,
    ``no``, ``unknown``) and ``judged_by`` (``person``, ``survey``, ``rule``, ``unknown``); ``requested_on``, the day
    leaving was asked for.

    An answer belongs to the nearest service end of its account from ``before_days`` before to ``after_days`` after
    it, and to one only; answers on staying or on a smaller plan to none. Of several, one that tells why goes first,
    then the nearest. Praise is no reason. Pass movements of more months than the period, so that answers near its
    border find their own churn. ``regrettable`` is what a person marked (``marks``: ``account_id``,
    ``regrettable`` and, where it is about one month's churn, ``month``; of two the last row counts, and a null takes
    the mark away); else the CSM's flag; else by rule ``yes`` when any theme is in ``regrettable``, ``no`` when any is
    in ``natural``, so that a mixed case counts as ours.

    >>> gone = pl.DataFrame({"account_id": ["a"], "month": [date(2026, 3, 1)], "movement": ["churned"],
    ...                      "amount": [9900], "plan": ["Team"]})
    >>> served = pl.DataFrame({"subscription_id": ["s"], "account_id": ["a"], "plan": ["Team"], "kind": ["paid"],
    ...     "mrr": [9900], "started_on": [date(2026, 1, 1)], "ended_on": [date(2026, 3, 20)]})
    >>> said = pl.DataFrame({"response_id": ["r"], "account_id": ["a"], "submitted_at": [date(2026, 3, 18)],
    ...     "reason": ["too_expensive"], "comment": ["Support never answered"]})
    >>> tags = pl.DataFrame({"response_id": ["r"], "theme": ["slow_support"]})
    >>> leavers(gone, served, said, tags, since=date(2026, 3, 1), until=date(2026, 3, 31),
    ...         reason_themes={"too_expensive": "price"}).select("ended_on", "themes", "disagrees").row(0)
    (datetime.date(2026, 3, 20), ['price', 'slow_support'], True)
    """
    gone = churns(
        account_movements,
        subscriptions,
        as_of=as_of,
        unit=unit,
        accounts=accounts,
        grace_days=grace_days,
        pause_max_days=pause_max_days,
    )
    answers = of_units(read_answers(exit_surveys, tagged, reason_themes, as_of=as_of), unit, accounts).collect()
    own = attribute(answers, gone, before_days=before_days, after_days=after_days)
    today = (
        lazy(accounts, _ACCOUNTS).select(*_ACCOUNTS).unique("account_id", keep="first", maintain_order=True).collect()
    )
    still = pl.col("ended_on") + timedelta(days=after_days) >= pl.lit(as_of, pl.Date)
    rows = (
        gone.filter(pl.col("month").is_between(since.replace(day=1), until))
        .join(today, on="account_id", how="left")
        .join(own, on=["account_id", "month"], how="left")
        .join(_marked(gone, marks, unit, accounts), on=["account_id", "month"], how="left")
        .with_columns(status=_status(), tenure=tenure_band(pl.col("tenure_days")), disagrees=_disagrees())
        .with_columns(themes=_themes(), answer_open=still & (pl.col("status") != ANSWERED))
        .with_columns(**_judgement(regrettable, natural), wrote="text_themes")
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in LEAVERS.items()).sort("month", "account_id")
