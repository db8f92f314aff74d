"""Tables: what each column holds, how it is shown, and which rows were chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import polars as pl
import streamlit as st

from pages.shared import exports, trail, words
from pages.shared.data import View, manifest
from queries.scope import NOT_SHOWN

Kind = Literal[
    "text", "count", "number", "money", "percent", "score", "day", "month", "moment", "flag", "link", "trend"
]
_RIGHT = {"count", "number", "money", "percent", "score"}
_MOST, _HEIGHT = 15, 530


@dataclass(frozen=True)
class Column:
    """One column of a table: its heading, what it holds, and a word of help.

    ``money`` is minor units of the reporting currency, ``percent`` a rate 0..1, ``trend`` a list of numbers.
    """

    label: str
    kind: Kind = "text"
    help: str | None = None
    width: Literal["small", "medium", "large"] | int | None = None
    pinned: bool = False


def _config(column: Column, currency: str) -> Any:
    configs = st.column_config
    common: dict[str, Any] = {"help": column.help, "width": column.width, "pinned": column.pinned or None}
    unit = words.money(0, currency).rstrip("0")
    formats = {"count": "%,d", "number": "%,.1f", "money": f"{unit}%,d", "percent": "%.1f%%", "score": "%.0f"}
    match column.kind:
        case "text":
            return configs.TextColumn(column.label, **common)
        case "day":
            return configs.DateColumn(column.label, format="D MMM YYYY", **common)
        case "month":
            return configs.DateColumn(column.label, format="MMM YYYY", **common)
        case "moment":
            return configs.DatetimeColumn(column.label, format="D MMM YYYY, HH:mm", **common)
        case "flag":
            return configs.CheckboxColumn(column.label, **common)
        case "link":
            return configs.LinkColumn(column.label, display_text="Open", validate="^https?://", **common)
        case "trend":
            return configs.LineChartColumn(column.label, **common)
        case number:
            return configs.NumberColumn(column.label, format=formats[number], **common)


def _shown(frame: pl.DataFrame, columns: Mapping[str, Column]) -> pl.DataFrame:
    """The columns named, in that order, with amounts in whole units and rates as percentages."""
    chosen = []
    for name, column in columns.items():
        value = pl.col(name)
        if column.kind == "money":
            value = (value / 100).round(0).cast(pl.Int64, strict=False)
        elif column.kind == "percent":
            value = value * 100
        elif column.kind == "link":  # anything but a web address stays text nobody can click
            value = pl.when(value.str.contains(r"^https?://[^\s]+$")).then(value)
        elif column.kind == "text" and isinstance(frame.schema[name], pl.List):
            value = value.list.eval(pl.element().cast(pl.String)).list.join(", ")
        chosen.append(value.alias(name))
    return frame.select(chosen)


def show(
    frame: pl.DataFrame,
    columns: Mapping[str, Column],
    *,
    view: View,
    key: str,
    alt: str,
    about: str = "",
    select: Literal["single-row", "multi-row"] | None = None,
    empty: str = "Nothing here for this choice.",
    beside: Callable[[], None] | None = None,
    of: str = "",
) -> list[int]:
    """Show ``columns`` of ``frame`` with its two downloads; return the numbers of the rows the viewer selected.

    ``alt`` says what the table is for; ``about`` (the filters in words) goes to the spreadsheet's second sheet;
    ``key`` also names the files. Selected row numbers are those of ``frame``. ``beside`` draws what else can be done
    with these rows, right after the downloads. ``of`` is what the rows are of (``campaign/<id>``), where that is one
    thing alone: the audit log tells it of a download.
    """
    if frame.is_empty():
        st.caption(empty)
        return []
    columns = _readable(frame, columns, view)
    found = manifest(view)
    common: dict[str, Any] = {
        "column_config": {name: _config(column, found.currency) for name, column in columns.items()},
        "hide_index": True,
        "height": "content" if frame.height <= _MOST else _HEIGHT,
        "key": key,
        "alt": alt,
        "placeholder": words.NOTHING,
    }
    rows: list[int] = []
    if select is None:
        st.dataframe(_shown(frame, columns), **common)
    else:
        rows = list(
            st.dataframe(_shown(frame, columns), on_select="rerun", selection_mode=select, **common).selection.rows
        )
    sheet = exports.Sheet(key, tuple(columns.items()), found.currency, found.as_of, found.id, about)
    _downloads(frame, sheet, beside, f"table/{key}/{of}".rstrip("/"))
    return [row for row in rows if 0 <= row < frame.height]


def _readable(frame: pl.DataFrame, columns: Mapping[str, Column], view: View) -> Mapping[str, Column]:
    """The columns without those that hold nothing a viewer like this may read."""
    if view.people and view.comments:
        return columns
    hidden = [name for name in columns if frame.schema[name] == pl.String and _veiled(frame[name])]
    return {name: column for name, column in columns.items() if name not in hidden}


def _veiled(values: pl.Series) -> bool:
    return bool(values.drop_nulls().unique().is_in([NOT_SHOWN, ""]).all())


def folded(label: str, frame: pl.DataFrame, columns: Mapping[str, Column], *, key: str, **how: Any) -> None:
    """The same under a line to click: worked out, sent and drawn only for those who open it."""
    with st.expander(label, key=f"{key}_open", on_change="rerun") as fold:
        if fold.open:
            show(frame, columns, key=key, **how)


def _downloads(frame: pl.DataFrame, sheet: exports.Sheet, beside: Callable[[], None] | None, what: str) -> None:
    """Both files are written when somebody asks for them, not before; ``what`` is their name in the audit log."""
    name = f"tenure-{sheet.name}-{sheet.as_of:%Y-%m-%d}"
    about: dict[str, Any] = {"rows": frame.height, "snapshot": sheet.snapshot_id}
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption(words.plural(frame.height, "row"), width="content")
        for label, ending, mime, write in (
            ("CSV", "csv", "text/csv", exports.csv),
            ("Excel", "xlsx", exports.EXCEL, exports.excel),
        ):
            st.download_button(
                label,
                data=trail.exporting(partial(write, frame, sheet), what, **about, format=ending),
                file_name=f"{name}.{ending}",
                mime=mime,
                key=f"{sheet.name}_{ending}",
                type="tertiary",
                icon=":material/download:",
                on_click="ignore",
            )
        if beside is not None:
            beside()


def chosen(frame: pl.DataFrame, rows: Sequence[int], column: str = "account_id") -> list[Any]:
    """The values of ``column`` in the selected rows."""
    return frame[column].gather(list(rows)).to_list()
