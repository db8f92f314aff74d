"""What outreach changed, against plain loops written apart from it, and literal numbers."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from metrics.outreach_effect import OUTCOMES, outreach_effect

AS_OF = date(2026, 11, 18)
DAY = timedelta(days=1)
LONG_AGO = date(2025, 1, 1)
SENT = {"account_id": pl.String, "play": pl.String, "arm": pl.String, "at": pl.Date}
STRETCHES = {
    "account_id": pl.String, "subscription_id": pl.String, "kind": pl.String, "mrr": pl.Int64, "started_on": pl.Date,
    "ended_on": pl.Date, "end_kind": pl.String, "cancel_requested_at": pl.Date,
}  # fmt: skip
VALUE = {"account_id": pl.String, "last_value_on": pl.Date}


def sent(*rows: tuple[str, str, date], play: str = "offer") -> pl.DataFrame:
    """Account, arm, day."""
    return pl.DataFrame([(account, play, arm, at) for account, arm, at in rows], schema=SENT, orient="row")


def stretch(account: str, ended: date | None = None, **changes: object) -> dict[str, object]:
    known = {"account_id": account, "subscription_id": f"s-{account}", "kind": "paid", "mrr": 100}
    return known | {"started_on": LONG_AGO, "ended_on": ended, "end_kind": "requested" if ended else None} | changes


def subscriptions(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in STRETCHES} for row in rows], schema=STRETCHES)


def value(**last: date) -> pl.DataFrame:
    return pl.DataFrame(list(last.items()), schema=VALUE, orient="row")


def row(found: pl.DataFrame, outcome: str, days: int = 30) -> dict[str, object]:
    return found.row(by_predicate=(pl.col("outcome") == outcome) & (pl.col("days") == days), named=True)


def effect(rows: pl.DataFrame, *stretches: dict[str, object], last: pl.DataFrame | None = None, **more: object):
    return outreach_effect(rows, subscriptions(*stretches), last, as_of=AS_OF, **more)


def kept(stretches: list[dict[str, object]], at: date = AS_OF - 40 * DAY) -> tuple[int, int]:
    """Whether account a is subscribed, and paying, thirty days after ``at``."""
    found = effect(sent(("a", "contacted", at)), *stretches)
    return row(found, "subscribed")["contacted_kept"], row(found, "paying")["contacted_kept"]


ON = AS_OF - 10 * DAY


@pytest.mark.parametrize(
    ("stretches", "expected"),
    [
        ([], (0, 0)),
        ([stretch("a")], (1, 1)),
        ([stretch("a", ON)], (0, 0)),
        ([stretch("a", ON + DAY)], (1, 1)),
        ([stretch("a", kind="paused", mrr=0)], (1, 0)),
        ([stretch("a", kind="parked", mrr=0)], (1, 0)),
        ([stretch("a", kind="parked", mrr=10)], (1, 1)),
        ([stretch("a", kind="usage")], (1, 1)),
        ([stretch("a", kind="trial")], (0, 0)),
        ([stretch("a", kind="free", mrr=0)], (0, 0)),
        ([stretch("a", mrr=None)], (1, 1)),
        ([stretch("a", started_on=ON), stretch("a", AS_OF - 200 * DAY, subscription_id="old")], (1, 1)),
        ([stretch("a", started_on=ON + DAY)], (0, 0)),
    ],
)
def test_who_is_subscribed_and_who_pays_on_the_day(stretches, expected) -> None:
    assert kept(stretches) == expected


def test_a_late_renewal_counts_as_served_and_a_gap_still_open_does_not() -> None:
    ended, back = ON - 5 * DAY, ON + 5 * DAY
    lapsed = stretch("a", ended, end_kind=None)
    assert kept([lapsed, stretch("a", started_on=back, subscription_id="again")]) == (1, 1)
    assert kept([lapsed]) == (0, 0)
    asked = lapsed | {"end_kind": "requested"}
    assert kept([asked, stretch("a", started_on=back, subscription_id="again")]) == (0, 0)


def test_shares_difference_and_interval_are_those_of_the_accounts_whose_day_is_over() -> None:
    ago = AS_OF - 40 * DAY
    rows = [(f"c{n}", "contacted", ago) for n in range(40)] + [(f"h{n}", "held_out", ago) for n in range(40)]
    stretches = [stretch(f"c{n}", ON if n < 4 else None) for n in range(40)]
    stretches += [stretch(f"h{n}", ON if n < 20 else None) for n in range(40)]
    found = effect(sent(*rows), *stretches)
    paying = row(found, "paying")
    assert {name: paying[name] for name in ("contacted", "contacted_kept", "held_out", "held_out_kept")} == {
        "contacted": 40, "contacted_kept": 36, "held_out": 40, "held_out_kept": 20,
    }  # fmt: skip
    assert (paying["contacted_share"], paying["held_out_share"], paying["difference"]) == (0.9, 0.5, pytest.approx(0.4))
    assert (paying["low"], paying["high"]) == (pytest.approx(0.2027, abs=1e-4), pytest.approx(0.5599, abs=1e-4))
    assert paying["verdict"] == "up"
    assert paying["saved"] == pytest.approx(16)
    assert (paying["saved_low"], paying["saved_high"]) == (
        pytest.approx(8.11, abs=0.01),
        pytest.approx(22.39, abs=0.01),
    )
    assert row(found, "subscribed")["saved"] is None
    later = row(found, "paying", 60)
    assert (later["contacted"], later["waiting"], later["difference"], later["verdict"]) == (0, 80, None, "too few")


@pytest.mark.parametrize(("ago", "counted", "waiting"), [(30, 0, 1), (31, 1, 0)])
def test_a_day_counts_once_it_is_over(ago: int, counted: int, waiting: int) -> None:
    found = row(effect(sent(("a", "contacted", AS_OF - ago * DAY)), stretch("a")), "paying")
    assert (found["contacted"], found["waiting"]) == (counted, waiting)


def test_value_is_got_on_the_day_or_later() -> None:
    rows = sent(*((name, "contacted", AS_OF - 40 * DAY) for name in "abcd"))
    last = value(a=ON, b=ON - DAY, c=AS_OF)
    found = row(effect(rows, *map(stretch, "abcd"), last=last), "value_active")
    assert (found["contacted"], found["contacted_kept"]) == (4, 2)


@pytest.mark.parametrize("last", [None, value()])
def test_without_any_value_day_nothing_is_said_of_value(last: pl.DataFrame | None) -> None:
    found = row(effect(sent(("a", "contacted", AS_OF - 40 * DAY)), stretch("a"), last=last), "value_active")
    assert [found[name] for name in ("contacted", "contacted_kept", "held_out_kept", "contacted_share", "low")] == [
        1, None, None, None, None,
    ]  # fmt: skip


def test_an_account_counts_once_per_play_from_its_first_message_and_on_its_first_side() -> None:
    first, second = AS_OF - 40 * DAY, AS_OF - 35 * DAY
    rows = sent(
        ("a", "held_out", first), ("a", "contacted", second), ("b", "contacted", second), ("b", "contacted", first)
    )
    found = row(effect(rows, stretch("a"), stretch("b")), "paying")
    assert (found["contacted"], found["held_out"]) == (1, 1)


def test_who_was_left_out_is_on_neither_side() -> None:
    rows = sent(("a", "left_out", AS_OF - 40 * DAY), ("b", "contacted", AS_OF - 40 * DAY))
    found = row(effect(rows, stretch("a"), stretch("b")), "paying")
    assert (found["contacted"], found["held_out"]) == (1, 0)


def test_campaigns_of_a_play_are_pooled_and_plays_are_apart() -> None:
    ago = AS_OF - 40 * DAY
    rows = pl.concat([
        sent(("a", "contacted", ago)), sent(("b", "contacted", ago - DAY)), sent(("a", "held_out", ago), play="sorry")
    ])  # fmt: skip
    found = effect(rows, stretch("a"), stretch("b")).filter(outcome="paying", days=30)
    assert found.select("play", "contacted", "held_out").rows() == [("offer", 2, 0), ("sorry", 0, 1)]


def test_the_day_of_a_message_is_that_of_its_own_time_zone() -> None:
    at = datetime(2026, 10, 18, 23, 30, tzinfo=UTC)
    utc = pl.DataFrame({"account_id": ["a"], "play": ["offer"], "arm": ["contacted"], "at": [at]})
    berlin = utc.with_columns(pl.col("at").dt.convert_time_zone("Europe/Berlin"))
    assert [row(effect(rows, stretch("a")), "paying")["contacted"] for rows in (utc, berlin)] == [1, 0]


def test_nothing_sent_is_no_rows() -> None:
    assert effect(sent()).is_empty()


# --- plain loops -------------------------------------------------------------------------------------------------


def bridged(stretches: list[dict], as_of: date) -> list[dict]:
    """One account's stretches as known on ``as_of``, late renewals bridged; they follow one another."""
    known = [dict(s) for s in stretches if s["started_on"] <= as_of and s["started_on"] != s["ended_on"]]
    for s in known:
        if s["ended_on"] is not None and s["ended_on"] > as_of:
            s["ended_on"] = None
    counted = [s for s in known if s["kind"] in ("paused", "parked") or (s["kind"] == "paid" and s["mrr"] != 0)]
    for one, other in pairwise(counted):
        end, back = one["ended_on"], other["started_on"]
        moved = any(
            s["kind"] in ("free", "trial", "paid") and s not in counted and end <= s["started_on"] < back for s in known
        )
        if 0 < (back - end).days <= 30 and one["end_kind"] != "requested" and not moved:
            one["ended_on"] = back
    return known


def oracle(
    rows: list[dict], stretches: dict[str, list[dict]], last: dict[str, date], days: tuple[int, ...]
) -> list[tuple]:
    found = []
    for play in sorted({one["play"] for one in rows}):
        arms = {}
        for one in sorted(rows, key=lambda one: (one["at"], one["arm"])):
            if one["play"] == play:
                arms.setdefault(one["account_id"], (one["arm"], one["at"]))
        for outcome in OUTCOMES:
            for span in days:
                n, good = {"contacted": 0, "held_out": 0}, {"contacted": 0, "held_out": 0}
                for account, (arm, at) in arms.items():
                    on = at + timedelta(days=span)
                    if on >= AS_OF:
                        continue
                    there = [
                        s for s in bridged(stretches.get(account, []), AS_OF)
                        if s["started_on"] <= on and (s["ended_on"] is None or on < s["ended_on"])
                    ]  # fmt: skip
                    served = any(s["kind"] in ("paid", "usage", "paused", "parked") for s in there)
                    pays = any(s["kind"] in ("paid", "usage", "parked") and s["mrr"] != 0 for s in there)
                    active = account in last and last[account] >= on
                    n[arm] += 1
                    good[arm] += {"subscribed": served, "paying": pays, "value_active": active}[outcome]
                found.append((play, outcome, span, n["contacted"], good["contacted"], n["held_out"], good["held_out"]))
    return found


def company(seed: int) -> tuple[list[dict], dict[str, list[dict]], dict[str, date]]:
    draw = random.Random(seed)
    rows, stretches, last = [], {}, {"nobody": LONG_AGO}
    for number in range(draw.choice([1, 40, 60])):
        account = f"a{number}"
        for _ in range(draw.randint(0, 3)):
            at = AS_OF - draw.randint(0, 150) * DAY
            arm = draw.choice(["contacted", "held_out"])
            rows.append({"account_id": account, "play": draw.choice(["offer", "sorry"]), "arm": arm, "at": at})
        start, found = AS_OF - draw.randint(100, 300) * DAY, []
        for place in range(draw.randint(0, 4)):
            end = start + draw.randint(0, 120) * DAY
            kind = draw.choice(["paid", "paid", "paid", "paused", "parked", "usage", "trial", "free"])
            found.append(stretch(
                account, end, subscription_id=f"{account}-{place}", kind=kind, mrr=draw.choice([0, 100, 100, None]),
                started_on=start, end_kind=draw.choice([None, "requested"]),
            ))  # fmt: skip
            start = end + draw.choice([0, 1, 20, 30, 31, 60]) * DAY
        if found and draw.random() < 0.5:
            found[-1] |= {"ended_on": None, "end_kind": None}
        stretches[account] = found
        if draw.random() < 0.8:
            last[account] = AS_OF - draw.randint(0, 120) * DAY
    return rows, stretches, last


@limits(max_examples=12)
@given(st.integers(0, 10**9))
def test_plain_loops_count_the_same(seed: int) -> None:
    rows, stretches, last = company(seed)
    found = outreach_effect(
        pl.DataFrame(rows, schema=SENT),
        subscriptions(*(one for some in stretches.values() for one in some)),
        value(**last),
        as_of=AS_OF,
    )
    columns = ("play", "outcome", "days", "contacted", "contacted_kept", "held_out", "held_out_kept")
    assert found.select(*columns).rows() == oracle(rows, stretches, last, (30, 60, 90))
    for one in found.iter_rows(named=True):
        if one["contacted"] and one["held_out"]:
            assert one["low"] <= one["difference"] <= one["high"]
        else:
            assert one["difference"] is None
