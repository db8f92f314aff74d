"""The native charts of a business review: two quarters by month, and one beside the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION
from pptx.util import Pt

from reports import charts
from reports.charts import Chart, Values
from reports.language import Language
from reports.quarters import Quarter
from reports.slides import BAND, INK, KEPT, Box, colour


def by_month(slide: Any, box: Box, values: Values, quarter: Quarter, say: Language, *, name: str) -> Any:
    """One column per month of both quarters, each quarter in a colour of its own, with its number above."""
    before = quarter.before
    months = [*before.months, *quarter.months]
    series: dict[str, Values] = {
        str(before): [*values[:3], None, None, None],
        str(quarter): [None, None, None, *values[3:]],
    }
    told = ", ".join(
        f"{say.month(month)} {say.number(value)}" for month, value in zip(months, values, strict=True) if value
    )
    chart = Chart(
        [say.month(month) for month in months],
        series,
        say.count_format,
        f"{name}: {told or say.number(0)}",
        {str(before): BAND, str(quarter): KEPT},
    )
    shown = charts.draw(slide, box, XL_CHART_TYPE.COLUMN_CLUSTERED, chart, name)
    shown.plots[0].gap_width, shown.plots[0].overlap = 45, 100
    _finish(shown, say)
    return shown


def side_by_side(
    slide: Any,
    box: Box,
    names: Sequence[str],
    series: dict[str, Values],
    say: Language,
    *,
    name: str,
    alt: str,
    lying: bool = False,
) -> Any:
    """Two numbers per name, one beside the other (or, ``lying``, one below the other), each with its number."""
    first, second = series
    chart = Chart(names, series, say.count_format, alt, {first: BAND, second: KEPT})
    kind = XL_CHART_TYPE.BAR_CLUSTERED if lying else XL_CHART_TYPE.COLUMN_CLUSTERED
    shown = charts.draw(slide, box, kind, chart, name)
    shown.plots[0].gap_width, shown.plots[0].overlap = 60, 0
    if lying:
        shown.category_axis.reverse_order = True
    _finish(shown, say)
    return shown


def _finish(shown: Any, say: Language) -> None:
    charts.legend(shown)
    shown.value_axis.visible, shown.value_axis.minimum_scale = False, 0
    axis = shown.category_axis
    axis.tick_labels.font.color.rgb = colour(INK)
    plot = shown.plots[0]
    plot.has_data_labels = True
    labels = plot.data_labels
    labels.number_format, labels.number_format_is_linked = say.count_format, False
    labels.position, labels.show_value = XL_LABEL_POSITION.OUTSIDE_END, True
    labels.font.size, labels.font.bold, labels.font.color.rgb = Pt(11), True, colour(INK)
