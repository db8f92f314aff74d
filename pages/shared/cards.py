"""The overview's numbers, each with its interval, its count and the accounts behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import polars as pl
import streamlit as st

import settings
from metrics.month_ends import months_later
from pages.shared import behind, data, panel, words
from pages.shared.answers import behind as accounts
from pages.shared.answers import nps, overview
from pages.shared.filters import Filters, Who
from pages.shared.findings import overview as findings
from pages.shared.reach.chosen import LEAVERS, SILENT_USE, To
from pages.shared.tables import Column
from reports.sentences import SHORT, one
from reports.zombies import MEASURE


def revenue(choice: Filters, full: date) -> None:
    """ARR, twelve-month retention, then last month's; ``full`` is the last full month."""
    view, who, about = data.view(), choice.who, findings.placed(choice)
    currency = data.currency(view)
    arr = one(overview.run_rate(view, who), month=full)
    if arr is not None:
        paused = overview.paused(view, who, full).height
        at = f"12 × MRR of {words.money(arr['mrr'], currency)} as {words.month(full)} closed"
        said = f"{at} · {words.plural(arr['accounts'] - paused, 'account')}" + (f", {paused:,} paused" * bool(paused))
        with panel.number("ARR", words.money(arr["arr"], currency, short=True), note=said):
            rows = partial(_paid, view, who, full, full, at="closing")
            behind.accounts("ARR", rows, findings.SPAN, key="arr", about=about)
    for span, named in ((12, "12 months"), (1, "last month")):
        kept, moved = overview.retention(view, who, span), overview.changes(view, who, span)
        for measure in findings.LED_BY[span]:
            row, change = one(kept, measure=measure, month=full), one(moved, measure=measure)
            card = findings.rate_card(row, change, against="the month before")
            title = f"{SHORT[measure]}, {named}"
            with panel.number(title, **card, help=findings.HELP[measure]):
                silence = measure == "nrr" and _without_silent(one(kept, measure=MEASURE, month=full))
                ask, columns = (accounts.silence, findings.SILENCE) if silence else (accounts.span, findings.SPAN)
                rows = partial(_paid, view, who, months_later(full, 1 - span), full, at="opening", ask=ask)
                behind.accounts(title, rows, columns, key=f"{measure}_{span}", about=about)


def _without_silent(row: dict[str, Any] | None) -> bool:
    """Say what the rate is without silent accounts; whether that is known."""
    said = findings.without_silent(row, settings.get().value.silent_days[0])
    if said:
        st.caption(said, help=findings.SILENT_HELP)
    return bool(said)


def _paid(
    view: data.View,
    who: Who,
    first: date,
    last: date,
    *,
    at: str,
    ask: Callable[[data.View, Who, date, date], pl.DataFrame] = accounts.span,
) -> pl.DataFrame:
    """The accounts that a number of revenue counts: who paid ``at`` its opening or its closing."""
    return ask(view, who, first, last).filter(pl.col(at) > 0)


def stakes(choice: Filters, going: pl.DataFrame, silent: pl.DataFrame) -> None:
    """Revenue that is leaving, and revenue that is paid for nothing."""
    wholly = going.filter("whole")
    leaving, about = findings.going_said(going), choice.said()
    _stake("Leaving, still served", leaving, going, findings.GOING, LEAVERS, key="going", about=about, meant=wholly)
    days = settings.get().value.silent_days[0]
    said = f"{words.plural(silent.height, 'account')} · no value for {days} days or more"
    _stake("Paying, getting nothing", said, silent, findings.SILENT, SILENT_USE, key="silent", about=about)


def _stake(
    title: str,
    note: str,
    rows: pl.DataFrame,
    columns: dict[str, Column],
    to: To,
    *,
    key: str,
    about: str,
    meant: pl.DataFrame | None = None,
) -> None:
    money = words.money(int(rows["mrr"].sum()), data.currency(data.view()))
    with panel.number(title, money, note=note):
        behind.accounts(title, rows.clone, columns, key=key, about=about, to=to, meant=meant)


def recommend(choice: Filters) -> None:
    """NPS of the last twelve months; nothing where no survey is mapped."""
    view = data.view()
    frames = data.frames(view)
    if "nps" in frames.missing:
        return
    since = choice.since(frames.as_of)
    row = nps.now(view, choice.who, since).row(0, named=True)
    interval = f"95% {words.between(row['low'], row['high'], words.score)} · " if row["n"] else ""
    with panel.number("NPS, 12 months", words.score(row["score"]), note=f"{interval}n = {row['n']:,}"):
        rows = partial(accounts.answered, view, choice.who, since)
        behind.accounts("NPS, 12 months", rows, findings.ANSWERED, key="answered", about=choice.said())
