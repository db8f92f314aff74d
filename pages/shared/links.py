"""Ways from one page to another that carry what was chosen."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import streamlit as st

ACCOUNT = "account"
"""The query parameter that says which account the account page shows."""


def open_account(ids: Sequence[str]) -> None:
    """Open the page of the account chosen; nothing when none is."""
    if ids:
        st.switch_page("account.py", query_params={ACCOUNT: ids[0]})


def choose_account(directory: pl.DataFrame) -> str | None:
    """Draw the choice of an account, kept in the address; None when there is none, or an unknown one was asked for."""
    names = dict(directory.select("account_id", "name").iter_rows())
    if not names:
        st.info("There is no account yet.", icon=":material/business:")
        return None
    chosen: str | None = st.selectbox(
        "Account",
        list(names),
        key=ACCOUNT,
        format_func=lambda account_id: names.get(account_id, account_id),
        width=360,
        bind="query-params",
        persist_state="session",
    )
    return chosen if chosen in names else next(iter(names))
