"""The lives that are written out: pausing, parking, coming back, renewing late, leaving, and other parts."""

from __future__ import annotations

from datetime import date, timedelta

from demo import contracts
from demo.accounts import Account
from demo.months import MONTHS, add_months
from demo.stories import OUTAGE_MONTH, PRICE_MONTH, outage_days
from demo.writer import Writer


class Scenes(Writer):
    """One method per part that an account can play."""

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
        """Moves to a fifth fewer seats in the middle of a term."""
        since = self._begin(a)
        on = self._in_month(a.part, 22, since)
        a.seats = max(a.seats, 5)
        self._pay(a, since, on, contracts.FOLLOWED)
        a.seats = max(2, round(a.seats * 0.8))
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

    def _over_the_price(self, a: Account) -> None:
        """Leaves at the first yearly renewal after the price rise."""
        a.annual = True
        since, years = self._begin(a), 1
        while (until := add_months(since, 12 * years)) < self.timeline.start(PRICE_MONTH):
            years += 1
        asked = until - timedelta(days=int(self.rng.integers(32, 60)))
        self._leave_or_stay(a, since, until, asked, "price")

    def _after_the_outage(self, a: Account) -> None:
        """Leaves in one of the two months after the week of outages."""
        a.annual = False
        since, months = self._begin(a), 1
        month = OUTAGE_MONTH + 1 + int(self.rng.integers(2))
        while (until := add_months(since, months)) < self.timeline.start(month):
            months += 1
        asked = min(outage_days(self.timeline.today)[1] + timedelta(days=int(self.rng.integers(2, 15))), until)
        self._leave_or_stay(a, since, until, asked, "unreliable")

    def _leave_or_stay(self, a: Account, since: date, until: date, asked: date, cause: str) -> None:
        if asked >= self.timeline.today:  # not said yet
            self._pay(a, since, None, None)
            self._serve(a)
            return
        self._leave(a, since, until, asked, cause)
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
