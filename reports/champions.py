"""Who carries the product at a customer: as somebody typed it in, or as the people source says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl


@dataclass(frozen=True)
class Typed:
    """What somebody typed in: one of the account's people (``user_id``), or a name."""

    user_id: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Champion:
    """Who carries it there.

    ``names``: empty when nobody is known; the source may have several. ``typed``: somebody typed it in, and that
    counts. ``left_on``: when the last of them left, where none is there any more; then ``names`` has that last one.
    """

    names: tuple[str, ...] = ()
    typed: bool = False
    left_on: date | None = None


def champion(people: pl.LazyFrame, typed: Typed | None, *, as_of: date) -> Champion:
    """The champion of the one account whose ``people`` these are; our own staff is never one.

    >>> people = pl.LazyFrame({
    ...     "user_id": ["u", "v"], "name": ["Uma", "Vic"], "role": ["champion", None], "is_internal": [None, False],
    ...     "left_at": [date(2026, 9, 2), None],
    ... }, schema_overrides={"is_internal": pl.Boolean})
    >>> champion(people, None, as_of=date(2026, 11, 21))
    Champion(names=('Uma',), typed=False, left_on=datetime.date(2026, 9, 2))
    >>> champion(people, Typed(user_id="v"), as_of=date(2026, 11, 21))
    Champion(names=('Vic',), typed=True, left_on=None)
    """
    if typed is not None and typed.name:
        return Champion((typed.name,), typed=True)
    theirs = (
        people.filter(~pl.col("is_internal").fill_null(False))
        .select("user_id", "role", name=pl.coalesce("name", "user_id"), left_on=pl.col("left_at").dt.date())
        .with_columns(left_on=pl.when(pl.col("left_on") <= as_of).then("left_on"))
        .sort("left_on", "name", "user_id", nulls_last=True)
        .collect()
    )
    if typed is not None and typed.user_id:
        return _of(theirs.filter(pl.col("user_id") == typed.user_id), typed=True)
    return _of(theirs.filter(pl.col("role") == "champion"), typed=False)


def _of(rows: pl.DataFrame, *, typed: bool) -> Champion:
    """Those of ``rows`` who are there; with nobody there, the last who left."""
    there = rows.filter(pl.col("left_on").is_null())
    if there.height:
        return Champion(tuple(there["name"].unique(maintain_order=True)), typed=typed)
    last = rows.tail(1).to_dicts()
    return Champion(tuple(row["name"] for row in last), typed, last[0]["left_on"] if last else None)
