"""The parts of a life that every story is put together from: a trial, a run of paying, an end, the extras beside it."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from demo import contracts
from demo.accounts import Account
from demo.catalog import ADD_ONS
from demo.contracts import Ledger, Paid
from demo.months import MONTHS, Timeline, add_months

OTHER_CAUSES = {
    "missing_feature": 0.20,
    "not_enough_value": 0.17,
    "competitor": 0.13,
    "hard_to_use": 0.10,
    "slow_support": 0.07,
    "company_closed": 0.08,
    "project_ended": 0.08,
    "missing_integration": 0.07,
    "told_to_by_group": 0.05,
    "oversold": 0.02,
    "billing_dispute": 0.02,
    "slow": 0.01,
}
"""Why accounts leave that have no part in a story, and how often."""


class Writer:
    """Writes lives into a ledger; the account keeps what others need to know of it (``served``, ``left_on``, ...)."""

    def __init__(self, accounts: list[Account], timeline: Timeline, rng: np.random.Generator) -> None:
        self.accounts, self.timeline, self.rng = accounts, timeline, rng
        self.ledger = Ledger(timeline)
        self.turn: dict[str, int] = {}

    # --- parts of a life ------------------------------------------------------------------------------------

    def _begin(self, a: Account, trial_days: int | None = None) -> date:
        """Sign-up, and for most a trial; the first paid day."""
        if trial_days is None:
            trial_days = int(self.rng.choice([0, 14, 30], p=[0.25, 0.4, 0.35]))
        a.contract = self.ledger.contract(a, annual=a.annual)
        a.paid_from = a.signed_up + timedelta(days=trial_days)
        if trial_days:
            code = contracts.FOLLOWED if a.paid_from <= self.timeline.today else None
            self.ledger.line(
                a.contract, contracts.TRIAL, 0, a.signed_up, a.paid_from, plan=a.plan, seats=a.seats, end_code=code
            )
        return a.paid_from

    def _pay(self, a: Account, since: date, until: date | None, end_code: int | None, *, moves: bool = True) -> None:
        assert a.contract is not None
        Paid(self.ledger, a, a.contract, a.annual, self.rng, moves).run(since, until, end_code)

    def _serve(self, a: Account, until: date | None = None, *, since: date | None = None) -> None:
        a.served.append((since or a.signed_up, until))

    def _leave(self, a: Account, since: date, until: date, asked_on: date, cause: str) -> None:
        """Pays until ``until``, having asked to leave on ``asked_on``."""
        assert a.contract is not None
        self._pay(a, since, until, contracts.CANCELLED)
        self.ledger.cancel(a.contract, asked_on, until)
        a.left_on, a.asked_on, a.cause = until, asked_on, cause

    def _in_month(self, part: str, first: int, since: date) -> date:
        """A day in one of the last two full months for the first four of a part, in an earlier month for the others.

        So these two months, which the overview compares, have a handful of every movement.
        """
        turn = self.turn[part] = self.turn.get(part, -1) + 1
        month = MONTHS - 1 - turn % 2 if turn < 4 else int(self.rng.integers(first, MONTHS - 2))
        day = self.timeline.start(month) + timedelta(days=int(self.rng.integers(3, 25)))
        return max(day, since + timedelta(days=40))

    def _other_cause(self) -> str:
        return str(self.rng.choice(list(OTHER_CAUSES), p=np.array(list(OTHER_CAUSES.values()))))

    def _extras(self, a: Account, since: date, until: date | None = None) -> None:
        """Add-ons and metered messages beside the base line."""
        assert a.contract is not None
        if self.rng.random() < 0.14:
            name = str(self.rng.choice(list(ADD_ONS)))
            start = add_months(since, int(self.rng.integers(1, 14)))
            if start < min(until or date.max, self.timeline.today):
                self._add_on(a, name, start, until)
        if a.metered:
            self._meter(a, since, until)

    def _add_on(self, a: Account, name: str, start: date, until: date | None) -> None:
        assert a.contract is not None
        dropped = add_months(start, int(self.rng.integers(4, 11))) if self.rng.random() < 0.25 else None
        if dropped is not None and dropped >= min(until or date.max, self.timeline.today):
            dropped = None
        end = dropped or until
        code = contracts.FOLLOWED if dropped else contracts.CANCELLED if until else None
        self.ledger.line(
            a.contract, contracts.RECURRING, ADD_ONS[name], start, end, plan=a.plan, position=name,
            term_ends=None if end else self._next_month(start), end_code=code,
        )  # fmt: skip

    def _meter(self, a: Account, since: date, until: date | None) -> None:
        """Messages beyond the plan, invoiced after each full calendar month."""
        assert a.contract is not None
        level = float(np.exp(self.rng.normal(np.log(6000), 0.6)))
        first = max(self.timeline.month(since) + 1, 1)
        for month in range(first, MONTHS):
            start, end = self.timeline.start(month), self.timeline.start(month + 1)
            if until is not None and end > until:
                return
            cents = round(level * float(np.exp(self.rng.normal(0, 0.25))))
            self.ledger.line(
                a.contract, contracts.METERED, cents, start, end, plan=a.plan, position="messages",
                end_code=contracts.FOLLOWED,
            )  # fmt: skip

    def _next_month(self, since: date) -> date:
        """The next monthly billing day after today."""
        k = 1
        while (at := add_months(since, k)) <= self.timeline.today:
            k += 1
        return at
