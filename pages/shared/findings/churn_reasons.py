"""What the churn reasons page says about its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from metrics.churn_reasons import NO_REASON
from pages.shared import words
from pages.shared.tables import Column

REASONS = {
    "label": Column("Reason", pinned=True),
    "accounts": Column("Accounts", "count"),
    "share": Column("Of those who left", "percent"),
    "low": Column("95% from", "percent"),
    "high": Column("95% to", "percent"),
    "lost_mrr": Column("MRR lost", "money", help="An account with several reasons splits its MRR equally"),
    "full_mrr": Column("MRR of all who said it", "money"),
    "regrettable_mrr": Column("Regrettable for sure", "money"),
}
LEAVERS = {
    "name": Column("Account", pinned=True),
    "ended_on": Column("Left", "day"),
    "lost_mrr": Column("MRR lost", "money"),
    "labels": Column("Why"),
    "comment": Column("What they wrote", width="large"),
    "regrettable": Column("Regrettable"),
    "disagrees": Column("Form and words differ", "flag", help="The reason chosen is not among the comment's themes"),
    "competitor": Column("Went to"),
    "plan": Column("Plan"),
    "tenure": Column("Tenure"),
    "language": Column("Language"),
}
_FIXED = {
    "unclear": "Said something else",
    "no answer": "Asked, no answer",
    "not asked": "Not asked",
    "payment failed": "Payment failed",
    "text only": "Words only",
}


def labelled(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Rows of themes with what people call them, as ``label``."""
    return frame.with_columns(label=pl.col("theme").replace({**names, **_FIXED}))


def silent() -> list[str]:
    """The rows that name no reason, as they are labelled."""
    return [_FIXED[name] for name in NO_REASON]


def told(leavers: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Those who left, with their reasons in words."""
    return leavers.with_columns(
        labels=pl.col("themes").list.eval(pl.element().replace({**names, **_FIXED})).list.join(", "),
        comment=pl.col("comment").str.slice(0, 4000),
    )


def of_theme(leavers: pl.DataFrame, theme: str | None) -> pl.DataFrame:
    """Those who left for one reason; all of them for None."""
    return leavers if theme is None else leavers.filter(pl.col("themes").list.contains(theme))


def headline(reasons: pl.DataFrame, leavers: pl.DataFrame, currency: str, months: int) -> tuple[str, str | None]:
    """The dearest reason in one sentence, and what all of it adds up to."""
    if leavers.is_empty():
        return "Nobody left in this period", None
    lost, left = int(leavers["lost_mrr"].sum()), words.plural(leavers.height, "account")
    detail = f"{left} left in the last {months} months and took {words.money(lost, currency)} of MRR with them."
    said = reasons.filter(~pl.col("theme").is_in(NO_REASON))
    if said.is_empty():
        return "Nobody who left has said why", detail
    first = said.row(0, named=True)
    money = words.money(first["lost_mrr"], currency, short=True)
    named = words.plural(first["accounts"], "account")
    return f"{words.inert(first['label'])} cost most: {money} of MRR, {named}", detail


def cards(leavers: pl.DataFrame, ending: dict[str, Any], currency: str) -> list[tuple[str, str, str]]:
    """The page's numbers: label, value, and what it rests on."""
    by = dict(leavers.group_by("regrettable").agg(pl.col("lost_mrr").sum()).iter_rows())
    natural, unknown = (words.money(by.get(name, 0), currency, short=True) for name in ("no", "unknown"))
    said = leavers.filter(pl.col("status") == "answered").height
    return [
        ("Regrettable MRR lost", words.money(by.get("yes", 0), currency), f"natural {natural}, unknown {unknown}"),
        ("Said why", words.percent(said / leavers.height), f"{said:,} of {words.plural(leavers.height, 'leaver')}"),
        ("Ease of leaving, 1 to 5", words.number(ending["ease"], digits=1), f"n = {ending['ease_n']:,}"),
        ("Would return, 0 to 10", words.number(ending["would_return"], digits=1), f"n = {ending['would_return_n']:,}"),
    ]


OTHERS = "All else"


def dearest(trend: pl.DataFrame, reasons: pl.DataFrame, names: Mapping[str, str], most: int = 4) -> pl.DataFrame:
    """MRR lost by month for the reasons that cost most, the dearest first; all else is one part, so that it adds up."""
    said = reasons.filter(~pl.col("theme").is_in(NO_REASON)).head(most)["theme"].to_list()
    order = pl.col("theme").replace_strict(said, range(len(said)), default=len(said), return_dtype=pl.Int64)
    labels = labelled(trend, names).with_columns(order=order)
    label = pl.when(pl.col("order") < len(said)).then("label").otherwise(pl.lit(OTHERS))
    return (
        labels.with_columns(label=label)
        .group_by("order", "label", "month", maintain_order=True)
        .agg(pl.col("lost_mrr").sum(), pl.col("state").max())
        .sort("order", "month")
    )
