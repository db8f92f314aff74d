"""A small snapshot on disk, written with the same code that a refresh writes with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import streamlit as st

import settings
from queries import checks, comments
from queries.contract import SOURCES
from queries.store import Manifest, SourceState, Store, publish


def whole(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows of a source with every column of the contract; those not given are null."""
    schema = dict(checks.schema(SOURCES[name]))
    if name == "subscriptions":
        schema["mrr_local"] = pl.Int64
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema)


def write(
    folder: Path,
    sources: Mapping[str, list[dict[str, object]]],
    *,
    states: Mapping[str, SourceState] | None = None,
    themes: list[dict[str, object]] | None = None,
    old: timedelta = timedelta(0),
    id: str = "a1",
) -> None:
    """Publish a snapshot of ``sources`` in ``folder``; ``states`` replaces what a refresh would say of a source.

    ``themes`` are rows of ``comment_themes``, as if a refresh had found them. What pages remember is forgotten: the
    snapshots of other tests have the same id.
    """
    st.cache_data.clear()
    store = Store(str(folder))
    found = {name: SourceState(status="missing") for name in SOURCES}
    found |= {name: SourceState(status="ok", rows=len(rows)) for name, rows in sources.items()}
    as_of = datetime.now(UTC) - old
    files = {name: store.put_frame(name, whole(name, rows)) for name, rows in sources.items()}
    if themes is not None:
        read = [{column: row.get(column) for column in comments.KEPT} for row in themes]
        files[comments.KIND] = store.put_frame(comments.KIND, pl.DataFrame(read, schema=comments.KEPT))
    publish(
        store,
        Manifest(
            id=id,
            as_of=as_of,
            created_at=as_of,
            seconds=0.1,
            time_zone="Europe/Berlin",
            currency="EUR",
            week_start="monday",
            sources=found | dict(states or {}),
            files=files,
        ),
    )


def settings_for(folder: Path) -> settings.Settings:
    """This project's settings, with the snapshot in ``folder`` and no database."""
    return settings.read(settings.ROOT / "config", {"SNAPSHOT_DIR": str(folder)})
