"""What the campaigns page says: of an audience, a play, who gets a message and who does not, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from outreach.audience import Audience
from outreach.plays import Play
from pages.shared import words
from pages.shared.findings.outreach_words import BECAME, ROLES, STATES, language, why
from pages.shared.tables import Column
from records.campaigns import Campaign

CAMPAIGNS = {
    "title": Column("Campaign", width=300),
    "called": Column("State"),
    "at": Column("When", "moment"),
    "rows": Column("Chosen", "count", help="Everybody who was looked at"),
    "waiting": Column("Waiting", "count"),
    "sent": Column("Sent", "count"),
    "answered": Column("Answered", "count"),
    "uncertain": Column("Not sure", "count", help="The server may or may not have taken it: a person must say"),
    "failed": Column("Failed", "count"),
    "left_out": Column("Left out", "count"),
    "held_out": Column("Held out", "count", help="Not written to, to compare with"),
    "play": Column("Play", width="medium"),
    "who": Column("By"),
}
_WHO = {"account": Column("Account", pinned=True), "person": Column("Who")}
_ADDRESS = {"address": Column("Address")}
_MAIL = {"language": Column("Language"), **_ADDRESS, "subject": Column("Subject", width="large")}
GROUPS = {
    "send": {**_WHO, **_MAIL},
    "later": {**_WHO, "from": Column("From", help="By the clock where they are"), **_MAIL},
    "left_out": {**_WHO, "why": Column("Why", width="large"), **_ADDRESS},
    "held_out": {**_WHO, "why": Column("Why", width="medium"), **_ADDRESS},
}
"""The columns of each group of a preview."""
_NOBODY = {
    "send": "nobody can be written to right now",
    "later": "nobody has to wait",
    "left_out": "nobody is left out",
    "held_out": "nobody is held out",
}
GROUPED = {"send": "Now", "later": "Later", "left_out": "Left out", "held_out": "Held out"}
MESSAGES = {
    **_WHO,
    "became": Column("State"),
    "why": Column("Why", width=260),
    "at": Column("When", "moment", help="When it was sent, or when it may be; our time"),
    "attempts": Column("Attempts", "count"),
    "address": Column("Address"),
    "language": Column("Language"),
    "subject": Column("Subject", width="medium"),
}
EVENTS = {
    "at": Column("When", "moment"),
    "became": Column("State"),
    "code": Column("Code"),
    "detail": Column("What was said", width="large"),
    "actor": Column("By"),
}
SHOWN = {
    "Everybody": (),
    "Waiting": ("queued", "claimed", "sending"),
    "Sent": ("sent",),
    "Failed": ("failed",),
    "Not sure": ("uncertain",),
    "Left out": ("left_out", "cancelled"),
    "Held out": ("held_out",),
}


def headline(rows: pl.DataFrame) -> tuple[str, str | None]:
    """What the list of campaigns says, and what waits for somebody."""
    if rows.is_empty():
        return "Nobody has been written to yet", None
    sent, waiting = int(rows["sent"].sum()), int(rows["waiting"].sum())
    drafts, unsure = rows.filter(state="draft").height, int(rows["uncertain"].sum())
    said = "Nothing was sent yet"
    if sent:
        said = f"{words.plural(sent, 'message')} sent in {words.plural(rows.height - drafts, 'campaign')}"
    parts = [f"{words.plural(waiting, 'message waits', 'messages wait')}" if waiting else ""]
    parts += [f"{words.plural(drafts, 'draft waits', 'drafts wait')} for approval" if drafts else ""]
    parts += [f"nobody is sure of {words.plural(unsure, 'message')}" if unsure else ""]
    told = [part for part in parts if part]
    return said, f"{'; '.join(told)}." if told else None


def listed(rows: pl.DataFrame, titles: Mapping[str, str], zone: str) -> pl.DataFrame:
    """Campaigns as the list shows them; ``titles`` are the plays' by id."""
    return rows.with_columns(
        play=pl.col("play").replace(titles),
        called=pl.col("state").replace_strict(STATES, default=pl.col("state")),
        who=pl.coalesce("approver", "author"),
        at=pl.coalesce("approved_at", "drafted_at").dt.convert_time_zone(zone),
        waiting=pl.sum_horizontal("queued", "claimed", "sending"),
    )


def chosen(audience: Audience) -> str:
    """How many an audience has."""
    if audience.user_ids is not None:
        return words.plural(len(audience.user_ids), "person", "people")
    return words.plural(len(audience.account_ids), "account")


def asked_for(audience: Audience) -> str:
    """Where and as what an audience was chosen; our own words around other people's."""
    return f"{words.inert(audience.label)}, chosen on the page {words.inert(audience.source_page)}"


def play_said(play: Play, audience: Audience) -> str:
    """Whom of an audience a play goes to, and in which languages; people who were chosen get it whatever their role."""
    whom = "the people chosen" if audience.user_ids is not None else ROLES[play.to]
    most = "" if play.to == "owner" and play.most == 1 else f", at most {play.most} of an account"
    spoken = ", ".join(language(tag) for tag in play.languages)
    way = "" if play.channel == "email" else " Through the webhook, not as mail."
    return f"To {whom}{most}. In {spoken}.{way}"


def grouped(rows: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Messages of a draft with ``group`` (send, later, left_out, held_out) and what the tables show.

    ``names`` has ``account_id, name``.
    """
    group = (
        pl.when(pl.col("state") != "draft")
        .then("arm")
        .when(pl.col("not_before").is_not_null())
        .then(pl.lit("later"))
        .otherwise(pl.lit("send"))
    )
    shown = _dressed(rows, names).with_columns(group=group)
    return shown.with_columns(pl.Series("from", [_there(row) for row in shown.iter_rows(named=True)], pl.String))


def _dressed(rows: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    named = rows.join(names.select("account_id", account="name"), on="account_id", how="left", maintain_order="left")
    told = [why(reason, detail) for reason, detail in named.select("reason", "detail").iter_rows()]
    return named.with_columns(
        pl.coalesce("account", "account_id").alias("account"),
        pl.coalesce("name", "user_id").alias("person"),
        pl.col("language").map_elements(language, return_dtype=pl.String),
        pl.Series("why", told, pl.String),
        tag="language",
    )


def _there(row: Mapping[str, Any]) -> str | None:
    """When a message may be sent, by the clock where its reader is."""
    if row["not_before"] is None:
        return None
    return _clock(row["not_before"].astimezone(ZoneInfo(row["time_zone"])))


def _clock(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b}, {at:%H:%M}"


def counts(rows: pl.DataFrame) -> dict[str, int]:
    """How many are in each group of a preview."""
    found = dict(rows.group_by("group").len().iter_rows())
    return {group: found.get(group, 0) for group in GROUPED}


def group_note(rows: pl.DataFrame, group: str) -> str:
    """What a group's card adds to its number."""
    if rows.is_empty():
        return _NOBODY[group]
    if group == "send":
        accounts = rows["account_id"].n_unique()
        return f"at {words.plural(accounts, 'account')}, as soon as somebody approves"
    if group == "later":
        return f"quiet hours there; the first {rows.sort('not_before')['from'][0]} their time"
    if group == "held_out":
        return "by chance, account by account; to compare with"
    first = rows["why"].value_counts(sort=True, name="n").row(0)
    return str(first[0]) if rows["why"].n_unique() == 1 else f"most: {first[0].lower()} ({first[1]:,})"


def reasons(rows: pl.DataFrame) -> str:
    """Why the rows are left out, most frequent first, with counts."""
    told = rows.group_by("why", maintain_order=True).len("n").sort("n", "why", descending=[True, False])
    return " · ".join(f"{words.inert(said)}: {n:,}" for said, n in told.iter_rows())


def send_label(rows: pl.DataFrame) -> str:
    """What the button that approves does, exactly; ``rows`` are those of :func:`grouped`."""
    now, later = rows.filter(group="send").height, rows.filter(group="later")
    everybody = words.plural(now + later.height, "person", "people")
    if later.is_empty():
        return f"Send to {everybody} now"
    first = later.sort("not_before").row(0, named=True)
    at = first["not_before"].astimezone(ZoneInfo(first["time_zone"]))
    clock = f"from {at:%a %H:%M} their time"
    return f"Send to {everybody}, {clock}" if not now else f"Send to {everybody}: {now:,} now, {later.height:,} {clock}"


def drafted(author: str | None, at: datetime, now: datetime) -> str:
    """Who drafted when."""
    return f"Drafted by {words.inert(author or 'somebody whose name was erased')} {words.age(now - at)}"


def approved(approver: str | None, at: datetime, zone: tzinfo) -> str:
    """Who approved when."""
    who = words.inert(approver or "somebody whose name was erased")
    return f"Approved by {who} on {words.moment(at.astimezone(zone))}"


def too_old(drafted_at: datetime, now: datetime, hours: int) -> bool:
    """Whether a draft was made too long ago to be approved."""
    return now - drafted_at > timedelta(hours=hours)


def became(rows: pl.DataFrame, names: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Messages of an approved campaign as its table shows them."""
    moved = pl.coalesce("ended_at", "sending_at", "not_before").dt.convert_time_zone(zone)
    order = {state: place for place, state in enumerate(("uncertain", "failed", "sending", "claimed", "queued"))}
    place = pl.col("state").replace_strict(order, default=len(order), return_dtype=pl.Int64)
    called = pl.col("state").replace_strict(BECAME, default=pl.col("state"))
    shown = _dressed(rows, names).with_columns(became=called, at=moved, place=place)
    return shown.sort("place", "account", "person", "message_id", nulls_last=True)


def of_state(rows: pl.DataFrame, states: tuple[str, ...]) -> pl.DataFrame:
    """The messages in one of ``states``; all when there is none."""
    return rows.filter(pl.col("state").is_in(states)) if states else rows


def happened(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """What happened to one message, as its table shows it, newest first."""
    called = pl.col("state").replace_strict(BECAME, default=pl.col("state"))
    return rows.reverse().with_columns(pl.col("at").dt.convert_time_zone(zone), became=called)


def stands(found: Campaign, zone: tzinfo) -> str:
    """The state of a campaign, and who approved it."""
    said = STATES.get(found.state, found.state)
    if found.state == "running" and not any(found.counts.get(state) for state in ("queued", "claimed", "sending")):
        said = "Waits for a decision" if found.counts.get("uncertain") else "Sent"
    return said if found.approved_at is None else f"{said}. {approved(found.approver, found.approved_at, zone)}."


def numbers(counts: Mapping[str, int], answered: int) -> list[tuple[str, int, str]]:
    """The cards of an approved campaign: label, value, note."""
    got = {state: counts.get(state, 0) for state in BECAME}
    waiting, apart = got["queued"] + got["claimed"] + got["sending"], ("left_out", "held_out", "cancelled")
    parts = " · ".join(f"{got[state]:,} {BECAME[state].lower()}" for state in apart if got[state])
    return [
        ("Waiting", waiting, "each goes when quiet hours allow" if waiting else "nothing waits"),
        ("Sent", got["sent"], f"{answered:,} answered"),
        ("Need a look", got["uncertain"] + got["failed"], f"{got['uncertain']:,} not sure · {got['failed']:,} failed"),
        ("Not written to", sum(got[state] for state in apart), parts or "nobody was left out"),
    ]


def again_from(sending_at: datetime | None, lease: timedelta) -> datetime | None:
    """From when on an uncertain message may be sent again: two leases after its attempt began."""
    return None if sending_at is None else sending_at + 2 * lease
