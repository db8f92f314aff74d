"""The snapshots that are kept, as a list."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import polars as pl

from queries.errors import NoSnapshot
from queries.store import Store, read_manifest


def snapshots(store: Store, *, most: int = 50) -> pl.DataFrame:
    """The newest snapshots kept, newest first: ``id, as_of, seconds, rows, rejected, problems``."""
    names = sorted((name for name in store.names() if name.startswith("manifest-")), reverse=True)[:most]
    store.bring(names)
    found = []
    for name in names:
        try:
            found.append(read_manifest(store, name.removeprefix("manifest-").removesuffix(".json")))
        except NoSnapshot:  # pruned since, or written by another version
            continue
    rows = [
        {
            "id": manifest.id,
            "as_of": manifest.as_of.astimezone(ZoneInfo(manifest.time_zone)).replace(tzinfo=None),
            "seconds": manifest.seconds,
            "rows": sum(state.rows for state in manifest.sources.values()),
            "rejected": sum(state.rejected for state in manifest.sources.values()),
            "problems": ", ".join(name for name, state in manifest.sources.items() if state.error),
        }
        for manifest in found
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "id": pl.String,
        "as_of": pl.Datetime("us"),
        "seconds": pl.Float64,
        "rows": pl.Int64,
        "rejected": pl.Int64,
        "problems": pl.String,
    }
    return pl.DataFrame(rows, schema=schema)
