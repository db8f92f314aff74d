"""Dots with their interval, ranked: what may lie below zero, and what should not look surer than it is."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from pages.shared import template, units, words

_ROW = 46
TOO_FEW = "too few"


def compared(
    frame: pl.DataFrame,
    *,
    label: str,
    value: str,
    unit: units.Unit,
    title: str,
    reference: tuple[float, str] | None = None,
    most: int = 12,
    order: str = "Highest first",
) -> go.Figure:
    """A dot per row with its interval as a line, the first on top, its name above it and its value at the right.

    One row per dot, in the order given. Columns: ``label``, ``value``, ``low``, ``high``, optionally ``n`` (said on
    hover), ``enough`` and ``key``. A row with ``enough`` false is hollow, grey and marked “too few”: it has no place in
    the ranking. ``reference`` is a value with its name, drawn as a thin line. At most ``most`` are drawn. ``order``
    says in the alt text how they are ordered. A click gives the row's ``key``, or its label where there is none.
    """
    rows = frame.filter(pl.col(value).is_not_null()).head(most).to_dicts()
    if not rows:
        return template.nothing("Nothing to compare for this choice.")
    sure = [row for row in rows if row.get("enough", True)]
    said = "; ".join(f"{row[label]} {unit.write(row[value])}" for row in sure[:5]) or "too few of each"
    axis = {"tickprefix": unit.prefix, "ticksuffix": unit.suffix, "tickformat": unit.tick, "nticks": 6}
    shown = template.figure(
        height=_ROW * len(rows) + 44,
        alt=f"{title}. {order}: {said}.",
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
        yaxis={"visible": False, "range": [-len(rows) + 0.5, 1.0]},
        xaxis={**axis, "showgrid": True},
    )
    shown.add_traces([_intervals(rows, unit), _dots(rows, label, value, unit)])
    names = {"xref": "paper", "xshift": 0, "yanchor": "bottom", "yshift": 6}
    notes = [template.note(0, -place, words.in_figure(row[label]), **names) for place, row in enumerate(rows)]
    ends = {"xref": "paper", "xanchor": "right", "xshift": 0, "yanchor": "bottom", "yshift": 6}
    notes += [template.note(1, -place, _end(row, value, unit), **ends) for place, row in enumerate(rows)]
    rules: list[dict[str, Any]] = []
    if reference is not None:
        at = unit.draw(reference[0]) or 0.0
        rules.append(template.rule(at, at, -len(rows) + 0.5, 0.3, color=template.FADED, width=1, dash="dot"))
        below = {"xanchor": "center", "yanchor": "bottom", "xshift": 0, "font": {"size": 12, "color": template.FADED}}
        notes.append(template.note(at, 0.45, words.in_figure(reference[1]), **below))
    template.annotate(shown, notes, rules)
    return shown


def _intervals(rows: list[dict[str, Any]], unit: units.Unit) -> go.Scatter:
    """A line from low to high for each row, with gaps between them."""
    along: list[float | None] = []
    places: list[int | None] = []
    for place, row in enumerate(rows):
        if row.get("low") is not None and row.get("high") is not None:
            along += [unit.draw(row["low"]), unit.draw(row["high"]), None]
            places += [-place, -place, None]
    line = {"color": template.FADED, "width": 2}
    return go.Scatter(x=along, y=places, mode="lines", line=line, connectgaps=False, hoverinfo="skip", cliponaxis=False)


def _dots(rows: list[dict[str, Any]], label: str, value: str, unit: units.Unit) -> go.Scatter:
    sure = [row.get("enough", True) for row in rows]
    outline = [template.KEPT if known else template.FADED for known in sure]
    return go.Scatter(
        x=[unit.draw(row[value]) for row in rows],
        y=[-place for place in range(len(rows))],
        mode="markers",
        marker={
            "size": 12,
            "color": [template.KEPT if known else template.PAPER for known in sure],
            "line": {"width": 2, "color": outline},
        },
        hovertext=[_hover(row, label, value, unit) for row in rows],
        hoverinfo="text",
        customdata=[[row.get("key", row[label])] for row in rows],
        cliponaxis=False,
    )


def _hover(row: dict[str, Any], label: str, value: str, unit: units.Unit) -> str:
    lines = [f"<b>{unit.write(row[value])}</b>  {words.in_figure(row[label])}"]
    lines.append(f"95% interval {words.between(row.get('low'), row.get('high'), unit.write)}")
    if row.get("n") is not None:
        lines.append(f"n = {row['n']:,}")
    return "<br>".join(lines)


def _end(row: dict[str, Any], value: str, unit: units.Unit) -> str:
    """The value at the right; of too few, the words that say so."""
    return f"<b>{unit.write(row[value])}</b>" if row.get("enough", True) else TOO_FEW
