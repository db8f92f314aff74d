"""What the campaigns page asks: campaigns, their messages and answers, plays, and how sending stands.

Only what cannot change is remembered: the rows of one draft, by its fingerprint. States are asked anew every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import polars as pl
from sqlalchemy import Engine

import settings
from outreach.audience import Audience, recipients
from outreach.plays import Play, read_plays
from outreach.tone import Flag, tone_of
from pages.shared.answers.account import directory
from pages.shared.data import View, cached, view_of
from pages.shared.findings import campaigns as findings
from pages.shared.reach import masking
from pages.shared.viewer import NotAllowed
from queries.frames import Frames, Scope
from records import answers, campaigns, sending
from records.campaigns import Campaign, Message
from records.database import engine
from records.sending import SILENT, Sending


def plays() -> dict[str, Play]:
    """Every play by its id; PlayError for one that cannot be used."""
    return read_plays(settings.get())


def titles() -> dict[str, str]:
    """What people call each play."""
    return {id: play.title for id, play in plays().items()} | {"digest": "Monthly digest"}


def listed(view: View) -> pl.DataFrame:
    """The newest campaigns that a viewer may see, drafts among them, without our own digests."""
    here = engine(settings.get())
    found = campaigns.list_campaigns(here).filter(pl.col("kind") != "internal")
    if view.csm_email is None:
        return found
    pairs = campaigns.accounts(here).with_columns(theirs=pl.col("account_id").is_in(_accounts(view).implode()))
    whole = pairs.group_by("campaign_id").agg(pl.col("theirs").all()).filter("theirs")
    return found.filter(pl.col("id").is_in(whole["campaign_id"].implode()))


def within(here: Engine, view: View, campaign_id: UUID) -> bool:
    """Whether every account of a campaign is one of the view's; a campaign about nobody is nobody's but an admin's."""
    if view.csm_email is None:
        return True
    about = campaigns.accounts(here, campaign_id)["account_id"]
    return not about.is_empty() and about.is_in(_accounts(view).implode()).all()


def refuse_others(view: View, campaign_id: UUID) -> None:
    """NotAllowed when there is such a campaign, and it goes to anybody whom ``view`` (a book) does not hold."""
    here = engine(settings.get())
    if campaigns.campaign(here, campaign_id) is not None and not within(here, view, campaign_id):
        raise NotAllowed("This campaign writes to accounts of others: whoever looks after those decides on it.")


def _accounts(view: View) -> pl.Series:
    return directory(view)["account_id"]


def campaign(view: View, campaign_id: UUID) -> Campaign | None:
    """One campaign; None where there is none, or one that also goes to accounts the viewer may not see."""
    here = engine(settings.get())
    found = campaigns.campaign(here, campaign_id) if within(here, view, campaign_id) else None
    return found if found is None or view.people else masking.campaign(found)


def message(view: View, message_id: str) -> Message | None:
    """One message with its texts; without who it is to, where the viewer may not see people. None: not theirs."""
    found = campaigns.message(engine(settings.get()), UUID(message_id))
    if found is None or (view.csm_email is not None and found.account_id not in _accounts(view)):
        return None
    return found if view.people else masking.message(found)


def events(view: View, message_id: str) -> pl.DataFrame:
    """What happened to a message; without what a mail server said, which names who it is to, for whom that is hidden.

    Empty for a message that is not theirs.
    """
    found = campaigns.events(engine(settings.get()), UUID(message_id))
    if message(view, message_id) is None:
        return found.clear()
    return found if view.people else found.with_columns(detail=pl.lit(None, pl.String))


@cached
def drafted(frames: Frames, campaign_id: str, fingerprint: str) -> pl.DataFrame:
    """Everybody in a draft, in groups; the fingerprint says which draft."""
    view = view_of(frames)
    return findings.grouped(shown_messages(view, UUID(campaign_id)), directory(view))


def messages(view: View, campaign_id: UUID) -> pl.DataFrame:
    """Everybody in an approved campaign, what needs somebody first."""
    return findings.became(shown_messages(view, campaign_id), directory(view), settings.get().organisation.time_zone)


def shown_messages(view: View, campaign_id: UUID) -> pl.DataFrame:
    """Everybody in a campaign at the accounts of a view; without who they are, where it does not show people."""
    rows = campaigns.messages(engine(settings.get()), campaign_id)
    if view.csm_email is not None:
        rows = rows.filter(pl.col("account_id").is_in(_accounts(view).implode()))
    return rows if view.people else masking.rows(rows)


def answered(view: View, campaign_id: UUID) -> pl.DataFrame:
    """The answers to a campaign that count, of the accounts of a view; whoever opens them reads comments."""
    found = answers.current(engine(settings.get())).filter(pl.col("campaign_id") == str(campaign_id))
    if view.csm_email is not None:
        found = found.filter(pl.col("account_id").is_in(_accounts(view).implode()))
    return found.with_columns(Scope(*view[1:]).person("user_id"))


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
             if (whole := message(view_of(frames), id)) is not None for flag in flags(whole)]  # fmt: skip
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

    def working(self, now: datetime) -> bool:
        """Whether a worker lives."""
        return self.seen_at is not None and now - self.seen_at <= SILENT


def standing() -> Standing:
    """How sending stands now."""
    held = settings.get()
    here = engine(held)
    pulse = sending.pulse(here)
    seen, ok = (None, None) if pulse is None else (datetime.now(UTC) - pulse.ago, pulse.mail_ok)
    return Standing(sending.state(here), seen, ok, held.smtp_url is not None)
