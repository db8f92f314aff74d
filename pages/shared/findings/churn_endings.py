"""What the churn reasons page says about public reviews, and about how leaving felt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from metrics.themes import NO_ANSWER, PRAISE, UNCLEAR
from pages.shared import words
from pages.shared.findings.churn_reasons import in_words, label_of, labels
from pages.shared.findings.nps import label_of as praise_of
from pages.shared.tables import Column

REVIEWED = {
    "label": Column("Theme", pinned=True),
    "reviews": Column("Reviews", "count"),
    "complaints": Column("Complain", "count"),
    "praises": Column("Praise", "count"),
    "rating": Column("Stars of 5", "number", help="Mean"),
    "rated": Column("Rated", "count"),
    "low_share": Column("Three stars or less", "percent"),
    "low": Column("95% from", "percent"),
    "high": Column("95% to", "percent"),
    "sites": Column("Sites", "count"),
    "newest": Column("Newest", "day"),
}
REVIEWS = {
    "site": Column("Site", pinned=True),
    "rating": Column("Stars of 5", "number"),
    "text": Column("What they wrote", width="large"),
    "said": Column("Themes"),
    "posted_on": Column("Posted", "day"),
    "name": Column("Account", help="Where it is known who wrote it"),
    "url": Column("Review", "link"),
}
ENDINGS = {
    "name": Column("Account", pinned=True),
    "lost_mrr": Column("MRR lost", "money"),
    "would_return": Column("Would return, 0 to 10", "count"),
    "ease": Column("Ease, 1 to 5", "count"),
    "days": Column("Days from request to end", "count"),
    "labels": Column("Why"),
    "comment": Column("What they wrote", width="large"),
    "ended_on": Column("Left", "day"),
    "plan": Column("Plan"),
    "segment": Column("Segment"),
}


# --- reviews -------------------------------------------------------------------------------------------------------


def reviewed(rows: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Themes of reviews as people call them, with ``key``."""
    return rows.with_columns(label=pl.col("theme").replace(labels(names)), key=pl.col("theme"))


def complained(rows: pl.DataFrame) -> pl.DataFrame:
    """The themes that reviews complain of, as rows of a figure."""
    named = ~pl.col("theme").is_in([UNCLEAR, NO_ANSWER])
    return rows.filter(named & (pl.col("complaints") > 0)).drop("low", "high")


def reviews_said(rows: pl.DataFrame, posted: pl.DataFrame) -> str:
    """What reviews complain of most, and how they rate us."""
    if posted.is_empty():
        return "No review was posted in this period"
    mean = posted["rating"].mean()
    stars = f"{words.number(float(str(mean)), digits=1)} stars of 5" if mean is not None else "no stars"
    said = f"{words.plural(posted.height, 'review')}, {stars}"
    top = complained(rows)
    if top.is_empty():
        return said
    row = top.row(0, named=True)
    return f"{said}; {words.inert(row['label'])} is what they complain of most ({row['complaints']:,})"


def reviews_of(posted: pl.DataFrame, theme: str | None, names: Mapping[str, str]) -> pl.DataFrame:
    """The reviews that show a theme (None: all), with their themes in words: praise is marked as such."""
    kept = posted if theme is None else posted.filter(pl.col("themes").list.contains(theme))
    praise = pl.col("praises").list.eval(pl.element().replace(praised(names)))
    complaint = pl.col("complaints").list.eval(pl.element().replace(labels(names)))
    both = complaint.list.concat(praise)
    said = pl.when(both.list.len() > 0).then(both.list.join(", "))
    return kept.with_columns(said=said.otherwise(in_words("themes", names)))


def praised(names: Mapping[str, str]) -> dict[str, str]:
    """What praise of each theme is called."""
    return {theme: praise_of(f"{PRAISE}:{theme}", names) for theme in names}


def title_of_theme(rows: pl.DataFrame, theme: str, names: Mapping[str, str]) -> str:
    """The title of the reviews behind a bar."""
    return f"{words.inert(label_of(theme, names))}: {words.plural(rows.height, 'review')}"


# --- how it ended --------------------------------------------------------------------------------------------------


def endings(leavers: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Those who say how the ending felt or asked for it, with the days it took; who would return most on top."""
    days = (pl.col("ended_on") - pl.col("requested_on")).dt.total_days()
    known = leavers.with_columns(days=pl.when(days >= 0).then(days), labels=in_words("themes", names))
    told = known.filter(pl.any_horizontal(pl.col("ease", "would_return", "days").is_not_null()))
    order = ["would_return", "lost_mrr", "account_id"]
    return told.sort(order, descending=[True, True, False], nulls_last=True)


def with_answer(rows: pl.DataFrame, question: str, answer: int | None = None) -> pl.DataFrame:
    """Those who answered a question, or gave one answer to it."""
    said = pl.col(question).is_not_null()
    return rows.filter(said if answer is None else pl.col(question) == answer)


def ending_said(rows: pl.DataFrame, would: Mapping[str, Any]) -> str:
    """How many would come back, of those who said."""
    if not would["n"]:
        return "How the ending felt"
    back = rows.filter(pl.col("would_return") >= 9).height
    return f"{back or 'None'} of {would['n']:,} who said whether they would return give 9 or 10"


def mean_note(row: Mapping[str, Any]) -> str:
    """What a mean rests on."""
    interval = words.between(row["low"], row["high"], lambda value: words.number(value, digits=1))
    rests = f"95% {interval}" if row["low"] is not None else "too few for an interval"
    return f"{rests} · n = {row['n']:,}"


def days_note(rows: pl.DataFrame) -> str:
    """The middle half of the days from request to end."""
    known = rows["days"].drop_nulls()
    if known.len() < 4:
        return f"n = {known.len():,}"
    first, last = (words.number(known.quantile(share, "nearest")) for share in (0.25, 0.75))
    return f"half of them {first} to {last} · n = {known.len():,}"
