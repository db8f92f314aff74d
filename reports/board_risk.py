"""The second half of the board pack: renewals, what is at risk, why customers left, and what the words mean."""

from __future__ import annotations

from typing import Any

import polars as pl

from metrics import churn_reasons, revenue, value
from metrics.churn_reasons import NO_REASON
from metrics.health import health
from reports import board_words as said
from reports import charts, words
from reports.board_numbers import BoardNumbers
from reports.board_slides import RATES, WITHOUT_SILENT, calm, money_format
from reports.charts import Chart
from reports.definitions import measure
from reports.definitions import said as means
from reports.sentences import LONG
from reports.slides import BAND, BOTTOM, FADED, INSIDE, KEPT, LOST, MARGIN, QUIET, TOP, Box, Column, Deck, table, text
from reports.zombies import nrr_without_zombies

OUTCOMES = {"renewed": "Renewed", "shrunk": "Shrunk", "lost": "Lost", "late": "Late", "open": "Still open"}
_TONES = {"Renewed": KEPT, "Shrunk": "B08B00", "Lost": LOST, "Late": "A2559C", "Still open": BAND}
BANDS = ("green", "yellow", "red", "leaving", "unknown")
_CALLED = {"leaving": "Leaving", "unknown": "Not enough known"}
_MOST = 6
_RIGHT = 8.75


def renewals(deck: Deck, pack: BoardNumbers) -> None:
    """Renewals of six months back and of the running month and six ahead, and those that are late."""
    notes = [f"Renewals: {means(revenue.renewals)}", f"Late: {means(revenue.late_renewals)}"]
    slide = deck.slide(
        said.renewals(pack), "MRR that comes up for renewal, by month and how it turned out", notes=notes
    )
    rows = pack.renewals
    if not int(rows["due"].sum()):
        calm(slide, "No subscription has a renewal day in the last six months, in this one or in the six ahead.")
        return
    months = [words.month(month) for month in rows["month"]]
    series = {label: [amount / 100 for amount in rows[name]] for name, label in OUTCOMES.items()}
    due = words.money(int(rows["due"].sum()), pack.currency)
    alt = f"Renewals by month, {months[0]} to {months[-1]}: {due} due in all."
    chart = Chart(months, series, money_format(pack), alt, _TONES)
    charts.stacked(slide, Box(MARGIN - 0.1, TOP, 7.9, BOTTOM - TOP), chart, name="Renewals")
    _accounts(
        slide,
        TOP + 0.1,
        f"Late: {words.money(int(pack.late['mrr'].sum()), pack.currency)} of MRR",
        "No renewal is late.",
        pack,
        pack.late,
        "ended_on",
        "Ended",
    )
    _coming(slide, pack)


def _coming(slide: Any, pack: BoardNumbers) -> None:
    ahead = pack.renewals.filter(pl.col("month") >= pack.as_of.replace(day=1), pl.col("open") > 0).head(_MOST)
    if ahead.is_empty():
        return
    text(slide, Box(_RIGHT, 4.35, 4.0, 0.3), "Comes up next", size=14, bold=True)
    columns = [Column("Month", 1.2), Column("MRR", 1.4, number=True), Column("Of it leaving", 1.4, number=True)]
    rows = [
        (
            words.month(row["month"]),
            words.money(row["open"], pack.currency),
            words.money(row["leaving"], pack.currency) if row["leaving"] else words.NOTHING,
        )
        for row in ahead.to_dicts()
    ]
    table(slide, Box(_RIGHT, 4.7, 4.0, 0.3 * (len(rows) + 1)), columns, rows, name="Comes up next", size=11)


def _accounts(
    slide: Any, top: float, title: str, empty: str, pack: BoardNumbers, frame: pl.DataFrame, day: str, heading: str
) -> None:
    """The first accounts of a frame, with their MRR and a day."""
    if frame.is_empty():
        text(slide, Box(_RIGHT, top, 4.0, 0.3), empty, size=14, tone=FADED)
        return
    text(slide, Box(_RIGHT, top, 4.0, 0.3), title, size=14, bold=True)
    shown = frame.sort("mrr", "account_id", descending=[True, False]).head(_MOST - 1)
    columns = [Column("Account", 2.0), Column("MRR", 0.85, number=True), Column(heading, 1.15, number=True)]
    rows = [(row["name"], words.money(row["mrr"], pack.currency), _when(row[day])) for row in shown.to_dicts()]
    table(slide, Box(_RIGHT, top + 0.35, 4.0, 0.3 * (len(rows) + 1)), columns, rows, name=heading, size=11)
    if frame.height > len(rows):
        more = f"and {words.plural(frame.height - len(rows), 'account')} more"
        text(slide, Box(_RIGHT, top + 0.4 + 0.3 * (len(rows) + 1), 4.0, 0.26), more, size=11, tone=FADED)


def _when(value: Any) -> str:
    return words.number(value) if isinstance(value, int) else words.day(value)


def at_risk(deck: Deck, pack: BoardNumbers) -> None:
    """MRR by health band, who is leaving, and who pays for nothing."""
    notes = [
        f"Leaving: {means(revenue.leaving)}",
        f"Health: {means(health)}",
        f"Paying, getting nothing: {means(value.zombies)}",
    ]
    bands = {row["band"]: row for row in pack.health.to_dicts()}
    paying = sum(row["mrr"] for row in bands.values())
    detail = "MRR and accounts by today's computed health, whatever was set by hand; those leaving stand apart"
    slide = deck.slide(said.at_risk(pack), detail if paying else "", notes=notes)
    order = [*(name for name in BANDS if name in bands), *sorted(bands.keys() - set(BANDS))]
    if not paying:
        calm(slide, "No account pays at the moment.")
        return
    names = [f"{_CALLED.get(name, name.capitalize())} · {bands[name]['accounts']:,}" for name in order]
    parts = ", ".join(f"{name} {words.money(bands[name]['mrr'], pack.currency)}" for name in order)
    chart = Chart(
        names, {"MRR": [bands[name]["mrr"] / 100 for name in order]}, money_format(pack), f"MRR by health: {parts}."
    )
    shown = charts.ranked(
        slide, Box(MARGIN - 0.1, TOP, 7.9, min(BOTTOM - TOP, 0.3 + len(order))), chart, name="MRR by health"
    )
    charts.paint(shown, [{"red": LOST, "leaving": LOST, "unknown": QUIET, "yellow": BAND}.get(n, KEPT) for n in order])
    nobody = "No use is recorded, so silence is not known."
    if "events" not in pack.absent and "events" not in pack.trouble:
        nobody = "Nobody pays without getting value."
    going, silent = (words.money(int(frame["mrr"].sum()), pack.currency) for frame in (pack.leaving, pack.silent))
    _accounts(
        slide, TOP + 0.1, f"Leaving, still served: {going}", "Nobody has asked to leave.", pack, pack.leaving,
        "ends_on", "Ends",
    )  # fmt: skip
    _accounts(
        slide, 4.35, f"Paying, getting nothing: {silent}", nobody, pack, pack.silent,
        "days_silent", "Days silent",
    )  # fmt: skip


def reasons(deck: Deck, pack: BoardNumbers) -> None:
    """Why customers left, by what it cost."""
    notes = [f"Reasons: {means(churn_reasons.reasons)}", f"Who counts as having left: {means(churn_reasons.leavers)}"]
    slide = deck.slide(said.reasons(pack), said.reasons_in_words(pack), notes=notes)
    named = pack.reasons.filter(~pl.col("theme").is_in(NO_REASON))
    silent = pack.reasons.filter(pl.col("theme").is_in(NO_REASON))
    if not pack.left:
        calm(slide, "No account has left in this time.")
        return
    top = named.head(9)
    rows = pl.concat([top, silent])
    labels = [f"{row['label']} · {row['accounts']:,}" for row in rows.to_dicts()]
    lost = [amount / 100 for amount in rows["lost_mrr"]]
    first = "; ".join(f"{row['label']} {words.money(row['lost_mrr'], pack.currency)}" for row in top.head(5).to_dicts())
    alt = f"MRR lost in twelve months by reason. {first or 'No reason is known'}."
    chart = Chart(labels, {"MRR lost": lost}, money_format(pack), alt, {"MRR lost": LOST})
    charts.ranked(
        slide, Box(MARGIN - 0.1, TOP, INSIDE, BOTTOM - TOP - 0.35), chart, name="Reasons", quiet=silent.height
    )
    fine = (
        "Beside each reason: accounts that named it. One that named several splits its MRR among them; grey: no reason."
    )
    if named.height > top.height:
        fine += f" {named.height - top.height} smaller reasons are left out."
    text(slide, Box(MARGIN, BOTTOM - 0.28, INSIDE, 0.28), fine, size=11, tone=FADED)


def definitions(deck: Deck, pack: BoardNumbers) -> None:
    """What every number of the pack means."""
    rows = [
        ("ARR", means(revenue.arr)),
        *((LONG[name], _upper(measure(revenue.rates, name))) for name in RATES),
        (WITHOUT_SILENT, means(nrr_without_zombies)),
        ("MRR movements", means(revenue.movements)),
        ("Verdict", means(revenue.rate_change)),
        ("Renewals", means(revenue.renewals)),
        ("Leaving", means(revenue.leaving)),
        ("Late renewal", means(revenue.late_renewals)),
        ("Health", means(health)),
        ("Paying, getting nothing", means(value.zombies)),
        ("Reasons", means(churn_reasons.reasons)),
    ]
    notes = [f"{name}: {meaning}" for name, meaning in rows]
    slide = deck.slide("Every number here follows one written definition", _missing(pack), notes=notes)
    wide = INSIDE - 2.6
    columns = [Column("Term", 2.6), Column("What it means", wide)]
    table(slide, Box(MARGIN, TOP, INSIDE, 0.36 * (len(rows) + 1)), columns, rows, name="Definitions", size=12)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _missing(pack: BoardNumbers) -> str:
    parts = []
    if pack.trouble:
        parts.append(f"could not be read at the last refresh: {', '.join(pack.trouble)}")
    if pack.absent:
        parts.append(f"not connected: {', '.join(name.replace('_', ' ') for name in pack.absent)}")
    return _upper("; ".join(parts)) or "In full in the notes and behind every number in the dashboard"
