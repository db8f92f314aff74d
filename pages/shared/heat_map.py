"""The cohort triangle: one row per cohort, one column per period since, the darker the more stayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import polars as pl

from pages.shared import template, words

Cell = dict[str, Any]
_ROW = 28
_FEW = 13  # columns with room for numbers of a fixed size, also on a phone
_NARROW = "\u200a"  # a hair space: labels of equal length get equal type
_LEAST_SPAN, _MOST_SPAN = 10.0, 50.0  # points from the column's rate at which the relative scale ends
_CHOSEN = template.SERIES[3]  # neither kept nor lost


@dataclass(frozen=True)
class _Scale:
    """How a share becomes a colour: more is darker, or above and below the rate of its column."""

    against: Mapping[int, float] | None
    ends: tuple[float, float]

    @classmethod
    def of(cls, seen: list[Cell], against: Mapping[int, float] | None) -> _Scale:
        if against is None:
            return cls(None, (0.0, max(100.0, min(150.0, max(cell["rate"] for cell in seen) * 100))))
        apart = [abs(cell["rate"] - against[cell["index"]]) * 100 for cell in seen if cell["index"] in against]
        end = max(_LEAST_SPAN, min(_MOST_SPAN, max(apart, default=0.0)))
        return cls(against, (-end, end))

    def value(self, cell: Cell) -> float:
        """What is coloured: percent, or points from the column's rate (0 where no cohort is final)."""
        if self.against is None:
            return float(cell["rate"] * 100)
        return float((cell["rate"] - self.against.get(cell["index"], cell["rate"])) * 100)

    def far(self, cell: Cell) -> bool:
        """Whether a cell's colour is far from the paper in either theme, so that text on it is the paper's colour."""
        low, high = self.ends
        place = (self.value(cell) - low) / (high - low)
        return place > 0.62 if self.against is None else not 0.19 < place < 0.81

    def stands_out(self, cell: Cell) -> bool:
        """Whether the interval of a cell leaves out the rate of its column."""
        if self.against is None or cell["low"] is None or cell["index"] not in self.against or not cell["index"]:
            return False
        return not cell["low"] <= self.against[cell["index"]] <= cell["high"]

    @property
    def colours(self) -> list[list[Any]]:
        return template.SCALE if self.against is None else template.DIVERGING


def _alt(title: str, seen: pl.DataFrame) -> str:
    known = seen.filter(pl.col("index") > 0)
    if known.is_empty():
        return f"{title}. No period after the first has been observed yet."
    best, worst = known.sort("rate").row(-1, named=True), known.sort("rate").row(0, named=True)
    return (
        f"{title}. {words.plural(seen['cohort'].n_unique(), 'cohort')}, shares between "
        f"{words.percent(worst['rate'])} ({words.month(worst['cohort'])}, period {worst['index']}) and "
        f"{words.percent(best['rate'])} ({words.month(best['cohort'])}, period {best['index']}). "
        "The table below holds every value."
    )


def _counted(cell: Cell, noun: str, currency: str | None) -> str:
    if currency is None:
        return f"{cell['retained']:,} of {words.plural(cell['size'], noun, 'people' if noun == 'person' else None)}"
    paid, pay = (words.money(cell[name], currency) for name in ("size", "retained"))
    return f"{pay} of {paid} from {words.plural(cell['accounts'], noun)}"


def _said(cell: Cell, period: str, noun: str, currency: str | None, scale: _Scale) -> str:
    lines = [
        f"<b>{words.percent(cell['rate'])}</b> {'stayed' if currency is None else 'of MRR kept'}",
        f"{_counted(cell, noun, currency)}, {period} {cell['index']}",
        f"cohort of {words.day(cell['cohort']) if period == 'week' else words.month(cell['cohort'])}",
    ]
    if cell.get("low") is not None and cell["index"]:
        lines.append(f"95% interval {words.between(cell['low'], cell['high'])}")
    if scale.against is not None and cell["index"]:
        pooled = scale.against.get(cell["index"])
        lines.append(
            "nothing to compare with yet"
            if pooled is None
            else f"{words.points(cell['rate'] - pooled)} from the {words.percent(pooled)} of all cohorts"
        )
    if cell["state"] == "provisional":
        lines.append("can still change")
    return "<br>".join(lines)


def retention_heat_map(
    cells: pl.DataFrame,
    *,
    title: str,
    period: str = "month",
    noun: str = "account",
    upto: int | None = None,
    against: Mapping[int, float] | None = None,
    currency: str | None = None,
) -> go.Figure:
    """The cohort triangle. Clicking a cell selects its square, whose ``customdata`` is cohort date and index.

    One row per cell, as ``retention.cohort_retention`` returns it without a segment: ``cohort, index, size,
    retained, rate, low, high, state``; with ``currency``, as ``revenue.revenue_cohorts`` does (``accounts`` too).
    Cells without a rate (``not_yet``, or nobody started) stay blank, and so do the cohorts before the first that
    anybody started in, which have no row. A cell that can still change carries a dot, unless all observed ones can
    (then the page says it in words). ``upto`` is the last index drawn. With ``against``, a rate per index, colours
    are the distance from that rate, and a number is bold where its interval leaves the rate out.

    The squares over the cells are transparent markers: Plotly cannot select a heat map's cells.
    """
    seen = cells.filter(pl.col("rate").is_not_null())
    if seen.is_empty():
        return template.nothing("No cohort to show yet.")
    drawn = cells.filter(pl.col("cohort") >= seen["cohort"].min())
    seen = seen if upto is None else seen.filter(pl.col("index") <= upto)
    cohorts = drawn.filter(pl.col("index") == 0).sort("cohort").to_dicts()
    row_of = {cohort["cohort"]: place for place, cohort in enumerate(cohorts)}
    last, known = int(seen["index"].cast(pl.Int64).max() or 0), seen.to_dicts()  # type: ignore[arg-type]
    scale = _Scale.of(known, against)
    shown = template.figure(height=_ROW * len(cohorts) + 64, alt=_alt(title, seen))
    low, high = scale.ends
    shown.add_heatmap(
        z=_grid({(row_of[c["cohort"]], c["index"]): scale.value(c) for c in known}, len(cohorts), last),
        colorscale=scale.colours,
        zmin=low,
        zmax=high,
        showscale=False,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
    )
    _write(shown, known, row_of, last, scale)
    _mark_running(shown, seen, row_of)
    said = [_said(cell, period, noun, currency, scale) for cell in known]
    _add_squares(shown, known, row_of, said)
    _axes(shown, [_cohort_name(cohort, period) for cohort in cohorts], last, period)
    shown.update_layout(margin={"t": 52, "l": 4}, clickmode="event+select")
    return shown


def _grid(values: Mapping[tuple[int, int], Any], rows: int, last: int, blank: str | None = None) -> list[list[Any]]:
    return [[values.get((row, column), blank) for column in range(last + 1)] for row in range(rows)]


def _write(shown: go.Figure, known: list[Cell], row_of: Mapping[Any, int], last: int, scale: _Scale) -> None:
    """The shares on their cells: Plotly writes one colour and weight per trace, so there is a trace for each."""
    size = 11 if last < _FEW else None  # None: as large as fits
    for far in (False, True):
        for bold in (False, True):
            mine = [cell for cell in known if scale.far(cell) is far and scale.stands_out(cell) is bold]
            if not mine:
                continue
            places = {(row_of[cell["cohort"]], cell["index"]): f"{cell['rate'] * 100:.0f}" for cell in mine}
            shown.add_heatmap(
                z=_grid(dict.fromkeys(places, 0), len(row_of), last),
                text=_grid({place: text.rjust(3, _NARROW) for place, text in places.items()}, len(row_of), last, ""),
                texttemplate="%{text}",
                textfont={
                    "color": template.PAPER if far else template.INK,
                    "weight": 800 if bold else 400,
                    "size": size,
                },
                colorscale=[[0, template.CLEAR], [1, template.CLEAR]],
                showscale=False,
                hoverinfo="skip",
                name="bold" if bold else "plain",
            )


def _axes(shown: go.Figure, names: list[str], last: int, period: str) -> None:
    shown.update_yaxes(tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5], showgrid=False)
    since = {"text": f"{period}s since the first", "font": {"size": 12, "color": template.FADED}, "standoff": 4}
    ticks = {"tickmode": "linear", "dtick": 1 if last < _FEW else 3, "tickangle": 0}
    shown.update_xaxes(side="top", range=[-0.5, last + 0.5], title=since, **ticks)


def _cohort_name(cohort: Cell, period: str) -> str:
    when = words.day(cohort["cohort"]) if period == "week" else words.month(cohort["cohort"])
    return f"{when}  <b>{cohort.get('accounts', cohort['size']):,}</b>"


def _mark_running(shown: go.Figure, seen: pl.DataFrame, row_of: Mapping[Any, int]) -> None:
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
        name="running",
    )


def _add_squares(shown: go.Figure, known: list[Cell], row_of: Mapping[Any, int], said: list[str]) -> None:
    shown.add_scatter(
        x=[cell["index"] for cell in known],
        y=[row_of[cell["cohort"]] for cell in known],
        mode="markers+text",
        marker={"symbol": "square", "size": _ROW - 4, "color": template.CLEAR},
        text=[f"<b>{cell['rate'] * 100:.0f}</b>" for cell in known],
        textfont={"color": template.CLEAR, "size": 11},  # seen only on the cell chosen, whose square hides its number
        selected={"marker": {"color": _CHOSEN, "opacity": 1}, "textfont": {"color": template.PAPER}},
        unselected={"marker": {"opacity": 1}, "textfont": {"color": template.CLEAR}},
        customdata=[[cell["cohort"].isoformat(), cell["index"]] for cell in known],
        hovertext=said,
        hoverinfo="text",
        name="cells",
    )
