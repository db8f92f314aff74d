"""How each account lives: trial, paying, the ways of stopping, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from demo.accounts import Account
from demo.contracts import Ledger
from demo.months import Timeline, add_months, stream
from demo.scenes import Scenes
from demo.stories import OUTAGE_MONTH, POLITE_EVERY, PRICE_MONTH, UNSAID, outage_days


def live(accounts: list[Account], timeline: Timeline, seed: int) -> Ledger:
    """Writes every account's contracts; fills in what else depends on them (``served``, ``left_on``, ``cause``)."""
    return _Lives(accounts, timeline, stream(seed, "lives")).write()


class _Lives(Scenes):
    def write(self) -> Ledger:
        scripts: dict[str, Callable[[Account], None]] = {
            "paused": self._paused,
            "paused too long": self._paused_too_long,
            "resumed": self._resumed,
            "shrunk": self._shrunk,
            "parked": self._parked,
            "returned": self._returned,
            "renewed late": self._renewed_late,
            "late": self._late,
            "leaving": self._leaving,
            "over the price": self._over_the_price,
            "after the outage": self._after_the_outage,
            "past due": self._past_due,
            "not paid": self._not_paid,
            "folded": self._folded,
            "group": self._group,
            "free": self._free,
            "planned": self._planned,
            "sandbox": self._free,
            "void": self._void,
            "two contracts": self._two_contracts,
            "plain": self._plain,
            "unmoved": self._unmoved,
        }
        for account in self.accounts:
            scripts.get(account.part, self._steady)(account)
        self._be_polite()
        return self.ledger

    def _be_polite(self) -> None:
        """Chooses who said "price" for another reason; those who pay by the month first, whose price stood still."""
        gone = [a for a in self.accounts if a.cause in UNSAID and a.left_on and a.left_on <= self.timeline.today]
        latest = sorted(gone, key=lambda a: (not a.annual, a.left_on, a.id), reverse=True)
        for account in latest[::POLITE_EVERY]:
            account.polite = True

    # --- everybody else -------------------------------------------------------------------------------------

    def _plain(self, a: Account) -> None:
        if a.stuck:
            self._stuck(a)
            return
        since = self._begin(a)
        if since > a.signed_up and since <= self.timeline.today and self.rng.random() < 0.03:
            self._lapse(a)
            return
        ending = self._ending(a, since)
        if ending is None:
            self._pay(a, since, None, None)
            self._serve(a)
            self._extras(a, since)
            return
        until, asked, cause = ending
        self._leave(a, since, until, asked, cause)
        self._serve(a, until)
        self._extras(a, since, until)

    def _lapse(self, a: Account) -> None:
        """The trial ends, and nothing follows."""
        last = list(self.ledger.lines.pop())
        last[-1] = None
        self.ledger.lines.append(tuple(last))
        a.left_on, a.paid_from, a.cause = a.paid_from, None, "lapsed"
        self._serve(a, a.left_on)

    def _stuck(self, a: Account) -> None:
        """Never got its users in: lets the trial lapse, or pays for some months and leaves; a few get through late."""
        a.annual = False
        since, draw = self._begin(a, 30), self.rng.random()
        if since > self.timeline.today:
            self._pay(a, since, None, None)
            self._serve(a)
            return
        if draw < 0.45:
            self._lapse(a)
            return
        until = add_months(since, int(self.rng.integers(1, 5)))
        asked = max(until - timedelta(days=int(self.rng.integers(4, 26))), since + timedelta(days=1))
        if draw < 0.92 and asked <= self.timeline.today:
            self._leave(a, since, until, asked, "never_got_started")
            self._serve(a, until)
            return
        self._pay(a, since, None, None)
        self._serve(a)

    def _ending(self, a: Account, since: date) -> tuple[date, date, str] | None:
        """When and why this account leaves; None when it has not (or has not said so yet)."""
        k = 0
        while True:
            k += 12 if a.annual else 1
            at = add_months(since, k)
            if at > self.timeline.today + timedelta(days=85):
                return None
            if at < self.timeline.first:
                continue
            cause = self._cause(a, at, k)
            if cause is None:
                continue
            ahead = int(self.rng.integers(32, 86)) if a.annual else int(self.rng.integers(4, 27))
            asked = max(at - timedelta(days=ahead), since + timedelta(days=1))
            if cause == "unreliable":
                asked = max(asked, min(outage_days(self.timeline.today)[1] + timedelta(days=2), at))
            if asked <= self.timeline.today - timedelta(days=1):
                return at, asked, cause

    def _cause(self, a: Account, at: date, k: int) -> str | None:
        """Why an account would leave at this end of a term; None for most."""
        month, draw = self.timeline.month(at), self.rng.random()
        for cause, chance in self._chances(a, month, k).items():
            if draw < chance:
                return cause if cause != "other" else self._other_cause()
            draw -= chance
        return None

    def _chances(self, a: Account, month: int, k: int) -> dict[str, float]:
        chances = {"other": 0.06 if a.annual else 0.003 if k <= 6 else 0.0095}
        if a.annual and month >= PRICE_MONTH:
            chances["price"] = 0.13
        if not a.annual and month in (PRICE_MONTH + 1, PRICE_MONTH + 2):
            chances["price"] = 0.03
        if OUTAGE_MONTH < month <= OUTAGE_MONTH + (4 if a.annual else 2):
            chances["unreliable"] = 0.06 if a.annual else 0.02
        return chances
