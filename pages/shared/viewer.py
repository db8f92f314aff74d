"""Who is looking, and what they may do."""

from __future__ import annotations

import streamlit as st

NOBODY_KNOWN = "somebody at this machine"
"""Without sign-in the server answers to its own machine only, and whoever sits there writes things down."""


def name() -> str:
    """The viewer as the records name them: their address once they have signed in."""
    signed_in = st.user.get("email") if st.user else None
    return str(signed_in or NOBODY_KNOWN)


def may_draft() -> bool:
    """Whether the viewer may choose whom to write to and preview it."""
    return True


def may_approve() -> bool:
    """Whether the viewer may approve a draft, which queues its messages."""
    return True


def may_send() -> bool:
    """Whether the viewer may pause, resume and cancel what is being sent, and settle what is uncertain."""
    return True
