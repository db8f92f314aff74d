"""What the results page asks: what became of campaigns, who opted out after which play, and what may be answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import polars as pl

import settings
from outreach.results import Results, results
from pages.shared import data
from pages.shared.answers.account import directory
from pages.shared.answers.campaigns import shown_messages
from pages.shared.data import View
from records import addresses, campaigns
from records.database import engine

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


def found(view: View) -> Results:
    """The results of all campaigns, of the accounts, and with the words, that the viewer may see."""
    frames = data.frames(view)
    whole = results(settings.get(), frames)
    hidden = [*frames.scope.hidden("nps"), frames.scope.person("user_id").alias("user_id")]
    return replace(whole, answers=whole.answers.with_columns(hidden))


def opted_out(view: View) -> dict[str, int]:
    """How many people at a view's accounts opted out after a message of each play.

    Who got several is counted with the last before it.
    """
    here = engine(settings.get())
    gone = addresses.opt_outs(here).filter(pl.col("actor").is_null())
    if gone.is_empty():
        return {}
    theirs = pl.col("account_id").is_in(directory(view)["account_id"].implode())
    got = campaigns.history(here, _EVER).filter(pl.col("sending_at").is_not_null(), theirs)
    after = got.join(gone.select("address_key", left_at="at"), on="address_key").filter(
        pl.col("left_at") >= pl.col("sending_at")
    )
    last = after.sort("sending_at").unique("address_key", keep="last")
    return dict(last.group_by("play").len().iter_rows())


def asked(view: View, campaign_id: str) -> pl.DataFrame:
    """Whoever a campaign's question was sent to, of the accounts the viewer may see: ``message_id, label``."""
    rows, names = shown_messages(view, UUID(campaign_id)), directory(view)
    sent = rows.filter(pl.col("state").is_in(["sent", "uncertain"]))
    named = sent.join(names.select("account_id", account="name"), on="account_id", how="left")
    who = pl.concat_str(
        [pl.coalesce("name", "address", "account_id"), pl.coalesce("account", "account_id")], separator=", "
    )
    return named.select("message_id", label=who).sort("label", "message_id")
