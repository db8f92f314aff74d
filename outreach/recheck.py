"""What the newest snapshot says of those to whom a message is about to go; it may be newer than the draft.

A message waits for a morning, a weekend or a campaign that goes on. Whatever the product has learned by then counts as
it would have counted in a draft made now (``outreach.preflight``); the text stays the one that was approved.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl

from outreach.audience import touches
from outreach.preflight import Rules, happened, unfit
from queries.errors import NoSnapshot
from queries.frames import Frames, Scope, current_id, open_snapshot
from records.addresses import key
from records.outbox import Claimed, Outside
from settings import Settings

ACCOUNT_GONE, PERSON_GONE, ADDRESS_CHANGED = "account_gone", "person_gone", "address_changed"
"""Why a message does not go, beside the reasons of ``outreach.preflight``."""
_Row = Mapping[str, Any]


def outside(settings: Settings, held: Collection[Claimed], *, now: datetime) -> dict[UUID, Outside]:
    """What the newest snapshot knows of the recipients of ``held``, by the message's id.

    Without any snapshot, and of messages to our own people, it knows nothing. QueryError, OSError or PolarsError when
    there is one and it cannot be read.
    """
    asked = [message for message in held if message.kind != "internal"]
    if not asked:
        return {}
    try:
        newest = current_id(settings)
    except NoSnapshot:
        return {}
    return judged(open_snapshot(newest, Scope(), settings), asked, settings.outreach, now=now)


def judged(frames: Frames, held: Collection[Claimed], rules: Rules, *, now: datetime) -> dict[UUID, Outside]:
    """What ``frames`` know of the recipients of ``held``, by the message's id.

    An account that is not there any more, or is one for tests, is ``account_gone``; a person who is not there, not at
    that account, or one of us, ``person_gone``; one who is reached elsewhere now, ``address_changed``. Where no source
    tells of people, none is gone.
    """
    ids = {message.account_id for message in held}
    theirs = pl.col("account_id").is_in(pl.Series(sorted(ids), dtype=pl.String).implode())
    about = frames.accounts.filter(theirs).select("account_id", "do_not_contact", "escalated").collect()
    accounts = {row["account_id"]: row for row in about.iter_rows(named=True)}
    people = None if "people" in frames.missing else _people(frames, theirs)
    contacts = happened(touches(frames, ids), now).rows()
    person_since = now - timedelta(days=rules.contact_days)
    account_since = now - timedelta(days=rules.account_contact_days)
    return {
        message.id: Outside(
            _objection(message, accounts.get(message.account_id), people, now),
            sum(user_id == message.user_id is not None and at > person_since for _, user_id, at in contacts),
            sum(account == message.account_id and at > account_since for account, _, at in contacts),
        )
        for message in held
    }


def _people(frames: Frames, theirs: pl.Expr) -> dict[tuple[str, str], _Row]:
    """Who is at the accounts, without our own staff."""
    found = frames.people.filter(theirs, ~pl.col("is_internal").fill_null(False)).select(
        "account_id", "user_id", "email", "opted_out", pl.col("left_at").dt.convert_time_zone("UTC")
    )
    return {(row["account_id"], row["user_id"]): row for row in found.collect().iter_rows(named=True)}


def _objection(
    message: Claimed, account: _Row | None, people: Mapping[tuple[str, str], _Row] | None, now: datetime
) -> str | None:
    if account is None:
        return ACCOUNT_GONE
    recipient: dict[str, Any] = {
        **{name: getattr(message, name) for name in ("account_id", "user_id", "address", "address_key")},
        **{name: account[name] for name in ("do_not_contact", "escalated")},
        "opted_out": False,
        "left_at": None,
    }
    if message.user_id is not None and people is not None:
        person = people.get((message.account_id, message.user_id))
        if person is None:
            return PERSON_GONE
        address = (person["email"] or "").strip() or None
        recipient |= {"opted_out": person["opted_out"], "left_at": person["left_at"], "address": address}
        recipient["address_key"] = key(address, user_id=message.user_id, account_id=message.account_id)
    changed = message.channel == "email" and recipient["address_key"] != message.address_key
    return unfit(recipient, message, (), {}, now) or (ADDRESS_CHANGED if changed else None)
