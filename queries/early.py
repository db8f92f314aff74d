"""What new accounts did in their first days: daily activity, where no rollup is fine enough."""

from __future__ import annotations

import polars as pl

from queries.frames import Frames
from queries.readings import SCHEMA
from queries.rollups import next_month


def early_activity(frames: Frames, spans: pl.DataFrame) -> pl.LazyFrame:
    """Daily activity of the accounts in ``spans``, each from its ``from_on`` to its ``to_on``; our own staff left out.

    ``spans`` has ``account_id``, ``from_on`` and ``to_on``, both days included; an account that the viewer may not see
    has no rows. Columns as ``Frames.activity`` gives them: account, user, feature, day, uses, quantity. Rollups say in
    which month something was used; only this tells the day of a first use. The months that ``spans`` reach are read,
    and of them what the accounts in it did: cost follows how many accounts are new, not how old the company is.
    """
    if spans.is_empty():
        return pl.LazyFrame(schema=SCHEMA)
    first, last = spans.select(pl.col("from_on").min(), pl.col("to_on").max()).row(0)
    months = [month for month in frames.manifest.months if month.uses and month.month <= last]
    files = dict.fromkeys(month.daily for month in months if next_month(month.month) > first)
    if not files:
        return pl.LazyFrame(schema=SCHEMA)
    seen = spans.lazy().join(frames.accounts.select("account_id"), on="account_id", how="semi")
    rows = frames.store.scan(*files).join(seen.select("account_id", "from_on", "to_on"), on="account_id")
    own = rows.filter(pl.col("day").is_between("from_on", "to_on")).select(*SCHEMA)
    staff = frames.manifest.files.get("staff")
    counted = own.join(frames.store.scan(staff), on="user_id", how="anti") if staff else own
    return counted.with_columns(frames.scope.person("user_id"))
