"""What the NPS page says about its numbers."""

from __future__ import annotations

import polars as pl

from pages.shared import words
from pages.shared.tables import Column

COMMENTS = {
    "day": Column("Answered", "day"),
    "score": Column("Score", "count"),
    "comment": Column("What they wrote", width="large"),
    "account": Column("Account"),
    "plan": Column("Plan"),
    "segment": Column("Segment"),
}
GROUPS = {"detractors (0–6)": (0, 6), "passives (7–8)": (7, 8), "promoters (9–10)": (9, 10)}


def headline(now: pl.DataFrame, change: pl.DataFrame, months: int) -> tuple[str, str | None]:
    """The score in one sentence, and whether it moved."""
    row = now.row(0, named=True)
    if not row["n"]:
        return "Nobody has answered yet", None
    between = words.between(row["low"], row["high"], words.score)
    detail = f"{words.plural(row['n'], 'answer')} in the last {months} months, 95% interval {between}."
    moved = change.row(0, named=True)
    if moved["verdict"] in ("up", "down"):
        verb = "rose" if moved["verdict"] == "up" else "fell"
        points = abs(moved["change"])
        return (
            f"NPS {verb} by {points:.0f} points in the newest quarter",
            f"It is {words.score(row['score'])} over all. {detail}",
        )
    return (
        f"NPS is {words.score(row['score'])}",
        f"{detail} Newest quarter against the one before: {words.verdict(moved['verdict'])}.",
    )


def detractors(now: pl.DataFrame) -> str:
    """The share of detractors, in words."""
    row = now.row(0, named=True)
    return f"{words.percent(row['detractors'] / row['n'] if row['n'] else None)} of answers"


def segments(frame: pl.DataFrame, segment: str) -> pl.DataFrame:
    """Segments with answers, each with its name and count."""
    name = pl.col(segment).fill_null("not known")
    label = pl.concat_str(name, pl.lit("  ·  "), pl.col("n").cast(pl.String), pl.lit(" answers"))
    return frame.filter(pl.col("n") > 0).with_columns(label.alias("label"))
