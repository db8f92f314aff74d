"""Spreads: how many gave each answer on a short scale."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from pages.shared import template, words


def spread(
    answers: pl.DataFrame, *, answer: str, count: str, noun: str, title: str, ends: tuple[str, str], height: int = 220
) -> go.Figure:
    """A column per whole number of a scale, its count above it; ``ends`` says what lowest and highest mean.

    One row per number, lowest first: ``answer``, ``count`` (of ``noun``). A click gives the number.
    """
    rows = list(answers.select(answer, count).iter_rows())
    total = sum(counted for _, counted in rows)
    if not total:
        return template.nothing("Nobody has answered yet.")
    said = ", ".join(f"{value}: {counted:,}" for value, counted in rows)
    shown = template.figure(
        height=height,
        alt=f"{title}. {words.plural(total, noun)} by answer, {ends[0]} to {ends[1]}: {said}.",
        margin={"t": 24, "b": 44},
        bargap=0.25,
        xaxis={"tickmode": "linear", "dtick": 1},
        yaxis={"visible": False},
    )
    shown.add_bar(
        x=[value for value, _ in rows],
        y=[counted for _, counted in rows],
        marker={"color": template.KEPT},
        cliponaxis=False,
        text=[f"{counted:,}" if counted else "" for _, counted in rows],
        textposition="outside",
        textfont={"size": 12},
        hovertext=[f"<b>{words.plural(counted, noun)}</b><br>gave {value}" for value, counted in rows],
        hoverinfo="text",
        customdata=[[value] for value, _ in rows],
    )
    below = {"yref": "paper", "yanchor": "top", "xshift": 0, "yshift": -24, "font": {"size": 12}}
    notes = [
        template.note(0, 0, words.in_figure(ends[0]), xref="paper", xanchor="left", **below),
        template.note(1, 0, words.in_figure(ends[1]), xref="paper", xanchor="right", **below),
    ]
    template.annotate(shown, notes)
    return shown
