"""Who is leaving, who is late, and how renewals turned out."""

from __future__ import annotations

import random
from datetime import date, timedelta

import polars as pl
import pytest

from metrics.current import renewing
from metrics.revenue import account_movements, account_renewals, late_renewals, leaving, movements, renewals

TODAY = date(2026, 6, 15)
SCHEMA = {
    "account_id": pl.String,
    "subscription_id": pl.String,
    "line_id": pl.String,
    "plan": pl.String,
    "kind": pl.String,
    "mrr": pl.Int64,
    "started_on": pl.Date,
    "ended_on": pl.Date,
    "renews_on": pl.Date,
    "cancel_requested_at": pl.Date,
    "past_due_since": pl.Date,
    "end_kind": pl.String,
}


def day(text):
    return None if text is None else date.fromisoformat(f"2026-{text}")


def stretch(
    start="01-01", end=None, mrr=100, *, account="a", subscription="s", line=None, plan="Team", kind="paid", **more
):
    dates = {name: day(more.pop(name, None)) for name in ("renews_on", "cancel_requested_at", "past_due_since")}
    return {
        "account_id": account,
        "subscription_id": subscription,
        "line_id": line,
        "plan": plan,
        "kind": kind,
        "mrr": mrr,
        "started_on": day(start),
        "ended_on": day(end),
        **dates,
        "end_kind": more.get("end_kind"),
    }


def frame(*rows):
    return pl.DataFrame(list(rows), schema=SCHEMA)


def test_requested_and_still_served_is_leaving():
    rows = [stretch(end="07-01", cancel_requested_at="06-01"), stretch(account="b")]
    assert leaving(frame(*rows), as_of=TODAY).rows() == [
        ("a", "Team", 100, 100, True, date(2026, 6, 1), date(2026, 7, 1), 16)
    ]


def test_who_has_gone_or_has_not_asked_yet_is_not_leaving():
    rows = [
        stretch(end="06-15", cancel_requested_at="06-01"),
        stretch(account="b", cancel_requested_at="06-16"),
        stretch(account="c", end="07-01"),  # the term of a contract: a renewal
        stretch(account="d", mrr=0, cancel_requested_at="06-01"),
        stretch(account="e", kind="usage", cancel_requested_at="06-01"),
    ]
    assert leaving(frame(*rows), as_of=TODAY).is_empty()


def test_one_of_two_subscriptions_asked_to_end_is_part_of_the_account_leaving():
    rows = [stretch(), stretch(mrr=40, subscription="t", cancel_requested_at="06-01", renews_on="08-01", plan="Pro")]
    assert leaving(frame(*rows), as_of=TODAY).rows() == [
        ("a", "Pro", 40, 140, False, date(2026, 6, 1), date(2026, 8, 1), 47)
    ]


def test_a_request_on_the_subscription_takes_its_add_ons_along():
    rows = [stretch(cancel_requested_at="06-01"), stretch(mrr=30, line="seats")]
    assert leaving(frame(*rows), as_of=TODAY)["mrr"].to_list() == [130]


def test_an_end_marked_as_requested_is_leaving_without_a_day_of_request():
    rows = [stretch(end="07-01", end_kind="requested")]
    assert leaving(frame(*rows), as_of=TODAY).select("mrr", "requested_on").row(0) == (100, None)


def test_an_end_asked_for_later_is_not_known_to_be_requested_yet():
    rows = [stretch(end="07-01", renews_on="07-01", end_kind="requested", cancel_requested_at="06-16")]
    assert leaving(frame(*rows), as_of=TODAY).is_empty()
    assert comes_up(*rows) == [(None, date(2026, 7, 1))]
    assert open_and_leaving(*rows) == [(100, 0)]


def comes_up(*rows, as_of=TODAY):
    found = renewing(frame(*rows), as_of=as_of).sort("line_id", "renews_on").collect()
    return found.select("line_id", "renews_on").rows()


def test_of_two_subscriptions_the_one_nobody_asked_to_end_comes_up():
    kept = stretch(line="s", renews_on="09-01")
    for request in ({"cancel_requested_at": "06-01"}, {"end_kind": "requested"}):
        given_up = stretch(line="t", subscription="t", end="07-01", renews_on="07-01", **request)
        assert comes_up(kept, given_up) == [("s", date(2026, 9, 1))]
    assert comes_up(kept, stretch(line="t", subscription="t", end="07-01", renews_on="07-01")) == [
        ("s", date(2026, 9, 1)),
        ("t", date(2026, 7, 1)),  # the term of a contract, which nobody asked to end
    ]


def test_a_request_on_the_whole_takes_add_ons_along_and_one_on_an_add_on_only_itself():
    own, extra = {"line": "s", "renews_on": "09-01"}, {"line": "x", "renews_on": "08-01"}
    assert comes_up(stretch(**own, cancel_requested_at="06-01"), stretch(**extra)) == []
    assert comes_up(stretch(**own), stretch(**extra, cancel_requested_at="06-01")) == [("s", date(2026, 9, 1))]


def test_what_is_not_served_or_metered_or_asked_for_later_does_not_change_what_comes_up():
    rows = [
        stretch(line="s", renews_on="09-01", cancel_requested_at="06-16"),
        stretch(line="g", end="06-15", renews_on="07-01"),
        stretch("06-16", line="l", renews_on="07-01"),
        stretch(line="m", renews_on="07-01", kind="usage"),
        stretch(line="w", renews_on="07-01", end_kind="mistake"),
    ]
    assert comes_up(*rows) == [("s", date(2026, 9, 1))]


def test_a_late_renewal_is_listed_until_the_grace_is_over():
    rows = [
        stretch(end="06-01"),
        stretch(account="b", end="05-15", end_kind="payment_failed"),
        stretch(account="c", end="05-15"),
    ]
    found = late_renewals(frame(*rows), as_of=date(2026, 6, 14))
    assert found.select("account_id", "mrr", "days_late", "churns_on", "status").rows() == [
        ("b", 100, 30, date(2026, 6, 15), "past due"),
        ("c", 100, 30, date(2026, 6, 15), "late renewal"),
        ("a", 100, 13, date(2026, 7, 2), "late renewal"),
    ]
    assert late_renewals(frame(*rows), as_of=TODAY)["account_id"].to_list() == ["a"]


def test_a_payment_open_since_a_day_makes_a_late_renewal_past_due():
    found = late_renewals(frame(stretch(end="06-01", past_due_since="05-20")), as_of=TODAY)
    assert found.select("status", "past_due_since").row(0) == ("past due", date(2026, 5, 20))


def test_who_asked_to_leave_or_went_to_the_free_plan_is_not_late():
    rows = [
        stretch(end="06-01", cancel_requested_at="05-01"),
        stretch(account="b", end="06-01"),
        stretch(account="b", start="06-01", kind="free", mrr=0),
    ]
    assert late_renewals(frame(*rows), as_of=TODAY).is_empty()


def test_what_late_renewals_list_is_what_movements_still_carry():
    rows = [stretch(end="06-01"), stretch(account="b", end="05-20", mrr=70), stretch(account="c")]
    carried = movements(account_movements(frame(*rows), since=TODAY, until=TODAY, as_of=TODAY))["closing"].item()
    assert carried - late_renewals(frame(*rows), as_of=TODAY)["mrr"].sum() == 100


def outcome(*rows, as_of=TODAY, **options):
    found = account_renewals(frame(*rows), since=date(2026, 3, 1), until=date(2026, 12, 31), as_of=as_of, **options)
    assert (
        found["due"] == found.select(pl.sum_horizontal("renewed", "shrunk", "lost", "late", "open")).to_series()
    ).all()
    return found.select("due", "renewed", "shrunk", "lost", "late", "open", "outcome").rows()


def test_a_contract_renewed_at_the_same_price_or_more_is_renewed():
    assert outcome(stretch(end="04-01", renews_on="04-01"), stretch("04-01")) == [(100, 100, 0, 0, 0, 0, "renewed")]
    assert outcome(stretch(end="04-01", renews_on="04-01"), stretch("04-01", mrr=180, subscription="new")) == [
        (100, 100, 0, 0, 0, 0, "renewed")
    ]


@pytest.mark.parametrize(
    ("renews_on", "back_on", "month", "said"),
    [
        # A year from 29 February is over on 28 February, two are on 29 February again where there is one.
        (date(2025, 2, 28), date(2025, 2, 28), date(2025, 2, 1), "renewed"),
        (date(2028, 2, 29), date(2028, 2, 29), date(2028, 2, 1), "renewed"),
        # The grace runs over the end of a short month: the 30th day is in March of either year.
        (date(2028, 2, 29), date(2028, 3, 30), date(2028, 2, 1), "renewed"),
        (date(2028, 2, 29), date(2028, 3, 31), date(2028, 2, 1), "lost"),
        (date(2027, 1, 31), date(2027, 3, 2), date(2027, 1, 1), "renewed"),
        (date(2027, 1, 31), date(2027, 3, 3), date(2027, 1, 1), "lost"),
    ],
)
def test_a_renewal_on_29_february_or_a_month_end_falls_in_its_own_month(renews_on, back_on, month, said):
    before = stretch() | {"started_on": date(2024, 2, 29), "ended_on": renews_on, "renews_on": renews_on}
    after = stretch(subscription="t") | {"started_on": back_on}
    found = account_renewals(frame(before, after), since=month, until=month, as_of=date(2028, 6, 1), grace_days=30)
    assert found.select("month", "renews_on", "outcome").rows() == [(month, renews_on, said)]


def test_a_contract_that_runs_on_is_renewed():
    assert outcome(stretch(renews_on="04-01")) == [(100, 100, 0, 0, 0, 0, "renewed")]


def test_a_contract_renewed_for_less_has_shrunk():
    assert outcome(stretch(end="04-01", renews_on="04-01"), stretch("04-01", mrr=60)) == [
        (100, 60, 40, 0, 0, 0, "shrunk")
    ]


def test_a_contract_not_renewed_is_lost():
    assert outcome(stretch(end="04-01", renews_on="04-01")) == [(100, 0, 0, 100, 0, 0, "lost")]
    assert outcome(stretch(end="04-01", renews_on="04-01"), stretch(mrr=55, subscription="t")) == [
        (100, 0, 0, 100, 0, 0, "lost")
    ]


def test_a_contract_that_ran_on_into_the_grace_and_then_ended_is_lost():
    assert outcome(stretch(end="04-11", renews_on="04-01", end_kind="payment_failed")) == [
        (100, 0, 0, 100, 0, 0, "lost")
    ]


def test_a_contract_renewed_within_the_grace_is_renewed_at_its_new_price():
    assert outcome(stretch(end="04-01", renews_on="04-01"), stretch("04-25", mrr=90)) == [
        (100, 90, 10, 0, 0, 0, "shrunk")
    ]
    assert outcome(stretch(end="04-01", renews_on="04-01"), stretch("05-02")) == [(100, 0, 0, 100, 0, 0, "lost")]


def test_a_contract_that_may_still_be_renewed_is_late():
    assert outcome(stretch(end="06-01", renews_on="06-01")) == [(100, 0, 0, 0, 100, 0, "late")]
    assert outcome(stretch(end="06-01", renews_on="06-01", cancel_requested_at="05-01")) == [
        (100, 0, 0, 100, 0, 0, "lost")
    ]


def test_a_contract_that_comes_up_today_or_later_is_open():
    assert outcome(stretch(renews_on="06-15")) == [(100, 0, 0, 0, 0, 100, "open")]
    assert outcome(stretch(renews_on="08-01", end="08-01")) == [(100, 0, 0, 0, 0, 100, "open")]


def open_and_leaving(*rows):
    found = account_renewals(frame(*rows), since=TODAY, until=date(2026, 12, 31), as_of=TODAY)
    return found.select("open", "leaving").rows()


@pytest.mark.parametrize("back_on", ["06-01", "06-10"])
@pytest.mark.parametrize("request_", [{"cancel_requested_at": "05-01"}, {"end_kind": "requested"}])
def test_a_request_that_has_ended_service_says_nothing_of_what_follows(back_on, request_):
    rows = [stretch(end="06-01", **request_), stretch(back_on, mrr=120, renews_on="09-01")]
    assert open_and_leaving(*rows) == [(120, 0)]


def test_a_request_on_what_still_runs_takes_its_add_ons_along_to_the_renewal():
    rows = [stretch(cancel_requested_at="06-01", renews_on="09-01"), stretch(mrr=30, line="seats", renews_on="09-01")]
    assert open_and_leaving(*rows) == [(130, 130)]


def test_what_was_replaced_or_ended_before_it_came_up_is_not_due():
    assert outcome(stretch(end="03-10", renews_on="09-01", cancel_requested_at="03-01")) == []
    assert outcome(stretch(end="05-01", renews_on="09-01"), stretch("05-01", mrr=120, renews_on="09-01")) == [
        (120, 0, 0, 0, 0, 120, "open")
    ]


def test_a_paused_contract_is_lost_at_its_renewal():
    assert outcome(stretch(end="04-01", renews_on="04-01"), stretch("04-01", kind="paused")) == [
        (100, 0, 0, 100, 0, 0, "lost")
    ]


def test_renewals_add_up_by_month_with_months_to_come():
    rows = [
        stretch(end="04-01", renews_on="04-01"),
        stretch(account="b", renews_on="04-20", mrr=70),
        stretch(account="c", renews_on="07-01", mrr=30, cancel_requested_at="06-01"),
        stretch(account="c", renews_on="07-09", mrr=5, subscription="t"),
    ]
    found = renewals(frame(*rows), since=date(2026, 4, 15), until=date(2026, 7, 2), as_of=TODAY)
    money = found.select("month", "due", "renewed", "shrunk", "lost", "late", "open", "leaving", "state").rows()
    assert money == [
        (date(2026, 4, 1), 170, 70, 0, 100, 0, 0, 0, "final"),
        (date(2026, 5, 1), 0, 0, 0, 0, 0, 0, 0, "final"),
        (date(2026, 6, 1), 0, 0, 0, 0, 0, 0, 0, "provisional"),
        (date(2026, 7, 1), 35, 0, 0, 0, 0, 35, 30, "provisional"),
    ]
    people = found.select("accounts_due", "accounts_renewed", "accounts_lost", "accounts_open").rows()
    assert people == [(2, 1, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0), (1, 0, 0, 1)]


def test_no_subscriptions_leave_nothing_due():
    found = renewals(frame(), since=TODAY, until=TODAY, as_of=TODAY)
    assert found.select("due", "accounts_due").row(0) == (0, 0)
    assert leaving(frame(), as_of=TODAY).is_empty()
    assert late_renewals(frame(), as_of=TODAY).is_empty()


def random_company(seed):
    """Accounts with contracts that come up, are renewed at once, late or not at all, asked to end or not."""
    rng, rows = random.Random(seed), []
    for account in range(30):
        for subscription in range(rng.choice([1, 1, 2])):
            start = date(2026, 1, 1) + timedelta(days=rng.randint(0, 60))
            for _ in range(rng.randint(1, 4)):
                end = start + timedelta(days=rng.choice([30, 45, 60]))
                renews = rng.choice([end, end, end - timedelta(days=5), None, end + timedelta(days=20)])
                runs_on = rng.random() < 0.2
                asked = start + timedelta(days=10) if rng.random() < 0.2 else None
                rows.append(
                    stretch(mrr=rng.choice([0, 50, 100]), account=f"a{account}", subscription=f"s{subscription}")
                    | {"started_on": start, "ended_on": None if runs_on else end}
                    | {"renews_on": renews, "cancel_requested_at": asked}
                )
                if runs_on:
                    break
                start = end + timedelta(days=rng.choice([0, 0, 0, 10, 30, 31]))
    return rows


def by_hand(rows, as_of, grace):
    """{(account, renewal day): (due, renewed, shrunk, lost, late, open)} by plain loops."""
    known = [
        r
        | {"ended_on": r["ended_on"] if r["ended_on"] and r["ended_on"] <= as_of else None}
        | {"cancel_requested_at": (r["cancel_requested_at"] if (r["cancel_requested_at"] or as_of) <= as_of else None)}
        for r in rows
        if r["started_on"] <= as_of
    ]

    def served(r, when):
        return r["started_on"] <= when and (r["ended_on"] is None or when < r["ended_on"])

    def mrr(account, when):
        return sum(r["mrr"] for r in known if r["account_id"] == account and served(r, when))

    found = {}
    for account in {r["account_id"] for r in known}:
        mine = [r for r in known if r["account_id"] == account]
        for renews in {r["renews_on"] for r in mine if r["renews_on"]}:
            due = [
                r
                for r in mine
                if r["renews_on"] == renews
                and r["mrr"]
                and r["started_on"] < renews
                and (r["ended_on"] is None or r["ended_on"] >= renews)
            ]
            if not due:
                continue
            total = sum(r["mrr"] for r in due)
            if renews >= as_of:
                found[account, renews] = (total, 0, 0, 0, 0, total)
                continue
            ends = [r["ended_on"] or date.max for r in due]
            looked = max(ends) if max(ends) <= renews + timedelta(days=grace) else renews
            last = [r for r in mine if r["ended_on"] == looked and r["mrr"]]
            late = False
            if last and not mrr(account, looked) and not any(r["cancel_requested_at"] for r in last):
                gap = 0
                while looked + timedelta(days=gap) <= as_of and not mrr(account, looked + timedelta(days=gap)):
                    gap += 1
                open_still = looked + timedelta(days=gap) > as_of
                moved_on = any(r["mrr"] == 0 and looked <= r["started_on"] < looked + timedelta(days=gap) for r in mine)
                if (gap - 1 if open_still else gap) <= grace and not moved_on:
                    late = open_still
                    looked += timedelta(days=gap)
            if late:
                found[account, renews] = (total, 0, 0, 0, total, 0)
                continue
            kept = max(0, total - max(0, mrr(account, renews - timedelta(days=1)) - mrr(account, looked)))
            found[account, renews] = (total, kept, total - kept if kept else 0, 0 if kept else total, 0, 0)
    return found


@pytest.mark.parametrize("seed", range(25))
def test_renewals_agree_with_plain_loops(seed):
    rows, as_of = random_company(seed), date(2026, 2, 20) + timedelta(days=7 * seed)
    for grace in (0, 30):
        found = account_renewals(
            frame(*rows), since=date(2026, 1, 1), until=date(2026, 12, 31), as_of=as_of, grace_days=grace
        )
        told = {
            (account, renews): tuple(amounts)
            for account, renews, *amounts in found.select(
                "account_id", "renews_on", "due", "renewed", "shrunk", "lost", "late", "open"
            ).iter_rows()
        }
        assert told == by_hand(rows, as_of, grace)


@pytest.mark.parametrize("seed", range(5))
def test_rows_dated_after_as_of_change_nothing(seed):
    rows, as_of = frame(*random_company(seed)), date(2026, 4, 2)
    then = rows.filter(pl.col("started_on") <= as_of)
    window = {"since": date(2026, 1, 1), "until": date(2026, 12, 31), "as_of": as_of}
    assert renewals(rows, **window).equals(renewals(then, **window))
    assert leaving(rows, as_of=as_of).equals(leaving(then, as_of=as_of))
    assert late_renewals(rows, as_of=as_of).equals(late_renewals(then, as_of=as_of))
