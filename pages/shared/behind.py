"""A number's way to the accounts behind it: a button in its card, or a click in its figure, and the table it opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import streamlit as st

from pages.shared import data, links, tables
from pages.shared.reach import button
from pages.shared.reach.chosen import ANYBODY, To


def accounts(
    title: str,
    rows: Callable[[], pl.DataFrame],
    columns: Mapping[str, tables.Column],
    *,
    key: str,
    about: str = "",
    to: To = ANYBODY,
    meant: pl.DataFrame | None = None,
) -> None:
    """Draw the button; when pressed, show the accounts behind the number. They are asked for only then.

    ``meant`` are those that can be written to, where not all are.
    """
    if not st.button(
        "Accounts", key=f"behind_{key}", type="tertiary", icon=":material/groups:", help=f"Behind: {title}"
    ):
        return
    over(title, rows(), columns, key=key, about=about, to=to, meant=meant)


def below(
    title: str,
    rows: pl.DataFrame,
    columns: Mapping[str, tables.Column],
    *,
    key: str,
    about: str = "",
    to: To = ANYBODY,
) -> None:
    """The accounts behind what was clicked in a figure, right under it; ``title`` is our own words."""
    st.markdown(f"**{title}**")
    listed(title, rows, columns, key=key, about=about, to=to)


def fresh(key: str, clicked: object) -> bool:
    """Whether something else is clicked in a figure than when it was last drawn: what a click opens opens once."""
    kept = f"clicked_{key}"
    before, st.session_state[kept] = st.session_state.get(kept), clicked
    return clicked is not None and clicked != before


def over(title: str, rows: pl.DataFrame, columns: Mapping[str, tables.Column], **how: Any) -> None:
    """``listed`` in a dialog, behind a number's button, and for figures too tall for a list below to be seen."""

    @st.dialog(title, width="large")
    def shown() -> None:
        listed(title, rows, columns, **how)

    shown()


def listed(
    title: str,
    rows: pl.DataFrame,
    columns: Mapping[str, tables.Column],
    *,
    key: str,
    about: str = "",
    to: To = ANYBODY,
    meant: pl.DataFrame | None = None,
) -> None:
    """A table of accounts; choosing one opens its page, and all or those ``meant`` can be written to (``to``: why)."""
    picked = tables.show(
        rows,
        columns,
        view=data.view(),
        key=key,
        alt=title,
        about=about,
        select="single-row",
        empty="Nobody.",
        beside=button.beside(rows if meant is None else meant, title, key=key, to=to),
    )
    links.open_account(tables.chosen(rows, picked))
