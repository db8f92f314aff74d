"""The contracts that accounts sign, change, pause, let lapse and cancel, written as a billing system keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import polars as pl

from demo.accounts import Account
from demo.catalog import PLANS, SEAT_CENTS
from demo.months import Timeline, add_months, moment
from demo.stories import PRICE_MONTH, PRICE_RISE
from demo.tables import AT, DAY, WHOLE, WORDS, table

RECURRING, METERED, TRIAL, FREE, ON_HOLD, DATA_KEPT = 1, 2, 3, 4, 5, 6
CANCELLED, NOT_PAID, FOLLOWED, BY_MISTAKE = 1, 2, 3, 4
DATA_KEPT_CENTS = 1900


def epoch(at: datetime) -> int:
    """Seconds since 1970."""
    return int(at.timestamp())


@dataclass
class Ledger:
    """The rows of the billing tables, as they are written."""

    timeline: Timeline
    contracts: list[tuple[object, ...]] = field(default_factory=list)
    lines: list[tuple[object, ...]] = field(default_factory=list)
    cancellations: list[tuple[object, ...]] = field(default_factory=list)
    dunning: list[tuple[object, ...]] = field(default_factory=list)

    def contract(self, account: Account, *, annual: bool) -> int:
        """A new contract; its number."""
        number = 70001 + len(self.contracts)
        self.contracts.append((number, account.id, account.currency, 12 if annual else 1, 30 if annual else 0))
        return number

    def line(
        self,
        contract: int,
        charge: int,
        monthly_cents: int,
        start: date,
        end: date | None,
        *,
        plan: int,
        seats: int | None = None,
        position: str = "base",
        term_ends: date | None = None,
        end_code: int | None = None,
    ) -> None:
        """One stretch of one line at one price."""
        cycle = self.contracts[contract - 70001][3]
        assert isinstance(cycle, int)
        self.lines.append(
            (500001 + len(self.lines), contract, position, PLANS[plan][0], charge, monthly_cents * cycle, seats,
             start, end, term_ends, end_code)
        )  # fmt: skip

    def cancel(self, contract: int, asked_on: date, effective_on: date, *, withdrawn: date | None = None) -> None:
        """The customer asked to leave."""
        taken_back = moment(withdrawn, 11) if withdrawn else None
        number = 9001 + len(self.cancellations)
        asked = epoch(moment(asked_on, 10.25))
        self.cancellations.append((number, contract, asked, None, effective_on, taken_back))

    def owe(self, contract: int, opened_on: date, *, settled_on: date | None = None) -> None:
        """A payment failed."""
        settled = moment(settled_on, 8) if settled_on else None
        self.dunning.append((3001 + len(self.dunning), contract, moment(opened_on, 7), settled))

    def tables(self) -> dict[str, pl.DataFrame]:
        """The four billing tables."""
        return {
            "billing.contracts": table(
                self.contracts, id=WHOLE, org_id=WHOLE, currency=WORDS, cycle_months=WHOLE, notice_days=WHOLE
            ),
            "billing.contract_lines": table(
                self.lines, id=WHOLE, contract_id=WHOLE, position=WORDS, plan_code=WORDS, charge_code=WHOLE,
                cycle_cents=WHOLE, seats=WHOLE, valid_from=DAY, valid_until=DAY, term_ends=DAY, end_code=WHOLE,
            ),
            "billing.cancellations": table(
                self.cancellations, id=WHOLE, contract_id=WHOLE, requested_epoch=WHOLE, requested_by=WHOLE,
                effective_on=DAY, withdrawn_at=AT,
            ),
            "billing.dunning": table(self.dunning, id=WHOLE, contract_id=WHOLE, opened_at=AT, settled_at=AT),
        }  # fmt: skip


def seat_price(account: Account, plan: int, on: date, timeline: Timeline) -> int:
    """Cents a month for one seat, at the price list of that day less the account's discount."""
    rise = 1 + PRICE_RISE if on >= timeline.start(PRICE_MONTH) else 1.0
    return round(SEAT_CENTS[plan] * rise * (1 - account.discount))


@dataclass
class Paid:
    """A run of paid service: stretches that follow each other from ``since`` to ``until`` (None: still going)."""

    ledger: Ledger
    account: Account
    contract: int
    annual: bool
    rng: np.random.Generator
    moves: bool = True

    def run(self, since: date, until: date | None, end_code: int | None) -> None:
        """Writes the stretches; the account keeps the plan and seats it has in the end."""
        a, timeline = self.account, self.ledger.timeline
        price = seat_price(a, a.plan, since, timeline)
        start, k = since, 1
        while (at := add_months(since, k)) <= timeline.today and (until is None or at < until):
            renewal = not self.annual or k % 12 == 0
            plan, seats = self._after(renewal, at)
            fresh = seat_price(a, plan, at, timeline) if renewal or plan != a.plan else price
            if (plan, seats, fresh) != (a.plan, a.seats, price) or (self.annual and renewal):
                term = add_months(since, 12 * -(-k // 12)) if self.annual else None
                self._line(price, start, at, term, FOLLOWED)
                a.plan, a.seats, price, start = plan, seats, fresh, at
            k += 1
        term_ends = add_months(since, 12 * -(-k // 12)) if self.annual else add_months(since, k)
        if until is not None and end_code in (None, CANCELLED):
            term_ends = until
        self._line(price, start, until, term_ends, end_code)

    def _line(self, price: int, start: date, end: date | None, term_ends: date | None, end_code: int | None) -> None:
        a = self.account
        self.ledger.line(
            self.contract, RECURRING, price * a.seats, start, end, plan=a.plan, seats=a.seats, term_ends=term_ends,
            end_code=end_code,
        )  # fmt: skip

    def _after(self, renewal: bool, at: date) -> tuple[int, int]:
        """Plan and seats from ``at`` on: teams grow any day, and shrink when a term ends."""
        a, draw = self.account, self.rng.random()
        if not self.moves:
            return a.plan, a.seats
        if draw < 0.028:
            return a.plan, a.seats + max(1, round(a.seats * self.rng.uniform(0.06, 0.25)))
        if renewal and 0.1 < draw < (0.2 if self.annual else 0.116) and a.seats > 3:
            return a.plan, max(2, round(a.seats * self.rng.uniform(0.6, 0.92)))
        if 0.9 < draw < 0.9025 and a.plan < 3:
            return a.plan + 1, a.seats
        return a.plan, a.seats
