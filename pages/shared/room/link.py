"""A link to this account that a colleague can open."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import streamlit as st

from pages.shared.links import ACCOUNT


def show(account_id: str) -> None:
    """A button that shows the link, to copy."""
    with st.popover("Link", icon=":material/link:", key="link_to_account"):
        st.caption("For whoever may see this account.")
        st.code(address(st.context.url, account_id), language=None, wrap_lines=True)


def address(here: str | None, account_id: str) -> str:
    """Where this account's page is; without the server's own address, the part after it.

    >>> address("https://tenure.example.com/account?account=9", "a/1 ü")
    'https://tenure.example.com/account?account=a%2F1%20%C3%BC'
    >>> address(None, "7")
    '/account?account=7'
    """
    at = urlsplit(here or "")
    server = f"{at.scheme}://{at.netloc}{at.path.rpartition('/')[0]}" if at.scheme in ("http", "https") else ""
    return f"{server}/account?{ACCOUNT}={quote(account_id, safe='')}"
