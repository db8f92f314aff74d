"""The slides of a prep sheet: the account on one page, health, worth, what they said, and what is open."""

from __future__ import annotations

from typing import Any

import polars as pl
from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION
from pptx.util import Pt

from metrics.scorecard import depth_there
from reports import charts
from reports.charts import Chart
from reports.language import Language
from reports.month_gaps import with_gaps
from reports.prep_numbers import PrepNumbers
from reports.prep_points import points
from reports.slides import BOTTOM, FADED, INK, INSIDE, KEPT, MARGIN, TOP, Box, Column, Deck, card, colour, table, text

_FIRST, _REST, _ANSWERS, _TICKETS = 7, 13, 6, 8
_LEFT, _RIGHT = MARGIN, 7.1


def overview(deck: Deck, prep: PrepNumbers, say: Language) -> None:
    """Health, money, renewal and contact as cards, and what to talk about."""
    review = prep.review
    detail = f"{say('prep')} · {review.quarter} · {prep.about['csm_name'] or prep.about['csm_email'] or ''}"
    slide = deck.slide(review.account, detail.rstrip(" ·"), notes=[say("note")])
    cards = [_health(prep, say), _money(prep, say), _renewal(prep, say), _contact(prep, say)]
    wide = (INSIDE - 0.25 * 3) / 4
    for place, (label, value, lines) in enumerate(cards):
        card(slide, Box(MARGIN + place * (wide + 0.25), TOP, wide, 1.72), label, value, lines)
    found = [sentence for _, sentence in points(prep, say)]
    _why_and_who(slide, prep, say)
    text(slide, Box(MARGIN, 4.08, INSIDE, 0.34), say("points"), size=16, bold=True)
    if not found:
        text(slide, Box(MARGIN, 4.5, INSIDE, 0.3), say("points_none"), size=14, tone=FADED)
    _points(slide, 4.45, found[:_FIRST], 0)
    if found[_FIRST:]:
        more = deck.slide(say("points_more"), review.account, notes=[say("note")])
        _points(more, TOP + 0.1, found[_FIRST : _FIRST + _REST], _FIRST)


def _why_and_who(slide: Any, prep: PrepNumbers, say: Language) -> None:
    """What they set out to do, and who carries it there."""
    half = (INSIDE - 0.3) / 2
    told = ((say("champion"), champion(prep, say)), (say("goal"), prep.review.goal or say("goal_none")))
    for place, (label, said) in enumerate(told):
        box = Box(MARGIN + place * (half + 0.3), 3.64, half, 0.28)
        text(slide, box, f"{label}: {said}", size=13, tone=FADED, name=label)


def champion(prep: PrepNumbers, say: Language) -> str:
    """Who carries it there, in words; when the last one left, where none is there any more."""
    found = prep.champion
    who = say.listed(list(found.names)) or say("champion_none")
    said = say("champion_gone", who=who, day=say.day(found.left_on)) if found.left_on is not None else who
    return say("champion_typed", who=said) if found.typed and found.names else said


def _points(slide: Any, top: float, sentences: list[str], before: int) -> None:
    for place, sentence in enumerate(sentences):
        line = f"{before + place + 1}.  {sentence}"
        text(slide, Box(MARGIN, top + 0.34 * place, INSIDE, 0.3), line, size=14, name=f"Point {before + place + 1}")


def _band(prep: PrepNumbers, say: Language) -> str:
    return say("band_none" if prep.now is None else f"band_{prep.now['shown_band']}")


def _health(prep: PrepNumbers, say: Language) -> tuple[str, str, list[str]]:
    now = prep.now
    if now is None or now["shown_score"] is None:
        return say("health_card"), _band(prep, say), [say("unknown")] if now else []
    value = f"{say.number(now['shown_score'])} · {_band(prep, say)}"
    known = say("known", share=say.percent(now["coverage"]))
    return say("health_card"), value, [known if now["override_score"] is None else _override(now, say)]


def _override(now: dict[str, Any], say: Language) -> str:
    return say(
        "override",
        author=now["override_by"],
        score=say.number(now["override_score"]),
        day=say.day(now["override_until"]),
        reason=now["override_reason"],
    )


def _money(prep: PrepNumbers, say: Language) -> tuple[str, str, list[str]]:
    bought = prep.review.contract
    lines = [bought.plan or say("plan_none")]
    if bought.standing is not None:
        lines.append(say(f"s_{bought.standing}"))
    return say("mrr_card"), say.money(bought.mrr, prep.currency), lines


def _renewal(prep: PrepNumbers, say: Language) -> tuple[str, str, list[str]]:
    bought, label = prep.review.contract, say("renewal_card")
    if bought.leaves:
        asked = bought.requested_on
        return label, say.day(bought.ends_on), [say("ends", day=say.day(asked)) if asked else say("ends_plain")]
    if bought.renews_on is None:
        return label, say.number(None), [say("renewal_none")]
    if bought.notice_until is None:
        return label, say.day(bought.renews_on), [say("notice_none")]
    kind = "notice" if bought.notice_until >= prep.as_of else "notice_over"
    return label, say.day(bought.renews_on), [say(kind, day=say.day(bought.notice_until))]


def _contact(prep: PrepNumbers, say: Language) -> tuple[str, str, list[str]]:
    contact = prep.contact
    if contact is None:
        return say("silence_card"), say.number(None), [say("contact_none")]
    usual = say.count("span", round(contact["rhythm_days"]))
    lines = [say("days_ago", n=say.count("days", contact["days_silent"])), say("rhythm", n=usual)]
    return say("silence_card"), say.day(contact["last_contact_on"]), lines


def health(deck: Deck, prep: PrepNumbers, say: Language) -> None:
    """A year of health, what moved it last, and the groups it is made of."""
    now = prep.now
    if now is None:
        title = say("health_gone")
    elif now["shown_score"] is None:
        title = say("health_unknown")
    else:
        title = say("health", score=say("of_100", score=say.number(now["shown_score"])), band=_band(prep, say))
    slide = deck.slide(title, say("health_detail"), notes=[say("note")])
    known = prep.history.filter(pl.col("shown_score").is_not_null())
    if known.height:
        _history(slide, prep, say)
    if now is not None:
        _groups(slide, now, say)
        _moved(slide, prep, say)


def _history(slide: Any, prep: PrepNumbers, say: Language) -> None:
    rows = with_gaps(prep.history)
    days = [say("today") if day == prep.as_of else say.month(day) for day in rows["on"].to_list()]
    values = [None if score is None else round(score, 1) for score in rows["shown_score"]]
    told = ", ".join(f"{day} {say.number(value)}" for day, value in zip(days, values, strict=True))
    text(slide, Box(_LEFT, TOP + 0.05, 6, 0.3), say("history"), size=14, bold=True)
    chart = Chart(days, {say("health_card"): values}, "0", f"{say('history')}: {told}")
    box = Box(_LEFT - 0.1, TOP + 0.4, 6.3, 4.5)
    shown = charts.draw(slide, box, XL_CHART_TYPE.LINE_MARKERS, chart, say("history"))
    charts.quiet_axis(shown, "0")
    shown.value_axis.minimum_scale, shown.value_axis.maximum_scale = 0, 100
    line = shown.plots[0].series[0]
    line.smooth = False
    line.format.line.color.rgb, line.format.line.width = colour(KEPT), Pt(2.25)
    last = max(place for place, value in enumerate(values) if value is not None)
    label = line.points[last].data_label
    label.position, label.has_text_frame = XL_LABEL_POSITION.ABOVE, True
    label.text_frame.text = say.number(values[last])
    label.text_frame.paragraphs[0].runs[0].font.bold = True
    label.text_frame.paragraphs[0].runs[0].font.color.rgb = colour(INK)


def _groups(slide: Any, now: dict[str, Any], say: Language) -> None:
    columns = [
        Column(say("group"), 2.9),
        Column(say("value"), 1.2, number=True),
        Column(say("weight"), 1.4, number=True),
    ]
    names = ("value", "momentum", "voice", "support", "relationship", "onboarding")
    cells = [
        (say(f"g_{name}"), say.number(now[name]), say.number(now[f"weight_{name}"]))
        for name in names
        if now[f"weight_{name}"]
    ]
    table(slide, Box(_RIGHT, TOP, 0, 0.32 * (len(cells) + 1)), columns, cells, name=say("group"), size=12)


def _moved(slide: Any, prep: PrepNumbers, say: Language) -> None:
    rows, top = prep.moved, 4.3
    if prep.history.height < 2:
        return
    text(slide, Box(_RIGHT, top, 5.6, 0.3), say("moved", day=say.day(prep.history["on"][-2])), size=14, bold=True)
    shown = rows.filter(pl.col("points").is_null() | (pl.col("points").abs() >= 0.05)).head(5)
    if shown.is_empty():
        text(slide, Box(_RIGHT, top + 0.4, 5.6, 0.3), say("moved_none"), size=13, tone=FADED)
        return
    columns = [
        Column(say("measure"), 2.9),
        Column(say("points_column"), 0.9, number=True),
        Column(say("because"), 1.8),
    ]
    cells = [
        (say(f"m_{row['measure']}"), say.number(row["points"], digits=1, signed=True), say(f"b_{row['because']}"))
        for row in shown.to_dicts()
    ]
    table(slide, Box(_RIGHT, top + 0.32, 0, 0.32 * (len(cells) + 1)), columns, cells, name=say("measure"), size=12)


def worth(deck: Deck, prep: PrepNumbers, say: Language) -> None:
    """What they get for their money beside peers, whether it is nothing, and what they pay for and leave unused."""
    silent = prep.zombie
    title = say("worth") if silent is None else say("worth_zombie", n=say.count("days", silent["days_silent"]))
    slide = deck.slide(title, say("worth_detail"), notes=[say("note")])
    if prep.card is not None:
        _card(slide, prep.card, say)
    text(slide, Box(MARGIN, 3.75, 6, 0.3), say("unused"), size=14, bold=True)
    rows = prep.unused
    if rows.is_empty():
        text(slide, Box(MARGIN, 4.15, INSIDE, 0.3), say("unused_none"), size=13, tone=FADED)
        return
    columns = [Column(say("feature"), 4.5), Column(say("uses"), 2.4, number=True)]
    cells = [
        (row["name"] + (" ★" if row["is_key"] else ""), say.number(row["uses"])) for row in rows.head(6).to_dicts()
    ]
    table(slide, Box(MARGIN, 4.1, 0, 0.34 * (len(cells) + 1)), columns, cells, name=say("unused"), size=12)
    if rows.height > len(cells):
        more = say("more", n=say.number(rows.height - len(cells)))
        text(slide, Box(MARGIN, BOTTOM - 0.3, 6, 0.28), more, size=12, tone=FADED)


def _card(slide: Any, found: dict[str, Any], say: Language) -> None:
    columns = [
        Column("", 4.0),
        Column(say("count"), 1.5, number=True),
        Column(say("of"), 1.2, number=True),
        Column(say("peers"), 2.9, number=True),
        Column(say("per_100"), 2.2, number=True),
    ]
    cells = []
    for name in ("breadth", "depth", "reach"):
        share, among = found[f"{name}_percentile"], found[f"{name}_peers"]
        count = depth_there(found) if name == "depth" else found[name]
        ahead = say.number(None)
        if found[name] and share is not None:
            ahead = say("ahead", share=say.percent(share / 100), n=say.number(among))
        per_100 = say.number(found[f"{name}_per_100"], digits=1)
        whole = say.number(found.get(f"{name}_of"))
        label = say(f"c_{name}")
        if count != found[name]:
            label = say("with_gone", what=label, n=say.number(found[name]))
        cells.append((label, say.number(count), whole, ahead, per_100))
    table(slide, Box(MARGIN, TOP + 0.05, 0, 0.4 * 4), columns, cells, name=say("worth"), size=13)


def voice(deck: Deck, prep: PrepNumbers, say: Language) -> None:
    """What people there answered, in their own words."""
    rows = prep.answers
    if rows.is_empty():
        deck.slide(say("voice_none"), say("voice_detail"), notes=[say("note")])
        return
    title = say.count("voice", rows.height, score=rows["score"][0])
    slide = deck.slide(title, say("voice_detail"), notes=[say("note")])
    wordless = pl.col("comment").fill_null("").str.strip_chars() == ""
    top = TOP
    for row in rows.sort(wordless, maintain_order=True).head(_ANSWERS).to_dicts():
        head = f"{row['name'] or say('somebody')} · {say('of_10', score=row['score'])}"
        text(slide, Box(MARGIN, top, INSIDE, 0.27), f"{head} · {say.day(row['day'])}", size=12, bold=True)
        if not (said := (row["comment"] or "").strip()):
            top += 0.36
            continue
        text(slide, Box(MARGIN, top + 0.27, INSIDE, 0.48), said, size=13, tone=FADED, name="Words")
        top += 0.82
    if rows.height > _ANSWERS:
        more = say("more", n=say.number(rows.height - _ANSWERS))
        text(slide, Box(MARGIN, 6.74, INSIDE, 0.24), more, size=11, tone=FADED)


def still_open(deck: Deck, prep: PrepNumbers, say: Language) -> None:
    """Open tickets, and what they asked to end."""
    rows = prep.tickets
    if rows is None:
        title = say("tickets_unknown")
    elif rows.is_empty():
        title = say("tickets_none")
    else:
        title = say.count("tickets", rows.height, days=say.count("days", rows["days"][0]))
    slide = deck.slide(title, say("tickets_detail", day=say.day(prep.as_of)), notes=[say("note")])
    if rows is not None and rows.height:
        columns = [
            Column(say("subject"), 7.4),
            Column(say("priority"), 2.0),
            Column(say("day"), 1.6, number=True),
            Column(say("days"), 1.1, number=True),
        ]
        cells = [
            (row["subject"] or "", row["priority"] or "", say.day(row["day"]), say.number(row["days"]))
            for row in rows.head(_TICKETS).to_dicts()
        ]
        table(slide, Box(MARGIN, TOP, 0, 0.34 * (len(cells) + 1)), columns, cells, name="Tickets", size=12)
    shown = 0 if rows is None or rows.is_empty() else min(rows.height, _TICKETS) + 1
    _going(slide, prep, say, TOP + 0.34 * shown + (0.35 if shown else 0))


def _going(slide: Any, prep: PrepNumbers, say: Language, top: float) -> None:
    text(slide, Box(MARGIN, top, INSIDE, 0.3), say("leaving"), size=14, bold=True)
    row = prep.going.row(0, named=True) if prep.going.height else None
    line = (
        say("leaving_none")
        if row is None
        else say(
            "leaving_some",
            day=say.day(row["requested_on"]),
            mrr=say.money(row["mrr"], prep.currency),
            plan=row["plan"] or "",
            end=say.day(row["ends_on"]),
        )
    )
    text(slide, Box(MARGIN, top + 0.35, INSIDE, 0.5), line, size=13, tone=FADED)
