"""What a board pack says about its numbers: one finding per slide, in words made from the numbers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from metrics.churn_reasons import NO_REASON
from metrics.movements import LOSSES
from reports import words
from reports.board_numbers import MONTHS, BoardNumbers
from reports.sentences import VERDICTS, one, won_and_lost
from reports.zombies import MEASURE

MOVEMENTS = {
    "new": "New",
    "expansion": "Expansion",
    "reactivation": "Came back",
    "resumed": "Resumed",
    "moved_in": "Moved in",
    "contraction": "Contraction",
    "paused": "Paused",
    "churned": "Churned",
    "moved_out": "Moved out",
    "fx": "Currency",
}
_LED = {
    "New": "new business",
    "Came back": "returning accounts",
    "Resumed": "resumed accounts",
    "Moved in": "accounts moving in",
    "Paused": "pauses",
    "Churned": "churn",
    "Moved out": "accounts moving out",
    "Currency": "exchange rates",
}


def last_month(pack: BoardNumbers) -> dict[str, Any] | None:
    """The movements of the last full month, None when there are none."""
    return one(pack.movements, month=pack.full_month) if pack.movements.height else None


def short(pack: BoardNumbers, minor: float) -> str:
    """An amount of the pack in a few characters."""
    return words.money(minor, pack.currency, short=True)


def month_kept(pack: BoardNumbers) -> str:
    """Whether last month was any different."""
    month = last_month(pack)
    if month is None:
        return "No recurring revenue to report yet"
    name = words.month(pack.full_month)
    gross = one(pack.changes, measure="grr")
    if gross is None or gross["value"] is None:
        return f"{name} closed with {short(pack, month['closing'])} of MRR; nothing was there to keep"
    return f"{name} kept {words.percent(gross['value'])} of its revenue: {VERDICTS[gross['verdict']]}"


def month_in_words(pack: BoardNumbers) -> str:
    """What last month won and lost."""
    month = last_month(pack)
    if month is None:
        return "When a first month is over, its revenue stands here."
    won, lost = won_and_lost(month)
    paused = f", {short(pack, month['paused'])} of it by pausing" if month["paused"] else ""
    left = words.plural(month["accounts_churned"], "account")
    return f"Won {short(pack, won)} of MRR and lost {short(pack, lost)}{paused}; {left} left."


def movements(pack: BoardNumbers) -> str:
    """How far MRR moved, and what moved it most."""
    month = last_month(pack)
    if month is None:
        return "No MRR movements yet"
    change = month["closing"] - month["opening"]
    name, closing = words.month(month["month"]), short(pack, month["closing"])
    ways = {label: (-1 if key in LOSSES else 1) * month[key] for key, label in MOVEMENTS.items()}
    label, most = max(ways.items(), key=lambda item: abs(item[1]))
    if not most:
        return f"MRR stayed at {closing} in {name}"
    led = f"{_LED.get(label, label.lower())} {'added' if most > 0 else 'took'} most, {short(pack, abs(most))}"
    if not change:
        return f"MRR stayed at {closing} in {name}; {led}"
    way = "grew" if change > 0 else "fell"
    return f"MRR {way} by {short(pack, abs(change))} to {closing} in {name}; {led}"


def standing(pack: BoardNumbers) -> str:
    """What recurring revenue stands at, and what a year keeps of it."""
    run_rate = one(pack.run_rate, month=pack.full_month) if pack.run_rate.height else None
    if run_rate is None:
        return "No recurring revenue to report yet"
    gross, net = (one(pack.year, measure=name, month=pack.full_month) for name in ("grr", "nrr"))
    at = f"ARR stands at {short(pack, run_rate['arr'])}"
    if gross is None or net is None or gross["value"] is None:
        return f"{at}; twelve-month retention needs a year of revenue"
    return f"{at}; a year keeps {words.percent(gross['value'])} of revenue, {words.percent(net['value'])} with growth"


def two_years(pack: BoardNumbers) -> str:
    """Between what monthly retention ran, and whether the last month is any different."""
    final = pack.rates.filter(pl.col("measure") == "grr", pl.col("month") <= pack.full_month).sort("month").tail(MONTHS)
    seen = final["value"].drop_nulls()
    if seen.is_empty():
        return "No full month has had revenue to keep yet"
    low, high = min(seen.to_list()), max(seen.to_list())
    many = words.plural(seen.len(), "month")
    ran = f"between {words.percent(low)} and {words.percent(high)}" if low < high else f"at {words.percent(low)}"
    change = one(pack.changes, measure="grr")
    ends = "" if change is None or change["change"] is None else f"; last month: {VERDICTS[change['verdict']]}"
    return f"Monthly GRR ran {ran} in {many}{ends}"


def renewals(pack: BoardNumbers) -> str:
    """How much of what came up was renewed, and what comes up next."""
    running = pack.as_of.replace(day=1)
    past = pack.renewals.filter(pl.col("month") < running)
    ahead = pack.renewals.filter(pl.col("month") >= running)
    due, renewed, open_ = int(past["due"].sum()), int(past["renewed"].sum()), int(ahead["open"].sum())
    coming = f"{short(pack, open_)} comes up by {words.month(ahead['month'].max())}" if open_ else "none is ahead"  # type: ignore[arg-type]
    if not due:
        return "No renewals in the last six months, and " + coming if open_ else "No contract comes up for renewal"
    return f"{words.percent(renewed / due, digits=0)} of what came up in six months was renewed; {coming}"


def at_risk(pack: BoardNumbers) -> str:
    """How much is on its way out, and how much is in poor health."""
    leaving = int(pack.leaving["mrr"].sum())
    red = one(pack.health, band="red")
    paying = int(pack.health["mrr"].sum())
    if not paying:
        return "No paying account, so nothing is at risk"
    gone = f"{short(pack, leaving)} of MRR has asked to leave" if leaving else "Nobody has asked to leave"
    if not int(pack.health.filter(pl.col("band") != "unknown")["mrr"].sum()):
        return f"{gone}; too little is known to tell the accounts' health"
    if red is None or not red["mrr"]:
        return f"{gone}; no account is in red health"
    return f"{gone}; {short(pack, red['mrr'])}, {words.percent(red['mrr'] / paying)} of MRR, is in red health"


def reasons(pack: BoardNumbers) -> str:
    """Which reason cost most."""
    if not pack.left:
        return "Nobody left in the last twelve months"
    said = pack.reasons.filter(~pl.col("theme").is_in(NO_REASON))
    if said.is_empty():
        return f"{words.plural(pack.left, 'account')} left in twelve months, and none has said why"
    first = said.row(0, named=True)
    return f"“{first['label']}” cost most: {short(pack, first['lost_mrr'])} of MRR in twelve months"


def reasons_in_words(pack: BoardNumbers) -> str:
    """How many left, and how many of them said why."""
    if not pack.left:
        return ""
    lost = short(pack, int(pack.reasons["lost_mrr"].sum()))
    return (
        f"{words.plural(pack.left, 'account')} left with {lost} of MRR in the twelve months to "
        f"{words.day(pack.as_of.replace(day=1) - timedelta(days=1))}; {pack.answered:,} said why."
    )


def rate_row(row: dict[str, Any] | None, change: dict[str, Any] | None) -> tuple[str, str, str, str, str]:
    """A rate in words: value, change, verdict, interval, count."""
    if row is None or row["value"] is None:
        return (words.NOTHING, words.NOTHING, "not enough months yet", words.NOTHING, words.NOTHING)
    moved, verdict = (words.NOTHING, "no verdict yet")
    if change is not None and change["change"] is not None:
        moved, verdict = words.points(change["change"]), VERDICTS[change["verdict"]]
    return (words.percent(row["value"]), moved, verdict, words.between(row["low"], row["high"]), f"{row['n']:,}")


def without_silent(pack: BoardNumbers) -> str:
    """What a year's NRR is without silent accounts, short enough for a card; empty where that is not known."""
    row = one(pack.year, measure=MEASURE, month=pack.full_month)
    if row is None or row["value"] is None:
        return ""
    return f"Without silent: {words.percent(row['value'])} ({words.between(row['low'], row['high'])})"


def row_without_change(row: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """A rate of which no change is worked out, in words: value, interval, count."""
    value, _, _, interval, n = rate_row(row, None)
    return (value, words.NOTHING, words.NOTHING, interval, n)


def where_from(pack: BoardNumbers) -> str:
    """The line under every slide."""
    whose = f" · accounts of {pack.seen_by}" if pack.seen_by else ""
    return f"{pack.company} · as of {words.moment(pack.taken_at)} · snapshot {pack.snapshot_id}{whose}"
