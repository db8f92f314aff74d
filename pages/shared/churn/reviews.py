"""Public reviews: what they are about, and the reviews themselves."""

from __future__ import annotations

import streamlit as st

from metrics.reviews import reviews_by_theme
from pages.shared import figures, notes, panel, tables
from pages.shared.answers import churn_reasons
from pages.shared.churn.asking import Part
from pages.shared.findings import churn_endings as findings


def show(part: Part) -> None:
    """The tab."""
    if not notes.need(part.view, "reviews", to="see what is written about you in public"):
        return
    since = part.asked.since
    rows = findings.reviewed(churn_reasons.reviews(part.view, since, part.corrections), part.names)
    posted = churn_reasons.posted(part.view, since, part.corrections)
    about = part.choice.span
    detail = "Of the period, by everybody: most reviews name no account, so only the period is chosen above."
    with panel.section(findings.reviews_said(rows, posted), reviews_by_theme, detail=detail, sources=("reviews",)):
        theme = None
        if findings.complained(rows).height:
            figure = figures.ranked(
                findings.complained(rows),
                label="label",
                value="complaints",
                unit=figures.COUNT,
                title="Reviews that complain, by theme",
                lost=True,
            )
            st.caption("Reviews that complain, by theme. Click a bar to read them.")
            clicked = panel.clickable(figure, key="reviews_by_theme")
            theme = None if clicked is None else str(clicked[0])
        tables.folded(
            "Praise and stars too, as a table",
            rows,
            findings.REVIEWED,
            view=part.view,
            key="reviews-by-theme",
            alt="Reviews by theme",
            about=about,
        )
    mine = findings.reviews_of(posted, theme, part.names)
    title = "Every review" if theme is None else findings.title_of_theme(mine, theme, part.names)
    with panel.section(title, detail="The newest first, in the language they are written in."):
        tables.show(mine, findings.REVIEWS, view=part.view, key="reviews", alt="Public reviews", about=about)
