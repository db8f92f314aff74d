"""The first half of the board pack: what the month was, what moved it, and two years of retention."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import polars as pl

from metrics import revenue
from metrics.movements import LOSSES
from reports import board_words as said
from reports import charts, words
from reports.board_numbers import MONTHS, BoardNumbers
from reports.definitions import measure
from reports.definitions import said as means
from reports.sentences import LONG, SHORT, one
from reports.slides import BOTTOM, FADED, INSIDE, KEPT, LOST, MARGIN, QUIET, TOP, Box, Column, Deck, card, table, text
from reports.zombies import MEASURE, nrr_without_zombies

RATES = ("grr", "nrr", "logo")
WITHOUT_SILENT = "NRR without silent accounts"


def money_format(pack: BoardNumbers) -> str:
    """The spreadsheet format of amounts in the pack's currency."""
    return f'"{words.money(0, pack.currency).rstrip("0")}"#,##0'


def calm(slide: Any, line: str) -> None:
    """Words where there is nothing to draw."""
    text(slide, Box(MARGIN, 3.4, INSIDE, 0.5), line, size=18, tone=FADED)


def rate_notes(*names: str) -> list[str]:
    """What the rates mean, for the notes."""
    return [f"{LONG[name]}: {measure(revenue.rates, name)}" for name in names]


def cover(deck: Deck, pack: BoardNumbers) -> None:
    """Whose pack it is, the month's finding, and where the numbers come from."""
    lines = [said.month_in_words(pack), f"As of {words.moment(pack.taken_at)} · snapshot {pack.snapshot_id}"]
    if pack.seen_by:
        lines.append(f"Only the accounts of {pack.seen_by}")
    if pack.trouble:
        lines.append(f"Could not be read at the last refresh: {', '.join(pack.trouble)}")
    notes = [means(revenue.rates), *rate_notes("grr"), means(revenue.rate_change)]
    deck.cover(f"{pack.company} · Board pack", said.month_kept(pack), lines, notes=notes)


def one_page(deck: Deck, pack: BoardNumbers) -> None:
    """ARR and twelve-month rates on top, last month's rates with verdict, interval and count below."""
    notes = [f"ARR: {means(revenue.arr)}", *rate_notes(*RATES), f"Change: {means(revenue.rate_change)}"]
    notes.append(f"{WITHOUT_SILENT}: {means(nrr_without_zombies)}")
    slide = deck.slide(said.standing(pack), said.month_in_words(pack), notes=notes)
    run_rate = one(pack.run_rate, month=pack.full_month) if pack.run_rate.height else None
    if run_rate is None:
        calm(slide, "There is no full month of revenue yet. The pack fills itself as months close.")
        return
    wide = (INSIDE - 0.5) / 3
    boxes = [Box(MARGIN + place * (wide + 0.25), TOP + 0.1, wide, 2.15) for place in range(3)]
    lines = [
        f"12 × MRR of {words.money(run_rate['mrr'], pack.currency)}",
        f"{words.plural(run_rate['accounts'], 'account')}, paying or paused",
    ]
    card(slide, boxes[0], "ARR", words.money(run_rate["arr"], pack.currency, short=True), lines)
    for box, name in zip(boxes[1:], ("grr", "nrr"), strict=True):
        row, change = (
            one(pack.year, measure=name, month=pack.full_month),
            one(pack.year_changes, measure=name),
        )
        value, moved, verdict, interval, n = said.rate_row(row, change)
        against = f"{moved} on a month earlier" if moved != words.NOTHING else ""
        sure = f"95%: {interval} · n = {n}" if n != words.NOTHING else ""
        without = said.without_silent(pack) if name == "nrr" else ""
        beneath = [line for line in (against, verdict, sure, without) if line]
        card(slide, box, f"{SHORT[name]}, 12 months", value, beneath)
    _month_table(slide, pack)


def _month_table(slide: Any, pack: BoardNumbers) -> None:
    columns = [
        Column(f"In {words.month(pack.full_month)}", 2.9),
        Column("Kept", 1.1, number=True),
        Column("On the month before", 2.1, number=True),
        Column("Verdict", 2.93),
        Column("95% interval", 1.9),
        Column("Accounts", 1.2, number=True),
    ]
    rows = []
    for name in RATES:
        row = one(pack.rates, measure=name, month=pack.full_month)
        rows.append((LONG[name], *said.rate_row(row, one(pack.changes, measure=name))))
        without = one(pack.rates, measure=MEASURE, month=pack.full_month) if name == "nrr" else None
        if without is not None:
            rows.append((WITHOUT_SILENT, *said.row_without_change(without)))
    table(slide, Box(MARGIN, 4.2, INSIDE, 0.4 * (len(rows) + 1)), columns, rows, name="Last month", size=13)
    notes = "A verdict says whether the change is larger than chance alone would make it."
    month = said.last_month(pack)
    if month is not None and month["state"] == "provisional":
        notes += " This month is provisional: a renewal in it is late and may still come."
    text(slide, Box(MARGIN, 6.35, INSIDE, 0.3), notes, size=12, tone=FADED)


def movements(deck: Deck, pack: BoardNumbers) -> None:
    """MRR from opening to closing, and the accounts that moved it most."""
    notes = [f"MRR movements: {means(revenue.movements)}", means(revenue.account_movements)]
    month = said.last_month(pack)
    detail = "" if month is None else f"From opening to closing MRR, {words.month(pack.full_month)}"
    slide = deck.slide(said.movements(pack), detail, notes=notes)
    if month is None:
        calm(slide, "There is no full month of revenue yet.")
        return
    steps = [(label, _signed(name, month[name]) / 100) for name, label in said.MOVEMENTS.items() if month[name]]
    tones = [QUIET if name == "Currency" else KEPT if amount > 0 else LOST for name, amount in steps]

    def write(amount: float, *, signed: bool = True) -> str:
        return words.money(round(amount * 100), pack.currency, short=True, signed=signed)

    ends = [month[name] / 100 for name in ("opening", "closing")]
    labels = [write(ends[0], signed=False), *(write(amount) for _, amount in steps), write(ends[1], signed=False)]
    parts = ", ".join(f"{name} {write(amount)}" for name, amount in steps) or "no movement"
    charts.waterfall(
        slide,
        Box(MARGIN - 0.1, TOP, 8.1, BOTTOM - TOP - 0.3),
        ends[0],
        [(name, amount, tone) for (name, amount), tone in zip(steps, tones, strict=True)],
        ends[1],
        labels=labels,
        number_format=money_format(pack),
        alt=f"MRR movements: opening {labels[0]}; {parts}; closing {labels[-1]}.",
    )
    fine = "The axis does not start at zero: opening and closing fade out below."
    text(slide, Box(MARGIN, BOTTOM - 0.26, 7.9, 0.26), fine, size=11, tone=FADED)
    _movers(slide, pack)


def _signed(name: str, amount: int) -> int:
    return -amount if name in LOSSES else amount


def _movers(slide: Any, pack: BoardNumbers) -> None:
    rows = [
        (row["name"], said.MOVEMENTS[row["movement"]], words.money(row["amount"], pack.currency, signed=True))
        for row in pack.movers.head(10).to_dicts()
    ]
    if not rows:
        return
    columns = [Column("Largest movers", 2.0), Column("", 1.2), Column("MRR", 0.8, number=True)]
    table(slide, Box(8.75, TOP + 0.1, 4.0, 0.36 * (len(rows) + 1)), columns, rows, name="Largest movers", size=11)
    total = pack.movers.height
    if total > len(rows):
        more = f"{len(rows)} of {words.plural(total, 'movement')}"
        text(slide, Box(8.75, TOP + 0.2 + 0.36 * 11, 4.0, 0.26), more, size=11, tone=FADED)


def two_years(deck: Deck, pack: BoardNumbers) -> None:
    """Two years of monthly GRR, NRR and logo retention, each with its interval; what runs is hollow."""
    shown = {name: pack.rates.filter(pl.col("measure") == name).sort("month").tail(MONTHS + 1) for name in RATES}
    known = {name: rows for name, rows in shown.items() if rows["value"].drop_nulls().len()}
    detail = "Monthly, with 95% intervals (thin lines, where losses are enough for one); the dashed end is provisional"
    notes = [means(revenue.rates), *rate_notes(*RATES)]
    slide = deck.slide(said.two_years(pack), detail if known else "", notes=notes)
    if not known:
        calm(slide, "No month has had revenue to keep yet.")
        return
    wide = (INSIDE - 0.6) / 3
    for place, (name, rows) in enumerate(known.items()):
        left = MARGIN + place * (wide + 0.3)
        last = one(rows, month=pack.full_month)
        value = words.percent(last["value"]) if last else words.NOTHING
        text(slide, Box(left, TOP + 0.05, wide, 0.3), LONG[name], size=14, bold=True)
        text(
            slide, Box(left, TOP + 0.36, wide, 0.28), f"{value} in {words.month(pack.full_month)}", size=13, tone=FADED
        )
        months, series = lines(rows)
        span = f"{words.month(months[0])} to {words.month(months[-1])}"
        alt = f"{LONG[name]} by month, {span}; {value} in the last full month."
        charts.retention(slide, Box(left - 0.1, TOP + 0.7, wide + 0.1, 4.2), months, series, ends=_ends(rows), alt=alt)


def lines(rates: pl.DataFrame) -> tuple[list[date], dict[str, list[float | None]]]:
    """Months and series of one rate: final, provisional (joined to the last that is final) and both ends."""
    rows = rates.to_dicts()
    final = [row["state"] == "final" for row in rows]
    joins = [not own or (place + 1 < len(rows) and not final[place + 1]) for place, own in enumerate(final)]
    return [row["month"] for row in rows], {
        "95% from": [row["low"] for row in rows],
        "95% to": [row["high"] for row in rows],
        "Final": [row["value"] if own else None for row, own in zip(rows, final, strict=True)],
        "Provisional": [row["value"] if join else None for row, join in zip(rows, joins, strict=True)],
    }


def _ends(rates: pl.DataFrame) -> tuple[float, float]:
    """Ends of the axis in steps of 5 points that hold values and intervals."""
    seen = [v for name in ("value", "low", "high") for v in rates[name].to_list() if v is not None]
    low, high = math.floor(min(seen) * 20 + 1e-9) / 20, math.ceil(max(seen) * 20 - 1e-9) / 20
    return max(0.0, min(low, high - 0.1)), high
