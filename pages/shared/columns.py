"""Columns over time, stacked: what a total was made of, month by month."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import polars as pl

from pages.shared import template, units, words

COLOURS = {
    "Renewed": template.KEPT,
    "Renewed smaller": template.SERIES[2],
    "Still open": template.QUIET,
    "Late": template.SERIES[4],
    "Lost": template.LOST,
    "green": template.KEPT,
    "yellow": template.SERIES[4],
    "red": template.LOST,
    "leaving": template.SERIES[3],
    "not enough known": template.QUIET,
    "In contact": template.KEPT,
    "No contact, one planned": template.SERIES[2],
    "No contact, none planned": template.LOST,
}
"""Parts that mean the same everywhere have a colour of their own; the others take the series' in turn."""


def stacked(
    frame: pl.DataFrame,
    *,
    x: str,
    y: str,
    by: str,
    unit: units.Unit,
    title: str,
    quiet: str = "",
    height: int = 320,
    tell: Callable[[Any], str] = words.month,
) -> go.Figure:
    """A column per ``x``, made of the parts named by ``by``, the first of them at the bottom.

    One row per ``x`` and part: at most five parts in colour, in the order in which they come; the part called
    ``quiet`` is grey. The legend is above, because parts of a stack have no room for their names.
    ``tell`` puts an ``x`` in words. A click gives ``x`` and the part.
    """
    if frame.is_empty() or not frame[y].sum():
        return template.nothing("Nothing to draw for this choice yet.")
    parts = frame[by].unique(maintain_order=True).to_list()
    totals = dict(frame.group_by(by).agg(pl.col(y).sum()).iter_rows())
    said = ", ".join(f"{part} {unit.write(totals[part])}" for part in parts)
    legend = {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom", "traceorder": "normal"}
    shown = template.figure(height=height, alt=f"{title}. {said}.", barmode="stack", showlegend=True, legend=legend)
    colours = iter(template.SERIES)
    for part in parts:
        rows = frame.filter(pl.col(by) == part).sort(x).to_dicts()
        colour = template.QUIET if part == quiet else COLOURS.get(part) or next(colours, template.QUIET)
        shown.add_bar(
            x=[row[x] for row in rows],
            y=[unit.draw(row[y]) for row in rows],
            name=words.in_figure(part, longest=28),
            marker={"color": colour},
            hovertext=[_hover(row, x, y, unit, part, tell) for row in rows],
            hoverinfo="text",
            customdata=[[str(row[x]), part] for row in rows],
        )
    shown.update_yaxes(tickprefix=unit.prefix, ticksuffix=unit.suffix, tickformat=unit.tick, nticks=5)
    shown.update_xaxes(nticks=8, tickangle=0, tickformat="%b<br>%Y")  # two lines: a phone has no room for one
    return shown


def _hover(row: dict[str, Any], x: str, y: str, unit: units.Unit, part: str, tell: Callable[[Any], str]) -> str:
    running = "<br>still running" if row.get("state") == "provisional" else ""
    return f"<b>{unit.write(row[y])}</b>  {words.in_figure(part)}<br>{tell(row[x])}{running}"
