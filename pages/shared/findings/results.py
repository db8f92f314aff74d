"""What the results page says: what was delivered and answered, and whether it changed anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from outreach.results import Results
from pages.shared import words
from pages.shared.findings.outreach_words import STATES
from pages.shared.tables import Column

OUTCOMES = {"Still paying": "paying", "Still subscribed": "subscribed", "Getting value": "value_active"}
DAYS = {"30 days": 30, "60 days": 60, "90 days": 90}
_SAYS = {"paying": "pay", "subscribed": "are subscribed", "value_active": "get value"}

_COUNTS = {
    "accounts": Column("Accounts", "count", help="Written to or held out; each once"),
    "contacted": Column("Contacted", "count", help="Messages approved to be sent"),
    "delivered": Column("Delivered", "count", help="A server took it; what came back later is not known as such here"),
    "answered": Column("Answered", "count"),
    "failed": Column("Failed", "count", help="Refused, or tried too often"),
    "uncertain": Column("Not sure", "count", help="The server may or may not have taken it"),
    "waiting": Column("Waiting", "count"),
    "left_out": Column("Left out", "count"),
    "held_out": Column("Held out", "count", help="Not written to, to compare with"),
}
PLAYS = {
    "title": Column("Play", pinned=True, width="medium"),
    "campaigns": Column("Campaigns", "count"),
    **_COUNTS,
    "opted_out": Column("Opted out", "count", help="People who unsubscribed after a message of this play"),
    "left": Column(
        "Accounts left since", "count", help="Subscribed when it was approved, and not any more; not because of it"
    ),
}
CAMPAIGNS = {
    "title": Column("Campaign", width=300),
    "called": Column("State"),
    "approved_at": Column("Approved", "moment"),
    **_COUNTS,
}
EFFECT = {
    "title": Column("Play", pinned=True, width="medium"),
    "told": Column("Outcome"),
    "days": Column("After days", "count"),
    "contacted": Column("Contacted", "count", help="Accounts written to for whom that day is over"),
    "contacted_share": Column("Of them", "percent"),
    "held_out": Column("Held out", "count", help="Accounts not written to for whom that day is over"),
    "held_out_share": Column("Of those", "percent"),
    "difference": Column("Difference, points", "percent"),
    "low": Column("95% from", "percent"),
    "high": Column("95% to", "percent"),
    "said": Column("Verdict"),
    "saved": Column("Saved", "number", help="Accounts that pay then and would not without it; only of “still paying”"),
    "saved_low": Column("Saved, from", "number"),
    "saved_high": Column("Saved, to", "number"),
    "waiting": Column("Still to come", "count", help="Accounts for whom that day is not over yet"),
}
ANSWERS = {
    "account": Column("Account", pinned=True),
    "answered_at": Column("Answered", "moment"),
    "title": Column("Play"),
    "score": Column("Score", "count", help="0 to 10"),
    "comment": Column("In their words", width="large"),
}


def headline(found: Results, titles: Mapping[str, str]) -> tuple[str, str | None]:
    """What outreach has brought so far, in one sentence, and one more."""
    if found.plays.is_empty():
        return "Nothing has been sent yet", "What comes of a campaign stands here, from its first message on."
    delivered, answered = (int(found.plays[name].sum()) for name in ("delivered", "answered"))
    said = f"{words.plural(delivered, 'message')} delivered, {answered:,} answered"
    return said, _paying(titled(found.effect, titles).filter(outcome="paying"))


def _paying(rows: pl.DataFrame) -> str:
    """Whether outreach keeps customers: its greatest gain and its greatest loss, else the surest of no difference."""
    told = [
        f"{words.inert(row['title'])}: {say(row)}."
        for verdict, say in (("up", saved), ("down", lost))
        for row in rows.filter(verdict=verdict).sort(pl.col("saved").abs(), descending=True).head(1).to_dicts()
    ]
    if told:
        return " ".join(told)
    same = rows.filter(verdict="within noise").sort(pl.col("high") - pl.col("low"), "title", "days")
    if same.is_empty():
        return "Whether it keeps customers cannot be told yet: the accounts are too few, or the days not over."
    row = same.row(0, named=True)
    interval = words.between(row["low"], row["high"], words.points)
    return (
        f"{words.inert(row['title'])}: no difference in who pays after {row['days']} days that can be told from chance "
        f"(95% {interval})."
    )


def saved(row: Mapping[str, Any]) -> str:
    """How many accounts pay that would not without the play, with the interval.

    >>> saved({"saved": 4.2, "saved_low": 1.1, "saved_high": 7.4, "days": 60})
    'about 4 accounts (1 to 7) pay after 60 days that would not without it'
    """
    low, high = (words.number(row[name]) for name in ("saved_low", "saved_high"))
    count = words.plural(round(row["saved"]), "account")
    return f"about {count} ({low} to {high}) {_pay(row['saved'])} after {row['days']} days that would not without it"


def lost(row: Mapping[str, Any]) -> str:
    """How many accounts do not pay that would without the play, with the interval.

    >>> lost({"saved": -4.2, "saved_low": -7.4, "saved_high": -1.1, "days": 60})
    'a real fall: about 4 fewer accounts (1 to 7) pay after 60 days than would without it'
    """
    low, high = (words.number(-row[name]) for name in ("saved_high", "saved_low"))
    count = words.plural(round(-row["saved"]), "fewer account")
    pay = _pay(row["saved"])
    return f"a real fall: about {count} ({low} to {high}) {pay} after {row['days']} days than would without it"


def _pay(accounts: float) -> str:
    return "pays" if round(abs(accounts)) == 1 else "pay"


def cards(found: Results, opted_out: Mapping[str, int]) -> list[tuple[str, str, str]]:
    """The numbers on top: label, value, note."""
    sums = {
        name: int(found.plays[name].sum())
        for name in ("contacted", "delivered", "answered", "failed", "waiting", "uncertain")
    }
    share = words.percent(sums["answered"] / sums["delivered"]) if sums["delivered"] else words.NOTHING
    gone = sum(opted_out.values())
    left = words.percent(gone / sums["delivered"]) if sums["delivered"] else words.NOTHING
    waiting = f", {sums['waiting']:,} wait" if sums["waiting"] else ""
    return [
        ("Delivered", words.number(sums["delivered"]), f"of {sums['contacted']:,} approved{waiting}"),
        ("Answered", words.number(sums["answered"]), f"{share} of those delivered"),
        ("Opted out", words.number(gone), f"{left} of those delivered"),
        ("Failed", words.number(sums["failed"]), f"and nobody is sure of {sums['uncertain']:,}"),
    ]  # fmt: skip


def titled(rows: pl.DataFrame, titles: Mapping[str, str]) -> pl.DataFrame:
    """Rows with ``title``, what people call their play."""
    return rows.with_columns(title=pl.col("play").replace(titles))


def plays(found: Results, titles: Mapping[str, str], opted_out: Mapping[str, int]) -> pl.DataFrame:
    """Counts by play."""
    gone = pl.col("play").replace_strict(opted_out, default=0, return_dtype=pl.Int64) if opted_out else pl.lit(0)
    return titled(found.plays, titles).with_columns(opted_out=gone).sort("delivered", "title", descending=[True, False])


def campaigns(found: Results, zone: str) -> pl.DataFrame:
    """Counts by campaign."""
    return found.campaigns.with_columns(
        pl.coalesce("title", "play").alias("title"),
        pl.col("approved_at").dt.convert_time_zone(zone),
        called=pl.col("state").replace_strict(STATES, default=pl.col("state")),
    )


def effect(found: Results, titles: Mapping[str, str]) -> pl.DataFrame:
    """The effect of every play as its table shows it."""
    called = {name: label for label, name in OUTCOMES.items()}
    said = pl.col("verdict").map_elements(_verdict, return_dtype=pl.String)
    return titled(found.effect, titles).with_columns(told=pl.col("outcome").replace(called), said=said)


def _verdict(value: str) -> str:
    return {"up": "more stay", "down": "fewer stay", "within noise": "could be chance"}.get(value, "too few to tell")


def compared(rows: pl.DataFrame, outcome: str, days: int) -> pl.DataFrame:
    """The plays whose effect can be drawn: ``title, difference, low, high, n, enough, key``, the surest first."""
    mine = rows.filter(pl.col("outcome") == outcome, pl.col("days") == days, pl.col("difference").is_not_null())
    enough = pl.col("verdict") != "too few"
    return mine.with_columns(n=pl.min_horizontal("contacted", "held_out"), enough=enough, key="play").sort(
        ~pl.col("enough"), "difference", "title", descending=[False, True, False]
    )


def effect_said(rows: pl.DataFrame, outcome: str, days: int) -> str:
    """The finding: whether a play keeps more than it would lose."""
    mine = rows.filter(pl.col("outcome") == outcome, pl.col("days") == days)
    told = mine.filter(pl.col("verdict").is_in(["up", "down"])).sort("difference", descending=True)
    if told.height:
        row = told.row(0, named=True)
        more = "more" if row["difference"] > 0 else "fewer"
        apart = words.points(abs(row["difference"])).lstrip("+")
        return f"“{words.inert(row['title'])}”: {apart} {more} {_SAYS[outcome]} after {days} days"
    if mine.filter(pl.col("verdict") == "within noise").height:
        return f"After {days} days, no play differs from its holdout by more than chance"
    if not mine["contacted"].sum():
        return f"{days} days are not over yet for anybody"
    return f"After {days} days: too few to tell"


def each_said(rows: pl.DataFrame, outcome: str, days: int) -> list[str]:
    """One sentence per play, for plays of which something can be said or awaited."""
    mine = rows.filter(pl.col("outcome") == outcome, pl.col("days") == days).sort("title")
    return [_each(row) for row in mine.iter_rows(named=True)]


def _each(row: Mapping[str, Any]) -> str:
    title, does = words.inert(row["title"]), _SAYS[row["outcome"]]
    if not row["contacted"]:
        waits = words.plural(row["waiting"], "account")
        return f"**{title}**: {row['days']} days are not over yet for any of {waits}."
    kept, held = (_kept(row, side) for side in ("contacted", "held_out"))
    said = f"**{title}**: {kept} written to {does} after {row['days']} days, {held} held out"
    if row["verdict"] == "too few":
        return f"{said}. Too few to tell."
    interval = words.between(row["low"], row["high"], words.points)
    return f"{said}: {words.points(row['difference'])} (95% {interval}), {_verdict(row['verdict'])}."


def _kept(row: Mapping[str, Any], side: str) -> str:
    return f"{row[f'{side}_kept'] or 0:,} of {row[side]:,}"


def answers_said(rows: pl.DataFrame) -> str:
    """How many answers there are."""
    return words.plural(rows.height, "answer") if rows.height else "No answers yet"


def answered(found: Results, titles: Mapping[str, str], zone: str) -> pl.DataFrame:
    """The answers as their table shows them."""
    return titled(found.answers, titles).with_columns(pl.col("answered_at").dt.convert_time_zone(zone))
