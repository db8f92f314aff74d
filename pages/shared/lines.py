"""Lines over time: with their interval as a band, and what is not final yet hollow and dashed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import groupby
from typing import Any

import plotly.graph_objects as go
import polars as pl

from pages.shared import template, units, words

Row = dict[str, Any]
Tell = Callable[[Any], str]
_LABEL = 36  # pixels that a label of two lines needs


def _tell(x: object) -> str:
    return words.month(x) if isinstance(x, date) else str(x)


def _hover(row: Row, x: str, y: str, unit: units.Unit, name: str, tell: Tell) -> str:
    lines = [f"<b>{unit.write(row[y])}</b>  {words.in_figure(name)}".rstrip(), words.in_figure(tell(row[x]))]
    if row.get("low") is not None and row.get("high") is not None:
        lines.append(f"95% interval {words.between(row['low'], row['high'], unit.write)}")
    if row.get("n") is not None:
        lines.append(f"n = {row['n']:,}")
    if row.get("state") == "provisional":
        lines.append("still running")
    return "<br>".join(lines)


def _has_interval(row: Row) -> bool:
    return row.get("low") is not None and row.get("high") is not None


def _band(rows: list[Row], x: str, unit: units.Unit, colour: str, *, stepped: bool = False) -> go.Scatter:
    """The intervals as one shape per run of rows that have one; a null parts two shapes."""
    ends = [row[x] for row in rows[1:]] + [row[x] for row in rows[-1:]]
    around: list[Any] = []
    values: list[float | None] = []
    for known, run in groupby(zip(rows, ends, strict=True), key=lambda pair: _has_interval(pair[0])):
        if not known:
            continue
        points = [(row[x], row["low"], row["high"], end) for row, end in run]
        if stepped:  # a value holds until the next one: every bound twice, the second time where it ends
            points = [(place, *point[1:]) for point in points for place in (point[0], point[3])]
        parted = [None] if around else []
        around += [*parted, *(point[0] for point in points), *(point[0] for point in points[::-1])]
        values += [
            *parted,
            *(unit.draw(point[2]) for point in points),
            *(unit.draw(point[1]) for point in points[::-1]),
        ]
    return go.Scatter(
        x=around,
        y=values,
        fill="toself",
        fillcolor=colour,
        opacity=0.16,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
    )


def _series(shown: go.Figure, rows: list[Row], x: str, y: str, unit: units.Unit, name: str, how: Row) -> None:
    """One line: solid up to the last final value, then dashed to a hollow point while its period runs."""
    final = [row for row in rows if row.get("state") != "provisional"]
    running = [row for row in rows if row.get("state") == "provisional"]
    line = {"color": how["colour"], "width": 2.5, "shape": how["shape"]}
    common: Row = {"hoverinfo": "text", "name": words.in_figure(name)}
    if running:
        joined = final[-1:] + running
        shown.add_scatter(
            x=[row[x] for row in joined],
            y=[unit.draw(row[y]) for row in joined],
            mode="lines",
            line={**line, "dash": "dot", "width": 1.5},
            hoverinfo="skip",
        )
        shown.add_scatter(
            x=[row[x] for row in running],
            y=[unit.draw(row[y]) for row in running],
            mode="markers",
            marker={"size": 9, "color": template.PAPER, "line": {"width": 2, "color": how["colour"]}},
            hovertext=[_hover(row, x, y, unit, name, how["tell"]) for row in running],
            customdata=[[str(row[x]), name] for row in running],
            **common,
        )
    shown.add_scatter(
        x=[row[x] for row in final],
        y=[unit.draw(row[y]) for row in final],
        mode="lines+markers",
        line={**line, "dash": how["dash"]},
        connectgaps=False,
        marker={
            "size": [8 if row is final[-1] else 5 for row in final],
            "opacity": [1.0 if row is final[-1] else 0.0 for row in final],
            "color": how["colour"],
        },
        hovertext=[_hover(row, x, y, unit, name, how["tell"]) for row in final],
        customdata=[[str(row[x]), name] for row in final],
        **common,
    )


def _line_alt(title: str, groups: dict[str, list[Row]], x: str, y: str, unit: units.Unit, tell: Tell = _tell) -> str:
    parts = []
    for name, rows in groups.items():
        known = [row for row in rows if row[y] is not None]
        if known:
            first, last = known[0], known[-1]
            running = " (still running)" if last.get("state") == "provisional" else ""
            parts.append(
                f"{name + ': from' if name else 'From'} {unit.write(first[y])} in {tell(first[x])} to "
                f"{unit.write(last[y])} in {tell(last[x])}{running}"
            )
    return f"{title}. {'; '.join(parts) or 'No values'}."


def line(
    frame: pl.DataFrame,
    *,
    x: str,
    y: str,
    unit: units.Unit,
    title: str,
    by: str | None = None,
    height: int = 300,
    reference: tuple[float, str] | None = None,
    stepped: bool = False,
    from_zero: bool = False,
    x_title: str = "",
    every: float | None = None,
    tell: Tell = _tell,
) -> go.Figure:
    """A line over ``x``, with a band between ``low`` and ``high`` where the frame has them.

    One row per point (and per ``by``: at most five groups, in the order in which they come). Columns: ``x``,
    ``y``, and optionally ``low``, ``high``, ``n``, ``state`` (``provisional`` is drawn hollow and dashed).
    Null values leave a gap. ``reference`` is a value with its name, drawn as a thin line. ``title`` opens
    the alt text. ``x_title`` says what is counted along the axis, ``every`` how far its ticks are apart, and ``tell``
    puts a place on it in words. A click gives the point's ``x`` and its group.
    """
    kept = frame.filter(pl.col("state") != "not_yet") if "state" in frame.columns else frame
    groups: dict[str, list[Row]] = {}
    for row in kept.sort(x, maintain_order=True).iter_rows(named=True):
        groups.setdefault("" if by is None else str(row[by]), []).append(row)
    groups = {name: rows for name, rows in groups.items() if any(row[y] is not None for row in rows)}
    if not groups:
        return template.nothing("Nothing to draw for this choice yet.")
    if by is not None:
        groups = dict(sorted(groups.items(), key=lambda item: frame[by].cast(pl.String).to_list().index(item[0])))
    shown = template.figure(height=height, alt=_line_alt(title, groups, x, y, unit, tell))
    notes = []
    for place, (name, rows) in enumerate(list(groups.items())[: len(template.SERIES)]):
        shape = "hv" if stepped else "linear"
        how: Row = {"colour": template.SERIES[place], "dash": template.DASHES[place], "shape": shape, "tell": tell}
        if {"low", "high"} <= set(frame.columns):
            shown.add_trace(_band(rows, x, unit, how["colour"], stepped=stepped))
        _series(shown, rows, x, y, unit, name, how)
        last = next(row for row in reversed(rows) if row[y] is not None)
        value = f"<b>{unit.write(last[y])}</b>"
        said = f"{value}<br>{words.in_figure(name, longest=18)}" if name else value
        notes.append(template.note(last[x], unit.draw(last[y]), said, align="left", xshift=10))
    if by is not None:
        _spread(notes, _ends(kept, y, unit, from_zero), height - (84 if x_title else 48))
    _axes(shown, unit, kept.filter(pl.col(y).is_not_null())[x], from_zero=from_zero, room=104 if by else 64)
    if every is not None:
        shown.update_xaxes(tickmode="linear", tick0=0, dtick=every)
    if x_title:
        quiet = {"size": 12, "color": template.FADED}
        shown.update_xaxes(title={"text": x_title, "font": quiet, "standoff": 8})
    rules = []
    if reference is not None:
        at = unit.draw(reference[0]) or 0.0
        ends = [[abs((unit.draw(rows[end][y]) or 0.0) - at) for rows in groups.values()] for end in (0, -1)]
        notes.append(_name_of(at, reference[1], at_start=min(ends[0]) >= min(ends[1])))
        rules.append({**template.rule(0, 1, at, at, color=template.FADED, width=1, dash="dot"), "xref": "paper"})
    template.annotate(shown, notes, rules)
    return shown


def _ends(frame: pl.DataFrame, y: str, unit: units.Unit, from_zero: bool) -> tuple[float, float]:
    """The least and the greatest value that a figure shows, as they stand on the axis."""
    columns = [name for name in (y, "low", "high") if name in frame.columns]
    known = [value for name in columns for value in frame[name].drop_nulls().to_list()]
    least, most = min(known, default=0.0), max(known, default=0.0)
    return unit.draw(0.0 if from_zero else least) or 0.0, unit.draw(most) or 0.0


def _spread(notes: list[Row], ends: tuple[float, float], pixels: int) -> None:
    """Put the labels of several lines in one column; where they would lie on each other, apart, with a thin line."""
    least, most = ends
    order = sorted(notes, key=lambda note: -note["y"])
    wanted = [(most - note["y"]) * pixels / ((most - least) or 1.0) for note in order]
    placed: list[float] = []
    for place in wanted:
        placed.append(max(place, placed[-1] + _LABEL) if placed else place)
    up = min((sum(placed) - sum(wanted)) / max(1, len(wanted)), placed[0] if placed else 0.0)  # not above the figure
    shifts = [round(place - up - at) for at, place in zip(wanted, placed, strict=True)]
    for note, shift in zip(order, shifts, strict=True):
        note.update(x=1, xref="paper")
        if any(shifts):
            leader = {"arrowhead": 0, "arrowwidth": 1, "arrowcolor": template.FADED}
            note.update(showarrow=True, ax=18, ay=shift, xshift=5, **leader)


def _name_of(value: float, name: str, *, at_start: bool) -> dict[str, Any]:
    """A reference's name, at the end where the figure's own lines are further away."""
    place = {"xref": "paper", "xanchor": "left" if at_start else "right", "xshift": 0, "yanchor": "bottom"}
    return template.note(0 if at_start else 1, value, name, **place, font={"size": 12, "color": template.FADED})


def _axes(shown: go.Figure, unit: units.Unit, along: pl.Series, *, from_zero: bool = False, room: int = 8) -> None:
    shown.update_yaxes(
        tickprefix=unit.prefix,
        ticksuffix=unit.suffix,
        tickformat=unit.tick,
        nticks=5,
        rangemode="tozero" if from_zero else "normal",
    )
    first, last = along.min(), along.max()
    if first != last:  # labels beside the last point would otherwise stretch the axis past it
        shown.update_xaxes(range=[first, last])
    shown.update_xaxes(nticks=5, tickangle=0)
    shown.update_traces(cliponaxis=False, selector={"type": "scatter"})
    shown.update_layout(margin={"r": room})


def history(
    frame: pl.DataFrame,
    *,
    x: str,
    y: str,
    title: str,
    unit: units.Unit = units.SCORE,
    height: int = 180,
    bounds: dict[str, float] | None = None,
    floor: float | None = None,
    ceiling: float | None = None,
) -> go.Figure:
    """A small line without axes: how one thing went, with its first and last value written out.

    One row per point; null values leave a gap. ``bounds`` names the values worth a thin line, such as
    the lower limits of the bands.
    """
    rows = frame.sort(x).to_dicts()
    known = [row for row in rows if row[y] is not None]
    if not known:
        return template.nothing("No history yet.")
    shown = template.figure(height=height, alt=_line_alt(title, {"": rows}, x, y, unit))
    _series(shown, rows, x, y, unit, "", {"colour": template.KEPT, "dash": "solid", "shape": "spline", "tell": _tell})
    last = known[-1]
    template.annotate(shown, [template.note(last[x], unit.draw(last[y]), f"<b>{unit.write(last[y])}</b>", xshift=10)])
    _axes(shown, unit, frame.filter(pl.col(y).is_not_null())[x], room=44)
    shown.update_xaxes(nticks=3)
    lines = bounds or {}
    shown.update_yaxes(
        tickvals=[unit.draw(bound) for bound in lines.values()],
        ticktext=list(lines),
        griddash="dot",
        gridcolor=template.FADED,
        range=None if floor is None or ceiling is None else [floor, ceiling],
    )
    return shown
