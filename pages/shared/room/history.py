"""Health over a year, with the months in which it turned and what turned it."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from metrics.health import explain_change, health_history
from pages.shared import data, figures, panel, tables, template, words
from pages.shared.data import View
from pages.shared.findings import room as findings
from reports.month_gaps import with_gaps


def show(view: View, history: pl.DataFrame) -> None:
    """The figure and beside it what moved the score; ``history`` has the account's health at month ends and now."""
    if history.is_empty():
        with panel.section("Health over a year", health_history):
            st.caption("Nothing was served to this account in the last year, so there is no health to tell.")
        return
    moved = findings.moves(history)
    left, right = st.columns(2)
    detail = "At each month end, and today. Marked: months that moved it by 5 points or more, and what people said."
    with left, panel.section("Health over a year", health_history, detail=detail):
        panel.chart(figure(history, moved), key="health")
    with right, panel.section("What moved it", explain_change, detail="Month by month, the newest first."):
        tables.show(
            findings.listed(moved),
            findings.MOVED,
            view=view,
            key="moved",
            alt="What moved the score, month by month",
            empty="Nothing moved, or there is nothing to compare with yet.",
        )


def figure(history: pl.DataFrame, moved: pl.DataFrame) -> go.Figure:
    """The computed score as a line, its turns as points with their reasons, overrides as diamonds beside it."""
    whole = with_gaps(history)
    shown = figures.history(
        whole, x="on", y="score", title="Health", bounds=data.bands(), floor=0, ceiling=100, height=420
    )
    shown.update_traces(line_shape="linear")  # nothing is known between two month ends, and the turns are marked
    turns = findings.turns(history, moved)
    if turns:
        shown.add_scatter(
            x=[row["on"] for row in turns],
            y=[row["score"] for row in turns],
            mode="markers",
            marker={
                "size": 11,
                "symbol": ["triangle-up" if row["points"] > 0 else "triangle-down" for row in turns],
                "color": [template.KEPT if row["points"] > 0 else template.LOST for row in turns],
            },
            hovertext=[_hover(row["on"], row["score"], words.in_figure(row["why"])) for row in turns],
            hoverinfo="text",
            cliponaxis=False,
        )
    said = history.filter(pl.col("override_score").is_not_null()).to_dicts()
    if said:
        shown.add_scatter(
            x=[row["on"] for row in said],
            y=[row["override_score"] for row in said],
            mode="markers",
            marker={"size": 10, "symbol": "diamond-open", "color": template.INK, "line": {"width": 2}},
            hovertext=[_hover(row["on"], row["override_score"], _said(row)) for row in said],
            hoverinfo="text",
            cliponaxis=False,
        )
    told = [f"{words.month(row['on'])}: {row['why']}" for row in turns]
    told += [f"by hand {words.month(row['on'])}: {row['shown_band']}" for row in said]
    alt = f"{template.alt_of(shown)} {'. '.join(told)}".strip()
    shown.layout.meta = {**(shown.layout.meta or {}), "alt": alt}
    return shown


def _hover(on: object, score: float, why: str) -> str:
    return f"<b>{score:.0f}</b>  {words.day(on)}<br>{why}"  # type: ignore[arg-type]


def _said(row: dict[str, object]) -> str:
    return words.in_figure(f"by hand: {row['override_reason']}")
