"""What the company does with its customers day by day: set-up steps, reach, tickets, calls and mails."""

from __future__ import annotations

import zlib
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from demo import decline, phrases
from demo.accounts import Account
from demo.months import MONTHS, Timeline, moment, stream
from demo.people import Person
from demo.stories import IMPORTER_MONTH, OUTAGE_MONTH, SEASONAL_MONTHS, champion_left_on, outage_days
from demo.tables import AT, FLAG, WHOLE, WORDS, table

TESTS = ("sandbox", "void")


def customers(accounts: list[Account]) -> list[Account]:
    """Accounts that are, or were, served; test accounts apart."""
    return [a for a in accounts if a.served and a.part not in TESTS]


def served_months(account: Account, timeline: Timeline) -> list[int]:
    """The months of the timeline in which an account is served for at least ten days."""
    months = []
    for month in range(1, MONTHS + 1):
        start, end = timeline.start(month), min(timeline.start(month + 1), timeline.today)
        days = sum(max((min(until or end, end) - max(since, start)).days, 0) for since, until in account.served)
        if days >= 10:
            months.append(month)
    return months


def is_served(account: Account, day: date) -> bool:
    """Whether an account is served on ``day``."""
    return any(since <= day and (until is None or day < until) for since, until in account.served)


def setup_progress(accounts: list[Account], timeline: Timeline, seed: int) -> pl.DataFrame:
    """The table app.setup_progress: the steps that are a state, not a use."""
    rng = stream(seed, "setup progress")
    rows = []
    for a in customers(accounts):
        verified = a.signed_up + timedelta(days=int(rng.integers(0, 6)))
        slow = 26 if timeline.month(a.signed_up) < IMPORTER_MONTH else 11
        live = verified + timedelta(days=int(rng.integers(3, slow + 4)))
        if rng.random() < 0.95 and verified < timeline.today:
            rows.append((a.id, "verify domain", moment(verified, 9 + rng.random() * 6)))
        if not a.stuck and rng.random() < 0.93 and live < timeline.today and is_served(a, live):
            rows.append((a.id, "go live", moment(live, 9 + rng.random() * 6)))
    return table(rows, org_id=WHOLE, step=WORDS, done_at=AT)


def audience(accounts: list[Account], timeline: Timeline, seed: int) -> pl.DataFrame:
    """The table usage.monthly_audience; full months only."""
    rng = stream(seed, "audience")
    rows = []
    for a in customers(accounts):
        level = a.seats * float(np.exp(rng.normal(4.2, 0.6)))
        for month in served_months(a, timeline):
            start = timeline.start(month)
            season = 0.75 if start.month in SEASONAL_MONTHS else 1.0
            level *= float(np.exp(rng.normal(0.012, 0.06)))
            size = 0.1 * level if a.stuck or (a.part == "zombie" and month > MONTHS - 4) else level
            if month < MONTHS:
                size *= 1 - 0.7 * decline.lost(a, start + timedelta(days=14), timeline)
                rows.append((a.id, start.year * 100 + start.month, round(size * season)))
    return table(rows, org_id=WHOLE, yyyymm=WHOLE, contacts=WHOLE)


# --- tickets -------------------------------------------------------------------------------------------------------


def tickets(accounts: list[Account], timeline: Timeline, seed: int) -> pl.DataFrame:
    """The table support.tickets: a trickle, and a burst of urgent ones in the week of outages."""
    rng = stream(seed, "tickets")
    opened: list[tuple[Account, datetime, int, str]] = []
    for a in customers(accounts):
        unhappy = 2.2 if a.cause in ("slow_support", "unreliable", "hard_to_use", "billing_dispute") else 1.0
        for month in served_months(a, timeline):
            for _ in range(int(rng.poisson(0.42 * unhappy * (1.5 if a.stuck else 1)))):
                day = timeline.start(month) + timedelta(days=int(rng.integers(0, 28)))
                if day < timeline.today and is_served(a, day):
                    priority = int(rng.choice([1, 2, 3, 4], p=[0.04, 0.16, 0.6, 0.2]))
                    theme = "stuck" if a.stuck and rng.random() < 0.6 else "usual"
                    opened.append((a, _working_hour(day, rng), priority, theme))
        opened.extend(_outage_tickets(a, timeline, rng))
    opened.sort(key=lambda ticket: (ticket[1], ticket[0].id))
    rows = [_ticket(40001 + n, *ticket, timeline, rng) for n, ticket in enumerate(opened)]
    return table(
        rows, id=WHOLE, org_id=WHOLE, opened_ms=WHOLE, closed_ms=WHOLE, priority_code=WHOLE, title=WORDS, rating=WORDS,
        rated_ms=WHOLE,
    )  # fmt: skip


def _outage_tickets(
    a: Account, timeline: Timeline, rng: np.random.Generator
) -> list[tuple[Account, datetime, int, str]]:
    first, last = outage_days(timeline.today)
    found = []
    for offset in range((last - first).days + 2):
        day = first + timedelta(days=offset)
        if is_served(a, day) and rng.random() < 0.2:
            found.append((a, _working_hour(day, rng), 1 if rng.random() < 0.7 else 2, "outage"))
    return found


def _working_hour(day: date, rng: np.random.Generator) -> datetime:
    return moment(day, float(rng.uniform(7, 17)))


def _ticket(
    number: int, a: Account, opened: datetime, priority: int, theme: str, timeline: Timeline, rng: np.random.Generator
) -> tuple[object, ...]:
    hours = float(np.exp(rng.normal(np.log((5, 14, 30, 55)[priority - 1]), 0.8)))
    if theme == "outage" or a.cause == "slow_support":
        hours *= 3
    wrong = decline.lost(a, opened.date(), timeline)
    hours *= 1 + 3 * wrong
    closed = opened + timedelta(hours=hours)
    latest = moment(timeline.today, 0)
    done = closed < latest and rng.random() < 0.985
    rating = rated = None
    if done and rng.random() < 0.38 and (at := closed + timedelta(hours=float(rng.uniform(1, 40)))) < latest:
        sad = theme == "outage" or a.cause == "slow_support" or wrong > 0.5
        rating = str(int(rng.choice([1, 2, 3, 4, 5], p=[0.3, 0.25, 0.2, 0.15, 0.1] if sad else
                                    [0.04, 0.06, 0.12, 0.33, 0.45])))  # fmt: skip
        rated = _ms(at)
    titles = phrases.sentences("ticket", theme, a.country.language)
    title = titles[int(rng.integers(len(titles)))]
    return (number, a.id, _ms(opened), _ms(closed) if done else None, priority, title, rating, rated)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


# --- contacts ------------------------------------------------------------------------------------------------------

NOTES = {
    "call": ("Check-in call", "Walked through the reports", "Asked about the renewal", "Talked about the new inbox"),
    "email": (
        "Sent the release notes",
        "Answered a question on seats",
        "Shared the set-up guide",
        "Thanked for feedback",
    ),
    "meeting": ("Quarterly review", "Kick-off", "Training for new colleagues", "Planning the next half-year"),
    "chat": ("Quick question on exports", "Asked for an invoice copy", "Wanted to add a colleague"),
}


def activities(accounts: list[Account], people: list[Person], timeline: Timeline, seed: int) -> pl.DataFrame:
    """The table crm.activities: past contacts, and planned ones for the weeks to come."""
    rng, answers = stream(seed, "activities"), stream(seed, "who still answers")
    contacts: dict[int, int] = {}
    for person in people:
        if person.left is None and not person.staff:
            contacts.setdefault(person.account, person.id)
    rows: list[tuple[object, ...]] = []
    for position, a in enumerate(accounts):
        if not a.served or a.part in TESTS:
            continue
        pace = 0.25 + 0.22 * a.plan
        for month in served_months(a, timeline):
            busy = 2.5 if month in (OUTAGE_MONTH, OUTAGE_MONTH + 1) else 1.0
            for _ in range(int(rng.poisson(pace * busy))):
                day = timeline.start(month) + timedelta(days=int(rng.integers(0, 28)))
                if day < timeline.today and day.weekday() < 5:
                    made = _activity(a, contacts.get(position), day, timeline, rng)
                    if answers.random() >= 1.3 * decline.lost(a, day, timeline):
                        rows.append(made)
        if a.left_on is None and rng.random() < 0.12 + 0.1 * a.plan:
            day = timeline.today + timedelta(days=int(rng.integers(1, 45)))
            rows.append(_activity(a, contacts.get(position), day, timeline, rng, planned=True))
        if a.part == "champion":
            day = champion_left_on(timeline.today) + timedelta(days=4)
            note = "Auto-reply: no longer with the company"
            rows.append((_key(a, day, note), a.id, None, "email", True, moment(day, 9.2), note))
    found = table(rows, id=WORDS, org_id=WHOLE, person_id=WHOLE, medium=WORDS, inbound=FLAG, happens_at=AT, note=WORDS)
    return found.unique("id", keep="first", maintain_order=True)


def _activity(
    a: Account, person: int | None, day: date, timeline: Timeline, rng: np.random.Generator, *, planned: bool = False
) -> tuple[object, ...]:
    medium = "meeting" if planned else str(rng.choice(["call", "email", "meeting", "chat"], p=[0.3, 0.45, 0.15, 0.1]))
    note = NOTES[medium][int(rng.integers(len(NOTES[medium])))]
    inbound = not planned and bool(rng.random() < (0.9 if medium == "chat" else 0.3))
    return (_key(a, day, note), a.id, person, medium, inbound, moment(day, float(rng.integers(7, 16))), note)


def _key(a: Account, day: date, note: str) -> str:
    """A CRM key that depends on what it names, so that adding a contact does not renumber the others."""
    return f"act-{zlib.crc32(f'{a.id} {day} {note}'.encode()):08x}-{a.id}"
