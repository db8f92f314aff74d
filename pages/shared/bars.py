"""Bars: what moved revenue, what ranks first, and how answers are spread."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import plotly.graph_objects as go
import polars as pl

from pages.shared import template, units, words

_ROW = 36
MOVEMENTS = (
    ("new", "New", 1),
    ("expansion", "Expansion", 1),
    ("reactivation", "Came back", 1),
    ("resumed", "Resumed", 1),
    ("moved_in", "Moved in", 1),
    ("contraction", "Contraction", -1),
    ("paused", "Paused", -1),
    ("churned", "Churned", -1),
    ("moved_out", "Moved out", -1),
    ("fx", "Currency", 1),
)
_KEYS = {name: column for column, name, _ in MOVEMENTS}


def _steps(row: dict[str, Any]) -> list[tuple[str, int]]:
    """The movements that were not nothing, with their sign, in reading order."""
    signed = [(name, sign * (row.get(column) or 0)) for column, name, sign in MOVEMENTS]
    return [(name, amount) for name, amount in signed if amount]


def waterfall(movements: pl.DataFrame, *, currency: str, title: str) -> go.Figure:
    """How MRR went from opening to closing, one line per movement, read from top to bottom.

    One row, as ``revenue.movements`` returns it (minor units). Opening and closing are drawn as levels, not as bars,
    so that the axis may start near them without making a small loss look like a large one. Movements that were
    nothing are left out. A click gives the movement's column, or ``opening`` or ``closing``.
    """
    if movements.is_empty():
        return template.nothing("No month to show yet.")
    row = movements.row(0, named=True)
    steps = _steps(row)
    names = ["Opening", *(name for name, _ in steps), "Closing"]
    said = ", ".join(f"{name} {words.money(amount, currency, signed=True)}" for name, amount in steps)
    opening, closing = words.money(row["opening"], currency), words.money(row["closing"], currency)
    alt = f"{title}. Opening {opening}; {said or 'no movement'}; closing {closing}."
    shown = template.figure(height=_ROW * len(names) + 40, alt=alt, margin={"r": 64})
    starts = list(accumulate((amount for _, amount in steps), initial=row["opening"]))
    ends = [(0, row["opening"]), (len(names) - 1, row["closing"])]
    shown.add_traces([_floating(steps, starts, currency), _levels(ends)])
    notes = [
        _said(place, max(start, start + amount), amount, currency, signed=True)
        for place, (start, (_, amount)) in enumerate(zip(starts, steps, strict=False), start=1)
    ]
    notes += [_said(place, value, value, currency) for place, value in ends]
    joins = [
        template.rule(start / 100, start / 100, place - 1.24, place + 0.24, color=template.FADED, width=1, dash="dot")
        for place, start in enumerate(starts[:-1], start=1)
    ]
    levels = [
        template.rule(value / 100, value / 100, place - 0.3, place + 0.3, color=template.INK, width=3)
        for place, value in ends
    ]
    template.annotate(shown, notes, [*joins, *levels])
    unit = units.money(currency)
    shown.update_yaxes(tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False)
    shown.update_xaxes(
        tickprefix=unit.prefix, tickformat=unit.tick, nticks=4, range=_room([*starts, row["closing"]]), showgrid=True
    )
    return shown


def _room(levels: list[int]) -> list[float]:
    """The axis from a little below the lowest level to a little above the highest."""
    low, high = min(levels) / 100, max(levels) / 100
    spread = high - low or high or 1.0
    return [max(low - spread * 0.08, 0.0), high + spread * 0.04]


def _floating(steps: list[tuple[str, int]], starts: list[int], currency: str) -> go.Bar:
    """One floating bar per movement, from the level before it to the level after it."""

    def colour(name: str, amount: int) -> str:
        return template.QUIET if name == "Currency" else template.KEPT if amount > 0 else template.LOST

    return go.Bar(
        orientation="h",
        y=list(range(1, len(steps) + 1)),
        x=[abs(amount) / 100 for _, amount in steps],
        base=[min(start, start + amount) / 100 for start, (_, amount) in zip(starts, steps, strict=False)],
        width=0.5,
        marker={"color": [colour(*step) for step in steps]},
        hovertext=[f"<b>{words.money(amount, currency, signed=True)}</b><br>{name}" for name, amount in steps],
        hoverinfo="text",
        customdata=[[_KEYS[name]] for name, _ in steps],
    )


def _levels(ends: list[tuple[int, int]]) -> go.Scatter:
    """Where opening and closing can be clicked: their lines are shapes, which cannot."""
    return go.Scatter(
        x=[value / 100 for _, value in ends],
        y=[place for place, _ in ends],
        mode="markers",
        marker={"size": 22, "symbol": "square", "color": template.CLEAR},
        hoverinfo="skip",
        customdata=[["opening"], ["closing"]],
    )


def _said(place: int, at: int, amount: int, currency: str, *, signed: bool = False) -> dict[str, Any]:
    text = f"<b>{words.money(amount, currency, short=True, signed=signed)}</b>"
    return template.note(at / 100, place, text)


def ranked(
    frame: pl.DataFrame,
    *,
    label: str,
    value: str,
    unit: units.Unit,
    title: str,
    quiet: Sequence[str] = (),
    lost: bool = False,
    most: int = 12,
) -> go.Figure:
    """Horizontal bars, longest first, each with its name above it and its value at its end.

    One row per bar. Columns: ``label``, ``value``, optionally ``low`` and ``high`` (drawn as a whisker) and ``key``.
    Rows whose label is in ``quiet`` are grey and come last: they are no answer ("not asked"). At most
    ``most`` are drawn. A click gives the row's ``key``, or its label where there is none.
    """
    known = frame.filter(pl.col(value).is_not_null())
    if known.is_empty():
        return template.nothing("Nothing to rank for this choice.")
    ordered = known.with_columns(pl.col(label).is_in(list(quiet)).alias("_quiet")).sort(
        ["_quiet", value], descending=[False, True], maintain_order=True
    )
    rows = ordered.head(most).to_dicts()
    said = "; ".join(f"{row[label]} {unit.write(row[value])}" for row in rows[:5])
    shown = template.figure(height=46 * len(rows) + 20, alt=f"{title}. Highest first: {said}.")
    main = template.LOST if lost else template.KEPT
    _whiskered(shown, rows, value, unit, [template.QUIET if row["_quiet"] else main for row in rows])
    shown.data[0].customdata = [[row.get("key", row[label])] for row in rows]
    notes = []
    for place, row in enumerate(rows):
        notes.append(template.note(0, -place, words.in_figure(row[label]), xshift=-4, yanchor="bottom", yshift=7))
        end = unit.draw(max(row[value], row.get("high") or row[value]))
        notes.append(template.note(end, -place, f"<b>{unit.write(row[value])}</b>"))
    template.annotate(shown, notes)
    shown.update_yaxes(visible=False, range=[-len(rows) + 0.5, 0.75])
    shown.update_xaxes(visible=False, rangemode="tozero")
    shown.update_layout(margin={"l": 4, "r": 72, "t": 4, "b": 4}, bargap=0.7)
    return shown


def _whiskered(shown: go.Figure, rows: list[dict[str, Any]], value: str, unit: units.Unit, colours: list[str]) -> None:
    def reach(row: dict[str, Any], edge: str) -> float:
        bound = row.get(edge)
        return 0.0 if bound is None else abs((unit.draw(bound) or 0.0) - (unit.draw(row[value]) or 0.0))

    def said(row: dict[str, Any]) -> str:
        low, high = row.get("low"), row.get("high")
        interval = "" if low is None else f"<br>95% interval {words.between(low, high, unit.write)}"
        return f"<b>{unit.write(row[value])}</b>{interval}"

    shown.add_bar(
        orientation="h",
        x=[unit.draw(row[value]) for row in rows],
        y=[-place for place in range(len(rows))],
        width=0.26,
        marker={"color": colours},
        hovertext=[said(row) for row in rows],
        hoverinfo="text",
        error_x={
            "type": "data",
            "symmetric": False,
            "thickness": 1.5,
            "width": 3,
            "color": template.FADED,
            "array": [reach(row, "high") for row in rows],
            "arrayminus": [reach(row, "low") for row in rows],
        },
    )


def nps_distribution(answers: pl.DataFrame, *, title: str, height: int = 260) -> go.Figure:
    """How many gave each score from 0 to 10, with the three groups NPS counts.

    One row per score, as ``nps.distribution`` returns it: ``score`` (0..10), ``answers``. A click gives the score.
    """
    counts = dict.fromkeys(range(11), 0)
    counts.update({int(row["score"]): int(row["answers"]) for row in answers.iter_rows(named=True)})
    total = sum(counts.values())
    if total == 0:
        return template.nothing("Nobody has answered yet.")
    groups = [
        ("Detractors", 0, 6, template.LOST),
        ("Passives", 7, 8, template.QUIET),
        ("Promoters", 9, 10, template.KEPT),
    ]
    sums = {name: sum(counts[score] for score in range(low, high + 1)) for name, low, high, _ in groups}
    said = ", ".join(f"{name.lower()} {n:,} ({words.percent(n / total, digits=0)})" for name, n in sums.items())
    shown = template.figure(height=height, alt=f"{title}. Of {total:,} answers: {said}.", bargap=0.2)
    notes = []
    for name, low, high, colour in groups:
        scores = list(range(low, high + 1))
        shown.add_bar(
            x=scores,
            y=[counts[score] for score in scores],
            marker={"color": colour},
            cliponaxis=False,
            text=[f"{counts[score]:,}" if counts[score] else "" for score in scores],
            textposition="outside",
            textfont={"size": 12},
            hovertext=[f"<b>{words.plural(counts[score], 'answer')}</b><br>score {score}" for score in scores],
            hoverinfo="text",
            customdata=[[score] for score in scores],
        )
        text = f"{name}<br><b>{words.percent(sums[name] / total, digits=0)}</b>"
        below = {"yref": "paper", "xanchor": "center", "yanchor": "top", "xshift": 0, "yshift": -26}
        notes.append(template.note((low + high) / 2, 0, text, **below, font={"size": 12, "color": colour}))
    template.annotate(shown, notes)
    shown.update_xaxes(tickmode="linear", dtick=1, range=[-0.6, 10.6])
    shown.update_yaxes(visible=False)
    shown.update_layout(margin={"t": 24, "b": 72})
    return shown
