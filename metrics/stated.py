"""What leavers said beside what they did: whether their behaviour bears out the reason they gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from metrics.exit_answers import UNCLEAR, of_units
from metrics.inputs import Frame, Frames, lazy, wall_times
from metrics.last_days import LAST_DAYS, last_days
from metrics.leavers import ANSWERED, LEAVERS


@dataclass(frozen=True)
class Sign:
    """Something in an account's last days that speaks for a cause.

    ``points_to`` is the theme it is typical of, ``fits`` are all themes it goes with. With ``doubts`` it speaks
    against any other reason; what happened to many who stayed, such as a rise in price, does not.
    """

    points_to: str
    fits: frozenset[str]
    doubts: bool = True


_PRODUCT = (
    "hard_to_use",
    "missing_feature",
    "missing_integration",
    "not_enough_value",
    "oversold",
    "slow",
    "unreliable",
)
_IDLE = frozenset({
    *_PRODUCT, "built_in_house", "champion_left", "competitor", "never_got_started", "poor_data_quality",
    "project_ended", "slow_support", "wanted_what_we_have", "wrong_size",
})  # fmt: skip
_TROUBLE = frozenset({*_PRODUCT, "billing_dispute", "never_got_started", "poor_data_quality", "slow_support"})

SIGNS: Mapping[str, Sign] = {
    "price_rose": Sign(
        "price", frozenset({"price", "budget_cut", "not_enough_value", "competitor", "billing_dispute"}), doubts=False
    ),
    "use_fell": Sign("not_enough_value", _IDLE),
    "silent": Sign("not_enough_value", _IDLE),
    "never_active": Sign("never_got_started", _IDLE),
    "not_set_up": Sign("never_got_started", frozenset({"never_got_started", "hard_to_use"}), doubts=False),
    "waiting": Sign("slow_support", _TROUBLE),
    "rated_low": Sign("slow_support", _TROUBLE),
    "urgent": Sign("unreliable", _TROUBLE),
    "champion_gone": Sign("champion_left", frozenset({*_IDLE, "told_to_by_group"})),
}
"""Which behaviour goes with which reasons. Reasons that stand nowhere here (a company that closed, a law) cannot be
seen in behaviour, so behaviour does not doubt them."""

STATED: dict[str, type[pl.DataType] | pl.DataType] = {
    "account_id": pl.String,
    "month": pl.Date,
    "end_on": pl.Date,
    "until": pl.Date,
    "lost_mrr": pl.Int64,
    "stated": pl.List(pl.String),
    **{
        name: kind
        for name, kind in LAST_DAYS.items()
        if name not in ("account_id", "until", "uses_before", "billing_months")
    },
    "signs": pl.List(pl.String),
    "points_to": pl.List(pl.String),
    "disagrees": pl.Boolean,
    "because": pl.String,
}
"""The columns of :func:`stated_vs_behaviour`."""


# --- signs ---------------------------------------------------------------------------------------------------------


def _price_change() -> pl.Expr:
    """The change of price that counts: who is billed for half a year or more decides once a term, others at once."""
    long_term = (pl.col("billing_months") >= 6).fill_null(False)
    return pl.when(long_term).then("price_change_year").otherwise("price_change")


def _tests(fell: float, few_uses: int, silent_days: int, rise: float, year_days: int) -> dict[str, pl.Expr]:
    """Per sign whether it is there; null where what it rests on was not observed."""
    # A holiday on which everybody's use halves is no one's own doing; growth elsewhere makes no fall of standing still.
    usual = pl.col("usual_change").fill_null(0.0).clip(-0.95, 0.0)
    beside_usual = (1 + pl.col("use_change")) / (1 + usual) - 1
    since_left = (pl.col("until") - pl.col("champion_left_on")).dt.total_days()
    silent = pl.col("days_silent") >= silent_days
    return {
        "price_rose": _price_change() >= rise,
        "use_fell": (beside_usual <= -fell) & (pl.col("uses_before") >= few_uses),
        "silent": silent & ~pl.col("never_active").fill_null(False),
        "never_active": pl.col("never_active"),
        "not_set_up": pl.col("steps_missing").list.len() > 0,
        "waiting": (pl.col("waiting_days") >= 7).fill_null(False) | (pl.col("open_urgent") > 0),
        "rated_low": pl.col("csat") <= 2,
        "urgent": pl.col("urgent_tickets") >= 2,
        "champion_gone": pl.col("champion_gone") & (since_left <= year_days),
    }


def _list(names: Mapping[str, pl.Expr]) -> pl.Expr:
    """The values whose expression is true, in order, as a list."""
    found = [pl.when(there).then(pl.lit(name)) for name, there in names.items()]
    return pl.concat_list(found).list.drop_nulls()


def _points_to() -> pl.Expr:
    targets = {name: sign.points_to for name, sign in SIGNS.items()}
    return pl.col("signs").list.eval(pl.element().replace(targets)).list.unique(maintain_order=True)


def _disagrees() -> pl.Expr:
    """Whether a sign doubts what was said and none bears it out.

    Null where nothing was said or observed, or part of what was said does not show in behaviour.
    """
    fits = pl.any_horizontal(
        pl.col("signs").list.contains(name) & pl.col("stated").list.eval(pl.element().is_in(list(sign.fits))).list.any()
        for name, sign in SIGNS.items()
    )
    visible = sorted(frozenset().union(*(sign.fits for sign in SIGNS.values())))
    beyond = ~pl.col("stated").list.eval(pl.element().is_in(visible)).list.all()
    doubted = pl.col("signs").list.eval(pl.element().is_in([n for n, s in SIGNS.items() if s.doubts])).list.any()
    told = (pl.col("stated").list.len() > 0) & pl.col("observed")
    return pl.when(told & fits).then(False).when(told & ~beyond).then(doubted)


# --- words ---------------------------------------------------------------------------------------------------------


def _percent(share: pl.Expr) -> pl.Expr:
    return pl.format("{}%", (share.abs() * 100).round(0).cast(pl.Int64))


def _days(name: str) -> pl.Expr:
    return pl.when(pl.col(name) == 1).then(pl.lit("1 day")).otherwise(pl.format("{} days", name))


def _said(names: Mapping[str, str]) -> pl.Expr:
    words = pl.element().replace(dict(names)).str.replace_all("_", " ").str.to_lowercase()
    told = pl.format("said {}", pl.col("stated").list.eval(words).list.join(" and "))
    return pl.when(pl.col("stated").list.len() > 0).then(told).otherwise(pl.lit("gave no reason"))


def _because(names: Mapping[str, str], days: int) -> pl.Expr:
    """One sentence: what was said; then what was seen, in the order of ``SIGNS``."""
    phrases = {
        "price_rose": pl.format("the price had risen {}", _percent(_price_change())),
        "use_fell": pl.format("use fell {} first", _percent(pl.col("use_change"))),
        "silent": pl.format("no value for {} before", _days("days_silent")),
        "never_active": pl.lit("never got value from it"),
        "not_set_up": pl.format("not done: {}", pl.col("steps_missing").list.join(" and ")),
        "waiting": pl.format("a ticket was open for {}", _days("waiting_days")),
        "rated_low": pl.format("support was rated {} of 5", pl.col("csat").round(1)),
        "urgent": pl.format("{} urgent tickets in {} days", "urgent_tickets", pl.lit(days)),
        "champion_gone": pl.format("the champion had left on {}", pl.col("champion_left_on").cast(pl.String)),
    }
    seen = [pl.when(pl.col("signs").list.contains(name)).then(words) for name, words in phrases.items()]
    nothing = pl.when("observed").then(pl.lit("behaviour shows no cause")).otherwise(pl.lit("behaviour is not known"))
    found = pl.concat_list(seen).list.drop_nulls().list.join(", ")
    behaviour = pl.when(pl.col("signs").list.len() > 0).then(found).otherwise(nothing)
    return pl.concat_str(_said(names), behaviour, separator="; ")


# --- all together --------------------------------------------------------------------------------------------------


def _cases(leavers: Frame) -> pl.DataFrame:
    """Each leaver with ``stated`` and ``until``, the first of the days on which it asked, answered and was gone."""
    told = (pl.col("status") == ANSWERED) & (pl.col("themes") != [UNCLEAR])
    return (
        lazy(leavers, LEAVERS)
        .select(
            "account_id",
            "month",
            "lost_mrr",
            end_on="ended_on",
            until=pl.min_horizontal("ended_on", "requested_on", "answered_on"),
            stated=pl.when(told).then("themes").otherwise(pl.lit([], pl.List(pl.String))),
        )
        .collect()
    )


def stated_vs_behaviour(
    leavers: Frame,
    frames: Frames,
    *,
    unit: str = "account_id",
    days: int = 90,
    year_days: int = 365,
    fell: float = 0.5,
    few_uses: int = 10,
    silent_days: int = 60,
    rise: float = 0.01,
    names: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Each leaver's stated reason beside what it did in its last days, with disagreement flagged.

    One row per row of ``leavers``. Columns: ``account_id``; ``month``; ``end_on``, first day not served; ``until``, the
    first of the days on which it asked to leave, answered why, and was gone: what follows a decision is not its
    cause, so behaviour counts up to that day; ``lost_mrr`` (minor units); ``stated``, theme ids of code and comment
    (empty: said nothing, or nothing clear); what ``last_days`` knows from ``frames`` (today's, by name); ``signs``,
    keys of ``SIGNS``; ``points_to``, the themes these are typical of; ``disagrees``; ``because``, all of it in words,
    such as "said price; use fell 80% first", with theme ids replaced by ``names``.

    A sign is: the price of the same seats rose by ``rise`` or more in the last ``days`` (``year_days`` where half a
    year or more is billed at once); use fell by ``fell`` or more beyond what was usual, from at least ``few_uses``; no
    value for ``silent_days``; never any value; an onboarding step never taken; a ticket of the last ``days`` still
    open, urgent or after a week; ratings of 2 or less; two urgent tickets; the champion gone in the last
    ``year_days``. ``SIGNS`` says which reasons each goes with.

    ``disagrees`` is true when a sign doubts what was said and no sign goes with any of it; false when one does, or
    none is there; null when nothing was said or observed, or when a stated reason cannot show in behaviour. It is a
    question to ask, no proof: people also leave over the price of what they had stopped using.

    Null is not observed. Nothing later than ``until`` changes a row.
    """
    told = _cases(leavers)
    accounts = frames.get("accounts")
    seen = last_days(
        told, {name: _of_unit(f, unit, accounts) for name, f in frames.items()}, days=days, year_days=year_days
    )
    tests = _tests(fell, few_uses, silent_days, rise, year_days)
    return (
        told.join(seen, on=["account_id", "until"], how="left")
        .with_columns(
            signs=_list({name: tests[name] for name in SIGNS}),
            observed=pl.any_horizontal(tests[name].is_not_null() for name in SIGNS),
        )
        .with_columns(points_to=_points_to(), disagrees=_disagrees(), because=_because(names or {}, days))
        .select(pl.col(name).cast(kind) for name, kind in STATED.items())
        .sort("month", "account_id")
    )


def _of_unit(frame: Frame, unit: str, accounts: Frame | None) -> pl.LazyFrame:
    """``frame`` under the accounts that the leavers are about; what belongs to no account stays."""
    held = wall_times(frame)
    return of_units(held, unit, accounts) if "account_id" in held.collect_schema() else held
