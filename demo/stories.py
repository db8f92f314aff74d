"""The stories that are in the data, so that tests and readers can find them again.

Months count from 1 to 30; month 30 is the one that runs on the day of loading (:class:`demo.months.Timeline`).
Everything here follows from that day alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from demo.months import MONTHS, Timeline
from demo.names import CHAMPION_NAME, FOLDED_NAME, GROUP_NAME, HOSTILE_NAME

IMPORTER_MONTH = 14
PRICE_MONTH = 18
PRICE_RISE = 0.12
OUTAGE_MONTH = 23
OUTAGE_FIRST_DAY, OUTAGE_DAYS = 8, 7
CHAMPION_LEFT_DAYS_AGO = 100
ZOMBIE_SHARE = 0.042
SEASONAL_MONTHS = (8,)
UNSAID = ("competitor", "hard_to_use", "missing_feature", "missing_integration", "not_enough_value", "slow_support")
POLITE_EVERY = 3
"""Of those who left for a reason in ``UNSAID``, one in so many said "price"."""


@dataclass(frozen=True)
class Story:
    """Something that happened to the made-up company.

    ``months`` are the month indexes in which it shows; ``before`` and ``after`` are the months to compare, where
    the story is a change; ``accounts`` names the accounts that it is about.
    """

    id: str
    sentence: str
    months: tuple[int, ...] = ()
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    accounts: tuple[str, ...] = ()


def _months(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


def stories(today: date) -> dict[str, Story]:
    """All stories by id, as they lie for a company loaded on ``today``."""
    timeline = Timeline(today)
    seasonal = tuple(m for m in _months(1, MONTHS - 1) if timeline.start(m).month in SEASONAL_MONTHS)
    found = (
        Story(
            "importer",
            "People got stuck importing their users until a bulk importer shipped in month 14; the accounts that "
            "signed up after it stay far more often.",
            months=(IMPORTER_MONTH,),
            before=_months(2, IMPORTER_MONTH - 1),
            after=_months(IMPORTER_MONTH, MONTHS - 7),
        ),
        Story(
            "price_rise",
            "List prices rose by 12% in month 18; at the renewals after it, accounts left over the price.",
            months=_months(PRICE_MONTH, MONTHS - 1),
            before=_months(2, PRICE_MONTH - 1),
            after=_months(PRICE_MONTH, MONTHS - 1),
        ),
        Story(
            "outage",
            "The product was down for most of a week in month 23: use fell, urgent tickets came, NPS fell for two "
            "months, and accounts left because it was unreliable.",
            months=(OUTAGE_MONTH, OUTAGE_MONTH + 1, OUTAGE_MONTH + 2),
            before=_months(OUTAGE_MONTH - 6, OUTAGE_MONTH - 1),
            after=(OUTAGE_MONTH + 1, OUTAGE_MONTH + 2),
        ),
        Story(
            "zombies",
            "One paying account in twenty gets nothing any more: people may log in, nobody uses what they pay for.",
            months=_months(MONTHS - 6, MONTHS),
        ),
        Story(
            "champion",
            f"The champion of {CHAMPION_NAME} left about three months ago, and the account's use fell.",
            months=_months(MONTHS - 3, MONTHS),
            accounts=(CHAMPION_NAME,),
        ),
        Story(
            "polite",
            'Some leavers say "price" out of politeness: no price had risen, and they had nearly stopped using the '
            "product before they asked to leave.",
        ),
        Story(
            "sinking",
            "Most who leave for a reason of ours get less and less out of the product for months before they ask; who "
            "leaves over the price, or stops paying, gives no such sign, and some sink and come back.",
        ),
        Story("top_tenth", "The top tenth of the paying accounts pays about three times its share (30% of MRR)."),
        Story(
            "season",
            "Use dips every August; nobody leaves because of it.",
            months=seasonal,
            before=tuple(m - 2 for m in seasonal if m > 2),
            after=tuple(m + 1 for m in seasonal),
        ),
        Story(
            "folded",
            f"{FOLDED_NAME} was folded into its parent {GROUP_NAME}: churn by account, no movement by group.",
            months=(MONTHS - 4,),
            accounts=(GROUP_NAME, FOLDED_NAME),
        ),
        Story("hostile", "One account's name and words try to do harm where they are shown.", accounts=(HOSTILE_NAME,)),
    )
    return {story.id: story for story in found}


@cache
def outage_days(today: date) -> tuple[date, date]:
    """First and last day of the week of outages."""
    first = Timeline(today).start(OUTAGE_MONTH) + timedelta(days=OUTAGE_FIRST_DAY - 1)
    return first, first + timedelta(days=OUTAGE_DAYS - 1)


def champion_left_on(today: date) -> date:
    """The day on which the champion of the named account left."""
    return today - timedelta(days=CHAMPION_LEFT_DAYS_AGO)


def zombie_count(accounts: int) -> int:
    """How many of ``accounts`` pay and get nothing."""
    return max(1, round(ZOMBIE_SHARE * accounts))


DIRTY: dict[str, dict[str, int]] = {
    "accounts": {
        "account_id is missing": 1,
        "duplicate key": 1,
        "signed_up_at is before 1970": 1,
        "signed_up_at is more than a day in the future": 1,
    },
    "people": {
        "user_id is missing": 1,
        "account_id is missing": 1,
        "duplicate key": 1,
        "unknown account": 1,
        "joined_at is before 1970": 1,
        "joined_at is more than a day in the future": 1,
        "left_at is more than a day in the future": 1,
    },
    "subscriptions": {
        "subscription_id is missing": 1,
        "account_id is missing": 1,
        "unknown account": 1,
        "mrr is not a finite number": 2,
        "mrr is below 0": 1,
        "kind is missing": 1,
        "ended before it started": 1,
        "started_on is missing": 1,
        "duplicate key": 1,
        "overlaps another stretch of its line": 1,
    },
    "events": {
        "account_id is missing": 2,
        "unknown account": 3,
        "feature is missing": 1,
        "occurred_at is missing": 1,
        "quantity is not finite, or too large": 3,
        "occurred_at is before 1970": 2,
        "occurred_at is more than a day in the future": 2,
    },
    "milestones": {"unknown account": 1, "reached_at is before 1970": 1},
    "reach": {"unknown account": 1, "month is more than a day in the future": 1, "end_customers is below 0": 1},
    "nps": {
        "response_id is missing": 1,
        "duplicate key": 1,
        "unknown account": 1,
        "score is outside 0 to 10": 2,
        "score is not a whole number": 1,
        "score does not parse": 2,
        "sent_at is before 1970": 1,
        "responded_at is more than a day in the future": 1,
    },
    "exit_surveys": {
        "unknown account": 1,
        "would_return does not parse": 1,
        "would_return is outside 0 to 10": 1,
        "ease is outside 1 to 5": 1,
        "submitted_at is more than a day in the future": 1,
        "submitted_at is missing": 1,
    },
    "tickets": {
        "ticket_id is missing": 1,
        "duplicate key": 1,
        "unknown account": 1,
        "csat does not parse": 1,
        "csat is outside 1 to 5": 1,
        "opened_at is before 1970": 1,
        "solved_at is more than a day in the future": 1,
    },
    "touches": {"touch_id is missing": 1, "unknown account": 1, "occurred_at is missing": 1},
    "reviews": {"rating is not a finite number": 1, "posted_at is more than a day in the future": 1},
    "fx_rates": {"month does not parse": 1, "rate is not a finite number": 1, "duplicate key": 1},
}
"""Rows that a refresh rejects, by source and reason. Holds for companies of about 100 accounts or more."""

FLAGGED: dict[str, dict[str, int]] = {"events": {"use before sign-up": 4, "use outside any subscription": 9}}
"""Rows that are kept but named; ``currency without a rate`` is :func:`demo.dirty.without_rate`."""

LEFT_OUT = {"test": 3, "mistake": 1}
"""Accounts that count nowhere."""
