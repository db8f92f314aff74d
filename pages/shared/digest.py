"""Who of us gets the monthly digest: the list, and the way onto it and off it again."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st
from sqlalchemy import Engine

import settings
from pages.shared import viewer, words, written
from pages.shared.roles import Right
from records import digests
from records.database import engine
from records.errors import RecordsError

_PART = "digest"
_ADDRESS = "digest_address"


def show() -> None:
    """A button that opens the list; asked for only once it is open."""
    when = settings.get().digest
    if not when.enabled or not viewer.may(Right.SUBSCRIBE):
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
    if not viewer.may(Right.OPERATE):
        _own(addresses)
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


def _own(addresses: list[str]) -> None:
    """The viewer's own way onto the list and off it; whoever else is on it is for admins to see."""
    address = viewer.require(Right.SUBSCRIBE).address
    if address is None:
        st.text("Your sign-in has no address to send it to.")
    elif address in {each.casefold() for each in addresses}:
        st.text(f"You get it at {address}.")
        st.button("Send me no more", key="digest_leave", on_click=_remove, args=(address,))
    else:
        st.button(f"Send it to {words.inert(address)}", key="digest_join", on_click=_set, args=(address, True))


def _add() -> None:
    if _set(st.session_state.get(_ADDRESS, ""), True):
        st.session_state[_ADDRESS] = ""


def _remove(address: str) -> None:
    _set(address, False)


def _set(address: str, subscribed: bool) -> bool:
    """Saves in the viewer's name; whether it was. Others than themselves only an admin puts on the list."""
    own = viewer.now()
    theirs = own is not None and address.casefold() == own.address

    def keep(here: Engine, actor: str) -> None:
        key = settings.get().secret_key
        digests.subscribe(here, address, actor=actor, now=datetime.now(UTC), subscribed=subscribed, secret_key=key)

    done = f"{address} gets the digest" if subscribed else f"No more digests to {address}"
    return written.save(Right.SUBSCRIBE if theirs else Right.OPERATE, keep, words.inert(done), part=_PART)
