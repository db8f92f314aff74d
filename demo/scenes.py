"""The lives that are written out: pausing, parking, coming back, renewing late, leaving, and other parts."""

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


class Scenes:
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
        """A day in one of the last two full months for the first six of a part, in an earlier month for the others.

        So these two months, which the overview compares, have a handful of every movement.
        """
        turn = self.turn[part] = self.turn.get(part, -1) + 1
        month = MONTHS - 1 - turn % 2 if turn < 6 else int(self.rng.integers(first, MONTHS - 2))
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

    # --- scripts --------------------------------------------------------------------------------------------

    def _steady(self, a: Account) -> None:
        since = self._begin(a)
        self._pay(a, since, None, None)
        self._serve(a)
        self._extras(a, since)

    def _unmoved(self, a: Account) -> None:
        """Asked to leave, and stayed."""
        since = self._begin(a)
        self._pay(a, since, None, None)
        self._serve(a)
        assert a.contract is not None
        asked = self.timeline.start(MONTHS - 6) + timedelta(days=9)
        self.ledger.cancel(a.contract, asked, asked + timedelta(days=40), withdrawn=asked + timedelta(days=6))
        a.asked_on, a.cause = asked, "stayed"

    def _paused(self, a: Account) -> None:
        since = self._begin(a)
        on = self._in_month(a.part, 20, since)
        on = max(on, self.timeline.today - timedelta(days=80))
        self._pay(a, since, on, contracts.FOLLOWED)
        self._hold(a, on, None)
        self._serve(a, on)

    def _hold(self, a: Account, on: date, until: date | None, end_code: int | None = None) -> None:
        assert a.contract is not None
        self.ledger.line(a.contract, contracts.ON_HOLD, 0, on, until, plan=a.plan, seats=a.seats, end_code=end_code)

    def _paused_too_long(self, a: Account) -> None:
        since = self._begin(a)
        on = self.timeline.start(MONTHS - 7 - self.turn.setdefault(a.part, 0) % 6) + timedelta(days=11)
        self.turn[a.part] += 1
        until = on + timedelta(days=118)
        self._pay(a, since, on, contracts.FOLLOWED)
        self._hold(a, on, until, contracts.CANCELLED)
        assert a.contract is not None
        asked = until - timedelta(days=9)
        self.ledger.cancel(a.contract, asked, until)
        self._serve(a, on)
        a.left_on, a.asked_on, a.cause = until, asked, "project_ended"

    def _resumed(self, a: Account) -> None:
        since = self._begin(a)
        again = self._in_month(a.part, 21, since)
        on = again - timedelta(days=int(self.rng.integers(36, 62)))
        self._pay(a, since, on, contracts.FOLLOWED)
        self._hold(a, on, again, contracts.FOLLOWED)
        self._pay(a, again, None, None)
        self._serve(a, on)
        self._serve(a, None, since=again)

    def _shrunk(self, a: Account) -> None:
        """Moves to a third fewer seats in the middle of a term."""
        since = self._begin(a)
        on = self._in_month(a.part, 22, since)
        a.seats = max(a.seats, 4)
        self._pay(a, since, on, contracts.FOLLOWED)
        a.seats = max(2, round(a.seats * 0.66))
        self._pay(a, on, None, None)
        self._serve(a)

    def _parked(self, a: Account) -> None:
        since = self._begin(a)
        on = self._in_month(a.part, 22, since)
        self._pay(a, since, on, contracts.FOLLOWED)
        assert a.contract is not None
        self.ledger.line(a.contract, contracts.DATA_KEPT, contracts.DATA_KEPT_CENTS, on, None, plan=a.plan, seats=0)
        self._serve(a, on)

    def _returned(self, a: Account) -> None:
        since = self._begin(a)
        again = self._in_month(a.part, 24, since)
        left = again - timedelta(days=int(self.rng.integers(62, 160)))
        self._leave(a, since, left, left - timedelta(days=12), self._other_cause())
        self._serve(a, left)
        a.contract = self.ledger.contract(a, annual=a.annual)
        self._pay(a, again, None, None)
        self._serve(a, None, since=again)
        a.left_on = None

    def _renewed_late(self, a: Account) -> None:
        """A gap of some days between two terms; nobody asked to leave."""
        since = self._begin(a)
        lapsed = self.timeline.start(int(self.rng.integers(19, MONTHS - 1))) + timedelta(days=6)
        again = lapsed + timedelta(days=int(self.rng.integers(7, 25)))
        self._pay(a, since, lapsed, None, moves=False)
        self._pay(a, again, None, None)
        self._serve(a, lapsed)
        self._serve(a, None, since=again)

    def _late(self, a: Account) -> None:
        """The renewal is overdue today."""
        since, lapsed = self._begin(a), self.timeline.today - timedelta(days=12)
        self._pay(a, since, lapsed, None)
        self._serve(a, lapsed)

    def _leaving(self, a: Account) -> None:
        since = self._begin(a)
        until = self.timeline.today + timedelta(days=int(self.rng.integers(8, 75)))
        asked = self.timeline.today - timedelta(days=int(self.rng.integers(3, 25)))
        self._leave(a, since, until, asked, self._other_cause())
        self._serve(a, until)

    def _past_due(self, a: Account) -> None:
        self._steady(a)
        assert a.contract is not None
        self.ledger.owe(a.contract, self.timeline.today - timedelta(days=int(self.rng.integers(6, 28))))

    def _not_paid(self, a: Account) -> None:
        since = self._begin(a)
        until = self._in_month(a.part, 8, since)
        self._pay(a, since, until, contracts.NOT_PAID)
        assert a.contract is not None
        self.ledger.owe(a.contract, until - timedelta(days=28))
        self._serve(a, until)
        a.left_on, a.cause = until, "payment_failed"

    def _folded(self, a: Account) -> None:
        since = self._begin(a)
        until = self._folded_on()
        self._pay(a, since, until, contracts.FOLLOWED, moves=False)
        self._serve(a, until)
        a.left_on, a.cause = until, "folded"

    def _folded_on(self) -> date:
        return self.timeline.start(MONTHS - 4) + timedelta(days=14)

    def _group(self, a: Account) -> None:
        """Takes over its subsidiary's contract as a second one, at the same money, on the same day."""
        since = self._begin(a)
        self._pay(a, since, None, None, moves=False)
        self._serve(a)
        daughter = next((other for other in self.accounts if other.part == "folded"), None)
        if daughter is not None:
            second, on = self.ledger.contract(a, annual=False), self._folded_on()
            price = contracts.seat_price(daughter, daughter.plan, on, self.timeline)
            self.ledger.line(
                second, contracts.RECURRING, price * daughter.seats, on, None, plan=daughter.plan,
                seats=daughter.seats, term_ends=self._next_month(on),
            )  # fmt: skip

    def _next_month(self, since: date) -> date:
        """The next monthly billing day after today."""
        k = 1
        while (at := add_months(since, k)) <= self.timeline.today:
            k += 1
        return at

    def _free(self, a: Account) -> None:
        a.contract = self.ledger.contract(a, annual=False)
        self.ledger.line(a.contract, contracts.FREE, 0, a.signed_up, None, plan=0, seats=2)
        self._serve(a)

    def _planned(self, a: Account) -> None:
        """Signed; the contract starts in the days to come."""
        a.contract = self.ledger.contract(a, annual=a.annual)
        a.paid_from = self.timeline.today + timedelta(days=int(self.rng.integers(6, 24)))
        self._pay(a, a.paid_from, None, None)

    def _void(self, a: Account) -> None:
        a.contract = self.ledger.contract(a, annual=False)
        until = a.signed_up + timedelta(days=3)
        self.ledger.line(
            a.contract, contracts.RECURRING, 490000, a.signed_up, until, plan=3, seats=70,
            end_code=contracts.BY_MISTAKE,
        )  # fmt: skip

    def _two_contracts(self, a: Account) -> None:
        """A second contract for another brand; every other account drops it again."""
        self._steady(a)
        second = self.ledger.contract(a, annual=False)
        since = max(self.timeline.start(int(self.rng.integers(8, 20))), a.signed_up + timedelta(days=60))
        dropped = self.turn[a.part] = self.turn.get(a.part, 0) + 1
        until = self.timeline.start(MONTHS - 2) + timedelta(days=17) if dropped % 2 else None
        first = a.contract
        a.contract, seats, annual, a.seats, a.annual = second, a.seats, a.annual, max(2, a.seats // 3), False
        self._pay(a, since, until, contracts.CANCELLED if until else None, moves=False)
        if until is not None:
            self.ledger.cancel(second, until - timedelta(days=8), until)
        a.contract, a.seats, a.annual = first, seats, annual
