"""MRR movements by plain loops over days, written from the definitions; slow, and only for tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Stretch:
    account_id: str
    subscription_id: str
    kind: str
    mrr: int | None
    started_on: date
    ended_on: date | None = None
    line_id: str | None = None
    plan: str = "Team"
    currency: str = "EUR"
    cancel_requested_at: date | None = None
    past_due_since: date | None = None
    end_kind: str | None = None


def known_on(stretches, as_of):
    """What is known on as_of: later rows, ends and requests are not there yet."""
    known = []
    for s in stretches:
        if s.started_on > as_of:
            continue
        if s.ended_on is not None and s.ended_on > as_of:
            s = replace(s, ended_on=None, end_kind=None)
        if s.cancel_requested_at is not None and s.cancel_requested_at > as_of:
            s = replace(s, cancel_requested_at=None)
        if s.end_kind == "mistake" or s.ended_on == s.started_on:
            continue
        known.append(s)
    return known


def _value(s):
    return (s.mrr or 0) if s.kind in ("paid", "parked") else 0


def _on_hold(s):
    return s.kind in ("paused", "parked")


def _keeps(s):
    return _value(s) > 0 or _on_hold(s)


def _serves(s, day):
    return s.started_on <= day and (s.ended_on is None or day < s.ended_on)


def _timeline(stretches, as_of, grace_days):
    """For every day to as_of the stretches in force, late renewals bridged; and the days of open gaps."""
    if not stretches:
        return {}, set()
    first = min(s.started_on for s in stretches)
    days = [first + i * DAY for i in range((as_of - first).days + 1)]
    in_force = {day: [s for s in stretches if s.kind not in ("trial", "free") and _serves(s, day)] for day in days}
    open_days = set()
    i = 0
    while i < len(days):
        kept_before = i > 0 and any(_keeps(s) for s in in_force[days[i - 1]])
        if any(_keeps(s) for s in in_force[days[i]]) or not kept_before:
            i += 1
            continue
        j = i
        while j < len(days) and not any(_keeps(s) for s in in_force[days[j]]):
            j += 1
        is_open = j == len(days)
        length = j - i - 1 if is_open else j - i
        last = [s for s in in_force[days[i - 1]] if _keeps(s)]
        asked = any(s.cancel_requested_at is not None or s.end_kind == "requested" for s in last)
        gap_days = set(days[i:j])
        moved_on = any(
            s.started_on in gap_days and s.kind in ("trial", "free", "paid") and _value(s) == 0 for s in stretches
        )
        if length <= grace_days and not asked and not moved_on:
            for day in days[i:j]:
                in_force[day] = in_force[day] + last
                if is_open:
                    open_days.add(day)
        i = j
    return in_force, open_days


def _month_days(since, until, as_of):
    """(month, day before it, its measured day), for the months that have begun."""
    month = since.replace(day=1)
    while month <= until and month <= as_of:
        following = (month + 31 * DAY).replace(day=1)
        yield month, month - DAY, min(following - DAY, as_of)
        month = following


def _rate(rates, currency, month, as_of):
    """The month's rate, else the last before it, else the first after it; None without any."""
    known = {m: r for (c, m), r in rates.items() if c == currency and m <= as_of}
    if not known:
        return None
    earlier = [m for m in known if m <= month]
    return known[max(earlier)] if earlier else known[min(known)]


class Account:
    """One unit's days."""

    def __init__(self, stretches, as_of, grace_days, pause_max_days, rates):
        self.in_force, self.open_days = _timeline(stretches, as_of, grace_days)
        self.as_of, self.pause_max_days, self.rates = as_of, pause_max_days, rates
        self.mrr = {day: sum(_value(s) for s in rows) for day, rows in self.in_force.items()}
        paying = [day for day in sorted(self.mrr) if self.mrr[day] > 0]
        self.first_paid = paying[0] if paying else None

    def rows(self, day):
        return self.in_force.get(day, [])

    def worth(self, rows, rate_day):
        """MRR of ``rows`` at the rate of the month of ``rate_day``."""
        total = 0
        for s in rows:
            rate = _rate(self.rates, s.currency, rate_day.replace(day=1), self.as_of)
            total += _value(s) if rate is None else round(_value(s) * rate)
        return total

    def hold(self, day):
        return any(_on_hold(s) for s in self.rows(day))

    def pause_began(self, day):
        """The first day without MRR of a pause that follows paid service and covers ``day``; None otherwise."""
        if self.mrr.get(day, 0) > 0 or self.first_paid is None:
            return None
        while day in self.mrr and self.mrr[day] == 0:
            if not self.hold(day):
                return None
            day -= DAY
        return day + DAY if day in self.mrr else None

    def status(self, day):
        if self.mrr.get(day, 0) > 0:
            return "paying"
        began = self.pause_began(day)
        if began is not None and (day - began).days + 1 <= self.pause_max_days:
            return "paused"
        return "absent"

    def lines(self, day, rate_day):
        """{line: (MRR, on hold)} on ``day``."""
        found = {}
        for s in self.rows(day):
            key = (s.subscription_id, s.line_id or s.subscription_id)
            mrr, held = found.get(key, (0, False))
            found[key] = (mrr + self.worth([s], rate_day), held or _on_hold(s))
        return found

    def plan(self, day):
        best = None
        for s in self.rows(day):
            rank = (_value(s), s.kind != "usage")
            if best is None or rank > best[0] or (rank == best[0] and s.plan < best[1]):
                best = (rank, s.plan)
        return None if best is None else best[1]

    def plan_inside(self, before, day):
        """The plan that paid most on the days between two measured ones."""
        best = None
        for i in range(1, (day - before).days):
            for s in self.rows(before + i * DAY):
                if _value(s) and (best is None or (-_value(s), s.plan) < best):
                    best = (-_value(s), s.plan)
        return best and best[1]

    def month(self, before, day):
        """What happened in a month: opening, closing, fx, statuses, and {movement: amount}."""
        opening, closing = self.worth(self.rows(before), before), self.worth(self.rows(day), day)
        kept = self.worth(self.rows(day), before)
        was, now = self.status(before), self.status(day)
        had_paid = self.first_paid is not None and self.first_paid <= before
        opens, closes = self.mrr.get(before, 0) > 0, self.mrr.get(day, 0) > 0
        moved = {}
        inside = any(self.mrr.get(before + i * DAY, 0) > 0 for i in range(1, (day - before).days + 1))
        if closes and not opens:
            name = "new" if not had_paid else "resumed" if self.hold(before) else "reactivation"
            moved[name] = kept
        elif opens and not closes:
            moved["paused" if self.hold(day) else "churned"] = opening
            if self.hold(day) and now == "absent":
                moved["left_after_pause"] = opening
        elif opens:
            paused = resumed = 0
            lines_before, lines_now = self.lines(before, before), self.lines(day, before)
            for key in set(lines_before) | set(lines_now):
                mrr_before, held_before = lines_before.get(key, (0, False))
                mrr_now, held_now = lines_now.get(key, (0, False))
                if held_now:
                    paused += max(0, mrr_before - mrr_now)
                if held_before:
                    resumed += max(0, mrr_now - mrr_before)
            rest = kept - opening + paused - resumed
            if rest > 0:
                moved["expansion"] = rest
            if rest < 0:
                moved["contraction"] = -rest
            if paused:
                moved["paused"] = paused
            if resumed:
                moved["resumed"] = resumed
        elif was == "paused" and now == "absent":
            lost_on = self.pause_began(before).replace(day=1) - DAY
            moved["left_after_pause"] = self.mrr.get(lost_on, 0)
        elif was == "absent" and now == "paused":
            moved["reactivation" if had_paid else "new"] = 0
        elif was == "absent" and inside:
            moved["in_and_out"] = 0
        return {"opening": opening, "closing": closing, "fx": closing - kept, "was": was, "now": now, "moved": moved}


def account_months(stretches, *, since, until, as_of, grace_days=30, pause_max_days=90, rates=None, parents=None):
    """{(month, unit): what happened}, only where something is."""
    by_unit = {}
    for s in known_on(stretches, as_of):
        by_unit.setdefault((parents or {}).get(s.account_id, s.account_id), []).append(s)
    found = {}
    for unit, rows in by_unit.items():
        account = Account(rows, as_of, grace_days, pause_max_days, rates or {})
        for month, before, day in _month_days(since, until, as_of):
            what = account.month(before, day)
            running = (day + DAY).day != 1 or day == as_of
            what["state"] = "provisional" if running or day in account.open_days else "final"
            what["plan_open"], what["plan_close"] = account.plan(before), account.plan(day)
            what["plan_inside"] = account.plan_inside(before, day)
            if what["moved"] or what["was"] != "absent":
                found[month, unit] = what
    return found


def placed(months, plans):
    """The months of a choice of plans: by the plan at opening, else at closing; crossings move in and out."""
    found = {}
    for key, what in months.items():
        was, now = what["was"] != "absent", what["now"] != "absent"
        by_opening, by_closing = what["plan_open"] in plans, what["plan_close"] in plans
        at_start = by_opening if was else by_closing if now else what["plan_inside"] in plans
        at_end = by_closing if now else at_start
        kept = what["closing"] - what["fx"]
        if at_start and at_end:
            found[key] = what
        elif at_start:
            moved = dict(what["moved"])
            if kept:
                moved["moved_out"] = kept
            found[key] = {**what, "closing": 0, "fx": 0, "now": "elsewhere", "moved": moved}
        elif at_end:
            found[key] = {**what, "opening": 0, "was": "elsewhere", "moved": {"moved_in": kept}}
    return found
