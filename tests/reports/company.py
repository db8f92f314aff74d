"""A small company written by hand, with its use by day, as a snapshot of a chosen day; and what a file holds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import polars as pl
from pptx import Presentation
from pptx.util import Emu

import settings
from metrics.value import last_value_day
from queries import comments, readings, rollups
from queries.contract import SOURCES
from queries.frames import Frames, Scope, open_snapshot
from queries.store import Manifest, Month, SourceState, Store, publish
from tests.pages import snapshot

Sources = Mapping[str, list[dict[str, object]]]
TODAY = date(2026, 11, 21)
NOON = datetime.combine(TODAY, time(12), UTC)
USE = ("account_id", "user_id", "feature", "day", "uses", "quantity")


def frames(
    folder: Path,
    sources: Sources,
    use: list[tuple[Any, ...]] = (),  # type: ignore[assignment]
    *,
    today: date = TODAY,
    name: str = "Northwind",
    language: str = "en",
    themes: list[dict[str, object]] = (),  # type: ignore[assignment]
) -> tuple[Frames, settings.Settings]:
    """The company's frames and settings; ``use`` are rows of ``USE``, ``themes`` of ``comment_themes``."""
    folder = Path(mkdtemp(dir=folder))  # a manifest is read once per folder and id
    store = Store(str(folder))
    daily = pl.DataFrame(use, schema={column: readings.SCHEMA[column] for column in USE}, orient="row")
    whole = daily.with_columns(
        [pl.lit(None, dtype=kind).alias(column) for column, kind in readings.SCHEMA.items() if column not in USE]
    ).select(*readings.SCHEMA)
    files = {source: store.put_frame(source, snapshot.whole(source, rows)) for source, rows in sources.items()}
    ends = (today, today - timedelta(days=28))
    files["usage_now"] = store.put_frame("usage_now", pl.concat([rollups.usage(whole.lazy(), end) for end in ends]))
    read = [{column: row.get(column) for column in comments.KEPT} for row in themes]
    files[comments.KIND] = store.put_frame(comments.KIND, pl.DataFrame(read, schema=comments.KEPT))
    features = snapshot.whole("features", sources.get("features", []))
    files["value_days"] = store.put_frame("value_days", last_value_day(whole, features, as_of=today))
    as_of = datetime.combine(today, time(12), UTC)
    states = {source: SourceState(status="missing") for source in SOURCES}
    states |= {source: SourceState(status="ok", rows=len(rows)) for source, rows in sources.items()}
    manifest = Manifest(
        id="a1", as_of=as_of, created_at=as_of, seconds=0.1, time_zone="Europe/Berlin", currency="EUR",
        week_start="monday", sources=states, files=files, months=_months(store, whole, today),
    )  # fmt: skip
    publish(store, manifest)
    held = snapshot.settings_for(folder)
    ours = held.organisation.model_copy(update={"name": name, "language": language})
    changed = held.model_copy(update={"organisation": ours})
    return open_snapshot("a1", Scope(), changed), changed


def _months(store: Store, daily: pl.DataFrame, today: date) -> tuple[Month, ...]:
    if daily.is_empty():
        return ()
    first, found = daily["day"].min(), []
    assert isinstance(first, date)
    for month in rollups.months_between(first.replace(day=1), today.replace(day=1)):
        rows = daily.filter(pl.col("day").dt.month_start() == month)
        over = rollups.next_month(month)
        usage = rollups.usage(rows.lazy(), over - timedelta(days=1)) if over <= today else None
        found.append(
            Month(
                month=month,
                checked_at=NOON,
                uses=int(rows["uses"].sum()),
                daily=store.put_frame("activity", rows),
                usage="" if usage is None else store.put_frame("usage_28d", usage),
            )
        )
    return tuple(found)


def moment(day: date, hour: int = 9) -> datetime:
    """A time on a day."""
    return datetime.combine(day, time(hour), UTC)


def opened(file: bytes) -> Any:
    """A presentation."""
    return Presentation(io.BytesIO(file))


def texts(slide: Any) -> list[str]:
    """Every text of a slide, cells of tables too."""
    found = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
    tables = [shape.table for shape in slide.shapes if shape.has_table]
    return found + [cell.text_frame.text for table in tables for row in table.rows for cell in row.cells]


def words(file: bytes) -> str:
    """Every text of a presentation."""
    return "\n".join(text for slide in opened(file).slides for text in texts(slide))


def chart(file: bytes, name: str) -> Any:
    """The chart of that name."""
    shapes = (shape for slide in opened(file).slides for shape in slide.shapes if shape.has_chart)
    return next(shape.chart for shape in shapes if shape.name == name)


def series(found: Any) -> dict[str, list[float | None]]:
    """The numbers of a chart."""
    return {one.name: list(one.values) for one in found.plots[0].series}


def everything(file: bytes) -> dict[str, str]:
    """Every part of a file as text, by name; the files inside it (the sheets behind charts) are opened too."""
    found = {}
    whole = zipfile.ZipFile(io.BytesIO(file))
    for name in whole.namelist():
        part = whole.read(name)
        if part[:2] == b"PK":
            found |= {f"{name}/{inner}": said for inner, said in everything(part).items()}
        else:
            found[name] = part.decode("utf-8", errors="ignore")
    return found


def outside(file: bytes) -> list[str]:
    """The shapes that stand outside their slide."""
    deck = opened(file)
    return [
        shape.name
        for slide in deck.slides
        for shape in slide.shapes
        if shape.left < 0
        or shape.top < 0
        or Emu(shape.left + shape.width) > deck.slide_width
        or Emu(shape.top + shape.height) > deck.slide_height
    ]
