"""What was known of a leaver before it decided, in plain loops, written apart from the metric, to check it against."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from statistics import median
from typing import Any

Row = dict[str, Any]
Company = dict[str, list[Row]]


def paid(company: Company, account: str) -> list[Row]:
    return [s for s in company["subscriptions"] if s["account_id"] == account and s["kind"] == "paid"]


def run_start(company: Company, account: str, until: date) -> date | None:
    """The first day of the unbroken paid days that end on the day before ``until``."""
    day, start = until - timedelta(days=1), None
    while any(s["started_on"] <= day < (s["ended_on"] or date.max) for s in paid(company, account)):
        start = day
        day -= timedelta(days=1)
    return start


def unbroken(days: set[date], on: date, back_to: date, gap: int) -> bool:
    """Whether use was recorded from ``back_to`` to ``on``: nowhere ``gap`` days or more without any."""
    at = max((day for day in days if day <= on), default=None)
    if at is None or (on - at).days > gap:
        return False
    while at > back_to:
        before = max((day for day in days if day < at), default=None)
        if before is None or (at - before).days > gap:
            return False
        at = before
    return True


def four_weeks(company: Company, account: str, last: date) -> int:
    weeks = [last - timedelta(days=7 * back) for back in range(4)]
    return sum(w["uses"] for w in company["activity_weekly"] if w["account_id"] == account and w["period"] in weeks)


def last_week(company: Company, before: date) -> date:
    """First day of the last week that was over by ``before``."""
    day = min(w["period"] for w in company["activity_weekly"])
    while day + timedelta(days=14) <= before:
        day += timedelta(days=7)
    while day + timedelta(days=7) > before:
        day -= timedelta(days=7)
    return day


def change(company: Company, account: str, until: date) -> tuple[float | None, float | None]:
    """The change of use, and everybody's."""
    start = run_start(company, account, until)
    if start is None or not company["activity_weekly"]:
        return None, None
    now, then = last_week(company, until), last_week(company, until - timedelta(days=90))
    first = then - timedelta(days=21)
    if start > first or not unbroken({w["period"] for w in company["activity_weekly"]}, now, first, 28):
        return None, None
    all_changes = []
    for other in sorted({w["account_id"] for w in company["activity_weekly"]}):
        before = four_weeks(company, other, then)
        if before > 0:
            all_changes.append(four_weeks(company, other, now) / before - 1)
    before = four_weeks(company, account, then)
    own = four_weeks(company, account, now) / before - 1 if before else None
    return own, median(all_changes) if len(all_changes) >= 10 else None


def month_end_before(day: date) -> date:
    return day.replace(day=1) - timedelta(days=1)


def value(company: Company, account: str, until: date) -> Row:
    """Silence, whether ever active, and the share of key features unused; every feature counts from one use."""
    window, start = month_end_before(until), run_start(company, account, until)
    rows = [u for u in company["usage_28d"] if u["window_end"].day == monthrange(*u["window_end"].timetuple()[:2])[1]]
    ends = {u["window_end"] for u in rows}
    first = window
    while unbroken(ends, window, first, 31) and first > date(2024, 1, 1):
        recorded, first = first, month_end_before(first)
    known = unbroken(ends, window, window, 31)
    began = min((s["started_on"] for s in paid(company, account)), default=None)
    active = [
        u["window_end"] for u in rows if u["account_id"] == account and u["uses"] >= 1 and u["window_end"] <= window
    ]
    whole = start is not None and known and start <= window - timedelta(days=27)
    found: Row = {"days_silent": None, "never_active": False if active else None, "unused_share": None}
    if not whole or start is None or began is None:
        return found
    # The run of recorded months begins with its first window that holds any row, at or after the month found above.
    recorded = min(end for end in ends if end >= recorded)
    last = max([*active, start, recorded - timedelta(days=27)])
    found["days_silent"] = (window - last).days
    if not active and recorded - timedelta(days=27) <= began:
        found["never_active"] = True
    plans = {
        s["plan"]
        for s in company["subscriptions"]
        if s["account_id"] == account and s["started_on"] < until <= (s["ended_on"] or date.max)
    }
    keys = {e["feature"] for e in company["entitlements"] if e["plan"] in plans}
    used = {u["feature"] for u in rows if u["account_id"] == account and u["window_end"] == window and u["uses"] >= 1}
    if keys:
        found["unused_share"] = len(keys - used) / len(keys)
    return found


def tickets(company: Company, account: str, until: date) -> Row:
    if not any(t["opened_at"] <= until for t in company["tickets"]):
        return dict.fromkeys(("open_tickets", "open_urgent", "waiting_days", "urgent_tickets"))
    since, own = until - timedelta(days=90), [t for t in company["tickets"] if t["account_id"] == account]
    open_now = [t for t in own if t["opened_at"] <= until and (t["solved_at"] is None or t["solved_at"] > until)]
    young = [t for t in open_now if t["opened_at"] >= since]
    return {
        "open_tickets": len(open_now),
        "open_urgent": sum(t["priority"] in ("urgent", "high") for t in young),
        "waiting_days": max(((until - t["opened_at"]).days for t in young), default=None),
        "urgent_tickets": sum(t["priority"] in ("urgent", "high") and since <= t["opened_at"] <= until for t in own),
    }


def price(company: Company, account: str, until: date, days: int) -> float | None:
    """Day by day: what the lines that follow others of the same plan cost more than these did."""
    since, lines = until - timedelta(days=days), paid(company, account)
    if not any(s["started_on"] < until and (s["ended_on"] or date.max) > since for s in lines):
        return None
    ratio, day = 1.0, since
    while day < until:
        gain = 0.0
        for plan in {s["plan"] for s in lines}:
            new = [s for s in lines if s["plan"] == plan and s["started_on"] == day]
            old = [s for s in lines if s["plan"] == plan and s["ended_on"] == day]
            if new and old:
                seats = sum(s["seats"] for s in new)
                per_seat = sum(s["mrr"] for s in old) / sum(s["seats"] for s in old)
                gain += sum(s["mrr"] for s in new) - seats * per_seat
        if gain:
            total = sum(s["mrr"] for s in lines if s["started_on"] <= day < (s["ended_on"] or date.max))
            ratio *= total / (total - gain)
        day += timedelta(days=1)
    return ratio - 1


def voice(company: Company, account: str, until: date) -> int | None:
    answers = sorted(
        (n["responded_at"], n["response_id"], n["score"])
        for n in company["nps"]
        if n["account_id"] == account and n["responded_at"] <= until and n["score"] is not None
    )
    return answers[-1][2] if answers else None


def champion(company: Company, account: str, until: date) -> bool | None:
    own = [
        p
        for p in company["people"]
        if p["account_id"] == account and p["role"] == "champion" and p["joined_at"] <= until
    ]
    return all(p["left_at"] is not None and p["left_at"] <= until for p in own) if own else None


def known(company: Company, account: str, until: date) -> Row:
    """All of it, by the names of the metric's columns."""
    own, usual = change(company, account, until)
    return {
        "use_change": own,
        "usual_change": usual,
        **value(company, account, until),
        **tickets(company, account, until),
        "price_change": price(company, account, until, 90),
        "price_change_year": price(company, account, until, 365),
        "nps": voice(company, account, until),
        "champion_gone": champion(company, account, until),
    }
