"""Ways from one page to another that carry what was chosen."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import streamlit as st

from pages.shared.choices import told_apart

ACCOUNT = "account"
"""The query parameter that says which account the account page shows."""
_TITLE = "Account"
_LAST = "tenure_account"
_HERE = "tenure_page"


def at(page: str) -> None:
    """The frame says which page it is about to draw.

    Streamlit writes the account's id into the address of the page it is opened from, then goes to the account's. Who
    comes back to that address finds the page as they left it: without the id the session's own choices hold again.
    """
    st.session_state[_HERE] = page
    if page != _TITLE and ACCOUNT in st.query_params:
        del st.query_params[ACCOUNT]
        st.rerun()


def here() -> str:
    """The page that is being drawn, by its title."""
    return str(st.session_state.get(_HERE, "Tenure"))


def open_account(ids: Sequence[str]) -> None:
    """Open the page of the account chosen; nothing when none is."""
    if ids:
        st.switch_page("account.py", query_params={ACCOUNT: ids[0]})


def choose_account(directory: pl.DataFrame) -> str | None:
    """Draw the choice of an account; None when there is none, or one was asked for that is not there.

    The address holds the account's id, not its name: two may have the same, and one may be renamed. (What a
    selectbox binds to the address itself is the name it shows.)
    """
    names = told_apart(dict(directory.select("account_id", "name").iter_rows()))
    if not names:
        st.info("There is no account yet.", icon=":material/business:")
        return None
    asked = st.query_params.get(ACCOUNT) or st.session_state.get(_LAST) or next(iter(names))
    st.session_state[ACCOUNT] = asked if asked in names else None
    chosen: str | None = st.selectbox(
        "Account",
        list(names),
        index=0 if asked in names else None,  # with None, the field could be emptied
        key=ACCOUNT,
        format_func=lambda account_id: names.get(account_id, account_id),
        placeholder="Choose an account",
        width=360,
        on_change=_into_address,
    )
    if chosen is None or chosen not in names:
        st.info("That account is not here, or not yours to see. Choose one above.", icon=":material/business:")
        return None
    st.session_state[_LAST] = chosen
    st.query_params[ACCOUNT] = chosen
    return chosen


def _into_address() -> None:
    chosen = st.session_state.get(ACCOUNT)
    if chosen:
        st.query_params[ACCOUNT] = chosen
