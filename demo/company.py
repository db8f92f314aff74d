"""The whole made-up company: the same for the same seed, day, number of accounts and number of events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from demo import accounts as customers
from demo import catalog, decline, dirty, lives, people, service, voices
from demo.accounts import Account
from demo.contracts import Ledger
from demo.months import Timeline
from demo.people import Person
from demo.usage import Usage

ACCOUNTS, EVENTS, SEED = 440, 1_500_000, 20


@dataclass(frozen=True)
class Plan:
    """What to make: how many accounts and (about) how many events, ending on which day."""

    today: date
    accounts: int = ACCOUNTS
    events: int = EVENTS
    seed: int = SEED


@dataclass(frozen=True)
class Company:
    """A made company: who is in it, and its tables. Only the events are made on demand, piece by piece."""

    plan: Plan
    timeline: Timeline
    accounts: list[Account]
    people: list[Person]
    tables: dict[str, pl.DataFrame]
    usage: Usage

    def events(self) -> Iterator[pl.DataFrame]:
        """The rows of usage.events in order of time, then the bad ones."""
        yield from self.usage.chunks()
        yield dirty.events(self.accounts, self.people, self.timeline, self.usage.next_id)


def cast(plan: Plan) -> tuple[list[Account], Ledger, list[Person]]:
    """The accounts with their lives, the contracts these wrote, and the people."""
    timeline = Timeline(plan.today)
    accounts = customers.make(plan.accounts, timeline, plan.seed)
    ledger = lives.live(accounts, timeline, plan.seed)
    decline.assign(accounts, timeline, plan.seed)
    return accounts, ledger, people.make(accounts, timeline, plan.seed)


def usage_of(plan: Plan) -> Usage:
    """The use of the company that ``plan`` describes, without making its other tables."""
    accounts, _, everybody = cast(plan)
    return Usage(accounts, everybody, Timeline(plan.today), plan.seed, plan.events)


def make(plan: Plan) -> Company:
    """Makes the company that ``plan`` describes."""
    timeline, seed = Timeline(plan.today), plan.seed
    accounts, ledger, everybody = cast(plan)
    tables = {
        "app.staff": catalog.staff(),
        "app.organizations": customers.organizations(accounts, timeline, seed),
        "app.users": people.users(everybody, accounts, seed),
        "app.feature_catalog": catalog.features(),
        "app.plan_features": catalog.plan_features(),
        "app.setup_progress": service.setup_progress(accounts, timeline, seed),
        "app.roadmap_items": catalog.roadmap(timeline),
        "billing.plans": catalog.plans(),
        **ledger.tables(),
        "billing.fx_rates": catalog.fx_rates(timeline, seed),
        "usage.monthly_audience": service.audience(accounts, timeline, seed),
        "feedback.survey_invitations": voices.invitations(accounts, everybody, timeline, seed),
        "feedback.exit_answers": voices.exit_answers(accounts, everybody, timeline, seed),
        "support.tickets": service.tickets(accounts, timeline, seed),
        "crm.activities": service.activities(accounts, everybody, timeline, seed),
        "crm.public_reviews": voices.reviews(accounts, timeline, seed),
    }
    dirty.spoil(tables, accounts, timeline)
    return Company(plan, timeline, accounts, everybody, tables, Usage(accounts, everybody, timeline, seed, plan.events))
