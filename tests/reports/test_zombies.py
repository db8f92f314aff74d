"""NRR without the revenue of silent accounts, against plain loops over days, accounts and uses."""

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest

from metrics.month_ends import months_later
from metrics.revenue import account_movements
from reports.zombies import nrr_without_zombies, zombie_closes
from tests.reports import company

DAY = timedelta(days=1)
TODAY, FULL = date(2026, 11, 21), date(2026, 10, 1)
OCTOBER_ENDS = date(2026, 10, 31)
FEATURES = [
    {"feature": "report", "is_value": True, "min_28_days": 2.0},
    {"feature": "login", "is_value": False, "min_28_days": 1.0},
]


def paid(account, mrr, start=date(2024, 1, 1), end=None):
    row = {"subscription_id": account, "line_id": f"{account} {start}", "account_id": account, "plan": "Team"}
    money = {"kind": "paid", "mrr": mrr, "mrr_local": mrr, "currency": "EUR"}
    return row | money | {"started_on": start, "ended_on": end, "end_kind": "requested" if end else None}


def weekly(account, first=date(2025, 6, 1), last=TODAY, feature="report"):
    return [(account, "u", feature, first + 7 * k * DAY, 2, None) for k in range((last - first).days // 7 + 1)]


def asked(folder, lines, use, span=12, since=date.min):
    """The answer for a company whose use is recorded from the month ``since`` on."""
    accounts = [{"account_id": name, "name": name} for name in sorted({line["account_id"] for line in lines})]
    sources = {"accounts": accounts, "subscriptions": lines, "features": FEATURES}
    frames, held = company.frames(folder, sources, use, today=TODAY)
    months = tuple(month for month in frames.manifest.months if month.month >= since)
    frames = replace(frames, manifest=frames.manifest.model_copy(update={"months": months}))
    moved = account_movements(frames.subscriptions, since=date(2024, 1, 1), until=TODAY, as_of=TODAY)
    return nrr_without_zombies(moved, zombie_closes(frames, held), frames, held, span=span)


def value(*given, **how):
    return asked(*given, **how)["value"].item()


def test_who_was_silent_is_in_neither_sum_and_who_fell_silent_is_lost(tmp_path):
    lines = [paid("uses", 500), paid("silent", 900), paid("wakes", 700), paid("sleeps", 100), paid("leaves", 400)]
    lines[-1] = paid("leaves", 400, end=date(2026, 3, 1))
    use = weekly("uses") + weekly("leaves", last=date(2026, 2, 25)) + weekly("silent", feature="login")
    use += weekly("wakes", date(2026, 2, 1)) + weekly("sleeps", last=date(2026, 7, 31))
    assert value(tmp_path, lines, use) == 500 / 1000
    assert value(tmp_path, lines, use, span=1) == 1200 / 1200


def test_waking_up_after_a_close_does_not_change_it(tmp_path):
    lines = [paid("uses", 500), paid("sleeps", 500)]
    before = weekly("uses") + weekly("sleeps", last=date(2026, 7, 31))
    woken = [*before, ("sleeps", "u", "report", date(2026, 11, 3), 5, None)]
    assert value(tmp_path, lines, before) == value(tmp_path, lines, woken) == 0.5


def test_few_accounts_are_too_few_and_many_have_an_interval(tmp_path):
    few = asked(tmp_path, [paid("a", 100), paid("b", 100)], weekly("a") + weekly("b")).row(0, named=True)
    assert (few["n"], few["low"], few["verdict"]) == (2, None, "too few")
    names = [f"a{number:02}" for number in range(40)]
    use = [row for name in names for row in weekly(name, last=date(2026, 7, 31) if name < "a10" else TODAY)]
    many = asked(tmp_path, [paid(name, 100) for name in names], use).row(0, named=True)
    assert (many["value"], many["n"], many["losses"], many["verdict"]) == (0.75, 40, 10, None)
    assert many["low"] < 0.75 < many["high"]


def test_where_use_was_not_recorded_yet_nothing_is_said(tmp_path):
    lines, use = [paid("a", 100), paid("b", 100)], weekly("a")
    assert asked(tmp_path, lines, []).is_empty()
    assert asked(tmp_path, lines, use, since=date(2025, 10, 1)).is_empty()
    assert value(tmp_path, lines, use, since=date(2025, 9, 1)) == 1
    assert value(tmp_path, lines, use, since=date(2025, 10, 1), span=1) == 1


# --- by plain loops --------------------------------------------------------------------------------------------------


def last_value_day(use, account, until):
    reports = [(day, uses) for who, _, feature, day, uses, _ in use if (who, feature) == (account, "report")]
    ends = (until - back * DAY for back in range((until - min(day for day, _ in reports)).days + 1)) if reports else ()
    return next((end for end in ends if sum(n for day, n in reports if end - 28 * DAY < day <= end) >= 2), None)


def is_silent(lines, use, account, day):
    began = min(line["started_on"] for line in lines if line["account_id"] == account)
    last = last_value_day(use, account, day)
    return began <= day - 30 * DAY and (last is None or (day - last).days >= 30)


def mrr_on(lines, account, day):
    served = [line for line in lines if line["account_id"] == account and line["started_on"] <= day]
    return sum(line["mrr"] for line in served if line["ended_on"] is None or day < line["ended_on"])


def by_hand(lines, use, opening, closing):
    above = below = 0
    for account in {line["account_id"] for line in lines}:
        paying = mrr_on(lines, account, opening)
        if paying and not is_silent(lines, use, account, opening):
            below += paying
            above += 0 if is_silent(lines, use, account, closing) else mrr_on(lines, account, closing)
    return above / below


def random_company(seed):
    """Value in some months and not in others, until about the 6th of the next: 24 days of silence at a month's end."""
    rng = random.Random(seed)
    lines, use = [], []
    for account in (f"a{number:02}" for number in range(14)):
        start = rng.choice([date(2024, 1, 1), date(2025, 9, 10), date(2025, 10, 20), date(2026, 9, 20)])
        change = rng.choice([None, date(2026, 3, 3), date(2026, 10, 9)])
        lines.append(paid(account, rng.randint(1, 9) * 1000, start, change))
        if change and rng.random() < 0.7:
            lines.append(paid(account, rng.randint(1, 9) * 1000, change))
        for month in (months_later(date(2025, 7, 1), number) for number in range(17) if rng.random() < 0.6):
            use += [(account, "u", "report", month + after * DAY, 1, None) for after in (9, 12)]
        use += weekly(account, feature="login")
    return lines, use


@pytest.mark.parametrize("span", [1, 12])
@pytest.mark.parametrize("seed", range(4))
def test_it_agrees_with_plain_loops_over_days(seed, span, tmp_path):
    lines, use = random_company(seed)
    opening = months_later(FULL, 1 - span) - DAY
    assert value(tmp_path, lines, use, span=span) == pytest.approx(by_hand(lines, use, opening, OCTOBER_ENDS))
