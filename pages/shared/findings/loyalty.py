"""What the accounts page says about loyalty."""

from __future__ import annotations

import polars as pl

from pages.shared import words
from pages.shared.tables import Column

SOON = {"30 days": 30, "90 days": 90}
_NAME, _MRR, _CSM = Column("Account", pinned=True), Column("MRR", "money"), Column("CSM")
_SINCE = Column("Customer since", "day", help="The first paid day ever")
TOP = {
    "rank": Column("Rank", "count"),
    "name": _NAME,
    "mrr": _MRR,
    "of_mrr": Column("Of all MRR", "percent"),
    "running_share": Column("With those above", "percent"),
    "customer_since": _SINCE,
    "paying_since": Column("Unbroken since", "day", help="Later where it had left or paused"),
    "plan": Column("Plan"),
    "csm_name": _CSM,
}
ANNIVERSARIES = {
    "anniversary_on": Column("On", "day", help="29 February falls on the 28th in other years"),
    "anniversary": Column("Years", "count"),
    "name": _NAME,
    "mrr": _MRR,
    "customer_since": _SINCE,
    "csm_name": _CSM,
}


def top_said(summary: pl.DataFrame) -> str:
    """What part of the revenue the top tenth pays."""
    row = summary.row(0, named=True)
    if row["top_share"] is None:
        return "Nobody pays"
    return f"The top tenth pays {words.percent(row['top_share'], digits=0)} of MRR"


def top_detail(summary: pl.DataFrame) -> str:
    """How many they are, and how long they have been here against all."""
    row = summary.row(0, named=True)
    if not row["top"]:
        return "No account with a known MRR fits this choice."
    years = [words.number(row[name] / 365.25, digits=1) for name in ("top_median_days", "median_days")]
    return (
        f"{row['top']:,} of {words.plural(row['accounts'], 'account')}. Half of them have been customers for "
        f"{years[0]} years or more; of all accounts, {years[1]}."
    )


def coming_said(rows: pl.DataFrame, days: int) -> str:
    """How many anniversaries come up."""
    if rows.is_empty():
        return f"No anniversary in the next {days} days"
    return f"{words.plural(rows.height, 'anniversary', 'anniversaries')} in the next {days} days"
