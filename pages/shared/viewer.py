"""Who is looking."""

from __future__ import annotations

import streamlit as st

NOBODY_KNOWN = "somebody at this machine"
"""Without sign-in the server answers to its own machine only, and whoever sits there writes things down."""


def name() -> str:
    """The viewer as the records name them: their address once they have signed in."""
    signed_in = st.user.get("email") if st.user else None
    return str(signed_in or NOBODY_KNOWN)
