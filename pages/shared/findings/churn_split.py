"""What the churn reasons page says about how much of what was lost is regrettable, and with whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from metrics.churn_reasons import NO_REASON
from pages.shared import words
from pages.shared.findings.churn_reasons import labelled
from pages.shared.tables import Column

GROUPS = {"Segment": "segment", "Plan": "plan", "Country": "country", "Time with us": "tenure"}
SPLIT = {
    "label": Column("Group", pinned=True),
    "leavers": Column("Left", "count"),
    "lost_mrr": Column("MRR lost", "money"),
    "regrettable_mrr": Column("Regrettable", "money"),
    "natural_mrr": Column("Natural", "money"),
    "unknown_mrr": Column("Not known", "money"),
    "judged": Column("Known", "count", help="Leavers of whom it is known whether their loss is regrettable"),
    "share": Column("Regrettable of these", "percent"),
    "low": Column("95% from", "percent"),
    "high": Column("95% to", "percent"),
    "first": Column("Costliest reason"),
}


def called(segment: str) -> str:
    """What a way to group leavers is called in a sentence."""
    return next(label for label, column in GROUPS.items() if column == segment).lower()


def split_said(whole: Mapping[str, Any], currency: str) -> str:
    """How much of what was lost is regrettable."""
    part, lost = (words.money(whole[name], currency, short=True) for name in ("regrettable_mrr", "lost_mrr"))
    if not whole["judged"]:
        return "For nobody who left is it known whether the loss is regrettable"
    return f"{part} of {lost} lost is regrettable"


def split_detail(whole: Mapping[str, Any], currency: str) -> str:
    """What is natural, what is not known, and what the share rests on."""
    natural, unknown = (words.money(whole[name], currency, short=True) for name in ("natural_mrr", "unknown_mrr"))
    natural = f"{natural} ({words.plural(whole['natural'], 'account')}) is natural"
    counts = f"{natural}; for {unknown} ({whole['unknown']:,}) it is not known."
    if not whole["judged"]:
        return counts
    share = f"{words.percent(whole['share'], digits=0)} (95% {words.between(whole['low'], whole['high'])})"
    return f"{counts} Of the {words.plural(whole['judged'], 'account')} where it is known, {share} were regrettable."


def split(groups: pl.DataFrame, reasons: pl.DataFrame, segment: str, names: Mapping[str, str]) -> pl.DataFrame:
    """Groups as rows of a figure and a table: ``label`` with its count, ``key``, ``n`` and its dearest reason."""
    named = groups.select(pl.col(segment).fill_null("not known"), "judged").iter_rows()
    shown = [f"{name}  ·  {judged:,} known" for name, judged in named]
    said = reasons.filter(~pl.col("theme").is_in(NO_REASON)).unique(segment, keep="first", maintain_order=True)
    first = labelled(said, names).select(segment, first="label")
    return groups.join(first, on=segment, how="left", nulls_equal=True, maintain_order="left").with_columns(
        label=pl.Series(shown, dtype=pl.String), key=pl.col(segment), n=pl.col("judged")
    )


def of_group(leavers: pl.DataFrame, segment: str, value: str | None) -> pl.DataFrame:
    """Those of one group, those whose loss is regrettable first."""
    rows = leavers.filter(pl.col(segment).eq_missing(pl.lit(value, pl.String)))
    return rows.sort(pl.col("regrettable") != "yes", maintain_order=True)


def groups_said(groups: pl.DataFrame, segment: str) -> str:
    """The group that leaves over our own doing most, and whether that can be told from the lowest."""
    sure = groups.filter("enough")
    if sure.height < 2:
        return f"Too few leavers to compare by {called(segment)}. Click a dot for its accounts."
    best, worst = sure.row(0, named=True), sure.row(-1, named=True)
    names = [words.inert(row[segment] or "not known") for row in (best, worst)]
    high, low = (words.percent(row["share"], digits=0) for row in (best, worst))
    apart = "" if worst["high"] < best["low"] else "; their intervals overlap"
    return f"{names[0]} is highest with {high}, {names[1]} lowest with {low}{apart}. Click a dot for its accounts."
