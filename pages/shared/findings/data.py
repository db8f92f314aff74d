"""What the data page says about its numbers."""

from __future__ import annotations

import polars as pl

from pages.shared import words
from pages.shared.tables import Column

SOURCES = {
    "source": Column("Source", pinned=True),
    "status": Column("Status"),
    "rows": Column("Rows", "count"),
    "newest": Column("Newest", "day"),
    "rejected": Column("Left out", "count", help="Rows that break a rule of the contract"),
    "rejected_mrr": Column("MRR left out", "money"),
    "flagged": Column("Flagged", "count", help="Kept, but odd"),
    "left_out": Column(
        "Test accounts, staff", "count", help="Rows of test accounts and erased people; uses by our staff"
    ),
    "mapping": Column("Mapping"),
    "problem": Column("Problem", width="large"),
}
REASONS = {
    "source": Column("Source"),
    "reason": Column("Why", width="large"),
    "rows": Column("Rows", "count"),
    "verdict": Column("What happened"),
}
HISTORY = {
    "as_of": Column("As of", "moment"),
    "seconds": Column("Seconds", "number"),
    "rows": Column("Rows", "count"),
    "rejected": Column("Left out", "count"),
    "problems": Column("Sources with a problem"),
    "id": Column("Snapshot"),
}


def headline(sources: pl.DataFrame) -> tuple[str, str | None]:
    """Whether everything arrived, in one sentence."""
    broken = sources.filter(pl.col("status").str.starts_with("failed"))["source"].to_list()
    left_out = int(sources["rejected"].sum())
    rows = int(sources["rows"].sum())
    detail = f"{words.number(rows)} rows read, {words.plural(left_out, 'row')} left out with a reason."
    if broken:
        return f"Could not be read: {', '.join(broken)}", detail
    mapped = sources.filter(pl.col("status") == "read").height
    return f"{words.plural(mapped, 'source')} of {sources.height} mapped, all of them read", detail


def rejected_columns(rows: pl.DataFrame) -> dict[str, Column]:
    """Columns of a table of rejected rows: why first, then whatever the source has."""
    first, *others = rows.columns
    return {first: Column("Why", width="large", pinned=True), **{name: Column(name) for name in others}}
