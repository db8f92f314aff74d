"""Leavers: the accounts that left in a period, with what they lost us and what they said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta

import polars as pl

from metrics.churns import churns
from metrics.exit_answers import NO_ANSWER, UNCLEAR, attribute, of_units, read_answers
from metrics.inputs import Frame, lazy

ANSWERED, NOT_ASKED, PAYMENT_FAILED = "answered", "not asked", "payment failed"
TENURES = ("under 90 days", "90 days to a year", "one to two years", "over two years")

LEAVERS: dict[str, type[pl.DataType] | pl.DataType] = {
    "account_id": pl.String,
    "month": pl.Date,
    "state": pl.String,
    "ended_on": pl.Date,
    "lost_mrr": pl.Int64,
    "left_after_pause": pl.Int64,
    "plan": pl.String,
    "segment": pl.String,
    "tenure_days": pl.Int64,
    "tenure": pl.String,
    "status": pl.String,
    "answer_open": pl.Boolean,
    "response_id": pl.String,
    "user_id": pl.String,
    "answered_on": pl.Date,
    "reason": pl.String,
    "reason_theme": pl.String,
    "themes": pl.List(pl.String),
    "comment": pl.String,
    "disagrees": pl.Boolean,
    "regrettable": pl.String,
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


def _regrettable(regrettable: Collection[str], natural: Collection[str]) -> pl.Expr:
    """The CSM's word, else the rule's: one theme that was ours to mend is enough."""

    def any_of(themes: Collection[str]) -> pl.Expr:
        return pl.col("themes").list.eval(pl.element().is_in(list(themes))).list.any()

    ours = pl.col("flag").fill_null(any_of(regrettable))
    theirs = pl.col("flag").is_not_null() | any_of(natural)
    return pl.when(ours).then(pl.lit("yes")).when(theirs).then(pl.lit("no")).otherwise(pl.lit("unknown"))


def _tenure() -> pl.Expr:
    days, bands = pl.col("tenure_days"), [pl.lit(name) for name in TENURES]
    return (
        pl.when(days < 90).then(bands[0]).when(days < 365).then(bands[1]).when(days < 730).then(bands[2])
        .when(days >= 730).then(bands[3])
    )  # fmt: skip


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
    regrettable: Collection[str] = (),
    natural: Collection[str] = (),
    before_days: int = 90,
    after_days: int = 60,
    as_of: date | None = None,
    unit: str = "account_id",
    pause_max_days: int = 90,
) -> pl.DataFrame:
    """Every account that left in the months from ``since``'s to ``until``'s, with what it said.

    One row per account and month in which it left, exactly those that ``movements`` counts in ``accounts_churned``;
    an account that left twice stands twice. Columns: ``account_id``; ``month``; ``state`` (``provisional`` while the
    month runs); ``ended_on``, first day not served (null when ``subscriptions`` does not hold it); ``lost_mrr``, the
    month's ``churned``, 0 for a pause that ended in leaving, whose MRR when it began is ``left_after_pause`` (minor
    units); ``plan`` at opening; ``segment``, today's; ``tenure_days`` from the first paid day ever, and its band
    ``tenure``; ``status`` (``answered``; ``no answer``, an empty one; ``payment failed`` and ``not asked``, none);
    ``answer_open``, whether an answer that tells why may still come at ``as_of`` (null without ``as_of``);
    ``response_id, user_id, answered_on, comment, competitor, ease`` (1..5), ``would_return`` (0..10) of the answer;
    ``reason``, the declared code, and ``reason_theme``; ``themes``, the rows of :func:`reasons` in which the leaver
    stands, never empty: the code's theme and the comment's complaints (both count as stated; the code's first, then
    the surest), or ``unclear``, or the status; ``disagrees``, whether the comment complains, but not of what the code
    says (null where either names no theme); ``regrettable`` (``yes``, ``no``, ``unknown``); ``requested_on``, the day
    leaving was asked for.

    An answer belongs to the nearest service end of its account from ``before_days`` before to ``after_days`` after
    it, and to one only; answers on staying or on a smaller plan to none. Of several, one that tells why goes first,
    then the nearest. Praise is no reason. Pass movements of more months than the period, so that answers near its
    border find their own churn. ``regrettable`` is the CSM's flag; else ``yes`` when any theme is in
    ``regrettable``, ``no`` when any is in ``natural``, so a mixed case counts as ours.

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
        account_movements, subscriptions, as_of=as_of, unit=unit, accounts=accounts, pause_max_days=pause_max_days
    )
    answers = of_units(read_answers(exit_surveys, tagged, reason_themes, as_of=as_of), unit, accounts)
    own = attribute(answers, gone, before_days=before_days, after_days=after_days)
    segments = lazy(accounts, {"account_id": pl.String, "segment": pl.String}).select("account_id", "segment").collect()
    still = pl.col("ended_on") + timedelta(days=after_days) >= pl.lit(as_of, pl.Date)
    rows = (
        gone.filter(pl.col("month").is_between(since.replace(day=1), until))
        .join(segments.unique("account_id"), on="account_id", how="left")
        .join(own, on=["account_id", "month"], how="left")
        .with_columns(status=_status(), tenure=_tenure(), disagrees=_disagrees())
        .with_columns(themes=_themes(), answer_open=still & (pl.col("status") != ANSWERED))
        .with_columns(regrettable=_regrettable(regrettable, natural))
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in LEAVERS.items()).sort("month", "account_id")
