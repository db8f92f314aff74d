"""The page's numbers, and its parts as tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import polars as pl
import streamlit as st

from pages.shared import behind, data, panel, viewer
from pages.shared.churn import asked, behaviour, comments, ending, reasons, reviews, themes
from pages.shared.churn.asking import Part
from pages.shared.findings import churn_reasons as findings
from pages.shared.reach.chosen import GONE
from pages.shared.roles import Right

TABS: dict[str, Callable[[Part], None]] = {
    "Reasons": reasons.show,
    "In their words": comments.show,
    "Themes": themes.show,
    "Said and done": behaviour.show,
    "Asked and shipped": asked.show,
    "Public reviews": reviews.show,
    "The ending": ending.show,
}


def numbers(part: Part, totals: Mapping[str, Any]) -> None:
    """The cards: what was lost, how much of it is regrettable, who said why, and who contradicts himself."""
    rows = findings.told(part.leavers, part.names)
    with panel.numbers():
        for card in findings.cards(part.leavers, totals, part.currency):
            with panel.number(card.label, card.value, note=card.note, help=card.help):
                title = f"{card.label}: who they are"
                mine = partial(_only, rows, card.which)
                behind.accounts(title, mine, findings.LEFT, key=f"churn_{card.key}", about=part.about, to=GONE)


def _only(rows: pl.DataFrame, which: pl.Expr) -> pl.DataFrame:
    return rows.filter(which)


QUOTES = frozenset({"In their words", "Themes", "Asked and shipped"})
"""The parts that are about single comments."""


def tabs(part: Part) -> None:
    """The parts; only the open one asks anything.

    Public reviews are one only where they are mapped, what is about single comments only for those who may read them.
    """
    left_out = QUOTES if not viewer.may(Right.COMMENTS) else frozenset()
    if "reviews" in data.frames(part.view).missing:
        left_out |= {"Public reviews"}
    names = [name for name in TABS if name not in left_out]
    for name, tab in zip(names, st.tabs(names, key="part", bind="query-params"), strict=True):
        if tab.open:
            with tab:
                TABS[name](part)
