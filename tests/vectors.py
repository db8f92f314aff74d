"""Remembers sentence vectors from one test run to the next, so that the demo company is not encoded every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from metrics import theme_vectors
from metrics.theme_vectors import SCHEMA, text_key

MOST = 20_000
"""So many vectors are remembered at most; then it starts anew."""


class Remembering:
    """An encoder that asks the real one only for what ``known`` does not hold, by key."""

    def __init__(self, encoder: Any, known: dict[str, np.ndarray]) -> None:
        self.encoder, self.known = encoder, known

    def encode(self, texts: list[str]) -> np.ndarray:
        missing = [text for text in dict.fromkeys(texts) if text_key(text) not in self.known]
        if missing:
            self.known |= dict(zip(map(text_key, missing), self.encoder().encode(missing), strict=True))
        return np.array([self.known[text_key(text)] for text in texts], dtype=np.float32)


@contextmanager
def remembered(config: pytest.Config) -> Iterator[None]:
    """Within it, what an earlier run of the tests encoded comes from pytest's cache (``--cache-clear`` empties it)."""
    cache = getattr(config, "cache", None)
    if cache is None:
        yield
        return
    path = Path(cache.mkdir("sentence-vectors")) / "vectors.parquet"
    known = _read(path)
    before = len(known)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(theme_vectors, "_encoder", lambda encoder=theme_vectors._encoder: Remembering(encoder, known))
        yield
    if before < len(known) <= MOST:
        part = path.with_suffix(".part")
        pl.DataFrame({"key": list(known), "vector": np.array(list(known.values()))}, SCHEMA).write_parquet(part)
        part.replace(path)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        frame = pl.read_parquet(path)
        return dict(zip(frame["key"], frame["vector"].to_numpy(), strict=True)) if frame.height < MOST else {}
    except (OSError, pl.exceptions.PolarsError):
        return {}
