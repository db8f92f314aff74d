"""Our own messages, which stand in the records, and the answers to them, beside the product's own rows.

Messages come into ``touches``, answers into ``nps`` and ``exit_surveys``, at refresh. They are checked like every other
row of these sources, and are told from the product's by the beginning of their id.
"""

from __future__ import annotations

import logging
from datetime import datetime

import polars as pl

from queries import checks, sources
from queries.checks import Accounts, Checked
from queries.contract import Source
from queries.store import SourceState
from records.asked import asked, went_out
from records.database import fresh
from records.errors import RecordsError, RecordsNotReady
from settings import Settings

PREFIX = "tenure-"
"""How the id of a message of ours, and of an answer to one, begins; the message's id follows."""
NAMES = ("nps", "exit_surveys", "touches")
log = logging.getLogger("tenure.refresh")


def read(settings: Settings, *, as_of: datetime) -> tuple[dict[str, pl.DataFrame] | None, str | None]:
    """What the records hold at ``as_of``, as rows of the sources in :data:`NAMES`; and what went wrong, in words.

    None when there are no records, or they cannot be read: the caller keeps what it knew. Only the latter went wrong.
    """
    if settings.records_database_url is None:
        return None, None
    try:
        engine = fresh(settings.records_database_url)
        try:
            rows, messages = asked(engine), went_out(engine)
        finally:
            engine.dispose()
    except RecordsNotReady:
        return None, None
    except RecordsError as error:
        log.warning("Messages and the answers to them could not be read: %s", error.message)
        return None, f"Messages and the answers to them are those of the refresh before: {error.message}"
    return as_sources(rows, as_of=as_of) | {"touches": as_touches(messages, as_of=as_of)}, None


def as_touches(messages: pl.DataFrame, *, as_of: datetime) -> pl.DataFrame:
    """Rows of ``records.asked.went_out`` as contacts from us; ``summary`` is the play."""
    return messages.filter(pl.col("sent_at") <= as_of).select(
        "account_id",
        "user_id",
        touch_id=pl.concat_str(pl.lit(PREFIX), "message_id"),
        channel=pl.col("channel").replace("email", "e-mail"),
        direction=pl.lit("out"),
        occurred_at="sent_at",
        summary=pl.col("play").str.replace_all("_", " "),
    )


def as_sources(rows: pl.DataFrame, *, as_of: datetime) -> dict[str, pl.DataFrame]:
    """Rows of ``records.asked`` as rows of the contract; what lies after ``as_of`` has not happened yet.

    An invitation to give a score is a row of ``nps`` even without an answer, since the response rate counts it; the
    question on leaving is one of ``exit_surveys`` only once it is answered.
    """
    given = pl.col("answered_at") <= as_of
    known = rows.filter(pl.col("sent_at") <= as_of).with_columns(
        pl.when(given).then(name).alias(name) for name in ("score", "comment", "answered_at")
    )
    whose = (pl.concat_str(pl.lit(PREFIX), "message_id").alias("response_id"), "account_id", "user_id")
    nps = known.filter(question="nps").select(
        *whose,
        "sent_at",
        pl.col("answered_at").alias("responded_at"),
        pl.col("score").cast(pl.Float64),
        "comment",
        pl.col("play").alias("survey"),
        pl.lit("relationship").alias("kind"),
    )
    left = known.filter(pl.col("answered_at").is_not_null(), question="exit").select(
        *whose, pl.col("answered_at").alias("submitted_at"), "comment"
    )
    return {"nps": nps, "exit_surveys": left}


def kept(frame: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Our rows of an earlier snapshot's source, to be checked again."""
    return frame.filter(_is_ours(source)).with_columns(pl.col(pl.Int64).cast(pl.Float64))


def without(frame: pl.DataFrame, source: Source) -> pl.DataFrame:
    """The product's own rows of an earlier snapshot's source."""
    return frame.filter(~_is_ours(source))


def check(frame: pl.DataFrame, ours: pl.DataFrame, source: Source, *, as_of: datetime, accounts: Accounts) -> Checked:
    """``ours``, checked like rows of the source; a row whose id the product's own ``frame`` has is the product's."""
    new = ours.join(frame.select(source.key), on=source.key, how="anti")
    return checks.check(new, source, as_of=as_of, accounts=accounts)


def joined(frame: pl.DataFrame, checked: Checked, source: Source) -> pl.DataFrame:
    """The product's rows and ours, in the order of ids."""
    return pl.concat([frame, checked.kept.select(frame.columns)]).sort(source.key)


def counted(state: SourceState, checked: Checked, frame: pl.DataFrame, source: Source, zone: str) -> SourceState:
    """What the manifest says of a source once ours are in ``frame``: a source that only we fill is no missing one."""
    if checked.kept.is_empty() and checked.rejected.is_empty():
        return state
    reasons = dict(state.rejected_by_reason)
    for reason, many in checked.rejected_by_reason.items():
        reasons[reason] = reasons.get(reason, 0) + many
    more = {
        "status": "ok" if state.status == "missing" else state.status,
        "rows": frame.height,
        "rejected": sum(reasons.values()),
        "rejected_by_reason": reasons,
        "left_out": state.left_out + checked.left_out,
        "newest": sources.newest(frame, source, zone),
    }
    return state.model_copy(update=more)


def _is_ours(source: Source) -> pl.Expr:
    (identifier,) = source.key
    return pl.col(identifier).str.starts_with(PREFIX)
