"""Native charts that people can edit: movements, lines, stacks and rankings, in the colours of the house."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import xlsxwriter
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import (
    XL_CHART_TYPE,
    XL_LABEL_POSITION,
    XL_LEGEND_POSITION,
    XL_MARKER_STYLE,
    XL_TICK_LABEL_POSITION,
)
from pptx.enum.chart import XL_TICK_MARK as TICKS
from pptx.enum.dml import MSO_LINE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Pt

from reports.fitting import plain
from reports.slides import BAND, FADED, FONT, INK, KEPT, LOST, QUIET, RULE, SOFT, Box, colour

Values = Sequence[float | None]
MONTH = "mmm yyyy"
CLEAR = ""
"""The colour of a series that only holds others up."""


@dataclass(frozen=True)
class Chart:
    """What a chart shows: categories, series by name, how its numbers are written, and its ``alt`` text."""

    categories: Sequence[str | date]
    series: Mapping[str, Values]
    number_format: str
    alt: str
    colours: Mapping[str, str] = field(default_factory=dict)


def _workbook(chart: Chart) -> bytes:
    """The sheet behind a chart. Unlike python-pptx's own, it writes every text as text: none becomes a formula."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    book.set_properties({"created": datetime(2000, 1, 1)})  # not now: the same numbers give the same bytes
    sheet, form = book.add_worksheet(), book.add_format({"num_format": chart.number_format})
    sheet.set_column(0, len(chart.series), 16)
    months = book.add_format({"num_format": MONTH})
    for down, name in enumerate(chart.categories, start=1):
        if isinstance(name, date):
            sheet.write_datetime(down, 0, datetime(name.year, name.month, name.day), months)
        else:
            sheet.write_string(down, 0, name)
    for across, (name, values) in enumerate(chart.series.items(), start=1):
        sheet.write_string(0, across, name)
        for down, value in enumerate(values, start=1):
            if value is not None:
                sheet.write_number(down, across, value, form)
    book.close()
    return file.getvalue()


def draw(slide: Any, box: Box, kind: Any, chart: Chart, name: str) -> Any:
    """The chart on its slide, without title, legend or gridlines."""
    tidy = Chart(
        [name if isinstance(name, date) else plain(name) for name in chart.categories],
        {plain(text): values for text, values in chart.series.items()},
        chart.number_format,
        plain(chart.alt),
        chart.colours,
    )
    data = CategoryChartData(number_format=tidy.number_format)
    data.categories = tidy.categories
    if data.categories.are_dates:
        data.categories.number_format = MONTH
    for series, values in tidy.series.items():
        data.add_series(series, list(values))
    frame = slide.shapes.add_chart(kind, *box.emu, data)
    frame.name = name
    frame._element.nvGraphicFramePr.cNvPr.set("descr", tidy.alt)
    shown = frame.chart
    shown.part.chart_workbook.update_from_xlsx_blob(_workbook(tidy))
    shown.has_title, shown.has_legend = False, False
    shown.font.size, shown.font.name, shown.font.color.rgb = Pt(11), FONT, colour(FADED)
    for axis in (shown.category_axis, shown.value_axis):
        axis.has_major_gridlines = False
        axis.major_tick_mark = axis.minor_tick_mark = TICKS.NONE
        axis.format.line.fill.background()
    _upright(shown.category_axis)
    for series in shown.plots[0].series:
        _fill(series, chart.colours.get(series.name, KEPT))
    return shown


def _fill(series: Any, tone: str) -> None:
    if not tone:
        series.format.fill.background()
        series.format.line.fill.background()
        return
    series.format.fill.solid()
    series.format.fill.fore_color.rgb = colour(tone)


def _upright(axis: Any) -> None:
    """Names under an axis stay level; where they do not fit, some are left out."""
    axis.tick_labels.font.size = Pt(11)
    axis._element.txPr.find(qn("a:bodyPr")).set("rot", "0")


def quiet_axis(shown: Any, number_format: str) -> None:
    """Thin lines behind the values, and how they are written."""
    axis = shown.value_axis
    axis.has_major_gridlines = True
    axis.major_gridlines.format.line.color.rgb = colour(RULE)
    axis.major_gridlines.format.line.width = Pt(0.75)
    axis.tick_labels.number_format, axis.tick_labels.number_format_is_linked = number_format, False


def legend(shown: Any) -> None:
    """The names of the series, above."""
    shown.has_legend = True
    shown.legend.position, shown.legend.include_in_layout = XL_LEGEND_POSITION.TOP, False
    shown.legend.font.size, shown.legend.font.color.rgb = Pt(12), colour(INK)


def waterfall(
    slide: Any,
    box: Box,
    opening: float,
    steps: Sequence[tuple[str, float, str]],
    closing: float,
    *,
    labels: Sequence[str],
    number_format: str,
    alt: str,
) -> Any:
    """From opening to closing: each of ``steps`` (name, signed amount, colour) hangs between the levels beside it.

    The axis starts near the levels, so that movements can be seen; opening and closing therefore fade out below
    instead of standing on a ground that is not zero. ``labels`` stand above the bars.
    """
    before, levels = opening, [opening]
    for _, amount, _ in steps:
        before += amount
        levels.append(before)
    low, high = min(*levels, closing), max(*levels, closing)
    spread = (high - low) or high or 1.0
    ground = max(0.0, low - spread * 0.35)
    feet = [min(start, start + amount) for start, (_, amount, _) in zip(levels, steps, strict=False)]
    tops = [max(start, start + amount) for start, (_, amount, _) in zip(levels, steps, strict=False)]

    def of(tone: str) -> list[float | None]:
        return [None, *(abs(amount) if own == tone else None for _, amount, own in steps), None]

    series: dict[str, Values] = {
        "Level": [opening, *(None for _ in steps), closing],
        "Below": [None, *feet, None],
        "Gained": of(KEPT),
        "Lost": of(LOST),
        "Currency": of(QUIET),
        "Label": [spread * 0.14] * (len(steps) + 2),
    }
    tones = {"Level": INK, "Below": CLEAR, "Gained": KEPT, "Lost": LOST, "Currency": QUIET, "Label": CLEAR}
    chart = Chart(["Opening", *(name for name, _, _ in steps), "Closing"], series, number_format, alt, tones)
    shown = draw(slide, box, XL_CHART_TYPE.COLUMN_STACKED, chart, "MRR movements")
    shown.plots[0].gap_width, shown.plots[0].overlap = 45, 100
    shown.value_axis.minimum_scale = ground
    shown.value_axis.maximum_scale = max([*tops, opening, closing]) + spread * 0.18
    shown.value_axis.visible = False
    shown.category_axis.format.line.color.rgb = colour(RULE)
    shown.category_axis.tick_labels.font.size = Pt(10)
    _fade(shown.plots[0].series[0])
    _label(shown.plots[0].series[5], labels)
    return shown


def _fade(series: Any) -> None:
    """A fill that ends below in the colour of the paper."""
    properties = series.format.fill._xPr
    for old in properties.findall(qn("a:solidFill")):
        properties.remove(old)
    properties.insert(
        0,
        parse_xml(
            f'<a:gradFill {nsdecls("a")} rotWithShape="1"><a:gsLst><a:gs pos="0"><a:srgbClr val="{QUIET}"/></a:gs>'
            '<a:gs pos="100000"><a:srgbClr val="FFFFFF"/></a:gs></a:gsLst>'
            '<a:lin ang="5400000" scaled="0"/></a:gradFill>'
        ),
    )


def _label(series: Any, labels: Sequence[str]) -> None:
    """Words in place of the numbers of a series that is not seen, so that they stand above what is."""
    for place, words in enumerate(labels):
        label = series.points[place].data_label
        label.position = XL_LABEL_POSITION.INSIDE_BASE
        frame = label.text_frame
        frame.text = plain(words)
        font = frame.paragraphs[0].runs[0].font
        font.size, font.bold, font.color.rgb = Pt(12), True, colour(INK)


def retention(
    slide: Any, box: Box, months: Sequence[date], series: Mapping[str, Values], *, ends: tuple[float, float], alt: str
) -> Any:
    """Lines of a rate: ``Final``, its interval ``95% from`` and ``95% to``, and ``Provisional``, hollow and dashed.

    ``ends`` are the least and greatest value of the axis.
    """
    shown = draw(slide, box, XL_CHART_TYPE.LINE_MARKERS, Chart(months, series, "0.0%", alt), "Retention")
    quiet_axis(shown, "0%")
    axis = shown.value_axis
    axis.minimum_scale, axis.maximum_scale = ends
    axis.major_unit = 0.05 if ends[1] - ends[0] <= 0.31 else 0.1 if ends[1] - ends[0] <= 0.61 else 0.25
    shown.category_axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    _by_month(shown.category_axis, 6 if len(months) > 8 else 1 if len(months) < 5 else 2)
    styles = {"Final": (KEPT, 2.25), "95% from": (BAND, 1.0), "95% to": (BAND, 1.0), "Provisional": (SOFT, 1.75)}
    for line in shown.plots[0].series:
        tone, wide = styles[line.name]
        line.smooth = False
        line.format.line.color.rgb, line.format.line.width = colour(tone), Pt(wide)
        line.marker.style = XL_MARKER_STYLE.NONE
    _hollow(shown.plots[0].series[-1])
    return shown


def _by_month(axis: Any, step: int) -> None:
    """A time axis of months, every so many named."""
    axis.tick_labels.number_format, axis.tick_labels.number_format_is_linked = MONTH, False
    for old in axis._element.findall(qn("c:baseTimeUnit")):
        axis._element.remove(old)
    for tag, value in (("baseTimeUnit", "months"), ("majorUnit", step), ("majorTimeUnit", "months")):
        axis._element.append(parse_xml(f'<c:{tag} {nsdecls("c")} val="{value}"/>'))


def _hollow(line: Any) -> None:
    """Dashed, with hollow points where it is not final (the first point only joins it to what is)."""
    line.format.line.dash_style = MSO_LINE.SQUARE_DOT
    marker = line.marker
    marker.style, marker.size = XL_MARKER_STYLE.CIRCLE, 8
    marker.format.fill.solid()
    marker.format.fill.fore_color.rgb = colour("FFFFFF")
    marker.format.line.color.rgb, marker.format.line.width = colour(SOFT), Pt(1.5)
    known = [place for place, value in enumerate(line.values) if value is not None]
    if len(known) > 1:
        line.points[known[0]].marker.style = XL_MARKER_STYLE.NONE


def stacked(slide: Any, box: Box, chart: Chart, *, name: str) -> Any:
    """Columns whose parts add up, with a legend above."""
    shown = draw(slide, box, XL_CHART_TYPE.COLUMN_STACKED, chart, name)
    quiet_axis(shown, chart.number_format)
    legend(shown)
    shown.plots[0].gap_width, shown.plots[0].overlap = 45, 100
    return shown


def ranked(slide: Any, box: Box, chart: Chart, *, name: str, quiet: int = 0) -> Any:
    """Lying bars, the first on top, each with its number at its end; the last ``quiet`` are grey."""
    shown = draw(slide, box, XL_CHART_TYPE.BAR_CLUSTERED, chart, name)
    shown.category_axis.reverse_order = True
    shown.category_axis.tick_labels.font.size = Pt(12)
    shown.category_axis.tick_labels.font.color.rgb = colour(INK)
    shown.value_axis.visible = False
    shown.value_axis.minimum_scale = 0
    plot = shown.plots[0]
    plot.gap_width = 55
    plot.has_data_labels = True
    labels = plot.data_labels
    labels.number_format, labels.number_format_is_linked = chart.number_format, False
    labels.position, labels.show_value = XL_LABEL_POSITION.OUTSIDE_END, True
    labels.font.size, labels.font.bold, labels.font.color.rgb = Pt(12), True, colour(INK)
    tones = [chart.colours.get(series, KEPT) for series in list(chart.series)[:1] * (len(chart.categories) - quiet)]
    paint(shown, [*tones, *[QUIET] * quiet])
    return shown


def paint(shown: Any, tones: Sequence[str]) -> None:
    """A colour for each bar of a chart with one series."""
    for place, tone in enumerate(tones):
        point = shown.plots[0].series[0].points[place]
        point.format.fill.solid()
        point.format.fill.fore_color.rgb = colour(tone)
