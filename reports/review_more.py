"""The second half of a business review: what changed, open issues, what was asked for, and next steps."""

from __future__ import annotations

from typing import Any

import polars as pl

from reports import charts
from reports.charts import Chart
from reports.language import Language
from reports.review_charts import side_by_side
from reports.review_numbers import ReviewNumbers
from reports.review_slides import blanks, calm, change
from reports.slides import BOTTOM, FADED, INSIDE, MARGIN, TOP, Box, Column, Deck, card, table, text

_MOST = 8


def changed(deck: Deck, review: ReviewNumbers, say: Language) -> None:
    """Features used for the first time, people who joined, and wishes that shipped; no slide where nothing is new."""
    found = {
        "started": [(row["name"], row["day"]) for row in review.use.first_used.to_dicts()],
        "joined": [(row["name"] or say.number(None), row["day"]) for row in review.joined.to_dicts()],
        "asked": [(row["title"], row["day"]) for row in review.shipped.to_dicts()],
    }
    some = {name: rows for name, rows in found.items() if rows}
    if not some:
        return
    parts = [say.count(name, len(rows)) for name, rows in some.items()]
    title = say("changed_found", quarter=review.quarter, what=say.listed(parts))
    slide = deck.slide(title, say("changed"), notes=None)
    shown = {name: rows for name, rows in found.items() if rows or name != "asked"}
    wide = (INSIDE - 0.4 * (len(shown) - 1)) / len(shown)
    for place, (name, rows) in enumerate(shown.items()):
        _list(slide, MARGIN + place * (wide + 0.4), wide, say(name), rows, say)


def _list(slide: Any, left: float, wide: float, title: str, rows: list[tuple[str, Any]], say: Language) -> None:
    text(slide, Box(left, TOP + 0.2, wide, 0.34), title, size=16, bold=True)
    if not rows:
        text(slide, Box(left, TOP + 0.75, wide, 0.3), say("nothing"), size=14, tone=FADED)
        return
    columns = [Column(say("name"), wide - 1.6), Column(say("day"), 1.6, number=True)]
    cells = [(name, say.day(day)) for name, day in rows[:_MOST]]
    table(slide, Box(left, TOP + 0.4, 0, 0.42 * (len(cells) + 1)), columns, cells, name=title, size=13)
    if len(rows) > len(cells):
        below = TOP + 0.5 + 0.42 * (len(cells) + 1)
        text(slide, Box(left, below, wide, 0.28), say("more", n=len(rows) - len(cells)), size=12, tone=FADED)


def took(days: float | None, say: Language) -> str:
    """How long something took: hours below two days, days from then on."""
    if days is None:
        return say.number(None)
    if days < 2:
        return say("hours", n=say.number(days * 24))
    return say("days", n=say.number(days, digits=1 if days < 10 else 0))


def issues(deck: Deck, review: ReviewNumbers, say: Language) -> None:
    """Requests opened, solved and still open, and how long they took; lines to fill in where none are known."""
    open_now, requests = review.open_requests, review.requests
    none = requests is None or open_now is None
    busy = not none and any((review.opened.now, review.opened.before, review.solved.now, review.solved.before))
    if requests is None or open_now is None or not (busy or open_now.height):
        slide = deck.slide(say("issues_ask"), say("issues"), notes=None)
        text(slide, Box(MARGIN, TOP + 0.3, INSIDE, 0.4), say("issues_calm"), size=18, tone=FADED)
        blanks(slide, TOP + 1.5, ["1", "2", "3"])
        return
    standing = say.count("issues_open", open_now.height) if open_now.height else say("issues_none")
    title = standing
    if review.solved.now:
        title = say("issues_solved", open=standing, solved=say.number(review.solved.now), quarter=review.quarter)
    slide = deck.slide(title, say("issues_detail", day=say.day(review.as_of)), notes=None)
    wide = (INSIDE - 0.5) / 3
    cards = [
        ("opened", say.number(review.opened.now), say("requests"), change(review, review.opened, say)),
        ("solved", say.number(review.solved.now), say("requests"), change(review, review.solved, say)),
        (
            "took",
            took(review.days_to_solve.now, say),
            say("took_means") if review.days_to_solve.now else "",
            _took_before(review, say),
        ),
    ]
    for place, (name, value, means, moved) in enumerate(cards):
        box = Box(MARGIN + place * (wide + 0.25), TOP + 0.1, wide, 1.7)
        card(slide, box, say(name), value, [means, moved])
    _requests(slide, requests, say, wide=6.0 if open_now.height else INSIDE)
    _open(slide, open_now, say)


def _took_before(review: ReviewNumbers, say: Language) -> str:
    before = review.days_to_solve.before
    return "" if before is None or not review.comparable else f"{review.quarter.before}: {took(before, say)}"


def _requests(slide: Any, requests: pl.DataFrame, say: Language, *, wide: float) -> None:
    text(slide, Box(MARGIN, 3.8, 6, 0.3), say("requests_chart"), size=14, bold=True)
    series: dict[str, Any] = {say(name): requests[name].to_list() for name in ("opened", "solved")}
    told = ", ".join(f"{say.month(row['month'])} {row['opened']} / {row['solved']}" for row in requests.to_dicts())
    names = [say.month(month) for month in requests["month"]]
    alt = f"{say('requests_chart')}, {say('opened')} / {say('solved')}: {told}"
    side_by_side(slide, Box(MARGIN - 0.1, 4.08, wide, 2.75), names, series, say, name=say("requests_chart"), alt=alt)


def _open(slide: Any, open_now: pl.DataFrame, say: Language) -> None:
    left, most = 6.75, 6
    if open_now.is_empty():
        return
    text(slide, Box(left, 3.8, 6, 0.3), say("open_list"), size=14, bold=True)
    columns = [
        Column(say("subject"), 3.7),
        Column(say("opened_on"), 1.4, number=True),
        Column(say("days_open"), 0.8, number=True),
    ]
    cells = [
        (row["subject"] or say("no_subject"), say.day(row["opened_on"]), say.number(row["days_open"]))
        for row in open_now.head(most).to_dicts()
    ]
    table(slide, Box(left, 4.15, 0, 0.34 * (len(cells) + 1)), columns, cells, name=say("open_list"), size=11)
    if open_now.height > most:
        text(slide, Box(left, BOTTOM - 0.27, 6, 0.26), say("more", n=open_now.height - most), size=11, tone=FADED)


def peers(deck: Deck, review: ReviewNumbers, say: Language) -> None:
    """Beside customers alike, without names; only when asked for."""
    rows = review.peers
    if rows is None:
        return
    if rows.is_empty():
        calm(deck.slide(say("peers"), "", notes=None), say("peers_none"))
        return
    ranked = rows.drop_nulls("share").sort("share", descending=True)
    best = next(ranked.iter_rows(named=True), None)
    title = say("peers")
    if best is not None and best["share"] >= 0.5:
        title = say("peers_finding", what=say(best["measure"]), share=say.percent(best["share"]))
    slide = deck.slide(title, say("peers_detail", quarter=review.quarter), notes=None)
    if best is not None:
        _peers_chart(slide, rows.drop_nulls("share"), say)
    columns = [
        Column(say("peers_measure"), 2.15),
        Column(say("peers_you"), 0.8, number=True),
        Column(say("peers_less"), 1.55, number=True),
        Column(say("peers_of"), 1.5, number=True),
    ]
    cells = [
        (say(row["measure"]), say.number(row["value"]), say.percent(row["share"]), say.number(row["peers"]))
        for row in rows.to_dicts()
    ]
    left = MARGIN if best is None else 6.75
    table(slide, Box(left, TOP + 0.55, 0, 0.45 * (len(cells) + 1)), columns, cells, name=say("peers"), size=12)
    text(slide, Box(MARGIN, BOTTOM - 0.2, INSIDE, 0.26), say("peers_fine"), size=11, tone=FADED)


def _peers_chart(slide: Any, rows: pl.DataFrame, say: Language) -> None:
    names = [say(name) for name in rows["measure"]]
    alt = ", ".join(f"{name} {say.percent(share)}" for name, share in zip(names, rows["share"], strict=True))
    text(slide, Box(MARGIN, TOP + 0.2, 6, 0.3), say("peers_chart"), size=14, bold=True)
    chart = Chart(
        names, {say("peers_share"): rows["share"].to_list()}, say.share_format, f"{say('peers_chart')}: {alt}"
    )
    shown = charts.ranked(slide, Box(MARGIN - 0.1, TOP + 0.5, 6.0, 3.2), chart, name=say("peers_chart"))
    shown.value_axis.maximum_scale = 1.15


def unused(deck: Deck, review: ReviewNumbers, say: Language) -> None:
    """What the plan offers and nobody has used; only when asked for."""
    rows = review.unused
    if rows is None:
        return
    title = say.count("unused", rows.height) if rows.height else say("unused")
    detail = say("unused_detail", quarter=review.quarter, day=say.day(review.as_of)) if rows.height else ""
    slide = deck.slide(title, detail, notes=None)
    if rows.is_empty():
        calm(slide, say("unused_none"))
        return
    columns = [Column(say("feature"), 6.0), Column(say("unused_uses"), 2.6, number=True)]
    cells = [(row["name"], say.number(row["uses"])) for row in rows.head(10).to_dicts()]
    table(slide, Box(MARGIN, TOP + 0.2, 0, 0.42 * (len(cells) + 1)), columns, cells, name=say("unused"), size=14)
    if rows.height > len(cells):
        text(slide, Box(MARGIN, 6.6, 6, 0.28), say("more", n=rows.height - len(cells)), size=12, tone=FADED)


def steps(deck: Deck, review: ReviewNumbers, say: Language) -> None:
    """Lines for what is agreed on, when the contract renews, and where the numbers are from."""
    slide = deck.slide(say("next"), say("next_detail"), notes=None)
    columns = [Column(say("what"), 6.9), Column(say("who"), 2.6), Column(say("when"), INSIDE - 9.5)]
    rows = [("", "", "")] * 5
    table(slide, Box(MARGIN, TOP + 0.1, 0, 3.6), columns, rows, name=say("next"), size=14)
    bought = review.contract
    day = bought.ends_on if bought.leaves else bought.renews_on
    if day is not None:
        line = say("ends" if bought.leaves else "renews", day=say.day(day))
        text(slide, Box(MARGIN, 5.85, INSIDE, 0.4), line, size=18, bold=True, name=say("renews", day="").strip())
    where = say("as_of", moment=say.moment(review.taken_at), snapshot=review.snapshot_id)
    text(slide, Box(MARGIN, 6.72, INSIDE, 0.26), where, size=10, tone=FADED, name="As of")
