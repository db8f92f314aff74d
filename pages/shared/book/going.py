"""The queue of those who asked to leave and are still served."""

from __future__ import annotations

import polars as pl

from metrics.revenue import leaving
from pages.shared import links, panel, tables
from pages.shared.data import View
from pages.shared.findings import book as said
from pages.shared.reach import button
from pages.shared.reach.chosen import LEAVERS

_DETAIL = "The nearest end first. Ask them why, thank them, and help with what they still need."


def show(view: View, rows: pl.DataFrame, *, currency: str, about: str) -> None:
    """The section; ``rows`` are those leaving, the nearest end first."""
    with panel.section(said.going(rows, currency), leaving, detail=_DETAIL):
        shown = said.with_reasons(rows)
        picked = tables.show(
            shown,
            said.LEAVING,
            view=view,
            key="leaving",
            alt="Accounts that asked to leave",
            select="single-row",
            about=about,
            empty="Nobody has asked to leave.",
            beside=button.beside(shown, "Leaving, still served", key="leaving", to=LEAVERS),
        )
        links.open_account(tables.chosen(shown, picked))
