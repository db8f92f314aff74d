"""What the data page asks: how each source arrived, what was rejected, and which snapshots there are."""

from __future__ import annotations

import polars as pl

import settings
from metrics.backtest import band_outcomes
from metrics.backtest_auc import auc
from pages.shared.data import View, cached, manifest, view_of
from queries.contract import SOURCES
from queries.frames import Frames
from queries.snapshots import snapshots
from reports.asked import backtest_of

_STATUS = {"ok": "read", "missing": "not mapped", "failed": "failed", "stale": "failed, earlier rows shown"}


def sources(view: View) -> pl.DataFrame:
    """One row per source of the contract: what the refresh found in it."""
    rows = []
    for name, state in manifest(view).sources.items():
        rows.append(
            {
                "source": name,
                "status": _STATUS[state.status],
                "grain": SOURCES[name].grain,
                "rows": state.rows,
                "newest": state.newest,
                "rejected": state.rejected,
                "rejected_mrr": state.rejected_mrr,
                "flagged": sum(state.flagged.values()),
                "left_out": state.left_out,
                "mapping": state.mapping,
                "problem": "  ".join(part for part in (state.error, state.hint) if part),
            }
        )
    return pl.DataFrame(rows).with_columns(pl.col("newest").cast(pl.String).str.to_date(strict=False))


def reasons(view: View) -> pl.DataFrame:
    """One row per source and reason: how many rows, and whether they are left out or kept."""
    rows = [
        {"source": name, "reason": reason, "rows": count, "kept": kept}
        for name, state in manifest(view).sources.items()
        for found, kept in ((state.rejected_by_reason, False), (state.flagged, True))
        for reason, count in found.items()
    ]
    schema = {"source": pl.String, "reason": pl.String, "rows": pl.Int64, "kept": pl.Boolean}
    verdict = pl.when("kept").then(pl.lit("kept, flagged")).otherwise(pl.lit("left out"))
    return (
        pl.DataFrame(rows, schema=schema).with_columns(verdict=verdict).sort("kept", "rows", descending=[False, True])
    )


@cached
def rejected(frames: Frames, source: str) -> pl.DataFrame:
    """The rejected rows of a source as they were, with why; at most a thousand."""
    return frames.rejected(source).head(1000)


@cached
def history(frames: Frames) -> pl.DataFrame:
    """The snapshots kept, newest first: id, as_of, seconds, rows, rejected, failed sources."""
    return snapshots(frames.store)


@cached
def tried(frames: Frames) -> pl.DataFrame:
    """Health at past month ends beside who left in the 90 days after; seconds, so asked for by a click."""
    return backtest_of(frames, settings.get())


@cached
def by_band(frames: Frames) -> pl.DataFrame:
    """How often accounts of each band left."""
    return band_outcomes(tried(view_of(frames)))


@cached
def by_measure(frames: Frames) -> pl.DataFrame:
    """How well the score and every measure told who would leave."""
    return auc(tried(view_of(frames)))
