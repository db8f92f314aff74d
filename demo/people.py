"""The people at each account, our own staff's log-ins among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from demo import names
from demo.accounts import Account
from demo.contracts import epoch
from demo.months import Timeline, moment, stream
from demo.names import COUNTRIES
from demo.stories import champion_left_on
from demo.tables import AT, FLAG, WHOLE, WORDS, table

FIRST_ID = 20001
OWN_DOMAIN = "northwind-signals.example"
MEMBER, ADMIN, OWNER = 0, 1, 2
PER_ACCOUNT = 13.55
"""People per account on average."""


@dataclass(frozen=True)
class Person:
    """A person: where, in which role, from when to when, and how keen (1 is ordinary)."""

    id: int
    account: int  # position in the list of accounts
    role: int
    champion: bool
    staff: bool
    joined: date
    left: date | None
    keen: float


def make(accounts: list[Account], timeline: Timeline, seed: int) -> list[Person]:
    """Everybody, account by account."""
    rng = stream(seed, "people")
    sizes = np.array([min(a.seats, 60) ** 0.8 + 2 for a in accounts])
    sizes = sizes / sizes.mean() * PER_ACCOUNT
    everybody: list[Person] = []
    for position, account in enumerate(accounts):
        count = max(2, round(float(sizes[position] * rng.uniform(0.75, 1.25))))
        if account.part in ("sandbox", "void"):
            count = 2
        everybody.extend(_of(account, position, count, FIRST_ID + len(everybody), timeline, rng))
    return everybody


def _of(
    account: Account, position: int, count: int, first: int, timeline: Timeline, rng: np.random.Generator
) -> list[Person]:
    people = []
    for n in range(count):
        champion = n == 1 and count > 3
        joined, left = _stay(account, n, timeline, rng)
        keen = float(np.exp(rng.normal(0, 0.9))) * (2.5 if n < 2 else 1.0)
        if champion:
            left = _champion_left(account, joined, timeline)
            keen *= 2 if account.part == "champion" else 1
        role = OWNER if n == 0 else ADMIN if n == 2 and count > 5 else MEMBER
        people.append(Person(first + n, position, role, champion, False, joined, left, keen))
    if account.id % 9 == 4 and account.part not in ("sandbox", "void"):
        joined = min(account.signed_up + timedelta(days=6), timeline.today - timedelta(days=1))
        people.append(Person(first + count, position, ADMIN, False, True, joined, None, 0.7))
    return people


def _champion_left(account: Account, joined: date, timeline: Timeline) -> date | None:
    """When the champion left; who has only just come stays."""
    if account.part == "champion":
        return champion_left_on(timeline.today)
    left = account.champion_left
    return left if left is not None and (left - joined).days > 30 else None


def _stay(account: Account, n: int, timeline: Timeline, rng: np.random.Generator) -> tuple[date, date | None]:
    """When a person joined, and for some, when they left the company."""
    latest = min(account.left_on or timeline.today, timeline.today) - timedelta(days=1)
    window = max((latest - account.signed_up).days, 0)
    if n == 0:
        return account.signed_up, None
    early = rng.random() < 0.6
    days = rng.integers(0, min(window, 40) + 1) if early else rng.integers(0, window + 1)
    joined = account.signed_up + timedelta(days=int(days))
    if n > 2 and rng.random() < 0.13 and (latest - joined).days > 90:
        return joined, joined + timedelta(days=int(rng.integers(60, (latest - joined).days)))
    return joined, None


def users(people: list[Person], accounts: list[Account], seed: int) -> pl.DataFrame:
    """The table app.users."""
    rng = stream(seed, "users")
    rows = []
    taken: set[str] = set()
    for person in people:
        account = accounts[person.account]
        country = account.country if rng.random() < 0.92 else COUNTRIES[int(rng.integers(len(COUNTRIES)))]
        given, family = names._pick(country.given, rng), names._pick(country.family, rng)
        full = f"{family}{given}" if country.code == "CN" else f"{given} {family}"
        host = OWN_DOMAIN if person.staff else names.domain(account.name, account.id)
        address = _address(given, family, person.id, host, taken)
        left = moment(person.left, 15) if person.left else None
        opted_out = not person.staff and rng.random() < 0.04
        joined = epoch(moment(person.joined, 5.55))
        rows.append(
            (person.id, account.id, full, address, person.role, person.champion, country.locale, country.zone,
             joined, left, not opted_out)
        )  # fmt: skip
    return table(
        rows, id=WHOLE, org_id=WHOLE, full_name=WORDS, email=WORDS, role_code=WHOLE, is_champion=FLAG, ui_locale=WORDS,
        tz=WORDS, created_epoch=WHOLE, deactivated_at=AT, newsletter=FLAG,
    )  # fmt: skip


def _address(given: str, family: str, number: int, host: str, taken: set[str]) -> str:
    """An address in plain letters; the number where the name alone is taken or not Latin."""
    plain = names.domain(f"{given} {family}", 0).removesuffix("-0.example").replace("-", ".")
    local = plain if plain not in ("", "0.example") else f"user{number}"
    address = f"{local}@{host}"
    if address in taken:
        address = f"{local}.{number}@{host}"
    taken.add(address)
    return address
