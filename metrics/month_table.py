"""Account movements as tables of numbers, accounts x months: what rates and their resamples are summed from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from metrics.inputs import Frame
from metrics.month_ends import months_later
from metrics.movements import COLUMNS

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

GAINED = ("new", "expansion", "reactivation", "resumed")
LOST = ("contraction", "paused", "churned")
PRESENT = ("paying", "paused")


def complete(account_movements: Frame) -> pl.DataFrame:
    """Account movements with every column of :data:`COLUMNS`; the later ones worked out where they are missing.

    A table written by hand, or kept from elsewhere, may end at ``state``: statuses then follow from the amounts.
    """
    rows = account_movements.lazy()
    have = rows.collect_schema().names()
    kept = pl.col("closing") - pl.col("fx")
    status = [
        pl.when(pl.col(amount) > 0).then(pl.lit("paying")).otherwise(other).alias(name)
        for name, amount, other in (
            (
                "opening_status",
                "opening",
                pl.when(pl.col("movement") == "resumed").then(pl.lit("paused")).otherwise(pl.lit("absent")),
            ),
            (
                "closing_status",
                "closing",
                pl.when(pl.col("movement") == "paused").then(pl.lit("paused")).otherwise(pl.lit("absent")),
            ),
        )
    ]
    guesses = {
        "opening_status": status[0],
        "closing_status": status[1],
        "kept": kept,
        "steady": pl.col("kept") if "kept" in have else kept,
        "whole": pl.col("closing"),
        "usage_opening": pl.lit(0, pl.Int64),
        "usage_closing": pl.lit(0, pl.Int64),
    }
    missing = [guess.alias(name) for name, guess in guesses.items() if name not in have]
    return rows.with_columns(missing).select(COLUMNS.keys()).collect()


@dataclass(frozen=True)
class MonthTable:
    """Accounts x months. Every array has one row per account, in the order of ``accounts``, one column per month."""

    accounts: pl.Series
    months: list[date]
    provisional: Flags
    opening: Floats
    kept: Floats
    whole: Floats
    steady: Floats
    usage_opening: Floats
    usage_closing: Floats
    gained: Floats
    lost: Floats
    paused: Floats
    present: Flags
    stays: Flags
    on_pause: Flags
    silent: Flags

    @classmethod
    def of(cls, account_movements: Frame, *, zombies: Frame | None = None) -> MonthTable:
        """The table of account movements; rows of one account and month are summed. ``zombies`` are ``silent``."""
        rows = complete(account_movements)
        accounts = rows["account_id"].unique().sort()
        first = rows.select(pl.col("month").min()).item() or date(1970, 1, 1)
        place = (pl.col("month").dt.year() - first.year) * 12 + pl.col("month").dt.month().cast(pl.Int32) - first.month
        count = (rows.select(place.max()).item() or 0) + 1 if rows.height else 0
        codes = pl.DataFrame({"account_id": accounts}).with_row_index("code")
        located = rows.join(codes, on="account_id", how="left", maintain_order="left").with_columns(place=place)
        cell = (located["place"].cast(pl.Int64) * accounts.len() + located["code"]).to_numpy()
        shape = (count, accounts.len())

        def total(values: pl.Expr) -> Floats:
            numbers = located.select(values.cast(pl.Float64).fill_null(0)).to_series().to_numpy()
            sums = np.bincount(cell, weights=numbers, minlength=shape[0] * shape[1])
            return sums.astype(np.float64).reshape(shape).T  # a month's column lies in one piece

        def amount(*movements: str) -> Floats:
            return total(pl.when(pl.col("movement").is_in(movements)).then("amount").otherwise(0))

        months = [months_later(first, k) for k in range(count)]
        return cls(
            accounts=accounts,
            months=months,
            provisional=total(pl.col("state") == "provisional").sum(axis=0) > 0,
            opening=total(pl.col("opening")),
            kept=total(pl.col("kept")),
            whole=total(pl.col("whole")),
            steady=total(pl.col("steady")),
            usage_opening=total(pl.col("usage_opening")),
            usage_closing=total(pl.col("usage_closing")),
            gained=amount(*GAINED),
            lost=amount(*LOST),
            paused=amount("paused"),
            present=total(pl.col("opening_status").is_in(PRESENT)) > 0,
            stays=total(pl.col("closing_status").is_in([*PRESENT, "elsewhere"])) > 0,
            on_pause=total(pl.col("closing_status") == "paused") > 0,
            silent=_marked(zombies, accounts, months),
        )

    def at(self, last: int, span: int) -> Window:
        """The ``span`` months that end with month number ``last``, as one long month."""
        first = last - span + 1
        kept = self.kept[:, last] if span == 1 else self._kept_over(first, last)
        opening = self.opening[:, first]
        on_pause = np.where(self.on_pause[:, last], np.maximum(opening - kept, 0), 0)
        return Window(
            opening=opening,
            kept=kept,
            usage_opening=self.usage_opening[:, first],
            usage_closing=self.usage_closing[:, last],
            gained=self.gained[:, first : last + 1].sum(axis=1),
            lost=self.lost[:, first : last + 1].sum(axis=1),
            paused=self.paused[:, last] if span == 1 else on_pause,
            present=self.present[:, first],
            left=self.present[:, first] & ~self.stays[:, last],
            silent_opening=self.silent[:, first],
            silent_closing=self.silent[:, last + 1],
        )

    def state(self, month: int) -> str:
        """``provisional`` where any account's month still can change, else ``final``."""
        return "provisional" if self.provisional[month] else "final"

    def _kept_over(self, first: int, last: int) -> Floats:
        """Closing MRR at the exchange rate of the opening of month ``first``: every rate change since then undone."""
        whole, steady = self.whole[:, first : last + 1], self.steady[:, first : last + 1]
        if np.array_equal(whole, steady):
            return self.whole[:, last]
        undone = np.divide(steady, whole, out=np.ones_like(whole), where=whole > 0)
        factors: Floats = undone.prod(axis=1)
        return self.whole[:, last] * factors


@dataclass(frozen=True)
class Window:
    """One month, or several taken as one: an array per quantity, one number per account."""

    opening: Floats
    kept: Floats
    usage_opening: Floats
    usage_closing: Floats
    gained: Floats
    lost: Floats
    paused: Floats
    present: Flags
    left: Flags
    silent_opening: Flags
    silent_closing: Flags


def _marked(marks: Frame | None, accounts: pl.Series, months: list[date]) -> Flags:
    """Accounts x closes: who is marked at which month's close; the first column is the close before all months.

    ``marks`` has ``account_id`` and, where the mark changes with time, ``month``; without it, it holds throughout.
    """
    marked = np.zeros((accounts.len(), len(months) + 1), np.bool_)
    if marks is None or not months:
        return marked
    rows = marks.lazy().collect()
    codes = pl.DataFrame({"account_id": accounts}).with_row_index("code")
    if "month" not in rows.columns:
        marked[rows.join(codes, on="account_id")["code"].to_numpy()] = True
        return marked
    closes = pl.DataFrame({"month": [months_later(months[0], -1), *months]}).with_row_index("close")
    found = rows.join(codes, on="account_id").join(closes, on="month")
    marked[found["code"].to_numpy(), found["close"].to_numpy()] = True
    return marked
