"""Rows of the database as Polars frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

Columns = Mapping[str, pl.DataType | type[pl.DataType]]
AT = pl.Datetime("us", "UTC")


def frame(rows: Iterable[Sequence[Any]], columns: Columns) -> pl.DataFrame:
    """``rows`` with ``columns``, whose types hold even where there is no row."""
    return pl.DataFrame([tuple(row) for row in rows], schema=dict(columns), orient="row")
