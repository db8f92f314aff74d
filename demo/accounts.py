"""Who the customers are: when they signed up, how much they are worth, and which part each plays."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from demo import names
from demo.catalog import SEAT_CENTS, STAFF
from demo.decline import Slump
from demo.months import MONTHS, Timeline, moment, stream
from demo.names import COUNTRIES, Country
from demo.stories import IMPORTER_MONTH, zombie_count
from demo.tables import AT, FLAG, WHOLE, WORDS, table

FIRST_ID = 1001
LEGACY_SHARE = 0.36
"""Share of accounts that signed up before month 1."""
STUCK_BEFORE, STUCK_AFTER = 0.43, 0.07
"""Share of new accounts that never get their users imported, before and after the importer."""

LOSING = ("paused", "paused too long", "parked", "not paid", "returned", "over the price", "after the outage")
"""Parts that take MRR away; their accounts are small enough not to drown everything else that month."""

GOALS = (
    "Answer customers within two hours",
    "One inbox for three brands",
    "Fewer calls, more self-service",
    "Replace the old newsletter tool",
    "Win back lapsed buyers",
    "See which messages lead to orders",
    "Support in four languages",
)


@dataclass
class Account:
    """A customer, what it pays in the beginning, its part in the company's story, and (later) its life."""

    id: int
    name: str
    country: Country
    signed_up: date
    plan: int
    seats: int
    discount: float
    annual: bool
    sector: str
    csm: int
    currency: str
    part: str = "plain"
    stuck: bool = False
    metered: bool = False
    integration: bool = False
    parent: int | None = None
    served: list[tuple[date, date | None]] = field(default_factory=list)
    left_on: date | None = None
    asked_on: date | None = None
    cause: str | None = None
    polite: bool = False
    contract: int | None = None
    paid_from: date | None = None
    slump: Slump | None = None
    champion_left: date | None = None

    @property
    def paying(self) -> bool:
        """Whether it pays on the day of loading, or would once it starts."""
        return self.paid_from is not None and self.left_on is None


def parts(accounts: int) -> list[tuple[str, int]]:
    """The special parts and how many accounts play each, the most needed first."""

    def share(of: float, least: int = 1) -> int:
        return max(least, round(of * accounts))

    return [
        ("champion", 1),
        ("group", 1),
        ("folded", 1),
        ("zombie", zombie_count(accounts)),
        ("leaving", share(0.012)),
        ("over the price", share(0.025)),
        ("after the outage", share(0.012)),
        ("paused", share(0.012, 2)),
        ("late", share(0.002)),
        ("past due", share(0.008)),
        ("returned", share(0.022, 2)),
        ("resumed", share(0.022, 2)),
        ("not paid", share(0.018, 2)),
        ("renewed late", share(0.012)),
        ("shrunk", share(0.016, 2)),
        ("parked", share(0.008)),
        ("paused too long", share(0.006)),
        ("free", share(0.015)),
        ("integration only", share(0.008)),
        ("hostile", 1),
        ("krona", 1),
        ("two contracts", share(0.012)),
        ("unmoved", share(0.004)),
    ]


def make(accounts: int, timeline: Timeline, seed: int) -> list[Account]:
    """``accounts`` customers in the order of their sign-up, test accounts and a mistake among them."""
    rng = stream(seed, "accounts")
    days = _sign_up_days(accounts, timeline, rng)
    countries = [COUNTRIES[i] for i in rng.choice(len(COUNTRIES), accounts, p=_country_shares())]
    titles = names.company_names(countries, rng)
    worth = np.exp(rng.normal(np.log(40000), 0.76, accounts))
    made = [_account(FIRST_ID + i, titles[i], countries[i], days[i], float(worth[i]), rng) for i in range(accounts)]
    for account in made:
        month = timeline.month(account.signed_up)
        if month >= 1:
            account.stuck = bool(rng.random() < (STUCK_BEFORE if month < IMPORTER_MONTH else STUCK_AFTER))
        account.metered = bool(rng.random() < 0.12)
        account.integration = bool(rng.random() < 0.2) and account.plan >= 1
    _cast_parts(made, timeline, rng)
    return made


def _country_shares() -> list[float]:
    total = sum(country.share for country in COUNTRIES)
    return [country.share / total for country in COUNTRIES]


def _sign_up_days(accounts: int, timeline: Timeline, rng: np.random.Generator) -> list[date]:
    legacy = round(accounts * LEGACY_SHARE)
    before = rng.integers(20, 700, legacy)
    days = [timeline.first - timedelta(days=int(back)) for back in before]
    weights = np.linspace(0.9, 1.1, MONTHS)
    running = max((timeline.today - timeline.start(MONTHS)).days, 0)
    weights[-1] *= running / 30
    exact = np.cumsum(weights / weights.sum()) * (accounts - legacy)
    counts = np.diff(np.round(np.concatenate([[0.0], exact]))).astype(int)
    for month, count in enumerate(counts, start=1):
        start, end = timeline.start(month), min(timeline.start(month + 1), timeline.today)
        length = max((end - start).days, 1)
        offsets = rng.integers(0, length, count)
        days.extend(_weekday(start + timedelta(days=int(offset)), start) for offset in offsets)
    return sorted(days)


def _weekday(day: date, not_before: date) -> date:
    """The working day at or before ``day``: companies sign up on working days, mostly."""
    return max(day - timedelta(days=max(day.weekday() - 4, 0)), not_before)


def _account(
    number: int, name: str, country: Country, signed_up: date, worth: float, rng: np.random.Generator
) -> Account:
    plan = int(np.searchsorted([24000, 60000, 130000], worth))
    return Account(
        id=number,
        name=name,
        country=country,
        signed_up=signed_up,
        plan=plan,
        seats=max(2, round(worth / SEAT_CENTS[plan])),
        discount=float(rng.choice([0, 0, 0, 0.05, 0.1, 0.15])),
        annual=bool(rng.random() < (0.35, 0.5, 0.68, 0.85)[plan]),
        sector=names.TRADE_SECTORS[int(rng.integers(len(names.TRADE_SECTORS)))],
        csm=STAFF[int(rng.integers(len(STAFF)))][0],
        currency=country.currency,
    )


def _cast_parts(accounts: list[Account], timeline: Timeline, rng: np.random.Generator) -> None:
    """Gives the special parts to settled accounts; the newest sign-ups get those that need a fresh account."""
    settled = [a for a in accounts if timeline.month(a.signed_up) <= IMPORTER_MONTH + 2 and not a.stuck]
    order = [settled[i] for i in rng.permutation(len(settled))]
    room = max(int(len(order) * 0.75), 4)
    roles = [name for name, count in parts(len(accounts)) for _ in range(count)]
    for account, part in zip(order[:room], roles, strict=False):
        account.part = part
    fresh = [a for a in accounts if timeline.month(a.signed_up) >= MONTHS - 1 and a.part == "plain"]
    for account, part in zip(fresh[::-3], ("planned", "planned"), strict=False):
        account.part, account.stuck = part, False
    plain = [a for a in order[room:] if a.part == "plain"]
    for account, part in zip(plain, ("sandbox", "sandbox", "sandbox", "void"), strict=False):
        account.part = part
    _set_scenes(accounts)


def _set_scenes(accounts: list[Account]) -> None:
    """Fits plan, currency and name to the part."""
    by_code = {country.code: country for country in COUNTRIES}
    group = next((a for a in accounts if a.part == "group"), None)
    for a in accounts:
        if a.part == "champion":
            a.name, a.country, a.plan, a.seats, a.annual = names.CHAMPION_NAME, by_code["DE"], 2, 32, True
        elif a.part in ("group", "folded"):
            a.name = names.GROUP_NAME if a.part == "group" else names.FOLDED_NAME
            a.country, a.plan, a.seats, a.annual = by_code["GB"], 2, 30 if a.part == "group" else 12, False
        elif a.part == "hostile":
            a.name, a.country, a.seats = names.HOSTILE_NAME, by_code["GB"], 9
        elif a.part == "zombie":
            a.annual, a.integration = True, False
        elif a.part == "integration only":
            a.plan, a.seats, a.integration = max(a.plan, 1), max(a.seats, 4), True
        elif a.part in LOSING:
            a.plan, a.seats = min(a.plan, 2), min(a.seats, 12)
        elif a.part in ("sandbox", "void"):
            a.name = "Test workspace" if a.part == "sandbox" else "asdf"
        a.currency = "SEK" if a.part == "krona" else a.country.currency
        if a.part == "folded" and group is not None:
            a.parent = group.id


def organizations(accounts: list[Account], timeline: Timeline, seed: int) -> pl.DataFrame:
    """The table app.organizations."""
    rng = stream(seed, "organizations")
    rows = []
    for number, a in enumerate(accounts):
        blocked = a.paying and number % 173 == 40
        escalated = a.paying and number % 149 == 25
        opened = moment(timeline.today - timedelta(days=int(rng.integers(2, 20))), 9.5) if escalated else None
        size = 1 if a.seats * SEAT_CENTS[a.plan] < 25000 else 2 if a.plan < 3 else 3
        goal = GOALS[int(rng.integers(len(GOALS)))] if rng.random() < 0.45 else None
        state = {"sandbox": "sandbox", "void": "void"}.get(a.part, "live")
        parent = a.parent
        signed_up = moment(a.signed_up, 5 + float(rng.random()) * 0.5)
        rows.append(
            (a.id, parent, a.name, size, a.sector, a.country.code, a.country.locale, a.csm, signed_up, goal, opened,
             blocked, f"C-{a.id:05d}", state)
        )  # fmt: skip
    return table(
        rows, id=WHOLE, group_id=WHOLE, display_name=WORDS, size_code=WHOLE, sector=WORDS, country_code=WORDS,
        ui_locale=WORDS, csm_id=WHOLE, created_at=AT, goal_note=WORDS, escalation_opened_at=AT, contact_blocked=FLAG,
        crm_ref=WORDS, state=WORDS,
    )  # fmt: skip
