"""The cohort triangle: one row per cohort, one column per period since, the darker the more stayed."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from pages.shared import template, words

_ROW = 28


def _alt(title: str, cells: pl.DataFrame) -> str:
    known = cells.filter(pl.col("rate").is_not_null() & (pl.col("index") > 0))
    if known.is_empty():
        return f"{title}. No period after the first has been observed yet."
    best, worst = known.sort("rate").row(-1, named=True), known.sort("rate").row(0, named=True)
    return (
        f"{title}. {words.plural(cells['cohort'].n_unique(), 'cohort')}, shares between "
        f"{words.percent(worst['rate'])} ({words.month(worst['cohort'])}, period {worst['index']}) and "
        f"{words.percent(best['rate'])} ({words.month(best['cohort'])}, period {best['index']}). "
        "The table below holds every value."
    )


def _said(cell: dict[str, Any], period: str, noun: str) -> str:
    lines = [
        f"<b>{words.percent(cell['rate'])}</b> stayed",
        f"{cell['retained']:,} of {words.plural(cell['size'], noun)}, {period} {cell['index']}",
        f"cohort of {words.day(cell['cohort']) if period == 'week' else words.month(cell['cohort'])}",
    ]
    if cell.get("low") is not None:
        lines.append(f"95% interval {words.between(cell['low'], cell['high'])}")
    if cell["state"] == "provisional":
        lines.append("can still change")
    return "<br>".join(lines)


def retention_heat_map(
    cells: pl.DataFrame, *, title: str, period: str = "month", noun: str = "account", upto: int | None = None
) -> go.Figure:
    """The cohort triangle. Clicking a cell selects its square, whose ``customdata`` is cohort date and index.

    One row per cell, as ``retention.cohort_retention`` returns it without a segment: ``cohort, index, size,
    retained, rate, low, high, state``. Cells without a rate (``not_yet``, or nobody started) stay blank. A cell
    that can still change carries a dot, unless all observed ones can (then the page says it in words). ``upto``
    is the last index drawn.

    The squares over the cells are transparent markers: Plotly cannot select a heat map's cells.
    """
    drawn = cells if upto is None else cells.filter(pl.col("index") <= upto)
    seen = drawn.filter(pl.col("rate").is_not_null())
    if seen.is_empty():
        return template.nothing("No cohort to show yet.")
    cohorts = drawn.unique("cohort").sort("cohort").select("cohort", "size").to_dicts()
    row_of = {cohort["cohort"]: place for place, cohort in enumerate(cohorts)}
    last = int(seen["index"].cast(pl.Int64).max() or 0)  # type: ignore[arg-type]
    grid: list[list[float | None]] = [[None] * (last + 1) for _ in cohorts]
    for cell in seen.iter_rows(named=True):
        grid[row_of[cell["cohort"]]][cell["index"]] = cell["rate"] * 100
    shown = template.figure(height=_ROW * len(cohorts) + 64, alt=_alt(title, seen))
    shown.add_heatmap(
        z=grid,
        x=list(range(last + 1)),
        y=list(range(len(cohorts))),
        colorscale=template.SCALE,
        zmin=0,
        zmax=100,
        showscale=False,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
        texttemplate="%{z:.0f}",
    )
    _mark_running(shown, seen, row_of)
    _add_squares(shown, seen.to_dicts(), row_of, period, noun)
    names = [_cohort_name(cohort, period) for cohort in cohorts]
    shown.update_yaxes(
        tickvals=list(range(len(cohorts))), ticktext=names, range=[len(cohorts) - 0.5, -0.5], showgrid=False
    )
    shown.update_xaxes(side="top", tickmode="linear", dtick=1 if last <= 13 else 3, range=[-0.5, last + 0.5])
    since = {"text": f"{period}s since the first", "font": {"size": 12, "color": template.FADED}, "standoff": 4}
    shown.update_xaxes(title=since)
    shown.update_layout(margin={"t": 52, "l": 4}, clickmode="event+select")
    return shown


def _cohort_name(cohort: dict[str, Any], period: str) -> str:
    when = words.day(cohort["cohort"]) if period == "week" else words.month(cohort["cohort"])
    return f"{when}  <b>{cohort['size']:,}</b>"


def _mark_running(shown: go.Figure, seen: pl.DataFrame, row_of: dict[Any, int]) -> None:
    """A dot in the corner of each cell that can still change; none when that is every one but the first."""
    running = seen.filter(pl.col("state") == "provisional").to_dicts()
    if not running or len(running) >= seen.filter(pl.col("index") > 0).height:
        return
    shown.add_scatter(
        x=[cell["index"] + 0.36 for cell in running],
        y=[row_of[cell["cohort"]] - 0.28 for cell in running],
        mode="markers",
        hoverinfo="skip",
        unselected={"marker": {"opacity": 1}},
        marker={"size": 6, "color": template.PAPER, "line": {"width": 1.5, "color": template.INK}},
    )


def _add_squares(shown: go.Figure, seen: list[dict[str, Any]], row_of: dict[Any, int], period: str, noun: str) -> None:
    shown.add_scatter(
        x=[cell["index"] for cell in seen],
        y=[row_of[cell["cohort"]] for cell in seen],
        mode="markers",
        marker={"symbol": "square", "size": _ROW - 4, "color": template.CLEAR},
        selected={"marker": {"color": template.LOST, "opacity": 0.55}},
        unselected={"marker": {"opacity": 1}},
        customdata=[[cell["cohort"].isoformat(), cell["index"]] for cell in seen],
        hovertext=[_said(cell, period, noun) for cell in seen],
        hoverinfo="text",
        name="cells",
    )
