"""The monthly digest: the overview's three sentences and the board pack, to whoever of us subscribed.

``python -m outreach.digest --once`` queues it if it is due, ``--preview`` shows what it would say. It takes the same
way as every message, through the outbox; nobody has to approve it.
"""

from __future__ import annotations

import argparse
import hmac
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

import settings as configuration
from metrics.month_ends import months_later
from outreach import look, tokens
from outreach.names import plain
from outreach.quiet import next_allowed
from queries import frames as snapshots
from queries.errors import NoSnapshot, QueryError
from records import campaigns, corrections, digests, erased, marks
from records.addresses import address_key
from records.campaigns import Attachment, Row
from records.database import engine as records_engine
from records.errors import AlreadyApproved, RecordsError
from reports import freshness, sentences, words
from reports.board_pack import POWERPOINT, BoardNumbers, board_pack, file_name, numbers
from reports.comments import corrected_themes, of_source
from reports.sentences import one
from settings import Access, Role, Settings, SettingsError

PLAY = "digest"
VERSION = "1"
SYSTEM = "Tenure"
"""Who drafts and approves it, in the audit log."""
LATE_DAYS = 7
"""A digest that could not be made for so long is left out: last month is no news any more."""
ROLES: frozenset[Role] = frozenset({"executive", "product", "admin"})
"""The roles that may see its numbers; a person whose role the settings do not name is taken to have one."""
_IDS = UUID("6b0a5f5e-52f6-4a5e-9a53-8a1f0c5d7e21")
"""The id of a month's campaign is made from this one, so that making it again changes nothing."""


@dataclass(frozen=True)
class Digest:
    """What one month's digest says: ``month`` is the first day of the month in which it is sent."""

    month: date
    subject: str
    paragraphs: tuple[str, ...]
    pack: Attachment


def due(settings: Settings, now: datetime) -> int:
    """Queues this month's digest once, when its day has come; returns to how many subscribers.

    0 when it is off, not its day yet or long past it, nobody subscribed, or it is queued already, and while the
    snapshot is too old or of another month: then it waits for a new one. Errors are those of the records.
    """
    today = now.astimezone(ZoneInfo(settings.organisation.time_zone)).date()
    month = today.replace(day=1)
    if not settings.digest.enabled or not 0 <= today.day - settings.digest.day < LATE_DAYS:
        return 0
    engine = records_engine(settings)
    to = [] if digests.queued(engine, month) else _subscribers(engine, settings)
    if not to:
        return 0
    try:
        frames = snapshots.open_snapshot(snapshots.current_id(settings), snapshots.Scope(), settings)
    except NoSnapshot:
        return 0
    if freshness.age(frames, now) > settings.refresh.stale_after or frames.as_of.replace(day=1) != month:
        return 0
    digest = made(_numbers(frames, settings, engine))
    campaign_id = uuid5(_IDS, f"{month}")
    try:
        fingerprint = campaigns.draft(
            engine,
            campaign_id=campaign_id,
            title=digest.subject,
            play=PLAY,
            play_version=VERSION,
            kind="internal",
            channel="email",
            audience={"label": "Subscribers of the digest"},
            rules={},
            rows=rows(digest, settings, campaign_id, to, now),
            author=SYSTEM,
            now=now,
            attachments=[digest.pack],
            secret_key=settings.secret_key,
        )
    except AlreadyApproved:  # another worker was faster
        return 0
    key, by = settings.secret_key, SYSTEM
    queued = digests.queue(engine, month, campaign_id, fingerprint=fingerprint, approver=by, now=now, secret_key=key)
    return queued or 0


def _numbers(frames: snapshots.Frames, settings: Settings, engine: Engine) -> BoardNumbers:
    """The board's numbers with what people corrected and judged, as the overview's board pack has them."""
    tagged = corrected_themes(frames, settings, corrections.current(engine))
    return numbers(frames, settings, tagged=of_source(tagged, "exit_surveys"), marks=marks.current(engine))


def _subscribers(engine: Engine, settings: Settings) -> list[str]:
    """Those who subscribed, and were neither erased since nor given a role that may not see these numbers."""
    found = {(address_key(address), address, None): address for address in digests.subscribers(engine)}
    gone = erased.among(engine, found, secret_key=settings.secret_key)
    return [address for each, address in found.items() if each not in gone and _may_see(address, settings.access)]


def _may_see(address: str, access: Access) -> bool:
    return access.people.get(address.strip().casefold(), "executive") in ROLES


def made(pack: BoardNumbers) -> Digest:
    """The digest of a snapshot's numbers: what the overview says of the last full month, and the board pack."""
    full, currency = pack.full_month, pack.currency
    last, next_month = one(pack.movements, month=full), months_later(full, 2)
    said = (
        sentences.kept(one(pack.changes, measure="grr"), full, pack.movers, currency, write=plain),
        sentences.moved(last, pack.movers, currency, write=plain),
        sentences.ahead(pack.leaving, pack.silent, one(pack.renewals, month=next_month), currency, write=plain),
    )
    content = board_pack(pack)
    return Digest(
        month=months_later(full, 1),
        subject=f"{plain(pack.company)} in {words.month(full)}",
        paragraphs=(*said, f"The board pack is attached. All numbers are as of {words.moment(pack.taken_at)}."),
        pack=Attachment(file_name(pack.as_of), POWERPOINT, content),
    )


def rows(digest: Digest, settings: Settings, campaign_id: UUID, to: Sequence[str], now: datetime) -> list[Row]:
    """One message for each subscriber, to be sent in waking hours; its link stops the digest for that one alone."""
    zone = settings.organisation.time_zone
    wake = next_allowed(now, ZoneInfo(zone), settings.outreach)
    found = []
    for address in to:
        key = address_key(address)
        message_id = _message_id(settings, campaign_id, key)
        text, links = written(digest, settings, tokens.link(settings, "unsubscribe", message_id))
        found.append(
            Row(
                id=message_id,
                account_id="internal",
                address=address,
                address_key=key,
                language="en",
                time_zone=zone,
                subject=digest.subject,
                text=look.plain(text, links=links),
                html=look.html(text, language="en", links=links),
                not_before=wake if wake > now else None,
            )
        )
    return found


def _message_id(settings: Settings, campaign_id: UUID, address_key: str) -> UUID:
    """The same at every try, and nobody's guess: whoever knew it could tell us that the message came back."""
    of = b"tenure.digest" + campaign_id.bytes + address_key.encode()
    return UUID(bytes=hmac.digest((settings.secret_key or "").encode(), of, "sha256")[:16], version=4)


def written(digest: Digest, settings: Settings, stop: str) -> tuple[str, list[str]]:
    """The digest as a text of ``outreach.look``, and the addresses in it that may become links."""
    overview = f"{settings.public_url.rstrip('/')}/overview"
    text = "\n\n".join([*digest.paragraphs, f"[Open the overview]({overview})"])
    footer = f"You get this once a month because you subscribed. [Stop it]({stop})"
    return look.with_footer(text, footer), [overview, stop]


def _preview(settings: Settings) -> str:
    frames = snapshots.open_snapshot(snapshots.current_id(settings), snapshots.Scope(), settings)
    digest = made(_numbers(frames, settings, records_engine(settings)))
    text, links = written(digest, settings, "(a link of the recipient's own)")
    size = words.number(len(digest.pack.content) / 1024)
    return f"Subject: {digest.subject}\n\n{look.plain(text, links=links)}\n[{digest.pack.name}, {size} KB]"


def main(arguments: list[str] | None = None) -> int:
    """The command line; 1 when the digest cannot be made now, 2 when the settings cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m outreach.digest", description="The monthly digest.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--once", action="store_true", help="queue this month's if it is due, and end")
    what.add_argument("--preview", action="store_true", help="show what it would say; writes and sends nothing")
    chosen = parser.parse_args(arguments)
    try:
        held = configuration.get()
        if chosen.preview:
            print(_preview(held))
        else:
            print(f"Queued for {words.plural(due(held, datetime.now(UTC)), 'subscriber')}.")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except (QueryError, RecordsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
