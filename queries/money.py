"""Brings amounts to the reporting currency."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from queries.checks import LARGEST


def latest_rates(fx_rates: pl.DataFrame, constant: Mapping[str, float], reporting: str, *, today: date) -> pl.DataFrame:
    """Currency and rate to the reporting currency: the newest month's where there is one, else the constant.

    Rates of months that lie ahead of ``today`` are a plan, and wait.
    """
    newest = fx_rates.filter(pl.col("month") <= today).sort("month").group_by("currency").agg(pl.col("rate").last())
    fixed = pl.DataFrame(
        {"currency": list(constant), "rate": list(constant.values())},
        schema={"currency": pl.String, "rate": pl.Float64},
    )
    one = pl.DataFrame({"currency": [reporting], "rate": [1.0]})
    return pl.concat([one, newest, fixed]).unique("currency", keep="first", maintain_order=True)


def in_reporting_currency(subscriptions: pl.DataFrame, rates: pl.DataFrame, reporting: str) -> pl.DataFrame:
    """Subscriptions with ``mrr`` in minor units of the reporting currency and ``mrr_local`` in the row's own.

    ``mrr`` is null where the currency has no rate, or one that makes the amount too large: such a row is kept and
    counted apart, never guessed.
    """
    currency = pl.col("currency").str.to_uppercase().fill_null(reporting)
    rows = subscriptions.with_columns(currency, pl.col("mrr").alias("mrr_local"))
    joined = rows.join(rates, on="currency", how="left", maintain_order="left")
    converted = (pl.col("mrr_local") * pl.col("rate")).round(0)
    usable = pl.when(converted.abs() <= LARGEST * 100).then(converted)
    return joined.with_columns(usable.cast(pl.Int64).alias("mrr")).drop("rate")
