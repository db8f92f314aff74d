"""The overview's three sentences: words made from numbers."""

from datetime import date

import polars as pl
import pytest

from pages.shared.answers import behind, overview
from pages.shared.filters import Who
from pages.shared.words import inert
from reports import sentences

OCTOBER = date(2026, 10, 1)
MOVERS = pl.DataFrame(
    {"name": ["Acme", "Bolt", "Cut", "Dot", "*Eve*"], "amount": [-90_000, -50_000, -30_000, -10_000, 40_000]}
)
GROSS = {"value": 0.966, "change": 0.0131, "verdict": "within noise"}


def test_the_first_sentence_says_what_was_kept_whether_it_is_news_and_who_carries_the_loss():
    assert sentences.kept(GROSS, OCTOBER, MOVERS, "EUR") == (
        "Oct 2026 kept 96.6% of its revenue, +1.3 pts on the month before: no real change. "
        "Acme (€900) carries 50% of the loss."
    )
    assert "a real fall" in sentences.kept({**GROSS, "change": -0.05, "verdict": "down"}, OCTOBER, MOVERS, "EUR")
    assert sentences.kept(GROSS, OCTOBER, MOVERS.clear(), "EUR").endswith("Nothing was lost.")
    assert sentences.kept(None, OCTOBER, MOVERS, "EUR") == (
        "Oct 2026 had nothing to keep: no account was paying when it began."
    )


def test_the_second_sentence_sets_what_was_won_against_what_was_lost():
    others = ("expansion", "reactivation", "resumed", "moved_in", "contraction", "paused", "moved_out", "fx")
    nothing = dict.fromkeys(others, 0)
    month = {"opening": 1_000_000, "closing": 1_050_000, "new": 100_000, "churned": 50_000, **nothing}
    assert sentences.moved(month, MOVERS, "EUR", write=inert) == (
        r"MRR closed at €10,500, +€500 (5.0%): €1k won, €500 lost. \*Eve\* (€400) carries 100% of the gain."
    )
    moved = {**month, "moved_in": 20_000, "moved_out": 30_000, "fx": -1_000_000, "closing": 40_000}
    assert "€1.2k won, €800 lost, \u2212€10k by exchange rates." in sentences.moved(moved, MOVERS, "EUR")
    assert sentences.moved(None, MOVERS, "EUR") == "There is no full month yet."


def test_the_third_sentence_says_what_lies_ahead():
    going = pl.DataFrame({"name": ["Acme"], "mrr": [40_000], "ends_on": [date(2026, 12, 14)]})
    silent = pl.DataFrame({"mrr": [10_000, 20_000]})
    due = {"month": date(2026, 12, 1), "due": 6_500_000}
    assert sentences.ahead(going, silent, due, "EUR") == (
        "Ahead: €400 is leaving, the largest of it Acme until 14 Dec 2026, €300 comes from 2 accounts that get "
        "nothing for it and €65k comes up for renewal in Dec 2026."
    )
    assert sentences.ahead(going.clear(), silent.clear(), None, "EUR").startswith("Ahead: nobody has asked to leave")


def test_at_most_three_accounts_are_named_and_their_share_is_said_as_it_is():
    even = pl.DataFrame({"name": list("abcdefghij"), "amount": [100] * 10})
    assert sentences.carried_by(even, "the gain", "EUR").endswith("carry 30% of the gain.")


@pytest.mark.postgres
@pytest.mark.slow
def test_on_the_demo_the_sentences_name_the_accounts_that_moved_most(demo_frames):
    who, month = Who(), sentences.full_month(demo_frames.as_of)
    moves = overview.account_months.__wrapped__(demo_frames, who).filter(pl.col("month") == month)
    lost = moves.filter(pl.col("movement").is_in(["churned", "contraction", "paused"])).sort("amount", descending=True)
    names = dict(demo_frames.accounts.select("account_id", "name").collect().iter_rows())
    movers = moves.filter(pl.col("amount") > 0).with_columns(
        name=pl.col("account_id").replace_strict(names),
        amount=pl.when(pl.col("movement").is_in(["churned", "contraction", "paused"]))
        .then(-pl.col("amount"))
        .otherwise("amount"),
    )
    said = sentences.kept(GROSS, month, movers, "EUR")
    assert names[lost["account_id"][0]] in said
    going = behind.going.__wrapped__(demo_frames, who)
    assert going["mrr"].sum() > 0
    assert going["name"].null_count() == 0
