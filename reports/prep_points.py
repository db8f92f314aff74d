"""Talking points: what the numbers suggest to speak about, the most urgent first, each with its number."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from reports.language import Language
from reports.prep_numbers import PrepNumbers

SOON = 120
"""Days before a renewal from which on it is spoken about."""
_LEAST_POINTS, _LEAST_SHARE, _STRONG = 3.0, 0.2, 75.0
_URGENT = ("urgent", "high")
Points = Iterator[tuple[str, str]]


def points(prep: PrepNumbers, say: Language) -> list[tuple[str, str]]:
    """Each point as ``(kind, sentence)``; empty when nothing stands out."""
    parts = (_contract, _zombie, _health, _people, _tickets, _use, _voice, _contact, _offers)
    return [point for part in parts for point in part(prep, say)]


def _contract(prep: PrepNumbers, say: Language) -> Points:
    bought, as_of = prep.review.contract, prep.as_of
    if bought.leaves:
        yield "requested", say("p_requested", day=say.day(bought.requested_on), end=say.day(bought.ends_on))
    if prep.about["do_not_contact"]:
        yield "blocked", say("p_blocked")
    if prep.about["escalated"]:
        yield "escalated", say("p_escalated")
    if bought.past_due_since is not None:
        days = (as_of - bought.past_due_since).days
        yield "past_due", say("p_past_due", n=say.count("days", days), day=say.day(bought.past_due_since))
    if bought.renews_on is None or (bought.renews_on - as_of).days > SOON:
        return
    days = (bought.renews_on - as_of).days
    yield "renewal", say("p_renewal", n=say.count("days", days), day=say.day(bought.renews_on))
    if bought.notice_until is not None and bought.notice_until >= as_of:
        left = (bought.notice_until - as_of).days
        yield "notice", say("p_notice", n=say.count("days", left), day=say.day(bought.notice_until))


def _zombie(prep: PrepNumbers, say: Language) -> Points:
    if prep.zombie is not None:
        mrr = say.money(prep.zombie["mrr"], prep.currency)
        yield "zombie", say("p_zombie", n=say.count("days", prep.zombie["days_silent"]), mrr=mrr)


def _health(prep: PrepNumbers, say: Language) -> Points:
    known = prep.moved.filter(pl.col("points").is_not_null())
    if known.is_empty():
        return
    change = float(known["points"].sum())
    if abs(change) < _LEAST_POINTS:
        return
    same_way = known.filter(pl.col("points") * change > 0).row(0, named=True)
    yield (
        "health",
        say(
            "p_health_fell" if change < 0 else "p_health_rose",
            n=say.number(abs(change), digits=1),
            day=say.day(prep.history["on"][-2]),
            cause=say(f"m_{same_way['measure']}"),
            points=say.number(same_way["points"], digits=1, signed=True),
        ),
    )


def _people(prep: PrepNumbers, say: Language) -> Points:
    if prep.champion.left_on is not None:
        yield "champion", say("p_champion", name=prep.champion.names[0], day=say.day(prep.champion.left_on))


def _tickets(prep: PrepNumbers, say: Language) -> Points:
    if prep.tickets is None or prep.tickets.is_empty():
        return
    urgent = prep.tickets.filter(pl.col("priority").str.to_lowercase().is_in(_URGENT))
    rows = urgent if urgent.height else prep.tickets
    kind = "urgent" if urgent.height else "open"
    yield kind, say.count(f"p_{kind}", rows.height, days=say.count("days", rows["days"][0]))


def _use(prep: PrepNumbers, say: Language) -> Points:
    review = prep.review
    if not review.comparable or review.young:
        return
    for name, pair in (("people", review.use.people), ("uses", review.use.uses)):
        if pair.change is None or not pair.before or abs(pair.change) < _LEAST_SHARE * pair.before:
            continue
        kind = f"{name}_{'fell' if pair.change < 0 else 'rose'}"
        values = {"before": say.number(pair.before), "now": say.number(pair.now), "quarter": review.quarter}
        yield kind, say(f"p_{kind}", share=say.percent(abs(pair.change) / pair.before), **values)


def _voice(prep: PrepNumbers, say: Language) -> Points:
    wary = prep.review.contract.leaves or (prep.now is not None and prep.now["shown_band"] in ("red", "leaving"))
    for kind, rows in (
        ("detractor", prep.answers.filter(pl.col("score") <= 6)),
        ("promoter", prep.answers.filter(pl.col("score") >= 9, not wary)),
    ):
        for row in rows.head(1).to_dicts():
            who = row["name"] or say("somebody")
            yield kind, say(f"p_{kind}", who=who, score=row["score"], day=say.day(row["day"]))


def _contact(prep: PrepNumbers, say: Language) -> Points:
    contact = prep.contact
    if contact is not None and contact["days_silent"] > contact["rhythm_days"]:
        rhythm = say.count("span", round(contact["rhythm_days"]))
        yield "contact", say("p_contact", n=say.count("days", contact["days_silent"]), rhythm=rhythm)


def _offers(prep: PrepNumbers, say: Language) -> Points:
    for row in prep.review.shipped.to_dicts():
        yield "wish", say("p_wish", title=row["title"], day=say.day(row["day"]))
    key = prep.unused.filter("is_key")
    if key.height:
        yield "unused", say.count("p_unused", key.height, name=key["name"][0])
    for name in ("depth", "breadth", "reach") if prep.card is not None else ():
        share = prep.card[f"{name}_percentile"] if prep.card else None
        if share is not None and prep.card and share >= _STRONG and prep.card[f"{name}_peers"] > 0:
            n = say.number(prep.card[f"{name}_peers"])
            yield "strong", say("p_strong", what=say(f"c_{name}"), share=say.percent(share / 100), n=n)
