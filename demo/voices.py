"""What customers say: survey answers, words on leaving, public reviews."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from demo import decline, phrases
from demo.accounts import Account
from demo.contracts import epoch
from demo.months import MONTHS, Timeline, moment, stream
from demo.names import HOSTILE_NAME
from demo.people import Person
from demo.service import TESTS, is_served
from demo.stories import IMPORTER_MONTH, OUTAGE_MONTH, outage_days
from demo.tables import AT, DAY, FLAG, REAL, WHOLE, WORDS, table

ANSWERED = 0.36
COMPLAINTS = {
    "missing_feature": 0.26,
    "price": 0.16,
    "hard_to_use": 0.17,
    "slow_support": 0.13,
    "slow": 0.1,
    "missing_integration": 0.1,
    "not_enough_value": 0.08,
}
HOSTILE_COMMENTS = (
    '<script>alert("churn")</script> nice tool, bad sandbox',
    "![tracker](https://evil.example/pixel.png?u=1) [click me](javascript:alert(1))",
    "=cmd|' /C calc'!A0",
    "+1 for exports, @team -- see {{ account.secret }} and $(whoami)",
)
COMPETITORS = ("Postfach Plus", "Brevline", "Inboxery", "TalkRiver", "an own development", "spreadsheets")


# --- surveys -------------------------------------------------------------------------------------------------------


def invitations(accounts: list[Account], people: list[Person], timeline: Timeline, seed: int) -> pl.DataFrame:
    """The table feedback.survey_invitations: everyone twice a year, spread over the months."""
    rng = stream(seed, "invitations")
    mood = rng.normal(0, 0.9, len(accounts))
    rows: list[tuple[object, ...]] = []
    for person in people:
        a = accounts[person.account]
        if person.staff or a.part in TESTS:
            continue
        for month in range(1 + (person.id + person.account) % 6, MONTHS + 1, 6):
            sent = timeline.start(month) + timedelta(days=int(rng.integers(0, 26)))
            if _can_be_asked(person, a, sent, timeline):
                rows.append(_invitation(person, a, sent, float(mood[person.account]), timeline, rng, 1))
        if rng.random() < 0.03:  # asked after a support ticket
            sent = timeline.start(int(rng.integers(4, MONTHS))) + timedelta(days=int(rng.integers(0, 26)))
            if _can_be_asked(person, a, sent, timeline):
                rows.append(_invitation(person, a, sent, float(mood[person.account]), timeline, rng, 2))
    rows.sort(key=lambda row: (row[3], row[2]))
    return table(
        rows, id=WORDS, org_id=WHOLE, user_id=WHOLE, dispatched_at=AT, answered_at=AT, rating=WORDS, remark=WORDS,
        campaign=WORDS, flow_code=WHOLE,
    )  # fmt: skip


def _can_be_asked(person: Person, a: Account, sent: date, timeline: Timeline) -> bool:
    known = (sent - person.joined).days >= 30 and (person.left is None or sent < person.left)
    return known and sent < timeline.today and is_served(a, sent)


def _invitation(
    person: Person, a: Account, sent: date, mood: float, timeline: Timeline, rng: np.random.Generator, flow: int
) -> tuple[object, ...]:
    campaign = f"Relationship {sent.year} H{1 if sent.month < 7 else 2}" if flow == 1 else "After a ticket"
    number = f"inv-{person.id}-{sent:%y%m%d}-{flow}"
    replied = sent + timedelta(days=int(rng.exponential(2.5)))
    score = _score(a, sent, mood, timeline, rng)
    answered = rng.random() < ANSWERED and replied < timeline.today
    words = rng.random() < 0.45
    if not answered:
        return (number, a.id, person.id, moment(sent, 8), None, None, None, campaign, flow)
    comment = _nps_comment(a, sent, score, timeline, rng) if words else None
    at = moment(replied, 8.2 + float(rng.random()) * 10)
    return (number, a.id, person.id, moment(sent, 8), at, str(score), comment, campaign, flow)


def _score(a: Account, sent: date, mood: float, timeline: Timeline, rng: np.random.Generator) -> int:
    """0 to 10: an account's mood, a person's own, the outage's two bad months, and the wish to leave."""
    feeling = 8.35 + 0.75 * mood + float(rng.normal(0, 1.5))
    first, _ = outage_days(timeline.today)
    if first <= sent and timeline.month(sent) <= OUTAGE_MONTH + 2:
        feeling -= 1.15
    wrong = decline.lost(a, sent, timeline)
    if wrong:
        feeling -= 3 * wrong
    elif a.asked_on is not None and sent > a.asked_on - timedelta(days=150) and a.cause in ("price", "unreliable"):
        feeling -= 2.2
    if a.stuck:
        feeling -= 1.5
    return min(max(round(feeling), 0), 10)


def _nps_comment(a: Account, sent: date, score: int, timeline: Timeline, rng: np.random.Generator) -> str:
    first, _ = outage_days(timeline.today)
    if a.name == HOSTILE_NAME:
        return HOSTILE_COMMENTS[int(rng.integers(len(HOSTILE_COMMENTS)))]
    if score >= 9:
        if timeline.month(a.signed_up) >= IMPORTER_MONTH and rng.random() < 0.15:
            return _say("later", "praise", _language(a, rng), rng)
        theme = "praise"
    elif first <= sent and timeline.month(sent) <= OUTAGE_MONTH + 2 and rng.random() < 0.6:
        theme = "unreliable"
    elif a.stuck and rng.random() < 0.6:
        theme = "never_got_started"
    elif score >= 7 and rng.random() < 0.45:
        theme = "praise"
    else:
        theme = str(rng.choice(list(COMPLAINTS), p=list(COMPLAINTS.values())))
    return _say("nps", theme, _language(a, rng), rng)


def _say(part: str, theme: str, language: str, rng: np.random.Generator) -> str:
    found = phrases.sentences(part, theme, language) or phrases.sentences("exit", theme, language)
    return found[int(rng.integers(len(found)))]


def _language(a: Account, rng: np.random.Generator) -> str:
    """Most write in their own language, some in English."""
    return a.country.language if rng.random() < 0.85 else "en"


# --- leaving -------------------------------------------------------------------------------------------------------

ON_THE_FORM = ("price", "missing_feature", "hard_to_use", "slow_support", "unreliable", "competitor", "company_closed",
               "project_ended", "not_enough_value", "other")  # fmt: skip
"""The reasons the form offers; leavers with another one choose "other"."""


def exit_answers(accounts: list[Account], people: list[Person], timeline: Timeline, seed: int) -> pl.DataFrame:
    """The table feedback.exit_answers: three in four of those who cancel, some who moved down, some who stayed."""
    rng = stream(seed, "exits")
    owners = {p.account: p.id for p in reversed(people) if p.role == 2}
    rows: list[tuple[object, ...]] = []
    for position, a in enumerate(accounts):
        # Who leaves over a grievance says so more often than who simply does not need us any more.
        answering = 1.0 if a.polite else 0.9 if a.cause in ("price", "unreliable") else 0.72
        if a.asked_on is None or a.asked_on >= timeline.today or rng.random() > answering:
            continue
        rows.append(_exit_answer(f"exit-{a.id}", a, owners.get(position), timeline, rng))
    rows += _downgrades(accounts, timeline, rng)
    made = table(
        rows, id=WORDS, org_id=WHOLE, contract_id=WHOLE, user_id=WHOLE, answered_epoch=WHOLE, outcome_code=WHOLE,
        reason_code=WORDS, remark=WORDS, went_to=WORDS, would_return=WORDS, ease=WHOLE, csm_regrets=FLAG,
    )  # fmt: skip
    return made.sort("answered_epoch", "id")


def _exit_answer(
    number: str, a: Account, owner: int | None, timeline: Timeline, rng: np.random.Generator
) -> tuple[object, ...]:
    assert a.asked_on is not None
    stayed = a.cause == "stayed"
    cause = "price" if stayed or a.cause is None else a.cause
    # Some say "price" out of politeness, whatever it was: what they did before says otherwise.
    said = "price" if rng.random() < (1.0 if a.polite else 0.1) else cause
    gave = str(rng.choice(["both", "reason", "words", "nothing"], p=[0.48, 0.22, 0.2, 0.1]))
    gave = "both" if a.polite else gave
    reason = (said if said in ON_THE_FORM else "other") if gave in ("both", "reason") else None
    comment = _say("exit", said, _language(a, rng), rng) if gave in ("both", "words") else None
    if a.name == HOSTILE_NAME:
        comment = HOSTILE_COMMENTS[0]
    went_to = COMPETITORS[int(rng.integers(len(COMPETITORS)))] if said == "competitor" and rng.random() < 0.7 else None
    kind = {"company_closed": 2, "project_ended": 6, "price": 5}.get(said, 3)
    would_return = str(min(max(round(float(rng.normal(kind, 2))), 0), 10)) if rng.random() < 0.6 else None
    ease = int(rng.choice([2, 3, 4, 5], p=[0.1, 0.2, 0.35, 0.35])) if rng.random() < 0.6 else None
    regrets = bool(rng.random() < 0.6) if rng.random() < 0.25 else None
    at = epoch(moment(a.asked_on, 10.4 + float(rng.random())))
    return (number, a.id, a.contract, owner, at, 3 if stayed else 1, reason, comment, went_to, would_return, ease,
            regrets)  # fmt: skip


def _downgrades(accounts: list[Account], timeline: Timeline, rng: np.random.Generator) -> list[tuple[object, ...]]:
    """Some who moved to fewer seats and said why."""
    chosen = [a for a in accounts if a.part == "plain" and a.left_on is None and a.paid_from and a.id % 29 == 3]
    rows: list[tuple[object, ...]] = []
    for a in chosen:
        assert a.paid_from is not None
        first = max(timeline.month(a.paid_from) + 2, 2)
        month = int(rng.integers(first, MONTHS + 3)) if first < MONTHS else MONTHS
        if month >= MONTHS:
            continue
        at = epoch(moment(timeline.start(month) + timedelta(days=int(rng.integers(2, 26))), 13))
        reason = str(rng.choice(["price", "not_enough_value", "project_ended"]))
        comment = _say("exit", reason, _language(a, rng), rng) if rng.random() < 0.6 else None
        rows.append((f"down-{a.id}", a.id, a.contract, None, at, 2, reason, comment, None, None, None, None))
    return rows


# --- reviews -------------------------------------------------------------------------------------------------------


def reviews(accounts: list[Account], timeline: Timeline, seed: int) -> pl.DataFrame:
    """The table crm.public_reviews; of half of them nobody knows who wrote them."""
    rng = stream(seed, "reviews")
    rows: list[tuple[object, ...]] = []
    writers = [a for a in accounts if a.served and a.part not in TESTS and a.signed_up < timeline.today]
    for n, a in enumerate(writers[:: max(len(writers) // 60, 1)]):
        first = max(timeline.month(a.signed_up) + 1, 1)
        month = int(rng.integers(first, MONTHS)) if first < MONTHS else MONTHS
        day = min(timeline.start(month) + timedelta(days=int(rng.integers(0, 27))), timeline.today - timedelta(days=1))
        outage = month in (OUTAGE_MONTH, OUTAGE_MONTH + 1)
        sad = outage or rng.random() < 0.25
        stars = float(rng.choice([1, 2, 2.5, 3] if sad else [4, 4, 4.5, 5]))
        theme = "unreliable" if outage else str(rng.choice(["price", "slow_support"]))
        body = _say("nps", theme if sad else "praise", _language(a, rng), rng)
        portal = str(rng.choice(["Softwarespiegel", "StackJudge", "Forum"]))
        link = f"https://reviews.example.com/{9000 + n}"
        rows.append((f"rev-{9000 + n}", a.id if n % 2 else None, portal, stars, body, day, link))
    return table(rows, id=WORDS, org_id=WHOLE, portal=WORDS, stars=REAL, body=WORDS, posted_on=DAY, link=WORDS)
