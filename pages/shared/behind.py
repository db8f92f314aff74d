"""A number's way to the accounts behind it: a button in its card, or a click in its figure, and the table it opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl
import streamlit as st

from pages.shared import data, links, tables


def accounts(
    title: str, rows: Callable[[], pl.DataFrame], columns: Mapping[str, tables.Column], *, key: str, about: str = ""
) -> None:
    """Draw the button; when pressed, show the accounts behind the number. They are asked for only then."""
    if not st.button(
        "Accounts", key=f"behind_{key}", type="tertiary", icon=":material/groups:", help=f"Behind: {title}"
    ):
        return

    @st.dialog(title, width="large")
    def shown() -> None:
        listed(title, rows(), columns, key=key, about=about)

    shown()


def below(title: str, rows: pl.DataFrame, columns: Mapping[str, tables.Column], *, key: str, about: str = "") -> None:
    """The accounts behind what was clicked in a figure, right under it; ``title`` is our own words."""
    st.markdown(f"**{title}**")
    listed(title, rows, columns, key=key, about=about)


def listed(title: str, rows: pl.DataFrame, columns: Mapping[str, tables.Column], *, key: str, about: str = "") -> None:
    """A table of accounts; choosing one opens its page."""
    picked = tables.show(
        rows, columns, view=data.view(), key=key, alt=title, about=about, select="single-row", empty="Nobody."
    )
    links.open_account(tables.chosen(rows, picked))
