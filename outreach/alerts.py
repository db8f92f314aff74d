"""Tells the team, through Apprise, what should not wait: ``python -m outreach.alerts --once``.

An account turned red, somebody gave a low score, a renewal comes closer and nobody has been in contact. Off unless
``ALERT_URLS`` is set. An account is told about at most once a week, and the same cause only once.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import polars as pl

import settings as configuration
from metrics.contacts import contacts, next_renewals
from metrics.month_ends import month_of
from outreach.names import plain
from queries import frames as snapshots
from queries.errors import NoSnapshot, QueryError
from queries.frames import Frames
from records import alerts as told
from records import campaigns
from records.database import engine as records_engine
from records.errors import RecordsError
from reports import freshness, words
from reports.asked import health_history_of, health_of
from settings import Settings, SettingsError

KINDS = ("detractor", "red", "renewal")
"""What is told, the most urgent first: of an account with several causes, the first is told this week."""
DETRACTOR = 6
"""The highest score of a detractor, as in ``metrics.nps``."""
FRESH_DAYS = 7
"""An older answer is no news: turning alerts on must not tell of a year of answers."""
MOST = 20
"""Accounts told about in one message; those that are left are told about in the next."""
REMEMBERED = timedelta(days=400)
ATTEMPTS = 3
log = logging.getLogger("tenure.alerts")

Tell = Callable[[str, str], bool]
"""Sends a title and a text to the team; whether it arrived."""


@dataclass(frozen=True)
class Alert:
    """One cause to look at an account. ``cause`` is a sentence that names no person, and stays the same from day to
    day, so that it is told once."""

    account_id: str
    kind: str
    name: str
    cause: str


def due(settings: Settings, now: datetime, *, tell: Tell | None = None) -> int:
    """Tells the team what is new, in one message; returns about how many accounts.

    0 when alerts are off, there is no snapshot, or it is too old to act on. Nothing is told twice, even if telling
    fails: an account's week is spent before it is told about. Errors are those of the records.
    """
    if settings.alert_urls is None:
        return 0
    try:
        frames = snapshots.open_snapshot(snapshots.current_id(settings), snapshots.Scope(), settings)
    except NoSnapshot:
        return 0
    if freshness.age(frames, now) > settings.refresh.stale_after:
        return 0
    engine = records_engine(settings)
    before = told.alerts(engine, since=now - REMEMBERED)
    sent = campaigns.history(engine, now - timedelta(days=max(settings.alerts.renewal_days, 1)))
    week = now.astimezone(ZoneInfo(settings.organisation.time_zone)).date()
    new = [
        alert
        for alert in _new(found(frames, settings, sent=sent), before, frames.as_of, week)[:MOST]
        if told.once(engine, alert.account_id, week=week, kind=alert.kind, cause=alert.cause, now=now)
    ]
    if new and not (tell or teller(settings.alert_urls))(*message(new, settings)):
        log.error("the team could not be told about %d accounts: no address in ALERT_URLS took the message", len(new))
    return len(new)


def found(frames: Frames, settings: Settings, *, sent: pl.DataFrame | None = None) -> list[Alert]:
    """Every cause there is in a snapshot, told before or not, the most urgent kind first.

    ``sent`` are messages of ours (``records.campaigns.history``): to whoever got one, somebody has been in contact.
    """
    switches = settings.alerts
    rows = [
        *(_detractors(frames) if switches.detractor else []),
        *(_red(frames, settings) if switches.red else []),
        *(_renewals(frames, settings, sent) if switches.renewal_days else []),
    ]
    names = dict(frames.accounts.select("account_id", "name").collect().iter_rows())
    return [Alert(id, kind, plain(names.get(id) or id), cause) for id, kind, cause in rows]


def message(alerts: Sequence[Alert], settings: Settings) -> tuple[str, str]:
    """The title and the text of the message that tells of ``alerts``: a paragraph and a link for each."""
    first = alerts[0]
    title = f"{first.name}: worth a look" if len(alerts) == 1 else f"{len(alerts)} accounts are worth a look"
    url = settings.public_url.rstrip("/")
    parts = [f"{each.name}: {each.cause}\n{url}/account?account={quote(each.account_id, safe='')}" for each in alerts]
    return title, "\n\n".join(parts)


def teller(urls: str) -> Tell:
    """Tells the addresses in ``urls``, each on its own, up to three times; True when any of them took it."""

    def tell(title: str, text: str) -> bool:
        import apprise  # a second of imports that only those who use it should wait for

        targets = apprise.Apprise()
        with _unheard("apprise"):  # it repeats an address that it cannot read, tokens and all
            known = targets.add(urls)
        if not known:
            log.error("ALERT_URLS holds an address that Apprise does not know")
        delivered = [_delivered(target, title, text) for target in targets]
        return any(delivered)

    return tell


@contextmanager
def _unheard(name: str) -> Iterator[None]:
    """What is told to this logger meanwhile goes nowhere."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _delivered(target: Any, title: str, text: str, *, sleep: Callable[[float], None] = time.sleep) -> bool:
    import apprise

    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(attempt * 2.0)
        one = apprise.Apprise()
        one.add(target)
        if one.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT):
            return True
    return False


def _new(alerts: Sequence[Alert], before: pl.DataFrame, as_of: date, week: date) -> list[Alert]:
    """Per account the most urgent cause that was not told, where nothing was told this week."""
    monday = week - timedelta(days=week.weekday())
    busy = set(before.filter(pl.col("week") == monday)["account_id"])
    causes = set(before.select("account_id", "cause").iter_rows())
    this_month = before.filter(pl.col("kind") == "red", pl.col("at").dt.date() >= month_of(as_of))
    red = set(this_month["account_id"])
    chosen: dict[str, Alert] = {}
    for alert in alerts:
        known = alert.account_id in red if alert.kind == "red" else (alert.account_id, alert.cause) in causes
        if alert.account_id not in busy and not known:
            chosen.setdefault(alert.account_id, alert)
    return list(chosen.values())


def _detractors(frames: Frames) -> list[tuple[str, str, str]]:
    """Scores of 0 to 6 of the last week, the newest first."""
    on = pl.col("responded_at").dt.date()
    since = frames.as_of - timedelta(days=FRESH_DAYS)
    answered = frames.nps.filter(pl.col("score") <= DETRACTOR, on > since, on <= frames.as_of)
    rows = answered.select("account_id", "score", on.alias("on"), "responded_at").collect()
    rows = rows.sort("responded_at", "account_id", descending=[True, False])
    return [
        (id, "detractor", f"Somebody gave a {score} on {words.day(day)}.")
        for id, score, day in rows.select("account_id", "score", "on").iter_rows()
    ]


def _red(frames: Frames, settings: Settings) -> list[tuple[str, str, str]]:
    """Accounts whose computed health is red and was not at the last month end, the lowest score first.

    None while events cannot be read: the days since look as though nobody had used the product.
    """
    if "events" in frames.failed:
        return []
    now = health_of(frames, settings).filter(band="red").select("account_id", "score")
    if now.is_empty():
        return []
    past = health_history_of(frames, settings, months=1).filter(pl.col("score").is_not_null())
    before = past.select("account_id", "month_end", before="score", was="band")
    both = now.join(before, on="account_id").filter(pl.col("was") != "red").sort("score", "account_id")
    return [
        (id, "red", f"Its health turned red: {score:.0f}, after {was:.0f} at the end of {words.month(end)}.")
        for id, score, end, was in both.select("account_id", "score", "month_end", "before").iter_rows()
    ]


def _renewals(frames: Frames, settings: Settings, sent: pl.DataFrame | None) -> list[tuple[str, str, str]]:
    """Renewals within the settings' days, of accounts that nobody was in contact with for as long, or plans to be.

    A term no longer than those days is left out: a monthly plan renews twelve times a year without anybody's help.
    """
    as_of, days = frames.as_of, timedelta(days=settings.alerts.renewal_days)
    had = frames.touches.select("account_id", "direction", on=pl.col("occurred_at").dt.date())
    touches = pl.concat([had, _ours(sent, frames.manifest.time_zone)]).rename({"on": "occurred_at"})
    rows = contacts(touches, frames.subscriptions, as_of=as_of, grace_days=settings.revenue.grace_days)
    long = pl.col("billing_months").fill_null(12) * 30 > days.days
    rows = rows.drop("renews_on").join(next_renewals(frames.subscriptions.filter(long), as_of=as_of), on="account_id")
    near = pl.col("renews_on").is_between(as_of, as_of + days)
    quiet = pl.col("last_contact_on").is_null() | (pl.col("last_contact_on") < as_of - days)
    unplanned = pl.col("next_contact_on").is_null() | (pl.col("next_contact_on") > pl.col("renews_on"))
    found = rows.filter(near, quiet, unplanned, ~pl.col("leaving").fill_null(False)).sort("renews_on", "account_id")
    return [
        (id, "renewal", f"It renews on {words.day(renews)}, and {_silence(last)}.")
        for id, renews, last in found.select("account_id", "renews_on", "last_contact_on").iter_rows()
    ]


def _silence(last: date | None) -> str:
    return "nobody has ever been in contact" if last is None else f"the last contact was on {words.day(last)}"


def _ours(sent: pl.DataFrame | None, zone: str) -> pl.LazyFrame:
    """Messages that went out, as contacts."""
    if sent is None:
        return pl.LazyFrame(schema={"account_id": pl.String, "direction": pl.String, "on": pl.Date})
    on = pl.col("sending_at").dt.convert_time_zone(zone).dt.date()
    gone = sent.lazy().filter(
        pl.col("state") == "sent", pl.col("kind") != "internal", pl.col("sending_at").is_not_null()
    )
    return gone.select("account_id", direction=pl.lit("out"), on=on)


def main(arguments: list[str] | None = None) -> int:
    """The command line; 1 when the team could not be asked about, 2 when the settings cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m outreach.alerts", description="Tell the team what is new.")
    parser.add_argument("--once", action="store_true", required=True, help="look once, tell, and end")
    parser.parse_args(arguments)
    try:
        held = configuration.get()
        if held.alert_urls is None:
            print("ALERT_URLS is not set, so nobody is told anything.")
            return 0
        print(f"Told about {words.plural(due(held, datetime.now(UTC)), 'account')}.")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except (QueryError, RecordsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
