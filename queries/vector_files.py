"""Keeps the vectors of sentences in a few immutable files, so that new sentences do not write all of them again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import polars as pl

from metrics.theme_vectors import SIZE
from queries.store import Store

log = logging.getLogger("tenure.refresh")

KIND = "comment_vectors"
WHOLE: dict[str, Any] = {"key": pl.String, "vector": pl.Array(pl.Float32, SIZE)}
"""Columns of vectors as they are worked with."""

HALF: dict[str, Any] = {"key": pl.String, "vector": pl.Array(pl.Float16, SIZE)}
"""Columns of a file: half precision takes half the room and moves the likeness of two sentences by less than 0.0001."""


@dataclass(frozen=True)
class Part:
    """The vectors of one file; ``name`` is None when they are not written yet."""

    rows: pl.DataFrame
    name: str | None = None


def load(store: Store, names: tuple[str, ...]) -> list[Part]:
    """The files called ``names``; one that cannot be read is left out, so that its sentences are encoded again."""
    parts = []
    for name in names:
        try:
            parts.append(Part(store.scan(name).select(*HALF).collect().cast(pl.Schema(HALF)), name))
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            log.warning("%s cannot be read, its sentences are encoded again: %s", name, error)
    return parts


def rows(parts: list[Part]) -> pl.DataFrame:
    """All vectors of ``parts``."""
    return whole(pl.concat([pl.DataFrame(schema=HALF), *(part.rows for part in parts)]))


def whole(vectors: pl.DataFrame) -> pl.DataFrame:
    """``vectors`` as they are worked with."""
    return vectors.cast(pl.Schema(WHOLE))


def rounded(vectors: pl.DataFrame) -> pl.DataFrame:
    """``vectors`` as they will be when they have been in a file, so that the first refresh finds what later ones do."""
    return whole(vectors.cast(pl.Schema(HALF)))


def put(store: Store, parts: list[Part], vectors: pl.DataFrame) -> tuple[str, ...]:
    """Writes ``vectors``, of which ``parts`` hold some already; returns the names of the files, the largest first.

    A part that holds nothing else stays as it is; from the others the rest is taken away. Files whose sizes are near
    each other become one: of n sentences there are at most log2(n) files, and each is written anew so many times.
    """
    there = pl.concat([pl.DataFrame(schema={"key": pl.String}), *(part.rows.select("key") for part in parts)])
    found = [_only(part, vectors) for part in parts]
    found.append(Part(vectors.join(there, on="key", how="anti").cast(pl.Schema(HALF))))
    merged: list[Part] = []
    for part in sorted(found, key=lambda item: item.rows.height, reverse=True):
        while merged and merged[-1].rows.height < 2 * part.rows.height:
            part = Part(pl.concat([merged.pop().rows, part.rows]))
        merged.append(part)
    return tuple(part.name or store.put_frame(KIND, part.rows) for part in merged if part.rows.height)


def _only(part: Part, wanted: pl.DataFrame) -> Part:
    """``part`` without the vectors that are not ``wanted`` any more."""
    left = part.rows.join(wanted, on="key", how="semi")
    return part if left.height == part.rows.height else Part(left)
