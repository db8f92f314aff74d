"""What the team was told about an account: written down before it is told, at most once per account and week."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from records.checks import LONGEST_ID, instant, prose, words
from records.database import begin
from records.frames import AT, Columns, frame
from records.outreach_tables import alerts as _alerts

_ALERTS: Columns = {
    "account_id": pl.String,
    "week": pl.Date,
    "kind": pl.String,
    "cause": pl.String,
    "at": AT,
}


def once(engine: Engine, account_id: str, *, week: date, kind: str, cause: str, now: datetime) -> bool:
    """Whether the team may be told about this account now: True once per week, which is taken by asking.

    ``week`` is any day of it (weeks begin on Monday), ``kind`` a machine word, ``cause`` the sentence that is told;
    it must name no person. Ask before telling: where telling fails the week is spent, and nobody is told twice.
    """
    values = {
        "account_id": words(account_id, "account_id", LONGEST_ID),
        "week": week - timedelta(days=week.weekday()),
        "kind": words(kind, "kind", 32),
        "cause": prose(cause, "The cause", 2_000),
        "at": instant(now),
    }
    added = insert(_alerts).values(values).on_conflict_do_nothing(index_elements=["account_id", "week"])
    with begin(engine) as connection:
        return connection.execute(added.returning(_alerts.c.id)).first() is not None


def alerts(engine: Engine, *, since: datetime | None = None) -> pl.DataFrame:
    """What the team was told, newest first; from ``since`` on where given.

    One row per account and week: ``account_id``; ``week``, its Monday; ``kind``; ``cause``; ``at``, UTC.
    """
    wanted = select(*(_alerts.c[name] for name in _ALERTS)).order_by(_alerts.c.id.desc())
    if since is not None:
        wanted = wanted.where(_alerts.c.at >= since)
    with begin(engine) as connection:
        return frame(connection.execute(wanted), _ALERTS)
