"""Rows into typed tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

AT = pl.Datetime("us", "UTC")
WHOLE, WORDS, FLAG, DAY, REAL = pl.Int64(), pl.String(), pl.Boolean(), pl.Date(), pl.Float64()


def table(rows: Iterable[tuple[Any, ...]], **columns: pl.DataType) -> pl.DataFrame:
    """A frame of ``rows`` with the given columns and types.

    >>> table([(1, None)], id=WHOLE, name=WORDS).dtypes
    [Int64, String]
    """
    return pl.DataFrame(list(rows), schema=columns, orient="row")
