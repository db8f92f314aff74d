"""Who of us gets the monthly digest: the list, and the way onto it and off it again."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st
from sqlalchemy import Engine

import settings
from pages.shared import viewer, words, written
from records import digests
from records.database import engine
from records.errors import RecordsError

_PART = "digest"
_ADDRESS = "digest_address"


def show() -> None:
    """A button that opens the list; asked for only once it is open."""
    when = settings.get().digest
    if not when.enabled:
        return
    with st.popover(
        "Monthly digest", icon=":material/mail:", type="tertiary", key="digest", on_change="rerun"
    ) as opened:
        if opened.open:
            st.caption(f"These sentences and the board pack by mail, on day {when.day} of every month.")
            written.not_saved(_PART)
            if written.can_save():
                _list()


def _list() -> None:
    try:
        addresses = digests.subscribers(engine(settings.get()))
    except RecordsError as error:
        st.info(words.marked(str(error)))
        return
    for address in addresses:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(address, width="stretch")
            st.button(
                "Remove",
                key=f"digest_remove_{address}",
                type="tertiary",
                on_click=_remove,
                args=(address,),
                help=f"No more digests to {words.inert(address)}",
            )
    if not addresses:
        st.text("Nobody gets it yet.")
    with st.form("digest_form", border=False, clear_on_submit=False):
        st.text_input("Address", key=_ADDRESS, max_chars=320, placeholder="name@company.example")
        st.form_submit_button("Add", on_click=_add)


def _add() -> None:
    if _set(st.session_state.get(_ADDRESS, ""), True):
        st.session_state[_ADDRESS] = ""


def _remove(address: str) -> None:
    _set(address, False)


def _set(address: str, subscribed: bool) -> bool:
    """Saves in the viewer's name; whether it was."""

    def keep(here: Engine) -> int:
        digests.subscribe(here, address, actor=viewer.name(), now=datetime.now(UTC), subscribed=subscribed)
        return 0

    done = f"{address} gets the digest" if subscribed else f"No more digests to {address}"
    return written.save(keep, words.inert(done), part=_PART)
