"""What the data page says about whether health knew who would leave."""

from __future__ import annotations

from typing import Any

import polars as pl

from metrics.backtest import ALL, COULD_END, DAYS
from metrics.backtest_auc import EVERYBODY, SCORE, TREND
from pages.shared import words
from pages.shared.findings.accounts import MARKS, MEASURES
from pages.shared.tables import Column

CONTRACTS = {"All accounts": ALL, "Contract could end then": COULD_END}
_GROUPS = {
    "value": "Value",
    "momentum": "Momentum",
    "voice": "Voice: NPS answers",
    "support": "Support",
    "relationship": "Relationship",
    "onboarding": "Onboarding: steps reached",
}
_NAMES = {
    SCORE: "The score",
    EVERYBODY: "Baseline: everyone is healthy",
    TREND: "Baseline: MRR trend only",
    **_GROUPS,
    **{name: f"· {text}" for name, text in MEASURES.items()},
}
_VERDICTS = {
    "predicts": "predicts",
    "does not predict": "does not predict",
    "wrong way": "points the wrong way",
    "too few": "too few to tell",
}
_NEVER = "not recorded in the past"
BANDS = {
    "label": Column("Band then", pinned=True),
    "rate": Column(f"Left within {DAYS} days", "percent"),
    "low": Column("95% from", "percent"),
    "high": Column("95% to", "percent"),
    "churned": Column("Left", "count", help="Account-months; who left stands in up to three month ends"),
    "account_months": Column("Account-months", "count"),
    "accounts": Column("Accounts", "count"),
    "above": Column("Above green", "percent"),
    "above_low": Column("95% from ", "percent"),
    "above_high": Column("95% to ", "percent"),
    "difference": Column("Against green"),
}
AREAS = {
    "label": Column("What was known then", pinned=True),
    "said": Column("Verdict"),
    "auc": Column(
        "Right (AUC)",
        "percent",
        help="Of pairs of one who left and one who stayed, how often the one who left was lower",
    ),
    "low": Column("95% from", "percent"),
    "high": Column("95% to", "percent"),
    "n": Column("Account-months", "count"),
    "missing": Column("Not known", "count", help="Left out"),
    "accounts_left": Column("Accounts that left", "count"),
}


def bands(outcomes: pl.DataFrame, contracts: str) -> pl.DataFrame:
    """The rows of ``band_outcomes`` for one choice of contracts, with words; those with enough accounts first."""
    said = pl.col("verdict").map_elements(words.verdict, return_dtype=pl.String)
    return (
        outcomes.filter(pl.col("contracts") == contracts)
        .with_columns(
            label=pl.col("band").replace(MARKS),
            n=pl.col("account_months"),
            difference=pl.when(pl.col("verdict").is_not_null()).then(said),
        )
        .sort("enough", "rate", descending=True, maintain_order=True)
    )


def areas(found: pl.DataFrame, contracts: str) -> pl.DataFrame:
    """The rows of ``auc`` for one choice of contracts, with words."""
    said = pl.when(pl.col("n") == 0).then(pl.lit(_NEVER)).otherwise(pl.col("verdict").replace(_VERDICTS))
    return found.filter(pl.col("contracts") == contracts).with_columns(
        label=pl.col("measure").replace(_NAMES), said=said
    )


def headline(found: pl.DataFrame) -> str:
    """Whether the score knew, in one sentence, from the rows of ``areas``."""
    score = found.row(by_predicate=pl.col("measure") == SCORE, named=True)
    if score["verdict"] == "too few":
        return f"Too few left to tell whether the score knew: {words.plural(score['accounts_left'], 'account')}."
    right = f"of one that left and one that stayed, the one that left had the lower score in {_range(score)} of cases"
    if score["verdict"] == "predicts":
        return f"The score predicts who leaves: {right}."
    if score["verdict"] == "wrong way":
        return f"The score points the wrong way: {right}."
    return f"The score does not predict who leaves: {right}, which chance would do as well."


def _range(row: dict[str, Any]) -> str:
    return f"{words.percent(row['auc'])} ({words.between(row['low'], row['high'])})"


def against_trend(found: pl.DataFrame) -> str:
    """The score beside the baseline that needs no health at all."""
    score, trend = (found.row(by_predicate=pl.col("measure") == name, named=True) for name in (SCORE, TREND))
    if score["auc"] is None or trend["auc"] is None:
        return ""
    return f"MRR trend alone: {_range(trend)}; calling everyone healthy: 50%."


def silent(found: pl.DataFrame) -> str:
    """Which measures do not predict, and which point the wrong way, plainly; empty when there is nothing to say."""
    tried = found.filter(pl.col("kind").is_in(["group", "measure"]))
    parts = []
    for verdict, text in (("does not predict", "Cannot be told from chance"), ("wrong way", "Points the wrong way")):
        names = tried.filter(pl.col("verdict") == verdict, pl.col("n") > 0)["label"].to_list()
        if names:
            parts.append(f"{text}: {', '.join(_plain(name) for name in names)}.")
    return " ".join(parts)


def _plain(name: str) -> str:
    return name.removeprefix("· ").lower().replace("nps", "NPS")


def worst(outcomes: pl.DataFrame) -> str:
    """Red against green, in one sentence, from the rows of ``bands``; empty when either has no account."""
    rows = {row["band"]: row for row in outcomes.to_dicts()}
    if "red" not in rows or "green" not in rows:
        return ""
    red, green = rows["red"], rows["green"]
    rates = f"{words.percent(red['rate'])} of those in red left, {words.percent(green['rate'])} of those in green"
    return f"{rates}: {words.verdict(red['verdict']).replace('a real rise', 'a real difference')}."


def period(tried: pl.DataFrame) -> str:
    """What was looked at, from ``backtest``."""
    ends = tried["month_end"]
    first, last = ends.min(), ends.max()
    accounts = words.plural(tried["account_id"].n_unique(), "account")
    return (
        f"{accounts} at {words.plural(ends.n_unique(), 'month end')} from {words.day(first)} to {words.day(last)}, "  # type: ignore[arg-type]
        "each as known then; those already leaving are left out."
    )
