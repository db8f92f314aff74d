"""The NPS page's figures; a click on a part of one opens the answers behind it, right below."""

from __future__ import annotations

from datetime import date

import polars as pl

from metrics.month_ends import months_later
from pages.shared import behind, data, figures, panel, words
from pages.shared.answers import nps
from pages.shared.filters import Filters
from pages.shared.findings import nps as findings


def over_time(choice: Filters, asked: nps.Asked, trend: pl.DataFrame, window: int) -> None:
    """NPS by month with its interval."""
    shown = figures.line(trend, x="period", y="score", unit=figures.SCORE, title="NPS over time")
    clicked = panel.clickable(shown, key=f"nps_trend_{window}")
    if clicked:
        month = date.fromisoformat(clicked[0])
        first = months_later(month, 1 - window)
        rows = nps.until(nps.answers(data.view(), asked.who, first, asked.kind), month, window)
        span = words.month(month) if window == 1 else f"{words.month(first)} to {words.month(month)}"
        _answers(f"Answers of {span}", rows, choice, key="nps-of-months")


def spread(choice: Filters, asked: nps.Asked) -> None:
    """How many gave each score."""
    view = data.view()
    shown = figures.nps_distribution(nps.spread(view, asked), title="Answers by score")
    clicked = panel.clickable(shown, key="nps_spread")
    if clicked:
        rows = nps.answers(view, asked.who, asked.since, asked.kind).filter(pl.col("score") == clicked[0])
        _answers(f"Who gave {clicked[0]}", rows, choice, key="nps-of-score")


def groups(choice: Filters, asked: nps.Asked, rows: pl.DataFrame, segment: str, overall: float) -> None:
    """Groups of customers, ranked, against the score over all."""
    shown = figures.compared(
        findings.groups(rows, segment, asked.weight),
        label="label",
        value="score",
        unit=figures.SCORE,
        title=f"NPS by {segment}",
        reference=(overall, f"all {words.score(overall)}"),
    )
    clicked = panel.clickable(shown, key=f"nps_groups_{segment}")
    if clicked:
        own = pl.col(segment).eq_missing(pl.lit(clicked[0], pl.String))
        said = nps.answers(data.view(), asked.who, asked.since, asked.kind).filter(own)
        _answers(f"Answers of {words.inert(clicked[0] or 'not known')}", said, choice, key="nps-of-group")


def themes(choice: Filters, asked: nps.Asked, side: pl.DataFrame, group: str) -> None:
    """What one group writes about, and how often."""
    shown = figures.ranked(
        side,
        label="label",
        value="share",
        unit=figures.PERCENT,
        title=f"Themes of {group}",
        quiet=findings.quiet(side),
        lost=group == "detractors",
    )
    clicked = panel.clickable(shown, key=f"nps_themes_{group}")
    if clicked:
        said = findings.of_theme(findings.of_group(nps.comments(data.view(), asked), group), clicked[0])
        label = side.filter(pl.col("key") == clicked[0])["label"].first()
        _answers(f"{group.capitalize()}: {words.inert(label)}", said, choice, key=f"nps-of-theme-{group}")


def _answers(title: str, rows: pl.DataFrame, choice: Filters, *, key: str) -> None:
    said = f"{title}: {words.plural(rows.height, 'answer')}"
    behind.below(said, rows.sort("score", "day"), findings.ANSWERS, key=key, about=choice.said())
