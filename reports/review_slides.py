"""The first half of a business review: whose it is, what they set out to do, what they get, and how they use it."""

from __future__ import annotations

from typing import Any

import polars as pl

from reports.fitting import cut
from reports.language import Language
from reports.review_charts import by_month, side_by_side
from reports.review_numbers import ReviewNumbers
from reports.review_use import Pair
from reports.slides import BOTTOM, FADED, INSIDE, KEPT, MARGIN, QUIET, TOP, Box, Column, Deck, card, colour, table, text

_MOST_FEATURES = 8


def against(review: ReviewNumbers, say: Language) -> str:
    """Which quarter is looked back on, and which it is compared with."""
    quarter, before = review.quarter, review.quarter.before
    return say("against", quarter=quarter, months=say.span(quarter), before=before, months_before=say.span(before))


def calm(slide: Any, line: str) -> None:
    """Words where there is nothing to show."""
    text(slide, Box(MARGIN, 3.4, INSIDE, 0.5), line, size=18, tone=FADED)


def blanks(slide: Any, top: float, labels: list[str]) -> None:
    """Lines to fill in, each with its label."""
    for place, label in enumerate(labels):
        height = top + 0.85 * place
        text(slide, Box(MARGIN, height, 3.4, 0.36), label, size=16, tone=FADED)
        rule = slide.shapes.add_connector(1, *Box(MARGIN + 3.6, height + 0.36, 0, 0).emu[:2], *_end(height + 0.36))
        rule.name = f"{label} line"
        rule.line.color.rgb = colour(QUIET)


def _end(height: float) -> tuple[Any, Any]:
    return Box(MARGIN + INSIDE, height, 0, 0).emu[:2]


def cover(deck: Deck, review: ReviewNumbers, say: Language) -> None:
    """Whose review it is, of which quarter, and since when they are a customer."""
    lines = [against(review, say)]
    if review.joined_on is not None:
        lines.append(say("since", day=say.day(review.joined_on)))
    headline = say("title", company=review.company, account=review.account)
    deck.cover(f"{say('review')} · {review.quarter}", headline, lines, notes=None)


def goal(deck: Deck, review: ReviewNumbers, say: Language) -> None:
    """What the customer set out to do, or lines to write it down together."""
    slide = deck.slide(say("goal"), say("goal_detail"), notes=None)
    if review.goal is None:
        text(slide, Box(MARGIN, TOP + 0.3, INSIDE, 0.5), say("goal_none"), size=20)
        blanks(slide, TOP + 1.5, [say(f"goal_ask_{place}") for place in (1, 2, 3)])
        return
    text(slide, Box(MARGIN, TOP + 0.5, INSIDE - 1, 2.6), review.goal, size=28, tone=KEPT, name="Goal")
    text(slide, Box(MARGIN, 5.3, INSIDE, 0.4), say("goal_still"), size=18, tone=FADED)


def change(review: ReviewNumbers, pair: Pair, say: Language, *, digits: int = 0) -> str:
    """What a number did against the quarter before, or why that cannot be said."""
    before = review.quarter.before
    if not review.comparable and review.joined_on is not None:
        return say("partly_before", day=say.day(review.joined_on))
    if pair.change is None:
        return "" if pair.now is None else say("not_before", before=before)
    if round(pair.change, digits) == 0:
        return say("no_change", before=before)
    return say("change", change=say.number(pair.change, digits=digits, signed=True), before=before)


def headline(review: ReviewNumbers, say: Language) -> str:
    """What the customer gets, in one sentence."""
    people, quarter = review.use.people, review.quarter
    if people.now:
        regular = say.count("regular", int(people.now))
        moved = people.change if review.comparable else None
        kind = "" if moved is None else "_up" if moved > 0 else "_down" if moved < 0 else "_same"
        how_many = say.number(abs(moved or 0))
        return say(f"results_people{kind}", people=regular, quarter=quarter, change=how_many)
    if review.reached.now:
        return say("results_reach", reach=say.number(review.reached.now), quarter=quarter)
    if review.use.uses.now:
        return say("results_uses", uses=say.count("used", int(review.use.uses.now)), quarter=quarter)
    return say("results")


def results(deck: Deck, review: ReviewNumbers, say: Language) -> None:
    """People, features, uses and customers reached, with people and customers by month."""
    slide = deck.slide(headline(review, say), against(review, say), notes=None)
    if review.young:
        calm(slide, say("calm_young", quarter=review.quarter))
        return
    found = {
        "people": review.use.people,
        "features": review.use.features,
        "uses": review.use.uses,
        "reach": review.reached,
    }
    shown = {name: pair for name, pair in found.items() if pair.now is not None}
    if not any(pair.now or pair.before for pair in shown.values()):
        calm(slide, say("results_none"))
        return
    wide = (INSIDE - 0.25 * 3) / 4
    for place, (name, pair) in enumerate(shown.items()):
        box = Box(MARGIN + place * (wide + 0.25), TOP + 0.1, wide, 1.75)
        card(slide, box, say(name), say.number(pair.now), [say(f"{name}_means"), change(review, pair, say)])
    _charts(slide, review, say)
    if "people" in shown:
        text(slide, Box(MARGIN, BOTTOM - 0.2, INSIDE, 0.26), say("fine"), size=11, tone=FADED)


def _charts(slide: Any, review: ReviewNumbers, say: Language) -> None:
    months = {
        "people_chart": review.use.by_month["people"].to_list(),
        "reach_chart": review.reach["end_customers"].to_list(),
    }
    drawn = {name: values for name, values in months.items() if any(values)}
    wide = (INSIDE - 0.4) / 2
    for place, (name, values) in enumerate(drawn.items()):
        left = MARGIN + place * (wide + 0.4)
        text(slide, Box(left, 3.85, wide, 0.3), say(name), size=14, bold=True)
        by_month(slide, Box(left - 0.1, 4.12, wide + 0.1, 2.5), values, review.quarter, say, name=say(name))


def use(deck: Deck, review: ReviewNumbers, say: Language) -> None:
    """Each feature's uses in both quarters, as a chart and with what it did."""
    rows = review.use.by_feature
    if review.young or rows.is_empty():
        return
    quarter, before = review.quarter, review.quarter.before
    first = rows.row(0, named=True)
    title = say("use_most", feature=first["name"]) if first["uses"] else say("use")
    slide = deck.slide(title, say("use_detail", quarter=quarter, before=before), notes=None)
    top = rows.head(_MOST_FEATURES)
    names = [cut(name, 2.2, 11) for name in top["name"]]
    series: dict[str, Any] = {str(before): top["uses_before"].to_list(), str(quarter): top["uses"].to_list()}
    told = ", ".join(f"{row['name']} {say.number(row['uses'])}" for row in top.to_dicts())
    side_by_side(
        slide,
        Box(MARGIN - 0.1, TOP, 6.0, BOTTOM - TOP),
        _distinct(names),
        series,
        say,
        name=say("uses"),
        alt=f"{say('uses')}, {quarter}: {told}",
        lying=True,
    )
    _features(slide, rows, review, say)


def _distinct(names: list[str]) -> list[str]:
    """Names that a chart keeps apart."""
    return [name if name not in names[:place] else f"{name} ({place + 1})" for place, name in enumerate(names)]


def _features(slide: Any, rows: pl.DataFrame, review: ReviewNumbers, say: Language) -> None:
    volume = rows["quantity"].drop_nulls().len() > 0
    columns = [
        Column(say("feature"), 2.15 if volume else 3.1),
        Column(str(review.quarter), 0.95, number=True),
        Column(str(review.quarter.before), 0.95, number=True),
        Column(say("use_change"), 1.05, number=True),
    ]
    if volume:
        columns.append(Column(say("volume"), 1.0, number=True))
    cells = []
    for row in rows.head(_MOST_FEATURES).to_dicts():
        moved = say.number(row["uses"] - row["uses_before"], signed=True) if review.comparable else say.number(None)
        line = [row["name"], say.number(row["uses"]), say.number(row["uses_before"]), moved]
        cells.append([*line, say.number(row["quantity"])] if volume else line)
    left, tall = 6.55, 0.4 * (len(cells) + 1)
    table(slide, Box(left, TOP + 0.45, 0, tall), columns, cells, name=say("use"), size=12)
    below = TOP + 0.55 + tall
    if rows.height > len(cells):
        text(slide, Box(left, below, 6.1, 0.26), say("more", n=rows.height - len(cells)), size=11, tone=FADED)
    if volume:
        text(slide, Box(left, BOTTOM - 0.45, 6.1, 0.5), say("volume_means"), size=11, tone=FADED)
