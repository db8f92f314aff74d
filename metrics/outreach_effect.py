"""What outreach changed: accounts written to against accounts held out, by intent to treat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from metrics.inputs import Columns, Frame, day, lazy
from metrics.intervals import difference, verdict
from metrics.stretches import EARNING, SUBSCRIBED, bridge, prepare

CONTACTED, HELD_OUT = "contacted", "held_out"
OUTCOMES = ("subscribed", "paying", "value_active")
_SENT: Columns = {"account_id": pl.String, "play": pl.String, "arm": pl.String, "at": pl.Date}
_SCHEMA: Columns = {
    "play": pl.String,
    "outcome": pl.String,
    "days": pl.Int64,
    "contacted": pl.Int64,
    "contacted_kept": pl.Int64,
    "contacted_share": pl.Float64,
    "held_out": pl.Int64,
    "held_out_kept": pl.Int64,
    "held_out_share": pl.Float64,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "verdict": pl.String,
    "saved": pl.Float64,
    "saved_low": pl.Float64,
    "saved_high": pl.Float64,
    "waiting": pl.Int64,
}


def outreach_effect(
    sent: Frame,
    subscriptions: Frame,
    value_days: Frame | None,
    *,
    as_of: date,
    days: Sequence[int] = (30, 60, 90),
    grace_days: int = 30,
    level: float = 0.95,
) -> pl.DataFrame:
    """What became of accounts that a play wrote to, against those it held out.

    ``sent`` has a row per recipient of a campaign: ``account_id``, ``play``, ``arm`` (``contacted`` or ``held_out``;
    others are left out) and ``at``, when the campaign was approved, for both arms. By intent to treat: an account
    counts in its arm whether or not its message arrived. All campaigns of a play are pooled, and an account counts
    once per play, from its first row on.

    One row per play, outcome and number of days: ``contacted`` and ``held_out``, accounts for which that day is over on
    ``as_of``; ``_kept``, how many of them had the outcome on it, and ``_share``; ``difference`` of the shares with its
    interval ``low..high`` (Newcombe; see ``metrics.intervals``) and ``verdict``; ``waiting``, accounts of both arms
    for which the day is still to come.

    Outcomes: ``subscribed``, a paid, metered, paused or parked stretch served the account on that day; ``paying``, one
    of them earned something; ``value_active``, somebody there got value on that day or later (only the last such day
    is known). Accounts that had left before count too; for them it means that they came back. Late renewals of at most
    ``grace_days`` are bridged, as in ``metrics.revenue``.

    ``saved`` and its interval, on rows of ``paying`` only, are accounts that pay then and would not without the play:
    the difference times ``contacted``. Nobody is saved who no longer pays on that day.

    Shares and intervals are null where an arm has no account, and the verdict is then ``too few``; ``value_active`` is
    null throughout without any value day (no use recorded).

    >>> sent = pl.DataFrame({"account_id": ["a", "b"], "play": ["offer"] * 2, "arm": ["contacted", "held_out"],
    ...                      "at": [date(2026, 1, 1)] * 2})
    >>> subscriptions = pl.DataFrame({"account_id": ["a", "b"], "subscription_id": ["s", "t"], "kind": ["paid"] * 2,
    ...     "mrr": [100, 100], "started_on": [date(2025, 1, 1)] * 2, "ended_on": [None, date(2026, 1, 20)],
    ...     "end_kind": [None, "requested"]})
    >>> outreach_effect(sent, subscriptions, None, as_of=date(2026, 3, 1), days=[30]).select(
    ...     "outcome", "contacted_kept", "held_out_kept", "difference", "verdict").rows()[:2]
    [('subscribed', 1, 0, 1.0, 'too few'), ('paying', 1, 0, 1.0, 'too few')]
    """
    looks = _looks(sent, days)
    over = looks.filter(pl.col("on") < as_of)
    value = lazy(value_days, {"account_id": pl.String, "last_value_on": pl.Date}).collect()
    kept = {
        **_served(over, subscriptions, as_of, grace_days),
        "value_active": None if value.is_empty() else _active(over, value),
    }
    waiting = looks.filter(pl.col("on") >= as_of).group_by("play", "days").len()
    later = {(play, span): count for play, span, count in waiting.iter_rows()}
    counts = {outcome: _counts(over, keys) for outcome, keys in kept.items()}
    rows = [
        _row(play, outcome, span, counts[outcome], later.get((play, span), 0), level)
        for play in looks["play"].unique().sort()
        for outcome in OUTCOMES
        for span in sorted(set(days))
    ]
    return pl.DataFrame(rows, schema=dict(_SCHEMA))


def _looks(sent: Frame, days: Sequence[int]) -> pl.DataFrame:
    """One row per play, account and number of days: ``play, account_id, arm, days, on``."""
    first = (
        lazy(sent, _SENT)
        .filter(pl.col("arm").is_in([CONTACTED, HELD_OUT]), pl.col("account_id").is_not_null())
        .select("play", "account_id", "arm", began=day("at"))
        .drop_nulls("began")
        .sort("began", "arm")
        .unique(["play", "account_id"], keep="first", maintain_order=True)
        .collect()
    )
    spans = pl.DataFrame({"days": sorted(set(days))}, schema={"days": pl.Int64})
    return first.join(spans, how="cross").with_columns(on=pl.col("began") + pl.duration(days="days")).drop("began")


def _served(looks: pl.DataFrame, subscriptions: Frame, as_of: date, grace_days: int) -> dict[str, pl.DataFrame]:
    """The looks on whose day the account was subscribed, and on whose it was paying."""
    # An amount without a rate is still an amount.
    known = lazy(subscriptions, {"mrr": pl.Int64}).with_columns(pl.col("mrr").fill_null(1))
    stretches = prepare(known.join(looks.lazy().select("account_id"), on="account_id", how="semi"), as_of=as_of)
    # A gap that is still open is no renewal yet.
    spans = bridge(stretches, as_of=as_of, grace_days=grace_days).with_columns(
        end=pl.when("open_gap").then("service_end").otherwise("end")
    )
    held = spans.filter(pl.col("kind").is_in(SUBSCRIBED)).select("account_id", "kind", "mrr", "start", "end")
    here = looks.join(held, on="account_id").filter(pl.col("start") <= pl.col("on"), pl.col("on") < pl.col("end"))
    earning = here.filter(pl.col("kind").is_in(EARNING), pl.col("mrr") > 0)
    return {"subscribed": _keys(here), "paying": _keys(earning)}


def _active(looks: pl.DataFrame, value: pl.DataFrame) -> pl.DataFrame:
    """The looks on whose day, or later, somebody at the account was value-active."""
    return _keys(looks.join(value, on="account_id").filter(pl.col("last_value_on") >= pl.col("on")))


def _keys(looks: pl.DataFrame) -> pl.DataFrame:
    return looks.select("play", "account_id", "days").unique().with_columns(kept=True)


_Counts = dict[tuple[str, int, str], tuple[int, int | None]]


def _counts(looks: pl.DataFrame, kept: pl.DataFrame | None) -> _Counts:
    """Accounts, and how many of them had the outcome, by play, days and arm; None: nothing is known of it."""
    if kept is None:
        counted = looks.group_by("play", "days", "arm").agg(n=pl.len(), kept=pl.lit(None, dtype=pl.Int64))
    else:
        marked = looks.join(kept, on=["play", "account_id", "days"], how="left")
        counted = marked.group_by("play", "days", "arm").agg(n=pl.len(), kept=pl.col("kept").fill_null(False).sum())
    return {(play, span, arm): (n, some) for play, span, arm, n, some in counted.iter_rows()}


def _row(play: str, outcome: str, span: int, counts: _Counts, waiting: int, level: float) -> dict[str, Any]:
    (n1, kept1), (n2, kept2) = (counts.get((play, span, arm), (0, 0)) for arm in (CONTACTED, HELD_OUT))
    if kept1 is None or kept2 is None:  # not known of one side is not known at all
        kept1 = kept2 = None
    change, low, high = _difference(kept1, n1, kept2, n2, level)
    saves = outcome == "paying" and change is not None
    return {
        "play": play,
        "outcome": outcome,
        "days": span,
        "contacted": n1,
        "contacted_kept": kept1,
        "contacted_share": _share(kept1, n1),
        "held_out": n2,
        "held_out_kept": kept2,
        "held_out_share": _share(kept2, n2),
        "difference": change,
        "low": low,
        "high": high,
        "verdict": verdict(low, high, n1, n2),
        **{
            name: bound * n1 if saves and bound is not None else None
            for name, bound in (("saved", change), ("saved_low", low), ("saved_high", high))
        },
        "waiting": waiting,
    }


def _share(kept: int | None, n: int) -> float | None:
    return None if kept is None or n == 0 else kept / n


def _difference(
    kept1: int | None, n1: int, kept2: int | None, n2: int, level: float
) -> tuple[float, float, float] | tuple[None, None, None]:
    if kept1 is None or kept2 is None:
        return None, None, None
    found = difference(kept1, n1, kept2, n2, level=level)
    return (None, None, None) if math.isnan(found[0]) else found
