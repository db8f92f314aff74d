"""Preflight: for every recipient whether the message goes now, goes later, or does not go, and why.

The rules hang on nothing but what is passed in. They are asked in the order of :data:`ORDER`; the first that objects
gives the reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import polars as pl

from metrics.inputs import Columns, lazy
from outreach import quiet
from outreach.holdout import held_out
from records.addresses import keys

if TYPE_CHECKING:
    from outreach.plays import Play

SEND, LATER, LEFT_OUT, HELD_OUT = "send", "later", "left_out", "held_out"
VERDICTS = (SEND, LATER, LEFT_OUT, HELD_OUT)
ORDER = (
    "no_address",
    "bad_address",
    "erased",
    "suppressed",
    "left_company",
    "do_not_contact",
    "escalated",
    "opted_out",
    "goodbye_said",
    "cap_zero",
    "contacted_lately",
    "account_contacted_lately",
    "duplicate",
    "over_most",
    "holdout",
    "quiet_hours",
)
"""Every reason, in the order in which its rule is asked."""
_REACHED = ("queued", "claimed", "sending", "sent", "uncertain")
"""States of a message that reached its recipient, may have, or is about to."""
_AT = pl.Datetime("us", "UTC")
_TOUCHES: Columns = {"account_id": pl.String, "user_id": pl.String, "direction": pl.String, "occurred_at": _AT}
_ADDED: Columns = {"verdict": pl.String, "reason": pl.String, "not_before": _AT}


class Rules(quiet.Rules, Protocol):
    """How often somebody is written to, and when not; the settings' ``[outreach]`` is one."""

    @property
    def most_per_person(self) -> int:
        """Contacts with one person within ``contact_days``; 0 is nobody."""

    @property
    def contact_days(self) -> int:
        """Days in which a person's contacts are counted."""

    @property
    def account_contact_days(self) -> int:
        """Days in which an account is left in peace after a contact with anybody there."""

    @property
    def holdout(self) -> float:
        """The share of accounts that a play is compared with."""


class Mail(Protocol):
    """What is sent: a play, or a message of one."""

    @property
    def kind(self) -> str:
        """Service or marketing."""

    @property
    def channel(self) -> str:
        """Email or webhook."""


_Contacts = dict[str, set[tuple[datetime, str]]]


@dataclass
class _Past:
    """Contacts from us: when and which, by whom they went to; goodbyes, and what followed them."""

    people: _Contacts = field(default_factory=lambda: defaultdict(set))
    accounts: _Contacts = field(default_factory=lambda: defaultdict(set))
    goodbyes: dict[str, datetime] = field(default_factory=dict)
    marketing: dict[str, datetime] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def goodbye_stands(self, row: Mapping[str, Any]) -> bool:
        """Whether goodbye was said to the account and it has not come back since."""
        came_back = row["standing"] is not None and not row["leaving"]
        return row["account_id"] in self.goodbyes and not came_back


def _past(
    history: pl.DataFrame,
    touches: pl.DataFrame | pl.LazyFrame | None,
    goodbyes: Collection[str],
    play: Play,
    now: datetime,
) -> _Past:
    found = _Past()
    counting = history.filter(pl.col("state").is_in(_REACHED) | _held_out_of_others(play))
    for number, message in enumerate(counting.iter_rows(named=True)):
        if message["kind"] == "internal":
            continue
        account, at = message["account_id"], message["at"]
        contact = (at, f"message {number}")
        whom = keys(message["address_key"], message["user_id"])
        for key in whom:
            found.people[key].add(contact)
        found.accounts[account].add(contact)
        if message["play"] in goodbyes:
            found.goodbyes[account] = max(at, found.goodbyes.get(account, at))
        elif message["kind"] == "marketing":
            found.marketing[account] = max(at, found.marketing.get(account, at))
        found.asked.update(f"{message['play']}:{key}" for key in whom)
    for number, (account, person, at) in enumerate(happened(touches, now).iter_rows()):
        contact = (at, f"touch {number}")
        found.accounts[account].add(contact)
        if person is not None:
            found.people[f"user:{person}"].add(contact)
    return found


def happened(touches: pl.DataFrame | pl.LazyFrame | None, now: datetime) -> pl.DataFrame:
    """Contacts from our side that are no plans any more: ``account_id``, ``user_id`` and ``occurred_at``, UTC."""
    utc = pl.col("occurred_at").dt.convert_time_zone("UTC")
    ours = lazy(touches, _TOUCHES).filter(pl.col("direction") == "out").select("account_id", "user_id", utc)
    return ours.filter(pl.col("occurred_at") <= pl.lit(now, dtype=_AT)).collect()


def _held_out_of_others(play: Play) -> pl.Expr:
    """Whom another play held out, unless its campaign was cancelled before anything of it went out.

    They are left in peace like those it wrote to: both of its sides get the same of every other play.
    """
    went_out = pl.col("state").is_in(_REACHED).any().over("campaign_id")
    cancelled = pl.col("state").eq("cancelled").any().over("campaign_id")
    return (pl.col("state") == HELD_OUT) & (pl.col("play") != play.id) & (went_out | ~cancelled)


def preflight(
    recipients: pl.DataFrame,
    play: Play,
    *,
    history: pl.DataFrame,
    opted_out: Collection[str],
    suppressed: Mapping[str, str],
    touches: pl.DataFrame | pl.LazyFrame | None,
    rules: Rules,
    now: datetime,
    goodbyes: Collection[str] = ("goodbye",),
) -> pl.DataFrame:
    """``recipients`` (rows of ``outreach.audience``) with ``verdict``, ``reason`` and ``not_before``.

    ``verdict`` is ``send``, ``later`` (then ``not_before`` is the earliest moment, UTC), ``held_out`` (on the side that
    gets nothing) or ``left_out``; ``reason`` is one of :data:`ORDER`, null for ``send``. ``history`` are our messages
    of all time, as ``records.campaigns.history`` has them; ``opted_out`` (the keys of addresses and of people,
    ``records.addresses.keys``) and ``suppressed`` (of addresses); ``touches`` is the source of that name, without our
    own messages; ``now`` is aware; ``goodbyes`` are the ids of plays that say goodbye.

    - No address, or none that is an address: only for mail; a webhook goes to the person or account.
    - Erased or suppressed: nothing is ever sent there.
    - Left the company: the person has; whether their company left us does not matter.
    - Do not contact, escalated: the account says so.
    - Opted out: in the product, or by a link of ours, under whatever address.
    - Goodbye said: the account was sent the goodbye and has not come back (nothing serves it, or its end is
      requested). One message may follow, of a play that says so (``after_goodbye``): what they asked for has shipped.
    - Cap zero: nobody may be written to, or the play goes to nobody.
    - Contacted lately: the person had ``most_per_person`` contacts from us within ``contact_days``; their account:
      anybody there had one within ``account_contact_days``. Contacts are messages of ours, other than digests to our
      own people, that went out or are about to, and outbound touches that have happened. Inbound and planned ones
      are none; a touch that names nobody is the account's. Whom another play held out counts as written to by it.
    - Duplicate: the address is in this audience already, or it, or its person, was asked the question on leaving
      before.
    - Over most: others of the account come first and the play goes to no more.
    - Holdout: the account is on the side that gets nothing; only who would have been written to is held out.

    Service mail skips opt-outs, caps and holdout, and nothing else; quiet hours make it wait like any other.
    """
    past = _past(history, touches, goodbyes, play, now)
    service = play.kind == "service"
    taken: set[str] = set()
    chosen: Counter[str] = Counter()
    found: list[tuple[str, str | None, datetime | None]] = []
    for row in recipients.iter_rows(named=True):
        reason = unfit(row, play, opted_out, suppressed, now) or _said_goodbye(row, play, past)
        reason = reason or _capped(row, play, past, rules, now)
        reason = reason or _crowded(row, play, past, taken, chosen)
        if reason is not None:
            found.append((LEFT_OUT, reason, None))
            continue
        taken.add(row["address_key"])
        chosen[row["account_id"]] += 1
        if not service and held_out(row["account_id"], play.id, _share(play, rules)):
            found.append((HELD_OUT, "holdout", None))
            continue
        at = quiet.next_allowed(now, ZoneInfo(row["time_zone"]), rules)
        found.append((SEND, None, None) if at <= now else (LATER, "quiet_hours", at))
    return recipients.hstack(pl.DataFrame(found, schema=dict(_ADDED), orient="row"))


def unfit(
    row: Mapping[str, Any], mail: Mail, opted_out: Collection[str], suppressed: Mapping[str, str], now: datetime
) -> str | None:
    """Why this person, or this account, is not written to whatever was sent before.

    Whose address is none is compared by their id instead.
    """
    by_mail = mail.channel == "email"
    address, key, whom = row["address"], row["address_key"], set(keys(row["address_key"], row["user_id"]))
    nowhere = (f"user:{row['user_id']}", f"account:{row['account_id']}")
    marketing = mail.kind != "service"
    objections = (
        ("no_address", by_mail and not address),
        ("bad_address", by_mail and bool(address) and key in nowhere),
        ("erased", suppressed.get(key) == "erased"),
        ("suppressed", key in suppressed),
        ("left_company", row["left_at"] is not None and row["left_at"] <= now),
        ("do_not_contact", bool(row["do_not_contact"])),
        ("escalated", bool(row["escalated"])),
        ("opted_out", marketing and (bool(row["opted_out"]) or not whom.isdisjoint(opted_out))),
    )
    return next((reason for reason, objects in objections if objects), None)


def _said_goodbye(row: Mapping[str, Any], play: Play, past: _Past) -> str | None:
    if not past.goodbye_stands(row):
        return None
    said, since = past.goodbyes[row["account_id"]], past.marketing.get(row["account_id"])
    followed = since is not None and since > said
    return None if play.after_goodbye and not followed else "goodbye_said"


def _capped(row: Mapping[str, Any], play: Play, past: _Past, rules: Rules, now: datetime) -> str | None:
    if play.most == 0:
        return "cap_zero"
    if play.kind == "service":
        return None
    if rules.most_per_person == 0:
        return "cap_zero"
    # A message stands under an address and a person, a touch under a person only.
    whom = keys(row["address_key"], row["user_id"])
    person = set[tuple[datetime, str]]().union(*(past.people.get(key, ()) for key in whom))
    if _since(person, now, rules.contact_days) >= rules.most_per_person:
        return "contacted_lately"
    if _since(past.accounts.get(row["account_id"], set()), now, rules.account_contact_days):
        return "account_contacted_lately"
    return None


def _since(contacts: Iterable[tuple[datetime, str]], now: datetime, days: int) -> int:
    return sum(at > now - timedelta(days=days) for at, _ in contacts)


def _crowded(
    row: Mapping[str, Any], play: Play, past: _Past, taken: Collection[str], chosen: Mapping[str, int]
) -> str | None:
    asked = {f"{play.id}:{key}" for key in keys(row["address_key"], row["user_id"])}
    asked_before = play.question == "exit" and not asked.isdisjoint(past.asked)
    if row["address_key"] in taken or asked_before:
        return "duplicate"
    most = 1 if past.goodbye_stands(row) else play.most
    return "over_most" if chosen[row["account_id"]] >= most else None


def _share(play: Play, rules: Rules) -> float:
    return rules.holdout if play.holdout is None else play.holdout
