"""What the campaigns page asks: campaigns, their messages and answers, plays, and how sending stands.

Only what cannot change is remembered: the rows of one draft, by its fingerprint. States are asked anew every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import polars as pl

import settings
from outreach.audience import Audience, recipients
from outreach.plays import Play, read_plays
from outreach.tone import Flag, tone_of
from pages.shared.answers.account import directory
from pages.shared.data import View, cached, view_of
from pages.shared.findings import campaigns as findings
from queries.frames import Frames
from records import answers, campaigns, sending
from records.campaigns import Campaign, Message
from records.database import engine
from records.sending import Sending

SILENT = timedelta(minutes=2)
"""A worker says every few seconds that it lives; after so long it does not."""


def plays() -> dict[str, Play]:
    """Every play by its id; PlayError for one that cannot be used."""
    return read_plays(settings.get())


def titles() -> dict[str, str]:
    """What people call each play."""
    return {id: play.title for id, play in plays().items()} | {"digest": "Monthly digest"}


def listed() -> pl.DataFrame:
    """The newest campaigns, drafts among them, without our own digests."""
    return campaigns.list_campaigns(engine(settings.get())).filter(pl.col("kind") != "internal")


def campaign(campaign_id: UUID) -> Campaign | None:
    """One campaign."""
    return campaigns.campaign(engine(settings.get()), campaign_id)


def message(message_id: str) -> Message | None:
    """One message with its texts."""
    return campaigns.message(engine(settings.get()), UUID(message_id))


def events(message_id: str) -> pl.DataFrame:
    """What happened to a message."""
    return campaigns.events(engine(settings.get()), UUID(message_id))


@cached
def drafted(frames: Frames, campaign_id: str, fingerprint: str) -> pl.DataFrame:
    """Everybody in a draft, in groups; the fingerprint says which draft."""
    rows = campaigns.messages(engine(settings.get()), UUID(campaign_id))
    return findings.grouped(rows, directory(view_of(frames)))


def messages(view: View, campaign_id: UUID) -> pl.DataFrame:
    """Everybody in an approved campaign, what needs somebody first."""
    rows = campaigns.messages(engine(settings.get()), campaign_id)
    return findings.became(rows, directory(view), settings.get().organisation.time_zone)


def answered(campaign_id: UUID) -> pl.DataFrame:
    """The answers to a campaign that count."""
    return answers.current(engine(settings.get())).filter(pl.col("campaign_id") == str(campaign_id))


def flags(found: Message) -> list[Flag]:
    """What the tone check says of a message."""
    return tone_of(settings.get()).check(found.subject or "", found.text or "", found.language)


@cached
def tone(frames: Frames, campaign_id: str, fingerprint: str) -> pl.DataFrame:
    """Flags of a draft: ``language, kind, excerpt, why``, from one message of each language.

    What the tone check objects to stands in a play or in what was typed for a language; every message that is opened
    is checked itself.
    """
    rows = drafted(view_of(frames), campaign_id, fingerprint).filter(pl.col("state") == "draft").unique("tag")
    found = [(tag, flag.kind, flag.excerpt, flag.why) for tag, id in rows.select("tag", "message_id").sort("tag").rows()
             if (whole := message(id)) is not None for flag in flags(whole)]  # fmt: skip
    return pl.DataFrame(found, schema=dict.fromkeys(("language", "kind", "excerpt", "why"), pl.String), orient="row")


@cached
def languages(
    frames: Frames, play: str, version: str, account_ids: tuple[str, ...], user_ids: tuple[str, ...] | None
) -> pl.DataFrame:
    """The languages in which a play would be written to an audience: ``language, people``, the most first.

    ``version`` is the play's, so that another text of it is asked anew.
    """
    held = settings.get()
    to = Audience("", "", account_ids, user_ids)
    found = recipients(frames, to, read_plays(held)[play], language=held.organisation.language).rows
    return found.group_by("language").len("people").sort("people", "language", descending=[True, False])


@dataclass(frozen=True)
class Standing:
    """How sending stands: whether it is paused and why, when a worker was last heard of, whether mail leaves."""

    sending: Sending
    seen_at: datetime | None
    mail_ok: bool | None
    leaves: bool
    unsure: int

    def working(self, now: datetime) -> bool:
        """Whether a worker lives."""
        return self.seen_at is not None and now - self.seen_at <= SILENT


def standing() -> Standing:
    """How sending stands now."""
    held = settings.get()
    here = engine(held)
    workers = sending.workers(here).head(1)
    seen, ok = workers.select("seen_at", "mail_ok").row(0) if workers.height else (None, None)
    return Standing(sending.state(here), seen, ok, held.smtp_url is not None, campaigns.uncertain(here).height)
